"""Protocol data units against bytes written out by hand from PS3.8 9.3."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import limits
from filmbadge.ask.dimse import pdu
from filmbadge.ask.errors import WireError
from filmbadge.model import Abort, Rejection

FIXED = (
    b"\x00\x01" b"\x00\x00"  # protocol version 1, reserved
    b"ANY-SCP         "  # called AE title, 16 bytes
    b"FILMBADGE       "  # calling AE title
    + bytes(32)  # reserved
    + b"\x10\x00\x00\x15" b"1.2.840.10008.3.1.1.1"  # application context
)  # fmt: skip

USER = (
    b"\x50\x00\x00\x17"  # user information, 23 bytes
    b"\x51\x00\x00\x04" b"\x00\x00\x40\x00"  # maximum length 16384
    b"\x52\x00\x00\x03" b"1.2"  # implementation class UID
    b"\x55\x00\x00\x04" b"PEER"  # implementation version name
)  # fmt: skip

REQUEST = (
    b"\x01\x00" b"\x00\x00\x00\xaa"  # A-ASSOCIATE-RQ, 170 bytes
    + FIXED
    + b"\x20\x00\x00\x2e"  # presentation context, 46 bytes
      b"\x03\x00\x00\x00"  # id 3, reserved
      b"\x30\x00\x00\x11" b"1.2.840.10008.1.1"  # abstract syntax: Verification
      b"\x40\x00\x00\x11" b"1.2.840.10008.1.2"  # transfer syntax: Implicit VR Little Endian
    + USER
)  # fmt: skip

ACCEPT = (
    b"\x02\x00" b"\x00\x00\x00\x95"  # A-ASSOCIATE-AC, 149 bytes
    + FIXED
    + b"\x21\x00\x00\x19"  # presentation context result, 25 bytes
      b"\x03\x00\x00\x00"  # id 3, reserved, result 0 acceptance, reserved
      b"\x40\x00\x00\x11" b"1.2.840.10008.1.2"
    + USER
)  # fmt: skip


def unit(abstract: str) -> pdu.Associate:
    context = pdu.Context(3, abstract, ("1.2.840.10008.1.2",))
    return pdu.Associate("ANY-SCP", "FILMBADGE", (context,), 16384, "1.2", "PEER")


@pytest.mark.parametrize(
    ("kind", "whole", "asked"),
    [
        (pdu.ASSOCIATE_RQ, REQUEST, unit("1.2.840.10008.1.1")),
        (pdu.ASSOCIATE_AC, ACCEPT, unit("")),
    ],
)
def test_associate_is_written_and_read_as_the_standard_says(kind: int, whole: bytes, asked: pdu.Associate) -> None:
    assert pdu.associate(kind, asked) == whole
    assert pdu.parse_associate(whole[6:]) == asked


def test_a_context_result_and_unknown_items_are_read() -> None:
    refused = ACCEPT.replace(b"\x03\x00\x00\x00\x40", b"\x03\x00\x04\x00\x40")  # 4: transfer syntaxes not supported
    refused += b"\x53\x00\x00\x04\x00\x01\x00\x01"  # an item we do not know
    assert pdu.parse_associate(refused[6:]).contexts == (pdu.Context(3, "", ("1.2.840.10008.1.2",), 4),)


def test_what_an_archive_says_of_itself_is_bounded_printable_ascii() -> None:
    version = b"\x1b[31m\xff\xfe" + b"x" * 4000
    item = b"\x55\x00" + len(version).to_bytes(2, "big") + version
    body = FIXED + b"\x50\x00" + len(item).to_bytes(2, "big") + item
    assert pdu.parse_associate(body).implementation_version == "?[31m??xxxxxxxxx"


def test_reject_and_abort() -> None:
    rejection = b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07"  # permanent, service user, called AE not recognized
    assert pdu.reject(1, 1, 7) == rejection
    assert pdu.parse_reject(rejection[6:]) == Rejection(1, 1, 7)
    aborted = b"\x07\x00\x00\x00\x00\x04\x00\x00\x02\x06"  # service provider, invalid parameter value
    assert pdu.abort(2, 6) == aborted
    assert pdu.parse_abort(aborted[6:]) == Abort(2, 6)


def test_release() -> None:
    assert b"\x05\x00\x00\x00\x00\x04" + bytes(4) == pdu.RELEASE_REQUEST
    assert b"\x06\x00\x00\x00\x00\x04" + bytes(4) == pdu.RELEASE_RESPONSE


def test_data_by_hand() -> None:
    whole = (
        b"\x04\x00\x00\x00\x00\x09"  # P-DATA-TF, 9 bytes
        b"\x00\x00\x00\x05\x03\x03"  # value of 5 bytes, context 3, last fragment of a command
        b"CMD"
        b"\x04\x00\x00\x00\x00\x08"
        b"\x00\x00\x00\x04\x03\x02"  # context 3, last fragment of a data set
        b"DS"
    )
    assert pdu.data(3, b"CMD", b"DS", 16384) == whole
    assert pdu.parse_data(whole[6:15] + whole[21:]) == [(3, 3, b"CMD"), (3, 2, b"DS")]


def units(stream: bytes) -> list[tuple[int, bytes]]:
    found = []
    while stream:
        kind, length = pdu.HEADER.unpack_from(stream)
        found.append((kind, stream[6 : 6 + length]))
        stream = stream[6 + length :]
    return found


def messages(stream: bytes) -> list[tuple[int, bytes]]:
    """(is command, whole message) of a stream of P-DATA-TF units."""
    found, fragments = [], {0: b"", pdu.COMMAND: b""}
    for kind, body in units(stream):
        assert kind == pdu.P_DATA
        for _, control, fragment in pdu.parse_data(body):
            which = control & pdu.COMMAND
            fragments[which] += fragment
            if control & pdu.LAST:
                found.append((which, fragments[which]))
                fragments[which] = b""
    return found


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=300), st.none() | st.binary(max_size=300), st.integers(7, 400) | st.just(0))
def test_any_message_survives_any_maximum_length(command: bytes, data_set: bytes | None, max_pdu: int) -> None:
    stream = pdu.data(5, command, data_set, max_pdu)
    assert messages(stream) == [(pdu.COMMAND, command)] + ([] if data_set is None else [(0, data_set)])
    assert all(len(body) <= (max_pdu or limits.MAX_PDU) for _, body in units(stream))


def test_an_announced_data_set_is_sent_even_if_empty() -> None:
    assert messages(pdu.data(5, b"CMD", b"", 16384)) == [(pdu.COMMAND, b"CMD"), (0, b"")]


def test_unlimited_means_one_unit() -> None:
    assert len(units(pdu.data(1, bytes(60_000), None, 0))) == 1
    assert len(units(pdu.data(1, bytes(60_000), None, 16384))) == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        FIXED[:67],  # one byte less than the fixed part
        b"\x00\x02" + FIXED[2:],  # protocol version 2 only
        FIXED + b"\x50\x00\x00",  # an item header cut off
        FIXED + b"\x50\x00\x00\x09\x51",  # an item longer than the unit
        FIXED + b"\x50\x00\x00\x04\x51\x00\x00\x04",  # a sub-item longer than its item
        FIXED + b"\x21\x00\x00\x03\x01\x00\x00",  # a presentation context too short
    ],
)
def test_malformed_associate(body: bytes) -> None:
    with pytest.raises(WireError):
        pdu.parse_associate(body)


@pytest.mark.parametrize("more", [b"\0", b"\x50\0", b"\x50\0\0\xff", b"\x50\0\0\5\x51\0\0\4\0", b"\0\0\0\0"])
def test_what_is_malformed_after_the_contexts_is_left_out(more: bytes) -> None:
    context = pdu.Context(3, "", ("1.2.840.10008.1.2",))
    whole = pdu.associate(pdu.ASSOCIATE_AC, pdu.Associate("A", "B", (context,)))[pdu.HEADER.size :]
    assert pdu.parse_associate(whole + more).contexts == (context,)


@pytest.mark.parametrize("length", range(12))
def test_a_rejection_and_an_abort_of_another_length_are_still_that(length: int) -> None:
    """Fields that are missing are 0, and so is what can be no code: such a unit may hold anything."""
    body = b"\0\2\1\7DOE^JANE"[:length]
    assert pdu.parse_reject(body) == Rejection(*(2, 1, 7)[: max(0, length - 1)], *[0] * min(3, 4 - length))
    assert pdu.parse_abort(body) == Abort(*(1, 7)[: max(0, length - 2)], *[0] * min(2, 4 - length))
    if length != 4:
        assert pdu.parse_reject(b"DOE^JANE") == Rejection(0, 0, 0)
        assert pdu.parse_abort(b"DOE^JANE") == Abort(0, 0)


@pytest.mark.parametrize(
    "body",
    [
        b"\x00\x00\x00\x02\x01",  # header cut off
        b"\x00\x00\x00\x01\x01\x03",  # a length that leaves no room for its own header
        b"\x00\x00\x00\x09\x01\x03abc",  # longer than its unit
        b"\xff\xff\xff\xff\x01\x03abc",
    ],
)
def test_malformed_data(body: bytes) -> None:
    with pytest.raises(WireError):
        pdu.parse_data(body)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_raise_wire_errors_only(body: bytes) -> None:
    for given_body in (body, FIXED + body):
        for parse in (pdu.parse_associate, pdu.parse_reject, pdu.parse_abort, pdu.parse_data):
            try:
                parse(given_body)
            except WireError as error:
                assert error.args[0].isascii()
