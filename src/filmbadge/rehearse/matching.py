"""Which studies of a synthetic archive match the keys of a query, PS3.4 C.2.2.2."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from filmbadge.ask.decoder import elements
from filmbadge.rehearse.contents import Contents
from filmbadge.rehearse.world import Archive

Keys = Mapping[int, bytes]
Test = Callable[[int], bool]

EMPTY = b'""'  # the key that matches studies without a value, PS3.4 C.2.2.2.7
_DAY = re.compile(rb"[0-9]{8}")
_UIDS = frozenset((elements.STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID))
_APART = frozenset((elements.QUERY_LEVEL, elements.STUDY_DATE, elements.STUDY_TIME, *_UIDS))


@dataclass(frozen=True)
class Matches:
    """Consecutive studies by their numbers, of which those match that pass a test."""

    ranges: Sequence[range]
    test: Test | None = None

    def __iter__(self) -> Iterator[int]:
        for numbers in self.ranges:
            yield from numbers if self.test is None else filter(self.test, numbers)

    def newest(self) -> Sequence[int]:
        """All studies that match, the newest first; those without a date come before all others."""
        if self.test is None and len(self.ranges) == 1:
            return self.ranges[0][::-1]
        return list(self)[::-1]

    def beyond(self, limit: int) -> bool:
        """Whether more than `limit` studies match."""
        if self.test is None:
            return sum(map(len, self.ranges)) > limit
        return any(count >= limit for count, _ in enumerate(self))

    def parts(self, sizes: Iterator[int]) -> Iterator[tuple[range, Sequence[int] | None]]:
        """Consecutive studies, so many at a time, and the places of those that match in them (None: all of them)."""
        for numbers in self.ranges:
            at = 0
            while at < len(numbers):
                part = numbers[at : at + next(sizes)]
                at += len(part)
                yield part, None if self.test is None else [n - part.start for n in part if self.test(n)]


def unbounded(keys: Keys) -> bool:
    """Whether no key bounds what is asked for."""
    return not any(value for tag, value in keys.items() if tag != elements.QUERY_LEVEL)


def days(keys: Keys) -> int | None:
    """The days that the range of dates spans. None where it has no end, or there is no range."""
    first, last = _ends(keys.get(elements.STUDY_DATE, b""))
    return None if first is None or last is None else last - first + 1


def matching(archive: Archive, keys: Keys) -> Matches:
    """The studies of an archive that match all keys."""
    contents, uid = archive.contents, keys.get(elements.STUDY_UID, b"")
    wanted = _by_date(contents, keys.get(elements.STUDY_DATE, b""), empty_values=archive.empty_values)
    ranges: Sequence[range] = _by_uid(contents, uid, wanted)
    if uid.strip(b"*") and uid.endswith(b"*") and not archive.uid_wildcards:
        ranges = ()
    tests = [*_by_time(contents, keys.get(elements.STUDY_TIME, b"")), *_by_value(contents, keys)]
    return Matches(ranges, (lambda number: all(test(number) for test in tests)) if tests else None)


def _by_date(contents: Contents, key: bytes, *, empty_values: bool) -> range:
    if key == EMPTY:
        return contents.undated_range() if empty_values else range(0)
    first, last = _ends(key)
    if first is None and last is None and key.strip(b"-*"):
        return range(0)  # it is no range of dates
    return contents.between(first, last)


def _ends(key: bytes) -> tuple[int | None, int | None]:
    """The ends of a range of dates as ordinals, PS3.4 C.2.2.2.5. A single day is both."""
    low, dash, high = key.partition(b"-")
    return _ordinal(low), _ordinal(high if dash else low)


def _ordinal(day: bytes) -> int | None:
    if not _DAY.fullmatch(day):
        return None
    try:
        return date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()
    except ValueError:
        return None


def _by_uid(contents: Contents, key: bytes, wanted: range) -> Sequence[range]:
    """Single value, list of UIDs (PS3.4 C.2.2.2.2), or a wildcard at the end, which many archives take."""
    if key.strip(b"*") == b"":
        return (wanted,)
    if key.endswith(b"*"):
        prefix, numbers = key.rstrip(b"*"), range(contents.studies)
        first = bisect_left(numbers, prefix, key=contents.uid)
        end = bisect_left(numbers, prefix + b":", key=contents.uid)  # a colon comes after all digits
        return (range(max(first, wanted.start), max(first, wanted.start, min(end, wanted.stop))),)
    found = sorted({number for uid in key.split(b"\\") if (number := contents.number_of(uid)) is not None})
    return [range(number, number + 1) for number in found if number in wanted]


def _by_time(contents: Contents, key: bytes) -> Iterator[Test]:
    """A range of times, in each day."""
    if key.strip(b"-*"):
        low, dash, high = key.partition(b"-")
        first, last = _second(low, 0), _second(high if dash else low, 86_399)
        yield lambda number: first <= contents.when(number)[1] <= last


def _second(time: bytes, default: int) -> int:
    text = time.partition(b".")[0].ljust(6, b"0" if not default else b"9")[:6]
    if not time or not text.isdigit():
        return default
    return min(int(text[:2]), 23) * 3600 + min(int(text[2:4]), 59) * 60 + min(int(text[4:6]), 59)


def _by_value(contents: Contents, keys: Keys) -> Iterator[Test]:
    for tag, key in keys.items():
        if tag in _APART or not key.strip(b"*"):
            continue
        if tag == elements.MODALITIES_IN_STUDY:
            yield lambda number, key=key: contents.modality(number) == key  # type: ignore[misc]
            continue
        pattern = re.compile(b".*".join(map(re.escape, key.split(b"*"))), re.DOTALL)
        yield lambda number, tag=tag, pattern=pattern: bool(  # type: ignore[misc]
            pattern.fullmatch(contents.record(number).get(tag, b"").strip(b" \0"))
        )
