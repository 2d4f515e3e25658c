"""One small synthetic image: as the data set of a C-STORE, and as a file (PS3.10 7)."""

from __future__ import annotations

import struct
from functools import lru_cache

from filmbadge.catalogue.dicom import EXPLICIT_LITTLE

SIDE = 96  # pixels; the image has more bytes than a proof wants
_LONG = (b"OB", b"OW")


@lru_cache(maxsize=64)
def data_set(storage: bytes, uids: tuple[bytes, bytes, bytes], *, explicit: bool = True) -> bytes:
    """An image without a person, of `SIDE` squared pixels. `uids` are those of its study, series and instance."""
    study, series, instance = uids
    image = [
        (0x00080016, b"UI", storage),
        (0x00080018, b"UI", instance),
        (0x0020000D, b"UI", study),
        (0x0020000E, b"UI", series),
        (0x00280002, b"US", struct.pack("<H", 1)),
        (0x00280004, b"CS", b"MONOCHROME2"),
        (0x00280010, b"US", struct.pack("<H", SIDE)),
        (0x00280011, b"US", struct.pack("<H", SIDE)),
        (0x00280100, b"US", struct.pack("<H", 8)),
        (0x00280101, b"US", struct.pack("<H", 8)),
        (0x00280102, b"US", struct.pack("<H", 7)),
        (0x00280103, b"US", struct.pack("<H", 0)),
        (0x7FE00010, b"OB" if explicit else b"OW", bytes(SIDE * SIDE)),
    ]
    return b"".join(_element(tag, vr, value, explicit=explicit) for tag, vr, value in image)


def file(storage: bytes, uids: tuple[bytes, bytes, bytes]) -> bytes:
    """The same as a DICOM file in explicit VR little endian."""
    meta = b"".join(
        _element(tag, vr, value)
        for tag, vr, value in (
            (0x00020001, b"OB", b"\0\1"),
            (0x00020002, b"UI", storage),
            (0x00020003, b"UI", uids[2]),
            (0x00020010, b"UI", EXPLICIT_LITTLE.encode()),
            (0x00020012, b"UI", b"2.25.1"),
        )
    )
    return (
        bytes(128)
        + b"DICM"
        + _element(0x00020000, b"UL", struct.pack("<I", len(meta)))
        + meta
        + data_set(storage, uids)
    )


def _element(tag: int, vr: bytes, value: bytes, *, explicit: bool = True) -> bytes:
    value += (b"\0" if vr in (b"UI", *_LONG) else b" ") * (len(value) % 2)
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in _LONG:
        return head + vr + struct.pack("<HI", 0, len(value)) + value
    return head + vr + struct.pack("<H", len(value)) + value
