"""The head of an HTTP response, read as tolerantly as browsers and curl do, and written anew for a strict parser.

Taken are: lines that end with LF alone, empty lines before the status line, a status line without a reason or with many
spaces, a space before a colon, folded lines, lines without a colon, control characters in values, the same
Content-Length or Transfer-Encoding twice, and a head whose last line is there but not the empty line after it.
Lengths that contradict each other are left for the parser to refuse: which one is true, nobody can tell.
"""

from __future__ import annotations

import re

from filmbadge.ask.errors import WireError
from filmbadge.model import Cause, OutcomeKind

MAX_HEAD = 64 * 1024  # bytes of all heads of one response
_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"(?i:HTTP)/(\d)(?:\.(\d))?[ \t]+(\d{3})(?![\d])[^\n]*")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token, RFC 9110 5.6.2
_CONTROL = re.compile(rb"[\x00\t\v\f\r]+")
_ONCE = (b"content-length", b"transfer-encoding")


class ResponseHead:
    """Collects the head of one response: all heads, if interim responses (1xx) come before it."""

    def __init__(self) -> None:
        self._held = b""
        self._size = 0
        self._over = False

    def feed(self, data: bytes) -> bytes:
        """What a strict parser may be given now: nothing before a head is whole, and then everything as it comes.

        Raises WireError if this is no HTTP.
        """
        if self._over:
            return data
        self._held = (self._held + data).lstrip(b"\r\n") if not self._held else self._held + data
        if not b"HTTP/".startswith(self._held[:5].upper()):
            tls = self._held[:2] in (b"\x15\x03", b"\x16\x03")
            raise WireError(Cause.SPOKE_TLS if tls else Cause.SPOKE_OTHER, ending=OutcomeKind.OTHER_PROTOCOL)
        made = b""
        while (end := _END.search(self._held)) is not None:
            head, self._held = self._held[: end.end()], self._held[end.end() :]
            self._size += len(head)
            anew, last = _anew(head)
            made += anew
            if last:
                self._over = True
                made, self._held = made + self._held, b""
                return made
        if self._size + len(self._held) > MAX_HEAD:
            raise WireError(Cause.HTTP_MALFORMED)
        return made

    def finish(self) -> bytes:
        """The connection is over: a head whose lines are whole is taken for a whole head. Else nothing."""
        whole = not self._over and self._held.endswith(b"\n") and _STATUS.match(self._held)
        return _anew(self._held)[0] if whole else b""


def _anew(head: bytes) -> tuple[bytes, bool]:
    """The head as a strict parser takes it, and whether it is the last. Raises WireError if it is no head."""
    first, *lines = head.rstrip(b"\r\n").split(b"\n")
    status = _STATUS.fullmatch(first.rstrip(b"\r"))
    if status is None:
        raise WireError(Cause.HTTP_MALFORMED)
    old = (status[1], status[2]) in ((b"1", b"0"), (b"0", b"9"))
    written = [b"HTTP/1.%d %s " % (0 if old else 1, status[3])]
    seen: set[tuple[bytes, bytes]] = set()
    for name, value in _fields(lines):
        if name in _ONCE:
            if not value or (name, value) in seen or (name == b"transfer-encoding" and value == b"identity"):
                continue
            seen.add((name, value))
        written.append(name + b": " + value)
    return b"\r\n".join(written) + b"\r\n\r\n", not status[3].startswith(b"1") or status[3] == b"101"


def _fields(lines: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Names in lower case, with their values."""
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:  # a folded line goes on with the one before, RFC 9112 5.2
            name, value = fields.pop()
            fields.append((name, (value + b" " + _CONTROL.sub(b" ", line).strip()).strip()))
            continue
        raw, colon, rest = line.partition(b":")
        name, value = raw.strip().lower(), _CONTROL.sub(b" ", rest).strip()
        if not colon or not _NAME.fullmatch(name):
            continue
        if name in _ONCE:  # a list of equal values is one value, RFC 9110 8.6
            values = {part.strip().lower() for part in value.split(b",")}
            value = values.pop() if len(values) == 1 else value
        fields.append((name, value))
    return fields
