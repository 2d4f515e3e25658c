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
    (tmp_path / "empty.toml").touch()
    (tmp_path / "binary.toml").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    asked = {"target": "127.0.0.1:9", "depth": "count", "archives": [], "schema": "filmbadge.check/1"}
    for name, rung, why in (("shut", "silent", "port-closed"), ("open", "discloses", "records-given")):
        way = {"address": "127.0.0.1", "port": 9, "protocol": "dimse", "rung": rung, "why": why, "conclusive": True}
        (tmp_path / f"{name}.json").write_text(json.dumps({**asked, "endpoints": [way]}))
    (tmp_path / "list.txt").write_text("127.0.0.1\n# a comment\n127.0.0.2:104 # and one more\n8.8.8.8\n")
    return tmp_path


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("check", "TARGET"),
        ("check 192.0.2.1", "192.0.2.1 is out of scope: no network outside this machine"),
        ("check 2001:db8::1", "2001:db8::1 is out of scope: no network outside this machine"),
        ("check ::1:104", "::1:104 is of no single host (is [::1]:104 meant?): no scope can allow it"),
        ("check 2001:db8::7:11112", "is not a target: write HOST, HOST:PORT,PORT or [IPv6]:PORT"),
        ("check 2001:db8::7:1111", "is out of scope (is [2001:db8::7]:1111 meant?): no network outside this machine"),
        ("check pacs.example", "pacs.example is out of scope"),
        (
            "check pacs.example",
            "Nobody looked this name up: find its address, such as with nslookup pacs.example, and then",
        ),
        ("check 127.0.0.1:0", "a port is 1 to 65535"),
        ("check 127.0.0.1:abc", "is not a target"),
        ("check 127.0.0.1/24", "is a network, and not one host: filmbadge survey SCOPE 127.0.0.1/24 --out FOLDER"),
        ("check 192.0.2.0/24", "is a network, and not one host: filmbadge survey SCOPE 192.0.2.0/24 --out FOLDER"),
        ("check http://192.0.2.7:8042/app", "a URL is no target; write its host and its port: 192.0.2.7:8042"),
        ("check https://me:secret@pacs.example/a?b#c", "write its host and its port: pacs.example:443"),
        ("check http://[::1]:x/", "write its host and its port: [::1]:80"),
        ("check 127.0.0.1:4242-4245", "ports are named one by one: 4242,4243,4244,4245"),
        ("check 127.0.0.1:1-60000", "ports are named one by one: 1,2,3,4,5,6,7,8,9,10,11,12,…"),
        ("check 127.0.0.1:", "no port is named, such as 104"),
        ("check 127.0.0.1:104,", "ports are written with commas between them, such as 104,8042"),
        ("check scope.toml", "scope.toml is a file, and check asks one host: filmbadge check HOST --scope scope.toml"),
        ("check list.txt", "and check asks one host: filmbadge survey SCOPE list.txt --out FOLDER"),
        ("check 127.0.0.1 127.0.0.2", "not 127.0.0.2 too; for several: filmbadge survey SCOPE TARGET 127.0.0.2 --out"),
        ("check 127.0.0.1 --json yes", "check has all that it takes, and this is left: yes (filmbadge check --help)"),
        ("check 127.0.0.1 --scop scope.toml", "there is no option --scop: is it --scope? (filmbadge check --help)"),
        ("check 127.0.0.1 --jsn", "there is no option --jsn: is it --json? (filmbadge check --help)"),
        ("check 127.0.0.1 --json=maybe", "--json takes no value: write --json alone"),
        ("check -- 127.0.0.1 --json", "--json stands after --, where no option is read: write it before"),
        ("check 127.0.0.1 --depth", "--depth needs a value (filmbadge check --help)"),
        ("check 127.0.0.1 --depth Ask", "--depth cannot be 'Ask': is it ask? Choose from: knock, ask"),
        ("check 127.0.0.1 --depth ask --depth ask", "--depth is given more than once"),
        ("check 127.0.0.1 --scope scop.toml", "scop.toml: no such scope file: is it scope.toml?"),
        ("check 127.0.0.1 --scope folder", "folder: cannot be read as a scope file: Is a directory (write one with"),
        ("check 127.0.0.1 --scope empty.toml", "'schema' is missing (and 7 more: filmbadge scope check empty.toml)"),
        ("check 127.0.0.1:104 --ports 8042", "ports are named twice, in 127.0.0.1:104 and with --ports"),
        ("check 127.0.0.1 --ports 1-2", "ports are named one by one: 1,2"),
        ("check 127.0.0.1 --ports 1,x", "ports are written with commas between them"),
        ("check 127.0.0.1 --ports=", "no port is named"),
        ("check 127.0.0.1 --aet seventeen-letters", "--aet: 'seventeen-letters' is not an AE title"),
        ("check 127.0.0.1 --scope scope.toml --ports 105", "port 105 is not in the scope 'scope.toml': it lists 104, "),
        ("check 127.0.0.1 --scope scope.toml --aet A", "AE title A is not in the scope 'scope.toml': it lists none"),
        ("survey scope.toml --depth count --out x", "deeper than the scope 'scope.toml' allows (ask)"),
        ("survey scope.toml --ports 105 --out x", "port 105 is not in the scope 'scope.toml': it lists 104, "),
        ("survey scope.toml --aet A --out x", "AE title A is not in the scope 'scope.toml': it lists none"),
        (
            "survey scope.toml http://127.0.0.1/ --out x",
            "a URL is no target; write its host and its port: 127.0.0.1:80",
        ),
        ("survey 127.0.0.1 scope.toml --out x", "127.0.0.1: this is an address or a network, where a scope file is"),
        ("survey scope.toml 127.0.0.1 --ot x", "survey needs --out: is it meant by --ot? (filmbadge survey --help)"),
        ("survey scope.toml --out x --seed y", "--seed is a whole number, and not 'y' (filmbadge survey --help)"),
        ("check 127.0.0", "is not a complete address"),
        ("check 127.0.0.1 --depth deep", "--depth cannot be 'deep'; choose from: knock, ask, count, profile, prove"),
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
        ("check 192.0.2.1 --owner me", "192.0.2.1 is out of scope: no network outside this machine"),
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
        ("verify", "filmbadge verify BEFORE TARGET"),
        ("verify before.json", "filmbadge verify BEFORE TARGET"),
        ("verify missing.json 127.0.0.1", "missing.json cannot be used: No such file"),
        ("verify folder 127.0.0.1", "folder holds no survey"),
        ("verify binary.toml 127.0.0.1", "neither a survey's folder nor a JSON document of a check"),
        ("verify scope.toml 127.0.0.1", "make one with filmbadge check TARGET --json > before.json"),
        ("verify shut.json 127.0.0.2", "is about 127.0.0.1:9, not about 127.0.0.2"),
        (
            "verify shut.json 127.0.0.1",
            "shows no way in that was open at 127.0.0.1, so there is nothing to prove closed",
        ),
        ("verify open.json 127.0.0.1 --scope expired.toml", "expired.toml:5: the scope expired"),
        ("verify open.json 127.0.0.1 --html open.json", "would destroy open.json, which is read"),
        ("verify open.json 127.0.0.1 --html page.public.html", "says public, and this is for owner"),
        (
            "verify open.json 127.0.0.1 --sign key.pem",
            "--sign signs the JSON document, and none is written: add --json",
        ),
        ("verify open.json 127.0.0.1 --json --sign scope.toml", "is no private key in PEM"),
        ("verify open.json 127.0.0.1 --signature a --key b", "does nothing else"),
        ("verify --signature open.json", "to check a signature, both are needed"),
        ("verify --signature open.json --key scope.toml", "is no public key in PEM"),
        ("report .", "holds no survey"),
        ("report nowhere", "holds no survey"),
        ("scope new scope.toml", "it is not overwritten"),
        ("scope chek scope.toml", "there is no command 'chek': is it filmbadge scope check?"),
        ("scope new 192.0.2.7", "the file comes first: filmbadge scope new FILE 192.0.2.7 --who TODO"),
        ("survey scope.toml lists.txt --out x", "no such file: lists.txt: is it list.txt?"),
        ("optout 192.0.2.7 --scope scop.toml", "scop.toml: no such scope file: is it scope.toml?"),
        ("scope check", "scope check needs a FILE (filmbadge scope check --help)"),
        (
            "scope new x 192.0.2.7",
            "--who, --reference, --contact must be given too: filmbadge scope new x 192.0.2.7 --who",
        ),
        (
            "scope new x --who w",
            "ADDRESS and --reference, --contact must be given too: filmbadge scope new x ADDRESS --who w",
        ),
        ("scope check missing.toml", "no such scope file"),
        ("scope new nowhere/x.toml", "cannot be written"),
        ("rehearse clinic", "no world is called 'clinic'"),
        ("rehearse --scale 0", "--scale"),
        ("rehearse --scale x", "--scale"),
        ("rehearse --out list.txt", "not an empty folder"),
        ("frobnicate", "there is no command 'frobnicate'; these are there: check, survey, "),
        ("chek 127.0.0.1", "there is no command 'chek': is it filmbadge check?"),
        ("127.0.0.1:104", "'127.0.0.1:104' is no command; to check this host: filmbadge check 127.0.0.1:104"),
        ("--vers", "there is no option --vers: is it --version? (filmbadge --help)"),
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
    lines = capfd.readouterr().err.splitlines()[-4:]  # all at once, a line each
    assert all(line.startswith("filmbadge: mine.toml:") for line in lines)
    assert "is the example network" in lines[0] and "'authority.contact' must be filled in" in lines[3]
    filled = (here / "mine.toml").read_text().replace("TODO", "done:").replace("192.0.2.0/24", "198.51.100.0/24")
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


def test_an_empty_target_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    for nothing in ("", " "):
        assert run(["check", nothing]) == 2
        assert "the target is empty: write HOST, HOST:PORT,PORT or [IPv6]:PORT" in capfd.readouterr().err


@pytest.mark.parametrize("short", ["-V", "--version"])
def test_a_version_has_a_short_name(capfd: pytest.CaptureFixture[str], short: str) -> None:
    assert run([short]) == 0
    assert capfd.readouterr().out.startswith("filmbadge ")


def test_without_a_command_there_is_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert capfd.readouterr().out.startswith("Usage: filmbadge COMMAND")


def test_it_is_called_the_same_as_a_module(here: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "filmbadge", "check"], capture_output=True, text=True, cwd=here, check=False
    )
    assert (ended.returncode, ended.stderr) == (2, "filmbadge: check needs a TARGET (filmbadge check --help)\n")


@pytest.mark.parametrize(
    ("more", "ports"),
    [
        ("127.0.0.1 --scope scope.toml --ports 104,443", [104, 443]),
        ("127.0.0.1 --ports 9,10 --aet STORE", [9, 10]),
        ("localhost --ports 9 --depth ask", [9]),
    ],
)
def test_only_the_ports_of_the_command_line_are_asked(
    here: Path, capfd: pytest.CaptureFixture[str], more: str, ports: list[int]
) -> None:
    assert run(["check", *more.split(), "--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert sorted({endpoint["port"] for endpoint in document["endpoints"]}) == ports


def test_a_survey_keeps_the_scope_as_it_was_narrowed(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    more = ["survey", "scope.toml", "127.0.0.1", "--out", "s", "--depth", "knock", "--ports", "104,443"]
    assert run([*more, "--json"]) == 0
    scope = json.loads(capfd.readouterr().out)["scope"]
    assert (scope["depth"], scope["dimse_ports"], scope["web_tls_ports"]) == ("knock", [104], [443])
    assert (scope["dimse_tls_ports"], scope["web_ports"]) == ([], [])
    assert run([*more, "--resume"]) == 0
    for other in (more[:-2], [*more[:-1], "104"], ["survey", "scope.toml", "127.0.0.1", "--out", "s"]):
        capfd.readouterr()
        assert run([*other, "--resume"]) == 2
        assert "or with other --depth, --ports or --aet" in capfd.readouterr().err


def test_help_names_every_command(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capfd.readouterr().out
    for command in ("check", "survey", "report", "scope", "rehearse"):
        assert command in said
