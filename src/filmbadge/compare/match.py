"""Which archives of two surveys are one. Each is matched once, the best score first, and the same from either side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple

from filmbadge.compare.records import By, Known
from filmbadge.judge.identity import score
from filmbadge.model import Endpoint

Pair = tuple[Known, Known]
Marks = Callable[[Known], Sequence[Hashable]]  # by which an archive may be found in another survey
Fit = Callable[[Known, Known], int]
ENOUGH = 2  # of a score: as `judge.identity.same` has it


class Matched(NamedTuple):
    at_one_place: list[Pair]  # they share an endpoint
    elsewhere: list[tuple[Known, Known, By]]  # open in both, at another address or port: likely the same, and by what
    may_be_one: Callable[
        [Known, Known], bool
    ]  # whether an older and a newer one stand at one address, and nothing tells them apart


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
    place += take(_best(left[0], left[1], _endpoints, _score))
    moved(By.CONFIGURATION, _configuration)
    here = _Here([*place, *((one, other) for one, other, _ in elsewhere)])
    lost, found = ([known for known in side if known.open] for side in left)
    lost += [was for was, now in place if was.open and not now.open]
    found += [now for was, now in place if now.open and not was.open]
    ports = _best(lost, found, _addresses, lambda one, other: ENOUGH if here.may_be_one(one, other) else 0)
    elsewhere += [(one, other, By.ADDRESS) for one, other in ports]
    again = {one.id for one, _ in ports}, {other.id for _, other in ports}
    place = [(was, now) for was, now in place if was.id not in again[0] and now.id not in again[1]]
    return Matched(place, elsewhere, here.may_be_one)


class _Here:
    """What is known of ways in at one address that share no endpoint: a way in was closed, and another is open."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._after = {was.id: now for was, now in pairs}
        self._before = {now.id: was for was, now in pairs}

    def may_be_one(self, was: Known, now: Known) -> bool:
        """Neither key, product nor names tell them apart, and neither does the survey that knows both."""
        if not {*_addresses(was)} & {*_addresses(now)} or _against(was, now, keys=True):
            return False
        before, after = self._before.get(now.id), self._after.get(was.id)
        return (before is None or _perhaps(was, before)) and (after is None or _perhaps(now, after))


def _perhaps(one: Known, other: Known) -> bool:
    return one.id == other.id or other.id in one.perhaps_same or one.id in other.perhaps_same


def _alone(marks: Marks, *surveys: Sequence[Known]) -> Marks:
    """The marks that one archive at most has in each survey."""
    counts = [Counter(mark for known in side for mark in marks(known)) for side in surveys]
    return lambda known: tuple(mark for mark in marks(known) if all(count[mark] < 2 for count in counts))


def _score(one: Known, other: Known) -> int:
    return score(one.identity, other.identity)


def _with_one_key(one: Known, other: Known) -> int:
    """A score, where the keys do not speak against it."""
    return 0 if _apart(one.identity.spki_sha256, other.identity.spki_sha256) else _score(one, other)


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
        yield from ((one, other) for other in others.values() if fit(one, other) >= ENOUGH)


def _order(pair: Pair, fit: Fit) -> tuple[object, ...]:
    """The best first. Nothing in it hangs on which survey is the older."""
    one, other = pair
    shared = len({*one.identity.endpoints} & {*other.identity.endpoints})
    first, second = sorted((one.id, other.id))
    return -fit(one, other), not (one.open and other.open), -shared, one.id != other.id, first, second


def _elsewhere(one: Known, other: Known) -> int:
    """A mark in common is enough where neither product nor names speak against it. At one endpoint it would have been matched."""
    return 0 if _against(one, other) or {*_endpoints(one)} & {*_endpoints(other)} else ENOUGH


def _against(one: Known, other: Known, *, keys: bool = False) -> bool:
    """Whether their products or their names speak against it that they are one; where that is asked, their keys too."""
    mine, theirs = one.identity, other.identity
    return (
        _apart((mine.product,), (theirs.product,))
        or _apart(mine.names, theirs.names)
        or (keys and _apart(mine.spki_sha256, theirs.spki_sha256))
    )


def _apart(mine: Sequence[str], theirs: Sequence[str]) -> bool:
    return any(mine) and any(theirs) and not {*mine} & {*theirs}


def _addresses(known: Known) -> tuple[str, ...]:
    return tuple({endpoint.address for endpoint in _endpoints(known)})


def _keys(known: Known) -> tuple[str, ...]:
    return known.identity.spki_sha256


def _configuration(known: Known) -> tuple[str, ...]:
    return (known.configuration,) if known.configuration else ()
