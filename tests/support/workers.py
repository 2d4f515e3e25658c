"""Workers inside this process, for tests: each has a door, a lease and a pace of its own, as in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path

from filmbadge.survey.askers import Asks, Keeper
from filmbadge.survey.spread import ledger
from filmbadge.survey.spread.coordinator import Spread
from filmbadge.survey.spread.coordinator import Worker as Reached
from filmbadge.survey.spread.messages import WorkerLost
from filmbadge.survey.spread.work import Work

WHO: ContextVar[str] = ContextVar("who", default="")  # the worker that a task is of


class Inside:
    """A worker. While it is `cut_off`, nothing that is told reaches it, nor anything that it tells."""

    def __init__(self, number: int) -> None:
        self.name = f"worker {number}"
        self.work = Work()
        self.connected = asyncio.Event()
        self.connected.set()
        self.lost = False
        self.exchanges = 0

    async def exchange(self, order: bytes, secret: bytes) -> tuple[bytes, bytes]:
        await self.connected.wait()
        WHO.set(self.name)
        answer = await self.work.exchange(order, secret)
        await self.connected.wait()
        self.exchanges += 1
        if self.lost:
            raise WorkerLost(f"{self.name} ended early")
        return answer

    async def end(self) -> None:
        await self.work.abandon()


async def inside(
    workers: int | None, started: list[Inside] | None = None, of: Callable[[int], Inside] = Inside
) -> Sequence[Reached]:
    made = [of(number) for number in range(1, (workers or 2) + 1)]
    if started is not None:
        started.extend(made)
    return made


def spread(
    directory: Path,
    workers: int = 2,
    started: list[Inside] | None = None,
    *,
    places: Sequence[tuple[str, bytes]] = (),
    told: list[str] | None = None,
    of: Callable[[int], Inside] = Inside,
    seconds: float = ledger.LEASE_SECONDS,
) -> Asks:
    """Who asks a survey that is kept in `directory`. `started` gets the workers, and `told` what the user is told."""

    def asks(keeper: Keeper, resumed: bool) -> Spread:
        start = partial(inside, started=started, of=of)
        tell = (told if told is not None else []).append
        return Spread(keeper, resumed, start, workers, directory / ledger.NAME, places, tell, seconds)

    return asks
