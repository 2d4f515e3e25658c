"""Archives that are one are found by their sketches, and others are not taken for one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.judge.same_archive import (
    ENOUGH,
    SKETCH_SIZE,
    Groups,
    Size,
    Sketch,
    among_hosts,
    at_one_host,
    differ,
    equal,
    in_one_network,
    measure,
    nested,
    same,
    same_counters,
    to_sketch,
)
from filmbadge.model import Count, Counts, Endpoint, Link, LinkBy, Protocol

SEEDS = st.integers(0, 2**32)
HERE, THERE = (Endpoint("192.0.2.7", port, Protocol.DIMSE) for port in (104, 11112))


def draw(hashes: set[int]) -> Sketch:
    return Sketch.of(len(hashes), sorted(hashes)[:SKETCH_SIZE])


def two(seed: int, shared: int, left: int, right: int) -> tuple[Sketch, Sketch]:
    """Sketches of two archives that share so many studies, and have so many of their own."""
    chance = random.Random(seed)
    drawn = [chance.getrandbits(64) for _ in range(shared + left + right)]
    common = drawn[:shared]
    return draw({*common, *drawn[shared : shared + left]}), draw({*common, *drawn[shared + left :]})


def linked(one: Sketch, other: Sketch) -> Link:
    return measure(HERE, one, THERE, other)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 4000), st.integers(1, 4000))
def test_strangers_share_nothing(seed: int, left: int, right: int) -> None:
    one, other = two(seed, 0, left, right)
    assert linked(one, other).shared == 0
    assert not same(linked(one, other), here=True)
    assert differ(linked(one, other)) or max(left, right) > SKETCH_SIZE  # of two very unlike sizes a sketch may see one


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1, 300), st.integers(0, 30), st.integers(0, 30))
def test_only_equal_sets_are_one_archive(seed: int, shared: int, left: int, right: int) -> None:
    """Of small archives every study is known: one that the other does not hold is enough."""
    sketches = two(seed, shared, left, right)
    one, other = (Sketch.of(s.size, sorted(s.smallest)) for s in sketches)
    if max(one.size, other.size) > SKETCH_SIZE:
        return
    link = linked(one, other)
    assert same(link, here=True) == equal(link) == (left == right == 0)
    assert same(link, here=False) == (left == right == 0 and shared >= ENOUGH)
    assert nested(link) == ((left == 0) != (right == 0))
    assert differ(link) == (left > 0 and right > 0)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(0, 300), st.integers(0, 30), st.integers(0, 30))
def test_what_was_cut_off_proves_nothing(seed: int, shared: int, left: int, right: int) -> None:
    """Two parts of one archive may be equal, overlap, or have nothing in common."""
    one, other = two(seed, shared, left, right)
    link = linked(Sketch(one.size, one.smallest, whole=False), other)
    assert not link.whole
    assert not same(link, here=True)
    assert not differ(link)
    assert nested(link) == bool(link.shared)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.integers(1000, 5000), st.integers(300, 3000))
def test_large_sets_that_differ_are_not_one(seed: int, shared: int, own: int) -> None:
    """A twentieth of the smallest hashes is seen with all but one in a hundred thousand."""
    one, other = two(seed, shared, own, own)
    link = linked(one, other)
    assert not same(link, here=True)
    assert not nested(link)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(300, 3000), st.integers(0, 3000))
def test_the_estimate_is_near(seed: int, shared: int, own: int) -> None:
    one, other = two(seed, shared, own, 0)
    found = linked(one, other)
    assert found.shared is not None and found.sampled is not None
    assert found.sampled >= SKETCH_SIZE
    assert abs(found.shared / found.sampled - shared / (shared + own)) < 0.16


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_it_does_not_matter_who_is_first(seed: int, shared: int, left: int, right: int) -> None:
    one, other = two(seed, shared, left, right)
    found, turned = linked(one, other), linked(other, one)
    assert (found.shared, found.sampled) == (turned.shared, turned.sampled)


def test_a_small_archive_inside_a_large_one_is_another() -> None:
    """A department that forwards all it makes has an archive of its own."""
    department, hospital = two(1, 500, 0, 50_000)
    assert not same(linked(department, hospital), here=False)


def test_a_few_samples_are_no_archive_in_common() -> None:
    one, other = two(1, ENOUGH - 1, 0, 0)
    assert not same(linked(one, other), here=False)
    assert same(linked(one, other), here=True)  # two ports of one address
    assert equal(linked(one, other))


def test_nothing_is_the_same_as_nothing() -> None:
    empty = draw(set())
    assert not same(linked(empty, empty), here=True)


def test_pairs_are_found_among_many() -> None:
    sketches: dict[Endpoint, Sketch] = {}
    for number in range(0, 400, 2):
        one, other = two(number, 900, 300, 300) if number % 40 == 0 else two(number, 0, 900, 900)
        sketches |= {at(number): one, at(number + 1): other}
    found = among_hosts(sketches)
    assert [(link.one, link.other) for link in found] == [(at(n), at(n + 1)) for n in range(0, 400, 40)]
    assert all(link.by is LinkBy.STUDY_UIDS and (link.shared or 0) > ENOUGH for link in found)
    assert not any(same(link, here=False) for link in found), "they overlap, and stay two"


def test_what_a_few_share_is_found_too() -> None:
    one, other = two(1, 2, 200, 200)
    (link,) = among_hosts({at(0): one, at(2): other})
    assert (link.shared, link.sampled, link.of_one) == (2, 402, 202)


def test_a_study_that_came_with_the_software_makes_no_pair_of_all_that_have_it() -> None:
    many = {at(2 * n): draw({1, 1000 + n}) for n in range(200)}
    found = among_hosts(many)
    assert len(found) < 200 * 16
    assert {e for link in found for e in (link.one, link.other)} == set(many)


def at(number: int) -> Endpoint:
    return Endpoint(f"192.0.2.{number // 2}", 104 + number % 2, Protocol.DIMSE)


def test_a_thousand_copies_are_joined_by_a_thousand_links() -> None:
    """And not by one for each pair of them."""
    copy = draw(set(range(1000, 1500)))
    found = among_hosts({at(number): copy for number in range(1000)})
    assert len(found) == 999
    assert [len(members) for members in Groups((link.one, link.other) for link in found)] == [1000]


def test_at_one_host_every_pair_is_measured() -> None:
    """Also one that holds nothing in common: counters that happen to be equal must not join it later."""
    one, other = two(1, 0, 50, 50)
    found = at_one_host({HERE: one, THERE: other, at(9): one})
    assert [(link.shared, link.sampled) for link in found] == [(0, 100), (50, 50), (0, 100)]
    assert at_one_host({HERE: one}) == ()


def test_what_an_older_version_judged_holds() -> None:
    assert same(Link(HERE, THERE, LinkBy.JUDGED_ONE), here=False)
    assert not same(Link(HERE, THERE, LinkBy.JUDGED_APART), here=True)


def test_groups() -> None:
    found = Groups([("a", "b"), ("c", "d"), ("b", "c"), ("e", "f"), ("a", "d")])
    assert sorted(map(sorted, found)) == [["a", "b", "c", "d"], ["e", "f"]]
    assert found.together("a", "d")
    assert not found.together("a", "e")
    assert not found.together("a", "nobody")
    assert list(Groups()) == []


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


def test_archives_of_one_network_with_as_many_studies_are_kept_apart_by_a_measure() -> None:
    chance = random.Random(1)
    sketches = {
        Endpoint(address, 104, Protocol.DIMSE): Sketch.of(n, sorted(chance.getrandbits(64) for _ in range(n)))
        for address, n in (("192.0.2.1", 30), ("192.0.2.2", 30), ("192.0.2.3", 31), ("198.51.100.1", 30))
    }
    (link,) = in_one_network(sketches)
    assert (link.one.address, link.other.address, link.shared) == ("192.0.2.1", "192.0.2.2", 0)
    assert differ(link)


def test_many_of_one_network_are_not_all_compared_with_all() -> None:
    chance = random.Random(1)
    sketches = {
        Endpoint(f"192.0.2.{n}", 104, Protocol.DIMSE): Sketch.of(20, sorted(chance.getrandbits(64) for _ in range(20)))
        for n in range(200)
    }
    assert len(in_one_network(sketches)) < 200 * 18
