"""Remedies: every row by its example, and the table as a whole."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.catalogue.remedies import FILLERS, Evidence, Platform, Remedies, RemedyRow, WayIn, platform, remedies
from filmbadge.judge.remedies import choose
from filmbadge.model import FindingCode, Protocol

ROWS = list(remedies().values())
ROW = """
[[remedy]]
id = "one"
slot = "web"
grade = "K"
setting = ""
default = ""
stranger = ""
verify = ""
source = ""
unproven = "nobody did"
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_is_chosen_for_its_example(row: RemedyRow) -> None:
    other = remedies()[row.instead_of] if row.instead_of else row
    if row.slot in FILLERS:
        assert row.fits(Evidence())
        return
    assert other.slot is row.slot
    assert other in choose(row.example)
    assert row.counter_example is not None
    assert row not in choose(row.counter_example)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_says_what_a_test_on_the_product_needs(row: RemedyRow) -> None:
    assert row.setting
    assert row.stranger
    assert row.verify
    assert row.source
    assert all(line == line.strip() and line.isprintable() and line.isascii() for line in row.set)
    assert set(re.findall(r"<\w+>", " ".join(row.set))) <= {"<ports>", "<dicom>", "<web>", "<devices>"}
    # Nothing is typed that holds the address of somebody: only addresses of documentation (RFC 5737), and loopback.
    typed = " ".join(row.set)
    assert set(re.findall(r"\d+\.\d+\.\d+\.\d+", typed)) <= {"192.0.2.10", "192.0.2.11", "127.0.0.1"}


def test_rows_that_are_measured_or_read_say_what_a_check_then_sees() -> None:
    unsaid = {row.id for row in ROWS if row.grade in "MS" and not row.then}
    assert unsaid == {"orthanc-web-tls", "web-tls"}  # they close nothing


def test_a_row_is_measured_if_and_only_if_it_was_tried_on_the_product() -> None:
    real = "".join(path.read_text() for path in (Path(__file__).parents[1] / "real").glob("test_[rf]*.py"))
    for row in ROWS:
        assert (row.grade == "M") is bool(row.proven) is (row.measured is not None)
        assert bool(row.proven) != bool(row.unproven)
        assert (f'"{row.id}"' in real) is bool(row.proven), row.id  # the test that saw it
        assert not row.unproven or row.unproven.endswith(".")


# What an archive with such a finding shows, too: these never stand alone.
IN_BY_DIMSE = Evidence(ways=(WayIn.DIMSE,))
BESIDE = {
    FindingCode.PERSONAL_DATA: IN_BY_DIMSE,
    FindingCode.SSN_RECORDS: IN_BY_DIMSE,
    FindingCode.NATIONAL_IDENTIFIERS: IN_BY_DIMSE,
    FindingCode.HANDS_OUT_IMAGES: IN_BY_DIMSE,
    FindingCode.OTHER_ADDRESS: IN_BY_DIMSE,
    FindingCode.TLS_LETS_IN: Evidence(ways=(WayIn.DIMSE,), tls=True),
    FindingCode.MAY_WRITE: Evidence(product="Orthanc", ways=(WayIn.API,)),
    FindingCode.PLAIN_TRANSPORT: Evidence(plain=(Protocol.DIMSE,)),
    FindingCode.LOGIN_MAY_BE_KNOWN: Evidence(product="Orthanc", login=True),
}


@pytest.mark.parametrize("code", FindingCode)
def test_every_finding_has_a_remedy(code: FindingCode) -> None:
    assert choose(msgspec.structs.replace(BESIDE.get(code, Evidence()), findings=(code,)))


def test_tls_that_lets_anybody_in_is_closed_at_the_front() -> None:
    ids = [row.id for row in choose(Evidence(findings=(FindingCode.TLS_LETS_IN,), ways=(WayIn.DIMSE,), tls=True))]
    assert "front-verify" in ids


def test_a_login_that_may_be_known_is_asked_about() -> None:
    seen = Evidence(product="Orthanc", login=True, findings=(FindingCode.LOGIN_MAY_BE_KNOWN,))
    assert choose(seen)[0].id == "orthanc-default-user"


def test_defaults_of_orthanc_changed_by_version() -> None:
    def web(version: str) -> str:
        return choose(Evidence(product="Orthanc", version=version, ways=(WayIn.API,)))[0].id

    assert [web(v) for v in ("1.5.7", "1.5.8", "1.12.8", "1.12.9", "1.13.0", "mainline", "")] == [
        "orthanc-web-before-1-5-8",
        "orthanc-web",
        "orthanc-web",
        "orthanc-web-from-1-12-9",
        "orthanc-web-from-1-13",
        "orthanc-web",
        "orthanc-web",
    ]

    def dicom(version: str) -> str:
        return choose(Evidence(product="Orthanc", version=version, ways=(WayIn.DIMSE,)))[0].id

    assert [dicom(v) for v in ("1.2.0", "1.3.0", "1.8.2", "1.9.0", "")] == [
        "orthanc-dicom-before-1-3",
        "orthanc-dicom-before-1-9",
        "orthanc-dicom-before-1-9",
        "orthanc-dicom",
        "orthanc-dicom",
    ]


def test_no_row_types_a_password_or_tries_one() -> None:
    typed = " ".join(line for row in ROWS for line in row.set)
    assert "orthanc:orthanc" not in typed
    assert '"orthanc": "' not in typed


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('example = { product = "Orthanc" }\n', "row 1 of [[remedy]]: it has a counter-example"),
        ('product = ["A"]\nexample = { product = "B" }\ncounter_example = {}\n', "its example does not match"),
        ("example = {}\ncounter_example = {}\n", "its example does not match"),
        ('proven = "on a product"\nexample = {}\ncounter_example = {}\n', "what is measured says on what"),
        (
            'measured = { before = "", after = "", shows = "", allowed = "" }\nexample = {}\ncounter_example = {}\n',
            "what is measured says on what",
        ),
        ('set = ["a"]\nexample = {}\ncounter_example = {}\n', "what is typed goes into something"),
    ],
)
def test_a_wrong_row_is_named(wrong: str, said: str) -> None:
    with pytest.raises(CatalogueError, match=re.escape(said)):
        parse("remedies.toml", (ROW + wrong + "[[system]]\n").encode(), Remedies)


def test_a_row_instead_of_no_row_is_refused() -> None:
    good = ROWS[0]
    with pytest.raises(ValueError, match="names no row: nobody"):
        Remedies((msgspec.structs.replace(good, instead_of="nobody"),), ())
    with pytest.raises(ValueError, match="stands twice"):
        Remedies((good, good), ())


@pytest.mark.parametrize(
    ("product", "as_name", "found"),
    [
        ("Orthanc", "AMAZON-02, US", Platform.AWS),
        ("Sante PACS Server", "MICROSOFT-CORP-MSN-AS-BLOCK", Platform.AZURE),
        ("Sante PACS Server", "", Platform.WINDOWS),
        ("Orthanc", "EXAMPLE-NET", Platform.NFTABLES),
    ],
)
def test_a_cloud_comes_before_what_the_product_runs_on(product: str, as_name: str, found: Platform) -> None:
    assert platform(product, as_name) is found
