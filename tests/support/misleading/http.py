"""A made-up archive in HTTP: DICOMweb as PS3.18 has it, Orthanc's REST, and what may stand before them."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from support.misleading.holdings import Study
from support.misleading.index import (
    BIRTH,
    CHARSET,
    DATE,
    IMAGE_COUNT,
    IN_SERIES,
    INSTANCE_UID,
    LEVEL,
    MODALITIES,
    NAME,
    PATIENT_ID,
    SERIES_COUNT,
    SERIES_UID,
    SEX,
    STUDY_UID,
    TIME,
    Answer,
    Index,
    Refused,
    Row,
)

KEYWORDS = {
    "StudyInstanceUID": STUDY_UID,
    "SeriesInstanceUID": SERIES_UID,
    "StudyDate": DATE,
    "StudyTime": TIME,
    "ModalitiesInStudy": MODALITIES,
    "PatientID": PATIENT_ID,
    "PatientName": NAME,
}
ALWAYS = (CHARSET, DATE, TIME, MODALITIES, NAME, PATIENT_ID, BIRTH, SEX, SERIES_COUNT, IMAGE_COUNT)
_VR = {DATE: "DA", TIME: "TM", MODALITIES: "CS", NAME: "PN", BIRTH: "DA", SEX: "CS", PATIENT_ID: "LO", CHARSET: "CS"}
_NUMBERS = (SERIES_COUNT, IMAGE_COUNT, IN_SERIES)
_UIDS = (STUDY_UID, SERIES_UID, INSTANCE_UID)


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    media: str = "text/html"
    headers: tuple[tuple[str, str], ...] = ()


class Site(Protocol):
    def reply(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply | None: ...


@dataclass(frozen=True)
class Pages:
    """How QIDO-RS is spoken. The default is as the standard says."""

    root: str = "/dicom-web"
    media: str = "application/dicom+json"
    empty: Literal["array", "204", "no body", "404", "html"] = "array"
    offset: Literal["honoured", "ignored", "sliced", "clamped", "in pages", "from one"] = "honoured"
    less: int = 0  # rows that a full page lacks
    most: int | None = None  # rows of a page, whatever is asked
    limit_up_to: int | None = None  # a larger one is refused
    limit_ignored: bool = False
    limit_refused: bool = False  # of whatever size
    offset_refused: bool = False
    mark: bool = False  # a byte order mark before the document
    usual: int | None = None  # rows of a page without a limit
    keywords: bool = True  # else an error of its own to each
    keys_missing: bool = False  # 404 to each matching key
    accept: Literal["any", "one type", "no quality"] = "any"
    same_always: bool = False  # the list is a file

    def named(self) -> str:
        return _named(self)


@dataclass
class Qido:
    """DICOMweb's search, below a root."""

    index: Index
    pages: Pages = Pages()

    def reply(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply | None:
        below = re.fullmatch(re.escape(self.pages.root) + r"/studies(?:/([^/]+)/series(?:/([^/]+)/instances)?)?", path)
        if below is None:
            return None
        if not self._acceptable(headers.get("accept", "*/*")):
            return Reply(406, b"not acceptable", "text/plain")
        if not self.pages.keywords and any(word[:1].isupper() for word in query):
            return Reply(500, b'{"Message":"An error has occurred."}', "application/json")
        if (self.pages.limit_refused and "limit" in query) or (self.pages.offset_refused and "offset" in query):
            return Reply(400, b'"Unknown parameter."', "application/json")
        if self.pages.keys_missing and below[1] is None and any(map(_tag, query)):
            return Reply(404, b"no such attribute", "text/plain")
        limit = int(query.get("limit", self.pages.usual or 1 << 30))
        if self.pages.limit_up_to is not None and limit > self.pages.limit_up_to:
            return Reply(400, b'"The limit is too large."', "application/json")
        try:
            answer = self.index.answer(self.index.question(*self._asked(query, below[1] or "", below[2] or "")))
        except Refused as no:
            if no.http != 200:
                return Reply(no.http, b'{"error":"not like this"}', "application/json")
            answer = Answer(())
        rows = self._page(answer.rows, limit, int(query.get("offset", 0)))
        return self._written(rows, answer.cut)

    def _acceptable(self, accept: str) -> bool:
        how = self.pages.accept
        return how == "any" or ("," not in accept if how == "one type" else ";q" not in accept.replace(" ", ""))

    def _asked(self, query: Mapping[str, str], study: str, series: str) -> tuple[str, dict[int, str]]:
        if series:
            return "IMAGE", {STUDY_UID: study, SERIES_UID: series}
        if study:
            return "SERIES", {STUDY_UID: study, IN_SERIES: ""}
        asked = {} if self.pages.same_always else {_tag(word): value for word, value in query.items()}
        return "STUDY", {
            tag: value.replace(",", "\\") for tag, value in {**dict.fromkeys(ALWAYS, ""), **asked}.items() if tag
        }

    def _page(self, rows: Sequence[Row], limit: int, offset: int) -> Sequence[Row]:
        limit = 1 << 30 if self.pages.limit_ignored else min(limit, self.pages.most or 1 << 30)
        if self.pages.same_always:
            return rows
        limit = max(1, limit - self.pages.less)
        match self.pages.offset:
            case "ignored":
                return rows[:limit]
            case "sliced":
                return rows[offset:limit]
            case "in pages":
                offset *= limit
            case "from one":
                offset = max(0, offset - 1)
            case "clamped":
                offset = min(offset, max(0, len(rows) - limit))
        return rows[offset : offset + limit]

    def _written(self, rows: Sequence[Row], cut: bool) -> Reply:
        headers = (
            (("Warning", '299 x "The number of results exceeded the maximum supported by the server."'),) if cut else ()
        )
        if rows:
            document = json.dumps(list(map(_record, rows))).encode("utf-8-sig" if self.pages.mark else "utf-8")
            return Reply(200, document, self.pages.media, headers)
        match self.pages.empty:
            case "204":
                return Reply(204, headers=headers)
            case "no body":
                return Reply(200, b"", "text/html", headers)
            case "404":
                return Reply(404, b"nothing found", "text/plain", headers)
            case "html":
                return Reply(200, b"<html><body>No results</body></html>", "text/html", headers)
        return Reply(200, b"[]", self.pages.media, headers)


def _tag(word: str) -> int:
    if word in KEYWORDS:
        return KEYWORDS[word]
    return int(word, 16) if re.fullmatch("[0-9A-Fa-f]{8}", word) else 0


def _record(row: Row) -> dict[str, Any]:
    return {f"{tag:08X}": _value(tag, text) for tag, text in sorted(row.items()) if tag != LEVEL}


def _value(tag: int, text: str) -> dict[str, Any]:
    if tag in _NUMBERS:
        return {"vr": "IS", "Value": [int(text)]} if text else {"vr": "IS"}
    if tag == NAME:
        return {"vr": "PN", "Value": [{"Alphabetic": text}]}
    vr = "UI" if tag in _UIDS else _VR.get(tag, "LO")
    return {"vr": vr, "Value": [text]} if text else {"vr": vr}


@dataclass
class Orthanc:
    """Orthanc's REST, with counters that need not be true."""

    studies: Sequence[Study]
    counters: tuple[int, int, int, int]  # patients, studies, series, instances
    port: int = 4242
    title: str = "INVENTED"
    below: str = ""  # a path that a proxy put it under

    def reply(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply | None:
        path = path.removeprefix(self.below) if path.startswith(self.below) else ""
        if path == "/system":
            system = {
                "ApiVersion": 24,
                "DicomAet": self.title,
                "DicomPort": self.port,
                "Name": "x",
                "Version": "1.12.4",
            }
            return _json(system)
        if path == "/statistics":
            names = ("CountPatients", "CountStudies", "CountSeries", "CountInstances")
            return _json(dict(zip(names, self.counters, strict=True)))
        if path == "/studies":
            since, limit = int(query.get("since", 0)), int(query.get("limit", 1 << 30))
            return _json([_expanded(study) for study in self.studies[since : since + limit]])
        return None


def _json(document: Any) -> Reply:
    return Reply(200, json.dumps(document).encode(), "application/json")


def _expanded(study: Study) -> dict[str, Any]:
    patient = study.patient
    who = {
        "PatientID": patient.id,
        "PatientName": patient.name,
        "PatientBirthDate": patient.born,
        "PatientSex": patient.sex,
    }
    main = {"StudyInstanceUID": study.uid, "StudyDate": study.day}
    return {"ID": study.uid, "MainDicomTags": main, "PatientMainDicomTags": who, "Series": [""] * len(study.series)}


@dataclass(frozen=True)
class Front:
    """What stands before a site: proxies, log-ins, and a server's own habits with HTTP."""

    missing: Literal["404", "401", "403", "page"] = "404"  # at paths that are not there
    to: str = ""  # where the front page sends
    login: bool = False  # everywhere
    slash: bool = False  # a path without one at its end is sent to that with one
    errors: int = 0  # the first requests are answered 502
    busy_each: int = 0  # one request of so many is answered 503
    drops: int = 0  # the first connections, at once
    answers_after: float = 0.0  # seconds
    encoding: Literal["", "UTF-8", "none", "gzip"] = ""  # what Content-Encoding says; only gzip is true
    heads: Literal[
        "",
        "blank before colon",
        "bare line ends",
        "folded",
        "no reason",
        "lower case",
        "old",
        "length twice",
        "continue",
    ] = ""
    framing: Literal["length", "chunked", "close"] = "length"
    one_each: bool = False  # a request for each connection

    def named(self) -> str:
        return _named(self)


@dataclass
class Http:
    """A server for sites, the first of which that knows a path answers."""

    sites: Sequence[Site]
    front: Front = Front()
    connections: int = field(default=0, init=False)
    requests: int = field(default=0, init=False)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
        self.connections += 1
        if self.connections <= self.front.drops:
            return
        while True:
            begun = first or await reader.readexactly(1)
            first = b""
            if not begun.isalpha():  # this is no HTTP
                writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                return
            head = begun + await reader.readuntil(b"\r\n\r\n")
            line, *lines = head.decode("latin-1").split("\r\n")
            headers = {
                name.strip().lower(): value.strip() for name, _, value in (text.partition(":") for text in lines)
            }
            url = urlsplit(line.split(" ")[1])
            await asyncio.sleep(self.front.answers_after)
            reply = self._reply(unquote(url.path), dict(parse_qsl(url.query, keep_blank_values=True)), headers)
            writer.write(self._written(reply))
            await writer.drain()
            if self.front.framing == "close" or self.front.one_each:
                return

    def _reply(self, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        front = self.front
        self.requests += 1
        if self.requests <= front.errors:
            return Reply(502, b"<html>Bad Gateway</html>")
        if front.busy_each and self.requests % front.busy_each == 0:
            return Reply(503, b"busy", "text/plain", (("Retry-After", "0"),))
        if front.login:
            return Reply(401, b"log in", "text/plain", (("WWW-Authenticate", 'Basic realm="pacs"'),))
        if front.to and path == "/":
            return Reply(302, b"", "text/html", (("Location", front.to),))
        if front.slash and not path.endswith("/"):
            return Reply(301, b"", "text/html", (("Location", f"{path}/{'?' if query else ''}{urlencode(query)}"),))
        for site in self.sites:
            if (reply := site.reply(path.rstrip("/") if front.slash else path, query, headers)) is not None:
                return reply
        match front.missing:
            case "401":
                return Reply(401, b"log in", "text/plain", (("WWW-Authenticate", 'Basic realm="pacs"'),))
            case "403":
                return Reply(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
            case "page":
                return Reply(200, b'<!doctype html><title>Portal</title><div id="app"></div>')
        return Reply(404, b"<html>Not found</html>")

    def _written(self, reply: Reply) -> bytes:
        front = self.front
        fields_ = [("Content-Type", reply.media), ("Server", "invented"), *reply.headers]
        if front.encoding:
            fields_.append(("Content-Encoding", front.encoding))
        body = gzip.compress(reply.body) if front.encoding == "gzip" else reply.body
        if reply.status == 204:
            body = b""
        elif front.framing == "chunked":
            fields_.append(("Transfer-Encoding", "chunked"))
            parts = [body[at : at + 1000] for at in range(0, len(body), 1000)]
            body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (*parts, b""))
        elif front.framing == "length":
            fields_.append(("Content-Length", str(len(body))))
        if front.framing == "close" or front.one_each:
            fields_.append(("Connection", "close"))
        colon = " : " if front.heads == "blank before colon" else ": "
        if front.heads == "lower case":
            fields_ = [(name.lower(), value) for name, value in fields_]
        if front.heads == "folded":
            fields_.append(("X-Long", "one\r\n two"))
        reason = "" if front.heads == "no reason" else " Said"
        if front.heads == "length twice":
            fields_ += [field for field in fields_ if field[0] == "Content-Length"]
        before = "HTTP/1.1 100 Continue\r\n\r\n" if front.heads == "continue" else ""
        head = f"{before}HTTP/1.{0 if front.heads == 'old' else 1} {reply.status}{reason}\r\n" + "".join(
            f"{name}{colon}{value}\r\n" for name, value in fields_
        )
        head += "\r\n"
        return (head.replace("\r\n", "\n") if front.heads == "bare line ends" else head).encode() + body


@dataclass
class Either:
    """DICOM and HTTP on one port, told apart by the first byte."""

    dicom: Any
    http: Http

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
        first = first or await reader.readexactly(1)
        await (self.dicom if first == b"\x01" else self.http).talk(reader, writer, first)


def _named(knobs: Any) -> str:
    turned = [f for f in fields(knobs) if getattr(knobs, f.name) != f.default]
    return ", ".join(f"{f.name}={getattr(knobs, f.name)!r}" for f in turned)
