"""The list of archives: for a terminal of any width a line each, and for a spreadsheet nothing that it would run."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from filmbadge.tell import listing
from filmbadge.tell.spreadsheet import line
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.view import ReviewView
from filmbadge.tell.words import Words
from support import many

ENGLISH = Words()


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> ReportDocument:
    return many.document(tmp_path_factory.mktemp("list"), {"DE": (3, 2)})


def drawn(report: ReportDocument, width: int, *, opened: bool = False) -> list[str]:
    out = io.StringIO()
    found = listing.lines(report, opened=opened, words=ENGLISH)
    Console(file=out, width=width, color_system=None).print(listing.Listing(found, ENGLISH))
    return out.getvalue().splitlines()


def test_eighty_columns(document: ReportDocument) -> None:
    assert drawn(document, 80) == [
        "grade  address    rung       studies  worst",
        "F      192.0.2.3  discloses      309  Gives records to strangers",
        "F      192.0.2.2  discloses      204  Gives records to strangers",
        "F      192.0.2.1  discloses      101  Gives records to strangers",
        "C      192.0.2.4  admits     unknown  Lets strangers in",
        "C      192.0.2.5  admits     unknown  Lets strangers in",
        "3 of 5 archives in this list are open to strangers.",
    ]


def test_sixty_columns(document: ReportDocument) -> None:
    assert drawn(document, 60, opened=True) == [
        "grade  address    studies  worst",
        "F      192.0.2.3      309  Gives records to strangers",
        "F      192.0.2.2      204  Gives records to strangers",
        "F      192.0.2.1      101  Gives records to strangers",
        "3 of 3 archives in this list are open to strangers.",
    ]


def test_a_hundred_columns(document: ReportDocument) -> None:
    assert drawn(document, 100, opened=True)[:2] == [
        "grade  address    country  rung       studies  images  worst",
        "F      192.0.2.3  DE       discloses      309   2,781  Gives records to strangers",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_large_bound_leaves_room_for_what_is_wrong(document: ReportDocument, width: int) -> None:
    archives = list(document.archives)
    counts = archives[0].counts | {
        name: msgspec.structs.replace(archives[0].counts[name], value=None, how="unknown", at_least=24_312_233)
        for name in ("patients", "studies", "images")
    }
    archives[0] = msgspec.structs.replace(
        archives[0], id="192.0.2.103:104", endpoints=("dimse://192.0.2.103:104",), counts=counts
    )
    line = drawn(msgspec.structs.replace(document, archives=tuple(archives)), width)[1]
    assert "≥ 24,312,233" in line
    assert line.endswith("  Gives records to strangers")


def test_each_number_says_how_it_was_got(document: ReportDocument) -> None:
    """An estimate is marked on a terminal, and called so in files."""
    archives = list(document.archives)
    number = archives[0].counts["studies"]
    counts = dict.fromkeys(
        ("patients", "studies", "images"), msgspec.structs.replace(number, value=1200, how="estimated")
    )
    archives[0] = msgspec.structs.replace(archives[0], counts=archives[0].counts | counts)
    made = msgspec.structs.replace(document, archives=tuple(archives))
    assert drawn(made, 140)[1].count("about 1,200") == 3
    found = listing.lines(made, opened=True, words=ENGLISH)
    (row, *_) = csv.DictReader(io.StringIO(listing.csv(found).decode(), newline=""))
    told = msgspec.json.decode(listing.jsonl(found).splitlines()[0])
    for name in ("patients", "studies", "images"):
        assert (row[name], row[f"{name}_how"]) == ("1200", "estimated")
        assert told[f"{name}_how"] == "estimated"


@pytest.mark.parametrize("width", [30, 59, 60, 71, 72, 99, 100, 119, 120, 200])
def test_an_archive_has_one_line_at_any_width(document: ReportDocument, width: int) -> None:
    lines = drawn(document, width)
    assert len(lines[:6]) == 6
    assert all(cell_len(one) <= width for one in lines[:6])
    assert [one.split()[1] for one in lines[1:6]] == [f"192.0.2.{n}" for n in (3, 2, 1, 4, 5)]


def test_decoys_come_last_and_are_called_so(document: ReportDocument) -> None:
    archives = list(document.archives)
    archives[0] = msgspec.structs.replace(archives[0], decoy=("a decoy",))
    made = msgspec.structs.replace(document, archives=tuple(archives))
    assert "Likely a decoy. " in drawn(made, 140)[5]
    assert drawn(made, 140)[6] == "2 of 5 archives in this list are open to strangers."


def test_a_spreadsheet_runs_nothing_of_what_an_archive_says(tmp_path: Path, document: ReportDocument) -> None:
    evil = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\uff1d1",
        'a"b,c',
        "x\r\ny\x1b[31m",
        "\u202eevil",
    ]
    for text in evil:
        archive = msgspec.structs.replace(document.archives[0], product=text)
        made = msgspec.structs.replace(document, archives=(archive,))
        told = listing.csv(listing.lines(made, opened=False, words=ENGLISH)).decode()
        assert told.count("\n") == told.count("\r\n") == 2
        (row,) = csv.DictReader(io.StringIO(told, newline=""))
        assert row["product"].isprintable()
        assert not row["product"].lstrip().startswith(tuple("=+-@\uff1d"))


def test_a_cell_of_what_is_unknown_is_empty() -> None:
    assert line([None, 0, True, False, ("a", "b"), "-5", 'say "x", y']) == ',0,yes,no,a b,\'-5,"say ""x"", y"\r\n'


def test_a_narrow_line_still_says_that_a_person_reviewed_it(document: ReportDocument) -> None:
    archives = list(document.archives)
    review = ReviewView(
        "demonstration", "A. Person", "2026-11-25", "", "Reviewed by A. Person on 2026-11-25: a demonstration."
    )
    archives[0] = msgspec.structs.replace(archives[0], review=review)
    made = msgspec.structs.replace(document, archives=tuple(archives))
    assert "Reviewed" in drawn(made, 60)[1]
