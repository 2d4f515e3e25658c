"""Holds hosts of a list in few bytes: 8 for an IPv4 address with its ports, so a list of a million takes 8 MB.

Addresses are numbers in order, each beside the number of its ports: lists have few different ones. So whether a host is
there is found by bisection, and the hosts of one network stand together.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import chain
from typing import overload

from filmbadge.scope import NETWORK_BITS, Address, Intervals, address_of, permuted

_BITS = 32  # of the number of the ports, below that of the address
_PORTS = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Target:
    host: str | Address
    ports: tuple[int, ...] = ()  # empty: the ports of the scope

    def __str__(self) -> str:
        host = str(self.host)
        if not self.ports:
            return host
        return (f"[{host}]" if ":" in host else host) + ":" + ",".join(map(str, self.ports))


class Held(Sequence[Target]):
    """Targets in an order of their own: names as they came, then IPv4, then IPv6. Equal to any with the same targets."""

    __slots__ = ("_alike", "_names", "_numbers", "_v4", "_v6")

    def __init__(self, targets: Iterable[Target] = ()) -> None:
        """They may be made as they are taken."""
        self._alike: list[tuple[int, ...]] = []  # each tuple of ports once
        self._numbers: dict[tuple[int, ...], int] = {}
        names: dict[str, tuple[Target, ...]] = {}
        v4, v6 = array("Q"), list[int]()
        for target in targets:
            if isinstance(target.host, str):
                names[target.host] = (*names.get(target.host, ()), target)
            elif target.host.version == 4:
                v4.append(self._key(target, new=True))
            else:
                v6.append(self._key(target, new=True))
        self._names = names
        self._v4 = array("Q", sorted(v4))
        self._v6 = sorted(v6)

    def _key(self, target: Target, *, new: bool = False) -> int:
        """The number by which an address and its ports are held; -1 where no host has these ports."""
        ports = self._numbers.get(target.ports)
        if ports is None:
            if not new:
                return -1
            ports = self._numbers[target.ports] = len(self._alike)
            self._alike.append(target.ports)
        return int(target.host) << _BITS | ports

    def __len__(self) -> int:
        return sum(map(len, self._names.values())) + len(self._v4) + len(self._v6)

    def __iter__(self) -> Iterator[Target]:
        yield from self.names
        for version in (4, 6):
            yield from self._between(version, 0, len(self._of(version)))

    @overload
    def __getitem__(self, index: int) -> Target: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Target]: ...
    def __getitem__(self, index: int | slice) -> Target | Sequence[Target]:
        return tuple(self)[index]

    def __contains__(self, target: object) -> bool:
        if not isinstance(target, Target):
            return False
        if isinstance(target.host, str):
            return target in self._names.get(target.host, ())
        held = self._of(target.host.version)
        key = self._key(target)
        at = bisect_left(held, key)
        return key >= 0 and at < len(held) and held[at] == key

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and sorted(map(str, self)) == sorted(map(str, other))

    def __hash__(self) -> int:
        return hash(len(self))

    @property
    def names(self) -> Iterator[Target]:
        """Those that are names, as they came."""
        return chain.from_iterable(self._names.values())

    def networks(self, version: int, seed: int) -> Iterator[tuple[int, Iterator[Target]]]:
        """The addresses of a version by network, and the bits before the hosts of each, permuted. They are made as they are taken."""
        held, bits = self._of(version), NETWORK_BITS[version] + _BITS
        starts = array("Q")
        at = 0
        while at < len(held):
            starts.append(at)
            at = bisect_left(held, (held[at] >> bits) + 1 << bits)
        starts.append(at)
        for n in permuted(Intervals(((0, len(starts) - 2),) if at else ()), seed):
            yield held[starts[n]] >> bits, self._between(version, starts[n], starts[n + 1])

    def has(self, version: int, block: int) -> bool:
        """Whether an address of this network is there: of this version, with these bits before its hosts."""
        held, bits = self._of(version), NETWORK_BITS[version] + _BITS
        at = bisect_left(held, block << bits)
        return at < len(held) and held[at] >> bits == block

    def of(self, host: str) -> tuple[int, ...] | None:
        """All ports that are named for a host, by its address as text or its name. None where it is not there."""
        address = address_of(host)
        if address is None:
            found = [target.ports for target in self._names.get(host, ())]
        else:
            held = self._of(address.version)
            first, end = (bisect_left(held, int(address) + more << _BITS) for more in (0, 1))
            found = [self._alike[held[at] & _PORTS] for at in range(first, end)]
        return tuple(port for ports in found for port in ports) if found else None

    def _of(self, version: int) -> Sequence[int]:
        return self._v4 if version == 4 else self._v6

    def _between(self, version: int, first: int, end: int) -> Iterator[Target]:
        held, make = self._of(version), IPv4Address if version == 4 else IPv6Address
        for at in range(first, end):
            yield Target(make(held[at] >> _BITS), self._alike[held[at] & _PORTS])


class NamedPorts(Mapping[str, tuple[int, ...]]):
    """The ports that the user named, by host: an address as text, or a name. Nothing is held twice."""

    __slots__ = ("_held",)

    def __init__(self, held: Held) -> None:
        self._held = held

    def __getitem__(self, host: str) -> tuple[int, ...]:
        found = self._held.of(host)
        if found is None:
            raise KeyError(host)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(str(target.host) for target in self._held))

    def __len__(self) -> int:
        return sum(1 for _ in self)
