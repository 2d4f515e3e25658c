"""No lease, no packet: what is on the wire when a lease ends, in every phase of a connection. After its end nothing, not even a reset."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import NamedTuple

import pytest

from filmbadge.ask.wire.dialer import Dialer, OutOfScope
from filmbadge.ask.wire.lease import ENDS_EARLY, Lease, clock
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, RateLimits, network_of
from support import certificates
from support.capture import Capture, Packet, capturing
from support.hanging import HANGS
from support.loopback import EVERY_PORT, Handler, Talker, caps, listening, run
from support.name_server import name_server

HOLDS = 2.0  # seconds in which a lease lets something be asked
OTHERS = "127.9.9.9"  # whose connections fill the queue of a port
LATEST = 7.0  # seconds after the first SYN, at which the system would send it for the fourth time
QUICK = RateLimits(overall=10_000, per_network=10_000, per_host=10_000)
TLS: list[certificates.Pair] = []  # of the peers
SCOPE = replace(
    LOOPBACK,
    name="a scope",
    networks=(ip_network("127.0.0.0/16"),),
    pace=QUICK,
    caps=caps(connect_seconds=30, idle_seconds=30, seconds=60, patience_seconds=30),
)


def leased(seconds: float, *addresses: str) -> tuple[Lease, float]:
    """A lease of the networks of these addresses, and its end as whoever gave it counts."""
    lease = Lease()
    lease.renew(clock() + seconds)
    lease.take(network_of(IPv4Address(address)) for address in addresses)
    return lease, time.time() + seconds


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)


async def slow_to_shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Its part of a handshake of TLS comes late: after this process was stopped, for one."""
    heard, says = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = TLS[0].server().wrap_bio(heard, says, server_side=True)
    heard.write(await reader.read(5000))
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    await asyncio.sleep(1.5)
    writer.write(says.read())
    await reader.read()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A long answer."""
    while not writer.is_closing():
        writer.write(bytes(1000))
        await writer.drain()
        await asyncio.sleep(0.01)


class Later(Talker):
    """Says a word, and does one thing more after so many seconds."""

    def __init__(self, seconds: float, then: Callable[[Later], None]) -> None:
        super().__init__(b"question")
        self.seconds, self.then = seconds, then

    def opened(self, line: object) -> None:
        super().opened(line)  # type: ignore[arg-type]
        self.line.rest(self.seconds, lambda: self.then(self))


class Asker(Talker):
    """Asks again after each answer."""

    def received(self, data: memoryview) -> int:
        self.line.rest(0.01, lambda: self.line.send(b"question"))
        return len(data)


def ends(talk: Later) -> None:
    talk.line.close(Outcome(OutcomeKind.COMPLETED))


def asks(talk: Later) -> None:
    talk.line.send(b"question")


class Phase(NamedTuple):
    peer: Handler | None  # None: it answers no connect
    talk: Callable[[], Talker]
    tls: bool = False
    cut: bool = False  # after a moment it is not heard any more
    stop: Cause | None = Cause.LEASE_ENDED


CUT_AFTER = 0.7  # seconds
PHASES = {
    "connect": Phase(None, Talker),
    "connect for TLS": Phase(None, Talker, tls=True),
    "handshake": Phase(mute, Talker, tls=True),
    "handshake that is not acknowledged": Phase(mute, Talker, tls=True, cut=True),
    "handshake that is answered late": Phase(slow_to_shake_hands, Talker, tls=True),
    "long answer": Phase(endless, lambda: Talker(b"question")),
    "questions": Phase(echo, lambda: Asker(b"question")),
    "questions over TLS": Phase(echo, lambda: Asker(b"question"), tls=True),
    "silence": Phase(mute, lambda: Talker(b"question")),
    "farewell that is not acknowledged": Phase(mute, lambda: Talker(b"question"), cut=True),
    "question that is not acknowledged": Phase(mute, lambda: Later(1.0, asks), cut=True),
    "close that is not acknowledged": Phase(mute, lambda: Later(1.5, ends), cut=True, stop=None),
}


@contextmanager
def deaf(address: str) -> Iterator[int]:
    """A port whose queue is full: what comes is dropped, and the system sends a SYN again after 1, 3 and 7 seconds."""
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind((address, 0))
        full.listen(0)
        for _ in range(8):
            other = stack.enter_context(socket.socket())
            other.setblocking(False)
            other.bind((OTHERS, 0))
            other.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@contextmanager
def unheard() -> Iterator[Callable[[list[int]], None]]:
    """Whatever these ports send from now on is lost."""

    def cut(ports: list[int]) -> None:
        rules = "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
        rules += f"add rule inet cut in tcp sport {{ {', '.join(map(str, ports))} }} drop"
        subprocess.run(["nft", rules], check=True)

    try:
        yield cut
    finally:
        subprocess.run(["nft", "delete table inet cut"], check=False, stderr=subprocess.DEVNULL)


def to(seen: Capture, ports: list[int], since: float = 0.0) -> list[Packet]:
    """All packets to the peers: bare acknowledgements and resets too."""
    return [packet for packet in seen.all(since) if packet.target[1] in ports and packet.source[0] != OTHERS]


async def opened(up: AsyncExitStack, directory: Path) -> dict[str, tuple[str, int]]:
    """A peer for each phase, at an address of its own."""
    TLS[:] = [certificates.make(directory)]
    places: dict[str, tuple[str, int]] = {}
    for number, (name, phase) in enumerate(PHASES.items(), 1):
        address = f"127.0.0.{number}"
        if phase.peer is None:
            places[name] = address, up.enter_context(deaf(address))
        else:
            context = TLS[0].server() if phase.tls and phase.peer is echo else None
            places[name] = address, await up.enter_async_context(listening(phase.peer, address, tls=context))
    return places


def test_nothing_leaves_after_the_end_in_any_phase_of_a_connection(tmp_path: Path) -> None:
    rows: list[JournalRow] = []

    async def work(seen: Capture, cut: Callable[[list[int]], None]) -> None:
        async with AsyncExitStack() as up:
            places = await opened(up, tmp_path)
            ports = [port for _, port in places.values()]
            lease, _ = leased(100, "127.0.0.1")
            begun = time.time()
            door = Dialer(SCOPE, rows.append, EVERY_PORT, lease=lease)
            asked = [
                asyncio.ensure_future(
                    door.dial(IPv4Address(address), port, PHASES[name].talk(), question=name, tls=PHASES[name].tls)
                )
                for name, (address, port) in places.items()
            ]
            await asyncio.sleep(CUT_AFTER)
            end = time.time() + HOLDS + ENDS_EARLY - CUT_AFTER
            lease.renew(clock() + HOLDS + ENDS_EARLY - CUT_AFTER)  # sooner than the system was told at the connect
            cut([port for name, (_, port) in places.items() if PHASES[name].cut])
            ended = await asyncio.gather(*asked, return_exceptions=True)
            await asyncio.sleep(max(end, begun + LATEST) + 0.5 - time.time())
            for name, (_, port) in places.items():
                assert to(seen, [port]), f"{name}: nothing was asked while the lease held"
                late = [(round(p.at - end, 3), p.flags, len(p.payload)) for p in to(seen, [port], end)]
                assert late == [], f"{name}: seconds after the end, flags and bytes"
            assert {row.question: row.stop.cause for row in rows} == {n: phase.stop for n, phase in PHASES.items()}
            told = [one.cause if isinstance(one, OutOfScope) else None for one in ended]
            assert told == [phase.stop for phase in PHASES.values()]
            again = [packet for packet in to(seen, ports) if packet.payload == b"bye"]
            assert again, "nobody said farewell"
            assert len(to(seen, ports)) > len(ports)

    with capturing() as seen, unheard() as cut:
        run(work(seen, cut))


def at_once(talk: Talker) -> Talker:
    """It closes as soon as it is connected."""
    talk.opened = lambda line: line.close(Outcome(OutcomeKind.COMPLETED))  # type: ignore[method-assign]
    return talk


@pytest.mark.parametrize("meanwhile", ["over", "given back", "over and renewed"])
def test_a_turn_that_comes_after_the_lease_is_not_taken(meanwhile: str) -> None:
    scope = replace(SCOPE, pace=RateLimits(overall=1e4, per_network=1e4, per_host=1.0))
    here = IPv4Address("127.0.0.1")

    async def work(seen: Capture) -> None:
        async with listening(mute) as port:
            lease, _ = leased(100, "127.0.0.1")
            door = Dialer(scope, print, EVERY_PORT, lease=lease)
            await door.dial(here, port, at_once(Talker()), question="t")
            waits = asyncio.ensure_future(door.dial(here, port, Talker(), question="t"))
            await asyncio.sleep(0)
            if meanwhile == "given back":
                lease.give_back([network_of(here)])
            else:
                lease.renew(clock())
            if meanwhile == "over and renewed":
                lease.renew(clock() + 100)
            with pytest.raises(OutOfScope) as told:
                await waits
            assert told.value.cause is (Cause.LEASE_ENDED if meanwhile == "over" else Cause.NOT_LEASED)
            assert len([packet for packet in to(seen, [port]) if packet.opens]) == 1

    with capturing() as seen:
        run(work(seen))


def test_a_look_up_needs_a_lease_that_holds() -> None:
    async def work() -> None:
        lease = Lease()
        rows: list[JournalRow] = []
        door = Dialer(replace(SCOPE, reverse_names=True), rows.append, EVERY_PORT, lease=lease)
        for asked in (door.resolve("n.example"), door.reverse_name(IPv4Address("127.0.0.1"))):
            with pytest.raises(OutOfScope) as told:
                await asked
            assert told.value.cause is Cause.LEASE_ENDED
        lease.renew(clock() + 100)
        asking = asyncio.ensure_future(door.resolve("n.example"))
        while not asked_names:
            await asyncio.sleep(0.01)
        lease.renew(clock())
        lease.renew(clock() + 100)  # what was asked under the lease before is not told as an answer
        with pytest.raises(OutOfScope) as told:
            await asking
        assert told.value.cause is Cause.LEASE_ENDED
        assert [row.stop.cause for row in rows] == [Cause.LEASE_ENDED]

    with name_server(None) as asked_names:
        run(work())


# What a process of its own asks: a port that answers no connect, one over TLS that never shakes hands, one that answers.
ASKING = """
import asyncio, json, sys
from ipaddress import IPv4Address
from filmbadge.ask.wire.dialer import OutOfScope
from tests_of_leases import *

async def work():
    lease, end = leased(float(sys.argv[1]), "127.0.0.1")
    door = Dialer(SCOPE, lambda row: None, EVERY_PORT, lease=lease)
    print(end, flush=True)
    asked = []
    for name, (address, port) in json.loads(sys.argv[2]).items():
        phase = PHASES[name]
        asked.append(door.dial(IPv4Address(address), port, phase.talk(), question=name, tls=phase.tls))
    told = await asyncio.gather(*asked, return_exceptions=True)
    print([one.cause.name for one in told if isinstance(one, OutOfScope)], flush=True)

run(work())
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_is_killed_or_stands_still_asks_nothing_after_its_lease(
    tmp_path: Path, how: signal.Signals
) -> None:
    """Killed, it leaves nothing that its system sends again. One that goes on after the end closes what it holds, and that is all."""

    async def work(seen: Capture, cut: Callable[[list[int]], None]) -> None:
        async with AsyncExitStack() as up:
            places = await opened(up, tmp_path)
            ports = [port for _, port in places.values()]
            (tmp_path / "tests_of_leases.py").write_text(Path(__file__).read_text())
            source = [str(tmp_path), str(Path(__file__).parent.parent)]
            command = [sys.executable, "-c", ASKING, str(HOLDS + ENDS_EARLY), json.dumps(places)]
            asking = await asyncio.create_subprocess_exec(
                *command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(source)}
            )
            assert asking.stdout is not None
            try:
                end = float(await asyncio.wait_for(asking.stdout.readline(), HANGS))
                while {packet.target[1] for packet in to(seen, ports)} != set(ports):
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)
                cut([port for name, (_, port) in places.items() if PHASES[name].cut])
                await asyncio.sleep(0.9)
                asking.send_signal(how)
                sent = time.time()
                if how is signal.SIGKILL:
                    await asking.wait()
                    await asyncio.sleep(end + LATEST - HOLDS - time.time())
                    assert to(seen, ports, sent + 0.3) == []
                else:
                    await asyncio.sleep(end + 0.2 - time.time())
                    asking.send_signal(signal.SIGCONT)
                    assert b"LEASE_ENDED" in await asyncio.wait_for(asking.stdout.readline(), HANGS)
                    await asyncio.sleep(end + LATEST - HOLDS - time.time())
                    late = to(seen, ports, end)
                    assert [packet for packet in late if packet.opens or packet.payload] == []
            finally:
                if asking.returncode is None:
                    asking.kill()
                await asking.wait()

    with capturing() as seen, unheard() as cut:
        run(work(seen, cut))
