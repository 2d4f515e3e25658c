"""Worlds from files: what ships is sound at any scale, and what is wrong with a file is said in one line."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.rehearse.build import apportion, build
from filmbadge.rehearse.world import CELLS, CountKeys, Expected
from filmbadge.rehearse.worldfile import (
    After,
    Behaviour,
    Country,
    Entry,
    Mix,
    WorldError,
    WorldFile,
    packaged,
    parse,
    read,
)

DOCS = Path(__file__).parents[2] / "docs" / "worlds.md"
SMALL = """schema = "filmbadge.world/1"
name = "small"
[behaviour.open]
rungs = { dimse = "discloses" }
[[archives]]
name = "one"
behaviour = "open"
studies = 83
"""
COUNTRIES = """schema = "filmbadge.world/1"
name = "lands"
scale = "all"
[behaviour.gives]
get = "delivers"
rungs = { dimse = "delivers" }
[behaviour.shows]
rungs = { dimse = "discloses" }
[behaviour.shut]
called = "X"
rungs = { dimse = "speaks" }
[mix]
open = { gives = 2, shows = 1 }
closed = { shut = 1 }
"""


@pytest.mark.parametrize("name", packaged())
@pytest.mark.parametrize("scale", [0.3, 0.01, 0.001])
def test_a_world_is_sound_at_any_scale(name: str, scale: float) -> None:
    world = build(read(name), scale, 7)
    addresses = [address for archive in world.archives for address in archive.addresses]
    assert len(set(addresses)) == len(addresses) >= len(world.archives)
    assert all(any(address in network for network in world.networks) for address in addresses)
    for archive in world.archives:
        held = archive.contents
        if archive.open:
            if held.studies <= 500:
                assert held.images_in_all == sum(sum(held.images(n)) for n in range(held.studies))
            assert held.nearline.studies <= held.nearline.images
            assert held.online.studies <= held.online.images
    truth = world.truth()
    for row in CELLS:
        if truth.countries:
            assert sum(cells[row] for cells in truth.countries.values()) == truth.rows[row]
    assert build(read(name), scale, 7) == world
    assert build(read(name), scale, 8).archives != world.archives


def test_the_world_of_2019_is_what_was_published() -> None:
    world = build(read("greenbone-2019"), 1, 1)
    truth = world.truth()
    totals = {"archives": 2300, "archives_open": 590, "countries": 52, "patients": 24_300_000, "http_viewers": 39}
    totals |= {"images": 737_000_000, "images_retrievable": 400_000_000}
    assert truth.published[""] == totals
    assert {quantity: truth.rows[quantity] for quantity in totals} == totals
    assert truth.rows["ssn_records"] == truth.countries["US"]["patients"] == 13_700_000
    assert len(truth.countries) == 52
    for code, published in truth.published.items():
        assert "ssn_records" not in published  # no number of them was ever published
        assert code == "" or published.items() <= truth.countries[code].items()
    assert truth.expected == {}
    opened = [archive for archive in world.archives if archive.open]
    assert all(archive.availability and archive.expected is Expected.EXACT for archive in opened)
    assert sum(a.contents.studies for a in opened if a.count_keys is not CountKeys.FILLED) <= 2000
    assert max(archive.contents.studies for archive in opened) > 1_000_000


@pytest.mark.parametrize("scale", [0.1, 0.02])
def test_a_scale_keeps_proportions(scale: float) -> None:
    whole, part = (build(read("greenbone-2019"), s, 1).truth() for s in (1, scale))
    for quantity in ("patients", "studies", "images", "images_retrievable"):
        assert part.rows[quantity] == round(whole.rows[quantity] * scale)
        for code, cells in whole.countries.items():
            assert abs(part.countries[code][quantity] - cells[quantity] * scale) <= 60
    assert part.rows["archives_open"] == max(52, round(590 * scale))
    assert part.published == {}  # of another world than this


def test_a_region_has_every_behaviour() -> None:
    """Each setting of each key of a behaviour, as far as keys have few settings, but rows without end that are all new."""
    archives = build(read("region"), 1, 1).archives
    assert sum(archive.imaging and not archive.decoy and not archive.mirror for archive in archives) == 200
    for key in ("count_keys", "rows", "at_cap", "tls", "get", "manner", "web"):
        seen = {getattr(archive, key) for archive in archives} - {None}
        kind: type[Enum] = type(next(iter(seen)))
        assert set(kind) - seen <= ({"dicom-files"} if key == "web" else set())


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30), st.integers(0, 10**7), st.data())
def test_parts_are_as_the_weights_say(weights: list[int], total: int, data: st.DataObject) -> None:
    least = [data.draw(st.integers(0, 20)) if weight else 0 for weight in weights]
    parts = apportion(weights, total, least)
    assert all(part >= small for part, small in zip(parts, least, strict=True))
    if sum(weights) and sum(least) <= total:
        assert sum(parts) == total
    if sum(weights) and not any(least):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part - weight * total / sum(weights)) < 1 + 1e-6


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('name = "small"', "name = ", ":2: it is not TOML"),
        ('"small"', '"Small World"', ":2: name: "),
        ("studies = 83", "studys = 83", ":8: archives.1.studys: "),
        ("studies = 83", "studies = [1, 2, 3]", ":5: archives.1: `studies` is a number"),
        ("studies = 83", "cap = 0", ":8: archives.1.cap: "),
        ("studies = 83", 'tls = "ssl"', ":8: archives.1.tls: "),
        ('"discloses"', '"open"', ":4: behaviour.open.rungs: "),
        ('behaviour = "open"', 'behaviour = "shut"', "archives.1: no behaviour is called 'shut'"),
        ('behaviour = "open"', 'mirror_of = "two"', "archives.1: no archives before these are called 'two'"),
        ("[behaviour.open]", '[behaviour.open]\nlike = "open"', "behaviour.open: 'open' is like itself"),
        ("world/1", "world/2", ":1: schema: "),
        ("studies = 83", "cap = " + "9" * 5000, "mine.toml: it is not TOML: a value is too long"),
        ("studies = 83", "cap = " + "[" * 5000, "mine.toml: it is not TOML: a value is too long or nested too deep"),
        ("studies = 83", '"a\\n\\u001b[0m" = 1', "unknown field `a??[0m`"),
        ("studies = 83", 'mirror_of = "a\\nb"', "called 'a?b'"),
        ("studies = 83", "images = inf", ":8: archives.1.images: "),
        ("studies = 83", 'country = "DE\\n"', ":8: archives.1.country: "),
        ("studies = 83", 'called = "\u00e9"', ":8: archives.1.called: "),
        ("studies = 83", 'dicomweb = "/a\\r\\nX: y"', ":8: archives.1.dicomweb: "),
        ("studies = 83", "studies = [9, 3]", ":5: archives.1: `studies` is a number"),
        ("[behaviour.open]", "[behaviour.open]\nnewest = 9000", "behaviour.open: `oldest` must be more days ago"),
        ("[behaviour.open]", "[published]\nbeds = 1\n[behaviour.open]", "'beds' is no cell"),
        ("[behaviour.open]", "[published]\npatients = -1\n[behaviour.open]", "published"),
        ("[behaviour.open]", "[mix.open]\nopen = inf\n[behaviour.open]", "mix.open"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(before: str, after: str, said: str) -> None:
    assert parse(SMALL.encode(), "mine.toml").name == "small"
    with pytest.raises(WorldError) as caught:
        parse(SMALL.replace(before, after, 1).encode(), "mine.toml")
    words = str(caught.value)
    assert words.startswith("mine.toml:")
    assert said in words
    assert "\n" not in words


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("archives = 2\narchives_open = 3", "more archives are open than there are archives"),
        ("archives = 2\narchives_open = 1\npatients = 9\nimages = 8", "each study an image"),
        ("archives = 2\narchives_open = 0\npatients = 9\nimages = 9", "no open archive"),
        ("archives = 2\narchives_open = 1\npatients = 9\nimages = 9\nimages_retrievable = 10", "more images are retriev"),
        ("archives = 2\narchives_open = 1\npatients = 9\nimages = 9\nhttp_viewers = 1", "[mix.viewer] needs a behaviour"),
        ('archives = 1\narchives_open = 0\npublished = { beds = 1 }', "'beds' is no cell"),
        ('archives = 1\narchives_open = 0\nkeep = { beds = 1 }', "country.1.beds: "),
    ],
)  # fmt: skip
def test_a_country_that_cannot_be_is_refused(country: str, said: str) -> None:
    with pytest.raises(WorldError, match=re.escape(said)):
        parse(f'{COUNTRIES}[[country]]\ncode = "DE"\n{country}\n'.encode(), "mine.toml")


@given(st.data())
def test_countries_hold_exactly_what_the_file_says(data: st.DataObject) -> None:
    text = COUNTRIES
    wanted = {}
    for code in ("AA", "BB", "CC"):
        opened = data.draw(st.integers(1, 9))
        patients = data.draw(st.integers(max(opened, 60), 5000))
        images = data.draw(st.integers(2 * patients, 200_000))
        retrievable = data.draw(st.sampled_from([0, images // 3, images - 2 * patients // 3, images]))
        cells = {
            "archives": opened + data.draw(st.integers(0, 20)),
            "archives_open": opened,
            "patients": patients,
            "images": images,
            "images_retrievable": retrievable,
        }
        wanted[code] = cells
        text += f'[[country]]\ncode = "{code}"\n' + "".join(f"{key} = {value}\n" for key, value in cells.items())
    truth = build(parse(text.encode(), "mine.toml"), 1, 1).truth()
    for code, cells in wanted.items():
        assert {key: truth.countries[code][key] for key in cells} == cells


def test_a_file_that_is_no_text_or_too_large_is_refused() -> None:
    with pytest.raises(WorldError, match=r"^x:2: it is not UTF-8$"):
        parse(b"a = 1\nb = '\xff'", "x")
    with pytest.raises(WorldError, match="larger than"):
        parse(b"#" * 1_000_001, "x")


def test_a_world_too_large_for_its_addresses_is_refused() -> None:
    with pytest.raises(WorldError, match="has no place in"):
        build(read("greenbone-2019"), 40, 1)


def test_the_page_names_every_key() -> None:
    text = DOCS.read_text()
    for table in (WorldFile, Behaviour, Entry, Country, Mix, After):
        for key in table.__struct_fields__:
            assert f"`{key}`" in text, key
