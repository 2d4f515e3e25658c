"""Every page of the dashboard in a browser: before axe-core, on a phone and on a laptop, in both colour schemes, and with the worst that an archive can say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser

from filmbadge.watch.web import table
from support import watched_pages as watched
from support.watch_process import chromium, dashboard, elsewhere, troubled

AXE = Path(__file__).parents[2] / "npm" / "node_modules" / "axe-core" / "axe.min.js"
SCREENS = [("light", 1280), ("dark", 390)]
PATHS = sorted(
    {page.path.replace("{archive:int}", "1").replace("{run:int}", "2").replace("{name}", watched.SCOPE) for page in table.PAGES}
    | {"/archives/3", "/archives?state=open&sort=studies", "/archives?q=nothing+like+it", "/scopes/damaged", "/scopes/ends-soon", "/no-such-page"}
)  # fmt: skip


class Site(NamedTuple):
    browser: Browser
    address: str
    spoilt: str  # the address of one in which the worst was said


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    plain, worst = (tmp_path_factory.mktemp("watch") / "dir" for _ in range(2))
    watched.filled(plain)
    watched.hostile(watched.filled(worst))
    with ExitStack() as stack:
        with elsewhere():
            first, second = (
                stack.enter_context(dashboard(directory, "--listen", f"127.0.0.1:{port}"))
                for directory, port in ((plain, 8700), (worst, 8701))
            )
            browser = stack.enter_context(chromium())
        yield Site(browser, first.address, second.address)


@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_on_a_page_and_it_fits(site: Site, path: str) -> None:
    context = site.browser.new_context(bypass_csp=True)
    tab = context.new_page()
    answer = tab.goto(site.address + path)
    assert answer is not None
    assert answer.status == (404 if path == "/no-such-page" else 200)
    for scheme, width in SCREENS:
        tab.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        tab.set_viewport_size({"width": width, "height": 900})
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        found: dict[str, Any] = tab.evaluate("axe.run({resultTypes: ['violations', 'incomplete']})")
        told = [(rule["id"], [node["html"][:200] for node in rule["nodes"]][:5]) for rule in found["violations"]]
        assert told == [], (scheme, width)
        assert len(found["passes"]) > 15
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.mark.parametrize("path", PATHS)
def test_the_worst_that_was_said_does_nothing(site: Site, path: str) -> None:
    context = site.browser.new_context()
    tab = context.new_page()
    trouble = troubled(tab)
    answer = tab.goto(site.spoilt + path)
    tab.wait_for_load_state("networkidle")
    assert answer is not None
    assert answer.status == (404 if path == "/no-such-page" else 200)
    assert tab.title().endswith("Filmbadge")
    assert tab.evaluate("document.querySelectorAll('script:not([src]), img, iframe, [onerror]').length") == 0
    assert "a=b" not in str(context.cookies())
    assert "\u202e" not in tab.content()
    assert [line for line in trouble if "404" not in line] == []
    assert "secret-of-the-channel" not in tab.content()
    context.close()


def test_the_worst_is_shown_at_all(site: Site) -> None:
    """Otherwise the tests above would say nothing."""
    tab = site.browser.new_page()
    tab.goto(f"{site.spoilt}/archives")
    assert "document.title='owned'" in tab.inner_text("main")
    tab.close()
