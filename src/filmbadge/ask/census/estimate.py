"""Estimates a total from a part, with an interval that holds the truth in at least 95 of 100 cases.

The number itself is the ratio estimate (Cochran, Sampling Techniques, chapter 6): studies found divided by studies
expected. The visited windows of a round were drawn by lot, so they represent the others.

The interval allows for what no visited window can tell of: a day of a migration may hold more than all others together.
Each day has the same chance that no visit has reached it, and the plan knows that chance. So there are three cases:

- The chance is above `HALF`: there is no estimate.
- It is above `SURE`: the upper end leaves room for one unvisited window that holds `HIDDEN` of everything.
- It is not: with that certainty no unvisited window is larger than the largest that was visited.

Whether there is an estimate depends on the windows that were visited, and not on what they held. Otherwise the archives
in which the large day was seen would go without one, and the others would get one that is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import Struct

from filmbadge.ask.census.plan import Round
from filmbadge.model import Interval

LEAST, FOUND = 8, 2  # windows visited, and visited windows with studies, that an estimate needs
SAMPLES = 5  # windows with studies whose images are known, that an estimate of images needs
HALF = 0.5  # With a larger chance that a day was not reached, nothing is estimated.
SURE = 0.04  # With a smaller chance, we take it that the largest window was visited.
HIDDEN = 0.6  # share of all studies that one unvisited window may hold
# Weight of one imaginary outlier window. Without it, a few equal windows would give an interval of zero width.
ODD = 0.25

# 97.5 % points of Student's t by degrees of freedom. The next lower entry is used.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 12: 2.18, 15: 2.13,
      20: 2.09, 30: 2.04, 60: 2.00, 120: 1.98}  # fmt: skip
_MOST = 1e15  # An interval that ends above this says nothing.

Pairs = Sequence[tuple[float, int]]  # of expected and found sizes, one of each window


class Sample(Struct, frozen=True):
    """New studies of one question, whose images are known."""

    studies: int
    images: int
    window: tuple[int, int] | None  # for which window of which round it was asked; None: for none that was drawn by lot


def student(freedom: int) -> float:
    return _T[max(known for known in _T if known <= max(freedom, 1))]


def unreached(rounds: Sequence[Round]) -> float:
    """The chance of any one day that no window of any round has reached it."""
    return math.prod(1 - len(one.visited) / len(one.expected) for one in rounds)


def studies(rounds: Sequence[Round], seen: int) -> Interval | None:
    """Estimates the studies with a date. None if too few windows were visited. `seen` is the number found so far.

    There is none either if the census ended within a window that may be larger than all others. It most likely ends
    there, because such a window takes the most questions.
    """
    if not rounds or rounds[-1].open or (chance := unreached(rounds)) > HALF:
        return None
    largest = max((found for one in rounds for _, found in one.visited), default=0)
    if seen - rounds[-1].begun > largest:
        return None
    for one in reversed(rounds):
        if len(one.visited) >= LEAST and sum(found > 0 for _, found in one.visited) >= FOUND:
            return _by(one, seen, chance)
    return None


def _by(one: Round, seen: int, chance: float) -> Interval:
    visited, others = one.visited, len(one.expected) - len(one.visited)
    expected, found = sum(e for e, _ in visited), sum(y for _, y in visited)
    known, left = one.before + found, sum(one.expected) - expected
    rest = found / expected * left
    if chance <= SURE:
        low = 0.0
        high = max(others * max(y for _, y in visited), left * max(y / e for e, y in visited))
    else:
        low, high = _rest(one)
        high = (known + high) / (1 - HIDDEN) - known
    value, least, most = (known + part for part in (min(rest, high), low, min(high, _MOST)))
    return Interval(max(seen, round(value)), max(seen, math.floor(least)), max(seen, math.ceil(most)))


def _rest(one: Round) -> tuple[float, float]:
    """The studies in windows that were not visited, if none of them is unlike all visited ones.

    The lower end does without the fullest visited window, and one unvisited window may hold nothing.
    """
    left, others = sum(one.expected) - sum(e for e, _ in one.visited), len(one.expected) - len(one.visited)
    ratio = sum(y for _, y in one.visited) / sum(e for e, _ in one.visited)
    ordered = sorted(one.visited, key=lambda pair: pair[1] - ratio * pair[0])
    empty = max(ratio, 1.0) * max(one.expected)
    return max(0.0, _ratio(ordered[:-1], left, others)[0] - empty), _ratio(ordered, left, others)[1]


def _ratio(visited: Pairs, left: float, others: int, odd: float = ODD) -> tuple[float, float]:
    """The ends of the interval of a ratio estimate. It is symmetric in the logarithm: it cannot be below zero."""
    count, expected, found = len(visited), sum(e for e, _ in visited), sum(y for _, y in visited)
    ratio = found / expected
    squares = sum((y - ratio * e) ** 2 for e, y in visited) + odd * (found / count) ** 2
    # Size of an unvisited window, relative to a visited one.
    size = (left / others) / (expected / count) if others else 0.0
    error = size * math.sqrt(squares / (count - 1) * (others**2 / count + others))
    return _logarithmic(ratio * left, error, student(count - 1))


def of_sample(value: float, variance: float, least: int) -> Interval:
    """The interval around an estimate without bias, of which `least` were seen."""
    error = student(120) * math.sqrt(variance)
    return Interval(
        max(least, round(value)), max(least, math.floor(value - error)), max(least, math.ceil(value + error))
    )


def images(whole: Interval, asked: Sequence[Sample]) -> Interval | None:
    """Estimates the images of all studies. None if too few windows were asked for with the counts."""
    known, found = sum(one.studies for one in asked), sum(one.images for one in asked)
    drawn: dict[object, tuple[float, int]] = {}
    for one in asked:
        if one.window is not None:
            studies, images = drawn.get(one.window, (0.0, 0))
            drawn[one.window] = studies + one.studies, images + one.images
    pairs = [pair for pair in drawn.values() if pair[0]]
    if len(pairs) < SAMPLES or sum(images > 0 for _, images in pairs) < FOUND:
        return None
    least, rest, most = (max(0.0, end - known) for end in (whole.low, whole.value, whole.high))
    expected = sum(studies for studies, _ in pairs)
    ratio = sum(images for _, images in pairs) / expected
    others = max(1, round(rest * len(pairs) / expected))
    ordered = sorted(pairs, key=lambda pair: pair[1] - ratio * pair[0])
    low, high = _ratio(ordered[:-1], 1.0, others, 1.0)[0], _ratio(pairs, 1.0, others, 1.0)[1]
    return Interval(
        found + round(ratio * rest), found + math.floor(low * least), found + math.ceil(min(high * most, _MOST))
    )


def _logarithmic(value: float, error: float, t: float) -> tuple[float, float]:
    if value <= 0:
        return 0.0, t * error
    factor = math.exp(min(t * math.sqrt(math.log1p((error / value) ** 2)), 50.0))
    return value / factor, value * factor
