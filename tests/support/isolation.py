"""The guard of the whole test run: a network of its own, in which only loopback exists.

The process that runs the tests moves into a fresh network namespace (user namespace too, where it is
not root), and so does everything it starts: archives, browsers, the instrument. Nothing can leave. An
attempt does not go unseen either: the kernel counts every packet it has no route for, look-ups of
names included, and a test during which that count rises has failed.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def enter() -> None:
    """Move this process into a network namespace with nothing but loopback. Exits where the kernel refuses."""
    uid, gid = os.getuid(), os.getgid()
    flags = _CLONE_NEWNET if uid == 0 else _CLONE_NEWNET | _CLONE_NEWUSER
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flags) != 0:
        sys.exit(
            f"tests need a network namespace of their own: {os.strerror(ctypes.get_errno())} (run as root, or allow user namespaces)"
        )
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        held = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", held | _IFF_UP))


def interfaces() -> set[str]:
    """The network interfaces of this process."""
    return {line.split(":")[0].strip() for line in Path("/proc/self/net/dev").read_text().splitlines()[2:]}


def strays() -> int:
    """Packets of this namespace that had nowhere to go, IPv4 and IPv6, since it was made."""
    return counter("Ip", "OutNoRoutes") + _counter6("Ip6OutNoRoutes")


def counter(protocol: str, name: str) -> int:
    """A counter of the kernel for this namespace, such as Tcp ActiveOpens."""
    lines = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()]
    names, values = (line for line in lines if line[0] == f"{protocol}:")
    return int(values[names.index(name)])


def _counter6(name: str) -> int:
    pairs = (line.split() for line in Path("/proc/self/net/snmp6").read_text().splitlines())
    return next(int(value) for key, value in pairs if key == name)
