"""What pages have beside their records: drawings, cards and links. JSON has none of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from filmbadge.keep.manifest import CountryRow
from filmbadge.model import Provenance, Total
from filmbadge.tell.compare import drawing
from filmbadge.tell.report import archives as cards
from filmbadge.tell.report import map as maps
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import ArchivePage, Archives, Overview

_POINTS = 16  # bars of the trend that fit


def overview(shown: Overview, asked: Asked) -> dict[str, Any]:
    """The trend and the map."""
    words = asked.service.words
    bars = [
        drawing.Bar(
            _day(point.at), point.open, min(point.new, point.open), point.ended if n else None, f"{point.open:,}"
        )
        for n, point in enumerate(shown.trend[-_POINTS:])
    ]
    heading = _heading(bars)
    return {
        "trend": drawing.drawn(bars, heading, words) if len(bars) > 1 else "",
        "trend_title": heading,
        "map": maps.world(
            [_country(place.country, place.open) for place in shown.places if place.country], "archives_open", words
        ),
    }


def _heading(bars: list[drawing.Bar]) -> str:
    if len(bars) < 2:
        return ""
    first, last = bars[0], bars[-1]
    if last.open == first.open:
        return f"As many archives are open as on {first.date}"
    n, more = abs(last.open - first.open), last.open > first.open
    said = f"{n:,} {'archive' if n == 1 else 'archives'} {'more' if more else 'fewer'}"
    return f"{said} {'is' if n == 1 else 'are'} open than on {first.date}"


def _day(stamp: str) -> str:
    day = datetime.fromisoformat(stamp)
    return f"{day.day} {day:%b %Y}"


def _country(code: str, opened: int) -> CountryRow:
    """A row with the one figure that is drawn."""
    cells = {name: _total(name, 0) for name in CountryRow.quantities()}
    return CountryRow(code, None, **(cells | {"archives_open": _total("archives_open", opened)}))


def _total(name: str, n: int) -> Total:
    return Total(name, n, Provenance.COUNTED, unknown_archives=0, bounded_archives=0, dated_archives=0)


def archives(_: Archives, asked: Asked) -> dict[str, Any]:
    """Links that keep the filter."""
    held = {name: value for name, value in msgspec.to_builtins(asked.query).items() if value and name != "page"}

    def link(**changed: object) -> str:
        return "/archives?" + urlencode({**held, **changed})

    return {"link": link, "held": held}


def archive(shown: ArchivePage, asked: Asked) -> dict[str, Any]:
    return {"card": cards.card(shown.view, 1, asked.service.words)}
