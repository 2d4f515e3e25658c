"""Surveys that were compared, as one document: for `compare --json`, and for all that is drawn of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from filmbadge.compare.records import Change, ChangeKind, Comparison, Difference, Judges, Known
from filmbadge.keep.reader import Dataset
from filmbadge.model import Count, Total
from filmbadge.tell.compare import phrases
from filmbadge.tell.notices.helped import Helped
from filmbadge.tell.words import Words
from filmbadge.texts import clean
from filmbadge.version import RELEASE

AUTHORITY, PUBLIC = "authority", "public"
_TOTALS = ("archives_open", "patients", "studies", "images")
_NOTHING = "nothing-reached"
_NAME = 200  # characters of the name of a scope
# What is said of an archive that is open in the newer survey.
OPEN_NOW = (ChangeKind.STILL_OPEN, ChangeKind.WORSE, ChangeKind.BETTER, ChangeKind.MOVED, ChangeKind.NEW)


class SurveyRow(Struct, frozen=True):
    """One survey."""

    name: str
    started: datetime
    ended: datetime | None
    state: str
    depth: str
    hosts: int | None  # None, as for all numbers of this document: too small to be told to this reader, and not zero
    hosts_done: int | None
    archives: int | None  # decoys and demonstrations left out
    archives_open: int | None  # that were seen; None: nothing was reached
    totals: tuple[
        Total, ...
    ]  # how many are open, and their patients, studies and images: each with what keeps it from being a number


class ChangeCount(Struct, frozen=True):
    """How many archives changed so; at level `public` at least so many. None: too few to be told."""

    kind: str
    archives: int | None
    by: dict[str, int | None]  # by the code of how it is known, or why not
    words: str


class CountryChanges(Struct, frozen=True):
    """The changes of one country; its code is empty where no source attributes the address."""

    country: str
    kinds: dict[str, int | None]


class Side(Struct, frozen=True):
    """An archive, as one survey knew it."""

    id: str
    ways: tuple[str, ...]  # its open endpoints, as `protocol://address:port`
    rung: str
    grade: str | None
    product: str
    version: str
    counts: dict[str, Count]


class ChangeView(Struct, frozen=True):
    """What became of one archive."""

    kind: str
    by: str | None
    likely: bool  # likely, and not shown
    country: str
    operator: str
    old: Side | None
    new: Side | None
    differences: tuple[Difference, ...]
    words: str
    differences_words: tuple[str, ...]


class Step(Struct, frozen=True):
    """A survey, compared with the one before it."""

    old: int  # places of both in `surveys`, from 0
    new: int
    depth: str  # that both surveys reached
    judges: Judges  # `differ`: some changes may come from the judge, and not from the archives
    hosts_in_both: int | None
    hosts_only_old: int | None
    hosts_only_new: int | None
    closed_in_both: int | None  # archives that were open in neither
    counts: tuple[ChangeCount, ...]  # of every kind
    by_country: tuple[CountryChanges, ...]
    changes: tuple[ChangeView, ...]

    def count(self, *kinds: ChangeKind) -> int | None:
        """How many archives are of one of these kinds, as far as it is told. None: nothing is told of them."""
        found = [row.archives for row in self.counts if row.kind in kinds and row.archives is not None]
        return sum(found) if found else None


def dates(surveys: Sequence[SurveyRow], words: Words) -> list[str]:
    """When each survey began: its day, and the time too where two began on one day."""
    days = [words.date(survey.started) for survey in surveys]
    return days if len({*days}) == len(days) else [words.time(survey.started) for survey in surveys]


class ComparisonDocument(Struct, frozen=True):
    version: str
    level: str
    surveys: tuple[SurveyRow, ...]  # the oldest first
    steps: tuple[Step, ...]  # the newest comparison is the last
    # What became of the archives of the oldest survey that were told of: by group, and all together last. None: nobody asked.
    helped: tuple[Helped, ...] | None = None
    withheld: dict[
        str, str
    ] = {}  # what this level does not tell, and why, by the name of the field: it is null or empty, and not zero
    reordered: bool = False  # they were given in another order than that of their start
    schema: Literal["filmbadge.comparison/1"] = "filmbadge.comparison/1"

    @property
    def empty(self) -> bool:
        """No archive was open in either of the two newest surveys."""
        return not self.rounded and not any(row.archives for row in self.steps[-1].counts)

    @property
    def uncompared(self) -> bool:
        """Archives are open, and of none of them can be said what became of it."""
        told = [row.kind for row in self.steps[-1].counts if row.archives]
        return not self.rounded and told == [ChangeKind.NOT_COMPARED]

    @property
    def rounded(self) -> bool:
        """Whether its figures are rounded down, so that each is a lower bound."""
        return self.level == PUBLIC


def document(
    datasets: Sequence[Dataset],
    comparisons: Sequence[Comparison],
    words: Words,
    *,
    helped: tuple[Helped, ...] | None = None,
    reordered: bool = False,
) -> ComparisonDocument:
    """`comparisons`: of each survey with the next one."""
    sides = [comparisons[0].old, *(one.new for one in comparisons)]
    return ComparisonDocument(
        version=RELEASE,
        level=AUTHORITY,
        surveys=tuple(
            SurveyRow(
                name=clean(side.name, _NAME),
                started=side.started,
                ended=side.ended,
                state=side.state,
                depth=side.depth,
                hosts=side.hosts,
                hosts_done=side.hosts_done,
                archives=side.archives if side.state != _NOTHING else None,
                archives_open=side.archives_open if side.state != _NOTHING else None,
                totals=tuple(_totals(dataset)),
            )
            for side, dataset in zip(sides, datasets, strict=True)
        ),
        steps=tuple(_step(n, one, words) for n, one in enumerate(comparisons)),
        helped=helped,
        reordered=reordered,
    )


def _totals(dataset: Dataset) -> Iterable[Total]:
    said = dataset.said
    rows = said.rows if said is not None and said.rows else dataset.totals()
    return (row for row in rows if row.quantity in _TOTALS)


def _step(place: int, found: Comparison, words: Words) -> Step:
    return Step(
        old=place,
        new=place + 1,
        depth=found.depth,
        judges=found.judges,
        hosts_in_both=found.hosts_in_both,
        hosts_only_old=found.hosts_only_old,
        hosts_only_new=found.hosts_only_new,
        closed_in_both=found.closed_in_both,
        counts=tuple(_count(kind, found, words) for kind in ChangeKind),
        by_country=tuple(_countries(found.changes)),
        changes=tuple(_view(change, words) for change in found.changes),
    )


def _count(kind: ChangeKind, found: Comparison, words: Words) -> ChangeCount:
    by: dict[str, int | None] = {str(code): n for code, n in found.by(kind).items()}
    return ChangeCount(kind, found.count(kind), by, phrases.kind(kind, words))


def _countries(changes: Iterable[Change]) -> Iterable[CountryChanges]:
    """Where most changed first; what no source attributes comes last."""
    found: dict[str, Counter[str]] = {}
    for change in changes:
        found.setdefault(_known(change).country, Counter())[change.kind] += 1
    for country in sorted(
        found, key=lambda code: (not code, found[code][ChangeKind.STILL_OPEN] - found[code].total(), code)
    ):
        yield CountryChanges(country, dict(found[country]))


def _known(change: Change) -> Known:
    known = change.now or change.was
    assert known is not None
    return known


def _view(change: Change, words: Words) -> ChangeView:
    known = _known(change)
    return ChangeView(
        kind=change.kind,
        by=change.by,
        likely=change.likely,
        country=clean(known.country, 2),
        operator=known.operator,
        old=None if change.was is None else _side(change.was),
        new=None if change.now is None else _side(change.now),
        differences=change.differences,
        words=phrases.sentence(change.kind, change.by, words),
        differences_words=tuple(phrases.difference(one, words) for one in change.differences),
    )


def _side(known: Known) -> Side:
    return Side(
        id=known.id,
        ways=tuple(way.url for way in known.ways),
        rung=known.rung,
        grade=known.grade,
        product=clean(known.product, 64),
        version=clean(known.version, 64),
        counts={str(quality): count for quality, count in known.counts.items()},
    )
