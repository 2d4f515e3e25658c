"""Judges on which rung of the ladder an endpoint stands, and why not higher."""

from __future__ import annotations

from filmbadge.judge.ways import ways_of
from filmbadge.model import ClientCertificate, DimseFacts, Observation, Outcome, OutcomeKind, Reason, Rung, Verdict

_NOBODY = (OutcomeKind.REFUSED, OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER)
_NOT_FOUND_OUT = {
    OutcomeKind.OUT_OF_SCOPE: Reason.OUT_OF_SCOPE,
    OutcomeKind.NO_ADDRESS: Reason.NO_ADDRESS,
    OutcomeKind.OWN_ERROR: Reason.OWN_ERROR,
    OutcomeKind.INTERRUPTED: Reason.OWN_ERROR,
}


def place(seen: Observation) -> Verdict:
    """The verdict on one endpoint. `rung` is None if we could not find out, which is not `silent`."""
    dimse = seen.get(DimseFacts)
    spoke = dimse is not None and dimse.valid_pdu
    if seen.tls is not None and seen.tls.client_certificate is ClientCertificate.YES and not spoke:
        # TLS proves no imaging service, whatever the port is.
        return Verdict(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, () if seen.tls.alert is None else (seen.tls.alert,))
    placed = [verdict for way, facts in ways_of(seen) for verdict in way.place(facts, seen)]
    best = max(placed, key=_height, default=None)  # `max` takes the first of equals
    if best is None:
        return _unspoken(seen.stop)
    # A DIMSE verdict itself says what broke off. On the web, more might have been seen.
    whole = spoke or seen.stop.ending not in _NOT_FOUND_OUT
    return best if whole or (best.rung is not None and best.rung.open) else _unspoken(seen.stop)


def _height(verdict: Verdict) -> int:
    return -1 if verdict.rung is None else verdict.rung.height


def _unspoken(stop: Outcome) -> Verdict:
    """The peer never proved to be an imaging service."""
    if stop.ending in _NOBODY:
        return Verdict(Rung.SILENT, Reason.NOTHING_ANSWERED, stop=stop)
    if why := _NOT_FOUND_OUT.get(stop.ending):
        return Verdict(None, why, stop=stop)
    if stop.ending is OutcomeKind.SPARED:  # the archive was spared before anything was asked
        return Verdict(None, Reason.SPARED, stop=stop)
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, stop=stop)
