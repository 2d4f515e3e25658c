"""One worker, to which a coordinator that this test plays gives orders, and a coordinator to which a made worker reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest

from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.lease import ENDS_EARLY, clock
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import ENDPOINTS, JOURNAL
from filmbadge.model import Depth, Endpoint, Observation, Outcome, OutcomeKind, Protocol
from filmbadge.places import PACKAGED
from filmbadge.scope import RateLimits, Scope, network_of
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import BrokenOff, SurveyError
from filmbadge.survey.spread import work
from filmbadge.survey.spread.messages import (
    MOST_SECRET,
    Charge,
    Done,
    Given,
    Order,
    Report,
    Share,
    WorkerLost,
    observation_text,
    scope_as_bytes,
    table_as_bytes,
)
from filmbadge.survey.spread.work import Work, version
from support.hanging import HANGS
from support.loopback import listening, run
from support.name_server import name_server
from support.workers import Inside, spread
from survey.spread.test_spread import CLINICS, NAMES, Mute, plan

HOST, OTHER = "127.0.20.1", "127.0.21.1"
NETWORK, OTHERS = network_of(ip_address(HOST)), network_of(ip_address(OTHER))


async def ordered(worker: Work, order: Order, secret: bytes = b"") -> tuple[Report, bytes]:
    async with asyncio.timeout(HANGS):
        told, sketches = await worker.exchange(msgspec.msgpack.encode(order), secret)
    return msgspec.msgpack.decode(told, type=Report), sketches


async def charged(scope: Scope = CLINICS) -> tuple[Work, float]:
    """A worker that knows what survey this is, and the moment of its report."""
    worker = Work()
    charge = Charge(scope_as_bytes(scope), version(PACKAGED), (), 1 << 20)
    report, _ = await ordered(worker, Order(term=0, charge=charge), bytes(RunKey()))
    return worker, report.at


def test_a_lapse_is_told_though_sketches_take_several_reports() -> None:
    """Else the coordinator would wait for ever for what this worker had. Until it is told, nothing new is begun."""
    slow = replace(CLINICS, pace=RateLimits(overall=1, per_network=0.1, per_host=0.1, open_at_once=4))

    async def asked() -> int:
        worker, at = await charged(slow)
        assert worker._part is not None
        share = Share(1, (NETWORK,), (Given(HOST),), asked_before=(NETWORK,))
        await ordered(worker, Order(term=0, since=at, seconds=ENDS_EARLY + 0.5, rate=1, hands=4, shares=(share,)))
        while not worker._part._lease.over:
            await asyncio.sleep(0.05)
        worker._part._secrets.extend([bytes(MOST_SECRET - 1)] * 3)
        for number in range(2, 9):
            share = Share(number, (OTHERS,), (Given(OTHER),))
            order = Order(term=0, since=clock(), seconds=60, rate=1, hands=4, shares=(share,))
            report, _ = await ordered(worker, order)
            if report.lapsed:
                break
        begun = len(worker._part._leases)
        await worker.abandon()
        assert report.lapsed
        return begun

    assert run(asked()) == 0


def test_rows_come_with_the_last_of_the_sketches() -> None:
    """A host whose rows are kept is never asked again, so a sketch that was lost after them would be missed for ever."""

    async def asked() -> list[tuple[int, int, bool]]:
        worker, _ = await charged()
        assert worker._part is not None
        worker._part._secrets.extend([bytes(MOST_SECRET - 1)] * 3)
        worker._part._batch.take({JOURNAL.name: JOURNAL.filled([])})
        worker._part._told.done.append(Done(HOST, 0.0, HOST))
        reports = [(await ordered(worker, Order(term=0, stop=True)))[0] for _ in range(3)]
        return [(len(report.tables), len(report.done), report.stopped) for report in reports]

    assert run(asked()) == [(0, 0, False), (0, 0, False), (1, 1, True)]


def test_a_worker_that_fails_while_it_draws_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its coordinator waits for the sketch."""

    async def fails(*_: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(work, "sketch_of", fails)

    async def asked() -> None:
        worker, at = await charged()
        told = Observation(
            endpoint=Endpoint(HOST, 8042, Protocol.HTTP),
            at=datetime.now(UTC),
            depth=Depth.COUNT,
            stop=Outcome(OutcomeKind.COMPLETED),
        )
        seen = observation_text(told)
        share = Share(1, (NETWORK,), (Given(HOST, (), (seen,), "dimse"),))
        for since in (at, clock(), clock()):
            order = Order(term=0, since=since, seconds=60, rate=9, hands=4, shares=(share,) if since == at else ())
            await ordered(worker, order)

    with pytest.raises(RuntimeError, match="planted"):
        run(asked())


def test_a_rate_is_confirmed_once_no_more_hands_are_out_than_come_with_it() -> None:
    """Others get what it gave up: together they would have more open than the scope allows."""
    hosts = [f"127.0.20.{number}" for number in range(1, 9)]

    async def asked() -> None:
        let_go, met = asyncio.Event(), 0

        async def holds(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal met
            met += 1
            await let_go.wait()
            writer.close()

        patient = replace(CLINICS, caps=replace(CLINICS.caps, idle_seconds=HANGS))
        async with listening(holds, "0.0.0.0", port=8042):
            worker, at = await charged(patient)
            share = Share(1, (NETWORK,), tuple(map(Given, hosts)))
            order = Order(term=0, since=at, seconds=60, rate=200, hands=4, shares=(share,))
            report, _ = await ordered(worker, order)
            less = Order(term=0, since=clock(), seconds=60, rate=100, hands=2)
            while met < 4:
                report, _ = await ordered(worker, msgspec.structs.replace(order, since=report.at, shares=()))
            assert report.rate == 200
            report, _ = await ordered(worker, less)
            assert (report.rate, len(report.in_hand)) == (200, 4)
            let_go.set()
            while report.rate != 100:
                report, _ = await ordered(worker, msgspec.structs.replace(less, since=report.at))
            assert len(report.in_hand) <= 2
            await worker.abandon()

    run(asked())


class Made(Inside):
    """A worker whose reports are made: `says` changes those of a worker that does nothing."""

    def __init__(self, number: int, says: Callable[[Order, int], Report]) -> None:
        super().__init__(number)
        self.says = says
        self.ended = False

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        self.exchanges += 1
        told = msgspec.msgpack.decode(order, type=Order)
        await asyncio.sleep(0.01)
        report = self.says(told, self.exchanges)
        known = msgspec.structs.replace(report, version=version(PACKAGED) if told.charge else None, stopped=told.stop)
        return msgspec.msgpack.encode(known), b""

    async def end(self) -> None:
        self.ended = True


def made(
    directory: Path, says: Callable[[Order, int], Report], scope: Scope = CLINICS
) -> tuple[Sequence[Made], object]:
    workers: list[Inside] = []
    asks = spread(directory, 2, workers, of=partial(Made, says=says))
    with pytest.raises((SurveyError, BrokenOff)) as failed:
        run(plan(directory, asks, scope=scope).run(Mute()))
    return [one for one in workers if isinstance(one, Made)], failed.value


def test_what_a_worker_asks_is_answered_though_its_leases_lapsed_meanwhile(tmp_path: Path) -> None:
    """It asks once, and waits."""
    question = "viewer.example"
    answered: list[str] = []

    def says(order: Order, exchange: int) -> Report:
        answered.extend(answer.question for answer in order.answers)
        if answered or exchange > 200:
            raise WorkerLost("worker ended early")
        report = Report(term=order.term, at=clock(), rate=0.0)
        if exchange == 2:
            return msgspec.structs.replace(report, lapsed=True)
        return msgspec.structs.replace(report, term=0, questions=(question,)) if exchange == 3 else report

    with name_server(NAMES):
        made(tmp_path, says)
    assert answered[:1] == [question]


def test_of_a_worker_whose_leases_lapsed_the_journal_alone_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hosts are another's by then, who keeps them: they would be kept twice."""
    taken, rows = list[str](), {table.name: table_as_bytes(table.filled([])) for table in (ENDPOINTS, JOURNAL)}
    monkeypatch.setattr(Survey, "take", lambda _, tables: taken.extend(tables))

    def says(order: Order, exchange: int) -> Report:
        if exchange > 3:
            raise WorkerLost("worker ended early")
        report = Report(term=order.term, at=clock(), rate=0.0, lapsed=exchange == 2)
        if exchange < 3:
            return report
        return msgspec.structs.replace(report, term=0, tables=rows, done=(Done(HOST, 0.0, HOST),))

    made(tmp_path, says)
    assert taken == [JOURNAL.name] * 2
    assert Dataset(tmp_path).manifest.hosts_done == 0


def test_all_workers_are_ended_where_one_fails(tmp_path: Path) -> None:
    """By its clock the scope has expired, and by ours it is far from it."""

    def says(order: Order, _: int) -> Report:
        return Report(term=order.term, at=clock(), rate=order.rate, expired=order.charge is None)

    workers, failed = made(tmp_path, says)
    assert "by its clock the scope has expired" in str(failed)
    assert [worker.ended for worker in workers] == [True, True]


def test_clocks_that_differ_by_little_end_a_survey_in_order(tmp_path: Path) -> None:
    """By the clock of a worker the scope expires a moment before it does by ours."""
    scope = replace(CLINICS, expires=datetime.now(UTC) + timedelta(seconds=2))

    def says(order: Order, exchange: int) -> Report:
        return Report(term=order.term, at=clock(), rate=order.rate, lapsed=exchange > 5, expired=exchange > 5)

    asks = spread(tmp_path, 2, of=partial(Made, says=says))
    run(plan(tmp_path, asks, scope=scope).run(Mute()))
    assert Dataset(tmp_path).manifest.state == "interrupted"
