"""What is leased to nobody: each target is handed out once, and with the networks that it needs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

import pytest

from filmbadge.ask.targets.lists import Target, Targets
from filmbadge.scope import Intervals, ends, network_of
from filmbadge.survey.queues import Network
from filmbadge.survey.spread.messages import Given, Share
from filmbadge.survey.spread.queue import Queue


class Leases:
    """Networks by their owner."""

    def __init__(self) -> None:
        self.owners: dict[Network, str] = {}
        self.held: Counter[Network] = Counter()
        self.number = 0

    def grant(self, worker: str, networks: Iterable[Network], _: int) -> int | None:
        if any(self.owners.get(one, worker) != worker for one in networks):
            return None
        self.owners.update(dict.fromkeys(networks, worker))
        self.held.update(networks)
        self.number += 1
        return self.number

    def give_back(self, share: Share) -> set[Network]:
        self.held.subtract(share.networks)
        over = {one for one in share.networks if not self.held[one]}
        for one in over:
            del self.owners[one]
        return over

    def free(self, network: Network) -> bool:
        return network not in self.owners

    def asked_before(self, network: Network) -> bool:
        return network == network_of(ip_address("10.0.0.1"))


def intervals(*named: str) -> tuple[Intervals, Intervals]:
    networks = [ip_network(one) for one in named]
    v4, v6 = (Intervals.of([ends(one) for one in networks if one.version == version]) for version in (4, 6))
    return v4, v6


# A /48 with more targets than a lease, and addresses that lead to IPv4 networks (RFC 6052), two of which are swept as well.
SWEPT = ("10.0.0.0/23", "2001:db8:1::/117", "64:ff9b::a00:0/118")
NAMED = (Target(ip_address("192.0.2.1")), Target(ip_address("10.0.0.1"), (104,)), Target(ip_address("2001:db8:2::1")))


@pytest.mark.parametrize("seed", range(5))
def test_each_target_is_handed_out_once_whoever_is_quick(seed: int) -> None:
    chance, leases = random.Random(seed), Leases()
    targets = Targets(NAMED, intervals(*SWEPT), seed)
    networks = targets.networks()
    assert not list(next(networks)), "no names"
    queue = Queue(networks, leases)
    out: list[tuple[str, Share]] = []
    seen: Counter[str] = Counter()
    while not queue.empty or out:
        for worker in chance.sample(("one", "two", "three"), 3):
            for share in queue.lease(worker, chance.choice((1, 50, 400))):
                out.append((worker, share))
                needed = [
                    network_of(given.target.host) for given in share.targets if not isinstance(given.target.host, str)
                ]
                assert set(needed) == set(share.networks)
                assert all(leases.owners[one] == worker for one in share.networks)
                assert set(share.asked_before) == {one for one in share.networks if leases.asked_before(one)}
        worker, share = out.pop(chance.randrange(len(out)))
        queue.given_back(leases.give_back(share))
        for given in share.targets:
            if chance.random() < 0.1:  # it goes back
                assert not isinstance(given.target.host, str)
                queue.put(given, [network_of(given.target.host)])
            else:
                seen[str(given.target)] += 1
    assert seen == Counter(map(str, targets))
    assert len(seen) > 3500


def test_what_needs_two_networks_waits_until_one_worker_may_have_both() -> None:
    leases, (one, other) = Leases(), (network_of(ip_address("10.0.0.1")), network_of(ip_address("10.0.1.1")))
    queue = Queue(iter(()), leases)
    shares = []
    for worker, network in ("a", one), ("b", other):
        queue.put(Given("192.0.2.1"), (network,))
        shares += queue.lease(worker, 1)
    queue.put(Given("192.0.2.2"), (one, other))
    assert queue.lease("a", 1) == queue.lease("b", 1) == queue.lease("c", 1) == []
    assert not queue.empty
    queue.given_back(leases.give_back(shares[1]))
    assert queue.lease("b", 1) == queue.lease("c", 1) == []
    (share,) = queue.lease("a", 1)
    assert set(share.networks) == {one, other}
    assert queue.empty
