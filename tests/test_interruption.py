"""A command that is interrupted says so, whatever a library made of the signal, and leaves no half of a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from filmbadge import cli, interruption
from filmbadge.cli.console import run_loop, write_file
from filmbadge.keep import totals
from filmbadge.keep.reader import telling
from support import many
from support.hanging import HANGS

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
# The command in a process of its own. Its first query is a long one, and a signal comes when that begins.
INTERRUPTED = """
import os, signal, sys, threading
from filmbadge.__main__ import main
from filmbadge.keep.reader import Dataset

LONG = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range * b.range % 7 = 8"

NUMBER = signal.Signals[sys.argv.pop(1)]
signal.signal(NUMBER, signal.SIG_DFL)  # whoever started the tests may ignore it

def long(self, *_):
    threading.Thread(target=os.kill, args=(os.getpid(), NUMBER)).start()
    return rows(self, LONG)

rows, Dataset.rows = Dataset.rows, long
main()
"""
COMMANDS = {
    "report": "report {survey}",
    "page": "report {survey} --html out/page.html",
    "pdf": "report {survey} --pdf out/page.pdf",
    "feed": "feed {survey} --format stix --out out/feed.json",
    "compare": "compare {survey} {other} --html out/page.html",
    "verify": "verify {survey} 192.0.2.1 --html out/page.html",
    "judge": "judge {survey}",
    "notices": "notices {survey} --contacts {contacts} --out letters --paper html",
}

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")


def kept(folder: Path) -> dict[str, str]:
    """What the commands are told, by name."""
    folders = [folder / name for name in ("survey", "other")]
    for one in folders:
        one.mkdir()
    survey, other = (many.kept(one).directory for one in folders)
    contacts = folder / "contacts.csv"
    contacts.write_text("network,name,email\n192.0.2.0/24,Clinic,pacs@clinic.test\n")
    return {"survey": str(survey), "other": str(other), "contacts": str(contacts)}


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_query_that_is_interrupted_is_told_as_that(name: str, tmp_path: Path) -> None:
    told = kept(tmp_path)
    for command in COMMANDS.values() if name == "SIGINT" else [COMMANDS["report"]]:
        arguments = command.format_map(told).split()
        process = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, name, *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=HANGS,
        )
        assert (process.returncode, process.stdout, process.stderr) == (3, "", "filmbadge: interrupted\n"), command
        assert not list((tmp_path / "out").rglob("*"))
        letters = tmp_path / "letters"
        assert not letters.exists() or {path.name for path in letters.iterdir()} <= {".lock"}


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), KeyboardInterrupt()])
def test_what_duckdb_makes_of_it_is_an_interruption(
    error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = many.kept(tmp_path)

    class Interrupted:
        def execute(self, *_: object) -> None:
            raise error

    monkeypatch.setattr(dataset, "_sql", Interrupted())
    with pytest.raises(KeyboardInterrupt), telling(dataset.directory):
        dataset.rows("SELECT 1")


def test_no_other_error_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = many.kept(tmp_path)

    class Ours:
        def execute(self, *_: object) -> None:
            raise RuntimeError("another one")

    monkeypatch.setattr(dataset, "_sql", Ours())
    with pytest.raises(RuntimeError, match="another one"):
        dataset.rows("SELECT 1")


@pytest.mark.parametrize("error", [OSError(5, "an error of the disk"), ValueError(), RuntimeError(), RecursionError()])
def test_whatever_follows_a_signal_is_told_as_an_interruption(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    survey = many.kept(tmp_path).directory

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(interruption, "_came", [2])
    monkeypatch.setattr(totals, "Totals", fail)
    assert cli.run(["report", str(survey)]) == 3
    assert capfd.readouterr().err == "filmbadge: interrupted\n"


def test_a_command_can_be_interrupted_while_it_is_loaded(tmp_path: Path) -> None:
    """`msgspec` is the first library that it imports."""
    (tmp_path / "msgspec.py").write_text("import sys\nprint('importing', flush=True)\nsys.stdin.read(1)\n")
    process = subprocess.Popen(
        [FILMBADGE, "--version"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert (process.returncode, said) == (3, "filmbadge: interrupted\n")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"the old page")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_file(path, b"the new page")
    assert {one.name: one.read_bytes() for one in tmp_path.iterdir()} == {"page.html": b"the old page"}


def test_a_file_is_written_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    write_file(tmp_path / "link.html", b"the page")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_bytes() == b"the page"


def test_signals_belong_to_the_loop_while_it_runs_and_to_the_command_again() -> None:
    before = {one: signal.getsignal(one) for one in interruption.ENDS}
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup starts it
        signal.signal(signal.SIGTERM, interruption._stop)

        async def look() -> tuple[object, object]:
            return signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)

        hangup, terminate = run_loop(look())
        assert hangup == signal.SIG_IGN
        assert terminate != interruption._stop
        assert signal.getsignal(signal.SIGTERM) == interruption._stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
