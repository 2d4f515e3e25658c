"""Windows of a census: ranges of days and of times within a day, the beginning of a UID, a modality. No protocol, no values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from filmbadge.catalogue.dicom import Modality

# What an archive may hold as a date of a study. Some take no range that is open at an end.
EARLIEST, LATEST = date(1800, 1, 1).toordinal(), date(2099, 12, 31).toordinal()
EVER = (date(1, 1, 2).toordinal(), date(9999, 12, 30).toordinal())
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
    MODALITY = "Modalities in Study"


class Window(Struct, frozen=True):
    """Studies to ask for. Without bounds: all, with or without a date."""

    days: DayRange | None = None  # ordinals
    minutes: DayRange | None = None  # of the day
    prefix: str = ""  # of the Study Instance UID
    modality: Modality | None = None
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
        more = _longer(self.prefix) if axis is Axis.UID else ()
        return tuple(Window(self.days, self.minutes, self.prefix + one) for one in more)


NEVER = Window((EVER[0], EVER[0]))  # no study is so old


def halves(days: DayRange | None, held: Mapping[int, int]) -> list[DayRange]:
    """A range in two parts that hold about as many; around the only day that is held, in three."""
    first, last = days or EVER
    ordered, so_far = sorted(held), 0
    middle = ordered[0] if ordered else first
    for middle, _ in pairwise(ordered):
        so_far += held[middle]
        if 2 * so_far >= sum(held.values()):
            break
    parts = [(first, middle), (middle + 1, last)] if len(ordered) > 1 else []
    if len(ordered) == 1:
        parts = [(first, middle - 1), (middle, middle), (middle + 1, last)]
    return [part for part in parts if part[0] <= part[1]]


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
