"""A survey as a user runs it: kept, killed, resumed, refused."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import msgspec
import pytest
from pydicom.dataset import Dataset as Dicom

from filmbadge.keep import judged, manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import LINKS, REVIEWS, TABLES
from filmbadge.keep.whole import listed
from filmbadge.model import Doubt, DoubtCode, Total
from filmbadge.rehearse.build import build
from filmbadge.rehearse.serve import Site, serve
from filmbadge.rehearse.worldfile import read
from support import archives
from support.loopback import deaf_port
from support.pynetdicom_archive import Rows, archive

COMMAND = str(Path(sys.executable).with_name("filmbadge"))


@contextmanager
def world(seed: int = 5) -> Iterator[Site]:
    """The synthetic hospital in a thread of its own, for commands that run as processes."""
    up, down = Event(), Event()
    sites: list[Site] = []

    async def stand() -> None:
        async with serve(build(read("hospital"), 0.1, seed), seed) as site:
            sites.append(site)
            up.set()
            await asyncio.to_thread(down.wait)

    thread = Thread(target=asyncio.run, args=(stand(),))
    thread.start()
    assert up.wait(30)
    try:
        yield sites[0]
    finally:
        down.set()
        thread.join()


def scope_for(site: Site, directory: Path, *, overall: float = 5000, idle: float = 0.5) -> Path:
    path = directory / f"scope-{overall:g}.toml"
    path.write_text(
        f'schema = "filmbadge.scope/1"\nnetworks = ["{site.networks[0]}"]\ndepth = "count"\nexpires = 2099-12-31\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        f"[ports]\ndimse = [{site.dimse_ports[0]}, {site.dimse_ports[1]}]\ndimse_tls = []\nweb = [{site.web_ports[0]}]\nweb_tls = []\n"
        f"[pace]\noverall = {overall}\nper_network = 5000\nper_host = 1000\n[caps]\nidle_seconds = {idle}\n"
    )
    return path


def surveyed(*arguments: str, code: int = 3) -> str:
    """A survey of the whole world. One of its archives is too busy to say whether it is open: that is exit code 3."""
    return archives.filmbadge("survey", *arguments, code=code)


def totals(directory: Path) -> dict[str, Total]:
    return {total.quantity: total for total in Dataset(directory).totals()}


def at_least(total: Total) -> int | None:
    """The figure, or the bound where some host leaves it in doubt."""
    return total.at_least if total.measured is None else total.measured


def test_kill_and_resume_give_the_same_totals(tmp_path: Path) -> None:
    async def killed_midway(scope: Path, out: Path) -> None:
        process = await asyncio.create_subprocess_exec(COMMAND, "survey", str(scope), "--out", str(out))
        async with asyncio.timeout(60):
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
        async with asyncio.timeout(60):
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


def test_a_survey_killed_before_it_wrote_anything_tells_nothing_as_zero(tmp_path: Path) -> None:
    async def killed(scope: Path, out: Path) -> None:
        process = await asyncio.create_subprocess_exec(COMMAND, "survey", str(scope), "--out", str(out))
        async with asyncio.timeout(60):
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
    assert "hosts not asked: 30" in said


def test_a_survey_that_reached_nothing_is_not_done(tmp_path: Path) -> None:
    with deaf_port() as port:
        scope = archives.scope_file(tmp_path, extra="caps.connect_seconds = 0.5")
        connections = 0
        for again in ((), ("--resume",)):
            target = f"127.0.0.1:{port}"
            said = archives.filmbadge("survey", str(scope), target, "--out", str(tmp_path / "out"), *again, code=3)
            assert "Nothing could be reached" in said
            kept = Dataset(tmp_path / "out")
            assert kept.manifest.state == "nothing-reached"
            found = totals(tmp_path / "out")["archives"]
            assert (found.measured, found.at_least) == (None, 0)
            assert found.doubts == (Doubt(DoubtCode.NOTHING_REACHED, {"hosts": 1}),)
            assert kept.connections() > connections, "where nothing was reached, all is asked again"
            connections = kept.connections()


def test_a_second_interrupt_does_not_wait_for_the_archive(tmp_path: Path) -> None:
    asked, over = Event(), Event()

    def deaf(_: Dicom) -> Rows:
        asked.set()
        over.wait(60)  # hears neither a cancel nor a release
        yield 0x0000, None

    with archive(deaf) as script:
        scope = archives.scope_file(tmp_path)
        process = subprocess.Popen(
            [COMMAND, "survey", str(scope), f"127.0.0.1:{script.port}", "--out", str(tmp_path / "out")],
            stderr=subprocess.PIPE,
        )
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # it waits for the archive to end in order
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        over.set()
    assert process.returncode == 3
    assert b"Traceback" not in said
    assert Dataset(tmp_path / "out").manifest.state == "interrupted"
    endings = Dataset(tmp_path / "out").rows("SELECT ending, cause FROM journal")
    assert endings == [{"ending": "interrupted", "cause": "stopped-at-once"}]


def test_what_is_kept(tmp_path: Path) -> None:
    with world() as site:
        out = tmp_path / "out"
        said = surveyed(str(scope_for(site, tmp_path)), "--out", str(out), "--json")
    document = json.loads(said)
    assert document == json.loads((out / "survey.json").read_text())
    assert document["schema"] == "filmbadge.survey/1"
    assert document["state"] == "done"
    assert document["scope"]["authority"] == "the test suite"
    assert at_least(totals(out)["archives"]) == 13
    (opened,) = (row for row in document["rows"] if row["quantity"] == "archives_open")
    assert (opened["measured"], opened["how"], opened["at_least"]) == (None, "unknown", 7)
    assert [doubt["code"] for doubt in opened["doubts"]] == ["hosts-undecided"]
    assert sum(document["outcomes"].values()) == len(Dataset(out).rows("SELECT * FROM endpoints"))
    assert not list(out.rglob("*.tmp"))


def test_resuming_is_refused_under_another_scope_or_with_other_targets(tmp_path: Path) -> None:
    with world() as site:
        scope, out = scope_for(site, tmp_path), tmp_path / "out"
        surveyed(str(scope), "--out", str(out))
        archives.filmbadge("survey", str(scope), "--out", str(out), code=2)
        archives.filmbadge("survey", str(scope), str(site.networks[0][1]), "--out", str(out), "--resume", code=2)
        other = scope_for(site, tmp_path, overall=77)
        other.write_text(other.read_text().replace("count", "ask"))
        archives.filmbadge("survey", str(other), "--out", str(out), "--resume", code=2)
        archives.filmbadge("survey", str(scope), "--out", str(tmp_path / "new"), "--resume", code=2)
        surveyed(str(scope), "--out", str(out), "--resume")  # nothing is left to ask


def test_fail_on(tmp_path: Path) -> None:
    with world() as site:
        scope = str(scope_for(site, tmp_path))
        archives.filmbadge("survey", scope, "--out", str(tmp_path / "a"), "--fail-on", "discloses", code=1)
        archives.filmbadge(
            "survey", scope, "--out", str(tmp_path / "b"), "--fail-on", "offers", code=2
        )  # this version cannot see it


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with world() as site:
        (tmp_path / "file").write_text("")
        archives.filmbadge("survey", str(scope_for(site, tmp_path)), "--out", str(tmp_path / "file" / "x"), code=2)


def test_a_list_that_changed_is_not_resumed(tmp_path: Path) -> None:
    with world() as site:
        scope, out, hosts = scope_for(site, tmp_path), tmp_path / "out", tmp_path / "hosts.txt"
        hosts.write_text(f"{site.networks[0][1]}\n")
        archives.filmbadge("survey", str(scope), str(hosts), "--out", str(out))
        hosts.write_text(f"{site.networks[0][2]}\n")
        archives.filmbadge("survey", str(scope), str(hosts), "--out", str(out), "--resume", code=2)


def test_a_scope_that_expires_midway_is_resumed_under_a_later_one(tmp_path: Path) -> None:
    """What was not asked in time is not recorded as asked."""
    with world() as site:
        out, slow = tmp_path / "out", scope_for(site, tmp_path, overall=20)
        lasting = slow.read_text()
        soon = datetime.now(UTC) + timedelta(seconds=4)
        slow.write_text(lasting.replace("2099-12-31", soon.isoformat()))
        archives.filmbadge("survey", str(slow), "--out", str(out), code=3)
        kept = Dataset(out)
        assert kept.manifest.state == "interrupted"
        assert len(set(kept.done())) < 30
        assert "unknown" not in kept.outcomes()
        slow.write_text(lasting)
        surveyed(str(slow), "--out", str(out), "--resume")
    assert len(set(Dataset(out).done())) == 30
    assert at_least(totals(out)["archives"]) == 13


def test_archives_that_are_one_are_found_across_runs(tmp_path: Path) -> None:
    """Sketches die with their run: a resumed survey asks archives of like size for their UIDs again."""
    with world() as site:
        scope, out = str(scope_for(site, tmp_path)), tmp_path / "out"
        surveyed(scope, "--out", str(out))
        whole = Dataset(out)
        (pair,) = whole.rows("SELECT archive, same_as FROM reviews")
        before = totals(out)
        for table in (LINKS, REVIEWS):  # as if killed when all hosts were asked
            shutil.rmtree(table.folder(out, 1))
        kept, said = whole.manifest.kept | {LINKS.name: 0}, whole.said
        assert said is not None
        told = msgspec.structs.replace(whole.manifest, state="interrupted", kept=kept, compared=False)
        manifest.write(out, msgspec.structs.replace(told, parts=listed(out)))
        judged.write(out, 1, msgspec.structs.replace(said, state="surveying", counts={}, parts=listed(out, 1)))
        apart = totals(out)["archives_open"]
        assert apart.parts == {"counted": 8}
        assert (apart.at_least or 0) <= 7, "two may be one, and are one"
        assert Doubt(DoubtCode.NOT_COMPARED) in apart.doubts
        surveyed(scope, "--out", str(out), "--resume")
    resumed = Dataset(out)
    assert totals(out) == before
    assert resumed.rows("SELECT archive, same_as FROM reviews") == [pair]
    assert resumed.connections() == whole.connections() + 2  # those two, and nobody else
    surveyed(scope, "--out", str(out), "--resume")  # all is reviewed: nobody is asked
    assert Dataset(out).connections() == resumed.connections()


def test_a_resumed_survey_is_judged_by_one_judge(tmp_path: Path) -> None:
    """The catalogue changed in between: what was kept is judged again before the rest is asked."""
    with world() as site:
        out, slow = tmp_path / "out", scope_for(site, tmp_path, overall=20)
        lasting = slow.read_text()
        slow.write_text(lasting.replace("2099-12-31", (datetime.now(UTC) + timedelta(seconds=4)).isoformat()))
        archives.filmbadge("survey", str(slow), "--out", str(out), code=3)
        before = set(Dataset(out).done())
        assert 0 < len(before) < 30
        said = judged.read(out, 1)
        assert said is not None
        older = msgspec.structs.replace(said.judge, catalogue="an older one")
        judged.write(out, 1, msgspec.structs.replace(said, judge=older))
        slow.write_text(lasting)
        surveyed(str(slow), "--out", str(out), "--resume")
    whole = Dataset(out)
    assert whole.judged == 2
    assert len(set(whole.done())) == 30 > len(before)
    assert at_least(totals(out)["archives"]) == 13
    assert {row["target"] for row in Dataset(out, 1).rows("SELECT target FROM endpoints_rows")} == before


def test_patient_ids_of_two_runs_are_not_compared(tmp_path: Path) -> None:
    """The number stays with a survey that has ended, and is unknown where some of it was asked by another process."""
    with world() as site:
        scope, out = scope_for(site, tmp_path), tmp_path / "out"
        scope.write_text(scope.read_text().replace('"count"', '"profile"'))
        surveyed(str(scope), "--out", str(out))
        found = totals(out)
        assert (at_least(found["patient_ids"]) or 0) > 10
        assert at_least(found["patient_ids"]) == at_least(found["patients"])
        surveyed(str(scope), "--out", str(out), "--resume")  # nobody is asked
        assert totals(out) == found
        kept = Dataset(out).manifest
        manifest.write(out, msgspec.structs.replace(kept, state="interrupted", compared=False))
        surveyed(str(scope), "--out", str(out), "--resume")
    resumed = {total.quantity: total for total in Dataset(out).totals()}["patient_ids"]
    assert (resumed.measured, resumed.unknown_archives) == (None, 7)
    assert Doubt(DoubtCode.BEFORE_RESUME) in resumed.doubts


def test_no_sketch_is_kept(tmp_path: Path) -> None:
    """Hashes of UIDs live in memory only: in no column is there a number of 64 bits, and no list of numbers but codes."""
    with world() as site:
        surveyed(str(scope_for(site, tmp_path)), "--out", str(tmp_path / "out"))
    for table in TABLES:
        for row in Dataset(tmp_path / "out").rows(f"SELECT * FROM {table.name}"):
            for name, value in row.items():
                assert not (isinstance(value, int) and value >= 2**48), name
                assert not (isinstance(value, list) and name != "codes" and any(isinstance(v, int) for v in value))
