"""The targets of a survey that are leased to nobody, by the networks that whoever asks them must have."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from filmbadge.ask.targets.lists import Target
from filmbadge.scope import network_of
from filmbadge.survey.queues import Network
from filmbadge.survey.spread.messages import MOST_TARGETS, Given, Share

TOGETHER = 100  # targets of different networks that make one lease: more would keep networks from others for longer
_LOOKS = 256  # waiting units that are looked at for one that is free


class Leases(Protocol):
    """Who has which networks, as `Ledger` says it."""

    def grant(self, worker: str, networks: tuple[Network, ...], targets: int) -> int | None: ...

    def free(self, network: Network) -> bool: ...

    def asked_before(self, network: Network) -> bool: ...


class Ahead:
    """Targets one after the other. The next one is known before it is taken."""

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        self._targets = iter(targets)
        self.next = next(self._targets, None)

    def take(self) -> Target | None:
        taken, self.next = self.next, next(self._targets, None)
        return taken


@dataclass
class Unit:
    """Targets that need the same networks. `rest` has more of them, which are made as they are taken."""

    networks: tuple[Network, ...]
    targets: deque[Given]
    rest: Ahead = field(default_factory=Ahead)


class Queue:
    """Hands out targets as leases. Nothing is made before it is taken."""

    def __init__(self, networks: Iterator[Iterable[Target]], leases: Leases) -> None:
        """`networks` are those of `Targets.networks`, without the names: their networks are not known."""
        self._networks = networks
        self._leases = leases
        self._waiting: deque[Unit] = deque()
        self._owned: dict[Network, str] = {}  # whose a network is that we gave
        self._at_end = False

    @property
    def empty(self) -> bool:
        """Whether no target is left that was not handed out."""
        if not self._at_end and not self._waiting:
            self._fetch()
        return self._at_end and not self._waiting

    @property
    def waiting(self) -> int:
        """Units that wait, and were not made just now."""
        return len(self._waiting)

    def put(self, given: Given, networks: Iterable[Network]) -> None:
        """A target whose networks are known now: a name, or one that came back."""
        self._waiting.append(Unit(tuple(dict.fromkeys(networks)), deque((given,))))

    def lease(self, worker: str, wanted: int) -> list[Share]:
        """At least so many targets, if so many can be given to this worker now."""
        shares: list[Share] = []
        given = 0
        while given < wanted and (share := self._share(worker, min(wanted - given, TOGETHER))) is not None:
            shares.append(share)
            given += len(share.targets)
        return shares

    def _share(self, worker: str, wanted: int) -> Share | None:
        """One lease: a unit of many targets, or some units of few."""
        units: list[Unit] = []
        count = 0
        while count < wanted and (unit := self._free(worker)) is not None:
            units.append(unit)
            count += len(unit.targets)
        if not units:
            return None
        networks = tuple(dict.fromkeys(network for unit in units for network in unit.networks))
        before = tuple(network for network in networks if self._leases.asked_before(network))
        targets = tuple(given for unit in units for given in unit.targets)
        number = self._leases.grant(worker, networks, len(targets))
        if number is None:  # one of them is not free after all
            self._waiting.extend(units)
            return None
        for unit in units:
            self._owned.update(dict.fromkeys(unit.networks, worker))
            if (more := _of(unit.rest)) is not None:
                self._waiting.append(more)
        return Share(number, networks, targets, before)

    def _free(self, worker: str) -> Unit | None:
        """A unit that this worker may have, taken out."""
        for _ in range(min(len(self._waiting), _LOOKS)):
            unit = self._waiting.popleft()
            if self._may_have(worker, unit):
                return unit
            self._waiting.append(unit)
        while not self._at_end:
            self._fetch()
            if self._waiting and self._may_have(worker, self._waiting[-1]):
                return self._waiting.pop()
        return None

    def _may_have(self, worker: str, unit: Unit) -> bool:
        return all(self._leases.free(one) or self._owned.get(one) == worker for one in unit.networks)

    def given_back(self, networks: Iterable[Network]) -> None:
        """Nobody has them any more."""
        for network in networks:
            self._owned.pop(network, None)

    def _fetch(self) -> None:
        """The next networks of the survey wait, too."""
        for targets in self._networks:
            if (unit := _of(Ahead(targets))) is not None:
                self._waiting.append(unit)
                return
        self._at_end = True


def _of(targets: Ahead) -> Unit | None:
    """The next targets of one block. IPv6 addresses in it may lead to IPv4 networks, and then stand alone."""
    first = targets.next
    if first is None:
        return None
    network, some = _network(first), deque[Given]()
    while (target := targets.next) is not None and _network(target) == network and len(some) < MOST_TARGETS:
        targets.take()
        some.append(Given(str(target.host), target.ports))
    return Unit((network,), some, targets)


def _network(target: Target) -> Network:
    assert not isinstance(target.host, str)
    return network_of(target.host)
