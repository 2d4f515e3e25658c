"""Every row is tested by its own example, and the errors of other tables are not repeated."""

from __future__ import annotations

import re

import pytest

from filmbadge.ask.dimse.association import IMPLEMENTATION_VERSION
from filmbadge.catalogue.dicom import IMPLEMENTATION_UID
from filmbadge.catalogue.fingerprints import ProductRow, Toolkit, baits, fingerprints, toolkit_of

ROWS = fingerprints().toolkit
PRODUCTS = fingerprints().product


@pytest.mark.parametrize("row", ROWS, ids=[row.example.uid + " " + row.example.version for row in ROWS])
def test_a_row_knows_its_example_and_no_other(row: Toolkit) -> None:
    for other in ROWS:
        name = row.match(other.example.uid, other.example.version)
        assert name == (row.example.is_ if other is row else "")
    assert toolkit_of(row.example.uid, row.example.version) == row.example.is_


@pytest.mark.parametrize("row", ROWS, ids=[row.example.uid + " " + row.example.version for row in ROWS])
def test_both_items_must_match_in_whole(row: Toolkit) -> None:
    uid, version = row.example.uid, row.example.version
    for pair in ((uid, ""), ("", version), (uid + "x", version), (uid, "x" + version), (uid, version + "\n")):
        assert toolkit_of(*pair) == ""


@pytest.mark.parametrize("row", PRODUCTS, ids=[row.is_ + " " + row.example.version for row in PRODUCTS])
def test_a_product_knows_its_example_and_no_other(row: ProductRow) -> None:
    for other in PRODUCTS:
        found = row.match(other.example.uid, other.example.version)
        assert found == (row.example.product_version if other is row else None)
    uid, version = row.example.uid, row.example.version
    for pair in ((uid, ""), ("", version), (uid + "x", version), (uid, "x" + version), (uid, version + "\n")):
        assert row.match(*pair) is None


def test_what_names_nothing_is_nothing() -> None:
    assert toolkit_of("", "") == ""
    assert toolkit_of("1.2.3", "ARCHIVE") == ""


def test_our_own_items_are_known_when_they_are_mirrored() -> None:
    assert [row.is_ for row in PRODUCTS if row.match(IMPLEMENTATION_UID, IMPLEMENTATION_VERSION) is not None] == [
        "tiny-pacs"
    ]


def test_the_only_bait_is_known() -> None:
    assert baits() == {"dicompot"}


# What other tables say of these UIDs is wrong, or not shown by anything.
WRONG = [
    ("1.2.826.0.1.3680043.8.641", "Orthanc"),
    ("1.2.826.0.1.3680043.8.1057", "OsiriX"),
    ("1.2.840.113704", "Philips"),
    ("1.2.840.114257", "Agfa"),
    ("1.2.826.0.1.3680043.2.1545", "Orthanc"),
    ("1.2.826.0.1.3680043.2.1545", "MicroDicom"),
    ("1.2.826.0.1.3680043.2.1343.8806", "ClearCanvas"),
    ("1.2.124.113532.3500.8.1", "IMPAX"),
    ("1.2.752.24.7.123", "Sectra"),
    ("1.2.40.0.13.1.3", "pynetdicom"),
    ("1.2.826.0.1.3680043.2.135.1066.101", "Orthanc"),
    ("1.3.6.1.4.1.30071.8", "ClearCanvas"),
    ("1.2.826.0.1.3680043.9.3811.3.0.4", "OsiriX"),
    ("1.2.840.113564", "Fuji"),
]


@pytest.mark.parametrize(("uid", "wrong"), WRONG)
def test_errors_of_other_tables_are_not_repeated(uid: str, wrong: str) -> None:
    """No row gives this UID that name, whatever the version name; nor does any row go by a vendor's whole arc."""
    for pattern, name in [(row.uid, row.is_) for row in ROWS] + [(row.uid, row.is_) for row in PRODUCTS]:
        if re.fullmatch(pattern, uid) or re.fullmatch(pattern, uid + ".1"):
            assert wrong.lower() not in name.lower()
    assert toolkit_of("1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_3.0.4") == ""  # its names have no dots
