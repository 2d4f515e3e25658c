"""Where a run's chance comes from: the same in every run of the tests, fresh in a hunt (`scripts/hunt.py`)."""

from __future__ import annotations

import os
import random

import pytest
from _pytest.mark import ParameterSet
from hypothesis import HealthCheck, settings

SEED = "FILMBADGE_HUNT"  # in the environment of a hunt, so that every process of it draws the same

# How fast the machine is says nothing about the product: no deadline, and what is slow to draw is drawn.
_ANY_MACHINE = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("test", _ANY_MACHINE, derandomize=True)
settings.register_profile("hunt", _ANY_MACHINE, derandomize=False, print_blob=True, report_multiple_bugs=False)


def begin() -> None:
    """Choose hypothesis's profile, and draw the keys that the instrument makes for itself when it is imported."""
    settings.load_profile("hunt" if SEED in os.environ else "test")
    draw("")


def draw(test: str) -> None:
    """Let the system's own source of chance give one test the same each time, alone or after others."""
    if SEED not in os.environ:  # `secrets` and `SystemRandom` read this
        random._urandom = random.Random(test).randbytes  # type: ignore[attr-defined]


def seeds(*fixed: int) -> list[ParameterSet]:
    """Values for the parameter `seed` of a simulation. In a hunt, as many fresh ones."""
    chance = random.Random(os.environ.get(SEED))
    drawn = [chance.getrandbits(32) for _ in fixed] if SEED in os.environ else fixed
    return [pytest.param(seed, marks=pytest.mark.simulation) for seed in drawn]
