"""Plans against simulated archives: what they find is the truth, or they say why not. And how few questions they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import pytest

from filmbadge.ask.census.plan import ASK_ALL_UP_TO, CensusPlan, Hint, looks_cut
from filmbadge.ask.census.source import Ended, Parts, Steps, When, WindowAnswer
from filmbadge.ask.census.windows import Axis, Window
from filmbadge.model import Doubt, DoubtCode
from support import simulated_archive
from support.chance import seeds
from support.simulated_archive import DATES, MANNERS, TODAY, Simulated, days, drive, status

ENOUGH = 20_000  # questions
SIZES = (0, 1, 9, 10, 11, 99, 100, 101, 136, 137, 138, 500, 501, 1000, 1001, 5001, 8000, 30_000)


def census(
    dates: Sequence[int], undated: int = 0, hint: Hint | None = None, seed: int = 7, **manners: object
) -> tuple[CensusPlan, Simulated]:
    archive = Simulated(dates, undated, **manners)  # type: ignore[arg-type]
    plan = CensusPlan(TODAY, hint or Hint(), affords=archive.affords, seed=seed)
    assert drive(archive, plan, ENOUGH), "it did not come to an end"
    return plan, archive


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("kind", DATES)
@pytest.mark.parametrize("rate", [None, 1e6], ids=["", "fast"])
def test_the_truth_or_a_reason(kind: str, manner: str, seed: int, rate: float | None) -> None:
    """In every archive, also where many studies have no date."""
    for size, share in product(SIZES, (0, 0.02, 1)):
        undated = round(size * share)
        plan, archive = census(days(kind, size, seed), undated, None, seed, rate=rate, **MANNERS[manner])
        if archive.cap == size and undated:
            continue  # as many studies with a date as an answer has rows: nothing tells that there are more
        assert plan.studies == archive.seen.count(1) <= archive.size
        if plan.complete:
            assert (plan.studies, plan.undated) in ((archive.size, undated), (archive.size, None)), (size, undated)
            assert not undated or archive.empty == "matched"  # nothing else parts this archive
        else:
            assert plan.doubts
        most = ASK_ALL_UP_TO if rate is None else 30_000
        if manner == "no cap" and not undated and 1 < archive.size <= most and not looks_cut(archive.size):
            assert plan.complete, (size, plan.doubts)
        if manner == "matches the empty value" and size and undated and 2 < archive.size <= most:
            assert plan.complete == (undated < archive.size), (size, undated, plan.doubts)


@pytest.mark.parametrize("seed", seeds(5))
@pytest.mark.parametrize("kind", DATES)
@pytest.mark.parametrize("manner", ["a cap with a signal", "a silent cap", "a silent cap, oldest first"])
def test_behind_a_cap_all_with_a_date_are_found(kind: str, manner: str, seed: int) -> None:
    plan, archive = census(days(kind, 4000, seed), 0, None, seed, **MANNERS[manner])
    assert plan.studies == archive.size
    assert Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 100}) in plan.doubts
    assert plan.cap == 100


def test_studies_without_a_date_are_told_and_there_may_be_more() -> None:
    for size, undated in ((299, 17), (7000, 400)):
        plan, _ = census(days("growing", size, 1), undated)
        assert (plan.complete, plan.studies) == (False, size + undated)
        assert plan.doubts == (Doubt(DoubtCode.UNDATED_UNPARTED, {"undated": undated}),)


def test_too_many_to_ask_for_all_at_once_is_said() -> None:
    plan, archive = census(days("uniform", ASK_ALL_UP_TO + 1, 1), 50)
    assert not plan.complete
    assert plan.studies >= ASK_ALL_UP_TO + 1
    assert Doubt(DoubtCode.UNDATED_UNASKED, {"studies": ASK_ALL_UP_TO}) in plan.doubts
    assert all(archive.seen[:-50])


@pytest.mark.parametrize("undated", [0, 50])
@pytest.mark.parametrize("kind", ["uniform", "growing", "bursty", "two periods", "one day"])
def test_a_large_archive_that_is_fast_is_counted_by_one_question(kind: str, undated: int) -> None:
    """Its studies are asked for once, and once more in parts. Nothing here parts the studies without a date."""
    size = 1_500_001
    plan, archive = census(days(kind, size, 1), undated, rate=2e6)
    assert (plan.complete, plan.studies, plan.undated) == (not undated, size + undated, undated)
    old = kind in ("two periods", "one day")  # With no recent study, up to 5,000 are asked for first.
    assert archive.whole == 1 + old
    assert archive.queries <= 30
    assert archive.given <= 3.1 * size


@pytest.mark.parametrize("kind", ["uniform", "growing", "two periods", "one day"])
def test_a_slow_archive_is_not_asked_for_all_at_once(kind: str) -> None:
    plan, archive = census(days(kind, 30_000, 1), 50, rate=300)
    assert plan.doubts == (Doubt(DoubtCode.UNDATED_UNASKED, {"studies": ASK_ALL_UP_TO}),)
    assert plan.studies >= 30_000
    assert archive.whole <= (
        kind in ("two periods", "one day")
    )  # with no recent study, up to 5,000 are asked for first


def test_a_slow_archive_that_matches_the_empty_value_is_counted() -> None:
    for undated, empty, complete in ((50, "matched", True), (50, "literal", False), (0, "matched", False)):
        plan, archive = census(days("uniform", 30_000, 1), undated, rate=300, empty=empty)
        assert (plan.complete, archive.whole) == (complete, 0)
        assert plan.studies == 30_000 + (undated if complete else 0)


def test_a_study_in_the_future_and_one_of_long_ago() -> None:
    far = [TODAY - 100 * 365, *days("uniform", 6000, 1), TODAY + 3000]
    plan, _ = census(far)
    assert (plan.complete, plan.studies) == (True, 6002)


def test_what_a_question_told_before_is_not_asked_again() -> None:
    old = [TODAY - 5000 + n for n in range(61)]
    plan, archive = census(old, hint=Hint(young=1866))
    assert (plan.complete, plan.studies) == (True, 61)
    assert archive.queries <= 16
    refused, _ = census([], 8, hint=Hint(no_dates=True))
    assert (refused.complete, refused.studies) == (False, 8)
    assert refused.doubts == (Doubt(DoubtCode.UNCHECKED, {"rows": 8}),)


@pytest.mark.parametrize(
    ("size", "times"), [(1000, 15), (10_000, 7.5), (100_000, 2.2), (1_000_000, 1.6)], ids=["1e3", "1e4", "1e5", "1e6"]
)
def test_few_questions(size: int, times: float) -> None:
    """Against the least that windows of this size could need."""
    for kind in ("uniform", "growing", "weekdays", "bursty"):
        _, archive = census(days(kind, size, 2))
        assert archive.queries <= max(1, size / 3000) * times, kind
        assert archive.given <= 3 * size + 5000


@dataclass
class Senseless:
    answer: Callable[[Window], WindowAnswer]
    axes = frozenset((Axis.DATE, Axis.UNDATED, Axis.TIME, Axis.UID))
    has_more = None

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        yield window
        return self.answer(window)

    def parts(self, windows: Sequence[Window], _: int) -> Steps[Parts]:
        return Parts(10, 10, (yield from self.ask(windows[0])).ended is Ended.WHOLE)

    def without_date(self, below: int) -> Steps[Parts]:
        return Parts(10, 10, (yield from self.ask(Window(undated=True))).ended is Ended.WHOLE)

    def prefix(self) -> tuple[str, str]:
        return "1.2.", "1.2.3"

    def when(self) -> Steps[When | None]:
        yield Window()
        return TODAY, 60

    def still_there(self) -> Steps[bool | None]:
        yield Window()
        return None


def same(rows: int, ended: Ended) -> Callable[[Window], WindowAnswer]:
    seen: list[int] = []

    def answer(_: Window) -> WindowAnswer:
        seen.append(rows)
        return WindowAnswer(rows, rows, rows if len(seen) == 1 else 0, ended, status(0xC001))

    return answer


@pytest.mark.parametrize("hint", [Hint(), Hint(young=40), Hint(no_dates=True)], ids=["", "old", "no dates"])
@pytest.mark.parametrize(
    "answer",
    [
        same(10, Ended.CUT),
        same(0, Ended.REFUSED),
        same(6000, Ended.WHOLE),
        lambda _: WindowAnswer(10, 10, 10, Ended.CUT, status(0xC001)),
        lambda _: WindowAnswer(10, 10, 10, Ended.WHOLE),
    ],
    ids=["the same, cut", "refused", "the same", "more and more, cut", "more and more"],
)
def test_an_archive_that_makes_no_sense_is_soon_left(answer: Callable[[Window], WindowAnswer], hint: Hint) -> None:
    plan = CensusPlan(TODAY, hint, seed=1)
    assert sum(1 for _ in plan.run(Senseless(answer))) < 200
    assert not plan.complete
    assert plan.doubts


def test_what_simulated_archives_answer() -> None:
    """The yardstick itself."""
    archive = Simulated([TODAY - 3, TODAY - 2, TODAY - 2, TODAY], undated=1, cap=2)
    assert archive.answer(Window((TODAY - 1, TODAY))) == WindowAnswer(1, 1, 1, Ended.WHOLE)
    assert archive.answer(Window((TODAY - 2, TODAY))) == WindowAnswer(2, 2, 1, Ended.CUT, status(0xFE00))
    assert archive.answer(Window()) == WindowAnswer(2, 2, 1, Ended.CUT, status(0xFE00))
    assert archive.seen == b"\0\0\1\1\1"
    assert sum(len(days(kind, n, 1)) for kind in DATES for n in (0, 500, 40_000)) == len(DATES) * 40_500
    assert simulated_archive.days("one day", 9, 1)[0] == simulated_archive.days("one day", 9, 1)[-1]
