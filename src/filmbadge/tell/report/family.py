"""What all our pages have in common: their templates, one style sheet, and a policy that lets a browser fetch and run nothing."""

from __future__ import annotations

import base64
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from filmbadge.tell.words import Words
from filmbadge.texts import printable

_HERE = "filmbadge.tell.report"


def environment(words: Words, *packages: str) -> Environment:
    """Templates that extend `base.jinja`, from here and from other packages.

    Everything that they show is escaped, and holds no control character: an archive may have said it. They have no
    attribute `style`, since the policy allows none: a bar is as wide as its class says.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, ".") for package in (*packages, _HERE)]),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = _style()
    allowed = base64.b64encode(sha256(style.encode()).digest()).decode()
    made.globals.update(
        _=words.say,
        many=words.many,
        language=words.code,
        style=Markup(style),
        policy=Markup(f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"),
    )
    return made


@cache
def _style() -> str:
    """The style sheet without its comment, and with a class for each width of a bar."""
    _, _, rules = files(_HERE).joinpath("style.css").read_text(encoding="utf-8").partition("*/\n")
    widths = "".join(f".w{percent}{{width:{percent}%}}" for percent in range(101))
    return f"\n{rules}{widths}\n"


def width(value: float, most: float) -> int:
    """How wide a bar is, 0 to 100. What is not zero can be seen."""
    return 0 if not value or not most else max(1, min(100, round(100 * value / most)))
