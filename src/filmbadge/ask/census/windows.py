"""Windows of a census: ranges of days and of times in a day, prefixes of UIDs, modalities. No protocol, no values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from enum import Enum
from itertools import pairwise

from msgspec import Struct

from filmbadge.catalogue.dicom import Modality

# An archive may hold a study date from this range. Some archives accept no range with an open end.
EARLIEST, LATEST = date(1800, 1, 1).toordinal(), date(2099, 12, 31).toordinal()
EMPTY = '""'  # as a key: no value, PS3.4 C.2.2.2.7
EVER = (date(1, 1, 2).toordinal(), date(9999, 12, 30).toordinal())
MINUTES = 24 * 60
LONGEST_PREFIX = 63
_PIVOT = 1000  # age in days at which all dates are first parted
_LEAN = 30  # days; smaller values favour recent dates more

DayRange = tuple[int, int]  # both ends belong to the range


class Axis(Enum):
    """The property by which a window is parted."""

    DATE = "Study Date"
    UNDATED = "no Study Date"  # Empty Value Matching, PS3.4 C.2.2.2.7
    TIME = "Study Time"
    UID = "Study Instance UID"
    MODALITY = "Modalities in Study"
    SEX = "Patient's Sex"  # at depth profile: the key comes back with each record


# By these a window is parted into fixed parts. They are chosen before anything is known of an archive: parts that are
# chosen after what was seen would always hold all that was seen.
MODALITIES = (
    Modality.CT, Modality.MR, Modality.US, Modality.CR, Modality.DX, Modality.MG, Modality.XA, Modality.OT,
)  # fmt: skip
SEXES = ("M", "F", "O")


class Window(Struct, frozen=True):
    """Studies to ask for. Without bounds it means all studies, with or without a date."""

    days: DayRange | None = None  # days as ordinals
    minutes: DayRange | None = None  # minutes of the day
    prefix: str = ""  # prefix of the Study Instance UID
    modality: Modality | None = None
    sex: str = ""
    uids: tuple[bytes, ...] = ()  # these studies: list of UID matching, PS3.4 C.2.2.2.2
    undated: bool = False  # studies whose date has no value: Empty Value Matching, PS3.4 C.2.2.2.7
    at_most: int = 0  # after this many matches no more are wanted; 0: all are wanted

    @property
    def date_key(self) -> str:
        """The Study Date key: range matching, PS3.4 C.2.2.2.5, or single value matching for a single day."""
        if self.days is None:
            return EMPTY if self.undated else ""
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
        return f"{self.prefix}*" if self.prefix else "\\".join(uid.decode("ascii") for uid in self.uids)

    def __repr__(self) -> str:
        return "<Window>"  # a UID is the archive's

    def parted(self, axis: Axis, today: int) -> tuple[Window, ...]:
        """Disjoint windows that together cover the studies of this window that have a value on the axis.

        Empty if the window cannot be parted.
        """
        if axis is Axis.DATE:
            days = _parted_days(self.days, today)
            return tuple(Window(part, self.minutes, self.prefix) for part in days)
        if axis is Axis.TIME:
            first, last = self.minutes or (0, MINUTES - 1)
            if first == last:
                return ()
            half = (first + last) // 2
            return tuple(Window(self.days, part, self.prefix) for part in ((first, half), (half + 1, last)))
        if axis is Axis.MODALITY:
            return tuple(Window(modality=one) for one in MODALITIES)
        if axis is Axis.SEX:
            return tuple(Window(sex=one) for one in SEXES)
        return tuple(Window(self.days, self.minutes, self.prefix + one) for one in _longer(self.prefix))


NEVER = Window((EVER[0], EVER[0]))  # no study is as old as this
BEYOND = (Window((date.min.toordinal(), EARLIEST - 1)), Window((LATEST + 1, date.max.toordinal())))  # mistyped dates


def halves(days: DayRange | None, held: Mapping[int, int]) -> list[DayRange]:
    """Splits a range in two parts with about as many studies. If only one day holds studies: three parts around it."""
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


def day(written: bytes) -> int:
    """A day of the calendar, PS3.5 6.2, DA, as an ordinal. Raises ValueError, without the value."""
    text = written.strip(b" \0").replace(b".", b"")
    if len(text) != 8 or not text.isdigit():
        raise ValueError("no date")
    try:
        found = date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal()
    except ValueError:
        raise ValueError("no date") from None
    if not EVER[0] <= found <= EVER[1]:
        raise ValueError("no date")
    return found


def minute(written: bytes) -> int | None:
    """A minute of the day from a time, PS3.5 6.2, TM."""
    text = written.strip(b" \0").replace(b":", b"")[:4]
    if not re.fullmatch(rb"[0-9]{4}", text):
        return None
    found = int(text[:2]) * 60 + int(text[2:])
    return found if found < MINUTES else None


def begins_with(uids: Sequence[bytes]) -> tuple[str, str]:
    """What these UIDs begin with, and one of them."""
    if not uids:
        return "", ""
    low, high = (uid.decode("ascii") for uid in (min(uids), max(uids)))
    size = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    return high[:size], high


def _longer(prefix: str) -> Iterable[str]:
    """The characters that can follow in a UID, PS3.5 9.1."""
    if not prefix:
        return ("0.", "1.", "2.")
    if len(prefix) >= LONGEST_PREFIX:
        return ()
    return "0123456789" if prefix.endswith(".") else ".0123456789"


def _parted_days(days: DayRange | None, today: int) -> tuple[DayRange, ...]:
    """Two halves of a range. A range without an end is split at an age that about half of the studies have reached."""
    first, last = days or (EARLIEST, LATEST)
    if first == last:
        return ()
    young, old = today - last, today - first
    if days is None:
        age = _PIVOT
    elif young >= 0 and old > 4 * (young + _LEAN):
        age = round(((young + _LEAN) * (old + _LEAN)) ** 0.5) - _LEAN
    elif young < 0 <= old:
        age = -1  # future dates apart from past dates
    else:
        age = (young + old) // 2
    last_of_old = min(max(today - age - 1, first), last - 1)
    return (first, last_of_old), (last_of_old + 1, last)
