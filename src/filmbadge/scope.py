"""The scope: who may be asked, how deep, how fast and until when.

A scope is a permission, not a list of targets: the dialer asks it about every resolved address. All problems of a scope
file are `ScopeError`s that name the line at fault. They are raised before the first packet is sent.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice, repeat
from math import gcd
from pathlib import Path
from typing import Any, Literal, get_args

from filmbadge import given, netlists
from filmbadge.model import Depth, Refusal
from filmbadge.netlists import MOST_BYTES, OPTED_OUT, ListError, NetworkList, is_network, network_of_text, plain_network
from filmbadge.texts import printable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Basis = Literal["owner", "mandate", "research"]
LookUp = Literal["coordinator", "workers"]
PERSONAL: tuple[Basis, ...] = ("owner", "mandate")  # what personal data may be asked for on

SCHEMA = "filmbadge.scope/1"
HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?"
)  # RFC 1123 2.1, and the underscore that some use
DIMSE_PORTS = (104, 4242, 5678, 11112)
DIMSE_TLS_PORTS = (2762,)
WEB_PORTS = (80, 3000, 3333, 5000, 8042, 8080)
WEB_TLS_PORTS = (443, 8443)
PORT_KINDS = ("dimse_ports", "dimse_tls_ports", "web_ports", "web_tls_ports")  # fields of a scope


class ScopeError(Refusal):
    """The scope is malformed, has expired, or does not allow the request. The text is one line for the user.

    `faults` are the lines of all that is wrong with a file, in its order. The text is the first of them.
    """

    def __init__(self, message: str, *, where: str = "", line: int | None = None, faults: tuple[str, ...] = ()) -> None:
        self.line = line
        place = f"{where}:{line}: " if where and line else f"{where}: " if where else ""
        self.faults = faults or (place + message,)
        super().__init__(place + message)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Rates in connections per second, the number of connections open at once, and our share of an archive's time."""

    overall: float = 50.0
    per_network: float = 10.0  # per IPv4 /24 or IPv6 /48
    per_host: float = 2.0
    open_at_once: int = 256
    archive_share: float = 0.1  # largest share of one archive's time that our questions may take, 0 to 1


SMALL_SECONDS = 60.0  # a connection with a few small questions may take so long, however short the patience
SLOW_ANSWERS = 4  # as many answers may take the whole patience
USED = 0.7  # share of a connection's limits after which a census goes on over another connection
BARELY = 0.1  # the same before a question that may have a long answer


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits of one connection, in seconds and bytes."""

    connect_seconds: float = 5.0
    idle_seconds: float = 60.0
    seconds: float = 600.0
    received_bytes: int = 1024 * 1024 * 1024
    patience_seconds: float = 30.0  # how long a peer may be silent while we find out what it is; it took the connection
    connect_seconds_least: float = 0.5  # a connect waits no shorter, however fast its network answers

    def used(self, received_bytes: int, seconds: float, share: float = USED) -> bool:
        """Whether so much of them is used that what asks for much had better go on over another connection."""
        return max(received_bytes / self.received_bytes, seconds / self.seconds) > share

    def small(self, received_bytes: int) -> ConnectionLimits:
        """Limits for a few small questions: each answer may take the scope's patience, and all together a few times that.

        The second limit is for a peer that sends a byte now and then. A peer that answers each question only just in
        time reaches it too, so what it ends is never a proof.
        """
        return replace(
            self,
            idle_seconds=min(self.idle_seconds, self.patience_seconds),
            seconds=min(self.seconds, max(SMALL_SECONDS, SLOW_ANSWERS * self.patience_seconds)),
            received_bytes=min(self.received_bytes, received_bytes),
        )


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of the census of one archive, over all its connections and over any protocol. Studies beyond them are estimated."""

    questions: int = 2000
    minutes: float = 120.0
    received_bytes: int = 4 * 1024 * 1024 * 1024
    # One question asks for all studies, to see those without a date: up to `whole` studies always, and more where its
    # answer will take the archive `whole_seconds` at most.
    whole: int = 20_000
    whole_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class MemoryLimits:
    """Limits of all archives together."""

    distinct_bytes: int = 512 * 1024 * 1024  # of what tells studies and patients apart; at least LEAST_MEMORY


LEAST_MEMORY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retrievals:
    """How many retrievals are begun at an archive that hands out images, to see how many of them can be had.

    Each is of one instance of a study that is drawn by lot, and is dropped after a few KiB.
    """

    each: int = 5
    large: int = 30  # at an archive that holds over LARGE_SHARE of all images that a survey has seen so far


LARGE_SHARE = 0.01
MOST_RETRIEVALS = 1000


@dataclass(frozen=True, slots=True)
class Intervals:
    """Disjoint sorted ranges of addresses, as integers of one IP version. Both ends belong to a range."""

    ranges: tuple[tuple[int, int], ...] = ()
    starts: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "starts", tuple(low for low, _ in self.ranges))

    @classmethod
    def of(cls, ranges: Sequence[tuple[int, int]]) -> Intervals:
        merged: list[tuple[int, int]] = []
        for low, high in sorted(ranges):
            if merged and low <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    def less(self, other: Intervals) -> Intervals:
        left: list[tuple[int, int]] = []
        for low, high in self.ranges:
            at = low
            for cut_low, cut_high in other._meeting(low, high):
                if cut_low > at:
                    left.append((at, cut_low - 1))
                at = cut_high + 1
            if at <= high:
                left.append((at, high))
        return Intervals(tuple(left))

    def within(self, low: int, high: int) -> Intervals:
        """What of them lies between these ends, which are part of it."""
        return Intervals(tuple((max(a, low), min(b, high)) for a, b in self._meeting(low, high)))

    def _meeting(self, low: int, high: int) -> tuple[tuple[int, int], ...]:
        """The ranges that have a number between these ends."""
        first = max(bisect_right(self.starts, low) - 1, 0)
        if first < len(self.ranges) and self.ranges[first][1] < low:
            first += 1
        return self.ranges[first : bisect_right(self.starts, high)]

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.starts, number) - 1
        return at >= 0 and number <= self.ranges[at][1]

    @property
    def size(self) -> int:
        return sum(high - low + 1 for low, high in self.ranges)

    def __getitem__(self, index: int) -> int:
        for low, high in self.ranges:
            if index <= high - low:
                return low + index
            index -= high - low + 1
        raise IndexError(index)


# These addresses are never a single host: "this network" (RFC 6890 2.2.2), multicast, broadcast; unspecified, multicast.
_NEVER_V4 = Intervals(((0, (1 << 24) - 1), (0xE0 << 24, (0xF0 << 24) - 1), (2**32 - 1, 2**32 - 1)))
_ALL_V4 = Intervals(((0, 2**32 - 1),))
_NEVER_V6 = Intervals(((0, 0), (0xFF << 120, 2**128 - 1)))


@dataclass(frozen=True, slots=True)
class Scope:
    """A permission, checked and ready. The dialer asks `permits` about every address."""

    name: str
    networks: tuple[Network, ...]
    exclude: tuple[Network, ...] = ()
    depth: Depth = Depth.ASK
    expires: datetime | None = None
    contact: str = ""
    authority: str = ""
    reference: str = ""
    basis: Basis | None = None
    called_titles: tuple[str, ...] = ()
    names: tuple[str, ...] = ()  # of hosts, in small letters: those that a page may name and that are then looked up
    dimse_ports: tuple[int, ...] = DIMSE_PORTS
    dimse_tls_ports: tuple[int, ...] = DIMSE_TLS_PORTS
    web_ports: tuple[int, ...] = WEB_PORTS
    web_tls_ports: tuple[int, ...] = WEB_TLS_PORTS
    qido_record: bool = False  # a DICOMweb record, with its personal data, may be asked for below depth `profile`
    reverse_names: bool = False  # the names of archives' addresses may be looked up (PTR, RFC 1035 3.5)
    look_up: LookUp = "coordinator"  # on whose machine names are looked up, where many processes share a survey
    pace: RateLimits = RateLimits()
    caps: ConnectionLimits = ConnectionLimits()
    census: Budget = Budget()
    confirmed: tuple[str, ...] = ()  # sentences by which the author confirmed what is unusual
    memory: MemoryLimits = MemoryLimits()
    opted_out: tuple[Network, ...] = ()  # those in `exclude` that stand in lists: their operators asked for it
    lists: tuple[tuple[str, str], ...] = ()  # files that networks and exclusions came from, each with its SHA-256
    retrievals: Retrievals = Retrievals()
    _v4: Intervals = field(init=False, repr=False)
    _v6: Intervals = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Raises ScopeError where personal data could pass, and nobody has said whose archive it is."""
        deep = self.depth.reaches(Depth.PROFILE)
        if (deep or self.qido_record) and not (self.authority and self.basis in PERSONAL):
            what = f"depth '{self.depth}'" if deep else "'qido_record'"
            raise ScopeError(f"{what} puts personal data on the wire: it needs a statement of whose archive it is")
        cut = (*map(plain_network, self.exclude), *filter(None, map(_embedded_network, self.exclude)))
        for name, version in (("_v4", 4), ("_v6", 6)):
            allowed = Intervals.of([ends(n) for n in map(plain_network, self.networks) if n.version == version])
            object.__setattr__(self, name, allowed.less(Intervals.of([ends(n) for n in cut if n.version == version])))
        object.__setattr__(self, "_v6", self._v6.less(_forms(_ALL_V4.less(self._v4.less(_NEVER_V4)))))

    @property
    def ports(self) -> tuple[int, ...]:
        """All ports that a sweep asks, as TCP port numbers."""
        return tuple(dict.fromkeys(port for kind in PORT_KINDS for port in getattr(self, kind)))

    def permits(self, address: Address, now: datetime | None = None) -> bool:
        """Whether this address may be contacted at `now` (default: the current time).

        An IPv6 address that leads to IPv4 addresses is allowed only if the scope allows it and each of them: see `embedded`.
        """
        if self.expired(now):
            return False
        if address.version == 4:
            return self._lists(address)
        return all(map(self._lists, (plain(address), *embedded(address))))

    def _lists(self, address: Address) -> bool:
        number, four = int(address), address.version == 4
        return number not in (_NEVER_V4 if four else _NEVER_V6) and number in (self._v4 if four else self._v6)

    def expired(self, now: datetime | None = None) -> bool:
        return self.expires is not None and (now or datetime.now(UTC)) >= self.expires

    def addresses(self, networks: Sequence[Network] | None = None) -> tuple[Intervals, Intervals]:
        """The addresses of `networks` (default: all of the scope) that a sweep would contact: IPv4 ranges, IPv6 ranges.

        Network addresses, broadcast addresses and exclusions are left out.
        """
        chosen = [plain_network(n) for n in (self.networks if networks is None else networks)]
        both = []
        for version, allowed in ((4, self._v4), (6, self._v6)):
            wanted = Intervals.of([_hosts(n) for n in chosen if n.version == version])
            everything = Intervals(((0, 2 ** (32 if version == 4 else 128) - 1),))
            both.append(wanted.less(everything.less(allowed)))
        return both[0], both[1]


def plain(address: Address) -> Address:
    """An IPv4 address in IPv6 form (::ffff:192.0.2.1) becomes the IPv4 address. Other addresses stay the same."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


_LOW_32 = tuple(map(IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_LOCAL_NAT64, _SIX_TO_FOUR, _TEREDO = map(IPv6Network, ("64:ff9b:1::/48", "2002::/16", "2001::/32"))
_LOOPBACK_V6 = IPv6Address(1)


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses to which an IPv6 address leads by its form; the last is the host's. Empty for any other address.

    They stand in the last 32 bits of an IPv4-compatible (RFC 4291 2.5.5.1), an IPv4-translated (RFC 2765 2.1) and a NAT64
    address (RFC 6052 2.1), and in an ISATAP interface identifier under any prefix (RFC 5214 6.1); in bits 16 to 47 of 6to4
    (RFC 3056 2). Teredo has its server, and its client with all bits inverted (RFC 4380 4). A translator of the local prefix
    64:ff9b:1::/48 (RFC 8215) may be set to a prefix of 48, 56, 64 or 96 bits (RFC 6052 2.2), and nobody says which: all
    that can be read is given, but 0.0.0.0/8, which is padding. An IPv4-mapped address is IPv4 by itself: see `plain`.
    """
    if (
        isinstance(address, IPv4Address)
        or address.ipv4_mapped is not None
        or address == _LOOPBACK_V6
        or not int(address)
    ):
        return ()
    number = int(address)
    low = number & 0xFFFFFFFF
    found: list[int] = []
    if address in _SIX_TO_FOUR:
        found.append(number >> 80 & 0xFFFFFFFF)
    elif address in _TEREDO:
        found += [number >> 64 & 0xFFFFFFFF, low ^ 0xFFFFFFFF]
    elif address in _LOCAL_NAT64:
        # Bits 64 to 71 are no part of the IPv4 address (RFC 6052 2.2): take them out, and read from each beginning.
        without = (number >> 64 << 56) | (number & ((1 << 56) - 1))
        read = [without >> 120 - start - 32 & 0xFFFFFFFF for start in (48, 56, 64)] + [low]
        found += [one for one in read if one >> 24] or [0]
    elif any(address in network for network in _LOW_32):
        found.append(low)
    if number >> 32 & 0xFDFFFFFF == 0x5EFE:  # the universal bit may be set
        found.append(low)
    return tuple(map(IPv4Address, found))


def host_of(address: Address) -> Address:
    """The host behind an address, by which its pace is kept: the last IPv4 address in it, or itself."""
    if isinstance(address, IPv4Address):
        return address
    return (embedded(address) or (plain(address),))[-1]


NETWORK_BITS = {4: 8, 6: 80}  # that count the hosts of one network, by IP version: an IPv4 /24, an IPv6 /48


def network_of(address: Address) -> tuple[int, int]:
    """The network by which the pace of an address is kept: its IP version, and the bits before its hosts."""
    host = host_of(address)
    version = host.version
    return version, int(host) >> NETWORK_BITS[version]


def _embedded_network(network: Network) -> IPv4Network | None:
    """The IPv4 network to which all of an IPv6 network leads. None if it leads elsewhere too, or to single addresses."""
    if isinstance(network, IPv6Network):
        for whole, bits in (*((prefix, 96) for prefix in _LOW_32), (_SIX_TO_FOUR, 16)):
            if _inside(network, whole) and _LOOPBACK_V6 not in network:
                length = min(network.prefixlen - bits, 32)
                return IPv4Network((int(network.network_address) >> 96 - bits & 0xFFFFFFFF, length))
    return None


def _forms(four: Intervals) -> Intervals:
    """The IPv6 addresses, of the forms that stand in order, which lead to these IPv4 addresses: so a sweep leaves them out."""
    low = [
        (int(p.network_address) + max(a, 2), int(p.network_address) + b)
        for p in _LOW_32
        for a, b in four.ranges
        if b > 1
    ]
    start = int(_SIX_TO_FOUR.network_address)
    return Intervals.of([*low, *((start + (a << 80), start + (b + 1 << 80) - 1) for a, b in four.ranges)])


def _inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]


def ends(network: Network) -> tuple[int, int]:
    """The first and the last address, as numbers."""
    return int(network.network_address), int(network.broadcast_address)


def _hosts(network: Network) -> tuple[int, int]:
    low, high = ends(network)
    if network.version == 4 and network.prefixlen < 31:
        return low + 1, high - 1
    return low, high


LOOPBACK = Scope(
    name="loopback",
    networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")),
    depth=Depth.COUNT,
    pace=RateLimits(overall=2000, per_network=2000, per_host=100, archive_share=1),
    caps=ConnectionLimits(received_bytes=1 << 33),
    census=Budget(questions=100_000, received_bytes=1 << 40),
)


def loopback(owner: str) -> Scope:
    """Loopback as deep as `prove`, on the statement `owner` of whose archive answers there: a forwarder may stand between.

    Raises ScopeError if `owner` is no text that names somebody: empty, `TODO`, longer than 300 characters, or not printable.
    """
    fault = statement_fault(owner)
    if fault:
        raise ScopeError(f"the statement of whose archive it is {fault} (--owner)")
    return replace(LOOPBACK, depth=Depth.PROVE, basis="owner", authority=owner.strip())


def narrowed(scope: Scope, depth: Depth | None = None, ports: Sequence[int] = (), called: Sequence[str] = ()) -> Scope:
    """The scope with this depth, and of its ports and AE titles only these. What is not given stays as it is.

    A port is asked as the scope says. Raises ScopeError where the scope does not allow all of it.
    """
    if depth is not None and not scope.depth.reaches(depth):
        raise ScopeError(f"depth '{depth}' is deeper than the scope '{scope.name}' allows ({scope.depth})")
    for what, asked, allowed in (
        ("port", ports, scope.ports),
        ("AE title", called, scope.called_titles),
    ):
        if more := [str(one) for one in asked if one not in allowed]:
            lists = f"it lists {', '.join(map(str, allowed))}" if allowed else "it lists none"
            raise ScopeError(f"{what} {more[0]} is not in the scope '{scope.name}': {lists}")
    kept: dict[str, Any] = {
        kind: tuple(port for port in getattr(scope, kind) if not ports or port in ports) for kind in PORT_KINDS
    }
    return replace(scope, depth=depth or scope.depth, called_titles=tuple(called) or scope.called_titles, **kept)


STATEMENT = 300  # characters of a statement that an operator makes, at most


def statement_fault(text: object) -> str:
    """Why a text cannot stand as a statement of the operator. Empty if it can."""
    if not isinstance(text, str) or not text.strip() or text.strip().startswith("TODO"):
        return "must be filled in, as text"
    if len(text.strip()) > STATEMENT:
        return f"is longer than {STATEMENT} characters"
    return "" if text.strip().isprintable() else "must be one line of printable characters"


def title_fault(text: object) -> str:
    """Why a text cannot be an AE title. Empty if it can."""
    # PS3.5 6.2, AE: 16 bytes of the default repertoire, no backslash, not only spaces.
    if isinstance(text, str) and re.fullmatch(r"[ -\[\]-~]{1,16}", text) and text.strip():
        return ""
    return f"{text!r} is not an AE title (1 to 16 ASCII characters, no backslash)"


def load(path: Path, now: datetime | None = None) -> Scope:
    """Reads and checks a scope file at the time `now` (default: the current time).

    Raises ScopeError that names the line at fault.
    """
    try:
        text = _text_of(path)
    except FileNotFoundError:
        raise ScopeError(_not_there(path), where=printable(str(path))) from None
    return parse(text, printable(str(path)), now, folder=path.parent, beside=True)


def surveyed(path: Path) -> Scope:
    """What a scope file says of networks, whether or not it has expired, and whatever else is wrong with it.

    It is no permission: it has expired. It is for who must stay away from what is surveyed. Raises ScopeError where it cannot be read.
    """
    reader = _leniently(path)
    networks, exclude, opted_out = reader.networks()
    return Scope(path.stem, networks, exclude, expires=_LONG_AGO, opted_out=opted_out, lists=reader.digests())


def end_of(path: Path) -> datetime | None:
    """When the permission of a scope file ends, or ended; None where it does not say. Raises ScopeError where it cannot be read."""
    return _leniently(path).end(_LONG_AGO)


_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _leniently(path: Path) -> _Reader:
    where = printable(str(path))
    try:
        text = _text_of(path)
        return _Reader(text, where, tomllib.loads(text), path.parent, True)
    except (OSError, ValueError, RecursionError) as error:
        raise ScopeError(f"cannot be read: {type(error).__name__}", where=where) from None


def _not_there(path: Path) -> str:
    if is_network(str(path)):
        return "this is an address or a network, where a scope file is asked for (write one with: filmbadge scope new FILE)"
    near, command = given.near(path), shlex.join(("filmbadge", "scope", "new", str(path)))
    return f"no such scope file: is it {near}?" if near else f"no such scope file (write one with: {command})"


def _text_of(path: Path) -> str:
    """Raises FileNotFoundError, and ScopeError for what else keeps a scope file from being read."""
    try:
        raw = given.read(path, MOST_BYTES)
        if len(raw) <= MOST_BYTES:
            text = raw.decode("utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
            return text.replace("\r\n", "\n").replace("\r", "\n")
        why = f"it is larger than {MOST_BYTES >> 20} MiB"
    except FileNotFoundError:
        raise
    except OSError as error:
        why = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        why = "it is no text in UTF-8; save it as UTF-8"
    raise ScopeError(
        f"cannot be read as a scope file: {why} (write one with: filmbadge scope new FILE)", where=printable(str(path))
    )


def optout_list(path: Path) -> Path:
    """The list that an opt-out under this scope is added to. The scope may have expired. Raises ScopeError."""
    try:
        raw = tomllib.loads(_text_of(path))
    except FileNotFoundError:
        raise ScopeError(_not_there(path), where=printable(str(path))) from None
    except (ValueError, RecursionError) as error:
        raise ScopeError(f"cannot be read: {type(error).__name__}", where=printable(str(path))) from None
    exclude = raw.get("exclude")
    named = (
        [one for one in exclude if isinstance(one, str) and one.startswith("@")] if isinstance(exclude, list) else []
    )
    return path.parent / (named[0][1:] if named else OPTED_OUT)


def parse(text: str, where: str, now: datetime | None = None, *, folder: Path = Path(), beside: bool = False) -> Scope:
    """Parses a scope from TOML text. Raises ScopeError that names the line at fault.

    Lists that it names are looked for from `folder`; with `beside` the list of opt-outs that stands there is read too.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+)", str(error))
        line = int(found.group(1)) if found else text.count("\n") + 1
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise ScopeError(f"not valid TOML: {message}", where=where, line=line) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, or deeply nested lists
        raise ScopeError("not valid TOML: a value is too long or nested too deep", where=where) from None
    return _Reader(text, where, raw, folder, beside).scope(now or datetime.now(UTC))


class _Reader:
    """Checks the raw tables one key at a time, and knows the line of each key.

    A fault is noted, and what is at fault is read as if it were not there: so all faults are found at once.
    """

    def __init__(self, text: str, where: str, raw: dict[str, Any], folder: Path, beside: bool) -> None:
        self.lines = text.splitlines()
        self.where = where
        self.raw = raw
        self.folder = folder
        self.beside = beside
        self.lists: dict[Path, NetworkList] = {}
        self.ends: dict[int, tuple[list[int], Iterator[int]]] = {}  # lines of elements, by the line of their list
        self.faults: dict[str, ScopeError] = {}  # by their text: a table that is none is looked at more than once

    def scope(self, now: datetime) -> Scope:
        known = {
            "": {
                "schema",
                "networks",
                "exclude",
                "names",
                "depth",
                "expires",
                "authority",
                "ae_titles",
                "ports",
                "ask",
                "pace",
                "caps",
                "census",
                "confirm",
                "memory",
                "retrievals",
            },
            "authority": {"who", "reference", "basis", "contact"},
            "ae_titles": {"called"},
            "ports": {"dimse", "dimse_tls", "web", "web_tls"},
            "ask": {"qido_record", "reverse_names", "look_up"},
            "pace": {"overall", "per_network", "per_host", "open_at_once", "archive_share"},
            "caps": {
                "connect_seconds",
                "connect_seconds_least",
                "patience_seconds",
                "idle_seconds",
                "seconds",
                "received_bytes",
            },
            "census": {"questions", "minutes", "received_bytes", "whole", "whole_seconds"},
            "memory": {"distinct_bytes"},
            "retrievals": {"each", "large"},
        }
        for table, keys in known.items():
            held = self._table(table)
            for key in held:
                if key not in keys:
                    self._fault(f"unknown key '{key}'; known here: {', '.join(sorted(keys))}", table, key)
        schema = self._text("", "schema")
        if schema and schema != SCHEMA:
            self._fault(f"schema is {schema!r}, this version reads {SCHEMA!r}", "", "schema")
        depth = Depth(self._choice("", "depth", list(Depth)) or Depth.KNOCK)
        basis = self._choice("authority", "basis", list(get_args(Basis))) or None
        if depth.reaches(Depth.PROFILE) and basis and basis not in PERSONAL:
            self._fault(
                f"depth '{depth}' puts personal data on the wire: it needs basis = \"owner\" or \"mandate\", not \"{basis}\"",
                "", "depth",
            )  # fmt: skip
        dimse = self._ports("dimse", DIMSE_PORTS)
        dimse_tls = self._ports("dimse_tls", DIMSE_TLS_PORTS)
        web = self._ports("web", WEB_PORTS)
        web_tls = self._ports("web_tls", WEB_TLS_PORTS)
        if not (dimse or dimse_tls or web or web_tls):
            self._fault("no port is left to ask", "ports", "dimse")
        networks, exclude, opted_out = self.networks()
        expires, qido_record = self.end(now), self._qido_record(basis)
        authority = self._text("authority", "who")
        stated = basis in PERSONAL and bool(authority)
        scope = Scope(
            name=self.where,
            networks=networks,
            exclude=exclude,
            depth=depth if stated or not depth.reaches(Depth.PROFILE) else Depth.KNOCK,
            expires=expires,
            contact=self._text("authority", "contact"),
            authority=authority,
            reference=self._text("authority", "reference"),
            basis=basis,
            called_titles=self._titles(),
            names=self._names(),
            dimse_ports=dimse,
            dimse_tls_ports=dimse_tls,
            web_ports=web,
            web_tls_ports=web_tls,
            qido_record=qido_record and stated,
            reverse_names=self._switch("reverse_names"),
            look_up=self._look_up(),
            pace=self._numbers("pace", RateLimits()),
            caps=self._numbers("caps", ConnectionLimits()),
            census=self._numbers("census", Budget()),
            confirmed=self._confirmed(),
            memory=self._numbers("memory", MemoryLimits()),
            opted_out=opted_out,
            lists=self.digests(),
            retrievals=self._numbers("retrievals", Retrievals()),
        )
        self._check_embedding(scope)
        self._check_unusual(scope, now)
        self._require_none()
        return scope

    def networks(self) -> tuple[tuple[Network, ...], tuple[Network, ...], tuple[Network, ...]]:
        """Those of the scope, those that it excludes, and of these those that opted out."""
        networks, _ = self._networks("networks", required=True)
        exclude, listed = self._networks("exclude", required=False)
        opted_out = (*listed, *self._opted_out_beside())
        return networks, tuple(dict.fromkeys((*exclude, *opted_out))), tuple(dict.fromkeys(opted_out))

    def digests(self) -> tuple[tuple[str, str], ...]:
        """The lists that were read."""
        return tuple((printable(str(path)), held.digest) for path, held in self.lists.items())

    def _require_none(self) -> None:
        """Raises ScopeError of all faults, if there are any."""
        found = sorted(self.faults.values(), key=lambda fault: fault.line or 0)
        if found:
            more = f" (and {len(found) - 1} more: filmbadge scope check {shlex.quote(self.where)})" if found[1:] else ""
            error = ScopeError(f"{found[0]}{more}", faults=tuple(map(str, found)))
            error.line = found[0].line
            raise error from None

    def _confirmed(self) -> tuple[str, ...]:
        def fault(value: Any) -> str:
            why = statement_fault(value)
            return why and f"'confirm' lists a sentence that {why}"

        return tuple(value.strip() for value in self._listed("", "confirm", (), fault))

    def _check_embedding(self, scope: Scope) -> None:
        """An IPv6 network that leads to IPv4 addresses alone is of no use without them."""
        for index, network in enumerate(scope.networks):
            four = _embedded_network(network)
            if four is not None and not any(_inside(four, n) for n in scope.networks):
                self._fault(f"all of {network} leads to IPv4: list {four} too", "", "networks", index)

    def _check_unusual(self, scope: Scope, now: datetime) -> None:
        """What is beyond reason must be confirmed in words. Loopback alone may do all this without a scope."""
        if all(any(_inside(network, home) for home in LOOPBACK.networks) for network in scope.networks):
            return
        for table, key, sentence in _unusual(scope, now):
            if sentence not in scope.confirmed:
                full = f"{table}.{key}" if table else key
                self._fault(
                    f"'{full}' is beyond what is usual; if it is meant, add to this file: confirm = [\"{sentence}\"]",
                    table, key,
                )  # fmt: skip

    def _table(self, name: str) -> dict[str, Any]:
        if not name:
            return self.raw
        held = self.raw.get(name, {})
        if not isinstance(held, dict):
            self._fault(f"'{name}' must be a table: [{name}]", "", name)
            return {}
        return held

    def _text(self, table: str, key: str) -> str:
        """Empty where it is at fault."""
        value = self._table(table).get(key)
        full = f"{table}.{key}" if table else key
        fault = "is missing" if value is None else statement_fault(value)
        if fault:
            self._fault(f"'{full}' {fault}", table, key)
            return ""
        return str(value).strip()

    def _choice(self, table: str, key: str, choices: Sequence[Any]) -> Any:
        """Empty where it is at fault."""
        value = self._text(table, key)
        if value and value not in choices:
            self._fault(f"'{key}' is {value!r}; it can be: {', '.join(choices)}", table, key)
            return ""
        return value

    def _list(self, table: str, key: str, default: Sequence[Any]) -> list[Any]:
        value = self._table(table).get(key, list(default))
        if not isinstance(value, list):
            self._fault(f"'{key}' must be a list", table, key)
            return []
        return value

    def _listed(self, table: str, key: str, default: Sequence[Any], fault: Callable[[Any], str]) -> list[Any]:
        """The elements of a list that have no fault."""
        good = []
        for index, value in enumerate(self._list(table, key, default)):
            if why := fault(value):
                self._fault(why, table, key, index)
            else:
                good.append(value)
        return good

    def _networks(self, key: str, *, required: bool) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
        """All networks of a key, and those of them that stand in files."""
        values = self._list("", key, ())
        found: list[Network] = []
        listed: list[Network] = []
        before = len(self.faults)
        for index, value in enumerate(values):
            if required and value == EXAMPLE:
                self._fault(f"{EXAMPLE} is the example network: write which may be asked", "", key, index)
                continue
            try:
                if not isinstance(value, str):
                    raise ValueError("it must be text")
                if value.startswith("@"):
                    there = self._list_of(self.folder / value[1:]).networks
                    found += there
                    listed += there
                else:
                    found.append(network_of_text(value))
            except ValueError as error:
                self._fault(f"{value!r} is not a network: {error}", "", key, index)
            except ListError as error:
                self._fault(str(error), "", key, index)
        if required and not found and len(self.faults) == before:
            self._fault(f"'{key}' must list at least one network", "", key)
        return tuple(dict.fromkeys(found)), tuple(listed)

    def _opted_out_beside(self) -> tuple[Network, ...]:
        there = self.folder / OPTED_OUT
        return self._list_of(there).networks if self.beside and there.exists() else ()

    def _list_of(self, path: Path) -> NetworkList:
        if path not in self.lists:
            self.lists[path] = netlists.read(path)
        return self.lists[path]

    def end(self, now: datetime) -> datetime | None:
        """The end of the permission; None where it is at fault."""
        value, end = self.raw.get("expires"), None
        if value is None:
            fault = "'expires' is missing; a permission has an end, such as expires = 2027-01-31"
        elif isinstance(value, datetime):
            fault = "'expires' is not a date that a calendar has"
            with suppress(OverflowError):
                end = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        elif isinstance(value, date):
            end = datetime.combine(value, time(23, 59, 59), UTC)
        else:
            fault = "'expires' must be a date without quotes, such as 2027-01-31"
        if end is not None and now < end:
            return end
        self._fault(fault if end is None else f"the scope expired on {end:%Y-%m-%d %H:%M} UTC", "", "expires")
        return None

    def _titles(self) -> tuple[str, ...]:
        return tuple(value.strip() for value in self._listed("ae_titles", "called", (), title_fault))

    def _names(self) -> tuple[str, ...]:
        def fault(value: Any) -> str:
            known = isinstance(value, str) and HOST_NAME.fullmatch(value) and address_of(value) is None
            return "" if known else f"{value!r} is not a host name, such as pacs.example.org"

        values = self._listed("", "names", (), fault)
        return tuple(dict.fromkeys(value.lower().rstrip(".") for value in values))

    def _ports(self, key: str, default: Sequence[int]) -> tuple[int, ...]:
        def fault(value: Any) -> str:
            known = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536
            return "" if known else f"{value!r} is not a port (1 to 65535)"

        return tuple(dict.fromkeys(self._listed("ports", key, default, fault)))

    def _switch(self, key: str) -> bool:
        """A switch of the table `ask`."""
        value = self._table("ask").get(key, False)
        if not isinstance(value, bool):
            self._fault(f"'ask.{key}' must be true or false", "ask", key)
        return value is True

    def _look_up(self) -> LookUp:
        given = "look_up" in self._table("ask")
        return (given and self._choice("ask", "look_up", get_args(LookUp))) or "coordinator"

    def _qido_record(self, basis: Basis | None) -> bool:
        value = self._switch("qido_record")
        if value and basis and basis not in PERSONAL:
            self._fault(
                f"'qido_record' puts personal data on the wire: it needs basis = \"owner\" or \"mandate\", not \"{basis}\"",
                "ask", "qido_record",
            )  # fmt: skip
        return value

    def _numbers(self, table: str, default: Any) -> Any:
        good, known = {}, {one.name for one in fields(default)}
        for key, value in self._table(table).items():
            if fault := _number_fault(table, key, value):
                self._fault(f"'{table}.{key}' {fault}", table, key)
            elif key in known:
                good[key] = value
        return type(default)(**good)

    def _fault(self, message: str, table: str, key: str, index: int | None = None) -> None:
        fault = ScopeError(message, where=self.where, line=self._line(table, key, index))
        self.faults.setdefault(str(fault), fault)

    def _line(self, table: str, key: str, index: int | None) -> int:
        """The line of a key, or of an element of its list if `index` is given.

        A missing key gives the line of its table.
        """
        within, line_of_table, line_of_key = "", 1, 0
        for number, text in enumerate(self.lines, 1):
            if header := re.match(r"\s*\[\[?\s*([\w.\-]+)\s*\]", text):
                if line_of_key:
                    break
                within = header.group(1)
                line_of_table = number if within == table else line_of_table
                if not table and within.split(".")[0] == key:
                    return number
            elif (within == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]", text)) or (
                table and not within and re.match(rf"\s*{re.escape(table)}\s*\.\s*{re.escape(key)}\s*=", text)
            ):
                line_of_key = number
            elif table and not within and line_of_table == 1 and re.match(rf"\s*{re.escape(table)}\s*[.=]", text):
                line_of_table = number
        if line_of_key and index is not None:
            return self._line_of_element(line_of_key, index)
        return line_of_key or line_of_table

    def _line_of_element(self, start: int, index: int) -> int:
        """The line of an element of the list that begins at `start`."""
        ends, more = self.ends.setdefault(start, ([], self._ends(start)))
        ends += islice(more, max(0, index + 1 - len(ends)))
        return ends[index] if index < len(ends) else start

    def _ends(self, start: int) -> Iterator[int]:
        """The line at which each element of a list is complete. The list is read line by line."""
        known = 0
        for end in range(start, len(self.lines) + 1):
            so_far = "\n".join(self.lines[start - 1 : end])
            for closing in ("\n]", ""):
                try:
                    held: Any = tomllib.loads(so_far + closing)
                except tomllib.TOMLDecodeError:
                    continue
                while isinstance(held, dict):
                    held = next(iter(held.values()))
                yield from repeat(end, len(held) - known)
                known = len(held)
                if not closing:
                    return
                break


_WHOLE = {"open_at_once", "received_bytes", "questions", "whole", "distinct_bytes", "each", "large"}


def _number_fault(table: str, key: str, value: object) -> str:
    """Why a value cannot stand as a limit. Empty if it can."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        return "must be a number above 0 and below 1e12"
    if key == "archive_share" and value > 1:
        return "is a share: at most 1"
    if key in _WHOLE and not isinstance(value, int):
        return "must be a whole number"
    if table == "retrievals" and value > MOST_RETRIEVALS:
        return f"must be at most {MOST_RETRIEVALS}"
    if key == "distinct_bytes" and value < LEAST_MEMORY:
        return f"must be at least {LEAST_MEMORY} bytes"
    return ""


LARGEST = {
    4: 1 << 24,
    6: 1 << 96,
}  # addresses of a scope, by IP version, that need no confirmation: an IPv4 /8, an IPv6 /32
LONGEST = timedelta(days=366)  # to the end of a permission
TIMES = 10  # as many times the usual limit need no confirmation; an archive's share has its own, for it ends at 1
LARGEST_SHARE = 0.5


def _unusual(scope: Scope, now: datetime) -> Iterator[tuple[str, str, str]]:
    """Table, key, and the sentence that confirms it, of all that is beyond reason in a scope."""
    for version, allowed in ((4, scope._v4), (6, scope._v6)):
        if allowed.size > LARGEST[version]:
            yield "", "networks", f"I may ask {allowed.size} IPv{version} addresses"
    if scope.expires is not None and scope.expires - now > LONGEST:
        yield "", "expires", f"I hold this permission until {scope.expires:%Y-%m-%d}"
    for table in ("pace", "caps", "census", "memory", "retrievals"):
        limits = getattr(scope, table)
        for one in fields(limits):
            value, most = getattr(limits, one.name), TIMES * getattr(type(limits)(), one.name)
            if value > (LARGEST_SHARE if one.name == "archive_share" else most):
                yield table, one.name, f"{table}.{one.name} is {value}, and I answer for it"


def permuted(intervals: Intervals, seed: int) -> Iterator[int]:
    """All numbers once, in an affine permutation: neighbours come far apart."""
    size = intervals.size
    if not size:
        return
    step = _coprime(size, seed)
    at = seed % size
    for _ in range(size):
        yield intervals[at]
        at = (at + step) % size


def sweep(intervals: Intervals, version: int, seed: int) -> Iterator[Address]:
    """All addresses once, permuted."""
    return map(IPv4Address if version == 4 else IPv6Address, permuted(intervals, seed))


def _coprime(size: int, seed: int) -> int:
    """A step through `size` places that visits each once. It is near the golden ratio, so neighbours come far apart."""
    step = int(size * 0.6180339887) + seed % 7 or 1
    while gcd(step, size) != 1:
        step += 1
    return step


def address_of(text: str) -> Address | None:
    """The address in a text. None if the text is a name, or an address with a zone id (fe80::1%eth0)."""
    if "%" in text:
        return None
    try:
        return plain(ip_address(text))
    except ValueError:
        return None


EXAMPLE = "192.0.2.0/24"  # the network of the template: nobody's (RFC 5737)
TEMPLATE = """\
# A Filmbadge scope: who may be asked, how deep, how fast, until when.
# Nothing outside it is contacted. Check it with: filmbadge scope check {path}

schema = "filmbadge.scope/1"

# Networks that may be contacted, and addresses inside them that may not. "@FILE" is a list of them, one a line. The list
# optout.txt beside this file is read by itself, if it is there.
networks = [
{networks}]
exclude = [
  # "192.0.2.10/32",   # the emergency room's own archive
]

# Names of hosts that a viewer's page may name and that are then looked up. Any other name that a page gives is not. A
# host that you name yourself as a target needs no entry. The addresses must be inside the networks in any case.
names = [
{names}]

# How far to climb:
#   knock    associate, or fetch the pages on which a web service says what it is, then leave; no personal data
#   ask      one small question for UIDs, cancelled at the first match; no personal data
#   count    the archive's own counters, else a census by UIDs and counts, in windows of dates; no personal data
#   profile  counts patients, looks at personal attributes and forgets them at once   (needs basis owner or mandate)
#   prove    starts one image retrieval, or a few, and drops each    (needs basis owner or mandate)
depth = "{depth}"

# The last day on which this permission holds (UTC).
expires = {expires}

# A value far beyond the usual is refused, with the sentence that confirms it. Such sentences go into this list.
confirm = []

[authority]
# Who allowed this, by name and office; the number of the contract, the ticket or the mandate.
who = {who}
reference = {reference}
# owner: the archives are yours. mandate: their owner gave you a mandate. research: neither.
basis = "{basis}"
# Where an operator reaches you.
contact = {contact}

[ae_titles]
# AE titles that the owner gave. Filmbadge guesses none.
called = {called}

[ports]                           # the TLS ones are asked over TLS first
dimse = {dimse_ports}
dimse_tls = {dimse_tls_ports}
web = {web_ports}
web_tls = {web_tls_ports}

[ask]
# A record of DICOMweb always carries name, id and birth date. Below depth profile none is asked for, unless you say so here.
qido_record = false               # true needs basis owner or mandate
# The name of an archive's address (PTR) is a hint of who runs it. Whoever serves the reverse zone sees that it is looked up.
reverse_names = false
# Where several processes share a survey: on whose machine names are looked up, "coordinator" or "workers". Its name servers
# see the names.
look_up = "coordinator"

[pace]                            # connections per second; one association per host at a time, always
overall = 50
per_network = 10                  # per IPv4 /24 or IPv6 /48
per_host = 2
open_at_once = 256
archive_share = 0.1               # of one archive's time, that our questions may take; less when it slows down

[caps]                            # bounds of one connection; a knock or a question keeps to 120 s and 512 KiB
connect_seconds = 5
connect_seconds_least = 0.5       # a connect waits so long at least; longer where the network is slow. 5: always 5 s
patience_seconds = 30             # how long a peer that took the connection may be silent while we find out what it is
idle_seconds = 60                 # an archive may build a long answer before its first byte
seconds = 600
received_bytes = 1073741824

[census]                          # bounds of the census of one archive, over DICOM or DICOMweb; what they leave out is
                                  # estimated, with an interval, if enough was seen. A look at personal attributes has them too
questions = 2000
minutes = 120
received_bytes = 4294967296
whole = 20000                     # studies up to which all are asked for at once, to see those without a date
whole_seconds = 20                # of the archive's time: more studies are asked for at once where that takes no longer

[memory]                          # of all archives together, for telling studies and patients apart
distinct_bytes = 536870912        # who finds no room waits for another census to end; one too large for half of it is estimated

[retrievals]                      # at depth prove, of an archive that hands out images and does not say which can be had: one
                                  # image each of so many studies drawn by lot, one after the other, 4 KiB each, dropped unread
each = 5
large = 30                        # of an archive with over 1 % of all images that the survey has seen so far
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """Who allows a scope, and on what basis. What is not filled in is refused in a scope file."""

    who: str = "TODO who allowed this, by name and office"
    reference: str = "TODO contract, ticket or mandate number"
    contact: str = "TODO address at which an operator reaches you"
    basis: Basis = "owner"


def usual_depth(basis: Basis) -> Depth:
    """Whoever owns the archives may look at what is in them; others ask as little as answers the question."""
    return Depth.PROFILE if basis == "owner" else Depth.ASK


def template(path: str, today: date) -> str:
    """A commented scope file. It cannot be used before its TODOs and its networks are filled in."""
    return written(path, today + timedelta(days=90), Statement(), (), Depth.ASK)


def written(
    path: str,
    expires: date,
    statement: Statement,
    networks: Sequence[Network],
    depth: Depth,
    *,
    names: Sequence[str] = (),
    ports: Sequence[int] = (),
    called: Sequence[str] = (),
) -> str:
    """A commented scope file that says this, and is not checked. Without `ports` it has the usual ones."""
    return TEMPLATE.format(
        path=path,
        expires=expires.isoformat(),
        networks=_lines(map(str, networks)) or f'  "{EXAMPLE}",      # an example network: replace it\n',
        names=_lines(names) or '  # "archive.example.org",\n',
        depth=depth,
        who=_quoted(statement.who),
        reference=_quoted(statement.reference),
        contact=_quoted(statement.contact),
        basis=statement.basis,
        called=f"[{', '.join(map(_quoted, called))}]",
        **{kind: list(of_kind) for kind, of_kind in _by_kind(ports).items()},
    )


def _by_kind(ports: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Ports by their kind, as a scope has them. One that is not among the usual ones may be of DICOM or of the web."""
    usual = {kind: getattr(LOOPBACK, kind) for kind in PORT_KINDS}
    if not ports:
        return usual
    other = [port for port in ports if port not in LOOPBACK.ports]
    plain_kinds = ("dimse_ports", "web_ports")
    return {
        kind: tuple(port for port in ports if port in usual[kind] or (kind in plain_kinds and port in other))
        for kind in PORT_KINDS
    }


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"  {_quoted(text)},\n" for text in texts)


def _quoted(text: str) -> str:
    """A text as TOML has it. JSON's escapes are among TOML's."""
    return json.dumps(text, ensure_ascii=False)
