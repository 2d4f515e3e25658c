"""Names of patients in a web server's pages: in titles, in a list of files, in a list of patients. None is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from filmbadge.model import Depth
from support import archives, canary, tls_front
from support.canary import Markers, Search
from support.hanging import HANGS

LETTERS = "BCDFGHJKLMNPQRSTVWXZ"

# Runs the command with all logging on, after one function was made to fail with all that it was handed.
DRIVER = """
import importlib, logging, sys
logging.basicConfig(level=logging.DEBUG)
where, *arguments = sys.argv[1:]
if where:
    module, _, name = where.partition(":")
    def fail(*given, **named):
        seen = repr((given, named))
        raise RuntimeError(seen)
    target = importlib.import_module(module)
    assert hasattr(target, name)
    setattr(target, name, fail)
import filmbadge.cli
sys.argv = ["filmbadge", *arguments]
filmbadge.cli.main()
"""
STAGES = (
    "filmbadge.ask.pages.marks:title",
    "filmbadge.ask.pages.marks:unescape",
    "filmbadge.ask.pages.marks:Folder",
    "filmbadge.ask.pages.marks:patients_listed",
    "filmbadge.ask.pages.viewers:_added",
    "filmbadge.ask.pages.viewers:_named",
    "filmbadge.ask.web:PageFacts",
)


@dataclass(frozen=True)
class World:
    work: Path
    ports: dict[str, int]
    markers: Markers

    def run(self, *arguments: str, fail: str = "") -> str:
        """What it prints is kept beside everything else, and returned."""
        number = len(list(self.work.glob("*.out")))
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.work), "PYTHONASYNCIODEBUG": "1", "COLUMNS": "200"}
        with (self.work / f"{number}.out").open("wb") as out:
            subprocess.run(
                [sys.executable, "driver.py", fail, *arguments], cwd=self.work, env=environment, stdout=out, stderr=out,
                stdin=subprocess.DEVNULL, timeout=HANGS, check=False,
            )  # fmt: skip
        return (self.work / f"{number}.out").read_text()

    def clean(self) -> None:
        assert Search(self.markers.planted).folder(self.work) == {}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    markers, site, work = Markers(), tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("work")
    conf = tmp_path_factory.mktemp("conf")

    def name() -> str:
        return f"{markers.word(LETTERS)}^{markers.word(LETTERS)}"

    for number in range(4):
        folder = site / "files" / name()
        folder.mkdir(parents=True)
        canary.write(canary.dataset(markers, number), folder / f"{name()}.dcm")
    (site / "viewer").mkdir()
    rows = "".join(f'<a href="/?requestType=STUDYLIST&primaryKey={n}">{name()}</a>' for n in range(5))
    (site / "viewer" / "list.html").write_text(rows)
    (site / "viewer" / "index.html").write_text(
        f'<title>{name()}</title><a href="?requestType=PATIENTLIST">{name()}</a>'
    )
    viewer = f"root {site / 'viewer'};\nif ($arg_requestType) {{ rewrite ^ /list.html; }}\n"
    named = tls_front.ohif(conf, tls_front.configuration(f"http://{markers.word(LETTERS)}:x@127.0.0.1:1/rs?{name()}"))
    (work / "driver.py").write_text(DRIVER)
    archives.scope_file(work, depth="prove")
    with (
        tls_front.nginx(conf, tls_front.listing(site / "files")) as files,
        tls_front.nginx(conf, viewer) as patients,
        tls_front.nginx(conf, named) as ohif,
    ):
        yield World(work, {"files": files, "patients": patients, "ohif": ohif}, markers)


def scope(world: World) -> None:
    path = world.work / "scope.toml"
    ports = f"ports.dimse = []\nports.dimse_tls = []\nports.web = {list(world.ports.values())}\nports.web_tls = []\n"
    archives.scope_file(world.work, depth="prove", extra=ports)
    assert path.exists()


def test_the_pages_are_read_and_nothing_of_them_stays(world: World) -> None:
    scope(world)
    for depth in Depth:
        card = world.run("check", "127.0.0.1", "--scope", "scope.toml", "--depth", depth, "--json")
        assert ("5 patients" in card) is depth.reaches(Depth.PROFILE)
    assert "file-given" in card  # a file of the list was begun
    world.run("survey", "scope.toml", "127.0.0.1", "--out", "survey")
    world.run("report", "survey", "--json", "report.json", "--html", "report.html")
    assert (world.work / "report.html").stat().st_size > 1000
    world.clean()


@pytest.mark.parametrize("stage", STAGES)
def test_a_crash_in_the_middle_of_a_page_leaves_nothing(world: World, stage: str) -> None:
    scope(world)
    said = world.run("check", "127.0.0.1", "--scope", "scope.toml", fail=stage)
    assert "RuntimeError" in said, said
    world.clean()
