"""Intervals over every shape of dates: in each, the truth lies in them at least as often as they say.

`bench/queries.py --only intervals` makes the table of `docs/census.md` from more archives.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Iterable

import pytest

from filmbadge.ask.census import estimate
from filmbadge.ask.census.plan import CensusPlan
from support.chance import SEED, seeds
from support.shapes import IMAGES, SHAPES, Guess, budgets, guesses, image_guesses
from support.simulated_archive import TODAY, Simulated

EACH = 300 if SEED in os.environ else 40  # archives of each shape
OF_IMAGES = 60 if SEED in os.environ else 5  # archives of each kind of images and way to count them


def one_of(found: Iterable[Guess], chance: random.Random) -> list[Guess]:
    """One budget that ends in an estimate, if any does. So each archive counts once."""
    made = [guess for guess in found if guess.interval is not None]
    return [chance.choice(made)] if made else []


def least(made: int) -> float:
    """95 %, less three standard errors of so many archives."""
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / made)


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("shape", SHAPES)
def test_intervals_hold_the_truth(shape: str, seed: int) -> None:
    made: list[Guess] = []
    for number in range(EACH):
        made += one_of(guesses(shape, EACH * seed + number, 600), random.Random(number))
    assert len(made) >= EACH / 6
    assert sum(guess.holds for guess in made) / len(made) >= least(len(made))
    for guess in made:
        assert guess.interval and guess.seen <= guess.interval.low <= guess.interval.value <= guess.interval.high


@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("kind", IMAGES)
def test_intervals_of_images_hold_the_truth(kind: str, slow: bool, seed: int) -> None:
    made: list[Guess] = []
    shapes = list(SHAPES)
    for number in range(OF_IMAGES):
        found = image_guesses(shapes[number % len(shapes)], kind, OF_IMAGES * seed + number, slow=slow)
        made += one_of(found, random.Random(number))
    assert made
    assert sum(guess.holds for guess in made) / len(made) >= least(len(made))


def test_newest_days_whose_answer_was_cut_off_are_expected_to_be_as_busy_as_it() -> None:
    """Even if all days before them have little."""
    dates = [*range(TODAY - 6000, TODAY - 300, 50), *(TODAY - 299 + n // 100 for n in range(30_000))]
    for seed in range(6):
        archive, plan = Simulated(dates, cap=100), CensusPlan(TODAY, seed=seed)
        for _ in budgets(plan, archive, 300):
            guess = estimate.studies(plan.rounds, plan.studies)
            assert guess is None or guess.high >= len(dates), (seed, archive.queries)
