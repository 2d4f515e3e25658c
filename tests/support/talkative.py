"""Peers that put a text of their own wherever a peer may say something of itself. Each text begins with a mark, so that it is
found again; what stands behind the mark is hostile."""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.catalogue.dicom import APPLICATION_CONTEXT, IMPLICIT_LITTLE
from support import hostile_folder
from support.dimse_peer import Keys, Peer, Study, studies
from support.hanging import HANGS
from support.loopback import Handler, listening

MARK = len("QZ000XJ")
TAIL = "QZTAILXJ"  # ends a text that is longer than any bound
# What stands behind a mark, in the texts of one world.
VARIANTS = {
    "plain": "",
    "ansi": "\x1b[31m\x1b]0;owned\x07\x9b31m",
    "lines": "\r\n\r\nInjected: 1\n\u2028\u0085",
    "nul": "\0\0\x08\x7f",
    "bidi": "\u202e\u2066\u200f\u200b\ufeff",
    "letters": "Zürich \u30af\u30ea\u30cb\u30c3\u30af \U0001f4a9",
    "markup": "[link=http://127.0.0.1:9/][red]:bomb:",
    "html": f"<{hostile_folder.MARK} on{hostile_folder.MARK}=1><script>fetch('/')</script>\" ' & {{{{7*7}}}}",
    "long": "A" * 6 * 1024 + TAIL,
    "too long": "A" * 100 * 1024 + TAIL,
}
NOWHERE = "nowhere"


@dataclass
class Said:
    """The marks that were said, each with the field of a record that may hold it, or `nowhere` and what it was."""

    behind: str
    fields: dict[str, str] = field(default_factory=dict)

    def __call__(self, field: str, most: int = 1 << 20) -> str:
        known = next((mark for mark, before in self.fields.items() if before == field), None)
        mark = known or f"QZ{len(self.fields):03d}XJ"
        self.fields[mark] = field
        return (mark + self.behind)[:most]

    def bytes(self, field: str, most: int = 60_000) -> bytes:
        return self(field).encode("utf-8", "surrogatepass")[:most]

    def header(self, field: str, most: int = 900) -> str:
        """As a value of a header: it ends where its line does."""
        return self(field, most).replace("\r", "").replace("\n", "")


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


class Talkative(Peer):
    """An archive in DIMSE that fills every field of its answers."""

    def __init__(self, said: Said, held: tuple[Study, ...] = studies(1, 2, 40), complains: bool = False) -> None:
        super().__init__(held)
        self.said, self.complains = said, complains

    def accepts(self, unit: pdu.Associate) -> bytes:
        said = self.said.bytes
        contexts = b"".join(
            _item(
                0x21,
                struct.pack("BBBB", c.id, 0, 0 if c.abstract in self.models else 3, 0)
                + _item(0x30, said("nowhere: abstract syntax", 200))
                + _item(0x40, IMPLICIT_LITTLE.encode() if c.abstract in self.models else said("nowhere: syntax", 200)),
            )
            for c in unit.contexts
        )
        kinds = {0x51: struct.pack(">I", 16384), 0x53: b"\0\1\0\1"}
        kinds |= {0x52: said("DimseFacts.implementation_uid"), 0x55: said("DimseFacts.implementation_version")}
        kinds |= {kind: said(f"nowhere: user item {kind:x}") for kind in (0x54, 0x56, 0x57, 0x58, 0x59, 0x99)}
        user = b"".join(_item(kind, body[:7000]) for kind, body in kinds.items())
        titles = said("nowhere: called title", 16).ljust(16) + said("nowhere: calling title", 16).ljust(16)
        items = _item(0x10, APPLICATION_CONTEXT.encode()) + contexts + _item(0x50, user)
        body = struct.pack(">H2x", 1) + titles + said("nowhere: reserved bytes", 32).ljust(32) + items
        return pdu.header(pdu.ASSOCIATE_AC, len(body)) + body

    def row(self, study: Study, row: Keys, keys: Keys) -> bytes:
        """What was asked for, and more."""
        known = {
            elements.QUERY_LEVEL: keys.get(elements.QUERY_LEVEL, b""),
            elements.STUDY_DATE: study.day,
            elements.STUDY_UID: study.uid,
            elements.SERIES_IN_STUDY: b"%d" % len(study.series),
            elements.IMAGES_IN_STUDY: b"%d" % sum(study.series),
            elements.SOP_CLASS: self.said.bytes("nowhere: SOP class that is none", 64),
            0x00080054: self.said.bytes("nowhere: retrieve AE title", 16),
            0x00080080: self.said.bytes("nowhere: institution", 64),
            0x00090010: self.said.bytes("nowhere: private creator", 64),
            **row,
        }
        return b"".join(
            struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(raw) + len(raw) % 2) + raw + b" " * (len(raw) % 2)
            for tag, raw in sorted(known.items())
        )

    def answer(self, context: int, request: Command, keys: Keys) -> bytes:
        if not self.complains:
            return super().answer(context, request, keys)
        comment = self.said.bytes("nowhere: error comment", 64)
        comment += b" " * (len(comment) % 2)
        values = [
            (0x0002, (request.affected_class or "1.2").encode() + b"\0" * (len(request.affected_class or "1.2") % 2)),
            (0x0100, struct.pack("<H", request.field | 0x8000)),
            (0x0120, struct.pack("<H", request.message_id)),
            (0x0800, struct.pack("<H", 0x0101)),
            (0x0900, struct.pack("<H", 0xC001)),
            (0x0901, struct.pack("<HH", 0x0010, 0x0010)),
            (0x0902, comment),
        ]
        body = b"".join(struct.pack("<HHI", 0, tag, len(value)) + value for tag, value in values)
        return pdu.data(context, struct.pack("<HHII", 0, 0, 4, len(body)) + body, None, 16384)

    def reply(self, context: int, request: Command, fragment: bytes) -> bytes:
        return super().reply(context, request, fragment) if request.field != command.C_GET_RQ else b""


def says(first: bytes) -> Handler:
    """Says this to whatever is asked, and closes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(first)
        await writer.drain()

    return handler


Pages = Callable[[str], tuple[int, dict[str, str], bytes] | None]


def web(said: Said, name: str, pages: Pages) -> Handler:
    """A server of HTTP that talks in its status line, in every header and in what stands at unknown paths."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].decode()
            status, headers, body = pages(path) or (404, {}, said.bytes(f"nowhere: {name} body of an error"))
            known = {
                "Server": said.header(f"nowhere: {name} Server"),
                "X-Powered-By": said.header(f"nowhere: {name} X-Powered-By"),
                "Set-Cookie": f"{said.header(f'nowhere: {name} cookie', 30)}=1; {said.header(f'nowhere: {name} crumbs')}",
                "ETag": said.header(f"nowhere: {name} ETag"),
                "Content-Type": "text/html",
                **headers,
                "Content-Length": str(len(body)),
            }
            reason = said.header(f"nowhere: {name} reason")
            head = f"HTTP/1.1 {status} {reason}\r\n" + "".join(f"{key}: {value}\r\n" for key, value in known.items())
            writer.write(head.encode("utf-8", "surrogatepass") + b"\r\n" + body)

    return handler


def _json(document: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def _page(title: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
    return 200, {}, f"<html><title>{title}</title>{body}</html>".encode("utf-8", "surrogatepass")


def orthanc(said: Said, base: str = "") -> Pages:
    """Orthanc, also where a redirect leads to a path below which it stands."""
    system = {
        "Version": said("OrthancFacts.version"),
        "ApiVersion": 18,
        "DicomAet": said("OrthancFacts.aet"),
        "DicomPort": 4242,
        "Name": said("nowhere: Orthanc's name"),
        "DatabaseBackendPlugin": said("nowhere: Orthanc's plugin"),
        "StorageAreaPlugin": said("nowhere: Orthanc's storage"),
    }
    counters = {"CountPatients": 2, "CountStudies": 3, "CountSeries": 4, "CountInstances": 5}
    counters["TotalDiskSize"] = said("nowhere: Orthanc's size")  # type: ignore[assignment]
    known = {
        f"{base}/system": _json(system),
        f"{base}/statistics": _json(counters),
        f"{base}/app/explorer.html": _page(said("nowhere: Orthanc's title", 500)),
    }
    known["/"] = (302, {"Location": f"{base}/app/explorer.html"}, b"")
    return known.get


def dcm4chee(said: Said) -> Pages:
    """Titles that break the rules for titles are none, so the mark stands in one that keeps to them."""
    mark = said("Dcm4cheeFacts.aets")[:MARK]
    titles = [{"title": mark}, {"dicomAETitle": said("nowhere: a title that is none") + " "}]
    rs = f"/dcm4chee-arc/aets/{mark}/rs"
    known = {"/dcm4chee-arc/aets": _json(titles)}
    known |= {f"{rs}/{what}/count": _json({"count": 3}) for what in ("patients", "studies", "series", "instances")}
    known[f"{rs}/studies/size"] = _json({"size": said("nowhere: size")})
    return known.get


def login(said: Said) -> Pages:
    realm = said.header("PageFacts.realm").replace('"', "'")
    return lambda _: (
        401,
        {"WWW-Authenticate": f'Basic realm="{realm}", charset="x"'},
        said.bytes("nowhere: a login page"),
    )


def guarded(said: Said) -> Pages:
    """DICOMweb behind a login of its own."""
    realm = said.header("DicomWebFacts.realm").replace('"', "'")
    answer = 401, {"WWW-Authenticate": f'Basic realm="{realm}"'}, b""
    return lambda path: answer if path.startswith("/dicom-web/studies") else None


def viewer(said: Said, *, away: bool) -> Pages:
    """OHIF, and the DICOMweb to which its configuration leads; another of its roots stands at another host."""
    root = "/" + said("DicomWebFacts.root")[:MARK] + "/dicom-web"
    host = said("ConfiguredRoot.host")[:MARK] + ".example" if away else "127.0.0.9"
    path = said("ConfiguredRoot.path", 400).replace("'", "").replace("\n", "").replace(",", "").replace("}", "")
    roots = (root, f"http://{host}/{path}", f"http://127.0.0.9:1/{said('nowhere: a path behind a secret', 1)}")
    configuration = "window.config = {" + ",\n".join(f"qidoRoot: '{one}'" for one in roots) + "};"
    rows = [
        {
            "0020000D": {"vr": "UI", "Value": [f"1.2.826.0.1.78.{n}"]},
            "00081190": {"vr": "UR", "Value": [said("nowhere: RetrieveURL")]},
            "00080054": {"vr": "AE", "Value": [said("nowhere: retrieve AE title")]},
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        }
        for n in range(3)
    ]

    def pages(path: str) -> tuple[int, dict[str, str], bytes] | None:
        where, _, asked = path.partition("?")
        if where == "/app-config.js":
            return 200, {"Content-Type": "text/javascript"}, configuration.encode("utf-8", "surrogatepass")
        if where == f"{root}/studies":
            one = [row for row in rows if "StudyInstanceUID" not in asked or row["0020000D"]["Value"][0] in asked]
            return 200, {"Content-Type": "application/dicom+json"}, json.dumps(one).encode()
        return _page("OHIF Viewer", "<script src='/app-config.js'></script>") if where == "/" else None

    return pages


def dicoogle(said: Said) -> Pages:
    """A product whose header carries its version."""
    version = "2." + said.header("Fingerprint.version")
    return lambda path: (200, {"Server": f"dicoogle/{version}"}, _page("Dicoogle Web")[2]) if path == "/" else None


def listing(said: Said) -> Pages:
    """Names of files and folders."""
    name = said("nowhere: a file", 200).replace("/", "").replace('"', "").replace("\n", "").replace("\r", "")
    links = f'<a href="{name}.dcm">{name}</a><a href="{name}/">{name}</a><a href="DICOMDIR">x</a>'
    page = _page(f"Index of /{said('nowhere: a title', 300)}", f"<h1>Index of /</h1>{links}")
    return {"/": page}.get


def elsewhere(said: Said) -> Pages:
    away = said.header("nowhere: Location", 200)
    return lambda path: (302, {"Location": f"http://{away[:MARK]}.example/{away}"}, b"") if path == "/" else None


def secured(said: Said, directory: Path) -> ssl.SSLContext:
    """A server's context, with a certificate that talks."""

    def name(whose: str) -> x509.Name:
        texts = {
            NameOID.COMMON_NAME: f"Certificate.{whose}_name",
            NameOID.ORGANIZATION_NAME: f"Certificate.{whose}_organisation",
        }
        texts |= {kind: f"nowhere: {whose} {kind.dotted_string}" for kind in (
            NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.LOCALITY_NAME, NameOID.TITLE)}  # fmt: skip
        with warnings.catch_warnings():  # of a name that is longer than it may be
            warnings.simplefilter("ignore")
            return x509.Name([x509.NameAttribute(kind, said(t, 8000), _validate=False) for kind, t in texts.items()])

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    alternative = x509.DNSName(said("Certificate.names")[:MARK] + ".example")
    builder = x509.CertificateBuilder(name("issuer"), name("subject"), key.public_key(), serial_number=7)
    builder = builder.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(30))
    made = builder.add_extension(x509.SubjectAlternativeName([alternative]), False).sign(key, hashes.SHA256())
    certificate, secret = directory / "talkative.crt", directory / "talkative.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    return context


@dataclass(frozen=True)
class Place:
    """Where the peers stand: ports of 127.0.0.1."""

    dimse: tuple[int, ...]
    web: tuple[int, ...]
    web_tls: tuple[int, ...]

    def scope(self) -> str:
        return f"[ports]\ndimse = {list(self.dimse)}\ndimse_tls = []\nweb = {list(self.web)}\nweb_tls = {list(self.web_tls)}\n"


@contextmanager
def world(said: Said, directory: Path, *, away: bool = True) -> Iterator[Place]:
    """All these peers at once, in a thread of their own. `away`: a viewer names a host that somebody may look up."""
    refusal = b"\x03\0" + struct.pack(">I", 60) + b"\0\1\1\7" + said.bytes("nowhere: rejection", 56).ljust(56)
    abort = b"\x07\0" + struct.pack(">I", 60) + b"\0\0\2\0" + said.bytes("nowhere: abort", 56).ljust(56)
    dimse: list[Handler] = [
        Talkative(said).handle,
        Talkative(said, complains=True).handle,
        says(refusal),
        says(abort),
        says(b"SSH-2.0-" + said.bytes("nowhere: SSH") + b"\r\n"),
        says(said.bytes("nowhere: noise")),
    ]
    base = "/" + said("OrthancFacts.base")[:MARK]
    sites = {
        "orthanc": orthanc(said),
        "behind": orthanc(said, base),
        "dcm4chee": dcm4chee(said),
        "login": login(said),
        "guarded": guarded(said),
        "viewer": viewer(said, away=away),
        "dicoogle": dicoogle(said),
        "listing": listing(said),
        "elsewhere": elsewhere(said),
    }
    context = secured(said, directory)
    ready, over = threading.Event(), asyncio.Event()
    place: list[Place] = []

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            stand = stack.enter_async_context
            ports = [await stand(listening(one)) for one in dimse]
            webs = [await stand(listening(web(said, name, pages))) for name, pages in sites.items()]
            tls = [await stand(listening(web(said, "tls", orthanc(said)), tls=context))]
            place.append(Place(tuple(ports), tuple(webs), tuple(tls)))
            ready.set()
            await over.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(HANGS)
        yield place[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(HANGS)
        loop.close()
