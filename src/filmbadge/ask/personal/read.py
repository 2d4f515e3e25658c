"""Takes the personal attributes out of one identifier, for a `ValueInspector`. PS3.5 7."""

from __future__ import annotations

import struct
from collections.abc import Collection

from filmbadge.ask.decoder import elements
from filmbadge.ask.decoder.limits import MAX_NESTING
from filmbadge.ask.errors import WireError
from filmbadge.ask.personal import charsets
from filmbadge.ask.personal.inspector import Value
from filmbadge.catalogue.kinds import CHARACTER_SET, INSIDE, ISSUER
from filmbadge.model import Cause

_HEADER = struct.Struct("<HHI")
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_Raw = list[tuple[int, bytes]]


def values(identifier: bytes, explicit: bool, wanted: Collection[int]) -> tuple[bytes, list[Value]]:
    """The Study Instance UID, and the filled attributes among `wanted`, those inside sequences under the sequence's tag.

    The issuer of an id comes right after it. Raises WireError with offsets only.
    """
    found: _Raw = []
    top = {*wanted, elements.STUDY_UID, CHARACTER_SET}
    _elements(identifier, 0, len(identifier), explicit, 0, 0, top, found)
    uid, codec = b"", charsets.codec(())
    made: list[Value] = []
    for tag, raw in found:
        bare = raw.strip(b"\0 ")
        if not bare:
            continue
        if tag == elements.STUDY_UID:
            uid = bare
        elif tag == CHARACTER_SET:
            codec = charsets.codec(bare.decode("ascii", "replace").split("\\"))
        else:
            made.append((tag, charsets.text(bare, codec)))
    return uid, made


def _elements(
    data: bytes, at: int, end: int, explicit: bool, depth: int, under: int, wanted: Collection[int], found: _Raw
) -> int:
    """Elements up to `end`, or up to the delimiter of the item they are in. Returns where they end."""
    while at < end:
        start = at
        if at + 8 > end:
            raise WireError(Cause.HEADER_CUT_OFF, start)
        group, element, length = _HEADER.unpack_from(data, at)
        tag = group << 16 | element
        if tag == _ITEM_END and depth:
            return at + 8
        if group == 0xFFFE:
            raise WireError(Cause.ITEM_MISPLACED, start)
        at += 8
        sequence, inner = tag in INSIDE, explicit
        if explicit:
            vr = data[start + 4 : start + 6]
            if vr in elements.LONG:
                if start + 12 > end:
                    raise WireError(Cause.HEADER_CUT_OFF, start)
                length = int.from_bytes(data[start + 8 : start + 12], "little")
                at += 4
            else:
                length = int.from_bytes(data[start + 6 : start + 8], "little")
            sequence, inner = vr == b"SQ", vr != b"UN"
        if length != elements.UNDEFINED and at + length > end:
            raise WireError(Cause.ELEMENT_TOO_LONG, start)
        if sequence or length == elements.UNDEFINED:
            nested = (*INSIDE.get(tag, ()), ISSUER) if tag in wanted and not depth else ()
            stop = end if length == elements.UNDEFINED else at + length
            at = _items(data, at, stop, length == elements.UNDEFINED, inner, depth + 1, tag, nested, found)
            continue
        if tag in wanted:
            found.append((under if under and tag != ISSUER else tag, data[at : at + length]))
        at += length
    return at


def _items(
    data: bytes,
    at: int,
    end: int,
    delimited: bool,
    explicit: bool,
    depth: int,
    under: int,
    wanted: Collection[int],
    found: _Raw,
) -> int:
    if depth > MAX_NESTING:
        raise WireError(Cause.NESTED_TOO_DEEP, at, MAX_NESTING)
    while at < end:
        if at + 8 > end:
            raise WireError(Cause.ITEM_CUT_OFF, at)
        group, element, length = _HEADER.unpack_from(data, at)
        tag, start, at = group << 16 | element, at, at + 8
        if tag == _SEQUENCE_END and delimited:
            return at
        if tag != _ITEM:
            raise WireError(Cause.ITEM_MISSING, start)
        if length == elements.UNDEFINED:
            at = _elements(data, at, end, explicit, depth, under, wanted, found)
        elif at + length > end:
            raise WireError(Cause.ITEM_TOO_LONG, start)
        else:
            at = _elements(data, at, at + length, explicit, depth, under, wanted, found)
    if delimited:
        raise WireError(Cause.SEQUENCE_UNENDED)
    return at
