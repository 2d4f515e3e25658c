"""The benchmarks run, agree with the truth, and print JSON. No time is asserted."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.hanging import HANGS

BENCH = Path(__file__).parents[2] / "bench"


def tell(name: str, *arguments: str) -> Any:
    command = [sys.executable, str(BENCH / name), *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(name: str, *arguments: str) -> dict[str, dict[str, Any]]:
    rows = tell(name, *arguments, "--repeat", "1")["rows"]
    assert all(row["per_second"] > 0 and row["peak_mb"] > 0 for row in rows)
    return {row["who"]: row for row in rows}


@pytest.mark.parametrize("syntax", ["explicit", "implicit"])
def test_census(syntax: str) -> None:
    rows = run("census.py", "--records", "3500", "--syntax", syntax)
    assert {"recv and discard", "filmbadge (pure)", "pynetdicom"} <= set(rows)
    assert rows["filmbadge (pure)"]["size"] == 3500


def test_report() -> None:
    rows = tell("report.py", "--sizes", "8")["rows"]
    assert [(row["endpoints"], row["kind"]) for row in rows] == [(8, "html"), (8, "pdf")]
    assert all(row["cpu_seconds"] > 0 and row["peak_mb"] > 0 and row["megabytes"] > 0 for row in rows)


def test_world() -> None:
    rows = run("world.py", "--records", "3500")
    assert {row["size"] for row in rows.values()} == {3500}
    assert {"receive and drop, census", "filmbadge profile"} < rows.keys()


def test_profile() -> None:
    """Ours by core, libraries and a census over the same studies, over DIMSE and in pages; each found the truth."""
    told = tell("profile.py", "--records", "300", "--repeat", "1")
    rows = {row["who"]: row for row in told["rows"]}
    assert {"filmbadge census (pure)", "filmbadge profile (pure)", "filmbadge profile over QIDO-RS (pure)"} <= set(rows)
    assert "pynetdicom and python-stdnum, profile" in rows
    assert all(row["per_second"] > 0 and row["of_ours"] > 0 for row in rows.values())
    assert len(told["parts"]) == 7
    assert all(spent["pure"] > 0 for spent in told["parts"].values())


def test_memory() -> None:
    """A census and a profile in windows, of an archive in which neither looks for studies without a date, too; each found all."""
    rows = tell("memory.py", "--sizes", "30", "20100")["rows"]
    assert {row["studies"] for row in rows} == {30, 20_100}
    assert {row["who"] for row in rows} >= {"census (pure)", "profile (pure)"}
    assert all(row["peak_mb"] >= row["rss_before_mb"] > 0 for row in rows)
    assert all(row["queries"] > 10 for row in rows if row["studies"] == 20_100)


def test_gentle() -> None:
    columns = tell("gentle.py", "--studies", "30", "--questions", "2")["columns"]
    assert [column["who"] for column in columns] == ["nothing", "filmbadge", "findscu", "nothing"]
    assert [column["censuses"] > 0 for column in columns] == [False, True, True, False]  # and each was right


@pytest.mark.skipif(shutil.which("cc") is None, reason="the acceptor is compiled when the benchmark runs")
def test_identify() -> None:
    rows = run("identify.py", "--hosts", "50", "--before", sys.executable)
    assert {"connect and close, C", "filmbadge", "filmbadge survey", "pynetdicom"} <= set(rows)
    assert {"before: filmbadge", "before: filmbadge survey"} <= set(rows)
    assert rows["filmbadge survey"]["of_ours"] == 1


@pytest.mark.skipif(shutil.which("cc") is None, reason="the acceptor is compiled when the benchmark runs")
def test_survey() -> None:
    """It grows with the endpoints, and a small world of 2019 is told with the cost of both sides."""
    told = tell("survey.py", "--sizes", "20", "60", "--scale", "0.0002")
    assert [row["endpoints"] for row in told["growth"]] == [20, 60]
    assert all(value > 0 for row in told["growth"] for name, value in row.items() if name != "world_cpu_seconds")
    world = told["world"]
    assert world["cells"]["compared"] >= world["cells"]["agree"] > 0
    assert {row["quantity"] for row in world["rows"]} >= {"archives", "studies", "images_retrievable"}
    assert all(world[of][side] > 0 for of in ("cpu_seconds", "peak_mb") for side in ("survey", "world"))


@pytest.mark.skipif(
    not all(map(shutil.which, ("cc", "ip", "nft", "nsenter"))),
    reason="the network behind the filter is made with these",
)
def test_sweep() -> None:
    """Ours asks all ports of all addresses, behind a filter that drops nearly all, and finds each archive."""
    told = tell("sweep.py", "--quick")
    rows = {row["who"]: row for row in told["rows"]}
    whole, alone = rows["filmbadge survey"], rows["filmbadge, the eight alone"]
    assert whole["found"] == alone["found"] == 8
    assert whole["asked"] == 62 * len(told["ports"]) <= whole["syns"]
    assert alone["asked"] == 8 * len(told["ports"])
    assert [kept["share"] for kept in told["kept"]] == [0.25, 0.5, 0.75]
    assert all(kept["kept"] + kept["again"] <= kept["hosts"] == 62 for kept in told["kept"])
    assert told["targets"][0]["reached"], "it is the one about the archives found"


def test_intervals_of_retrievable_images_hold_the_truth() -> None:
    """480 archives and 40 totals: of 95 in a hundred that must hold it, more than these miss it once in a thousand runs."""
    (row,) = tell("retrievable.py", "--surveys", "40", "--archives", "12")["rows"]
    assert row["single"] >= 0.92
    assert row["total"] >= 0.85
    assert 0 < row["half"] < 0.4
    assert 12 * 5 <= row["draws"] <= 12 * 30


def test_places() -> None:
    """What it looks up is what the tables say."""
    rows = tell("places.py", "--networks", "2000", "--look-ups", "500")["rows"]
    assert [row["who"] for row in rows] == [
        "the package alone",
        "a small database",
        "a table, alike",
        "a table, unlike",
    ]
    assert all(row["per_second"] > 0 for row in rows)


def test_a_year_of_a_dashboard(tmp_path: Path) -> None:
    """All is known as it is after nine weeks, of which one survey was broken off."""
    told = tell("watch_year.py", str(tmp_path / "watch"), "--archives", "40", "--weeks", "9")
    assert told["changes"]["new"] >= 40
    assert told["known"] >= 40
    assert told["megabytes"] > 0


def test_spread() -> None:
    """Every way finds all; of workers somebody knows what they took."""
    told = tell("spread.py", "--hosts", "60", "--records", "0", "--leased", "300", "--repeat", "1", "--without-ray")
    assert told["leases"]["hosts"] == 300
    rows = told["rows"]
    assert [row["way"] for row in rows] == ["one process", "--workers 1", "--workers 2"]
    assert all((row["workers_cpu_seconds"] > 0) == (row["way"] != "one process") for row in rows)


def test_candidates() -> None:
    rows = {row["kind"]: row for row in tell("candidates.py", "--hosts", "20")}
    assert rows["web server that hangs up"]["connections"] > rows["web server"]["connections"]
    assert rows["archive"]["wire_bytes"] > rows["silent"]["wire_bytes"] > rows["closed"]["wire_bytes"] > 0
