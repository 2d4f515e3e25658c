"""One answer of a web server, read: what it is a page of, and what comes out of it."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.pages import marks
from filmbadge.ask.pages.marks import Configuration, Folder, PageMarks
from filmbadge.catalogue.pages import Login
from filmbadge.model import Fingerprint, FingerprintKind
from support import tls_front

HTML = {"content-type": "text/html"}


def html(title: str, body: str = "") -> bytes:
    return f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>".encode()


@pytest.mark.real
def test_ohifs_own_page() -> None:
    page = (tls_front.OHIF / "index.html").read_bytes()
    assert marks.seen(HTML, page) == PageMarks((Fingerprint("OHIF", FingerprintKind.PAGE),), "OHIF", Login.UNKNOWN)
    assert marks.configuration(page) is None


def test_titles_are_compared_as_a_browser_shows_them() -> None:
    assert marks.seen(HTML, html("\n  Orthanc\t Explorer ")).product == "Orthanc"
    assert marks.title('<TITLE lang="en">a &amp; b</TITLE>') == "a & b"
    assert len(marks.title(f"<title>{'x' * 500}</title>")) == marks.MAX_TITLE
    assert marks.title("<title>never closed") == ""


def test_a_page_that_only_speaks_of_a_product_is_not_its_page() -> None:
    said = "<p>We use OHIF Viewer, Orthanc Explorer and Oviyam login. Server: dicoogle/1</p>"
    assert marks.seen(HTML, html("Our radiology", said)) == PageMarks()


def test_login_pages() -> None:
    assert marks.seen(HTML, html("Oviyam login")).login is Login.DEMANDED
    assert marks.seen(HTML, html("Dicoogle Web")).login is Login.NONE
    assert marks.seen({}, b"", "Orthanc Secure Area").login is Login.DEMANDED


def test_marks_of_headers_and_cookies_make_no_page() -> None:
    found = marks.seen(
        {"server": "dicoogle/2.5.0", "set-cookie": "a=b; Path=/, MEDDREAMSESSID=xyz; Secure"}, html("Hello")
    )
    assert found.signs == (
        Fingerprint("Dicoogle", FingerprintKind.HEADER, "2.5.0"),
        Fingerprint("MedDream", FingerprintKind.HEADER, confirmed=False),
    )
    assert found.product == ""


def test_favicons() -> None:
    assert hashlib.md5(b"").hexdigest() == "d41d8cd98f00b204e9800998ecf8427e"
    assert marks.favicon(b"") == marks.favicon(html("no icon")) == ()


@pytest.mark.parametrize(
    ("icon", "number"), [(b"", 0), (b"icon", 1355950459), (bytes(range(256)) * 20, 1980801766), (b"ab", -1337734885)]
)
def test_the_number_of_an_icon(icon: bytes, number: int) -> None:
    """As the package mmh3 5 gives it for Python's base64 of the icon."""
    assert marks.icon_number(icon) == number


NGINX = (
    b'<html>\r\n<head><title>Index of /</title></head>\r\n<body>\r\n<h1>Index of /</h1><hr><pre><a href="../">../</a>\r\n'
    b'<a href="sub/">sub/</a>  24-Nov-2026 22:06  -\r\n<a href="DICOMDIR">DICOMDIR</a>\r\n'
    b'<a href="DOE%5EJOHN.dcm">DOE^JOHN.dcm</a>\r\n<a href="a.DCM">a.DCM</a>\r\n<a href="readme.txt">readme.txt</a>\r\n'
)
APACHE = (
    b'<title>Index of /scans</title><h1>Index of /scans</h1><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>'
    b'<tr><td><a href="/">Parent Directory</a></td></tr><tr><td><a href="ct%20head/">ct head/</a></td></tr>'
    b'<tr><td><a href="1.dcm">1.dcm</a></td></tr></table>'
)
PYTHON = (
    b'<title>Directory listing for /</title><ul><li><a href="x.dcm">x.dcm</a></li><li><a href="d/">d/</a></li></ul>'
)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (NGINX, Folder(2, ("sub/",), "DOE%5EJOHN.dcm", dicomdir=True)),
        (APACHE, Folder(1, ("ct%20head/",), "1.dcm")),
        (PYTHON, Folder(1, ("d/",), "x.dcm")),
        (html("Index of /", '<a href="http://192.0.2.1/x/">away</a><a href="/top/">top</a><a href="a/b/">deep</a>'), Folder(0, ())),
        (html("Directory Listing For [/]", '<a href="1.dcm">1.dcm</a>'), Folder(1, (), "1.dcm")),
        (b'<pre><A HREF="/">[To Parent Directory]</A><br> 9/1/2026 <A HREF="/x/1.DCM">1.DCM</A></pre>', Folder(1, (), "/x/1.DCM")),
        (html("Downloads", '<a href="demo.dcm">demo.dcm</a>'), None),
        (html("How to", 'nginx then says "Index of /", and links <a href="demo.dcm">demo.dcm</a>'), None),
    ],
)  # fmt: skip
def test_lists_of_files(body: bytes, found: Folder | None) -> None:
    assert marks.folder(body) == found


def roots(text: str) -> list[str]:
    found = marks.configuration(text.encode())
    assert found is not None
    return list(found.roots)


@pytest.mark.real
def test_ohifs_configuration() -> None:
    assert roots(tls_front.configuration("/dicom-web")) == ["/dicom-web"]
    assert roots(tls_front.configuration("http://192.0.2.7:8042/dicom-web")) == ["http://192.0.2.7:8042/dicom-web"]
    shipped = marks.configuration((tls_front.OHIF / "app-config.js").read_bytes())
    assert shipped is not None
    assert not shipped.login
    assert shipped.roots[0].startswith("https://")
    assert len(shipped.roots) <= marks.MAX_ROOTS


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ('qidoRoot: "https://pacs.example/rs",', ["https://pacs.example/rs"]),
        ('"qidoRoot" : "https://pacs.example/rs",', ["https://pacs.example/rs"]),
        ("qidoRoot: window.location.origin + '/dicom-web',", ["/dicom-web"]),
        ("qidoRoot: `${window.location.origin}/dicom-web`,", ["/dicom-web"]),
        ("wadoRoot: 'a', qidoRoot: 'b'", ["a", "b"]),
        ("// qidoRoot: 'https://pacs.example/rs',\nwadoRoot: '/w'", ["/w"]),
        ("name: 'it\\'s // one', qidoRoot: '/a', // don't\nwadoRoot: '/b'", ["/a", "/b"]),
        ("/* qidoRoot: 'https://pacs.example/rs', */", []),
        ("qidoRoot: server.root,", []),
    ],
)
def test_how_roots_are_written(written: str, found: list[str]) -> None:
    assert roots(f"window.config = {{ dataSources: [{{ configuration: {{ {written} }} }}] }}") == found


def test_a_configuration_with_a_login() -> None:
    asked = marks.configuration(
        tls_front.configuration("/dicom-web", more="  oidc: [ { authority: 'x' } ],\n").encode()
    )
    assert asked is not None
    assert asked.login
    commented = marks.configuration(tls_front.configuration("/dicom-web", more="  // oidc: [{}],\n").encode())
    assert commented is not None
    assert not commented.login


def test_what_is_no_configuration() -> None:
    assert marks.configuration(b"<html></html>") is None
    assert marks.configuration(b"var x = 1") is None
    assert isinstance(marks.configuration(b"window.config = {}"), Configuration)


def test_a_server_that_wants_a_client_certificate() -> None:
    assert marks.demands_certificate(html("400 No required SSL certificate was sent"))
    assert not marks.demands_certificate(html("400 Bad Request"))


def test_rows_of_a_list_of_patients() -> None:
    row = b'<a href="/?requestType=STUDYLIST&primaryKey=%d">Name</a>'
    assert marks.patients_listed(b"".join(row % n for n in (7, 8, 8, 9))) == 3
    assert marks.patients_listed(html("none")) == 0


@pytest.mark.parametrize("hostile", [b"<title>" * 20000, b"<a href=" * 20000, b"{" * 60000, b"'" * 60000, b"/*" * 30000, b"qidoRoot:" * 7000, b"\xff" * 65536, b"window.config" + b"`${" * 20000, b"/* " * 20000, b"`\\" * 30000, b"\"\\" * 30000, b"<title" * 40000, b"<a " * 80000, b"\\\"" * 120000, b"<title>" + b" " * 200000])  # fmt: skip
def test_a_body_that_is_made_to_take_long(hostile: bytes) -> None:
    marks.seen(HTML, hostile)
    marks.folder(b"<title>Index of /" + hostile)
    marks.configuration(b"window.config " + hostile)
    marks.patients_listed(hostile)


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"<h1>Index of /", b"window.config qidoRoot:", b"<title>", b"<a href='"]),
)
def test_any_bytes_are_read(body: bytes, start: bytes) -> None:
    marks.seen({"set-cookie": body.decode("latin-1")}, start + body)
    marks.folder(start + body)
    marks.configuration(start + body)
    marks.favicon(body)
    assert marks.patients_listed(start + body) >= 0
