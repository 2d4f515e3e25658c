"""Judges on which rung of the ladder an endpoint stands, and why not higher."""

from __future__ import annotations

from msgspec.structs import replace

from filmbadge.judge.conclusive import conclusive
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Cause,
    ClientCertificate,
    DimseFacts,
    Observation,
    Outcome,
    OutcomeKind,
    PageFacts,
    Reason,
    Rung,
    Verdict,
)

IMAGING = frozenset(rung for rung in Rung if rung.reaches(Rung.SPEAKS))
_HUNG_UP = (OutcomeKind.CLOSED, OutcomeKind.RESET)
_NOBODY = (OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER)
_NOT_FOUND_OUT = {
    OutcomeKind.OUT_OF_SCOPE: Reason.OUT_OF_SCOPE,
    OutcomeKind.NO_ADDRESS: Reason.NO_ADDRESS,
    OutcomeKind.OWN_ERROR: Reason.OWN_ERROR,
    OutcomeKind.INTERRUPTED: Reason.OWN_ERROR,
}


def place(seen: Observation, *, host_answered: bool = False) -> Verdict:
    """The verdict on one endpoint. `rung` is None if we could not find out, which is not `silent`.

    `host_answered` says that its host answered on some port, in whatever way.
    """
    verdict = _place(seen, host_answered)
    return replace(verdict, conclusive=True) if conclusive(verdict, seen) else verdict


def answered(seen: Observation) -> bool:
    """Whether the host itself sent anything, be it a refusal to connect."""
    dimse, pages = seen.get(DimseFacts), seen.get(PageFacts)
    spoke = (dimse is not None and dimse.valid_pdu) or (pages is not None and pages.status is not None)
    return spoke or seen.tls is not None or seen.stop.ending not in (*_NOBODY, *_NOT_FOUND_OUT, OutcomeKind.SPARED)


def _place(seen: Observation, host_answered: bool) -> Verdict:
    dimse = seen.get(DimseFacts)
    spoke = dimse is not None and dimse.valid_pdu
    if seen.tls is not None and seen.tls.client_certificate is ClientCertificate.YES and not spoke:
        # TLS proves no imaging service, whatever the port is.
        return Verdict(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, () if seen.tls.alert is None else (seen.tls.alert,))
    placed = [verdict for way, facts in ways_of(seen) for verdict in way.place(facts, seen)]
    best = max(placed, key=_height, default=None)  # `max` takes the first of equals
    if best is None:
        return _unspoken(seen.stop, host_answered)
    # A DIMSE verdict itself says what broke off. On the web, more might have been seen.
    whole = spoke or seen.stop.ending not in _NOT_FOUND_OUT
    return best if whole or (best.rung is not None and best.rung.open) else _unspoken(seen.stop, host_answered)


def _height(verdict: Verdict) -> int:
    return -1 if verdict.rung is None else verdict.rung.height


def _unspoken(stop: Outcome, host_answered: bool) -> Verdict:
    """The peer never proved to be an imaging service."""
    if stop.ending is OutcomeKind.REFUSED:
        return Verdict(Rung.SILENT, Reason.PORT_CLOSED, stop=stop)
    if stop.ending in _NOBODY:
        filtered = host_answered or stop.cause is Cause.PROHIBITED
        return Verdict(Rung.SILENT, Reason.FILTERED if filtered else Reason.NOTHING_ANSWERED, stop=stop)
    if why := _NOT_FOUND_OUT.get(stop.ending):
        return Verdict(None, why, stop=stop)
    if stop.ending in _HUNG_UP and stop.cause is Cause.CERTIFICATE_ASKED:  # so some fronts refuse, without an alert
        return Verdict(Rung.LISTENING, Reason.CLIENT_CERTIFICATE, stop=stop)
    if stop.ending is OutcomeKind.SPARED:  # the archive was spared before anything was asked
        return Verdict(None, Reason.SPARED, stop=stop)
    return Verdict(Rung.LISTENING, Reason.NOT_IMAGING, stop=stop)
