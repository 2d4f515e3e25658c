"""What all our pages have in common: their templates, one style sheet, and a policy that lets a browser fetch and run nothing."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import BytecodeCache, ChoiceLoader, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup

from filmbadge.tell.abbreviations import explained
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words
from filmbadge.texts import printable

_HERE = "filmbadge.tell.report"
_KEY = Markup("<!-- abbreviations -->")  # where the key goes: no archive can say it, since what it says is escaped
_UNSEEN = re.compile(r"<(style|svg|code|pre)\b.*?</\1>|<[^>]*>", re.DOTALL)


class _Once(BytecodeCache):
    """Templates are compiled once in a process, for pages in whatever language: that takes as long as to write a small page."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._compiled:
            bucket.bytecode_from_string(self._compiled[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


_ONCE = _Once()


def render(words: Words, template: str, *packages: str, **values: object) -> str:
    """A page, with a key to the abbreviations that are on it. `packages` have templates beside those from here."""
    made = environment(words, *packages)
    page = made.get_template(template).render(abbreviations=_KEY, **values)
    seen = html.unescape(_UNSEEN.sub(" ", page))
    key = made.get_template("abbreviations.jinja").render(rows=list(explained(seen, words)))
    return page.replace(_KEY, key, 1)


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
        bytecode_cache=_ONCE,
    )
    sheet = style()
    allowed = base64.b64encode(sha256(sheet.encode()).digest()).decode()
    made.globals.update(
        _=words.say,
        many=words.many,
        language=words.code,
        style=Markup(sheet),
        policy=Markup(f"default-src 'none'; style-src 'sha256-{allowed}'; base-uri 'none'; form-action 'none'"),
    )
    return made


@cache
def style() -> str:
    """The style sheets without their comments, and with a class for each width of a bar."""
    sheets = [files(_HERE).joinpath(name).read_text(encoding="utf-8") for name in ("style.css", "paper.css")]
    rules = "".join(sheet.partition("*/\n")[2] for sheet in sheets)
    widths = "".join(f".w{percent}{{width:{percent}%}}" for percent in range(101))
    return f"\n{rules}{widths}\n"


class Figure(NamedTuple):
    """A figure of the first screen, with how it was got."""

    value: str
    label: str
    origin: str
    open: bool


# Whom a page is for, by `tell.levels.Level`.
WHOM = {
    "public": N_("anybody"),
    "authority": N_("an authority"),
    "owner": N_("the owner"),
}
FOR = {
    "public": N_("Anybody. No single archive can be told from it."),
    "authority": N_("An authority that acts on it. It holds addresses: do not publish it."),
    "owner": N_("Who runs these archives. It holds addresses: do not publish it."),
}
_NETWORKS = 6


def kicker(what: str, name: str, level: str, words: Words) -> str:
    """The line above the headline, which paper repeats at the foot of each page: what it is, of what, and for whom."""
    whom = words.say("for {whom}", whom=words.say(WHOM[level]))
    return " · ".join(filter(None, (what, name, whom)))


def facts(evidence: Evidence, level: str, words: Words) -> Iterator[tuple[str, str]]:
    """Whom the page is for, and with whose leave whom was asked from where: terms, and what they are."""
    yield words.say("For whom"), words.say(FOR[level])
    if level == "public":
        return
    known = ((words.say("Scope"), evidence.scope), (words.say("Authority"), evidence.authority), (words.say("Reference"), evidence.reference), (words.say("Contact"), evidence.contact))  # fmt: skip
    yield from ((term, text) for term, text in known if text)
    if evidence.networks:
        shown, left = evidence.networks[:_NETWORKS], len(evidence.networks) - _NETWORKS
        more = [words.many("{n:,} more", "{n:,} more", left)] if left > 0 else []
        yield words.say("Networks"), ", ".join((*shown, *more))
    if evidence.sources:
        yield words.say("Asked from"), ", ".join(evidence.sources)
    else:
        yield words.say("Asked from"), words.say("unknown: our own addresses were not kept")
    if evidence.expires:
        yield words.say("Permission ends"), words.date(evidence.expires)


def about(evidence: Evidence, version: str, words: Words) -> str:
    """The foot of a page: what it was made by, and of which journal."""
    made = words.say("Made by Filmbadge {version}.", version=version) if version else ""
    if evidence.journal is None:
        return made
    kept = words.many(
        "The journal of this work has {n:,} row, with the SHA-256 digest {digest}.",
        "The journal of this work has {n:,} rows, with the SHA-256 digest {digest}.",
        evidence.journal.rows,
        digest=evidence.journal.sha256,
    )
    return f"{made} {kept}".strip()


def width(value: float, most: float) -> int:
    """How wide a bar is, 0 to 100. What is not zero can be seen."""
    return 0 if not value or not most else max(1, min(100, round(100 * value / most)))
