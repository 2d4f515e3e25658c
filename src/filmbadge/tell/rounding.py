"""Figures that anybody may see: rounded down so that no subtraction brings one of them back.

The rule is one for all figures of a document. A figure becomes a multiple of its base: first a whole number is taken off,
drawn from 0 to `base - most`, and then it is rounded down. `most` is what one archive can add to it, and less than
the base. So the truth is never less than what is told, and it may be any of `2 * base - most` numbers. One archive more or less
moves what is told by one step at most, and by none for some of these numbers.

Then figures are lowered, and never raised, until the ones that are told obey every limit that is known of the true ones: a
part is no more than its whole, parts no more than what they add up to. Parts never have to add up to all of it, for one of them
is never told. So for each figure there is a world for each of `base` numbers or more: all other figures are what is told of them,
and those above it grow with it. Their bases are no smaller. Whoever knows this rule, and all limits, cannot exclude one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

BASE = 5  # of a count of archives or of hosts
LEAST_BASE = 100  # of an amount: more than that many times what small counts say of it


class Figure(NamedTuple):
    value: int  # at least so many: no estimate is in it
    members: tuple[str, ...]  # what is counted: the same archives have the same figure
    base: int = BASE
    most: int = 1  # what one archive adds to it at most


class Limit(NamedTuple):
    """The sum of `parts` is no more than `times` the whole."""

    parts: tuple[str, ...]
    whole: str
    times: int = 1


class Each(NamedTuple):
    """An amount, of which each of these archives has one or more."""

    amount: str
    archives: str


Draw = Callable[[Figure], int]  # a number from 0 to `base - most`
Rule = Limit | Each


def keyed(secret: bytes) -> Draw:
    """Draws that nobody can make again without the secret, and that are the same for the same figure."""

    def draw(figure: Figure) -> int:
        said = "\n".join((str(figure.base), *sorted(figure.members)))
        number = int.from_bytes(sha256(secret + said.encode()).digest()[:16])
        return number % (figure.base - figure.most + 1)

    return draw


def base_of(most: int) -> int:
    """The base of an amount of which one archive has `most`: a quarter more or above, and 1, 2 or 5 with zeros."""
    unit = 1
    while True:
        for base in (unit, 2 * unit, 5 * unit):
            if 4 * base >= max(5 * most, 4 * LEAST_BASE):
                return base
        unit *= 10


def told(figures: Mapping[str, Figure], rules: Sequence[Rule], draw: Draw) -> dict[str, int]:
    """What is told of each figure; 0 where it is too small to be told. Rules about figures that are not there say nothing."""
    made = {name: _down(max(0, figure.value - draw(figure)), figure.base) for name, figure in figures.items()}
    while any(_lowered(made, figures, rule) for rule in rules):
        pass  # it ends: each turn lowers a figure, and none is raised
    return made


def _down(value: int, base: int) -> int:
    return value // base * base


def _lowered(made: dict[str, int], figures: Mapping[str, Figure], rule: Rule) -> bool:
    if isinstance(rule, Each):
        known = rule.amount in made and rule.archives in made
        if not known or not made[rule.amount] or made[rule.amount] >= made[rule.archives]:
            return False
        made[rule.amount] = 0
        return True
    parts = [part for part in rule.parts if made.get(part)]
    if rule.whole not in made or not parts:
        return False
    room = rule.times * made[rule.whole]
    if _sum(made, parts) <= room:
        return False
    if len(rule.parts) == 1:
        made[parts[0]] = _down(room, figures[parts[0]].base)
    else:
        made[min(parts, key=lambda part: (made[part], part))] = 0
    return True


def _sum(made: Mapping[str, int], parts: Iterable[str]) -> int:
    return sum(made[part] for part in parts)
