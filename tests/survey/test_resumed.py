"""A survey that was killed, interrupted or out of time, and goes on later."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
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


def test_a_survey_killed_before_it_wrote_anything_tells_nothing_as_zero(tmp_path: Path) -> None:
    async def killed(scope: Path, out: Path) -> None:
        process = await asyncio.create_subprocess_exec(COMMAND, "survey", str(scope), "--out", str(out))
        async with asyncio.timeout(HANGS):
            while not (out / "judged" / "1" / judged.NAME).exists():
                assert process.returncode is None
                await asyncio.sleep(0)
        process.kill()
        await process.wait()

    with world() as site:
        asyncio.run(killed(scope_for(site, tmp_path, overall=1), tmp_path / "out"))
    report = json.loads(archives.filmbadge("report", str(tmp_path / "out"), "--json", "-"))
    for row in report["rows"]:
        assert (row["measured"], row["how"]) == (None, "unknown")
    archives_row = report["rows"][0]
    assert archives_row["doubts"][0] == {"code": "hosts-unasked", "numbers": {"hosts": 30}}
    said = archives.filmbadge("report", str(tmp_path / "out"))
    assert "(counted)" not in said
    assert "No host was asked yet, so nothing is known." in said


def test_kill_and_resume_give_the_same_totals(tmp_path: Path) -> None:
    async def killed_midway(scope: Path, out: Path) -> None:
        process = await asyncio.create_subprocess_exec(COMMAND, "survey", str(scope), "--out", str(out))
        async with asyncio.timeout(HANGS):
            while not list(out.glob("observations/part-*.parquet")):
                assert process.returncode is None, "it was done before it could be killed"
                await asyncio.sleep(0.02)
        process.kill()
        await process.wait()

    with world() as site:
        whole, broken = tmp_path / "whole", tmp_path / "broken"
        surveyed(str(scope_for(site, tmp_path)), "--out", str(whole))
        slow = scope_for(site, tmp_path, overall=20)
        asyncio.run(killed_midway(slow, broken))
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
    async def interrupted(scope: Path, out: Path) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            COMMAND, "survey", str(scope), "--out", str(out), stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(HANGS):
            while not list(out.glob("observations/part-*.parquet")):
                assert process.returncode is None
                await asyncio.sleep(0.02)
            process.send_signal(stop)
            _, said = await process.communicate()
        return process.returncode or 0, said.decode()

    with world() as site:
        scope = scope_for(site, tmp_path, overall=20)
        code, said = asyncio.run(interrupted(scope, tmp_path / "out"))
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
