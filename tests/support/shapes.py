"""Archives of many shapes of dates, whose census a budget ends: does the interval of the estimate hold the truth?"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from filmbadge.ask.census import estimate
from filmbadge.ask.census.count import COUNT_KEYS_UP_TO
from filmbadge.ask.census.plan import CensusPlan
from filmbadge.ask.census.source import WindowAnswer
from filmbadge.ask.census.windows import Window
from filmbadge.model import Interval
from support.simulated_archive import TODAY, Simulated

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
CAPS = (None, None, None, 100, 137, 300, 450, 1000, 3000)
SIZES = (200, 500_000)


def dates(shape: str, size: int, chance: random.Random) -> list[int]:
    """As many dates, or nearly. Large numbers are dealt out day by day, which is much the same."""
    weights = SHAPES[shape](chance)
    start = TODAY - len(weights) + 1
    if size <= 5000:
        return sorted(start + day for day in chance.choices(range(len(weights)), weights, k=size))
    edges = list(accumulate(weights, initial=0.0))
    places = [round(size * edge / edges[-1]) for edge in edges]
    return [start + day for day in range(len(weights)) for _ in range(places[day + 1] - places[day])]


Images = Callable[[random.Random, Sequence[int]], list[int]]  # of each study, by its date


def _pareto_images(chance: random.Random, dates: Sequence[int]) -> list[int]:
    tail = chance.uniform(1.1, 2)
    return [min(20_000, int(10 * chance.paretovariate(tail))) for _ in dates]


def _lognormal_images(chance: random.Random, dates: Sequence[int]) -> list[int]:
    width = chance.uniform(1, 2)
    return [1 + int(chance.lognormvariate(3, width)) for _ in dates]


def _growing_images(chance: random.Random, dates: Sequence[int]) -> list[int]:
    pace = chance.uniform(2, 6) * YEAR
    return [1 + int(chance.randint(1, 20) * math.exp((day - dates[0]) / pace)) for day in dates]


def _new_scanner(chance: random.Random, dates: Sequence[int]) -> list[int]:
    """From some day on, many more images a study, or many fewer."""
    turn, factor, before = chance.choice(dates), chance.choice((3, 10, 30)), chance.random() < 0.5
    return [chance.randint(1, 30) * (factor if (day > turn) == before else 1) for day in dates]


def _weekly_images(chance: random.Random, dates: Sequence[int]) -> list[int]:
    """Each week has its own number."""
    width, weeks = chance.uniform(0.5, 1.5), dict[int, float]()
    return [
        1 + int(weeks.setdefault(day // 7, chance.lognormvariate(2, width)) * chance.randint(1, 20)) for day in dates
    ]


IMAGES: dict[str, Images] = {
    "1 to 60": lambda chance, dates: [chance.randint(1, 60) for _ in dates],
    "Pareto": _pareto_images,
    "lognormal": _lognormal_images,
    "growing": _growing_images,
    "new scanner": _new_scanner,
    "other each week": _weekly_images,
    "few huge": lambda chance, dates: [30_000 if chance.random() < 3e-4 else chance.randint(1, 40) for _ in dates],
}


@dataclass
class Guess:
    """What a census says when its budget ends after so many questions."""

    truth: int
    seen: int
    interval: Interval | None

    @property
    def holds(self) -> bool:
        return self.interval is not None and self.interval.low <= self.truth <= self.interval.high

    @property
    def width(self) -> float:
        """Half of the interval's width, as a share of the estimate."""
        assert self.interval is not None
        return (self.interval.high - self.interval.low) / 2 / max(1, self.interval.value)


def guesses(shape: str, seed: int, questions: int = 2000) -> Iterator[Guess]:
    """One archive of any size and with any cap, and what is estimated of its studies after ever more questions."""
    chance = random.Random(f"{shape} {seed}")
    held = dates(shape, _size(chance, *SIZES), chance)
    archive = Simulated(held, cap=chance.choice(CAPS), signal=chance.random() < 0.6)
    plan = CensusPlan(TODAY, seed=seed)
    for _ in budgets(plan, archive, questions):
        yield Guess(len(held), plan.studies, estimate.studies(plan.rounds, plan.studies))


def budgets(plan: CensusPlan, archive: Simulated, questions: int) -> Iterator[None]:
    """Lets a plan ask, and stops after each eighth question more."""
    stop = 6
    for _ in plan.run(archive):
        if archive.queries >= stop:
            yield
            stop = archive.queries + 1 + archive.queries // 8
        if archive.queries >= questions:
            return


class WithImages(Simulated):
    """An archive whose answers tell the images of each study, for so many studies."""

    def begin(self, images: list[int], plan: CensusPlan, most: float) -> None:
        self._images, self._plan, self._most = images, plan, most
        self.samples: list[estimate.Sample] = []

    def answer(self, window: Window) -> WindowAnswer:
        new = [n for n in self.give(window)[0] if not self.seen[n]]
        if new and sum(one.studies for one in self.samples) <= self._most:
            self.samples.append(estimate.Sample(len(new), sum(self._images[n] for n in new), self._plan.drawn))
        return super().answer(window)


def image_guesses(shape: str, kind: str, seed: int, *, slow: bool) -> Iterator[Guess]:
    """What is estimated of an archive's images, after ever more questions.

    Where counts make answers `slow`, all studies are counted, and the images of the first 20,000 are known.
    """
    chance = random.Random(f"{shape} {kind} {seed}")
    held = dates(shape, _size(chance, 25_000, 60_000) if slow else _size(chance, 5000, 40_000), chance)
    of_each = IMAGES[kind](chance, held)
    archive, plan = WithImages(held, cap=None if slow else chance.choice(CAPS)), CensusPlan(TODAY, seed=seed)
    archive.begin(of_each, plan, COUNT_KEYS_UP_TO if slow else math.inf)
    for _ in budgets(plan, archive, 2000):
        whole = estimate.studies(plan.rounds, plan.studies)
        if whole is not None and not slow:
            yield Guess(sum(of_each), 0, estimate.images(whole, archive.samples))
    if slow:
        yield Guess(sum(of_each), 0, estimate.images(Interval(len(held), len(held), len(held)), archive.samples))


def _size(chance: random.Random, least: int, most: int) -> int:
    return round(math.exp(chance.uniform(math.log(least), math.log(most))))
