"""Time left, against simulated surveys with a made clock: where it is told, it proves right within a third."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import pytest

from filmbadge.cli.time_left import Estimate, TimeLeft

MOMENTS = 120  # of a survey, at which an estimate is asked for


class Told(NamedTuple):
    elapsed: float  # as a share of the whole survey
    done: float  # hosts, as a share of all
    estimate: Estimate | None
    truth: float  # seconds until as many hosts are done as the estimate says


def survey(
    costs: Sequence[float], hands: int, pace: float, *, done: int = 0, rate_before: float = 0.0
) -> Iterator[Told]:
    """Hosts of these costs in seconds, so many at once, begun at most at this pace."""
    begins, ends, free, due = list[float](), list[float](), [0.0] * hands, 0.0
    for cost in costs:
        begin = max(heapq.heappop(free), due)
        due = begin + 1 / pace
        begins.append(begin)
        ends.append(begin + cost)
        heapq.heappush(free, begin + cost)
    by_end = sorted(range(len(costs)), key=ends.__getitem__)
    ended = sorted(ends)
    total = done + len(costs)
    left = TimeLeft(total, done, 0.0, rate_before=rate_before)
    told = begun = 0
    in_hand: dict[int, float] = {}
    for moment in range(1, MOMENTS):
        now = ended[-1] * moment / MOMENTS
        while begun < len(costs) and begins[begun] <= now:
            in_hand[begun] = begins[begun]
            begun += 1
        while told < len(costs) and ended[told] <= now:
            del in_hand[by_end[told]]
            left.host_done(costs[by_end[told]])
            told += 1
        estimate = left.left(now, [now - since for since in in_hand.values()])
        enough = (
            ended[-1] if estimate is None else ended[max(0, -(-int(estimate.share * total * 1000) // 1000) - done - 1)]
        )
        yield Told(moment / MOMENTS, (done + told) / total, estimate, enough - now)


def right(told: Told) -> bool:
    assert told.estimate is not None
    return abs(told.estimate.seconds - told.truth) <= max(told.truth, 0) / 3 + 3


Costs = Callable[[random.Random], list[float]]


def silent(chance: random.Random) -> float:
    return chance.uniform(6, 9)


def quick(chance: random.Random) -> float:
    return chance.uniform(0.3, 2)


def archive(chance: random.Random) -> float:
    return min(600, chance.lognormvariate(2.5, 1.2))


def sweep(chance: random.Random) -> list[float]:
    """Few hosts answer, few of these are archives, and few of these are large."""
    return [
        silent(chance) if chance.random() < 0.97 else quick(chance) if chance.random() < 0.8 else archive(chance)
        for _ in range(6000)
    ]


def bursts(chance: random.Random) -> list[float]:
    """Dark networks and lively ones in turns."""
    return [(silent if n // 250 % 2 else quick)(chance) for n in range(4000)]


def tarpits(chance: random.Random) -> list[float]:
    return [chance.uniform(120, 130) if chance.random() < 0.1 else quick(chance) for _ in range(4000)]


def slow_tail(chance: random.Random) -> list[float]:
    """A few large archives, which nobody can foresee."""
    return [chance.uniform(400, 900) if n in (40, 700, 1500, 2900) else quick(chance) for n in range(4000)]


def list_then_sweep(chance: random.Random) -> list[float]:
    return [archive(chance) if chance.random() < 0.5 else quick(chance) for _ in range(300)] + [
        silent(chance) for _ in range(9000)
    ]


def alike(_: random.Random) -> list[float]:
    return [5.0] * 1000


@pytest.mark.parametrize(
    ("costs", "hands", "pace", "known", "shown"),
    [
        (sweep, 256, 50, 0.2, 0.8),
        (bursts, 64, 100, 0.1, 0.5),
        (tarpits, 256, 50, 0.3, 0.3),
        (slow_tail, 64, 50, 0.2, 0.8),
        (list_then_sweep, 128, 50, 0.6, 0.5),
        (alike, 20, 1000, 0.1, 0.8),
    ],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_told_proves_right_within_a_third(
    costs: Costs, hands: int, pace: float, known: float, shown: float, seed: int
) -> None:
    """From when a share of hosts is `known`, until 99 % of them are: then it says how long the last ones are asked already.

    `shown`: in which share of these moments something is told. That another kind of hosts follows on a list nobody can foresee.
    """
    moments = [told for told in survey(costs(random.Random(seed)), hands, pace) if known < told.done < 0.99]
    estimates = [told for told in moments if told.estimate is not None]
    assert len(estimates) >= shown * len(moments)
    assert sum(map(right, estimates)) >= 0.9 * len(estimates)


def test_right_after_a_resumption_the_rate_of_before_stands_in() -> None:
    chance = random.Random(4)
    costs = [silent(chance) for _ in range(4000)]
    whole = list(survey(costs, 256, 50))
    resumed = list(survey(costs[2000:], 256, 50, done=2000, rate_before=2000 / 54))
    assert whole[0].estimate is None
    first = resumed[0]
    assert first.estimate is not None
    assert first.elapsed < 0.01
    estimates = [told for told in resumed if told.estimate is not None]
    assert sum(map(right, estimates)) >= 0.9 * len(estimates)
    at_once = TimeLeft(6000, 2000, 0.0, rate_before=37.0).left(0.0, [])
    assert at_once is not None
    assert at_once.seconds == pytest.approx(4000 / 37, rel=0.1)


def test_nothing_is_told_of_what_nobody_can_know() -> None:
    """Before hosts are done; and of one that is in hand longer than any before."""
    left = TimeLeft(100, 0, 0.0)
    assert left.left(1.0, [1.0] * 10) is None
    for _ in range(99):
        left.host_done(1.0)
    assert left.left(60.0, [50.0]) is None


def test_what_is_remembered_does_not_grow_with_the_survey() -> None:
    left = TimeLeft(1 << 24, 0, 0.0)
    for second in range(20_000):
        left.host_done(1.0)
        if second % 10 == 0:
            left._note(float(second), 20)
    assert len(left._begun) < 500
