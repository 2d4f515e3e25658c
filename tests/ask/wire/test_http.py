"""Visits over a line that carries nothing."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire import http
from filmbadge.ask.wire.http import HttpSession, Origin, Request, Requests, Response, SecondTries
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Cause, Outcome, OutcomeKind
from support.recorded_connection import HUNG_UP, RecordedLine, converse, split

SITE = Origin(ip_address("192.0.2.7"), 8042)
BODY = b'{"Version": "1.12.1"}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n10\r\n%b\r\n0\r\n\r\n" % (
    BODY[:5],
    BODY[5:],
)
TO_THE_END = b"HTTP/1.0 200 OK\r\n\r\n" + BODY
CONTINUED = b"HTTP/1.1 103 Early Hints\r\n\r\n" + LENGTH
ZIPPED = gzip.compress(BODY, mtime=0)
CODED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(ZIPPED), ZIPPED)
WHOLE = st.sampled_from([LENGTH, CHUNKED, TO_THE_END, CONTINUED, CODED])


SYSTEM = Request("/system")


def script(pages: Sequence[Request], replies: list[Response]) -> Requests:
    for page in pages:
        reply = yield page
        replies += [reply]


def visit(
    *chunks: bytes, pages: Sequence[Request] = (SYSTEM,), site: Origin = SITE, end: Outcome = HUNG_UP
) -> tuple[HttpSession, list[Response], RecordedLine, Outcome]:
    """One connection of a visit."""
    replies: list[Response] = []
    asked = script(pages, replies)
    talk = HttpSession(site, asked, next(asked))
    line, stop = converse(talk, chunks, end)
    return talk, replies, line, stop


def get(
    *chunks: bytes, page: Request = SYSTEM, site: Origin = SITE, end: Outcome = HUNG_UP
) -> tuple[Response, RecordedLine, Outcome]:
    _, replies, line, stop = visit(*chunks, pages=[page], site=site, end=end)
    (reply,) = replies
    return reply, line, stop


def coded(coding: str, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        coding.encode(),
        len(body),
        body,
    )


@pytest.mark.parametrize("said", [LENGTH, CHUNKED, TO_THE_END, CONTINUED, CODED])
def test_a_response(said: bytes) -> None:
    asked, line, stop = get(said)
    assert (asked.status, asked.body, stop) == (200, BODY, Outcome(OutcomeKind.COMPLETED, Cause.PAGES, {"pages": 1}))
    assert line.sent.startswith(b"GET /system HTTP/1.1\r\nHost: 192.0.2.7:8042\r\n")
    assert line.sent.count(b"HTTP/1.1") == 1


@settings(deadline=None, max_examples=200)
@given(WHOLE, st.lists(st.integers(0, 1 << 20), max_size=6))
def test_a_response_in_pieces(said: bytes, cuts: list[int]) -> None:
    asked, _, stop = get(*split(said, cuts))
    assert (asked.status, asked.body, stop) == (200, BODY, Outcome(OutcomeKind.COMPLETED, Cause.PAGES, {"pages": 1}))


@pytest.mark.parametrize(("address", "host"), [("2001:db8::1", b"[2001:db8::1]:80"), ("127.0.0.1", b"127.0.0.1:80")])
def test_host_header(address: str, host: bytes) -> None:
    _, _, line, _ = visit(site=Origin(ip_address(address), 80))
    assert b"\r\nHost: " + host + b"\r\n" in line.sent


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
    assert (asked.status, asked.realm, stop.ending) == (401, realm, OutcomeKind.COMPLETED)


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
    assert (asked.status, asked.body, stop.ending) == (302, b"", OutcomeKind.COMPLETED)
    assert (asked.goes, asked.elsewhere) == (None, True)
    assert line.sent.count(b"GET ") == 1
    assert b"198.51.100.1" not in line.sent


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_a_body_is_cut_at_its_cap(head: bytes) -> None:
    reply, _, stop = get(head, bytes(http.MAX_BODY), b"1", bytes(http.DRAIN), b"no longer listened to")
    assert (reply.status, reply.cut, len(reply.body), reply.size) == (200, True, http.MAX_BODY, http.MAX_BODY)
    assert stop.ending is OutcomeKind.COMPLETED


def test_a_body_as_large_as_allowed() -> None:
    reply, _, _ = get(b"HTTP/1.0 200 OK\r\n\r\n", bytes(http.MAX_BODY))
    assert (len(reply.body), reply.cut) == (http.MAX_BODY, False)


def test_a_page_that_leaves_at_its_cap_reads_no_further() -> None:
    two = [Request("/image", most_bytes=10, leave=True), Request("/next")]
    talk, replies, line, stop = visit(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n", bytes(15), bytes(5), pages=two)
    assert (replies[0].size, replies[0].cut, stop.ending) == (10, True, OutcomeKind.COMPLETED)
    assert line.sent.count(b"GET ") == 1
    assert talk.left == two[1]


def test_a_little_behind_the_cap_is_dropped_to_keep_the_connection() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + bytes(20)
    _, replies, line, _ = visit(answer, LENGTH, pages=[Request("/a", most_bytes=10), Request("/b")])
    assert [(r.size, r.cut) for r in replies] == [(10, True), (len(BODY), False)]
    assert line.sent.count(b"GET ") == 2


def test_the_pieces_of_a_body_go_where_the_page_says() -> None:
    held: list[bytes] = []
    reply, _, _ = get(CHUNKED, page=Request("/system", into=held.append))
    assert (b"".join(held), reply.body, reply.size) == (BODY, b"", len(BODY))


def test_one_connection_carries_many_pages() -> None:
    pages = [Request(f"/{number}") for number in range(3)]
    talk, replies, line, stop = visit(LENGTH, CHUNKED, CODED, pages=pages)
    assert [reply.body for reply in replies] == [BODY] * 3
    assert re.findall(rb"GET (\S+) ", line.sent) == [b"/0", b"/1", b"/2"]
    assert (talk.left, stop) == (None, Outcome(OutcomeKind.COMPLETED, Cause.PAGES, {"pages": 3}))
    assert line.writes == 3


@pytest.mark.parametrize(
    "first",
    [TO_THE_END, LENGTH.replace(b"Content-Type", b"Connection: close\r\nX"), LENGTH + b"HTTP/1.1 200 unasked\r\n"],
)
def test_what_cannot_go_over_this_connection_is_left_for_another(first: bytes) -> None:
    pages = [Request("/a"), Request("/b")]
    talk, replies, line, stop = visit(first, pages=pages)
    assert (len(replies), talk.left, talk.failed, stop.ending) == (1, pages[1], False, OutcomeKind.COMPLETED)
    assert line.sent.count(b"GET ") == 1


def test_a_kept_connection_that_is_closed_without_a_word_is_no_failure() -> None:
    pages = [Request("/a"), Request("/b")]
    talk, replies, _, stop = visit(LENGTH, pages=pages)
    assert (len(replies), talk.left, talk.failed, stop.ending) == (1, pages[1], False, OutcomeKind.COMPLETED)
    talk, replies, _, stop = visit(LENGTH, LENGTH[:-1], pages=pages)
    assert (len(replies), talk.left, talk.failed, stop.ending) == (2, None, True, OutcomeKind.BROKEN)


def test_a_gentle_visit_rests_between_pages() -> None:
    pace = Throttle(0.5)
    replies: list[Response] = []
    asked = script([Request("/a"), Request("/b"), Request("/c")], replies)
    talk = HttpSession(SITE, asked, next(asked), pace)
    line = RecordedLine()
    talk.opened(line)
    pace.distressed(7)  # by another connection
    talk.received(memoryview(LENGTH))
    assert 6.9 < line.rests[0] < 7.5
    assert line.sent.count(b"GET ") == 1
    line.rested()
    assert line.sent.count(b"GET ") == 2
    talk.received(memoryview(b"HTTP/1.1 503 No\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n"))
    assert (talk.left, line.stop) == (None, Outcome(OutcomeKind.SPARED, Cause.HTTP_STATUS, {"status": 503}))
    assert 9 <= pace.rest() < 12


def test_questions_about_two_studies_are_alike_and_no_uid_is_remembered() -> None:
    pace = Throttle()
    asked = script(
        [
            Request("/rs/studies/1.2.3/series?limit=5"),
            Request("/rs/studies/2.25.4/series/5.6/instances"),
            Request("/rs/studies/7.8/series"),
        ],
        [],
    )
    talk = HttpSession(SITE, asked, next(asked), pace)
    talk.opened(RecordedLine())
    for _ in range(3):
        talk.received(memoryview(LENGTH))
    assert list(pace._habits) == ["/rs/studies/*/series", "/rs/studies/*/series/*/instances"]


@pytest.mark.parametrize("status", http.DISTRESS)
def test_at_a_sign_of_distress_nothing_more_is_asked(status: int) -> None:
    answer = b"HTTP/1.1 %d Too much\r\nContent-Length: 0\r\n\r\n" % status
    talk, replies, line, _ = visit(answer, LENGTH, pages=[Request("/a"), Request("/b")])
    assert ([r.status for r in replies], talk.left, line.sent.count(b"GET ")) == ([status], None, 1)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", ZIPPED), ("x-gzip", ZIPPED), ("GZIP", ZIPPED),
        ("deflate", zlib.compress(BODY)), ("deflate", zlib.compress(BODY)[2:-4]), ("identity", BODY),
        ("UTF-8", BODY), ("none", BODY), ("", BODY), ("binary, identity", BODY), ("utf-8, gzip", ZIPPED),  # no codings
        ("gzip", BODY), ("x-gzip", BODY),  # it is not true
    ],
)  # fmt: skip
def test_a_compressed_body(coding: str, packed: bytes) -> None:
    answer = coded(coding, packed)
    for chunks in ((answer,), tuple(answer[at : at + 1] for at in range(len(answer)))):
        reply, _, stop = get(*chunks)
        assert (reply.body, stop.ending) == (BODY, OutcomeKind.COMPLETED)


def test_a_bomb_is_cut_at_the_cap() -> None:
    bomb = gzip.compress(bytes(200 << 20), 9, mtime=0)
    reply, _, stop = get(coded("gzip", bomb))
    assert (len(reply.body), reply.cut, stop.ending) == (http.MAX_BODY, True, OutcomeKind.COMPLETED)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("br", b"x"), ("gzip, gzip", b"x"), ("gzip", ZIPPED[:-3]), ("deflate", b"DOE^JANE")],
)
def test_a_compressed_body_that_cannot_be_read(coding: str, packed: bytes) -> None:
    reply, _, stop = get(coded(coding, packed))
    assert (reply.status, reply.body, stop.ending) == (200, b"", OutcomeKind.BROKEN)
    assert "DOE" not in repr(stop)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate"]), st.integers(1, 400))
def test_a_compressed_body_never_grows_beyond_its_cap(packed: bytes, coding: str, most: int) -> None:
    for body in (packed, packed * 50, gzip.compress(packed * 50, mtime=0), zlib.compress(packed * 50)):
        reply, _, _ = get(coded(coding, body), page=Request("/", most_bytes=most))
        assert len(reply.body) <= most


@pytest.mark.parametrize(
    ("location", "base", "goes"),
    [
        ("/app/explorer.html", "/", "/app/explorer.html"),
        ("app/explorer.html", "/", "/app/explorer.html"),
        ("next?x=1#here", "/a/b?c/d", "/a/next?x=1"),
        ("http://192.0.2.7:8042/x", "/", "/x"),
        ("HTTP://192.0.2.7:8042", "/", "/"),
        ("//pacs.example:8042/x", "/", "/x"),
        ("https://192.0.2.7:8042/x", "/", None),
        ("http://192.0.2.7/x", "/", None),
        ("http://198.51.100.1:8042/x", "/", None),
        ("http://pacs.example@198.51.100.1:8042/", "/", None),
        ("http://198.51.100.1\\@192.0.2.7:8042/", "/", None),
        ("javascript:alert(1)", "/", None),
        ("ftp://192.0.2.7/", "/", None),
        ("http:///x", "/", None),
        ("http://[::1/", "/", None),
        ("/with space", "/", "/with%20space"),
        ("/\r\nHost: x", "/", None),
        ("http://192.0.2.7:99999999/", "/", None),
    ],
)
def test_where_a_reference_points(location: str, base: str, goes: str | None) -> None:
    assert Origin(ip_address("192.0.2.7"), 8042, name="pacs.example").local(location, base) == goes


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_reference_stays_here_or_is_none(location: str) -> None:
    found = SITE.local(location)
    assert found is None or re.fullmatch(r"/[!-~]*", found)


def test_a_name_is_sent_and_a_strange_one_is_not() -> None:
    address = ip_address("::1")
    assert Origin(address, 443, True, "PACS.example").authority == "PACS.example:443"
    assert Origin(address, 443, True, "klinik-köln.example").authority == "xn--klinik-kln-lcb.example:443"
    assert Origin(address, 443, True, "a b\r\nX: y").authority == "[::1]:443"
    assert Origin(address, 443, True, "a..b").authority == "[::1]:443"


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
    assert stop.ending is OutcomeKind.BROKEN
    assert asked.body == b""
    assert "DOE" not in repr(stop)


@pytest.mark.parametrize("said", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x02\x00\x00\x00", b"<html>", b"HTML", b"\x15\x03\x01"])
def test_bytes_that_are_not_http(said: bytes) -> None:
    for chunks in ((said,), tuple(said[at : at + 1] for at in range(len(said)))):
        asked, _, stop = get(*chunks)
        assert stop.ending is OutcomeKind.OTHER_PROTOCOL
        assert asked.status is None


def test_a_status_line_and_nothing_else() -> None:
    """PixelMed's 404."""
    reply, _, stop = get(b'HTTP/1.1 404 Not Found - No such path is permitted ="/system"\r\n')
    assert (reply.status, reply.body, stop.ending) == (404, b"", OutcomeKind.COMPLETED)


def test_the_last_line_end_of_chunks_may_be_missing() -> None:
    reply, _, stop = get(CHUNKED.removesuffix(b"\r\n"))
    assert (reply.status, reply.body, stop.ending) == (200, BODY, OutcomeKind.COMPLETED)


def test_a_refusal_is_read_as_a_reply_and_not_as_rows() -> None:
    held: list[bytes] = []
    reply, _, _ = get(LENGTH.replace(b"200 OK", b"502 Bad Gateway"), page=Request("/", into=held.append))
    assert (reply.status, reply.body, held) == (502, BODY, [])


def asked_again(
    *chunks: bytes, tries: SecondTries, end: Outcome = HUNG_UP
) -> tuple[HttpSession, list[Response], RecordedLine]:
    replies: list[Response] = []
    asked = script([SYSTEM, Request("/next")], replies)
    talk = HttpSession(SITE, asked, next(asked), tries=tries)
    line, _ = converse(talk, chunks, end)
    return talk, replies, line


@pytest.mark.parametrize("end", [HUNG_UP, Outcome(OutcomeKind.RESET)])
def test_a_connection_that_ends_without_a_word_may_be_tried_again_once(end: Outcome) -> None:
    tries = SecondTries()
    talk, replies, _ = asked_again(tries=tries, end=end)
    assert (replies, talk.left, talk.again) == ([], SYSTEM, True)
    talk, replies, _ = asked_again(tries=tries, end=end)
    assert ([reply.status for reply in replies], talk.again, talk.failed) == ([None], False, True)


@pytest.mark.parametrize("status", http.GATEWAY)
def test_a_page_that_a_proxy_could_not_fetch_is_asked_for_again_once(status: int) -> None:
    refusal = LENGTH.replace(b"200 OK", b"%d No" % status)
    _, replies, line = asked_again(refusal, refusal, tries=SecondTries())
    assert [reply.status for reply in replies] == [status]
    assert re.findall(rb"GET (\S+) ", line.sent) == [b"/system", b"/system", b"/next"]
    assert line.rests == [http.GATEWAY_SECONDS]
    _, replies, _ = asked_again(refusal, LENGTH, tries=SecondTries())
    assert [reply.body for reply in replies] == [BODY]


def test_a_head_that_breaks_off_is_no_status() -> None:
    asked, _, stop = get(LENGTH[:40])
    assert (asked.status, asked.stop) == (None, HUNG_UP)
    assert stop == HUNG_UP


def test_a_connection_that_was_never_made() -> None:
    replies: list[Response] = []
    asked = script([Request("/a"), Request("/b")], replies)
    talk = HttpSession(SITE, asked, next(asked))
    refused = Outcome(OutcomeKind.REFUSED)
    assert talk.ended(refused) == refused
    assert (replies[0].stop, talk.failed, talk.answered) == (refused, True, 0)


def test_an_interrupted_visit_asks_nothing_more() -> None:
    stopped = Outcome(OutcomeKind.INTERRUPTED, Cause.STOPPED_AT_ONCE)
    talk, replies, _, stop = visit(LENGTH[:60], pages=[Request("/a"), Request("/b")], end=stopped)
    assert (replies, talk.left, stop) == ([], None, stopped)


@settings(deadline=None, max_examples=200)
@given(WHOLE | st.just(b""), st.lists(st.binary(min_size=1, max_size=30), min_size=1, max_size=4))
def test_arbitrary_bytes_end_in_a_stop(before: bytes, said: list[bytes]) -> None:
    """`converse` catches WireError and nothing else."""
    _, _, stop = get(*filter(None, [before[:-4]]), *said)
    assert stop.ending in OutcomeKind
