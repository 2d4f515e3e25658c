"""Chromium, as it looks at a report: what a page does and whom it asks."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from support import archives
from support.isolation import ALONE

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--component-updater=initial-delay=100000",  # after a minute it would ask for updates all the same
    "--disable-sync",
    "--disable-domain-reliability",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """In a namespace of its own, where nothing but itself answers: of itself it looks whether IPv6 leads anywhere."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        alone = Path(folder) / "chromium"
        alone.write_text(f'#!/bin/sh\nexec {shlex.join((*ALONE, archives.program("chromium")))} "$@"\n')
        alone.chmod(0o700)
        started = playwright.chromium.launch(executable_path=alone, args=FLAGS)
        yield started
        started.close()


def opened(browser: Browser, path: Path, *, width: int = 1100) -> tuple[Page, list[str]]:
    """The page, and everything that went wrong on it or was asked of anybody else."""
    trouble: list[str] = []
    tab = browser.new_page(viewport={"width": width, "height": 900})
    tab.on("console", lambda message: trouble.append(message.text))
    tab.on("pageerror", lambda error: trouble.append(str(error)))
    tab.on("request", lambda request: trouble.append(request.url) if request.url != path.as_uri() else None)
    tab.goto(path.as_uri())
    return tab, trouble
