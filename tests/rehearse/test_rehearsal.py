"""The instrument against a world whose truth is known, as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from filmbadge.cli import run
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import TABLES
from filmbadge.rehearse.build import build
from filmbadge.rehearse.worldfile import read
from support import archives, isolation
from support.chance import seeds


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, int]:
    directory = tmp_path_factory.mktemp("rehearsal") / "survey"
    before = isolation.counter("Tcp", "ActiveOpens")
    document = json.loads(archives.filmbadge("rehearse", "hospital", "--json", "--out", str(directory)))
    return document, directory, isolation.counter("Tcp", "ActiveOpens") - before


def test_measured_equals_truth(rehearsal: tuple[dict[str, Any], Path, int]) -> None:
    document, _, _ = rehearsal
    rows = {row["quantity"]: row for row in document["rows"]}
    assert document["schema"] == "filmbadge.rehearsal/1"
    assert document["agree"] is True
    for quantity in (
        "archives",
        "archives_open",
        "studies",
        "series",
        "images",
        "patients",
        "rung:admits",
        "rung:discloses",
    ):
        assert rows[quantity]["truth"] == rows[quantity]["measured"] > 0
    assert rows["patients"]["how"] == "counted"  # what a counter said, the ids of all studies showed too
    assert rows["images"]["how"] == "mixed"


def test_the_journal_is_what_the_kernel_saw(rehearsal: tuple[dict[str, Any], Path, int]) -> None:
    _, directory, connections = rehearsal
    dataset = Dataset(directory)
    assert dataset.connections() == connections > 40
    assert dataset.manifest.connections == connections


def test_nothing_on_a_dicom_port_heard_http(rehearsal: tuple[dict[str, Any], Path, int]) -> None:
    dataset = Dataset(rehearsal[1])
    spoke = "SELECT address, port FROM endpoints WHERE protocol = 'dimse' AND rung NOT IN ('silent', 'listening')"
    assert dataset.rows(f"SELECT * FROM journal WHERE question LIKE 'http%' AND (address, port) IN ({spoke})") == []


def test_judged_again_every_row_is_the_same(rehearsal: tuple[dict[str, Any], Path, int], tmp_path: Path) -> None:
    there = tmp_path / "survey"
    shutil.copytree(rehearsal[1], there)
    document = json.loads(archives.filmbadge("judge", str(there), "--json"))
    assert (document["judged"], document["before"]) == (2, 1)
    assert (document["totals"], document["archives"]) == ([], [])
    before, after = Dataset(rehearsal[1]), Dataset(there)
    assert (before.judged, after.judged) == (1, 2)
    assert after.totals() == before.totals()
    for table in (table.name for table in TABLES if table.judged):
        of_both = [
            [
                {name: value for name, value in row.items() if name != "reviewed_at"}
                for row in dataset.rows(f"FROM {table}")
            ]
            for dataset in (before, after)
        ]
        assert of_both[0] == of_both[1] != []


SMALL = """
schema = "filmbadge.world/1"
name = "small"
depth = "count"

[[archives]]
name = "one"
studies = 83
images = 5
rungs = { dimse = "discloses" }
"""


def rehearsed(
    world: Path, text: str, capfd: pytest.CaptureFixture[str], *more: str
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """The exit code, the document, and its rows by quantity."""
    world.write_text(text)
    code = run(["rehearse", str(world), "--json", *more])
    document = json.loads(capfd.readouterr().out)
    return code, document, {row["quantity"]: row for row in document["rows"]}


def test_a_world_of_a_user_is_rehearsed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, document, rows = rehearsed(tmp_path / "mine.toml", SMALL, capfd)
    assert (code, document["world"], document["agree"]) == (0, "small", True)
    assert (rows["studies"]["measured"], rows["images"]["measured"]) == (83, 415)
    assert not rows["patient_ids"]["compared"]  # the world's depth does not ask for them


def test_a_world_that_differs_ends_with_exit_code_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, document, rows = rehearsed(tmp_path / "liar.toml", SMALL.replace("discloses", "delivers"), capfd)
    assert (code, document["agree"]) == (1, False)
    assert not rows["rung:delivers"]["agrees"]
    assert rows["studies"]["agrees"]


@pytest.mark.parametrize("at_cap", ["signal", "silent"])
def test_a_bound_agrees_only_where_the_truth_expects_it(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], at_cap: str
) -> None:
    """A cap makes a lower bound, in which all studies with a date are, and the total is not taken for known."""
    capped = f'{SMALL}cap = 11\nat_cap = "{at_cap}"\n'
    out = tmp_path / "survey"
    code, _, rows = rehearsed(tmp_path / "capped.toml", capped, capfd, "--out", str(out))
    studies = rows["studies"]
    assert (code, studies["agrees"], studies["measured"], studies["at_least"]) == (1, False, None, 83)
    code, document, rows = rehearsed(tmp_path / "expected.toml", capped + 'expect = "bound"\n', capfd)
    assert (code, document["agree"], rows["studies"]["agrees"]) == (0, True, True)


@pytest.mark.parametrize("seed", seeds(2, 3))
def test_another_seed_and_scale_is_another_world_that_agrees(seed: int) -> None:
    document = json.loads(archives.filmbadge("rehearse", "--json", "--seed", str(seed), "--scale", "0.3"))
    assert document["agree"], document["rows"]
    assert build(read("hospital"), 0.3, seed).archives != build(read("hospital"), 0.3, seed + 1).archives


def test_the_survey_of_2019_comes_out_exactly(tmp_path: Path) -> None:
    """At a hundredth: every total, and every cell of 52 countries, from what archives answered over the wire."""
    out = tmp_path / "survey"
    document = json.loads(
        archives.filmbadge("rehearse", "greenbone-2019", "--scale", "0.01", "--json", "--out", str(out))
    )
    rows = {row["quantity"]: row for row in document["rows"]}
    for quantity, truth in (("patients", 243_000), ("images", 7_370_000), ("images_retrievable", 4_000_000)):
        assert (rows[quantity]["truth"], rows[quantity]["measured"]) == (truth, truth)
    assert rows["ssn_records"]["measured"] == 137_000
    assert rows["countries"]["measured"] == len(document["countries"]) == 52
    cells = {(row["country"], name): cell for row in document["countries"] for name, cell in row["cells"].items()}
    assert {place: cell for place, cell in cells.items() if cell["measured"] != cell["truth"]} == {}
    assert document["agree"], [row for row in rows.values() if not row["agrees"]]
    assert "no number of social security numbers was ever published" in document["about"]
