"""Estimates a total from a part, with an interval that holds the truth in 95 of 100 cases.

The method is the ratio estimate (Cochran, Sampling Techniques, chapter 6): studies found divided by studies expected.
The windows of a round have similar expected sizes, and the visited windows were drawn by lot, so they represent the
others. The interval is symmetric in the logarithm: the unvisited rest cannot be below zero, and may be much larger than
expected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from filmbadge.ask.census.plan import Round
from filmbadge.model import Interval

LEAST, FOUND = 8, 2  # windows visited, and visited windows with studies, that an estimate needs
# Weight of one imaginary outlier window. Without it, a few equal windows would give an interval of zero width.
ODD = 0.25

# 97.5 % points of Student's t by degrees of freedom. The next lower entry is used.
_T = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26, 10: 2.23, 12: 2.18, 15: 2.13,
      20: 2.09, 30: 2.04, 60: 2.00, 120: 1.98}  # fmt: skip


def student(freedom: int) -> float:
    return _T[max(known for known in _T if known <= max(freedom, 1))]


def studies(rounds: Sequence[Round], seen: int) -> Interval | None:
    """Estimates the studies with a date. None if too few windows were visited. `seen` is the number found so far."""
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
    # Size of an unvisited window, relative to a visited one.
    size = (left / others) / (expected / count) if others else 0.0
    error = size * math.sqrt(squares / (count - 1) * (others**2 / count + others))
    low, high = _logarithmic(rest, error, student(count - 1))
    value, least, most = (one.before + found + part for part in (rest, low, high))
    return Interval(max(seen, round(value)), max(seen, math.floor(least)), max(seen, math.ceil(most)))


def images(whole: Interval, asked: Sequence[tuple[int, int]]) -> Interval | None:
    """Estimates the images of all studies. None if too few questions were asked.

    `asked` holds the numbers of studies and of images of each question; the questions were drawn by lot.
    """
    count, known, found = len(asked), sum(k for k, _ in asked), sum(i for _, i in asked)
    if count < LEAST or not found:
        return None
    ratio = found / known
    squares = sum((i - ratio * k) ** 2 for k, i in asked)
    share = max(0.0, 1 - known / whole.value)  # share of the studies that were not asked about
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
