"""Which host is begun next, and when.

A host is begun in a network whose next place in its pace is free at that moment. The hosts in hand take their places
first, so a network has as many hosts in hand as its pace feeds, and no more: each is done as early as the pace allows, and
what was asked of it is kept. A network is opened when no open one has a free place. So one that is slow or dark holds up no
other, and only open networks are in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from heapq import heappop, heappush, heapreplace
from itertools import count
from typing import Protocol

from filmbadge.ask.targets.lists import Target
from filmbadge.scope import network_of

Network = tuple[int, int]  # as `scope.network_of` gives it


class Pace(Protocol):
    """When a connection may be made, as `Pacer` says it."""

    def due(self, network: Network | None) -> float: ...

    async def until(self, moment: float) -> bool: ...


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
    ) -> None:
        """`networks` are hosts by network, see `Targets.networks`. `find` gives the network of a name, if it has one."""
        self._closed = networks
        self._pace = pace
        self._find = find
        self._open: list[tuple[float, int, Queue]] = []  # a heap; none has a free place before the moment beside it
        self._numbers = count()
        self._turn = asyncio.Lock()

    async def next(self) -> Target | None:
        """The host to begin now; None if no host is left, or the scope expired.

        Who gets it takes the first place in the pace before it waits for anything else.
        """
        while True:
            async with self._turn:
                taken = await self._take()
            if taken is None:
                return None
            target, network = taken
            if network is not None or not isinstance(target.host, str):
                return target
            found = await self._find(target.host)
            if found is None:
                return target
            self._put(Queue((target,), found))

    async def _take(self) -> tuple[Target, Network | None] | None:
        while True:
            first = self._first()
            if isinstance(first, Queue):
                return self._of(first)
            if first is None or not await self._pace.until(first):
                return None

    def _first(self) -> Queue | float | None:
        """A queue whose network has a free place now, else when one will. None if no host is left."""
        if due := self._pace.due(None):
            return due
        while True:
            if self._open:
                known, number, queue = self._open[0]
                if not (due := self._pace.due(queue.network)):
                    return queue
                if due > known:  # hosts in hand took places since then
                    heapreplace(self._open, (due, number, queue))
                    continue
            if (targets := next(self._closed, None)) is None:
                return due if self._open else None
            self._put(Queue(targets))

    def _put(self, queue: Queue) -> None:
        if queue.next is not None:
            heappush(self._open, (0.0, next(self._numbers), queue))

    def _of(self, queue: Queue) -> tuple[Target, Network | None]:
        """The next host of the queue that is first."""
        network, target = queue.network, queue.take()
        if queue.next is None:
            heappop(self._open)
        elif queue.network != network:  # of which nothing is known yet
            heapreplace(self._open, (0.0, next(self._numbers), queue))
        return target, network
