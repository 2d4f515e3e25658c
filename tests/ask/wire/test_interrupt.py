"""Told to stop, we cancel and release; told again, we abort. The archive saw which."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dimse.association import Association, Echo, Operations, Query
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire import dialer as dialer_module
from filmbadge.ask.wire import throttle
from filmbadge.ask.wire.conversation import Connection
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from support.hanging import HANGS
from support.loopback import HERE, Talker, dialer, listening, run
from support.pynetdicom_archive import Rows, archive

KEYS = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))


class Endless:
    """A query that goes on until it is cancelled, or for good."""

    def __init__(self, asked: Callable[[], object], *, deaf: bool = False) -> None:
        self._asked, self._deaf = asked, deaf
        self.done = threading.Event()

    def __call__(self, _: Dataset) -> Rows:
        self._asked()
        while not self.done.wait(0.005):
            row = Dataset()
            row.StudyInstanceUID = "1.2.3"
            yield 0xFF00, row
            if self._deaf:
                self.done.wait(HANGS)
        yield 0x0000, None


def whole(_: Association) -> Operations:
    yield Echo()
    yield Query(STUDY_ROOT_FIND, KEYS, Tally(RunKey()))
    raise AssertionError("the script went on after it was told to stop")


def interrupted(times: int, *, deaf: bool = False) -> tuple[list[JournalRow], Any]:
    """Interrupt a query that is under way, `times` times."""

    async def work() -> tuple[list[JournalRow], Any]:
        loop, asked = asyncio.get_running_loop(), asyncio.Event()
        endless = Endless(lambda: loop.call_soon_threadsafe(asked.set), deaf=deaf)
        door, rows = dialer()
        with archive(endless) as script:
            task = asyncio.create_task(door.dial(HERE, script.port, Association("ANY-SCP", whole), question="t"))
            await asked.wait()
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)  # lets the task meet it
            with pytest.raises(asyncio.CancelledError):
                await task
            endless.done.set()
        return rows, script

    return run(work())


def test_the_first_cancels_the_query_and_releases_the_association() -> None:
    rows, script = interrupted(1)
    assert script.endings == ["released"]
    assert [row.stop for row in rows] == [Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_IN_ORDER)]


def test_while_it_rests_it_releases_at_once() -> None:
    queries: list[None] = []

    def nothing(_: Dataset) -> Rows:
        queries.append(None)
        yield 0x0000, None

    async def work() -> None:
        resting = asyncio.Event()

        def twice(_: Association) -> Operations:
            yield Query(STUDY_ROOT_FIND, KEYS, Tally(RunKey()))
            resting.set()
            yield Query(STUDY_ROOT_FIND, KEYS, Tally(RunKey()))

        door, rows = dialer()
        with archive(nothing) as script:
            talk = Association("ANY-SCP", twice, throttle=Throttle(1e-6))
            task = asyncio.create_task(door.dial(HERE, script.port, talk, question="t"))
            await resting.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert script.endings == ["released"]
        assert [row.stop.ending for row in rows] == [OutcomeKind.INTERRUPTED]
        assert rows[0].seconds < throttle.LONGEST_REST / 2

    run(work())
    assert len(queries) == 1


def test_the_second_aborts() -> None:
    rows, script = interrupted(2, deaf=True)
    assert script.endings == ["aborted"]
    assert [row.stop for row in rows] == [Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_AT_ONCE)]


class CancelledAtOnce(Talker):
    """A talk during whose first words the task is cancelled, and that has something to say then."""

    task: asyncio.Task[JournalRow]

    def opened(self, line: Connection) -> None:
        super().opened(line)
        self.task.cancel()

    def leave(self) -> bool:
        self.line.send(b"I leave")
        return True


@pytest.mark.parametrize(
    ("edges", "cause"),
    [
        pytest.param(
            True,
            Cause.STOPPED_IN_ORDER,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="only Linux has epoll"),
        ),
        (False, Cause.STOPPED_AT_ONCE),  # the event loop closes such a connection by itself, and tells nobody
    ],
)
def test_a_connection_that_is_cancelled_as_it_opens_is_interrupted_and_no_error_of_ours(
    monkeypatch: pytest.MonkeyPatch, edges: bool, cause: Cause
) -> None:
    monkeypatch.setattr(dialer_module, "_EDGES", edges)

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"leave")

    async def work() -> list[JournalRow]:
        door, rows = dialer()
        async with listening(hear) as port:
            talk = CancelledAtOnce(b"hello")
            talk.task = asyncio.create_task(door.dial(HERE, port, talk, question="t"))
            with pytest.raises(asyncio.CancelledError):
                await talk.task
        return rows

    assert [row.stop for row in run(work())] == [Outcome(OutcomeKind.INTERRUPTED, cause)]
