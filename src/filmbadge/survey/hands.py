"""Hands: each has a host to ask, one after the other. A peer that keeps silent costs no hand for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from filmbadge.ask.targets.lists import Target


class Source(Protocol):
    """Gives one host after the other, and is told when it is done."""

    async def next(self) -> Target | None: ...

    def done(self, target: Target) -> None: ...


class Hands:
    """Works on as many hosts at once as the scope allows.

    A host whose peer took a connection, and said nothing for the whole patience, gives its hand to another host: what is left
    to ask there waits, mostly. At most as many hosts do so as there are hands. The others keep theirs.
    """

    def __init__(self, feeder: Source, work: Callable[[Target], Awaitable[bool]], hands: int) -> None:
        """`work` asks one host. Whether to go on after it."""
        self._feeder = feeder
        self._work = work
        self._hands = hands
        self.out = 0  # hands that have a host, or wait for one
        self._without: set[asyncio.Task[Any]] = set()  # they ask a host that gave its hand away
        self._group = asyncio.TaskGroup()

    async def ask_all(self) -> None:
        """Until no host is left. Once."""
        async with self._group:
            for _ in range(self._hands):
                self._put_out()

    def change(self, hands: int) -> None:
        """So many hosts at once from now on. Of hands that are too many, each ends with the next host that it is done with."""
        self._hands = hands
        while 0 < self.out < hands:  # none is out where no host is left
            self._put_out()

    def _put_out(self) -> None:
        self.out += 1
        self._group.create_task(self._hand())

    def give_away(self) -> None:
        """Called in the task of a host whose peer keeps silent."""
        task = asyncio.current_task()
        if task is not None and task not in self._without and len(self._without) < self._hands:
            self._without.add(task)
            self.out -= 1
            if self.out < self._hands:
                self._put_out()

    async def _hand(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            while (target := await self._feeder.next()) is not None:
                try:
                    goes_on = await self._work(target)
                finally:
                    self._feeder.done(target)
                if not goes_on or task in self._without or self.out > self._hands:
                    return
        finally:
            if task in self._without:
                self._without.discard(task)
            else:
                self.out -= 1
