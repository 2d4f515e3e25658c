"""The JSON of ZMap, masscan, naabu, httpx, nuclei, Shodan and Censys.

Each object is known by its fields, so one file may hold objects of several kinds, and every version of a tool is read
by the same code. Fields that are of no use here are stepped over and never decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Raw, Struct

from filmbadge.ask.targets.exports.json_values import objects
from filmbadge.ask.targets.exports.lines import zmap_why
from filmbadge.ask.targets.exports.seen import Dropped, End, Fault, Seen, number

_SCHEMES = {"http": 80, "https": 443}
_PLACE = re.compile(
    r"(?:([A-Za-z][\w+.-]*)://)?(?:[^/?#@]*@)?(?:\[([0-9A-Fa-f:.]+)\]|([^/?#:\[\]\s]*))(?::(\d{0,5}))?(?:[/?#].*)?",
    re.S,
)
_LIST, _OBJECT = ord("["), ord("{")


class _Fields(Struct):
    """It tells nothing of what it holds: a scanner may have kept what a service sent."""

    def __repr__(self) -> str:
        return "<fields>"


class _Row(
    _Fields, rename={"template_id": "template-id", "matched_at": "matched-at", "matcher_status": "matcher-status"}
):
    """The fields of all tools. What may be large, or is something else in another tool, is decoded where it is needed."""

    # ZMap
    saddr: Any = None
    sport: Any = None
    success: Any = True
    repeat: Any = False
    classification: Any = ""
    # masscan, naabu, httpx, Shodan, Censys
    ip: Any = None
    ip_str: Any = None
    ipv6: Any = None
    host: Any = None
    host_ip: Any = None
    port: Any = None
    ports: Any = None
    proto: Any = None
    protocol: Any = None
    transport: Any = None
    transport_protocol: Any = None
    rec_type: Any = None
    url: Any = None
    input: Any = None
    scheme: Any = None
    failed: Any = False
    error: Any = None
    # nuclei
    template_id: Any = None
    matched_at: Any = None
    matcher_status: Any = True
    type: Any = None
    # what holds others
    data: Raw = Raw(b"null")
    matches: Raw = Raw(b"null")
    result: Raw = Raw(b"null")
    resource: Raw = Raw(b"null")
    host_v1: Raw = Raw(b"null")
    hits: Raw = Raw(b"null")
    services: Raw = Raw(b"null")
    matched_services: Raw = Raw(b"null")


class _Status(_Fields):
    status: Any = None


_row = msgspec.json.Decoder(_Row).decode
_rows = msgspec.json.Decoder(list[_Row] | None).decode
_status = msgspec.json.Decoder(_Status | None).decode


def documents(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """What the objects of a file name. Raises Fault at one that no known tool writes."""
    for line, row in objects(chunks, _row, end):
        try:
            yield from _seen(line, row)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Fault(line, "is not what any known tool writes") from None


def _seen(line: int, row: _Row) -> Iterator[Seen]:
    if row.saddr is not None:
        yield _zmap(line, row)
    elif row.template_id is not None or row.matched_at is not None:
        yield _nuclei(line, row)
    elif row.rec_type is not None:
        yield _masscan_ndjson(line, row)
    elif _kind(row.result) == _OBJECT:
        yield from _censys(line, _row(bytes(row.result)))
    elif _kind(row.matches) == _LIST:  # a search of Shodan
        for match in _rows(bytes(row.matches)) or ():
            yield _banner(line, match)
    elif _kind(row.services) == _LIST or any(_kind(one) == _OBJECT for one in (row.resource, row.host_v1)):
        yield from _censys(line, row)
    elif isinstance(row.ports, list):
        yield from _with_ports(line, row)
    elif row.ip_str is not None or (row.transport is not None and row.port is not None):
        yield _banner(line, row)
    elif row.url is not None or row.input is not None:
        yield _httpx(line, row)
    elif row.port is not None and (row.ip is not None or row.host is not None):
        yield _naabu(line, row)
    else:
        raise Fault(line, "is not what any known tool writes")


def _kind(raw: Raw) -> int:
    held = bytes(raw)
    return held[0] if held else 0


def _zmap(line: int, row: _Row) -> Seen:
    host, said = _text(line, row.saddr), str(row.classification or "")
    why = zmap_why(said, failed=row.success in (False, 0, "0", "false"), repeat=row.repeat in (True, 1, "1", "true"))
    return Seen(line, host, None if why is Dropped.NOT_TCP else number(row.sport, line), why)


def _masscan_ndjson(line: int, row: _Row) -> Seen:
    host = _text(line, row.ip)
    if row.proto != "tcp":
        return Seen(line, host, None, Dropped.NOT_TCP)
    if row.rec_type != "status":
        return Seen(line, host, number(row.port, line), Dropped.BANNER)
    state = _status(bytes(row.data))
    opened = state is not None and state.status == "open"
    return Seen(line, host, number(row.port, line), None if opened else Dropped.CLOSED)


def _with_ports(line: int, row: _Row) -> Iterator[Seen]:
    """masscan -oJ; a host of Shodan, whose banners say which ports are TCP; Shodan's InternetDB."""
    host = _address(line, row)
    told = (_rows(bytes(row.data)) or ()) if _kind(row.data) == _LIST else ()
    for banner in told:
        yield _banner(line, banner, host)
    known = {banner.port for banner in told if isinstance(banner.port, int)}
    for one in row.ports:
        if isinstance(one, dict):
            yield _masscan_port(line, host, one)
        elif (port := number(one, line)) not in known:
            yield Seen(line, host, port)
    if not row.ports and not told:
        yield Seen(line, host, None, Dropped.CLOSED)


def _masscan_port(line: int, host: str, one: dict[str, Any]) -> Seen:
    if one.get("proto", "tcp") != "tcp":
        return Seen(line, host, None, Dropped.NOT_TCP)
    port, state = number(one.get("port"), line), one.get("status")
    why = None if state == "open" else Dropped.BANNER if state is None else Dropped.CLOSED
    return Seen(line, host, port, why)


def _banner(line: int, row: _Row, host: str = "") -> Seen:
    host = host or _address(line, row)
    if row.transport not in (None, "tcp"):
        return Seen(line, host, None, Dropped.NOT_TCP)
    return Seen(line, host, number(row.port, line))


def _censys(line: int, row: _Row) -> Iterator[Seen]:
    """A host or hits, of Search v2 and of the Platform, whatever stands around them."""
    if _kind(row.hits) == _LIST:
        for hit in _rows(bytes(row.hits)) or ():
            yield from _censys(line, hit)
        return
    if _kind(row.host_v1) == _OBJECT:
        yield from _censys(line, _row(bytes(row.host_v1)))
        return
    services = row.services if _kind(row.services) == _LIST else row.matched_services
    if _kind(row.resource) == _OBJECT:
        inner = _row(bytes(row.resource))
        if _kind(inner.services) != _LIST:
            inner.services = services
        yield from _censys(line, inner)
        return
    if row.ip is None:  # a certificate or a web property
        yield Seen(line, "", None, Dropped.NO_HOST)
        return
    host = _text(line, row.ip)
    found = _rows(bytes(services)) or ()
    for service in found:
        if str(service.transport_protocol or "tcp").lower() not in ("tcp", "unknown"):
            yield Seen(line, host, None, Dropped.NOT_TCP)
        else:
            yield Seen(line, host, number(service.port, line))
    if not found:
        yield Seen(line, host, None, Dropped.CLOSED)


def _naabu(line: int, row: _Row) -> Seen:
    port, protocol = row.port, row.protocol
    if isinstance(row.port, dict):  # 2.1.3
        port, protocol = row.port.get("Port"), "tcp" if row.port.get("Protocol", 0) == 0 else "udp"
    host = _text(line, row.ip or row.host)
    if protocol not in (None, "", "tcp"):
        return Seen(line, host, None, Dropped.NOT_TCP)
    return Seen(line, host, number(port, line))


def _httpx(line: int, row: _Row) -> Seen:
    """httpx: before 1.3 `host` is the address, later a name beside `host_ip`."""
    host, port = _of_place(line, row.url or row.input)
    host = _text(line, row.host_ip or row.host or host)
    why = Dropped.CLOSED if row.failed is True or row.error else None
    return Seen(line, host, number(row.port, line) or port, why)


def _nuclei(line: int, row: _Row) -> Seen:
    host, port = _of_place(line, row.url or row.matched_at or row.host)
    host = _text(line, row.ip or host)
    if row.matcher_status is False or row.error:
        return Seen(line, host, None, Dropped.CLOSED)
    if row.type in ("dns", "whois", "file", "code"):
        return Seen(line, host, None, Dropped.NOT_TCP)
    return Seen(line, host, number(row.port, line) or port)


def _of_place(line: int, place: object) -> tuple[str, int | None]:
    """The host and the port of a URL, or of HOST:PORT."""
    if not isinstance(place, str) or not place:
        return "", None
    found = _PLACE.fullmatch(place[:4096])
    if found is None:
        raise Fault(line, "has a URL that cannot be read")
    scheme, bracketed, name, port = found.groups()
    return bracketed or name, number(port, line) or _SCHEMES.get((scheme or "").lower())


def _address(line: int, row: _Row) -> str:
    return _text(line, row.ip_str or row.ipv6 or row.ip)


def _text(line: int, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 32:  # Shodan's `ip`
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    if not isinstance(value, str) or not value:
        raise Fault(line, "names no host")
    return value
