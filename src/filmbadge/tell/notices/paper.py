"""A letter as a page for A4: HTML, which `tell.pdf` makes a PDF of. It fetches nothing, and runs no script."""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from filmbadge.tell.notices.letter import FIGURES, Letter
from filmbadge.texts import printable

_HERE = "filmbadge.tell.notices"
_UNBROKEN = re.compile(r"[\w.+-]{1,40}@[\w.-]{1,40}\w|\bFB-\w{4}-\w{4}\b|\bCVE-\d+-\d+\b")
_LONG = 21  # characters of an address that does not stand in one line beside all columns


def html(letter: Letter) -> str:
    """The page. Everything in it is escaped, and holds no control character: a user or a peer wrote some of it."""
    first = len(letter.heads) - len(FIGURES) - letter.dated
    return (
        _environment()
        .get_template("letter.jinja")
        .render(
            letter=letter,
            numeric=range(first, first + len(FIGURES)) if letter.rows and letter.rows[0].figures else (),
            dated=letter.dated,
            long=any(len(row.address) > _LONG for row in letter.rows),
        )
    )


def _whole(text: str) -> Markup:
    """A text whose mailboxes and reference do not break at a hyphen."""
    return Markup(_UNBROKEN.sub(r'<span class="whole">\g<0></span>', str(escape(printable(text)))))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader(_HERE, "."),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files(_HERE).joinpath("letter.css").read_text(encoding="utf-8").partition("*/\n")[2]
    allowed = base64.b64encode(sha256(style.encode()).digest()).decode()
    made.filters["whole"] = _whole
    made.globals.update(
        style=Markup(style),
        policy=Markup(f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"),
    )
    return made
