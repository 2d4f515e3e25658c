"""A survey as a user runs it: kept, killed, resumed, refused."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from pathlib import Path
from threading import Event

import msgspec
import pytest
from pydicom.dataset import Dataset as Dicom

from filmbadge.keep import judged, manifest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import LINKS, REVIEWS, TABLES
from filmbadge.keep.whole import listed
from filmbadge.model import Doubt, DoubtCode
from support import archives
from support.hanging import HANGS
from support.hospital import COMMAND, at_least, scope_for, surveyed, totals, world
from support.loopback import deaf_port
from support.pynetdicom_archive import Rows, archive


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
        over.wait(HANGS)  # hears neither a cancel nor a release
        yield 0x0000, None

    with archive(deaf) as script:
        scope = archives.scope_file(tmp_path)
        process = subprocess.Popen(
            [COMMAND, "survey", str(scope), f"127.0.0.1:{script.port}", "--out", str(tmp_path / "out")],
            stderr=subprocess.PIPE,
        )
        assert asked.wait(HANGS)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # it waits for the archive to end in order
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=HANGS)
        over.set()
    assert process.returncode == 3
    assert b"Traceback" not in said
    assert Dataset(tmp_path / "out").manifest.state == "interrupted"
    endings = Dataset(tmp_path / "out").rows("SELECT ending, cause FROM journal")
    assert endings == [{"ending": "interrupted", "cause": "stopped-at-once"}]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a whole survey, and what it said. Nobody writes into it."""
    directory = tmp_path_factory.mktemp("done")
    with world() as site:
        out = directory / "out"
        return out, surveyed(str(scope_for(site, directory)), "--out", str(out), "--json")


def test_what_is_kept(done: tuple[Path, str]) -> None:
    out, said = done
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


def test_no_sketch_is_kept(done: tuple[Path, str]) -> None:
    """Hashes of UIDs live in memory only: in no column is there a number of 64 bits, and no list of numbers but codes."""
    kept = Dataset(done[0])
    for table in TABLES:
        for row in kept.rows(f"SELECT * FROM {table.name}"):
            for name, value in row.items():
                assert not (isinstance(value, int) and value >= 2**48), name
                assert not (isinstance(value, list) and name != "codes" and any(isinstance(v, int) for v in value))
