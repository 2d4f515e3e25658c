"""The map: true areas, a title for each country, circles also where no shape can be seen, and nothing that runs."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import msgspec

from filmbadge.catalogue.countries import countries
from filmbadge.keep.manifest import CountryRow
from filmbadge.model import Provenance, Total
from filmbadge.tell.report.map import HEIGHT, SHAPES, WIDTH, project, world
from filmbadge.tell.words import Words

SVG = "{http://www.w3.org/2000/svg}"
ENGLISH = Words()
PATHS = msgspec.toml.decode(SHAPES.read_bytes(), type=dict[str, str])
RADIUS = WIDTH / 2 / 2.70663  # of the sphere
PATH = re.compile(r"(?:M\d+ \d+l-?\d+(?:(?: |(?=-))-?\d+)*z)+")


def total(quantity: str, measured: int | None, at_least: int | None = None) -> Total:
    how = Provenance.UNKNOWN if measured is None else Provenance.COUNTED
    return Total(quantity=quantity, measured=measured, how=how, at_least=at_least)


def row(country: str | None, open_: int | None, patients: int | None = 0, *, at_least: int | None = None) -> CountryRow:
    some = total("archives", 0)
    return CountryRow(
        country=country, hosts_undecided=0, archives=some, studies=some, images=some,
        archives_open=total("archives_open", open_, at_least), patients=total("patients", patients), images_retrievable=some, ssn_records=some, http_viewers=some,
    )  # fmt: skip


def drawn(*rows: CountryRow, words: Words = ENGLISH) -> ElementTree.Element:
    return ElementTree.fromstring(str(world(rows, "archives_open", words)))


def circles(svg: ElementTree.Element) -> dict[str, ElementTree.Element]:
    return {circle.findtext(f"{SVG}title", ""): circle for circle in svg.iter(f"{SVG}circle")}


def ring_areas(path: str) -> float:
    """Of all rings of a path of relative lines, in square units of the drawing."""
    total = 0.0
    for ring in re.findall(r"M[^z]*z", path):
        numbers = [int(n) for n in re.findall(r"-?\d+", ring)]
        x, y = numbers[:2]
        points = [(x, y)]
        for dx, dy in zip(numbers[2::2], numbers[3::2], strict=True):
            x, y = x + dx, y + dy
            points.append((x, y))
        total += abs(
            sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True)) / 2
        )
    return total


def test_areas_are_true() -> None:
    """A degree of longitude by a degree of latitude covers as much as it does on the ground, at any latitude."""
    degree = math.radians(1) * RADIUS
    for latitude in (0, 35, 60, 75):
        (x0, y0), (x1, _), (_, y1) = project(10, latitude), project(11, latitude), project(10, latitude + 0.01)
        area = (x1 - x0) * (y0 - y1) / 0.01
        assert math.isclose(area / math.cos(math.radians(latitude)), degree**2, rel_tol=1e-3), latitude


def test_shapes_are_whole_numbers_within_the_drawing_and_as_large_as_their_countries() -> None:
    assert len(PATHS) > 170 and set(PATHS) <= set(countries())
    assert all(PATH.fullmatch(path) for path in PATHS.values())
    unit = 510.07e6 / (4 * math.pi * RADIUS**2)  # km² of a square unit
    for code, km2 in {"RU": 17.1e6, "BR": 8.5e6, "DE": 357e3, "SO": 637e3, "FR": 640e3}.items():
        assert math.isclose(ring_areas(PATHS[code]) * unit, km2, rel_tol=0.25), code
    for path in PATHS.values():
        assert all(0 <= int(x) <= WIDTH and 0 <= int(y) <= HEIGHT for x, y in re.findall(r"M(\d+) (\d+)", path))


def test_every_country_has_its_title() -> None:
    svg = drawn(row("DE", 3))
    titles = [path.findtext(f"{SVG}title") for path in svg.iter(f"{SVG}path")]
    assert len(titles) == len(PATHS) and all(titles)
    assert "Germany: 3" in titles and "Brazil" in titles
    assert svg.findtext(f"{SVG}title", "") == "World map of open archives. The most stand in: Germany: 3."
    assert svg.get("role") == "img"


def test_a_circle_has_its_area_by_the_number_and_small_countries_have_one_too() -> None:
    found = circles(drawn(row("US", 400), row("SG", 100), row("MT", 1), row("HK", 0), row("FR", None)))
    assert list(found) == ["United States: 400", "Singapore: 100", "Malta: 1"]  # the largest is drawn first
    assert int(found["United States: 400"].get("r", "")) == 2 * int(found["Singapore: 100"].get("r", ""))
    assert "SG" not in PATHS
    assert int(found["Malta: 1"].get("r", "")) >= 3


def test_few_archives_do_not_look_like_many() -> None:
    (alone,) = circles(drawn(row("DE", 1))).values()
    (many,) = circles(drawn(row("DE", 500))).values()
    assert 3 * int(alone.get("r", "")) < int(many.get("r", ""))


def test_a_bound_is_told_as_one() -> None:
    assert list(circles(drawn(row("DE", None, at_least=12)))) == ["Germany: ≥ 12"]


def test_a_country_that_has_no_place_is_left_to_the_table() -> None:
    assert list(circles(drawn(row("DE", 3), row("EU", 5), row(None, 9), row("ZZ", 2)))) == ["Germany: 3"]
    assert world([row("EU", 5), row("DE", 0)], "archives_open", ENGLISH) == ""


def test_patients_have_a_map_of_their_own() -> None:
    svg = ElementTree.fromstring(str(world([row("DE", 3, 70), row("FR", 9, 0)], "patients", ENGLISH)))
    assert list(circles(svg)) == ["Germany: 70"]


def test_nothing_runs_and_nothing_is_named() -> None:
    made = str(world([row(code, 1) for code in countries()], "archives_open", ENGLISH))
    assert not re.search(r"<script|<style|href|url\(|\son\w+=|<image|<foreignObject", made.replace("xmlns=", ""))
    assert len(made.encode()) < 80_000
    assert len(world([row("US", 187), row("IN", 89)], "archives_open", ENGLISH).encode()) < 55_000


def test_names_on_the_drawing_do_not_meet() -> None:
    svg = drawn(*(row(code, n) for code, n in {"BE": 90, "NL": 80, "LU": 70, "DE": 60, "FR": 50, "US": 40}.items()))
    boxes = [(float(t.get("x", "")), float(t.get("y", "")), len(t.text or "")) for t in svg.iter(f"{SVG}text")]
    assert boxes
    for n, (x, y, letters) in enumerate(boxes):
        for other_x, other_y, others in boxes[:n]:
            assert abs(y - other_y) >= 15 or x + 8 * letters <= other_x or other_x + 8 * others <= x
