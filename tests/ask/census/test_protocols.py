"""One census over every protocol, against archives that cut off, refuse, repeat and take no notice: the truth or a doubt."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import Any

import pytest

from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.plan import looks_cut
from filmbadge.model import CountedBy, Doubt, DoubtCode
from filmbadge.scope import Budget
from support.simulated_archive import DATES, MANNERS, Simulated, days
from support.simulated_protocols import IMAGES, PLENTY, OverDimse, OverQido

SIZES = (0, 1, 9, 10, 11, 99, 100, 101, 137, 138, 501)
LARGE = 5001
# Of servers of QIDO-RS, whatever they find.
PAGES: dict[str, dict[str, Any]] = {
    "pages of 40": {"page": 40},
    "pages of 5": {"page": 5},
    "no offset": {"offset": False},
    "no offset, pages of 40": {"offset": False, "page": 40},
    "no limit": {"limit": False},
    "neither": {"offset": False, "limit": False},
    "lenient dates": {"lenient": True},
    "does not look at modalities": {"modalities": False},
}


def true_or_doubted(counted: CensusProgress, held: Simulated) -> bool:
    """Whether the census is complete. It must then be right; and never may it find more than there is."""
    census = counted.census()
    assert counted.done
    assert counted.plan.studies == census.studies <= held.size
    if not census.complete:
        assert census.doubts
        return False
    assert (census.studies, census.undated) in ((held.size, held.undated), (held.size, None))
    assert census.images_known_for < census.studies or census.images == IMAGES * held.size
    return True


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("protocol", [OverDimse, OverQido])
def test_the_truth_or_a_doubt(protocol: type[OverDimse | OverQido], manner: str) -> None:
    for kind, size, share in product(DATES, SIZES, (0, 0.02, 1)):
        held = Simulated(days(kind, size, 3), round(size * share), **MANNERS[manner])
        if held.cap == size and held.undated:
            continue  # as many studies with a date as an answer has rows: nothing tells that there are more
        complete = true_or_doubted(protocol(held).count(), held)
        if manner == "no cap" and held.size > 1:
            assert complete or held.undated or looks_cut(size), (kind, size, share)


@pytest.mark.parametrize("cut", ["no cap", "a silent cap"])
@pytest.mark.parametrize("pages", PAGES)
def test_the_truth_or_a_doubt_in_pages(pages: str, cut: str) -> None:
    for kind, size, share in product(("growing", "two periods", "one day"), SIZES[:-1], (0, 0.02, 1)):
        held = Simulated(days(kind, size, 3), round(size * share), **MANNERS[cut])
        if held.cap == size and held.undated:
            continue
        complete = true_or_doubted(OverQido(held, **PAGES[pages]).count(), held)
        if cut == "no cap" and PAGES[pages].get("offset", True) and PAGES[pages].get("modalities", True):
            assert complete or held.size < 2, (kind, size, share)


@pytest.mark.parametrize("protocol", [OverDimse, OverQido])
@pytest.mark.parametrize("kind", ["uniform", "growing"])
def test_a_large_archive(protocol: type[OverDimse | OverQido], kind: str) -> None:
    held = Simulated(days(kind, LARGE, 3))
    assert true_or_doubted(protocol(held).count(), held)


def test_more_than_are_asked_for_at_once_are_counted_where_one_question_tells_that_there_are_no_more() -> None:
    for undated in (0, 1):
        peer = OverQido(Simulated(days("growing", 20_500, 1), undated))
        census = peer.count().census()
        assert census.complete is (not undated)
        assert census.studies == 20_500
        assert peer.asked < 100


@pytest.mark.parametrize("protocol", [OverDimse, OverQido])
@pytest.mark.parametrize("questions", [1, 5, 40])
def test_a_budget_of_questions_bounds_what_is_asked(protocol: type[OverDimse | OverQido], questions: int) -> None:
    for size in (35, 3001):
        peer = protocol(Simulated(days("growing", size, 1)))
        census = peer.count(Budget(questions=questions)).census()
        assert peer.asked <= questions
        assert census.queries == peer.asked
        if census.complete:
            assert census.studies == size
        else:
            assert census.doubts == (Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": questions}),)
            assert peer.asked == questions


def test_a_budget_of_bytes_ends_it_with_the_page_that_exceeds_it() -> None:
    peer = OverQido(Simulated(days("growing", 3000, 1)))
    census = peer.count(Budget(received_bytes=200_000)).census()
    assert census.doubts == (Doubt(DoubtCode.BUDGET_BYTES, {"bytes": 200_000}),)
    assert 0 < census.studies < 3000


@pytest.mark.parametrize(("protocol", "questions"), [(OverDimse, 16), (OverQido, 78)])
def test_what_a_budget_leaves_out_is_estimated(protocol: type[OverDimse | OverQido], questions: int) -> None:
    size, held = 30_000, 0
    peer = protocol(Simulated(days("uniform", size, 1)))
    for seed in range(4):
        census = peer.count(Budget(questions=questions), seed).census()
        assert not census.complete
        assert census.estimate and census.images_estimate
        assert census.studies <= census.estimate.low <= census.estimate.value <= census.estimate.high
        held += census.estimate.low <= size <= census.estimate.high
        assert census.images_estimate.value == pytest.approx(IMAGES * census.estimate.value, rel=0.01)
    assert held >= 3


def test_the_yardstick_speaks_both_protocols() -> None:
    held = Simulated(days("uniform", 34, 1))
    for peer in (OverDimse(held), OverQido(held)):
        census = peer.count(PLENTY).census()
        assert (census.complete, census.studies, census.undated, census.series) == (True, 34, 0, 34)
        assert (census.images, census.images_known_for, census.method) == (102, 34, CountedBy.COUNT_KEYS)


@pytest.mark.parametrize("protocol", [OverDimse, OverQido])
@pytest.mark.parametrize("cut", [{"cap": 100}, {"cap": 100, "signal": False}, {"all_at_once": False}])
def test_where_no_answer_has_all_the_empty_value_brings_what_has_no_date(
    protocol: type[OverDimse | OverQido], cut: dict[str, Any]
) -> None:
    """PS3.4 C.2.2.2.7. Only where the archive honours it, and where its answer is smaller than one that it gave."""
    for undated, empty, complete in ((40, "matched", True), (40, "ignored", False), (0, "matched", False)):
        held = Simulated(days("growing", 900, 3), undated, empty=empty, **cut)
        census = protocol(held).count().census()
        if protocol is OverQido and "cap" in cut and not undated:
            continue
        assert (census.complete, census.undated) == (complete, undated if complete else None), (undated, empty)
        assert census.studies == (940 if complete else census.studies) <= held.size


def test_a_study_with_a_mistyped_date_is_found_beside_the_empty_value() -> None:
    """Nothing that brings all would show it: no window of days is about the year 19."""
    held = Simulated([date(19, 3, 1).toordinal(), *days("growing", 900, 3)], 40, empty="matched", cap=100)
    census = OverDimse(held).count().census()
    assert (census.complete, census.studies, census.undated) == (True, 941, 40)
