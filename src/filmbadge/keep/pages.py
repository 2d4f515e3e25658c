"""How much memory a Parquet file would take, found before anything of it is decoded.

A few KiB can stand for gigabytes: in compressed pages, in a dictionary of one long value, in runs of nulls. What the footer says of it may
be a lie, so the headers of all pages are read, which the decoder obeys. (Apache Parquet, parquet.thrift, PageHeader.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa

EXPANDED_BYTES = 1 << 30  # a flush of 12,000 rows takes less than a twentieth of it
FOOTER_BYTES = 1 << 20
LIMITS = {"thrift_string_size_limit": 1 << 20, "thrift_container_size_limit": 10_000}
_OF_A_VALUE = 16  # bytes at most, beside those in its page
_PLAIN, _PLAIN_DICTIONARY, _RLE, _BIT_PACKED, _RLE_DICTIONARY = 0, 2, 3, 4, 8
_DATA, _DICTIONARY, _DATA_2 = 0, 2, 3
_HEADERS = {_DATA: (5, 2), _DICTIONARY: (7, 2), _DATA_2: (8, 4)}  # type of page: its own header, and the encoding there
_UNCOMPRESSED, _ZSTD = 0, 6
_TEXT = 6  # the physical type BYTE_ARRAY
_Struct = dict[int, Any]


class _Chunk(NamedTuple):
    """One column of one row group."""

    text: bool
    packed: bool
    values: int
    at: int  # of its first page
    length: int


class Unfit(ValueError):
    """What a file is that none of ours is."""


def require(data: bytes) -> int:
    """Bytes that its values take in memory at most. Raises Unfit where the file is none that we write, or takes too much memory, and ArrowException."""
    length = int.from_bytes(data[-8:-4], "little")
    if not 0 < length <= min(FOOTER_BYTES, len(data) - 12) or data[-4:] != b"PAR1":
        raise Unfit("it has no footer")
    expanded = 0
    for chunk in _chunks(data[-8 - length : -8]):
        expanded += _expanded(data, chunk)
        if expanded > EXPANDED_BYTES:
            raise Unfit(f"it would take more than {EXPANDED_BYTES >> 20} MiB of memory")
    return expanded


def _chunks(footer: bytes) -> list[_Chunk]:
    """The columns of all row groups, by the footer. Raises Unfit for a code that is none: pyarrow ends the process there."""
    told, _ = _struct(footer, 0)
    elements = _list(told.get(2))
    chunks = [_of(chunk, 3) for group in _list(told.get(4)) for chunk in _list(_of(group, 1))]
    codes = [
        ([_of(one, 1) for one in (*elements, *chunks)], 7),  # physical types
        ([_of(one, 3) for one in elements], 2),  # required, optional, repeated
        ([_of(one, 6) for one in elements], 21),  # converted types
        ([code for chunk in chunks for code in _list(_of(chunk, 2))], 9),  # encodings
    ]
    for found, highest in codes:
        if any(code is not None and not (isinstance(code, int) and 0 <= code <= highest) for code in found):
            raise Unfit("its footer is none of ours")
    return [_chunk(chunk) for chunk in chunks]


def _chunk(told: Any) -> _Chunk:
    numbers = [_of(told, field) for field in (1, 4, 5, 7, 9)]
    dictionary = _of(told, 11)
    if not all(isinstance(number, int) and number >= 0 for number in (*numbers, dictionary or 0)):
        raise Unfit("its footer is none of ours")
    kind, codec, values, length, at = numbers
    if codec not in (_UNCOMPRESSED, _ZSTD):
        raise Unfit("it is compressed otherwise than ours")
    return _Chunk(kind == _TEXT, codec == _ZSTD, values, min(at, dictionary or at), length)


def _of(found: Any, field: int) -> Any:
    return found.get(field) if isinstance(found, dict) else None


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _expanded(data: bytes, chunk: _Chunk) -> int:
    """Bytes that the values of one column take at most."""
    if chunk.values == 0:  # nothing of it is decoded
        return 0
    at, end, expanded, longest = chunk.at, chunk.at + chunk.length, 0, 0
    if at < 4 or end > len(data):
        raise Unfit("its pages are not in it")
    while at < end:
        page, at = _struct(data, at)
        kind, size, packed = page.get(1), page.get(2), page.get(3)
        own, encoding_at = _HEADERS.get(kind, (0, 0)) if isinstance(kind, int) else (0, 0)
        header = page.get(own)
        if not isinstance(header, dict) or not isinstance(size, int) or not isinstance(packed, int):
            raise Unfit("it has a page that is none of ours")
        values, encoding = header.get(1), header.get(encoding_at)
        if not isinstance(values, int) or min(size, packed, values) < 0 or at + packed > end:
            raise Unfit("it has a page that is none of ours")
        expanded += size + values * _OF_A_VALUE
        if expanded > EXPANDED_BYTES:
            return expanded
        if kind == _DICTIONARY:
            longest = _longest(data[at : at + packed], chunk, size, values)
        elif encoding in (_PLAIN_DICTIONARY, _RLE_DICTIONARY):
            expanded += values * longest
        elif encoding not in (_PLAIN, _RLE):
            raise Unfit("it has a page in an encoding that is none of ours")
        if kind == _DATA and any(header.get(levels) not in (_RLE, _BIT_PACKED) for levels in (3, 4)):
            raise Unfit("it has a page in an encoding that is none of ours")
        at += packed
    return expanded


def _longest(packed: bytes, chunk: _Chunk, size: int, values: int) -> int:
    """Bytes of the longest value of a dictionary. The size of the dictionary, where that is small enough to be sure."""
    if not chunk.text:
        return 0
    if size * chunk.values < EXPANDED_BYTES >> 8 or size > EXPANDED_BYTES >> 6:
        return size
    plain = packed if not chunk.packed else pa.Codec("zstd").decompress(packed, size, asbytes=True)
    at = longest = 0
    for _ in range(values):
        length = int.from_bytes(plain[at : at + 4], "little")
        longest, at = max(longest, length), at + 4 + length
        if at > size:
            raise Unfit("it has a dictionary that is none of ours")
    return longest


def _struct(data: bytes, at: int, depth: int = 0) -> tuple[_Struct, int]:
    """A struct in Thrift's compact protocol, without its texts, and where it ends."""
    found: _Struct = {}
    field = 0
    while at < len(data):
        head, at = data[at], at + 1
        if head == 0:
            return found, at
        if head >> 4:
            field += head >> 4
        else:
            field, at = _number(data, at)
        kind = head & 15
        if kind in (1, 2):
            found[field] = kind == 1
        elif kind in (5, 6):
            found[field], at = _number(data, at)
        else:
            found[field], at = _value(data, at, kind, depth)
    raise Unfit("it has a page that is none of ours")


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind in (1, 2, 3):  # in a list, a byte each
        return _byte(data, at)
    if kind in (4, 5, 6):
        return _number(data, at)
    if kind == 8:
        length, at = _varint(data, at)
        return None, at + length
    if kind == 12 and depth < 8:
        return _struct(data, at, depth + 1)
    if kind != 9 or depth >= 8:
        raise Unfit("it has a page or footer that is none of ours")
    head, at = _byte(data, at)
    size = head >> 4
    if size == 15:
        size, at = _varint(data, at)
    found = []
    for _ in range(size):
        one, at = _value(data, at, head & 15, depth + 1)
        found.append(one)
    return found, at


def _byte(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise Unfit("it has a page that is none of ours")
    return data[at], at + 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        byte, at = _byte(data, at)
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise Unfit("it has a page that is none of ours")


def _number(data: bytes, at: int) -> tuple[int, int]:
    if at < len(data) and (byte := data[at]) < 128:  # as nearly all are
        return byte >> 1 ^ -(byte & 1), at + 1
    number, at = _varint(data, at)
    return number >> 1 ^ -(number & 1), at
