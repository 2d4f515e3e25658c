"""Small databases in the MaxMind DB format 2.0, written for tests: whole ones, and pieces to make odd ones of."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_network
from types import MappingProxyType

MARK = b"\xab\xcd\xefMaxMind.com"
BUILT = 1_790_000_000  # 2026-09-21
_POINTER, _STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 1, 2, 5, 6, 7, 9, 11


def control(kind: int, size: int) -> bytes:
    """The control byte of a field, with the byte of an extended type."""
    small, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | small]) if kind < 8 else bytes([small, kind - 7])) + more


def pointer(at: int) -> bytes:
    """A pointer of 32 bits to this place in the data section."""
    return bytes([_POINTER << 5 | 0b11000]) + at.to_bytes(4)


def encoded(value: object) -> bytes:
    if isinstance(value, str):
        raw = value.encode()
        return control(_STRING, len(raw)) + raw
    if isinstance(value, Mapping):
        return control(_MAP, len(value)) + b"".join(encoded(k) + encoded(v) for k, v in value.items())
    if isinstance(value, list):
        return control(_ARRAY, len(value)) + b"".join(map(encoded, value))
    assert isinstance(value, int)
    raw = value.to_bytes((value.bit_length() + 7) // 8)
    return control(_UINT64 if len(raw) > 4 else _UINT32, len(raw)) + raw


def metadata(
    nodes: int, version: int = 6, bits: int = 24, others: Mapping[str, object] = MappingProxyType({})
) -> bytes:
    told: dict[str, object] = {
        "node_count": nodes,
        "record_size": bits,
        "ip_version": version,
        "database_type": "Test",
        "languages": ["en"],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": BUILT,
        "description": {"en": "for tests"},
    }
    return MARK + encoded(told | dict(others))


def tree(nodes: list[list[int]], bits: int) -> bytes:
    if bits == 28:
        return b"".join(
            (left & 0xFFFFFF).to_bytes(3) + bytes([left >> 24 << 4 | right >> 24]) + (right & 0xFFFFFF).to_bytes(3)
            for left, right in nodes
        )
    return b"".join(record.to_bytes(bits // 8) for node in nodes for record in node)


def database(records: Mapping[str, object], version: int = 6, bits: int = 24) -> bytes:
    """The records by network. IPv4 stands below ::/96 of a tree of IPv6. Networks must not overlap."""
    nodes: list[list[int | str]] = [["", ""]]
    data, places = b"", dict[str, int]()
    for text, record in records.items():
        places[text] = len(data)
        data += encoded(record)
        network = ip_network(text)
        width = 32 if version == 4 else 128
        prefix = network.prefixlen + (width - network.max_prefixlen)
        first, node = int(network.network_address), 0
        for bit in range(prefix - 1):
            side = first >> (width - 1 - bit) & 1
            if nodes[node][side] == "":
                nodes.append(["", ""])
                nodes[node][side] = len(nodes) - 1
            node = int(nodes[node][side])
        nodes[node][first >> (width - prefix) & 1] = text
    count = len(nodes)
    made = [
        [count if one == "" else count + 16 + places[one] if isinstance(one, str) else one for one in node]
        for node in nodes
    ]
    return tree(made, bits) + bytes(16) + data + metadata(count, version, bits)


def holding(data: bytes, bits: int = 32) -> bytes:
    """Every address leads to the first record of this data section."""
    return tree([[1 + 16, 1 + 16]], bits) + bytes(16) + data + metadata(1, 4, bits)
