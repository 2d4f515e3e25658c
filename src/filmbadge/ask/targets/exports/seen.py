"""What a result file names, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

PORTS = range(1, 65536)  # TCP port numbers, RFC 6335 6


class Dropped(StrEnum):
    """Why something that a file names is no target."""

    OUTSIDE = "outside-scope"
    EXCLUDED = "excluded"
    OPTED_OUT = "opted-out"
    CLOSED = "closed"  # closed, filtered, down, failed, or no match
    NOT_TCP = "not-tcp"
    REPEATED = "repeated"
    BANNER = "banner"  # what a service said; the port has an entry of its own
    NO_HOST = "no-host"  # it names no host
    MANY_PORTS = "many-ports"


class Seen(NamedTuple):
    """One port of one host, as a file names it."""

    line: int  # in a binary file: the byte at which the record begins
    host: str  # an address or a name
    port: int | None  # None: the file names none
    why: Dropped | None = None  # why it is no target, if the file itself says so


class Fault(Exception):
    """A file is not what its beginning promised. The text is for the user, and quotes nothing of the file."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass(slots=True)
class End:
    """How a file ended. A reader writes here."""

    cut: str = ""  # where the file was cut off, in words; empty if it is whole


Reader = Callable[[Iterable[bytes], End], Iterator[Seen]]


def number(value: object, line: int) -> int | None:
    """A port, written as a number or in digits. None where there is none. Raises Fault."""
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in PORTS:
        raise Fault(line, "names a port that is not 1 to 65535")
    return value
