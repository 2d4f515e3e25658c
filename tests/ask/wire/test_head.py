"""Heads that browsers and curl take, and that a strict parser refuses."""

from __future__ import annotations

import re

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.errors import WireError
from filmbadge.ask.wire.head import MAX_HEAD, ResponseHead
from filmbadge.model import Cause, OutcomeKind
from support.recorded_connection import split

BODY = b"body\r\n\r\nmore"


def parsed(said: bytes) -> tuple[int, dict[bytes, bytes]]:
    """What a strict parser takes the head for."""
    strict = h11.Connection(h11.CLIENT)
    strict.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    strict.receive_data(said)
    event = strict.next_event()
    while isinstance(event, h11.InformationalResponse):
        event = strict.next_event()
    assert isinstance(event, h11.Response)
    return event.status_code, dict(event.headers.raw_items())


@pytest.mark.parametrize(
    ("head", "status", "fields"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\n", 200, {b"content-type": b"a/b"}),
        (b"HTTP/1.1 200 OK\r\nContent-Type : a/b\r\n\r\n", 200, {b"content-type": b"a/b"}),
        (b"HTTP/1.1 200 OK\nContent-Type: a/b\n\n", 200, {b"content-type": b"a/b"}),
        (b"\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/1.1 404\r\nA: b\r\n\r\n", 404, {b"a": b"b"}),
        (b"HTTP/1.1  404  No \xff\x01 such\r\nA: b\r\n\r\n", 404, {b"a": b"b"}),
        (b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"http/1.1 200 ok\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/2 200\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/1.1 200 OK\r\nA: b,\r\n\tc\r\n d\r\n\r\n", 200, {b"a": b"b, c d"}),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n: no name\r\nA(b): c\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/1.1 200 OK\r\nA: b\x00\x0bc\r\n\r\n", 200, {b"a": b"b c"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n", 200, {b"content-length": b"3"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\n", 200, {b"content-length": b"3"}),
        (b"HTTP/1.1 200 OK\r\nContent-Length:\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 200, {b"transfer-encoding": b"chunked"}),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, {b"a": b"b"}),
    ],
)  # fmt: skip
def test_a_head_is_read_as_tolerantly_as_browsers_do(head: bytes, status: int, fields: dict[bytes, bytes]) -> None:
    for last in (0, len(head) + 8):
        reader = ResponseHead()
        strict = b"".join(reader.feed(piece) for piece in split(head + BODY, range(1, last)))
        assert strict.endswith(b"\r\n\r\n" + BODY)
        assert parsed(strict[: -len(BODY)]) == (status, fields)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_connection_may_end_before_the_empty_line(end: bytes) -> None:
    reader = ResponseHead()
    assert reader.feed(b"HTTP/1.1 404 No" + end + b"A: b") == b""
    assert reader.finish() == b""
    assert reader.feed(end) == b""
    assert parsed(reader.finish()) == (404, {b"a": b"b"})


@pytest.mark.parametrize(
    "said", [b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 DOE^JANE\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + bytes(MAX_HEAD)]
)
def test_a_head_that_nobody_could_read(said: bytes) -> None:
    with pytest.raises(WireError) as error:
        ResponseHead().feed(said)
    assert error.value.stop.cause is Cause.HTTP_MALFORMED


def test_lengths_that_contradict_each_other_are_left_to_the_parser() -> None:
    strict = ResponseHead().feed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n")
    with pytest.raises(h11.RemoteProtocolError):
        parsed(strict)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"HTTP/1.1 200 ", b"\r\n", b"\n", b" ", b":", b"a: b"]), max_size=12
    )
)
def test_arbitrary_bytes_are_a_head_or_an_error_of_the_wire(pieces: list[bytes]) -> None:
    reader = ResponseHead()
    try:
        for piece in pieces:
            reader.feed(piece)
    except WireError as error:
        assert error.stop.ending in (OutcomeKind.BROKEN, OutcomeKind.OTHER_PROTOCOL)
        return
    made = reader.finish()
    assert not made or re.fullmatch(rb"HTTP/1\.[01] \d{3} \r\n[^\x00]*\r\n", made)
