"""Remedies are chosen from what was seen: findings, product, version, ways in and transport."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.catalogue.remedies import Evidence, Platform, WayIn
from filmbadge.judge.remedies import FEWEST, MOST, choose, evidence, remedies
from filmbadge.model import (
    Abort,
    ClientCertificate,
    DimseFacts,
    Find,
    FindingCode,
    Host,
    Listing,
    Observation,
    OrthancFacts,
    PageFacts,
    Place,
    Protocol,
    Rejection,
    Rung,
    Said,
    TlsFacts,
)
from support import factories
from support.factories import ADDRESS, DISCLOSED, ORTHANC_REALM, REPORTED, admitted, dimse, web

MODERN = TlsFacts("TLSv1.3", "", ClientCertificate.NO)


def seen(*observations: Observation) -> Evidence:
    host = factories.host(ADDRESS, *observations)
    (archive,) = host.archives
    return evidence(archive, host.judged)


def ids(*observations: Observation) -> list[str]:
    return rows(factories.host(ADDRESS, *observations))


def rows(host: Host) -> list[str]:
    (archive,) = host.archives
    return [remedy.id for remedy in remedies(archive, host.judged)]


def test_an_open_orthanc_by_both_ways() -> None:
    found = seen(dimse(admitted(DISCLOSED)), web(REPORTED))
    assert (found.product, found.version) == ("Orthanc", "1.12.1")
    assert set(found.ways) == {WayIn.DIMSE, WayIn.API}
    assert set(found.plain) == {Protocol.DIMSE, Protocol.HTTP}
    assert ids(dimse(admitted(DISCLOSED)), web(REPORTED)) == [
        "orthanc-web",
        "orthanc-dicom",
        "firewall-nftables",
        "update",
        "orthanc-dicom-tls",
    ]


def test_a_password_of_orthanc_is_asked_about_and_not_tried() -> None:
    locked = web(OrthancFacts(status=401, realm=ORTHANC_REALM))
    assert ids(locked) == ["orthanc-default-user", "web-tls", "any-apart", "likely-product"]


def test_an_orthanc_whose_pages_show_nothing_is_known_by_how_it_aborts() -> None:
    shown = msgspec.structs.replace(
        admitted((Find(None, 0),)),
        abort=Abort(0, 0),
        implementation_uid="1.2.276.0.7230010.3.0.3.6.7",
        implementation_version="OFFIS_DCMTK_367",
    )
    found = seen(dimse(shown))
    assert (found.product, found.toolkit, found.aborts) == ("", "DCMTK 3.6.7", True)
    assert ids(dimse(shown))[0] == "dcmtk-aborts-dicom"


def test_a_product_that_one_mark_names_is_doubted_where_a_line_is_about_it() -> None:
    likely = factories.host(ADDRESS, web(REPORTED))
    assert not likely.archives[0].product.firm
    assert rows(likely)[-1] == "likely-product"
    both = rows(factories.host(ADDRESS, dimse(admitted(DISCLOSED)), web(REPORTED)))
    assert "likely-product" not in both  # five lines are enough
    for_any = choose(Evidence(product="Agfa", firm=False, ways=(WayIn.DIMSE,)))
    assert "likely-product" not in [row.id for row in for_any]


def test_a_title_is_no_secret() -> None:
    rejected = dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7)))
    found = seen(rejected)
    assert found.ways == ()
    assert FindingCode.TITLE_ONLY in found.findings
    assert ids(rejected) == ["any-title", "firewall-nftables", "front-stunnel"]


def test_a_list_of_files() -> None:
    listing = web(PageFacts(200, 200, listing=Listing(5)))
    assert seen(listing).ways == (WayIn.LISTING,)
    assert ids(listing)[0] == "listing-nginx"


def test_tls_without_a_client_certificate_lets_everybody_in() -> None:
    over = msgspec.structs.replace(dimse(admitted(DISCLOSED)), tls=MODERN)
    assert seen(over).tls
    assert ids(over) == ["any-dicom", "firewall-nftables", "front-verify"]


def test_who_routes_an_address_chooses_the_firewall() -> None:
    host = factories.host(ADDRESS, dimse(admitted(DISCLOSED)))
    cloud = msgspec.structs.replace(host.archives[0], place=Place(as_name=(Said("AMAZON-02, US", "a file"),)))
    assert evidence(cloud, host.judged).platform is Platform.AWS
    assert "firewall-aws" in rows(msgspec.structs.replace(host, archives=(cloud,)))


def test_a_closed_archive_has_nothing_to_close() -> None:
    closed = msgspec.structs.replace(
        dimse(DimseFacts(called="A", valid_pdu=True, rejection=Rejection(1, 1, 1))), tls=MODERN
    )
    assert factories.host(ADDRESS, closed).archives[0].rung is Rung.SPEAKS
    assert ids(closed) == []


@pytest.mark.parametrize(
    "observations",
    [
        (dimse(admitted(DISCLOSED)),),
        (dimse(admitted(DISCLOSED)), web(REPORTED)),
        (web(OrthancFacts(status=401, realm=ORTHANC_REALM)),),
        (msgspec.structs.replace(dimse(admitted()), tls=TlsFacts("TLSv1", "AES128-SHA")),),
        (dimse(DimseFacts(called="A", valid_pdu=True, rejection=Rejection(1, 1, 1))),),
    ],
)
def test_three_to_five_things_are_to_be_done(observations: tuple[Observation, ...]) -> None:
    assert FEWEST <= len(ids(*observations)) <= MOST
