"""What a peer writes is read into a request that we are willing to send, or refused. It is never an error of ours."""

from __future__ import annotations

import re
from ipaddress import ip_address

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filmbadge.ask.pages import marks
from filmbadge.ask.wire.http import Origin
from filmbadge.ask.wire.reference import MOST_PATH, Place, locate, sendable


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("http://192.0.2.7/rs", Place("192.0.2.7", 80, False, "/rs")),
        ("https://192.0.2.7", Place("192.0.2.7", 443, True, "/")),
        ("//PACS.example./rs", Place("pacs.example", 443, True, "/rs")),
        ("http://user:word@pacs.example:8042/rs", Place("pacs.example", 8042, False, "/rs")),
        ("http://192.0.2.7:/rs", Place("192.0.2.7", 80, False, "/rs")),
        ("http://192.0.2.7:00080/rs", Place("192.0.2.7", 80, False, "/rs")),
        ("http://[2001:DB8::7]:8042/rs", Place("2001:db8::7", 8042, False, "/rs")),
        ("http://[::ffff:192.0.2.7]/rs", Place("192.0.2.7", 80, False, "/rs")),
        ("http://klinik-köln.example/", Place("xn--klinik-kln-lcb.example", 80, False, "/")),
        ("?page=2", Place("", 0, True, "/a/b?page=2")),
        ("", Place("", 0, True, "/a/b?c/d")),
        ("#here", Place("", 0, True, "/a/b?c/d")),
    ],
)
def test_where_a_reference_points(written: str, place: Place) -> None:
    assert locate(written, "/a/b?c/d", tls=True) == place


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/my archive/rs", "/my%20archive/rs"),
        ("/архив/rs", "/%D0%B0%D1%80%D1%85%D0%B8%D0%B2/rs"),
        ("/R\udcf6ntgen/rs", "/R%F6ntgen/rs"),  # latin-1 on the wire
        ("/r\u00f6ntgen", "/r%C3%B6ntgen"),
        ("/100%/rs", "/100%25/rs"),
        ("/a%20b%2fc", "/a%20b%2fc"),
        ('/a"<>^`{|}', "/a%22%3C%3E%5E%60%7B%7C%7D"),
        ("/a?b c=[д]\\", "/a?b%20c=%5B%D0%B4%5D%5C"),
        ("  /a\r\n", "/a"),  # around it
        ("/a/../../rs", "/rs"),
        ("/a/%2e%2E/.%2e/rs", "/rs"),
        ("/a/./b/..", "/a/"),
        ("../rs", "/rs"),
        ("http://192.0.2.7//rs", "/rs"),
        ("/..//192.0.2.8/rs", "/192.0.2.8/rs"),
        (".../rs", "/x/.../rs"),
        ("/%E2%80%8B\x85", "/%E2%80%8B%C2%85"),
    ],
)
def test_a_path_is_percent_encoded_and_goes_nowhere_upwards(written: str, sent: str) -> None:
    place = locate(written, "/x/y")
    assert place is not None
    assert place.path == sent


@pytest.mark.parametrize(
    "written",
    [
        *(f"http://192.0.2.7:{port}/rs" for port in ("0", "00000", "65536", "74636", "080000", "9" * 40, "-1", "+80", "8 0", "８０", "٨٠")),
        *(
            f"http://{host}/rs"
            for host in (
                "", ":80", "3221225991", "0xC0000207", "0x7f.1", "0300.0.2.7", "192.0.519", "192.0.2.07", "１９２.0.2.7",
                "192。0。2。7", "1.2.3.4.5", "[fe80::1%25eth0]", "[fe80::1%eth0]", "fe80::1", "[192.0.2.7]", "[::1", "%31.example",
                "a..example", ".example", "a b", "a\tb", "℀.example", "x" * 64 + ".example", "x." * 127 + "example",
                "a@b@192.0.2.7", "192.0.2.8\\@192.0.2.7", "192.0.2.7\\.example", "-a.example", "a$b",
            )
        ),
        "http:\\\\192.0.2.7\\rs", "http:/192.0.2.7/rs", "http:rs", "ftp://192.0.2.7/", "javascript:alert(1)", "ws://192.0.2.7/rs",
        "\\\\192.0.2.7\\rs", "/\\192.0.2.7/rs", "/a\\..\\rs",
        "/a\rX: 1/rs", "/a\r\nHost: b\r\n\r\n", "/a\x00", "/a\x1f", "/a\x7f", "/a\tb", "/a\nb?x=\n", "/a?b\rc",
        "/a%0d%0aX: 1", "/a%00", "/a%250d%250aX", "/a%25252500", "/%2525252525252525",
        "/a/..%2f..%2fetc", "/a/..%5c..%5cetc", "/%252e%252e/%252e%252e/etc", "/a/..;/rs", "/a/%2e%2e;x/rs",
        "/\ud83d", "/" + "x" * MOST_PATH, "/" + "ж" * 200, "/?" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_page_or_hides_something_is_refused(written: str) -> None:
    assert locate(written) is None


AWKWARD = st.sampled_from([*"/\\%.:@?#[];\r\n\t\x00 ", "http://", "https://", "//", "%2e", "%25", "..", "/../", "ж", "\udcff", "\ud800", "0x", "192.0.2.7", "[::1]"])  # fmt: skip
WRITTEN = st.one_of(
    st.text(st.characters(codec=None), max_size=80),
    st.lists(AWKWARD | st.text(max_size=3), max_size=20).map("".join),
)
SITE = Origin(ip_address("192.0.2.7"), 8042, name="pacs.example")


@settings(deadline=None, max_examples=400)
@example("http://192.0.2.7:74636/rs", "/")
@given(WRITTEN, WRITTEN)
def test_any_text_becomes_a_request_line_or_is_refused(written: str, base: str) -> None:
    on = locate(base)
    for place in (on, locate(written, on.path if on is not None else "/", tls=True)):
        if place is None:
            continue
        assert re.fullmatch(r"/[!-\[\]-~]*", place.path)
        assert len(place.path) <= MOST_PATH
        assert sendable(place.path)
        assert bool(place.host) == bool(place.port)
        assert 0 <= place.port <= 65535
        assert re.fullmatch(r"[0-9a-f:.]*|[a-z0-9_.-]{1,253}", place.host)
        assert not {"..", "."} & set(place.path.partition("?")[0].split("/"))
        asked = h11.Request(method="GET", target=place.path, headers=[("Host", SITE.authority)])
        line, _, head = (h11.Connection(h11.CLIENT).send(asked) or b"").partition(b"\r\n")
        assert line == b"GET %s HTTP/1.1" % place.path.encode("ascii")
        assert head == b"Host: pacs.example:8042\r\n\r\n"
        again = locate(place.path, "/elsewhere")
        assert again is not None
        assert again.path == place.path  # once read, it stays as it is


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=120))
def test_any_page_is_read_without_an_error(said: bytes) -> None:
    pages = (
        b'<meta http-equiv=refresh content="0;url=%s">' % said,
        b'<title>Index of /</title><a href="%s">x</a>' % said,
        b"window.config={qidoRoot:'%s'}" % said,
        b"<script src=%sapp-config.js>" % said,
    )
    refresh, script = marks.refresh(pages[0]), marks.script(pages[3])
    folder, configuration = marks.folder(pages[1]), marks.configuration(pages[2])
    links = (*folder.folders, folder.first) if folder is not None else ()
    roots = configuration.roots if configuration is not None else ()
    for written in (refresh, script, *links, *roots):
        found = SITE.local(written or "")
        assert found is None or sendable(found)
