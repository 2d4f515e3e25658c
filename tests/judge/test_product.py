"""Toolkit and product are two things, and a product is firm on two marks only."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.judge.product import identify
from filmbadge.model import Abort, DimseFacts, Find, Fingerprint, FingerprintKind, Observation, OrthancFacts, Product
from support.factories import DISCLOSED, REPORTED, admitted, dimse, web

DCMTK = ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367")
CONQUEST = ("1.2.826.0.1.3680043.2.135.1066.101", "1.4.16/WIN32")
OURS = ("2.25.109834610025293613980468098716390977007", "FILMBADGE_0_1")


def says(uid: str, version: str, **more: object) -> DimseFacts:
    return msgspec.structs.replace(admitted(DISCLOSED), implementation_uid=uid, implementation_version=version, **more)


def signed(*signs: Fingerprint) -> Observation:
    return msgspec.structs.replace(web(), signs=signs)


def test_a_toolkit_names_no_product() -> None:
    assert identify(dimse(says(*DCMTK))) == Product(toolkit="DCMTK 3.6.7")


def test_one_mark_is_likely_and_two_of_a_kind_are_one() -> None:
    api = Fingerprint("Orthanc", FingerprintKind.API, "1.12.1")
    assert identify(web(REPORTED)) == Product("Orthanc", "", "1.12.1", firm=False)
    assert not identify(signed(api, msgspec.structs.replace(api, version=""))).firm
    assert identify(signed(api, Fingerprint("Orthanc", FingerprintKind.PAGE))).firm


def test_the_toolkit_it_is_built_on_makes_orthanc_firm_and_another_does_not() -> None:
    assert identify(dimse(says(*DCMTK)), web(REPORTED)) == Product("Orthanc", "DCMTK 3.6.7", "1.12.1", firm=True)
    other = says("1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_304")
    assert identify(dimse(other), web(REPORTED)) == Product("Orthanc", "pynetdicom 3.0.4", "1.12.1", firm=False)


def test_an_abort_at_the_query_is_a_hint_only() -> None:
    aborting = msgspec.structs.replace(admitted((Find(None, 0),)), abort=Abort(0, 0))
    assert identify(dimse(aborting)) == Product()
    locked = OrthancFacts(status=401, realm="Orthanc Secure Area")
    assert identify(dimse(aborting), web(locked)) == Product("Orthanc", firm=True)


def test_a_version_comes_from_a_field_that_carries_the_products_version() -> None:
    assert identify(dimse(says(*CONQUEST))) == Product("Conquest", "", "1.4.16", firm=False)
    synapse = says("1.2.840.113845.1.1", "Syn7,3,0,258")
    assert identify(dimse(synapse)) == Product("Fujifilm Synapse", "", "7,3,0,258", firm=False)


@pytest.mark.parametrize(("rejected", "firm"), [(1, True), (0, False)])
def test_a_title_says_something_where_another_was_rejected(rejected: int, firm: bool) -> None:
    facts = says(*CONQUEST, called="CONQUESTSRV1", called_from_scope=True, titles_rejected=rejected)
    assert identify(dimse(facts)).firm is firm


def test_one_that_mirrors_us() -> None:
    assert identify(dimse(says(*OURS))) == Product("tiny-pacs")


def test_the_product_with_most_marks_is_named() -> None:
    found = identify(
        signed(
            Fingerprint("Orthanc", FingerprintKind.PAGE),
            Fingerprint("Dicoogle", FingerprintKind.PAGE),
            Fingerprint("Dicoogle", FingerprintKind.HEADER, "2.5.0"),
        )
    )
    assert found == Product("Dicoogle", version="2.5.0", firm=True)
    assert identify(signed()) == Product()


def test_a_viewer_is_not_what_the_archive_is() -> None:
    viewer = (Fingerprint("OHIF", FingerprintKind.PAGE), Fingerprint("OHIF", FingerprintKind.API))
    assert identify(signed(*viewer)) == Product("OHIF", firm=True)
    assert identify(signed(*viewer, Fingerprint("Orthanc", FingerprintKind.REALM))) == Product("Orthanc", firm=False)
    assert identify(signed(*viewer), dimse(says(*DCMTK))) == Product(toolkit="DCMTK 3.6.7")


def test_hearsay_names_a_product_and_makes_none_firm() -> None:
    two = (
        Fingerprint("MedDream", FingerprintKind.PAGE, confirmed=False),
        Fingerprint("MedDream", FingerprintKind.HEADER, confirmed=False),
    )
    assert identify(signed(*two)) == Product("MedDream", firm=False)
    icon = Fingerprint("OsiriX", FingerprintKind.FAVICON, confirmed=False)
    assert not identify(signed(Fingerprint("OsiriX", FingerprintKind.REALM), icon)).firm
