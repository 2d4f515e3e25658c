"""What became of each archive. Pure: nothing here reads a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

from filmbadge.compare.asked import Asked
from filmbadge.compare.differences import differences, verdict
from filmbadge.compare.match import Matched, match
from filmbadge.compare.records import CLOSED_BY, GONE_BY, By, Change, ChangeKind, Known
from filmbadge.model import Endpoint, Rung

_May = Callable[[Known, Known], bool]  # whether an archive of one survey may be one of the other, at another port
_WORST_FIRST = tuple(By)
# Where only the port is closed, what else stands at the host now says more.
_ONLY_THE_PORT = frozenset({By.FILTERED, By.REFUSED})
_NOT_ASKED = frozenset({By.OPTED_OUT, By.EXCLUDED, By.INTERRUPTED, By.HOST_NOT_ASKED, By.PORT_NOT_ASKED})
_FRONTS = frozenset(_WORST_FIRST[: _WORST_FIRST.index(By.EMPTIED)])


def changes(old: Asked, new: Asked) -> tuple[Change, ...]:
    """A change for each archive that is open in one of two surveys, decoys left out, in the order of kinds and ids."""
    return tuple(sorted(_changes(old, new), key=_order))


def matched(old: Asked, new: Asked) -> Matched:
    """Which archives of both are one, where both asked for them."""
    found = match(old.archives, new.archives)
    return found._replace(elsewhere=[one for one in found.elsewhere if _may_have_left(*one, old, new)])


def closed_in_both(old: Asked, new: Asked) -> int:
    pairs = match(old.archives, new.archives).at_one_place
    return sum(not one.open and not other.open for one, other in pairs)


def _order(change: Change) -> tuple[object, ...]:
    return [*ChangeKind].index(change.kind), change.old or change.new or "", change.new or ""


def _changes(old: Asked, new: Asked) -> Iterator[Change]:
    pairs, elsewhere, may_be = matched(old, new)
    for was, now in pairs:
        yield from _pair(was, now, old, new, may_be)
    for was, now, by in elsewhere:
        if mixed := _mixed(was, now):
            yield from mixed
        elif not was.decoy:
            yield Change(ChangeKind.MOVED, by, was.id, now.id, True, differences(was, now), was, now)
    taken = ({pair[0].id for pair in pairs}, {pair[1].id for pair in pairs})
    for was in _left(old, [*pairs, *elsewhere], 0):
        if was.open and not was.decoy:
            kind, by = _not_open(was, old, new, taken[1], may_be)
            yield Change(kind, by, old=was.id, was=was, likely=by is By.ANOTHER_ARCHIVE)
    for now in _left(new, [*pairs, *elsewhere], 1):
        if now.open and not now.decoy:
            kind, by = _not_open(now, new, old, taken[0], _turned(may_be))
            yield Change(_forwards(kind), by, new=now.id, now=now, likely=by is By.ANOTHER_ARCHIVE)


def _left(
    survey: Asked, found: Iterable[tuple[Known, Known] | tuple[Known, Known, By]], at: Literal[0, 1]
) -> list[Known]:
    """The archives of one survey that were found nowhere in the other."""
    ids = {one[at].id for one in found}
    return [known for known in survey.archives if known.id not in ids]


def _may_have_left(was: Known, now: Known, by: By, old: Asked, new: Asked) -> bool:
    """Where the newer survey did not ask, the archive may stand as before, and its like be a second one.

    Where the older survey did not ask at a port of the same host, the archive may have had both.
    """
    asked = _NOT_ASKED.isdisjoint(new.at_endpoint(way, old) for way in was.ways)
    return asked and (by is not By.ADDRESS or _NOT_ASKED.isdisjoint(old.at_endpoint(way, new) for way in now.ways))


def _mixed(was: Known, now: Known) -> list[Change]:
    """Decoys stand apart. What one survey alone takes for a decoy cannot be said to be new or gone."""
    return (
        [Change(ChangeKind.NOT_COMPARED, By.DECOY, was.id, now.id, was=was, now=now)]
        if was.decoy is not now.decoy
        else []
    )


def _pair(was: Known, now: Known, old: Asked, new: Asked, may_be: _May) -> Iterator[Change]:
    if not (was.open or now.open) or (was.decoy and now.decoy):
        return
    if mixed := _mixed(was, now):
        yield from mixed
    elif was.open and now.open:
        found = differences(was, now)
        yield Change(verdict(found), None, was.id, now.id, False, found, was, now)
    elif was.open:
        kind, by = _not_open(was, old, new, set(), may_be)
        yield Change(kind, by, was.id, now.id, was=was, now=now)
    else:
        kind, by = _not_open(now, new, old, set(), _turned(may_be))
        yield Change(_forwards(kind), by, was.id, now.id, was=was, now=now)


def _turned(may_be: _May) -> _May:
    return lambda one, other: may_be(other, one)


def _forwards(kind: ChangeKind) -> ChangeKind:
    """What is not open seen from the newer survey is new seen from the older one."""
    return ChangeKind.NEW if kind in (ChangeKind.CLOSED, ChangeKind.GONE) else kind


def _not_open(here: Known, mine: Asked, there: Asked, matched: set[str], may_be: _May) -> tuple[ChangeKind, By]:
    """Of an archive that is open in `mine`: what the other survey shows at each of its open ways in.

    It is closed if that is proven of all of them, and no other way in that may be its own is open; else it is not compared.
    `matched`: archives there that are another archive here.
    """
    if (other := _other_archive(here, there)) is not None:
        taken = other.id in matched
        return (ChangeKind.NOT_COMPARED, By.GROUPED_OTHERWISE) if taken else (ChangeKind.GONE, By.ANOTHER_ARCHIVE)
    shown = {there.at_endpoint(way, mine) for way in here.ways} or {By.INCONCLUSIVE}
    if any(may_be(here, known) for address in _addresses(here) for known in there.open_at.get(address, ())):
        shown.add(By.OTHER_WAY)
    if unknown := shown - CLOSED_BY - GONE_BY:
        return ChangeKind.NOT_COMPARED, _first(unknown)
    if silent := shown & GONE_BY:  # at one of its addresses, be another closed or not
        return ChangeKind.GONE, _first(silent)
    if shown <= _ONLY_THE_PORT and (fronts := {*_fronts(here.ways, mine, there)}):
        shown = fronts
    return ChangeKind.CLOSED, _first(shown)


def _addresses(known: Known) -> set[str]:
    return {endpoint.address for endpoint in known.identity.endpoints}


def _first(found: Iterable[By]) -> By:
    return min(found, key=_WORST_FIRST.index)


def _other_archive(here: Known, there: Asked) -> Known | None:
    """An open archive that has one of its open ways in, and was not taken for it."""
    held = (there.by_endpoint.get(way) for way in here.ways if (heard := there.heard.get(way)) and _open(heard.rung))
    return next((known for known in held if known is not None and known.open), None)


def _open(rung: Rung | None) -> bool:
    return rung is not None and rung.open


def _fronts(ways: Sequence[Endpoint], mine: Asked, there: Asked) -> Iterator[By]:
    """What stands at its addresses in the other survey, at ports where nothing stood in this one."""
    for address in {way.address for way in ways}:
        for endpoint in there.at.get(address, ()):
            before, heard = mine.heard.get(endpoint), there.heard[endpoint]
            stood = before is not None and before.rung is not Rung.SILENT
            if not stood and not _open(heard.rung) and heard.by in _FRONTS:
                yield heard.by
