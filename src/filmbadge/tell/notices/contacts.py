"""Whom to write to: a table of the user, CSV with the columns `network,address,operator,name,email,postal,language,role,source,date`.

The first line names the columns, in any order. A row says for what it holds by one of `network`, `address` and `operator`,
and whom to reach by `name` and by `email`, `postal` or both. For an archive the most specific row counts: its address, then
the narrowest network, then its operator. A line that begins with `#` is a remark.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from unicodedata import normalize

from msgspec import Struct

from filmbadge import given
from filmbadge.catalogue.placeholders import is_placeholder
from filmbadge.model import Refusal
from filmbadge.places.networks import Networks, Twice, key, parse, row_of
from filmbadge.places.source import shown
from filmbadge.tell.mailbox import is_mailbox
from filmbadge.texts import printable

KEYS = ("network", "address", "operator")
COLUMNS = (*KEYS, "name", "email", "postal", "language", "role", "source", "date")
_ALSO = {"e-mail": "email", "mail": "email", "postal address": "postal"}  # other names of columns
_REQUIRED = ("name",)
_MOST_BYTES = 64 << 20
_LONGEST = 256  # characters of a value
_MOST_LINES, _WIDTH = 7, 45  # of a postal address: what the window of an envelope shows
_MOST_FAULTS = 20  # that are told at once
_LANGUAGE = re.compile(r"[a-z]{2}\Z")
# Sources whose contacts are those of a network: a provider's desk, which is not who runs the archive.
_OF_NETWORKS = re.compile(r"\b(rdap|whois|abuse-c|ripe|arin|apnic|lacnic|afrinic)\b")


class Role(StrEnum):
    """To whom a letter goes."""

    OPERATOR = "operator"  # who runs the archive
    DESK = "desk"  # the abuse desk of a network or cloud, which passes it on


class Contact(Struct, frozen=True):
    """One row. `email` or `postal` is there, or both."""

    name: str
    email: str = ""
    postal: tuple[str, ...] = ()  # lines
    language: str = ""  # ISO 639-1; empty: not said
    role: Role = Role.OPERATOR
    source: str = ""
    date: str = ""  # YYYY-MM-DD

    @property
    def id(self) -> str:
        """By what one recipient is told from another: the mailbox, or else the name with the postal address."""
        what = self.email.casefold() or "\n".join((self.name, *self.postal)).casefold()
        return sha256(f"{self.role}\n{what}".encode()).hexdigest()[:16]


class Contacts:
    """The table. Raises Refusal with the lines that are wrong."""

    def __init__(self, path: Path) -> None:
        self._name = shown(path)
        try:
            raw = given.read(path, _MOST_BYTES)
        except OSError as error:
            raise Refusal(f"{printable(str(path))} cannot be read ({error.strerror})") from None
        if len(raw) > _MOST_BYTES:
            raise Refusal(f"{self._name} is larger than {_MOST_BYTES >> 20} MiB")
        self._rows: list[Contact] = []
        self._at: list[int] = []  # the line of each
        self._operators: dict[str, int] = {}
        self._networks = self._read(raw)

    def of(self, address: str, operator: str = "") -> Contact | None:
        """Whom to write to about an archive at an IP address. None: no row says it."""
        try:
            found = ip_address(address)
        except ValueError:
            return None
        plain = (isinstance(found, IPv6Address) and found.ipv4_mapped) or found
        networks = self._networks[plain.version]
        if (index := networks.narrowest(int(plain))) >= 0:
            return self._rows[row_of(networks.around(index)[0])]
        row = self._operators.get(_plain(operator)) if operator else None
        return None if row is None else self._rows[row]

    def with_id(self, recipient: str) -> Contact | None:
        """The row of a recipient who was written to before. None: the table no longer names it."""
        return next((row for row in self._rows if row.id == recipient), None)

    def _read(self, raw: bytes) -> dict[int, Networks]:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._wrong(
                raw.count(b"\n", 0, error.start) + 1, "is not UTF-8: save the file in that encoding"
            ) from None
        keys: dict[int, list[int]] = {4: [], 6: []}
        faults: list[tuple[int, str]] = []
        for line, row in self._records(text):
            try:
                self._take(row, keys)
            except ValueError as error:
                faults.append((line, str(error)))
                continue
            self._at.append(line)
        if faults:
            raise self._all_wrong(faults)
        try:
            return {version: Networks(found, version) for version, found in keys.items()}
        except Twice as error:
            one, other = sorted(error.rows)
            raise self._wrong(self._at[other], f"this network or address stands in line {self._at[one]} too") from None

    def _records(self, text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Each row by its columns, with the line that it begins in."""
        reader = csv.reader(_without_remarks(text), strict=True)
        line, names = 1, None
        try:
            for row in reader:
                begun, line = line, reader.line_num + 1
                if not any(map(str.strip, row)):
                    continue
                if names is None:
                    names = self._columns(begun, row)
                elif len(row) != len(names):
                    raise self._wrong(begun, f"there are {len(row)} fields, and {len(names)} columns")
                else:
                    yield begun, dict(zip(names, row, strict=True))
        except csv.Error as error:
            raise self._wrong(line, f"this is no CSV: {error}") from None
        if names is None:
            raise self._wrong(1, f"the first line must name columns of these: {','.join(COLUMNS)}")

    def _columns(self, line: int, row: Sequence[str]) -> list[str]:
        plain = [" ".join(name.lower().replace("_", " ").split()) for name in row]
        names = [_ALSO.get(name, name) for name in plain]
        if len(row) == 1 and ";" in row[0]:
            raise self._wrong(
                line, "columns are parted by commas, not by semicolons: save the table as CSV with commas"
            )
        for written, name in zip(row, names, strict=True):
            if name not in COLUMNS:
                raise self._wrong(line, f"'{_brief(written.strip())}' is none of the columns {','.join(COLUMNS)}")
        if len(set(names)) != len(names) or not set(_REQUIRED) <= set(names):
            raise self._wrong(line, "the first line names each column once, and 'name' must be among them")
        return names

    def _take(self, row: Mapping[str, str], keys: dict[int, list[int]]) -> None:
        """Raises ValueError that says what is wrong with the row."""
        named = [name for name in KEYS if row.get(name, "").strip()]
        if len(named) != 1:
            raise ValueError("a row fills one of network, address and operator")
        what, number = row[named[0]].strip(), len(self._rows)
        made = contact(row)
        if named[0] == "operator":
            before = self._operators.setdefault(_plain(_checked("operator", what)), number)
            if before != number:
                raise ValueError(f"this operator stands in line {self._at[before]} too")
        else:
            if named[0] == "address" and "/" in what:
                raise ValueError(f"'{_brief(what)}' is no address such as 192.0.2.10")
            keys_of, made_key = _network(what, number)
            keys[keys_of].append(made_key)
        self._rows.append(made)

    def _wrong(self, line: int, what: str) -> Refusal:
        return Refusal(f"{self._name}, line {line}: {what}")

    def _all_wrong(self, faults: Sequence[tuple[int, str]]) -> Refusal:
        told = "; ".join(f"line {line}: {what}" for line, what in faults[:_MOST_FAULTS])
        more = f"; and {len(faults) - _MOST_FAULTS} more lines" if len(faults) > _MOST_FAULTS else ""
        return Refusal(f"{self._name}, {told}{more}")


def contact(row: Mapping[str, str]) -> Contact:
    """Whom a row names. Raises ValueError."""
    name, email = _checked("name", row.get("name", "")), _email(row.get("email", ""))
    postal, source = _postal(row.get("postal", ""), name), _checked("source", row.get("source", ""))
    if not name:
        raise ValueError("the name is missing")
    if not email and not postal:
        raise ValueError("there is neither an e-mail address nor a postal address")
    for text in (name, email, " ".join(postal)):
        if is_placeholder(text):
            raise ValueError(f"'{_brief(text)}' is a placeholder, and reaches nobody")
    return Contact(
        name=name,
        email=email,
        postal=postal,
        language=_language(row.get("language", "")),
        role=_role(row.get("role", ""), email, source),
        source=source,
        date=_date(row.get("date", "")),
    )


def _checked(field: str, text: str) -> str:
    text = text.strip()
    if len(text) > _LONGEST:
        raise ValueError(f"the {field} is longer than {_LONGEST} characters")
    if printable(text) != text:
        raise ValueError(f"the {field} holds a line end or a character that cannot be printed")
    return text


def _email(text: str) -> str:
    text = text.strip()
    if text and not is_mailbox(text):
        raise ValueError(f"'{_brief(text)}' is no e-mail address such as pacs@clinic.test (a domain in its ASCII form)")
    return text


def _postal(text: str, name: str) -> tuple[str, ...]:
    """Lines stand below each other in quotes, or behind each other with semicolons, or else commas, between them.

    The name stands above them, so it is not said twice.
    """
    parts = [part for part in re.split(r"\r\n|\n|;", text) if part.strip()]
    if len(parts) == 1:
        parts = [part for part in text.split(",") if part.strip()]
    lines = [_checked("postal address", part) for part in parts]
    if lines and _plain(lines[0]) == _plain(name):
        del lines[0]
    if sum(-(-len(line) // _WIDTH) for line in lines) > _MOST_LINES:
        raise ValueError(f"the postal address has more than {_MOST_LINES} lines of {_WIDTH} characters")
    return tuple(lines)


def _language(text: str) -> str:
    code = text.strip().lower()
    if code and not _LANGUAGE.match(code):
        raise ValueError(f"'{_brief(text)}' is no language's code of two letters (ISO 639-1)")
    return code


def _role(text: str, email: str, source: str) -> Role:
    if named := text.strip().lower():
        try:
            return Role(named)
        except ValueError:
            raise ValueError(f"'{_brief(text)}' is no role: {', '.join(Role)}") from None
    of_network = email.casefold().startswith("abuse@") or _OF_NETWORKS.search(source.casefold())
    return Role.DESK if of_network else Role.OPERATOR


def _date(text: str) -> str:
    text = text.strip()
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise ValueError(f"'{_brief(text)}' is no date such as 2026-11-25") from None


def _network(text: str, number: int) -> tuple[int, int]:
    """The IP version, and the network with the number of its row as `Networks` takes it. Raises ValueError."""
    try:
        version, first, prefix = parse(text)
    except ValueError as error:
        raise ValueError(f"'{_brief(text)}' {error}") from None
    mapped = IPv6Address(first).ipv4_mapped if version == 6 else None
    if mapped is not None and prefix >= 96:  # ::ffff:192.0.2.0/120 is 192.0.2.0/24
        version, first, prefix = 4, int(IPv4Address(mapped)), prefix - 96
    return version, key(first, prefix, number)


def _plain(operator: str) -> str:
    """By which two ways to write one name are equal: a letter with its accent is one sign to some programs and two to others."""
    return " ".join(normalize("NFKC", operator).casefold().split())


def _without_remarks(text: str) -> Iterator[str]:
    """The lines, with remarks as empty ones, so that their numbers stay. Inside quotes a `#` begins no remark."""
    quoted = False
    for line in text.split("\n"):
        remark = not quoted and line.startswith("#")
        yield "\n" if remark else f"{line}\n"
        quoted ^= not remark and line.count('"') % 2 == 1


def _brief(text: str) -> str:
    return printable(text)[:40]
