"""Which verdicts are proven. Whatever is not in this list is not, and "not open" then does not mean "closed".

What we gave up on proves nothing: a time-out, a limit of ours, a failure of our parser or of our TLS, a connection that was
dropped, an answer that we did not understand, a service in distress. So a new reason proves nothing until somebody puts it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from filmbadge.catalogue.fingerprints import Manners, fingerprints, toolkit_of
from filmbadge.judge.ways.dimse import USER
from filmbadge.model import (
    Cause,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Observation,
    OrthancFacts,
    OutcomeKind,
    PageFacts,
    Reason,
    Rung,
    Verdict,
)

Proof = Callable[[Verdict, Observation], bool]

# Permanent rejections that are about who we are (PS3.8 9.3.4). Congestion is none, and a version or an application
# context that is not supported tells of us.
_REJECTIONS = frozenset({(1, 1, 1), (1, 1, 3), (1, 1, 7), (1, 2, 1)})
# Statuses of a C-FIND that refuse the question as such (PS3.7 C, PS3.4 C.4.1.1.4): SOP class not supported, not authorized,
# unrecognized operation. All others may be about the keys that we asked for, or about this moment.
_REFUSALS = frozenset({0x0122, 0x0124, 0x0211})
# We ended the last conversation before it was over: what would have come is unknown, whatever came before.
_OURS = frozenset({OutcomeKind.OUT_OF_SCOPE, OutcomeKind.INTERRUPTED, OutcomeKind.OWN_ERROR})
_LOCKED = frozenset({401, 403})
_OTHER_SERVICES = frozenset(
    {Cause.SPOKE_SSH, Cause.SPOKE_FTP_OR_SMTP, Cause.SPOKE_VNC, Cause.SPOKE_TELNET, Cause.SPOKE_HL7}
)


def conclusive(verdict: Verdict, seen: Observation) -> bool:
    """Whether something that the peer did proves this rung, so that asking again would likely end there."""
    if verdict.rung is None:
        return False
    proof = None if seen.stop.ending in _OURS else PROOFS.get(verdict.why)
    return verdict.rung.open or (proof is not None and proof(verdict, seen))


def _always(_: Verdict, __: Observation) -> bool:
    return True


def _rejected(verdict: Verdict, _: Observation) -> bool:
    return verdict.codes in _REJECTIONS


def _refused(verdict: Verdict, _: Observation) -> bool:
    return not _REFUSALS.isdisjoint(verdict.codes[:1])


def _aborted_as_known(verdict: Verdict, seen: Observation) -> bool:
    """A product that the catalogue knows to refuse strangers so: its toolkit and its manner both say which it is."""
    facts = seen.get(DimseFacts)
    if facts is None or verdict.rung is not Rung.ADMITS:
        return False
    toolkit = toolkit_of(facts.implementation_uid, facts.implementation_version)
    built = {row.product for row in fingerprints().built_on if toolkit.startswith(row.toolkit)}
    manners = Manners(aborts_query=verdict.codes == (USER, 0))
    known = (row for row in fingerprints().behaviour if row.seen.aborts_query is True)
    return any(row.is_ in built and row.seen.fit(manners) for row in known)


def _unasked(_: Verdict, seen: Observation) -> bool:
    """The depth alone kept us from the question that would tell."""
    asked = (facts := seen.get(DicomWebFacts)) is not None and facts.may_ask
    return not asked and not seen.depth.reaches(Depth.PROFILE)


def _own_zero(_: Verdict, seen: Observation) -> bool:
    """Its own counters say that it is empty. A question that brought nothing may have been the wrong one."""
    return any(facts.counters.studies == 0 for facts in seen.facts if isinstance(facts, OrthancFacts | Dcm4cheeFacts))


def _no_door_left(_: Verdict, seen: Observation) -> bool:
    """It speaks HTTP, and each door that we know of gave a definite answer."""
    pages = seen.get(PageFacts)
    return pages is not None and pages.doors is True


def _locked(verdict: Verdict, seen: Observation) -> bool:
    return not _LOCKED.isdisjoint(verdict.codes[:1]) and _no_door_left(verdict, seen)


def _page(verdict: Verdict, seen: Observation) -> bool:
    """A known server. What the page of a viewer shows, and to whom, was not asked."""
    pages = seen.get(PageFacts)
    return pages is not None and not pages.viewer and _no_door_left(verdict, seen)


def _other_service(verdict: Verdict, seen: Observation) -> bool:
    if verdict.stop is not None and verdict.stop.ending is OutcomeKind.OTHER_PROTOCOL:
        return verdict.stop.cause in _OTHER_SERVICES
    return _no_door_left(verdict, seen)


PROOFS: Mapping[Reason, Proof] = MappingProxyType(
    {
        Reason.PORT_CLOSED: _always,
        Reason.FILTERED: _always,
        Reason.CLIENT_CERTIFICATE: _always,
        Reason.REJECTED: _rejected,
        Reason.CONTEXT_REFUSED: _always,
        Reason.FIND_FAILED: _refused,
        Reason.FIND_ABORTED: _aborted_as_known,
        Reason.DEPTH: _always,  # the user chose it, and is told
        Reason.NEEDS_PERSONAL_DATA: _unasked,  # the same
        Reason.NO_RECORDS: _own_zero,
        Reason.LOGIN: _locked,
        Reason.HTTP_STATUS: _locked,
        Reason.PAGE: _page,
        Reason.CATCH_ALL: _no_door_left,
        Reason.NOT_IMAGING: _other_service,
    }
)
