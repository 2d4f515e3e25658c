"""What an archive is asked next, as a table of hosts."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.judge.archives import judge
from filmbadge.judge.steps import Step, next_step
from filmbadge.model import (
    Cause,
    Census,
    CountedBy,
    Counters,
    Dcm4cheeFacts,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Doubt,
    DoubtCode,
    Facts,
    Fingerprint,
    FingerprintKind,
    Link,
    LinkBy,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Profile,
    Proof,
    WebProof,
    WebService,
)
from support.factories import ADDRESS, DISCLOSED, EMPTY, ORTHANC_REALM, REPORTED, admitted, dimse, reported, web

WHOLE = Census(True, rows=2, studies=2, series=3, images=12, images_known_for=2, method=CountedBy.COUNT_KEYS)
EQUAL = msgspec.structs.replace(WHOLE, rows=35, studies=35, series=70, images=700, images_known_for=35)
CUT = Census(False, 1, 1)
LOCKED = OrthancFacts(status=401, realm=ORTHANC_REALM)
OPEN = dimse(admitted(DISCLOSED), depth=Depth.PROVE)
NONE = Profile(False, 0, doubts=(Doubt(DoubtCode.BROKE_OFF, stop=Outcome(OutcomeKind.SPARED, Cause.DISTRESS)),))


def told(census: Census | None = None, profile: Profile | None = None, proof: Proof | None = None) -> Observation:
    """DIMSE that gave records, at depth `prove`, and what was asked of it since."""
    facts = msgspec.structs.replace(admitted(DISCLOSED, census), profile=profile, proof=proof)
    return dimse(facts, depth=Depth.PROVE)


def root(depth: Depth = Depth.PROVE, **facts: object) -> Observation:
    """DICOMweb that gave a record."""
    shown = DicomWebFacts("/rs", **{"status": 200, "may_ask": True, "records": 1} | facts)  # type: ignore[arg-type]
    return web(shown, PageFacts(404, 200), depth=depth)


def named(seen: Observation) -> Observation:
    """It says which product it is."""
    return msgspec.structs.replace(seen, signs=(Fingerprint("tiny-pacs", FingerprintKind.HEADER),))


def at(depth: Depth, seen: Observation) -> Observation:
    return msgspec.structs.replace(seen, depth=depth)


STEPS: list[tuple[str, list[Observation], tuple[Depth, int, type[Facts]] | None]] = [
    ("nothing", [], None),
    ("closed", [dimse(admitted(EMPTY), depth=Depth.PROVE)], None),
    ("open", [OPEN], (Depth.COUNT, 4242, DimseFacts)),
    ("open, at ask", [at(Depth.ASK, OPEN)], None),
    ("counted, at count", [at(Depth.COUNT, told(WHOLE))], None),
    ("cut off, at count", [at(Depth.COUNT, told(CUT))], None),
    ("counted", [told(WHOLE)], (Depth.PROFILE, 4242, DimseFacts)),
    ("cut off", [told(CUT)], (Depth.PROFILE, 4242, DimseFacts)),
    ("profiled, at profile", [at(Depth.PROFILE, told(WHOLE, NONE))], None),
    ("profiled", [told(WHOLE, NONE)], (Depth.PROVE, 4242, DimseFacts)),
    ("left alone at every step", [told(CUT, NONE, Proof(stop=Outcome(OutcomeKind.SPARED, Cause.DISTRESS)))], None),
    ("image offered", [told(WHOLE, NONE, Proof("1.2", True, True))], None),
    ("a counter spoke of the port", [at(Depth.COUNT, OPEN), web(REPORTED)], (Depth.COUNT, 4242, DimseFacts)),
    ("a counter spoke of the port, web first", [web(REPORTED), at(Depth.COUNT, OPEN)], (Depth.COUNT, 4242, DimseFacts)),
    ("a counter spoke of the port, and a census agrees", [at(Depth.COUNT, told(EQUAL)), web(REPORTED)], None),
    ("a counter spoke of a large archive", [at(Depth.COUNT, OPEN), web(reported(studies=1001))], None),
    ("a counter spoke of another port", [at(Depth.COUNT, told(WHOLE)), web(msgspec.structs.replace(REPORTED, dicom_port=104))], None),
    ("a counter spoke of one of two ports", [at(Depth.COUNT, OPEN), dimse(admitted(DISCLOSED, WHOLE), port=104), web(reported(studies=1001))], (Depth.COUNT, 4242, DimseFacts)),
    ("contradicted, with DICOMweb beside the counter", [at(Depth.COUNT, told(WHOLE)), root(Depth.COUNT).with_facts(REPORTED)], (Depth.COUNT, 8042, DicomWebFacts)),
    ("a counter behind a login", [at(Depth.COUNT, OPEN), web(LOCKED)], (Depth.COUNT, 4242, DimseFacts)),
    ("a counter of zero", [OPEN, web(reported(patients=0, studies=0, series=0, images=0))], (Depth.COUNT, 4242, DimseFacts)),
    ("Orthanc", [web(REPORTED, depth=Depth.PROVE)], (Depth.PROFILE, 8042, OrthancFacts)),
    ("Orthanc, at count", [web(REPORTED)], None),
    ("Orthanc and DIMSE", [web(REPORTED, depth=Depth.PROVE), OPEN], (Depth.COUNT, 4242, DimseFacts)),
    ("Orthanc and DIMSE, counted", [web(REPORTED, depth=Depth.PROVE), told(EQUAL)], (Depth.PROFILE, 4242, DimseFacts)),
    # Its counters do not say which studies can be had.
    ("Orthanc and DICOMweb on one port", [root().with_facts(REPORTED)], (Depth.COUNT, 8042, DicomWebFacts)),
    ("Orthanc and DICOMweb on one port, counted", [root(census=EQUAL).with_facts(REPORTED)], (Depth.PROFILE, 8042, OrthancFacts)),
    ("Orthanc and DICOMweb on one port, at profile", [root(Depth.PROFILE).with_facts(REPORTED)], (Depth.PROFILE, 8042, OrthancFacts)),
    ("Orthanc, profiled", [web(msgspec.structs.replace(REPORTED, profile=NONE), depth=Depth.PROVE)], None),
    ("dcm4chee", [web(Dcm4cheeFacts(200, ("DCM4CHEE",), Counters(200, 1, 2, 3, 4)), depth=Depth.PROVE)], None),
    ("DICOMweb", [root()], (Depth.COUNT, 8042, DicomWebFacts)),
    ("DICOMweb, at count", [root(Depth.COUNT)], (Depth.COUNT, 8042, DicomWebFacts)),
    ("DICOMweb, may not ask", [root(Depth.COUNT, may_ask=False)], None),
    ("DICOMweb, no record", [root(records=0)], None),
    ("DICOMweb, counted", [root(census=WHOLE)], (Depth.PROFILE, 8042, DicomWebFacts)),
    ("DICOMweb, profiled", [root(census=WHOLE, profile=NONE)], (Depth.PROVE, 8042, DicomWebFacts)),
    ("DICOMweb, proven", [root(census=WHOLE, profile=NONE, proof=WebProof(WebService.WADO_RS, bytes=9))], None),
    ("contradicted, and Orthanc has a list", [told(WHOLE, NONE), web(REPORTED, depth=Depth.PROVE)], (Depth.PROFILE, 8042, OrthancFacts)),
    ("DICOMweb that calls itself as the counted DIMSE does", [named(told(WHOLE)), named(root(Depth.COUNT))], (Depth.COUNT, 8042, DicomWebFacts)),
    ("DICOMweb and DIMSE, not known to be one", [told(WHOLE), root(Depth.COUNT)], (Depth.COUNT, 8042, DicomWebFacts)),
    ("a viewer's page", [web(PageFacts(404, 200, viewer="Oviyam", login=False), depth=Depth.PROVE)], None),
    ("a fault", [dimse(None, depth=Depth.PROVE, stop=Outcome(OutcomeKind.OWN_ERROR, error="KeyError"))], None),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "wanted"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_the_next_step(seen: list[Observation], wanted: tuple[Depth, int, type[Facts]] | None) -> None:
    step = next_step(judge(ADDRESS, seen))
    assert (None if step is None else (step.depth, step.seen.endpoint.port, step.way)) == wanted


def test_an_archive_that_gave_an_image_is_not_asked_for_another() -> None:
    seen = [told(WHOLE, NONE), root(census=WHOLE, proof=WebProof(WebService.WADO_RS, bytes=9))]
    one = Link(seen[0].endpoint, seen[1].endpoint, LinkBy.STUDY_UIDS, 2, 2, 2)
    assert next_step(judge(ADDRESS, seen, [one])) is None
    assert next_step(judge(ADDRESS, seen)) is not None, "they may be two"


def test_every_open_archive_of_a_host_is_counted_before_any_is_asked_for_personal_data() -> None:
    first = dimse(admitted(DISCLOSED, WHOLE), port=104, depth=Depth.PROVE)
    second = dimse(admitted(DISCLOSED), port=11112, depth=Depth.PROVE)
    assert next_step(judge(ADDRESS, [first, second])) == Step(Depth.COUNT, second, DimseFacts)
