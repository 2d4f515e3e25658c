"""Archives that are one are found by their sketches, and others are not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.judge.same_archive import (
    ENOUGH,
    SAME,
    SKETCH_SIZE,
    Size,
    Sketch,
    groups,
    overlap,
    pairs,
    same,
    same_counters,
    to_sketch,
)
from filmbadge.model import Count, Counts

SEEDS = st.integers(0, 2**32)


def draw(hashes: set[int]) -> Sketch:
    return Sketch.of(len(hashes), sorted(hashes)[:SKETCH_SIZE])


def two(seed: int, shared: int, left: int, right: int) -> tuple[Sketch, Sketch]:
    """Sketches of two archives that share so many studies, and have so many of their own."""
    chance = random.Random(seed)
    drawn = [chance.getrandbits(64) for _ in range(shared + left + right)]
    common = drawn[:shared]
    return draw({*common, *drawn[shared : shared + left]}), draw({*common, *drawn[shared + left :]})


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 4000), st.integers(1, 4000))
def test_strangers_share_nothing(seed: int, left: int, right: int) -> None:
    one, other = two(seed, 0, left, right)
    assert overlap(one, other).shared == 0
    assert not same(one, other, here=True)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(ENOUGH, 5000), st.data())
def test_the_share_decides(seed: int, shared: int, data: st.DataObject) -> None:
    """Far enough from one half, on either side, whatever the sizes: five standard errors are 0.16."""
    own = data.draw(st.integers(0, int(shared * 3)))
    left = data.draw(st.integers(0, own))
    one, other = two(seed, shared, left, own - left)
    share = shared / (shared + own)
    if share > SAME + 0.16 or (share >= SAME and one.size + own <= SKETCH_SIZE):
        assert same(one, other, here=False)
    if share < SAME - 0.16 or (share < SAME and one.size + own <= SKETCH_SIZE):
        assert not same(one, other, here=False)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(300, 3000), st.integers(0, 3000))
def test_the_estimate_is_near(seed: int, shared: int, own: int) -> None:
    one, other = two(seed, shared, own, 0)
    found = overlap(one, other)
    assert found.sampled >= SKETCH_SIZE
    assert abs(found.share - shared / (shared + own)) < 0.16


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_it_does_not_matter_who_is_first(seed: int, shared: int, left: int, right: int) -> None:
    one, other = two(seed, shared, left, right)
    assert overlap(one, other) == overlap(other, one)


def test_a_small_archive_inside_a_large_one_is_another() -> None:
    """A department that forwards all it makes has an archive of its own."""
    department, hospital = two(1, 500, 0, 50_000)
    assert not same(department, hospital, here=False)


def test_a_few_samples_are_no_archive_in_common() -> None:
    one, other = two(1, ENOUGH - 1, 0, 0)
    assert not same(one, other, here=False)
    assert same(one, other, here=True)  # two ports of one address


def test_nothing_is_the_same_as_nothing() -> None:
    empty = draw(set())
    assert not same(empty, empty, here=True)


def test_pairs_are_found_among_many() -> None:
    sketches: dict[str, Sketch] = {}
    for number in range(0, 400, 2):
        one, other = two(number, 900, 50, 50) if number % 40 == 0 else two(number, 0, 900, 900)
        sketches |= {f"a{number}": one, f"b{number}": other}
    assert sorted(pairs(sketches)) == sorted((f"a{n}", f"b{n}") for n in range(0, 400, 40))


def test_groups() -> None:
    found = groups([("a", "b"), ("c", "d"), ("b", "c"), ("e", "f"), ("a", "d")])
    assert sorted(map(sorted, found)) == [["a", "b", "c", "d"], ["e", "f"]]
    assert groups([]) == []


def counts(*values: int | None) -> Counts:
    return Counts(*(Count(value) for value in values))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (counts(30, 35, 42, 61), counts(30, 35, 42, 61), True),
        (counts(30, 35, 42, 61), counts(None, 35, 42, 61), True),
        (counts(30, 35, 42, 61), counts(31, 35, 42, 61), False),
        (counts(30, 35, 42, 61), counts(30, 35, None, None), False),
        (counts(1, 1, 1, 1), counts(1, 1, 1, 1), False),
        (counts(None, None, None, None), counts(None, None, None, None), False),
        (counts(0, 0, 0, 0), counts(0, 0, 0, 0), False),
    ],
)
def test_counters(one: Counts, other: Counts, equal: bool) -> None:
    assert same_counters(one, other) is same_counters(other, one) is equal


def test_only_archives_of_like_size_are_asked_again() -> None:
    sizes = [
        Size("a", 1000, (50_000, None)),
        Size("b", 1010, (50_400, None)),
        Size("c", 1015, (90_000, None)),
        Size("d", 5000, (None, None)),
        Size("e", 5001, (7, None)),
        Size("f", 70_000, (9_000_000, 100_000)),
        Size("g", 70_001, (9_000_001, 200_000)),
        Size("small", 5, (9, None)),
        Size("as small", 5, (9, None)),
    ]
    assert sorted(to_sketch(sizes, [])) == ["a", "b", "d", "e"]
    assert sorted(to_sketch(sizes, ["a", "d", "e"])) == ["b"]
    assert to_sketch(sizes, ["a", "b", "d", "e"]) == []
    assert to_sketch([], []) == []
