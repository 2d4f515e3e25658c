"""Bounded HTTP/1.1 through the dialer's door: one GET, one answer, no redirect followed, no decompression."""

from __future__ import annotations

import re
from ipaddress import IPv6Address

import h11

from filmbadge.ask.wire.errors import WireError
from filmbadge.ask.wire.talk import Line
from filmbadge.model import Ending, Stop
from filmbadge.scope import Address

USER_AGENT = "Filmbadge/0.1 (survey of medical image archives; asks, keeps no patient data)"
MAX_BODY = 64 * 1024


class Get:
    """A `Talk`. After it ended, `status` is None unless a whole response head arrived.

    `body` holds at most MAX_BODY bytes and must not outlive the probe.
    """

    def __init__(self, address: Address, port: int, path: str) -> None:
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        self._request = h11.Request(
            method="GET",
            target=path,
            headers=[
                ("Host", f"{host}:{port}"),
                ("User-Agent", USER_AGENT),
                ("Accept", "application/json"),
                ("Accept-Encoding", "identity"),
                ("Connection", "close"),
            ],
        )
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=16 * 1024)
        self._start = b""
        self._received = bytearray()
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""

    @property
    def realm(self) -> str:
        """Of WWW-Authenticate, RFC 9110 11.5: bounded, printable ASCII."""
        found = re.search(
            r'realm=(?:"([^"]{0,64})|([^",\s]{0,64}))', self.headers.get("www-authenticate", ""), re.IGNORECASE
        )
        return re.sub(r"[^ -~]", "?", found.group(1) or found.group(2) or "") if found else ""

    def opened(self, line: Line) -> None:
        self._line = line
        line.send((self._http.send(self._request) or b"") + (self._http.send(h11.EndOfMessage()) or b""))

    def received(self, data: memoryview) -> int:
        self._start = (self._start + data[:5])[:5]
        if not b"HTTP/".startswith(self._start):
            raise WireError("answered in bytes that are not HTTP", Ending.OTHER_PROTOCOL)
        self._feed(bytes(data))
        return len(data)

    def leave(self) -> bool:
        return False  # a request is over when its connection is

    def farewell(self) -> bytes:
        return b""

    def ended(self, stop: Stop) -> Stop:
        if stop.ending is Ending.CLOSED and self.status is not None:
            try:
                self._http.receive_data(b"")
                self._events()
            except h11.RemoteProtocolError:
                return Stop(Ending.BROKEN, "the HTTP response breaks off")
            return Stop(Ending.COMPLETED)
        return stop

    def _feed(self, data: bytes) -> None:
        try:
            self._http.receive_data(data)
            if self._events():
                self._line.close(Stop(Ending.COMPLETED))
        except h11.RemoteProtocolError:
            raise WireError("a malformed HTTP response") from None

    def _events(self) -> bool:
        """Take what h11 has. True when the response is complete."""
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Response):
                self.status = event.status_code
                for raw, value in event.headers:  # one that comes again continues the list, RFC 9110 5.3
                    name = raw.decode("ascii", "replace")
                    before = f"{self.headers[name]}, " if name in self.headers else ""
                    self.headers[name] = (before + value[:256].decode("latin-1"))[:1024]
            elif isinstance(event, h11.Data):
                if len(self._received) + len(event.data) > MAX_BODY:
                    raise WireError(f"a body of more than {MAX_BODY} bytes", Ending.BYTE_CAP)
                self._received += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.body = bytes(self._received)
                return True
            elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return False
