"""Derives the shapes of countries that the map is drawn from: tell/report/shapes.toml.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    .venv/bin/python scripts/shapes.py package/countries-110m.json

The file is TopoJSON: borders are stored once, as arcs, and a country is a list of rings of arcs.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from filmbadge.catalogue.countries import countries
from filmbadge.tell.report.map import SHAPES, project

Point = tuple[float, float]  # longitude, latitude
# What has no code of its own is drawn within the country that ISO 3166-1 has it in.
WITHIN = {"N. Cyprus": "CY", "Somaliland": "SO", "Kosovo": "XK"}
NOT_DRAWN = {"AQ"}  # nobody lives there, and it would take a fifth of the drawing
NOTICE = """\
# The shapes of countries, as paths of SVG on the Equal Earth projection of tell/report/map.py. Made by scripts/shapes.py.
#
# From Natural Earth 1:110m, which is in the public domain, by world-atlas 2.0.2:
# Copyright 2013-2019 Michael Bostock
# Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
# granted, provided that the above copyright notice and this permission notice appear in all copies.
# THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
# IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
# INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN
# AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
# PERFORMANCE OF THIS SOFTWARE.

"""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    atlas = json.loads(Path(arguments[0]).read_bytes())
    paths = {code: path for code, rings in sorted(_countries(atlas).items()) if (path := "".join(map(_path, rings)))}
    SHAPES.write_text(NOTICE + "".join(f'{code} = "{path}"\n' for code, path in paths.items()))
    print(f"wrote {SHAPES}: {len(paths)} countries")
    return 0


def _countries(atlas: dict[str, Any]) -> dict[str, list[list[Point]]]:
    """The rings of each country that is drawn."""
    codes = {row.number: code for code, row in countries().items() if row.number is not None}
    arcs = _arcs(atlas)
    rings: dict[str, list[list[int]]] = defaultdict(list)
    for shape in atlas["objects"]["countries"]["geometries"]:
        code = codes[int(shape["id"])] if "id" in shape else WITHIN[shape["properties"]["name"]]
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        rings[code] += [ring for polygon in polygons for ring in polygon]
    return {
        code: [part for ring in _merged(found) for part in _halves(_points(ring, arcs))]
        for code, found in rings.items()
        if code not in NOT_DRAWN
    }


def _arcs(atlas: dict[str, Any]) -> list[list[Point]]:
    """Arcs are stored as steps on a grid."""
    (across, up), (west, south) = atlas["transform"]["scale"], atlas["transform"]["translate"]
    arcs = []
    for steps in atlas["arcs"]:
        x = y = 0
        arc = []
        for dx, dy in steps:
            x, y = x + dx, y + dy
            arc.append((x * across + west, y * up + south))
        arcs.append(arc)
    return arcs


def _merged(rings: list[list[int]]) -> list[list[int]]:
    """Rings without the arcs that two of them share: ~n is arc n backwards."""
    used = {arc for ring in rings for arc in ring}
    if not any(~arc in used for arc in used):
        return rings
    # Each ring is turned so that a shared stretch ends it, and the two are joined there.
    first, second = (ring for ring in rings if any(~arc in used for arc in ring))
    others = [ring for ring in rings if ring is not first and ring is not second]
    return [*others, [*_outside(first, used), *_outside(second, used)]]


def _outside(ring: list[int], used: set[int]) -> list[int]:
    at = next(n for n, arc in enumerate(ring) if ~arc not in used and ~ring[n - 1] in used)
    return [arc for arc in ring[at:] + ring[:at] if ~arc not in used]


def _points(ring: Iterable[int], arcs: list[list[Point]]) -> list[Point]:
    points: list[Point] = []
    for number in ring:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        points += arc[1:] if points else arc
    return points


def _halves(ring: list[Point]) -> Iterator[list[Point]]:
    """A ring that crosses longitude 180 is cut there, for its other part lies at the other end of the map."""
    whole = [ring[0]]
    for east, north in ring[1:]:
        turn = round((whole[-1][0] - east) / 360)
        whole.append((east + 360 * turn, north))
    for shift in (0, -360, 360):
        moved = [(east + shift, north) for east, north in whole]
        if part := _clipped(_clipped(moved, 180, 1), -180, -1):
            yield part


def _clipped(ring: list[Point], at: float, side: int) -> list[Point]:
    """The part of a ring on one side of a meridian (Sutherland and Hodgman)."""
    kept: list[Point] = []
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        if (x0 - at) * side <= 0:
            kept.append((x0, y0))
        if ((x0 - at) * side < 0) != ((x1 - at) * side < 0) and x0 != x1:
            kept.append((at, y0 + (at - x0) * (y1 - y0) / (x1 - x0)))
    return kept


def _path(ring: list[Point]) -> str:
    """Relative and in whole numbers. Empty where nothing of it can be seen."""
    points: list[tuple[int, int]] = []
    for point in ring:
        x, y = project(*point)
        if not points or points[-1] != (round(x), round(y)):
            points.append((round(x), round(y)))
    steps: list[tuple[int, int]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        dx, dy = x1 - x0, y1 - y0
        if steps and steps[-1][0] * dy == steps[-1][1] * dx and steps[-1][0] * dx + steps[-1][1] * dy > 0:
            dx, dy = steps[-1][0] + dx, steps.pop()[1] + dy  # straight on
        steps.append((dx, dy))
    if points[-1] == points[0]:
        steps = steps[:-1]  # z goes there
    if len(steps) < 2:
        return ""
    return f"M{_numbers(points[:1])}l{_numbers(steps)}z"


def _numbers(pairs: Iterable[tuple[int, int]]) -> str:
    return "".join(str(n) if n < 0 else f" {n}" for pair in pairs for n in pair).strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
