"""Findings: every row of the catalogue by its example, and the numbers beside the codes."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from filmbadge.catalogue.findings import Example, FindingRow
from filmbadge.catalogue.findings import findings as rows
from filmbadge.judge import archives
from filmbadge.judge.findings import findings
from filmbadge.model import (
    Appearance,
    Archive,
    Certificate,
    ClientCertificate,
    Count,
    Counters,
    Counts,
    Depth,
    DimseFacts,
    Endpoint,
    Facts,
    Finding,
    FindingCode,
    Grade,
    GradeReason,
    Host,
    Identifier,
    JudgedEndpoint,
    KeyKind,
    Kind,
    KindFound,
    Listing,
    Observation,
    OrthancFacts,
    PageFacts,
    Product,
    Protocol,
    Provenance,
    Rung,
    TlsFacts,
    Transport,
    Verdict,
)
from support.factories import ADDRESS, AT, DISCLOSED, DONE, REPORTED, admitted, dimse, web

ROWS = list(rows().values())


def observation(example: Example, endpoint: Endpoint) -> Observation:
    """The facts that its findings hang on, beside the verdict."""
    facts: list[Facts] = []
    if example.files:
        facts.append(PageFacts(200, 200, listing=Listing(example.files)))
    if example.product:  # it names itself where it lets strangers in, and in its realm else
        within = example.rung.reaches(Rung.ADMITS)
        facts.append(
            OrthancFacts(200, is_orthanc=True, counters=Counters(200, 0, 0, 0, 0))
            if within
            else OrthancFacts(401, realm="Orthanc Secure Area")
        )
    if example.opened_by:
        facts.append(DimseFacts(example.opened_by, True, 1, True, True))
    tls = None if example.demands is None else TlsFacts("TLSv1.3", client_certificate=example.demands)
    return Observation(endpoint=endpoint, at=AT, depth=Depth.PROVE, stop=DONE, facts=tuple(facts), tls=tls)


def host(example: Example) -> Host:
    """The archive that an example describes, as if it had been judged so."""
    endpoint = Endpoint(ADDRESS, 4242, example.protocol)
    judged = JudgedEndpoint(
        observation(example, endpoint), Verdict(example.rung, example.why, example.codes), Product(), example.transport
    )
    kinds = tuple(KindFound(kind, 5, Provenance.COUNTED, looks=Appearance.PERSONAL) for kind in example.personal)
    archive = Archive(
        id="a",
        address=ADDRESS,
        endpoints=(endpoint,),
        rung=example.rung,
        product=Product(example.product, version=example.version),
        counts=Counts(),
        kinds=kinds,
        identifiers=tuple(Identifier(s, Kind.PATIENT_ID, 5, Provenance.COUNTED, 1, 1) for s in example.schemes),
        ssn_records=Count(example.ssn_records),
        advisories=example.advisories,
        closed_elsewhere=(Endpoint("::1", 4242, example.protocol),) if example.closed_elsewhere else (),
    )
    return Host(ADDRESS, (judged,), (archive,))


def codes(found: Host) -> set[FindingCode]:
    return {finding.code for finding in findings(found)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.code)
def test_every_row_by_its_example(row: FindingRow) -> None:
    assert row.code in codes(host(row.example))
    assert row.code not in codes(host(row.counter_example))


def only(*seen: Observation) -> list[Finding]:
    return list(findings(archives.judge(ADDRESS, seen)))


def test_an_open_archive_says_what_it_holds_and_at_which_endpoint() -> None:
    found = only(dimse(admitted(DISCLOSED)), web(REPORTED))
    holds = {"patients": 3, "studies": 35, "series": 70, "images": 700}
    records = [one for one in found if one.code is FindingCode.DISCLOSES_RECORDS]
    assert [(one.endpoint and one.endpoint.port, one.numbers, one.grade) for one in records] == [
        (4242, holds, Grade.F),
        (8042, holds, Grade.F),
    ]
    assert {one.archive for one in found} == {f"{ADDRESS}:4242"}
    assert [one.code for one in found] == sorted((one.code for one in found), key=list(FindingCode).index)


def test_a_certificate_is_measured() -> None:
    held = Certificate("pacs", "", "ca", "", AT - timedelta(90), AT - timedelta(30), False, KeyKind.RSA, 1024, True)
    tls = TlsFacts("TLSv1.3", "", ClientCertificate.NO, certificate=held)
    found = {one.code: one for one in only(msgspec.structs.replace(dimse(admitted(DISCLOSED)), tls=tls))}
    assert found[FindingCode.EXPIRED].numbers == {"days": 30}
    assert found[FindingCode.SHORT_KEY].numbers == {"bits": 1024}
    assert found[FindingCode.SHORT_KEY].grade is Grade.B
    assert FindingCode.PLAIN_TRANSPORT not in found


def test_records_of_nobody_leave_a_better_grade() -> None:
    judged = host(Example(rung=Rung.DISCLOSES))
    nobodys = msgspec.structs.replace(judged.archives[0], grade_why=(GradeReason.NOTHING_PERSONAL,))
    (finding,) = findings(msgspec.structs.replace(judged, archives=(nobodys,)))
    assert (finding.code, finding.grade) == (FindingCode.DISCLOSES_RECORDS, Grade.D)


def test_a_kind_that_could_not_be_counted_says_at_least_how_many() -> None:
    judged = host(Example(rung=Rung.DISCLOSES))
    name = KindFound(Kind.PATIENT_NAME, None, Provenance.UNKNOWN, looks=Appearance.PERSONAL, at_least=4)
    held = msgspec.structs.replace(judged.archives[0], kinds=(name,))
    found = {one.code: one.numbers for one in findings(msgspec.structs.replace(judged, archives=(held,)))}
    assert found[FindingCode.PERSONAL_DATA] == {"patient_name": 4}


@pytest.mark.parametrize(
    ("count", "records"),
    [
        (Count(7, Provenance.COUNTED), 7),
        (Count(7, Provenance.ESTIMATED, low=4, high=9), 4),
        (Count(7, Provenance.ESTIMATED, low=0, high=7), None),  # there may be none
        (Count(at_least=3), 3),
        (Count(), None),
    ],
)
def test_social_security_numbers_are_a_finding_where_some_are_sure(count: Count, records: int | None) -> None:
    judged = host(Example(rung=Rung.DISCLOSES))
    held = msgspec.structs.replace(judged.archives[0], ssn_records=count)
    found = {one.code: one.numbers for one in findings(msgspec.structs.replace(judged, archives=(held,)))}
    assert found.get(FindingCode.SSN_RECORDS) == (None if records is None else {"records": records})


def test_each_advisory_and_each_scheme_is_a_finding_of_its_own() -> None:
    found = findings(host(Example(rung=Rung.DISCLOSES, advisories=("b", "a"), schemes=("gb.nhs", "dk.cpr"))))
    assert [one.about for one in found if one.about] == ["dk.cpr", "gb.nhs", "a", "b"]


def test_all_that_a_connection_shows_is_a_finding_but_a_closed_door() -> None:
    silent = [one for one in Transport if not codes(host(Example(transport=(one,))))]
    assert silent == [Transport.CLIENT_CERTIFICATE, Transport.NOT_SEEN]


def test_a_title_that_let_us_in_is_named() -> None:
    """Where another was rejected, whoever knows this one gets in as we did: no device of the archive has our address."""
    found = {one.code: one for one in findings(host(Example(rung=Rung.DISCLOSES, opened_by="READWRITE")))}
    assert found[FindingCode.TITLE_ONLY].about == "READWRITE"
    assert FindingCode.TITLE_ONLY not in codes(host(Example(rung=Rung.DISCLOSES)))


def test_an_interface_that_names_its_product_and_keeps_its_counters_is_not_said_to_take_writes() -> None:
    named = OrthancFacts(200, is_orthanc=True, counters=Counters(403))
    seen = Observation(
        endpoint=Endpoint(ADDRESS, 8042, Protocol.HTTP), at=AT, depth=Depth.ASK, stop=DONE, facts=(named,)
    )
    assert FindingCode.MAY_WRITE not in {one.code for one in only(seen)}
    asked_nothing = msgspec.structs.replace(seen, depth=Depth.KNOCK)
    assert FindingCode.MAY_WRITE in {one.code for one in only(asked_nothing)}


def test_a_login_before_a_product_says_that_it_may_be_known() -> None:
    """It stays closed, as the 401 proves, and has no worse grade: nothing was found, and nothing excluded."""
    demanded = OrthancFacts(401, realm="Orthanc Secure Area")
    seen = Observation(endpoint=Endpoint(ADDRESS, 8042, Protocol.HTTP), at=AT, depth=Depth.ASK, stop=DONE)
    pages = PageFacts(401, 401, realm="Orthanc Secure Area", doors=True)
    judged = archives.judge(ADDRESS, [seen.with_facts(demanded, pages)])
    found = {one.code: one for one in findings(judged)}
    assert judged.judged[0].verdict.conclusive
    assert found[FindingCode.LOGIN_MAY_BE_KNOWN].grade is None
    other = msgspec.structs.replace(seen, facts=(PageFacts(401, 401, realm="restricted", doors=True),))
    assert FindingCode.LOGIN_MAY_BE_KNOWN not in {one.code for one in only(other)}
