"""The tables of a rehearsal fit their terminal, and say what a row has no place for."""

from __future__ import annotations

import io

import pytest

from filmbadge.cli import rehearsed
from filmbadge.cli.console import _Console
from filmbadge.model import Provenance
from filmbadge.rehearse.compare import CountryRow, Figure, Rehearsal, Row
from filmbadge.rehearse.world import CELLS, Expected

# About as large as the country with the largest figures of 2019.
LARGE = {
    "archives": 1_234,
    "archives_open": 187,
    "patients": 13_700_000,
    "studies": 13_700_000,
    "images": 303_100_000,
    "images_retrievable": 178_300_000,
    "ssn_records": 13_700_000,
    "http_viewers": 39,
}


def equal(number: int, published: int | None = None) -> Figure:
    return Figure(truth=number, measured=number, how=Provenance.COUNTED, agrees=True, published=published)


def rehearsal() -> Rehearsal:
    rows = (
        Row(quantity="images", truth=737_000_000, published=737_000_000, at_least=736_000_000, why="a host was busy"),
        Row(quantity="series", truth=7, at_least=7, why="a host was busy"),
        Row(quantity="kind:performing_physician", truth=50, measured=48, low=40, high=60, agrees=True),
        Row(quantity="kind:purpose", truth=9, at_least=8, expected=Expected.BOUND, agrees=True),
        Row(quantity="kind:sex", truth=9, compared=False, why="needs depth profile"),
    )
    differs = Figure(truth=303_100_000, measured=303_100_001, how=Provenance.COUNTED)
    cells = {cell: equal(number) for cell, number in LARGE.items()}
    countries = (
        CountryRow("", cells),
        CountryRow("DE", {cell: equal(number, published=number) for cell, number in LARGE.items()}),
        CountryRow("US", {**cells, "images": differs}),
    )
    return Rehearsal(
        world="w",
        about="About it.",
        agree=False,
        seconds=1.0,
        depth="prove",
        scale=1.0,
        seed=1,
        rows=rows,
        countries=countries,
    )


def shown(width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    file = io.StringIO()
    console = _Console(file)
    console.width = width
    monkeypatch.setattr(rehearsed, "stdout", console)
    rehearsed.show(rehearsal())
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_line_is_too_long_and_no_cell_is_cut(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(width, monkeypatch)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    assert "kind:performing_physician" in text
    of_us = " ".join(line for line in lines if line.startswith("US "))
    assert all(f"{number:,}" in of_us for cell, number in LARGE.items() if cell != "images")
    assert "303,100,001" in of_us


@pytest.mark.parametrize(("width", "tables"), [(80, 1), (60, 2)])
def test_a_country_is_one_line_of_a_table(width: int, tables: int, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(width, monkeypatch)
    countries = lines[lines.index("measured by country") : lines.index("what was published")]
    assert len([line for line in countries if line.startswith("DE")]) == tables
    assert sum(len(line.split()) - 1 for line in countries if line.startswith("DE")) == len(CELLS)


def test_what_is_not_equal_has_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(200, monkeypatch)
    assert "images: measured ≥ 736,000,000, truth 737,000,000. In doubt: a host was busy." in lines
    assert "US images: measured 303,100,001, truth 303,100,000." in lines
    assert "kind:performing_physician: 95 %: 40 to 60." in lines
    assert "kind:sex: not measured: needs depth profile." in lines
    assert "?: not attributed to a country." in lines
    assert not [line for line in lines if line.startswith("DE ") and ": " in line]
    assert lines[-2:] == ["", "About it."]
