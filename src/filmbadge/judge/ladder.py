"""Where an endpoint stands on the ladder, and why not higher."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.model import (
    ClientCertificate,
    Counters,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Reason,
    Rung,
    Verdict,
)

_NOBODY = (OutcomeKind.REFUSED, OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER)
_NOT_FOUND_OUT = {
    OutcomeKind.OUT_OF_SCOPE: Reason.OUT_OF_SCOPE,
    OutcomeKind.NO_ADDRESS: Reason.NO_ADDRESS,
    OutcomeKind.OWN_ERROR: Reason.OWN_ERROR,
    OutcomeKind.INTERRUPTED: Reason.OWN_ERROR,
}
ORTHANC_REALM = "Orthanc Secure Area"


def place(observation: Observation) -> Verdict:
    """The verdict on one endpoint. `rung` is None where we could not find out; that is not `silent`."""
    tls = observation.tls
    dimse, web = observation.get(DimseFacts), observation.get(PageFacts)
    spoke = dimse is not None and dimse.valid_pdu
    if tls is not None and tls.client_certificate is ClientCertificate.YES and not spoke:
        # TLS is no proof of an imaging service, whatever the port.
        return Verdict(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, () if tls.alert is None else (tls.alert,))
    if dimse is not None:
        return _dimse(dimse, observation.depth, observation.stop)
    placed = [verdict for verdict in _web(observation) if verdict.rung is not None]
    best = max(placed, key=lambda verdict: verdict.rung.height if verdict.rung else -1, default=None)
    if best is not None and best.rung is not None and best.rung.open:  # of two that are equal the first
        return best
    if observation.stop.ending in _NOT_FOUND_OUT:  # more might have been seen
        return _unspoken(observation.stop)
    if best is not None:
        return best
    if web is not None and web.status is not None:
        return _no_product(web, observation.stop)
    return _unspoken(observation.stop)


def _unspoken(stop: Outcome) -> Verdict:
    """The peer never proved to be an imaging service."""
    if stop.ending in _NOBODY:
        return Verdict(Rung.SILENT, Reason.NOTHING_ANSWERED, detail=stop.detail)
    if why := _NOT_FOUND_OUT.get(stop.ending):
        return Verdict(None, why, detail=stop.detail)
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, detail=stop.detail)


def _dimse(facts: DimseFacts, depth: Depth, stop: Outcome) -> Verdict:
    if not facts.valid_pdu:
        return _unspoken(stop)
    if facts.rejection is not None:
        r = facts.rejection
        return Verdict(Rung.SPEAKS, Reason.REJECTED, (r.result, r.source, r.reason))
    if not facts.accepted:
        codes = (facts.abort.source, facts.abort.reason) if facts.abort else ()
        return Verdict(Rung.SPEAKS, Reason.ABORTED, codes, stop.detail)
    matches = sum(find.matches for find in facts.finds)
    proof = facts.proof
    if proof is not None and proof.bytes:
        return Verdict(Rung.DELIVERS, Reason.IMAGE, (proof.bytes,), proof.transfer_syntax)
    if proof is not None and proof.get and proof.storage:
        ended = () if proof.status is None else (proof.status,)
        return Verdict(Rung.OFFERS, Reason.IMAGE_OFFERED, ended, proof.detail)
    if matches or (facts.census is not None and facts.census.rows):
        return Verdict(Rung.DISCLOSES, Reason.RECORDS, detail=facts.finds[-1].window if facts.finds else "")
    if not (facts.study_root or facts.patient_root):
        return Verdict(Rung.SPEAKS, Reason.CONTEXT_REFUSED)
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Reason.DEPTH)
    return _unanswered(facts, stop)


def _unanswered(facts: DimseFacts, stop: Outcome) -> Verdict:
    """A query was accepted in negotiation, and no record came."""
    rung = Rung.ANSWERS if any(find.status == 0x0000 for find in facts.finds) else Rung.ADMITS
    last = facts.finds[-1] if facts.finds else None
    if last is None or last.status is None:
        if facts.abort is not None and last is None:
            return Verdict(rung, Reason.ABORTED, (facts.abort.source, facts.abort.reason))
        if facts.abort is not None:
            return Verdict(rung, Reason.FIND_ABORTED, (facts.abort.source, facts.abort.reason))
        return Verdict(rung, Reason.FIND_BROKE_OFF, detail=f"{stop.ending}: {stop.detail}")
    if last.status == 0x0000:
        return Verdict(rung, Reason.NO_RECORDS)
    if not facts.study_root:
        return Verdict(rung, Reason.NEEDS_PERSONAL_DATA, (last.status,))
    return Verdict(rung, Reason.FIND_FAILED, (last.status,))


def _web(observation: Observation) -> Iterator[Verdict]:
    """What each way in on one port of HTTP proves."""
    depth, stop = observation.depth, observation.stop
    for facts in observation.facts:
        if isinstance(facts, OrthancFacts):
            yield _orthanc(facts, depth, stop)
        elif isinstance(facts, Dcm4cheeFacts):
            yield _dcm4chee(facts, depth, stop)
        elif isinstance(facts, DicomWebFacts):
            yield _dicomweb(facts)
        elif isinstance(facts, PageFacts):
            yield from _pages(facts, bool(observation.signs))


def _no_product(facts: PageFacts, stop: Outcome) -> Verdict:
    assert facts.status is not None
    if stop.ending is OutcomeKind.SPARED:  # before all was asked
        return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (int(stop.detail[-3:]),), f"{stop.detail}, and left alone")
    if facts.catch_all:
        return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (200,), "HTTP 200 to a path that cannot exist")
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (facts.status,), f"HTTP {facts.status}")


def _pages(facts: PageFacts, known: bool) -> Iterator[Verdict]:
    """Of viewers, portals and lists of files. `known`: a mark of the catalogue was seen."""
    listing = facts.listing
    if listing is not None and listing.proof:
        yield Verdict(Rung.DELIVERS, Reason.IMAGE, (listing.proof,), "a file of a list")
    elif listing is not None and listing.shown:
        yield Verdict(Rung.DISCLOSES, Reason.LISTING, (listing.files,))
    if facts.patients:
        yield Verdict(Rung.DISCLOSES, Reason.PATIENTS, (facts.patients,))
    if known or facts.viewer:
        status = next((s for s in (facts.front, facts.status) if s in (401, 403)), None)
        if facts.viewer and facts.login is False:
            outside = any(named.outside for named in facts.names)
            shown = f"{facts.viewer}, which names an archive that was not contacted," if outside else facts.viewer
            yield Verdict(Rung.ADMITS, Reason.PAGE, detail=shown)
        elif status is not None or facts.login:
            yield Verdict(Rung.SPEAKS, Reason.LOGIN, (status or 200,), facts.realm)
        else:
            yield Verdict(Rung.SPEAKS, Reason.PAGE, detail=facts.viewer)


def _dcm4chee(facts: Dcm4cheeFacts, depth: Depth, stop: Outcome) -> Verdict:
    if facts.status in (401, 403):
        return Verdict(Rung.SPEAKS, Reason.LOGIN, (facts.status,))
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Reason.DEPTH)
    return _by_counters(facts.counters, stop)


def _dicomweb(facts: DicomWebFacts) -> Verdict:
    if facts.proof is not None and facts.proof.bytes:
        return Verdict(
            Rung.DELIVERS, Reason.IMAGE, (facts.proof.bytes,), f"{facts.proof.service}, {facts.proof.media_type}"
        )
    if facts.records:
        if facts.retrieve_url:
            return Verdict(Rung.OFFERS, Reason.IMAGE_NAMED, detail=facts.root)
        return Verdict(Rung.DISCLOSES, Reason.RECORDS, detail=f"{facts.root}/studies")
    status = facts.status or 0
    if status in (401, 403):
        return Verdict(Rung.SPEAKS, Reason.LOGIN, (status,), facts.realm)
    if status not in (200, 204):
        return Verdict(Rung.SPEAKS, Reason.HTTP_STATUS, (status,))
    if facts.record_status in (200, 204):
        return Verdict(Rung.ANSWERS, Reason.NO_RECORDS)
    if facts.record_status is not None:
        return Verdict(Rung.ANSWERS, Reason.HTTP_STATUS, (facts.record_status,))
    return Verdict(Rung.ANSWERS, Reason.NEEDS_PERSONAL_DATA)


def _orthanc(facts: OrthancFacts, depth: Depth, stop: Outcome) -> Verdict:
    if facts.status is None:
        return _unspoken(stop)
    if not facts.is_orthanc:
        if facts.status in (401, 403) and facts.realm == ORTHANC_REALM:
            return Verdict(Rung.SPEAKS, Reason.LOGIN, (facts.status,), facts.realm)
        return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (facts.status,), f"HTTP {facts.status}")
    if not depth.reaches(Depth.ASK):
        return Verdict(Rung.ADMITS, Reason.DEPTH)
    return _by_counters(facts.counters, stop)


def _by_counters(counters: Counters, stop: Outcome) -> Verdict:
    if counters.patients or counters.studies or counters.series or counters.images:
        return Verdict(Rung.DISCLOSES, Reason.COUNTER)
    if counters.studies is not None:
        return Verdict(Rung.ANSWERS, Reason.NO_RECORDS)
    if counters.status is None:
        return Verdict(Rung.ADMITS, Reason.FIND_BROKE_OFF, detail=f"{stop.ending}: {stop.detail}")
    return Verdict(Rung.ADMITS, Reason.HTTP_STATUS, (counters.status,))
