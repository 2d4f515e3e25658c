"""A database of the user in the MaxMind DB format: GeoLite2 Country, City and ASN, and what DB-IP and IPinfo give in it.

The file is mapped and never written. It is read by maxminddb's reader in Python, which bounds what one record may hold and
how deep it goes; a file that was made to harm can make that reader raise, and no more.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path

from maxminddb import MODE_MMAP, InvalidDatabaseError, Reader, open_database

from filmbadge import texts
from filmbadge.model import NOWHERE, Place, Refusal, Said
from filmbadge.places.source import Used, asn, country, opened, shown

_MARK = b"\xab\xcd\xefMaxMind.com"
_MARK_IN = 128 * 1024  # bytes at the end of the file, by the format's specification
_BROKEN = (InvalidDatabaseError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
           RecursionError, MemoryError, struct.error, OSError)  # fmt: skip
_LONGEST_VALUE = texts.TEXTS["Said.value"].limit


def is_mmdb(path: Path) -> bool:
    """By its contents. Raises Refusal."""
    with opened(path) as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _MARK_IN))
        if _MARK in file.read(_MARK_IN):
            return True
        file.seek(0)
        if b"\0" in file.read(4096):
            raise Refusal(
                f"{shown(path)} is no CSV, and no whole MMDB file: its end is missing, or it is something else"
            )
    return False


class Mmdb:
    """One file. Raises Refusal."""

    def __init__(self, path: Path) -> None:
        self._name = shown(path)
        with opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            self._reader = _opened(path)
            self._date = _date(self._reader)
            self._try_it()
        except _BROKEN as error:
            why = type(error).__name__
            raise Refusal(f"{self._name} is no whole MMDB file, or is damaged ({why}): fetch it again") from None
        self.used = Used(self._name, "mmdb", date=self._date, digest=digest)

    def of(self, address: IPv4Address | IPv6Address) -> Place:
        """What cannot be read says nothing."""
        if address.is_loopback:  # a database of the whole world knows nothing of this machine
            return NOWHERE
        try:
            record, prefix = self._reader.get_with_prefix_len(address)
        except _BROKEN:
            return NOWHERE
        told = dict(fields(record))
        if not told:
            return NOWHERE
        said = {field: (Said(value, self._name, self._date),) for field, value in told.items()}
        return Place(str(ip_network((address, prefix), strict=False)), **said)

    def _try_it(self) -> None:
        """Looks at addresses all over the tree. Raises what a damaged file makes it raise, and Refusal."""
        records = []
        for n in range(256):
            record = self._reader.get(IPv4Address(n << 24 | 0x010101))
            records += [] if record is None else [record]
        if records and not any(dict(fields(record)) for record in records):
            raise Refusal(
                f"{self._name} holds no country, AS number or AS name where GeoLite2, DB-IP or IPinfo have them"
            )


def _opened(path: Path) -> Reader:
    reader = open_database(path, MODE_MMAP)
    version = reader.metadata().ip_version
    if version not in (4, 6):
        raise InvalidDatabaseError("IP version")
    return reader


def _date(reader: Reader) -> str:
    """When it was built."""
    return datetime.fromtimestamp(reader.metadata().build_epoch, UTC).date().isoformat()


def fields(record: object) -> Iterator[tuple[str, str]]:
    """The fields of a record that are known, in whatever of the known shapes. Others, and odd values, are left out."""
    if not isinstance(record, Mapping):
        return
    nation = record.get("country")
    codes = (nation.get("iso_code"),) if isinstance(nation, Mapping) else (record.get("country_code"), nation)
    for code in codes:
        with suppress(ValueError):
            if isinstance(code, str) and len(code) == 2:
                yield "country", country(code)
                break
    number = record.get("autonomous_system_number", record.get("asn"))
    name = record.get("autonomous_system_organization", record.get("as_name"))
    with suppress(ValueError):
        if isinstance(number, str | int) and not isinstance(number, bool):
            yield "asn", asn(str(number)[:16])
            name = record.get("name") if name is None else name  # IPinfo's table of autonomous systems
    if isinstance(name, str) and name.strip():
        yield "as_name", name.strip()[:_LONGEST_VALUE]
