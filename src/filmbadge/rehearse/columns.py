"""Values of many records at once. A column gives one value for each number, and each value is equally long.

A record is made of values at fixed places. So a block of records is written position by position: all first characters
of a value, then all second ones. No loop runs over the records. A column names only the positions at which its values
differ within a piece; the others are equal to those of the piece's first record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache, lru_cache
from itertools import accumulate
from typing import Protocol

PAGE = 10_000  # a piece lies within so many consecutive numbers, so that only the last four digits differ

Text = tuple[int, bytes]  # position in the value, and one byte for each record


class Column(Protocol):
    """Values by number."""

    @property
    def width(self) -> int:
        """The length of each value, in bytes."""

    def at(self, number: int) -> bytes:
        """The value of one number."""

    def texts(self, first: int, count: int) -> Iterator[Text]:
        """The positions at which the values of `count` numbers from `first` on differ. They lie within one piece."""

    def filled(self, first: int, end: int) -> int:
        """How many of the values of first..end-1 are more than spaces."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Values that come again and again in the same order."""

    values: tuple[bytes, ...]
    offset: int = 0
    width: int = field(init=False)
    _texts: tuple[Text, ...] = field(init=False, repr=False)
    _before: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        width = max(map(len, self.values))
        values = tuple(value.ljust(width) for value in self.values)
        joined = b"".join(values)
        texts = tuple((at, joined[at::width]) for at in range(width))
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "width", width)
        object.__setattr__(self, "_texts", tuple((at, text) for at, text in texts if text.strip(text[:1])))
        object.__setattr__(self, "_before", (0, *accumulate(bool(value.strip()) for value in values)))

    def at(self, number: int) -> bytes:
        return self.values[(number + self.offset) % len(self.values)]

    def texts(self, first: int, count: int) -> Iterator[Text]:
        period = len(self.values)
        start = (first + self.offset) % period
        for at, text in self._texts:
            yield at, (text * ((start + count) // period + 1))[start : start + count]

    def filled(self, first: int, end: int) -> int:
        return self._until(end) - self._until(first)

    def _until(self, number: int) -> int:
        rounds, rest = divmod(number + self.offset, len(self.values))
        return rounds * self._before[-1] + self._before[rest]


@dataclass(frozen=True, slots=True)
class Joined:
    """Values that are put together from those of several columns, with fixed text between them."""

    parts: tuple[Column | bytes, ...]

    @property
    def width(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part.width for part in self.parts)

    def at(self, number: int) -> bytes:
        return b"".join(part if isinstance(part, bytes) else part.at(number) for part in self.parts)

    def texts(self, first: int, count: int) -> Iterator[Text]:
        place = 0
        for part in self.parts:
            if isinstance(part, bytes):
                place += len(part)
                continue
            for at, text in part.texts(first, count):
                yield place + at, text
            place += part.width

    def filled(self, first: int, end: int) -> int:
        return end - first


@dataclass(frozen=True, slots=True)
class Digits:
    """The last digits of the number, at least four, with leading zeros."""

    width: int

    def at(self, number: int) -> bytes:
        return b"%0*d" % (self.width, number % 10**self.width)

    def texts(self, first: int, count: int) -> Iterator[Text]:
        start = first % PAGE
        for back, text in enumerate(_last_digits()):
            if count > 1:
                yield self.width - 1 - back, text[start : start + count]

    def filled(self, first: int, end: int) -> int:
        return end - first


@cache
def _last_digits() -> tuple[bytes, ...]:
    """Of the numbers of a page: all last digits, all digits before these, and so on."""
    joined = b"".join(b"%04d" % number for number in range(PAGE))
    return tuple(joined[3 - back :: 4] for back in range(4))


@dataclass(frozen=True, slots=True)
class Split:
    """One column below a number, another one from there on. A piece lies on one side."""

    border: int
    below: Column
    above: Column

    @property
    def width(self) -> int:
        return max(self.below.width, self.above.width)

    def _side(self, number: int) -> Column:
        return self.below if number < self.border else self.above

    def at(self, number: int) -> bytes:
        return self._side(number).at(number).ljust(self.width)

    def texts(self, first: int, count: int) -> Iterator[Text]:
        return self._side(first).texts(first, count)

    def filled(self, first: int, end: int) -> int:
        middle = min(max(first, self.border), end)
        return self.below.filled(first, middle) + self.above.filled(middle, end)


@dataclass(frozen=True, slots=True)
class Shown:
    """The values of one column for the numbers that another one shows, spaces for the others."""

    column: Column
    mask: tuple[bool, ...]  # which numbers it shows, in a cycle

    @property
    def width(self) -> int:
        return self.column.width

    def at(self, number: int) -> bytes:
        return self.column.at(number) if self.mask[number % len(self.mask)] else b" " * self.width

    def texts(self, first: int, count: int) -> Iterator[Text]:
        yield from spread([self.at(number) for number in range(first, first + count)])

    def filled(self, first: int, end: int) -> int:
        rounds, rest = divmod(end - first, len(self.mask))
        return rounds * sum(self.mask) + sum(self.mask[(first + n) % len(self.mask)] for n in range(rest))


def spread(values: Sequence[bytes]) -> Iterator[Text]:
    """Values of one length as texts by position."""
    width, joined = len(values[0]), b"".join(values)
    for at in range(width):
        text = joined[at::width]
        if text.strip(text[:1]):
            yield at, text


@lru_cache(maxsize=40_000)
def day_text(ordinal: int) -> bytes:
    """A day, by its proleptic Gregorian ordinal, as DA (PS3.5 6.2)."""
    return b"%04d%02d%02d" % date.fromordinal(ordinal).timetuple()[:3]


@cache
def times() -> tuple[bytes, ...]:
    """All seconds of a day as TM (PS3.5 6.2)."""
    return tuple(b"%02d%02d%02d" % (s // 3600, s // 60 % 60, s % 60) for s in range(86_400))


def evenly(of: int, parts: int) -> Iterable[int]:
    """A number as a sum of as many parts, which differ by 1 at most."""
    return (of // parts + (part < of % parts) for part in range(parts))
