"""Judges DIMSE: an association, its queries, and the later questions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from filmbadge.catalogue.dicom import is_success
from filmbadge.catalogue.fingerprints import Manners, fingerprints, products_of, toolkit_of
from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Abort,
    Census,
    Depth,
    DimseFacts,
    Draws,
    Fingerprint,
    FingerprintKind,
    Observation,
    Outcome,
    Profile,
    Reason,
    Rung,
    Verdict,
    refuses_all,
)

USER = 0  # source of an A-ABORT, PS3.8 Table 9-26


def place(facts: DimseFacts, seen: Observation) -> Iterator[Verdict]:
    if facts.valid_pdu:
        yield _place(facts, seen.depth, seen.stop)


def signs(facts: DimseFacts) -> Iterator[Fingerprint]:
    if not facts.accepted:
        return
    table = fingerprints()
    for row, version in products_of(facts.implementation_uid, facts.implementation_version):
        yield Fingerprint(row.is_, row.by, version)
    manners = _manners(facts)
    for behaviour in table.behaviour:
        if not behaviour.hint and behaviour.seen.fit(manners):
            yield Fingerprint(behaviour.is_, FingerprintKind.BEHAVIOUR)
    if title_needed(facts):
        for title in table.title:
            if re.fullmatch(title.title, facts.called):
                yield Fingerprint(title.is_, FingerprintKind.AE_TITLE)


def title_needed(facts: DimseFacts) -> str:
    """The called AE title of the scope without which it lets nobody in. Empty: it asks for none, or lets us in by none."""
    return facts.called if facts.accepted and facts.called_from_scope and facts.titles_rejected else ""


def hints(facts: DimseFacts) -> Iterator[tuple[str, FingerprintKind]]:
    manners = _manners(facts)
    for behaviour in fingerprints().behaviour if facts.accepted else ():
        if behaviour.hint and behaviour.seen.fit(manners):
            yield behaviour.is_, FingerprintKind.BEHAVIOUR


def toolkit(facts: DimseFacts) -> str:
    return toolkit_of(facts.implementation_uid, facts.implementation_version)


def names(facts: DimseFacts) -> tuple[str, ...]:
    return (facts.called,) if facts.accepted and facts.called_from_scope else ()


def manners(facts: DimseFacts) -> tuple[object, ...]:
    announced = (facts.implementation_uid, facts.implementation_version, facts.max_pdu, facts.called)
    return (*announced, facts.verification, facts.study_root, facts.patient_root)


def gave(facts: DimseFacts) -> bool:
    return any(find.matches for find in facts.finds)


def census(facts: DimseFacts) -> Census | None:
    return facts.census


def profile(facts: DimseFacts) -> Profile | None:
    return facts.profile


def delivered(facts: DimseFacts) -> bool:
    return facts.proof is not None and facts.proof.bytes > 0


def draws(facts: DimseFacts) -> Draws | None:
    return None if facts.proof is None else facts.proof.draws


def withheld(facts: DimseFacts) -> bool | None:
    """Proof is a final status that refuses every question, or an association that was made without C-GET."""
    if not gave(facts) and not (facts.census and facts.census.studies):
        return None
    return facts.proof is not None and refuses_all(facts.proof)


def steps(facts: DimseFacts, rung: Rung | None) -> Iterator[Depth]:
    if facts.census is None and rung is Rung.DISCLOSES:
        yield Depth.COUNT
    if rung is not None and rung.open:
        yield Depth.PROFILE
    if facts.proof is None and rung is Rung.DISCLOSES:
        yield Depth.PROVE


def _place(facts: DimseFacts, depth: Depth, stop: Outcome) -> Verdict:
    if facts.rejection is not None:
        r = facts.rejection
        return Verdict(Rung.SPEAKS, Reason.REJECTED, (r.result, r.source, r.reason))
    if not facts.accepted:
        codes = (facts.abort.source, facts.abort.reason) if facts.abort else ()
        return Verdict(Rung.SPEAKS, Reason.ABORTED, codes, stop=stop)
    opened = next((find for find in reversed(facts.finds) if find.matches), None)
    proof = facts.proof
    if proof is not None and proof.bytes:
        return Verdict(Rung.DELIVERS, Reason.IMAGE, (proof.bytes,), proof.transfer_syntax)
    if proof is not None and proof.get and proof.storage:
        ended = () if proof.status is None else (proof.status,)
        return Verdict(Rung.OFFERS, Reason.IMAGE_OFFERED, ended, stop=proof.stop)
    if opened is not None or (facts.census is not None and facts.census.studies):
        return Verdict(Rung.DISCLOSES, Reason.RECORDS, (opened.ages or ()) if opened is not None else ())
    if not (facts.study_root or facts.patient_root):
        return Verdict(Rung.SPEAKS, Reason.CONTEXT_REFUSED)
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Reason.DEPTH)
    return _unanswered(facts, stop)


def _unanswered(facts: DimseFacts, stop: Outcome) -> Verdict:
    """The verdict if a query was accepted in negotiation, and no record came."""
    answered = any(is_success(find.status) for find in facts.finds)
    rung = Rung.ANSWERS if answered else Rung.ADMITS
    last = facts.finds[-1] if facts.finds else None
    if any(find.unnamed for find in facts.finds):
        return Verdict(Rung.ANSWERS, Reason.ROWS_UNNAMED)
    if last is None or last.status is None:
        if facts.abort is not None and last is None:
            return Verdict(rung, Reason.ABORTED, (facts.abort.source, facts.abort.reason))
        if facts.abort is not None:
            return Verdict(rung, Reason.FIND_ABORTED, (facts.abort.source, facts.abort.reason))
        return Verdict(rung, Reason.FIND_BROKE_OFF, stop=stop)
    if answered:
        return Verdict(rung, Reason.NOTHING_GIVEN)
    if not facts.study_root:
        return Verdict(rung, Reason.NEEDS_PERSONAL_DATA, (last.status,))
    return Verdict(rung, Reason.FIND_FAILED, (last.status,))


def _manners(facts: DimseFacts) -> Manners:
    return Manners(
        no_implementation=not (facts.implementation_uid or facts.implementation_version),
        max_pdu=facts.max_pdu or 0,
        all_contexts=facts.verification and facts.study_root and facts.patient_root,
        aborts_query=bool(facts.finds) and facts.finds[-1].status is None and facts.abort == Abort(USER, 0),
    )


WAY: Way[DimseFacts] = Way(
    place=place,
    signs=signs,
    hints=hints,
    toolkit=toolkit,
    names=names,
    manners=manners,
    gave=gave,
    census=census,
    profile=profile,
    delivered=delivered,
    draws=draws,
    withheld=withheld,
    steps=steps,
)
