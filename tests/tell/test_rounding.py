"""An attacker who knows the rule, every limit and every figure that is told: no figure comes back."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest

from filmbadge.tell.rounding import LEAST_BASE, Each, Figure, Limit, Rule, base_of, keyed, told

_BASE = 2  # small, so that all worlds can be tried; then 3 counts are possible for what is told
# What an archive is, and how many there are in one world: closed, or open in a country, or nobody knows where; with an F or not.
_TYPES = {"closed": 6, "A F": 4, "A D": 2, "B F": 2, "nowhere F": 4, "nowhere D": 4}
_OPEN = tuple(_TYPES)[1:]
_FIGURES = {
    "archives": tuple(_TYPES),
    "archives_open": _OPEN,
    "F": ("A F", "B F", "nowhere F"),
    "A": ("A F", "A D"),
    "B": ("B F",),
}
_RULES: list[Rule] = [
    Limit(("archives_open",), "archives"),
    Limit(("F",), "archives_open"),
    Limit(("A", "B"), "archives_open"),
]


def _world(counts: tuple[int, ...]) -> dict[str, Figure]:
    ids = {name: [f"{name} {n}" for n in range(count)] for name, count in zip(_TYPES, counts, strict=True)}
    members = {figure: tuple(one for name in names for one in ids[name]) for figure, names in _FIGURES.items()}
    return {name: Figure(len(found), found, _BASE) for name, found in members.items()}


def test_every_world_is_tried_and_no_count_of_any_document_comes_back() -> None:
    possible: dict[tuple[int, ...], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for counts in product(*(range(most + 1) for most in _TYPES.values())):
        world = _world(counts)
        sets = list({figure.members for figure in world.values()})
        for draws in product(range(_BASE), repeat=len(sets)):
            drawn = dict(zip(sets, draws, strict=True))
            made = told(world, _RULES, lambda figure, drawn=drawn: drawn[figure.members])  # type: ignore[misc]
            for name, figure in world.items():
                possible[tuple(made.values())][name].add(figure.value)
    # Larger figures would need more archives than the worlds that are tried have.
    inside = {made: values for made, values in possible.items() if made[0] <= 4 and made[3] <= 2 and made[4] == 0}
    assert len(inside) >= 15
    assert min(len(found) for values in inside.values() for found in values.values()) == 2 * _BASE - 1


@pytest.mark.parametrize(("base", "most"), [(5, 1), (10, 4), (10, 8), (20, 11)])
def test_one_archive_more_may_leave_every_figure_as_it_was(base: int, most: int) -> None:
    """Of two surveys that differ by one archive, no pair of documents shows where it is."""
    values = range(4 * base)
    seen = {n: {told({"x": Figure(n, (), base, most)}, [], lambda _, u=u: u)["x"] for u in range(base - most + 1)} for n in values}  # type: ignore[misc]  # fmt: skip
    without = {pair for n in values for pair in product(seen[n], repeat=2)}
    for n in values[:-most]:
        for added in range(1, most + 1):
            assert set(product(seen[n], seen[n + added])) <= without


def test_the_truth_is_never_less_than_what_is_told_and_below_a_base_nothing_is() -> None:
    draw = keyed(b"a secret")
    for value in range(200):
        (n,) = told({"x": Figure(value, ("one", str(value)), 10, 4)}, [], draw).values()
        assert n % 10 == 0
        assert n <= value < n + 2 * 10 - 4
        assert value >= 10 or n == 0


def test_the_same_archives_have_the_same_figure_and_another_secret_another_draw() -> None:
    figures = {f"{n}": Figure(n, tuple(map(str, range(n))), 100) for n in range(200)}
    again = {f"{n}": Figure(n, tuple(map(str, reversed(range(n)))), 100) for n in range(200)}
    assert told(figures, [], keyed(b"one")) == told(again, [], keyed(b"one")) != told(figures, [], keyed(b"other"))


def test_figures_are_lowered_until_they_obey_what_is_known_of_the_true_ones() -> None:
    figures = {"whole": Figure(12, ("w",)), "part": Figure(14, ("p",)), "other": Figure(6, ("o",))}
    made = told(figures, [Limit(("part", "other"), "whole"), Limit(("part",), "whole")], lambda _: 0)
    assert made == {"whole": 10, "part": 10, "other": 0}
    amounts = {"studies": Figure(400, (), 100, 100), "archives": Figure(7, ()), "images": Figure(100, (), 100, 100)}
    rules: list[Rule] = [Limit(("studies",), "archives", 60), Each("images", "many"), Limit(("nothing",), "archives")]
    assert told(amounts, rules, lambda _: 0) == {"studies": 300, "archives": 5, "images": 100}
    few = {"studies": Figure(100, (), 100, 100), "archives": Figure(105, ())}
    assert told(few, [Each("studies", "archives")], lambda _: 0)["studies"] == 0


@pytest.mark.parametrize(("most", "base"), [(1, LEAST_BASE), (80, 100), (81, 200), (4_000_000, 5_000_000), (4_000_001, 10_000_000)])  # fmt: skip
def test_the_base_of_an_amount_is_no_less_than_what_one_archive_has(most: int, base: int) -> None:
    assert base_of(most) == base
