"""What a peer writes to name a page, RFC 3986 4.1: read into a host, a port and a path that we are willing to send.

A page may name anything. Its text becomes a request only through this module, and only in one form: a path is printable
ASCII, percent-encoded, without steps upwards; a host is an address or a name in ASCII; a port is 1 to 65535. Everything
that different programs read in different ways is refused: a backslash, a number that stands for an address, a control
character in any disguise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

from filmbadge.scope import address_of

MOST_PATH = 1024  # characters of a path with its query, as it is sent where a peer names it
MOST_TARGET = 8000  # characters of what stands in a request line, RFC 9112 3
MOST_TEXT = 4096  # characters of a reference as it is written
_SPACES = " \t\n\f\r"  # around a reference, HTML 2.3.5: they are no part of it
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PARTS = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL
)  # appendix B
_AUTHORITY = re.compile(r"(?:[^@\\]*@)?(\[[0-9A-Fa-f:.]{2,45}\]|[^@:\\/\[\]%]{1,253})(?::([0-9]*))?")
_NAME = re.compile(r"(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")  # some programs read such a host as an IPv4 address
_SENT = re.compile(r"/[!-~]*")
_LONE_PERCENT = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_IN_PATH, _IN_QUERY = "/:@!$&'()*+,;=%", "/?:@!$&'()*+,;=%"  # and letters, digits, `-._~`, RFC 3986 3.3 and 3.4
_DOTS = re.compile(r"(?i)\.|%2e")
_STEP_UP = re.compile(rb"(?:^|[/\\])\.\.(?:[/\\;]|$)")
_ROUNDS = 4  # how often a path is decoded when we look for what it hides


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reference points."""

    host: str  # an address or a name, in small letters; empty: the reference names no host
    port: int  # 0: the reference names no host
    tls: bool
    path: str  # with the query, as it is sent


def locate(text: str, base: str = "/", *, tls: bool = False) -> Place | None:
    """Where a reference points that stands on a page at the path `base`, in HTTP over TLS or not. None: it is refused.

    `text` is what the peer wrote: bytes that are no UTF-8 are lone surrogates (`surrogateescape`).
    """
    text = text.strip(_SPACES)
    parts = _PARTS.fullmatch(text) if len(text) <= MOST_TEXT and not _CONTROL.search(text) else None
    if parts is None:
        return None
    scheme, authority, path, query = (parts[1] or "").lower(), parts[2], parts[3], parts[4] or ""
    if scheme not in ("", "http", "https") or (scheme and authority is None):
        return None
    over_tls = scheme == "https" if scheme else tls
    there = ("", 0) if authority is None else _host_and_port(authority, 443 if over_tls else 80)
    asked = _resolved(path, query, base if authority is None else "/")
    return None if there is None or asked is None else Place(*there, over_tls, asked)


def sendable(path: str) -> bool:
    """Whether a path with its query may stand in a request line."""
    return len(path) <= MOST_TARGET and _SENT.fullmatch(path) is not None


def _host_and_port(authority: str, usual: int) -> tuple[str, int] | None:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None or len(parts[2] or "") > 5:
        return None
    host, port = _host(parts[1]), int(parts[2]) if parts[2] else usual
    return (host, port) if host is not None and 1 <= port <= 65535 else None


def _host(written: str) -> str | None:
    if (literal := address_of(written.strip("[]"))) is not None:
        return str(literal) if (":" in written) == written.startswith("[") else None
    try:
        name = written.removesuffix(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    return name if _NAME.fullmatch(name) and not _NUMBER.fullmatch(name) else None


def _resolved(path: str, query: str, base: str) -> str | None:
    """RFC 3986 5.2.2, and then the form in which we send it."""
    written, own = _encoded(path, _IN_PATH), base.partition("?")
    if written is None or (asked := _encoded(query, _IN_QUERY)) is None or "\\" in path:
        return None
    if not written:
        written, asked = own[0], asked or "".join(own[1:])
    elif not written.startswith("/"):
        written = own[0].rpartition("/")[0] + "/" + written
    whole = "/" + _without_dots(written).lstrip("/")  # two would begin a host, RFC 3986 3.3
    return whole + asked if len(whole + asked) <= MOST_PATH and not _hides(whole) else None


def _encoded(text: str, safe: str) -> str | None:
    """Percent-encoded, RFC 3986 2.1. What is encoded stays as it is. None for a lone surrogate, which is no character."""
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return None
    return quote_from_bytes(_LONE_PERCENT.sub(b"%25", raw), safe)


def _without_dots(path: str) -> str:
    """RFC 3986 5.2.4. A dot may be encoded, and is a dot nevertheless."""
    kept: list[str] = []
    steps = path.split("/")[1:]
    for number, step in enumerate(steps):
        dots = len(_DOTS.findall(step)) if not _DOTS.sub("", step) else 0
        if dots == 2:
            del kept[-1:]
        elif dots != 1:
            kept.append(step)
        if dots in (1, 2) and number == len(steps) - 1:
            kept.append("")
    return "/" + "/".join(kept)


def _hides(path: str) -> bool:
    """Whether a control character, or a step upwards, shows when somebody decodes this path once or more often."""
    raw = path.encode("ascii")
    for _ in range(_ROUNDS):
        if _STEP_UP.search(raw) or any(byte < 0x20 or byte == 0x7F for byte in raw):
            return True
        raw, before = unquote_to_bytes(raw), raw
        if raw == before:
            return False
    return True
