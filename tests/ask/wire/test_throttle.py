"""The pace with an archive, without an archive and without a clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire import throttle
from filmbadge.ask.wire.throttle import Throttle

SHARES = st.floats(0.01, 1)
SECONDS = st.floats(0, 100)
TOLD = st.lists(
    st.tuples(st.just("answered"), st.sampled_from("ab"), SECONDS, SECONDS, st.integers(0, 10**7))
    | st.tuples(st.just("distressed"), st.floats(0, 1e6)),
    max_size=40,
)


def ask(pace: Throttle, seconds: float, times: int = 1, matches: int = 0) -> float:
    """Answers that take this long. Returns the last rest."""
    rest = 0.0
    for _ in range(times):
        pace.answered("q", seconds, seconds, matches)
        rest = pace.rest()
    return rest


@settings(deadline=None, max_examples=200)
@given(SHARES, TOLD)
def test_bounds_hold_whatever_an_archive_does(share: float, told: list[tuple[object, ...]]) -> None:
    pace = Throttle(share)
    for what, *how in told:
        getattr(pace, str(what))(*how)
        assert share * throttle.LEAST <= pace.share <= share
        assert throttle.FEWEST_MATCHES <= pace.target_matches <= throttle.MOST_MATCHES
        assert 0 <= pace.rest() <= throttle.LONGEST_REST
        assert pace.rest() == 0


@settings(deadline=None, max_examples=100)
@given(SHARES, st.lists(st.floats(0, 0.9), min_size=1, max_size=40))
def test_the_share_of_the_archives_time_is_kept(share: float, seconds: list[float]) -> None:
    pace = Throttle(share)
    rests = 0.0
    for one in seconds:
        rests += ask(pace, one)
    worked = sum(seconds)
    if all(one * (1 / (share * throttle.LEAST) - 1) < throttle.LONGEST_REST for one in seconds):
        assert worked <= share * (worked + rests + throttle.SHORTEST_REST) + 1e-9


def test_an_archive_in_its_habit_is_asked_at_the_full_share() -> None:
    pace = Throttle(0.1)
    assert ask(pace, 0.04, 50) == pytest.approx(9 * 0.04)
    assert pace.share == 0.1


def test_an_answer_that_comes_late_halves_the_share_and_calm_ones_give_it_back_slowly() -> None:
    pace = Throttle(0.1)
    ask(pace, 0.04, 10)
    rest = ask(pace, 0.4)
    assert pace.share == pytest.approx(0.05)
    assert rest == pytest.approx(19 * 0.4)
    ask(pace, 0.04, 4)
    assert 0.05 < pace.share < 0.1
    ask(pace, 0.04, 4)
    assert pace.share == 0.1


def test_an_archive_that_stays_slow_is_asked_at_the_least_share_until_slow_is_its_habit() -> None:
    pace = Throttle(0.2)
    ask(pace, 0.02, 5)
    ask(pace, 0.5, 4)
    assert pace.share == pytest.approx(0.2 * throttle.LEAST)
    ask(pace, 0.5, 100)
    assert pace.share == 0.2


def test_a_larger_answer_may_take_longer() -> None:
    """Orthanc makes up the whole answer before its first byte: that is no slowness."""
    pace = Throttle(0.1)
    ask(pace, 0.04, 3)
    for matches in (500, 1000, 4000, 2000, 5000):
        ask(pace, 0.04 + matches / 8000, matches=matches)
    assert pace.share == 0.1
    ask(pace, 0.04 + 3 * 1000 / 8000, matches=1000)
    assert pace.share == 0.05


def test_questions_of_another_kind_have_a_habit_of_their_own() -> None:
    pace = Throttle(0.1)
    for _ in range(5):
        pace.answered("cheap", 0.01, 0.01)
        pace.answered("dear", 0.9, 0.9)
    assert pace.share == 0.1


def test_a_question_takes_half_a_second_at_most() -> None:
    pace = Throttle()
    ask(pace, 1.0, matches=1000)
    assert pace.target_matches == 500
    ask(pace, 0.1, 30, matches=5000)
    assert pace.target_matches == throttle.MOST_MATCHES


def test_no_share_is_kept_where_none_is_asked_but_slowness_is_seen() -> None:
    pace = Throttle(1.0)
    assert ask(pace, 0.04, 20) == 0
    assert ask(pace, 0.4) == pytest.approx(0.4)


SIGNS: list[Callable[[Throttle], None]] = [lambda pace: pace.distressed(), lambda pace: pace.distressed(0.5)]


@pytest.mark.parametrize("sign", SIGNS)
def test_distress_asks_for_a_rest_that_doubles_and_then_for_an_end(sign: Callable[[Throttle], None]) -> None:
    pace = Throttle(0.1)
    rests = []
    for _ in range(throttle.ENOUGH_DISTRESS):
        assert not pace.exhausted
        sign(pace)
        rests.append(pace.rest())
    assert rests == [2.0, 4.0, 8.0]
    assert pace.exhausted
    ask(pace, 0.04)
    assert not pace.exhausted


def test_an_archive_that_never_answered_refuses_and_is_not_in_distress() -> None:
    pace = Throttle(0.1)
    pace.broke_off()
    assert (pace.share, pace.rest()) == (0.1, 0)
    ask(pace, 0.001)
    pace.broke_off()
    assert pace.rest() >= 2


def test_what_the_archive_asks_for_is_kept_to_a_bound() -> None:
    pace = Throttle(0.1)
    pace.distressed(7.0)
    assert pace.rest() == 7.0
    pace.distressed(86400.0)
    assert pace.rest() == throttle.LONGEST_REST
