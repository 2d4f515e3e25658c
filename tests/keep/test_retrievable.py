"""The interval of all images that strangers get: it holds the truth, and is narrower than the sum of its parts."""

from __future__ import annotations

import random
from math import exp, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.keep.retrievable import Draw, interval, least, with_interval
from filmbadge.keep.schema import encode_doubts
from filmbadge.model import Doubt, DoubtCode, Provenance, Total

DRAWS = st.lists(
    st.tuples(st.integers(1, 10**6), st.sampled_from([1, 5, 30])).flatmap(
        lambda one: st.tuples(st.just(one[0]), st.just(one[1]), st.integers(0, one[1]))
    ),
    min_size=1,
    max_size=8,
)


def draw(images: int, drawn: int, delivered: int, lost: int = 0) -> Draw:
    return Draw(images, images, images, drawn, delivered, lost, 0, images)


def test_one_stratum_of_which_all_came_is_known_exactly() -> None:
    assert least([(1000, 5, 5)]) == pytest.approx(1000 * 0.025**0.2, rel=1e-3)


def test_many_strata_of_which_all_came_are_as_good_as_one_with_all_draws() -> None:
    assert least([(1000, 5, 5)] * 200) == pytest.approx(200_000 * exp(log(0.025) / 1000), rel=1e-3)


def test_an_interval_of_all_is_narrower_than_the_sum_of_the_ends() -> None:
    low, high = interval([draw(1000, 5, 4)] * 100)
    assert (low > 60_000, high < 95_000) == (True, True)
    assert low <= 80_000 <= high


@settings(max_examples=60)
@given(DRAWS)
def test_the_ends_are_on_their_sides(strata: list[tuple[int, int, int]]) -> None:
    came = sum(size * k / n for size, n, k in strata)
    low = least(strata)
    assert 0 <= low <= came + 1e-6 * sum(size for size, _, _ in strata)
    assert least(strata, 0.1) >= low - 1e-3 * sum(size for size, _, _ in strata)


def test_the_truth_is_in_it() -> None:
    """300 surveys of 12 archives, large and small: it may miss 15, and Chernoff's bound leaves it some room."""
    chance, missed = random.Random(11), 0
    for _ in range(300):
        strata = [(int(1000 * chance.paretovariate(1)), 5, chance.choice([0.0, 0.3, 0.9, 1.0, 1.0])) for _ in range(12)]
        truth = sum(size * share for size, _, share in strata)
        drawn = [draw(size, n, sum(chance.random() < share for _ in range(n))) for size, n, share in strata]
        low, high = interval(drawn)
        missed += not low <= truth <= high
    assert missed <= 15


def test_a_draw_of_which_nothing_is_known_may_be_either() -> None:
    certain, unsure = interval([draw(1000, 30, 20)] * 9), interval([draw(1000, 30, 10, 10)] * 9)
    assert unsure[0] < certain[0] and unsure[1] == certain[1]


def test_a_wide_interval_says_so() -> None:
    total = Total("images_retrievable", 1000, Provenance.ESTIMATED)
    narrow = with_interval(total, [], low=900, high=1100)
    wide = with_interval(total, [], low=899, high=1101)
    assert (narrow.low, narrow.high, narrow.doubts) == (900, 1100, ())
    assert wide.doubts == (Doubt(DoubtCode.WIDE_INTERVAL, {"percent": 10}),)


def test_draws_are_read_from_the_doubts_of_a_row() -> None:
    from filmbadge.keep.retrievable import draw as read

    drawn = (Doubt(DoubtCode.DRAWN, {"drawn": 5, "delivered": 4}), Doubt(DoubtCode.DRAWS_LOST, {"draws": 1}))
    doubts = encode_doubts(drawn)
    row: dict[str, object] = {"images": 100, "images_low": None, "images_high": 120, "low": 28, "high": 100}
    assert doubts is not None
    assert read({**row, "doubts": doubts.decode()}) == Draw(100, 100, 120, 5, 4, 1, 28, 100)
    assert read({**row, "doubts": None}) is None
