"""What a source of places is, and how it is named in a judgement."""

from __future__ import annotations

import os
import re
import stat
from io import BufferedReader
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal, Protocol

from msgspec import Struct

from filmbadge import given
from filmbadge.model import Place, Refusal
from filmbadge.texts import printable

# The fields of `Place` that a source fills, in the order in which a table of the user names them.
FIELDS = ("country", "asn", "as_name", "operator", "contact", "language", "site")
_COUNTRY = re.compile("[A-Z]{2}")
_NO_COUNTRY = ("XX", "ZZ")  # ISO 3166-1 leaves them to users; databases write them for "not known"
_ASN = re.compile("(?:AS)?([0-9]{1,10})")
_MOST_ASN = 2**32 - 1  # RFC 6793
_NAME = 128  # characters of a file's name


class Used(Struct, frozen=True):
    """One source, as `judged.json` names it."""

    name: str  # of the file, without its folders; of the package
    kind: Literal["csv", "mmdb", "package"]
    version: str = ""  # of the package; of a file empty
    date: str = ""  # of the data, YYYY-MM-DD; empty: the source does not tell it
    digest: str = ""  # SHA-256 of the file, in hex; empty for a package: its version names it


class Source(Protocol):
    @property
    def used(self) -> Used: ...

    def of(self, address: IPv4Address | IPv6Address) -> Place:
        """What it says of an address: `NOWHERE` itself if it says nothing. Raises nothing."""
        ...


def country(text: str) -> str:
    """A country's code, in capitals. Raises ValueError."""
    code = text.upper()
    if not _COUNTRY.fullmatch(code) or code in _NO_COUNTRY:
        raise ValueError("is no country's code of two letters (ISO 3166-1)")
    return code


def asn(text: str) -> str:
    """The number of an autonomous system, in digits. Raises ValueError."""
    found = _ASN.fullmatch(text.upper())
    if found is None or not 0 < int(found.group(1)) <= _MOST_ASN:
        raise ValueError("is no number of an autonomous system")
    return str(int(found.group(1)))


def shown(path: Path) -> str:
    """A file's name as it is told, without its folders."""
    return printable(path.name)[:_NAME]


def opened(path: Path) -> BufferedReader:
    """A regular file, to be read. Anything else may never end. Raises Refusal."""
    try:
        file = os.fdopen(given.opened(path), "rb")
    except OSError as error:
        raise Refusal(f"{printable(str(path))[:_NAME]} cannot be read ({error.strerror})") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise Refusal(
            f"{printable(str(path))[:_NAME]} is no regular file, and a source of places is read more than once"
        )
    return file
