"""Versions are compared where numbers decide, and nothing is reported where they do not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.catalogue.advisories import Advisory, advisories, compare, known

ROWS = list(advisories().values())
numbers = st.lists(st.integers(0, 999), min_size=1, max_size=5)


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_a_row_knows_its_example(row: Advisory) -> None:
    assert row.id in known(row.product, row.example.affected)
    assert row.id not in known(row.product, row.example.not_affected)
    assert row.id not in known("another product", row.example.affected)
    for unknown in ("", "mainline", "unknown", "v?"):
        assert not row.affects(unknown)


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        ("1.10.1", "1.9.9", 1),
        ("1.12", "1.12.0", 0),
        ("7,3,0,258", "7.3.0.257", 1),
        (" 1.4.16 ", "1.5.0", -1),
        ("1.5.0d", "1.5.0", None),
        ("1.5.0-beta", "1.6.0", -1),
        ("mainline", "1.0", None),
        ("", "1.0", None),
    ],
)
def test_versions(one: str, other: str, order: int | None) -> None:
    assert compare(one, other) == order
    assert compare(other, one) == (None if order is None else -order)


@given(numbers, numbers)
def test_order_is_that_of_the_numbers(one: list[int], other: list[int]) -> None:
    padded = [n + [0] * (5 - len(n)) for n in (one, other)]
    wanted = (padded[0] > padded[1]) - (padded[0] < padded[1])
    assert compare(".".join(map(str, one)), ".".join(map(str, other))) == wanted


def test_orthanc() -> None:
    assert known("Orthanc", "1.10.1") == ("CVE-2023-33466", "CVE-2026-5437 to CVE-2026-5445")
    assert known("Orthanc", "1.12.11") == ()
    assert known("Orthanc", "1.15.0") == ()  # no version of it is taken for the secure one
    assert known("DCMTK", "3.6.4") == ()  # a toolkit's version says not which repairs it has


def test_a_severity_is_of_the_band_of_its_score_and_none_where_no_source_gives_one() -> None:
    rows = advisories()
    assert {row.severity for row in rows.values() if row.cvss is None} == {None}
    assert rows["CVE-2025-0896"].severity == "critical"
    assert msgspec.structs.replace(rows["CVE-2025-0896"], cvss=8.9).severity == "high"
    assert msgspec.structs.replace(rows["CVE-2025-0896"], cvss=0.0).severity == "info"


def test_a_link_leads_to_the_record_of_the_first_cve_or_to_the_advisory() -> None:
    rows = advisories()
    assert rows["CVE-2026-5437 to CVE-2026-5445"].link == "https://www.cve.org/CVERecord?id=CVE-2026-5437"
    assert rows["ICSMA-24-200-01"].link.endswith("/icsma-24-200-01")
    assert all(row.link.startswith("https://") for row in rows.values())
