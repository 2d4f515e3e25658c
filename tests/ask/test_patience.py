"""How long a peer that took the connection may be silent while we find out what it is."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from filmbadge.ask import web
from filmbadge.ask.dimse import identify
from filmbadge.model import Cause, Depth, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, ConnectionLimits
from support.loopback import contact, listening, run

PATIENCE = replace(LOOPBACK, caps=ConnectionLimits(patience_seconds=0.05))


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize("limit", ["idle", "handshake"])
@pytest.mark.parametrize("ask", [identify.ask, web.visit])
def test_every_first_question_waits_as_long_as_the_scope_says(ask: Any, limit: str) -> None:
    async def work() -> Outcome:
        there, rows = contact(PATIENCE)
        async with listening(mute) as port:
            await ask(there, port, Depth.ASK, tls=limit == "handshake")
        return rows[0].stop

    cause = Cause.IDLE_LIMIT if limit == "idle" else Cause.HANDSHAKE_LIMIT
    assert run(work()) == Outcome(OutcomeKind.IDLE, cause, {"milliseconds": 50})


def test_a_few_answers_may_take_the_whole_patience() -> None:
    assert ConnectionLimits().patience_seconds == 30
    small = ConnectionLimits().small(1000)
    assert (small.idle_seconds, small.seconds, small.received_bytes) == (30, 120, 1000)
    assert ConnectionLimits(patience_seconds=1).small(1000).seconds == 60


def test_a_scope_that_bounds_a_connection_closer_is_obeyed() -> None:
    small = ConnectionLimits(idle_seconds=2, seconds=5, received_bytes=10).small(1000)
    assert (small.idle_seconds, small.seconds, small.received_bytes) == (2, 5, 10)
