"""The work of one worker: it asks what is leased to it, and reports what it learned. It writes nothing to any disk."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Any

import msgspec

from filmbadge.ask.decoder import CORE
from filmbadge.ask.key import RunKey
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import Dialer, Names, OutOfScope, UnknownName
from filmbadge.ask.wire.lease import Lease, clock
from filmbadge.ask.wire.pacer import Pacer
from filmbadge.catalogue.digest import digest
from filmbadge.judge.findings import findings
from filmbadge.keep.batch import Batch
from filmbadge.keep.schema import FACTS, JOURNAL, VERSION
from filmbadge.model import DicomWebFacts, DimseFacts, Facts, Host, JournalRow
from filmbadge.places import PACKAGED, Places, load
from filmbadge.scope import Address
from filmbadge.survey.crew import Crew
from filmbadge.survey.examine import Elsewhere, Sketches
from filmbadge.survey.queues import Network
from filmbadge.survey.review import sketch_of
from filmbadge.survey.spread.messages import (
    MOST_SECRET,
    Answer,
    Back,
    Charge,
    Done,
    Drawn,
    Given,
    Order,
    Report,
    Share,
    Version,
    observation_of,
    observation_text,
    scope_of,
    sketch_as_bytes,
    table_as_bytes,
)
from filmbadge.version import RELEASE

HOLD_SECONDS = 0.25  # a report waits so long for something to tell
_SOON = 0.05  # seconds: a wait that is shorter is not worth being woken from
WAYS: dict[str, type[Facts]] = {"dimse": DimseFacts, "dicomweb": DicomWebFacts}  # by which sketches are drawn


class Work:
    """What a transport calls: orders go in, reports come out. It lives in one event loop."""

    def __init__(self) -> None:
        self._part: _Part | None = None

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        """Obeys an order, and reports: at once where there is something to tell, else after a moment."""
        told = msgspec.msgpack.decode(order, type=Order)
        if told.charge is not None:
            self._part = _Part(told.charge, secret)
        assert self._part is not None, "the first order says what survey this is"
        return await self._part.exchange(told)

    async def abandon(self) -> None:
        """The coordinator is gone. Nothing more is sent."""
        if self._part is not None:
            await self._part.abandon()


def version(places: Places) -> Version:
    """What this process is."""
    return Version(RELEASE, VERSION, FACTS, digest(), places.digest, CORE)


class _Part:
    """The part of one survey that is leased to this worker."""

    def __init__(self, charge: Charge, key: bytes) -> None:
        told = scope_of(charge.scope)
        scope = replace(told, memory=replace(told.memory, distinct_bytes=charge.memory))
        places = _places(charge)
        self._version: Version | None = version(places)
        self._scope = scope
        self._batch, self._sketches, self._secrets = Batch(), Sketches(), deque[bytes]()
        self._told = _Told()
        self._ports: dict[str, tuple[int, ...]] = {}  # that the user named, by host
        self._lease = Lease()
        self._dialer = Dialer(scope, self._journal, self._ports, lease=self._lease, key=RunKey(key))
        own = self._dialer.names if scope.look_up == "workers" else None
        self._names = self._dialer.names = _Names(self._something, own)
        self._crew = Crew(self._dialer, scope.depth, places, self._sketches, self._keep)
        self._crew.elsewhere = self._goes_back
        self._pace = _Pace(self._dialer, self._look)
        self._term = 0
        self._rate, self._hands = 0.0, 0
        self._applied = 0.0  # the last rate whose hands are not exceeded
        self._leases: dict[int, _Leased] = {}
        self._number: dict[str, int] = {}  # of the lease of each target that is not done
        self._networks = _Networks()
        self._no_more = False
        self._wanted = self._denied = False  # it said that it wants more; and nothing came
        self._round: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._tell = asyncio.Event()
        self._failed: BaseException | None = None  # why it cannot go on: nobody would hear of what failed otherwise

    def _journal(self, row: JournalRow) -> None:
        self._batch.journal(row)

    def _something(self) -> None:
        """There is something to tell."""
        self._tell.set()

    async def exchange(self, order: Order) -> tuple[bytes, bytes]:
        await self._obey(order)
        if not (order.stop or self._told.urgent or self._secrets or order.charge):
            self._tell.clear()
            self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(HOLD_SECONDS):
                    await self._tell.wait()
        return self._report(stopped=order.stop)

    def _look(self) -> None:
        """Whoever waits for more, or for an answer, is not to wait for long."""
        if (self._pace.hungry and not (self._no_more or self._denied)) or self._names.unasked:
            self._something()

    async def abandon(self) -> None:
        self._lease.renew(-inf)
        await self._break_off()

    async def _obey(self, order: Order) -> None:
        lapsed = bool(self._leases) and self._dialer.expired
        if lapsed or order.term != self._term or order.stop:
            await self._break_off()
            if order.term != self._term:  # all that it had is another's by now
                self._told, self._batch = _Told(), self._batch.of(JOURNAL)
                self._secrets.clear()
                self._term = order.term
            self._told.lapsed |= lapsed
        self._names.take(order.answers)
        if self._told.lapsed or order.stop or not order.seconds:  # sketches may come before the report that says so
            return
        self._lease.renew(order.since + order.seconds)
        self._rate, self._hands, self._no_more = order.rate, order.hands, order.no_more
        self._denied = self._wanted and not order.shares
        self._crew.change(order.hands)
        self._dialer.pacer.limit(order.rate)
        self._sketches.images = max(self._sketches.images, order.images)
        for share in order.shares:
            self._take(share)
        for name in order.look_up:
            self._start(self._look_up(name))
        self._go_on()

    def _take(self, share: Share) -> None:
        self._lease.take(share.networks)
        for network in share.asked_before:
            self._dialer.pacer.resume(network)
        targets = [(given.target, given) for given in share.targets]
        self._leases[share.number] = _Leased(share.networks, {str(target) for target, _ in targets})
        hosts = []
        for target, given in targets:
            self._number[str(target)] = share.number
            if target.ports:
                host = str(target.host)
                self._ports[host] = (*self._ports.get(host, ()), *target.ports)
            if given.way:
                self._start(self._draw(target, given))
                continue
            if given.seen:
                self._crew.seen_before[target] = tuple(map(observation_of, given.seen))
            hosts.append(target)
        if hosts:
            self._networks.put(hosts)

    def _go_on(self) -> None:
        """What waits for leases looks again; a round that was over begins anew."""
        if self._failed is not None:
            raise self._failed
        if self._round is not None and self._round.done():
            self._round.result()
            self._round = None
        if self._networks.waiting and self._round is None:
            self._pace.hungry = False
            self._round = asyncio.create_task(self._ask())
        self._pace.wake(hungry=self._pace.hungry and not self._networks.waiting)

    async def _ask(self) -> None:
        await self._crew.ask(self._networks, self._hands, self._pace, lambda: not self._no_more)
        self._something()

    async def _break_off(self) -> None:
        """Nothing is asked any more. What is done stays to be reported, and the rest is forgotten."""
        tasks = [*self._tasks, *([self._round] if self._round is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._round = None
        self._tasks.clear()
        for leased in self._leases.values():
            self._lease.give_back(leased.networks)
        self._leases.clear()
        self._number.clear()
        self._networks.clear()
        self._crew.seen_before.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
            self._something()

    async def _look_up(self, name: str) -> None:
        self._told.answers.append(await answered(self._dialer, name))
        self._something()

    async def _draw(self, target: Target, given: Given) -> None:
        """Asks an archive for its studies once more."""
        seen = observation_of(given.seen[0])
        with suppress(OutOfScope, UnknownName):
            drawn = await sketch_of(self._dialer, target, seen, WAYS[given.way])
            if drawn is not None:
                self._secrets.append(sketch_as_bytes(Drawn(seen.endpoint, drawn)))
        if not self._dialer.expired:
            self._told.drawn.append(str(target))
            self._settle(target)
            self._something()

    def _keep(self, host: Host, target: Target) -> None:
        """A host is done: its sketches go before its rows."""
        for drawn in (self._sketches.studies, self._sketches.patients):
            self._secrets.extend(sketch_as_bytes(Drawn(of, sketch)) for of, sketch in drawn.items())
        self._sketches.studies.clear()
        self._sketches.patients.clear()
        self._batch.host(host, str(target), findings(host))
        self._told.done.append(Done(str(target), self._crew.took, host.address, host.archives))
        self._settle(target)

    def _goes_back(self, target: Target, needed: Elsewhere) -> None:
        seen = tuple(map(observation_text, needed.seen))
        self._told.back.append(Back(str(target), tuple(needed.networks), seen))
        self._settle(target)

    def _settle(self, target: Target) -> None:
        number = self._number.pop(str(target), None)
        if number is None:
            return
        leased = self._leases[number]
        leased.left.discard(str(target))
        if not leased.left:
            del self._leases[number]
            self._lease.give_back(leased.networks)
            self._told.finished.append(number)
        if not self._number:
            self._something()

    @property
    def _wants(self) -> int:
        """How many more targets could be begun soon."""
        begun = len(self._crew.in_hand)
        return self._hands if self._pace.hungry or len(self._number) - begun < self._hands else 0

    def _report(self, *, stopped: bool) -> tuple[bytes, bytes]:
        """All that is to be told. Where sketches take several reports, the rows come with the last."""
        secret = b""
        while self._secrets and (not secret or len(secret) + len(self._secrets[0]) <= MOST_SECRET):
            secret += self._secrets.popleft()
        whole = not self._secrets
        told, tables = (self._told, _tables(self._batch)) if whole else (_Told(), {})
        if whole:
            self._told, self._batch = _Told(), Batch()
        if self._crew.hands <= self._hands:
            self._applied = self._rate
        clocked = asyncio.get_running_loop().time()
        wants = 0 if stopped else self._wants
        self._wanted = bool(wants)
        report = Report(
            term=self._term,
            rate=self._applied,
            version=self._version,
            tables=tables,
            done=tuple(told.done),
            drawn=tuple(told.drawn),
            back=tuple(told.back),
            finished=tuple(told.finished),
            lapsed=told.lapsed,
            expired=self._dialer.scope_expired,
            wants=wants,
            in_hand=tuple((str(target), clocked - since) for target, since in self._crew.in_hand.items()),
            sources=self._dialer.sources,
            questions=self._names.ask(),
            answers=tuple(told.answers),
            stopped=stopped and whole,
            at=clock(),
        )
        self._version = None
        return msgspec.msgpack.encode(report), secret


class _Told:
    """What is to be reported."""

    def __init__(self) -> None:
        self.done: list[Done] = []
        self.drawn: list[str] = []
        self.back: list[Back] = []
        self.finished: list[int] = []
        self.answers: list[Answer] = []
        self.lapsed = False

    @property
    def urgent(self) -> bool:
        return bool(self.lapsed or self.drawn or self.answers)


class _Leased:
    """A lease, and those of its targets that are not done."""

    def __init__(self, networks: tuple[Network, ...], left: set[str]) -> None:
        self.networks, self.left = networks, left


class _Networks(Iterator[Iterable[Target]]):
    """Hosts that were leased and not taken. It may have more after it had none."""

    def __init__(self) -> None:
        self._leased: deque[Iterable[Target]] = deque()

    @property
    def waiting(self) -> bool:
        return bool(self._leased)

    def put(self, hosts: Iterable[Target]) -> None:
        self._leased.append(hosts)

    def clear(self) -> None:
        self._leased.clear()

    def __next__(self) -> Iterable[Target]:
        if not self._leased:
            raise StopIteration
        return self._leased.popleft()


class _Pace:
    """The pace of a worker: whoever waits for a free place is woken where leases came."""

    def __init__(self, dialer: Dialer, hungers: Callable[[], None]) -> None:
        """`hungers` is called where more could be asked than was leased."""
        self.hungry = False  # more could be asked than was leased
        self._pacer: Pacer = dialer.pacer
        self._dialer = dialer
        self._hungers = hungers
        self._came = asyncio.Event()

    def wake(self, *, hungry: bool) -> None:
        self.hungry = hungry
        self._came.set()

    def due(self, network: Network | None) -> float:
        return self._pacer.due(network)

    async def until(self, moment: float) -> bool:
        if not self._pacer.due(None):
            self.hungry = True
            self._hungers()
        seconds = min(moment - time.monotonic(), self._dialer.seconds_left)
        if seconds < _SOON:
            return await self._pacer.until(moment)
        self._came.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == inf else seconds):
                await self._came.wait()
        return not self._dialer.expired


class _Names:
    """Names are looked up where the coordinator is, or here if the scope says so. What it knows is not looked up again."""

    def __init__(self, something: Callable[[], None], own: Names | None) -> None:
        self._something = something
        self._own = own
        self.unasked: list[str] = []
        self._waiting: dict[str, asyncio.Future[Answer]] = {}

    def ask(self) -> tuple[str, ...]:
        """What is to be asked now."""
        asked, self.unasked = tuple(self.unasked), []
        return asked

    def take(self, answers: Iterable[Answer]) -> None:
        for answer in answers:
            future = self._future(answer.question)
            if not future.done():
                future.set_result(answer)

    def _future(self, question: str) -> asyncio.Future[Answer]:
        if question not in self._waiting:
            self._waiting[question] = asyncio.get_running_loop().create_future()
        return self._waiting[question]

    async def _answer(self, question: str) -> Answer:
        if question not in self._waiting:
            self.unasked.append(question)
            self._something()
        return await asyncio.shield(self._future(question))

    async def addresses(self, name: str) -> tuple[Address, ...]:
        if self._own is not None and name not in self._waiting:
            return await self._own.addresses(name)
        return addresses_of(await self._answer(name))

    async def name(self, address: Address) -> str:
        if self._own is not None:
            return await self._own.name(address)
        return (await self._answer(pointer(address))).name


def addresses_of(answer: Answer) -> tuple[Address, ...]:
    """Raises UnknownName."""
    if answer.stop is not None:
        raise UnknownName(answer.said, answer.stop)
    return tuple(map(ip_address, answer.addresses))


_POINTER = "pointer of "  # no name has a space


def pointer(address: Address) -> str:
    """The question for the name of an address."""
    return f"{_POINTER}{address}"


async def answered(dialer: Dialer, question: str) -> Answer:
    """Looks up a name, or the name of an address, through the door of this process."""
    try:
        if question.startswith(_POINTER):
            return Answer(question, name=await dialer.names.name(ip_address(question.removeprefix(_POINTER))))
        return Answer(question, tuple(map(str, await dialer.names.addresses(question))))
    except UnknownName as error:
        return Answer(question, stop=error.stop, said=str(error))


def _tables(batch: Batch) -> dict[str, bytes]:
    return {table.name: table_as_bytes(batch.filled(table)) for table in batch.tables()}


def _places(charge: Charge) -> Places:
    """Where addresses stand, by files that came with the charge. They are read, and not kept."""
    if not charge.places:
        return PACKAGED
    with tempfile.TemporaryDirectory(prefix="filmbadge-") as folder:
        paths = []
        for number, (name, content) in enumerate(charge.places):
            path = Path(folder) / str(number) / name
            path.parent.mkdir()
            path.write_bytes(content)
            paths.append(path)
        return load(paths)
