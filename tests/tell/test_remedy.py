"""Remedies in words: a sentence for each row, what is typed, and the command that checks again."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.console import Console

from filmbadge.catalogue.remedies import RemedyRow, remedies
from filmbadge.model import ClientCertificate, Depth, DimseFacts, Endpoint, Observation, Rejection, TlsFacts
from filmbadge.tell import card
from filmbadge.tell.remedy import LINES, CloseItView, close_it, step
from filmbadge.tell.words import Words
from support import factories
from support.factories import ADDRESS, DISCLOSED, REPORTED, admitted, dimse, web

ENGLISH = Words()
ROWS = list(remedies().values())


def told(address: str = ADDRESS, *seen: Observation) -> CloseItView:
    host = factories.host(address, *(seen or (dimse(admitted(DISCLOSED)), web(REPORTED))))
    (archive,) = host.archives
    return close_it(archive, host.judged, ENGLISH)


def test_every_row_has_a_sentence_and_every_sentence_a_row() -> None:
    assert list(LINES) == [row.id for row in ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_sentence_announces_what_is_typed(row: RemedyRow) -> None:
    text = LINES[row.id]
    assert text.endswith(":") == bool(row.set)
    assert text.endswith((":", "."))
    assert set(re.findall(r"{(\w+)}", text)) <= {"ports", "product"}


def test_what_nobody_tried_says_so_in_a_sentence_of_its_own() -> None:
    said = {row.id: step(row.id, ENGLISH, "") for row in ROWS}
    assert said["conquest-dicom"].untried == "We did not try this on the product itself."
    assert said["conquest-dicom"].untried not in said["conquest-dicom"].words
    assert {code for code, one in said.items() if one.tried} >= {"orthanc-web", "dcmqrscp-dicom", "any-logs"}
    assert not any(one.tried for code, one in said.items() if "dcm4che" in code or "osirix" in code)


def test_lines_can_be_copied() -> None:
    found = told()
    assert found.product == "likely Orthanc 1.12.1"
    assert len(found.lines) == len(found.steps) == 5
    assert '"DicomCheckCalledAet": true' in found.lines[1]
    assert "TCP 4242, 8042" in found.lines[2]
    assert any("tcp dport { 4242, 8042 } meta nfproto ipv6 drop" in line for line in found.steps[2].type)
    assert any("connect = 127.0.0.1:4242" in line for line in told(ADDRESS, dimse(admitted(DISCLOSED))).lines)
    assert all("<ports>" not in line and "\n" not in line for line in found.lines)
    assert "Orthanc, Resources/Configuration.json" in " ".join(found.sources)


@pytest.mark.parametrize(
    ("address", "command"),
    [
        ("192.0.2.7", "filmbadge check 192.0.2.7:4242,8042 --scope SCOPE.toml"),
        ("127.0.0.7", "filmbadge check 127.0.0.7:4242,8042"),
        ("2001:db8::7", "filmbadge check [2001:db8::7]:4242,8042 --scope SCOPE.toml"),
    ],
)
def test_the_same_check_is_named_that_found_it(address: str, command: str) -> None:
    assert told(address).check_again == command


def test_all_addresses_of_an_archive_are_checked_again() -> None:
    host = factories.host("192.0.2.7", dimse(admitted(DISCLOSED)))
    (archive,) = host.archives
    (way,) = archive.endpoints
    both = (way, Endpoint("2001:db8::7", 11112, way.protocol))
    found = close_it(msgspec.structs.replace(archive, endpoints=both), host.judged, ENGLISH)
    assert found.check_again == (
        "filmbadge check 192.0.2.7:4242 --scope SCOPE.toml; filmbadge check [2001:db8::7]:11112 --scope SCOPE.toml"
    )


@pytest.mark.parametrize("width", [60, 80])
def test_a_card_says_what_to_do_and_how_to_check_again(width: int) -> None:
    host = factories.host(ADDRESS, dimse(admitted(DISCLOSED)), web(REPORTED))
    out = io.StringIO()
    document = card.document(ADDRESS, Depth.COUNT, host, [], ENGLISH)
    Console(file=out, width=width, color_system=None).print(card.render(document, ENGLISH))
    lines = [line.strip("│ \n") for line in out.getvalue().splitlines()]
    assert lines.index("Close it:") < next(n for n, line in enumerate(lines) if line.startswith("5. "))
    assert '"AuthenticationEnabled": true,' in lines  # it stands alone, so that it can be copied
    assert any(line.startswith("Check again: filmbadge check 192.0.2.7:4242,8042") for line in lines)


def test_a_closed_archive_has_no_lines() -> None:
    rejected = DimseFacts(called="A", valid_pdu=True, rejection=Rejection(1, 1, 1))
    over = msgspec.structs.replace(dimse(rejected), tls=TlsFacts("TLSv1.3", "", ClientCertificate.NO))
    assert told(ADDRESS, over) == CloseItView()
