"""Archives of many shapes of dates, whose census a budget ends: does the interval of the estimate hold the truth?"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import accumulate

from support.simulated_archive import TODAY

YEAR = 365
Weights = Callable[[random.Random], list[float]]  # of the days, from the oldest to today


def _even(chance: random.Random, years: float = 0.0) -> list[float]:
    return [1.0] * int(YEAR * (years or chance.uniform(5, 25)))


def _growing(chance: random.Random) -> list[float]:
    pace = chance.uniform(2, 8) * YEAR
    return [math.exp(n / pace) for n, _ in enumerate(_even(chance))]


def _fading(chance: random.Random) -> list[float]:
    return _growing(chance)[::-1]


def _yearly(chance: random.Random) -> list[float]:
    """Much in one season, little in the other."""
    deep, phase = chance.uniform(0.5, 1), chance.random()
    return [1 + deep * math.sin(2 * math.pi * (n / YEAR + phase)) for n, _ in enumerate(_even(chance))]


def _summers(chance: random.Random) -> list[float]:
    """A few months of each year, and nothing in the others."""
    share, phase = chance.uniform(0.1, 0.4), chance.random()
    return [1.0 if (n / YEAR + phase) % 1 < share else 0.0 for n, _ in enumerate(_even(chance))]


def _weekdays(chance: random.Random) -> list[float]:
    weekend = chance.choice((0.0, 0.1))
    return [weekend if n % 7 > 4 else 1.0 for n, _ in enumerate(_even(chance))]


def _campaigns(chance: random.Random) -> list[float]:
    """Bursts of a few weeks that hold a part of all, over an even ground."""
    days = _even(chance)
    bursts, part = chance.randint(3, 20), chance.uniform(0.2, 1.0)
    lengths = [chance.randint(7, 42) for _ in range(bursts)]
    high = part / max(1 - part, 1e-9) * len(days) / sum(lengths)
    days = [1.0 if part < 0.97 else 0.0 for _ in days]
    for length in lengths:
        start = chance.randrange(len(days) - length)
        for n in range(start, start + length):
            days[n] += min(high, 1e6)
    return days


def _migration(chance: random.Random) -> list[float]:
    """One day has 10 to 60 % of all."""
    days, part = _ordinary(chance), chance.uniform(0.1, 0.6)
    days[chance.randrange(len(days))] += part / (1 - part) * sum(days)
    return days


def _worst_migration(chance: random.Random) -> list[float]:
    """One day has 60 % of all."""
    days = _ordinary(chance)
    days[chance.randrange(len(days))] += 1.5 * sum(days)
    return days


def _ordinary(chance: random.Random) -> list[float]:
    return chance.choice((_even, _growing, _weekdays))(chance)


def _some_years(chance: random.Random) -> list[float]:
    """In use in some years only."""
    days = _even(chance, chance.randint(8, 25))
    used = [chance.random() < 0.4 for _ in range(len(days) // YEAR + 1)]
    used[chance.randrange(len(used) - 1)] = True
    return [chance.uniform(0.5, 1.5) if used[n // YEAR] else 0.0 for n, _ in enumerate(days)]


def _pareto(chance: random.Random) -> list[float]:
    tail = chance.uniform(1.1, 2.0)
    return [min(chance.paretovariate(tail), 1e4) for _ in _even(chance)]


def _lognormal(chance: random.Random) -> list[float]:
    width = chance.uniform(1.0, 2.5)
    return [chance.lognormvariate(0, width) for _ in _even(chance)]


def _young(chance: random.Random) -> list[float]:
    return _even(chance, chance.uniform(0.1, 2))


def _old(chance: random.Random) -> list[float]:
    """Nothing in the last years."""
    return [*_even(chance, chance.uniform(3, 15)), *([0.0] * int(YEAR * chance.uniform(1, 15)))]


def _bursty(chance: random.Random) -> list[float]:
    """Some days hold as much as months do."""
    return [60.0 if chance.random() < 0.01 else chance.expovariate(1) for _ in _even(chance)]


SHAPES: dict[str, Weights] = {
    "even": _even,
    "growing": _growing,
    "fading": _fading,
    "yearly": _yearly,
    "one season": _summers,
    "weekdays": _weekdays,
    "campaigns": _campaigns,
    "migration day": _migration,
    "migration day, 60 %": _worst_migration,
    "some years": _some_years,
    "Pareto days": _pareto,
    "lognormal days": _lognormal,
    "bursty days": _bursty,
    "young": _young,
    "old": _old,
}
CAPS = (None, None, None, 100, 300, 1000, 3000)


def dates(shape: str, size: int, chance: random.Random) -> list[int]:
    weights = SHAPES[shape](chance)
    start = TODAY - len(weights) + 1
    if size <= 5000:
        return sorted(start + day for day in chance.choices(range(len(weights)), weights, k=size))
    edges = list(accumulate(weights, initial=0.0))
    places = [round(size * edge / edges[-1]) for edge in edges]
    return [start + day for day in range(len(weights)) for _ in range(places[day + 1] - places[day])]
