"""What is on the wire when a scope expires, packet by packet: a farewell just before, and after its end nothing."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from filmbadge.ask import web
from filmbadge.ask.dimse import identify, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import read
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import LOOK_UP_SECONDS, LOOK_UPS, Dialer, OutOfScope
from filmbadge.ask.wire.permission import STOPS_EARLY_SECONDS
from filmbadge.keep.reader import Dataset
from filmbadge.model import Cause, Depth, Host, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, Scope
from filmbadge.survey import engine
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import SurveyError
from support import certificates
from support.capture import Capture, Packet, capturing
from support.dimse_peer import Peer, studies
from support.hanging import HANGS
from support.http_site import http
from support.loopback import HERE, Handler, Talker, caps, contact, listening, run
from support.name_server import name_server

LASTS, AFTER = (
    2.0,
    1.5,
)  # seconds: of a scope, in which a busy machine asks something too; and in which its end is watched
EXPIRED = Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED)


def short() -> tuple[Scope, float]:
    """A scope that expires in a moment, and when that is."""
    end = time.time() + LASTS
    scope = replace(LOOPBACK, name="a scope", expires=datetime.fromtimestamp(end, UTC))
    return replace(scope, caps=caps(connect_seconds=30, idle_seconds=30, seconds=60, patience_seconds=30)), end


async def ask_on(step: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Ask one thing after the other, as long as the scope lets us, and then see what comes after."""
    with pytest.raises(OutOfScope):
        while True:
            await step()


class Asker(Talker):
    """Asks again after each answer; with `rests`, after a rest."""

    def __init__(self, rests: float = 0.0) -> None:
        super().__init__(b"question")
        self.rests = rests

    def received(self, data: memoryview) -> int:
        if self.rests:
            self.line.rest(self.rests, lambda: self.line.send(b"question"))
        else:
            self.line.send(b"question")
        return len(data)


def answering(seconds: float) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            await asyncio.sleep(seconds)
            writer.write(b"answer")

    return handler


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def carried(
    handler: Handler, talk: Callable[[], Talker], tls: certificates.Pair | None = None, *, secure: bool = False
) -> tuple[list[Packet], list[JournalRow], float]:
    """What was sent to a peer, the journal, and when the scope ended. Nothing was sent after that."""

    async def work(seen: Capture) -> tuple[list[Packet], list[JournalRow], float]:
        async with listening(handler, tls=None if tls is None else tls.server()) as port:
            scope, end = short()
            (there, rows) = contact(scope)

            async def step() -> None:
                await there.dial(port, talk(), question="t", tls=secure)

            await ask_on(step)
            await asyncio.sleep(end + AFTER - time.time())
            assert seen.sent_to(port, end) == []
            sent = seen.sent_to(port, 0.0)
            assert sent, "nothing was asked while the scope held"
            return sent, rows, end

    with capturing() as seen:
        return run(work(seen))


@pytest.mark.parametrize(
    ("peer", "rests"),
    [(answering(0.001), 0.0), (answering(0.5), 0.0), (answering(0.0), 0.05), (answering(0.0), 5.0), (mute, 0.0)],
)
def test_an_open_line_says_farewell_and_nothing_else(peer: Handler, rests: float) -> None:
    sent, rows, end = carried(peer, lambda: Asker(rests))
    # Without a farewell where the peer had not acknowledged the last question: then the connection is reset.
    assert b"bye" not in [packet.payload for packet in sent[:-1]]
    assert sent[-1].payload in (b"bye", b"question")
    assert rows[-1].stop == EXPIRED
    assert rows[-1].at.timestamp() < end


@pytest.mark.parametrize("rests", [0.0, 0.05])
def test_over_tls_nothing_is_said_after_the_end(tmp_path: Path, rests: float) -> None:
    _, rows, _ = carried(answering(0.001), lambda: Asker(rests), certificates.make(tmp_path), secure=True)
    assert rows[-1].stop == EXPIRED


def test_no_handshake_begins_or_is_made_again_after_the_end() -> None:
    """The peer takes the connection, waits for the hello, and hangs up in the middle of the handshake, again and again."""

    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        await asyncio.sleep(0.11)
        writer.write(b"\x15\x03\x01\x00\x02\x02\x28")  # alert: handshake failure

    for peer in (hangs_up, mute):
        _, rows, _ = carried(peer, Asker, secure=True)
        assert rows[-1].stop == EXPIRED


def test_a_connect_under_way_is_given_up() -> None:
    """The peer's backlog is full, so the system sends SYN after SYN: at 1, 3 and 7 seconds."""
    with socket.socket() as full, capturing() as seen:
        full.bind((str(HERE), 0))
        full.listen(0)
        port = full.getsockname()[1]
        others = [socket.socket() for _ in range(8)]
        for other in others:
            other.setblocking(False)
            other.connect_ex((str(HERE), port))

        async def work() -> list[JournalRow]:
            scope, end = short()
            there, rows = contact(scope)
            for secure in (False, True):
                asked = there.dial(port, Talker(), question="t", tls=secure)
                outcome = (await asyncio.gather(asked, return_exceptions=True))[0]
                assert isinstance(outcome, JournalRow | OutOfScope)
            for other in others:
                other.close()
            await asyncio.sleep(end + AFTER - time.time())
            assert [packet for packet in seen.all(end) if packet.opens] == []
            return rows

        assert [row.stop for row in run(work())] == [EXPIRED]


class Silent(Peer):
    """Takes the association, and never answers a question."""

    def reply(self, context: int, request: Command, fragment: bytes) -> bytes:
        return b""


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("peer", [Peer, Silent])
def test_an_association_is_aborted_once_and_no_question_follows(tmp_path: Path, peer: type[Peer], tls: bool) -> None:
    async def work(seen: Capture) -> None:
        context = certificates.make(tmp_path).server() if tls else None
        async with listening(peer(studies(1, 2, 3)).handle, tls=context) as port:
            scope, end = short()
            there, rows = contact(scope)
            await ask_on(lambda: identify.ask(there, port, Depth.ASK, tls=tls))
            await asyncio.sleep(end + AFTER - time.time())
            assert seen.sent_to(port, end) == []
            assert all(row.at.timestamp() < end for row in rows)
            last = [packet.payload for packet in seen.sent_to(port, end - STOPS_EARLY_SECONDS)]
            assert tls or all(said[:1] != bytes([pdu.ABORT]) for said in last[:-1])
            if peer is Silent:
                assert len(last) == 1
                assert tls or last[0][0] == pdu.ABORT
                assert rows[-1].stop == EXPIRED

    with capturing() as seen:
        run(work(seen))


def test_no_page_is_asked_for_after_the_end() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            await asyncio.sleep(0.02)
            writer.write(http("404 Not Found"))

    async def work(seen: Capture) -> None:
        async with listening(slow) as port:
            scope, end = short()
            there, rows = contact(scope)
            await ask_on(lambda: web.identify_either(there, port, Depth.ASK))
            await asyncio.sleep(end + AFTER - time.time())
            assert seen.sent_to(port, 0.0)
            assert seen.sent_to(port, end) == []
            assert rows[-1].stop == EXPIRED

    with capturing() as seen:
        run(work(seen))


def test_bytes_that_the_peer_does_not_take_are_not_sent_later() -> None:
    """It reads nothing until the scope has expired. What waits is dropped with the connection."""
    room = 1 << 20

    async def work(seen: Capture) -> None:
        over = asyncio.Event()

        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await over.wait()
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            while await reader.read(1 << 16):
                pass

        async with listening(late) as port:
            scope, end = short()
            there, rows = contact(scope)
            row = await there.dial(port, Talker(bytes(16 * room)), question="t")
            over.set()
            await asyncio.sleep(end + AFTER - time.time())
            assert row.stop == EXPIRED
            assert [packet for packet in seen.sent_to(port, end + 0.2) if packet.payload] == []
            assert rows == [row]

    with capturing() as seen:
        run(work(seen))


def test_a_clock_that_is_older_than_the_journal_resumes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scope's end would be judged by that clock."""
    scope = replace(LOOPBACK, name="a scope", dimse_ports=(9,), dimse_tls_ports=(), web_ports=(), web_tls_ports=())
    targets = read(["127.0.0.1"], scope)
    run(Survey(scope, targets, ["127.0.0.1"], tmp_path).run(Mute()))
    Survey(scope, targets, ["127.0.0.1"], tmp_path, resume=True)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - timedelta(hours=1)

    monkeypatch.setattr(engine, "datetime", Earlier)
    with pytest.raises(SurveyError, match="set the clock right"):
        Survey(scope, targets, ["127.0.0.1"], tmp_path, resume=True)


class Mute:
    def host_done(self, host: Host) -> None:
        pass


def test_a_clock_that_is_set_back_does_not_revive_a_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    """By either clock it is over once it was over."""

    async def work() -> None:
        now = time.time()
        door = Dialer(replace(LOOPBACK, name="a scope", expires=datetime.fromtimestamp(now + 100, UTC)), print)
        port = door.scope.dimse_ports[0]
        assert door.permits(HERE, port)
        monkeypatch.setattr(time, "time", lambda: now + 101)
        assert not door.permits(HERE, port)
        monkeypatch.setattr(time, "time", lambda: now)
        assert door.expired
        door = Dialer(replace(LOOPBACK, name="a scope", expires=datetime.fromtimestamp(now + 100, UTC)), print)
        monkeypatch.setattr(time, "time", lambda: now - 10_000)
        running = time.monotonic()
        monkeypatch.setattr(time, "monotonic", lambda: running + 101)
        with pytest.raises(OutOfScope, match="expired"):
            await Contact(door, ip_address("127.0.0.1")).dial(port, Talker(), question="t")
        with pytest.raises(OutOfScope, match="expired"):
            await door.resolve("127.0.0.1")

    run(work())


NAMES = [f"n{number}.example" for number in range(12)]
COMMAND = str(Path(sys.executable).with_name("filmbadge"))


def scope_file(directory: Path) -> Path:
    path = directory / "scope.toml"
    path.write_text(
        'schema = "filmbadge.scope/1"\nnetworks = ["127.0.0.0/8"]\ndepth = "ask"\nexpires = 2099-12-31\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
        "[ports]\ndimse = [9]\ndimse_tls = []\nweb = []\nweb_tls = []\n"
    )
    return path


def test_a_survey_of_names_that_no_server_answers_ends_in_its_bound(tmp_path: Path) -> None:
    """Twelve names, at most eight at once, ten seconds each: less than one after the other, on a busy machine too."""
    command = [COMMAND, "survey", str(scope_file(tmp_path)), *NAMES, "--out", str(tmp_path / "out"), "--json"]
    with name_server(None) as asked:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=(len(NAMES) - 1) * LOOK_UP_SECONDS, check=False
        )
    assert ended.returncode == 3, ended.stderr
    told = json.loads(ended.stdout)
    assert (told["connections"], told["lookups"]) == (0, len(NAMES))
    assert set(asked) == set(NAMES)
    rows = Dataset(tmp_path / "out").rows("SELECT port, sent, received, cause FROM journal")
    assert {tuple(row.values())[:3] for row in rows} == {(None, None, None)}
    assert {row["cause"] for row in rows} <= {Cause.LOOK_UP_LIMIT, Cause.LOOK_UP_FAILED}


def test_an_interruption_ends_a_look_up_and_the_process(tmp_path: Path) -> None:
    # No server is asked twice, however long we take to interrupt.
    patient = f"from filmbadge.ask.wire import dialer; dialer.LOOK_UP_SECONDS = dialer._SERVER_SECONDS = {2.0 * HANGS}"
    run_it = f"{patient}; from filmbadge.cli import main; main()"
    survey = ["survey", str(scope_file(tmp_path)), *NAMES, "--out", str(tmp_path / "out")]
    command = [sys.executable, "-c", run_it, *survey]
    with name_server(None) as asked, capturing() as seen:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while len(set(asked)) < LOOK_UPS:
                assert process.poll() is None, "it ended before it was interrupted"
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            end = time.time()
            assert process.wait(HANGS) == 3  # half its bound
        finally:
            process.kill()
        assert [packet for packet in seen.all(end + 0.5) if packet.looks_up] == []
    kept = Dataset(tmp_path / "out")
    assert kept.lookups() == LOOK_UPS
    assert {row["ending"] for row in kept.rows("SELECT ending FROM journal")} == {OutcomeKind.INTERRUPTED}
