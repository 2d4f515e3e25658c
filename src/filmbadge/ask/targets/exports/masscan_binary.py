"""masscan -oB: a head of 99 bytes, then records of a type, a length and big-endian fields; the head again at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from filmbadge.ask.targets.exports.seen import Dropped, End, Fault, Seen, number

MAGIC = b"masscan/1."
_HEAD = 99  # bytes
_HEAD_AGAIN = ord("m")
_MOST_RECORD = 1 << 20  # bytes of one record, as masscan itself bounds them
_TCP = 6
_OLD = {1: None, 2: Dropped.CLOSED}  # 12 bytes, IPv4, no protocol
_V4 = {6: None, 7: Dropped.CLOSED}  # 13 bytes
_V6 = {10: None, 11: Dropped.CLOSED}  # 26 bytes
_BANNERS = (3, 4, 5, 9, 13)
_OLD_NOT_TCP = (
    53,
    123,
    137,
    161,
    2905,
    36412,
    36422,
)  # ports that masscan asks over UDP or SCTP, where a record does not say


class _Ended(Exception):
    """The file ended within a record."""


class _Bytes:
    """Takes bytes off pieces of any size."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._held = b""
        self._place = 0
        self.taken = 0

    def take(self, wanted: int) -> bytes:
        """So many bytes. Raises _Ended where there are fewer."""
        while len(self._held) - self._place < wanted:
            piece = next(self._pieces, None)
            if piece is None:
                raise _Ended
            self._held, self._place = self._held[self._place :] + piece, 0
        start, self._place = self._place, self._place + wanted
        self.taken += wanted
        return self._held[start : self._place]

    def varied(self) -> int:
        """A number in groups of seven bits, the highest first; a group that another follows has its high bit set."""
        value = 0
        for _ in range(4):
            (byte,) = self.take(1)
            value = value << 7 | byte & 0x7F
            if not byte & 0x80:
                break
        return value


def binary(chunks: Iterable[bytes], end: End) -> Iterator[Seen]:
    """The ports of a file. `Seen.line` is the byte at which a record begins, because there are no lines."""
    held = _Bytes(chunks)
    at = 0
    try:
        held.take(_HEAD)
        while True:
            at = held.taken
            kind = held.varied()
            if kind == _HEAD_AGAIN:
                return
            length = held.varied() + (kind == 4)  # of this type masscan wrote one byte more than it says
            if length > _MOST_RECORD:
                raise Fault(at, "is a record that is too long")
            yield _record(at, kind, held.take(length))
    except _Ended:
        end.cut = f"byte {at}"


def _record(at: int, kind: int, data: bytes) -> Seen:
    if kind in _OLD and len(data) >= 12:
        host, port, why = IPv4Address(data[4:8]), data[8:10], _OLD[kind]
        tcp = int.from_bytes(port, "big") not in _OLD_NOT_TCP
    elif kind in _V4 and len(data) >= 13:
        host, port, why, tcp = IPv4Address(data[4:8]), data[9:11], _V4[kind], data[8] == _TCP
    elif kind in _V6 and len(data) >= 26 and data[9] == 6:
        return _seen(at, str(IPv6Address(data[10:26])), data[5:7], _V6[kind], data[4] == _TCP)
    elif kind in _BANNERS:
        return Seen(at, "", None, Dropped.BANNER)
    else:
        raise Fault(at, "is no record of masscan's")
    return _seen(at, str(host), port, why, tcp)


def _seen(at: int, host: str, port: bytes, why: Dropped | None, tcp: bool) -> Seen:
    if not tcp:
        return Seen(at, host, None, Dropped.NOT_TCP)
    return Seen(at, host, number(int.from_bytes(port, "big"), at), why)
