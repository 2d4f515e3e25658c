"""All of a short list are kept, and of a longer one some, each with equal chance."""

from __future__ import annotations

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.personal.lottery import Lottery


def kept(items: int, seed: int, *, skips: bool) -> list[int]:
    """What is kept of a list. With `skips`, only items are shown that the lottery asked for."""
    held: list[int] = []
    lottery = Lottery(random.Random(seed), 12, 4)
    for number in range(1, items + 1):
        if skips and number > 13 and number < lottery.next:
            continue
        place = lottery.place(number, held)
        if place is not None:
            held[place : place + 1] = [number]
    return held


@given(st.integers(0, 12), st.integers(0, 1 << 32))
def test_all_of_a_short_list_are_kept(items: int, seed: int) -> None:
    assert kept(items, seed, skips=False) == list(range(1, items + 1))


@given(st.integers(13, 400), st.integers(0, 1 << 32))
def test_what_it_does_not_ask_for_it_does_not_need(items: int, seed: int) -> None:
    found = kept(items, seed, skips=True)
    assert found == kept(items, seed, skips=False)
    assert len(set(found)) == len(found) == 4


def test_each_has_equal_chance() -> None:
    """5,000 lists of 40, of which each keeps four: each item is kept about 500 times, with a deviation of 21."""
    often = Counter(number for seed in range(5000) for number in kept(40, seed, skips=True))
    assert len(often) == 40
    assert all(abs(times - 500) < 100 for times in often.values())


def test_it_fills_up_where_the_first_could_not_be_kept() -> None:
    """A study whose UID is none cannot be asked for."""
    held: list[int] = []
    lottery = Lottery(random.Random(1), 12, 4)
    for number in range(1, 2000):
        place = lottery.place(number, held)
        if place is not None and number > 12:
            held[place : place + 1] = [number]
    assert len(held) == 4
