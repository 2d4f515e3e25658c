"""What the tables hold as one value: packed and unpacked here, and nowhere else."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec
from msgspec import Struct

from filmbadge.keep.manifest import CountryRow
from filmbadge.model import Total
from filmbadge.tell.evidence import NO_EVIDENCE, Evidence

T = TypeVar("T")
PUBLIC = "public"  # the folder of pages at level public, by the name of the scope


class Product(Struct, frozen=True):
    name: str  # empty: not known
    archives: int
    archives_open: int


class Summary(Struct, frozen=True):
    """One survey as a whole, as `filmbadge report` tells it: `runs.summary`. Decoys are left out."""

    depth: str
    rows: tuple[Total, ...]
    words: dict[str, str]  # each total in words
    by_country: tuple[CountryRow, ...]  # the most open archives first, and last those that no source attributes
    products: tuple[Product, ...]  # the most open archives first
    grades: dict[str, int]  # archives by grade; `none` where we could not find out enough
    findings: dict[str, int]  # archives by what is wrong with them
    undecided: int  # hosts of which we could not find out enough
    connections: int | None = None
    lookups: int | None = None
    evidence: Evidence = NO_EVIDENCE


def pack(record: object) -> bytes:
    """A record as a BLOB."""
    return zlib.compress(msgspec.json.encode(record))


def unpack(raw: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(zlib.decompress(raw), type=kind)
