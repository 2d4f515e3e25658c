"""Draws the picture of docs/reading.md from a page of `filmbadge check --html`, with a number at each part: annotate.py PAGE.html"""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).resolve().parent.parent / "docs/page.png"
PARTS = "['h1', '.kicker + h2', 'table', 'h3']"  # the first of each; the last is also what follows
DRAW = f"""() => {{
    const marks = {PARTS}.map(part => document.querySelector(part)).concat([...document.querySelectorAll('h3')].slice(1, 2));
    marks.forEach((at, n) => {{
        const mark = document.createElement('span');
        const box = at.getBoundingClientRect();
        mark.textContent = n + 1;
        mark.style.cssText = 'position:absolute;right:12px;width:34px;height:34px;border-radius:17px;background:#1b4f72;color:#fff;'
            + 'font:bold 20px/34px sans-serif;text-align:center;top:' + (box.top + window.scrollY) + 'px';
        document.body.append(mark);
    }});
    return marks.at(-1).getBoundingClientRect().bottom + 190;
}}"""


def main(page: Path) -> None:
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        shown = browser.new_page(
            viewport={"width": 1000, "height": 900}, bypass_csp=True
        )  # its policy allows no style of ours
        shown.goto(page.resolve().as_uri())
        height = shown.evaluate(DRAW)
        shown.screenshot(path=PICTURE, full_page=True, clip={"x": 0, "y": 0, "width": 1000, "height": height})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
