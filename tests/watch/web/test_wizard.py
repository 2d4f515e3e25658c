"""From nothing to the card of one archive: a real Orthanc, a real browser, with a script, without one, and with the keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support.archives import orthanc
from support.hanging import HANGS
from support.watch_process import chromium, dashboard, elsewhere, troubled

FIELDS = {
    "Address of the archive": "127.0.0.1",
    "Who allows it": "St. Mary, radiology",
    "Reference": "IT-12",
    "Contact": "it@st-mary.example",
}


class Site(NamedTuple):
    browser: Browser
    address: str
    ports: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One archive, one dashboard that knows nothing yet, one browser."""
    with ExitStack() as stack:
        with elsewhere():
            served = stack.enter_context(orthanc(tmp_path_factory.mktemp("orthanc")))
            watch = stack.enter_context(dashboard(tmp_path_factory.mktemp("watch") / "dir"))
            browser = stack.enter_context(chromium())
        yield Site(browser, watch.address, f"{served.dicom},{served.http}")


def tab_of(context: BrowserContext) -> Page:
    tab = context.new_page()
    tab.set_default_timeout(HANGS * 1000)
    return tab


def filled(tab: Page, site: Site) -> None:
    for label, text in FIELDS.items():
        tab.get_by_label(label).first.fill(text)
    tab.get_by_label("Ports").fill(site.ports)


def card_is_right(tab: Page) -> None:
    expect(tab.get_by_role("heading", level=1)).to_contain_text("to anybody who asks")
    expect(tab.locator(".verdict .grade")).to_have_text("F")
    for said in ("What a stranger gets", "Close it:", "Ways in"):
        expect(tab.get_by_text(said, exact=True)).to_be_visible()


def test_the_first_run_leads_to_the_card_of_one_archive(site: Site) -> None:
    tab = tab_of(site.browser.new_context())
    trouble = troubled(tab)
    tab.goto(site.address)
    tab.get_by_role("link", name="Check your archive").click()
    filled(tab, site)
    tab.get_by_role("button", name="Go on").click()
    expect(tab.get_by_text(re.compile("would contact 1 address on 2 ports"))).to_be_visible()
    tab.get_by_role("button", name="Yes, ask now").click()
    expect(tab).to_have_url(re.compile("/surveys/1$"))
    tab.get_by_role("link", name="To the card of the archive").click(timeout=HANGS * 1000)
    card_is_right(tab)
    assert trouble == []
    tab.context.close()


def test_without_a_script_it_is_the_same(site: Site) -> None:
    tab = tab_of(site.browser.new_context(java_script_enabled=False))
    tab.goto(f"{site.address}/begin")
    filled(tab, site)
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_role("button", name="Yes, ask now").click()
    # The page asks again by itself.
    tab.get_by_role("link", name="To the card of the archive").click(timeout=HANGS * 1000)
    card_is_right(tab)
    tab.context.close()


def test_the_keyboard_is_enough(site: Site) -> None:
    tab = tab_of(site.browser.new_context())
    tab.goto(f"{site.address}/begin")
    for label, text in {**FIELDS, "Ports": site.ports}.items():
        tab_to(tab, tab.get_by_label(label).first.get_attribute("id") or "")
        tab.keyboard.type(text)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("button", name="Yes, ask now")).to_be_visible()
    reach(tab, "Yes, ask now")
    link = tab.get_by_role("link", name="To the card of the archive")
    link.wait_for(timeout=HANGS * 1000)
    reach(tab, "To the card of the archive")
    card_is_right(tab)
    tab.context.close()


def tab_to(tab: Page, wanted: str) -> None:
    """Tab, until the field has the focus."""
    tab.evaluate("document.activeElement.blur()")
    for _ in range(60):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.id") == wanted:
            return
    raise AssertionError(f"no tab leads to {wanted}")


def reach(tab: Page, name: str) -> None:
    """Tab, until a link or button has the focus, and Enter. What has the focus shows it."""
    for _ in range(60):
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.textContent.trim()") == name:
            assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            tab.keyboard.press("Enter")
            return
    raise AssertionError(f"no tab leads to {name}")
