"""An archive is recognised in another survey, whatever the order of its ports and the date."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.judge.archives import judge
from filmbadge.judge.findings import findings
from filmbadge.judge.identity import same, score
from filmbadge.model import (
    Archive,
    Certificate,
    Endpoint,
    Finding,
    FindingCode,
    Identity,
    KeyKind,
    Link,
    LinkBy,
    Observation,
    Protocol,
    TlsFacts,
)
from support.factories import ADDRESS, AT, DISCLOSED, REPORTED, admitted, dimse, web

KEY, OTHER_KEY = "a" * 64, "b" * 64


def over_tls(seen: Observation, key: str = KEY) -> Observation:
    shown = Certificate("pacs.example", "", "", "", AT, AT + timedelta(9), True, KeyKind.RSA, 2048, True, key)
    return msgspec.structs.replace(seen, tls=TlsFacts("TLSv1.3", certificate=shown))


ARCHIVE = (
    dimse(admitted(DISCLOSED), port=104),
    over_tls(dimse(admitted(DISCLOSED), port=2762)),
    web(msgspec.structs.replace(REPORTED, dicom_port=104, aet="ORTHANC")),
)
ONE = Link(ARCHIVE[0].endpoint, ARCHIVE[1].endpoint, LinkBy.STUDY_UIDS, 35, 35)


def found(*observations: Observation, links: tuple[Link, ...] = (ONE,)) -> Archive:
    (archive,) = judge(ADDRESS, observations, links).archives
    return archive


@given(st.permutations(ARCHIVE))
def test_the_order_of_ports_decides_nothing(observations: list[Observation]) -> None:
    assert found(*observations) == found(*ARCHIVE)
    assert found(*observations).id == f"{ADDRESS}:104"


def test_nor_does_the_date() -> None:
    later = [msgspec.structs.replace(seen, at=seen.at + timedelta(400)) for seen in ARCHIVE]
    assert (found(*later).id, found(*later).identity) == (found(*ARCHIVE).id, found(*ARCHIVE).identity)


def test_what_it_is_made_of() -> None:
    endpoints = tuple(sorted(seen.endpoint for seen in ARCHIVE))
    assert found(*ARCHIVE).identity == Identity(endpoints, (KEY,), "Orthanc", ("ORTHANC", "pacs.example"))


def test_one_endpoint_more_or_less_is_matched_by_overlap() -> None:
    fewer = found(ARCHIVE[0], ARCHIVE[2])
    assert same(found(*ARCHIVE).identity, fewer.identity)
    assert same(fewer.identity, found(*ARCHIVE).identity)
    renewed = found(ARCHIVE[0], over_tls(ARCHIVE[1], OTHER_KEY), ARCHIVE[2])
    assert same(found(*ARCHIVE).identity, renewed.identity)


def at(address: str, key: str = "", product: str = "", name: str = "") -> Identity:
    endpoint = Endpoint(address, 104, Protocol.DIMSE)
    return Identity((endpoint,), (key,) if key else (), product, (name,) if name else ())


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (at("192.0.2.1"), at("192.0.2.1"), True),
        (at("192.0.2.1"), at("192.0.2.2"), False),
        (at("192.0.2.1", product="Orthanc", name="PACS"), at("192.0.2.2", product="Orthanc", name="PACS"), False),
        (at("192.0.2.1", KEY), at("192.0.2.2", KEY), True),  # it moved
        (at("192.0.2.1", KEY, "Orthanc"), at("192.0.2.2", KEY, "DCM4CHEE"), False),  # a maker's own key
        (at("192.0.2.1", KEY, "Orthanc"), at("192.0.2.1", OTHER_KEY, "DCM4CHEE"), False),  # the address is another's
        (at("192.0.2.1", KEY, "Orthanc"), at("192.0.2.1", OTHER_KEY, "Orthanc"), True),
    ],
)
def test_what_is_the_same(one: Identity, other: Identity, is_same: bool) -> None:
    assert same(one, other) is same(other, one) is is_same


def test_of_several_that_fit_the_one_in_its_place_fits_best() -> None:
    before = at("192.0.2.1", KEY, "Orthanc")
    assert score(before, at("192.0.2.1", KEY, "Orthanc")) > score(before, at("192.0.2.2", KEY, "Orthanc")) > 0


def test_a_finding_is_named_by_its_archive_a_code_and_a_place() -> None:
    place = Endpoint(ADDRESS, 104, Protocol.DIMSE)
    ids = {
        Finding(code, archive, endpoint, None, about=about).id
        for archive in ("192.0.2.1:104", "192.0.2.2:104")
        for code in (FindingCode.PLAIN_TRANSPORT, FindingCode.ADVISORY)
        for endpoint in (None, place)
        for about in ("", "CVE-2023-33466")
    }
    assert len(ids) == 16
    assert all(len(name) == 16 for name in ids)


@given(st.permutations(ARCHIVE), st.integers(0, 4000))
def test_in_another_survey_the_same_findings_have_the_same_ids(observations: list[Observation], days: int) -> None:
    def ids(*seen: Observation) -> list[str]:
        return [finding.id for finding in findings(judge(ADDRESS, seen, (ONE,)))]

    moved = [msgspec.structs.replace(seen, at=seen.at + timedelta(days / 1000)) for seen in observations]
    assert ids(*moved) == ids(*ARCHIVE)
    assert len(set(ids(*ARCHIVE))) == len(ids(*ARCHIVE)) > 2
