"""A DICOMweb archive with manners that real ones have, and the web server that it stands behind."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

UID = "2.25.33"
TAGS = {"StudyInstanceUID": "0020000D", "StudyDate": "00080020", "ModalitiesInStudy": "00080061"}
DATES = [f"2021{month:02}11" for month in (3, 5, 8)]
# Answers of a server to a path that it does not know: status, headers, body.
UNKNOWN = {
    "404": (404, {}, b"<html>There is no %s here</html>"),
    "404 in JSON": (404, {"Content-Type": "application/json"}, b'{"path": "%s", "time": 1700000000}'),
    "login": (401, {"WWW-Authenticate": 'Basic realm="clinic"'}, b"log in"),
    "forbidden": (403, {"Content-Type": "application/xml"}, b"<Error/>"),
    "page": (200, {"Content-Type": "text/html"}, b"<html><div id=app></div></html>"),
    "redirect": (302, {"Location": "/login?next=%s"}, b""),
    "elsewhere": (302, {"Location": "https://sso.example/"}, b""),
    "broken": (500, {}, b"broken"),
    "bad request": (400, {}, b"<html>Bad request</html>"),
    "dicom json": (404, {"Content-Type": "application/dicom+json"}, b"[]"),
}
# What it says where nothing matches.
NOTHING = {
    "list": (200, "application/dicom+json", b"[]"),
    "plain list": (200, "application/json", b" [ ] "),
    "204": (204, "", b""),
    "no body": (200, "text/html", b""),
    "404": (404, "text/plain", b"no match"),
    "page": (200, "text/html", b"<html>No results</html>"),
}


@dataclass(frozen=True)
class Manners:
    """The default keeps to the standard."""

    root: str = "/dicom-web"
    unknown: str = "404"
    nothing: str = "list"
    refusal: int = 400  # HTTP status of a question that is refused
    keywords: bool = True  # takes them; else numbers of tags only
    most: int | None = None  # the largest limit that is taken; 0: none is taken
    one_type: bool = False  # takes one media type in Accept
    needs_filter: bool = False
    a_file: bool = False  # the list is the same whatever is asked
    media: str = "application/dicom+json"


class OddDicomWeb:
    def __init__(self, manners: Manners, front: Mapping[str, tuple[int, dict[str, str], bytes]] | None = None) -> None:
        self.manners = manners
        self.front = front or {}  # pages beside the archive
        self.paths: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split(" ")[1]
            accept = re.search(r"(?mi)^accept: (.*)\r$", head)
            self.paths.append(path)
            status, fields, body = self._answer(path, accept[1] if accept else "*/*")
            lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            length = "" if status == 204 else f"Content-Length: {len(body)}\r\n"
            writer.write(f"HTTP/1.1 {status} Said\r\n{lines}{length}\r\n".encode() + body)

    def _answer(self, target: str, accept: str) -> tuple[int, dict[str, str], bytes]:
        url = urlsplit(target)
        if url.path in self.front:
            return self.front[url.path]
        if url.path == f"{self.manners.root}/studies":
            return self._studies(dict(parse_qsl(url.query)), accept)
        status, fields, body = UNKNOWN[self.manners.unknown]
        here = {name: value.replace("%s", target.replace("&", "%26")) for name, value in fields.items()}
        return status, here, body.replace(b"%s", url.path.encode())

    def _studies(self, asked: dict[str, str], accept: str) -> tuple[int, dict[str, str], bytes]:
        manners = self.manners
        keys = {} if manners.a_file else {TAGS.get(name, name): value for name, value in asked.items()}
        limited = manners.most is not None and int(asked.get("limit", "0")) > manners.most
        refused = (
            (not manners.keywords and bool(asked.keys() & TAGS.keys()))
            or limited
            or (manners.one_type and "," in accept)
            or (manners.needs_filter and not keys.keys() & set(TAGS.values()))
        )
        if refused and not manners.a_file:
            return manners.refusal, {"Content-Type": "application/json"}, b'{"error": "not like this"}'
        low, _, high = keys.get("00080020", "-").partition("-")
        rows = [
            {"0020000D": {"vr": "UI", "Value": [f"{UID}.{number}"]}, "00080020": {"vr": "DA", "Value": [date]}}
            for number, date in enumerate(DATES)
            if keys.get("0020000D", f"{UID}.{number}") == f"{UID}.{number}" and low <= date <= (high or "9")
        ]
        start = int(keys.get("offset", "0"))
        rows = rows if manners.a_file else rows[start : start + int(keys.get("limit", "1000"))]
        if rows:
            return 200, {"Content-Type": manners.media}, json.dumps(rows).encode()
        status, media, body = NOTHING[manners.nothing]
        return status, {"Content-Type": media} if media else {}, body
