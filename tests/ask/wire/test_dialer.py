"""The door: scope, pace, caps, and a journal row for every connection."""

from __future__ import annotations

import asyncio
import errno
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from itertools import groupby
from pathlib import Path
from random import Random

import pytest

from filmbadge.ask.errors import WireError
from filmbadge.ask.wire import dialer as dialer_module
from filmbadge.ask.wire.conversation import Connection
from filmbadge.ask.wire.dialer import OutOfScope, _Line, _Poll, _Wire
from filmbadge.ask.wire.patience import ONE_SYN_SECONDS, Patience
from filmbadge.ask.wire.permission import Permission
from filmbadge.loops import new_event_loop
from filmbadge.model import Cause, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, Address, RateLimits, network_of
from support import certificates, guard
from support.hanging import HANGS
from support.loopback import HERE, Talker, caps, deaf_port, dialer, listening, run


@pytest.fixture(autouse=True, params=["our transport", "the loop's"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux has one of our own. Elsewhere the event loop's does the same."""
    if request.param == "our transport" and sys.platform != "linux":
        pytest.skip("only Linux has epoll")
    monkeypatch.setattr(dialer_module, "_EDGES", request.param == "our transport")
    return str(request.param)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(bytes(65536))
        await writer.drain()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(1000):
        writer.write(b".")
        await asyncio.sleep(0.01)


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


def test_a_talk_is_carried_and_journalled() -> None:
    async def work() -> None:
        door, rows = dialer()
        async with listening(echo) as port:
            talk = Talker(b"hello", enough=5)
            row = await door.dial(HERE, port, talk, question="test")
        assert talk.heard == b"hello"
        assert rows == [row]
        assert (row.address, row.port, row.question) == ("127.0.0.1", port, "test")
        assert (row.sent, row.received, row.stop.ending) == (5, 5, OutcomeKind.COMPLETED)
        assert row.at <= datetime.now(UTC)
        assert door.sources == ("127.0.0.1",)

    run(work())


@pytest.mark.parametrize("ours", [True, False])
def test_our_own_address_is_known_of_connections_that_were_made_or_refused(
    ours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over our own transport, and over the loop's, which tells nothing of a socket that was refused."""
    monkeypatch.setattr(dialer_module, "_EDGES", ours)

    async def work() -> None:
        door, _ = dialer()
        await door.dial(HERE, 9, Talker(b"hello", enough=5), question="nobody listens")
        assert door.sources == (("127.0.0.1",) if ours else ())
        async with listening(echo) as port:
            await door.dial(HERE, port, Talker(b"hello", enough=5), question="test")
        assert door.sources == ("127.0.0.1",)

    run(work())


@pytest.mark.parametrize(
    ("handler", "limits", "stop"),
    [
        (mute, {"idle_seconds": 0.05}, Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 50})),
        (drip, {"seconds": 0.1}, Outcome(OutcomeKind.TIME_CAP, Cause.TIME_LIMIT, {"milliseconds": 100})),
        (flood, {"received_bytes": 100_000}, Outcome(OutcomeKind.BYTE_CAP, Cause.BYTE_LIMIT, {"bytes": 100_000})),
        (hang_up, {}, Outcome(OutcomeKind.CLOSED)),
    ],
)
def test_every_bound_ends_the_connection_with_a_reason(
    handler: object, limits: dict[str, float], stop: Outcome
) -> None:
    async def work() -> None:
        door, rows = dialer()
        async with listening(handler) as port:  # type: ignore[arg-type]
            talk = Talker(b"hello")
            row = await door.dial(HERE, port, talk, question="test", caps=caps(**limits))
        assert row.stop == talk.stop == stop
        assert rows == [row]
        assert len(talk.heard) <= 100_000

    run(work())


@pytest.mark.parametrize(("answers", "acknowledged"), [(True, 0), (False, 1)])
def test_an_ack_is_sent_at_once_only_where_nothing_carries_it(
    monkeypatch: pytest.MonkeyPatch, answers: bool, acknowledged: int
) -> None:
    """It is a system call and a segment of its own, for every read."""
    calls: list[None] = []

    class Answering(Talker):
        def received(self, data: memoryview) -> int:
            if answers and not self.heard:
                self.line.send(b"hello")
            return super().received(data)

    async def work() -> None:
        door, rows = dialer()
        monkeypatch.setattr(_Line, "_acknowledge_at_once", lambda _: calls.append(None))
        async with listening(echo) as port:
            talk = Answering(b"hello", enough=10 if answers else 6, last=b"")
            await door.dial(HERE, port, talk, question="t", caps=caps(idle_seconds=1))
        assert rows[0].received == (10 if answers else 5)

    run(work())
    assert len(calls) == acknowledged


def test_a_flood_is_cut_off_near_its_cap() -> None:
    async def work() -> int:
        door, _ = dialer()
        async with listening(flood) as port:
            row = await door.dial(HERE, port, Talker(b"x"), question="t", caps=caps(received_bytes=100_000))
            return row.received or 0

    assert 100_000 < run(work()) < 100_000 + 1024 * 1024


class Hoarder(Talker):
    """Takes nothing, until it has seen so much that it breaks off."""

    def __init__(self, breaks_at: int, last: bytes = b"bye") -> None:
        super().__init__(b"hello", last=last)
        self._breaks_at = breaks_at

    def received(self, data: memoryview) -> int:
        if len(data) >= self._breaks_at:
            raise WireError(Cause.WENT_ON)
        return 0


@pytest.mark.parametrize(
    ("breaks_at", "cap", "ending"),
    [
        (1 << 30, 4095, OutcomeKind.BYTE_CAP),
        (4096, 1 << 30, OutcomeKind.BROKEN),
        (1 << 30, 1 << 30, OutcomeKind.BROKEN),  # a unit that fits no buffer
    ],
)
def test_a_line_that_gives_up_with_a_full_buffer_has_room_for_what_still_comes(
    monkeypatch: pytest.MonkeyPatch, breaks_at: int, cap: int, ending: OutcomeKind
) -> None:
    """The event loop calls it a fatal error where it is given no room."""
    monkeypatch.setattr(dialer_module, "_SHARED_BUFFER", 4096)
    full = 4096 if breaks_at == 4096 or cap == 4095 else 1 << 20
    complaints: list[object] = []

    async def work() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

        async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(5)
            writer.write(bytes(full))
            await reader.readexactly(3)
            writer.write(bytes(1000))
            await writer.drain()

        door, rows = dialer()
        async with listening(handler) as port:
            await door.dial(HERE, port, Hoarder(breaks_at), question="t", caps=caps(received_bytes=cap))
        assert [(row.stop.ending, row.received) for row in rows] == [(ending, full + 1000)]

    run(work())
    assert complaints == []


class Nibbler(Talker):
    """Takes a few bytes of what it is given, or none, as a protocol does that waits for the rest of a unit."""

    def __init__(self, words: bytes, enough: int, draw: Random) -> None:
        super().__init__(words, enough)
        self._draw = draw

    def received(self, data: memoryview) -> int:
        size = self._draw.choice([0, 1, len(data) // 2, len(data)])
        if len(self.heard) + len(data) == self.enough:
            size = len(data)
        return super().received(data[:size])


@pytest.mark.parametrize("shared", [16, 4096, 1 << 18])
def test_lines_that_share_a_buffer_do_not_mix_what_they_hold(monkeypatch: pytest.MonkeyPatch, shared: int) -> None:
    monkeypatch.setattr(dialer_module, "_SHARED_BUFFER", shared)
    said = {ip_address(f"127.0.0.{number}"): bytes([number]) * 50_000 for number in range(1, 6)}

    async def parrot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mark = await reader.readexactly(1)
        for _ in range(50):
            writer.write(mark * 1000)
            await asyncio.sleep(0)

    async def work() -> None:
        door, rows = dialer(replace(LOOPBACK, pace=RateLimits(1e6, 1e6, 1e6)))
        talks = {address: Nibbler(words[:1], len(words), Random(words[0])) for address, words in said.items()}
        async with listening(parrot, "") as port:
            await asyncio.gather(*(door.dial(address, port, talk, question="t") for address, talk in talks.items()))
        assert {address: talk.heard for address, talk in talks.items()} == said
        assert {row.stop.ending for row in rows} == {OutcomeKind.COMPLETED}

    run(work())


SENT, LATE = 10_000, 1000  # bytes that a peer sends, and more of them after our farewell


async def _talkative(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(5)
    writer.write(b"\xaa" * SENT)
    await writer.drain()
    interrupted = await reader.read(3) == b"off"
    writer.write(b"\xbb" * LATE)
    await writer.drain()
    if interrupted:  # then it stays, until it is aborted
        await reader.read()


@pytest.mark.parametrize(
    ("talk", "most", "ending", "late"),
    [
        (Talker(b"hello", enough=SENT), 1 << 20, OutcomeKind.COMPLETED, 0),
        (Hoarder(SENT), 1 << 20, OutcomeKind.BROKEN, LATE),
        (Hoarder(1 << 30), SENT - 1, OutcomeKind.BYTE_CAP, LATE),
        (Hoarder(1 << 30), 1 << 20, OutcomeKind.IDLE, LATE),
        (Hoarder(1 << 30, b"off"), 1 << 20, OutcomeKind.INTERRUPTED, LATE),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_no_buffer_holds_what_a_peer_sent_once_its_line_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, talk: Talker, most: int, ending: OutcomeKind, late: int, tls: bool
) -> None:
    """Neither the last buffer does, nor those that it outgrew."""
    rooms: list[bytearray] = []
    held: list[bool] = []

    def room(size: int) -> bytearray:
        rooms.append(bytearray(size))
        return rooms[-1]

    def overwritten(line: _Line, nbytes: int) -> None:
        held.append(any(map(any, rooms)))
        updated(line, nbytes)

    talk, updated = copy(talk), _Line.buffer_updated
    monkeypatch.setattr(dialer_module, "_SHARED_BUFFER", 4096)
    monkeypatch.setattr(dialer_module, "bytearray", room, raising=False)
    monkeypatch.setattr(_Line, "buffer_updated", overwritten)

    async def work() -> None:
        door, rows = dialer()
        context = certificates.make(tmp_path).server() if tls else None
        async with listening(_talkative, tls=context) as port:
            limits = caps(received_bytes=most, idle_seconds=1 if ending is OutcomeKind.IDLE else HANGS)
            task = asyncio.create_task(door.dial(HERE, port, talk, question="t", caps=limits, tls=tls))
            if ending is OutcomeKind.INTERRUPTED:
                while sum(map(any, rooms)) < 1 or len(rooms) < 3:
                    await asyncio.sleep(0)
                task.cancel()
            await asyncio.wait([task])
        assert [(row.stop.ending, row.received) for row in rows] == [(ending, SENT + late)]

    run(work())
    assert any(held), "bytes were in the buffers"
    assert len(rooms) >= (3 if isinstance(talk, Hoarder) else 1)
    assert not any(map(any, rooms))


class Rester(Talker):
    """Rests after the first answer, then says something more."""

    def __init__(self, seconds: float) -> None:
        super().__init__(b"hello", enough=10)
        self.seconds = seconds

    def received(self, data: memoryview) -> int:
        if not self.heard:
            self.line.rest(self.seconds, self.again)
        return super().received(data)

    def again(self) -> None:
        self.line.send(b"again")


def test_a_rest_is_in_no_bound_of_time() -> None:
    async def work() -> None:
        door, rows = dialer()
        async with listening(echo) as port:
            await door.dial(HERE, port, Rester(2), question="t", caps=caps(idle_seconds=1, seconds=1.5))
        assert [(row.stop.ending, row.received) for row in rows] == [(OutcomeKind.COMPLETED, 10)]
        assert rows[0].seconds > 1.5  # its bound of time

    run(work())


def test_a_rest_ends_with_the_connection() -> None:
    async def work() -> None:
        async def answers_and_leaves(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(5))

        door, rows = dialer()
        async with listening(answers_and_leaves) as port:
            await door.dial(HERE, port, Rester(30), question="t")
        assert [row.stop.ending for row in rows] == [OutcomeKind.CLOSED]

    run(work())


def test_what_is_owed_to_a_host_is_kept_before_its_next_connection() -> None:
    async def work() -> None:
        door, rows = dialer()
        door.throttle(HERE).distressed()
        door.throttle(HERE).rest()
        door.throttle(HERE).answered("q", 0, 0.2)  # at less than a third of the time
        for _ in range(2):
            await door.dial(HERE, 9, Talker(), question="t")
        first, second = (row.at.timestamp() for row in rows)
        assert second - first >= 0.4

    run(work())


def test_the_farewell_is_said_when_a_bound_ends_the_talk() -> None:
    async def work() -> bytes:
        heard = asyncio.get_running_loop().create_future()

        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.read())

        door, _ = dialer()
        async with listening(listener) as port:
            await door.dial(HERE, port, Talker(b"hello "), question="t", caps=caps(idle_seconds=0.05))
            return bytes(await heard)

    assert run(work()) == b"hello bye"


def test_the_farewell_is_said_when_we_are_interrupted() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        greeted, heard = asyncio.Event(), loop.create_future()

        async def listener(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            first = await reader.readexactly(5)
            greeted.set()
            heard.set_result(first + await reader.read())

        door, rows = dialer()
        async with listening(listener) as port:
            task = asyncio.create_task(door.dial(HERE, port, Talker(b"hello"), question="t"))
            await greeted.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await heard == b"hellobye"
        assert [row.stop.ending for row in rows] == [OutcomeKind.INTERRUPTED]

    run(work())


def test_failed_connects_have_rows_too() -> None:
    async def work() -> None:
        door, rows = dialer()
        before = guard.opened()
        row = await door.dial(HERE, 9, Talker(), question="t")
        assert row.stop.ending is OutcomeKind.REFUSED
        assert rows == [row]
        assert guard.opened() - before == 1

    run(work())


@pytest.mark.parametrize(
    ("number", "ending"),
    [
        (64, OutcomeKind.RESET),
        (121, OutcomeKind.UNREACHABLE),
        (1231, OutcomeKind.OWN_ERROR),
        (1232, OutcomeKind.UNREACHABLE),
    ],
)
def test_a_connect_that_failed_on_windows_is_understood(
    monkeypatch: pytest.MonkeyPatch, number: int, ending: OutcomeKind
) -> None:
    class Failed(OSError):
        winerror = number

    async def fail(*_: object, **__: object) -> None:
        raise Failed(errno.EINVAL, "as Windows' loop reports it")

    async def work() -> None:
        monkeypatch.setattr(dialer_module, "_EDGES", False)
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", fail)
        row = await dialer()[0].dial(HERE, 9, Talker(), question="t")
        assert (row.stop.ending, "EINVAL" in row.stop.error) == (ending, False)

    asyncio.run(work())


def test_the_journal_has_as_many_rows_as_the_kernel_saw_connections() -> None:
    async def work() -> None:
        door, rows = dialer()
        before = guard.opened()
        async with listening(echo) as port, listening(hang_up) as other:
            ports = [port, other, 9] * 20
            await asyncio.gather(
                *(door.dial(HERE, p, Talker(b"hello", enough=5), question="t", caps=caps()) for p in ports)
            )
        assert len(rows) == 60 == guard.opened() - before

    run(work())


def test_what_a_talk_raises_ends_one_connection_and_says_no_data() -> None:
    class Broken(Talker):
        def __init__(self, error: Exception) -> None:
            super().__init__(b"x")
            self.error = error

        def received(self, data: memoryview) -> int:
            raise self.error

    async def work() -> None:
        door, rows = dialer()
        async with listening(echo) as port:
            await door.dial(HERE, port, Broken(WireError(Cause.VR_INVALID, 3)), question="t")
            await door.dial(HERE, port, Broken(ValueError("DOE^JANE 19700101")), question="t")
        assert [row.stop for row in rows] == [
            Outcome(OutcomeKind.BROKEN, Cause.VR_INVALID, {"offset": 3}),
            Outcome(OutcomeKind.OWN_ERROR, error="ValueError"),
        ]

    run(work())


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "8.8.8.8", "2001:db8::1", "0.0.0.0", "::", "224.0.0.1"])
def test_nothing_outside_the_scope_is_dialled(address: str) -> None:
    async def work() -> None:
        door, rows = dialer()
        before = guard.opened()
        with pytest.raises(OutOfScope):
            await door.dial(ip_address(address), 104, Talker(), question="t")
        with pytest.raises(OutOfScope):
            await door.resolve(address)
        assert rows == []
        assert guard.opened() == before

    run(work())


def test_an_exclusion_and_an_expiry_hold_at_the_door() -> None:
    async def work() -> None:
        inside = replace(LOOPBACK, networks=(ip_network("127.0.0.0/24"),), exclude=(ip_network("127.0.0.7/32"),))
        door, _ = dialer(inside)
        for address in ("127.0.1.1", "127.0.0.7", "::ffff:127.0.0.7"):
            with pytest.raises(OutOfScope):
                await door.dial(ip_address(address), 9, Talker(), question="t")
        assert (await door.dial(ip_address("::ffff:127.0.0.8"), 9, Talker(), question="t")).address == "127.0.0.8"
        door, _ = dialer(replace(LOOPBACK, name="a scope", expires=datetime(2020, 1, 1, tzinfo=UTC)))
        with pytest.raises(OutOfScope, match="expired"):
            await door.dial(HERE, 9, Talker(), question="t")

    run(work())


@pytest.mark.parametrize("port", [0, -1, 65536, 65536 + 9, 9])
def test_a_port_that_nobody_allowed_is_not_dialled(port: int) -> None:
    """A number above 65535 would reach the port that is left of it in 16 bits, and the journal would say another."""

    async def work() -> None:
        door, rows = dialer(named={})
        before = guard.opened()
        assert not door.permits(HERE, port)
        with pytest.raises(OutOfScope, match=rf"port {port} of 127\.0\.0\.1") as caught:
            await door.dial(HERE, port, Talker(), question="t")
        assert caught.value.cause is Cause.PORT_NOT_IN_SCOPE
        assert rows == []
        assert guard.opened() == before

    run(work())


def test_a_port_that_the_user_named_is_dialled_at_its_host_only() -> None:
    async def work() -> None:
        door, rows = dialer(named={"127.0.0.1": (9,), "localhost": (10,)})
        other = ip_address("127.0.0.2")
        assert [door.permits(HERE, 9), door.permits(other, 9), door.permits(HERE, 10)] == [True, False, False]
        assert await door.resolve("localhost") == HERE
        assert [door.permits(HERE, 10), door.permits(other, 10)] == [True, False]
        await door.dial(HERE, 9, Talker(), question="t")
        await door.dial(HERE, 10, Talker(), question="t")
        await door.dial(other, door.scope.dimse_ports[0], Talker(), question="t")
        with pytest.raises(OutOfScope):
            await door.dial(other, 9, Talker(), question="t")
        dialled = [(row.address, row.port) for row in rows if row.port is not None]
        assert dialled == [("127.0.0.1", 9), ("127.0.0.1", 10), ("127.0.0.2", 104)]

    run(work())


def test_names() -> None:
    async def work() -> None:
        door, _ = dialer()
        assert str(await door.resolve("localhost")) == "127.0.0.1"
        with pytest.raises(OutOfScope):
            await door.resolve("pacs.example")  # not even looked up: the guard would see it
        named = replace(LOOPBACK, name="a scope file", networks=(ip_network("127.0.0.0/24"),))
        door, _ = dialer(named)
        assert str(await door.resolve("localhost")) == "127.0.0.1"
        outside = replace(named, networks=(ip_network("127.5.0.0/24"),))
        door, _ = dialer(outside)
        with pytest.raises(OutOfScope, match=r"localhost is (127\.0\.0\.1|::1)"):
            await door.resolve("localhost")

    run(work())


def test_a_host_has_one_connection_at_a_time() -> None:
    async def work() -> None:
        open_now = highest = 0

        async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal open_now, highest
            open_now += 1
            highest = max(highest, open_now)
            writer.write(await reader.readexactly(5))
            await reader.read()
            open_now -= 1

        door, _ = dialer()
        async with listening(count) as one, listening(count) as two:
            talks = [door.dial(HERE, p, Talker(b"hello", enough=5), question="t") for p in [one, two] * 10]
            await asyncio.gather(*talks)
        assert highest == 1

    run(work())


def test_a_host_has_one_connection_and_one_pace_in_every_form_of_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """NAT64, 6to4 and the like lead to the same host. Nothing is sent: the line only notes when it is open."""
    open_now, seen = 0, []

    async def carry(line: _Line, address: Address, host: str, port: int) -> None:
        nonlocal open_now
        open_now += 1
        seen.append((open_now, host))
        await asyncio.sleep(0)
        open_now -= 1
        line.stop = Outcome(OutcomeKind.COMPLETED)

    async def work() -> None:
        fast = replace(LOOPBACK.pace, per_host=1e6)
        door, _ = dialer(replace(LOOPBACK, networks=(*LOOPBACK.networks, ip_network("::/0")), pace=fast))
        forms = [ip_address(a) for a in ("127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::5efe:7f00:1")]
        await asyncio.gather(*(door.dial(a, 104, Talker(), question="t") for a in forms))
        assert [number for number, _ in seen] == [1, 1, 1, 1]
        assert sorted(host for _, host in seen) == sorted(map(str, forms))
        assert len({id(door.throttle(a)) for a in forms}) == 1
        assert door.throttle(ip_address("64:ff9b::7f00:2")) is not door.throttle(HERE)

    monkeypatch.setattr(_Line, "carry", carry)
    run(work())


def test_pace_spaces_connections_per_host_network_and_overall() -> None:
    """The rows' own times, so that a slow machine cannot fail this."""

    async def starts(pace: RateLimits, addresses: list[str]) -> list[float]:
        door, rows = dialer(replace(LOOPBACK, pace=pace))
        await asyncio.gather(*(door.dial(ip_address(a), 9, Talker(), question="t") for a in addresses))
        return sorted(row.at.timestamp() for row in rows)

    async def work() -> None:
        fast = 1e6
        for pace, addresses in (
            (RateLimits(fast, fast, 50), ["127.0.0.1"] * 5),
            (RateLimits(fast, 50, fast), [f"127.0.0.{n}" for n in range(1, 6)]),
            (RateLimits(50, fast, fast), [f"127.0.{n}.1" for n in range(1, 6)]),
        ):
            times = await starts(pace, addresses)
            assert times[-1] - times[0] >= 4 / 50 * 0.9

    run(work())


def test_a_long_message_is_sent_whole_before_the_close() -> None:
    size = 8 << 20  # more than the system takes at once

    class Teller(Talker):
        def opened(self, line: Connection) -> None:
            super().opened(line)
            line.send(b"end")
            line.close(Outcome(OutcomeKind.COMPLETED))

    async def work() -> None:
        heard = asyncio.get_running_loop().create_future()

        async def reads(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.read())

        door, rows = dialer()
        async with listening(reads) as port:
            await door.dial(HERE, port, Teller(bytes(size)), question="t")
            assert await heard == bytes(size) + b"end"
        assert [(row.stop.ending, row.sent) for row in rows] == [(OutcomeKind.COMPLETED, size + 3)]

    run(work())


@contextmanager
def answering(wait: threading.Event) -> Iterator[int]:
    """A peer in a thread of its own, which answers one connection while our loop stands still."""
    with socket.create_server((str(HERE), 0)) as server:

        def serve() -> None:
            taken, _ = server.accept()
            with taken:
                taken.sendall(taken.recv(1000))
                wait.set()
                taken.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_stall_of_our_own_counts_against_no_peer() -> None:
    """The answer lies in the kernel, unread, when the time is over."""
    answered = threading.Event()

    class Staller(Talker):
        def opened(self, line: Connection) -> None:
            super().opened(line)
            asyncio.get_running_loop().call_soon(self.stall)

        def stall(self) -> None:
            assert answered.wait(HANGS)
            time.sleep(0.3)  # what stalls a loop blocks it

    async def work() -> None:
        door, rows = dialer()
        with answering(answered) as port:
            await door.dial(HERE, port, Staller(b"hello", enough=5), question="t", caps=caps(idle_seconds=0.1))
        assert [(row.stop.ending, row.received) for row in rows] == [(OutcomeKind.COMPLETED, 5)]

    run(work())


def test_what_was_opened_is_closed() -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    async def work() -> None:
        door, rows = dialer()
        async with listening(hang_up) as port:
            before = descriptors()
            for dialled in (port, 9):
                await door.dial(HERE, dialled, Talker(b"hello"), question="t")
            while descriptors() > before:  # the server's own end takes its time
                await asyncio.sleep(0)
        assert [row.stop.ending for row in rows] == [OutcomeKind.CLOSED, OutcomeKind.REFUSED]

    if sys.platform == "linux":
        run(asyncio.wait_for(work(), HANGS))


@pytest.mark.parametrize(
    ("number", "stop"),
    [
        (errno.ENETUNREACH, Outcome(OutcomeKind.OWN_ERROR, Cause.NO_ROUTE)),
        (errno.EHOSTUNREACH, Outcome(OutcomeKind.UNREACHABLE)),
    ],
)
def test_a_connect_that_fails_at_once_has_a_row(
    monkeypatch: pytest.MonkeyPatch, transport: str, number: int, stop: Outcome
) -> None:
    if transport != "our transport":
        pytest.skip("the loop connects behind Python's back")
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: number)

    async def work() -> None:
        door, rows = dialer()
        await door.dial(HERE, 9, Talker(), question="t")
        assert [row.stop for row in rows] == [stop]

    run(work())


class Reader:
    """A line that reads a few bytes at once."""

    def __init__(self, turns: list[Reader]) -> None:
        self.turns = turns

    def connection_made(self, transport: object) -> None: ...

    def get_buffer(self, _: int) -> memoryview:
        return memoryview(bytearray(10))

    def buffer_updated(self, nbytes: int) -> None:
        self.turns.append(self)

    def eof_received(self) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, new_event_loop])
def test_a_peer_that_floods_takes_no_turn_from_others(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def work() -> None:
        turns: list[Reader] = []
        poll, ends = _Poll(Permission(LOOPBACK, {})), []
        for _ in range(2):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.sendall(bytes(1000))
            ends.append((_Wire(Reader(turns), poll, ours, HERE), theirs))  # type: ignore[arg-type]
        while len(turns) < 200:
            await asyncio.sleep(0)
        assert max(len(list(run)) for _, run in groupby(turns)) < 100
        for wire, theirs in ends:
            theirs.close()
            wire.abort()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(work(), HANGS))


class Asker(Reader):
    """A line that answers what it reads, and closes."""

    def __init__(self, turns: list[Reader]) -> None:
        super().__init__(turns)
        self.stop: Outcome | None = None
        self.wire: _Wire | None = None

    def buffer_updated(self, nbytes: int) -> None:
        super().buffer_updated(nbytes)
        assert self.wire is not None
        self.wire.write(b"answer")
        self.wire.close()

    def expire(self) -> None:
        assert self.wire is not None
        self.wire.abort()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll")
@pytest.mark.parametrize("expired", [False, True])
def test_all_lines_read_before_one_sends_and_none_sends_what_the_scope_no_longer_allows(expired: bool) -> None:
    async def work() -> None:
        permission = Permission(LOOPBACK, {})
        turns: list[Reader] = []
        poll, ends = _Poll(permission), []
        for _ in range(2):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.sendall(b"question")
            line = Asker(turns)
            line.wire = _Wire(line, poll, ours, HERE)  # type: ignore[arg-type]
            ends.append(theirs)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Permission, "expired", property(lambda _: expired and len(turns) == 2))
            while len(turns) < 2:
                await asyncio.sleep(0)
        for theirs in ends:
            theirs.settimeout(HANGS)
            assert theirs.recv(100) == (b"" if expired else b"answer")
            assert theirs.recv(100) == b"", "and it was closed"
            theirs.close()

    run(work())


@pytest.mark.parametrize(
    ("meanwhile", "stop"),
    [
        ("nothing", Outcome(OutcomeKind.REFUSED)),
        ("expired", Outcome(OutcomeKind.OUT_OF_SCOPE, Cause.SCOPE_EXPIRED)),
        ("failed", Outcome(OutcomeKind.OWN_ERROR, error="ValueError")),
    ],
)
def test_connects_go_together_unless_the_scope_expired_and_one_that_fails_stops_no_other(
    monkeypatch: pytest.MonkeyPatch, transport: str, meanwhile: str, stop: Outcome
) -> None:
    if transport != "our transport":
        pytest.skip("the loop connects one at a time")
    connects: list[str] = []

    def connect(_: socket.socket, where: tuple[str, int]) -> int:
        connects.append(where[0])
        if meanwhile == "failed":
            raise ValueError
        return errno.ECONNREFUSED

    async def work() -> None:
        door, rows = dialer()
        asked = [asyncio.create_task(door.dial(ip_address(f"127.0.0.{n}"), 9, Talker(), question="t")) for n in (1, 2)]
        await asyncio.sleep(0)
        assert (connects, rows) == ([], []), "each had its turn, and none has connected"
        if meanwhile == "expired":
            monkeypatch.setattr(Permission, "expired", property(lambda _: True))
        await asyncio.gather(*asked)
        assert connects == ([] if meanwhile == "expired" else ["127.0.0.1", "127.0.0.2"])
        assert [row.stop for row in rows] == [stop, stop]

    monkeypatch.setattr(socket.socket, "connect_ex", connect)
    run(asyncio.wait_for(work(), HANGS))


@pytest.mark.parametrize("tls", [False, True])
def test_a_connect_waits_as_long_as_it_is_told_and_says_how_long_that_was(tls: bool) -> None:
    door, rows = dialer(replace(LOOPBACK, caps=caps(connect_seconds=30)))
    with deaf_port() as port:
        run(door.dial(HERE, port, Talker(), question="q", tls=tls, connect_seconds=0.2))
    assert rows[0].stop == Outcome(OutcomeKind.NO_ANSWER, Cause.CONNECT_LIMIT, {"milliseconds": 200})
    assert door.patience.second_look(network_of(HERE), [port])[1] == 30, "nothing answered"


class Quick(Patience):
    """Takes every connect for a quick one, however long our own loop stood still within it."""

    def answered(self, network: tuple[int, int], port: int, seconds: float, accepted: bool) -> None:
        assert seconds < HANGS
        super().answered(network, port, 0.01, accepted)


@pytest.mark.parametrize("tls", [False, True])
def test_the_dialer_learns_how_fast_a_network_answers(tls: bool) -> None:
    """From a port that accepts, whatever it says then, and from one that refuses."""

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async def accepted() -> None:
        door, _ = dialer(replace(LOOPBACK, caps=caps(idle_seconds=0.1)))
        door.patience = Quick(door.scope.caps)
        async with listening(silent) as port:
            await door.dial(HERE, port, Talker(), question="q", tls=tls)
        assert door.patience.seconds(network_of(HERE)) == 0.5
        assert door.patience.second_look(network_of(HERE), [1, 2, 3, 4, 5, 6, 7, port]) == ([port, 1], ONE_SYN_SECONDS)

    async def refused() -> None:
        door, rows = dialer()
        door.patience = Quick(door.scope.caps)
        await door.dial(HERE, 9, Talker(), question="q", tls=tls)
        assert rows[0].stop.ending is OutcomeKind.REFUSED
        assert door.patience.seconds(network_of(HERE)) == 0.5

    run(accepted())
    run(refused())
