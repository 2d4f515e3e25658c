"""Which archives of two surveys are one. Each is matched once, the best score first, and the same from either side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from filmbadge.compare.records import By, Known
from filmbadge.judge.identity import score
from filmbadge.model import Identity

Pair = tuple[Known, Known]
ENOUGH = 2  # of a score: as `judge.identity.same` has it


def at_one_place(old: Sequence[Known], new: Sequence[Known]) -> list[Pair]:
    """Archives that share an endpoint, and of which nothing says that they are two."""
    return _best(old, new, lambda known: known.identity.endpoints, score)


def moved(
    old: Iterable[Known], new: Iterable[Known], all_old: Sequence[Known], all_new: Sequence[Known]
) -> list[tuple[Known, Known, By]]:
    """Of those that were not found at one place: the same key, or else the same configuration, at another address.

    A maker's own key is in many archives, and copies have one configuration. So what two archives of one survey have shows nothing.
    """
    left_old, left_new = ({k.id: k for k in side if k.open} for side in (old, new))
    found: list[tuple[Known, Known, By]] = []
    for by, marks in ((By.KEY, _keys), (By.CONFIGURATION, _configuration)):
        several = {
            mark
            for side in (all_old, all_new)
            for mark, n in Counter(m for k in side for m in marks(k)).items()
            if n > 1
        }

        def alone(
            known: Known, marks: Callable[[Known], tuple[str, ...]] = marks, several: set[str] = several
        ) -> tuple[str, ...]:
            return tuple(mark for mark in marks(known) if mark not in several)

        for one, other in _best([*left_old.values()], [*left_new.values()], alone, _elsewhere):
            found.append((one, other, by))
            del left_old[one.id], left_new[other.id]
    return found


def _best(
    old: Sequence[Known],
    new: Sequence[Known],
    marks: Callable[[Known], Iterable[object]],
    fit: Callable[[Identity, Identity], int],
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
    marks: Callable[[Known], Iterable[object]],
    fit: Callable[[Identity, Identity], int],
) -> Iterator[Pair]:
    """Only those that have a mark in common are looked at: all with all would be too many."""
    by_mark: dict[object, list[Known]] = {}
    for known in new:
        for mark in marks(known):
            by_mark.setdefault(mark, []).append(known)
    for one in old:
        others = {other.id: other for mark in marks(one) for other in by_mark.get(mark, ())}
        yield from ((one, other) for other in others.values() if fit(one.identity, other.identity) >= ENOUGH)


def _order(pair: Pair, fit: Callable[[Identity, Identity], int]) -> tuple[object, ...]:
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
