"""Scripted peers on loopback, and a dialer that remembers its journal."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, TypeVar

from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.conversation import Connection
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.permission import PORTS, PortsByHost
from filmbadge.loops import new_event_loop
from filmbadge.model import JournalRow, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, ConnectionLimits, Scope
from support.hanging import HANGS

HERE = IPv4Address("127.0.0.1")
T = TypeVar("T")
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


@asynccontextmanager
async def listening(
    handler: Handler, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[int]:
    """A server for the time of a test; gives its port."""

    async def handled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handled, host, port, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Talker:
    """A talk that sends `words`, remembers what it hears, and ends after `enough` bytes."""

    def __init__(self, words: bytes = b"", enough: int = 1 << 30, last: bytes = b"bye") -> None:
        self.words, self.enough, self.last = words, enough, last
        self.heard = b""
        self.stop: Outcome | None = None

    def opened(self, line: Connection) -> None:
        self.line = line
        line.send(self.words)

    def received(self, data: memoryview) -> int:
        self.heard += data
        if len(self.heard) >= self.enough:
            self.line.close(Outcome(OutcomeKind.COMPLETED))
        return len(data)

    def leave(self) -> bool:
        return False

    def farewell(self) -> bytes:
        return self.last

    def ended(self, stop: Outcome) -> Outcome:
        assert self.stop is None, "ended twice"
        self.stop = stop
        return stop


def caps(**changed: float) -> ConnectionLimits:
    """Bounds of which none is near, besides those that a test is about: a busy machine reaches a bound of a few seconds."""
    far = ConnectionLimits(
        connect_seconds=HANGS, idle_seconds=HANGS, seconds=HANGS, patience_seconds=HANGS, received_bytes=1 << 20
    )
    return replace(far, **changed)  # type: ignore[arg-type]


class EveryPort(Mapping[str, range]):
    """Names all ports of all hosts: the peers of tests have the ports that the system gives them."""

    def __getitem__(self, host: str) -> range:
        return PORTS

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


EVERY_PORT = EveryPort()


def dialer(scope: Scope = LOOPBACK, named: PortsByHost = EVERY_PORT) -> tuple[Dialer, list[JournalRow]]:
    rows: list[JournalRow] = []
    return Dialer(scope, rows.append, named), rows


def contact(scope: Scope = LOOPBACK) -> tuple[Contact, list[JournalRow]]:
    """This host, and the journal of what it is asked."""
    door, rows = dialer(scope)
    return Contact(door, HERE), rows


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port that answers no connect: its queue is full, so what comes is dropped."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
