"""The second rule, proven: values die at the decoder. Archives full of markers are asked in every way, and every byte
that is left behind is searched for the markers."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import pkgutil
import re
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydicom.dataset import Dataset

import filmbadge.ask
import filmbadge.identifiers
from support import archives, canary, pynetdicom_archive, tls_front
from support.canary import Markers, Search

# The archive that pynetdicom makes here leaves its socket to the collector when its caller dies.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RECORDS = len(canary.SCRIPTS)
DEPTHS = ("knock", "ask", "count", "profile", "prove")

# Runs commands with all logging on, each in a process of its own, after one function was made to fail with all that it
# was handed. It forks, because to import the instrument costs as much as to run it.
DRIVER = """
import importlib, json, logging, os, sys
import filmbadge.cli
logging.basicConfig(level=logging.DEBUG)
def run(where, arguments):
    if where:
        module, _, path = where.partition(":")
        *owners, name = path.split(".")
        target = importlib.import_module(module)
        for owner in owners:
            target = getattr(target, owner)
        def fail(*given, **named):
            seen = repr((given, named))
            raise RuntimeError(seen)
        setattr(target, name, fail)
    sys.argv = ["filmbadge", *arguments]
    filmbadge.cli.main()
if sys.argv[1:]:
    run("", sys.argv[1:])
for line in sys.stdin:
    where, arguments, out, err = json.loads(line)
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
        continue
    for number, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 70
    try:
        run(where, arguments)
    except SystemExit as leave:
        code = leave.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
"""
# Where a crash is injected, and which of the world's archives is asked. A new module that sees data is added here.
STAGES = {
    "filmbadge.ask.personal.read:_raw": "scripted",
    "filmbadge.ask.personal.charsets:text": "scripted",
    "filmbadge.ask.personal.inspector:_well_formed": "scripted",
    "filmbadge.ask.personal.inspector:ValueInspector.take": "scripted",
    "filmbadge.ask.personal.inspector:ValueInspector.kinds": "scripted",
    "filmbadge.ask.personal.progress:ProfileProgress.row": "scripted",
    "filmbadge.ask.decoder.pure:DistinctSet.add": "scripted",
    "filmbadge.identifiers.checks:valid": "scripted",
    "filmbadge.identifiers.rules:_sum": "scripted",
    "filmbadge.ask.census.count:CensusProgress._walk": "scripted",
    "filmbadge.ask.census.walk:Walk._note": "scripted",
    "filmbadge.ask.dimse.census:DimseSource.below": "scripted",
    "filmbadge.ask.decoder.pure:_number": "scripted",
    "filmbadge.ask.decoder.pure:Reader._match": "scripted",
    "filmbadge.ask.dimse.command:Command": "scripted",
    "filmbadge.ask.dimse.association:Association._read": "scripted",
    "filmbadge.ask.dimse.association:Association._respond": "scripted",
    "filmbadge.ask.dimse.pdu:parse_associate": "scripted",
    "filmbadge.ask.wire.dialer:_Line._hand_over": "scripted",
    "filmbadge.ask.dimse.questions:record_uid": "scripted",
    "filmbadge.ask.dimse.identify:DimseFacts": "scripted",
    "filmbadge.ask.dimse.ask_again:Asked": "scripted",
    "filmbadge.ask.dimse.profile:Query": "scripted",
    "filmbadge.ask.dimse.census:Learned": "scripted",
    "filmbadge.ask.dimse.prove:_get": "orthanc",
    "filmbadge.ask.wire.contact:Contact.dial": "scripted",
    "filmbadge.ask.wire.http:HttpSession._events": "web",
    "filmbadge.ask.wire.head:_anew": "web",
    "filmbadge.ask.web:PageFacts": "web",
    "filmbadge.ask.wire.fetch:Fetched": "web",
    "filmbadge.ask.pages.marks:marks": "web",
    "filmbadge.ask.pages.viewers:_take": "web",
    "filmbadge.ask.products.orthanc:by_keyword": "web",
    "filmbadge.ask.products.orthanc:clean": "web",
    "filmbadge.ask.wire.json_body:decoded": "web",
    "filmbadge.ask.wire.json_array:JsonArray.feed": "dicomweb",
    "filmbadge.ask.dicomweb.records:decoded": "dicomweb",
    "filmbadge.ask.dicomweb.census:_Said.rows": "dicomweb",
    "filmbadge.ask.dicomweb.answer:Count.take": "dicomweb",
    "filmbadge.ask.dicomweb.identify:media_type": "dicomweb",
    "filmbadge.ask.dicomweb.manners:one_record": "dicomweb",
    "filmbadge.ask.dicomweb.profile:Listed.rows": "dicomweb",
    "filmbadge.ask.decoder.element:_text": "dicomweb",
    "filmbadge.ask.dicomweb.profile:by_tag": "dicomweb",
    "filmbadge.ask.dicomweb.prove:_First.take": "dicomweb",
    "filmbadge.ask.products.dcm4chee:_titles": "web",
    "filmbadge.survey.examine:ask_further": "scripted",
    "filmbadge.survey.examine:archives.judge": "scripted",
    "filmbadge.judge.personal:looks": "scripted",
    "filmbadge.judge.archives:place": "scripted",
    "filmbadge.keep.parts:pq.write_table": "scripted",
    "filmbadge.tell.summary:document": "scripted",
}
# What an archive says does not pass through these.
BLIND = {
    "filmbadge.ask.errors",
    "filmbadge.ask.key",  # a secret of ours
    "filmbadge.ask.wire.conversation",  # the seam's shape
    "filmbadge.ask.dicomweb.question",  # questions, in our words
    "filmbadge.ask.decoder.limits",
    "filmbadge.ask.wire.throttle",  # seconds and numbers
    "filmbadge.ask.decoder",  # chooses one of the two
    "filmbadge.ask.targets.lists",
    "filmbadge.ask.census.budget",  # numbers of questions and bytes
    "filmbadge.ask.census.estimate",  # numbers of rows
    "filmbadge.ask.census.plan",
    "filmbadge.ask.census.source",
    "filmbadge.ask.census.windows",
    "filmbadge.identifiers.schemes",  # a table of ours
}
# Those in which no crash can be injected so, and where they are tested.
ELSEWHERE = {
    "filmbadge.ask.decoder.compiled",  # in C: the default of every run here but those with a crash; fuzz/sanitize
    "filmbadge.ask.decoder.elements",  # generators: a crash in them is one of who reads from them
    "filmbadge.ask.wire.tls",  # a certificate, before any record
}


@dataclass
class World:
    """Two archives that are full of markers, and the folder in which everything is run."""

    orthanc: archives.Served
    dicomweb: int  # a port at which its DICOMweb alone is reached
    scripted: pynetdicom_archive.Script
    markers: Markers
    work: Path
    reached: threading.Event
    release: threading.Event
    search: Search
    drivers: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.orthanc.dicom},{self.orthanc.http},{self.scripted.port}"

    @property
    def web(self) -> str:
        """Where only HTTP is spoken, the list of studies is looked at."""
        return f"127.0.0.1:{self.orthanc.http}"

    def at(self, name: str) -> str:
        ports = {"scripted": self.scripted.port, "orthanc": self.orthanc.dicom, "web": self.orthanc.http}
        ports["dicomweb"] = self.dicomweb
        return f"127.0.0.1:{ports[name]}"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "driver.py", *arguments]

    def environment(self, core: str = "") -> dict[str, str]:
        own = {
            name: str(self.work) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME")
        }
        debug = {"PYTHONASYNCIODEBUG": "1", "PYTHONFAULTHANDLER": "1", "FILMBADGE_CORE": core, "COLUMNS": "200"}
        return {"PATH": os.environ["PATH"], **own, **debug}

    def run(self, *arguments: str, fail: str = "", core: str = "") -> str:
        """Run the command; what it prints is kept beside everything else, and returned."""
        number = len(list(self.work.glob("*.stdout")))
        out, err = (self.work / f"{number}.{name}" for name in ("stdout", "stderr"))
        if core not in self.drivers:
            self.drivers[core] = subprocess.Popen(
                self.command(), cwd=self.work, env=self.environment(core), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        driver = self.drivers[core]
        assert driver.stdin and driver.stdout
        print(json.dumps([fail, arguments, str(out), str(err)]), file=driver.stdin, flush=True)
        assert driver.stdout.readline().strip() in ("0", "1", "3"), err.read_text()[-2000:]
        return out.read_text()

    def end(self) -> None:
        for driver in self.drivers.values():
            driver.communicate(timeout=30)

    def clean(self) -> Search:
        """Fails where a marker is found in anything that is left."""
        assert self.search.folder(self.work) == {}
        assert self.search.bytes > 1000
        return self.search


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    markers, release, reached = Markers(), threading.Event(), threading.Event()
    release.set()
    files = tmp_path_factory.mktemp("files")
    held = [canary.dataset(markers, number) for number in range(RECORDS)]
    for number, one in enumerate(held):
        canary.write(one, files / f"{number}.dcm")
    complaint = Dataset()
    complaint.Status, complaint.ErrorComment = 0xC001, markers.word("BCDFGHJKLMNPQRSTVWXZ", 20)
    named = markers.word("BCDFGHJKLMNPQRSTVWXZ", 20)

    def find(keys: Dataset) -> Iterator[tuple[Any, Dataset | None]]:
        """Gives more than it was asked for, and names where no name should be."""
        wanted = str(keys.get("StudyInstanceUID", "") or "")
        for number, one in enumerate(held):
            if wanted in ("", one.StudyInstanceUID):
                row = Dataset()
                row.update({element.tag: element for element in one if element.tag != 0x00400275})
                row.QueryRetrieveLevel = keys.QueryRetrieveLevel
                yield 0xFF00, row
            if number == 5 and "PatientName" in keys:
                reached.set()
                release.wait(30)
        if not wanted and "PatientName" in keys:
            broken = Dataset()
            pynetdicom_archive.put(broken, 0x0020000D, "UI", named.encode())
            pynetdicom_archive.put(broken, 0x00100010, "PN", b"\x1b$(Q" + named.encode() + b"\xff\xfe")
            yield 0xFF00, broken
        if keys.QueryRetrieveLevel == "SERIES" and wanted == held[-1].StudyInstanceUID:
            yield complaint, None

    plugin = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
    assert Path(plugin).exists(), "orthanc-dicomweb is not installed; `make test` installs it as root"
    with ExitStack() as stack:
        orthanc = stack.enter_context(
            archives.orthanc(
                tmp_path_factory.mktemp("orthanc"),
                load=False,
                DicomAlwaysAllowFind=True,
                DicomAlwaysAllowGet=True,
                DefaultEncoding="Utf8",
                Plugins=[plugin],
            )
        )
        for path in sorted(files.iterdir()):
            request = urllib.request.Request(f"http://127.0.0.1:{orthanc.http}/instances", path.read_bytes())
            assert urllib.request.urlopen(request, timeout=20).status == 200
        front = tls_front.nginx(tmp_path_factory.mktemp("front"), tls_front.before(orthanc.http, "/dicom-web/"))
        dicomweb = stack.enter_context(front)
        served = stack.enter_context(pynetdicom_archive.archive(find))
        work = tmp_path_factory.mktemp("work")
        (work / "driver.py").write_text(DRIVER)
        archives.scope_file(work, depth="prove")
        made = World(orthanc, dicomweb, served, markers, work, reached, release, Search(markers.planted))
        stack.callback(made.end)
        yield made


def test_the_search_finds_a_planted_leak_in_every_form(tmp_path: Path) -> None:
    markers = Markers(seed=11)
    for number in range(len(canary.SCRIPTS)):
        canary.dataset(markers, number)
    search = Search(markers.planted)
    assert len(markers.planted) > 400
    for marker in set(markers.planted):
        for number, form in enumerate(sorted(canary.forms(marker))):
            assert marker in search.find(b"something before" + form + b"and behind"), (marker, number)
    marker = markers.planted[0]
    for name, data in (
        ("a log", f"could not read '{marker}'\n".encode()),
        ("utf-16", f"xx{marker}".encode("utf-16-le")),
        ("hex dump", b"00 01 " + marker.encode().hex(" ").encode()),
        ("percent", b"/studies?PatientName=" + "".join(f"%{ord(sign):02X}" for sign in marker).encode()),
    ):
        (tmp_path / name).write_bytes(data)
    pq.write_table(pa.table({"a": [f"x{marker}y"] * 5000}), tmp_path / "part.parquet", compression="zstd")
    (tmp_path / f"named-{marker}").touch()
    assert {*search.folder(tmp_path)} == {"a log", "utf-16", "hex dump", "percent", "part.parquet", f"named-{marker}"}
    assert not search.find(gzip.compress(b"nothing" * 1000, mtime=0))


def test_the_markers_reach_the_instrument_at_profile_and_none_stays(world: World) -> None:
    """Otherwise the search below would prove nothing."""
    of_all = {"patient_name", "patient_id", "birth_date", "exam_date"}
    for target, expected in (
        (world.target, {*of_all, "address", "other_ids", "purpose"}),
        (world.web, of_all),
        (world.at("dicomweb"), of_all),
    ):
        card = json.loads(world.run("check", target, "--scope", "scope.toml", "--depth", "profile", "--json"))
        for archive in card["archives"]:
            seen = {name: kind["records"] or kind["at_least"] or 0 for name, kind in archive["kinds"].items()}
            full = {name for name, records in seen.items() if records >= RECORDS - 1}
            assert expected <= full
    assert world.markers.planted[0].encode() in bytes(world.scripted.sent)
    world.clean()


def test_every_depth_and_every_report(world: World, record_property: Callable[[str, object], None]) -> None:
    for depth in DEPTHS:
        world.run("check", world.target, "--scope", "scope.toml", "--depth", depth, "--json")
        world.run("check", world.at("dicomweb"), "--scope", "scope.toml", "--depth", depth, "--json")
    world.run("check", world.target, "--scope", "scope.toml", "--json", core="pure")
    out = "survey"
    world.run("survey", "scope.toml", world.target, "--out", out, "--json")
    world.run("report", out)
    world.run("report", out, "--json", f"{out}.json", "--html", f"{out}.html")
    world.run("survey", "scope.toml", world.target, "--out", out, "--resume")
    world.run("judge", out, "--json")
    assert all(list((world.work / out / "judged" / n / "kinds").glob("*.parquet")) for n in ("1", "2"))
    assert (world.work / f"{out}.html").stat().st_size > 1000
    search = world.clean()
    record_property(
        "markers, forms, bytes, files", (len(world.markers.planted), search.forms, search.bytes, search.files)
    )


def test_what_a_terminal_shows(world: World) -> None:
    import pty  # here, so that the file can be read on Windows

    leader, follower = pty.openpty()
    process = subprocess.Popen(
        world.command("check", world.target, "--scope", "scope.toml", "--depth", "prove"),
        cwd=world.work, env=world.environment() | {"TERM": "xterm-256color"}, stdin=follower, stdout=follower, stderr=follower,
    )  # fmt: skip
    os.close(follower)
    capture = world.work / "terminal"
    with capture.open("wb") as held, suppress(OSError):
        while data := os.read(leader, 65536):
            held.write(data)
    assert process.wait(60) in (0, 3)
    os.close(leader)
    assert b"patient name" in capture.read_bytes()
    world.clean()


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.rpartition(":")[2])
def test_a_crash_in_any_stage_tells_nothing(world: World, stage: str) -> None:
    """The exception's text holds all that the function was handed."""
    number = len(list(world.work.glob("*.stdout")))
    out = f"crash-{number}"
    world.run("survey", "scope.toml", world.at(STAGES[stage]), "--out", out, fail=stage, core="pure")
    kept = [pq.read_table(path).to_pylist() for path in (world.work / out).rglob("*.parquet")]
    said = (world.work / f"{number}.stderr").read_text()
    assert "RuntimeError" in said or "RuntimeError" in str(kept), "the stage was not reached"
    world.clean()


def test_every_module_that_asks_is_crashed_or_said_to_be_blind() -> None:
    rooms = (filmbadge.ask, filmbadge.identifiers)
    modules = [one for room in rooms for one in pkgutil.walk_packages(room.__path__, f"{room.__name__}.")]
    found = {module.name for module in modules}
    packages = {module.name for module in modules if module.ispkg}
    packages -= {"filmbadge.ask.decoder"}  # it holds code of its own
    crashed = set()
    for stage in STAGES:
        module, _, path = stage.partition(":")
        target: Any = importlib.import_module(module)
        for name in path.split("."):
            target = getattr(target, name)
        crashed |= {module, target.__module__}
    assert (
        found - packages
        == {name for name in crashed if name.startswith(("filmbadge.ask.", "filmbadge.identifiers."))}
        | BLIND
        | ELSEWHERE
    )
    assert not crashed & (BLIND | ELSEWHERE)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGABRT, signal.SIGTERM])
def test_a_process_that_dies_while_it_looks_leaves_nothing(world: World, ending: signal.Signals) -> None:
    world.reached.clear()
    world.release.clear()
    name = f"killed-{ending}"
    with (world.work / f"{name}.out").open("wb") as out:
        process = subprocess.Popen(
            world.command("survey", "scope.toml", f"127.0.0.1:{world.scripted.port}", "--out", name, "--json"),
            cwd=world.work, env=world.environment(), stdout=out, stderr=out, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert world.reached.wait(30)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"Max core file size +0 +0 ", limits)
        process.send_signal(ending)
        if ending is signal.SIGTERM:
            world.release.set()  # it takes its leave, and an archive that does not hear it is waited for
        process.wait(30)
        world.release.set()
    assert not list(world.work.glob("core*"))
    world.clean()
