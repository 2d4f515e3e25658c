"""Large archives over loopback: one question has all studies where that costs little, and none where it breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from filmbadge.ask.census.plan import ASK_ALL_UP_TO
from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import census
from filmbadge.ask.dimse import identify as dimse
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.model import Census, Depth, DimseFacts, Doubt, DoubtCode, JournalRow
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.scp import Acceptor, Host
from filmbadge.rehearse.world import Archive
from filmbadge.scope import LOOPBACK, Budget, Scope
from support.dimse_peer import Keys, Peer, Study, serving, studies, today
from support.loopback import EveryPort, run

FAST = 201_234  # studies: no number at which answers are often cut off


async def counted(port: int, budget: Budget) -> tuple[Census, list[JournalRow]]:
    rows: list[JournalRow] = []
    scope = Scope("test", LOOPBACK.networks, depth=Depth.COUNT, pace=LOOPBACK.pace, census=budget)
    there = Contact(Dialer(scope, rows.append, EveryPort()), ip_address("127.0.0.1"))
    seen = await dimse.ask(there, port, Depth.COUNT)
    asked = seen.get(DimseFacts)
    assert asked is not None
    facts = (await census.count(there, seen, asked)).seen.get(DimseFacts)
    assert facts is not None and facts.census is not None
    return facts.census, rows


@asynccontextmanager
async def large(size: int) -> AsyncIterator[int]:
    held = Contents(online=Part(size, 5 * size), patients=size, first_day=today().toordinal() - 6000, days=6000)
    make = partial(Acceptor, Host(Archive("large", contents=held)))
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("seconds", [20.0, 1e-6])
def test_a_large_archive_is_asked_for_all_at_once_where_its_answers_are_fast(seconds: float) -> None:
    async def work() -> Census:
        async with large(FAST) as port:
            return (await counted(port, Budget(whole_seconds=seconds)))[0]

    found = run(work())
    if seconds < 1:
        assert found.doubts == (Doubt(DoubtCode.UNDATED_UNASKED, {"studies": ASK_ALL_UP_TO}),)
        assert found.queries > 40
        return
    assert (found.complete, found.studies, found.undated, found.images) == (True, FAST, 0, 5 * FAST)
    assert found.queries < 20
    assert found.rows < 2.2 * FAST


class Breaks(Peer):
    """It hangs up at a question that asks for all, or for no date."""

    cap: int | None = None

    def matching(self, keys: Keys) -> tuple[Sequence[Study], int]:
        found, status = super().matching(keys)
        cut = self.cap is not None and len(found) > self.cap
        return (found[: self.cap], 0xFE00) if cut else (found, status)

    def reply(self, context: int, request: Command, fragment: bytes) -> bytes:
        said = super().reply(context, request, fragment)
        keys = self.asked[-1] if self.asked else {}
        studies_at_all = keys.get(elements.QUERY_LEVEL) == b"STUDY" and not keys.get(elements.STUDY_UID)
        self.breaks = studies_at_all and keys.get(elements.STUDY_DATE, b"") in (b"", b'""')
        return b"" if self.breaks else said

    def hangs_up(self, request: Command) -> bytes | None:
        return b"" if self.breaks else None


@pytest.mark.parametrize("cap", [None, 40])
def test_where_an_association_breaks_off_at_a_question_for_all_windows_go_on(cap: int | None) -> None:
    held = studies(*range(1, 3000, 7))
    peer = Breaks(held)
    peer.cap = cap

    async def work() -> Census:
        async with serving(peer) as port:
            return (await counted(port, replace(LOOPBACK.census, questions=500)))[0]

    found = run(work())
    assert (found.complete, found.studies) == (False, len(held))
    assert found.doubts[0].code is (DoubtCode.NO_LIST if cap is None else DoubtCode.UNDATED_BEHIND_LIMIT)
