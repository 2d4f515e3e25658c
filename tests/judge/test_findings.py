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
    Counts,
    Depth,
    Endpoint,
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
    PageFacts,
    Product,
    Provenance,
    Rung,
    TlsFacts,
    Transport,
    Verdict,
)
from support.factories import ADDRESS, AT, DISCLOSED, DONE, REPORTED, admitted, dimse, web

ROWS = list(rows().values())


def host(example: Example) -> Host:
    """The archive that an example describes, as if it had been judged so."""
    endpoint = Endpoint(ADDRESS, 4242, example.protocol)
    pages = (PageFacts(200, 200, listing=Listing(example.files)),) if example.files else ()
    judged = JudgedEndpoint(
        Observation(endpoint=endpoint, at=AT, depth=Depth.PROVE, stop=DONE, facts=pages),
        Verdict(example.rung, example.why, example.codes),
        Product(),
        example.transport,
    )
    kinds = tuple(KindFound(kind, 5, Provenance.COUNTED, looks=Appearance.PERSONAL) for kind in example.personal)
    archive = Archive(
        id="a",
        address=ADDRESS,
        endpoints=(endpoint,),
        rung=example.rung,
        product=Product(),
        counts=Counts(),
        kinds=kinds,
        identifiers=tuple(Identifier(s, Kind.PATIENT_ID, 5, Provenance.COUNTED, 1, 1) for s in example.schemes),
        ssn_records=Count(example.ssn_records),
        advisories=example.advisories,
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
