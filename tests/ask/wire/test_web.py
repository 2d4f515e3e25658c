"""One GET over a line that carries nothing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire import web
from filmbadge.ask.wire.web import Get
from filmbadge.model import Ending, Stop
from lines import HUNG_UP, RecordedLine, converse, split

BODY = b'{"Version": "1.12.1"}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n10\r\n%b\r\n0\r\n\r\n" % (
    BODY[:5],
    BODY[5:],
)
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\n" + BODY
CONTINUED = b"HTTP/1.1 103 Early Hints\r\n\r\n" + LENGTH
WHOLE = st.sampled_from([LENGTH, CHUNKED, TO_THE_END, CONTINUED])


def get(*chunks: bytes, end: Stop = HUNG_UP) -> tuple[Get, RecordedLine, Stop]:
    asked = Get(ip_address("192.0.2.7"), 8042, "/system")
    line, stop = converse(asked, chunks, end)
    return asked, line, stop


@pytest.mark.parametrize("said", [LENGTH, CHUNKED, TO_THE_END, CONTINUED])
def test_a_response(said: bytes) -> None:
    asked, line, stop = get(said)
    assert (asked.status, asked.body, stop) == (200, BODY, Stop(Ending.COMPLETED))
    assert line.sent.startswith(b"GET /system HTTP/1.1\r\nHost: 192.0.2.7:8042\r\n")
    assert line.sent.count(b"HTTP/1.1") == 1


@settings(deadline=None, max_examples=200)
@given(WHOLE, st.lists(st.integers(0, 1 << 20), max_size=6))
def test_a_response_in_pieces(said: bytes, cuts: list[int]) -> None:
    asked, _, stop = get(*split(said, cuts))
    assert (asked.status, asked.body, stop) == (200, BODY, Stop(Ending.COMPLETED))


@pytest.mark.parametrize(("address", "host"), [("2001:db8::1", b"[2001:db8::1]:80"), ("127.0.0.1", b"127.0.0.1:80")])
def test_host_header(address: str, host: bytes) -> None:
    line, _ = converse(Get(ip_address(address), 80, "/"), [])
    assert b"\r\nHost: " + host + b"\r\n" in line.sent
    assert b"\r\nConnection: close\r\n" in line.sent


@pytest.mark.parametrize(
    ("said", "realm"),
    [
        (b'Basic realm="Orthanc Secure Area"', "Orthanc Secure Area"),
        (b'Digest nonce="1", realm=plain, qop="auth"', "plain"),
        (b'Basic Realm="any case, RFC 9110 11.2"', "any case, RFC 9110 11.2"),
        (b"Negotiate", ""),
        (b'Basic realm="\xff\x1b[31m<script>"', "??[31m<script>"),
        (b'Basic realm="' + b"x" * 2000 + b'"', "x" * 64),
    ],
)
def test_a_login_is_demanded(said: bytes, realm: str) -> None:
    asked, _, stop = get(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + said + b"\r\nContent-Length: 0\r\n\r\n")
    assert (asked.status, asked.realm, stop.ending) == (401, realm, Ending.COMPLETED)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_a_realm_is_bounded_printable_ascii(said: bytes) -> None:
    asked, _, _ = get(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="' + said + b'"\r\n\r\n')
    assert len(asked.realm) <= 64
    assert all(" " <= character <= "~" for character in asked.realm)


def test_a_redirect_is_reported_and_not_followed() -> None:
    asked, line, stop = get(
        b"HTTP/1.1 302 Found\r\nLocation: http://198.51.100.1/system\r\nContent-Length: 0\r\n\r\n",
        LENGTH,  # would be the answer to a second request
    )
    assert (asked.status, asked.body, stop.ending) == (302, b"", Ending.COMPLETED)
    assert line.sent.count(b"GET ") == 1
    assert b"198.51.100.1" not in line.sent


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)  # fmt: skip
def test_a_body_has_a_bound(head: bytes) -> None:
    asked, _, stop = get(head, bytes(web.MAX_BODY), b"1")
    assert stop.ending is Ending.BYTE_CAP
    assert (asked.status, asked.body) == (200, b"")


def test_a_body_as_large_as_allowed() -> None:
    asked, _, _ = get(b"HTTP/1.0 200 OK\r\n\r\n", bytes(web.MAX_BODY))
    assert len(asked.body) == web.MAX_BODY


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 DOE^JANE\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: DOE^JANE\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nDOE^JANE\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"DOE^JANE" * 20_000,  # a head without end
        LENGTH[:-1],  # breaks off
        CHUNKED[:-1],
    ],
)
def test_a_malformed_response(said: bytes) -> None:
    asked, _, stop = get(said)
    assert stop.ending is Ending.BROKEN
    assert asked.body == b""
    assert "DOE" not in repr(stop)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x02\x00\x00\x00", b"<html>", b"HTML", b"\x15\x03\x01"])
def test_bytes_that_are_not_http(said: bytes) -> None:
    for chunks in ((said,), tuple(said[at : at + 1] for at in range(len(said)))):
        asked, _, stop = get(*chunks)
        assert stop.ending is Ending.OTHER_PROTOCOL
        assert asked.status is None


def test_a_head_that_breaks_off_is_no_status() -> None:
    asked, _, stop = get(LENGTH[:40])
    assert asked.status is None
    assert stop == HUNG_UP


@settings(deadline=None, max_examples=200)
@given(WHOLE | st.just(b""), st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4))
def test_arbitrary_bytes_end_in_a_stop(before: bytes, said: list[bytes]) -> None:
    """`converse` catches WireError and nothing else."""
    _, _, stop = get(*filter(None, [before[:-4]]), *said)
    assert stop.ending in Ending
    assert stop.detail.isascii()
