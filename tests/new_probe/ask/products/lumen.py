"""Lumen's REST: `/lumen/about` says what it is, `/lumen/counters` how much it holds. Neither holds personal data."""

from __future__ import annotations

from collections.abc import Generator

from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_body import decoded, whole_number
from filmbadge.ask.wire.text import clean
from filmbadge.model import Counters, Depth, LumenFacts


def identify(depth: Depth, _: Response) -> Generator[Request, Response, LumenFacts | None]:
    """What it says of itself, and from depth `ask` on its counters. None where nothing says that it is Lumen."""
    about = decoded((yield Request("/lumen/about")))
    if not isinstance(about, dict) or about.get("product") != "Lumen":
        return None
    version = clean(str(about.get("version", "")).encode(), 64)
    if not depth.reaches(Depth.ASK):
        return LumenFacts(version)
    reply = yield Request("/lumen/counters")
    said = decoded(reply)
    numbers = [whole_number(said.get(name)) for name in ("patients", "studies")] if isinstance(said, dict) else []
    return LumenFacts(version, Counters(reply.status, *numbers))
