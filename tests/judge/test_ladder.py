"""One row per reason for every rung."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.judge.ladder import place
from filmbadge.model import (
    Abort,
    Cause,
    Census,
    ClientCertificate,
    ConfiguredRoot,
    Counters,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Facts,
    Find,
    Fingerprint,
    FingerprintKind,
    Listing,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Proof,
    Reason,
    Rejection,
    Rung,
    TlsFacts,
    Verdict,
    WebProof,
    WebService,
)
from support.factories import DISCLOSED, DONE, EMPTY, ORTHANC_REALM, REPORTED, admitted, dimse, reported, web

MUTE = DimseFacts(called="ANY-SCP")
SPOKE = DimseFacts(called="ANY-SCP", valid_pdu=True)
ECHO_ONLY = DimseFacts(called="ANY-SCP", valid_pdu=True, accepted=True, verification=True)
BROKEN_OFF = (Find(None, 0),)
REFUSED = (Find(None, 0, 0xA900),)
ONE_EMPTY = (Find((0, 1), 0, 0x0000), Find((2, 8), 0))
LOCKED = OrthancFacts(status=401, realm=ORTHANC_REALM)
IS_ORTHANC = OrthancFacts(status=200, is_orthanc=True, version="1.12.1")


CT = "1.2.840.10008.5.1.4.1.1.2"


PLAIN, CATCH_ALL = PageFacts(404, 200), PageFacts(200, 200, catch_all=True)
TITLE = (Fingerprint("OHIF Viewer", FingerprintKind.PAGE),)


def site(*facts: Facts, signs: tuple[Fingerprint, ...] = (), **more: object) -> Observation:
    """A port of HTTP."""
    return msgspec.structs.replace(web(*(facts or (PLAIN,))), signs=signs, **more)


def root(**facts: object) -> Observation:
    return site(DicomWebFacts("/dicom-web", **{"status": 200} | facts), PLAIN)  # type: ignore[arg-type]


def arc(status: int = 200, counters: Counters | None = None) -> Observation:
    return site(Dcm4cheeFacts(status, counters=counters or Counters()), PLAIN)


def proven(proof: Proof) -> DimseFacts:
    return msgspec.structs.replace(admitted(DISCLOSED), proof=proof)


def aborted(facts: DimseFacts) -> DimseFacts:
    return msgspec.structs.replace(facts, abort=Abort(2, 6))


def over_tls(seen: Observation, alert: int | None = None) -> Observation:
    """The same, in TLS; with an alert, by one that demands a client certificate."""
    demanded = ClientCertificate.NO if alert is None else ClientCertificate.YES
    return msgspec.structs.replace(seen, tls=TlsFacts("TLSv1.3", "c", demanded, alert))


def stopped(ending: OutcomeKind) -> Outcome:
    return Outcome(ending, error="Detail")


LADDER: list[tuple[str, Observation, Rung | None, Reason, tuple[int, ...]]] = [
    ("refused", dimse(MUTE, stop=stopped(OutcomeKind.REFUSED)), Rung.SILENT, Reason.PORT_CLOSED, ()),
    ("unreachable", dimse(MUTE, stop=stopped(OutcomeKind.UNREACHABLE)), Rung.SILENT, Reason.NOTHING_ANSWERED, ()),
    ("no answer", dimse(MUTE, stop=stopped(OutcomeKind.NO_ANSWER)), Rung.SILENT, Reason.NOTHING_ANSWERED, ()),
    ("web refused", web(OrthancFacts(), stop=stopped(OutcomeKind.REFUSED)), Rung.SILENT, Reason.PORT_CLOSED, ()),
    ("prohibited", dimse(MUTE, stop=Outcome(OutcomeKind.UNREACHABLE, Cause.PROHIBITED)), Rung.SILENT, Reason.FILTERED, ()),
    *(
        (ending, dimse(MUTE, stop=stopped(ending)), Rung.LISTENING, Reason.NOT_IMAGING, ())
        for ending in (
            OutcomeKind.CLOSED, OutcomeKind.RESET, OutcomeKind.IDLE, OutcomeKind.TIME_CAP, OutcomeKind.BYTE_CAP, OutcomeKind.OTHER_PROTOCOL,
            OutcomeKind.BROKEN,
        )
    ),
    ("web, not HTTP", web(OrthancFacts(), stop=stopped(OutcomeKind.OTHER_PROTOCOL)), Rung.LISTENING, Reason.NOT_IMAGING, ()),
    ("web, unknown", web(OrthancFacts(status=404)), Rung.LISTENING, Reason.NOT_IMAGING, (404,)),
    ("web, other realm", web(OrthancFacts(status=401, realm="Router")), Rung.LISTENING, Reason.NOT_IMAGING, (401,)),
    ("TLS only", over_tls(dimse(MUTE, stop=stopped(OutcomeKind.CLOSED))), Rung.LISTENING, Reason.NOT_IMAGING, ()),
    ("client certificate", over_tls(dimse(MUTE, stop=stopped(OutcomeKind.TLS_FAILED)), 116), Rung.LISTENING, Reason.CLIENT_CERTIFICATE, (116,)),
    ("client certificate, web", over_tls(web(OrthancFacts(), stop=stopped(OutcomeKind.TLS_FAILED)), 40), Rung.LISTENING, Reason.CLIENT_CERTIFICATE, (40,)),
    ("DICOM, then the certificate", over_tls(dimse(aborted(SPOKE)), 116), Rung.SPEAKS, Reason.ABORTED, (2, 6)),
    ("out of scope", dimse(None, stop=stopped(OutcomeKind.OUT_OF_SCOPE)), None, Reason.OUT_OF_SCOPE, ()),
    ("no address", dimse(None, stop=stopped(OutcomeKind.NO_ADDRESS)), None, Reason.NO_ADDRESS, ()),
    ("our error", dimse(None, stop=stopped(OutcomeKind.OWN_ERROR)), None, Reason.OWN_ERROR, ()),
    ("left alone", web(PageFacts(), stop=stopped(OutcomeKind.SPARED)), None, Reason.SPARED, ()),
    ("left alone, DICOM", dimse(MUTE, stop=stopped(OutcomeKind.SPARED)), None, Reason.SPARED, ()),
    ("left alone after a page", site(stop=stopped(OutcomeKind.SPARED)), None, Reason.SPARED, ()),
    ("rejected", dimse(msgspec.structs.replace(SPOKE, rejection=Rejection(1, 1, 7))), Rung.SPEAKS, Reason.REJECTED, (1, 1, 7)),
    ("aborted", dimse(aborted(SPOKE)), Rung.SPEAKS, Reason.ABORTED, (2, 6)),
    ("no query model", dimse(ECHO_ONLY), Rung.SPEAKS, Reason.CONTEXT_REFUSED, ()),
    ("no query model at knock", dimse(ECHO_ONLY, depth=Depth.KNOCK), Rung.SPEAKS, Reason.CONTEXT_REFUSED, ()),
    ("login", web(LOCKED), Rung.SPEAKS, Reason.LOGIN, (401,)),
    ("forbidden", web(msgspec.structs.replace(LOCKED, status=403)), Rung.SPEAKS, Reason.LOGIN, (403,)),
    ("knock", dimse(admitted(), depth=Depth.KNOCK), Rung.ADMITS, Reason.DEPTH, ()),
    ("web knock", web(IS_ORTHANC, depth=Depth.KNOCK), Rung.ADMITS, Reason.DEPTH, ()),
    ("find aborted", dimse(aborted(admitted(BROKEN_OFF)), depth=Depth.ASK), Rung.ADMITS, Reason.FIND_ABORTED, (2, 6)),
    ("echo aborted", dimse(aborted(admitted())), Rung.ADMITS, Reason.ABORTED, (2, 6)),
    ("find broke off", dimse(admitted(BROKEN_OFF), stop=stopped(OutcomeKind.IDLE)), Rung.ADMITS, Reason.FIND_BROKE_OFF, ()),
    ("find refused", dimse(admitted(REFUSED)), Rung.ADMITS, Reason.FIND_FAILED, (0xA900,)),
    ("patient root only", dimse(admitted(REFUSED, study_root=False)), Rung.ADMITS, Reason.NEEDS_PERSONAL_DATA, (0xA900,)),
    ("no counters", web(reported(IS_ORTHANC, status=403)), Rung.ADMITS, Reason.HTTP_STATUS, (403,)),
    ("counters broke off", web(IS_ORTHANC, stop=stopped(OutcomeKind.RESET)), Rung.ADMITS, Reason.FIND_BROKE_OFF, ()),
    ("nothing given", dimse(admitted(EMPTY)), Rung.ANSWERS, Reason.NOTHING_GIVEN, ()),
    ("nothing given, with a warning", dimse(admitted((Find(None, 0, 0xB100),))), Rung.ANSWERS, Reason.NOTHING_GIVEN, ()),
    ("nothing given, and a refusal", dimse(admitted((*EMPTY, *REFUSED))), Rung.ANSWERS, Reason.NOTHING_GIVEN, ()),
    ("rows without a UID", dimse(admitted((Find((0, 1), 0, 0xFE00, True, 3), *EMPTY))), Rung.ANSWERS, Reason.ROWS_UNNAMED, ()),
    ("rows without a UID, then a record", dimse(admitted((Find((0, 1), 0, 0xFE00, True, 3), *DISCLOSED))), Rung.DISCLOSES, Reason.RECORDS, (0, 1)),
    ("a record, then an abort", dimse(aborted(admitted((*DISCLOSED, *BROKEN_OFF)))), Rung.DISCLOSES, Reason.RECORDS, (0, 1)),
    ("rows in the census that are no studies", dimse(admitted(EMPTY, Census(False, 7, 0))), Rung.ANSWERS, Reason.NOTHING_GIVEN, ()),
    ("empty, then it broke off", dimse(admitted(ONE_EMPTY), stop=stopped(OutcomeKind.RESET)), Rung.ANSWERS, Reason.FIND_BROKE_OFF, ()),
    ("counters of zero", web(reported(IS_ORTHANC, status=200, studies=0, images=0)), Rung.ANSWERS, Reason.NO_RECORDS, ()),
    ("image", dimse(proven(Proof(CT, True, True, "1.2.840.10008.1.2.1", 5000))), Rung.DELIVERS, Reason.IMAGE, (5000,)),
    ("image refused", dimse(proven(Proof(CT, True, True, status=0xA702))), Rung.OFFERS, Reason.IMAGE_OFFERED, (0xA702,)),
    ("image class refused", dimse(proven(Proof(CT, True, False))), Rung.DISCLOSES, Reason.RECORDS, (0, 1)),
    ("a match", dimse(admitted(DISCLOSED), depth=Depth.ASK), Rung.DISCLOSES, Reason.RECORDS, (0, 1)),
    ("a match, then an abort", dimse(aborted(admitted((Find(None, 1),)))), Rung.DISCLOSES, Reason.RECORDS, ()),
    ("a match, then our error", dimse(admitted((Find(None, 1),)), stop=stopped(OutcomeKind.OWN_ERROR)), Rung.DISCLOSES, Reason.RECORDS, ()),
    ("rows in the census", dimse(admitted(BROKEN_OFF, Census(False, 7, 7))), Rung.DISCLOSES, Reason.RECORDS, ()),
    ("a counter", web(REPORTED), Rung.DISCLOSES, Reason.COUNTER, ()),
    ("one page for all", site(CATCH_ALL), Rung.LISTENING, Reason.CATCH_ALL, ()),
    ("a page, then our error", msgspec.structs.replace(site(), stop=stopped(OutcomeKind.OWN_ERROR)), None, Reason.OWN_ERROR, ()),
    ("a page", site(), Rung.LISTENING, Reason.NOT_IMAGING, (404,)),
    ("a viewer", site(PageFacts(404, 200, viewer="Oviyam", login=False), signs=TITLE), Rung.ADMITS, Reason.PAGE, ()),
    ("a viewer, and who knows of a login", site(PageFacts(404, 200, viewer="MedDream"), signs=TITLE), Rung.SPEAKS, Reason.PAGE, ()),
    ("a known server, and no page of it", site(signs=TITLE), Rung.SPEAKS, Reason.PAGE, ()),
    ("a list of patients", site(PageFacts(404, 200, viewer="PixelMed", login=False, patients=7), signs=TITLE), Rung.DISCLOSES, Reason.PATIENTS, (7,)),
    ("an empty list of patients", site(PageFacts(404, 200, viewer="PixelMed", login=False, patients=0), signs=TITLE), Rung.ADMITS, Reason.PAGE, ()),
    ("a viewer's login", site(PageFacts(404, 200, login=True), signs=TITLE), Rung.SPEAKS, Reason.LOGIN, (200,)),
    ("a viewer behind a login", site(PageFacts(401, 401), signs=TITLE), Rung.SPEAKS, Reason.LOGIN, (401,)),
    ("a login, of what", site(PageFacts(401, 401)), Rung.LISTENING, Reason.NOT_IMAGING, (401,)),
    ("a listing", site(PageFacts(404, 200, listing=Listing(3))), Rung.DISCLOSES, Reason.LISTING, (3,)),
    ("a listing of a medium", site(PageFacts(404, 200, listing=Listing(0, dicomdir=True))), Rung.DISCLOSES, Reason.LISTING, (0,)),
    ("a file of a listing", site(PageFacts(404, 200, listing=Listing(3, proof=900))), Rung.DELIVERS, Reason.FILE, (900,)),
    ("a listing of other files", site(PageFacts(404, 200, listing=Listing(0))), Rung.LISTENING, Reason.NOT_IMAGING, (404,)),
    ("DICOMweb behind a login", root(status=401), Rung.SPEAKS, Reason.LOGIN, (401,)),
    ("DICOMweb in trouble", root(status=413), Rung.SPEAKS, Reason.HTTP_STATUS, (413,)),
    ("DICOMweb, no record asked", root(), Rung.ANSWERS, Reason.NEEDS_PERSONAL_DATA, ()),
    ("DICOMweb, nothing given", root(may_ask=True, record_status=204), Rung.ANSWERS, Reason.NOTHING_GIVEN, ()),
    ("DICOMweb, rows that name no study", root(may_ask=True, unusable=1, record_status=200), Rung.ANSWERS, Reason.ROWS_UNNAMED, ()),
    ("DICOMweb, broke off", root(may_ask=True), Rung.ANSWERS, Reason.FIND_BROKE_OFF, ()),
    ("DICOMweb, a census alone", root(may_ask=True, needs_filter=True, census=Census(True, 3, 3)), Rung.DISCLOSES, Reason.RECORDS, ()),
    ("DICOMweb, refused", root(may_ask=True, record_status=403), Rung.ANSWERS, Reason.HTTP_STATUS, (403,)),
    ("DICOMweb, a record", root(records=1), Rung.DISCLOSES, Reason.RECORDS, ()),
    ("DICOMweb, images", root(records=1, retrieve_url=True), Rung.OFFERS, Reason.IMAGE_NAMED, ()),
    ("DICOMweb, an image", root(records=1, proof=WebProof(WebService.WADO_RS, 200, "application/dicom", 4096)), Rung.DELIVERS, Reason.IMAGE_WADO_RS, (4096,)),
    ("DICOMweb, an image the old way", root(records=1, proof=WebProof(WebService.WADO_URI, 200, "application/dicom", 4096)), Rung.DELIVERS, Reason.IMAGE_WADO_URI, (4096,)),
    ("a page, then too many requests", site(stop=Outcome(OutcomeKind.SPARED, Cause.HTTP_STATUS, {"status": 429})), Rung.LISTENING, Reason.SPARED, ()),
    ("dcm4chee behind a login", arc(status=401), Rung.SPEAKS, Reason.LOGIN, (401,)),
    ("dcm4chee, knock", msgspec.structs.replace(arc(), depth=Depth.KNOCK), Rung.ADMITS, Reason.DEPTH, ()),
    ("dcm4chee, counters", arc(counters=Counters(studies=3)), Rung.DISCLOSES, Reason.COUNTER, ()),
    ("dcm4chee, counters refused", arc(counters=Counters(403)), Rung.ADMITS, Reason.HTTP_STATUS, (403,)),
    ("dcm4chee, empty", arc(counters=Counters(200, studies=0)), Rung.ANSWERS, Reason.NO_RECORDS, ()),
    ("the highest of two", root().with_facts(REPORTED), Rung.DISCLOSES, Reason.COUNTER, ()),
    ("a counter alone", web(reported(IS_ORTHANC, images=1)), Rung.DISCLOSES, Reason.COUNTER, ()),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "rung", "why", "codes"), [row[1:] for row in LADDER], ids=[row[0] for row in LADDER])
def test_the_ladder(seen: Observation, rung: Rung | None, why: Reason, codes: tuple[int, ...]) -> None:
    verdict = place(seen)
    assert (verdict.rung, verdict.why, verdict.codes) == (rung, why, codes)


def test_every_reason_is_in_the_table() -> None:
    assert {row[3] for row in LADDER} == set(Reason)


@pytest.mark.parametrize(
    "ending",
    [
        OutcomeKind.OUT_OF_SCOPE,
        OutcomeKind.NO_ADDRESS,
        OutcomeKind.OWN_ERROR,
        OutcomeKind.INTERRUPTED,
        OutcomeKind.SPARED,
    ],
)
@pytest.mark.parametrize("seen", [dimse(None), dimse(MUTE), web(), web(OrthancFacts())])
def test_what_we_failed_to_find_out_is_never_silent(ending: OutcomeKind, seen: Observation) -> None:
    verdict = place(msgspec.structs.replace(seen, stop=stopped(ending)))
    assert verdict.rung is None
    assert verdict.stop == stopped(ending)


@pytest.mark.parametrize("ending", list(OutcomeKind))
def test_an_open_archive_stays_open_however_the_talk_ended(ending: OutcomeKind) -> None:
    verdict = place(dimse(admitted(DISCLOSED), stop=stopped(ending)))
    assert verdict.rung is Rung.DISCLOSES
    assert verdict.codes == (0, 1)


def test_a_broken_off_question_says_how() -> None:
    assert place(dimse(admitted(BROKEN_OFF), stop=stopped(OutcomeKind.IDLE))).stop == stopped(OutcomeKind.IDLE)
    assert place(web(LOCKED, stop=DONE)).said == ORTHANC_REALM


def test_a_viewer_that_names_an_archive_out_of_the_scope_says_so() -> None:
    named = PageFacts(
        200,
        200,
        catch_all=True,
        viewer="OHIF",
        login=False,
        names=(ConfiguredRoot("192.0.2.9", 80, "/rs", outside=True),),
    )
    assert place(site(named)) == Verdict(Rung.ADMITS, Reason.PAGE, (1,), "OHIF")
    reasons = (Cause.REFERENCE_REFUSED, Cause.PORT_NOT_IN_SCOPE, Cause.PORT_NOT_IN_SCOPE, Cause.SCOPE_EXPIRED)
    refused = tuple(ConfiguredRoot("192.0.2.9", n, "/rs", outside=True, why=why) for n, why in enumerate(reasons))
    assert place(site(msgspec.structs.replace(named, names=refused))).codes == (4, 0, 2, 0, 1)
    here = msgspec.structs.replace(named, names=(ConfiguredRoot("", 80, "/rs"),))
    assert place(site(here)) == Verdict(Rung.ADMITS, Reason.PAGE, said="OHIF")
