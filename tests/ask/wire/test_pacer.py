"""When the next connection may be made. The clock is the test's."""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import pairwise
from random import Random
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire.pacer import Pacer
from filmbadge.ask.wire.permission import Permission
from filmbadge.scope import RateLimits, network_of
from support.clock import MadeClock
from support.hanging import HANGS
from support.pace import SLEW, fullest, most

ONE, TWO, ELSEWHERE = map(ip_address, ("10.1.2.3", "10.1.2.4", "10.1.3.3"))
HERE, THERE = network_of(ONE), network_of(ELSEWHERE)


MODULE = "filmbadge.ask.wire.pacer"


class Never:
    """An event that does not come: it is waited for as long as one may."""

    async def wait(self) -> None:
        pass

    def is_set(self) -> bool:
        return False


class Time:
    """Stands still until somebody sleeps. It has the end of a scope, too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, end: float = math.inf) -> None:
        self.now, self.end = 1000.0, end
        monkeypatch.setattr(f"{MODULE}.time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(f"{MODULE}.datetime", SimpleNamespace(now=lambda _: datetime.fromtimestamp(self.now, UTC)))
        waits = SimpleNamespace(sleep=self.sleep, timeout=self.timeout, Event=Never)
        monkeypatch.setattr(f"{MODULE}.asyncio", waits)

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)

    @asynccontextmanager
    async def timeout(self, seconds: float) -> AsyncIterator[None]:
        yield
        await self.sleep(seconds)
        raise TimeoutError

    @property
    def seconds_left(self) -> float:
        return self.end - self.now

    @property
    def expired(self) -> bool:
        return self.now >= self.end

    def pacer(self, pace: RateLimits, *, resumed: bool = False) -> Pacer:
        return Pacer(pace, cast("Permission", self), resumed=resumed)


def test_a_place_is_free_until_somebody_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=50, per_network=10, per_host=2))
    assert [pace.due(HERE), pace.due(THERE), pace.due(None)] == [0, 0, 0]
    asyncio.run(pace.turn(ONE))
    assert [pace.due(HERE), pace.due(THERE), pace.due(None)] == [1000.1, 0, 1000.02]
    asyncio.run(pace.turn(TWO))
    assert time.now == 1000.1
    assert pace.due(HERE) == pytest.approx(1000.2)


def test_places_that_are_taken_ahead_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits has a place, and the next that is free comes after it."""
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=1e6, per_network=10, per_host=1e6))
    never = asyncio.Event()

    async def work() -> None:
        monkeypatch.setattr(f"{MODULE}.asyncio", SimpleNamespace(sleep=lambda _: never.wait()))  # the narrow rates
        waiting = [asyncio.ensure_future(pace.turn(ONE)) for _ in range(5)]
        await asyncio.wait(waiting, timeout=0, return_when=asyncio.FIRST_COMPLETED)
        assert pace.due(HERE) == pytest.approx(1000.5)
        for one in waiting:
            one.cancel()

    asyncio.run(work())


def test_a_rest_is_of_one_host(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=1e6, per_network=1e6, per_host=1e6))
    pace.rest(ip_address("::ffff:10.1.2.3"), 5)
    assert pace.due(HERE) == 0
    asyncio.run(pace.turn(TWO))
    assert time.now == 1000.0
    asyncio.run(pace.turn(ONE))
    assert time.now == 1005.0


def test_nobody_waits_longer_than_the_scope_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch, end=1060.0)
    pace = time.pacer(RateLimits())
    assert asyncio.run(pace.until(1030.0))
    assert not asyncio.run(pace.until(2000.0))
    assert time.now == 1060.0


RATES = st.tuples(*(st.sampled_from(rates) for rates in ((7.0, 50.0, 480.0), (1.5, 10.0, 250.0), (0.3, 2.0, 300.0))))


@given(RATES, st.randoms(use_true_random=False), st.booleans())
def test_no_window_holds_more_than_the_pace_says(
    rates: tuple[float, float, float], chance: Random, begin: bool
) -> None:
    """However late turns come. Also over the seam of a kill, after which the journal has lost all that was not flushed."""
    pace = RateLimits(*rates)
    connections: list[tuple[str, datetime]] = []
    with pytest.MonkeyPatch.context() as patch:
        loop = MadeClock(lambda: chance.choice((0.0, 0.0, 0.0005, 0.003, 0.2)))
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            moment = SimpleNamespace(now=lambda _: datetime.fromtimestamp(loop.monotonic(), UTC))
            patch.setattr(f"{MODULE}.time", SimpleNamespace(monotonic=loop.monotonic))
            patch.setattr(f"{MODULE}.datetime", moment)
            still = cast("Permission", SimpleNamespace(seconds_left=math.inf, expired=False))

            async def ask(pacer: Pacer, host: str) -> None:
                connections.extend([(host, await pacer.turn(ip_address(host))) for _ in range(4)])

            async def work(*, resumed: bool) -> None:
                pacer = Pacer(pace, still, resumed=resumed)
                await asyncio.gather(*(ask(pacer, f"10.1.{n % 3}.{n}") for n in range(12)))

            runner.run(work(resumed=begin))
            runner.run(work(resumed=True))
    assert len(connections) == 96
    assert [window for window in fullest(connections, pace) if not window.kept] == []


def test_one_who_resumes_waits_as_if_all_were_asked_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have asked any host until a moment ago. Its journal need not say so."""
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=50, per_network=10, per_host=2), resumed=True)
    asyncio.run(pace.turn(ONE))
    assert time.now == pytest.approx(1000.5)
    asyncio.run(pace.turn(ELSEWHERE))
    assert time.now == pytest.approx(1000.52)


def test_a_network_that_another_process_asked_waits_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that was ours before that."""
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=50, per_network=10, per_host=2))
    asyncio.run(pace.turn(ONE))
    asyncio.run(pace.turn(ELSEWHERE))
    assert time.now == pytest.approx(1000.02)
    time.now = 1060.0
    pace.resume(HERE)
    asyncio.run(pace.turn(ip_address("10.1.3.4")))
    assert time.now == 1060.0
    asyncio.run(pace.turn(ONE))
    assert time.now == pytest.approx(1060.5)


EACH = 200
CHANGES = st.lists(st.tuples(st.sampled_from((0.0, 0.4, 7.0, 100.0, 450.0)), st.floats(0.01, 1.5)), max_size=5)


@example(450.0, [(480.0, 0.01)], Random(0))
@settings(max_examples=25)
@given(st.sampled_from((7.0, 480.0)), CHANGES, st.randoms(use_true_random=False))
def test_the_overall_rate_may_change(first: float, changes: list[tuple[float, float]], chance: Random) -> None:
    """A window of a second holds no more than the largest of its rates; one that begins after a change, the new one."""
    with pytest.MonkeyPatch.context() as patch:
        loop = MadeClock(lambda: chance.choice((0.0, 0.0, 0.0005, 0.003, 0.2)))
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            moment = SimpleNamespace(now=lambda _: datetime.fromtimestamp(loop.monotonic(), UTC))
            patch.setattr(f"{MODULE}.time", SimpleNamespace(monotonic=loop.monotonic))
            patch.setattr(f"{MODULE}.datetime", moment)
            still = cast("Permission", SimpleNamespace(seconds_left=math.inf, expired=False))
            made: list[float] = []
            rates: list[tuple[float, float]] = []  # since when, and how much

            async def ask(pacer: Pacer, host: int) -> None:
                here = ip_address(0x0A000000 + (host << 8))
                made.extend([(await pacer.turn(here)).timestamp() for _ in range(EACH)])

            async def work() -> None:
                pacer = Pacer(RateLimits(first, 1e6, 1e6), still)
                rates.append((loop.monotonic(), first))
                asking = [asyncio.ensure_future(ask(pacer, n)) for n in range(4)]
                for rate, seconds in [*changes, (480.0, 2.0)]:
                    await asyncio.sleep(seconds)
                    pacer.limit(rate)
                    if rate != rates[-1][1]:
                        rates.append((loop.monotonic(), rate))
                await asyncio.gather(*asking)

            runner.run(work())
    assert len(made) == 4 * EACH
    made.sort()
    spans = [(since, until, rate) for (since, rate), (until, _) in pairwise([*rates, (math.inf, 0.0)])]
    for since, until, rate in spans:
        assert most([at for at in made if since < at < until], 1.0) <= math.ceil(rate)
    for number, at in enumerate(made):
        held = bisect_left(made, at + SLEW) - number
        assert held <= math.ceil(max(rate for since, until, rate in spans if since < at + 1 and until > at))


def test_who_waits_hears_of_a_new_rate() -> None:
    """A rate of 0 lets nobody ask, and nobody waits for it after it changed."""

    async def work() -> None:
        still = cast("Permission", SimpleNamespace(seconds_left=math.inf, expired=False))
        pacer = Pacer(RateLimits(overall=1e-6), still)
        pacer.limit(0.0)
        one = asyncio.ensure_future(pacer.turn(ONE))
        other = asyncio.ensure_future(pacer.until(pacer.due(None)))
        await asyncio.sleep(0.02)
        assert not one.done()
        assert not other.done()
        pacer.limit(50.0)
        await asyncio.wait_for(asyncio.gather(one, other), HANGS)

    asyncio.run(work())
