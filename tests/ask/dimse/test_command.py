"""Command sets, PS3.7 6.3.1."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.dimse import command
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.errors import WireError
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, VERIFICATION


def element(number: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, number, len(value)) + value


def us(value: int) -> bytes:
    return value.to_bytes(2, "little")


def test_an_echo_request_by_hand() -> None:
    body = (
        b"\x00\x00\x02\x00" b"\x12\x00\x00\x00" b"1.2.840.10008.1.1\0"  # affected SOP class
        b"\x00\x00\x00\x01" b"\x02\x00\x00\x00" b"\x30\x00"  # command field: C-ECHO-RQ
        b"\x00\x00\x10\x01" b"\x02\x00\x00\x00" b"\x07\x00"  # message ID 7
        b"\x00\x00\x00\x08" b"\x02\x00\x00\x00" b"\x01\x01"  # no data set
    )  # fmt: skip
    whole = b"\x00\x00\x00\x00\x04\x00\x00\x00\x38\x00\x00\x00" + body  # group length 56
    assert command.encode(Command(command.C_ECHO_RQ, 7, VERIFICATION)) == whole


def test_a_find_request_asks_with_low_priority() -> None:
    asked = command.encode(Command(command.C_FIND_RQ, 1, STUDY_ROOT_FIND, has_data_set=True))
    assert element(0x0700, us(2)) in asked
    assert element(0x0800, us(command.DATA_SET)) in asked


commands = st.builds(
    Command,
    field=st.sampled_from([0x0020, 0x8020, 0x0030, 0x8030, 0x0FFF]),
    message_id=st.integers(0, 0xFFFF),
    affected_class=st.sampled_from(["", VERIFICATION, STUDY_ROOT_FIND]),
    status=st.none() | st.integers(0, 0xFFFF),
    has_data_set=st.booleans(),
)


@settings(deadline=None)
@given(commands)
def test_round_trip(sent: Command) -> None:
    assert command.parse(command.encode(sent)) == sent


@pytest.mark.parametrize(("status", "pending"), [(0xFF00, True), (0xFF01, True), (0x0000, False), (0xFE00, False)])
def test_pending(status: int, pending: bool) -> None:
    assert Command(command.C_FIND_RSP, status=status).pending is pending


def test_an_error_comment_is_not_read() -> None:
    said = element(0x0100, us(command.C_FIND_RSP)) + element(0x0900, us(0xC000)) + element(0x0902, b"DOE^JANE")
    assert "DOE" not in repr(command.parse(said))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        element(0x0110, us(1)),  # no command field
        element(0x0100, b"\x20"),  # of one byte
        element(0x0100, us(0x8020)) + element(0x0900, bytes(4)),  # a status of four
        element(0x0100, us(0x8020)) + element(0x0900, us(0))[:-1],  # cut off
    ],
)
def test_malformed(data: bytes) -> None:
    with pytest.raises(WireError):
        command.parse(data)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_raise_wire_errors_only(data: bytes) -> None:
    for given_data in (data, element(0x0100, us(0x8020)) + data):
        try:
            command.parse(given_data)
        except WireError:
            continue
