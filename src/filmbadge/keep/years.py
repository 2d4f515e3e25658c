"""Studies of the open archives by the year of their exam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from msgspec import Struct

from filmbadge.keep.overlaps import Overlaps
from filmbadge.keep.views import Tables


class YearRow(Struct, frozen=True):
    """How many studies of one year the open archives hold. All rows together are the studies that were looked at."""

    year: int | None  # None: studies without a date, or with none that is a day from 1895 to the next year
    studies: int
    archives: int | None  # open archives that hold them; None: not told to this reader
    at_least: bool  # `studies` is a lower bound: there are studies that nobody looked at, or that archives may share


class YearsKnown(Struct, frozen=True):
    """Of how many open archives the years of exam are known."""

    whole: int = 0  # each study was looked at
    partly: int = 0  # some were
    unknown: int = 0  # none was: no year of them is zero, it is unknown


def known(tables: Tables) -> YearsKnown:
    (row,) = tables.rows(
        "SELECT count(*) FILTER (studies_by_year_whole) whole, count(*) FILTER (NOT studies_by_year_whole) partly,"
        " count(*) FILTER (studies_by_year IS NULL) unknown FROM counted WHERE open"
    )
    return YearsKnown(**row)


def by_year(tables: Tables, overlaps: Overlaps, *, more: bool) -> tuple[YearRow, ...]:
    """A row for each year with studies, by ascending year, and last the row without a year. No row: nothing is known.

    `more`: hosts that may be open archives could not be concluded. Of archives that share studies, or may be one, each
    year has what the one with most studies of it holds.
    """
    found: dict[int | None, dict[str, int]] = {}
    for row in tables.rows("FROM exam_years WHERE archive NOT IN (FROM unsure) ORDER BY year NULLS LAST, archive"):
        found.setdefault(row["year"], {})[str(row["archive"])] = int(row["studies"])
    of_each, shown = known(tables), {name for held in found.values() for name in held}
    groups = _joined(set(overlap.archives) for overlap in overlaps.of(shown, once=True))
    bound = more or bool(groups) or of_each.partly + of_each.unknown > 0 or of_each.whole > len(shown)
    return tuple(YearRow(year, _once(held, groups), len(held), bound) for year, held in found.items())


def _once(held: Mapping[str, int], groups: Iterable[Set[str]]) -> int:
    """The sum of what archives hold; of a group the most that one of them holds."""
    twice = ([held[name] for name in group if name in held] for group in groups)
    return sum(held.values()) - sum(sum(sizes) - max(sizes) for sizes in twice if sizes)


def _joined(groups: Iterable[set[str]]) -> list[set[str]]:
    """Groups of which no two have a member in common."""
    made: list[set[str]] = []
    for group in groups:
        touched = [one for one in made if one & group]
        made = [one for one in made if not one & group] + [group.union(*touched)]
    return made
