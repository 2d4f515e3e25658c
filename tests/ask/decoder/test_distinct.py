"""Distinct values by keyed hashes, and the smallest of these, which archives are compared by: in both cores."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import DistinctSet, compiled, pure
from filmbadge.ask.key import RunKey

CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
KEY = RunKey(b"k" * 16)
VALUES = st.integers(0, 40).map(lambda n: b"1.2.%d" % n) | st.binary(max_size=100)


def distinct(core: ModuleType, numbers: list[int], key: RunKey = KEY) -> DistinctSet:
    made: DistinctSet = core.DistinctSet(key)
    for number in numbers:
        made.add(b"1.2.%d" % number)
    return made


@settings(max_examples=300, deadline=None)
@given(st.lists(VALUES | st.sampled_from(["mark", "include"]), max_size=120), st.lists(VALUES, max_size=60))
def test_the_cores_are_equal(steps: list[bytes | str], others: list[bytes]) -> None:
    heard = []
    for core in (pure, compiled):
        made, other = core.DistinctSet(KEY), core.DistinctSet(KEY)
        for value in others:
            other.add(value)
        log: list[object] = []
        for step in steps:
            if step == "mark":
                made.mark()
            elif step == "include":
                made.include(other)
            else:
                log.append(made.add(step))
            log.append((len(made), made.here, len(made.smallest(7))))
        heard.append(log)
    assert heard[0] == heard[1]


@CORES
@settings(max_examples=150, deadline=None)
@given(values=st.lists(VALUES, max_size=200))
def test_distinct_are_those_that_differ(core: ModuleType, values: list[bytes]) -> None:
    made = core.DistinctSet(KEY)
    new = [made.add(value) for value in values]
    assert new == [value not in values[:n] for n, value in enumerate(values)]
    assert len(made) == len(set(values))


@CORES
def test_a_window_counts_also_what_was_seen_before(core: ModuleType) -> None:
    made = distinct(core, [1, 2, 3])
    assert made.here == 0
    made.mark()
    for number in (3, 4, 3):
        made.add(b"1.2.%d" % number)
    assert (len(made), made.here) == (4, 2)
    made.mark()
    assert (len(made), made.here) == (4, 0)


@CORES
def test_a_set_takes_in_another_of_its_key_only(core: ModuleType) -> None:
    made = distinct(core, [1, 2, 3])
    made.include(distinct(core, list(range(3, 3000))))
    assert len(made) == 2999
    with pytest.raises(ValueError, match="two keys"):
        made.include(distinct(core, [1], RunKey()))


@pytest.mark.parametrize("key", [b"short", b"k" * 17, "k" * 16, 16, None])
def test_what_is_no_key_is_not_read(key: Any) -> None:
    """The compiled core would read past its end."""
    for made in (compiled.DistinctSet, compiled.Tally):
        with pytest.raises((TypeError, ValueError)):
            made(key)


@CORES
@settings(max_examples=150, deadline=None)
@given(numbers=st.lists(st.integers(0, 500), max_size=300), k=st.integers(0, 400))
def test_the_smallest_are_the_head_of_all(core: ModuleType, numbers: list[int], k: int) -> None:
    made = distinct(core, numbers)
    everything = made.smallest(10_000)
    assert len(everything) == len(set(everything)) == len(made)
    assert everything == sorted(everything)
    assert made.smallest(k) == everything[:k]
    assert distinct(core, numbers[::-1]).smallest(k) == everything[:k]


@CORES
def test_a_sketch_is_of_this_key(core: ModuleType) -> None:
    numbers = list(range(300))
    one, same, other = (distinct(core, numbers, RunKey(key)) for key in (b"0" * 16, b"0" * 16, b"1" * 16))
    assert one.smallest(300) == same.smallest(300)
    assert not set(one.smallest(300)) & set(other.smallest(300))


@CORES
def test_hashes_are_spread_over_64_bits(core: ModuleType) -> None:
    """So that the k-th smallest says how many there are."""
    largest = distinct(core, list(range(20_000))).smallest(256)[-1]
    assert 0.75 < 255 * 2**64 / largest / 20_000 < 1.25


@CORES
def test_it_shows_and_holds_no_value(core: ModuleType) -> None:
    made = core.DistinctSet(RunKey(b"16 bytes, secret"))
    made.add(b"DOE^JANE")
    held = repr(made) + repr({**getattr(made, "__dict__", {}), "_key": b""})
    assert repr(made) == "<DistinctSet>"
    assert "DOE" not in held
