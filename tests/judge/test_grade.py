"""The rubric, applied. What we could not find out has no grade."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from filmbadge.judge.archives import judge
from filmbadge.judge.grade import grade, somebodys
from filmbadge.model import (
    Abort,
    Appearance,
    Archive,
    Certificate,
    ClientCertificate,
    Counters,
    Depth,
    DimseFacts,
    Find,
    Grade,
    GradeReason,
    KeyKind,
    Kind,
    KindFound,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Provenance,
    Rejection,
    Rung,
    TlsFacts,
    Transport,
)
from support.factories import ADDRESS, AT, DISCLOSED, EMPTY, REPORTED, admitted, dimse, reported, web

BY_TITLE = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))
BY_POLICY = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 1))
BUSY = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(2, 3, 2))
ABORTING = msgspec.structs.replace(admitted((Find(None, 0),)), abort=Abort(0, 0))
HELD = Certificate("pacs", "", "ca", "", AT - timedelta(9), AT + timedelta(9), False, KeyKind.RSA, 2048, True)
TLS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", ClientCertificate.NO, certificate=HELD)
HOLDS_NOTHING = reported(patients=0, studies=0, series=0, images=0)
UNAUTHORIZED = admitted((Find(None, 0, 0x0124),))
NOTHING = OrthancFacts(status=200, is_orthanc=True, counters=Counters(200, 0, 0, 0, 0))
SURE = PageFacts(401, 401, doors=True)
LOCKED = OrthancFacts(status=401, realm="Orthanc Secure Area")


def over(seen: Observation, tls: TlsFacts) -> Observation:
    return msgspec.structs.replace(seen, tls=tls)


def only(*seen: Observation) -> Archive:
    (archive,) = judge(ADDRESS, seen).archives
    return archive


OLD = msgspec.structs.replace(TLS, version="TLSv1", cipher="AES128-SHA")
ENDED = msgspec.structs.replace(TLS, certificate=msgspec.structs.replace(HELD, not_after=AT - timedelta(1)))
SELF = msgspec.structs.replace(TLS, certificate=msgspec.structs.replace(HELD, self_signed=True, matches=False))


@pytest.mark.parametrize(
    ("seen", "letter", "why"),
    [
        ((over(dimse(BY_POLICY), TLS),), "A", ()),
        ((over(dimse(BY_POLICY), SELF),), "A", ()),  # trust is not judged
        ((over(web(LOCKED, SURE), TLS),), "A", ()),
        ((over(dimse(BY_POLICY), OLD),), "B", (GradeReason.WEAK_TLS,)),
        ((over(dimse(BY_POLICY), ENDED),), "B", (GradeReason.WEAK_TLS,)),
        ((dimse(BY_POLICY),), "B", (GradeReason.PLAIN,)),
        ((dimse(BY_TITLE),), "C", (GradeReason.PLAIN, GradeReason.TITLE_ONLY)),
        ((dimse(UNAUTHORIZED),), "C", (GradeReason.ADMITS, GradeReason.PLAIN)),
        ((over(web(NOTHING), TLS),), "C", (GradeReason.ANSWERS,)),
        ((web(NOTHING),), "D", (GradeReason.ANSWERS, GradeReason.PLAIN)),
        ((over(dimse(admitted(DISCLOSED)), TLS),), "F", (GradeReason.DISCLOSES, GradeReason.KINDS_UNKNOWN)),
        ((dimse(BY_TITLE), web(REPORTED)), "F", (GradeReason.DISCLOSES, GradeReason.KINDS_UNKNOWN)),
    ],
)
def test_grades(seen: tuple[Observation, ...], letter: str, why: tuple[GradeReason, ...]) -> None:
    archive = only(*seen)
    assert (str(archive.grade), archive.grade_why) == (letter, why)


def test_old_software_takes_a_grade_down_and_no_further_than_e() -> None:
    old = msgspec.structs.replace(reported(patients=0, studies=0, series=0, images=0), version="1.5.7")
    archive = only(web(old))
    assert len(archive.advisories) == 3
    assert archive.grade is Grade.E
    assert archive.grade_why == (GradeReason.ANSWERS, GradeReason.PLAIN, GradeReason.ADVISORIES)
    everything = (Transport.PLAIN, Transport.EXPIRED)
    assert grade(Rung.ANSWERS, (), everything, ("x",), None)[0] is Grade.E


@pytest.mark.parametrize(
    "seen",
    [
        dimse(BUSY),
        dimse(ABORTING),
        dimse(admitted(EMPTY)),
        web(LOCKED),
        dimse(admitted(), stop=Outcome(OutcomeKind.IDLE)),
        dimse(admitted(), depth=Depth.KNOCK),
        dimse(admitted((Find(None, 0, 0xA700),))),
        dimse(admitted(EMPTY)),
        dimse(admitted((Find(None, 0, 0xA900),), study_root=False)),
    ],
)
def test_what_we_could_not_find_out_has_no_grade(seen: Observation) -> None:
    archive = only(seen)
    assert (archive.grade, archive.grade_why) == (None, ())


def test_one_way_in_that_we_could_not_see_leaves_no_grade_unless_another_is_open() -> None:
    hidden = dimse(admitted(), stop=Outcome(OutcomeKind.IDLE))
    unsaid = msgspec.structs.replace(REPORTED, counters=Counters(403))  # it names the port, and counts nothing
    assert [archive.grade for archive in judge(ADDRESS, (hidden, web(LOCKED, SURE))).archives] == [None, Grade.B]
    assert only(hidden, web(unsaid)).grade is None
    assert only(hidden, web(REPORTED)).grade is Grade.F


@pytest.mark.parametrize(
    ("rung", "personal", "letter"),
    [
        (Rung.DISCLOSES, True, Grade.F),
        (Rung.DISCLOSES, None, Grade.F),
        (Rung.DISCLOSES, False, Grade.D),
        (Rung.DELIVERS, False, Grade.E),
        (Rung.DELIVERS, True, Grade.F),
    ],
)
def test_kinds_of_data(rung: Rung, personal: bool | None, letter: Grade) -> None:
    assert grade(rung, (), (), (), personal)[0] is letter


def found(kind: Kind, looks: Appearance | None, how: Provenance = Provenance.COUNTED) -> KindFound:
    return KindFound(kind, None if how is Provenance.UNKNOWN else 5, how, looks=looks)


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [
        (None, None),
        ((), False),
        ((found(Kind.PATIENT_NAME, Appearance.PERSONAL), found(Kind.ADDRESS, None, Provenance.UNKNOWN)), True),
        ((found(Kind.PATIENT_NAME, Appearance.SYNTHETIC), found(Kind.EXAM_DATE, Appearance.PERSONAL)), False),
        ((found(Kind.PATIENT_NAME, Appearance.PSEUDONYMISED), found(Kind.BIRTH_DATE, None, Provenance.UNKNOWN)), None),
    ],
)
def test_somebodys_data(kinds: tuple[KindFound, ...] | None, wanted: bool | None) -> None:
    assert somebodys(kinds) is wanted
