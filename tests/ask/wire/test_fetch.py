"""A script of pages over many connections ends at a bound of all of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from filmbadge.ask.census.budget import Spent
from filmbadge.ask.wire import fetch
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.conversation import Meter
from filmbadge.ask.wire.http import Request, Requests
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import Budget
from support.loopback import HERE, caps, run

CAPS = caps(seconds=10, received_bytes=1000)


class Session:
    """One page came over its connection, and the script has another."""

    failed, again, answered = 0, False, 1

    def __init__(self, _site: object, _script: object, page: Request, *_: object) -> None:
        self.left = page


class Peer:
    """A contact whose connections all take this long and bring so much."""

    pace = None

    def __init__(self, seconds: float, received: int) -> None:
        self.seconds, self.received, self.connections = seconds, received, 0

    async def dial(self, port: int, *_: object, **__: object) -> JournalRow:
        self.connections += 1
        done = Outcome(OutcomeKind.CLOSED)
        return JournalRow(datetime.now(UTC), str(HERE), port, "t", 1, self.received, self.seconds, done)


def pages() -> Requests:
    while True:
        yield Request("/")


@pytest.mark.parametrize(
    ("seconds", "received", "meter", "connections", "stop"),
    [
        (9.9, 10, None, 9, Outcome(OutcomeKind.TIME_CAP, Cause.TIME_LIMIT, {"milliseconds": 80_000})),
        (0.1, 999, None, 33, Outcome(OutcomeKind.BYTE_CAP, Cause.BYTE_LIMIT, {"bytes": 32_000})),
        (10, 0, None, 8, Outcome(OutcomeKind.TIME_CAP, Cause.TIME_LIMIT, {"milliseconds": 80_000})),
        (0.1, 1, None, 96, Outcome(OutcomeKind.TIME_CAP, Cause.CONNECTION_LIMIT, {"connections": 96})),
        (9.9, 999, Spent(Budget()), 96, Outcome(OutcomeKind.TIME_CAP, Cause.CONNECTION_LIMIT, {"connections": 96})),
    ],
)
def test_a_visit_is_bounded_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, seconds: float, received: int, meter: object, connections: int, stop: Outcome
) -> None:
    """96 connections of two minutes each would be three hours. A census has a budget of its own."""
    monkeypatch.setattr(fetch, "HttpSession", Session)
    peer = Peer(seconds, received)
    contact: Any = peer
    site: Any = type("Site", (), {"port": 80, "tls": False})
    made = run(
        fetch.fetch_all(
            cast("Contact", contact), site, pages(), question="t", caps=CAPS, meter=cast("Meter | None", meter)
        )
    )
    assert (peer.connections, made.stop) == (connections, stop)
