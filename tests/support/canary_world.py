"""Two archives that are full of markers, and the instrument's processes that are let loose on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from support import archives, canary, pynetdicom_archive, tls_front
from support.canary import Markers, Search
from support.hanging import HANGS

RECORDS = len(canary.SCRIPTS)

# Runs commands with all logging on, each in a process of its own, after one function was made to fail with all that it
# was handed. It forks, because to import the instrument costs as much as to run it. So it imports the commands before,
# and a function fails under each name by which a module knows it.
DRIVER = """
import importlib, json, logging, os, sys
import filmbadge.cli
for command in ("check", "feed", "judge", "report", "survey"):
    importlib.import_module(f"filmbadge.cli.{command}")
logging.basicConfig(level=logging.DEBUG)
def fail_at(where):
    if where:
        module, _, path = where.partition(":")
        *owners, name = path.split(".")
        target = importlib.import_module(module)
        for owner in owners:
            target = getattr(target, owner)
        def fail(*given, **named):
            seen = repr((given, named))
            raise RuntimeError(seen)
        known = getattr(target, name)
        setattr(target, name, fail)
        if getattr(known, "__module__", "") == module:
            for other in [*sys.modules.values()]:
                if vars(other).get(name) is known:
                    setattr(other, name, fail)
def run(where, arguments):
    os.environ["FAIL_AT"] = where  # for workers, which read this file anew
    fail_at(where)
    sys.argv = ["filmbadge", *arguments]
    filmbadge.cli.main()
worker = __name__ != "__main__"
if worker:
    fail_at(os.environ.get("FAIL_AT", ""))
elif sys.argv[1:]:
    run("", sys.argv[1:])
for line in () if worker else sys.stdin:
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
            driver.communicate(timeout=HANGS)

    def clean(self) -> Search:
        """Fails where a marker is found in anything that is left."""
        assert self.search.folder(self.work) == {}
        assert self.search.bytes > 1000
        return self.search


@contextmanager
def world(make: Callable[[str], Path]) -> Iterator[World]:
    """`make` makes a folder of that name."""
    markers, release, reached = Markers(), threading.Event(), threading.Event()
    release.set()
    files = make("files")
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
                release.wait(HANGS)
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
                make("orthanc"),
                load=False,
                DicomAlwaysAllowFind=True,
                DicomAlwaysAllowGet=True,
                DefaultEncoding="Utf8",
                Plugins=[plugin],
            )
        )
        for path in sorted(files.iterdir()):
            request = urllib.request.Request(f"http://127.0.0.1:{orthanc.http}/instances", path.read_bytes())
            assert urllib.request.urlopen(request, timeout=HANGS).status == 200
        front = tls_front.nginx(make("front"), tls_front.before(orthanc.http, "/dicom-web/"))
        dicomweb = stack.enter_context(front)
        served = stack.enter_context(pynetdicom_archive.archive(find))
        work = make("work")
        (work / "driver.py").write_text(DRIVER)
        archives.scope_file(work, depth="prove")
        made = World(orthanc, dicomweb, served, markers, work, reached, release, Search(markers.planted))
        stack.callback(made.end)
        yield made
