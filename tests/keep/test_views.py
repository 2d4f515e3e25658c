"""The SQL that a user runs in DuckDB, with nothing of Filmbadge, says what the report says."""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from filmbadge.conclude.again import judge_again
from filmbadge.keep import manifest, views
from filmbadge.keep.judged import NAME
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import TABLES
from filmbadge.keep.writer import Writer
from filmbadge.model import Decoy, DoubtCode, Kind, Review
from support import factories, folders
from support.factories import DISCLOSED, EMPTY, admitted, dimse, host, reported, web

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A survey with an archive, another way into it, a decoy, an archive that is closed, and a host with none."""
    monkeypatch.chdir(tmp_path)
    there = Path("out/demo")
    there.mkdir(parents=True)
    made = factories.survey(there)
    manifest.write(there, msgspec.structs.replace(made, hosts=5))
    writer = Writer(there)
    writer.host(host("192.0.2.1", web(reported(patients=20, studies=35, series=70, images=700))), "192.0.2.1")
    writer.host(host("192.0.2.2", web(reported(patients=20, studies=35, series=70, images=700))), "192.0.2.2")
    writer.journal(factories.connection("192.0.2.1"))
    writer.flush()
    writer.host(host("192.0.2.3", web(reported(patients=1, studies=2, series=3, images=4))), "192.0.2.3")
    writer.host(host("192.0.2.4", dimse(admitted(EMPTY))), "192.0.2.4")
    writer.host(host("192.0.2.5", dimse(admitted(DISCLOSED)), web(reported(studies=5, images=None))), "192.0.2.5")
    writer.reviews([Review("192.0.2.1:8042", "192.0.2.2:8042")])
    writer.flush()
    writer.reviews([Review("192.0.2.2:8042", "192.0.2.1:8042"), Review("192.0.2.3:8042", decoy=(Decoy.CLUSTER,))])
    writer.close()
    return there


def opened(folder: Path) -> duckdb.DuckDBPyConnection:
    survey = duckdb.connect()
    survey.execute(views.script(folder))
    return survey


def numbers(survey: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    return {quantity: (total, unknown) for quantity, total, unknown in survey.sql("FROM totals").fetchall()}


def assert_equal(survey: duckdb.DuckDBPyConnection, dataset: Dataset) -> None:
    """The ready table of totals and those of the report, as far as no archives overlap."""
    found = numbers(survey)
    for total in dataset.totals():
        overlap = any(doubt.code in (DoubtCode.PERHAPS_ONE, DoubtCode.ALIKE) for doubt in total.doubts)
        if total.quantity in found and (total.measured, total.at_least) != (None, None) and not overlap:
            known = total.at_least if total.measured is None else total.measured
            assert found[total.quantity] == (known, total.unknown_archives), total


def test_the_user_has_the_totals_of_the_report(folder: Path) -> None:
    survey = opened(folder)
    assert numbers(survey)["archives"] == (3, 0)
    assert numbers(survey)["studies"] == (40, 0)
    assert numbers(survey)["images"][1] == 1
    assert_equal(survey, Dataset(folder))
    for table in ("by_country", "by_network", "by_operator", "by_product"):
        sums = survey.sql(f"SELECT sum(archives), sum(archives_open), sum(studies), sum(images_unknown) FROM {table}")
        assert sums.fetchall() == [(3, 2, 40, 1)], table


def test_every_ready_table_is_the_same_for_the_user_and_for_the_report(folder: Path) -> None:
    survey, dataset = opened(folder), Dataset(folder)
    for name in (*views.READY, *(table.name for table in TABLES), "counted", "amounts"):
        rows = [repr(list(row)) for row in survey.sql(f"FROM {name}").fetchall()]
        assert sorted(rows) == sorted(repr(list(row.values())) for row in dataset.rows(f"FROM {name}")), name
    assert dataset.rows("SELECT sum(endpoints)::INT n FROM by_rung") == dataset.rows("SELECT count(*) n FROM endpoints")
    assert dataset.rows("SELECT sum(endpoints)::INT n FROM by_reason") == dataset.rows(
        "SELECT count(*) n FROM endpoints"
    )
    kinds = dataset.rows("SELECT kind FROM by_kind")
    assert sorted(row["kind"] for row in kinds) == sorted(Kind)
    assert dataset.rows("SELECT endpoints, archives FROM by_transport WHERE transport = 'plain'") == [
        {"endpoints": 5, "archives": 3}
    ]


def test_the_examples_of_the_documentation_give_the_totals_of_the_report(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs/dataset.md").read_text(encoding="utf-8")
    reading = page.partition("## Reading it")[2].partition("<!-- generated")[0]
    shell, python, frames = re.findall(r"```(?:sql|python)\n(.*?)```", reading, re.DOTALL)
    shutil.copy(ROOT / "docs/survey.sql", "survey.sql")
    names: dict[str, Any] = {}
    exec(python, names)  # noqa: S102 (it is our own page)
    measured = {t.quantity: t.measured if t.measured is not None else t.at_least for t in Dataset(folder).totals()}
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{measured['archives_open']} {measured['studies']}"
    assert told[1] == f"[({measured['archives_open']}, {measured['studies']})]"
    assert told[2].startswith(f"[('{factories.connection().question}', 1,")
    exec(frames.splitlines()[-1], names)  # noqa: S102
    assert names["arrow_table"]["studies"].to_pylist() == [measured["studies"]]
    for line in shell.splitlines():
        assert names["survey"].sql(line).fetchall()


def test_the_published_sql_is_that_of_the_command(folder: Path) -> None:
    assert (ROOT / "docs/survey.sql").read_text(encoding="utf-8") == views.script(Path("out/demo"))


def test_a_part_counts_only_beside_its_observations(tmp_path: Path) -> None:
    """A kill may leave what was judged without the observations that close a flush."""
    there = folders.killed(tmp_path / "survey")
    before = numbers(opened(there))
    last = max((there / "observations").glob("*.parquet"))
    last.unlink()
    after = numbers(opened(there))
    assert before["archives"][0] > after["archives"][0] > 0


def test_the_newest_judgement_that_was_not_broken_off_is_read(tmp_path: Path) -> None:
    there = folders.finished(tmp_path / "survey")
    judge_again(there)
    assert opened(there).sql("SELECT getvariable('judgement')").fetchall() == [("2",)]
    assert_equal(opened(there), Dataset(there))
    document = there / "judged/2" / NAME
    document.write_text(document.read_text().replace('"state": "done"', '"state": "judging"'))
    assert opened(there).sql("SELECT getvariable('judgement')").fetchall() == [("1",)]


def test_a_folder_without_a_survey_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(duckdb.Error, match="no judged survey is in the folder"):
        opened(tmp_path)


def test_a_survey_without_archives_and_a_folder_with_a_quote_are_opened(tmp_path: Path) -> None:
    there = tmp_path / "the board's survey"
    there.mkdir()
    factories.survey(there)
    assert numbers(opened(there))["archives"] == (0, 0)
    Writer(there).close()
    writer = Writer(there)
    writer.host(host("192.0.2.5", dimse(admitted(EMPTY))), "192.0.2.5")
    writer.close()
    assert opened(there).sql("SELECT rung, endpoints FROM by_rung").fetchall() == [("answers", 1)]


def test_each_table_has_a_file_and_each_file_is_a_table() -> None:
    names = {path.name for path in (files("filmbadge.keep") / "sql").iterdir()}
    assert names == {"folder.sql", "archives.sql", "views.sql", *(f"{name}.sql" for name in views.READY)}


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("2001:db8::7", "2001:db8:0::/48"),
        ("::1", "::/48"),
    ],
)
def test_a_network_is_told_where_no_source_names_it(address: str, network: str, folder: Path) -> None:
    assert opened(folder).execute("SELECT network_of(?)", [address]).fetchone() == (network,)
