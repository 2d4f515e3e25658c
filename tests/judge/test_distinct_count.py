"""How many are distinct in several archives together: exact where that can be, else within the interval as often as it says."""

from __future__ import annotations

import random

from filmbadge.judge.distinct_count import SKETCH_SIZE, union
from filmbadge.judge.same_archive import Sketch
from filmbadge.model import Interval


def sketch(hashes: set[int]) -> Sketch:
    return Sketch.of(len(hashes), sorted(hashes)[:SKETCH_SIZE])


def draw(chance: random.Random, n: int) -> set[int]:
    return {chance.getrandbits(64) for _ in range(n)}


def exactly(n: int) -> Interval:
    return Interval(n, n, n)


def test_nothing_and_one_archive_are_exact() -> None:
    assert union([]) == exactly(0)
    assert union([sketch(draw(random.Random(1), 50 * SKETCH_SIZE))]) == exactly(50 * SKETCH_SIZE)


def test_archives_that_fit_into_their_sketches_are_exact() -> None:
    """Also where all of them together are more than one sketch holds."""
    chance = random.Random(2)
    both = draw(chance, 300)
    left, right = both | draw(chance, SKETCH_SIZE - 300), both | draw(chance, SKETCH_SIZE - 300)
    assert union([sketch(left), sketch(right)]) == exactly(2 * SKETCH_SIZE - 300)


def test_one_that_holds_the_other() -> None:
    """What is sure bounds the interval: no less than the largest has."""
    large = draw(random.Random(3), 5 * SKETCH_SIZE)
    found = union([sketch(large), sketch(set(sorted(large)[:10]))])
    assert 5 * SKETCH_SIZE <= found.low <= found.value <= found.high <= 5 * SKETCH_SIZE + 10


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    """Of 200 surveys, 95 % would be 190, with a deviation of 3.1."""
    chance = random.Random(4)
    held, errors = 0, []
    for _ in range(200):
        # The bounds that are sure must not do the interval's work: all large, and a part in common.
        common = draw(chance, chance.randrange(SKETCH_SIZE, 3 * SKETCH_SIZE))
        archives = [common | draw(chance, chance.randrange(2 * SKETCH_SIZE)) for _ in range(chance.randrange(2, 5))]
        archives += [draw(chance, chance.randrange(1, SKETCH_SIZE)) for _ in range(chance.randrange(3))]
        truth, found = len(set().union(*archives)), union([sketch(a) for a in archives])
        held += found.low <= truth <= found.high
        errors.append(found.value / truth - 1)
    assert 180 <= held <= 199
    assert abs(sum(errors) / 200) < 0.009, "no bias: the mean of 200 is within four standard errors"
    assert (sum(e * e for e in errors) / 200) ** 0.5 < 1.2 / (SKETCH_SIZE - 2) ** 0.5
