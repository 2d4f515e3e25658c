"""When a figure agrees with the truth."""

from __future__ import annotations

import pytest

from filmbadge.keep.years import YearRow
from filmbadge.model import Depth, Doubt, DoubtCode, Provenance, Total
from filmbadge.rehearse import compare
from filmbadge.rehearse.world import Expected, Truth
from filmbadge.tell.words import Words

UNDECIDED = Doubt(DoubtCode.HOSTS_UNDECIDED, {"hosts": 1})
CUT_OFF = Doubt(DoubtCode.CUT_OFF, {"rows": 100})


def row(
    total: Total | None, true: int = 1000, expected: Expected = Expected.EXACT, depth: Depth = Depth.COUNT
) -> compare.Row:
    truth = Truth("made", {"studies": true}, {"studies": expected}, {"studies": 3}, {}, {})
    (found,) = compare.rows(truth, [] if total is None else [total], {}, depth, Words().doubts)
    return found


def bound(at_least: int, *doubts: Doubt) -> Total:
    return Total("studies", None, Provenance.UNKNOWN, {"counted": at_least}, at_least=at_least, doubts=doubts)


def estimate(low: int, high: int) -> Total:
    return Total("studies", (low + high) // 2, Provenance.ESTIMATED, low=low, high=high, at_least=low)


@pytest.mark.parametrize(
    ("total", "expected", "agrees"),
    [
        (Total("studies", 1000, Provenance.COUNTED), Expected.EXACT, True),
        (Total("studies", 1000, Provenance.COUNTED), Expected.BOUND, True),
        (Total("studies", 999, Provenance.COUNTED), Expected.BOUND, False),
        (estimate(950, 1050), Expected.EXACT, True),
        (estimate(1001, 1050), Expected.ESTIMATE, False),
        (estimate(899, 1100), Expected.ESTIMATE, False),  # half of its width is more than a tenth
        (bound(1000, CUT_OFF), Expected.BOUND, True),
        (bound(3, CUT_OFF), Expected.BOUND, True),
        (bound(2, CUT_OFF), Expected.BOUND, False),  # three studies are in archives that let anybody count them
        (bound(1001, CUT_OFF), Expected.BOUND, False),
        (bound(1000, CUT_OFF), Expected.EXACT, False),
        (bound(1000, CUT_OFF), Expected.ESTIMATE, False),
        (bound(1000, UNDECIDED), Expected.EXACT, True),  # the hosts have a row of their own
        (bound(999, UNDECIDED), Expected.EXACT, False),
        (bound(1000, UNDECIDED, CUT_OFF), Expected.EXACT, False),
    ],
)
def test_a_figure_agrees(total: Total, expected: Expected, agrees: bool) -> None:
    found = row(total, expected=expected)
    assert (found.agrees, found.compared) == (agrees, True)


@pytest.mark.parametrize(
    ("studies", "at_least", "expected", "agrees"),
    [
        (70, False, Expected.EXACT, True),
        (70, True, Expected.EXACT, True),  # hosts that could not be concluded leave everybody in doubt
        (69, True, Expected.EXACT, False),
        (69, True, Expected.BOUND, True),
        (69, False, Expected.BOUND, False),
        (71, True, Expected.BOUND, False),
    ],
)
def test_a_year_agrees(studies: int, at_least: bool, expected: Expected, agrees: bool) -> None:
    truth = Truth("made", {}, {"kind:exam_date": expected}, {}, {}, {}, by_year={"2019": 70, "": 3})
    rows = compare.years(truth, [YearRow(2019, studies, 1, at_least), YearRow(None, 3, 1, at_least)])
    assert [(row.year, row.truth, row.agrees) for row in rows] == [(2019, 70, agrees), (None, 3, True)]


def test_years_are_compared_where_dates_were_looked_at() -> None:
    truth = Truth("made", {}, {}, {}, {}, {}, by_year={"2019": 70})
    assert compare.years(truth, []) == ()
    rows = compare.years(truth, [YearRow(2018, 70, 1, False)])
    assert [(row.year, row.truth, row.measured, row.agrees) for row in rows] == [
        (2018, 0, 70, False),
        (2019, 70, 0, False),
    ]


def test_what_is_in_no_totals_is_not_measured() -> None:
    assert not row(None).compared
    unasked = Total("studies", None, Provenance.UNKNOWN, at_least=0, doubts=(Doubt(DoubtCode.NEEDS_PROVE),))
    assert not row(unasked).compared
    assert row(unasked, depth=Depth.PROVE).compared
    assert row(Total("studies", None, Provenance.UNKNOWN, doubts=(CUT_OFF,))).compared


def test_a_rung_or_a_country_that_the_truth_has_not_differs() -> None:
    truth = Truth("made", {"studies": 1}, {}, {}, {"DE": {"archives": 1}}, {"DE": {"archives": 1}})
    rows = compare.rows(
        truth, [Total("studies", 1, Provenance.COUNTED)], {"speaks": 2, "silent": 9}, Depth.COUNT, Words().doubts
    )
    assert [(r.quantity, r.agrees) for r in rows] == [("studies", True), ("rung:speaks", False)]
    one = {"archives": Total("archives", 1, Provenance.COUNTED)}
    both = compare.countries(truth, {"DE": one, "FR": one}, Depth.COUNT, Words().doubts)
    cells = {row.country: row.cells["archives"] for row in both}
    assert (cells["DE"].agrees, cells["DE"].published) == (True, 1)
    assert (cells["FR"].agrees, cells["FR"].truth) == (False, 0)
