"""A survey that was killed, interrupted or out of time, and goes on later."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from filmbadge.keep import judged
from filmbadge.keep.reader import Dataset
from filmbadge.rehearse.serve import Site
from support import archives
from support.hanging import HANGS
from support.hospital import COMMAND, at_least, scope_for, surveyed, totals, world

# The command in a process of its own, which sends itself a signal when it has begun to judge, or has written its first hosts.
STOPPED = """
import os, signal, sys
from filmbadge.cli import main
from filmbadge.keep import judged, writer

number, when = signal.Signals[sys.argv.pop(1)], sys.argv.pop(1)
holder, name = (judged, "write") if when == "begun" else (writer.Writer, "_write")
write = getattr(holder, name)

def stop(*told):
    write(*told)
    if when == "begun" or writer.OBSERVATIONS in told[1].tables():
        setattr(holder, name, write)
        os.kill(os.getpid(), number)

setattr(holder, name, stop)
main()
"""


def stopped(by: signal.Signals, when: str, scope: Path, out: Path) -> tuple[int, str]:
    """The exit code of such a survey, and what it said."""
    command = [sys.executable, "-c", STOPPED, by.name, when, "survey", str(scope), "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
    return ended.returncode, ended.stderr


def test_a_survey_killed_before_it_wrote_anything_tells_nothing_as_zero(tmp_path: Path) -> None:
    with world() as site:
        code, said = stopped(signal.SIGKILL, "begun", scope_for(site, tmp_path, overall=1), tmp_path / "out")
    assert code == -signal.SIGKILL, said
    report = json.loads(archives.filmbadge("report", str(tmp_path / "out"), "--json", "-"))
    for row in report["rows"]:
        assert (row["measured"], row["how"]) == (None, "unknown")
    archives_row = report["rows"][0]
    assert archives_row["doubts"][0] == {"code": "hosts-unasked", "numbers": {"hosts": 30}}
    said = archives.filmbadge("report", str(tmp_path / "out"))
    assert "(counted)" not in said
    assert "No host was asked yet, so nothing is known." in said


def test_kill_and_resume_give_the_same_totals(tmp_path: Path) -> None:
    with world() as site:
        whole, broken = tmp_path / "whole", tmp_path / "broken"
        surveyed(str(scope_for(site, tmp_path)), "--out", str(whole))
        slow = scope_for(site, tmp_path, overall=20)
        code, said = stopped(signal.SIGKILL, "written", slow, broken)
        assert code == -signal.SIGKILL, said
        kept = Dataset(broken)
        assert kept.manifest.state == "running"
        before = set(kept.done())
        assert 0 < len(before) < 30
        journal_before = kept.connections()
        surveyed(str(slow), "--out", str(broken), "--resume")
    resumed = Dataset(broken)
    assert totals(broken) == totals(whole)
    assert resumed.outcomes() == Dataset(whole).outcomes()
    assert resumed.manifest.state == "done"
    assert resumed.manifest.hosts_done == resumed.manifest.hosts == 30
    assert resumed.rows("SELECT target FROM endpoints GROUP BY target, port, protocol HAVING count(*) > 1") == []
    asked_again = "SELECT count(*) n FROM journal WHERE address = ?"
    one = sorted(before)[0]
    assert resumed.connections() > journal_before
    assert resumed.rows(asked_again, one) == Dataset(whole).rows(asked_again, one)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_gathered(tmp_path: Path, stop: signal.Signals) -> None:
    with world() as site:
        scope = scope_for(site, tmp_path, overall=20)
        code, said = stopped(stop, "written", scope, tmp_path / "out")
    assert code == 3
    assert "Traceback" not in said
    assert "--resume" in said
    kept = Dataset(tmp_path / "out")
    assert kept.manifest.state == "interrupted"
    assert kept.manifest.rows == kept.totals()
    for quantity, truth in (("archives", 13), ("archives_open", 7)):
        total = totals(tmp_path / "out")[quantity]
        assert total.measured is None
        assert (total.at_least or 0) <= truth
    assert kept.manifest.hosts_done == len(set(kept.done())) > 0
    assert kept.manifest.connections == kept.connections()
    again = json.loads(archives.filmbadge("judge", str(tmp_path / "out"), "--json"))
    assert (again["totals"], again["archives"]) == ([], []), "what was gathered was judged as a whole"


def expired_midway(site: Site, directory: Path) -> tuple[Path, Path]:
    """A survey whose scope expired before it had asked all, and the same scope without that end.

    Where the machine is so busy that no host was done by then, it gets more time, and asks the more slowly.
    """
    for seconds in (4, 8, 16, 32):
        out, slow = directory / f"out-{seconds}", scope_for(site, directory, overall=80 / seconds)
        lasting = slow.read_text()
        slow.write_text(lasting.replace("2099-12-31", (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()))
        ended = subprocess.run([COMMAND, "survey", slow, "--out", out], capture_output=True, text=True, check=False)
        slow.write_text(lasting)
        if ended.returncode == 3 and Dataset(out).done():
            break
        assert "expired" in ended.stderr, ended.stderr
    return out, slow


def test_a_scope_that_expires_midway_is_resumed_under_a_later_one(tmp_path: Path) -> None:
    """What was not asked in time is not recorded as asked."""
    with world() as site:
        out, slow = expired_midway(site, tmp_path)
        kept = Dataset(out)
        assert kept.manifest.state == "interrupted"
        assert 0 < len(set(kept.done())) < 30
        assert "unknown" not in kept.outcomes()
        surveyed(str(slow), "--out", str(out), "--resume")
    assert len(set(Dataset(out).done())) == 30
    assert at_least(totals(out)["archives"]) == 13


def test_a_resumed_survey_is_judged_by_one_judge(tmp_path: Path) -> None:
    """The catalogue changed in between: what was kept is judged again before the rest is asked."""
    with world() as site:
        out, slow = expired_midway(site, tmp_path)
        before = set(Dataset(out).done())
        assert 0 < len(before) < 30
        said = judged.read(out, 1)
        assert said is not None
        older = msgspec.structs.replace(said.judge, catalogue="an older one")
        judged.write(out, 1, msgspec.structs.replace(said, judge=older))
        surveyed(str(slow), "--out", str(out), "--resume")
    whole = Dataset(out)
    assert whole.judged == 2
    assert len(set(whole.done())) == 30 > len(before)
    assert at_least(totals(out)["archives"]) == 13
    assert {row["target"] for row in Dataset(out, 1).rows("SELECT target FROM endpoints_rows")} == before
