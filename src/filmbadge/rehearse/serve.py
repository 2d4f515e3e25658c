"""Serves a world on loopback: one address per archive, on free ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from typing import cast

import msgspec

from filmbadge.catalogue.kinds import ATTRIBUTES
from filmbadge.model import Refusal
from filmbadge.rehearse.pages import page
from filmbadge.rehearse.scp import Acceptor
from filmbadge.rehearse.world import Archive, Manner, World

ATTEMPTS = 20


class CannotServe(Refusal):
    """The world cannot be served on this machine. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a world: everything that a surveyor is told."""

    network: IPv4Network
    dimse_ports: tuple[int, int]
    web_port: int


class _Rest(asyncio.Protocol):
    """Serves Orthanc's `/system` and `/statistics`, and pages."""

    def __init__(self, archive: Archive, dicom_port: int) -> None:
        self._archive = archive
        self._dicom_port = dicom_port

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1:2]
        held = self._archive.contents
        pages: dict[bytes, object] = {
            b"/system": {
                "ApiVersion": 18, "DicomAet": "ORTHANC", "DicomPort": self._dicom_port, "Name": "", "Version": "1.12.1",
            },
            b"/statistics": {
                "CountPatients": held.patients_in_all,
                "CountStudies": held.studies,
                "CountSeries": held.series_in_all,
                "CountInstances": held.images_in_all,
            },
        }  # fmt: skip
        if path and path[0].startswith(b"/studies?expand&"):
            pages[path[0]] = _listed(self._archive, path[0].decode())
        head, body = b"404 Not Found", b""
        if self._archive.rest is False:
            head = b'401 Unauthorized\r\nWWW-Authenticate: Basic realm="Orthanc Secure Area"'
        elif path and path[0] in pages and self._archive.rest:
            head, body = b"200 OK\r\nContent-Type: application/json", msgspec.json.encode(pages[path[0]])
        elif path and self._archive.web is not None:
            head, body = page(self._archive.web, path[0])
        answer = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (head, len(body), body)
        self._transport.write(answer)
        self._transport.close()


def _listed(archive: Archive, path: str) -> list[object]:
    """A page of `/studies`, as Orthanc lists it from version 1.11 on. It is UTF-8, whatever encoding the files have."""
    options = dict(option.partition("=")[::2] for option in path.partition("?")[2].split("&"))
    since, limit = int(options["since"]), int(options["limit"])
    keywords = {attribute.keyword: attribute.tag for attribute in ATTRIBUTES}
    page: list[object] = []
    for study in range(archive.contents.studies)[since : since + limit]:
        record = archive.contents.record(study)
        held = {name: record.get(tag, b"").decode().strip() for name, tag in keywords.items()}
        main = {"StudyInstanceUID": archive.contents.uid(study).decode()} | {
            name: held[name] for name in ("StudyDate", "StudyDescription")
        }
        patient = {name: held[name] for name in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")}
        requested = {name: held.get(name, "") for name in options["requestedTags"].split(";")}
        page.append({"MainDicomTags": main, "PatientMainDicomTags": patient, "RequestedTags": requested})
    return page


@asynccontextmanager
async def serve(world: World, seed: int) -> AsyncIterator[Site]:
    """Serves the world until the context ends. Raises CannotServe."""
    network = IPv4Network(((127 << 24) | (64 + seed % 128) << 16 | (seed // 128 % 256) << 8, 27))
    trouble = ""
    for _ in range(ATTEMPTS):
        async with AsyncExitStack() as stack:
            try:
                site = await _bind(world, network, stack)
            except OSError as error:
                trouble = error.strerror or type(error).__name__
                continue
            yield site
            return
    raise CannotServe(f"cannot listen on {network}: {trouble} (the rehearsal needs Linux's 127.0.0.0/8)")


async def _bind(world: World, network: IPv4Network, stack: AsyncExitStack) -> Site:
    addresses = list(network.hosts())
    ports = [await _free_port(addresses[0]) for _ in range(3)]
    if len(set(ports)) != 3:
        raise OSError(0, "no three free ports")
    site = Site(network, (ports[0], ports[1]), ports[2])
    loop = asyncio.get_running_loop()
    for archive, address in zip(world.archives, addresses, strict=False):
        port = site.dimse_ports[archive.second_port]
        if archive.manner is not Manner.NOTHING:
            server = await loop.create_server(partial(Acceptor, archive), str(address), port)
            await stack.enter_async_context(server)
        if archive.rest is not None or archive.web is not None:
            rest = await loop.create_server(partial(_Rest, archive, port), str(address), site.web_port)
            await stack.enter_async_context(rest)
    return site


async def _free_port(address: IPv4Address) -> int:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, str(address), 0)
    async with server:
        return int(server.sockets[0].getsockname()[1])
