"""Where archives stand is kept with every source, and countries are added up as far as they are known."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from filmbadge.conclude.again import judge_again
from filmbadge.judge.archives import judge
from filmbadge.keep import judged
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import place
from filmbadge.keep.writer import Writer
from filmbadge.model import DoubtCode, Observation, Total
from filmbadge.places import PACKAGED, Places, load
from support.factories import reported, survey, web

ROWS = (
    "192.0.2.1,DE,AS64500,Example Net,Klinikum Köln,it@example.org,de,Haus 1",
    "192.0.2.2,DE,,,,,,",
    "192.0.2.3,US,,,,,,",
)


def table(folder: Path, *rows: str, name: str = "places.csv") -> Path:
    head = "# date: 2026-11-20\nnetwork,country,asn,as_name,operator,contact,language,site"
    path = folder / name
    path.write_text("\n".join((head, *rows, "")))
    return path


def seen(number: int) -> Observation:
    shown = web(reported(patients=20, studies=35 + number, series=70, images=700))
    return msgspec.structs.replace(shown, endpoint=msgspec.structs.replace(shown.endpoint, address=f"192.0.2.{number}"))


def kept(folder: Path, places: Places, archives: int = 3) -> Dataset:
    folder.mkdir()
    survey(folder)
    writer = Writer(folder)
    for number in range(1, archives + 1):
        writer.host(judge(f"192.0.2.{number}", [seen(number)], places=places), f"192.0.2.{number}")
    writer.close()
    return Dataset(folder)


def countries(dataset: Dataset) -> Total:
    return next(total for total in dataset.totals() if total.quantity == "countries")


def test_columns_hold_the_first_answer_and_all_sources(tmp_path: Path) -> None:
    places = load([table(tmp_path, *ROWS), table(tmp_path, "192.0.2.0/24,FR,,,,,,", name="other.csv")])
    dataset = kept(tmp_path / "survey", places)
    for name, key in (("archives", "address"), ("endpoints", "address")):
        row = dataset.rows(f"SELECT * FROM {name} WHERE {key} = '192.0.2.1'")[0]
        assert (row["country"], row["asn"], row["as_name"]) == ("DE", 64500, "Example Net")
        assert row["country_said"] == ["DE by places.csv, 2026-11-20", "FR by other.csv, 2026-11-20"]
        assert (row["operator"], row["contact"]) == ("Klinikum Köln", "it@example.org")
        assert (row["language"], row["site"], row["network"]) == ("de", "Haus 1", "192.0.2.1/32")
        assert place(row) == places.of("192.0.2.1")


def test_what_no_source_says_is_null_and_no_country(tmp_path: Path) -> None:
    dataset = kept(tmp_path / "survey", PACKAGED)
    (row,) = dataset.rows("SELECT country, country_said, asn, network, place FROM archives LIMIT 1")
    assert row == {"country": None, "country_said": [], "asn": None, "network": None, "place": None}
    total = countries(dataset)
    assert (total.measured, total.at_least) == (None, 0)
    assert total.doubts[-1].code is DoubtCode.NOT_ATTRIBUTED
    assert total.doubts[-1].numbers == {"archives": 3}


def test_countries_are_counted_where_every_open_archive_is_attributed(tmp_path: Path) -> None:
    total = countries(kept(tmp_path / "survey", load([table(tmp_path, *ROWS)])))
    assert (total.measured, total.how, total.doubts) == (2, "counted", ())


def test_a_bound_where_one_is_not(tmp_path: Path) -> None:
    total = countries(kept(tmp_path / "survey", load([table(tmp_path, *ROWS)]), archives=4))
    assert (total.measured, total.at_least) == (None, 2)
    assert [(doubt.code, doubt.numbers) for doubt in total.doubts] == [(DoubtCode.NOT_ATTRIBUTED, {"archives": 1})]


def test_a_survey_is_placed_again_and_asks_nobody(tmp_path: Path) -> None:
    kept(tmp_path / "survey", PACKAGED)
    places = load([table(tmp_path, *ROWS)])
    number = judge_again(tmp_path / "survey", places)
    dataset = Dataset(tmp_path / "survey", number)
    assert countries(dataset).measured == 2
    said = judged.read(tmp_path / "survey", number)
    assert said is not None
    assert said.judge.places == places.used
    assert said.judge.countries == places.digest


@pytest.mark.parametrize("column", ["place", "hints", "country_said"])
def test_each_column_is_documented(column: str) -> None:
    text = (Path(__file__).parents[2] / "docs" / "dataset.md").read_text()
    assert text.count(f"| `{column}` |") == (1 if column == "hints" else 2)
