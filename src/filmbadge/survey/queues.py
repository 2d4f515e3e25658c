"""Which host is begun next, and when.

A host is begun in a network whose next place in its pace is free at that moment. The hosts in hand take their places
first, so a network has as many hosts in hand as its pace feeds, and no more: each is done as early as the pace allows, and
what was asked of it is kept. A network is opened when no open one has a free place. So one that is slow or dark holds up no
other, and only open networks are in memory.

A network that has its share of the hands gets no more of them while another has a host to begin. So one whose archives are slow or
huge, or are tarpits, holds up no other either, in whatever order a list has them. Where no other has, it gets all hands.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from heapq import heappop, heappush, heapreplace
from itertools import count
from math import inf
from typing import Protocol

from filmbadge.ask.targets.lists import Target
from filmbadge.scope import network_of

Network = tuple[int, int]  # as `scope.network_of` gives it

SHARES = 16  # parts into which networks share the hands, where they compete


class Pace(Protocol):
    """When a connection may be made, as `Pacer` says it."""

    def due(self, network: Network | None) -> float: ...

    async def until(self, moment: float) -> bool: ...


def no_more() -> bool:
    """All hosts are known from the beginning."""
    return False


class Queue:
    """The hosts of one network that are not begun: the unit of scheduling.

    It is described by its network, the seed of the targets, and how many were taken.
    """

    def __init__(self, targets: Iterable[Target], network: Network | None = None) -> None:
        """`network` is that of a host with a name, once it is known."""
        self._targets = iter(targets)
        self._named = network
        self.taken = 0
        self._advance()

    def _advance(self) -> None:
        self.next = target = next(self._targets, None)
        # It is asked of each host: the addresses of an IPv6 /48 may lead to different IPv4 networks.
        self.network = self._named if target is None or isinstance(target.host, str) else network_of(target.host)

    def take(self) -> Target:
        """The next host. There must be one."""
        assert self.next is not None
        target, self.taken = self.next, self.taken + 1
        self._advance()
        return target


class Feeder:
    """Gives one host after the other to whoever has a hand free."""

    def __init__(
        self,
        networks: Iterator[Iterable[Target]],
        pace: Pace,
        find: Callable[[str], Awaitable[Network | None]],
        hands: int = 256,
        may_come: Callable[[], bool] = no_more,
    ) -> None:
        """`networks` are hosts by network, see `Targets.networks`. `find` gives the network of a name, if it has one.

        `hands` is how many hosts may be in hand at once. `may_come`: whether `networks`, which has none now, may have more
        later. Then the feeder waits, with `pace`, whose `until` ends early where more have come.
        """
        self._closed = networks
        self._pace = pace
        self._find = find
        self._may_come = may_come
        self._share = max(hands // SHARES, 1)
        self._open: list[tuple[float, int, Queue]] = []  # a heap; none has a free place before the moment beside it
        self._parked: list[tuple[int, Queue]] = []  # their networks had their share of the hands
        self._held: Counter[Network] = Counter()  # hosts in hand
        self._named: dict[str, Network] = {}  # of the names in hand
        self._numbers = count()
        self._turn = asyncio.Lock()

    async def next(self) -> Target | None:
        """The host to begin now; None if no host is left, or the scope expired.

        Who gets it takes the first place in the pace before it waits for anything else, and says when it is `done`.
        """
        while True:
            async with self._turn:
                taken = await self._take()
            if taken is None:
                return None
            target, network = taken
            if network is None and isinstance(target.host, str):
                found = await self._find(target.host)
                if found is not None:
                    self._put(Queue((target,), found))
                    continue
            if network is not None:
                self._held[network] += 1
                if isinstance(target.host, str):
                    self._named[str(target)] = network
            return target

    def done(self, target: Target) -> None:
        """A host that was begun is in hand no more."""
        network = self._named.pop(str(target), None) if isinstance(target.host, str) else network_of(target.host)
        if network is None:
            return
        self._held[network] -= 1
        if self._held[network] <= 0:
            del self._held[network]
        self._parked, parked = [], self._parked
        for number, queue in parked:
            self._keep(0.0, number, queue)

    async def _take(self) -> tuple[Target, Network | None] | None:
        while True:
            first = self._first()
            if isinstance(first, tuple):
                return self._of(*first)
            if first is None and not self._may_come():
                return None
            if not await self._pace.until(inf if first is None else first):
                return None

    def _first(self) -> tuple[float, int, Queue] | float | None:
        """A queue whose network has a free place now, taken out; else when one will. None if no host is left."""
        if due := self._pace.due(None):
            return due
        while True:
            if self._open:
                known, number, queue = self._open[0]
                due = self._pace.due(queue.network)
                if not due:
                    heappop(self._open)
                    if self._within_share(queue):
                        return known, number, queue
                    self._parked.append((number, queue))
                    continue
                if due > known:  # hosts in hand took places since then
                    heapreplace(self._open, (due, number, queue))
                    continue
            if (targets := next(self._closed, None)) is None:
                return self._beyond_its_share()
            self._put(Queue(targets))

    def _within_share(self, queue: Queue) -> bool:
        return queue.network is None or self._held[queue.network] < self._share

    def _beyond_its_share(self) -> tuple[float, int, Queue] | float | None:
        """No other network has a free place now: of those that had their share, the one with the fewest in hand."""
        dues = [self._pace.due(queue.network) for _, queue in self._parked]
        free = [at for at, due in enumerate(dues) if not due]
        if not free:
            return min([*dues, *(due for due, _, _ in self._open[:1])], default=None)
        number, queue = self._parked.pop(min(free, key=lambda at: self._held[self._parked[at][1].network or (0, 0)]))
        return 0.0, number, queue

    def _put(self, queue: Queue) -> None:
        self._keep(0.0, next(self._numbers), queue)

    def _keep(self, due: float, number: int, queue: Queue) -> None:
        if queue.next is not None:
            heappush(self._open, (due, number, queue))

    def _of(self, due: float, number: int, queue: Queue) -> tuple[Target, Network | None]:
        """The next host of a queue that was taken out."""
        network, target = queue.network, queue.take()
        if queue.network == network:
            self._keep(due, number, queue)
        else:  # of which nothing is known yet
            self._put(queue)
        return target, network
