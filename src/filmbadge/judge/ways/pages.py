"""Pages of viewers, portals and lists of files, and of whatever else speaks HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    ConfiguredRoot,
    Count,
    Counts,
    Observation,
    Outcome,
    OutcomeKind,
    PageFacts,
    Provenance,
    Reason,
    Rung,
    Verdict,
)


def place(facts: PageFacts, seen: Observation) -> Iterator[Verdict]:
    listing = facts.listing
    if listing is not None and listing.proof:
        yield Verdict(Rung.DELIVERS, Reason.IMAGE, (listing.proof,), "a file of a list")
    elif listing is not None and listing.shown:
        yield Verdict(Rung.DISCLOSES, Reason.LISTING, (listing.files,))
    if facts.patients:
        yield Verdict(Rung.DISCLOSES, Reason.PATIENTS, (facts.patients,))
    if seen.signs or facts.viewer:
        yield _of_a_product(facts)
    if facts.status is not None:
        yield _of_any(facts, facts.status, seen.stop)


def leads_to(facts: PageFacts) -> tuple[ConfiguredRoot, ...]:
    return facts.names


def listed(facts: PageFacts) -> Counts:
    """Files, and the rows of the archive's own list: what it takes for one patient."""
    patients, images, listing = Count(), Count(), facts.listing
    if facts.patients:
        patients = Count(facts.patients, Provenance.REPORTED)
    if listing is not None and listing.files and listing.whole:
        images = Count(listing.files, Provenance.COUNTED)
    elif listing is not None and listing.files:
        images = Count(at_least=listing.files, why="not every folder was looked into")
    return Counts(patients=patients, images=images)


def _of_a_product(facts: PageFacts) -> Verdict:
    """A mark of the catalogue was seen."""
    status = next((s for s in (facts.front, facts.status) if s in (401, 403)), None)
    if facts.viewer and facts.login is False:
        outside = any(named.outside for named in facts.names)
        shown = f"{facts.viewer}, which names an archive that was not contacted," if outside else facts.viewer
        return Verdict(Rung.ADMITS, Reason.PAGE, detail=shown)
    if status is not None or facts.login:
        return Verdict(Rung.SPEAKS, Reason.LOGIN, (status or 200,), facts.realm)
    return Verdict(Rung.SPEAKS, Reason.PAGE, detail=facts.viewer)


def _of_any(facts: PageFacts, status: int, stop: Outcome) -> Verdict:
    if stop.ending is OutcomeKind.SPARED:  # before all was asked
        if not stop.detail.startswith("HTTP "):
            return Verdict(None, Reason.SPARED, detail=stop.detail)
        return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (int(stop.detail[-3:]),), f"{stop.detail}, and left alone")
    if facts.catch_all:
        return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (200,), "HTTP 200 to a path that cannot exist")
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (status,), f"HTTP {status}")


WAY: Way[PageFacts] = Way(archive=False, place=place, leads_to=leads_to, listed=listed)
