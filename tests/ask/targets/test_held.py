"""Targets in few bytes: the same as a list of them, whatever is asked."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.targets.held import Held, NamedPorts, Target
from filmbadge.ask.targets.lists import Done, Targets
from filmbadge.scope import NETWORK_BITS, Intervals

V4 = st.integers(0x0A000000, 0x0A000400).map(IPv4Address) | st.integers(0, 2**32 - 1).map(IPv4Address)
V6 = st.integers(0x20010DB8 << 96, (0x20010DB8 << 96) + 9).map(IPv6Address) | st.integers(0, 2**128 - 1).map(
    IPv6Address
)
HOSTS = V4 | V6 | st.sampled_from(["pacs.example", "a.example"])
PORTS = st.sampled_from([(), (104,), (104, 8042), (8042, 104)])
TARGETS = st.lists(st.builds(Target, HOSTS, PORTS), unique=True, max_size=30)


@given(TARGETS, TARGETS, st.integers(0, 99))
def test_it_holds_what_it_was_given_and_nothing_else(targets: list[Target], others: list[Target], seed: int) -> None:
    held = Held(iter(targets))
    assert len(held) == len(targets)
    assert held == targets
    assert all(target in held for target in targets)
    assert [target in held for target in others] == [target in targets for target in others]
    by_network = [(version, block, list(here)) for version in (4, 6) for block, here in held.networks(version, seed)]
    assert sorted(map(str, held)) == sorted(
        [*map(str, held.names), *(str(t) for _, _, here in by_network for t in here)]
    )
    for version, block, here in by_network:
        assert held.has(version, block)
        assert {int(t.host) >> NETWORK_BITS[version] for t in here if not isinstance(t.host, str)} == {block}
    assert len({(version, block) for version, block, _ in by_network}) == len(by_network)


@given(TARGETS)
def test_the_ports_of_a_host_are_those_of_all_its_targets(targets: list[Target]) -> None:
    ports = NamedPorts(Held(targets))
    named: dict[str, set[int]] = {}
    for target in targets:
        named.setdefault(str(target.host), set()).update(target.ports)
    assert {host: set(found) for host, found in ports.items()} == named
    assert ports.get("192.0.2.99", ()) == ()


@given(TARGETS, st.data())
def test_what_is_done_is_found_again(targets: list[Target], data: st.DataObject) -> None:
    done = data.draw(st.sets(st.sampled_from(targets))) if targets else set()
    before = Done.of(map(str, done))
    assert len(before) == len(done)
    asked = Targets(Held(targets))
    assert {t for part in asked.networks(before) for t in part} == set(targets) - done


def spread(count: int) -> Iterator[Target]:
    """Single addresses that are far apart, each with ports of which there are few kinds."""
    for n in range(count):
        yield Target(IPv4Address(n * 40_503 % 2**32), (104, 1000 + n % 50))


def bytes_each(count: int) -> float:
    """What is held of each target of a list, with what is done of it, while its networks are taken one by one."""
    tracemalloc.start()
    try:
        targets = Targets(Held(spread(count)))
        done = Done.of(str(target) for target in spread(count) if hash(target) % 2)
        left = sum(1 for part in targets.networks(done) for _ in part)
        assert left + len(done) == count
        return tracemalloc.get_traced_memory()[1] / count
    finally:
        tracemalloc.stop()


def test_a_list_of_single_addresses_costs_few_bytes_each() -> None:
    """At the most, sorting included: they were 385 and more, before anything was done."""
    assert bytes_each(20_000) < 150


def test_a_sweep_costs_the_same_however_large_it_is() -> None:
    """A /8 of which each second network is done, and a /20."""

    def peak(bits: int) -> int:
        first = 10 << 24
        swept = Intervals.of([(first, first + (1 << bits) - 1)])
        tracemalloc.start()
        try:
            networks = Targets((), (swept, Intervals())).networks()
            asked = sum(1 for part in (next(networks) for _ in range(17)) for _ in part)
            assert asked == 16 * 256
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(24) < 2 * peak(12)
