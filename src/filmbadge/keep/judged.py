"""`judged/N/judged.json`: by what a survey was judged for the Nth time, and the totals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.keep import parts
from filmbadge.keep.kept import observed
from filmbadge.keep.manifest import write_document
from filmbadge.keep.schema import ENDPOINTS
from filmbadge.model import Total

NAME = "judged.json"


class Judge(Struct, frozen=True):
    """What verdicts depend on beside the facts: where it is the same, they are the same."""

    version: str  # of Filmbadge
    facts: int  # version of the facts that it knows
    catalogue: str  # digest of all its rows
    countries: str | None = None  # digest of the country data; null: none was read


class Judged(Struct, frozen=True):
    judge: Judge
    judged_at: datetime
    counts: dict[str, int] = {}  # rows by table; empty until it ends
    rows: tuple[Total, ...] = ()
    schema: Literal["filmbadge.judged/1"] = "filmbadge.judged/1"


def folder(directory: Path, number: int) -> Path:
    return directory / "judged" / str(number)


def write(directory: Path, number: int, judged: Judged) -> None:
    """Last of all that was judged: a folder without it is not read."""
    folder(directory, number).mkdir(parents=True, exist_ok=True)
    write_document(folder(directory, number) / NAME, judged)


def read(directory: Path, number: int) -> Judged | None:
    """None where there is none, or none of ours."""
    try:
        return msgspec.json.decode((folder(directory, number) / NAME).read_bytes(), type=Judged)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def newest(directory: Path) -> int | None:
    """The number of the newest that is whole; of the newest at all, where none is. None: it was never judged."""
    known = [number for number in numbers(directory) if read(directory, number) is not None]
    return next((number for number in known if _whole(directory, number)), known[0] if known else None)


def numbers(directory: Path) -> Iterator[int]:
    """From the newest on."""
    found = (path.name for path in directory.glob("judged/*"))
    yield from sorted((int(name) for name in found if name.isdecimal() and name == str(int(name))), reverse=True)


def _whole(directory: Path, number: int) -> bool:
    """All that was kept is judged there."""
    return observed(directory).keys() <= parts.numbered(ENDPOINTS.folder(directory, number)).keys()
