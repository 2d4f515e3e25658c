"""When the next connection may be made. The clock is the test's."""

from __future__ import annotations

import asyncio
import math
from ipaddress import ip_address
from types import SimpleNamespace
from typing import cast

import pytest

from filmbadge.ask.wire.pacer import Pacer
from filmbadge.ask.wire.permission import Permission
from filmbadge.scope import RateLimits, network_of

ONE, TWO, ELSEWHERE = map(ip_address, ("10.1.2.3", "10.1.2.4", "10.1.3.3"))
HERE, THERE = network_of(ONE), network_of(ELSEWHERE)


MODULE = "filmbadge.ask.wire.pacer"


class Time:
    """Stands still until somebody sleeps. It has the end of a scope, too."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, end: float = math.inf) -> None:
        self.now, self.end = 1000.0, end
        monkeypatch.setattr(f"{MODULE}.time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(f"{MODULE}.asyncio", SimpleNamespace(sleep=self.sleep))

    async def sleep(self, seconds: float) -> None:
        self.now += max(seconds, 0.0)

    @property
    def seconds_left(self) -> float:
        return self.end - self.now

    @property
    def expired(self) -> bool:
        return self.now >= self.end

    def pacer(self, pace: RateLimits) -> Pacer:
        return Pacer(pace, cast("Permission", self))


def test_a_place_is_free_until_somebody_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=100, per_network=10, per_host=2))
    assert [pace.due(HERE), pace.due(THERE), pace.due(None)] == [0, 0, 0]
    asyncio.run(pace.turn(ONE))
    assert [pace.due(HERE), pace.due(THERE), pace.due(None)] == [1000.1, 0, 1000.01]
    asyncio.run(pace.turn(TWO))
    assert time.now == 1000.1
    assert pace.due(HERE) == pytest.approx(1000.2)


def test_places_that_are_taken_ahead_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits has a place, and the next that is free comes after it."""
    time = Time(monkeypatch)
    pace = time.pacer(RateLimits(overall=1e6, per_network=10, per_host=1e6))
    never = asyncio.Event()

    async def work() -> None:
        monkeypatch.setattr(f"{MODULE}.asyncio", SimpleNamespace(sleep=lambda _: never.wait()))
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
