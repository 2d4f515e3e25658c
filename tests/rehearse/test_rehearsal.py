"""The instrument against a world whose truth is known, as a user runs it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from filmbadge.cli import run
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import TABLES
from filmbadge.rehearse.hospital import WORLDS, hospital
from filmbadge.rehearse.world import Archive, AtCap, World
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


def test_a_world_that_differs_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Liar(World):
        def truth(self) -> dict[str, int]:
            true = World.truth(self)
            return {**true, "images": true["images"] + 1}

    def liar(scale: float, seed: int) -> World:
        world = hospital(scale, seed)
        return Liar(world.name, world.archives)

    monkeypatch.setitem(WORLDS, "hospital", liar)
    assert run(["rehearse", "hospital", "--scale", "0.1", "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["agree"] is False


@pytest.mark.parametrize("silent", [False, True], ids=["with a signal", "silently"])
def test_a_capped_archive_is_unknown_and_so_is_the_total(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, silent: bool
) -> None:
    """A cap makes a lower bound, in which all studies with a date are, and the total is not taken for known."""

    held: list[int] = []

    def capped(scale: float, seed: int) -> World:
        first, *others = hospital(scale, seed).archives
        assert isinstance(first, Archive)
        held.append(first.contents.studies)
        at_cap = AtCap.SILENT if silent else AtCap.SIGNAL
        return World("hospital", (replace(first, cap=11, at_cap=at_cap), *others))

    monkeypatch.setitem(WORLDS, "hospital", capped)
    out = tmp_path / "survey"
    assert run(["rehearse", "hospital", "--scale", "0.2", "--json", "--out", str(out)]) == 1
    rows = {row["quantity"]: row for row in json.loads(capfd.readouterr().out)["rows"]}
    assert rows["studies"]["measured"] is None
    assert "answers end at 11 rows" in rows["studies"]["why"]
    (kept,) = Dataset(out).rows("SELECT studies_at_least n FROM counted WHERE open AND studies IS NULL")
    assert [kept["n"]] == held


@pytest.mark.parametrize("seed", seeds(2, 3))
def test_another_seed_and_scale_is_another_world_that_agrees(seed: int) -> None:
    document = json.loads(archives.filmbadge("rehearse", "--json", "--seed", str(seed), "--scale", "0.3"))
    assert document["agree"], document["rows"]
    assert hospital(0.3, seed).truth() != hospital(0.3, seed + 1).truth()


def test_the_truth_never_reaches_the_surveyor() -> None:
    """What the command hands to the survey is a network and ports."""
    source = (Path(__file__).parents[2] / "src/filmbadge/cli/rehearse.py").read_text()
    handed = source.split("async with serve(world, seed) as site:")[1].split("dataset = Dataset")[0]
    assert "world" not in handed
