"""Reads one answer of a web server: signs of products, a list of files, a viewer's configuration. Asks nothing.

A page may name patients in its title, its links and its text. It is looked at and forgotten. The results are the
catalogue's own words, numbers, and the roots of archives in a viewer's configuration.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from html import unescape
from struct import iter_unpack

from filmbadge.catalogue.pages import Login, Where, marks
from filmbadge.model import Fingerprint

MAX_TITLE = 128
MAX_ROOTS = 4
_32 = 0xFFFFFFFF
DICOM_FILE = re.compile(r"(?i)\.(dcm|dicom)$")
_DICOMDIR = re.compile(r"(?i)DICOMDIR(\?.*)?")

# No pattern may search text again that it has already searched: a page of 64 KiB would make all other hosts wait.
_TITLE = re.compile(r"(?i)<title(?:\s[^<>]{0,256})?>([^<]{0,512})</title>")
_COOKIE = re.compile(r"(?:^|, )([!#$%&'*+.^_`|~\w-]{1,64})=")
_LINK = re.compile(r"""(?i)<a\s[^<>]{0,256}?href\s*=\s*["']([^"'<>]{1,1024})["']""")
# Texts of a title or heading: nginx, Apache, lighttpd; Python; Tomcat; Jetty; IIS.
_LISTING = re.compile(
    r"(?i)<(?:title|h1)(?:\s[^<>]{0,256})?>\s{0,16}(?:Index of /|Directory listing for \[?/|Directory: /)|>\[To Parent Directory\]<"
)
_REFRESH = re.compile(
    r"""(?i)<meta\s[^<>]{0,64}?http-equiv\s{0,4}=\s{0,4}["']?refresh["']?[^<>]{0,64}?url\s{0,4}=\s{0,4}["']?([^"'<>]{1,256})"""
)
_SCRIPT = re.compile(r"""src\s*=\s*["']?([^"'\s>]{0,256}app-config\.js)""")
_CERTIFICATE = re.compile(r"No required SSL certificate was sent|The SSL certificate error")
# Matches a JavaScript string, which may hold text that looks like a comment, or a comment.
_STRING_OR_COMMENT = re.compile(
    r"""(?s)("(?:\\.|[^"\\\n])*+"?|'(?:\\.|[^'\\\n])*+'?|`(?:\\.|[^`\\]){0,256}+`?)|//[^\n]*|/\*.*?(?:\*/|\Z)"""
)
_INSERTED = re.compile(r"\$\{[^{}]{0,256}\}")
_TEXT = r"""(?:"(?:\\.|[^"\\\n]){0,2048}+"|'(?:\\.|[^'\\\n]){0,2048}+'|`(?:\\.|[^`\\]){0,2048}+`)"""
# The last group matches where a string has no end, or is too long.
_ROOT = re.compile(
    rf"""["']?\b(?:qidoRoot|wadoRoot|wadoUriRoot)["']?\s*:\s*((?:{_TEXT}|[^,\n}}"'`]){{0,512}}+)(["'`]?)"""
)
# Escapes in a JavaScript string, ECMA-262 12.9.4.
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_CONTROLS = dict(zip("bfnrtv0", "\b\f\n\r\t\v\0", strict=True))
_QUOTED = re.compile(r"""(["'`])((?:\\.|(?!\1).)*)\1""", re.DOTALL)
_ENDLESS = "\\"
_OIDC = re.compile(r"""["']?\boidc["']?\s*:\s*\[\s*\{""")
_LIST_OF_PATIENTS = re.compile(rb"requestType=STUDYLIST&(?:amp;)?primaryKey=")


@dataclass(frozen=True, slots=True)
class PageMarks:
    """The signs that one page shows."""

    signs: tuple[Fingerprint, ...] = ()
    product: str = ""  # the product whose page this is, by its title or text; a header on every answer does not count
    login: Login = Login.UNKNOWN


def seen(headers: Mapping[str, str], body: bytes, realm: str = "") -> PageMarks:
    """The signs of products in one answer, whatever its status is."""
    text = body.decode("latin-1")
    names = _COOKIE.findall(headers.get("set-cookie", ""))
    found = list(
        marks(
            {
                Where.TITLE: [title(text)],
                Where.BODY: [text],
                Where.HEADER: [f"{name.lower()}: {value}" for name, value in headers.items()],
                Where.COOKIE: names,
                Where.REALM: [realm] if realm else [],
            }
        )
    )
    pages = [mark for mark, _ in found if mark.where in (Where.TITLE, Where.BODY)]
    logins = {mark.login for mark, _ in found}
    return PageMarks(
        tuple(dict.fromkeys(Fingerprint(m.is_, m.kind, version, m.confirmed) for m, version in found)),
        pages[0].is_ if pages else "",
        next((login for login in (Login.DEMANDED, Login.NONE) if login in logins), Login.UNKNOWN),
    )


def favicon(body: bytes) -> tuple[Fingerprint, ...]:
    """The signs of products in an icon."""
    hashes = [md5(body, usedforsecurity=False).hexdigest(), str(icon_number(body))]
    return tuple(Fingerprint(m.is_, m.kind, version, m.confirmed) for m, version in marks({Where.FAVICON: hashes}))


def icon_number(body: bytes) -> int:
    """The signed number by which search engines list an icon.

    It is MurmurHash3 (x86, 32 bits, seed 0) of the icon's base64 in lines of 76 characters.
    """
    data = encodebytes(body)
    state = 0

    def mixed(block: int) -> int:
        block = block * 0xCC9E2D51 & _32
        return (block << 15 | block >> 17) * 0x1B873593 & _32

    whole = len(data) & ~3
    for (block,) in iter_unpack("<I", data[:whole]):
        state ^= mixed(block)
        state = ((state << 13 | state >> 19) & _32) * 5 + 0xE6546B64 & _32
    state ^= mixed(int.from_bytes(data[whole:], "little")) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        state = (state ^ state >> shift) * factor & _32
    return state - (1 << 32) if state >> 31 else state


def title(text: str) -> str:
    found = _TITLE.search(text)
    return " ".join(unescape(found.group(1)).split())[:MAX_TITLE] if found else ""


def refresh(body: bytes) -> str | None:
    """The reference to which a page sends a browser by itself."""
    found = _REFRESH.search(_written(body[:4096]))
    return unescape(found.group(1)).strip() if found else None


def demands_certificate(body: bytes) -> bool:
    """Whether nginx demands a client certificate: it accepts the connection first, and then answers with this page."""
    return _CERTIFICATE.search(body.decode("latin-1")) is not None


def patients_listed(body: bytes) -> int:
    """Number of rows in PixelMed's list of patients."""
    return len(set(re.findall(_LIST_OF_PATIENTS.pattern + rb"(\d{1,32})", body)))


@dataclass(frozen=True, slots=True, repr=False)
class Folder:
    """A list of files that a web server shows. Its names stay in memory only during a walk through its folders."""

    files: int  # number of DICOM files
    folders: tuple[str, ...]  # links to the folders below this one, as they are written
    first: str = ""  # the link to the first DICOM file
    dicomdir: bool = False  # the index of a DICOM medium is present, whose files have no endings


def folder(body: bytes) -> Folder | None:
    """Parses a list of files. None if the page is no list of files."""
    text = _written(body)
    if not _LISTING.search(text):
        return None
    links = dict.fromkeys(link for link in map(unescape, _LINK.findall(text)) if not link.startswith(("?", "#", "..")))
    below = tuple(link for link in links if re.fullmatch(r"[^/:?#]+/", link) and link != "./")
    files = [link for link in links if DICOM_FILE.search(link.partition("?")[0])]
    return Folder(len(files), below, files[0] if files else "", any(map(_DICOMDIR.fullmatch, links)))


def script(body: bytes) -> str | None:
    """The reference to the script of OHIF's configuration that a page has."""
    found = _SCRIPT.search(_written(body))
    return unescape(found.group(1)) if found else None


def _written(body: bytes) -> str:
    """The text of a page. Bytes that are no UTF-8 become lone surrogates, so that a reference keeps its bytes."""
    return body.decode("utf-8", "surrogateescape")


def _root(written: tuple[str, str]) -> str:
    """The text of an expression: all its strings together. A reference that is refused if one of them has no end."""
    expression, endless = written
    parts = "".join(part for _, part in _QUOTED.findall(expression))
    return _ENDLESS if endless else _ESCAPE.sub(_meant, parts).strip(" ")


def _meant(escape: re.Match[str]) -> str:
    code = escape[1] or escape[2]
    return chr(int(code, 16)) if code else _CONTROLS.get(escape[3], escape[3])


@dataclass(frozen=True, slots=True, repr=False)
class Configuration:
    """OHIF's `app-config.js`."""

    login: bool
    roots: tuple[str, ...]  # DICOMweb roots as they are written: with a host, or relative to the page


def configuration(body: bytes) -> Configuration | None:
    """Parses OHIF's configuration. None if it is something else, such as a page that answers every path."""
    text = _STRING_OR_COMMENT.sub(lambda found: found.group(1) or "", _written(body))
    if "window.config" not in text or text.lstrip().startswith("<"):
        return None
    # An expression before a path inserts the page's own place: `${window.location.origin}/dicom-web`.
    written = _ROOT.findall(_INSERTED.sub("", text))
    roots = map(_root, written)
    return Configuration(_OIDC.search(text) is not None, tuple(dict.fromkeys(filter(None, roots)))[:MAX_ROOTS])
