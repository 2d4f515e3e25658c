"""A check of an address that nobody allowed yet: four questions at the terminal, and a yes, before anything is sent or written."""

from __future__ import annotations

import io
import os
import re
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from filmbadge.cli import ask_scope, run
from filmbadge.model import Depth
from filmbadge.scope import load
from support import guard
from support.hanging import HANGS
from support.isolation import ALONE

if sys.platform != "win32":
    import pty
    import select

FILMBADGE = str(Path(sys.executable).with_name("filmbadge"))
SAID = ["owner", "Dr. A, head of radiology", "T-1", "pacs@clinic.example"]
LAST = "ask 192.0.2.7 now: "


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Session:
    """A command at a terminal, in a network that leads nowhere: what it tries to send is counted there."""

    def __init__(self, *arguments: str) -> None:
        self.shown = ""
        self._read = 0
        self.process, self._terminal = pty.fork()
        if not self.process:
            os.execvpe(ALONE[0], [*ALONE, FILMBADGE, *arguments], {**os.environ, "TERM": "dumb"})

    def until(self, text: str) -> None:
        """Waits until it shows this, after what was waited for before."""
        while text not in self.shown[self._read :]:
            assert self._more(), f"it ended before {text!r}:\n{self.shown}"
        self._read = self.shown.index(text, self._read) + len(text)

    def _more(self) -> bool:
        """Whether it goes on."""
        assert select.select([self._terminal], [], [], HANGS)[0], f"nothing more came:\n{self.shown}"
        try:
            piece = os.read(self._terminal, 4096)
        except OSError:  # the other end is closed
            piece = b""
        self.shown += piece.decode().replace("\r", "")
        return bool(piece)

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def answer(self, answers: Sequence[str]) -> None:
        for number, answer in enumerate(answers, 1):
            self.until(f"{number} of 4.")
            self.until("? ")
            self.type(f"{answer}\n")

    def tried(self) -> int:
        """Packets that it tried to send, and connections that it tried to make."""
        ip, tcp, udp = (self._counters(name) for name in ("Ip", "Tcp", "Udp"))
        return ip["OutRequests"] + ip["OutNoRoutes"] + tcp["ActiveOpens"] + udp["OutDatagrams"]

    def _counters(self, protocol: str) -> dict[str, int]:
        lines = Path(f"/proc/{self.process}/net/snmp").read_text().splitlines()
        names, values = (line.split()[1:] for line in lines if line.startswith(f"{protocol}:"))
        return dict(zip(names, map(int, values), strict=True))

    def end(self) -> int:
        """The exit code, once all was read."""
        while self._more():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    def close(self) -> None:
        try:
            if not os.waitpid(self.process, os.WNOHANG)[0]:
                os.kill(self.process, signal.SIGKILL)
                os.waitpid(self.process, 0)
        except ChildProcessError:
            pass
        os.close(self._terminal)


@pytest.fixture
def session(request: pytest.FixtureRequest) -> Iterator[Session]:
    made = Session("check", *request.param)
    yield made
    made.close()


@pytest.mark.real
@pytest.mark.parametrize("session", [("192.0.2.7", "--ports", "104", "--aet", "STORE")], indirect=True)
def test_after_a_yes_it_goes_on_under_a_scope_of_this_address(session: Session, here: Path) -> None:
    session.answer(SAID)
    session.until(LAST)
    assert session.tried() == 0
    assert list(here.iterdir()) == []
    told = session.shown[session.shown.index("This is what") :]
    assert "would contact 1 address on 1 port each" in told
    assert "tries the AE titles its owner gave: STORE" in told
    assert "allowed by Dr. A, head of radiology (T-1), basis owner" in told
    session.type("yes\n")
    assert session.end() in (0, 3)
    assert "Next time: filmbadge check 192.0.2.7 --scope 192.0.2.7.scope.toml" in session.shown
    asked = re.search(r"(\d+) connections?, 0 bytes sent", session.shown)
    assert asked is not None and int(asked.group(1)) > 0
    scope = load(here / "192.0.2.7.scope.toml")
    assert list(map(str, scope.networks)) == ["192.0.2.7/32"]
    assert (scope.depth, scope.basis, scope.ports, scope.called_titles) == (Depth.PROFILE, "owner", (104,), ("STORE",))
    assert (scope.authority, scope.reference, scope.contact) == tuple(SAID[1:])
    assert scope.expires is not None
    assert timedelta(days=6) < scope.expires - datetime.now(UTC) < timedelta(days=8)


@pytest.mark.real
@pytest.mark.parametrize("session", [("192.0.2.7",)], indirect=True)
def test_ctrl_c_ends_it_at_the_last_question(session: Session, here: Path) -> None:
    session.answer(SAID)
    session.until(LAST)
    session.type("\x03")
    assert session.end() == 3
    assert session.shown.endswith("^C\nfilmbadge: interrupted: nothing was sent, and nothing was written\n")
    assert list(here.iterdir()) == []


@pytest.mark.real
@pytest.mark.parametrize("session", [("192.0.2.7",)], indirect=True)
def test_ctrl_d_ends_it_at_the_first_question(session: Session, here: Path) -> None:
    session.until("? ")
    session.type("\x04")
    assert session.end() == 2
    assert session.shown.endswith("filmbadge: the input ended: nothing was sent, and nothing was written\n")
    assert list(here.iterdir()) == []


def at_a_terminal(monkeypatch: pytest.MonkeyPatch, answers: Sequence[str]) -> None:
    monkeypatch.setattr(ask_scope, "_somebody_is_there", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))


@pytest.mark.parametrize(
    ("arguments", "answers", "says"),
    [
        ("", [*SAID, "no"], "not agreed to: nothing was sent"),
        ("", [*SAID, "y"], "not agreed to: nothing was sent"),
        ("", [*SAID, "YES"], "not agreed to: nothing was sent"),
        ("", [*SAID, ""], "not agreed to: nothing was sent"),
        ("", SAID, "the input ended: nothing was sent"),
        ("", SAID[:2], "the input ended: nothing was sent"),
        ("", ["me", "you", "him"], "3 answers could not stand in a scope: nothing was sent"),
        ("", ["owner", "", " ", "TODO"], "3 answers could not stand in a scope: nothing was sent"),
        ("", ["owner", "x" * 301, "a\x1b[2Jb", "TODO"], "3 answers could not stand in a scope: nothing was sent"),
        ("--depth profile", ["research"] * 3, "3 answers could not stand in a scope: nothing was sent"),
        ("--aet TOO-LONG-TO-BE-A-TITLE", SAID, "--aet: 'TOO-LONG-TO-BE-A-TITLE' is not an AE title"),
    ],
)  # fmt: skip
def test_nothing_is_sent_or_written_without_a_yes(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    arguments: str,
    answers: list[str],
    says: str,
) -> None:
    at_a_terminal(monkeypatch, answers)
    before = guard.opened()
    assert run(["check", "192.0.2.7", *arguments.split()]) == 2
    said = capfd.readouterr()
    assert f"filmbadge: {says}" in said.err.splitlines()[-1]
    assert said.out == ""
    assert guard.opened() == before
    assert list(here.iterdir()) == []


def test_a_wrong_answer_is_asked_for_again_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    at_a_terminal(monkeypatch, ["me", "research", "", *SAID[1:], "no"])
    assert run(["check", "2001:db8::7"]) == 2
    said = capfd.readouterr().err
    assert "it must be owner or mandate or research" in said
    assert "it must be filled in, as text" in said
    assert "asks each archive one small question" in said  # who does not own it asks little
    assert "Type yes to write 2001_db8__7.scope.toml" in said


@pytest.mark.parametrize("owner", [(), ("--owner", "St. Mary's")])
def test_without_a_terminal_it_prints_the_line_to_type(
    here: Path, capfd: pytest.CaptureFixture[str], owner: tuple[str, ...]
) -> None:
    """The line is refused until its TODOs are filled in, and then it writes a scope for this address."""
    assert run(["check", "192.0.2.7:104", "--depth", "ask", "--aet", "A B", *owner]) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    line = shlex.split(said.partition("write one: ")[2])
    assert line[:5] == ["filmbadge", "scope", "new", "192.0.2.7.scope.toml", "192.0.2.7"]
    assert run(line[1:]) == 2
    assert "must be filled in" in capfd.readouterr().err
    assert run([word.replace("TODO", "done") for word in line[1:]]) == 0
    scope = load(here / "192.0.2.7.scope.toml")
    assert scope.permits(ip_address("192.0.2.7")) and scope.addresses()[0].size == 1
    assert (scope.depth, scope.ports, scope.called_titles) == (Depth.ASK, (104,), ("A B",))
    assert scope.authority == (owner[1] if owner else "done-who-allowed-it")


def test_a_scope_file_that_still_holds_is_named(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made = ["scope", "new", "192.0.2.7.scope.toml", "192.0.2.7", "--who", "w", "--reference", "r", "--contact", "c"]
    assert run([*made, "--depth", "ask"]) == 0
    at_a_terminal(monkeypatch, [*SAID, "no"])
    assert run(["check", "192.0.2.7"]) == 2
    said = capfd.readouterr().err
    assert said.endswith("is one: filmbadge check 192.0.2.7 --scope 192.0.2.7.scope.toml\n") and "1 of 4" not in said
    before = (here / "192.0.2.7.scope.toml").read_bytes()
    assert run(["check", "192.0.2.7", "--depth", "count"]) == 2  # it does not allow that
    assert "Type yes to write 192.0.2.7.2.scope.toml" in capfd.readouterr().err
    expired = before.replace(b"expires = 2", b"expires = 1")
    (here / "192.0.2.7.scope.toml").write_bytes(expired)
    at_a_terminal(monkeypatch, [*SAID, "no"])
    assert run(["check", "192.0.2.7"]) == 2
    assert "Type yes to write 192.0.2.7.2.scope.toml" in capfd.readouterr().err
    assert (here / "192.0.2.7.scope.toml").read_bytes() == expired


@pytest.mark.parametrize("target", ["224.0.0.1", "0.0.0.0", "ff02::1"])
def test_what_no_scope_can_allow_is_not_asked_about(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], target: str
) -> None:
    at_a_terminal(monkeypatch, [*SAID, "yes"])
    before = guard.opened()
    assert run(["check", target]) == 2
    said = capfd.readouterr().err
    assert "of no single host" in said and "1 of 4" not in said
    assert guard.opened() == before
