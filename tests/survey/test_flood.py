"""Archives that never stop naming new studies, beside honest ones, in one run with little memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from filmbadge.ask.decoder import CORE, elements
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.catalogue.dicom import PATIENT_ROOT_FIND, STUDY_ROOT_FIND, VERIFICATION
from filmbadge.model import Depth, DoubtCode, Host, Protocol, Provenance
from filmbadge.scope import Budget, ConnectionLimits, MemoryLimits, address_of, loopback
from filmbadge.survey.examine import examine
from support.dimse_peer import PENDING, SUCCESS, Keys, Peer, encoded, respond, studies
from support.hanging import HANGS
from support.http_site import http
from support.loopback import listening, run

LIMIT = 1 << 20
ROWS = 12_000  # of one answer of a flood
HONEST = 700


class Flood(Peer):
    """Answers each question of studies with many that it never named before."""

    def __init__(self, number: int) -> None:
        super().__init__(studies(0), (VERIFICATION, STUDY_ROOT_FIND, PATIENT_ROOT_FIND))
        self._names, self._number = count(), number

    def answer(self, context: int, request: Command, keys: Keys) -> bytes:
        if keys.get(elements.QUERY_LEVEL) != b"STUDY" or keys.get(elements.STUDY_UID):
            return respond(context, request, SUCCESS)
        one = respond(context, request, PENDING, encoded([(elements.STUDY_UID, b"1.2.%012d" % 0)]))
        before, _, after = one.partition(b"%012d" % 0)
        names = (b"%03d%09d" % (self._number, next(self._names)) for _ in range(ROWS))
        return b"".join(before + name + after for name in names) + respond(context, request, SUCCESS)


def flooding_qido(number: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]:
    """A DICOMweb service whose pages are full of new studies, whatever is asked."""
    names = count()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            path = head.split(b" ", 2)[1].decode()
            if "/dicom-web/studies?" not in path or "StudyInstanceUID=" in path:
                known = "/dicom-web/studies?" in path
                writer.write(http("204 No Content") if known else http("404 Not Found"))
                continue
            rows = (
                f'{{"0020000D":{{"vr":"UI","Value":["1.2.{number:03d}{next(names):09d}"]}},'
                '"00080020":{"vr":"DA","Value":["20200101"]}}'
                for _ in range(ROWS)
            )
            writer.write(http("200 OK\r\nContent-Type: application/dicom+json", f"[{','.join(rows)}]".encode()))
            await writer.drain()

    return handle


@asynccontextmanager
async def world(floods: int, pages: int, honest: int) -> AsyncIterator[list[Target]]:
    async with AsyncExitStack() as stack:
        made = list[Target]()
        handlers: list[Any] = [Flood(n).handle for n in range(floods)]
        handlers += [flooding_qido(100 + n) for n in range(pages)]
        handlers += [Peer(studies(*(n % 400 for n in range(HONEST)))).handle for _ in range(honest)]
        for n, handler in enumerate(handlers):
            address = address_of(f"127.0.9.{n + 1}")
            assert address is not None
            made.append(Target(address, (await stack.enter_async_context(listening(handler, str(address))),)))
        yield made


async def ask(
    targets: list[Target], depth: Depth, limit: int, patience_seconds: float = 2
) -> tuple[list[Host], Dialer]:
    scope = replace(
        loopback("the tests"),
        depth=depth,
        qido_record=True,
        caps=ConnectionLimits(patience_seconds=patience_seconds),
        memory=MemoryLimits(distinct_bytes=limit),
        census=Budget(questions=40, minutes=5, received_bytes=1 << 28, whole=20_000, whole_seconds=HANGS),
    )
    dialer = Dialer(scope, lambda _: None, {str(target.host): target.ports for target in targets})
    tasks = [asyncio.create_task(examine(dialer, target, depth)) for target in targets]
    return [await task for task in tasks], dialer


@pytest.mark.parametrize("depth", [Depth.COUNT, Depth.PROFILE])
def test_floods_stay_under_the_memory_and_honest_archives_are_counted(depth: Depth) -> None:
    async def play() -> tuple[list[Host], Dialer]:
        async with world(floods=13, pages=3, honest=4) as targets:
            async with asyncio.timeout(HANGS):
                return await ask(targets, depth, LIMIT)

    hosts, dialer = run(play())
    memory = dialer.memory
    assert LIMIT // 2 < memory.most <= LIMIT
    assert memory.taken == 0, "all of it came back"
    *floods, a, b, c, d = hosts
    for honest in (a, b, c, d):
        found = honest.archives[0].counts.studies
        assert (found.value, found.how) == (HONEST, Provenance.COUNTED)
    told = [flood.archives[0].counts.studies for flood in floods]
    assert {flood.fault for flood in hosts} == {None}
    assert all(one.how is not Provenance.COUNTED for one in told), "a flood was counted"
    assert all(one.doubts for one in told)
    short = [one for one in told if any(doubt.code is DoubtCode.MEMORY for doubt in one.doubts)]
    assert short, "some were too large for the memory, and say so"
    web = [flood for flood in floods if flood.judged[0].observation.endpoint.protocol is Protocol.HTTP]
    assert len(web) == 3
    if depth is Depth.PROFILE:
        assert all(flood.archives[0].counts.studies.at_least for flood in web)


def test_one_that_is_too_large_alone_is_estimated_with_an_interval() -> None:
    """An honest archive of many studies, in one answer each time, and little memory."""
    size = 60_000

    class Large(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            fits = [n for n in range(size) if not keys.get(elements.STUDY_UID)]
            held = keys.get(elements.STUDY_DATE, b"")
            if held and not (held.partition(b"-")[0] <= b"20240105" <= (held.partition(b"-")[2] or held)):
                fits = []
            rows = (
                encoded([(tag, value) for tag, value in ((elements.STUDY_UID, b"1.2.%d" % n),) if tag in keys])
                for n in fits
            )
            made = [respond(context, request, PENDING, row) for row in rows]
            return b"".join(made) + respond(context, request, SUCCESS)

    async def play() -> tuple[list[Host], Dialer]:
        async with listening(Large(studies(0)).handle) as port:
            address = address_of("127.0.0.1")
            assert address is not None
            async with asyncio.timeout(HANGS):
                # However slowly a busy machine builds its long answers, memory is what ends it.
                limit = LIMIT // 2 if CORE == "compiled" else LIMIT
                return await ask([Target(address, (port,))], Depth.COUNT, limit, HANGS)

    (host,), dialer = run(play())
    found = host.archives[0].counts.studies
    assert dialer.memory.most <= LIMIT
    assert found.how is not Provenance.COUNTED
    assert found.at_least is not None and 0 < found.at_least < size
    assert found.doubts[0].code is DoubtCode.MEMORY
