"""What a summary and a page say of a survey as a whole."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
from rich.console import Console

from filmbadge.keep.manifest import Alike
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import Provenance, Total
from filmbadge.tell import summary
from filmbadge.tell import terminal as terminal_view
from filmbadge.tell.report import page
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words
from support import factories
from support.factories import reported, web

ENGLISH = Words()


def document(folder: Path) -> ReportDocument:
    """One open archive, that no source attributes to a country."""
    factories.survey(folder)
    writer = Writer(folder)
    writer.host(factories.host("192.0.2.1", web(reported(patients=20, studies=35, series=70, images=700))), "192.0.2.1")
    writer.close()
    return summary.document(Dataset(folder), ENGLISH)


def terminal(report: ReportDocument) -> str:
    out = io.StringIO()
    Console(file=out, width=200, color_system=None).print(terminal_view.render(report, ENGLISH))
    return out.getvalue()


def test_without_a_source_of_countries_no_table_is_shown(tmp_path: Path) -> None:
    made = document(tmp_path)
    assert [row.country for row in made.by_country] == [None]
    assert not any(line.split()[:2] == ["country", "archives"] for line in terminal(made).splitlines())
    html = page.render(made, ENGLISH)
    assert "stack countries" not in html
    assert "No source of places attributes any of these addresses to a country." in html


def test_countries_are_a_table_that_ends_with_what_is_not_attributed(tmp_path: Path) -> None:
    made = document(tmp_path)
    (row,) = made.by_country
    bound = Total("studies", None, Provenance.UNKNOWN, at_least=1234)
    dutch = msgspec.structs.replace(row, country="NL", studies=bound, hosts_undecided=3)
    made = msgspec.structs.replace(made, by_country=(dutch, row))
    lines = [line.split() for line in terminal(made).splitlines()]
    assert lines[lines.index(["country", "archives", "open", "patients", "studies", "images"]) + 1 :][:2] == [
        ["NL", "1", "1", "20", "≥", "1,234", "700"],
        ["not", "attributed", "1", "1", "20", "35", "700"],
    ]
    where = "Hosts of which we could not find out enough stand in no row: NL 3."
    assert where in terminal(made)
    html = page.render(made, ENGLISH)
    assert ">Netherlands</th>" in html
    assert "≥ 1,234" in html
    assert where in html


def test_archives_that_may_be_one_machine_have_a_line_of_their_own(tmp_path: Path) -> None:
    made = msgspec.structs.replace(document(tmp_path), alike=(Alike("192.0.2.0/24", 254, True, 30),))
    line = "254 alike in one network: maybe one (192.0.2.0/24)"
    assert line in [text.strip() for text in terminal(made).splitlines()]
    assert line in page.render(made, ENGLISH)
