"""Which host is begun next: only where the pace has a place for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, ip_address
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.targets.lists import Target
from filmbadge.scope import network_of
from filmbadge.survey.queues import Feeder, Network, Queue

NETWORKS = [network_of(IPv4Address(10 << 24 | n << 8)) for n in range(100)]


def hosts(network: int, count: int) -> list[Target]:
    return [Target(IPv4Address(10 << 24 | network << 8 | n)) for n in range(1, count + 1)]


class Places:
    """A pace with a clock of its own. It stands still until somebody waits."""

    def __init__(self, apart: float, overall: float = 0.0, expires: float = 1e9) -> None:
        self.now = 1.0
        self.expires = expires
        self._next: dict[Network | None, float] = {}
        self._apart, self._overall = apart, overall

    def due(self, network: Network | None) -> float:
        due = self._next.get(network, 0.0)
        return due if due > self.now else 0.0

    async def until(self, moment: float) -> bool:
        self.now = max(self.now, min(moment, self.expires))
        return self.now < self.expires

    def take(self, network: Network) -> float:
        for key, apart in ((network, self._apart), (None, self._overall)):
            self._next[key] = max(self.now, self._next.get(key, 0.0)) + apart
        return self._next[network]


def feeder(parts: Iterable[list[Target]], pace: Places, known: Mapping[str, Network] = MappingProxyType({})) -> Feeder:
    async def find(name: str) -> Network | None:
        return known.get(name)

    return Feeder(iter(parts), pace, find)


def begun(parts: Iterable[list[Target]], pace: Places, first: int = 1 << 20) -> list[tuple[float, Target]]:
    """Each host with the moment at which it was begun. Each takes one place and is done at once."""

    async def work() -> list[tuple[float, Target]]:
        feed = feeder(parts, pace)
        order: list[tuple[float, Target]] = []
        while len(order) < first and (target := await feed.next()) is not None:
            assert not isinstance(target.host, str)
            order.append((pace.now, target))
            pace.take(network_of(target.host))
            feed.done(target)
        return order

    return asyncio.run(work())


def test_a_host_is_begun_when_its_network_has_a_place() -> None:
    assert [round(at, 3) for at, _ in begun([hosts(0, 4)], Places(0.1))] == [1.0, 1.1, 1.2, 1.3]


def test_hosts_in_hand_take_their_places_first() -> None:
    """A host whose connects are waited for costs no turn of another; one that asks on keeps the next from being begun."""

    async def work() -> None:
        pace = Places(0.1)
        feed = feeder([hosts(0, 3)], pace)
        await feed.next()
        for _ in range(5):  # the host in hand asks port after port
            pace.take(NETWORKS[0])
        await feed.next()
        assert round(pace.now, 3) == 1.5

    asyncio.run(work())


def test_a_network_is_opened_when_no_open_one_has_a_place() -> None:
    order = begun((hosts(n, 3) for n in range(3)), Places(0.1))
    assert [network_of(target.host) for _, target in order if not isinstance(target.host, str)] == NETWORKS[:3] * 3
    assert [round(at, 3) for at, _ in order] == [1.0] * 3 + [1.1] * 3 + [1.2] * 3


def test_only_open_networks_are_held() -> None:
    taken: list[int] = []

    def parts() -> Iterable[list[Target]]:
        for n in range(100):
            taken.append(n)
            yield hosts(n, 200)

    begun(parts(), Places(0.1, overall=0.025), 400)  # in all as many as four networks take
    assert len(taken) <= 6


def test_with_a_pace_that_never_bounds_one_network_is_open() -> None:
    order = begun((hosts(n, 50) for n in range(4)), Places(0.0))
    assert [target for _, target in order] == [target for n in range(4) for target in hosts(n, 50)]


def test_the_pace_of_all_networks_bounds_them() -> None:
    order = begun((hosts(n, 3) for n in range(8)), Places(0.1, overall=0.05))  # of two networks
    assert [round(at, 3) for at, _ in order] == [round(1 + 0.05 * n, 3) for n in range(24)]


def test_no_host_is_begun_after_the_end_of_the_scope() -> None:
    assert len(begun([hosts(0, 50)], Places(0.1, expires=1.55))) == 6


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), max_size=8), st.sampled_from([0.0, 0.1]), st.sampled_from([0.0, 0.03]))
def test_every_host_is_begun_once_and_none_before_its_place(sizes: list[int], apart: float, overall: float) -> None:
    parts = [hosts(n, size) for n, size in enumerate(sizes)]
    order = begun(parts, Places(apart, overall))
    assert Counter(target for _, target in order) == Counter(target for part in parts for target in part)
    last: dict[Network, float] = {}
    for at, target in order:
        assert not isinstance(target.host, str)
        network = network_of(target.host)
        assert at >= last.get(network, 0.0) + apart - 1e-9
        last[network] = at


def test_a_name_waits_for_the_network_that_it_leads_to() -> None:
    async def work() -> None:
        pace, named = Places(0.1), Target("pacs.example")
        feed = feeder([[named], hosts(1, 1)], pace, {"pacs.example": NETWORKS[0]})
        pace.take(NETWORKS[0])
        assert [await feed.next(), pace.now] == [*hosts(1, 1), 1.0]
        assert [await feed.next(), pace.now] == [named, 1.1]
        assert await feed.next() is None

    asyncio.run(work())


def test_a_name_without_a_network_is_begun_at_once() -> None:
    async def work() -> None:
        named = Target("pacs.example")
        feed = feeder([[named]], Places(0.1))
        assert await feed.next() == named
        assert await feed.next() is None

    asyncio.run(work())


def test_an_ipv6_network_whose_addresses_lead_to_different_ipv4_networks() -> None:
    """Each host keeps to the pace of its own."""
    parts = [[Target(ip_address(f"64:ff9b::10.0.{n}.1")) for n in (0, 0, 1, 2)]]
    assert [round(at, 3) for at, _ in begun(parts, Places(0.1))] == [1.0, 1.1, 1.1, 1.1]


def test_a_queue_is_described_by_how_many_were_taken() -> None:
    queue = Queue(hosts(3, 3))
    assert (queue.network, queue.taken) == (NETWORKS[3], 0)
    assert [queue.take(), queue.take()] == hosts(3, 2)
    assert (queue.taken, queue.next) == (2, hosts(3, 3)[2])
