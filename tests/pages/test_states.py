"""A page says each state of a survey in a sentence: nothing found, nothing open, nothing reached, broken off."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from filmbadge.keep import manifest
from filmbadge.keep.manifest import State
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import DimseFacts, Observation, Outcome, OutcomeKind, Rejection
from filmbadge.tell.report import page
from filmbadge.tell.summary import ReportDocument, document
from filmbadge.tell.words import Words
from support import factories, reports
from support.factories import admitted, dimse, reported, web

ENGLISH = Words()
SILENT = dimse(None, stop=Outcome(OutcomeKind.NO_ANSWER))
REFUSED = dimse(None, stop=Outcome(OutcomeKind.REFUSED))
REJECTED = dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3)))
OPEN = web(reported(patients=20, studies=35, series=70, images=700))
SECTIONS = ["totals", "countries", "funnel", "kinds", "products", "toolkits", "transport", "advisories", "years", "archives", "unmeasured", "method", "restraint"]  # fmt: skip


def survey(folder: Path, state: State, hosts: int, *seen: Observation) -> ReportDocument:
    made = factories.survey(folder)
    writer = Writer(folder)
    for number, observation in enumerate(seen, 1):
        address = f"192.0.2.{number}"
        writer.host(factories.host(address, observation), address)
    writer.close()
    found = Dataset(folder)
    manifest.write(folder, msgspec.structs.replace(made, state=state, hosts=hosts, rows=found.totals()))
    return document(Dataset(folder), ENGLISH)


def shown(report: ReportDocument) -> str:
    return page.render(report, ENGLISH).partition("</style>")[2]


def headline(html: str) -> str:
    return html.partition("<h1>")[2].partition("</h1>")[0].replace("&#39;", "'")


@pytest.mark.parametrize(
    ("state", "hosts", "seen", "said"),
    [
        ("running", 3, (), "No host was asked yet, so nothing is known"),
        ("done", 2, (REFUSED, REFUSED), "No imaging archive was found"),
        ("done", 1, (REJECTED,), "The one imaging archive that was found gives no patient's record to strangers"),
        ("done", 2, (REJECTED, REJECTED), "None of the 2 imaging archives found gives patients' records to strangers"),
        ("done", 1, (dimse(admitted(factories.EMPTY)),), "The one imaging archive that was found was not seen open, and we do not know enough to call it closed"),
        ("done", 1, (OPEN,), "The one imaging archive that was found gives patients' records to anybody who asks"),
        ("done", 2, (OPEN, REJECTED), "1 of 2 imaging archives gives patients' records to anybody who asks"),
        ("nothing-reached", 2, (SILENT, SILENT), "Nothing could be reached"),
        ("interrupted", 9, (OPEN, REJECTED), "At least 1 of 2 or more imaging archives gives patients' records to anybody who asks"),
    ],
)  # fmt: skip
def test_a_state_has_its_sentence_and_no_empty_table(
    state: State, hosts: int, seen: tuple[Observation, ...], said: str, tmp_path: Path
) -> None:
    html = shown(survey(tmp_path, state, hosts, *seen))
    assert headline(html) == said
    assert "<tbody>\n</tbody>" not in html
    assert "None of the 0" not in html


def test_where_nothing_was_reached_no_figure_is_shown_and_none_is_zero(tmp_path: Path) -> None:
    report = survey(tmp_path, "nothing-reached", 2, SILENT, SILENT)
    html = shown(report)
    assert "<table" not in html
    assert 'class="figures"' not in html
    assert not re.search(r">\s*0\s*<", html)
    assert report.grades == {}
    assert [step.rung for step in report.funnel] == ["silent"]
    assert all(row.measured is None for row in report.rows if row.quantity.startswith("archives"))


def test_sections_stand_in_their_order(tmp_path: Path) -> None:
    found = [name for name in re.findall(r'<h2 id="([a-z]+)"', shown(reports.many(tmp_path))) if name in SECTIONS]
    assert found == [name for name in SECTIONS if name in found]
    assert {"totals", "countries", "funnel", "kinds", "products", "transport", "archives"} <= set(found)


def test_above_500_open_archives_there_is_a_table_and_no_card_and_each_remedy_stands_once(tmp_path: Path) -> None:
    report = reports.many(tmp_path)
    few, opened = shown(report), [archive for archive in report.archives if archive.open]
    assert few.count('<article class="card open"') == len(opened)
    some = shown(msgspec.structs.replace(report, archives=tuple(opened) * 251))
    assert "<article" not in some
    assert some.count("<tr>") > 500
    assert some.count('<div class="close">') == len({archive.close_it.steps for archive in opened})


def test_the_policy_names_the_style_sheet_and_nothing_has_a_style_of_its_own(tmp_path: Path) -> None:
    html = page.render(reports.many(tmp_path), ENGLISH)
    assert re.search(r"content=\"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; base-uri 'none'; form-action 'none'\"", html)  # fmt: skip
    assert html.count("<style>") == 1
    assert not re.search(r"<[^>]+ style=", html)


def test_a_survey_that_asked_nobody_knows_nothing(tmp_path: Path) -> None:
    html = shown(survey(tmp_path, "running", 3))
    assert "No host was asked, so nothing is known." in html
    assert "every figure above is known" not in html
