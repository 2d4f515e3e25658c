"""Serves a world on loopback: each archive at its addresses, on free ports that all archives share."""

from __future__ import annotations

import asyncio
import struct
import sys
from array import array
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address, IPv4Network

from filmbadge.model import Refusal
from filmbadge.rehearse import tls
from filmbadge.rehearse.scp import Acceptor, Host
from filmbadge.rehearse.web import WebServer
from filmbadge.rehearse.world import Archive, Drops, Manner, Tls, World

ATTEMPTS = 20
SPARE = 2000  # open files besides the listening ports: connections, and what the interpreter has open
BACKLOG = 64
LOOPBACK = IPv4Network("127.0.0.0/8")


class CannotServe(Refusal):
    """The world cannot be served on this machine. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a world. All archives have their services on some of these."""

    dimse: tuple[int, int]
    dimse_tls: int
    web: int
    web_tls: int

    def of_dimse(self, archive: Archive) -> int | None:
        """The port of an archive's DIMSE. None: it has none."""
        if archive.manner is Manner.NOTHING:
            return None
        return self.dimse[archive.second_port] if archive.tls is Tls.NONE else self.dimse_tls

    @property
    def every(self) -> tuple[int, ...]:
        return (*self.dimse, self.dimse_tls, self.web, self.web_tls)

    def of_web(self, archive: Archive) -> int | None:
        if archive.rest is None and archive.web is None and archive.dicomweb is None and not archive.login:
            return None
        return self.web_tls if archive.web_tls else self.web


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a world: everything that a surveyor is told."""

    networks: tuple[IPv4Network, ...]
    dimse_ports: tuple[int, ...]
    dimse_tls_ports: tuple[int, ...]
    web_ports: tuple[int, ...]
    web_tls_ports: tuple[int, ...]


@asynccontextmanager
async def serve(world: World, seed: int, at: Site | None = None) -> AsyncIterator[Site]:
    """Serves the world until the context ends. Raises CannotServe.

    Archives without addresses get one each, in a network that follows from the seed. `at`: the ports of a world that stood
    here before.
    """
    world = _placed(world, seed)
    _make_room(world)
    trouble = ""
    for _ in range(ATTEMPTS):
        async with AsyncExitStack() as stack:
            try:
                site = await _bind(world, stack, at)
            except OSError as error:
                trouble = error.strerror or type(error).__name__
                continue
            yield site
            return
    where = world.networks[0] if world.networks else LOOPBACK
    raise CannotServe(f"cannot listen on {where}: {trouble} (the rehearsal needs Linux's 127.0.0.0/8)")


def _placed(world: World, seed: int) -> World:
    if any(archive.addresses for archive in world.archives):
        return world
    size = 32 - (len(world.archives) + 1).bit_length()
    network = IPv4Network(((127 << 24) | (64 + seed % 128) << 16 | (seed // 128 % 256) << 8, size), strict=False)
    placed = (
        replace(archive, addresses=(address,))
        for archive, address in zip(world.archives, network.hosts(), strict=False)
    )
    return replace(world, archives=tuple(placed), networks=(network,))


def _make_room(world: World) -> None:
    """Allow this process as many open files as it needs. Raises CannotServe."""
    if sys.platform != "win32":  # which has no such limit
        import resource

        ports = Ports((0, 1), 2, 3, 4)
        listening = sum(
            len(archive.addresses)
            * (
                5
                if archive.drops is Drops.HOST
                else (ports.of_dimse(archive) is not None) + (ports.of_web(archive) is not None)
            )
            for archive in world.archives
        )
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = listening + SPARE
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise CannotServe(
                f"this world needs {needed} open files, and the system allows {hard}: raise it with ulimit -n {needed}"
            )
        if soft != resource.RLIM_INFINITY and soft < needed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard == resource.RLIM_INFINITY else hard, hard))


async def _bind(world: World, stack: AsyncExitStack, at: Site | None) -> Site:
    addresses = [address for archive in world.archives for address in archive.addresses]
    if strange := next((address for address in addresses if address not in LOOPBACK), None):
        raise CannotServe(f"{strange} is not of loopback: a world is served on 127.0.0.0/8 only")
    free = [await _free_port(addresses[0]) for _ in range(5)] if addresses else [0] * 5
    if at is not None:
        free = [*at.dimse_ports, *at.dimse_tls_ports, *at.web_ports, *at.web_tls_ports]
    if addresses and len(set(free)) != 5:
        raise OSError(0, "no five free ports")
    ports = Ports((free[0], free[1]), *free[2:])
    for archive in world.archives:
        await _listen(archive, ports, stack)
    return Site(world.networks, ports.dimse, (ports.dimse_tls,), (ports.web,), (ports.web_tls,))


async def _listen(archive: Archive, ports: Ports, stack: AsyncExitStack) -> None:
    """Listen at all addresses of an archive. They lead to one machine."""
    if archive.drops is Drops.HOST:
        await _drop(archive, ports.every, stack)
        return
    if archive.drops is Drops.SERVICES:
        await _drop(archive, [p for p in (ports.of_dimse(archive), ports.of_web(archive)) if p is not None], stack)
        return
    host, loop = Host(archive), asyncio.get_running_loop()
    dicom, web = ports.of_dimse(archive), ports.of_web(archive)
    services: list[tuple[int | None, Callable[[], asyncio.BaseProtocol], Tls]] = [
        (dicom, _dicom_service(host), archive.tls),
        (web, partial(WebServer, host, dicom or 0, tls=archive.web_tls), Tls.NEW if archive.web_tls else Tls.NONE),
    ]
    for port, protocol, speaks in services:
        for address in archive.addresses if port is not None else ():
            over = None if speaks is Tls.CLIENT_CERTIFICATE else tls.context(speaks)
            server = await loop.create_server(protocol, str(address), port, ssl=over, backlog=BACKLOG)
            await stack.enter_async_context(server)


async def _drop(archive: Archive, ports: Iterable[int], stack: AsyncExitStack) -> None:
    """Let connections to these ports time out, as a firewall does that drops what comes. Raises CannotServe.

    The system drops each packet by a filter of the listening socket, which accepts none (Linux, socket(7) SO_ATTACH_FILTER).
    """
    accepts_nothing = array("Q", struct.pack("=HBBI", _RETURN, 0, 0, 0))  # one instruction of BPF: return 0 bytes
    program = struct.pack("@HP", 1, accepts_nothing.buffer_info()[0])
    for port in ports:
        for address in archive.addresses:
            server = await asyncio.get_running_loop().create_server(asyncio.Protocol, str(address), port)
            await stack.enter_async_context(server)
            try:
                server.sockets[0].setsockopt(_SOL_SOCKET, _ATTACH_FILTER, program)
            except OSError as error:
                raise CannotServe(f"this system cannot drop packets for a rehearsal: {error.strerror}") from None


_RETURN, _SOL_SOCKET, _ATTACH_FILTER = 0x06, 1, 26  # linux/bpf_common.h, asm-generic/socket.h


def _dicom_service(host: Host) -> Callable[[], asyncio.BaseProtocol]:
    if host.archive.manner is Manner.HTTP:
        return partial(WebServer, Host(Archive("")), 0, tls=False)  # it has no page
    return tls.Demanding if host.archive.tls is Tls.CLIENT_CERTIFICATE else partial(Acceptor, host)


async def _free_port(address: IPv4Address) -> int:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, str(address), 0)
    async with server:
        return int(server.sockets[0].getsockname()[1])
