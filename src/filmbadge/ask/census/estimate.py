"""How many there are, from a part of them: with an interval that holds the truth 95 times in a hundred.

A round's windows are of like expected size, and which of them were visited was drawn by lot. So those speak for the
others: by the ratio of what was found to what was expected (Cochran, Sampling Techniques, chapter 6). The interval is
one of logarithms, because what was not visited cannot be less than nothing and may be a good deal more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from filmbadge.ask.census.plan import Round
from filmbadge.model import Interval

LEAST, FOUND = 8, 2  # windows visited, and of them with studies, for an estimate
ODD = 0.25  # of a window unlike all that were visited, that is reckoned with: few windows may be alike by chance

# 97.5 % points of Student's t by degrees of freedom, for the nearest not above.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 12: 2.18, 15: 2.13,
      20: 2.09, 30: 2.04, 60: 2.00, 120: 1.98}  # fmt: skip


def student(freedom: int) -> float:
    return _T[max(known for known in _T if known <= max(freedom, 1))]


def studies(rounds: Sequence[Round], seen: int) -> Interval | None:
    """Studies with a date. None: too few windows were visited. `seen` were found in all."""
    for one in reversed(rounds):
        if len(one.visited) >= LEAST and sum(found > 0 for _, found in one.visited) >= FOUND:
            return _by(one, seen)
    return None


def _by(one: Round, seen: int) -> Interval:
    visited, cells, count = one.visited, len(one.expected), len(one.visited)
    expected, found = sum(e for e, _ in visited), sum(y for _, y in visited)
    ratio, others = found / expected, cells - count
    left = sum(one.expected) - expected
    rest = ratio * left
    squares = sum((y - ratio * e) ** 2 for e, y in visited) + ODD * (expected / count) ** 2
    size = (left / others) / (expected / count) if others else 0.0  # of a window not visited, in those visited
    error = size * math.sqrt(squares / (count - 1) * (others**2 / count + others))
    low, high = _logarithmic(rest, error, student(count - 1))
    value, least, most = (one.before + found + part for part in (rest, low, high))
    return Interval(max(seen, round(value)), max(seen, math.floor(least)), max(seen, math.ceil(most)))


def images(whole: Interval, asked: Sequence[tuple[int, int]]) -> Interval | None:
    """Images of all studies, from questions drawn by lot: studies and images of each. None: too few were asked."""
    count, known, found = len(asked), sum(k for k, _ in asked), sum(i for _, i in asked)
    if count < LEAST or not found:
        return None
    ratio = found / known
    squares = sum((i - ratio * k) ** 2 for k, i in asked)
    share = max(0.0, 1 - known / whole.value)  # of the studies, not asked
    own = share * count / (count - 1) * squares / found**2  # relative variance of the ratio
    t = student(count - 1)
    relative = ((whole.high - whole.low) / 2 / whole.value) ** 2 + t * t * own
    value = ratio * whole.value
    low, high = _logarithmic(value, value * math.sqrt(relative), 1.0)
    return Interval(round(value), max(found, math.floor(low)), max(found, math.ceil(high)))


def _logarithmic(value: float, error: float, t: float) -> tuple[float, float]:
    if value <= 0:
        return 0.0, t * error
    factor = math.exp(t * math.sqrt(math.log1p((error / value) ** 2)))
    return value / factor, value * factor
