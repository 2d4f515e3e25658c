"""Workers as processes, started by the command as a user starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from filmbadge.keep.reader import Dataset, NotASurvey
from filmbadge.scope import load
from filmbadge.survey.spread.ledger import NAME, Ledger
from support.hanging import HANGS
from support.pace import fullest

NETWORKS = ["127.33.1.0/25", "127.33.2.0/25", "127.33.3.0/25", "127.33.4.0/25"]
HOSTS = 4 * 126
SCOPE = """
schema = "filmbadge.scope/1"
networks = ["127.33.0.0/16"]
depth = "ask"
expires = 2199-12-31
confirm = [
  "I hold this permission until 2199-12-31",
  "pace.overall is 200.0, and I answer for it",
  "pace.per_network is 60.0, and I answer for it",
]
[authority]
who = "a test"
reference = "none"
basis = "owner"
contact = "none"
[pace]
overall = 200.0
per_network = 60.0
per_host = 60.0
[ports]
dimse = [104]
dimse_tls = []
web = []
web_tls = []
"""


@contextmanager
def surveying(folder: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    """`filmbadge survey` in a session of its own, which ends with the block."""
    scope = folder / "scope.toml"
    scope.write_text(SCOPE)
    command = [sys.executable, "-m", "filmbadge", "survey", str(scope), *NETWORKS, "--out", str(folder / "out"), *more]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def until_kept(folder: Path) -> None:
    """Until some hosts are on the disk."""
    ends = time.monotonic() + HANGS
    while time.monotonic() < ends:
        with suppress(NotASurvey):
            if list((folder / "out" / "observations").glob("*.parquet")):
                return
        time.sleep(0.05)
    raise AssertionError("nothing was kept")


def workers(coordinator: int) -> list[int]:
    """Processes of workers: Python's own tracker of resources is none."""
    children = Path(f"/proc/{coordinator}/task/{coordinator}/children").read_text().split()
    return [int(pid) for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def until_gone(pids: list[int]) -> None:
    ends = time.monotonic() + HANGS
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < ends, "a worker outlived its coordinator"
        time.sleep(0.05)


@pytest.mark.parametrize("again", [("--workers", "2"), ()])
def test_an_interrupted_survey_goes_on_with_workers_or_without(tmp_path: Path, again: tuple[str, ...]) -> None:
    with surveying(tmp_path, "--workers", "2") as process:
        until_kept(tmp_path)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal sends it: to workers, too
        said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 3
    assert "hosts are kept in" in said
    assert "Traceback" not in said
    kept = Dataset(tmp_path / "out").manifest
    assert kept.state == "interrupted"
    assert 0 < kept.hosts_done < HOSTS
    with surveying(tmp_path, *again, "--resume") as process:
        said, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 0, said
    assert "may still ask" not in said, "they left in order"
    dataset = Dataset(tmp_path / "out")
    (row,) = dataset.rows("SELECT count(*) n, count(DISTINCT target) targets FROM endpoints")
    assert (row["n"], row["targets"]) == (HOSTS, HOSTS)
    made = [
        (str(one["address"]), one["started_at"])
        for one in dataset.rows("SELECT address, started_at FROM journal WHERE port IS NOT NULL")
    ]
    pace = load(tmp_path / "scope.toml").pace
    assert [one for one in fullest(made, pace) if not one.kept and (one.of != "all" or one.seconds >= 1)] == []


def test_workers_end_with_their_coordinator_and_what_they_had_is_remembered(tmp_path: Path) -> None:
    with surveying(tmp_path, "--workers", "2") as process:
        until_kept(tmp_path)
        first, second = workers(process.pid)
        os.kill(first, signal.SIGKILL)
        assert process.stdout is not None
        assert "ended early. Others take what it had once its leases are over." in process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(HANGS)
        until_gone([second])
    with Ledger(tmp_path / "out" / NAME, load(tmp_path / "scope.toml").pace) as ledger:
        assert ledger.wait() > 0
        owned = [not ledger.free((4, int(ip_network(one).network_address) >> 8)) for one in NETWORKS]
    assert any(owned)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--workers", "0"), "--workers must be 1 to 256"),
        (("--without-token",), "--without-token is for --on, which names a cluster"),
        (("--on", "10.0.0.1"), "--on takes local or ray://HOST:PORT"),
    ],
)
def test_what_cannot_be_shared_is_said_in_one_line(tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    with surveying(tmp_path, *given) as process:
        told, _ = process.communicate(timeout=HANGS)
    assert process.returncode == 2
    (line,) = told.splitlines()
    assert said in line
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out" / "observations").iterdir())
