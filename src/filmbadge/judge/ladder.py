"""Where an endpoint stands on the ladder, and why not higher."""

from __future__ import annotations

from filmbadge.model import Demanded, Depth, DimseFacts, Ending, Observation, OrthancFacts, Rung, Stop, Verdict, Why

_NOBODY = (Ending.REFUSED, Ending.UNREACHABLE, Ending.NO_ANSWER)
_NOT_FOUND_OUT = {
    Ending.OUT_OF_SCOPE: Why.OUT_OF_SCOPE,
    Ending.NO_ADDRESS: Why.NO_ADDRESS,
    Ending.OWN_ERROR: Why.OWN_ERROR,
    Ending.INTERRUPTED: Why.OWN_ERROR,
}
ORTHANC_REALM = "Orthanc Secure Area"


def place(observation: Observation) -> Verdict:
    """The verdict on one endpoint. `rung` is None where we could not find out; that is not `silent`."""
    tls = observation.tls
    spoke = observation.dimse is not None and observation.dimse.valid_pdu
    if tls is not None and tls.client_certificate is Demanded.YES and not spoke:
        # TLS is no proof of an imaging service, whatever the port.
        return Verdict(Rung.LISTENING, Why.CLIENT_CERTIFICATE, () if tls.alert is None else (tls.alert,))
    if observation.dimse is not None:
        return _dimse(observation.dimse, observation.depth, observation.stop)
    if observation.orthanc is not None:
        return _orthanc(observation.orthanc, observation.depth, observation.stop)
    return _unspoken(observation.stop)


def _unspoken(stop: Stop) -> Verdict:
    """The peer never proved to be an imaging service."""
    if stop.ending in _NOBODY:
        return Verdict(Rung.SILENT, Why.NOTHING_ANSWERED, detail=stop.detail)
    if why := _NOT_FOUND_OUT.get(stop.ending):
        return Verdict(None, why, detail=stop.detail)
    return Verdict(Rung.LISTENING, Why.NOT_IMAGING, detail=stop.detail)


def _dimse(facts: DimseFacts, depth: Depth, stop: Stop) -> Verdict:
    if not facts.valid_pdu:
        return _unspoken(stop)
    if facts.rejection is not None:
        r = facts.rejection
        return Verdict(Rung.SPEAKS, Why.REJECTED, (r.result, r.source, r.reason))
    if not facts.accepted:
        codes = (facts.abort.source, facts.abort.reason) if facts.abort else ()
        return Verdict(Rung.SPEAKS, Why.ABORTED, codes, stop.detail)
    matches = sum(find.matches for find in facts.finds)
    proof = facts.proof
    if proof is not None and proof.bytes:
        return Verdict(Rung.DELIVERS, Why.IMAGE, (proof.bytes,), proof.transfer_syntax)
    if proof is not None and proof.get and proof.storage:
        ended = () if proof.status is None else (proof.status,)
        return Verdict(Rung.OFFERS, Why.IMAGE_OFFERED, ended, proof.detail)
    if matches or (facts.census is not None and facts.census.rows):
        return Verdict(Rung.DISCLOSES, Why.RECORDS, detail=facts.finds[-1].window if facts.finds else "")
    if not (facts.study_root or facts.patient_root):
        return Verdict(Rung.SPEAKS, Why.CONTEXT_REFUSED)
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Why.DEPTH)
    return _unanswered(facts, stop)


def _unanswered(facts: DimseFacts, stop: Stop) -> Verdict:
    """A query was accepted in negotiation, and no record came."""
    rung = Rung.ANSWERS if any(find.status == 0x0000 for find in facts.finds) else Rung.ADMITS
    last = facts.finds[-1] if facts.finds else None
    if last is None or last.status is None:
        if facts.abort is not None and last is None:
            return Verdict(rung, Why.ABORTED, (facts.abort.source, facts.abort.reason))
        if facts.abort is not None:
            return Verdict(rung, Why.FIND_ABORTED, (facts.abort.source, facts.abort.reason))
        return Verdict(rung, Why.FIND_BROKE_OFF, detail=f"{stop.ending}: {stop.detail}")
    if last.status == 0x0000:
        return Verdict(rung, Why.NO_RECORDS)
    if not facts.study_root:
        return Verdict(rung, Why.NEEDS_PERSONAL_DATA, (last.status,))
    return Verdict(rung, Why.FIND_FAILED, (last.status,))


def _orthanc(facts: OrthancFacts, depth: Depth, stop: Stop) -> Verdict:
    if facts.status is None:
        return _unspoken(stop)
    if not facts.is_orthanc:
        if facts.status in (401, 403) and facts.realm == ORTHANC_REALM:
            return Verdict(Rung.SPEAKS, Why.LOGIN, (facts.status,), facts.realm)
        return Verdict(Rung.LISTENING, Why.NOT_IMAGING, (facts.status,), f"HTTP {facts.status}")
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Why.DEPTH)
    counters = [n for n in (facts.patients, facts.studies, facts.series, facts.images) if n is not None]
    if any(counters):
        return Verdict(Rung.DISCLOSES, Why.COUNTER)
    if facts.studies is not None:
        return Verdict(Rung.ANSWERS, Why.NO_RECORDS)
    if facts.statistics_status is None:
        return Verdict(Rung.ADMITS, Why.FIND_BROKE_OFF, detail=f"{stop.ending}: {stop.detail}")
    return Verdict(Rung.ADMITS, Why.HTTP_STATUS, (facts.statistics_status,))
