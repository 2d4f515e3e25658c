"""What happened that people are told of. Each is written once: the table knows what it has."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Literal

import msgspec

from filmbadge.watch.store.store import now

Kind = Literal["new", "worse", "closed", "failed"]


def tell(
    connection: sqlite3.Connection,
    kind: Kind,
    scope: str,
    run: int | None = None,
    archive: int | None = None,
    detail: Mapping[str, object] | None = None,
    *,
    muted: bool = False,
) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO events (at, kind, scope, run, archive, detail, muted) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (now(), kind, scope, run, archive, msgspec.json.encode(detail or {}).decode(), muted),
    )
