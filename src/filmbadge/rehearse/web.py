"""A synthetic web server: HTTP/1.1 over one connection, for the services and pages of one archive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import cast

import msgspec

from filmbadge.catalogue.kinds import ATTRIBUTES, CHARACTER_SET
from filmbadge.rehearse import dicomweb
from filmbadge.rehearse.dicomweb import JSON, NOT_FOUND, Reply, Request
from filmbadge.rehearse.pages import page
from filmbadge.rehearse.scp import Host
from filmbadge.rehearse.world import Archive, Web

MOST_HEAD = 64 * 1024  # bytes of the head of a request
_BAD = Reply("400 Bad Request")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_KEYWORDS = {attribute.keyword: attribute.tag for attribute in ATTRIBUTES}


class WebServer(asyncio.Protocol):
    """One connection to the web server of one archive."""

    def __init__(self, host: Host, dicom_port: int, *, tls: bool) -> None:
        self._archive = host.archive
        self._dicom_port = dicom_port
        self._scheme = "https" if tls else "http"
        self._buffer = bytearray()
        self._blocks: Iterator[bytes] | None = None  # the rest of the body that is being sent
        self._paused = self._waiting = self._close = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._waiting:
            self._waiting = False
            self._go_on()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._next()

    def _next(self) -> None:
        """Answers requests, one after the other."""
        if self._buffer and not self._buffer[:1].isalpha():  # no HTTP
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self._transport.close()
            return
        while self._blocks is None and not self._transport.is_closing():
            head, end, rest = bytes(self._buffer).partition(b"\r\n\r\n")
            if not end:
                if len(head) > MOST_HEAD:
                    self._transport.close()
                return
            self._buffer[:] = rest
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        words = first.split(" ")
        self._close = headers.get("connection", "").lower() == "close" or len(words) != 3 or words[0] != "GET"
        reply = _BAD
        if len(words) == 3 and words[0] == "GET":
            site = f"{self._scheme}://{headers.get('host', 'localhost')}"
            reply = routed(self._archive, _request(words[1], site), self._dicom_port)
        lines = [f"HTTP/1.1 {reply.status}", *reply.headers]
        lines += [f"Content-Type: {reply.kind}"] if reply.kind else []
        lines += ["Connection: close"] if self._close else []
        whole = isinstance(reply.body, bytes)
        if not reply.status.startswith("204"):
            lines.append(
                f"Content-Length: {len(reply.body)}" if isinstance(reply.body, bytes) else "Transfer-Encoding: chunked"
            )
        self._transport.write("\r\n".join([*lines, "", ""]).encode())
        if isinstance(reply.body, bytes):
            self._transport.write(reply.body)
        else:
            self._blocks = reply.body
            self._go_on()
        if whole and self._close:
            self._transport.close()

    def _go_on(self) -> None:
        """Sends one block of the body in each turn of the event loop."""
        if self._transport.is_closing() or self._blocks is None:
            return
        block = next(self._blocks, b"")
        self._transport.write(b"%x\r\n%b\r\n" % (len(block), block))  # the last chunk has no bytes, RFC 9112 7.1
        if not block:
            self._blocks = None
            if self._close:
                self._transport.close()
            else:
                self._next()
        elif self._paused:
            self._waiting = True
        else:
            asyncio.get_running_loop().call_soon(self._go_on)


def _request(target: str, site: str) -> Request:
    path, _, query = target.partition("?")
    options = (option.partition("=") for option in query.split("&") if option)
    return Request(_plain(path), {_plain(name): _plain(value) for name, _, value in options}, site)


def _plain(text: str) -> str:
    """The text without escapes, RFC 3986 2.1."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text)


def routed(archive: Archive, request: Request, dicom_port: int) -> Reply:
    """The reply of an archive's web server to one request."""
    if archive.login or archive.web is Web.LOGIN:
        return Reply("401 Unauthorized", ('WWW-Authenticate: Basic realm="intranet"',))
    if archive.rest is False:
        return Reply("401 Unauthorized", ('WWW-Authenticate: Basic realm="Orthanc Secure Area"',))
    reply = None
    if archive.rest:
        reply = _orthanc(archive, request, dicom_port)
    if reply is None and (archive.dicomweb is not None or archive.rest):
        reply = dicomweb.reply(archive, request)
    if reply is None and archive.web is not None:
        reply = page(archive, request.path)
    return reply or NOT_FOUND


def _orthanc(archive: Archive, request: Request, dicom_port: int) -> Reply | None:
    """Orthanc's REST, as far as a survey asks it. It is UTF-8, whatever encoding the files have."""
    held = archive.contents
    match request.path:
        case "/system":
            said: object = {
                "ApiVersion": 18, "DicomAet": "ORTHANC", "DicomPort": dicom_port, "Name": "", "Version": "1.12.1",
            }  # fmt: skip
        case "/statistics":
            said = {
                "CountPatients": held.patients_in_all,
                "CountStudies": held.studies,
                "CountSeries": held.series_in_all,
                "CountInstances": held.images_in_all,
            }
        case "/studies" if "expand" in request.options:
            said = _listed(archive, request)
        case _:
            return None
    return Reply("200 OK", kind=JSON, body=msgspec.json.encode(said))


def _listed(archive: Archive, request: Request) -> list[object]:
    """A page of `/studies`, as Orthanc lists it from version 1.11 on."""
    since, limit = (int(request.options.get(name, default)) for name, default in (("since", "0"), ("limit", "100")))
    page: list[object] = []
    for number in range(archive.contents.studies)[since : since + limit]:
        record = archive.contents.record(number)
        charset = record.get(CHARACTER_SET, b"")
        held = {name: dicomweb.decoded(record.get(tag, b""), charset) for name, tag in _KEYWORDS.items()}
        main = {"StudyInstanceUID": archive.contents.uid(number).decode()}
        main |= {name: held[name] for name in ("StudyDate", "StudyDescription")}
        patient = {name: held[name] for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")}
        requested = {name: held.get(name, "") for name in request.options.get("requestedTags", "").split(";")}
        page.append({"MainDicomTags": main, "PatientMainDicomTags": patient, "RequestedTags": requested})
    return page
