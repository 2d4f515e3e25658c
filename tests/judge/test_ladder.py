"""One row per reason for every rung."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.judge.ladder import ORTHANC_REALM, place
from filmbadge.model import (
    Abort,
    Census,
    Dcm4cheeFacts,
    Demanded,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Ending,
    Find,
    Listing,
    Named,
    Observation,
    OrthancFacts,
    Proof,
    Rejection,
    Rung,
    Sign,
    SignKind,
    Stop,
    TlsFacts,
    WebFacts,
    WebProof,
    Why,
)
from making import DISCLOSED, DONE, EMPTY, REPORTED, admitted, dimse, web

MUTE = DimseFacts(called="ANY-SCP")
SPOKE = DimseFacts(called="ANY-SCP", valid_pdu=True)
ECHO_ONLY = DimseFacts(called="ANY-SCP", valid_pdu=True, accepted=True, verification=True)
BROKEN_OFF = (Find("all studies", 0),)
REFUSED = (Find("all studies", 0, 0xA900),)
ONE_EMPTY = (Find("studies 0 to 1 days old", 0, 0x0000), Find("studies 2 to 8 days old", 0))
LOCKED = OrthancFacts(status=401, realm=ORTHANC_REALM)
IS_ORTHANC = OrthancFacts(status=200, is_orthanc=True, version="1.12.1")


CT = "1.2.840.10008.5.1.4.1.1.2"


CATCH_ALL = WebFacts(200, 200, catch_all=True)
TITLE = (Sign("OHIF Viewer", SignKind.PAGE),)


def site(facts: WebFacts | None = None, signs: tuple[Sign, ...] = (), **more: object) -> Observation:
    """A port of HTTP."""
    plain = msgspec.structs.replace(web(None), web=facts or WebFacts(404, 200), signs=signs)
    return msgspec.structs.replace(plain, **more)


def root(**facts: object) -> Observation:
    return site(dicomweb=DicomWebFacts("/dicom-web", **{"status": 200} | facts))  # type: ignore[arg-type]


def arc(**facts: object) -> Observation:
    return site(dcm4chee=Dcm4cheeFacts(**{"status": 200} | facts))  # type: ignore[arg-type]


def proven(proof: Proof) -> DimseFacts:
    return msgspec.structs.replace(admitted(DISCLOSED), proof=proof)


def aborted(facts: DimseFacts) -> DimseFacts:
    return msgspec.structs.replace(facts, abort=Abort(2, 6))


def over_tls(seen: Observation, alert: int | None = None) -> Observation:
    """The same, in TLS; with an alert, by one that demands a client certificate."""
    demanded = Demanded.NO if alert is None else Demanded.YES
    return msgspec.structs.replace(seen, tls=TlsFacts("TLSv1.3", "c", demanded, alert))


def stopped(ending: Ending) -> Stop:
    return Stop(ending, "detail")


LADDER: list[tuple[str, Observation, Rung | None, Why, tuple[int, ...]]] = [
    ("refused", dimse(MUTE, stop=stopped(Ending.REFUSED)), Rung.SILENT, Why.NOTHING_ANSWERED, ()),
    ("unreachable", dimse(MUTE, stop=stopped(Ending.UNREACHABLE)), Rung.SILENT, Why.NOTHING_ANSWERED, ()),
    ("no answer", dimse(MUTE, stop=stopped(Ending.NO_ANSWER)), Rung.SILENT, Why.NOTHING_ANSWERED, ()),
    ("web refused", web(OrthancFacts(), stop=stopped(Ending.REFUSED)), Rung.SILENT, Why.NOTHING_ANSWERED, ()),
    *(
        (ending, dimse(MUTE, stop=stopped(ending)), Rung.LISTENING, Why.NOT_IMAGING, ())
        for ending in (
            Ending.CLOSED, Ending.RESET, Ending.IDLE, Ending.TIME_CAP, Ending.BYTE_CAP, Ending.OTHER_PROTOCOL,
            Ending.BROKEN,
        )
    ),
    ("web, not HTTP", web(OrthancFacts(), stop=stopped(Ending.OTHER_PROTOCOL)), Rung.LISTENING, Why.NOT_IMAGING, ()),
    ("web, unknown", web(OrthancFacts(status=404)), Rung.LISTENING, Why.NOT_IMAGING, (404,)),
    ("web, other realm", web(OrthancFacts(status=401, realm="Router")), Rung.LISTENING, Why.NOT_IMAGING, (401,)),
    ("TLS only", over_tls(dimse(MUTE, stop=stopped(Ending.CLOSED))), Rung.LISTENING, Why.NOT_IMAGING, ()),
    ("client certificate", over_tls(dimse(MUTE, stop=stopped(Ending.TLS_FAILED)), 116), Rung.LISTENING, Why.CLIENT_CERTIFICATE, (116,)),
    ("client certificate, web", over_tls(web(OrthancFacts(), stop=stopped(Ending.TLS_FAILED)), 40), Rung.LISTENING, Why.CLIENT_CERTIFICATE, (40,)),
    ("DICOM, then the certificate", over_tls(dimse(aborted(SPOKE)), 116), Rung.SPEAKS, Why.ABORTED, (2, 6)),
    ("out of scope", dimse(None, stop=stopped(Ending.OUT_OF_SCOPE)), None, Why.OUT_OF_SCOPE, ()),
    ("no address", dimse(None, stop=stopped(Ending.NO_ADDRESS)), None, Why.NO_ADDRESS, ()),
    ("our error", dimse(None, stop=stopped(Ending.OWN_ERROR)), None, Why.OWN_ERROR, ()),
    ("rejected", dimse(msgspec.structs.replace(SPOKE, rejection=Rejection(1, 1, 7))), Rung.SPEAKS, Why.REJECTED, (1, 1, 7)),
    ("aborted", dimse(aborted(SPOKE)), Rung.SPEAKS, Why.ABORTED, (2, 6)),
    ("no query model", dimse(ECHO_ONLY), Rung.SPEAKS, Why.CONTEXT_REFUSED, ()),
    ("no query model at knock", dimse(ECHO_ONLY, depth=Depth.KNOCK), Rung.SPEAKS, Why.CONTEXT_REFUSED, ()),
    ("login", web(LOCKED), Rung.SPEAKS, Why.LOGIN, (401,)),
    ("forbidden", web(msgspec.structs.replace(LOCKED, status=403)), Rung.SPEAKS, Why.LOGIN, (403,)),
    ("knock", dimse(admitted(), depth=Depth.KNOCK), Rung.ADMITS, Why.DEPTH, ()),
    ("web knock", web(IS_ORTHANC, depth=Depth.KNOCK), Rung.ADMITS, Why.DEPTH, ()),
    ("find aborted", dimse(aborted(admitted(BROKEN_OFF)), depth=Depth.ASK), Rung.ADMITS, Why.FIND_ABORTED, (2, 6)),
    ("echo aborted", dimse(aborted(admitted())), Rung.ADMITS, Why.ABORTED, (2, 6)),
    ("find broke off", dimse(admitted(BROKEN_OFF), stop=stopped(Ending.IDLE)), Rung.ADMITS, Why.FIND_BROKE_OFF, ()),
    ("find refused", dimse(admitted(REFUSED)), Rung.ADMITS, Why.FIND_FAILED, (0xA900,)),
    ("patient root only", dimse(admitted(REFUSED, study_root=False)), Rung.ADMITS, Why.NEEDS_PERSONAL_DATA, (0xA900,)),
    ("no counters", web(msgspec.structs.replace(IS_ORTHANC, statistics_status=403)), Rung.ADMITS, Why.HTTP_STATUS, (403,)),
    ("counters broke off", web(IS_ORTHANC, stop=stopped(Ending.RESET)), Rung.ADMITS, Why.FIND_BROKE_OFF, ()),
    ("empty", dimse(admitted(EMPTY)), Rung.ANSWERS, Why.NO_RECORDS, ()),
    ("empty, then it broke off", dimse(admitted(ONE_EMPTY), stop=stopped(Ending.RESET)), Rung.ANSWERS, Why.FIND_BROKE_OFF, ()),
    ("counters of zero", web(msgspec.structs.replace(IS_ORTHANC, statistics_status=200, studies=0, images=0)), Rung.ANSWERS, Why.NO_RECORDS, ()),
    ("image", dimse(proven(Proof(CT, True, True, "1.2.840.10008.1.2.1", 5000))), Rung.DELIVERS, Why.IMAGE, (5000,)),
    ("image refused", dimse(proven(Proof(CT, True, True, status=0xA702))), Rung.OFFERS, Why.IMAGE_OFFERED, (0xA702,)),
    ("image class refused", dimse(proven(Proof(CT, True, False))), Rung.DISCLOSES, Why.RECORDS, ()),
    ("a match", dimse(admitted(DISCLOSED), depth=Depth.ASK), Rung.DISCLOSES, Why.RECORDS, ()),
    ("a match, then an abort", dimse(aborted(admitted((Find("all studies", 1),)))), Rung.DISCLOSES, Why.RECORDS, ()),
    ("a match, then our error", dimse(admitted((Find("x", 1),)), stop=stopped(Ending.OWN_ERROR)), Rung.DISCLOSES, Why.RECORDS, ()),
    ("rows in the census", dimse(admitted(BROKEN_OFF, Census(False, 7, 7))), Rung.DISCLOSES, Why.RECORDS, ()),
    ("a counter", web(REPORTED), Rung.DISCLOSES, Why.COUNTER, ()),
    ("one page for all", site(CATCH_ALL), Rung.LISTENING, Why.NOT_IMAGING, (200,)),
    ("a page, then our error", msgspec.structs.replace(site(), stop=stopped(Ending.OWN_ERROR)), None, Why.OWN_ERROR, ()),
    ("a page", site(), Rung.LISTENING, Why.NOT_IMAGING, (404,)),
    ("a viewer", site(WebFacts(404, 200, viewer="Oviyam", login=False), TITLE), Rung.ADMITS, Why.PAGE, ()),
    ("a viewer, and who knows of a login", site(WebFacts(404, 200, viewer="MedDream"), TITLE), Rung.SPEAKS, Why.PAGE, ()),
    ("a known server, and no page of it", site(signs=TITLE), Rung.SPEAKS, Why.PAGE, ()),
    ("a list of patients", site(WebFacts(404, 200, viewer="PixelMed", login=False, patients=7), TITLE), Rung.DISCLOSES, Why.PATIENTS, (7,)),
    ("an empty list of patients", site(WebFacts(404, 200, viewer="PixelMed", login=False, patients=0), TITLE), Rung.ADMITS, Why.PAGE, ()),
    ("a viewer's login", site(WebFacts(404, 200, login=True), TITLE), Rung.SPEAKS, Why.LOGIN, (200,)),
    ("a viewer behind a login", site(WebFacts(401, 401), TITLE), Rung.SPEAKS, Why.LOGIN, (401,)),
    ("a login, of what", site(WebFacts(401, 401)), Rung.LISTENING, Why.NOT_IMAGING, (401,)),
    ("a listing", site(WebFacts(404, 200, listing=Listing(3))), Rung.DISCLOSES, Why.LISTING, (3,)),
    ("a listing of a medium", site(WebFacts(404, 200, listing=Listing(0, dicomdir=True))), Rung.DISCLOSES, Why.LISTING, (0,)),
    ("a file of a listing", site(WebFacts(404, 200, listing=Listing(3, proof=900))), Rung.DELIVERS, Why.IMAGE, (900,)),
    ("a listing of other files", site(WebFacts(404, 200, listing=Listing(0))), Rung.LISTENING, Why.NOT_IMAGING, (404,)),
    ("DICOMweb behind a login", root(status=401), Rung.SPEAKS, Why.LOGIN, (401,)),
    ("DICOMweb in trouble", root(status=413), Rung.SPEAKS, Why.HTTP_STATUS, (413,)),
    ("DICOMweb, no record asked", root(), Rung.ANSWERS, Why.NEEDS_PERSONAL_DATA, ()),
    ("DICOMweb, empty", root(may_ask=True, record_status=204), Rung.ANSWERS, Why.NO_RECORDS, ()),
    ("DICOMweb, refused", root(may_ask=True, record_status=403), Rung.ANSWERS, Why.HTTP_STATUS, (403,)),
    ("DICOMweb, a record", root(records=1), Rung.DISCLOSES, Why.RECORDS, ()),
    ("DICOMweb, images", root(records=1, retrieve_url=True), Rung.OFFERS, Why.IMAGE_NAMED, ()),
    ("DICOMweb, an image", root(records=1, proof=WebProof("WADO-RS", 200, "application/dicom", 4096)), Rung.DELIVERS, Why.IMAGE, (4096,)),
    ("dcm4chee behind a login", arc(status=401), Rung.SPEAKS, Why.LOGIN, (401,)),
    ("dcm4chee, knock", msgspec.structs.replace(arc(), depth=Depth.KNOCK), Rung.ADMITS, Why.DEPTH, ()),
    ("dcm4chee, counters", arc(studies=3), Rung.DISCLOSES, Why.COUNTER, ()),
    ("dcm4chee, counters refused", arc(counter_status=403), Rung.ADMITS, Why.HTTP_STATUS, (403,)),
    ("dcm4chee, empty", arc(counter_status=200, studies=0), Rung.ANSWERS, Why.NO_RECORDS, ()),
    ("the highest of two", msgspec.structs.replace(root(), orthanc=REPORTED), Rung.DISCLOSES, Why.COUNTER, ()),
    ("a counter alone", web(msgspec.structs.replace(IS_ORTHANC, images=1)), Rung.DISCLOSES, Why.COUNTER, ()),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "rung", "why", "codes"), [row[1:] for row in LADDER], ids=[row[0] for row in LADDER])
def test_the_ladder(seen: Observation, rung: Rung | None, why: Why, codes: tuple[int, ...]) -> None:
    verdict = place(seen)
    assert (verdict.rung, verdict.why, verdict.codes) == (rung, why, codes)


def test_every_reason_is_in_the_table() -> None:
    assert {row[3] for row in LADDER} == set(Why)


@pytest.mark.parametrize("ending", [Ending.OUT_OF_SCOPE, Ending.NO_ADDRESS, Ending.OWN_ERROR, Ending.INTERRUPTED])
@pytest.mark.parametrize("seen", [dimse(None), dimse(MUTE), web(None), web(OrthancFacts())])
def test_what_we_failed_to_find_out_is_never_silent(ending: Ending, seen: Observation) -> None:
    verdict = place(msgspec.structs.replace(seen, stop=stopped(ending)))
    assert verdict.rung is None
    assert verdict.detail == "detail"


@pytest.mark.parametrize("ending", list(Ending))
def test_an_open_archive_stays_open_however_the_talk_ended(ending: Ending) -> None:
    verdict = place(dimse(admitted(DISCLOSED), stop=stopped(ending)))
    assert verdict.rung is Rung.DISCLOSES
    assert verdict.detail == "studies 0 to 1 days old"


def test_a_broken_off_question_says_how() -> None:
    assert place(dimse(admitted(BROKEN_OFF), stop=stopped(Ending.IDLE))).detail == "fell silent: detail"
    assert place(web(LOCKED, stop=DONE)).detail == ORTHANC_REALM


@pytest.mark.parametrize(
    ("observation", "conclusive"),
    [
        (dimse(admitted(BROKEN_OFF), stop=stopped(Ending.IDLE)), False),
        (dimse(aborted(admitted())), False),
        (dimse(aborted(admitted(BROKEN_OFF))), True),
        (dimse(admitted(EMPTY)), True),
        (dimse(admitted(REFUSED)), True),
        (site(WebFacts(429, None)), False),
        (site(WebFacts(503, None)), False),
        (site(WebFacts(404, 404), stop=Stop(Ending.SPARED, "HTTP 429")), False),
        (site(WebFacts(500, None)), True),
        (site(WebFacts(404, None)), True),
    ],
    ids=[
        "no answer",
        "never asked",
        "query aborted",
        "empty",
        "refused",
        "too many requests",
        "busy",
        "too many later",
        "fault",
        "none",
    ],
)
def test_not_open_is_not_always_closed(observation: Observation, conclusive: bool) -> None:
    assert place(observation).conclusive is conclusive


def test_a_viewer_that_names_an_archive_out_of_the_scope_says_so() -> None:
    named = WebFacts(
        200, 200, catch_all=True, viewer="OHIF", login=False, names=(Named("192.0.2.9", 80, "/rs", outside=True),)
    )
    assert "not contacted" in place(site(named)).detail
    assert place(site(msgspec.structs.replace(named, names=(Named("", 80, "/rs"),)))).detail == "OHIF"
