"""The guard of the whole test run: a network of its own, in which only loopback exists.

The process that runs the tests moves into a fresh network namespace (user namespace too, where it is
not root), and so does everything it starts: archives, browsers, the instrument. Nothing can leave. An
attempt does not go unseen either: the kernel counts every packet it has no route for, look-ups of
names included, and a test during which that count rises has failed.

It moves into a mount namespace as well, where `/etc` says that this machine's own name is on loopback,
whatever the machine's own files say. Archives look that name up when they start.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import tempfile
from pathlib import Path

_CLONE_NEWNS, _CLONE_NEWUSER, _CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
_MS_BIND, _MS_MOVE, _MS_REC, _MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_ETC = Path("/etc")


def enter() -> None:
    """Move this process into a network with nothing but loopback, and names of its own. Exits where the kernel refuses."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _unshare(_CLONE_NEWNS | _CLONE_NEWNET | (_CLONE_NEWUSER if uid else 0))
    except (OSError, AttributeError) as error:
        sys.exit(
            f"tests need namespaces of their own: {error} (run as root, or allow user namespaces; "
            'pytest -m "not real" runs the tests that need none)'
        )
    if uid != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    _raise_loopback()
    _mount("none", Path("/"), _MS_REC | _MS_PRIVATE)
    _bring_names()


# What stands before a command that is to have a network with nothing but loopback of its own.
ALONE = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$0" "$@"')


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


def _unshare(flags: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _mount(source: str | Path, target: Path, flags: int, kind: str = "", options: str = "") -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    named = [os.fsencode(text) for text in (source, target, kind)]
    if libc.mount(*named, ctypes.c_ulong(flags), os.fsencode(options)) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(target))


def _raise_loopback() -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        held = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", held | _IFF_UP))


def _bring_names() -> None:
    """Lay an `/etc` over the machine's: all of that, but the files by which a name is found are ours.

    A file of ours cannot be mounted over one that the machine does not have, or has as a link to nowhere.
    """
    ours, made = _names(), Path(tempfile.mkdtemp(prefix="etc-"))
    _mount("tmpfs", made, 0, "tmpfs", "mode=755")
    for entry in os.scandir(_ETC):
        place = made / entry.name
        if entry.name in ours:
            continue
        if entry.is_symlink():
            place.symlink_to(Path(entry.path).readlink())
            continue
        place.mkdir() if entry.is_dir() else place.touch()
        _mount(entry.path, place, _MS_BIND | _MS_REC)
    for name, text in ours.items():
        (made / name).write_text(text)
    _mount(made, _ETC, _MS_MOVE)
    made.rmdir()


def _names() -> dict[str, str]:
    """The files by which the system's resolver finds a name: this machine's, and nobody answers for others."""
    switch = _ETC / "nsswitch.conf"
    others = (
        [line for line in switch.read_text().splitlines() if not line.startswith("hosts:")] if switch.exists() else []
    )
    own = socket.gethostname()
    return {
        "hosts": f"127.0.0.1 localhost {own}\n::1 localhost ip6-localhost {own}\n",
        "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
        "nsswitch.conf": "\n".join([*others, "hosts: files dns"]) + "\n",
    }
