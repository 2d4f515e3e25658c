"""Who was told what: `told.csv` in the folder of the letters, a row for each archive of each letter.

The table is the only memory of what was written, so it is written whole or not at all, and one that is damaged is refused.
Its last line says how many rows there are, with their SHA-256.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from filmbadge.keep import files
from filmbadge.keep.files import Damaged
from filmbadge.tell.notices.contacts import Role
from filmbadge.tell.spreadsheet import cell
from filmbadge.texts import printable

NAME = "told.csv"
_MOST_BYTES = 256 << 20
_END = "#end"


class Kind(StrEnum):
    """Which letter it was."""

    FIRST = "first"
    REMINDER = "reminder"
    THANKS = "thanks"


class Channel(StrEnum):
    """By which ways a letter was made to go."""

    PAPER = "paper"
    EMAIL = "e-mail"
    BOTH = "paper and e-mail"


class Told(Struct, frozen=True):
    """One archive in one letter."""

    reference: str  # of all letters to one recipient
    number: int  # of the letter among these, from 1
    kind: Kind
    day: date  # on which it was written
    recipient: str  # Contact.id
    operator: str  # the recipient's name
    role: Role
    channel: Channel
    language: str
    level: str
    archive: str  # its id in the survey that the letter is from
    endpoints: str  # URLs, with blanks between them
    grade: str  # at that time; empty: none
    survey: str  # name of the scope
    began: datetime  # the survey
    message_id: str  # of the e-mail, also where none was made
    files: str  # names, with blanks between them


COLUMNS = Told.__struct_fields__


def read(directory: Path) -> tuple[Told, ...]:
    """The rows, the oldest first; none where there is no table yet. Raises Damaged, which names the line."""
    path = directory / NAME
    try:
        raw = files.read(directory, path, _MOST_BYTES)
    except FileNotFoundError:
        return ()
    return tuple(_rows(raw, files.shown(path)))


def _rows(raw: bytes, shown: str) -> Iterator[Told]:
    body, _, last = raw.rstrip(b"\n").rpartition(b"\n")
    body += b"\n"
    if last != _last(body):
        raise Damaged(f"{shown} is damaged or was changed: its last line does not fit its rows. Put back a copy of it")
    try:
        rows = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
        if tuple(rows[0]) != COLUMNS:
            raise ValueError("it has other columns")
        for line, row in enumerate(rows[1:], 2):
            yield _told(row, line)
    except (ValueError, csv.Error, msgspec.ValidationError) as error:
        raise Damaged(f"{shown} is no table of what was told: {printable(str(error))}") from None


def _told(row: Sequence[str], line: int) -> Told:
    try:
        return msgspec.convert(dict(zip(COLUMNS, map(_plain, row), strict=True)), Told, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"line {line}: {error}") from None


def content(told: Iterable[Told]) -> bytes:
    """The table as bytes."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in told:
        held = msgspec.to_builtins(row)
        writer.writerow(_safe(str(held[name])) for name in COLUMNS)
    body = out.getvalue().encode()
    return body + _last(body) + b"\n"


def write(directory: Path, told: Iterable[Told]) -> None:
    """The whole table, or what was there before. Raises OSError."""
    files.write(directory / NAME, content(told))


def _safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, and that `_plain` makes the same text of again."""
    return f"'{text}" if text.startswith("'") else cell(text)


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell


def _last(body: bytes) -> bytes:
    rows = body.count(b"\n") - 1
    return f"{_END},{rows},{sha256(body).hexdigest()}".encode()
