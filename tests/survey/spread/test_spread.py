"""A survey that workers share: what they find is what one process finds, and nobody is asked by two.

The workers are in this process, each with a door, a lease and a pace of its own. Ports are fixed, for a scope lists them: the tests
have a network namespace of their own.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pytest

from filmbadge.ask.targets.lists import read
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.lease import clock
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth, Host, JournalRow
from filmbadge.places import PACKAGED
from filmbadge.scope import LOOPBACK, RateLimits, Scope, network_of
from filmbadge.survey.askers import Asks, Here
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import BrokenOff, SurveyError
from filmbadge.survey.spread import ledger, work
from filmbadge.survey.spread.work import version
from support.http_site import orthanc, serving, viewer
from support.loopback import Handler, caps, listening, run
from support.name_server import name_server
from support.odd_dicomweb import Manners, OddDicomWeb
from support.pace import Fullest, fullest
from support.workers import WHO, Inside, spread

VIEWER, ONE, OTHER = "127.0.0.1", "127.0.7.7", "127.0.8.8"
NAMES = {"viewer.example": VIEWER, "archive.example": ONE, "other.example": OTHER}
PACE = RateLimits(overall=400, per_network=200, per_host=200, open_at_once=64)
CLINICS = replace(
    LOOPBACK,
    name="clinics",
    networks=(ip_network("127.0.0.0/16"),),
    names=("archive.example", "other.example"),
    depth=Depth.COUNT,
    dimse_ports=(),
    dimse_tls_ports=(),
    web_ports=(8042,),
    web_tls_ports=(),
    pace=PACE,
    caps=caps(idle_seconds=0.5),
)
SECONDS = 4.0  # that a lease lasts: two of them are kept for farewells
SWEPT = ["127.0.20.0/26", "127.0.21.0/26", "127.0.22.0/26", "127.0.23.0/26"]


class Mute:
    """Hears of hosts."""

    def __init__(self) -> None:
        self.hosts: list[Host] = []

    def host_done(self, host: Host) -> None:
        self.hosts.append(host)


def plan(directory: Path, asks: Asks, named: Sequence[str] = SWEPT, scope: Scope = CLINICS, **more: Any) -> Survey:
    return Survey(scope, read(named, scope), named, directory, asks=asks, **more)


def connections(directory: Path) -> list[tuple[str, Any]]:
    return [
        (str(row["address"]), row["started_at"])
        for row in Dataset(directory).rows("SELECT address, started_at FROM journal WHERE port IS NOT NULL")
    ]


def together(directory: Path) -> dict[str, Any]:
    """What a survey adds up to, and what it says of each endpoint and archive."""
    dataset = Dataset(directory)
    tables = {
        "endpoints": "SELECT address, port, protocol, rung, target FROM endpoints ORDER BY ALL",
        "archives": "SELECT id, rung, studies, images, grade FROM archives ORDER BY ALL",
    }
    return {"rows": dataset.manifest.rows, "state": dataset.manifest.state} | {
        name: dataset.rows(sql) for name, sql in tables.items()
    }


async def clinics(up: AsyncExitStack) -> None:
    """A viewer whose pages name archives in two other networks, an Orthanc twice, and nothing else."""
    named = ("http://archive.example:8042/a/rs", "http://other.example:8042/b/rs")
    one, other = OddDicomWeb(Manners(root="/a/rs")), OddDicomWeb(Manners(root="/b/rs"))
    places: list[tuple[str, int, Handler]] = [
        (VIEWER, 8080, viewer(*named)),
        (ONE, 8042, one),
        (OTHER, 8042, other),
        ("127.0.9.1", 8042, serving(orthanc)),
        ("127.0.10.1", 8042, serving(orthanc)),
    ]
    for address, port, handler in places:
        await up.enter_async_context(listening(handler, address, port=port))


@pytest.mark.parametrize("look_up", ["coordinator", "workers"])
def test_workers_find_what_one_process_finds(tmp_path: Path, look_up: Literal["coordinator", "workers"]) -> None:
    """A viewer is named by its name, and names archives in networks that others have."""
    scope = replace(CLINICS, look_up=look_up)
    named = ["viewer.example:8080", "nowhere.example", "127.0.9.0/28", "127.0.10.0/28", *SWEPT]
    asked = []

    async def surveyed(directory: Path, asks: Asks) -> None:
        async with AsyncExitStack() as up:
            await clinics(up)
            await plan(directory, asks, named, scope).run(Mute())

    for name, asks in ("alone", Here), ("shared", spread(tmp_path / "shared", 3)):
        with name_server(NAMES) as heard:
            run(surveyed(tmp_path / name, asks))
            asked.append(Counter(heard))
    alone, shared = (together(tmp_path / name) for name in ("alone", "shared"))
    assert shared == alone
    assert {row["id"] for row in shared["archives"]} >= {f"{one}:8042" for one in (ONE, OTHER, "127.0.10.1")}
    assert asked[0] == asked[1]
    once = Counter(address for address, _ in connections(tmp_path / "alone"))
    assert Counter(address for address, _ in connections(tmp_path / "shared")) == once
    assert Dataset(tmp_path / "shared").manifest.hosts_done == Dataset(tmp_path / "alone").manifest.hosts_done


def test_the_pace_is_that_of_the_scope_however_many_workers_there_are(tmp_path: Path) -> None:
    pace = RateLimits(overall=90, per_network=30, per_host=30, open_at_once=30)
    run(plan(tmp_path, spread(tmp_path, 5), scope=replace(CLINICS, pace=pace)).run(Mute()))
    found = connections(tmp_path)
    assert len(found) == 4 * 62
    assert not_kept(found, pace) == []


def not_kept(found: Sequence[tuple[str, Any]], pace: RateLimits) -> list[Fullest]:
    """Windows that hold too many. Overall a second is the shortest that counts: workers do not know each other's moments."""
    return [one for one in fullest(found, pace) if not one.kept and (one.of != "all" or one.seconds >= 1)]


class Dialled(NamedTuple):
    """One connection, by the clock of leases."""

    who: str
    address: str
    began: float
    ended: float


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Dialled]:
    """All connections that workers make, from their turn on."""
    made: list[Dialled] = []
    dial = Dialer._in_turn

    async def noted(self: Dialer, line: Any, address: Any, *rest: Any) -> JournalRow:
        try:
            row = await dial(self, line, address, *rest)
        finally:
            made.append(Dialled(WHO.get(), str(address), clock(), clock()))
        return row

    monkeypatch.setattr(Dialer, "_in_turn", noted)
    return made


def by_network(dialled: Sequence[Dialled]) -> dict[tuple[int, int], list[str]]:
    """The workers that asked each network, one after the other."""
    found: dict[tuple[int, int], list[str]] = defaultdict(list)
    for one in sorted(dialled, key=lambda one: one.began):
        owners = found[network_of(ip_address(one.address))]
        if owners[-1:] != [one.who]:
            owners.append(one.who)
    return found


SLOW = replace(CLINICS, pace=RateLimits(overall=60, per_network=30, per_host=30, open_at_once=64))


async def broken(
    directory: Path, breaks: Callable[[Inside], None], mends: Callable[[Inside], None], **more: Any
) -> Survey:
    """A survey by two workers. One of them breaks once something was kept, and is mended when the other has all that is left."""
    workers: list[Inside] = []
    made = plan(directory, spread(directory, 2, workers, seconds=SECONDS, **more), scope=SLOW)
    heard = Mute()
    task = asyncio.create_task(made.run(heard))
    while len(heard.hosts) < 20:
        await asyncio.sleep(0.01)
    breaks(workers[0])
    await asyncio.wait([task], timeout=2 * SECONDS)
    mends(workers[0])
    await task
    return made


def check(directory: Path, dialled: Sequence[Dialled]) -> None:
    """All were asked; each network by one worker, and then by another; the pace was kept."""
    manifest = Dataset(directory).manifest
    assert (manifest.hosts, manifest.hosts_done) == (4 * 62, 4 * 62)
    assert Counter(row["target"] for row in Dataset(directory).rows("SELECT target FROM endpoints")) == Counter(
        {str(address): 1 for named in SWEPT for address in ip_network(named).hosts()}
    )
    owners = by_network(dialled)
    assert all(len(set(each)) == len(each) for each in owners.values()), owners
    assert max(map(len, owners.values())) == 2, "no network changed its owner"
    assert not_kept(connections(directory), SLOW.pace) == []


def test_what_a_lost_worker_had_goes_to_another_once_its_leases_are_over(
    tmp_path: Path, dialled: list[Dialled]
) -> None:
    told: list[str] = []

    def breaks(worker: Inside) -> None:
        worker.lost = True

    run(broken(tmp_path, breaks, lambda _: None, told=told))
    check(tmp_path, dialled)
    assert told == ["worker 1 ended early. Others take what it had once its leases are over."]


def test_a_worker_that_is_cut_off_asks_nothing_after_its_lease_and_may_come_back(
    tmp_path: Path, dialled: list[Dialled]
) -> None:
    began = []

    def breaks(worker: Inside) -> None:
        worker.connected.clear()
        began.append(clock())

    run(broken(tmp_path, breaks, lambda worker: worker.connected.set()))
    check(tmp_path, dialled)
    (cut,) = began
    mine = [one.began for one in dialled if one.who == "worker 1" and one.began > cut]
    assert mine, "it went on while its lease lasted"
    assert not [one for one in mine if cut + SECONDS < one < cut + 2 * SECONDS]


def test_without_workers_a_survey_is_broken_off_and_another_run_goes_on(tmp_path: Path) -> None:
    async def work() -> None:
        workers: list[Inside] = []
        heard = Mute()
        task = asyncio.create_task(plan(tmp_path, spread(tmp_path, 2, workers, seconds=SECONDS)).run(heard))
        while len(heard.hosts) < 20:
            await asyncio.sleep(0.01)
        for worker in workers:
            worker.lost = True
        with pytest.raises(BrokenOff, match="no worker is left"):
            await task
        assert Dataset(tmp_path).manifest.state == "interrupted"
        kept = Dataset(tmp_path).manifest.hosts_done
        again = plan(tmp_path, spread(tmp_path, 2, seconds=SECONDS), resume=True)
        assert again.hosts_done == kept
        await again.run(Mute())

    run(work())
    assert Dataset(tmp_path).manifest.state == "done"
    assert Dataset(tmp_path).manifest.hosts_done == 4 * 62


def test_a_run_alone_waits_for_workers_of_the_run_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may still ask: nobody saw their end."""
    monkeypatch.setattr(ledger, "LEASE_SECONDS", SECONDS)

    async def work() -> None:
        workers: list[Inside] = []
        heard = Mute()
        task = asyncio.create_task(plan(tmp_path, spread(tmp_path, 2, workers, seconds=SECONDS)).run(heard))
        while len(heard.hosts) < 20:
            await asyncio.sleep(0.01)
        lost = time.time()
        for worker in workers:
            worker.lost = True
        with pytest.raises(BrokenOff):
            await task
        before = len(connections(tmp_path))
        await plan(tmp_path, Here, resume=True).run(Mute())
        moments = sorted(at.timestamp() for _, at in connections(tmp_path))
        assert len(moments) > before
        assert moments[before] >= lost + SECONDS - 1  # the last order was made a little before

    run(work())


def test_an_interruption_keeps_what_workers_know(tmp_path: Path) -> None:
    """They leave in order, and nothing waits for them afterwards."""

    async def work() -> None:
        heard = Mute()
        task = asyncio.create_task(plan(tmp_path, spread(tmp_path, 2)).run(heard))
        while len(heard.hosts) < 20:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert Dataset(tmp_path).manifest.state == "interrupted"
        assert plan(tmp_path, Here, resume=True).waits == 0
        await plan(tmp_path, Here, resume=True).run(Mute())

    run(work())
    found = Counter(address for address, _ in connections(tmp_path))
    assert len(found) == 4 * 62


def test_a_worker_of_another_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their rows, and their hashes, would be of different kinds."""
    ours = version(PACKAGED)
    for field, said in ("filmbadge", "worker 1 runs filmbadge other"), ("decoder", "and differ in: decoder"):
        other = msgspec.structs.replace(ours, **{field: "other"})
        monkeypatch.setattr(work, "version", lambda _, other=other: other)
        with pytest.raises(SurveyError, match=said):
            run(plan(tmp_path / field, spread(tmp_path / field)).run(Mute()))
        assert not list(Dataset(tmp_path / field).done())
