"""Only what is on the list of proofs is proven, whatever codes there will be."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.judge.archives import judge
from filmbadge.judge.conclusive import PROOFS, conclusive
from filmbadge.judge.ladder import answered, place
from filmbadge.model import (
    Abort,
    Cause,
    ClientCertificate,
    Counters,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Facts,
    Find,
    Fingerprint,
    FingerprintKind,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Reason,
    Rejection,
    Rung,
    TlsFacts,
    Verdict,
)
from support.factories import ADDRESS, DISCLOSED, EMPTY, ORTHANC_REALM, admitted, dimse, web

MUTE = DimseFacts(called="ANY-SCP")
SPOKE = DimseFacts(called="ANY-SCP", valid_pdu=True)
ECHO_ONLY = DimseFacts(called="ANY-SCP", valid_pdu=True, accepted=True, verification=True)
LOCKED = OrthancFacts(status=401, realm=ORTHANC_REALM)
IS_ORTHANC = OrthancFacts(status=200, is_orthanc=True)
ABORTS = msgspec.structs.replace(admitted((Find(None, 0),)), abort=Abort(0, 0))
ORTHANC_ABORTS = msgspec.structs.replace(
    ABORTS, implementation_uid="1.2.276.0.7230010.3.0.3.6.7", implementation_version="OFFIS_DCMTK_367"
)
SURE, UNSURE = PageFacts(404, 200, doors=True), PageFacts(404, 200, doors=False)
SIGN = (Fingerprint("OHIF Viewer", FingerprintKind.PAGE),)
ALL_CAUSES = [None, *Cause]


def outcome(ending: OutcomeKind, cause: Cause | None) -> Outcome:
    return Outcome(ending, cause, {} if cause is None else dict.fromkeys(cause.numbers, 1))


def rejected(result: int, source: int, reason: int) -> DimseFacts:
    return msgspec.structs.replace(SPOKE, rejection=Rejection(result, source, reason))


def refused(status: int) -> Observation:
    return dimse(admitted((Find(None, 0, status),)))


def stopped(ending: OutcomeKind, cause: Cause | None = None) -> Observation:
    return dimse(MUTE, stop=outcome(ending, cause))


PROVEN = {
    "records": dimse(admitted(DISCLOSED)),
    "records, then silence": dimse(admitted(DISCLOSED), stop=outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT)),
    "rejected": dimse(rejected(1, 1, 1)),
    "rejected for our title": dimse(rejected(1, 1, 3)),
    "rejected for its title": dimse(rejected(1, 1, 7)),
    "no query model": dimse(ECHO_ONLY),
    "question refused, as its class": refused(0x0122),
    "question refused to strangers": refused(0x0124),
    "question not known": refused(0x0211),
    "question aborted as Orthanc does": dimse(ORTHANC_ABORTS),
    "port closed": stopped(OutcomeKind.REFUSED),
    "prohibited on the way": stopped(OutcomeKind.UNREACHABLE, Cause.PROHIBITED),
    "SSH": stopped(OutcomeKind.OTHER_PROTOCOL, Cause.SPOKE_SSH),
    "HL7": stopped(OutcomeKind.OTHER_PROTOCOL, Cause.SPOKE_HL7),
    "client certificate": msgspec.structs.replace(
        stopped(OutcomeKind.TLS_FAILED), tls=TlsFacts("", "", ClientCertificate.YES, 116)
    ),
    "hung up after it asked for a certificate": stopped(OutcomeKind.CLOSED, Cause.CERTIFICATE_ASKED),
    "not asked below this depth": dimse(admitted(), depth=Depth.KNOCK),
    "a record would be personal": web(DicomWebFacts("/dicom-web", 200), UNSURE),
    "a login, and no door left": web(LOCKED, SURE),
    "DICOMweb's login, and no door left": web(DicomWebFacts("/dicom-web", 401), SURE),
    "counters refused, and no door left": web(OrthancFacts(status=200, is_orthanc=True, counters=Counters(403)), SURE),
    "its own counters say zero": web(OrthancFacts(status=200, is_orthanc=True, counters=Counters(200, studies=0)), UNSURE),
    "some web server": web(SURE),
    "one page for every path": web(PageFacts(200, 200, catch_all=True, doors=True)),
    "a known server without a viewer": msgspec.structs.replace(web(SURE), signs=SIGN),
}  # fmt: skip
NOT_PROVEN = {
    "nothing answered": stopped(OutcomeKind.NO_ANSWER, Cause.CONNECT_LIMIT),
    "unreachable": stopped(OutcomeKind.UNREACHABLE),
    "rejected for now": dimse(rejected(2, 1, 1)),
    "rejected for congestion": dimse(rejected(1, 3, 1)),
    "rejected for its limit": dimse(rejected(1, 3, 2)),
    "rejected for the application context": dimse(rejected(1, 1, 2)),
    "rejected with no known code": dimse(rejected(0, 0, 0)),
    "aborted": dimse(msgspec.structs.replace(SPOKE, abort=Abort(0, 0))),
    "question aborted": dimse(ABORTS),
    "question aborted by the service provider": dimse(msgspec.structs.replace(ORTHANC_ABORTS, abort=Abort(2, 0))),
    "question aborted after one was answered": dimse(
        msgspec.structs.replace(ORTHANC_ABORTS, finds=(Find((0, 1), 0, 0x0000), Find(None, 0)))
    ),
    "empty": dimse(admitted(EMPTY)),
    "question broke off": dimse(admitted((Find(None, 0),)), stop=outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT)),
    "a key is missing": refused(0xA900),
    "cannot process": refused(0xC000),
    "out of resources": refused(0xA700),
    "patient root only, at profile": dimse(admitted((Find(None, 0, 0xA900),), study_root=False), depth=Depth.PROFILE),
    "a record was asked for, and an odd answer came": web(DicomWebFacts("/dicom-web", 200, may_ask=True), SURE),
    "DICOMweb is empty": web(DicomWebFacts("/dicom-web", 200, may_ask=True, record_status=204), SURE),
    "DICOMweb in trouble": web(DicomWebFacts("/dicom-web", 500), SURE),
    "a login, and a door left": web(LOCKED, UNSURE),
    "a login, and who knows of doors": web(LOCKED, PageFacts(401, 401)),
    "some web server, and a door left": web(UNSURE),
    "a viewer": msgspec.structs.replace(
        web(PageFacts(404, 200, viewer="OHIF", login=False, doors=True)), signs=SIGN
    ),
    "markup": stopped(OutcomeKind.OTHER_PROTOCOL, Cause.SPOKE_MARKUP),
    "HTTP on a port of DICOM": stopped(OutcomeKind.OTHER_PROTOCOL, Cause.SPOKE_HTTP),
    "our TLS failed": stopped(OutcomeKind.TLS_FAILED, Cause.HANDSHAKE_FAILED),
    "hung up in TLS, and asked for no certificate": msgspec.structs.replace(
        stopped(OutcomeKind.CLOSED), tls=TlsFacts("TLSv1.3", "", ClientCertificate.NO)
    ),
}  # fmt: skip


@pytest.mark.parametrize("seen", PROVEN.values(), ids=PROVEN)
def test_proofs(seen: Observation) -> None:
    assert place(seen).conclusive


@pytest.mark.parametrize("seen", NOT_PROVEN.values(), ids=NOT_PROVEN)
def test_what_proves_nothing(seen: Observation) -> None:
    assert not place(seen).conclusive


OTHERS = (Cause.SPOKE_SSH, Cause.SPOKE_FTP_OR_SMTP, Cause.SPOKE_VNC, Cause.SPOKE_TELNET, Cause.SPOKE_HL7)


def proves(stop: Outcome) -> bool:
    """The endings that prove something by themselves. A new ending or cause is not here either."""
    return (
        stop.ending is OutcomeKind.REFUSED
        or (stop.ending in (OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER) and stop.cause is Cause.PROHIBITED)
        or (stop.ending is OutcomeKind.OTHER_PROTOCOL and stop.cause in OTHERS)
        or (stop.ending in (OutcomeKind.CLOSED, OutcomeKind.RESET) and stop.cause is Cause.CERTIFICATE_ASKED)
    )


NOTHING_PROVEN: list[tuple[Facts, ...]] = [
    (),
    (MUTE,),
    (PageFacts(),),
    (UNSURE,),
    (OrthancFacts(), PageFacts()),
    (IS_ORTHANC, UNSURE),
    (Dcm4cheeFacts(200), UNSURE),
    (admitted((Find((0, 1), 0, 0x0000), Find(None, 0))),),
    (admitted((Find(None, 0),)),),
    (SPOKE,),
    (admitted(),),
]


@pytest.mark.parametrize("ending", list(OutcomeKind))
@pytest.mark.parametrize("facts", NOTHING_PROVEN, ids=repr)
def test_how_a_connection_ended_proves_nothing_but_for_a_few_endings(
    ending: OutcomeKind, facts: tuple[Facts, ...]
) -> None:
    for cause in ALL_CAUSES:
        stop = outcome(ending, cause)
        verdict = place(msgspec.structs.replace(web(*facts), stop=stop))
        assert verdict.conclusive <= proves(stop), (stop, verdict)


@given(
    st.sampled_from([*Rung, None]),
    st.sampled_from(list(Reason)),
    st.lists(st.integers(0, 0xFFFF), max_size=3).map(tuple),
    st.sampled_from(list(OutcomeKind)),
    st.sampled_from(ALL_CAUSES),
)
def test_without_facts_of_the_peer_only_codes_and_endings_of_the_list_prove(
    rung: Rung | None, why: Reason, codes: tuple[int, ...], ending: OutcomeKind, cause: Cause | None
) -> None:
    stop = outcome(ending, cause)
    verdict = Verdict(rung, why, codes, stop=stop)
    if not conclusive(verdict, msgspec.structs.replace(web(), stop=stop)):
        return
    assert rung is not None
    assert (
        rung.open
        or why in (Reason.PORT_CLOSED, Reason.FILTERED, Reason.CLIENT_CERTIFICATE, Reason.CONTEXT_REFUSED)
        or why in (Reason.DEPTH, Reason.NEEDS_PERSONAL_DATA)
        or (why is Reason.REJECTED and codes[0] == 1)
        or (why is Reason.FIND_FAILED and codes[0] in (0x0122, 0x0124, 0x0211))
        or (why is Reason.NOT_IMAGING and proves(stop))
    )


def test_a_reason_that_is_not_in_the_table_proves_nothing() -> None:
    missing = set(Reason) - set(PROOFS)
    assert Reason.NOTHING_ANSWERED in missing
    for why in missing:
        assert not conclusive(Verdict(Rung.LISTENING, why), web(SURE))


def test_what_we_could_not_find_out_is_never_proven() -> None:
    assert not conclusive(Verdict(None, Reason.PORT_CLOSED), web(SURE))


def at(port: int, seen: Observation) -> Observation:
    endpoint = msgspec.structs.replace(seen.endpoint, port=port)
    return msgspec.structs.replace(seen, endpoint=endpoint)


@pytest.mark.parametrize("silence", [OutcomeKind.NO_ANSWER, OutcomeKind.UNREACHABLE])
@pytest.mark.parametrize(
    ("other", "why"),
    [
        (stopped(OutcomeKind.REFUSED), Reason.FILTERED),
        (stopped(OutcomeKind.RESET), Reason.FILTERED),
        (dimse(rejected(1, 1, 7)), Reason.FILTERED),
        (web(SURE), Reason.FILTERED),
        (stopped(OutcomeKind.NO_ANSWER), Reason.NOTHING_ANSWERED),
        (stopped(OutcomeKind.UNREACHABLE), Reason.NOTHING_ANSWERED),
        (stopped(OutcomeKind.OWN_ERROR), Reason.NOTHING_ANSWERED),
        (stopped(OutcomeKind.INTERRUPTED), Reason.NOTHING_ANSWERED),
        (stopped(OutcomeKind.SPARED), Reason.NOTHING_ANSWERED),
    ],
)
def test_a_door_is_filtered_only_where_the_same_host_answered(
    silence: OutcomeKind, other: Observation, why: Reason
) -> None:
    silent = at(104, stopped(silence))
    for order in ((silent, other), (other, silent)):
        verdicts = {j.observation.endpoint.port: j.verdict for j in judge(ADDRESS, order).judged}
        assert verdicts[104].why is why
        assert verdicts[104].conclusive is (why is Reason.FILTERED)


def test_another_host_that_answered_proves_nothing() -> None:
    other = stopped(OutcomeKind.REFUSED)
    elsewhere = msgspec.structs.replace(other.endpoint, address="192.0.2.99")
    other = msgspec.structs.replace(other, endpoint=elsewhere)
    verdicts = [j.verdict for j in judge(ADDRESS, (at(104, stopped(OutcomeKind.NO_ANSWER)), other)).judged]
    assert [verdict.why for verdict in verdicts] == [Reason.NOTHING_ANSWERED, Reason.PORT_CLOSED]


def test_a_host_that_answered_and_was_left_alone_later_answered() -> None:
    assert answered(dimse(SPOKE, stop=outcome(OutcomeKind.SPARED, Cause.DISTRESS)))
    assert not answered(dimse(MUTE, stop=outcome(OutcomeKind.SPARED, Cause.DISTRESS)))


@pytest.mark.parametrize("ending", [OutcomeKind.OUT_OF_SCOPE, OutcomeKind.INTERRUPTED, OutcomeKind.OWN_ERROR])
def test_what_we_ended_ourselves_proves_nothing(ending: OutcomeKind) -> None:
    """Such as an archive that refused one question, at the end of the scope: the next may have brought a record."""
    for name, seen in PROVEN.items():
        verdict = place(msgspec.structs.replace(seen, stop=Outcome(ending)))
        assert not verdict.conclusive or (verdict.rung is not None and verdict.rung.open), name
