"""Which archive each of a run is, and what became of every one that is known. Pure: nothing here reads a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from filmbadge.compare.asked import Asked
from filmbadge.compare.records import By, Change, ChangeKind, Known
from filmbadge.compare.verdicts import changes, matched


class Past(NamedTuple):
    """An archive of earlier runs."""

    id: int
    state: str
    known: Known  # as it was last seen open, if ever
    name: str | None  # in the baseline; None: it is not in there
    since: int = 0  # the run that found it first


class Fate(NamedTuple):
    """What a run shows of one archive."""

    past: Past | None  # None: it is known since now
    now: Known | None  # None: it was not found
    change: Change | None  # None: it is open in neither, or a decoy

    @property
    def state(self) -> str:
        """Open is what was seen open. Closed and gone need a change that says so, and all else leaves it as it was."""
        if self.now is not None and self.now.open:
            return "open"
        if self.change is not None:
            if self.change.kind in (ChangeKind.CLOSED, ChangeKind.GONE):
                return str(self.change.kind)
            if self.change.by is By.GROUPED_OTHERWISE:
                return "unknown"  # else it would count as open beside the archive that has its ways in
        return "shut" if self.past is None else self.past.state

    @property
    def was_open(self) -> bool:
        return self.past is not None and self.past.state in ("open", "unknown")


def fates(past: Sequence[Past], before: Asked | None, after: Asked, run: int = 0) -> list[Fate]:
    """By the baseline first. What that does not show is looked for among all that was ever known.

    `run`: what it found itself, before it was resumed, says nothing of what was before.
    """
    names = _recognised(past, before, after)
    told = _by_archive(_all_new(after) if before is None else changes(before, after), past, names)
    earlier = [one for one in past if one.since != run]
    for key, change in _besides(earlier, before, after, names).items():
        if before is None or key not in told or told[key].kind is ChangeKind.NOT_COMPARED:
            told[key] = change
    by_id = {one.id: one for one in past}
    found = [
        Fate(by_id.get(names.get(now.id, 0)), now, told.get(names.get(now.id, now.id)))
        for now in sorted(after.archives, key=lambda known: known.id)
    ]
    lost = by_id.keys() - {*names.values()}
    return [*found, *(Fate(by_id[one], None, told[one]) for one in sorted(lost) if one in told)]


def _all_new(after: Asked) -> list[Change]:
    return [
        Change(ChangeKind.NEW, new=known.id, now=known) for known in after.archives if known.open and not known.decoy
    ]


def _recognised(past: Sequence[Past], before: Asked | None, after: Asked) -> dict[str, int]:
    """Of the archives of this run that were known before: which they are. No two are the same."""
    names: dict[str, int] = {}
    if before is not None:
        by_name = {one.name: one.id for one in past if one.name is not None}
        names = {now.id: by_name[was.id] for was, now in _pairs(before, after) if was.id in by_name}
    others = _aside((one for one in past if one.name is None), before)
    left = replace(after, archives=tuple(known for known in after.archives if known.id not in names))
    return names | {now.id: int(was.id) for was, now in _pairs(others, left)}


def _pairs(old: Asked, new: Asked) -> list[tuple[Known, Known]]:
    found = matched(old, new)
    return [*found.at_one_place, *((was, now) for was, now, _ in found.elsewhere)]


def _aside(past: Iterable[Past], before: Asked | None) -> Asked:
    """Archives that the baseline does not show, as if a survey had found them together. Their names are their ids."""
    known = tuple(structs.replace(one.known, id=str(one.id), perhaps_same=()) for one in past)
    return Asked(known, {}, {} if before is None else before.answered)


def _besides(
    past: Sequence[Past], before: Asked | None, after: Asked, names: Mapping[str, int]
) -> dict[int | str, Change]:
    """What became of archives that are open as far as we know, and that the baseline does not show open.

    A run that was broken off found them, the baseline could not tell, or it is there no more. All others stand beside them, so that
    none is taken for one of these.
    """
    shown = set() if before is None else {known.id for known in before.archives if known.open}
    unseen = {str(one.id) for one in past if one.state == "open" and one.name not in shown}
    found = changes(_aside(past, before), after) if unseen else ()
    # Where it takes an archive for one that it was not recognised as, it says nothing.
    sure = [one for one in found if one.old in unseen and (one.new is None or names.get(one.new) == int(one.old or 0))]
    return {int(one.old or 0): one for one in sure}


def _by_archive(found: Iterable[Change], past: Sequence[Past], names: Mapping[str, int]) -> dict[int | str, Change]:
    """By the archive that is known, or by the name of one that is not."""
    by_name = {one.name: one.id for one in past if one.name is not None}
    told: dict[int | str, Change] = {}
    for change in found:
        new = change.new or ""
        told[names.get(new) or by_name.get(change.old or "") or new] = change
    return told
