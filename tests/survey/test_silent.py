"""A host that takes connections and says nothing: it is waited for, and not at each port for the whole patience."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire import contact
from filmbadge.model import Cause, Host, JournalRow, Rung
from filmbadge.scope import RateLimits, loopback
from filmbadge.survey import examine
from filmbadge.survey.examine import check
from support.hanging import HANGS
from support.loopback import run

REJECTED = bytes.fromhex(
    "0300000000040001 0101".replace(" ", "")
)  # permanent, by the user, without a reason: PS3.8 9.3.4
WHOLE, SHORT = 2000, 500  # milliseconds
NEVER = 2.0 * HANGS
HERE = "127.9.9.9"


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (contact, examine):
        monkeypatch.setattr(module, "SILENT_SECONDS", SHORT / 1000)


def asked(ports: Mapping[int, Sequence[float]]) -> tuple[Host, list[JournalRow]]:
    """One host: it rejects an association after so many seconds, by port: the first, and those that follow."""

    async def work() -> tuple[Host, list[JournalRow]]:
        scope = loopback("a test")
        caps = replace(scope.caps, patience_seconds=WHOLE / 1000)
        scope = replace(scope, pace=RateLimits(1e6, 1e6, 1e6), caps=caps, dimse_ports=tuple(ports))
        scope = replace(scope, dimse_tls_ports=(), web_ports=(), web_tls_ports=())
        servers = [await serve(port, seconds) for port, seconds in ports.items()]
        try:
            return await check(scope, Target(ip_address(HERE)))
        finally:
            for server in servers:
                server.close()

    return run(work())


async def serve(port: int, seconds: Sequence[float]) -> asyncio.Server:
    waits = [*reversed(seconds)]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await asyncio.wait_for(reader.read(), waits.pop() if len(waits) > 1 else waits[0])
        except TimeoutError:
            writer.write(REJECTED)
        writer.close()

    return await asyncio.start_server(handle, HERE, port)


def waited(rows: list[JournalRow], port: int) -> list[int]:
    return [row.stop.numbers["milliseconds"] for row in rows if row.port == port and row.stop.cause is Cause.IDLE_LIMIT]


def test_two_ports_have_the_whole_patience_and_the_others_less() -> None:
    host, rows = asked({11104: [NEVER], 11105: [NEVER], 11106: [NEVER], 11107: [NEVER]})
    assert [waited(rows, port) for port in range(11104, 11108)] == [[WHOLE], [WHOLE], [SHORT], [SHORT]]
    assert not any(one.verdict.conclusive or one.verdict.rung is Rung.ADMITS for one in host.judged)


def test_where_one_port_speaks_those_that_were_left_early_have_the_whole_patience() -> None:
    """One of them is an archive that is slow. It is left early by no clock, but because it says nothing the first time."""
    slow = 2 * SHORT / 1000
    _, rows = asked({11104: [NEVER], 11105: [NEVER], 11106: [NEVER, slow], 11107: [0.0]})
    assert [waited(rows, port) for port in range(11104, 11108)] == [[WHOLE], [WHOLE], [SHORT], []]
    assert [row.stop.cause is Cause.IDLE_LIMIT for row in rows if row.port == 11106] == [True, False]


def test_a_host_that_spoke_keeps_the_whole_patience() -> None:
    _, rows = asked({11104: [0.0], 11105: [NEVER], 11106: [NEVER], 11107: [NEVER]})
    assert [waited(rows, port) for port in range(11105, 11108)] == [[WHOLE]] * 3
