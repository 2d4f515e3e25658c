"""Surveys in processes of their own: whatever is killed, the rest goes on, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.rehearse.serve import Site
from filmbadge.watch.store.store import Store, StoreError, moment, now, stamp
from filmbadge.watch.surveys import processes
from filmbadge.watch.surveys.control import Surveys
from support.hanging import HANGS
from support.hospital import scope_for, world

# Hosts that refuse at once.
NOBODY = """schema = "filmbadge.scope/1"
networks = ["127.8.1.0/26"]
depth = "count"
expires = {expires}
[authority]
who = "the test suite"
reference = "none"
basis = "owner"
contact = "tests"
[ports]
dimse = [104]
web = []
dimse_tls = []
web_tls = []
[pace]
overall = {pace}
per_network = 5000
"""
# A dashboard that starts a survey, and is killed.
KILLED = """
import os, signal, sys
from pathlib import Path
from filmbadge.watch.store.store import Store
from filmbadge.watch.surveys.control import Surveys

directory = Path(sys.argv[1])
Surveys(Store(directory), directory).start("ward", "ann")
os.kill(os.getpid(), signal.SIGKILL)
"""
LATER = "2099-12-31"


def hospital(site: Site, directory: Path, overall: float) -> str:
    """Its scope. Letters come from a mailbox."""
    return (
        scope_for(site, directory, overall=overall)
        .read_text()
        .replace('contact = "tests"', 'contact = "cert@ward.test"')
    )


class Dashboard:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "scopes").mkdir(parents=True, exist_ok=True)
        self.store = Store(directory)
        self.surveys = Surveys(self.store, directory)

    def scope(self, text: str) -> None:
        (self.directory / "scopes" / "ward.toml").write_text(text)

    def run(self, run: int) -> dict[str, object]:
        return dict(self.store.rows("SELECT * FROM runs WHERE id = ?", run)[0])

    def until(self, done: Callable[[], object]) -> None:
        """Steps, as the dashboard takes them, until something holds."""
        end = time.monotonic() + HANGS
        while not done():
            assert time.monotonic() < end
            self.surveys.tend()
            time.sleep(0.02)

    def under_way(self, run: int) -> int:
        """The process, once it asked a host."""
        self.until(lambda: (told := self.surveys.progress(run)) is not None and 0 < told.hosts_done < told.hosts)
        told = self.surveys.progress(run)
        assert told is not None
        return told.pid

    def taken_in(self, run: int) -> dict[str, object]:
        self.until(lambda: self.run(run)["state"] == "ended")
        return self.run(run)

    def leave(self) -> None:
        """What it started is ended."""
        for row in self.store.rows("SELECT id FROM runs WHERE state = 'running'"):
            told = self.surveys.progress(row["id"])
            if told is not None and processes.running(self.directory / "surveys" / "ward" / "survey.lock"):
                os.kill(told.pid, signal.SIGKILL)
        runs, jobs = self.surveys._runs, self.surveys._jobs
        for process in (*runs._started.values(), *runs._taking.values(), *jobs._started.values()):
            process.wait(HANGS)

    def failures(self) -> list[int | None]:
        return [row["run"] for row in self.store.rows("SELECT run FROM events WHERE kind = 'failed'")]


@pytest.fixture
def dashboard(tmp_path: Path) -> Iterator[Dashboard]:
    made = Dashboard(tmp_path / "watch")
    yield made
    made.leave()


def test_a_survey_that_is_killed_goes_on_and_its_archives_are_asked_again(dashboard: Dashboard, tmp_path: Path) -> None:
    surveys = dashboard.surveys
    with world() as site:
        dashboard.scope(hospital(site, tmp_path, overall=20))

        def begin(one: Surveys) -> int | str:
            try:
                return one.start("ward", "ann")
            except Refusal as refused:
                return str(refused)

        with ThreadPoolExecutor(2) as pool:
            begun = list(pool.map(begin, (surveys, surveys)))
        run = next(one for one in begun if isinstance(one, int))
        assert next(one for one in begun if isinstance(one, str)).startswith("a survey of ward runs already")
        os.kill(dashboard.under_way(run), signal.SIGKILL)
        lock = dashboard.directory / "surveys" / "ward" / "taking-in.lock"
        dashboard.until(lambda: processes.running(lock))
        (taking_in,) = surveys._runs._taking.values()
        taking_in.kill()
        taking_in.wait(HANGS)
        assert dashboard.run(run)["state"] == "taking-in"
        assert dashboard.store.rows("SELECT * FROM archives") == []
        killed = dashboard.taken_in(run)
        assert killed["outcome"] == "killed"
        assert 0 < int(str(killed["hosts_done"])) < 30
        assert (killed["taken_in"] is not None, dashboard.failures()) == (True, [run])

        dashboard.scope(hospital(site, tmp_path, overall=5000))
        surveys.resume(run, "ann")
        done = dashboard.taken_in(run)
        assert (done["outcome"], done["hosts_done"], done["archives_open"], done["baseline"]) == ("done", 30, 7, None)
        with pytest.raises(Refusal, match="can be resumed"):
            surveys.resume(run, "ann")
        kinds = dashboard.store.rows("SELECT kind, count(*) FROM changes WHERE run = ? GROUP BY kind", run)
        assert [tuple(row) for row in kinds] == [("new", 7)]

        archive = dashboard.store.rows("SELECT id FROM archives WHERE state = 'open'")[0]["id"]
        proof = surveys.verify(archive, "ann")
        with pytest.raises(Refusal, match="already"):
            surveys.verify(archive, "ann")
        (dashboard.directory / "contacts").mkdir()
        with pytest.raises(Refusal, match=r"contacts/ward\.csv"):
            surveys.write_letters(run, "ann")
        (dashboard.directory / "contacts" / "ward.csv").write_text(
            "network,address,operator,name,email,postal,language,role,source,date\n"
            "127.0.0.0/8,,,The ward,pacs@ward.test,,en,operator,list,2026-11-01\n"
        )
        letters = surveys.write_letters(run, "ann")
        jobs = "SELECT * FROM jobs WHERE id = ? AND state = 'ended'"
        dashboard.until(lambda: dashboard.store.one(jobs, proof) and dashboard.store.one(jobs, letters))
    made, written = (dashboard.store.rows(jobs, job)[0] for job in (proof, letters))
    assert (made["result"], made["exit_code"]) == ("open", 1)
    assert {one.name for one in (dashboard.directory / made["folder"]).iterdir()} == {"proof.json", "proof.html"}
    assert (written["exit_code"], written["said"][:5]) == (0, "Wrote")
    told = dashboard.store.rows("SELECT archive, kind, number FROM letters")
    assert len({row["archive"] for row in told}) == 7
    assert {(row["kind"], row["number"]) for row in told} == {("first", 1)}


def test_a_dashboard_that_is_killed_leaves_its_survey_running(dashboard: Dashboard) -> None:
    """The next one adopts it: it knows that it runs, how far it is, and how to stop it."""
    dashboard.scope(NOBODY.format(expires=LATER, pace=20))
    ended = subprocess.run([sys.executable, "-c", KILLED, str(dashboard.directory)], timeout=HANGS, check=False)
    assert ended.returncode == -signal.SIGKILL
    again, run = dashboard, 1  # it knew nothing of that
    with pytest.raises(Refusal, match="runs already"):
        again.surveys.start("ward", "ann")
    again.under_way(run)
    again.surveys.stop(run, "bob")
    stopped = again.taken_in(run)
    assert (stopped["outcome"], stopped["exit_code"], stopped["stopped_by"]) == ("interrupted", None, "bob")
    assert str(stopped["said"]).startswith("interrupted; ")
    assert again.failures() == [], "somebody wanted that"

    again.surveys.resume(run, "bob")
    pid = again.under_way(run)
    os.kill(pid, signal.SIGSTOP)  # it does not end as it is asked to
    again.surveys.stop(run, "bob")
    again.surveys.tend()
    assert again.run(run)["state"] == "running"
    assert again.surveys.stop(run, "bob"), "it says that it is killed"
    assert again.taken_in(run)["outcome"] == "killed"
    with pytest.raises(Refusal, match="does not run"):
        again.surveys.stop(run, "bob")
    with again.store.change() as connection:
        connection.execute(
            "INSERT INTO runs (scope, folder, why, by, state, started) VALUES ('ward', 'later', 'asked', 'bob', 'ended', ?)",
            (now(),),
        )
    with pytest.raises(Refusal, match="later survey"):
        again.surveys.resume(run, "bob")


def test_one_that_was_missed_is_started_once_and_one_that_may_not_is_told_of_once(dashboard: Dashboard) -> None:
    def due(days: int) -> None:
        with dashboard.store.change() as connection:
            at = datetime.now(UTC) - timedelta(days=days)
            connection.execute("UPDATE scopes SET next_due = ?", (stamp(at),))

    def runs() -> int:
        return len(dashboard.store.rows("SELECT * FROM runs"))

    dashboard.scope(NOBODY.format(expires=LATER, pace=5000))
    dashboard.surveys.schedule("ward", "daily 02:00", "ann")
    dashboard.surveys.tend()
    assert runs() == 0
    due(days=9)
    for _ in range(3):
        dashboard.surveys.tend()
    assert runs() == 1
    due(days=1)
    dashboard.surveys.tend()
    assert runs() == 1, "one at a time"
    dashboard.until(lambda: dashboard.surveys.progress(1))
    dashboard.scope(NOBODY.format(expires="2020-01-01", pace=5000))
    first = dashboard.taken_in(1)
    assert (first["why"], first["outcome"], first["archives"]) == ("scheduled", "done", 0)
    for _ in range(3):
        dashboard.surveys.tend()
    assert (runs(), dashboard.failures()) == (1, [None]), "it was still due, and its scope had expired"
    assert moment(dashboard.store.rows("SELECT next_due FROM scopes")[0][0]) > datetime.now(UTC)
    with pytest.raises(Refusal, match="expired"):
        dashboard.surveys.start("ward", "ann")
    for bad in ("../ward", "", "WARD", "ward.toml", "a" * 41):
        with pytest.raises(Refusal, match="small letters"):
            dashboard.surveys.start(bad, "ann")
    with pytest.raises(Refusal, match="this schedule cannot be understood"):
        dashboard.surveys.schedule("ward", "hourly", "ann")


def test_a_survey_that_cannot_begin_says_why(dashboard: Dashboard) -> None:
    dashboard.scope(NOBODY.format(expires=LATER, pace=5000))
    (dashboard.directory / "scopes" / "ward.targets").write_text("192.0.2.1\n")
    run = dashboard.surveys.start("ward", "ann")
    failed = dashboard.taken_in(run)
    assert (failed["outcome"], failed["exit_code"]) == ("failed", 2)
    assert "192.0.2.1" in str(failed["said"])
    assert dashboard.failures() == [run]


def full(_: Store) -> None:
    raise StoreError("the disk is full")


def test_a_folder_that_somebody_deletes_makes_nobody_unasked(
    dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    dashboard.scope(NOBODY.format(expires=LATER, pace=20))
    run = dashboard.surveys.start("ward", "ann")
    dashboard.under_way(run)
    shutil.rmtree(dashboard.directory / str(dashboard.run(run)["folder"]))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "change", full)
        assert not dashboard.surveys.stop(run, "ann"), "where the disk is full it stops too"
        dashboard.until(lambda: dashboard.surveys.fault)  # it ended, and that cannot be written down
    assert dashboard.surveys.fault == "the disk is full"
    ended = dashboard.taken_in(run)
    assert (ended["outcome"], ended["archives"], ended["exit_code"]) == ("failed", None, 3)
    assert not dashboard.surveys.fault
    assert isinstance(ended["hosts_done"], int)
    assert ended["hosts_done"] > 0
    assert dashboard.failures() == [run]


def test_a_log_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab") as file:
        file.write(b"x" * (processes.MOST_LOG - 20) + b"\n")
        file.flush()
        processes.bound(log)
        assert log.stat().st_size == processes.MOST_LOG - 19
        file.write(b"filmbadge: no\x1b such thing\nKept.\n")
        file.flush()
        processes.bound(log)
        assert log.stat().st_size == 0
        file.write(b"filmbadge: no\x1b such thing\nKept.\n")
    assert processes.last_line(log).startswith("no")
    assert "\x1b" not in processes.last_line(log)


def test_the_web_process_holds_no_library_of_datasets() -> None:
    """They take more memory than all else together."""
    code = "import sys, filmbadge.watch.surveys.control; print({'duckdb', 'pyarrow'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"
