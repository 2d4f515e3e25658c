"""Every kind of page before axe-core, in both colour schemes, on a screen and on a phone; and that it asks nobody for anything."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from filmbadge.model import Depth, DimseFacts, Host, Rejection
from filmbadge.tell import card
from filmbadge.tell.report import archives, page, single
from filmbadge.tell.words import Words
from support import factories, proofs, reports, twice, written
from support.browser import chromium
from support.factories import ADDRESS, dimse, reported, web

ENGLISH = Words()
AXE = Path(__file__).parents[1] / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = [("light", 1440), ("dark", 390), ("light", 390), ("dark", 1440)]


def table_only(folder: Path) -> str:
    """As above 500 open archives."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives, "MOST_CARDS", 1)
        return page.render(reports.many(folder), ENGLISH)


def checked(host: Host) -> str:
    made = card.document(ADDRESS, Depth.COUNT, host, [factories.connection()], ENGLISH, owner="the clinic")
    return single.render(made, ENGLISH)


OPEN = factories.host(ADDRESS, web(reported(patients=20, studies=35, series=70, images=700)))
CLOSED = factories.host(ADDRESS, dimse(DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 3))))
KINDS: dict[str, Callable[[Path], str]] = {
    "a survey that found nothing": lambda folder: page.render(reports.empty(folder), ENGLISH),
    "a survey with one archive": lambda folder: page.render(reports.one(folder), ENGLISH),
    "a survey with cards": lambda folder: page.render(reports.many(folder), ENGLISH),
    "a survey with a table only": table_only,
    "a comparison": twice.page,
    "an open archive": lambda _: checked(OPEN),
    "a closed archive": lambda _: checked(CLOSED),
    "a proof of closure": proofs.drawn,
    "a proof that something is open": lambda folder: proofs.drawn(folder, *proofs.MOVED),
    "a letter about one archive": lambda _: written.page(1),
    "a letter about forty archives": lambda _: written.page(40),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module", params=KINDS)
def tab(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page of each kind. Whatever it asks for while it is looked at, and whatever goes wrong on it, fails its last test."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "page.html"
    path.write_text(KINDS[request.param](folder / "survey"), encoding="utf-8")
    opened = browser.new_page()
    asked: list[str] = []
    opened.on("request", lambda asks: asked.append(asks.url))
    opened.on("console", lambda message: asked.append(message.text))
    opened.on("pageerror", lambda error: asked.append(str(error)))
    opened.goto(path.as_uri())
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    yield opened
    assert asked == [path.as_uri()]
    opened.close()


@pytest.mark.parametrize(("scheme", "width"), SCREENS)
def test_axe_finds_nothing(tab: Page, scheme: str, width: int) -> None:
    tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    tab.set_viewport_size({"width": width, "height": 900})
    found: dict[str, Any] = tab.evaluate("axe.run({resultTypes: ['violations', 'incomplete']})")
    told = [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:5]) for rule in found["violations"]]
    assert told == []
    assert len(found["passes"]) > 15
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_the_policy_stops_a_script_and_an_image_that_somebody_put_in(browser: Browser, tmp_path: Path) -> None:
    """The page escapes all that it shows. Were that to fail, nothing would run, and nobody would be asked."""
    made = page.render(reports.one(tmp_path / "survey"), ENGLISH)
    path = tmp_path / "page.html"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        image = f'<img src="http://127.0.0.1:{listener.getsockname()[1]}/a.png" onerror="document.title = 1">'
        bad = f"<script>document.title = 1</script>{image}"
        path.write_text(made.replace("</main>", f"{bad}</main>"), encoding="utf-8")
        tab = browser.new_page()
        refused: list[str] = []
        tab.on("console", lambda message: refused.append(message.text))
        tab.on("requestfailed", lambda asks: refused.append(str(asks.failure)))
        tab.goto(path.as_uri())
        tab.wait_for_load_state("networkidle")
        assert tab.title().startswith("Filmbadge: ")
        tab.close()
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert "csp" in refused  # the image
    assert sum("Content Security Policy" in text for text in refused) >= 2  # the image, the script
