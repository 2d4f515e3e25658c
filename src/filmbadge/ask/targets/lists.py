"""Reads targets as a user writes them.

A target is `192.0.2.0/24`, `pacs.example`, `192.0.2.7:104,8042`, `[2001:db8::1]:104`, or a file that lists such
targets.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_network
from pathlib import Path

from filmbadge.model import Refusal
from filmbadge.scope import HOST_NAME, Address, Intervals, Network, Scope, address_of, sweep

MAX_SWEEP = 1 << 24  # addresses; a larger network cannot be swept in a sensible time


class TargetError(Refusal):
    """A target that cannot be read, or that the scope does not cover. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Target:
    host: str | Address
    ports: tuple[int, ...] = ()  # empty: the ports of the scope

    def __str__(self) -> str:
        return str(self.host) + (":" + ",".join(map(str, self.ports)) if self.ports else "")


@dataclass(frozen=True, slots=True)
class Targets:
    """Hosts in an order that spreads them over the networks. `len` counts hosts."""

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
            named[str(target.host)] = (*named.get(str(target.host), ()), *target.ports)
        return named

    def __iter__(self) -> Iterator[Target]:
        yield from self.hosts
        for version, part in zip((4, 6), self.swept, strict=True):
            for address in sweep(part, version, self.seed):
                yield Target(address)


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
