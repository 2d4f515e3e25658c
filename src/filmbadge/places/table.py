"""A table of the user: CSV with the columns `network,country,asn,as_name,operator,contact,language,site`.

The first line names the columns, in any order. Only `network` must be there. Of the networks that hold an address the
narrowest that fills a field says it. A line that begins with `#` is a remark; `# date: 2026-11-20` says how old the data is.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from array import array
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from pathlib import Path
from typing import NamedTuple

from filmbadge import texts
from filmbadge.model import NOWHERE, Place, Refusal, Said
from filmbadge.places.networks import BITS, Networks, Twice, key, network_of, parse, row_of
from filmbadge.places.source import FIELDS, Used, asn, country, opened, shown
from filmbadge.texts import printable

_NETWORK = "network"
_LONGEST_LINE = 8192  # characters
_LONGEST_VALUE = texts.TEXTS["Said.value"].limit
_MOST_ROWS = 10_000_000
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")  # as Python reads a byte that is none
_DATE = re.compile(r"#\s*date:\s*([0-9]{4}-[0-9]{2}-[0-9]{2})\s*")
_CHECKS = {"country": country, "asn": asn}

_REMEMBERED = 1 << 16  # values of a field, and rows: those of networks come often


class _Columns(NamedTuple):
    width: int
    network: int
    fields: list[tuple[int, str, dict[str, str]]]  # where a field stands, which it is, and what is known of its values


class Table:
    """One file. Raises Refusal, with its name and the line."""

    def __init__(self, path: Path) -> None:
        self._name = shown(path)
        self._fields: tuple[str, ...] = ()
        self._rows: list[tuple[str, ...]] = []  # in the order of `_fields`
        self._line = 0
        with opened(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._date = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC).date().isoformat()
            file.seek(0)
            with io.TextIOWrapper(file, "utf-8-sig", errors="surrogateescape", newline="") as text:
                self._networks = self._read(text)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._place)
        self.used = Used(self._name, "csv", date=self._date, digest=digest)

    def of(self, address: IPv4Address | IPv6Address) -> Place:
        index = self._networks[address.version].narrowest(int(address))
        return NOWHERE if index < 0 else self._remembered(address.version, index)

    def _place(self, version: int, index: int) -> Place:
        found = self._networks[version].around(index)
        said: dict[str, tuple[Said, ...]] = {}
        for one in reversed(found):
            row = zip(self._fields, self._rows[row_of(one)], strict=True)
            said |= {field: (Said(value, self._name, self._date),) for field, value in row if value}
        first, prefix = network_of(found[0])
        width = BITS[version] // 8
        return Place(str(ip_network((first.to_bytes(width, "big"), prefix))), **said)

    def _read(self, text: Iterator[str]) -> dict[int, Networks]:
        keys: dict[int, list[int]] = {4: [], 6: []}
        lines, known = array("I"), dict[tuple[str, ...], tuple[str, ...]]()
        rows = csv.reader(self._lines(text), strict=True)
        try:
            columns = self._columns(next(rows, []))
            for row in rows:
                version, first, prefix = self._network(row, columns)
                keys[version].append(key(first, prefix, len(lines)))
                lines.append(self._line)
                values = self._values(row, columns)
                self._rows.append(known.setdefault(values, values) if len(known) < _REMEMBERED else values)
                if len(lines) > _MOST_ROWS:
                    raise self._wrong(f"there are more than {_MOST_ROWS:,} networks")
        except csv.Error as error:
            raise self._wrong(f"this is no CSV: {error}") from None
        try:
            return {version: Networks(found, version) for version, found in keys.items()}
        except Twice as error:
            one, self._line = (lines[row] for row in error.rows)
            raise self._wrong(f"this network stands in line {one} too") from None

    def _lines(self, text: Iterator[str]) -> Iterator[str]:
        """The lines that are no remarks. `_line` is the number of the last."""
        for self._line, line in enumerate(text, 1):
            if len(line) > _LONGEST_LINE:
                raise self._wrong("this line is too long")
            if line.startswith("#"):
                self._remark(line)
            elif line.strip():
                yield line

    def _remark(self, line: str) -> None:
        if found := _DATE.fullmatch(line.strip()):
            try:
                self._date = date.fromisoformat(found.group(1)).isoformat()
            except ValueError:
                raise self._wrong("this date is none") from None

    def _columns(self, row: Sequence[str]) -> _Columns:
        """The first line. A column that is not known would be lost silently."""
        names = [name.strip() for name in row]
        odd = [name for name in names if name not in (_NETWORK, *FIELDS)]
        if odd or _NETWORK not in names or len(set(names)) != len(names):
            what = f"'{_brief(odd[0])}' is none of the columns" if odd else "the first line must name the columns once"
            raise self._wrong(f"{what}: {_NETWORK},{','.join(FIELDS)}")
        self._fields = tuple(name for name in names if name != _NETWORK)
        fields = [(names.index(field), field, {"": ""}) for field in self._fields]
        return _Columns(len(names), names.index(_NETWORK), fields)

    def _network(self, row: list[str], columns: _Columns) -> tuple[int, int, int]:
        if len(row) != columns.width:
            raise self._wrong(f"there are {len(row)} fields, and {columns.width} columns")
        text = row[columns.network].strip()
        try:
            return parse(text)
        except ValueError as error:
            raise self._wrong(f"'{_brief(text)}' {error}") from None

    def _values(self, row: list[str], columns: _Columns) -> tuple[str, ...]:
        return tuple(
            [
                value if (value := known.get(row[at])) is not None else self._value(field, row[at], known)
                for at, field, known in columns.fields
            ]
        )

    def _value(self, field: str, text: str, known: dict[str, str]) -> str:
        value = text.strip()
        try:
            if value and field in _CHECKS:
                value = _CHECKS[field](value)
            elif len(value) > _LONGEST_VALUE:
                raise ValueError(f"is longer than {_LONGEST_VALUE} characters")
            elif not value.isascii() and _NOT_UTF_8.search(value):
                raise ValueError("is not UTF-8: save the file in that encoding")
        except ValueError as error:
            raise self._wrong(f"'{_brief(text)}' {error}") from None
        if len(known) < _REMEMBERED:
            known[text] = value
        return value

    def _wrong(self, what: str) -> Refusal:
        return Refusal(f"{self._name}, line {self._line}: {what}")


def _brief(text: str) -> str:
    return printable(text)[:40]
