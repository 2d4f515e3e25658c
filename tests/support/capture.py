"""Every packet on loopback, as the kernel of this namespace sends it: what was sent and when, whoever sent it."""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address

_ALL = 3  # ETH_P_ALL, linux/if_ether.h
_OUTGOING = 4  # PACKET_OUTGOING: each packet passes loopback twice, and is taken once
_TIMESTAMP = 35  # SO_TIMESTAMPNS
_IPV4, _HERE, _ATTACH_FILTER = 0x0800, 0, 26  # ETH_P_IP, PACKET_HOST, SO_ATTACH_FILTER
_TCP, _UDP = 6, 17
SYN, RST, FIN = 0x02, 0x04, 0x01
# Packets of TCP with SYN and without ACK, for linux/filter.h: operation, steps if so, steps if not, operand.
_OPENS = (
    (0x30, 0, 0, 9),  # the protocol
    (0x15, 0, 5, _TCP),
    (0xB1, 0, 0, 0),  # the length of the header of IP
    (0x50, 0, 0, 13),  # the flags of TCP
    (0x54, 0, 0, 0x12),
    (0x15, 0, 1, SYN),
    (0x06, 0, 0, 0x1000),
    (0x06, 0, 0, 0),
)


@dataclass(frozen=True)
class Packet:
    at: float  # seconds, as time.time() has them
    protocol: int
    source: tuple[str, int]
    target: tuple[str, int]
    flags: int = 0  # of TCP
    payload: bytes = b""

    @property
    def opens(self) -> bool:
        return self.protocol == _TCP and self.flags & (SYN | RST) == SYN

    @property
    def looks_up(self) -> bool:
        return self.target[1] == 53


@dataclass
class Capture:
    _held: socket.socket
    _packets: list[Packet] = field(default_factory=list)

    def sent_to(self, port: int, since: float) -> list[Packet]:
        """Packets that say or ask something, to this port: no bare acknowledgement, no end of a connection."""
        return [p for p in self.all(since) if p.target[1] == port and (p.opens or p.payload)]

    def all(self, since: float = 0.0) -> list[Packet]:
        while True:
            try:
                data, told, _, address = self._held.recvmsg(1 << 17, 256)
            except BlockingIOError:
                return [packet for packet in self._packets if packet.at >= since]
            seconds, nanoseconds = struct.unpack("ll", told[0][2][:16])
            if address[2] == _OUTGOING and (packet := _read(data, seconds + nanoseconds / 1e9)) is not None:
                self._packets.append(packet)


@contextmanager
def capturing() -> Iterator[Capture]:
    """Needs a network namespace in which this process is root."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL)) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        held.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        held.bind(("lo", _ALL))
        held.setblocking(False)
        seen = Capture(held)
        while not _stamps(seen):
            pass
        seen._packets.clear()
        yield seen


@contextmanager
def connections(interface: str) -> Iterator[Callable[[], list[Packet]]]:
    """Calls for the packets that arrived here since the last call and open a connection. The kernel leaves out all others."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IPV4)) as held:
        program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in _OPENS))
        held.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HL", len(_OPENS), ctypes.addressof(program)))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        held.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        held.bind((interface, _IPV4))
        held.setblocking(False)

        def arrived() -> list[Packet]:
            found: list[Packet] = []
            while True:
                try:
                    data, told, _, address = held.recvmsg(1 << 12, 256)
                except BlockingIOError:
                    return found
                seconds, nanoseconds = struct.unpack("ll", told[0][2][:16])
                if address[2] == _HERE and (packet := _read(data, seconds + nanoseconds / 1e9)) is not None:
                    found.append(packet)

        yield arrived


def _stamps(seen: Capture) -> bool:
    """Whether a packet has the time at which it was sent. The kernel begins to stamp a little later than it is told to.

    Until then a packet has the time at which it is read.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        here = probe.getsockname()
        probe.sendto(b"", here)
        sent = time.time()
        time.sleep(0.01)
        return any(packet.target == here and packet.at <= sent for packet in seen.all())


def _read(data: bytes, at: float) -> Packet | None:
    version = data[0] >> 4
    if version == 4:
        begin, protocol, end = (data[0] & 15) * 4, data[9], int.from_bytes(data[2:4])
        source, target = data[12:16], data[16:20]
    elif version == 6:
        begin, protocol, end = 40, data[6], 40 + int.from_bytes(data[4:6])
        source, target = data[8:24], data[24:40]
    else:
        return None
    if protocol not in (_TCP, _UDP):
        return None
    body = data[begin:end]
    ports = struct.unpack_from(">HH", body)
    flags, header = (body[13], (body[12] >> 4) * 4) if protocol == _TCP else (0, 8)
    places = [(str(ip_address(address)), port) for address, port in zip((source, target), ports, strict=True)]
    return Packet(at, protocol, places[0], places[1], flags, body[header:])
