"""Data elements, PS3.5 7: what we send, and a walk over what arrives.

The walk hands out slices of the attributes asked for and steps over everything else without
looking. It never decodes a value; that, and forgetting it, is the caller's one duty.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence

from filmbadge.ask.decoder.limits import MAX_NESTING
from filmbadge.ask.errors import WireError
from filmbadge.catalogue import kinds
from filmbadge.model import Cause

QUERY_LEVEL = 0x00080052
STUDY_DATE = 0x00080020
STUDY_TIME = 0x00080030
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
INSTANCE_UID = 0x00080018
SOP_CLASS = 0x00080016
SERIES_IN_STUDY = 0x00201206
IMAGES_IN_STUDY = 0x00201208

UNDEFINED = 0xFFFFFFFF

_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG = frozenset(vr.encode() for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"))
_SHORT = frozenset(
    vr.encode()
    for vr in (
        "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT",
        "PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US",
    )
)  # fmt: skip
_VR_SENT = {
    QUERY_LEVEL: b"CS",
    STUDY_DATE: b"DA",
    STUDY_TIME: b"TM",
    STUDY_UID: b"UI",
    SERIES_UID: b"UI",
    INSTANCE_UID: b"UI",
    SOP_CLASS: b"UI",
    SERIES_IN_STUDY: b"IS",
    IMAGES_IN_STUDY: b"IS",
} | {tag: vr.encode() for tag, vr in kinds.VR.items() if tag != STUDY_DATE}

_U16x2 = struct.Struct("<HH")
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")


def encode(keys: Sequence[tuple[int, bytes]], *, explicit: bool) -> bytes:
    """An identifier from (tag, value), in little endian, PS3.5 7.1. Values are padded to even length."""
    out = bytearray()
    for tag, raw in sorted(keys):
        vr = _VR_SENT[tag]
        value = raw + (b"\0" if vr == b"UI" else b" ") if len(raw) % 2 else raw
        out += _U16x2.pack(tag >> 16, tag & 0xFFFF)
        if explicit and vr in LONG:
            out += vr + b"\0\0" + _U32.pack(len(value))
        else:
            out += vr + _U16.pack(len(value)) if explicit else _U32.pack(len(value))
        out += value
    return bytes(out)


def walk(data: bytes, *, explicit: bool, wanted: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """The top-level elements among `wanted`, as (tag, value bytes), from a little-endian data set.

    Sequences and items of defined or undefined length are stepped over, PS3.5 7.5; so is an
    unknown VR of undefined length, which is encoded implicitly, PS3.5 6.2.2. Raises WireError with
    the offset where lengths do not fit.
    """
    at, size = 0, len(data)
    open_sequences: list[bool] = []  # the encoding outside each sequence of undefined length
    while at < size:
        if at + 8 > size:
            raise WireError(Cause.HEADER_CUT_OFF, at)
        group, element = _U16x2.unpack_from(data, at)
        tag = group << 16 | element
        start = at
        if group == 0xFFFE:
            (length,) = _U32.unpack_from(data, at + 4)
            at += 8
            if tag == _SEQUENCE_END:
                if not open_sequences:
                    raise WireError(Cause.SEQUENCE_UNOPENED, start)
                explicit = open_sequences.pop()
            elif tag not in (_ITEM, _ITEM_END) or not open_sequences:
                raise WireError(Cause.ITEM_MISPLACED, start)
            elif tag == _ITEM and length != UNDEFINED:
                at += length
            if at > size:
                raise WireError(Cause.ITEM_TOO_LONG, start)
            continue
        inner_explicit = explicit
        if explicit:
            vr = data[at + 4 : at + 6]
            if vr in LONG:
                if at + 12 > size:
                    raise WireError(Cause.HEADER_CUT_OFF, at)
                (length,) = _U32.unpack_from(data, at + 8)
                at += 12
                inner_explicit = vr != b"UN"
            elif vr in _SHORT:
                (length,) = _U16.unpack_from(data, at + 6)
                at += 8
            else:
                raise WireError(Cause.VR_INVALID, at)
        else:
            (length,) = _U32.unpack_from(data, at + 4)
            at += 8
        if length == UNDEFINED:
            if len(open_sequences) >= MAX_NESTING:
                raise WireError(Cause.NESTED_TOO_DEEP, start, MAX_NESTING)
            open_sequences.append(explicit)
            explicit = inner_explicit
            continue
        if at + length > size:
            raise WireError(Cause.ELEMENT_TOO_LONG, start)
        if not open_sequences and tag in wanted:
            yield tag, data[at : at + length]
        at += length
    if open_sequences:
        raise WireError(Cause.SEQUENCE_UNENDED)
