"""Who is asked when, by a made clock: the real queues, hands and pace, and hosts that only take time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import cast

import pytest

from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.pacer import Pacer
from filmbadge.ask.wire.permission import Permission
from filmbadge.scope import RateLimits
from filmbadge.survey.hands import Hands
from filmbadge.survey.queues import SHARES, Feeder
from support.clock import MadeClock
from support.pace import fullest

PATIENCE = 31.0  # seconds that a silent peer costs, with the farewell
Script = Callable[[Target], tuple[float, ...]]  # seconds of each connection to a host


class Simulated:
    """A survey of hosts of which is only known how long they take. `ended` says when each was done."""

    def __init__(self, pace: RateLimits) -> None:
        self.pace = pace
        self.ended: dict[Target, float] = {}
        self.connections: list[tuple[str, datetime]] = []
        self.most = self.most_busy = 0

    def run(self, parts: list[list[Target]], script: Script, monkeypatch: pytest.MonkeyPatch) -> float:
        """The seconds that it took."""
        loop = MadeClock()
        module = "filmbadge.ask.wire.pacer"
        monkeypatch.setattr(f"{module}.time", SimpleNamespace(monotonic=loop.monotonic))
        now = SimpleNamespace(now=lambda _: datetime.fromtimestamp(loop.monotonic(), UTC))
        monkeypatch.setattr(f"{module}.datetime", now)
        began = loop.now
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(self._survey(parts, script, loop))
        return loop.now - began

    async def _survey(self, parts: list[list[Target]], script: Script, loop: MadeClock) -> None:
        pacer = Pacer(self.pace, cast("Permission", SimpleNamespace(seconds_left=math.inf, expired=False)))
        here, waiting = set[Target](), set[Target]()

        async def none(_: str) -> None:
            return None

        async def work(target: Target) -> bool:
            assert isinstance(target.host, IPv4Address)
            here.add(target)
            for seconds in script(target):
                self.connections.append((str(target.host), await pacer.turn(target.host)))
                await asyncio.sleep(seconds)
                if seconds >= PATIENCE:
                    waiting.add(target)
                    hands.give_away()
                self.most, self.most_busy = max(self.most, len(here)), max(self.most_busy, len(here - waiting))
            here.discard(target)
            waiting.discard(target)
            self.ended[target] = loop.now
            return True

        hands = Hands(
            Feeder(iter(parts), pacer, none, self.pace.open_at_once),
            work,
            min(self.pace.open_at_once, sum(map(len, parts))),
        )
        await hands.ask_all()


def network(number: int, count: int) -> list[Target]:
    return [Target(IPv4Address(10 << 24 | number << 8 | n)) for n in range(1, count + 1)]


def test_a_network_of_slow_archives_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is sorted by network, and the first has more huge archives than there are hands."""
    pace = RateLimits(1e6, 1e6, 1e6, open_at_once=64)
    huge, others = network(0, 200), [network(n, 50) for n in range(1, 21)]

    def script(target: Target) -> tuple[float, ...]:
        return (7200.0,) if target in huge else (1.0,)

    alone, beside = Simulated(pace), Simulated(pace)
    seconds = alone.run(others, script, monkeypatch)
    beside.run([huge, *others], script, monkeypatch)
    last = max(at for target, at in beside.ended.items() if target not in huge) - 1000
    assert len(beside.ended) == 1200
    assert last < seconds * SHARES / (SHARES - 1) + 2


def test_one_network_alone_gets_all_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = Simulated(RateLimits(1e6, 1e6, 1e6, open_at_once=64))
    assert simulated.run([network(0, 250)], lambda _: (10.0,), monkeypatch) < 41
    assert simulated.most == 64


def test_two_networks_that_want_all_hands_have_as_many_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever comes first, and however many hosts it has."""
    simulated = Simulated(RateLimits(1e6, 1e6, 1e6, open_at_once=32))
    small = network(1, 64)
    simulated.run([network(0, 254), small], lambda _: (10.0,), monkeypatch)
    assert max(simulated.ended[target] for target in small) - 1000 <= 10 * (64 / 16 + 1) + 1


def tarpits(parts: list[list[Target]]) -> Script:
    """Each tenth host is one. It keeps silent at all 13 ports, of which three are asked twice: with TLS, and without."""
    every = [target for part in parts for target in part]
    silent = set(every[5::10])
    short = (5.0 + 1,) * 14
    return lambda target: (PATIENCE, PATIENCE, *short) if target in silent else (0.3,) * 16


def test_one_tarpit_in_ten_hosts_costs_less_than_a_tenth_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of half an hour, beside a survey in which that host answers like the others."""
    parts = [network(n, 100) for n in range(24)]
    pace = RateLimits(overall=20)
    with_none, with_some = Simulated(pace), Simulated(pace)
    seconds = with_none.run(parts, lambda _: (0.3,) * 16, monkeypatch)
    more = with_some.run(parts, tarpits(parts), monkeypatch)
    assert len(with_some.ended) == 2400
    assert more < 1.1 * seconds, (more, seconds)
    assert [window for window in fullest(with_some.connections, pace) if not window.kept] == []


def test_where_hands_are_few_hosts_that_keep_silent_give_theirs_away(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = [network(n, 50) for n in range(4)]
    few = Simulated(RateLimits(1e6, 1e6, 1e6, open_at_once=8))
    monkeypatch.setattr(Hands, "give_away", lambda _: None)
    kept = few.run(parts, tarpits(parts), monkeypatch)
    monkeypatch.undo()
    given = Simulated(few.pace)
    assert given.run(parts, tarpits(parts), monkeypatch) < 0.7 * kept
    assert given.most_busy <= 8
    assert 8 < given.most <= 16
