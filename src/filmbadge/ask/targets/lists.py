"""Reads targets as a user writes them.

A target is `192.0.2.0/24`, `pacs.example`, `192.0.2.7:104,8042`, `[2001:db8::1]:104`, or a file: a list of such
targets, or what a scanner or a search engine wrote (`exports`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from ipaddress import ip_network
from itertools import chain, islice
from pathlib import Path

from filmbadge import given
from filmbadge.ask.targets.exports.lines import lines
from filmbadge.ask.targets.exports.masscan_binary import binary
from filmbadge.ask.targets.exports.pieces import begun
from filmbadge.ask.targets.exports.recognise import HEAD, recognise
from filmbadge.ask.targets.exports.seen import Dropped, End, Fault, Seen
from filmbadge.ask.targets.held import Held, NamedPorts, Target
from filmbadge.ask.targets.source import as_utf8, pieces, unpacked
from filmbadge.model import Refusal
from filmbadge.scope import (
    HOST_NAME,
    NETWORK_BITS,
    Address,
    Intervals,
    Network,
    Scope,
    address_of,
    embedded,
    ends,
    permuted,
    plain,
    sweep,
)

__all__ = ["MAX_SWEEP", "NOTHING_DONE", "Done", "Target", "TargetError", "Targets", "parse", "read"]

MAX_SWEEP = 1 << 24  # addresses; a larger network cannot be swept in a sensible time
MOST_PORTS = 100  # of one host in files of results; one with more answers at any port
_NETWORK = re.compile(r"[0-9A-Fa-f:.]*[0-9A-Fa-f:][0-9A-Fa-f:.]*/[\d.]*")
_NO_NAME = re.compile(r"[\d.]+|0[xX].*")  # some programs would read it as an address
_FILE = re.compile(
    r"\.(?:txt|lst|list|json|jsonl|ndjson|xml|csv|tsv|gz|gnmap|nmap|bin|out|log|hosts|targets|toml)$", re.IGNORECASE
)
_RANGE = 12  # ports of a range that are written out, to be copied
_HOST_AND_PORTS = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::([\d,-]{0,400}))?|([^\s:\[\]]+)(?::([\d,-]{0,400}))?")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#]*@)?(\[[0-9A-Fa-f:.]*\]|[^/?#:\[\]]*)(?::(\d{1,5}))?")
_PORT_OF = {"http": 80, "https": 443, "ws": 80, "wss": 443, "dicom": 104}
_AT_ONCE = 1 << 16  # addresses that are held one by one until they are merged into ranges


class TargetError(Refusal):
    """A target that cannot be read, or that the scope does not cover. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Done:
    """Targets that need not be asked again. `len` counts them.

    Addresses are held as ranges, which merge to whole networks: so a sweep that is nearly done needs no more memory than
    one that begins. `others` are those that have ports or a name.
    """

    swept: tuple[Intervals, Intervals] = (Intervals(), Intervals())
    others: Held = field(default_factory=Held)

    @classmethod
    def of(cls, targets: Iterable[str]) -> Done:
        """Those in a list in which each target stands once, written as `str` writes a `Target`."""
        ranges: dict[int, Intervals] = {4: Intervals(), 6: Intervals()}

        def others() -> Iterator[Target]:
            """The addresses alone are merged on the way."""
            rest = iter(targets)
            while some := list(islice(rest, _AT_ONCE)):
                read = {text: address_of(text) for text in some}
                for text in (text for text, address in read.items() if address is None):
                    with suppress(TargetError):  # of a folder that is somebody else's: no target of ours
                        yield parse(text)
                for version, before in ranges.items():
                    found = [(int(a), int(a)) for a in read.values() if a is not None and a.version == version]
                    ranges[version] = Intervals.of([*before.ranges, *found])

        held = Held(others())
        return cls((ranges[4], ranges[6]), held)

    def __len__(self) -> int:
        return len(self.others) + sum(part.size for part in self.swept)

    def __contains__(self, target: Target) -> bool:
        if isinstance(target.host, str) or target.ports:
            return target in self.others
        return int(target.host) in self.swept[target.host.version == 6]


NOTHING_DONE = Done()


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of how targets were read."""

    dropped: Mapping[str, int] = field(default_factory=dict)  # how much that was named is no target, by `Dropped`
    notes: tuple[str, ...] = ()  # lines for the user
    digest: str = ""  # of the targets before exclusions: a survey is resumed with these


@dataclass(frozen=True, slots=True)
class Targets:
    """Hosts, network by network. Which network comes when, and which of its addresses, depends on the seed.

    `len` counts hosts.
    """

    hosts: Sequence[Target] = ()  # becomes `Held`
    swept: tuple[Intervals, Intervals] = field(default=(Intervals(), Intervals()))
    seed: int = 0
    told: Told = Told()

    def __post_init__(self) -> None:
        if not isinstance(self.hosts, Held):
            object.__setattr__(self, "hosts", Held(self.hosts))

    @property
    def held(self) -> Held:
        assert isinstance(self.hosts, Held)
        return self.hosts

    def __len__(self) -> int:
        return len(self.hosts) + sum(part.size for part in self.swept)

    @property
    def digest(self) -> str:
        """A digest that is equal for equal hosts, whatever list they came from."""
        hashed = blake2b(b"([", digest_size=16)
        for n, text in enumerate(sorted(map(str, self.hosts))):
            hashed.update(f"{', ' if n else ''}{text!r}".encode())
        hashed.update(f"], {[part.ranges for part in self.swept]!r})".encode())
        return hashed.hexdigest()

    @property
    def ports(self) -> Mapping[str, tuple[int, ...]]:
        """The ports that the user named, by host as in `Target`."""
        return NamedPorts(self.held)

    def __iter__(self) -> Iterator[Target]:
        return chain.from_iterable(self.networks())

    def networks(self, done: Done = NOTHING_DONE) -> Iterator[Iterator[Target]]:
        """The hosts that are left, an iterator for each network (`scope.network_of`); some may be empty.

        Nothing is made before it is taken. Names come first, all in one iterator, because their networks are not known.
        Then come the networks of which the user named an address, and then the others, permuted.
        """
        held = self.held
        yield (target for target in held.names if target not in done)
        for version in (4, 6):
            for block, targets in held.networks(version, self.seed):
                yield chain((target for target in targets if target not in done), self._swept((version, block), done))
        for version, part in zip((4, 6), self.swept, strict=True):
            bits = NETWORK_BITS[version]
            blocks = Intervals.of([(low >> bits, high >> bits) for low, high in part.ranges])
            for block in permuted(blocks, self.seed):
                if not held.has(version, block):
                    yield self._swept((version, block), done)

    def _swept(self, network: tuple[int, int], done: Done) -> Iterator[Target]:
        """The addresses of one network that are left, permuted."""
        version, block = network
        first, v6 = block << NETWORK_BITS[version], version == 6
        here = self.swept[v6].within(first, first + (1 << NETWORK_BITS[version]) - 1)
        return map(Target, sweep(here.less(done.swept[v6]), version, self.seed + block))


def read(arguments: Sequence[str], scope: Scope, *, seed: int = 0) -> Targets:
    """The targets of a command line; without arguments, the whole scope.

    What the scope does not allow is an error where the user wrote it, and is left out and counted where a file of results
    names it. Who opted out is always left out and counted, so that a survey goes on when its list is longer. Raises TargetError before any
    packet is sent.
    """
    gathered = _Gathered(scope)
    for argument in arguments:
        _take(argument, gathered)
    return _checked(gathered.targets(None if not arguments else gathered.networks, seed))


class _Gathered:
    """Hosts and networks, as they are read. One target per host: lists often have a line per port."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.networks: list[Network] = []
        self.dropped: Counter[str] = Counter()
        self.notes: list[str] = []
        self._wide = replace(scope, exclude=(), opted_out=())
        self._opted = _intervals(scope.opted_out)
        self._ports = frozenset(scope.ports)
        self._hosts: dict[str, tuple[int, ...]] = {}  # by host; with a stroke at its end where ports were named
        self._alike: dict[tuple[int, ...], tuple[int, ...]] = {}  # most hosts have the same ports: each is held once
        self._crowded: set[str] = set()
        self._last: tuple[str, str | Dropped] = ("", "")

    def add(self, target: Target, where: str) -> None:
        """A host as the user wrote it. Raises TargetError where no network of the scope has it."""
        host = target.host
        if (
            not isinstance(host, str)
            and not self.scope.permits(host)
            and not (self._wide.permits(host) and self._out(host))
        ):
            raise TargetError(f"{where}{target.host} is outside the scope '{self.scope.name}'; nothing was sent")
        key = f"{target.host}/" if target.ports else str(target.host)
        self._put(key, tuple(dict.fromkeys((*self._hosts.get(key, ()), *target.ports))))

    def see(self, seen: Seen) -> None:
        """A host as a file of results has it. Raises Fault where it is neither an address nor a name."""
        why = seen.why or self._known(seen)
        if isinstance(why, Dropped):
            self.dropped[why] += 1
            return
        key = why if seen.port is None else f"{why}/"
        before = self._hosts.get(key)
        if before is not None and (seen.port is None or seen.port in before):
            self.dropped[Dropped.REPEATED] += 1
        elif seen.port is None:
            self._hosts[key] = ()
        else:
            self._see_port(key, seen.port, before or ())

    def _see_port(self, key: str, port: int, before: tuple[int, ...]) -> None:
        """Of a host that answers everywhere only the ports of the scope are asked."""
        if len(before) >= MOST_PORTS and key not in self._crowded:
            self._crowded.add(key)
            kept = tuple(one for one in before if one in self._ports)
            self.dropped[Dropped.MANY_PORTS] += len(before) - len(kept)
            before = kept
        if key in self._crowded and port not in self._ports:
            self.dropped[Dropped.MANY_PORTS] += 1
            self._put(key, before)
        else:
            self._put(key, (*before, port))

    def _put(self, key: str, ports: tuple[int, ...]) -> None:
        self._hosts[key] = self._alike.setdefault(ports, ports)

    def _known(self, seen: Seen) -> str | Dropped:
        """The host as it is known here, or why it is none. The last one is remembered: files name a host's ports in a row."""
        if seen.host != self._last[0]:
            self._last = (seen.host, self._of(seen))
        return self._last[1]

    def _of(self, seen: Seen) -> str | Dropped:
        address = address_of(seen.host)
        if address is not None:
            return str(address) if self._wide.permits(address) else Dropped.OUTSIDE
        if "%" in seen.host and address_of(seen.host.partition("%")[0]) is not None:  # of one link only
            return Dropped.OUTSIDE
        if not HOST_NAME.fullmatch(seen.host) or _NO_NAME.fullmatch(seen.host):
            raise Fault(seen.line, "names a host that is neither an address nor a host name")
        return seen.host.lower().rstrip(".")

    def targets(self, networks: Sequence[Network] | None, seed: int) -> Targets:
        """All that is left once the exclusions are taken out, which may be longer when a survey is resumed."""
        hosts = Held(self._targets())
        before = _less(self._wide.addresses(networks), hosts)
        stood_for = Targets(hosts, before, seed).digest
        kept = Held(host for host in hosts if not self._excluded(host))
        swept = _less(self.scope.addresses(networks), hosts)
        for part, left, out in zip(before, swept, self._opted, strict=True):
            gone = part.less(left)
            self.dropped[Dropped.OPTED_OUT] += gone.size - gone.less(out).size
            self.dropped[Dropped.EXCLUDED] += gone.less(out).size
        dropped = {str(why): self.dropped[why] for why in Dropped if self.dropped[why]}
        return Targets(kept, swept, seed, Told(dropped, tuple(self.notes), stood_for))

    def _targets(self) -> Iterator[Target]:
        for key, ports in self._hosts.items():
            if key.endswith("/") and not ports:
                continue  # of many ports none was the scope's
            host = key[:-1] if ports else key
            address = address_of(host)
            yield Target(host if address is None else address, ports)

    def _excluded(self, target: Target) -> bool:
        if isinstance(target.host, str) or self.scope.permits(target.host):
            return False
        self.dropped[Dropped.OPTED_OUT if self._out(target.host) else Dropped.EXCLUDED] += max(1, len(target.ports))
        return True

    def _out(self, address: Address) -> bool:
        return any(int(one) in self._opted[one.version == 6] for one in (plain(address), *embedded(address)))


def _intervals(networks: Sequence[Network]) -> tuple[Intervals, Intervals]:
    """All addresses of networks: IPv4, IPv6."""
    v4, v6 = (Intervals.of([ends(network) for network in networks if network.version == version]) for version in (4, 6))
    return v4, v6


def _less(parts: tuple[Intervals, Intervals], hosts: Sequence[Target]) -> tuple[Intervals, Intervals]:
    """Without the hosts that are named by themselves."""
    named = [t.host for t in hosts if not isinstance(t.host, str) and not t.ports]
    v4, v6 = (
        part.less(Intervals.of([(int(a), int(a)) for a in named if a.version == version]))
        for version, part in zip((4, 6), parts, strict=True)
    )
    return v4, v6


def asked_of(targets: Targets, done: Done) -> int:
    """How many of the targets are done. Others that are done were opted out since."""
    named = sum(1 for target in targets.hosts if target in done)
    return named + sum(part.size - part.less(over).size for part, over in zip(targets.swept, done.swept, strict=True))


def parse(text: str, where: str = "") -> Target:
    """One host with optional ports. Raises TargetError."""
    found = _HOST_AND_PORTS.fullmatch(text)
    if _NETWORK.fullmatch(text):  # where one host is asked for
        raise TargetError(f"{where}{text} is a network, and not one host: filmbadge survey SCOPE {text} --out FOLDER")
    if there := _of_url(text):
        raise TargetError(f"{where}a URL is no target; write its host and its port: {there}")
    if _like_a_file(text):  # in a list, or as the one target of a check
        raise TargetError(
            f"{where}{text!r} is called like a file; a host of this name is written with a dot at its end"
        )
    if found is not None:
        host, ports = found.group(1) or found.group(3), found.group(2) or found.group(4)
    elif address_of(text) is not None:  # IPv6 without brackets cannot have ports
        host, ports = text, None
    else:
        what = f"{text!r} is not a target" if text.strip() else "the target is empty"
        raise TargetError(f"{where}{what}: write HOST, HOST:PORT,PORT or [IPv6]:PORT")
    numbers = () if ports is None else ports_of(ports, f"{where}{text!r}: ")
    address = address_of(host)
    if address is None and text.startswith("["):
        raise TargetError(f"{where}{host!r} in brackets is not an address")
    if address is None and not HOST_NAME.fullmatch(host):
        raise TargetError(f"{where}{host!r} is neither an address nor a host name")
    if address is None and _NO_NAME.fullmatch(host):
        raise TargetError(f"{where}{host!r} is not a complete address")
    return Target(address if address is not None else host.lower().rstrip("."), numbers)


def perhaps_with_port(text: str) -> str:
    """An IPv6 address whose end may be meant as a port, as it is written then: ::1:104 is [::1]:104. Empty for others."""
    host, _, port = text.rpartition(":")
    meant = ":" in host and address_of(text) is not None and address_of(host) is not None and port.isdigit()
    return f"[{host}]:{port}" if meant else ""


def ports_of(text: str, where: str = "") -> tuple[int, ...]:
    """Ports as a user names them: 104,8042. Raises TargetError."""
    if span := re.fullmatch(r"(\d{1,5})-(\d{1,5})", text):
        first, last = sorted(map(int, span.groups()))
        ports = ",".join(map(str, range(first, min(last + 1, first + _RANGE))))
        raise TargetError(f"{where}ports are named one by one: {ports}{',…' if last - first >= _RANGE else ''}")
    if not text:
        raise TargetError(f"{where}no port is named, such as 104")
    if not re.fullmatch(r"\d+(,\d+)*", text):
        raise TargetError(f"{where}ports are written with commas between them, such as 104,8042")
    numbers = tuple(dict.fromkeys(map(int, text.split(","))))
    if any(not 0 < n < 65536 for n in numbers):
        raise TargetError(f"{where}a port is 1 to 65535")
    return numbers


def _of_url(text: str) -> str:
    """The host and the port of a URL, as a target. Empty if the text is no URL. What else stands in it is not repeated."""
    found = _URL.match(text)
    if found is None:
        return ""
    scheme, host, port = found.groups()
    return f"{host or 'HOST'}:{port or _PORT_OF.get(scheme.lower(), 'PORT')}"


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
        why = ", ".join(f"{n:,} {reason}" for reason, n in targets.told.dropped.items())
        said = f" ({'; '.join(filter(None, (why, *targets.told.notes)))})" if why or targets.told.notes else ""
        raise TargetError(f"no target is left: none is named, or the scope allows none{said}")
    return targets


def _take(argument: str, gathered: _Gathered) -> None:
    """All that an argument names: itself, what stands in a file, or - for standard input."""
    if argument != "-" and not _names_a_file(argument):
        _entry(argument, "", gathered)
        return
    name = "standard input" if argument == "-" else argument.removeprefix("@")
    end = End()
    try:
        _contents(name, pieces("-" if argument == "-" else name), gathered, end)
    # AttributeError means that there is no standard input.
    except (OSError, AttributeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise TargetError(f"{name}: cannot be read as a list of targets ({why})") from None
    if end.cut:
        gathered.notes.append(f"{name}: cut off at {end.cut}; what came before is taken")


def _contents(name: str, chunks: Iterable[bytes], gathered: _Gathered, end: End) -> None:
    """Raises TargetError that names the line, or in a binary file the byte."""
    unit = ""
    try:
        raw = unpacked(chunks, end)
        head, text = begun(raw, HEAD)
        reader = recognise(head)
        if reader is not binary:
            head, text = begun(as_utf8(text), HEAD)
            reader = recognise(head)
        else:
            unit = "byte "
        if reader is not None:
            for seen in reader(text, end):
                gathered.see(seen)
            return
        if b"\0" in head:
            raise Fault(0, "cannot be read as a list of targets: it is not text")
        for number, line, _ in lines(text):
            if entry := line.partition("#")[0].strip():
                _entry(entry, f"{name}:{number}: ", gathered)
    except Fault as fault:
        raise TargetError(f"{name}:{unit}{fault.line}: {fault}" if fault.line else f"{name}: {fault}") from None


def _entry(text: str, where: str, gathered: _Gathered) -> None:
    if "/" in text and "://" not in text:
        gathered.networks.append(_network(text, where, gathered.scope))
    else:
        gathered.add(parse(text, where), where)


def _names_a_file(argument: str) -> bool:
    """Whether an argument is a file: it is there, or nobody would call a host so. Raises TargetError where it is not there."""
    if _of_url(argument):
        return False
    path = Path(argument.removeprefix("@"))
    if _is(path.is_dir):  # otherwise its name would be looked up
        raise TargetError(f"{argument} is a folder, not a list of targets")
    if _is(path.is_file) or _is(path.is_fifo):
        return True
    called_so = argument.startswith("@") or _like_a_file(argument)
    near = given.near(path) if called_so else _near(argument)
    if called_so or near:
        raise TargetError(f"no such file: {argument}" + (f": is it {near}?" if near else ""))
    return False


def _like_a_file(text: str) -> bool:
    """Whether a text is a path, or ends like the name of a file. A host of such a name has a dot at its end."""
    return ("/" in text and not _NETWORK.fullmatch(text)) or "\\" in text or _FILE.search(text) is not None


def _near(text: str) -> str:
    """A file in the current folder that is called nearly so, if a text is a name of one label: none is looked up by such a name."""
    if not text.replace("_", "").replace("-", "").isalnum() or address_of(text) is not None:
        return ""
    return given.near(Path(text))


def _is(test: Callable[[], bool]) -> bool:
    try:
        return test()
    except (OSError, ValueError):  # the text is too long for a name, has a null, or we may not look at the file
        return False
