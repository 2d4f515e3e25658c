"""`survey.json`: the scope as used, versions, start, end, and totals."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from filmbadge.model import Total

SCHEMA: Literal["filmbadge.survey/1"] = "filmbadge.survey/1"
NAME = "survey.json"


class ScopeAsUsed(Struct, frozen=True):
    name: str
    networks: tuple[str, ...]
    exclude: tuple[str, ...]
    depth: str
    expires: datetime | None
    authority: str
    reference: str
    basis: str | None
    contact: str
    called_titles: tuple[str, ...]
    dimse_ports: tuple[int, ...]
    pace: dict[str, float]
    caps: dict[str, float]
    dimse_tls_ports: tuple[int, ...] = ()
    web_ports: tuple[int, ...] = ()
    web_tls_ports: tuple[int, ...] = ()
    qido_record: bool = False
    census: dict[str, float] = {}


class Manifest(Struct, frozen=True):
    version: str  # of Filmbadge
    dataset: int  # version of the table schema
    state: Literal["running", "done", "interrupted"]
    scope: ScopeAsUsed
    targets: tuple[str, ...]  # as the user named them
    digest: str  # of all hosts they stand for, so that a list that changed is noticed
    seed: int
    hosts: int  # to ask
    hosts_done: int
    started: datetime
    ended: datetime | None
    outcomes: dict[str, int]  # endpoints by rung; "unknown" where we could not find out
    connections: int
    rows: tuple[Total, ...]
    schema: Literal["filmbadge.survey/1"] = SCHEMA


def write(directory: Path, manifest: Manifest) -> None:
    """Whole or not at all."""
    temporary = directory / f".{NAME}.tmp"
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
    temporary.replace(directory / NAME)


def read(directory: Path) -> Manifest:
    """Raises FileNotFoundError, or msgspec.DecodeError where it is not ours."""
    return msgspec.json.decode((directory / NAME).read_bytes(), type=Manifest)
