"""Compares truth with measurement.

A value agrees with the truth if both are equal; an interval, if it holds the truth and is narrow; a lower bound, if the
truth is not below it and says that nobody can find out more, and if it has at least what can be known exactly. No quantity
is left out because it was estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.compare.records import ChangeKind, Comparison
from filmbadge.keep.years import YearRow as Measured
from filmbadge.model import Depth, Doubt, DoubtCode, Kind, Provenance, Rung, Total
from filmbadge.rehearse.world import CELLS, Expected, Truth

# Half the width of an interval is at most this share of the truth, or of all studies where that is more.
NARROW = 0.1

# What leaves everybody in doubt, however well they ask. It stands in a row of its own.
_ALWAYS = {DoubtCode.HOSTS_UNDECIDED, DoubtCode.PERHAPS_ONE, DoubtCode.ALIKE}
# What was not measured, because nobody asked for it, above these depths.
_NOT_ASKED = {DoubtCode.NEEDS_PROFILE: Depth.PROFILE, DoubtCode.NEEDS_PROVE: Depth.PROVE}


class Figure(Struct, frozen=True, omit_defaults=False, kw_only=True):
    """One number: what is true of it, and what was measured."""

    published: int | None = None  # what was published of the world that this one is made after
    truth: int
    measured: int | None = None
    how: Provenance = Provenance.UNKNOWN
    expected: Expected = Expected.EXACT  # how well it can be known
    compared: bool = True  # False: this depth or this version does not measure it
    agrees: bool = False
    why: str = ""  # why it was not measured, in words
    doubts: tuple[Doubt, ...] = ()  # why it was not measured, in codes
    low: int | None = None  # lower end of an estimate
    high: int | None = None
    at_least: int | None = None  # a lower bound, where more may be there


class Row(Figure, frozen=True, kw_only=True):
    """A quantity of the whole world."""

    quantity: str


class YearRow(Figure, frozen=True, kw_only=True):
    """Studies whose exam was in one year."""

    year: int | None  # None: no year of an exam is known


class CountryRow(Struct, frozen=True):
    """A country, with its figures by quantity."""

    country: str
    cells: dict[str, Figure]


class Rehearsal(Struct, frozen=True, kw_only=True):
    world: str
    about: str
    agree: bool
    seconds: float
    depth: str
    scale: float
    seed: int
    rows: tuple[Row, ...]
    countries: tuple[CountryRow, ...] = ()
    later: tuple[Row, ...] = ()  # of a world that was surveyed twice: the second time
    changes: tuple[Row, ...] = ()  # and what the comparison of both surveys says became of its open archives
    years: tuple[YearRow, ...] = ()
    survey_cpu_seconds: float = 0.0
    world_cpu_seconds: float = 0.0
    survey_peak_bytes: int | None = None  # of memory
    schema: Literal["filmbadge.rehearsal/1"] = "filmbadge.rehearsal/1"

    @property
    def figures(self) -> Iterable[Figure]:
        yield from (*self.rows, *self.years, *self.later, *self.changes)
        for country in self.countries:
            yield from country.cells.values()


Why = Callable[[Iterable[Doubt]], str]
ByCountry = Mapping[str, Mapping[str, Total]]


def rows(truth: Truth, totals: Iterable[Total], rungs: Mapping[str, int], depth: Depth, why: Why) -> tuple[Row, ...]:
    """One row for each quantity that the truth or the survey has. `why` puts doubts into words."""
    measured = {total.quantity: total for total in totals}
    of = {f"rung:{rung}": n for rung, n in rungs.items() if rung != Rung.SILENT}
    found = []
    for quantity in (*truth.rows, *(quantity for quantity in of if quantity not in truth.rows)):
        total = measured.get(quantity)
        if quantity.startswith("rung:"):
            total = Total(quantity, of.get(quantity, 0), Provenance.COUNTED)
        figure = _figure(truth, "", quantity, truth.rows.get(quantity, 0), total, depth, why)
        found.append(Row(quantity=quantity, **msgspec.structs.asdict(figure)))
    return tuple(found)


def changes(truth: Truth, found: Comparison) -> tuple[Row, ...]:
    """What became of open archives, by the truth and by the comparison. Each must be equal."""
    measured = {str(kind): found.count(kind) for kind in ChangeKind}
    measured |= {f"closed:{code}": n for code, n in found.by(ChangeKind.CLOSED).items()}
    measured |= {
        "open_before": found.old.archives_open,
        "open_after": found.new.archives_open,
        "not_open_any_more": measured["gone"] + measured["closed"],
    }
    return tuple(
        Row(
            quantity=name,
            published=truth.changes_published.get(name),
            truth=truth.changes.get(name, 0),
            measured=measured.get(name, 0),
            how=Provenance.COUNTED,
            agrees=truth.changes.get(name, 0) == measured.get(name, 0),
        )
        for name in (*truth.changes, *sorted(measured.keys() - truth.changes.keys()))
    )


def countries(truth: Truth, measured: ByCountry, depth: Depth, why: Why) -> tuple[CountryRow, ...]:
    """One row for each country of the world, and for each that the survey found besides."""
    nothing = dict.fromkeys(CELLS, 0)
    codes = sorted(truth.countries.keys() | measured.keys()) if truth.countries else []
    return tuple(
        CountryRow(
            code,
            {
                cell: _figure(truth, code, cell, true, measured.get(code, {}).get(cell), depth, why)
                for cell, true in truth.countries.get(code, nothing).items()
            },
        )
        for code in codes
    )


def years(truth: Truth, measured: Iterable[Measured]) -> tuple[YearRow, ...]:
    """One row for each year of the world, and for each that the survey found besides. None, where it looked at no date."""
    found = {row.year: row for row in measured}
    true = {int(year) if year else None: n for year, n in truth.by_year.items()}
    every = sorted({*true, *found}, key=lambda year: (year is None, year or 0)) if found else []
    return tuple(_year(year, true.get(year, 0), found.get(year), truth) for year in every)


def _year(year: int | None, true: int, row: Measured | None, truth: Truth) -> YearRow:
    expected = truth.expected.get(f"kind:{Kind.EXAM_DATE}", Expected.EXACT)
    measured, bound = (0, False) if row is None else (row.studies, row.at_least)
    return YearRow(
        year=year,
        truth=true,
        measured=measured,
        how=Provenance.COUNTED,
        expected=expected,
        agrees=measured == true or (expected is Expected.BOUND and measured < true and (bound or row is None)),
        at_least=measured if bound else None,
    )


def _figure(truth: Truth, code: str, quantity: str, true: int, total: Total | None, depth: Depth, why: Why) -> Figure:
    expected = truth.expected.get(quantity, Expected.EXACT)
    published = truth.published.get(code, {}).get(quantity)
    if total is None:
        return Figure(published=published, truth=true, expected=expected, compared=False)
    found, how = _found(total)
    return Figure(
        published=published,
        truth=true,
        measured=found,
        how=how,
        expected=expected,
        compared=not _unasked(total, depth),
        agrees=_agrees(true, total, expected, truth.rows["studies"], 0 if code else truth.surely.get(quantity, 0)),
        why=why(total.doubts),
        doubts=total.doubts,
        low=total.low,
        high=total.high,
        at_least=total.at_least if total.measured is None else None,
    )


def _unasked(total: Total, depth: Depth) -> bool:
    """Whether nothing was measured, because the survey was not to look so deep, or had no table of countries."""
    if total.measured is not None or total.at_least:
        return False
    codes = {doubt.code for doubt in total.doubts}
    return DoubtCode.NO_COUNTRY_DATA in codes or any(
        code in codes and not depth.reaches(needed) for code, needed in _NOT_ASKED.items()
    )


def _agrees(true: int, total: Total, expected: Expected, studies: int, surely: int) -> bool:
    if total.low is not None and total.high is not None:
        return total.low <= true <= total.high and total.high - total.low <= 2 * NARROW * max(true, studies)
    found, _ = _found(total)
    if found is not None:
        return found == true
    return expected is Expected.BOUND and total.at_least is not None and surely <= total.at_least <= true


def _found(total: Total) -> tuple[int | None, Provenance]:
    """What was measured, and how: also where only hosts that leave everybody in doubt make it a lower bound."""
    codes = {doubt.code for doubt in total.doubts}
    if total.measured is None and total.low is not None:
        return sum(total.parts.values()), Provenance.ESTIMATED
    if total.measured is not None or not codes <= _ALWAYS or Provenance.ESTIMATED in total.parts:
        return total.measured, total.how
    how = Provenance.MIXED if len(total.parts) > 1 else Provenance(next(iter(total.parts), Provenance.COUNTED))
    return total.at_least, how
