"""DIMSE command sets, PS3.7 6.3.1 and 9.3: implicit VR little endian, group 0000."""

from __future__ import annotations

import struct

from msgspec import Struct

from filmbadge.ask.decoder.elements import UNDEFINED, headers
from filmbadge.ask.errors import WireError
from filmbadge.model import Cause

C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_GET_RQ = 0x0010
C_GET_RSP = 0x8010
C_FIND_RQ = 0x0020
C_FIND_RSP = 0x8020
C_ECHO_RQ = 0x0030
C_ECHO_RSP = 0x8030
C_CANCEL_RQ = 0x0FFF
NO_DATA_SET = 0x0101
DATA_SET = 0x0001

_AFFECTED_CLASS = 0x00000002
_FIELD = 0x00000100
_MESSAGE_ID = 0x00000110
_RESPONDED_ID = 0x00000120
_PRIORITY = 0x00000700
_DATA_SET_TYPE = 0x00000800
_STATUS = 0x00000900
# Error Comment (0000,0902) is never read: an archive's text there could name a patient.
_READ = frozenset((_AFFECTED_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_ID, _DATA_SET_TYPE, _STATUS))


class Command(Struct, frozen=True):
    field: int
    message_id: int = 0  # id of a request, or of the request that this responds to or cancels
    affected_class: str = ""
    status: int | None = None
    has_data_set: bool = False

    def __repr__(self) -> str:
        return f"<Command {self.field:#06x}>"  # an archive may write anything in place of a class

    @property
    def pending(self) -> bool:
        """Whether the status is FF00H or FF01H, PS3.4 C.4.1.1.4."""
        return self.status in (0xFF00, 0xFF01)


def _us(value: int) -> bytes:
    return struct.pack("<H", value)


def encode(command: Command) -> bytes:
    """Encodes the command set of a request, a response (field with bit 15 set) or a cancel."""
    answers = command.field & 0x8000 or command.field == C_CANCEL_RQ
    elements: list[tuple[int, bytes]] = []
    if command.affected_class:
        uid = command.affected_class.encode()
        elements.append((_AFFECTED_CLASS, uid + b"\0" * (len(uid) % 2)))
    elements.append((_FIELD, _us(command.field)))
    elements.append((_RESPONDED_ID if answers else _MESSAGE_ID, _us(command.message_id)))
    if command.field in (C_FIND_RQ, C_GET_RQ):
        elements.append((_PRIORITY, _us(2)))  # low priority: the clinic comes first
    elements.append((_DATA_SET_TYPE, _us(DATA_SET if command.has_data_set else NO_DATA_SET)))
    if command.status is not None:
        elements.append((_STATUS, _us(command.status)))
    body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def parse(data: bytes) -> Command:
    """Parses a command set. Raises WireError if it is malformed."""
    seen: dict[int, bytes] = {}
    for _, tag, at, length, _ in headers(data, explicit=False):
        if tag >> 16 or length == UNDEFINED:
            raise WireError(Cause.COMMAND_ELEMENT, at - 8)
        if tag in _READ:
            seen[tag] = data[at : at + length]

    def number(element: int) -> int | None:
        raw = seen.get(element)
        if raw is None:
            return None
        if len(raw) != 2:
            raise WireError(Cause.COMMAND_NUMBER, element, len(raw))
        return raw[0] | raw[1] << 8

    field = number(_FIELD)
    if field is None:
        raise WireError(Cause.COMMAND_FIELD_MISSING)
    return Command(
        field,
        number(_RESPONDED_ID if field & 0x8000 or field == C_CANCEL_RQ else _MESSAGE_ID) or 0,
        seen.get(_AFFECTED_CLASS, b"")[:64].decode("ascii", "replace").strip("\0 "),
        number(_STATUS),
        number(_DATA_SET_TYPE) not in (None, NO_DATA_SET),
    )
