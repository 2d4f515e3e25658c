"""Reads targets as a user writes them.

A target is `192.0.2.0/24`, `pacs.example`, `192.0.2.7:104,8042`, `[2001:db8::1]:104`, or a file that lists such
targets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_network
from itertools import chain, islice
from pathlib import Path

from filmbadge.model import Refusal
from filmbadge.scope import (
    HOST_NAME,
    NETWORK_BITS,
    Address,
    Intervals,
    Network,
    Scope,
    address_of,
    network_of,
    permuted,
    sweep,
)

MAX_SWEEP = 1 << 24  # addresses; a larger network cannot be swept in a sensible time
_AT_ONCE = 1 << 16  # addresses that are held one by one until they are merged into ranges


class TargetError(Refusal):
    """A target that cannot be read, or that the scope does not cover. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str | Address
    ports: tuple[int, ...] = ()  # empty: the ports of the scope

    def __str__(self) -> str:
        host = str(self.host)
        if not self.ports:
            return host
        return (f"[{host}]" if ":" in host else host) + ":" + ",".join(map(str, self.ports))


@dataclass(frozen=True, slots=True)
class Done:
    """Targets that need not be asked again. `len` counts them.

    Addresses are held as ranges, which merge to whole networks: so a sweep that is nearly done needs no more memory than
    one that begins. `others` are those that have ports or a name.
    """

    swept: tuple[Intervals, Intervals] = (Intervals(), Intervals())
    others: frozenset[str] = frozenset()

    @classmethod
    def of(cls, targets: Iterable[str]) -> Done:
        """Those in a list in which each target stands once, written as `str` writes a `Target`."""
        ranges: dict[int, Intervals] = {4: Intervals(), 6: Intervals()}
        others: set[str] = set()
        rest = iter(targets)
        while some := list(islice(rest, _AT_ONCE)):
            read = {text: address_of(text) for text in some}
            others.update(text for text, address in read.items() if address is None)
            for version, before in ranges.items():
                found = [(int(a), int(a)) for a in read.values() if a is not None and a.version == version]
                ranges[version] = Intervals.of([*before.ranges, *found])
        return cls((ranges[4], ranges[6]), frozenset(others))

    def __len__(self) -> int:
        return len(self.others) + sum(part.size for part in self.swept)

    def __contains__(self, target: Target) -> bool:
        if isinstance(target.host, str) or target.ports:
            return bool(self.others) and str(target) in self.others
        return int(target.host) in self.swept[target.host.version == 6]


NOTHING_DONE = Done()


@dataclass(frozen=True, slots=True)
class Targets:
    """Hosts, network by network. Which network comes when, and which of its addresses, depends on the seed.

    `len` counts hosts.
    """

    hosts: tuple[Target, ...] = ()
    swept: tuple[Intervals, Intervals] = field(default=(Intervals(), Intervals()))
    seed: int = 0

    def __len__(self) -> int:
        return len(self.hosts) + sum(part.size for part in self.swept)

    @property
    def digest(self) -> str:
        """A digest that is equal for equal hosts, whatever list they came from."""
        stood_for = repr((sorted(map(str, self.hosts)), [part.ranges for part in self.swept]))
        return blake2b(stood_for.encode(), digest_size=16).hexdigest()

    @property
    def ports(self) -> dict[str, tuple[int, ...]]:
        """The ports that the user named, by host as in `Target`."""
        named: dict[str, tuple[int, ...]] = {}
        for target in self.hosts:
            host = str(target.host)
            named[host] = (*named.get(host, ()), *target.ports)
        return named

    def __iter__(self) -> Iterator[Target]:
        return chain.from_iterable(self.networks())

    def networks(self, done: Done = NOTHING_DONE) -> Iterator[Iterator[Target]]:
        """The hosts that are left, an iterator for each network (`scope.network_of`); some may be empty.

        Nothing is made before it is taken. Names come first, all in one iterator, because their networks are not known.
        Then come the networks of which the user named an address, and then the others, permuted.
        """
        named: dict[tuple[int, int] | None, list[Target]] = {}
        for target in self.hosts:
            if target not in done:
                network = None if isinstance(target.host, str) else network_of(target.host)
                named.setdefault(network, []).append(target)
        yield iter(named.pop(None, ()))
        for network, targets in named.items():
            assert network is not None
            yield chain(targets, self._swept(network, done))
        for version, part in zip((4, 6), self.swept, strict=True):
            bits = NETWORK_BITS[version]
            blocks = Intervals.of([(low >> bits, high >> bits) for low, high in part.ranges])
            for block in permuted(blocks, self.seed):
                if (version, block) not in named:
                    yield self._swept((version, block), done)

    def _swept(self, network: tuple[int, int], done: Done) -> Iterator[Target]:
        """The addresses of one network that are left, permuted."""
        version, block = network
        first, v6 = block << NETWORK_BITS[version], version == 6
        here = self.swept[v6].within(first, first + (1 << NETWORK_BITS[version]) - 1)
        return map(Target, sweep(here.less(done.swept[v6]), version, self.seed + block))


def read(arguments: Sequence[str], scope: Scope, *, seed: int = 0) -> Targets:
    """The targets of a command line; without arguments, the whole scope.

    Raises TargetError before any packet is sent.
    """
    entries = [entry for argument in arguments for entry in _entries(argument)]
    if not arguments:
        swept = scope.addresses()
        return _checked(Targets((), swept, seed))
    hosts: dict[tuple[str, bool], Target] = {}  # one target per host: lists often have a line per port
    networks: list[Network] = []
    for text, where in entries:
        if "/" in text:
            networks.append(_network(text, where, scope))
        else:
            target = parse(text, where)
            if not isinstance(target.host, str) and not scope.permits(target.host):
                raise TargetError(f"{where}{text} is outside the scope '{scope.name}'; nothing was sent")
            key = (str(target.host), bool(target.ports))
            before = hosts.get(key)
            ports = (*before.ports, *target.ports) if before else target.ports
            hosts[key] = Target(target.host, tuple(dict.fromkeys(ports)))
    named = [t.host for t in hosts.values() if not isinstance(t.host, str) and not t.ports]
    v4, v6 = (
        part.less(Intervals.of([(int(a), int(a)) for a in named if a.version == version]))
        for version, part in zip((4, 6), scope.addresses(networks), strict=True)
    )
    return _checked(Targets(tuple(hosts.values()), (v4, v6), seed))


def parse(text: str, where: str = "") -> Target:
    """One host with optional ports. Raises TargetError."""
    found = re.fullmatch(r"\[([0-9A-Fa-f:.]+)\](?::([\d,]{1,400}))?|([^\s:\[\]]+)(?::([\d,]{1,400}))?", text)
    if found is not None:
        host, ports = found.group(1) or found.group(3), found.group(2) or found.group(4) or ""
    elif address_of(text) is not None:  # IPv6 without brackets cannot have ports
        host, ports = text, ""
    else:
        raise TargetError(f"{where}{text!r} is not a target: write HOST, HOST:PORT,PORT or [IPv6]:PORT")
    numbers = tuple(dict.fromkeys(int(p) for p in ports.split(",") if p))
    if any(not 0 < n < 65536 for n in numbers):
        raise TargetError(f"{where}{text!r}: a port is 1 to 65535")
    address = address_of(host)
    if address is None and text.startswith("["):
        raise TargetError(f"{where}{host!r} in brackets is not an address")
    if address is None and not HOST_NAME.fullmatch(host):
        raise TargetError(f"{where}{host!r} is neither an address nor a host name")
    if address is None and re.fullmatch(r"[\d.]+|0[xX].*", host):
        raise TargetError(f"{where}{host!r} is not a complete address")
    return Target(address if address is not None else host.lower().rstrip("."), numbers)


def _network(text: str, where: str, scope: Scope) -> Network:
    try:
        network = ip_network(text)
    except ValueError as error:
        reason = "it has host bits set" if "host bits" in str(error) else "write it like 192.0.2.0/24"
        raise TargetError(f"{where}{text!r} is not a network: {reason}") from None
    if not any(network.version == n.version and network.subnet_of(n) for n in scope.networks):  # type: ignore[arg-type]
        raise TargetError(f"{where}{text} is not wholly inside a network of the scope '{scope.name}'; nothing was sent")
    return network


def _checked(targets: Targets) -> Targets:
    size = sum(part.size for part in targets.swept)
    if size > MAX_SWEEP:
        raise TargetError(
            f"{size:,} addresses are too many to sweep (at most {MAX_SWEEP:,}); name hosts or smaller networks"
        )
    if not targets.hosts and not size:
        raise TargetError("no target is left: none is named, or the scope excludes every one")
    return targets


def _entries(argument: str) -> Iterator[tuple[str, str]]:
    """The entries of an argument, each with its place: the argument itself, a file, or - for standard input."""
    path = Path(argument)
    if argument == "-" or _is(path.is_file):
        name = "standard input" if argument == "-" else argument
        try:
            text = sys.stdin.read() if argument == "-" else path.read_text(encoding="utf-8-sig")
        # AttributeError means that there is no standard input.
        except (OSError, UnicodeDecodeError, AttributeError) as error:
            raise TargetError(f"{name}: cannot be read as a list of targets ({type(error).__name__})") from None
    elif _is(path.is_dir):  # otherwise its name would be looked up
        raise TargetError(f"{argument} is a folder, not a list of targets")
    else:
        yield argument, ""
        return
    for number, line in enumerate(text.splitlines(), 1):
        if entry := line.partition("#")[0].strip():
            yield entry, f"{name}:{number}: "


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except OSError:  # the text is too long for a name, or we may not look at the file
        return False
