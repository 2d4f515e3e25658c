"""The interval of all images that strangers get, from the draws of all archives together.

An archive that does not say which studies can be had was asked for images of studies drawn by lot: independent draws, each of
which an image answers with the chance of the archive's share. The sum over archives has an interval of its own. It is narrower
than the sum of their ends, because not all of them err to one side.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, expm1, log, log1p
from typing import NamedTuple

import msgspec

from filmbadge.keep.schema import decode_doubts
from filmbadge.model import Doubt, DoubtCode, Total

MISSED = 0.05  # of all intervals, so many may miss the truth
WIDE = 0.1  # half an interval above this share of the total is told
_STEPS = 30  # of a bisection: to 1 part in 10**9
_RATES = range(-4, 9)  # that are tried first, as logarithms


class Draw(NamedTuple):
    """One archive: its images with the ends of their number, and what became of the draws."""

    images: int
    least: int
    most: int
    drawn: int
    delivered: int
    lost: int
    low: int  # ends of its own interval
    high: int


def draw(row: dict[str, object]) -> Draw | None:
    """From a row with `images`, their ends, `doubts` and its own ends `low` and `high`. None: it was not estimated by draws."""
    numbers = {doubt.code: doubt.numbers for doubt in decode_doubts(row["doubts"])}
    found, lost = numbers.get(DoubtCode.DRAWN), numbers.get(DoubtCode.DRAWS_LOST, {"draws": 0})
    if found is None or row["images"] is None:
        return None
    images, low, high = (int(str(row[name])) for name in ("images", "low", "high"))
    least, most = (images if row[end] is None else int(str(row[end])) for end in ("images_low", "images_high"))
    return Draw(images, least, most, found["drawn"], found["delivered"], lost["draws"], low, high)


def interval(draws: Sequence[Draw]) -> tuple[int, int]:
    """The ends between which all of them together lie, in 95 of 100 cases at least."""
    if len(draws) == 1:
        return draws[0].low, draws[0].high
    low = least([(d.least, d.drawn, d.delivered) for d in draws])
    missing = least([(d.most, d.drawn, d.drawn - d.delivered - d.lost) for d in draws])
    return int(low), sum(d.most for d in draws) - int(missing)


def least(strata: Sequence[tuple[int, int, int]], missed: float = MISSED / 2) -> float:
    """The smallest sum that is not refuted. Each stratum has a size, a number of draws, and how many of these came.

    The sum of size times share is refuted if no shares that give it would bring as much as came with a chance above `missed`, by
    Chernoff's bound (H. Chernoff 1952): the chance that a sum reaches t is at most exp(-rt) times the mean of exp(r sum), at any
    rate r. The shares that bring most are found by Lagrange's multiplier, as the bound is concave in them.
    """
    strata = [one for one in strata if one[0] > 0 and one[1] > 0]
    came = sum(size * k / n for size, n, k in strata)
    if not came:
        return 0.0
    largest, bound = max(size / n for size, n, _ in strata), log(missed)

    def at(exponent: float) -> tuple[float, float]:
        return _refuted(strata, came, exp(exponent) / largest, bound), exponent

    _, middle = best = max(map(at, _RATES))
    return max(best, *(at(middle + away / 4) for away in (-3, -2, -1, 1, 2, 3)))[0]


def _refuted(strata: Sequence[tuple[int, int, int]], came: float, rate: float, bound: float) -> float:
    """The sum up to which the bound at this rate refutes all."""
    if -rate * came >= bound:
        return 0.0
    gains = [(size, n, min(rate * size / n, 700.0)) for size, n, _ in strata]
    terms = [(size, n, expm1(gain), n / size) for size, n, gain in gains]
    low, high = 0.0, max(n * factor / size for size, n, factor, _ in terms)  # of the multiplier: all shares are 1, or 0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _mean(terms, middle) - rate * came > bound:
            low = middle
        else:
            high = middle
    return sum(size * _share(each, factor, high) for size, _, factor, each in terms)


def _mean(terms: Sequence[tuple[int, int, float, float]], multiplier: float) -> float:
    """The logarithm of the mean of exp(rate * sum)."""
    return sum(n * log1p(factor * _share(each, factor, multiplier)) for _, n, factor, each in terms)


def _share(each: float, factor: float, multiplier: float) -> float:
    if not multiplier:
        return 1.0
    return min(1.0, max(0.0, each / multiplier - 1 / factor))


def with_interval(total: Total, draws: Sequence[Draw], *, low: int, high: int) -> Total:
    """The total with its ends. `low` and `high` are the ends of what was not estimated by draws."""
    if draws:
        found = interval(draws)
        low, high = low + found[0], high + found[1]
    doubts = total.doubts
    if total.measured is not None and high - low > 2 * WIDE * total.measured:
        percent = round(50 * (high - low) / total.measured) if total.measured else 100
        doubts += (Doubt(DoubtCode.WIDE_INTERVAL, {"percent": percent}),)
    return msgspec.structs.replace(total, low=low, high=high, doubts=doubts)
