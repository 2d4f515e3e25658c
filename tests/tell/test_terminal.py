"""A survey and a check on a terminal of 80 and of 60 columns: the open archives first, and last the verdict."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from filmbadge.model import Depth, Find
from filmbadge.tell import card
from filmbadge.tell.levels import Level, at_level
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.terminal import render
from filmbadge.tell.words import Words
from support import factories, many

ENGLISH = Words()
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> ReportDocument:
    return many.document(tmp_path_factory.mktemp("terminal"), {"DE": (12, 1), "NL": (1, 1)})


def drawn(thing: RenderableType, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(thing)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


@pytest.mark.parametrize("width", [80, 60])
@pytest.mark.parametrize("level", [Level.AUTHORITY, Level.PUBLIC])
def test_a_survey_reads_so(document: ReportDocument, level: Level, width: int) -> None:
    """To renew a file after a change of words: write what is compared here, and read it."""
    told = drawn(render(at_level(document, level, ENGLISH), ENGLISH), width)
    assert all(cell_len(line) <= width for line in told.splitlines())
    assert told == (GOLDEN / f"summary-{level}-{width}.txt").read_text()


@pytest.mark.parametrize("width", [80, 60])
def test_a_check_has_open_archives_first_and_its_verdict_last(width: int) -> None:
    host = factories.host(
        "192.0.2.1",
        factories.dimse(factories.admitted((Find(None, 0, 0x0124),)), port=104),
        factories.web(factories.reported(patients=20, studies=35, series=70, images=700)),
    )
    told = drawn(card.render(card.document("192.0.2.1", Depth.COUNT, host, [], ENGLISH), ENGLISH), width).splitlines()
    assert all(cell_len(line) <= width for line in told)
    assert [line.split("─")[1] for line in told if line.startswith("╭─")] == [
        " OPEN · discloses · grade F ",
        " not seen open · admits · grade C ",
    ]
    assert told[-1] == "192.0.2.1: gives records to strangers."
    head = next(line.split() for line in told if line.startswith(" port"))
    assert head == (["port", "protocol", "encryption"] if width == 80 else ["port"]) + ["rung", "why", "product"]


def test_a_survey_that_found_nothing_says_so_in_its_last_line(document: ReportDocument) -> None:
    none = msgspec.structs.replace(document, archives=(), funnel=(), findings={}, grades={}, by_country=())
    rows = tuple(msgspec.structs.replace(row, measured=0, at_least=None, doubts=()) for row in none.rows)
    told = drawn(render(msgspec.structs.replace(none, rows=rows), ENGLISH), 80)
    assert told.splitlines()[-1] == "No imaging archive was found."
    assert "(counted)" not in told
    unasked = drawn(render(msgspec.structs.replace(none, rows=rows, hosts_done=0), ENGLISH), 80)
    assert unasked.splitlines()[-1] == "No host was asked yet, so nothing is known."
    assert "0 (counted)" not in unasked
    unreached = msgspec.structs.replace(none, state="nothing-reached", rows=rows)
    assert drawn(render(unreached, ENGLISH), 80).splitlines()[-1] == "Nothing could be reached."
