"""What a command writes and reads as files: nothing is destroyed, nothing hangs, and each fault is one line."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filmbadge.cli import run
from filmbadge.cli.console import require_writable, write_file
from filmbadge.keep import files
from filmbadge.model import Refusal
from support.written import HEAD, open_host
from support.written import survey as kept

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes and links")
SCOPE = (
    'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/24"]\nexclude = ["@out.list"]\ndepth = "ask"\n'
    'expires = 2099-12-31\n[authority]\nwho = "w"\nreference = "r"\nbasis = "owner"\ncontact = "c"\n'
)
REVIEWED = "archive,what,by,when,operator\n"
NOTICES = "notices survey --sender C<c@c.test> --paper html --out out --contacts"


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kept(tmp_path_factory.mktemp("files") / "survey", [open_host("192.0.2.1")])


@pytest.fixture
def here(tmp_path: Path, survey: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("out", "folder"):
        (tmp_path / name).mkdir()
    (tmp_path / "scope.toml").write_text(SCOPE)
    (tmp_path / "out.list").write_text("127.0.0.9\n")
    (tmp_path / "reviewed.csv").write_text(REVIEWED)
    (tmp_path / "places.csv").write_text("network,country\n127.0.0.0/8,DE\n")
    for name in ("contacts.csv", "out/told.csv", "out/without-contact.csv"):
        (tmp_path / name).write_text(HEAD)
    os.link(tmp_path / "reviewed.csv", tmp_path / "hard.csv")
    (tmp_path / "soft.csv").symlink_to("reviewed.csv")
    (tmp_path / "loop").symlink_to("loop")
    shutil.copytree(survey, tmp_path / "survey")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(command: str, here: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """What it says. All files are as they were."""
    before = held(here)
    assert run(command.split()) == 2
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert held(here) == before
    return said.err


def held(here: Path) -> dict[Path, bytes | None]:
    """All that is there, and what is in it."""
    return {path: path.read_bytes() if os.path.isfile(path) else None for path in here.rglob("*")}  # noqa: PTH113 - loops


@POSIX
@pytest.mark.parametrize(
    "command",
    [
        "scope check pipe",
        "check 127.0.0.1:9 --scope pipe",
        "check 127.0.0.1:9 --places pipe",
        "survey pipe --out new",
        "survey scope.toml pipe --out new",
        "report survey --reviewed pipe",
        f"{NOTICES} pipe",
        "optout 127.0.0.3 --list pipe",
        "optout 127.0.0.3 --scope pipe",
    ],
)
def test_a_pipe_that_nobody_writes_to_is_not_waited_for(
    command: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(here / "pipe")
    said = refused(command, here, capfd)
    assert "nobody writes to this pipe" in said or "is no regular file" in said


@POSIX
@pytest.mark.parametrize(
    "command",
    [
        *(f"report survey --reviewed reviewed.csv --{kind} reviewed.csv" for kind in ("html", "csv", "json", "sql")),
        "report survey --reviewed reviewed.csv --html hard.csv",
        "report survey --reviewed reviewed.csv --html soft.csv",
        "report survey --reviewed soft.csv --html folder/../reviewed.csv",
        "feed survey --format csv --reviewed reviewed.csv --out reviewed.csv",
        "check 127.0.0.1:9 --scope scope.toml --html scope.toml",
        "check 127.0.0.1:9 --scope scope.toml --sarif out.list",
        "check 127.0.0.1:9 --places places.csv --html places.csv",
        f"{NOTICES} out/told.csv",
        f"{NOTICES} out/without-contact.csv",
        f"{NOTICES} contacts.csv --reviewed out/without-contact.csv",
    ],
)
def test_what_is_read_is_not_written_over(command: str, here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "which is read: choose another file" in refused(command, here, capfd)


@POSIX
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("loop", "Too many levels of symbolic links"),
        ("loop/x", "Too many levels of symbolic links"),
        ("n" * 300, "File name too long"),
        ("reviewed.csv/x", "reviewed.csv is no folder"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        "report survey --html",
        "report survey --sql",
        "feed survey --format csv --out",
        "check 127.0.0.1:9 --html",
        "check 127.0.0.1:9 --sarif",
        f"{NOTICES} contacts.csv --out",
    ],
)
def test_where_nothing_can_be_written_one_line_says_why(
    command: str, place: str, why: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert why in refused(f"{command.replace(' --out out', '')} {place}", here, capfd)


def test_a_folder_and_what_is_read_only_are_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match="folder cannot be written: it is a folder"):
        require_writable(Path("folder"))
    monkeypatch.setattr(os, "access", lambda path, how: False)
    for name in ("folder/new.html", "reviewed.csv"):
        with pytest.raises(Refusal, match=f"{name} cannot be written: .* is read-only"):
            require_writable(Path(name))


def test_nothing_is_written_before_all_is_checked(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "two documents" in refused("report survey --sql one --json one", here, capfd)
    assert "is no folder" in refused("report survey --html one --sql two --json reviewed.csv/x", here, capfd)


def stops(error: BaseException) -> Callable[[int], None]:
    def fsync(handle: int) -> None:
        raise error

    return fsync


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_what_was_written_before_stays_where_writing_ends_early(
    error: BaseException, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "page.html").write_text("older")
    before = held(here)
    monkeypatch.setattr(os, "fsync", stops(error))
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else Refusal):
        write_file(Path("page.html"), b"newer")
    assert held(here) == before


def test_a_file_is_of_its_owner_alone_and_has_any_name(here: Path) -> None:
    longest = Path("n" * 255)
    for path in (longest, Path("new/folder/page.html"), Path("reviewed.csv")):
        write_file(path, b"text")
        assert path.read_bytes() == b"text"
        assert sys.platform == "win32" or path.stat().st_mode & 0o777 == 0o600


@POSIX
def test_a_link_stays_a_link_and_its_file_is_written(here: Path) -> None:
    (here / "new.html").symlink_to("folder/page.html")
    for name in ("soft.csv", "new.html"):
        write_file(Path(name), b"text")
        assert Path(name).is_symlink()
    assert (here / "reviewed.csv").read_bytes() == (here / "folder/page.html").read_bytes() == b"text"


@POSIX
def test_pipes_devices_and_streams_are_written_straight(here: Path) -> None:
    os.mkfifo(here / "pipe")
    with ThreadPoolExecutor(1) as other:
        reader = os.open(here / "pipe", os.O_RDONLY | os.O_NONBLOCK)
        write_file(Path("pipe"), b"text")
        assert other.submit(os.read, reader, 100).result() == b"text"
        os.close(reader)
    write_file(Path(os.devnull), b"text")
    assert not Path(os.devnull).is_file()
    log = os.open(here / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, b"before ")
    write_file(Path(f"/dev/fd/{log}"), b"text")
    os.write(log, b" after")
    os.close(log)
    assert (here / "log").read_bytes() == b"before text after"


def fails_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = files.write

    def full(path: Path, data: bytes, *, alone: bool = True) -> None:
        if path.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, alone=alone)

    monkeypatch.setattr(files, "write", full)


def test_of_several_files_it_is_said_which_are_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fails_at("b.csv", monkeypatch)
    assert run(["report", "survey", "--html", "a.html", "--csv", "b.csv", "--json", "c.json"]) == 2
    said = capfd.readouterr().err
    assert "Wrote a.html" in said and "Wrote c.json" in said
    assert "filmbadge: b.csv cannot be written: No space left on device\n" in said
    assert (here / "c.json").exists() and not (here / "b.csv").exists()


def test_what_a_check_found_is_told_where_its_page_cannot_be_written(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fails_at("page.html", monkeypatch)
    assert run(["check", "127.0.0.1:9", "--html", "page.html"]) == 2
    said = capfd.readouterr()
    assert "no imaging service found" in said.out
    assert "page.html cannot be written: No space left on device" in said.err


@POSIX
def test_a_scope_that_is_not_whole_does_not_stay(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        code = run(["scope", "new", "new.toml"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert "new.toml cannot be written" in capfd.readouterr().err
    assert not (here / "new.toml").exists()
