"""Puts made-up archives on loopback, has the whole instrument check them, and judges what it says."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from filmbadge.ask.targets.lists import Target, read
from filmbadge.ask.wire import throttle
from filmbadge.model import Depth, Host
from filmbadge.scope import Budget, ConnectionLimits, RateLimits, Scope, loopback
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import check
from support.misleading.judgement import Judgement, Mark, judge, judge_totals
from support.misleading.kinds import DIMSE, DIMSE_TLS, WEB, WEB_TLS, Door, Place, anyone, kinds

ARCHIVES = 60  # in a world
AT_ONCE = 8
SCOPE = replace(
    loopback("the test suite"),
    depth=Depth.PROFILE,
    dimse_ports=DIMSE,
    dimse_tls_ports=DIMSE_TLS,
    web_ports=WEB,
    web_tls_ports=WEB_TLS,
    pace=RateLimits(overall=1e5, per_network=1e5, per_host=1e5, archive_share=1.0),
    caps=ConnectionLimits(connect_seconds=5, idle_seconds=60, seconds=600),
    census=Budget(questions=2000, minutes=0.5),
)


def scope(place: Place) -> Scope:
    """The scope that an archive is asked under."""
    asked = replace(SCOPE, census=replace(SCOPE.census, questions=place.questions))
    if "patience_seconds" not in {f.name for f in fields(ConnectionLimits)}:
        return asked
    changed: dict[str, Any] = {"patience_seconds": place.patience}
    return replace(asked, caps=replace(SCOPE.caps, **changed))


@dataclass(frozen=True)
class Checked:
    """One archive of a world."""

    kind: str
    seed: int
    place: Place
    judgement: Judgement
    host: Host
    seconds: float

    def __str__(self) -> str:
        turned = f" ({self.place.manners})" if self.place.manners else ""
        return f"{self.judgement.mark.name:7} {self.kind} seed={self.seed}{turned}, {self.seconds:.1f} s: {'; '.join(self.judgement.said)}"


@asynccontextmanager
async def standing(place: Place, address: str) -> AsyncIterator[None]:
    """The doors of one address, for as long as it lasts."""

    def handled(door: Door) -> Any:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                await door.peer.talk(reader, writer)
            with suppress(ConnectionError):
                writer.close()

        return talk

    async with AsyncExitStack() as stack:
        for door in place.doors:
            server = await asyncio.start_server(handled(door), address, door.port, ssl=door.tls, limit=1 << 20)
            stack.callback(server.close)
        yield


async def checked(kind: str, seed: int, address: str) -> Checked:
    """One archive of a kind, drawn by a seed. The kind `any` is one of them, or a mixture."""
    chance = random.Random(f"{kind} {seed}")
    name, place = anyone(chance) if kind == "any" else (kind, kinds()[kind](chance))
    swept = chance.random() < 0.5
    began = time.monotonic()
    async with standing(place, address):
        host, _ = await check(scope(place), Target(IPv4Address(address), () if swept else place.ports))
    return Checked(name, seed, place, judge(place, host), host, time.monotonic() - began)


async def world(
    seeds: Iterable[tuple[str, int]], tell: Callable[[Checked], None] = lambda _: None, at_once: int = AT_ONCE
) -> list[Checked]:
    """Archives by kind and seed, each at an address of its own. `tell` hears of each when it is done."""
    turns = asyncio.Semaphore(at_once)

    async def one(n: int, kind: str, seed: int) -> Checked:
        async with turns:
            done = await checked(kind, seed, f"127.61.{n // 250}.{n % 250 + 1}")
            tell(done)
            return done

    with at_ease():
        return await asyncio.gather(*(one(n, kind, seed) for n, (kind, seed) in enumerate(seeds)))


@contextmanager
def at_ease() -> Iterator[None]:
    """Without the rest that an archive is given after a sign of distress."""
    restless = throttle.DISTRESS_SECONDS
    throttle.DISTRESS_SECONDS = 0.0
    try:
        yield
    finally:
        throttle.DISTRESS_SECONDS = restless


class _Heard:
    """Keeps what a survey says of each host."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}

    def host_done(self, host: Host) -> None:
        self.hosts[host.address] = host


async def surveyed(
    seed: int, archives: int, directory: Path, at_once: int = AT_ONCE
) -> tuple[list[Checked], Judgement]:
    """A world that is surveyed whole: what was said of each host, and of all together."""
    drawn_ = [(n, anyone(random.Random(f"{seed} {n}"))) for n in range(archives)]
    places = {f"127.62.0.{n + 1}": (name, place) for n, (name, place) in drawn_ if not place.union.coincidence}
    heard, named = _Heard(), list(places)
    asked = replace(SCOPE, pace=replace(SCOPE.pace, open_at_once=at_once))
    async with AsyncExitStack() as stack:
        stack.enter_context(at_ease())
        for address, (_, place) in places.items():
            await stack.enter_async_context(standing(place, address))
        manifest = await Survey(asked, read(named, asked), named, directory).run(heard)
    each = [
        Checked(name, seed, place, judge(place, heard.hosts[address]), heard.hosts[address], 0.0)
        for address, (name, place) in places.items()
    ]
    return each, judge_totals([place for _, place in places.values()], manifest.rows)


def drawn(seed: int, archives: int = ARCHIVES) -> list[tuple[str, int]]:
    """A world, by its seed."""
    chance = random.Random(seed)
    return [("any", chance.getrandbits(32)) for _ in range(archives)]


def table(results: Sequence[Checked]) -> str:
    """How many of each kind got which mark."""
    rows = Counter((one.kind, one.judgement.mark) for one in results)
    names = sorted({one.kind for one in results})
    head = f"{'':46}" + "".join(f"{mark.name:>12}" for mark in Mark)
    lines = [f"{name:46}" + "".join(f"{rows[name, mark] or '':>12}" for mark in Mark) for name in names]
    whole = Counter(one.judgement.mark for one in results)
    intervals, missed = (sum(getattr(one.judgement, name) for one in results) for name in ("intervals", "missed"))
    lines.append(f"intervals: {intervals}, of which {missed} do not hold the truth")
    return "\n".join([head, *lines, f"{'all':46}" + "".join(f"{whole[mark]:>12}" for mark in Mark)])
