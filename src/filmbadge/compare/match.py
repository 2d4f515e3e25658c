"""Which archives of two surveys are one. Each is matched once, the best score first, and the same from either side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from filmbadge.compare.records import By, Known
from filmbadge.judge.identity import score
from filmbadge.model import Endpoint, Identity

Pair = tuple[Known, Known]
Marks = Callable[[Known], Sequence[Hashable]]  # by which an archive may be found in another survey
Fit = Callable[[Identity, Identity], int]
ENOUGH = 2  # of a score: as `judge.identity.same` has it


class Matched(NamedTuple):
    at_one_place: list[Pair]  # they share an endpoint
    elsewhere: list[tuple[Known, Known, By]]  # open in both, at another address: likely the same, and by what


def match(old: Sequence[Known], new: Sequence[Known]) -> Matched:
    """At one address first, then by a key, then at an address at which the key was renewed, and last by a configuration.

    A maker's own key is in many archives, and copies have one configuration. So what two archives of one survey have shows nothing.
    """
    left = [list(old), list(new)]
    place: list[Pair] = []
    elsewhere: list[tuple[Known, Known, By]] = []

    def take(pairs: list[Pair]) -> list[Pair]:
        for at in (0, 1):
            taken = {pair[at].id for pair in pairs}
            left[at] = [known for known in left[at] if known.id not in taken]
        return pairs

    def moved(by: By, marks: Marks) -> None:
        opened = [[known for known in side if known.open] for side in left]
        found = _best(opened[0], opened[1], _alone(marks, old, new), _elsewhere)
        elsewhere.extend((one, other, by) for one, other in take(found))

    place += take(_best(left[0], left[1], _endpoints, _with_one_key))
    moved(By.KEY, _keys)
    place += take(_best(left[0], left[1], _endpoints, score))
    moved(By.CONFIGURATION, _configuration)
    return Matched(place, elsewhere)


def _alone(marks: Marks, *surveys: Sequence[Known]) -> Marks:
    """The marks that one archive at most has in each survey."""
    counts = [Counter(mark for known in side for mark in marks(known)) for side in surveys]
    return lambda known: tuple(mark for mark in marks(known) if all(count[mark] < 2 for count in counts))


def _with_one_key(one: Identity, other: Identity) -> int:
    """A score, where the keys do not speak against it."""
    keys = set(one.spki_sha256), set(other.spki_sha256)
    return 0 if all(keys) and not keys[0] & keys[1] else score(one, other)


def _endpoints(known: Known) -> tuple[Endpoint, ...]:
    return known.identity.endpoints


def _best(
    old: Sequence[Known],
    new: Sequence[Known],
    marks: Marks,
    fit: Fit,
) -> list[Pair]:
    found = sorted(_candidates(old, new, marks, fit), key=lambda pair: _order(pair, fit))
    taken_old: set[str] = set()
    taken_new: set[str] = set()
    pairs = []
    for one, other in found:
        if one.id not in taken_old and other.id not in taken_new:
            pairs.append((one, other))
            taken_old.add(one.id)
            taken_new.add(other.id)
    return pairs


def _candidates(
    old: Sequence[Known],
    new: Sequence[Known],
    marks: Marks,
    fit: Fit,
) -> Iterator[Pair]:
    """Only those that have a mark in common are looked at: all with all would be too many."""
    by_mark: dict[Hashable, list[Known]] = {}
    for known in new:
        for mark in marks(known):
            by_mark.setdefault(mark, []).append(known)
    for one in old:
        others = {other.id: other for mark in marks(one) for other in by_mark.get(mark, ())}
        yield from ((one, other) for other in others.values() if fit(one.identity, other.identity) >= ENOUGH)


def _order(pair: Pair, fit: Fit) -> tuple[object, ...]:
    """The best first. Nothing in it hangs on which survey is the older."""
    one, other = pair
    shared = len({*one.identity.endpoints} & {*other.identity.endpoints})
    first, second = sorted((one.id, other.id))
    return -fit(one.identity, other.identity), -shared, one.id != other.id, first, second


def _elsewhere(one: Identity, other: Identity) -> int:
    """A mark in common is enough where neither product nor names speak against it. At one address it would have been matched."""
    against = sum(
        any(left) and any(right) and not {*left} & {*right}
        for left, right in (((one.product,), (other.product,)), (one.names, other.names))
    )
    return 0 if against or {*one.endpoints} & {*other.endpoints} else ENOUGH


def _keys(known: Known) -> tuple[str, ...]:
    return known.identity.spki_sha256


def _configuration(known: Known) -> tuple[str, ...]:
    return (known.configuration,) if known.configuration else ()
