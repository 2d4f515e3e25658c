"""Judges DICOMweb: how it answers QIDO-RS, and what its records say of retrieval."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Census,
    Depth,
    DicomWebFacts,
    Draws,
    Observation,
    Outcome,
    Profile,
    Reason,
    Rung,
    Verdict,
    WebService,
    refuses_all,
)


def place(facts: DicomWebFacts, seen: Observation) -> Iterator[Verdict]:
    yield _place(facts, seen.stop)


def gave(facts: DicomWebFacts) -> bool:
    return facts.records > 0 or (facts.census is not None and facts.census.studies > 0)


def census(facts: DicomWebFacts) -> Census | None:
    return facts.census


def profile(facts: DicomWebFacts) -> Profile | None:
    return facts.profile


def delivered(facts: DicomWebFacts) -> bool:
    return facts.proof is not None and facts.proof.bytes > 0


def draws(facts: DicomWebFacts) -> Draws | None:
    return None if facts.proof is None else facts.proof.draws


def withheld(facts: DicomWebFacts) -> bool | None:
    if not gave(facts):
        return None
    return facts.proof is not None and refuses_all(facts.proof)


def steps(facts: DicomWebFacts, rung: Rung | None) -> Iterator[Depth]:
    """If a record came, we may ask for more. A root that answers narrow questions only may hold what they did not meet."""
    if not (gave(facts) or (facts.needs_filter and facts.census is None)):
        return
    if facts.census is None and facts.may_ask:
        yield Depth.COUNT
    if rung is not None and rung.open:
        yield Depth.PROFILE
    if facts.proof is None:
        yield Depth.PROVE


def _place(facts: DicomWebFacts, stop: Outcome) -> Verdict:
    proof, status = facts.proof, facts.status or 0
    if proof is not None and proof.bytes:
        why = Reason.IMAGE_WADO_RS if proof.service is WebService.WADO_RS else Reason.IMAGE_WADO_URI
        return Verdict(Rung.DELIVERS, why, (proof.bytes,), proof.media_type)
    if gave(facts):
        if facts.retrieve_url:
            return Verdict(Rung.OFFERS, Reason.IMAGE_NAMED, said=facts.root)
        return Verdict(Rung.DISCLOSES, Reason.RECORDS, said=facts.root)
    if status in (401, 403):
        return Verdict(Rung.SPEAKS, Reason.LOGIN, (status,), facts.realm)
    if status not in (200, 204):
        return Verdict(Rung.SPEAKS, Reason.HTTP_STATUS, (status,))
    if facts.unusable:
        return Verdict(Rung.ANSWERS, Reason.ROWS_UNNAMED)
    if facts.record_status in (200, 204):
        return Verdict(Rung.ANSWERS, Reason.NOTHING_GIVEN)
    if facts.record_status is not None:
        return Verdict(Rung.ANSWERS, Reason.HTTP_STATUS, (facts.record_status,))
    if facts.may_ask:
        return Verdict(Rung.ANSWERS, Reason.FIND_BROKE_OFF, stop=stop)
    return Verdict(Rung.ANSWERS, Reason.NEEDS_PERSONAL_DATA)


WAY: Way[DicomWebFacts] = Way(
    place=place,
    gave=gave,
    census=census,
    profile=profile,
    delivered=delivered,
    draws=draws,
    withheld=withheld,
    steps=steps,
)
