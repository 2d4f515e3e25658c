"""PDF: what is missing is said in one line, and nothing that a page names is fetched."""

from __future__ import annotations

import builtins
import io
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from markupsafe import Markup
from pypdf import PdfReader

from filmbadge.tell.pdf import NoPdf, pdf
from filmbadge.tell.report import archives, page
from filmbadge.tell.report.family import environment
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words
from support import reports
from support.pdf_ua import faults

PAGE = '<!doctype html><html lang="en"><title>A page</title><h1>A page</h1><p>{}</p></html>'


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        (ImportError("no module"), "pip install 'filmbadge[pdf]'"),
        (OSError("cannot load library"), "apt install libpango"),
    ],
)
def test_what_is_missing_is_said_in_one_line(missing: Exception, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fails(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "weasyprint":
            raise missing
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", fails)
    with pytest.raises(NoPdf) as refusal:
        pdf(PAGE)
    assert advice in str(refusal.value) and "\n" not in str(refusal.value)


def test_nothing_that_a_page_names_is_fetched(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawn = tmp_path / "drawn.svg"
    drawn.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        asks = f"http://127.0.0.1:{listener.getsockname()[1]}"
        tempting = (
            f'<img alt="a" src="{asks}/a.png"><link rel="stylesheet" href="{asks}/a.css"><img alt="b" src="{drawn.as_uri()}">'
            f'<style>@import "{asks}/b.css"; @font-face {{ font-family: F; src: url({asks}/f.woff) }} p {{ font-family: F }}</style>'
        )
        with caplog.at_level(logging.WARNING):
            made = pdf(PAGE.format(tempting))
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert made.startswith(b"%PDF-")
    assert not caplog.records  # a log would quote the page


def test_the_listener_would_have_seen_it() -> None:
    import weasyprint

    with socket.create_server(("127.0.0.1", 0)) as listener:
        page = PAGE.format(f'<img alt="a" src="http://127.0.0.1:{listener.getsockname()[1]}/a.png">')
        weasyprint.HTML(string=page, url_fetcher=weasyprint.urls.URLFetcher(timeout=0.05)).write_pdf()
        listener.settimeout(1)
        listener.accept()[0].close()


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A survey that shows all that a page can show."""
    return pdf(page.render(reports.many(tmp_path_factory.mktemp("many") / "s"), Words()))


def test_the_page_of_a_survey_passes_our_list(survey: bytes) -> None:
    assert faults(survey) == []


@pytest.mark.parametrize("kind", [reports.empty, reports.one])
def test_a_page_with_little_on_it_passes_our_list(kind: Callable[[Path], ReportDocument], tmp_path: Path) -> None:
    assert faults(pdf(page.render(kind(tmp_path / "s"), Words()))) == []


def test_each_page_has_its_foot_and_long_tables_repeat_their_heads(survey: bytes) -> None:
    pages = [sheet.extract_text() for sheet in PdfReader(io.BytesIO(survey)).pages]
    assert len(pages) > 5
    for number, text in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in text
        assert "Filmbadge survey" in text
    assert sum("how it was got" in text for text in pages) == 2  # the table of all figures goes over a page


def test_a_link_shows_where_it_leads() -> None:
    (sheet,) = PdfReader(io.BytesIO(pdf(page_with('<p><a href="https://example.org/x">A source</a></p>')))).pages
    assert "A source (https://example.org/x)" in " ".join(sheet.extract_text().split())


def page_with(body: str) -> str:
    """Our style on a page of one paragraph."""
    shown = environment(Words()).from_string("{% extends 'base.jinja' %}{% block main %}{{ body }}{% endblock %}")
    return shown.render(headline="A page", body=Markup(body), abbreviations="")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('<h1>One</h1><h3>Three</h3>', "7.4.2: a heading of level 3 follows one of level 1"),
        ('<h2>Two</h2>', "7.4.2: it does not begin with a heading of level 1"),
        ('<h1>One</h1><svg width="9" height="9"><circle r="9"/></svg>', "7.3: a figure has no text in its place"),
        ('<h1>One</h1><table><tr><td>A</td></tr></table>', "7.5: a table has no heads"),
    ],
)  # fmt: skip
def test_our_list_finds_what_is_wrong(body: str, fault: str) -> None:
    assert faults(pdf(f'<!doctype html><html lang="en"><title>A page</title>{body}</html>')) == [fault]


def test_our_list_finds_that_a_plain_pdf_is_none() -> None:
    import weasyprint

    found = faults(weasyprint.HTML(string="<h1>One</h1>").write_pdf())
    assert {line.split(":")[0] for line in found} == {"5", "6.2", "7.1", "7.2", "7.4.2"}
    heads = "<table><thead><tr><th>A</th></tr></thead><tbody><tr><td>B</td></tr></tbody></table><dl><div><dt>C</dt></div></dl>"
    unmended = weasyprint.HTML(string=f'<html lang="en"><title>A</title><h1>One</h1>{heads}').write_pdf(
        pdf_variant="pdf/ua-1"
    )
    assert faults(unmended) == [
        "7.5: a head of a table has no scope",
        "7.6: a list has other children than items: ['/Div']",
    ]


def test_a_table_of_thousands_of_archives_ends_on_paper_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_ON_PAPER", 2)
    monkeypatch.setattr(archives, "MOST_CARDS", 1)
    made = reports.one(tmp_path / "s")
    shown = page.render(msgspec.structs.replace(made, archives=made.archives * 6), Words())
    text = " ".join(
        "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf(shown))).pages).replace("\n", " ").split()
    )
    assert text.count("On paper the table ends here. 4 more archives stand on the page (--html) and in the list") == 1
    assert (text.count("192.0.2.1:8042"), shown.count("<code>192.0.2.1:8042</code>")) == (2, 6)


def test_what_paper_does_not_show_is_not_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else five hundred cards have a table of five hundred rows beside them, which takes as much memory."""
    import weasyprint

    laid_out: list[str] = []
    real = weasyprint.HTML

    def noted(string: str, **options: Any) -> Any:
        laid_out.append(string)
        return real(string=string, **options)

    monkeypatch.setattr(weasyprint, "HTML", noted)
    shown = page.render(reports.many(tmp_path / "s"), Words())
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(pdf(shown))).pages)
    opened = 'class="screen"'
    assert (shown.count(opened), laid_out[0].count(opened)) == (1, 0)
    assert laid_out[0].count("<article") == shown.count("<article") > 1
    assert laid_out[0].count("<div") == laid_out[0].count("</div>")
    assert "Archives that were not seen open" in text
