"""Lists of networks in files: those that may be asked, and those whose operators opted out.

A line holds one network or address; what follows a `#` is a remark. `filmbadge optout` writes lines such as
`192.0.2.10/32  # opted out 2027-01-31 by St. Mary's`. All that a list excludes counts as opted out.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from filmbadge import given
from filmbadge.model import Refusal
from filmbadge.texts import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

if sys.platform != "win32":
    import fcntl

Network = IPv4Network | IPv6Network
OPTED_OUT = "optout.txt"  # stands beside a scope, and is read with it if it is there
MOST_BYTES = 64 << 20  # of a list


class ListError(Refusal):
    """A list that cannot be read or written. The text is one line for the user."""


@dataclass(frozen=True, slots=True)
class Entry:
    network: Network
    line: int


@dataclass(frozen=True, slots=True)
class NetworkList:
    path: Path
    entries: tuple[Entry, ...]
    digest: str  # SHA-256 of the file

    @property
    def networks(self) -> tuple[Network, ...]:
        return tuple(entry.network for entry in self.entries)


def read(path: Path) -> NetworkList:
    """Raises ListError that names the line at fault."""
    shown = printable(str(path))
    try:
        raw = given.read(path, MOST_BYTES)
    except FileNotFoundError:
        raise ListError(f"no such file: {shown}") from None
    except OSError as error:
        raise ListError(f"{shown} cannot be read ({error.strerror})") from None
    if len(raw) > MOST_BYTES:
        raise ListError(f"{shown} is larger than {MOST_BYTES >> 20} MiB")
    return NetworkList(path, tuple(_entries(raw, shown)), sha256(raw).hexdigest())


def _entries(raw: bytes, shown: str) -> Iterator[Entry]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = raw.count(b"\n", 0, error.start) + 1
        raise ListError(f"{shown}:{at}: is not UTF-8 text") from None
    for number, line in enumerate(text.split("\n"), 1):
        if written := line.partition("#")[0].strip():
            try:
                network = plain_network(network_of_text(written))
            except ValueError as error:
                raise ListError(f"{shown}:{number}: {printable(written[:80])!r} is not a network: {error}") from None
            yield Entry(network, number)


def network_of_text(text: str) -> Network:
    """Raises ValueError that says in words what is wrong."""
    try:
        network = ip_network(text)
    except ValueError as error:
        why = "it has host bits set" if "host bits" in str(error) else "it must be like 192.0.2.0/24"
        raise ValueError(why) from None
    if "%" in text:
        raise ValueError("an address with a zone is one of a single link")
    return network


def is_network(text: str) -> bool:
    """Whether a text is a network or an address."""
    try:
        return bool(network_of_text(text))
    except ValueError:
        return False


def plain_network(network: Network) -> Network:
    """A network of IPv4 addresses in IPv6 form becomes the IPv4 network: ::ffff:192.0.2.0/120 is 192.0.2.0/24."""
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - 96))
    return network


def opt_out(path: Path, network: Network, day: date, by: str) -> bool:
    """Adds a line for a network, unless the list covers it already. Whether it was added.

    The line is written at once and is on the disk when this returns; two processes wait for each other. Raises ListError.
    """
    shown = printable(str(path))
    try:
        with _locked(path) as handle:
            if any(_inside(network, entry.network) for entry in read(path).entries):
                return False
            size = os.fstat(handle).st_size
            remark = f"opted out {day.isoformat()}" + (f" by {by}" if by else "")
            line = f"{network}  # {remark}\n".encode()
            if size and os.lseek(handle, size - 1, os.SEEK_SET) and os.read(handle, 1) != b"\n":
                line = b"\n" + line
            try:
                if os.write(handle, line) != len(line):
                    raise OSError(28, "No space left on device")
                os.fsync(handle)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(handle, size)  # not half a line
                raise
    except OSError as error:
        raise ListError(f"{shown} cannot be written ({error.strerror})") from None
    return True


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    how = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, how, 0o644)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        if sys.platform != "win32":
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _inside(network: Network, other: Network) -> bool:
    return network.version == other.version and network.subnet_of(other)  # type: ignore[arg-type]
