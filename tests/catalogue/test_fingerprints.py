"""Every row is tested by its own example."""

from __future__ import annotations

import pytest

from filmbadge.catalogue.fingerprints import Toolkit, fingerprints, toolkit_of

ROWS = fingerprints().toolkit


@pytest.mark.parametrize("row", ROWS, ids=[row.is_ for row in ROWS])
def test_a_row_knows_its_example_and_no_other(row: Toolkit) -> None:
    for other in ROWS:
        name = row.match(other.example.uid, other.example.version)
        assert name == (row.example.is_ if other is row else "")
    assert toolkit_of(row.example.uid, row.example.version) == row.example.is_


@pytest.mark.parametrize("row", ROWS, ids=[row.is_ for row in ROWS])
def test_both_items_must_match_in_whole(row: Toolkit) -> None:
    uid, version = row.example.uid, row.example.version
    for pair in ((uid, ""), ("", version), (uid + "x", version), (uid, "x" + version), (uid, version + "\n")):
        assert toolkit_of(*pair) == ""


def test_what_names_nothing_is_nothing() -> None:
    assert toolkit_of("", "") == ""
    assert toolkit_of("1.2.3", "ARCHIVE") == ""
