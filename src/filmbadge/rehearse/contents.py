"""The studies of a synthetic archive, made from arithmetic: nothing is kept per study.

Studies are numbered from 0 on in the order of their dates and times; those without a date come last. Each value of a
study is a column by its number, or by the number of its patient, so that whole blocks of records are made at once.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import NamedTuple

from filmbadge.ask.decoder import elements
from filmbadge.catalogue.kinds import CHARACTER_SET
from filmbadge.model import Kind
from filmbadge.rehearse.columns import PAGE, Column, Cycle, Digits, Joined, Split, Text, day_text, spread, times
from filmbadge.rehearse.people import Columns, Habits, of_kinds, of_series, of_studies

DAY = 86_400
_NAMED = 10**9  # the last component of a study's UID is its number and this, so that all UIDs are equally long
_SHAPE = 997  # studies after which the sizes of studies come again, a prime

_PLAIN = Habits()
_SECONDARY_CAPTURE = b"1.2.840.10008.5.1.4.1.1.7"
_SOP_CLASSES = {  # PS3.4 B.5
    b"CT": b"1.2.840.10008.5.1.4.1.1.2",
    b"MR": b"1.2.840.10008.5.1.4.1.1.4",
    b"CR": b"1.2.840.10008.5.1.4.1.1.1",
    b"US": b"1.2.840.10008.5.1.4.1.1.6.1",
    b"MG": b"1.2.840.10008.5.1.4.1.1.1.2",
}

TEMPLATES = 32  # of one archive, that are kept


@dataclass(frozen=True, slots=True)
class Part:
    """Consecutive studies that are all online or all not, and how many images they hold together."""

    studies: int = 0
    images: int = 0


@dataclass(frozen=True)
class Contents:
    """What an archive holds."""

    root: str = "2.25.1"  # the beginning of all its UIDs: another one for other contents
    nearline: Part = Part()  # the oldest studies, which are not ONLINE (Instance Availability, PS3.3 C.4.23.1.1)
    online: Part = Part()  # the others
    undated: int = 0
    patients: int = 1  # distinct ones; at most one for each study
    people: int = 0  # the number of the first patient
    first_day: int = 735_000  # the day of the oldest study, as a proleptic Gregorian ordinal
    days: int = 3650  # from that day on
    habits: Habits = _PLAIN
    modalities: tuple[bytes, ...] = (b"CT", b"MR", b"CR", b"US", b"MG")
    series: tuple[int, ...] = (1, 2, 3, 1, 4, 2, 1)  # of a study, in a cycle; fewer where some study has fewer images
    spread: float = 1.0  # of the images of a study: 0 all have as many, 1 half of them have less than 0.7 of the mean

    @property
    def studies(self) -> int:
        return self.nearline.studies + self.online.studies

    @property
    def images_in_all(self) -> int:
        return self.nearline.images + self.online.images

    @property
    def dated(self) -> int:
        return self.studies - self.undated

    @cached_property
    def patients_in_all(self) -> int:
        """How many patients really come."""
        return min(self.patients, self.studies)

    # Which studies match.

    def between(self, first: int | None, last: int | None) -> range:
        """The studies whose day, an ordinal, is within both ends. Without ends all studies, also those without a date."""
        if first is None and last is None:
            return range(self.studies)
        low = 0 if first is None else self._from_day(first)
        high = self.dated if last is None else self._from_day(last + 1)
        return range(low, max(low, high))

    def undated_range(self) -> range:
        return range(self.dated, self.studies)

    def _from_day(self, day: int) -> int:
        """The first dated study on this day or later."""
        return min(max(-(-(day - self.first_day) * self.dated // self.days), 0), self.dated)

    def number_of(self, uid: bytes) -> int | None:
        """The study with this Study Instance UID."""
        found = re.fullmatch(rb"(.+)\.1(\d{9})", uid)
        if found is None or found[1] != self.root.encode() or int(found[2]) >= self.studies:
            return None
        return int(found[2])

    # What a study is like.

    def uid(self, number: int) -> bytes:
        """Its Study Instance UID."""
        return b"%b.%d" % (self.root.encode(), _NAMED + number)

    def series_uid(self, number: int, index: int) -> bytes:
        return b"%b.%d" % (self.uid(number), index + 1)

    def instance_uid(self, number: int, index: int, n: int) -> bytes:
        return b"%b.%d" % (self.series_uid(number, index), n + 1)

    def when(self, number: int) -> tuple[int | None, int]:
        """The day of a study as an ordinal (None: it has no date), and the second of that day."""
        if number >= self.dated:
            return None, number * 977 % DAY
        day, second = divmod(number * self.days * DAY // self.dated, DAY)
        return self.first_day + day, second

    def modality(self, number: int) -> bytes:
        return self.modalities[number % len(self.modalities)]

    def sop_class(self, number: int) -> bytes:
        return _SOP_CLASSES.get(self.modality(number), _SECONDARY_CAPTURE)

    def online_of(self, number: int) -> bool:
        return number >= self.nearline.studies

    def patient(self, number: int) -> int:
        return self.people + number % self.patients_in_all

    def images(self, number: int) -> tuple[int, ...]:
        """The number of images of each series of a study."""
        total, series = int(self._images.at(number)), int(self._series.at(number))
        return tuple(total // series + (index < total % series) for index in range(series))

    def record(self, number: int) -> Mapping[int, bytes]:
        """All attributes of one study, padded with spaces to the width that they have in all its records."""
        found = {tag: column.at(number) for tag, column in self._by_study.items()}
        return found | {tag: column.at(self.patient(number)) for tag, column in self._by_patient.items()}

    def series_record(self, number: int, index: int) -> Mapping[int, bytes]:
        """The attributes that one series of a study has besides those of the study."""
        found = {tag: column.at(self.patient(number)) for tag, column in self._of_series.items()}
        return {elements.SERIES_UID: self.series_uid(number, index)} | found

    def template(
        self, tags: frozenset[int], *, explicit: bool, head: bytes = b"", raw: Mapping[int, bytes] | None = None
    ) -> Template:
        """The records that hold these attributes. `head` stands before each one.

        `raw` has elements by tag, encoded, which each record holds too. The character set is always told.
        """
        raw = raw or {}
        key = tags, explicit, tuple(sorted(raw.items()))
        if key not in self._templates:
            if len(self._templates) == TEMPLATES:
                self._templates.clear()
            self._templates[key] = self.written(self._elements(tags | {CHARACTER_SET}, explicit, raw))
        return self._templates[key].headed(head)

    def _elements(self, tags: frozenset[int], explicit: bool, raw: Mapping[int, bytes]) -> Iterator[bytes | int]:
        """The elements of a record in the order of their tags: what stands before each value, the value, and its padding."""
        held = self._by_study | self._by_patient
        for tag in sorted((held.keys() & tags) | raw.keys() | ({elements.QUERY_LEVEL} & tags)):
            if tag in raw:
                yield raw[tag]
            elif tag == elements.QUERY_LEVEL:
                yield elements.encode([(tag, b"STUDY")], explicit=explicit)
            else:
                width = held[tag].width
                element = elements.encode([(tag, b" " * width)], explicit=explicit)
                at = len(element) - width - width % 2
                yield element[:at]
                yield tag
                yield element[at + width :]

    def written(self, parts: Iterable[bytes | int]) -> Template:
        """Records in which fixed text and values, each by its tag, stand one after the other."""
        return Template(self, parts)

    @property
    def tags(self) -> frozenset[int]:
        """The attributes that a study has."""
        return frozenset(self._by_study | self._by_patient)

    # The truth.

    @property
    def series_in_all(self) -> int:
        rounds, rest = divmod(self.studies, len(self._cycle))
        return rounds * sum(self._cycle) + sum(self._cycle[:rest])

    @property
    def ssn_records(self) -> int:
        """Studies whose patient id is a US social security number."""
        with_ssn = self.habits.with_ssn(self.patients)
        return sum(max(0, min(end, with_ssn) - start) for start, end in self._rounds())

    def kinds(self) -> dict[Kind, int]:
        """How many studies carry each kind of personal data."""
        found = dict.fromkeys(Kind, 0) | {Kind.EXAM_DATE: self.dated}
        for kind, column in of_kinds(self._by_patient | self._of_series).items():
            found[kind] = sum(column.filled(self.people + start, self.people + end) for start, end in self._rounds())
        return found

    def by_year(self) -> dict[int | None, int]:
        """How many studies have a date of each year. None: studies without a date."""
        first, last = (date.fromordinal(day).year for day in (self.first_day, self.first_day + self.days - 1))
        found: dict[int | None, int] = {
            year: len(self.between(date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()))
            for year in range(first, last + 1)
        }
        return {year: n for year, n in (found | {None: self.undated}).items() if n}

    def _rounds(self) -> Iterator[tuple[int, int]]:
        """The patients, counted from the first one, of whom studies come in order: each time, all or the first ones."""
        for start in range(0, self.studies, self.patients_in_all or 1):
            yield 0, min(self.patients_in_all, self.studies - start)

    # The columns.

    @cached_property
    def _templates(self) -> dict[object, Template]:
        """Those that were asked for, without a head: a survey asks the same of many single studies."""
        return {}

    @cached_property
    def _by_patient(self) -> Columns:
        return of_studies(self.habits, self.people, self.patients)

    @cached_property
    def _of_series(self) -> Columns:
        return of_series(self.habits)

    @cached_property
    def _by_study(self) -> Columns:
        return {
            elements.STUDY_UID: Joined((f"{self.root}.1".encode(), Digits(9))),
            elements.STUDY_DATE: _Dates(self),
            elements.STUDY_TIME: _Times(self),
            elements.MODALITIES_IN_STUDY: Cycle(self.modalities),
            elements.INSTANCE_AVAILABILITY: Split(self.nearline.studies, Cycle((b"NEARLINE",)), Cycle((b"ONLINE",))),
            elements.SERIES_IN_STUDY: self._series,
            elements.IMAGES_IN_STUDY: self._images,
        }

    @cached_property
    def _shapes(self) -> tuple[_Shape, ...]:
        return tuple(_shape(part, self.spread) for part in (self.nearline, self.online) if part.studies)

    @cached_property
    def _images(self) -> _Images:
        return _Images.of(self._shapes)

    @cached_property
    def _cycle(self) -> tuple[int, ...]:
        least = min((shape.least for shape in self._shapes), default=1)
        return tuple(min(series, least) for series in self.series)

    @cached_property
    def _series(self) -> Cycle:
        return Cycle(tuple(b"%d" % series for series in self._cycle))

    @cached_property
    def borders(self) -> tuple[int, ...]:
        """The numbers of studies at which some column changes its rule."""
        return tuple(sorted({*self._images.borders, self.nearline.studies, self.dated, self.studies}))

    def piece(self, number: int, end: int) -> int:
        """The end of the consecutive studies from a number on which can be written as one piece, at most `end`."""
        index = number % (self.patients_in_all or 1)
        patient = self.people + index
        with_ssn = self.habits.with_ssn(self.patients)
        steps = [PAGE - number % PAGE, PAGE - patient % PAGE, self.patients_in_all - index]
        if index < with_ssn:
            steps.append(with_ssn - index)
        border = bisect_right(self.borders, number)
        if border < len(self.borders):
            steps.append(self.borders[border] - number)
        return min(end, number + min(steps))


class Template:
    """Records of one archive that hold the same attributes. All are equally long."""

    def __init__(self, contents: Contents, parts: Iterable[bytes | int]) -> None:
        self._contents = contents
        self._by_study: list[tuple[int, Column]] = []  # each column, and where its value stands in a record
        self._by_patient: list[tuple[int, Column]] = []
        self.places: dict[int, tuple[int, int]] = {}  # where the last value of a tag stands in a record, and its width
        record = bytearray()
        for part in parts:
            if isinstance(part, bytes):
                record += part
                continue
            column = contents._by_study.get(part)
            columns = self._by_patient if column is None else self._by_study
            column = contents._by_patient[part] if column is None else column
            columns.append((len(record), column))
            self.places[part] = len(record), column.width
            record += b" " * column.width
        self._head = 0  # bytes before the first part
        self._record = record
        self.stride = len(record)  # bytes of one record

    def headed(self, head: bytes) -> Template:
        """The same records with these bytes before each one."""
        found = copy(self)
        found._head = len(head)
        found._record = bytearray(head) + self._record
        found.stride = len(found._record)
        return found

    def block(self, numbers: range) -> bytearray:
        """The records of consecutive studies, one after the other."""
        block, number = bytearray(), numbers.start
        while number < numbers.stop:
            end = self._contents.piece(number, numbers.stop)
            self._write(block, number, end - number)
            number = end
        return block

    def _write(self, block: bytearray, number: int, count: int) -> None:
        """Adds a piece: its first record again and again, and then what differs, position by position."""
        contents, start, stride = self._contents, len(block) + self._head, self.stride
        numbered = ((number, self._by_study), (contents.patient(number), self._by_patient))
        for first, columns in numbered:
            for at, column in columns:
                self._record[self._head + at : self._head + at + column.width] = column.at(first)
        block += self._record * count
        if count == 1:
            return
        end = start + count * stride - self._head
        for first, columns in numbered:
            for at, column in columns:
                for place, text in column.texts(first, count):
                    block[start + at + place : end : stride] = text


@dataclass(frozen=True)
class _Dates:
    contents: Contents
    width: int = 8

    def at(self, number: int) -> bytes:
        day, _ = self.contents.when(number)
        return b" " * self.width if day is None else day_text(day)

    def texts(self, first: int, count: int) -> Iterator[Text]:
        day, _ = self.contents.when(first)
        if day is None:
            return
        of_days, number, end = bytearray(), first, first + count
        while number < end:
            day = self.contents.first_day + number * self.contents.days // self.contents.dated
            after = min(self.contents._from_day(day + 1), end)
            of_days += day_text(day) * (after - number)
            number = after
        for at in range(self.width):
            text = bytes(of_days[at :: self.width])
            if text.strip(text[:1]):
                yield at, text

    def filled(self, first: int, end: int) -> int:
        return max(0, min(end, self.contents.dated) - first)


@dataclass(frozen=True)
class _Times:
    contents: Contents
    width: int = 6

    def at(self, number: int) -> bytes:
        return times()[self.contents.when(number)[1]]

    def texts(self, first: int, count: int) -> Iterator[Text]:
        yield from spread([self.at(number) for number in range(first, first + count)])

    def filled(self, first: int, end: int) -> int:
        return end - first


@dataclass(frozen=True)
class _Images:
    """Images of each study: long-tailed, and so that each part of an archive has exactly as many as it should."""

    borders: tuple[int, ...]  # the first study of each cycle but the first
    cycles: tuple[Cycle, ...]
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", max(cycle.width for cycle in self.cycles))

    @classmethod
    def of(cls, shapes: Sequence[_Shape]) -> _Images:
        begins, cycles, first = [], [], 0
        for shape in shapes:
            for begin, end, added in ((0, shape.more, shape.each + 1), (shape.more, shape.studies, shape.each)):
                if begin < end:
                    begins.append(first + begin)
                    cycles.append(Cycle(tuple(b"%d" % (n + added) for n in shape.sizes), offset=-first))
            first += shape.studies
        return cls(tuple(begins[1:]), tuple(cycles) or (Cycle((b"0",)),))

    def _cycle(self, number: int) -> Cycle:
        return self.cycles[bisect_right(self.borders, number)]

    def at(self, number: int) -> bytes:
        return self._cycle(number).at(number).ljust(self.width)

    def texts(self, first: int, count: int) -> Iterator[Text]:
        return self._cycle(first).texts(first, count)

    def filled(self, first: int, end: int) -> int:
        return end - first


class _Shape(NamedTuple):
    """The images of the studies of a part: those of a cycle, so many more for each study, and one more for the first ones."""

    studies: int
    sizes: tuple[int, ...]
    each: int
    more: int  # studies that have one more

    @property
    def least(self) -> int:
        return min(self.sizes) + self.each


def _shape(part: Part, spread: float) -> _Shape:
    """Raises ValueError where some study would have no image."""
    if part.images < part.studies:
        raise ValueError(f"{part.studies} studies cannot hold {part.images} images in all: each has at least 1")
    period = min(_SHAPE, part.studies)
    mean = (part.images / part.studies - 1) * spread
    while True:
        sizes = tuple(int(-math.log((n * 617 % period + 0.5) / period) * mean) for n in range(period))
        rounds, rest = divmod(part.studies, period)
        left = part.images - rounds * sum(sizes) - sum(sizes[:rest])
        if left >= part.studies:
            return _Shape(part.studies, sizes, left // part.studies, left % part.studies)
        mean *= 0.9
