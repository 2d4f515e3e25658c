"""The report page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser

from filmbadge.keep.reader import Dataset
from filmbadge.model import Doubt, DoubtCode, Provenance, Total
from filmbadge.tell.report import page
from filmbadge.tell.summary import KindLine, Step, document
from filmbadge.tell.view import (
    ArchiveView,
    FindingView,
    HintView,
    IdentifierView,
    KindView,
    Number,
    PlaceView,
    SaidView,
)
from filmbadge.tell.words import Words
from filmbadge.texts import printable
from support import archives, hospital, hostile_folder, reports
from support.browser import chromium, opened

ENGLISH = Words()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pages")
    with hospital.world(scale=0.2) as site:
        scope = hospital.scope_for(site, directory, depth="profile")
        hospital.surveyed(str(scope), "--out", str(directory / "survey"))
    archives.filmbadge("report", str(directory / "survey"), "--html", str(directory / "page.html"))
    return directory


def test_the_page_says_what_the_survey_found(browser: Browser, survey: Path) -> None:
    tab, trouble = opened(browser, survey / "page.html")
    report = document(Dataset(survey / "survey"), ENGLISH)
    images, ids = (next(r.at_least for r in report.rows if r.quantity == q) for q in ("images", "patient_ids"))
    assert trouble == []
    # One archive is too busy to say whether it is open.
    assert tab.inner_text("h1").startswith("At least 7 of 13")
    assert "So figures with ≥ are lower bounds" in tab.inner_text("header .warn")
    assert f"≥ {images:,}" in tab.inner_text(".figures")
    assert tab.locator(".figures li").count() == 4
    assert f"≥ {ids:,}" in tab.inner_text("section:has(#totals) tr:has-text('patient ids')")
    funnel = {
        row.locator("th").inner_text().split("\n")[0]: int(row.locator(".n").inner_text())
        for row in tab.locator("section:has(#funnel) tbody tr").all()
    }
    assert funnel == {step.rung: step.endpoints for step in report.funnel}
    assert "Open archives (7)" in tab.inner_text("main")
    assert report.undecided
    assert all(host in tab.inner_text("section:has(#unmeasured)") for host in report.undecided)
    kinds = {
        row.locator("th").inner_text().split("\n")[0]: row.inner_text()
        for row in tab.locator("section:has(#kinds) tbody tr").all()
    }
    assert set(kinds) == {line.kind.replace("_", " ") for line in report.kinds if line.archives}
    for line in report.kinds:
        if line.archives:
            said = kinds[line.kind.replace("_", " ")]
            assert f"≥ {line.total.at_least:,}" in said
    assert "Each of these figures: counted." in tab.inner_text("section:has(#kinds)")
    assert "US social security number as patient id, studies: " in tab.inner_text("main")
    assert tab.locator("script, link, img, iframe").count() == 0
    tab.close()


@pytest.mark.parametrize("width", [1100, 390])
def test_the_page_fits_a_screen_and_a_phone(browser: Browser, survey: Path, width: int) -> None:
    tab, _ = opened(browser, survey / "page.html", width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    # No table is read by scrolling to the side.
    assert tab.evaluate("[...document.querySelectorAll('.wide')].every(box => box.scrollWidth <= box.clientWidth)")
    tab.close()


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>",
        hostile_folder.HOSTILE.replace(hostile_folder.SIGNS["template"], ""),
    ],
)
def test_what_an_archive_says_of_itself_cannot_run(
    hostile: str, browser: Browser, survey: Path, tmp_path: Path
) -> None:
    real = document(Dataset(survey / "survey"), ENGLISH)
    number = Number(None, hostile, None, None, hostile, (), None, None, hostile)
    archive = ArchiveView(
        id=hostile,
        open=True,
        rung="discloses",
        grade="F",
        grade_why=(hostile,),
        product=hostile,
        toolkit=hostile,
        product_version=hostile,
        product_firm=True,
        advisories=(hostile,),
        decoy=(),
        counts=dict.fromkeys(("patients", "studies", "series", "images"), number),
        kinds={
            "patient_name": KindView(
                1, hostile, hostile, 1.0, 0, 1, None, hostile, (), None, None, None, None, None, hostile, hostile
            )
        },
        identifiers=(IdentifierView(hostile, hostile, 1, hostile, 1.0, 1.0, None, None, hostile),),
        ssn_records=number,
        images_retrievable=number,
        endpoints=(hostile, hostile),
        reasons=(hostile,),
        findings=(FindingView("old-tls", "low", None, hostile, {}, hostile, hostile, hostile),),
        place=PlaceView(
            hostile, 1, hostile, hostile, hostile, hostile, hostile, hostile, (SaidView(*[hostile] * 4),), (hostile,)
        ),
        hints=(HintView(hostile, hostile, hostile, hostile),),
    )
    report = msgspec.structs.replace(
        real,
        version=hostile,
        state=hostile,
        rows=tuple(Total(row.quantity, None, Provenance.UNKNOWN) for row in real.rows),
        kinds=(KindLine("patient_name", Total(hostile, None, Provenance.UNKNOWN, at_least=1), {hostile: 1}),),
        funnel=(Step("discloses", hostile, 1, ((hostile, 1),)),),
        by_country=(msgspec.structs.replace(real.by_country[0], country=hostile),),
        undecided=(hostile,),
        archives=(archive, msgspec.structs.replace(archive, decoy=(hostile,))),
    )
    path = tmp_path / "hostile.html"
    path.write_text(page.render(report, ENGLISH))
    tab, trouble = opened(browser, path)
    assert trouble == []
    steered = f"script, img, iframe, a:not([href^='#']):not([href^='https://www.cve.org/']), {hostile_folder.MARK}, [on{hostile_folder.MARK}]"
    assert tab.locator(steered).count() == 0
    shown = tab.inner_text("main")
    assert printable(hostile) in shown
    assert not hostile_folder.unsafe(shown) - {"\t"}
    tab.close()


def test_an_estimate_has_its_interval_and_what_is_unknown_says_why(survey: Path) -> None:
    real = document(Dataset(survey / "survey"), ENGLISH)
    rows = {row.quantity: row for row in real.rows}
    rows["patient_ids"] = Total("patient_ids", 9001, Provenance.ESTIMATED, low=8001, high=10_001)
    rows["images"] = Total("images", None, Provenance.UNKNOWN, at_least=7, doubts=(Doubt(DoubtCode.NOT_ENDED),))
    rows["series"] = Total("series", None, Provenance.UNKNOWN, unknown_archives=2, doubts=(Doubt(DoubtCode.NOT_ENDED),))
    shown = page.render(msgspec.structs.replace(real, rows=tuple(rows.values())), ENGLISH)
    assert "estimated; 95 %: 8,001 to 10,001" in shown
    assert (
        '<b>≥ 7</b><span class="label">images in open archives</span><span class="origin">the census did not end'
        in shown
    )
    assert "<b>unknown" not in shown
    row = shown[shown.index(">series in open archives<") :].partition("</tr>")[0]
    assert ">unknown<" in row
    assert "unknown for 2 open archives: the census did not end" in row


def test_an_empty_survey_has_a_page(browser: Browser, tmp_path: Path) -> None:
    scope = archives.scope_file(tmp_path, extra="ports.dimse = [9]\nports.web = [9]")
    archives.filmbadge("survey", str(scope), "127.0.0.1", "--out", str(tmp_path / "s"))
    archives.filmbadge("report", str(tmp_path / "s"), "--html", str(tmp_path / "page.html"))
    tab, trouble = opened(browser, tmp_path / "page.html")
    assert trouble == []
    assert tab.inner_text("h1") == "No imaging archive was found"
    assert tab.inner_text(".lead") == "1 host was asked, and it showed no service that holds medical images."
    assert tab.locator("table:has(tbody:empty), .figures").count() == 0
    assert "grade" not in tab.inner_text("main")
    tab.close()


def test_no_kind_of_personal_data_leads_where_that_is_not_known(tmp_path: Path) -> None:
    even = reports.many(tmp_path)
    assert "Strangers can read 3 kinds of personal data, patient name among them" in page.render(even, ENGLISH)
    first, second, third = even.kinds
    more = Total("kind:patient_id", 36, Provenance.COUNTED)
    led = msgspec.structs.replace(even, kinds=(first, msgspec.structs.replace(second, total=more), third))
    assert "Strangers can read 3 kinds of personal data, patient id most of all" in page.render(led, ENGLISH)
    bound = msgspec.structs.replace(first, total=Total("kind:patient_name", None, Provenance.UNKNOWN, at_least=30))
    unknown = msgspec.structs.replace(led, kinds=(bound, *led.kinds[1:]))
    assert "most of all" not in page.render(unknown, ENGLISH)
