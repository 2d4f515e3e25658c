"""An archive that is busy is asked again once, later, and what tells more counts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.targets.lists import Target, read
from filmbadge.ask.wire import throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, VERIFICATION
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Host
from filmbadge.scope import RateLimits, loopback
from filmbadge.survey import later
from filmbadge.survey.engine import Survey
from filmbadge.survey.later import Later
from support.hanging import HANGS
from support.http_site import http
from support.loopback import HERE, Handler, caps, listening, run

ACCEPT = pdu.associate(
    pdu.ASSOCIATE_AC,
    pdu.Associate("A", "B", tuple(pdu.Context(number, "", ("1.2.840.10008.1.2",)) for number in (1, 3, 5))),
)
ECHOED = pdu.data(1, command.encode(Command(command.C_ECHO_RSP, 1, VERIFICATION, 0)), None, 16384)
ROW = elements.encode([(elements.STUDY_UID, b"1.2")], explicit=False)


def found(status: int, row: bytes | None = None) -> bytes:
    return pdu.data(
        3, command.encode(Command(command.C_FIND_RSP, 2, STUDY_ROOT_FIND, status, row is not None)), row, 16384
    )


RECORD = found(0xFF00, ROW) + found(0)
CONGESTED, LIMIT, FULL = pdu.reject(2, 3, 1), pdu.reject(2, 3, 2), found(0xA700)
PERMANENT, BY_NAME = pdu.reject(1, 1, 1), pdu.reject(2, 1, 1)


class Busy:
    """An archive that gives this first so often, and then a record. `associations` counts them."""

    def __init__(self, answer: bytes, times: int) -> None:
        self.answer, self.times, self.associations = answer, times, 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.associations += 1
        well: tuple[bytes, ...] = (ACCEPT, ECHOED, RECORD, pdu.RELEASE_RESPONSE)
        if self.associations <= self.times:
            refused = self.answer[0] == pdu.ASSOCIATE_RJ
            well = (self.answer,) if refused else (ACCEPT, ECHOED, *(self.answer,) * 20)
        for answer in well:
            if not await reader.read(65536):
                return
            writer.write(answer)
        await reader.read()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(later, "SOONEST_SECONDS", 0.0)
    monkeypatch.setattr(throttle, "DISTRESS_SECONDS", 0.0)


class Nobody:
    def __init__(self) -> None:
        self.done = 0

    def host_done(self, _: object) -> None:
        self.done += 1


def surveyed(directory: Path, *handlers: Handler) -> Dataset:
    """One port each, of one target each."""

    async def work() -> None:
        async with AsyncExitStack() as stack:
            ports = [str(await stack.enter_async_context(listening(handler))) for handler in handlers]
            named = [f"{HERE}:{','.join(ports)}"]
            scope = replace(loopback("a test"), pace=RateLimits(1e6, 1e6, 1e6), caps=caps(), depth=Depth.ASK)
            watcher = Nobody()
            await Survey(scope, read(named, scope), named, directory).run(watcher)
            assert watcher.done == 1

    run(work())
    dataset = Dataset(directory)
    dataset.require_whole()
    assert dataset.rows("SELECT count(*) n FROM endpoints_rows")[0]["n"] == len(handlers)
    return dataset


@pytest.mark.parametrize("answer", [CONGESTED, LIMIT, FULL], ids=["congestion", "local limit", "out of resources"])
def test_one_that_is_busy_for_a_while_is_open_in_the_end(tmp_path: Path, answer: bytes) -> None:
    dataset = surveyed(tmp_path / "out", Busy(answer, 2 if answer is not FULL else 1))
    assert [row["open"] for row in dataset.rows("SELECT open FROM endpoints")] == [True]
    assert dataset.manifest.state == "done"


@pytest.mark.parametrize(
    "answer", [CONGESTED, PERMANENT, BY_NAME], ids=["always busy", "refuses us", "not for congestion"]
)
def test_none_is_asked_more_than_once_more_and_only_one_that_is_busy(tmp_path: Path, answer: bytes) -> None:
    archive = Busy(answer, 1 << 20)
    dataset = surveyed(tmp_path / "out", archive)
    once = archive.associations
    assert [row["open"] for row in dataset.rows("SELECT open FROM endpoints")] == [False]
    again = Busy(answer, 1 << 20)
    surveyed_once(tmp_path / "once", again)
    assert once == (2 if answer is CONGESTED else 1) * again.associations


def surveyed_once(directory: Path, handler: Handler) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(later, "MOST_WAITING", 0)
        surveyed(directory, handler)


def test_what_tells_less_the_second_time_does_not_count(tmp_path: Path) -> None:
    """One of its ports gave a record the first time, and is gone; the other stays busy."""
    gave = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal gave
        gave += 1
        if gave == 1:
            await Busy(b"", 0)(reader, writer)

    dataset = surveyed(tmp_path / "out", once, Busy(CONGESTED, 1 << 20))
    assert sorted(row["open"] for row in dataset.rows("SELECT open FROM endpoints")) == [False, True]
    assert gave > 1


def test_a_web_server_that_is_unavailable_is_asked_again(tmp_path: Path) -> None:
    asked = 0

    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        if (await reader.read(65536))[:3] == b"GET":
            asked += 1
            writer.write(http("503 Service Unavailable"))
        writer.close()

    surveyed(tmp_path / "out", web)
    assert asked == 2


def test_one_that_waits_is_kept_when_the_survey_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it told the first time."""
    monkeypatch.setattr(later, "SOONEST_SECONDS", 1e6)
    out, archive = tmp_path / "out", Busy(CONGESTED, 2)

    waits, put = asyncio.Event(), Later.put

    def puts(self: Later, target: Target, told: Host) -> bool:
        waits.set()
        return put(self, target, told)

    async def work() -> None:
        async with listening(archive) as port:
            named = [f"{HERE}:{port}"]
            scope = replace(loopback("a test"), pace=RateLimits(1e6, 1e6, 1e6), caps=caps(), depth=Depth.ASK)
            task = asyncio.create_task(Survey(scope, read(named, scope), named, out).run(Nobody()))
            await asyncio.wait_for(waits.wait(), HANGS)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    monkeypatch.setattr(Later, "put", puts)
    run(work())
    dataset = Dataset(out)
    assert (dataset.manifest.hosts_done, dataset.manifest.state) == (1, "interrupted")
    assert [row["open"] for row in dataset.rows("SELECT open FROM endpoints")] == [False]
