"""Windows of a census: a range of days, then of times within a day, and the beginning of a UID. No protocol, no values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import Enum

from msgspec import Struct

# What an archive may hold as a date of a study. Some take no range that is open at an end.
EARLIEST, LATEST = date(1800, 1, 1).toordinal(), date(2099, 12, 31).toordinal()
MINUTES = 24 * 60
LONGEST_PREFIX = 40
_PIVOT = 1000  # days of age at which all dates are parted first
_LEAN = 30  # days: how little the recent ones are favoured

DayRange = tuple[int, int]  # both ends belong to it


class Axis(Enum):
    """What a window is parted by."""

    DATE = "Study Date"
    TIME = "Study Time"
    UID = "Study Instance UID"


class Window(Struct, frozen=True):
    """Studies to ask for. Without bounds: all, with or without a date."""

    days: DayRange | None = None  # ordinals
    minutes: DayRange | None = None  # of the day
    prefix: str = ""  # of the Study Instance UID
    at_most: int = 0  # matches, after which no more are wanted; 0: all

    @property
    def date_key(self) -> str:
        """Range matching, PS3.4 C.2.2.2.5; a single day by single value matching."""
        if self.days is None:
            return ""
        first, last = (f"{date.fromordinal(day):%Y%m%d}" for day in self.days)
        return first.zfill(8) if first == last else f"{first.zfill(8)}-{last.zfill(8)}"

    @property
    def time_key(self) -> str:
        if self.minutes is None:
            return ""
        (first, last) = self.minutes
        return f"{first // 60:02d}{first % 60:02d}00-{last // 60:02d}{last % 60:02d}59.999999"

    @property
    def uid_key(self) -> str:
        return f"{self.prefix}*" if self.prefix else ""

    def parted(self, axis: Axis, today: int) -> tuple[Window, ...]:
        """Disjoint windows that together are this one, as far as a study has a value there; none if it cannot be parted."""
        if axis is Axis.DATE:
            days = _parted_days(self.days, today)
            return tuple(Window(part, self.minutes, self.prefix) for part in days)
        if axis is Axis.TIME:
            first, last = self.minutes or (0, MINUTES - 1)
            if first == last:
                return ()
            half = (first + last) // 2
            return tuple(Window(self.days, part, self.prefix) for part in ((first, half), (half + 1, last)))
        return tuple(Window(self.days, self.minutes, self.prefix + more) for more in _longer(self.prefix))


def _longer(prefix: str) -> Iterable[str]:
    """What a UID can go on with, PS3.5 9.1."""
    if not prefix:
        return ("0.", "1.", "2.")
    if len(prefix) >= LONGEST_PREFIX:
        return ()
    return "0123456789" if prefix.endswith(".") else ".0123456789"


def _parted_days(days: DayRange | None, today: int) -> tuple[DayRange, ...]:
    """Two halves; of an age without end, about where half the studies are."""
    first, last = days or (EARLIEST, LATEST)
    if first == last:
        return ()
    young, old = today - last, today - first
    if days is None:
        age = _PIVOT
    elif young >= 0 and old > 4 * (young + _LEAN):
        age = round(((young + _LEAN) * (old + _LEAN)) ** 0.5) - _LEAN
    elif young < 0 <= old:
        age = -1  # what is to come apart from what was
    else:
        age = (young + old) // 2
    last_of_old = min(max(today - age - 1, first), last - 1)
    return (first, last_of_old), (last_of_old + 1, last)
