"""Workers and a coordinator that share a survey by a ledger, on a clock that is made up. Nothing is sent.

Orders and reports are late, lost and said twice; workers are cut off, and go on as long as their leases last; the coordinator is killed, or
its machine loses power, at any moment. At each moment all that workers may do is held against the scope.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass, field
from math import ceil, inf
from pathlib import Path

from filmbadge.scope import RateLimits
from filmbadge.survey.queues import Network
from filmbadge.survey.spread.ledger import NAME, SPACED_SECONDS, Ledger, Terms

ENDS_EARLY = 2.0  # a worker's lease is over so many seconds before the moment that it was given until
NETWORKS = 60
WORKERS = 4
SECONDS = 45.0


@dataclass
class Order:
    number: int
    since: float  # the stamp of the last report, by the worker's clock
    terms: Terms
    leases: dict[int, tuple[Network, ...]]


@dataclass
class Report:
    at: float
    applied: float
    done: set[int]


@dataclass
class Worker:
    """One process that asks as much as it may."""

    name: str
    ahead: float  # of its clock before the true time
    until: float = -inf  # by its clock
    rate: float = 0.0
    hands: int = 0
    applied: float = 0.0
    open: int = 0
    order: int = 0
    leases: dict[int, tuple[Network, ...]] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    asked: list[tuple[float, float, float]] = field(
        default_factory=list
    )  # a rate, and from when to when it was gone by

    def ends(self) -> float:
        """In the true time."""
        return self.until - ENDS_EARLY - self.ahead

    def obey(self, order: Order, now: float) -> None:
        if order.number <= self.order:
            return
        self.order = order.number
        if now >= self.ends():
            self.leases, self.open = {}, 0
        self.until = order.since + order.terms.seconds
        self.rate, self.hands = order.terms.rate, order.terms.hands
        self.leases |= {n: held for n, held in order.leases.items() if n not in self.done}
        self.open = max(self.open, self.hands)  # it opens what it may, and closes what it may not some time

    def report(self, now: float) -> Report:
        if self.open <= self.hands:
            self.applied = self.rate
        return Report(now + self.ahead, self.applied, set(self.done))

    def ask(self, since: float, now: float) -> None:
        """What it did since the last moment."""
        end = min(now, self.ends())
        if end > since and self.rate:
            self.asked.append((self.rate, since, end))
        self.asked = [one for one in self.asked if one[2] > now - 2 * SPACED_SECONDS]


class World:
    """A survey of `NETWORKS` networks, from its first order to its end."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.chance = chance = random.Random(seed)
        self.pace = RateLimits(
            overall=chance.choice([0.5, 1.0, 2.5, 3.0, 7.3, 50.0, 51.5]), open_at_once=chance.choice([1, 2, 5, 20, 256])
        )
        self.now, self.folder = 1000.0, folder
        self.boot, self.boot_ahead = 0, 0.0
        self.runs = 0
        self.gone: list[Worker] = []  # nobody hears of them, and they go on as long as they may
        self.left: set[Network] = {(4, n) if n % 3 else (6, n << 20) for n in range(NETWORKS)}
        self.to_do = set(self.left)  # none of them is done
        self.given_twice = 0  # networks that were given again after they were lost
        self.limits = [0, 0.0]
        self._begin()

    def clock(self) -> float:
        return self.now - self.boot_ahead

    def _begin(self) -> None:
        self.runs += 1
        path = self.folder / str(self.runs) / NAME
        path.parent.mkdir(exist_ok=True)
        self.ledger = Ledger(
            path, self.pace, self.clock, SECONDS, resumed=self.runs > 1, shared=self.runs > 1, boot=str(self.boot)
        )
        self.path = path
        self._copy("begun")
        self.workers: list[Worker] = []
        self.heard: dict[str, Report] = {}  # the last report of each
        self.fresh: dict[str, float | None] = {}  # the rate that a report said since the last order
        self.held: dict[int, tuple[str, tuple[Network, ...]]] = {}  # leases, as the coordinator knows them
        self.queue = sorted(self.to_do)
        self.chance.shuffle(self.queue)
        self.orders = 0
        self.names = 0

    def _copy(self, to: str) -> None:
        """The bytes of the file, as they are now."""
        folder = self.folder / to
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.path.parent, folder)

    def step(self) -> None:
        """Something happens."""
        if (len(self.workers) < WORKERS and self.chance.random() < 0.1) or not self.workers:
            self._join()
        worker = self.chance.choice(self.workers)
        kinds = ("exchange", "exchange to and fro", "deaf", "cut", "leave", "drain", "pass", "long", "kill", "power")
        kind = self.chance.choices(kinds, (30, 30, 6, 0.7, 1, 12, 12, 1, 0.5, 0.5))[0]
        match kind:
            case "exchange" | "exchange to and fro" | "deaf":
                self.exchange(worker, late=kind != "exchange", lossy=kind == "deaf")
            case "cut":
                self.workers.remove(worker)
                self.gone.append(worker)
            case "leave":
                self._leave(worker)
            case "drain":
                worker.open = min(worker.open, worker.hands)
            case "pass":
                self.wait(self.chance.choice([0.05, 0.25, 0.5, 1.0]))
            case "long":
                self.wait(self.chance.uniform(5, 2 * SECONDS))
            case _:
                self._begin_again(power=kind == "power")
        self.check()

    def _join(self) -> None:
        self.names += 1
        worker = Worker(f"worker {self.names}", self.chance.uniform(-1e3, 1e6))
        self.workers.append(worker)
        self.ledger.join(worker.name)

    def exchange(self, worker: Worker, *, late: bool = False, lossy: bool = False) -> None:
        """An order, and what the worker says to it."""
        self._hear_of_lapses()
        terms = self.ledger.renew(worker.name, self.fresh.get(worker.name))
        if self.chance.random() < 0.8:  # else it is said twice
            self.fresh.pop(worker.name, None)
        self._grant(worker)
        last = self.heard.get(worker.name)
        self.orders += 1
        leases = {n: networks for n, (of, networks) in self.held.items() if of == worker.name}
        order = Order(self.orders, -inf if last is None else last.at, terms, leases)
        if late:
            self.wait(self.chance.choice([0.1, 0.5, 3.0]))
        if lossy and self.chance.random() < 0.5:
            return
        worker.obey(order, self.now)
        if self.chance.random() < 0.7:
            worker.open = min(worker.open, worker.hands)
        if self.now < worker.ends():
            ready = [n for n in worker.leases if self.chance.random() < 0.3]
            for number in ready:
                self.to_do.difference_update(worker.leases.pop(number))
                worker.done.add(number)
        report = worker.report(self.now)
        if late:
            self.wait(self.chance.choice([0.1, 0.5, 3.0]))
        if lossy:
            return
        for _ in range(self.chance.choice([1, 1, 2])):
            self._hear(worker, report)

    def _hear(self, worker: Worker, report: Report) -> None:
        self.heard[worker.name], self.fresh[worker.name] = report, report.applied
        for number in report.done & self.held.keys():
            self.ledger.give_back(number)
            del self.held[number]

    def _grant(self, worker: Worker) -> None:
        for _ in range(self.chance.randrange(3)):
            wanted = tuple(self.queue[: self.chance.randint(1, 4)])
            if not wanted:
                return
            before = [self.ledger.asked_before(network) for network in wanted]
            number = self.ledger.grant(worker.name, wanted, len(wanted))
            if number is None:
                self.chance.shuffle(self.queue)
                return
            self.given_twice += sum(before)
            assert not any(map(self.ledger.free, wanted))
            assert number not in self.held
            del self.queue[: len(wanted)]
            self.held[number] = (worker.name, wanted)
            if self.chance.random() < 0.2:  # more of the same network
                again = self.ledger.grant(worker.name, wanted[:1], 1)
                assert again is not None
                self.held[again] = (worker.name, wanted[:1])

    def _hear_of_lapses(self) -> None:
        lapsed = self.ledger.lapsed()
        for number in [n for n, (of, _) in self.held.items() if of in lapsed]:
            self.queue += sorted(self.to_do.intersection(self.held.pop(number)[1]).difference(self.queue))

    def _leave(self, worker: Worker) -> None:
        if any(of == worker.name for of, _ in self.held.values()):
            return
        worker.until = self.now - 1e9  # it ends
        self.ledger.leave(worker.name)
        self.workers.remove(worker)
        self.gone.append(worker)

    def _begin_again(self, *, power: bool) -> None:
        """The coordinator's process is killed; or its machine loses power, and what was not on the disk."""
        if not power:
            self._copy(str(self.runs + 1))
        elif self.chance.random() < 0.8:
            shutil.copytree(self.folder / "begun", self.folder / str(self.runs + 1))
        self.ledger.close()
        if power:
            self.boot += 1
            self.boot_ahead = self.now - self.chance.choice([5.0, self.clock() + 1.0])
        self.gone += self.workers
        self._begin()

    def wait(self, seconds: float) -> None:
        """Each moment of the time between is looked at where something ends by itself."""
        everybody = [*self.workers, *self.gone]
        ends = {self.now + seconds, *(w.ends() for w in everybody if self.now < w.ends() < self.now + seconds)}
        for moment in sorted(ends):
            since, self.now = self.now, moment
            for worker in everybody:
                worker.ask(since, moment)
        self.gone = [w for w in self.gone if w.asked or self.now < w.ends()]

    def check(self) -> None:
        """What the workers may do now, and did in the second before."""
        owners: dict[Network, Worker] = {}
        rates, hands = [], 0
        for worker in (*self.workers, *self.gone):
            holds = self.now < worker.ends()
            for network in {network for held in worker.leases.values() for network in held} if holds else ():
                assert network not in owners, f"{network} has two owners"
                owners[network] = worker
            recent = [rate for rate, _, end in worker.asked if end > self.now - SPACED_SECONDS + 1e-6]
            rates.append(max([*recent, worker.rate if holds else 0.0]))
            hands += worker.open if holds else 0
        assert sum(map(ceil, rates)) <= ceil(self.pace.overall), f"{rates} of {self.pace.overall}"
        assert sum(rates) <= self.pace.overall + 1e-9, f"{rates} of {self.pace.overall}"
        assert hands <= self.pace.open_at_once, f"{hands} hands"
        self.limits = [max(self.limits[0], hands), max(self.limits[1], sum(rates))]

    def end(self) -> None:
        """Nothing goes wrong any more: all is done, and one worker that is left has the whole pace."""
        for _ in range(2000):
            if not self.workers:
                self._join()
            for worker in self.workers:
                worker.open = min(worker.open, worker.hands)
                self.exchange(worker)
                self.check()
            self.wait(0.25)
            if not self.to_do:
                break
        assert not self.to_do, f"{len(self.to_do)} networks are left"
        for _ in range(400):
            *others, last = self.workers
            for worker in others:
                self._leave(worker)
            self.exchange(last)
            self.wait(0.25)
            self.check()
        assert last.rate == self.pace.overall
        assert last.hands == self.pace.open_at_once
        assert self.ledger.wait() == 0
        self.ledger.close()
