"""Networks, one in another, as ranges that do not overlap: an address is found by bisection."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, MutableSequence
from ipaddress import IPv6Address, ip_network

_ROW_BITS, _PREFIX_BITS = 32, 8
BITS = {4: 32, 6: 128}
_OCTETS = {str(n): n for n in range(256)}
_PREFIXES = {version: {str(n): n for n in range(bits + 1)} for version, bits in BITS.items()}


def parse(text: str) -> tuple[int, int, int]:
    """IP version, first address and prefix length of a network, or of one address. Raises ValueError."""
    address, slash, prefix = text.partition("/")
    version, first = _address(address)
    bits = BITS[version]
    if not slash:
        return version, first, bits
    length = _PREFIXES[version].get(prefix)
    if length is None:
        raise ValueError(f"has no prefix length from 0 to {bits}")
    if first & ((1 << (bits - length)) - 1):
        raise ValueError(f"begins inside a network: write {ip_network(text, strict=False)}")
    return version, first, length


def _address(text: str) -> tuple[int, int]:
    try:
        if ":" in text:
            return 6, int(IPv6Address(text))
        a, b, c, d = text.split(".")
        return 4, _OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d]
    except (ValueError, KeyError):
        raise ValueError("is no network such as 192.0.2.0/24") from None


def key(first: int, prefix: int, row: int) -> int:
    """A network and the row that names it, as one number. In their order, a network comes before those inside it."""
    return (first << _PREFIX_BITS | prefix) << _ROW_BITS | row


def network_of(key: int) -> tuple[int, int]:
    return key >> (_ROW_BITS + _PREFIX_BITS), key >> _ROW_BITS & (1 << _PREFIX_BITS) - 1


def row_of(key: int) -> int:
    return key & (1 << _ROW_BITS) - 1


class Twice(ValueError):
    """Two rows name the same network."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__()
        self.rows = one, other


class Networks:
    """The networks of one IP version, sorted by `key`. Raises Twice.

    It takes about 40 bytes a network of IPv4, and 160 a network of IPv6.
    """

    def __init__(self, keys: Iterable[int], version: int) -> None:
        self._version = version
        fits = version == 4
        self._keys: list[int] = sorted(keys)
        self._around = array("q", bytes(8 * len(self._keys)))  # index of the network that holds this one; -1: none
        self._starts: MutableSequence[int] = array("Q") if fits else []
        self._at = array("q")  # index of the narrowest network from this start on; -1: none
        self._lay_out()

    def _lay_out(self) -> None:
        bits, open_, before = BITS[self._version], list[tuple[int, int]](), -1
        for index, found in enumerate(self._keys):
            if found >> _ROW_BITS == before:
                raise Twice(row_of(self._keys[index - 1]), row_of(found))
            before = found >> _ROW_BITS
            first, prefix = network_of(found)
            self._close(open_, first)
            self._around[index] = open_[-1][1] if open_ else -1
            self._begin(first, index)
            open_.append((first + (1 << (bits - prefix)), index))
        self._close(open_, 1 << bits)

    def _close(self, open_: list[tuple[int, int]], until: int) -> None:
        """Those that end at `until` or before: after each, what holds it goes on."""
        while open_ and open_[-1][0] <= until:
            end, _ = open_.pop()
            if end < 1 << BITS[self._version]:
                self._begin(end, open_[-1][1] if open_ else -1)

    def _begin(self, start: int, index: int) -> None:
        if self._starts and self._starts[-1] == start:
            self._at[-1] = index
        else:
            self._starts.append(start)
            self._at.append(index)

    def narrowest(self, address: int) -> int:
        """The index of the narrowest network that holds the address; -1: none does."""
        place = bisect_right(self._starts, address) - 1
        return self._at[place] if place >= 0 else -1

    def around(self, index: int) -> list[int]:
        """The keys of a network and of those that hold it, the narrowest first."""
        found = []
        while index >= 0:
            found.append(self._keys[index])
            index = self._around[index]
        return found
