"""`judged/N/judged.json`: by what a survey was judged for the Nth time, and the totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.keep import files, parts
from filmbadge.keep.files import Damaged, shown
from filmbadge.keep.manifest import DOCUMENT_BYTES, read_document, write_document
from filmbadge.keep.schema import TABLES
from filmbadge.model import Total
from filmbadge.places.source import Used

NAME = "judged.json"


class Judge(Struct, frozen=True):
    """What verdicts depend on beside the facts: where it is the same, they are the same."""

    version: str  # of Filmbadge
    facts: int  # version of the facts that it knows
    catalogue: str  # digest of all its rows
    countries: str | None = None  # digest of all that says where addresses stand; null: by versions that read none
    places: tuple[Used, ...] = ()  # the sources of that, in their order


class Judged(Struct, frozen=True):
    judge: Judge
    judged_at: datetime
    counts: dict[str, int] = {}  # rows by table; empty until it ends
    rows: tuple[Total, ...] = ()
    # `surveying`: a survey goes on in it. `judging`: it was broken off, if nobody is at work.
    state: Literal["surveying", "judging", "done"] = "done"
    parts: dict[str, tuple[str, ...]] | None = None  # of its tables, when this was written; None: by older versions
    schema: Literal["filmbadge.judged/1"] = "filmbadge.judged/1"
    sha256: str = ""  # of all bytes of the file before it; empty in older versions


def folder(directory: Path, number: int) -> Path:
    return directory / "judged" / str(number)


def write(directory: Path, number: int, judged: Judged) -> None:
    """First, with a state that is not `done`, and last of all that was judged."""
    files.make_folder(folder(directory, number))
    write_document(folder(directory, number) / NAME, judged)


def read(directory: Path, number: int, *, older: bool = False) -> Judged | None:
    """None where there is none. Raises Damaged where it is not as it was written."""
    path = folder(directory, number) / NAME
    try:
        raw = files.read(directory, path, DOCUMENT_BYTES)
        return read_document(raw, Judged, path, older=older)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Damaged(f"{shown(path)} is not a judgement of this version") from None


def newest(directory: Path, *, older: bool = False) -> int | None:
    """The number of the newest that was not broken off. None: it was never judged. Raises Damaged.

    `older`: versions that wrote no document into one that was broken off.
    """
    for number in numbers(directory):
        said = read(directory, number, older=older)
        if said is not None and said.state != "judging":
            return number
        if said is None and not older and any(parts_of(directory, number)):
            raise Damaged(f"{shown(folder(directory, number) / NAME)} is missing")
    return None


def parts_of(directory: Path, number: int) -> Iterator[Path]:
    """All parts of one judgement."""
    for table in TABLES:
        if table.judged:
            yield from parts.numbered(directory, table.folder(directory, number)).values()


def numbers(directory: Path) -> Iterator[int]:
    """From the newest on."""
    found = files.names(directory, directory / "judged")
    yield from sorted((int(name) for name in found if name.isdecimal() and name == str(int(name))), reverse=True)
