"""Data elements, PS3.5 7: the encoding of ours, and the one loop over the headers of an archive's.

The loop steps from header to header and looks at no value. The caller decodes a value, and must forget it.
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
INSTANCE_AVAILABILITY = 0x00080056
MODALITIES_IN_STUDY = 0x00080061
PATIENT_SEX = 0x00100040
STUDY_UID = 0x0020000D
SERIES_UID = 0x0020000E
INSTANCE_UID = 0x00080018
SOP_CLASS = 0x00080016
PATIENT_NAME = 0x00100010
PATIENT_ID = 0x00100020
SERIES_IN_STUDY = 0x00201206
IMAGES_IN_STUDY = 0x00201208

UNDEFINED = 0xFFFFFFFF

ITEM = 0xFFFEE000

_ITEM_END, _SEQUENCE_END = 0xFFFEE00D, 0xFFFEE0DD
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
    INSTANCE_AVAILABILITY: b"CS",
    MODALITIES_IN_STUDY: b"CS",
    STUDY_UID: b"UI",
    SERIES_UID: b"UI",
    INSTANCE_UID: b"UI",
    SOP_CLASS: b"UI",
    SERIES_IN_STUDY: b"IS",
    IMAGES_IN_STUDY: b"IS",
} | {tag: vr.encode() for tag, vr in kinds.VR.items() if tag != STUDY_DATE}

_HEADER = struct.Struct("<HHI")
_U16x2 = struct.Struct("<HH")
_U32 = struct.Struct("<I")
_U16 = struct.Struct("<H")


def encode(keys: Sequence[tuple[int, bytes]], *, explicit: bool) -> bytes:
    """Encodes an identifier from pairs of tag and value, in little endian, PS3.5 7.1. Pads values to even length."""
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


def headers(data: bytes, *, explicit: bool, inside: bool = False) -> Iterator[tuple[int, int, int, int, bool]]:
    """The elements of a little-endian data set, PS3.5 7, without a look at a value.

    Each is (depth, tag, offset of its value, length of its value, whether its content is in explicit VR). The depth is
    the number of sequences around the element. The loop enters a sequence of undefined length, PS3.5 7.5. It also
    enters an unknown VR of undefined length, which is encoded implicitly, PS3.5 6.2.2. It steps over every element and
    item that has a length. With `inside`, the data are the items of a sequence, or the content of one item. Raises
    WireError, with offsets only.
    """
    at, size, unpack = 0, len(data), _HEADER.unpack_from
    depth = int(inside)
    outside = [explicit] * depth  # the encoding outside each open sequence
    while at < size:
        if at + 8 > size:
            raise WireError(Cause.HEADER_CUT_OFF, at)
        group, element, length = unpack(data, at)
        tag, value, inner = group << 16 | element, at + 8, explicit
        if group == 0xFFFE:
            if tag == _SEQUENCE_END:
                if depth == inside:
                    raise WireError(Cause.SEQUENCE_UNOPENED, at)
                explicit, depth, at = outside.pop(), depth - 1, value
                continue
            if tag not in (ITEM, _ITEM_END) or not depth:
                raise WireError(Cause.ITEM_MISPLACED, at)
            if tag == _ITEM_END or length == UNDEFINED:
                at = value
                continue
        elif explicit:
            vr = data[at + 4 : at + 6]
            if vr in _SHORT:
                length >>= 16
            elif vr not in LONG:
                raise WireError(Cause.VR_INVALID, at)
            elif at + 12 > size:
                raise WireError(Cause.HEADER_CUT_OFF, at)
            else:
                (length,) = _U32.unpack_from(data, value)
                value, inner = at + 12, vr != b"UN"
        if length == UNDEFINED:
            if depth >= MAX_NESTING:
                raise WireError(Cause.NESTED_TOO_DEEP, at, MAX_NESTING)
            yield depth, tag, value, length, inner
            outside.append(explicit)
            explicit, depth, at = inner, depth + 1, value
            continue
        if value + length > size:
            raise WireError(Cause.ITEM_TOO_LONG if tag == ITEM else Cause.ELEMENT_TOO_LONG, at)
        yield depth, tag, value, length, inner
        at = value + length
    if depth != inside:
        raise WireError(Cause.SEQUENCE_UNENDED)


def short_header(head: bytes, *, explicit: bool) -> tuple[int, int] | None:
    """Tag and length, if these eight bytes are the whole header of an element with a length, and of no item."""
    if len(head) < 8 or head[:2] == b"\xfe\xff":
        return None
    group, element, length = _HEADER.unpack(head)
    if explicit:
        length = length >> 16 if head[4:6] in _SHORT else UNDEFINED
    return None if length == UNDEFINED else (group << 16 | element, length)


def values(data: bytes, *, explicit: bool, wanted: Collection[int]) -> dict[int, bytes]:
    """The values of the wanted attributes outside of sequences. Raises WireError."""
    return {
        tag: data[at : at + length]
        for depth, tag, at, length, _ in headers(data, explicit=explicit)
        if tag in wanted and not depth and length != UNDEFINED
    }
