"""Bad input gets one clear line and exit code 2, before any packet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from filmbadge.cli import run
from support import archives, guard

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
GOOD = (
    'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/24"]\nexclude = ["127.0.0.9/32"]\ndepth = "ask"\n'
    "expires = 2099-12-31\n[authority]\n"
    'who = "w"\nreference = "r"\nbasis = "owner"\ncontact = "c"\n'
)

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full, and streams as a shell closes them")

# Where what is written is held back, the interpreter finds out late that a disk is full.
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scope.toml").write_text(GOOD)
    (tmp_path / "expired.toml").write_text(GOOD.replace("2099", "2020"))
    (tmp_path / "broken.toml").write_text(GOOD.replace('"ask"', '"deep"'))
    (tmp_path / "syntax.toml").write_text(GOOD.replace("expires =", "expires"))
    (tmp_path / "profile.toml").write_text(GOOD.replace('"ask"', '"profile"').replace('"owner"', '"research"'))
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    (tmp_path / "list.txt").write_text("127.0.0.1\n# a comment\n127.0.0.2:104 # and one more\n8.8.8.8\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("check", "TARGET"),
        ("check 192.0.2.1", "192.0.2.1 is out of scope: no network outside loopback"),
        ("check 2001:db8::1", "out of scope"),
        ("check pacs.example", "pacs.example is out of scope"),
        ("check 127.0.0.1:0", "a port is 1 to 65535"),
        ("check 127.0.0.1:abc", "is not a target"),
        ("check 127.0.0.1/24", "neither an address nor a host name"),
        ("check 127.0.0", "is not a complete address"),
        ("check 127.0.0.1 --depth deep", '--depth. Choose from: "knock", "ask", "count", "profile"'),
        ("check 127.0.0.1 --depht ask", "--depht"),
        ("check 127.0.0.1 --fail-on open", "--fail-on"),
        ("check 127.0.0.1 --fail-on delivers", "cannot be seen at depth count"),
        ("check 127.0.0.1 --depth knock --fail-on discloses", "the highest rung there is admits"),
        ("check 127.0.0.1 --scope missing.toml", "no such scope file"),
        ("check 127.0.0.1 --scope expired.toml", "expired.toml:5: the scope expired on 2020-12-31"),
        ("check 127.0.0.1 --scope scope.toml --depth count", "deeper than the scope"),
        ("check 127.0.0.9 --scope scope.toml", "127.0.0.9 is out of scope"),
        ("check 127.0.1.1 --scope scope.toml", "no network of the scope 'scope.toml' allows it"),
        ("check 127.0.0.1 --scope profile.toml", "depth 'profile' puts personal data on the wire"),
        ("check 127.0.0.1:9 --depth profile", "needs to know whose archive this is: add --owner"),
        ("check 127.0.0.1:9 --depth prove", "needs to know whose archive this is: add --owner"),
        ("check 127.0.0.1:9 --depth prove --owner=", "must be filled in"),
        ("check 127.0.0.1:9 --owner TODO", "must be filled in"),
        (f"check 127.0.0.1:9 --owner {'x' * 301}", "longer than 300 characters"),
        ("check 127.0.0.1:9 --owner me\x1b[2J", "printable"),
        ("check 192.0.2.1 --owner me", "192.0.2.1 is out of scope: no network outside loopback"),
        ("check pacs.example --owner me --depth prove", "pacs.example is out of scope"),
        ("check 127.0.0.1 --owner me --scope scope.toml", "the scope says who allowed it"),
        ("survey scope.toml", "--out"),
        ("survey broken.toml --out x", "broken.toml:4: 'depth' is 'deep'"),
        ("survey syntax.toml --out x", "syntax.toml:5: not valid TOML"),
        ("survey binary.toml --out x", "cannot be read"),
        ("survey . --out x", "cannot be read"),
        ("survey profile.toml --out x", "depth 'profile' puts personal data on the wire"),
        ("survey scope.toml 192.0.2.0/24 --out x", "not wholly inside"),
        ("survey scope.toml list.txt --out x", "list.txt:4: 8.8.8.8 is outside the scope"),
        ("survey scope.toml 127.0.0.9 --out x", "outside the scope"),
        ("survey scope.toml 127.0.0.9/32 --out x", "no target is left"),
        ("survey scope.toml folder --out x", "folder is a folder, not a list of targets"),
        ("survey scope.toml binary.toml --out x", "binary.toml: cannot be read as a list of targets"),
        ("survey scope.toml nosuchfile.txt:x --out x", "is not a target"),
        ("survey scope.toml --out scope.toml", "not an empty folder"),
        ("survey scope.toml --out .", "not an empty folder"),
        ("report .", "holds no survey"),
        ("report nowhere", "holds no survey"),
        ("scope new scope.toml", "it is not overwritten"),
        ("scope check missing.toml", "no such scope file"),
        ("scope new nowhere/x.toml", "cannot be written"),
        ("rehearse clinic", "no world is called 'clinic'"),
        ("rehearse --scale 0", "--scale"),
        ("rehearse --scale x", "--scale"),
        ("rehearse --out list.txt", "not an empty folder"),
        ("frobnicate", "frobnicate"),
    ],
)
def test_one_line_and_exit_code_2(here: Path, capfd: pytest.CaptureFixture[str], command: str, says: str) -> None:
    before = guard.opened()
    assert run(command.split()) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert says in said.err
    assert said.err.startswith("filmbadge: ")
    assert said.err.count("\n") == 1
    assert guard.opened() == before


@pytest.mark.real
def test_the_installed_command_refuses_the_same_way() -> None:
    archives.filmbadge("check", "192.0.2.1", code=2)


@pytest.mark.real
@pytest.mark.parametrize(
    "command", ["--help", "check 127.0.0.1:9", "check 127.0.0.1:9 --json", "scope check scope.toml"]
)
def test_a_full_disk_behind_standard_output_is_said_in_one_line(here: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [FILMBADGE, *command.split()], stdout=full, stderr=subprocess.PIPE, cwd=here, check=False, env=BUFFERED
        )
    assert ended.returncode == 2
    assert ended.stderr == b"filmbadge: standard output cannot be written (No space left on device)\n"


@pytest.mark.real
@pytest.mark.parametrize("command", ["--help", "scope check scope.toml"])
def test_a_reader_that_had_enough_is_no_error(here: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [FILMBADGE, *command.split()], stdout=writer, stderr=subprocess.PIPE, cwd=here, check=False, env=BUFFERED
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.real
@pytest.mark.parametrize("streams", [">&-", "2>&-", "2>/dev/full", "<&- >&- 2>&-"])
def test_closed_and_full_streams_change_no_exit_code(here: Path, streams: str) -> None:
    """The event loop ended the process where a connection took the number of a stream that was closed."""
    for command, code in ("check 127.0.0.1:9", 0), ("check 192.0.2.1", 2), ("survey scope.toml 127.0.0.1:9 --out x", 0):
        shell = f"exec {FILMBADGE} {command} {streams}"
        ended = subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, cwd=here, check=False, env=BUFFERED)
        assert ended.returncode == code


def test_a_code_page_that_lacks_a_sign_ends_no_command(here: Path) -> None:
    (here / "scope.toml").write_text(GOOD.replace('who = "w"', 'who = "放射線科"'), encoding="utf-8")
    ended = subprocess.run(
        [FILMBADGE, "scope", "check", "scope.toml"],
        capture_output=True,
        cwd=here,
        check=False,
        env=BUFFERED | {"PYTHONIOENCODING": "cp437"},
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"?" in ended.stdout


def test_a_new_scope_is_refused_until_it_is_filled_in(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["scope", "new", "mine.toml"]) == 0
    assert run(["scope", "check", "mine.toml"]) == 2
    assert "mine.toml:" in capfd.readouterr().err
    filled = (here / "mine.toml").read_text().replace("TODO", "done:")
    (here / "mine.toml").write_text(filled)
    assert run(["scope", "check", "mine.toml"]) == 0
    said = capfd.readouterr().out
    assert "would contact 254 addresses" in said
    assert "never asks for personal data or an image" in said


def test_what_an_empty_check_says(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "127.0.0.1:9"]) == 0
    said = capfd.readouterr().out
    assert "no imaging service found" in said
    assert "At no depth do we try a password" in " ".join(said.split())


def test_json_is_all_there_is_on_stdout(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "127.0.0.1:9", "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["endpoints"][0]["rung"] == "silent"


@pytest.mark.parametrize(
    ("more", "depth", "why", "further"),
    [
        ([], "count", "no-statement", "Nobody said whose archive this is"),
        (["--owner", "St. Mary, radiology"], "count", "default", "Without --depth"),
        (["--depth", "ask"], "ask", "asked", ""),
        (["--owner", "St. Mary, radiology", "--depth", "profile"], "profile", "asked", ""),
        (["--owner", "St. Mary, radiology", "--depth", "prove"], "prove", "asked", ""),
        (["--scope", "scope.toml"], "ask", "scope", ""),
    ],
)
def test_a_check_says_what_its_depth_comes_from(
    here: Path, capfd: pytest.CaptureFixture[str], more: list[str], depth: str, why: str, further: str
) -> None:
    assert run(["check", "127.0.0.1:9", "--json", *more]) == 0
    document = json.loads(capfd.readouterr().out)
    assert (document["depth"], document["depth_from"]) == (depth, why)
    assert document["further"].startswith(further) and bool(document["further"]) is bool(further)
    assert document["owner"] == (more[1] if "--owner" in more else "")
    assert run(["check", "127.0.0.1:9", *more]) == 0
    said = " ".join(capfd.readouterr().out.split())
    assert document["further"] in said
    assert ("St. Mary, radiology" in said) is ("--owner" in more)


def test_help_names_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capfd.readouterr().out
    for command in ("check", "survey", "report", "scope", "rehearse"):
        assert command in said
