"""The instrument against a world whose truth is known, as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
from support.documents import matches, only_document
from support.hanging import HANGS

COMMAND = str(Path(sys.executable).with_name("filmbadge"))


SEEDS = seeds(2, 3)


class Rehearsals:
    """Rehearsals that run side by side, each in a network of its own: most of one is waiting for a host that never answers."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def folder(self, name: str) -> Path:
        return self._work / name / "survey"

    def begin(self, name: str, *arguments: str) -> None:
        command = [*isolation.ALONE, COMMAND, "rehearse", *arguments, "--json", "--out", str(self.folder(name))]
        (self._work / name).mkdir()
        said, errors = (self._work / name / stream for stream in ("stdout", "stderr"))
        with said.open("wb") as out, errors.open("wb") as err:
            self._running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)

    def document(self, name: str) -> dict[str, Any]:
        code = self._running[name].wait(timeout=HANGS)
        said, errors = ((self._work / name / stream).read_text() for stream in ("stdout", "stderr"))
        assert code == 0, f"exit {code}\n{said}\n{errors}"
        assert "Traceback" not in errors
        found: dict[str, Any] = only_document(said)
        return found

    def end(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def rehearsals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsals]:
    running = Rehearsals(tmp_path_factory.mktemp("rehearsals"))
    for seed in (one.values[0] for one in SEEDS):
        running.begin(f"seed {seed}", "hospital", "--seed", str(seed), "--scale", "0.3")
    running.begin("2019", "greenbone-2019", "--scale", "0.01")
    yield running
    running.end()


@pytest.fixture(scope="module")
def rehearsal(rehearsals: Rehearsals, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path, int]:
    """The hospital, in the network of this process: its document, its folder, and the connections that the kernel counted."""
    directory = tmp_path_factory.mktemp("rehearsal") / "survey"
    before = isolation.counter("Tcp", "ActiveOpens")
    document = only_document(archives.filmbadge("rehearse", "hospital", "--json", "--out", str(directory)))
    return document, directory, isolation.counter("Tcp", "ActiveOpens") - before


def test_documents_match_their_schemas(rehearsal: tuple[dict[str, Any], Path, int]) -> None:
    document, directory, _ = rehearsal
    matches(document, "rehearsal")
    matches(only_document((directory / "survey.json").read_text(encoding="utf-8")), "survey")
    matches(only_document(archives.filmbadge("report", str(directory), "--json", "-")), "report", 2)


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


@pytest.mark.parametrize("seed", SEEDS)
def test_another_seed_and_scale_is_another_world_that_agrees(seed: int, rehearsals: Rehearsals) -> None:
    document = rehearsals.document(f"seed {seed}")
    assert document["agree"], document["rows"]
    assert build(read("hospital"), 0.3, seed).archives != build(read("hospital"), 0.3, seed + 1).archives


def test_the_survey_of_2019_comes_out_exactly(rehearsals: Rehearsals) -> None:
    """At a hundredth: every total, every year, and every cell of 52 countries, from what archives answered over the wire."""
    document = rehearsals.document("2019")
    rows = {row["quantity"]: row for row in document["rows"]}
    for quantity, truth in (("patients", 243_000), ("images", 7_370_000), ("images_retrievable", 4_000_000)):
        assert (rows[quantity]["truth"], rows[quantity]["measured"]) == (truth, truth)
    assert rows["ssn_records"]["measured"] == 137_000
    assert rows["countries"]["measured"] == len(document["countries"]) == 52
    cells = {(row["country"], name): cell for row in document["countries"] for name, cell in row["cells"].items()}
    assert {place: cell for place, cell in cells.items() if cell["measured"] != cell["truth"]} == {}
    assert len(document["years"]) > 10
    assert [row for row in document["years"] if row["measured"] != row["truth"] or row["at_least"] is not None] == []
    assert document["agree"], [row for row in rows.values() if not row["agrees"]]
    assert "no number of social security numbers was ever published" in document["about"]
