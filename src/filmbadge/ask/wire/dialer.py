"""The one door. Nothing else in Filmbadge opens a connection or looks up a name.

For every connection the dialer asks the scope about the resolved address, waits for its turn under the pace, holds the
host alone, and bounds bytes and time. It writes a journal row for every connection, also for a failed one.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import os
import select
import socket
import ssl
import struct
import sys
import time
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, cast

import pycares
import pycares.errno

from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import Memory
from filmbadge.ask.wire.conversation import Conversation
from filmbadge.ask.wire.lease import Lease
from filmbadge.ask.wire.pacer import Pacer
from filmbadge.ask.wire.patience import Patience
from filmbadge.ask.wire.permission import OutOfScope, Permission, PortsByHost
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.ask.wire.tls import Handshake, Hello, Newest
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind, TlsFacts
from filmbadge.scope import Address, ConnectionLimits, Scope, address_of, host_of, network_of, plain
from filmbadge.texts import clean

__all__ = ["Dialer", "Journal", "Names", "OutOfScope", "UnknownName", "own"]

if sys.platform == "linux":
    import fcntl
    import termios

Journal = Callable[[JournalRow], None]
T = TypeVar("T")

TLS_LIBRARY = ssl.OPENSSL_VERSION
_STREAM = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)
_NO_LINGER = struct.pack("ii" if sys.platform != "win32" else "hh", 1, 0)  # struct linger: a close resets at once
_LINGER = struct.pack("ii" if sys.platform != "win32" else "hh", 0, 0)  # a close sends what is left
_QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)  # milliseconds after which nothing is sent again
_FAREWELL_SECONDS = 1.0
_LEAVE_SECONDS = 5.0
_LINGER_BYTES = 256 * 1024
_NEVER_SECONDS = 86_400.0
_LOOK_SECONDS = 0.05  # seconds between two checks for what is overdue
# Linux tells each change of a socket once (epoll(7), edge-triggered). Elsewhere the event loop carries plain connections too.
_EDGES = sys.platform == "linux"
_READABLE, _WRITABLE, _BROKEN = 0x1, 0x4, 0x8 | 0x10  # EPOLLIN, EPOLLOUT, EPOLLERR with EPOLLHUP: epoll_ctl(2)
_SHUT, _ONCE = 0x2000, 0x80000000  # EPOLLRDHUP, EPOLLET
_MOST_CHANGES = 256  # changes that are taken from the kernel at once
_MOST_READS = 4  # reads of one socket before the others have their turn
_SHARED_BUFFER = 256 * 1024
_OWN_BUFFER = 4096  # at least
_MAX_BUFFER = 1024 * 1024
_LONGEST_NAME = 253  # characters: RFC 1035 2.3.4
LOOK_UPS = 8  # names that are looked up at once
LOOK_UP_SECONDS = 10.0
_SERVER_SECONDS, _TRIES = 3.0, 2  # how long one name server may take for an answer, and how often it is asked
_UNSORTED = 0x80  # ARES_AI_NOSORT: sorting would open a socket to each address
_ABSENT = (pycares.errno.ARES_ENODATA, pycares.errno.ARES_ENOTFOUND, pycares.errno.ARES_EBADNAME)
_DISCARD = 9  # a port must be named to connect a datagram socket; nothing is sent to it
_MAX_SOURCES = 64  # addresses of our own machine that are told
_MAX_PACES = 10_000  # number of archives whose pace is remembered
_NEWEST = {
    Newest.ANY: ssl.TLSVersion.MAXIMUM_SUPPORTED,
    Newest.V1_2: ssl.TLSVersion.TLSv1_2,
    Newest.V1_0: ssl.TLSVersion.TLSv1,
}
# For servers older than RFC 5746: the first handshake, and one that the server begins anew. The numbers are OpenSSL's.
_LEGACY_SERVER_CONNECT, _UNSAFE_LEGACY_RENEGOTIATION = 0x4, 0x40000
# OpenSSL overwrites its own copy of what it decrypted as soon as we have it. Versions before 3.0 do not know this.
_CLEANSE_PLAINTEXT = 0x2
# Windows' loop reports a failed connect with system numbers that Python does not translate (winerror.h).
_OF_WINDOWS = {64: errno.ECONNRESET, 121: errno.ETIMEDOUT, 1231: errno.ENETUNREACH, 1232: errno.EHOSTUNREACH}


def own(address: Address) -> bool:
    """Whether this machine has the address itself, so that what is sent to it stays here. Nothing is sent to find out.

    A system sends to an address of its own from that address (RFC 6724 5, rule 1). Binding is tried first, because to connect
    even a datagram socket needs a route. It does not tell alone: `net.ipv4.ip_nonlocal_bind` lets anything be bound to.
    """
    if address.is_loopback:
        return True
    if address.is_unspecified or address.is_multicast:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound, socket.socket(family, socket.SOCK_DGRAM) as connected:
            bound.bind((str(address), 0))
            connected.connect((str(address), _DISCARD))
            return address_of(connected.getsockname()[0]) == plain(address)
    except OSError:
        return False


class UnknownName(Exception):
    """The name has no address, or none could be found out. `stop` says which."""

    def __init__(self, message: str, stop: Outcome) -> None:
        self.stop = stop
        super().__init__(message)


class Resolved(NamedTuple):
    """The addresses of one name, IPv4 first."""

    permitted: tuple[Address, ...]
    outside: tuple[Address, ...] = ()  # the scope does not permit them


class Names(Protocol):
    """Looks up names, here or by somebody else."""

    async def addresses(self, name: str) -> tuple[Address, ...]:
        """At least one, IPv4 first. Raises UnknownName; and OutOfScope where nothing may be asked now."""

    async def name(self, address: Address) -> str:
        """The name of an address; empty if none could be found out. Raises OutOfScope where nothing may be asked now."""


class Dialer:
    """Opens connections under one scope. Raises OutOfScope; every other outcome is a journal row.

    A connection that is cut off because the lease ended has its row too, and then OutOfScope is raised: whoever asked over
    it knows nothing by it.
    """

    def __init__(
        self,
        scope: Scope,
        journal: Journal,
        named: PortsByHost = MappingProxyType({}),
        *,
        resumed: bool = False,
        lease: Lease | None = None,
        key: RunKey | None = None,
        names: Names | None = None,
    ) -> None:
        """`named` are the ports that the user named, by host as the user wrote it: an address as text, or a name.

        `resumed`: another process asked under this scope until now. For a process that shares a survey with others: `lease` is
        what it may ask, `key` is that of the run, and `names` looks up names elsewhere.
        """
        self.scope = scope
        self._permission = Permission(scope, named, lease)
        self.key = key or RunKey()  # of everything that is asked through this door, so that archives can be compared
        self.memory = Memory(scope.memory.distinct_bytes)
        self._journal = journal
        self.pacer = Pacer(scope.pace, self._permission, resumed=resumed)
        self.patience = Patience(scope.caps)
        self.silence: Callable[[], None] = lambda: None  # is called in the task of a host that kept silent
        self._clock = _Clock(self._permission)
        self._poll = _Poll(self._permission) if _EDGES else None
        self.names = names or _Names(self._clock, journal)
        if lease is not None:
            lease.lapsed = self._clock.expire
        self._paces: OrderedDict[int, Throttle] = OrderedDict()  # by host, as a number
        self._hellos: dict[tuple[str, int, str], Hello] = {}  # what a port took that refused our first offer of TLS
        # Hosts with a connection; the event is set when the connection ends.
        self._busy: dict[int, asyncio.Event | None] = {}

    @property
    def expired(self) -> bool:
        """Whether nothing may be asked now: the scope has expired, or the lease is over."""
        return self._permission.expired

    @property
    def seconds_left(self) -> float:
        """Seconds until the scope expires, or the lease is over; infinite if there is no end."""
        return self._permission.seconds_left

    @property
    def scope_expired(self) -> bool:
        """Whether the scope has expired, by a clock that nobody sets back."""
        return self._permission.scope_expired

    @property
    def sources(self) -> tuple[str, ...]:
        """Our own addresses, from which connections were made or refused: what the peers saw, where no translation stands between."""
        return tuple(sorted(self._clock.sources))

    def permits(self, address: Address, port: int) -> bool:
        """Whether the scope lets this port be contacted now, by whichever process has the lease of its network."""
        return self._permission.permits(address, port)

    def leased(self, address: Address) -> bool:
        """Whether it is this process that may contact an address."""
        return self._permission.leased(address)

    async def resolve(self, name: str | Address) -> Address:
        """The address to contact for a name or address that the user gave: the first that the scope permits, IPv4 first.

        Raises OutOfScope, UnknownName. Without a scope file only loopback is allowed. Its only name is localhost, so no
        look-up leaves the machine.
        """
        return (await self.resolve_all(name)).permitted[0]

    async def resolve_all(self, name: str | Address) -> Resolved:
        """The same for every address of a name: those that the scope permits, of which there is at least one, and the others."""
        literal = address_of(name) if isinstance(name, str) else plain(name)
        if literal is not None:
            self._permission.require(name, literal)
            return Resolved((literal,))
        assert isinstance(name, str)
        self._permission.require_time(name)
        host = name.lower().rstrip(".")
        if self.scope.name == "loopback" and host != "localhost":
            raise OutOfScope(name, *self._permission.foreign())
        addresses = await self.names.addresses(host)
        permitted = tuple(filter(self.scope.permits, addresses))
        self._permission.require(name, next(iter(permitted), addresses[0]))
        for address in permitted:
            self._permission.resolved(host, address)
        return Resolved(permitted, tuple(address for address in addresses if address not in permitted))

    async def follow(self, name: str, host: str = "") -> Address:
        """The address to contact for a name that a peer gave. `host` is the user's own name for that peer.

        Raises OutOfScope, UnknownName. A name is looked up only if it is `host`, or if the scope lists it: with any other
        name, a peer could have us tell a name server of our visit.
        """
        own = name.lower().rstrip(".")
        known = own and own in (host.lower().rstrip("."), *self.scope.names)
        if not known and address_of(name) is None:
            raise OutOfScope("a name that a peer gave", Cause.NAME_NOT_IN_SCOPE, "the scope does not list it")
        return await self.resolve(name)

    async def reverse_name(self, address: Address) -> str:
        """The name that the DNS has for an address (PTR, RFC 1035 3.5), in at most 253 characters. Empty if there is none.

        It is looked up only if the scope says `reverse_names`, and permits the address. Raises OutOfScope.
        """
        if not self.scope.reverse_names:
            return ""
        self._permission.require(address, address)
        return await self.names.name(address)

    def throttle(self, address: Address) -> Throttle:
        """The pace of this host. If a rest remains when a connection ends, the next connection waits for it."""
        host = int(host_of(address))
        pace = self._paces.get(host)
        if pace is None:
            if len(self._paces) == _MAX_PACES:
                self._paces.popitem(last=False)
            pace = self._paces[host] = Throttle(self.scope.pace.archive_share)
        return pace

    async def dial(
        self,
        address: Address,
        port: int,
        conversation: Conversation,
        *,
        question: str,
        caps: ConnectionLimits | None = None,
        tls: bool = False,
        name: str = "",
        connect_seconds: float | None = None,
    ) -> JournalRow:
        """Carry one conversation over one connection, from the connect to the close. Returns its journal row.

        With `tls` the conversation goes through TLS. `name` is the host's name, if the user gave one, and is sent as SNI.
        `connect_seconds` is how long the connect may wait, if that is less than `caps` allow.
        A handshake that fails is made again a few times, with a `Hello` that offers less; each try has its own row.
        """
        address = plain(address)
        host = str(address)
        self._permission.require(host, address, port)
        caps = caps or self.scope.caps
        # One host has one connection and one pace, whatever form its address has.
        behind = int(host_of(address))
        while behind in self._busy:
            self._busy[behind] = over = self._busy[behind] or asyncio.Event()
            await over.wait()
        self._busy[behind] = None
        try:
            if not tls:
                line = _Line(conversation, caps, self._clock, poll=self._poll)
                return await self._in_turn(line, address, host, port, question, connect_seconds)
            hello: Hello | None = self._hellos.get((host, port, name), Hello(name))
            while hello is not None:  # it ends: each hello offers less than the one before
                line = _Line(conversation, caps, self._clock, _Tls(address, name, hello, self._permission))
                row = await self._in_turn(line, address, host, port, question, connect_seconds)
                if line.again is not None and len(self._hellos) < _MAX_PACES:
                    self._hellos[host, port, name] = line.again
                hello, connect_seconds = line.again, None  # the port is known to answer
            return row
        finally:
            if (pace := self._paces.get(behind)) is not None and (rest := pace.rest()):
                self.pacer.rest(address, rest)
            if (awaited := self._busy.pop(behind)) is not None:
                awaited.set()

    async def _in_turn(
        self, line: _Line, address: Address, host: str, port: int, question: str, connect_seconds: float | None
    ) -> JournalRow:
        at = await self.pacer.turn(address)
        self._permission.require(host, address, port)  # scope or lease may have ended during the wait
        line.watch_connect(connect_seconds, partial(self.patience.answered, network_of(address), port))
        started = time.perf_counter()
        try:
            await line.carry(address, host, port)
        except asyncio.CancelledError:
            await line.interrupt()
            raise
        finally:
            stop = line.stop or Outcome(OutcomeKind.OWN_ERROR, Cause.NO_ENDING)
            row = JournalRow(
                at=at,
                address=host,
                port=port,
                question=question,
                sent=line.sent,
                received=line.received,
                seconds=round(time.perf_counter() - started, 6),
                stop=stop,
                tls=line.tls,
            )
            self._journal(row)
        if line.expiry is not None and line.expiry.cause is Cause.LEASE_ENDED:
            raise OutOfScope.over(host, line.expiry)
        return row


class _Clock:
    """One timer for all lines and look-ups of a dialer, and the buffer into which the lines read.

    It checks each line many times a second; a timer for each would cost more. It ends all of them when the scope expires, and
    when the lease is over.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self.room = memoryview(bytearray(_SHARED_BUFFER))
        self.sources: set[str] = set()  # our own addresses, of connections that were made or refused
        self._lines: set[_Line | _Question[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = 0.0  # the time of the loop at which the timer is due

    def add(self, line: _Line | _Question[Any]) -> None:
        self._lines.add(line)
        if self._timer is None:
            self._look_again()

    def remove(self, line: _Line | _Question[Any]) -> None:
        self._lines.discard(line)
        if not self._lines and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_again(self) -> None:
        """Make the timer: at the instant at which scope or lease ends, if that is nearer."""
        loop = asyncio.get_running_loop()
        self._next = loop.time() + min(_LOOK_SECONDS, self.permission.seconds_left or _LOOK_SECONDS)
        self._timer = loop.call_at(self._next, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        late = now - self._next
        self._look_again()
        if self.permission.expired:
            self.expire()
        if late > _LOOK_SECONDS:  # the loop stood still, and what came meanwhile lies unread: no peer is at fault
            for line in self._lines:
                line.later(late)
        for line in [line for line in self._lines if line.due <= now]:
            line.overdue(now)

    def expire(self) -> None:
        """The permission has ended, for all that is under way. A lease that is renewed is another one."""
        for line in list(self._lines):
            line.expire()


class _Names:
    """Looks up names, a few at once, and remembers what was found. Each look-up has a journal row."""

    def __init__(self, clock: _Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
        self._known: dict[str, tuple[Address, ...]] = {}
        self._called: dict[Address, str] = {}
        self._turns = asyncio.Semaphore(LOOK_UPS)

    async def addresses(self, name: str) -> tuple[Address, ...]:
        """At least one, IPv4 first. Raises UnknownName, and OutOfScope if the scope expires."""
        if name not in self._known:
            async with self._turns:
                if name not in self._known:
                    self._known[name] = await self._look_up(name)
        return self._known[name]

    async def _look_up(self, name: str) -> tuple[Address, ...]:
        self._clock.permission.require_time(name)
        try:
            look_up = _LookUp(name, self._clock.permission)
        except (pycares.AresError, ValueError):  # no room for a channel, or no name: nothing was asked
            failed = Outcome(OutcomeKind.NO_ADDRESS, Cause.LOOK_UP_FAILED)
            raise UnknownName(f"{name}: this name cannot be looked up", failed) from None
        found, stop = await self._asked(look_up, name)
        if not found:
            what = (
                "no address is known for this name" if stop.cause is None else "no name server answered for this name"
            )
            raise UnknownName(f"{name}: {what}", stop)
        return found

    async def name(self, address: Address) -> str:
        """The name of an address; empty if none could be found out. Raises OutOfScope if the scope expires."""
        pointer = address.reverse_pointer
        if address not in self._called:
            async with self._turns:
                self._clock.permission.require_time(pointer)
                try:
                    look_up = _ReverseLookUp(pointer, self._clock.permission)
                except (pycares.AresError, ValueError):  # no room for a channel: nothing was asked
                    return ""
                found, _ = await self._asked(look_up, pointer, str(address))
                self._called[address] = found[0] if found else ""
        return self._called[address]

    async def _asked(self, question: _Question[T], name: str, address: str = "") -> tuple[tuple[T, ...], Outcome]:
        """Waits for its end, and writes its journal row. Raises OutOfScope if the scope expires."""
        at, started = datetime.now(UTC), time.perf_counter()
        self._clock.add(question)
        found: tuple[T, ...] = ()
        try:
            found, stop = await question.ended
        except asyncio.CancelledError:
            stop = Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_AT_ONCE)
            raise
        finally:
            self._clock.remove(question)
            question.close()
            seconds = round(time.perf_counter() - started, 6)
            first = address or (str(found[0]) if found else "")
            self._journal(JournalRow(at, first, None, f"look-up {name}", None, None, seconds, stop))
        if stop.ending is OutcomeKind.OUT_OF_SCOPE:
            raise OutOfScope.over(name, stop)
        return found, stop


class _Question(Generic[T]):
    """One look-up, as the system's files and name servers have it. `ended` gets what was found, and how it ended.

    c-ares asks in a thread of its own, and stops at once where we tell it to; the system's resolver would go on asking. It
    adds no search domain, and none of the user's aliases.
    """

    def __init__(self, permission: Permission) -> None:
        self._permission = permission
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[tuple[tuple[T, ...], Outcome]] = self._loop.create_future()
        self.due = self._loop.time() + LOOK_UP_SECONDS
        self._channel = pycares.Channel(
            flags=pycares.ARES_FLAG_NOSEARCH | pycares.ARES_FLAG_NOALIASES | pycares.ARES_FLAG_EDNS,
            timeout=_SERVER_SECONDS,
            tries=_TRIES,
        )

    def expire(self) -> None:
        self._end((), self._permission.end)

    def later(self, seconds: float) -> None:
        self.due += seconds

    def overdue(self, _now: float) -> None:
        self._end((), Outcome(OutcomeKind.NO_ADDRESS, Cause.LOOK_UP_LIMIT, _milliseconds(LOOK_UP_SECONDS)))

    def close(self) -> None:
        """Ask nothing more."""
        self._channel.cancel()
        self._channel.close()

    def _told_in_its_thread(self, result: Any, error: int | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop was closed
            self._loop.call_soon_threadsafe(self._told, result, error)

    def _told(self, result: Any, error: int | None) -> None:
        found = () if result is None else self._read(result)
        absent = error is None or error in _ABSENT
        stop = Outcome(OutcomeKind.NO_ADDRESS, None if absent else Cause.LOOK_UP_FAILED)
        self._end(found, Outcome(OutcomeKind.COMPLETED) if found else stop)

    def _read(self, result: Any) -> tuple[T, ...]:
        raise NotImplementedError

    def _end(self, found: tuple[T, ...], stop: Outcome) -> None:
        self.due = math.inf
        if not self.ended.done():
            self.ended.set_result((found, stop))


class _LookUp(_Question[Address]):
    """The addresses of a name, IPv4 first."""

    def __init__(self, name: str, permission: Permission) -> None:
        super().__init__(permission)
        self._channel.getaddrinfo(
            name, None, type=socket.SOCK_STREAM, flags=_UNSORTED, callback=self._told_in_its_thread
        )

    def _read(self, result: pycares.AddrInfoResult) -> tuple[Address, ...]:
        texts = [node.addr[0] for node in result.nodes]
        known = [a for text in texts if (a := address_of(text if isinstance(text, str) else text.decode())) is not None]
        return tuple(sorted(dict.fromkeys(map(plain, known)), key=lambda a: a.version))


class _ReverseLookUp(_Question[str]):
    """The names of an address, in the order of letters: servers turn their order around."""

    def __init__(self, pointer: str, permission: Permission) -> None:
        super().__init__(permission)
        self._channel.query(pointer, pycares.QUERY_TYPE_PTR, callback=self._told_in_its_thread)

    def _read(self, result: pycares.DNSResult) -> tuple[str, ...]:
        names = [record.data.dname for record in result.answer if isinstance(record.data, pycares.PTRRecordData)]
        return tuple(sorted({clean(name.lower().rstrip("."), _LONGEST_NAME) for name in names} - {""}))


class _Line(asyncio.BufferedProtocol):
    """One connection: it counts, bounds and reports. The conversation decides the contents."""

    __slots__ = (
        "_allowed",
        "_caps",
        "_clock",
        "_connect_seconds",
        "_connecting",
        "_conversation",
        "_done",
        "_filled",
        "_idle",
        "_last",
        "_loop",
        "_permission",
        "_poll",
        "_resting",
        "_room",
        "_secure",
        "_tell",
        "_transport",
        "_used",
        "_wire",
        "again",
        "due",
        "expiry",
        "received",
        "sent",
        "stop",
    )

    def __init__(
        self,
        conversation: Conversation,
        caps: ConnectionLimits,
        clock: _Clock,
        secure: _Tls | None = None,
        poll: _Poll | None = None,
    ) -> None:
        self._conversation = conversation
        self._caps = caps
        self._clock = clock
        self._permission = clock.permission
        self._secure = secure
        self._poll = poll
        self._loop = asyncio.get_running_loop()
        self._wire: _Wire | None = None  # our own transport, from the connect on
        self._transport: asyncio.Transport | _Wire | None = None  # None: not connected
        self._connecting: asyncio.Timeout | None = None  # the loop connects
        self._connect_seconds = caps.connect_seconds
        self._tell: Callable[[float, bool], None] | None = None
        self._done: asyncio.Future[None] = self._loop.create_future()
        self._idle = caps.idle_seconds
        self.due = math.inf
        self._last = math.inf  # the time at which the connection has lived long enough
        self._room = clock.room  # it has a room of its own while it holds something
        self._filled = 0  # bytes at the start of the room that the conversation has not taken
        self._used = 0  # bytes of the room in which there was something
        self.stop: Outcome | None = None
        self.sent = 0
        self.received = 0
        self._allowed = 0  # all bytes that may come while the line lingers
        self._resting: asyncio.TimerHandle | None = None
        self.expiry: Outcome | None = None  # how the permission ended: a renewed lease revives nothing
        self.again: Hello | None = None  # the handshake failed, and is to be made again: the conversation has not begun

    def watch_connect(self, seconds: float | None, answered: Callable[[float, bool], None]) -> None:
        """Wait so long for the connect, or as the caps say; and tell after how long it was answered, and if accepted."""
        if seconds is not None:
            self._connect_seconds = min(seconds, self._caps.connect_seconds)
        self._tell = answered

    def _connect_answered(self, *, accepted: bool) -> None:
        """The due time still is the connect's. What our own loop was late was added to it, and does not count."""
        if self._tell is not None and self.due < math.inf:
            self._tell(self._loop.time() - self.due + self._connect_seconds, accepted)
            self._tell = None

    async def carry(self, address: Address, host: str, port: int) -> None:
        self.due = self._loop.time() + self._connect_seconds
        self._clock.add(self)
        if self._poll is None:
            await self._carry_by_loop(address, host, port)
        else:
            self._poll.connect(self, address, host, port)
        await self._done
        # Line and conversation refer to each other; without this, only the garbage collector would free them.
        del self._conversation, self._room

    def connect(self, poll: _Poll, address: Address, host: str, port: int) -> None:
        """Connect over our own transport, if the line was not given up before its turn came."""
        if self.expired:
            self.expire()
        if self.stop is not None:
            return
        try:
            self._wire = _connect(self, poll, address, host, port)
        except OSError as error:
            self.connect_failed(error, address)
        except Exception as error:  # it ends this connection, not those that have their turn after it
            self._end(_fault(error))

    async def _carry_by_loop(self, address: Address, host: str, port: int) -> None:
        """Connect over the event loop's own transport."""
        self._connecting = asyncio.timeout(None)
        try:
            async with self._connecting:
                if self._secure is not None:
                    await self._secure.connect(self, address, port)
                else:
                    await self._loop.create_connection(lambda: self, host, port)
        except TimeoutError:
            self._end(self._too_late())
        except asyncio.CancelledError:
            self._transport = None  # the loop closed it, even if the conversation has begun: nobody can say farewell
            raise
        except OSError as error:
            in_handshake = self._secure is not None and self._secure.connected
            if in_handshake:
                self._end(self._tls_failure(error))
            else:
                self.connect_failed(error, address)

    def connect_failed(self, error: OSError, address: Address) -> None:
        """No transport connected."""
        stop = _connect_failure(error, address)
        if stop.ending is OutcomeKind.REFUSED:
            self._connect_answered(accepted=False)
            if self._wire is not None:  # a refusal proves something too, and from where
                self._note_source(self._wire)
        self._end(stop)

    def _too_late(self) -> Outcome:
        """The stop where the connect, or the handshake, took too long."""
        if self.expired:
            return cast("Outcome", self.expiry)
        if self._secure is not None and self._secure.connected:
            return Outcome(OutcomeKind.IDLE, Cause.HANDSHAKE_LIMIT, _milliseconds(self._idle))
        return Outcome(OutcomeKind.NO_ANSWER, Cause.CONNECT_LIMIT, _milliseconds(self._connect_seconds))

    def _stop_connecting(self) -> None:
        if self._connecting is None:
            self._end(self._too_late())
        else:
            self._connecting.reschedule(self._loop.time())
            self.due = math.inf

    @property
    def expired(self) -> bool:
        """Whether nothing may be sent any more: the permission has ended, now or before."""
        if self.expiry is None and self._permission.expired:
            self.expiry = self._permission.end
        return self.expiry is not None

    def shaking_hands(self) -> None:
        """TCP is connected, and TLS begins. The handshake may take as long as an answer may.

        Raises TimeoutError where nothing may be sent any more.
        """
        if self.expired:
            raise TimeoutError
        self._connect_answered(accepted=True)
        self.due = self._loop.time() + self._idle

    def expire(self) -> None:
        """The permission has ended. Nothing more is sent than a farewell in plain, or the close of TLS."""
        if self.stop is not None:
            return
        self.expiry = stop = self.expiry or self._permission.end
        if self._transport is None:
            if self.due < math.inf:  # else it is being given up already
                self._reset_on_close()
                self._stop_connecting()
        elif self._holds_bytes() or not self._permission.farewell:
            self._end(stop, linger=True)
            self._abort()
        elif self._secure is not None:
            self._end(stop)
        else:
            self._give_up(stop)

    def later(self, seconds: float) -> None:
        """Allow the peer so much more time: we ourselves did nothing for so long."""
        self.due += seconds
        self._last += seconds

    def overdue(self, now: float) -> None:
        """End a phase whose time is over: the connect, the wait for the peer, the whole connection, or the farewell."""
        if self._transport is None:
            if self.stop is None:
                self._stop_connecting()
        elif self.stop is not None:
            self._abort()
        elif now >= self._last:
            self._give_up(Outcome(OutcomeKind.TIME_CAP, Cause.TIME_LIMIT, _milliseconds(self._caps.seconds)))
        elif self._resting is not None:
            self._hear()
        else:
            self._give_up(Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, _milliseconds(self._idle)))

    @property
    def tls(self) -> TlsFacts | None:
        return None if self._secure is None else self._secure.peer.facts(heard=self.received > 0)

    async def interrupt(self) -> None:
        """Stop: end the conversation in order. A second call, or a long wait, ends the conversation immediately."""
        if self._done.cancelled():  # it was cancelled together with the task that waited for it
            self._done = self._loop.create_future()
        try:
            may = self.stop is None and self._transport is not None and not self.expired
            leaves = may and self._conversation.leave()
            if leaves and await self._over(_LEAVE_SECONDS):
                self.stop = Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_IN_ORDER)
        finally:
            self.close(Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_AT_ONCE))
            await self._over(2 * _FAREWELL_SECONDS)  # after one of these the clock aborts

    async def _over(self, seconds: float) -> bool:
        """Whether the connection closes within this many seconds."""
        await asyncio.wait([self._done], timeout=seconds)
        return self._done.done()

    # These methods implement asyncio.BufferedProtocol.

    def connection_made(self, transport: asyncio.BaseTransport | _Wire) -> None:
        transport = cast("asyncio.Transport | _Wire", transport)  # uvloop's transport does not inherit from asyncio's
        self._transport = transport
        if self.stop is not None:  # we gave up during the connect
            transport.abort()
            return
        if self.expired:
            self._end(cast("Outcome", self.expiry))
            return
        if self._secure is not None and not isinstance(transport, _Wire):
            self._secure.established(transport.get_extra_info("ssl_object"))
        self._connect_answered(accepted=True)
        self._note_source(transport)
        self._last = self._loop.time() + self._caps.seconds
        self._hear()
        try:
            self._conversation.opened(self)
        except Exception as error:
            self._give_up(_fault(error))

    def _note_source(self, transport: asyncio.Transport | _Wire) -> None:
        """Our own end's address. It costs a microsecond or two, and says from where an archive was asked."""
        own = transport.get_extra_info("sockname")
        if own and len(self._clock.sources) < _MAX_SOURCES:
            self._clock.sources.add(own[0].partition("%")[0])  # without the zone of a link-local address

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        return self._room[self._filled :] if self._filled else self._room

    def buffer_updated(self, nbytes: int) -> None:
        self.received += nbytes
        filled = self._filled + nbytes
        self._used = max(self._used, filled)
        if self.expired:
            self.expire()
        if self.stop is not None:  # the line lingers: it drops a bounded number of further bytes
            if self.received > self._allowed and self._transport is not None:
                self._transport.abort()
            return
        self._filled = filled
        self._hear()
        if self.received > self._caps.received_bytes:
            self._give_up(Outcome(OutcomeKind.BYTE_CAP, Cause.BYTE_LIMIT, {"bytes": self._caps.received_bytes}))
            return
        sent = self.sent
        try:
            self._hand_over()
        except Exception as error:
            self._give_up(_fault(error))
        if self.sent == sent and self.stop is None:  # otherwise the data that we sent carries the ACK
            self._acknowledge_at_once()

    def _hand_over(self) -> None:
        """Give the conversation the bytes that it has not taken."""
        filled, room = self._filled, self._room
        with room[:filled] as held:
            taken = self._conversation.received(held)
        if self.stop is None:
            self._filled = filled - taken
            if self._filled or room is not self._clock.room:
                self._keep(taken, filled)

    def _keep(self, taken: int, filled: int) -> None:
        """Keep what the conversation left in a room of this line, which grows. Without any, the line uses that of all."""
        left, room, shared = self._filled, self._room, self._clock.room
        if left == _MAX_BUFFER:
            raise WireError(Cause.UNIT_TOO_LONG, _MAX_BUFFER)
        if not left:
            self._room = shared
        elif room is shared or filled == len(room) < _MAX_BUFFER:
            self._room = memoryview(bytearray(min(max(2 * filled, _OWN_BUFFER), _MAX_BUFFER)))
        if left:
            self._room[:left] = room[taken:filled]
        if room is not self._room:
            _wipe(room[: self._used])
            self._used = left

    def _hear(self) -> None:
        """Restart the time in which the peer must say something."""
        due = self._loop.time() + self._idle
        self.due = due if due < self._last else self._last

    def eof_received(self) -> None:
        self._end(self._lost(OutcomeKind.CLOSED))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.stop is None and isinstance(exc, ssl.SSLError):
            self._end(self._tls_failure(exc))
        if self.stop is None:
            self._end(self._lost(OutcomeKind.RESET if isinstance(exc, ConnectionError) else OutcomeKind.CLOSED))
        self._ended()

    # These methods implement Connection for the conversation.

    def send(self, data: bytes) -> None:
        if self.expired:
            self._loop.call_soon(self.expire)  # the conversation is not ended while it speaks
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if self.stop is None and self._transport is not None:
            self.sent += len(data)
            self._transport.write(data)

    def wait(self, seconds: float) -> None:
        self._idle = min(seconds, self._caps.idle_seconds)
        self._hear()

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        def over() -> None:
            self._resting = None
            self._hear()
            try:
                then()
            except Exception as error:
                self._give_up(_fault(error))

        if self.stop is None:
            self._last += seconds
            self._hear()
            self._resting = self._loop.call_later(seconds, over)

    def close(self, stop: Outcome) -> None:
        if stop.ending in (OutcomeKind.INTERRUPTED, OutcomeKind.OWN_ERROR):
            self._give_up(stop)
        else:
            self._end(stop)

    def _lost(self, ending: OutcomeKind) -> Outcome:
        """The stop if the peer closed or reset.

        After a request for a client certificate, the close may be a refusal.
        """
        asked = self._secure is not None and self._secure.peer.asked and not self.received
        return Outcome(ending, Cause.CERTIFICATE_ASKED if asked else None)

    def _tls_failure(self, error: OSError) -> Outcome:
        """The stop if the handshake failed, or an alert came after it. OpenSSL names the failure, never the peer."""
        assert self._secure is not None
        if not isinstance(error, ssl.SSLError):
            # If the peer closes during the handshake, the event loops report `reset` without a number.
            return self._lost(OutcomeKind.RESET if error.errno else OutcomeKind.CLOSED)
        peer = self._secure.peer
        if peer.alert is not None:
            return Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": peer.alert})
        if not peer.spoke:
            return Outcome(OutcomeKind.OTHER_PROTOCOL, Cause.NOT_TLS)
        return Outcome(OutcomeKind.TLS_FAILED, Cause.HANDSHAKE_FAILED, error=error.reason or "")

    def _give_up(self, stop: Outcome) -> None:
        """End the conversation from our side.

        The peer gets time to read our last words before the close resets the connection.
        """
        if self.stop is None:
            last = b""
            with contextlib.suppress(Exception):
                last = self._conversation.farewell()
                self._write(last)
            self._end(stop, linger=bool(last))

    def _end(self, stop: Outcome, *, linger: bool = False) -> None:
        if self.stop is not None:
            return
        self.stop = stop
        if self._resting is not None:
            self._resting.cancel()
        self._filled = 0  # nobody takes the rest, and a full buffer would have no room for further bytes
        if self._transport is None and self._secure is not None and self._secure.connected:
            self.again = self._secure.after(stop)
        if self.again is not None:
            self._ended()
            return
        try:
            self.stop = self._conversation.ended(stop)
        except Exception as error:
            self.stop = Outcome(OutcomeKind.OWN_ERROR, error=type(error).__name__)
        if self._transport is None:
            if self._wire is not None:
                self._wire.abort()
            self._ended()
            return
        self.due = self._loop.time() + _FAREWELL_SECONDS
        if linger:
            self._allowed = self.received + _LINGER_BYTES
        else:
            self._send_on_close()
            self._transport.close()

    def _ended(self) -> None:
        self._clock.remove(self)
        if not self._done.done():
            _wipe(self._room[: self._used])
            self._done.set_result(None)

    def _acknowledge_at_once(self) -> None:
        """Acknowledge now. DCMTK-based servers wait for our ACK between PDUs (Nagle), and we would delay it 40 ms."""
        if _QUICKACK is None or self._transport is None:
            return
        with contextlib.suppress(OSError), self._socket() as mine:
            mine.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

    def _abort(self) -> None:
        """Close at once. The system may hold bytes that it would send again, for minutes: they go with the connection."""
        assert self._transport is not None
        if self._permission.lease is not None or self._holds_bytes():
            self._reset_on_close()
        self._transport.abort()

    def _reset_on_close(self) -> None:
        """Let the close reset the connection: the system then drops what it holds."""
        with contextlib.suppress(OSError), self._socket() as mine:
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)

    def _send_on_close(self) -> None:
        """Let the close send what is left, and our end of the connection; under a lease no later than that holds."""
        if self._permission.lease is not None and not self.expired:
            with contextlib.suppress(OSError), self._socket() as mine:
                _send_again_until(mine, self._permission)
                mine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)

    def _holds_bytes(self) -> bool:
        """Whether bytes wait to be sent, or to be acknowledged. Only Linux tells the second."""
        assert self._transport is not None
        if self._transport.get_write_buffer_size():
            return True
        if sys.platform == "linux":
            with contextlib.suppress(OSError), self._socket() as mine:
                return any(fcntl.ioctl(mine.fileno(), termios.TIOCOUTQ, bytes(4)))
        return False

    @contextlib.contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        """The connection's socket, if it is not our own transport's. Raises OSError where there is none.

        uvloop makes a new socket object for every call. We detach ours, because closing it would close the connection.
        """
        if self._wire is not None:
            if self._wire.socket.fileno() < 0:  # the line is about to be told
                raise OSError(errno.ENOTCONN, "closed")
            yield self._wire.socket
            return
        secure = self._secure
        held = None if secure is None else secure.held
        if self._transport is not None and not isinstance(self._transport, _Wire):
            held = self._transport.get_extra_info("socket")
        if held is None or held.fileno() < 0:
            raise OSError(errno.ENOTCONN, "no socket")
        mine = socket.socket(held.family, held.type, held.proto, held.fileno())
        try:
            yield mine
        finally:
            mine.detach()


def _bound(held: socket.socket, permission: Permission) -> None:
    """Under a lease, the system sends nothing after its end either: not where this process stands still, or is killed.

    What it holds goes with the socket, unless we close that in order.
    """
    if permission.lease is not None:
        _send_again_until(held, permission)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)


def _send_again_until(held: socket.socket, permission: Permission) -> None:
    """The system gives up what it sends again and again where the permission ends as it stands now."""
    if _USER_TIMEOUT is not None and (seconds := permission.seconds_left) < math.inf:
        held.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, max(1, int(seconds * 1000)))


def _connect(line: _Line, poll: _Poll, address: Address, host: str, port: int) -> _Wire:
    """Begin to connect. The line is told how it went. Raises OSError if it failed at once."""
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    held = socket.socket(family, _STREAM)
    try:
        held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _bound(held, poll.permission)
        number = held.connect_ex((host, port))
        if number not in (0, errno.EINPROGRESS):
            raise OSError(number, os.strerror(number))
        return _Wire(line, poll, held, address)
    except BaseException:
        held.close()
        raise


class _Poll:
    """Watches all sockets of plain connections with one epoll object, which the event loop watches.

    A socket is added once, and goes when it is closed. So each change of it costs no system call but its read.
    """

    def __init__(self, permission: Permission) -> None:
        self.permission = permission
        self._epoll: Any = None  # a `select.epoll`, which types know on Linux only; it is open while there are sockets
        self._wires: dict[int, _Wire] = {}  # by file descriptor
        self._unread: list[_Wire] = []  # they may have more to read
        self._to_connect: list[tuple[_Line, Address, str, int]] = []
        self._gathered: list[_Wire] | None = None  # they have something to send, or are to be closed, after a look
        self._ended: list[tuple[_Line, Exception | None]] = []  # lines whose sockets are closed, and by which error

    def connect(self, line: _Line, address: Address, host: str, port: int) -> None:
        """Connect when all that act now are done: each SYN wakes its peer, and many together wake it once."""
        if not self._to_connect:
            asyncio.get_running_loop().call_soon(self._connect)
        self._to_connect.append((line, address, host, port))

    def _connect(self) -> None:
        to_connect, self._to_connect = self._to_connect, []
        for line, address, host, port in to_connect:
            line.connect(self, address, host, port)

    def add(self, wire: _Wire, number: int) -> None:
        if sys.platform == "linux" and self._epoll is None:
            self._epoll = select.epoll()
            asyncio.get_running_loop().add_reader(self._epoll.fileno(), self._look)
        self._wires[number] = wire
        self._epoll.register(number, _READABLE | _WRITABLE | _SHUT | _ONCE)

    def remove(self, number: int, line: _Line | None, error: Exception | None) -> None:
        """The socket is about to be closed. The line, if it is given, is told when those who act now are done."""
        del self._wires[number]
        if line is not None:
            if not self._ended:
                asyncio.get_running_loop().call_soon(self._tell)
            self._ended.append((line, error))
        if not self._wires and self._epoll is not None:
            asyncio.get_running_loop().remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def read_again(self, wire: _Wire) -> None:
        """Let it read on, after the others."""
        if not self._unread:
            asyncio.get_running_loop().call_soon(self._read_on)
        self._unread.append(wire)

    def _tell(self) -> None:
        ended, self._ended = self._ended, []
        for line, error in ended:
            line.connection_lost(error)

    def _read_on(self) -> None:
        unread, self._unread = self._unread, []
        for wire in unread:
            wire.changed(_READABLE | _SHUT)

    def _look(self) -> None:
        """Let all lines read, then send what they have to say: each packet wakes its peer, and many together wake it once."""
        if self._epoll is None:
            return
        self._gathered = []
        for number, events in self._epoll.poll(0, _MOST_CHANGES):
            if (wire := self._wires.get(number)) is not None:
                wire.changed(events)
        gathered, self._gathered = self._gathered, None
        expired = self.permission.expired
        for wire in gathered:
            wire.go_on(expired=expired)

    def later(self, wire: _Wire) -> bool:
        """Whether a look is under way. `go_on` of this wire is called after it."""
        if self._gathered is None:
            return False
        self._gathered.append(wire)
        return True


class _Wire:
    """The transport of one plain connection on a socket that connects. It has what `_Line` uses of asyncio's transports."""

    __slots__ = ("_address", "_closing", "_connected", "_line", "_poll", "_unsent", "socket")

    def __init__(self, line: _Line, poll: _Poll, held: socket.socket, address: Address) -> None:
        self.socket = held
        self._line = line
        self._poll = poll
        self._address = address
        self._connected = False
        self._closing = False  # it reads no more, and closes when all is sent
        self._unsent: bytes | memoryview = b""
        poll.add(self, held.fileno())

    def get_extra_info(self, name: str) -> Any:
        """`sockname`: the address and port of our end."""
        with contextlib.suppress(OSError):
            return self.socket.getsockname() if name == "sockname" else None

    def get_write_buffer_size(self) -> int:
        return len(self._unsent)

    def write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent = bytes(self._unsent) + data
        elif not self._closing:
            if self._poll.later(self):
                self._unsent = data
            else:
                self._send(data)

    def close(self) -> None:
        """Close after what is to be sent. The line is told later."""
        if not self._closing:
            self._closing = True
            if not self._unsent and not self._poll.later(self):
                self._close(None)

    def go_on(self, *, expired: bool) -> None:
        """Send what waited, and close where that waited. Only a farewell goes once the permission ended."""
        if self._unsent and expired and self._line.stop is None:
            self._line.expire()
        elif self._unsent:
            waiting, self._unsent = self._unsent, b""
            self._send(waiting)
        elif self._closing:
            self._close(None)

    def abort(self) -> None:
        """Close now. The line is told later, if it was connected."""
        self._closing = True
        self._unsent = b""
        self._close(None)

    def changed(self, events: int) -> None:
        """The kernel says what can be done now."""
        try:
            if not self._connected and not self._connect(events):
                return
            if self._unsent and events & _WRITABLE:
                self.go_on(expired=self._line.expired)
            if events & ~_WRITABLE:
                self._read(to_the_end=bool(events & (_SHUT | _BROKEN)))
        except Exception as error:  # it ends this connection, not those that have their turn after it
            self._close(error)

    def _connect(self, events: int) -> bool:
        failed = events & _BROKEN
        number = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if failed else 0
        if number:
            self._line.connect_failed(OSError(number, os.strerror(number)), self._address)
            return False
        self._connected = True
        self._line.connection_made(self)
        return True

    def _read(self, *, to_the_end: bool) -> None:
        """Read all that is there, or a bounded part of it. A read that does not fill its buffer was the last (epoll(7))."""
        for _ in range(_MOST_READS):
            if self._closing:
                return
            line = self._line
            room = line.get_buffer(-1)
            try:
                size = self.socket.recv_into(room)
            except BlockingIOError:
                return
            except OSError as error:
                self._close(error)
                return
            if not size:
                line.eof_received()
                self.close()
                return
            line.buffer_updated(size)
            if size < len(room) and not to_the_end:
                return
        self._poll.read_again(self)

    def _send(self, data: bytes | memoryview) -> None:
        try:
            sent = self.socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self._close(error)
            return
        if sent < len(data):
            self._unsent = memoryview(data)[sent:]
        elif self._closing:
            self._close(None)

    def _close(self, error: Exception | None) -> None:
        number = self.socket.fileno()
        if number < 0:
            return
        self._closing = True
        self._unsent = b""
        self._poll.remove(number, self._line if self._connected else None, error)
        self.socket.close()
        del self._line


class _Tls:
    """One TLS connection through OpenSSL. We observe and do not trust:

    nothing is verified, and old versions are accepted.
    """

    def __init__(self, address: Address, name: str, hello: Hello, permission: Permission) -> None:
        self._permission = permission
        self.peer = Handshake(name or address)
        self.connected = False  # TCP is connected
        self.held: socket.socket | None = None
        self._address = address
        self._hello = hello

    async def connect(self, line: _Line, address: Address, port: int) -> None:
        """Connect TCP first, then shake hands: a peer that answers the first step is not `silent`."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
        # Windows' loop recognizes the address family by the number of fields.
        where = (str(address), port, 0, 0) if address.version == 6 else (str(address), port)
        held = self.held = socket.socket(family, socket.SOCK_STREAM)
        try:
            held.setblocking(False)
            _bound(held, self._permission)
            await loop.sock_connect(held, where)
            self.connected = True
            line.shaking_hands()
        except BaseException:
            held.close()
            raise
        await loop.create_connection(
            lambda: line,
            sock=held,
            ssl=self._context(),
            server_hostname=self._hello.server_name,
            ssl_handshake_timeout=_NEVER_SECONDS,  # the line bounds it, and allows for what our own loop stood still
        )

    def established(self, secured: ssl.SSLObject) -> None:
        cipher = secured.cipher()
        self.peer.established(
            secured.version() or "", cipher[0] if cipher else "", secured.getpeercert(binary_form=True) or b""
        )

    def after(self, stop: Outcome) -> Hello | None:
        """What to offer next, after a handshake that ended so."""
        return self._hello.after(stop, self.peer, self._address)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        with warnings.catch_warnings():  # Python advises against old versions, and we want to see them
            warnings.simplefilter("ignore", DeprecationWarning)
            context.maximum_version = _NEWEST[self._hello.newest]
        context.set_ciphers(self._hello.ciphers)
        context.options |= _LEGACY_SERVER_CONNECT | _UNSAFE_LEGACY_RENEGOTIATION | _CLEANSE_PLAINTEXT
        # `_msg_callback` is a private hook of the ssl module. No other hook tells the number of an alert, or whether a
        # client certificate was asked for; `handshake failure` alone has many meanings.
        context._msg_callback = self._message  # type: ignore[attr-defined]
        return context

    def _message(self, _connection: object, direction: str, _version: int, content: int, kind: int, _: bytes) -> None:
        if self.held is not None and not self._permission.farewell:
            # OpenSSL answers by itself: a process that stood still beyond its lease would go on with a handshake.
            with contextlib.suppress(OSError):
                self.held.shutdown(socket.SHUT_WR)
        if direction == "read":
            self.peer.received(content, kind)


def _fault(error: Exception) -> Outcome:
    """The stop for an exception that a conversation raised. Its reason holds no data."""
    if isinstance(error, WireError):
        return error.stop
    return Outcome(OutcomeKind.OWN_ERROR, error=type(error).__name__)


def _wipe(room: memoryview) -> None:
    """Overwrite what the peer sent: it may be values, and freed memory would keep them."""
    room[:] = bytes(len(room))


def _milliseconds(seconds: float) -> dict[str, int]:
    return {"milliseconds": round(seconds * 1000)}


def _connect_failure(error: OSError, address: Address) -> Outcome:
    if isinstance(error, ConnectionRefusedError):
        return Outcome(OutcomeKind.REFUSED)
    number = _OF_WINDOWS.get(getattr(error, "winerror", 0), error.errno)
    if isinstance(error, ConnectionResetError) or number == errno.ECONNRESET:
        return Outcome(OutcomeKind.RESET, Cause.DURING_CONNECT)
    if number == errno.EMFILE:
        return Outcome(OutcomeKind.OWN_ERROR, Cause.TOO_MANY_FILES)
    if number in (errno.ENETUNREACH, errno.ENETDOWN):
        return Outcome(OutcomeKind.OWN_ERROR, Cause.NO_ROUTE)
    if number == errno.EACCES and address.version == 6:  # in IPv4 no router's message becomes this error
        return Outcome(OutcomeKind.UNREACHABLE, Cause.PROHIBITED)
    if number in (errno.EHOSTUNREACH, errno.ETIMEDOUT, errno.EHOSTDOWN):
        return Outcome(OutcomeKind.UNREACHABLE)
    return Outcome(OutcomeKind.OWN_ERROR, error=errno.errorcode.get(number or 0, type(error).__name__))
