"""Bounded HTTP/1.1 through the dialer: pages of one host, one after the other, over one connection if it lasts.

GET only. No redirect is followed: the script learns its target, and may ask for a page of the same host and port.
Bodies are read and decompressed up to a limit. They must not outlive the probe.
"""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv6Address

import h11

from filmbadge.ask.errors import WireError
from filmbadge.ask.wire.conversation import Connection, Meter
from filmbadge.ask.wire.head import MAX_HEAD, ResponseHead
from filmbadge.ask.wire.reference import locate, sendable
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Cause, Outcome, OutcomeKind
from filmbadge.scope import Address, ConnectionLimits
from filmbadge.version import SERIES

USER_AGENT = f"Filmbadge/{SERIES} (survey of medical image archives; asks, keeps no patient data)"
MAX_BODY = 64 * 1024
DRAIN = 64 * 1024  # bytes of a body beyond its limit that we drop, so that the connection can be used again
DISTRESS = (429, 503)  # too many requests, service unavailable: we ask nothing more
_NOWHERE = "//"  # a reference that is refused
GATEWAY = (502, 504)  # a proxy did not reach the service behind it; it may, a moment later
GATEWAY_SECONDS = 1.0
_DROPPED = (OutcomeKind.CLOSED, OutcomeKind.RESET)
_UID = re.compile(r"/[0-9.]+(?=/|$)")  # a step of a path that is an archive's: questions about two studies are alike


@dataclass(frozen=True, slots=True)
class Request:
    """One GET request."""

    path: str
    accept: str = "application/json"
    most_bytes: int = MAX_BODY  # limit of the decompressed body; a longer body is cut there
    leave: bool = False  # close at the limit immediately, without reading the rest
    into: Callable[[bytes], None] | None = None  # receives the body of a success piece by piece, instead of the reply


@dataclass(frozen=True, slots=True)
class Origin:
    """The host to which pages belong. `name` is the host's name, if the user gave one."""

    address: Address
    port: int
    tls: bool = False
    name: str = ""

    @property
    def authority(self) -> str:
        try:
            host = self.name.encode("idna").decode("ascii")
        except UnicodeError:
            host = ""
        if not re.fullmatch(r"[\w.-]+", host):
            host = f"[{self.address}]" if isinstance(self.address, IPv6Address) else str(self.address)
        return f"{host}:{self.port}"

    def local(self, location: str, base: str = "/", *, any_port: bool = False) -> str | None:
        """The path on this host and port to which a reference points. None if it points elsewhere.

        With `any_port`, the path of a reference to any port of this host: a proxy may not know the port that we asked.
        """
        there = locate(location, base, tls=self.tls)
        if there is None:
            return None
        own = {str(self.address), self.name.lower().rstrip("."), self.authority.rpartition(":")[0].lower()} - {""}
        here = any_port or (there.port == self.port and there.tls is self.tls)
        return there.path if not there.host or (there.host in own and here) else None


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """The result of one page. It must not outlive the probe."""

    request: Request
    status: int | None = None  # None unless a whole response head arrived
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False  # the body was cut at `most_bytes`
    size: int = 0  # decompressed bytes of the body that came, up to the limit
    stop: Outcome | None = None  # how the response broke off; None: it is whole, or cut
    goes: str | None = None  # the path on the same host and port to which a redirect points
    elsewhere: bool = False  # a redirect points to another host, port or scheme
    hint: str | None = None  # the path to which a redirect points, on any port of the same host

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def realm(self) -> str:
        """The realm of WWW-Authenticate, RFC 9110 11.5: bounded, printable ASCII."""
        found = re.search(
            r'realm=(?:"([^"]{0,64})|([^",\s]{0,64}))', self.headers.get("www-authenticate", ""), re.IGNORECASE
        )
        return re.sub(r"[^ -~]", "?", found.group(1) or found.group(2) or "") if found else ""

    @property
    def login(self) -> bool:
        return self.status in (401, 403)


Requests = Generator[Request, Response, None]


@dataclass(slots=True, repr=False)
class _Exchange:
    """One page whose response has not ended."""

    request: Request
    raw: ResponseHead = field(default_factory=ResponseHead)
    head: h11.Response | None = None
    inflate: _Inflate | None = None
    body: bytearray = field(default_factory=bytearray)
    size: int = 0
    dropped: int = 0  # bytes beyond the limit
    cut: bool = False
    over: bool = False

    def take(self, data: bytes) -> bool:
        """Takes a piece of the body. Returns False if no more of it is wanted."""
        if self.cut:
            self.dropped += len(data)
            return self.dropped <= DRAIN
        success = self.head is not None and self.head.status_code < 300
        room = (self.request.most_bytes if success else min(self.request.most_bytes, MAX_BODY)) - self.size
        made = data if self.inflate is None else self.inflate.more(data, room + 1)
        if len(made) > room:
            self.cut, made = True, made[:room]
        self.size += len(made)
        if self.request.into is not None and success:
            self.request.into(made)
        else:
            self.body += made
        return not (self.cut and self.request.leave)

    def reply(self, site: Origin, stop: Outcome | None) -> Response:
        headers = {} if self.head is None else _joined(self.head)
        status = None if self.head is None else self.head.status_code
        location = _location(self.head) if self.head is not None and 300 <= self.head.status_code < 400 else None
        goes = None if location is None else site.local(location, self.request.path)
        return Response(
            request=self.request,
            status=status,
            headers=headers,
            body=b"" if stop is not None else bytes(self.body),
            cut=self.cut,
            size=self.size,
            stop=stop,
            goes=goes,
            elsewhere=location is not None and goes is None,
            hint=None if location is None else site.local(location, self.request.path, any_port=True),
        )


@dataclass(slots=True)
class SecondTries:
    """How often a page may be asked for again on its own account, over all connections of one visit."""

    dropped: int = 1  # the connection ended before a word
    gateway: int = 1

    def after(self, status: int | None) -> bool:
        """Whether a page is asked for once more. `status` is None if nothing came."""
        if status is None and self.dropped:
            self.dropped -= 1
            return True
        if status in GATEWAY and self.gateway:
            self.gateway -= 1
            return True
        return False


class HttpSession:
    """A `Conversation` that asks for the pages that a script yields, and gives it the replies.

    `left` is the page that is still to be asked for when the connection is over: the caller dials again for it.
    """

    def __init__(
        self,
        site: Origin,
        script: Requests,
        first: Request,
        throttle: Throttle | None = None,
        meter: Meter | None = None,
        caps: ConnectionLimits | None = None,
        tries: SecondTries | None = None,
    ) -> None:
        self._site = site
        self._tries = tries or SecondTries(0, 0)
        self._opened = False
        self._gentle = throttle
        self._meter = meter
        self._caps = caps  # bounds of one connection: the session leaves before it reaches them
        self._began = time.monotonic()
        self._taken = 0  # bytes
        self._asked = 0.0  # time when the request went out
        self._heard: float | None = None  # time when the first byte of the response came
        self._script = script
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=2 * MAX_HEAD)
        self._now = _Exchange(first)
        self._closed = False
        self.left: Request | None = first
        self.answered = 0
        self._spared: int | None = None  # the status of distress, if pages were still to be asked for
        self.failed = False  # the last page broke off, and the script knows it
        self.again = False  # nothing came for the last page, and it may be asked for once more

    def opened(self, line: Connection) -> None:
        self._line = line
        self._opened = True
        self._ask()

    def received(self, data: memoryview) -> int:
        now = self._now
        if self._meter is not None:
            self._meter.received(len(data))
        self._taken += len(data)
        if now.over:
            return len(data)
        if self._heard is None:
            self._heard = time.monotonic()
        strict = now.raw.feed(bytes(data))
        if not strict:
            return len(data)
        try:
            self._http.receive_data(strict)
            self._events()
        except (h11.RemoteProtocolError, zlib.error):
            raise WireError(Cause.HTTP_MALFORMED) from None
        return len(data)

    def leave(self) -> bool:
        return False  # the response is over when its connection is

    def farewell(self) -> bytes:
        return b""

    def ended(self, stop: Outcome) -> Outcome:
        self._closed = True
        now = self._now
        if not now.over and stop.ending is OutcomeKind.CLOSED:
            stop = self._cut_off(stop)
        ours = stop.ending in (OutcomeKind.INTERRUPTED, OutcomeKind.OWN_ERROR, OutcomeKind.OUT_OF_SCOPE)
        if now.over:
            return stop if ours else self._done
        if ours:
            self._script.close()
            self.left = None
        elif now.head is None and self.answered and stop.ending in _DROPPED:
            return self._done  # the server limits a connection's pages or time, so this page is asked for again
        elif now.head is None and self._opened and stop.ending in _DROPPED and self._tries.after(None):
            self.again = True
        else:
            self.failed = True
            if self._gentle is not None and stop.ending in (OutcomeKind.IDLE, OutcomeKind.TIME_CAP, *_DROPPED):
                self._gentle.broke_off()
            self._answer(now.reply(self._site, stop))
        return stop

    def _cut_off(self, stop: Outcome) -> Outcome:
        """The peer closed before it said that the response is over. Takes what is whole nevertheless.

        Some servers send a status line and nothing else, and some leave the last line end out.
        """
        now = self._now
        late = now.raw.finish() if now.head is None else b"\r\n" if _chunked(now.head) else b""
        if now.head is None and not late:
            return stop
        with suppress(h11.RemoteProtocolError, zlib.error, WireError):
            if late:
                self._http.receive_data(late)
                self._events()
            if not now.over:
                self._http.receive_data(b"")
                self._events()
        return Outcome(OutcomeKind.BROKEN, Cause.HTTP_CUT_OFF)

    @property
    def _done(self) -> Outcome:
        if self._spared:
            return Outcome(OutcomeKind.SPARED, Cause.HTTP_STATUS, {"status": self._spared})
        return Outcome(OutcomeKind.COMPLETED, Cause.PAGES, {"pages": self.answered})

    def _ask(self) -> None:
        if not sendable(self._now.request.path):
            raise WireError(Cause.REFERENCE_REFUSED)
        self._asked, self._heard = time.monotonic(), None
        if self._meter is not None:
            self._meter.asked()
        request = h11.Request(
            method="GET",
            target=self._now.request.path,
            headers=[
                ("Host", self._site.authority),
                ("User-Agent", USER_AGENT),
                ("Accept", self._now.request.accept),
                ("Accept-Encoding", "gzip, deflate"),
            ],
        )
        self._line.send((self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))

    def _events(self) -> None:
        """Take everything that h11 has, up to the end of the response."""
        now = self._now
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                now.head = event
                now.inflate = _inflate(_joined(event).get("content-encoding", ""))
            elif isinstance(event, h11.Data):
                if not now.take(bytes(event.data)):
                    return self._finish(again=False)
            elif isinstance(event, h11.EndOfMessage):
                if now.inflate is not None and now.size and not now.cut and not now.inflate.over:
                    raise WireError(Cause.BODY_CUT_OFF)
                return self._finish(again=True)
            elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None

    def _finish(self, *, again: bool) -> None:
        """End the response. The next page uses the same connection, if it can be used `again`."""
        self.answered += 1
        self._took(self._now)
        reply, pause = self._now.reply(self._site, None), 0.0
        if self._tries.after(reply.status):
            self._now.over, self.left, pause = True, reply.request, GATEWAY_SECONDS
        else:
            self._answer(reply)
        kept = (self._http.our_state, self._http.their_state) == (h11.DONE, h11.DONE)
        if self._closed:
            return
        used = self._caps is not None and self._caps.used(self._taken, time.monotonic() - self._began)
        used = used or (self._meter is not None and self._meter.short)
        if self.left is not None and again and kept and not used and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
            self._now = _Exchange(self.left)
            if seconds := max(pause, self._gentle.rest() if self._gentle is not None else 0.0):
                self._line.rest(seconds, self._ask)
            else:
                self._ask()
        else:
            self._line.close(self._done)

    def _took(self, now: _Exchange) -> None:
        if self._gentle is None or now.head is None:
            return
        if now.head.status_code in DISTRESS:
            after = _joined(now.head).get("retry-after", "")
            self._gentle.distressed(float(after) if re.fullmatch(r"\d{1,4}", after) else 0.0)
        else:
            ended = time.monotonic()
            waited = (self._heard or ended) - self._asked
            alike = _UID.sub("/*", now.request.path.partition("?")[0])
            self._gentle.answered(alike, waited, ended - self._asked)

    def _answer(self, reply: Response) -> None:
        """Give the script its reply, and learn the next page."""
        self._now.over = True
        self._now.body = bytearray()  # release the body, which the script has read
        self.left = None
        try:
            self.left = self._script.send(reply)
        except StopIteration:
            return
        if reply.status in DISTRESS:
            self._script.close()
            self.left, self._spared = None, reply.status


class _Inflate:
    """A compressed body. It never decompresses more than was wanted.

    A body that is said to be gzip and does not begin like gzip is taken as it is: so does curl, which asks for none.
    """

    def __init__(self, *, gzip: bool) -> None:
        self._start = b""
        self._made: zlib._Decompress | None = None
        self._gzip = gzip
        self._plain = False

    @property
    def over(self) -> bool:
        return self._plain or (self._made is not None and self._made.eof)

    def more(self, data: bytes, most: int) -> bytes:
        if self._plain:
            return data[:most]
        if self._made is None:
            self._start += data
            if len(self._start) < 2:
                return b""
            data = self._start
            if self._gzip and data[:2] != b"\x1f\x8b":
                self._plain = True
                return data[:most]
            headed = data[:2] == b"\x1f\x8b" or (data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0)
            # The deflate coding has a zlib header, RFC 9110 8.4.1.2, but some servers omit it.
            self._made = zlib.decompressobj(zlib.MAX_WBITS | 32 if headed else -zlib.MAX_WBITS)
        return self._made.decompress(data, most)


_CODINGS = ("gzip", "x-gzip", "deflate")
_OTHER_CODINGS = ("br", "zstd", "compress", "x-compress", "dcb", "dcz", "exi", "aes128gcm", "pack200-gzip")


def _inflate(coding: str) -> _Inflate | None:
    """A name that is no coding at all, such as UTF-8, says nothing of the body: browsers and curl take it as it is."""
    known = [name for name in re.split(r"[,\s]+", coding.lower()) if name in (*_CODINGS, *_OTHER_CODINGS)]
    if not known:
        return None
    if len(known) > 1 or known[0] in _OTHER_CODINGS:
        raise WireError(Cause.CONTENT_CODING)
    return _Inflate(gzip=known[0] != "deflate")


def _location(head: h11.Response) -> str | None:
    """The reference of a redirect. Locations that differ lead nowhere: which one is meant, nobody can tell."""
    found = {value for name, value in head.headers if name == b"location"}
    if len(found) > 1:
        return _NOWHERE
    return next((value.decode("utf-8", "surrogateescape") for value in found), None)


def _chunked(head: h11.Response) -> bool:
    return "chunked" in _joined(head).get("transfer-encoding", "").lower()


def _joined(head: h11.Response) -> dict[str, str]:
    """Headers by name. A repeated header continues the list, RFC 9110 5.3."""
    headers: dict[str, str] = {}
    for raw, value in head.headers:
        name = raw.decode("ascii", "replace")
        before = f"{headers[name]}, " if name in headers else ""
        headers[name] = (before + value[:1024].decode("latin-1"))[:2048]
    return headers
