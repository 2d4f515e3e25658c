"""What leaves a tally to compare archives by: the smallest of its keyed hashes, in both cores."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import Tally, compiled, elements, pure

CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])


def tally(core: ModuleType, numbers: list[int]) -> Tally:
    made: Tally = core.Tally(key=b"k" * 16)
    for number in numbers:
        made.add(elements.encode([(elements.STUDY_UID, b"1.2.%d" % number)], explicit=True), explicit=True)
    return made


@CORES
@settings(max_examples=150, deadline=None)
@given(numbers=st.lists(st.integers(0, 500), max_size=300), k=st.integers(0, 400))
def test_the_smallest_are_the_head_of_all(core: ModuleType, numbers: list[int], k: int) -> None:
    seen = tally(core, numbers)
    everything = seen.smallest(10_000)
    assert len(everything) == len(set(everything)) == seen.distinct
    assert everything == sorted(everything)
    assert seen.smallest(k) == everything[:k]
    assert tally(core, numbers[::-1]).smallest(k) == everything[:k]


@CORES
def test_a_sketch_is_of_this_key_and_says_no_uid(core: ModuleType) -> None:
    one, other = (core.Tally(key=key) for key in (b"0" * 16, b"1" * 16))
    for seen in (one, other):
        for number in range(300):
            seen.add(elements.encode([(elements.STUDY_UID, b"1.2.%d" % number)], explicit=True), explicit=True)
    assert not set(one.smallest(300)) & set(other.smallest(300))


@CORES
def test_hashes_are_spread_over_64_bits(core: ModuleType) -> None:
    """So that the k-th smallest says how many there are."""
    largest = tally(core, list(range(20_000))).smallest(256)[-1]
    assert 0.75 < 255 * 2**64 / largest / 20_000 < 1.25
