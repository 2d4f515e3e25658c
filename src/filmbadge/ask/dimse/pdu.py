"""Protocol data units of the DICOM upper layer, PS3.8 9.3: from bytes to records and back.

Every parser raises WireError for a malformed unit. The error holds a code, offsets and lengths only.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from msgspec import Struct

from filmbadge.ask.decoder.limits import MAX_PDU
from filmbadge.ask.errors import WireError
from filmbadge.ask.wire.text import clean
from filmbadge.catalogue.dicom import APPLICATION_CONTEXT
from filmbadge.model import Abort, Cause, Rejection

ASSOCIATE_RQ = 0x01
ASSOCIATE_AC = 0x02
ASSOCIATE_RJ = 0x03
P_DATA = 0x04
RELEASE_RQ = 0x05
RELEASE_RP = 0x06
ABORT = 0x07

HEADER = struct.Struct(">BxI")  # type, length

_ITEM = struct.Struct(">BxH")
_PDV = struct.Struct(">IBB")  # length, presentation context, control header
_BOTH = struct.Struct(">BxIIBB")  # header of a unit, and of the one value in it

MAX_CODE = 10  # of results, sources and reasons, PS3.8 Tables 9-21 and 9-26

COMMAND, LAST = 1, 2  # bits of the message control header, PS3.8 E.2: command set, last fragment


class Context(Struct, frozen=True, cache_hash=True):
    """A presentation context, PS3.8 9.3.2.2: proposed with several transfer syntaxes, or accepted with one."""

    id: int
    abstract: str
    transfer: tuple[str, ...]
    result: int = 0  # PS3.8 Table 9-18; 0 is acceptance


class Associate(Struct, frozen=True):
    """A-ASSOCIATE-RQ or -AC, PS3.8 9.3.2 and 9.3.3."""

    called: str
    calling: str
    contexts: tuple[Context, ...]
    max_pdu: int = MAX_PDU
    implementation_uid: str = ""
    implementation_version: str = ""
    stored: tuple[str, ...] = ()  # SOP classes that the acceptor may C-STORE to the requestor, PS3.7 D.3.3.4


def header(kind: int, length: int) -> bytes:
    return HEADER.pack(kind, length)


def _item(kind: int, body: bytes) -> bytes:
    return _ITEM.pack(kind, len(body)) + body


def _title(title: str) -> bytes:
    return title.encode("ascii").ljust(16)


def associate(kind: int, unit: Associate) -> bytes:
    """A-ASSOCIATE-RQ (kind 01H) or A-ASSOCIATE-AC (kind 02H)."""
    items = [_item(0x10, APPLICATION_CONTEXT.encode())]
    for context in unit.contexts:
        names = b"".join(_item(0x40, syntax.encode()) for syntax in context.transfer)
        if kind == ASSOCIATE_RQ:
            body = bytes([context.id, 0, 0, 0]) + _item(0x30, context.abstract.encode()) + names
            items.append(_item(0x20, body))
        else:
            items.append(_item(0x21, bytes([context.id, 0, context.result, 0]) + names))
    user = _item(0x51, struct.pack(">I", unit.max_pdu))
    if unit.implementation_uid:
        user += _item(0x52, unit.implementation_uid.encode())
    if unit.implementation_version:
        user += _item(0x55, unit.implementation_version.encode())
    for sop_class in unit.stored:
        name = sop_class.encode()
        user += _item(0x54, struct.pack(">H", len(name)) + name + b"\0\1")
    items.append(_item(0x50, user))
    body = struct.pack(">H2x", 1) + _title(unit.called) + _title(unit.calling) + bytes(32) + b"".join(items)
    return header(kind, len(body)) + body


def parse_associate(body: bytes) -> Associate:
    """Parses the body of an A-ASSOCIATE-RQ or -AC (without its 6-byte header)."""
    if len(body) < 68:
        raise WireError(Cause.PDU_LENGTH, ASSOCIATE_AC, len(body))
    if not int.from_bytes(body[:2], "big") & 1:
        raise WireError(Cause.PROTOCOL_VERSION)
    contexts: list[Context] = []
    max_pdu, uid, version = 0, "", ""
    try:
        for item, value in _items(body, 68):
            if item in (0x20, 0x21):
                contexts.append(_context(value))
            elif item == 0x50:
                for sub, content in _items(value, 0):
                    if sub == 0x51 and len(content) == 4:
                        max_pdu = int.from_bytes(content, "big")
                    elif sub == 0x52:
                        uid = clean(content, 64)
                    elif sub == 0x55:
                        version = clean(content, 16)
    except WireError:
        if not contexts:  # what stands after these can be done without
            raise
    return Associate(clean(body[4:20], 16), clean(body[20:36], 16), tuple(contexts), max_pdu, uid, version)


def _context(value: bytes) -> Context:
    if len(value) < 4:
        raise WireError(Cause.CONTEXT_LENGTH, len(value))
    abstract, transfer = "", []
    for sub, content in _items(value, 4):
        if sub == 0x30:
            abstract = clean(content, 64)
        elif sub == 0x40:
            transfer.append(clean(content, 64))
    return Context(value[0], abstract, tuple(transfer), value[2])


def _items(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at < len(body):
        if at + 4 > len(body):
            raise WireError(Cause.ITEM_CUT_OFF, at)
        kind, length = _ITEM.unpack_from(body, at)
        at += 4
        if at + length > len(body):
            raise WireError(Cause.ITEM_TOO_LONG, at - 4)
        yield kind, body[at : at + length]
        at += length


def reject(result: int, source: int, reason: int) -> bytes:
    return header(ASSOCIATE_RJ, 4) + bytes([0, result, source, reason])


def parse_reject(body: bytes) -> Rejection:
    """Parses an A-ASSOCIATE-RJ, PS3.8 9.3.4. It is a rejection whatever its length; fields that are missing are 0."""
    return Rejection(*_codes(body, 1))


def abort(source: int, reason: int = 0) -> bytes:
    return header(ABORT, 4) + bytes([0, 0, source, reason])


def parse_abort(body: bytes) -> Abort:
    """Parses an A-ABORT, PS3.8 9.3.8. It is an abort whatever its length; fields that are missing are 0."""
    return Abort(*_codes(body, 2))


def _codes(body: bytes, at: int) -> bytes:
    """The codes of such a unit. One of another length may hold anything, so what can be no code of the standard is 0."""
    codes = body[at:4].ljust(4 - at, b"\0")
    return codes if len(body) == 4 else bytes(code if code <= MAX_CODE else 0 for code in codes)


RELEASE_REQUEST = header(RELEASE_RQ, 4) + bytes(4)
RELEASE_RESPONSE = header(RELEASE_RP, 4) + bytes(4)


def data(context: int, command: bytes, dataset: bytes | None, max_pdu: int) -> bytes:
    """Encodes a DIMSE message as P-DATA-TF units of at most the peer's maximum length, PS3.8 9.3.5 and Annex E."""
    units = _fragments(context, COMMAND, command, max_pdu)
    if dataset is not None:  # an empty data set was announced too, so the peer waits for a fragment without bytes
        units += _fragments(context, 0, dataset, max_pdu)
    return units


def _fragments(context: int, kind: int, message: bytes, max_pdu: int) -> bytes:
    size = (min(max_pdu, MAX_PDU) if max_pdu > 6 else MAX_PDU) - 6  # 0 means unlimited, PS3.8 D.1.1
    if len(message) <= size:
        return _BOTH.pack(P_DATA, len(message) + 6, len(message) + 2, context, kind | LAST) + message
    units = []
    for at in range(0, len(message), size):
        piece = message[at : at + size]
        last = LAST if at + size >= len(message) else 0
        units.append(_BOTH.pack(P_DATA, len(piece) + 6, len(piece) + 2, context, kind | last) + piece)
    return b"".join(units)


def parse_data(body: bytes) -> Sequence[tuple[int, int, bytes]]:
    """Parses the values of a P-DATA-TF body into (context, control bits, fragment)."""
    values = []
    at = 0
    while at < len(body):
        if at + 6 > len(body):
            raise WireError(Cause.VALUE_CUT_OFF, at)
        length, context, control = _PDV.unpack_from(body, at)
        end = at + 4 + length
        if length < 2 or end > len(body):
            raise WireError(Cause.VALUE_LENGTH, at, length)
        values.append((context, control, body[at + 6 : end]))
        at = end
    return values
