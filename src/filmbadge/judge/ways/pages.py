"""Judges web pages: viewers, portals, lists of files, and any other service that speaks HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Cause,
    ConfiguredRoot,
    Count,
    Counts,
    Doubt,
    DoubtCode,
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
        yield Verdict(Rung.DELIVERS, Reason.FILE, (listing.proof,))
    elif listing is not None and listing.shown:
        yield Verdict(Rung.DISCLOSES, Reason.LISTING, (listing.files,))
    if facts.patients:
        yield Verdict(Rung.DISCLOSES, Reason.PATIENTS, (facts.patients,))
    if seen.signs or facts.viewer:
        yield _of_a_product(facts)
    if facts.status is not None:
        yield _of_any(facts, facts.status, seen.stop)


# Why an archive that a page names was not contacted: the numbers of `Reason.PAGE`, after their sum, in this order.
NOT_CONTACTED = (Cause.NOT_IN_SCOPE, Cause.PORT_NOT_IN_SCOPE, Cause.NAME_NOT_IN_SCOPE, Cause.REFERENCE_REFUSED)


def leads_to(facts: PageFacts) -> tuple[ConfiguredRoot, ...]:
    return facts.names


def listed(facts: PageFacts) -> Counts | None:
    """Counts from pages: DICOM files as images, and rows of the archive's list as patients."""
    patients, images, listing = Count(), Count(), facts.listing
    if not facts.patients and listing is None:
        return None
    if facts.patients:
        patients = Count(facts.patients, Provenance.REPORTED)
    if listing is not None and listing.files and listing.whole:
        images = Count(listing.files, Provenance.COUNTED)
    elif listing is not None and listing.files:
        images = Count(at_least=listing.files, doubts=(Doubt(DoubtCode.FOLDERS_MISSED),))
    return Counts(patients=patients, images=images)


def _of_a_product(facts: PageFacts) -> Verdict:
    """The verdict if a sign of a product in the catalogue was seen."""
    status = next((s for s in (facts.front, facts.status) if s in (401, 403)), None)
    if facts.viewer and facts.login is False:
        outside = [named.why for named in facts.names if named.outside]
        each = tuple(map(outside.count, NOT_CONTACTED))
        codes = (len(outside), *each) if any(each) else (len(outside),) if outside else ()
        return Verdict(Rung.ADMITS, Reason.PAGE, codes, facts.viewer)
    if status is not None or facts.login:
        return Verdict(Rung.SPEAKS, Reason.LOGIN, (status or 200,), facts.realm)
    return Verdict(Rung.SPEAKS, Reason.PAGE, said=facts.viewer)


def _of_any(facts: PageFacts, status: int, stop: Outcome) -> Verdict:
    if stop.ending is OutcomeKind.SPARED:  # the service was spared before everything was asked
        return Verdict(Rung.LISTENING if stop.cause is Cause.HTTP_STATUS else None, Reason.SPARED, stop=stop)
    if facts.catch_all:
        return Verdict(Rung.LISTENING, Reason.CATCH_ALL)
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (status,))


WAY: Way[PageFacts] = Way(archive=False, place=place, leads_to=leads_to, listed=listed)
