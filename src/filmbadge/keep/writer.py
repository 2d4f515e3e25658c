"""Appends to a survey's tables in part files, each written whole or not at all.

A flush writes the journal first and the endpoints last, under one number: a part of archives or kinds counts
only when the endpoints part of its number exists. So a kill at any moment loses at most what was not
flushed, and an address found in `endpoints/` is done.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from filmbadge.keep.schema import (
    ARCHIVES,
    ENDPOINTS,
    JOURNAL,
    KINDS,
    REVIEWS,
    TABLES,
    Row,
    Table,
    archive_row,
    endpoint_rows,
    journal_row,
    kind_rows,
    review_row,
)
from filmbadge.model import Host, JournalRow, Review

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 2.0


class Writer:
    """Collects rows and flushes them. Raises BlockingIOError where another process writes the same survey."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        self._flushed = time.monotonic()
        self._lock: int | None = _lock(directory)  # held until the process ends
        for table in TABLES:
            folder = directory / table.name
            folder.mkdir(parents=True, exist_ok=True)
            for left_over in folder.glob(".*.tmp"):
                left_over.unlink()
        for table in (ARCHIVES, KINDS):
            for orphan in part_numbers(directory, table) - part_numbers(directory, ENDPOINTS):
                part_path(directory, table, orphan).unlink()
        self._number = max((n for table in TABLES for n in part_numbers(directory, table)), default=0)

    def journal(self, connection: JournalRow) -> None:
        self._rows[JOURNAL.name].append(journal_row(connection))
        self._maybe_flush()

    def host(self, host: Host, target: str) -> None:
        """All that was learned at one host, kept together."""
        self._rows[ARCHIVES.name] += map(archive_row, host.archives)
        self._rows[KINDS.name] += [row for archive in host.archives for row in kind_rows(archive)]
        self._rows[ENDPOINTS.name] += endpoint_rows(host, target)
        self._maybe_flush()

    def reviews(self, reviews: Iterable[Review]) -> None:
        """What the whole survey showed, all of it in one flush."""
        at = datetime.now(UTC)
        self._rows[REVIEWS.name] += [review_row(review, at) for review in reviews]
        self.flush()

    def close(self) -> None:
        """Flush, and let others write, also where the flush failed."""
        try:
            self.flush()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def flush(self) -> None:
        if not any(self._rows.values()):
            return
        # One that failed is repeated under its number, with all its rows: what it had written is replaced.
        for table in (JOURNAL, REVIEWS, ARCHIVES, KINDS, ENDPOINTS):
            if rows := self._rows[table.name]:
                self._write(table, rows, self._number + 1)
        self._number += 1
        for held in self._rows.values():
            held.clear()
        self._flushed = time.monotonic()

    def _maybe_flush(self) -> None:
        full = sum(map(len, self._rows.values())) >= FLUSH_ROWS
        if full or time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()

    def _write(self, table: Table, rows: list[Row], number: int) -> None:
        path = part_path(self._directory, table, number)
        temporary = path.with_name(f".{path.name}.tmp")
        pq.write_table(pa.Table.from_pylist(rows, schema=table.arrow), temporary, compression="zstd")
        with temporary.open("r+b") as handle:  # Windows syncs only what may be written
            os.fsync(handle.fileno())
        temporary.replace(path)


def _lock(directory: Path) -> int:
    """A descriptor that holds the folder. Raises BlockingIOError."""
    if sys.platform == "win32":  # has no locks on folders
        held = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT)
        try:
            msvcrt.locking(held, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            os.close(held)
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        held = os.open(directory, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held


def part_path(directory: Path, table: Table, number: int) -> Path:
    return directory / table.name / f"part-{number:06d}.parquet"


def part_numbers(directory: Path, table: Table) -> set[int]:
    names = (re.fullmatch(r"part-(\d{6,})\.parquet", p.name) for p in (directory / table.name).glob("part-*.parquet"))
    return {int(found.group(1)) for found in names if found}
