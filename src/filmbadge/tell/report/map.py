"""The world as a drawing: a shape for each country, and a circle for what stands in it. No script, no reference.

It is drawn in whole numbers. Colours stand in attributes, for paper; the style sheet has others for a dark screen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
from markupsafe import Markup

from filmbadge.catalogue.countries import countries
from filmbadge.keep.manifest import CountryRow
from filmbadge.model import Total
from filmbadge.tell.language import N_
from filmbadge.tell.words import Words

WIDTH, HEIGHT = 1000, 440
SHAPES = Path(__file__).with_name("shapes.toml")
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_EDGE = 2.7066300  # of the equator at 180 degrees
_NORTH = 83.7  # the latitude of the upper edge
_LARGEST, _SMALLEST = 36, 3  # radius of a circle
_FULL: Mapping[str, int] = {"archives_open": 30, "patients": 100_000}  # so many at least have the largest circle
_LABELS = 8  # circles that are named on the drawing
_LETTER, _LINE = 8.2, 16  # how wide and how high a label's letters are, at most
_TOLD = 5  # countries that the title names
_TITLES: Mapping[str, str] = {
    "archives_open": N_("World map of open archives. The most stand in: {countries}."),
    "patients": N_("World map of patients in open archives. The most stand in: {countries}."),
}

Quantity = Literal["archives_open", "patients"]


class Circle(NamedTuple):
    code: str
    x: int
    y: int
    radius: int
    said: str  # the country and its figure


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        return not (
            self.right <= other.left or other.right <= self.left or self.bottom <= other.top or other.bottom <= self.top
        )


def project(longitude: float, latitude: float) -> tuple[float, float]:
    """Degrees to places on the drawing, by Equal Earth: areas stay true (Šavrič, Patterson and Jenny, 2018)."""
    x, y = _equal_earth(longitude, latitude)
    return WIDTH / 2 * (1 + x / _EDGE), WIDTH / 2 * (_equal_earth(0, _NORTH)[1] - y) / _EDGE


def _equal_earth(longitude: float, latitude: float) -> tuple[float, float]:
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(latitude)))
    slope = 9 * _A4 * t**8 + 7 * _A3 * t**6 + 3 * _A2 * t**2 + _A1
    x = 2 * math.sqrt(3) * math.radians(longitude) * math.cos(t) / (3 * slope)
    return x, t * (_A4 * t**8 + _A3 * t**6 + _A2 * t**2 + _A1)


def world(rows: Sequence[CountryRow], quantity: Quantity, words: Words) -> Markup:
    """An `<svg>`: circles by area, also for countries too small to be seen. Empty where no country has any.

    A bound is drawn by its figure and told as such. A country without a row in `countries.toml` is in no place here: the
    table beside the drawing has it.
    """
    totals = {row.country: getattr(row, quantity) for row in rows if row.country in countries()}
    found = {code: total for code, total in totals.items() if code is not None and _figure(total)}
    if not found:
        return Markup("")
    said = {code: _said(code, total, words) for code, total in found.items()}
    circles = list(_circles(found, said, _FULL[quantity]))
    top = ", ".join(said[circle.code] for circle in circles[:_TOLD])
    return Markup(
        '<svg class="map" role="img" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg"><title>{title}</title>'
        '<g class="land" fill="#dfe4ea" stroke="#fff" stroke-width=".5">{land}</g>'
        '<g class="spots" fill="#b3261e" fill-opacity=".62" stroke="#fff" stroke-width=".7">{spots}</g>'
        '<g class="names" fill="#1c2430" font-family="sans-serif" font-size="15">{names}</g></svg>'
    ).format(
        width=WIDTH,
        height=HEIGHT,
        title=words.say(_TITLES[quantity], countries=top),
        land=Markup("").join(_land(said, words)),
        spots=Markup("").join(map(_spot, circles)),
        names=Markup("").join(_names(circles)),
    )


def _figure(total: Total) -> int:
    return (total.at_least if total.measured is None else total.measured) or 0


def _said(code: str, total: Total, words: Words) -> str:
    return words.say("{country}: {figure}", country=words.say(countries()[code].name), figure=words.figure(total))


@cache
def _shapes() -> Mapping[str, str]:
    """A path of SVG for each country that is large enough to be seen."""
    return msgspec.toml.decode(SHAPES.read_bytes(), type=dict[str, str])


def _land(said: Mapping[str, str], words: Words) -> Iterator[Markup]:
    for code, path in _shapes().items():
        title = said.get(code) or words.say(countries()[code].name)
        yield Markup('<path d="{path}"><title>{title}</title></path>').format(path=path, title=title)


def _circles(found: Mapping[str, Total], said: Mapping[str, str], full: int) -> Iterator[Circle]:
    """The largest first, so that a small one is drawn over it. Where there are few, no circle looks like many."""
    most = max(full, *map(_figure, found.values()))
    for code, total in sorted(found.items(), key=lambda item: (-_figure(item[1]), item[0])):
        x, y = project(*countries()[code].point)
        radius = max(_SMALLEST, round(_LARGEST * math.sqrt(_figure(total) / most)))
        yield Circle(code, round(x), min(round(y), HEIGHT - _SMALLEST), radius, said[code])


def _spot(circle: Circle) -> Markup:
    return Markup('<circle cx="{x}" cy="{y}" r="{r}"><title>{title}</title></circle>').format(
        x=circle.x, y=circle.y, r=circle.radius, title=circle.said
    )


def _names(circles: Sequence[Circle]) -> Iterator[Markup]:
    """The largest are named where there is room beside them. Any other says its name when it is pointed at."""
    taken = [Box(c.x - c.radius, c.y - c.radius, c.x + c.radius, c.y + c.radius) for c in circles]
    for circle in circles[:_LABELS]:
        for x, y in _places(circle):
            box = Box(x, y - _LINE + 3, x + _LETTER * len(circle.said), y + 3)
            inside = box.left >= 0 and box.right <= WIDTH and box.top >= 0 and box.bottom <= HEIGHT
            if inside and not any(map(box.meets, taken)):
                taken.append(box)
                yield Markup('<text x="{x}" y="{y}">{text}</text>').format(x=round(x), y=round(y), text=circle.said)
                break


def _places(circle: Circle) -> Iterator[tuple[float, float]]:
    """Where its name may begin: to the right, to the left, below, above."""
    wide, away = _LETTER * len(circle.said), circle.radius + 3
    yield circle.x + away, circle.y + 4
    yield circle.x - away - wide, circle.y + 4
    yield circle.x - wide / 2, circle.y + away + _LINE - 3
    yield circle.x - wide / 2, circle.y - away
