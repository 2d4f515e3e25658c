"""The page of one archive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser

from filmbadge.judge import archives
from filmbadge.model import Depth, DimseFacts, Host, Kind, KindTally, Outcome, OutcomeKind, Profile, Rejection
from filmbadge.tell import card
from filmbadge.tell.report import single
from filmbadge.tell.words import Words
from support import factories, hostile_folder
from support.browser import chromium, opened
from support.factories import ADDRESS, dimse, reported, web

ENGLISH = Words()
KINDS = tuple(KindTally(kind, 35, 35, looked=35, distinct=20, most=2) for kind in (Kind.PATIENT_NAME, Kind.BIRTH_DATE))
HELD = msgspec.structs.replace(
    reported(patients=20, studies=35, series=70, images=700), version="1.5.7", profile=Profile(True, 35, 35, KINDS, (), patients=20)
)  # fmt: skip
ORDER = ("what a stranger gets", "close it:", "ways in", "what was not tried", "evidence")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def page(host: Host, folder: Path, *, target: str = ADDRESS) -> Path:
    made = card.document(target, Depth.PROFILE, host, [factories.connection()], ENGLISH, owner="the clinic")
    path = folder / "page.html"
    path.write_text(single.render(made, ENGLISH))
    return path


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_an_open_archive_shows_its_grade_first_and_how_to_close_it_before_the_ways_in(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    path = page(factories.host(ADDRESS, web(HELD, depth=Depth.PROFILE)), tmp_path)
    tab, trouble = opened(browser, path, width=width)
    assert trouble == []
    assert tab.inner_text(".verdict .grade") == "F"
    assert tab.inner_text("main h2 >> nth=0") == "It gives the records of 20 patients to anybody who asks."
    said = tab.inner_text("body").lower()
    assert [said.index(part) for part in ORDER] == sorted(said.index(part) for part in ORDER)
    assert '"RegisteredUsers"' in tab.inner_text("pre >> nth=0")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()


def test_a_closed_archive_shows_no_figure_and_no_empty_table(browser: Browser, tmp_path: Path) -> None:
    rejected = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3))
    tab, trouble = opened(browser, page(factories.host(ADDRESS, dimse(rejected)), tmp_path))
    assert trouble == []
    assert tab.locator(".figures, table:has(tbody:empty)").count() == 0
    assert tab.inner_text(".verdict .grade") == "C"
    assert "plain" in tab.inner_text("section:has(#ways)")
    tab.close()


def test_nothing_that_answers_has_no_grade_and_no_zero(tmp_path: Path) -> None:
    silent = dimse(None, stop=Outcome(OutcomeKind.NO_ANSWER))
    said = page(archives.judge(ADDRESS, [silent]), tmp_path).read_text().partition("</style>")[2]
    assert "not reachable from here, so we cannot tell what is there" in said
    assert "verdict" not in said
    assert ">0<" not in said


def test_what_an_archive_says_of_itself_cannot_run(browser: Browser, tmp_path: Path) -> None:
    made = card.document(
        hostile_folder.HOSTILE, Depth.PROFILE, factories.host(ADDRESS, web(HELD)), [], ENGLISH, owner=hostile_folder.HOSTILE
    )  # fmt: skip
    path = tmp_path / "page.html"
    path.write_text(single.render(made, ENGLISH))
    tab, trouble = opened(browser, path)
    assert trouble == []
    assert tab.locator(f"script, img, iframe, {hostile_folder.MARK}, [on{hostile_folder.MARK}]").count() == 0
    tab.close()
