"""Shares a survey among workers. What they learned it hands to the survey, which alone writes the dataset.

Each worker is called again and again: an order goes to it, and a report comes back. With each order its leases are renewed, all
of them. A worker that is not heard of loses them once they are over, and others get what it did not finish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from math import inf
from pathlib import Path
from typing import Protocol

import msgspec

from filmbadge.ask.key import RunKey
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import LOOK_UP_SECONDS, Dialer, OutOfScope, UnknownName
from filmbadge.ask.wire.lease import ENDS_EARLY, Lease
from filmbadge.keep.schema import JOURNAL
from filmbadge.model import Cause, Endpoint, Facts, Observation, Outcome, OutcomeKind
from filmbadge.scope import Address, address_of, network_of
from filmbadge.survey.askers import Keeper
from filmbadge.survey.examine import BrokenOff, SurveyError, examine
from filmbadge.survey.queues import Network
from filmbadge.survey.spread.ledger import LEASE_SECONDS, Ledger, Terms
from filmbadge.survey.spread.messages import (
    Answer,
    Charge,
    Given,
    Order,
    Report,
    Share,
    WorkerLost,
    observation_text,
    scope_as_bytes,
    sketches_of,
    tables_of,
)
from filmbadge.survey.spread.queue import Queue
from filmbadge.survey.spread.work import addresses_of, answered, pointer, version

_LOOK_SECONDS = 0.5  # between two looks for leases that are over
_LEAVE_SECONDS = 30.0  # that workers may take to leave in order
_CLOCKS_APART = 5.0  # seconds: clocks that are set right differ by less
_NAMES_AT_ONCE = 8
_NAMES_AHEAD = 1000  # names that were looked up and wait to be asked


class Worker(Protocol):
    """One worker, as a transport reaches it."""

    name: str  # for the user

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        """Hands over an order, and returns the report. Raises WorkerLost."""
        ...

    async def end(self) -> None:
        """Stops it, and waits. Raises nothing."""
        ...


class Start(Protocol):
    """A transport: starts so many workers; without a number, as many as fit the place."""

    async def __call__(self, workers: int | None) -> Sequence[Worker]:
        """Raises SurveyError where none can be started."""
        ...


@dataclass
class _Post:
    """What the coordinator knows of one worker."""

    worker: Worker
    term: int = 0
    there: bool = True  # it was not lost
    stopped: bool = False  # it left in order
    leases: dict[int, Share] = field(default_factory=dict)
    given: dict[str, tuple[Given, tuple[Network, ...]]] = field(default_factory=dict)  # what is not done, by target
    answers: list[Answer] = field(default_factory=list)
    look_up: list[str] = field(default_factory=list)
    in_hand: dict[Target, float] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


class Spread:
    """Workers ask all hosts. An `Asker`."""

    def __init__(
        self, keeper: Keeper, resumed: bool, start: Start, workers: int | None, ledger: Path,
        places: Sequence[tuple[str, bytes]],
        tell: Callable[[str], None],
        seconds: float = LEASE_SECONDS,
    ) -> None:  # fmt: skip
        """`places` are the user's files of them: name and content. `tell` gets lines for the user."""
        self._keeper = keeper
        self._scope = keeper.scope
        self._start, self._many, self._tell = start, workers, tell
        self._places = places
        self._resumed, self._file, self._seconds = resumed, ledger, seconds
        self._key = RunKey()
        self._posts: dict[str, _Post] = {}
        self._names_of_workers = _NamesOfWorkers(self._posts)
        # It looks up names, and no network is leased to it: it asks no host.
        lease = Lease()
        lease.renew(inf)
        names = self._names_of_workers if keeper.scope.look_up == "workers" else None
        self._dialer = Dialer(keeper.scope, keeper.journal, keeper.targets.ports, lease=lease, names=names)
        self._known: dict[str, Answer] = {}  # names whose hosts wait
        self._tasks = set[asyncio.Task[None]]()
        self._served: list[asyncio.Task[None]] = []  # of them, those that call a worker each
        self._changed = asyncio.Event()
        self._names_left = True
        self._drawn: dict[str, asyncio.Future[None]] = {}  # by target: archives that are asked for their studies again
        self._stopping = False
        self._failed: BaseException | None = None
        self.in_hand: dict[Target, float] = {}
        self.took = 0.0

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted({*self._dialer.sources, *(one for post in self._posts.values() for one in post.sources)}))

    async def __aenter__(self) -> Spread:
        self._ledger = Ledger(
            self._file,
            self._scope.pace,
            seconds=self._seconds,
            resumed=self._resumed,
            shared=self._keeper.shared_before,
        )
        networks = self._keeper.targets.networks(self._keeper.done)
        self._names = next(networks)
        self._queue = Queue(networks, self._ledger)
        try:
            if wait := self._ledger.wait():
                self._tell(f"Workers of the run before may still ask: nothing is asked for {wait:.0f} s.")
            await self._begin()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        try:
            # Where one of them failed, the others leave in order all the same.
            await asyncio.wait(self._served, timeout=_LEAVE_SECONDS)
        finally:
            await self._end()

    async def _begin(self) -> None:
        """All workers are there, and know what survey this is, before any of them asks: their shares stay as they are."""
        workers = await self._start(self._many)
        self._posts.update({f"{number} {worker.name}": _Post(worker) for number, worker in enumerate(workers, 1)})
        scope = self._scope
        charge = Charge(
            scope_as_bytes(scope),
            version(self._keeper.places),
            tuple(self._places),
            max(scope.memory.distinct_bytes // len(workers), 1),
        )
        first = Order(term=0, charge=charge)
        reports = await asyncio.gather(
            *(self._exchange(post, first, bytes(self._key)) for post in self._posts.values())
        )
        for (name, post), report in zip(self._posts.items(), reports, strict=True):
            if report is not None:
                self._require_alike(post.worker, charge, report)
                self._ledger.join(name)
        self._require_any()
        first_of = zip(self._posts.items(), reports, strict=True)
        self._served = [
            self._begun(self._serve(name, post, report)) for (name, post), report in first_of if report is not None
        ]
        self._begun(self._look())
        self._begun(self._look_names_up())

    def _require_alike(self, worker: Worker, charge: Charge, report: Report) -> None:
        told, ours = report.version, charge.version
        if told == ours:
            return
        if told is None or told.filmbadge != ours.filmbadge:
            theirs = "another version" if told is None else f"filmbadge {told.filmbadge}"
            raise SurveyError(
                f"{worker.name} runs {theirs}, and this machine {ours.filmbadge}: install the same on both"
            )
        parts = [name for name in told.__struct_fields__ if getattr(told, name) != getattr(ours, name)]
        raise SurveyError(
            f"{worker.name} and this machine have the same version of filmbadge, and differ in: {', '.join(parts)}."
            " Install it in the same way on both"
        )

    def _require_any(self) -> None:
        if not any(post.there for post in self._posts.values()):
            raise BrokenOff(
                "no worker is left: the survey was broken off. What was flushed is kept; go on with --resume"
            )

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(post.worker.end() for post in self._posts.values()))
        self._ledger.close()

    def _begun(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _guarded(self, work: Awaitable[None]) -> None:
        """What fails in one of the tasks fails where the survey waits."""
        try:
            await work
        except Exception as error:
            self._failed = error
            self._changed.set()

    async def _until(self, ready: Callable[[], bool]) -> None:
        while not ready():
            if self._failed is not None:
                raise self._failed
            self._changed.clear()
            await self._changed.wait()

    async def ask_all(self) -> None:
        await self._until(lambda: self._over)

    @property
    def _over(self) -> bool:
        if self._dialer.expired:
            return not any(post.given for post in self._posts.values() if post.there)
        return not self._names_left and self._queue.empty and not any(post.given for post in self._posts.values())

    async def sketch(self, target: Target, seen: Observation, way: type[Facts]) -> None:
        """By a worker, under a lease."""
        given = Given(str(target.host), target.ports, (observation_text(seen),), str(way.__struct_config__.tag))
        self._drawn[str(target)] = drawn = asyncio.get_running_loop().create_future()
        self._queue.put(given, [network_of(ip_address(seen.endpoint.address))])
        await self._until(lambda: drawn.done() or self._dialer.expired)
        del self._drawn[str(target)]

    async def _serve(self, name: str, post: _Post, first: Report) -> None:
        """Calls one worker until it has left, or is lost."""
        report: Report | None = first
        while report is not None:
            self._learn(name, post, report)
            if report.stopped:
                self._ledger.leave(name)
                post.stopped = True
                break
            report = await self._exchange(post, self._order(name, post, report))
        self._changed.set()
        if not self._stopping:
            self._require_any()

    async def _exchange(self, post: _Post, order: Order, secret: bytes = b"") -> Report | None:
        """None: the worker is lost. What was leased to it stays so until its leases are over."""
        try:
            told, sketches = await post.worker.exchange(msgspec.msgpack.encode(order), secret)
        except WorkerLost as error:
            post.there = False
            post.in_hand = {}
            self._tell(f"{error}. Others take what it had once its leases are over.")
            return None
        report = msgspec.msgpack.decode(told, type=Report)
        if report.term == post.term:
            self._take_sketches(sketches)
        return report

    def _take_sketches(self, raw: bytes) -> None:
        for of, sketch in sketches_of(raw):
            if isinstance(of, Endpoint):
                self._keeper.sketches.studies[of] = sketch
            else:
                self._keeper.sketches.patients[of] = sketch

    def _learn(self, name: str, post: _Post, report: Report) -> None:
        """Takes in a report. Of one whose leases lapsed before it came, only the journal counts: others may have its hosts."""
        tables = tables_of(report.tables)
        self._answer(post, report)  # of any term: a worker asks once, and names stay what they are
        if report.term != post.term:
            tables = {JOURNAL.name: tables[JOURNAL.name]} if JOURNAL.name in tables else {}
            self._keeper.take(tables)
            return
        self._keeper.take(tables)
        for done in report.done:
            post.given.pop(done.target, None)
            self.took = done.took
            self._keeper.sketches.see(done.archives)
            self._keeper.count(done.address, done.archives)
        for target in report.drawn:
            post.given.pop(target, None)
            if target in self._drawn and not self._drawn[target].done():
                self._drawn[target].set_result(None)
        for back in report.back:
            if (held := post.given.pop(back.target, None)) is not None:
                self._queue.put(msgspec.structs.replace(held[0], seen=back.seen), (*held[1], *back.networks))
        for number in report.finished:
            if (share := post.leases.pop(number, None)) is not None:
                self._ledger.give_back(number)
                self._let_go(post, [share])
        post.sources = report.sources
        if report.lapsed:
            self._ledger.leave(name)
            self._ledger.join(name)
            self._take_back(post)
        now = asyncio.get_running_loop().time()
        hands = {one: age for one, age in report.in_hand if one in post.given}
        post.in_hand = {post.given[one][0].target: now - age for one, age in hands.items()}
        self.in_hand.clear()
        for each in self._posts.values():
            self.in_hand.update(each.in_hand)
        self._changed.set()

    def _let_go(self, post: _Post, shares: Iterable[Share]) -> None:
        kept = {network for share in post.leases.values() for network in share.networks}
        self._queue.given_back({network for share in shares for network in share.networks} - kept)

    def _take_back(self, post: _Post) -> None:
        """All that a worker had and did not finish goes back to the queue: its leases are over."""
        post.term += 1
        shares, post.leases = list(post.leases.values()), {}
        self._let_go(post, shares)
        for given, networks in post.given.values():
            self._queue.put(given, networks)
        post.given.clear()
        post.in_hand = {}

    def _order(self, name: str, post: _Post, report: Report) -> Order:
        left = self._seconds_left
        if self._stopping or left <= ENDS_EARLY:  # a lease would be over before it came
            return Order(term=post.term, stop=self._stopping)
        if report.expired:
            if left < _CLOCKS_APART:
                return Order(term=post.term)
            raise SurveyError(f"{post.worker.name}: by its clock the scope has expired. Set the clocks right")
        terms = self._ledger.renew(name, report.rate)
        shares = self._leased(name, post, terms, report.wants)
        answers, post.answers = tuple(post.answers), []
        look_up, post.look_up = tuple(post.look_up), []
        return Order(
            term=post.term,
            since=report.at,
            seconds=min(terms.seconds, left),
            rate=terms.rate,
            hands=terms.hands,
            shares=shares,
            no_more=bool(report.wants) and not shares and not self._names_left,
            answers=answers,
            look_up=look_up,
            images=self._keeper.sketches.images,
        )

    @property
    def _seconds_left(self) -> float:
        return self._dialer.seconds_left

    def _leased(self, name: str, post: _Post, terms: Terms, wanted: int) -> tuple[Share, ...]:
        """New leases, of what no other worker has."""
        shares = self._queue.lease(name, wanted or int(terms.hands and not post.given)) if terms.rate else []
        for share in shares:
            post.leases[share.number] = share
            for given in share.targets:
                if given.host in self._known:
                    post.answers.append(self._known[given.host])
                post.given[str(given.target)] = (given, self._networks_of(given, share))
        return tuple(shares)

    @staticmethod
    def _networks_of(given: Given, share: Share) -> tuple[Network, ...]:
        """Those that a target of a lease needs: its own, or all of the lease where it has a name or was seen elsewhere."""
        address = address_of(given.host)
        if address is None or given.seen:
            return share.networks
        return (network_of(address),)

    async def _look(self) -> None:
        """Who is silent for too long has nothing any more."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for name in self._ledger.lapsed():
                post = self._posts[name]
                self._take_back(post)
                if post.there:
                    self._ledger.join(name)
            self._changed.set()

    # Names are looked up here, or by a worker where the scope says so. Workers that meet one ask us.

    async def _look_names_up(self) -> None:
        """One after the other, some at once, and not far ahead of what is asked."""
        names = iter(self._names)
        async with asyncio.TaskGroup() as group:
            for _ in range(_NAMES_AT_ONCE):
                group.create_task(self._look_some_up(names))
        self._names_left = False
        self._changed.set()

    async def _look_some_up(self, names: Iterator[Target]) -> None:
        for target in names:
            while self._queue.waiting > _NAMES_AHEAD:
                await asyncio.sleep(_LOOK_SECONDS)
            assert isinstance(target.host, str)
            try:
                address = await self._address(target.host)
            except (OutOfScope, UnknownName) as error:
                if not self._dialer.expired:
                    host = await examine(
                        self._dialer, target, self._scope.depth, lost=error, places=self._keeper.places
                    )
                    self._keeper.keep(host, target)
                continue
            self._queue.put(Given(target.host, target.ports), [network_of(address)])
            self._changed.set()

    async def _address(self, name: str) -> Address:
        """The address that is asked. Raises OutOfScope, UnknownName."""
        address = await self._dialer.resolve(name)
        self._known[name] = await answered(self._dialer, name.lower().rstrip("."))
        return address

    def _answer(self, post: _Post, report: Report) -> None:
        """Answers what a worker asks, and takes in what it was asked."""
        for question in report.questions:
            self._begun(self._answer_to(post, question))
        for answer in report.answers:
            self._names_of_workers.take(answer)

    async def _answer_to(self, post: _Post, question: str) -> None:
        with suppress(OutOfScope):
            post.answers.append(await answered(self._dialer, question))


class _NamesOfWorkers:
    """Names are looked up by workers: what is asked goes to one that is there. It is `Names` for the coordinator's dialer."""

    def __init__(self, posts: Mapping[str, _Post]) -> None:
        self._posts = posts
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._turn = 0

    def take(self, answer: Answer) -> None:
        future = self._asked.get(answer.question)
        if future is not None and not future.done():
            future.set_result(answer)

    async def _answer(self, question: str) -> Answer:
        if question not in self._asked:
            self._asked[question] = asyncio.get_running_loop().create_future()
        future = self._asked[question]
        while not future.done():
            there = [post for post in self._posts.values() if post.there]
            if not there:
                return Answer(question, stop=Outcome(OutcomeKind.NO_ADDRESS, Cause.LOOK_UP_FAILED), said=question)
            self._turn += 1
            there[self._turn % len(there)].look_up.append(question)
            await asyncio.wait([future], timeout=2 * LOOK_UP_SECONDS)  # another may have to do it
        return future.result()

    async def addresses(self, name: str) -> tuple[Address, ...]:
        return addresses_of(await self._answer(name))

    async def name(self, address: Address) -> str:
        return (await self._answer(pointer(address))).name
