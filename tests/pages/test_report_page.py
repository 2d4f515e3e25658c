"""The report page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from filmbadge.keep.reader import Dataset
from filmbadge.model import Count, Identifier, Kind, Provenance, Total
from filmbadge.tell.report import page
from filmbadge.tell.summary import ArchiveKind, ArchiveLine, KindLine, ReportDocument, Step, document
from support import archives

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-pings",
    "--host-resolver-rules=MAP*~NOTFOUND",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=archives.program("chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("pages")
    archives.filmbadge("rehearse", "hospital", "--scale", "0.2", "--out", str(directory / "survey"))
    archives.filmbadge("report", str(directory / "survey"), "--html", str(directory / "page.html"))
    return directory


def opened(browser: Browser, path: Path, *, width: int = 1100) -> tuple[Page, list[str]]:
    """The page, and everything that went wrong on it or was asked of anybody else."""
    trouble: list[str] = []
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("request", lambda request: trouble.append(request.url) if request.url != path.as_uri() else None)
    tab.goto(path.as_uri())
    return tab, trouble


def test_the_page_says_what_the_survey_found(browser: Browser, survey: Path) -> None:
    tab, trouble = opened(browser, survey / "page.html")
    report = document(Dataset(survey / "survey"))
    images, ids = (next(r.measured for r in report.rows if r.quantity == q) for q in ("images", "patient_ids"))
    assert trouble == []
    assert tab.inner_text("h1") == "7 of 13 imaging archives answer strangers"
    assert f"{images:,}" in tab.inner_text(".figures")
    assert f"{ids:,}" in tab.inner_text(".figures li:has-text('patient ids')")
    funnel = {
        row.locator(".rung").inner_text(): int(row.locator(".n").inner_text())
        for row in tab.locator("main table").first.locator("tbody tr").all()
    }
    assert funnel == {step.rung: step.endpoints for step in report.funnel}
    assert "Open archives (7)" in tab.inner_text("main")
    kinds = {
        row.locator("td").first.inner_text(): row.inner_text()
        for row in tab.locator("main table").nth(1).locator("tbody tr").all()
    }
    assert set(kinds) == {line.kind.replace("_", " ") for line in report.kinds if line.archives}
    for line in report.kinds:
        if line.archives:
            assert f"{line.total.measured:,} (counted)" in kinds[line.kind.replace("_", " ")]
    assert "US social security number as patient id in" in tab.inner_text("main")
    assert tab.locator("script, link, img, iframe").count() == 0
    tab.close()


@pytest.mark.parametrize("width", [1100, 390])
def test_the_page_fits_a_screen_and_a_phone(browser: Browser, survey: Path, width: int) -> None:
    tab, _ = opened(browser, survey / "page.html", width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_what_an_archive_says_of_itself_cannot_run(browser: Browser, survey: Path, tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>"
    real = document(Dataset(survey / "survey"))
    line = ArchiveLine(
        id=hostile,
        open=True,
        rung="discloses",
        product=hostile,
        toolkit=hostile,
        product_version=hostile,
        product_firm=True,
        advisories=(hostile,),
        grade="F",
        grade_why=hostile,
        decoy="",
        counts={"images": Count(why=hostile)},
        kinds=(ArchiveKind(hostile, 1, hostile, hostile, None, hostile),),
        identifiers=(Identifier(hostile, Kind.PATIENT_ID, 1, Provenance.COUNTED, 1.0, 1.0),),
        ssn_records=Count(why=hostile),
        endpoints=(hostile,),
        reasons=(hostile,),
    )
    report = ReportDocument(
        version=hostile,
        state=hostile,
        depth=hostile,
        hosts=1,
        hosts_done=1,
        started=real.started,
        ended=None,
        connections=1,
        rows=tuple(Total(row.quantity, None, Provenance.UNKNOWN, why=hostile) for row in real.rows),
        kinds=(KindLine(hostile, Total(hostile, None, hostile, at_least=1, why=hostile), {hostile: 1}),),
        funnel=(Step("discloses", hostile, 1, ((hostile, 1),)),),
        grades={"F": 1},
        archives=(line, msgspec.structs.replace(line, decoy=hostile)),
    )
    path = tmp_path / "hostile.html"
    path.write_text(page.render(report))
    tab, trouble = opened(browser, path)
    assert trouble == []
    assert tab.locator("script, img").count() == 0
    assert hostile in tab.inner_text("main")
    tab.close()


def test_an_estimate_has_its_interval_and_what_is_unknown_says_why(survey: Path) -> None:
    real = document(Dataset(survey / "survey"))
    rows = {row.quantity: row for row in real.rows}
    rows["patient_ids"] = Total("patient_ids", 9001, Provenance.ESTIMATED, low=8001, high=10_001)
    rows["images"] = Total("images", None, Provenance.UNKNOWN, at_least=7, why="cut off")
    shown = page.render(msgspec.structs.replace(real, rows=tuple(rows.values())))
    assert "estimated; 95 %: 8,001 to 10,001" in shown
    assert "<b>unknown</b>images in open archives<span>at least 7; cut off" in shown


def test_an_empty_survey_has_a_page(browser: Browser, tmp_path: Path) -> None:
    scope = archives.scope_file(tmp_path, extra="ports.dimse = [9]\nports.web = [9]")
    archives.filmbadge("survey", str(scope), "127.0.0.1", "--out", str(tmp_path / "s"))
    archives.filmbadge("report", str(tmp_path / "s"), "--html", str(tmp_path / "page.html"))
    tab, trouble = opened(browser, tmp_path / "page.html")
    assert trouble == []
    assert tab.inner_text("h1") == "0 of 0 imaging archives answer strangers"
    assert "None found." in tab.inner_text("main")
    tab.close()
