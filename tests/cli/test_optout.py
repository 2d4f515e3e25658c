"""`filmbadge optout`, and a survey that keeps to it; result files on the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from filmbadge.ask.targets.exports.seen import Dropped
from filmbadge.cli import run
from filmbadge.tell.words import Words
from support.hanging import HANGS
from support.loopback import deaf_port

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
SCOPE = """schema = "filmbadge.scope/1"
networks = ["127.9.7.0/28"]
exclude = [{exclude}]
depth = "knock"
expires = 2099-12-31
[authority]
who = "w"
reference = "r"
basis = "owner"
contact = "c"
[ports]
dimse = [{port}]
dimse_tls = []
web = []
web_tls = []
[pace]
overall = 5000
per_network = 5000
per_host = 1000
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with deaf_port() as port:
        (tmp_path / "scope.toml").write_text(SCOPE.format(port=port, exclude=""))
        (tmp_path / "named.toml").write_text(SCOPE.format(port=port, exclude='"127.9.7.1/32", "@lists/out.txt"'))
    return tmp_path


def filmbadge(*arguments: str) -> tuple[int, str, str]:
    done = subprocess.run([FILMBADGE, *arguments], capture_output=True, text=True, check=False, timeout=HANGS)
    return done.returncode, done.stdout, done.stderr


def test_a_line_once_with_the_day_and_by_whom(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["optout", "127.9.7.3", "--by", "St. Mary's"]) == 0
    assert "Added 127.9.7.3/32 to optout.txt. Every scope in its folder reads it." in capsys.readouterr().err
    assert run(["optout", "127.9.7.3"]) == 0
    assert "optout.txt covers 127.9.7.3/32 already" in capsys.readouterr().err
    (line,) = (here / "optout.txt").read_text().splitlines()
    assert line == f"127.9.7.3/32  # opted out {datetime.now(UTC):%Y-%m-%d} by St. Mary's"


def test_the_list_that_a_scope_names(here: Path) -> None:
    (here / "lists").mkdir()
    assert run(["optout", "127.9.7.0/30", "--scope", "named.toml"]) == 0
    assert run(["optout", "127.9.7.9", "--scope", "scope.toml"]) == 0
    assert run(["optout", "127.9.7.9", "--list", "mine"]) == 0
    assert [path.read_text().split()[0] for path in (here / "lists/out.txt", here / "optout.txt", here / "mine")] == [
        "127.9.7.0/30", "127.9.7.9/32", "127.9.7.9/32",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["pacs.example"], "'pacs.example' is not an address or a network: it must be like"),
        (["127.9.7.1/24"], "it has host bits set"),
        (["127.9.7.1", "--list", "a", "--scope", "scope.toml"], "name a list or a scope, not both"),
        (["127.9.7.1", "--scope", "nest.toml"], "nest.toml: no such scope file"),
        (["127.9.7.1", "--by", "a\nb"], "--by must be one line"),
        (["127.9.7.1", "--list", "no/such/folder"], "cannot be written"),
        (["127.9.7.1", "--scope", "named.toml"], "lists/out.txt cannot be written"),
    ],
)
def test_refused_in_one_line(arguments: list[str], says: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["optout", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_a_survey_and_its_resumption_leave_alone_who_opted_out(here: Path) -> None:
    found = here / "found"
    found.write_text(
        "".join(json.dumps({"ip": ip, "port": 9}) + "\n" for ip in ("127.9.7.2", "127.9.7.3", "198.51.100.1"))
    )
    (here / "list").write_text("127.9.7.4\n127.9.7.5\n")
    command = ("survey", "scope.toml", "found", "list", "--out", "out")
    assert run(["optout", "127.9.7.3"]) == 0
    _, _, said = filmbadge(*command)
    assert "left out: 1 outside the scope, 1 opted out" in said
    told = json.loads((here / "out/survey.json").read_text())
    assert (told["hosts"], told["dropped"], told["opted_out"]) == (3, {"outside-scope": 1, "opted-out": 1}, 1)
    assert list(told["scope"]["lists"]) == ["optout.txt"]
    assert run(["optout", "127.9.7.5"]) == 0
    code, _, said = filmbadge(*command, "--resume")
    assert code in (0, 3), said
    code, out, _ = filmbadge("report", "out", "--json", "-")
    report = json.loads(out)
    assert (code, report["opted_out"], report["dropped"]["opted-out"]) == (0, 2, 2)
    shown = " ".join(filmbadge("report", "out")[1].split())
    assert "Opted out, and left alone since: 2 addresses or networks." in shown
    assert "Left out: 1 outside the scope, 2 opted out." in shown
    assert run(["report", "out", "--html", "page.html"]) == 0
    assert "left alone since: 2 addresses" in (here / "page.html").read_text()
    (here / "optout.txt").write_text("")
    code, _, said = filmbadge(*command, "--resume")
    assert (code, said.count("\n")) == (2, 1)
    assert "exclusions may be added, and none taken away" in said


def test_what_was_cut_is_said_and_the_rest_is_asked(here: Path) -> None:
    (here / "found").write_text('[\n{"ip": "127.9.7.2", "port": 9},\n{"ip": "127.9.7.3", "po')
    _, _, said = filmbadge("survey", "scope.toml", "found", "--out", "out")
    assert "found: cut off at line 3; what came before is taken" in said
    assert json.loads((here / "out/survey.json").read_text())["hosts"] == 1


def test_every_reason_has_words() -> None:
    told = Words().dropped({str(why): 2 for why in Dropped})
    assert told.count(", ") == len(Dropped) - 1
    assert not Words().dropped({})
    assert not Words().dropped({"another": 1})
