"""Appends what a survey learns to its tables, in part files.

A flush writes the journal first and the observations last, under one number. What was judged of a host counts
only where the observations of its number exist. So a kill at any moment loses at most what was not flushed, and
a target found in `observations/` is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from filmbadge.keep import files, parts
from filmbadge.keep.schema import (
    ARCHIVES,
    ENDPOINTS,
    FINDINGS,
    JOURNAL,
    KINDS,
    LINKS,
    OBSERVATIONS,
    OF_HOSTS,
    REVIEWS,
    TABLES,
    Row,
    Table,
    archive_row,
    endpoint_rows,
    finding_row,
    journal_row,
    kind_rows,
    link_row,
    observation_rows,
    review_row,
)
from filmbadge.model import Finding, Host, JournalRow, Link, Review

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 2.0


class Writer:
    """Collects rows and flushes them. Raises BlockingIOError where another process writes the same survey.

    What is judged goes to `judged/N/`, N being `judged`.
    """

    def __init__(self, directory: Path, judged: int = 1) -> None:
        self._lock = parts.Lock(directory)
        self._directory = directory
        self._folders = {table.name: table.folder(directory, judged) for table in TABLES}
        self._rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
        self._flushed = time.monotonic()
        for folder in self._folders.values():
            files.make_folder(folder)
            for name in files.names(directory, folder):
                if name.startswith(".part-") and name.endswith(".tmp"):
                    (folder / name).unlink()
        remove_orphans(directory)
        there = [
            (n, path) for folder in self._folders.values() for n, path in parts.numbered(directory, folder).items()
        ]
        self._number = max((n for n, _ in there), default=0)
        self._closed = _last_closing(directory, sorted(there, reverse=True))

    def journal(self, connection: JournalRow) -> None:
        self._rows[JOURNAL.name].append(journal_row(connection))
        self._maybe_flush()

    def host(self, host: Host, target: str, findings: Iterable[Finding] = ()) -> None:
        """All that was learned at one host, kept together, with what is wrong there."""
        at = datetime.now(UTC)
        for table, rows in judged_rows(host, target, findings, at).items():
            self._rows[table] += rows
        self._rows[LINKS.name] += [link_row(link, target) for link in host.links]
        self._rows[OBSERVATIONS.name] += observation_rows(host, target, at)
        self._maybe_flush()

    def links(self, links: Iterable[Link]) -> None:
        """What was seen when hosts were compared with each other."""
        self._rows[LINKS.name] += map(link_row, links)
        self.flush()

    def reviews(self, reviews: Iterable[Review]) -> None:
        """What all archives show together: a part of its own, which replaces the one before, also where it is empty."""
        self.flush()
        closes = parts.closing(self._directory, (), self._closed)
        path = write_reviews(self._folders[REVIEWS.name], self._number + 1, reviews, closes)
        self._number, self._closed = self._number + 1, parts.name(self._directory, path)

    def close(self) -> None:
        """Flush, and let others write, also where the flush failed."""
        try:
            self.flush()
        finally:
            self.unlock()

    def unlock(self) -> None:
        self._lock.close()

    def flush(self) -> None:
        if not any(self._rows.values()):
            return
        written: list[Path] = []
        tables = [table for table in TABLES if self._rows[table.name]]
        try:
            for table in tables:
                last = table is tables[-1]
                closes = parts.closing(self._directory, written, self._closed) if last else None
                rows = self._rows[table.name]
                written.append(write(self._folders[table.name], self._number + 1, table, rows, closes))
        except BaseException:  # all its rows are still here: it is repeated under its number, as a whole
            for path in written:
                path.unlink(missing_ok=True)
            raise
        self._number, self._closed = self._number + 1, parts.name(self._directory, written[-1])
        for held in self._rows.values():
            held.clear()
        self._flushed = time.monotonic()

    def _maybe_flush(self) -> None:
        full = sum(map(len, self._rows.values())) >= FLUSH_ROWS
        if full or time.monotonic() - self._flushed >= FLUSH_SECONDS:
            self.flush()


def judged_rows(host: Host, target: str, findings: Iterable[Finding], at: datetime) -> dict[str, list[Row]]:
    """By table, what was judged of one host. `at` is when a fault of ours was met."""
    return {
        ENDPOINTS.name: endpoint_rows(host, target, at),
        ARCHIVES.name: list(map(archive_row, host.archives)),
        FINDINGS.name: list(map(finding_row, findings)),
        KINDS.name: [row for archive in host.archives for row in kind_rows(archive)],
    }


def _last_closing(directory: Path, there: Iterable[tuple[int, Path]]) -> str:
    """The part that closed the last flush; empty where there is none."""
    for _, path in there:
        if parts.closes(directory, path) is not None:
            return parts.name(directory, path)
    return ""


def write(
    folder: Path, number: int, table: Table, rows: list[Row], closes: Mapping[bytes, bytes] | None = None
) -> Path:
    return parts.write(folder, number, pa.Table.from_pylist(rows, schema=table.arrow), closes)


def write_reviews(
    folder: Path, number: int, reviews: Iterable[Review], closes: Mapping[bytes, bytes] | None = None
) -> Path:
    at = datetime.now(UTC)
    return write(folder, number, REVIEWS, [review_row(review, at) for review in reviews], closes)


def remove_orphans(directory: Path) -> None:
    """What was judged of hosts whose observations were not written any more."""
    done = parts.numbered(directory, OBSERVATIONS.folder(directory, 0))
    for judged in files.names(directory, directory / "judged"):
        for table in OF_HOSTS:
            for number, path in parts.numbered(directory, directory / "judged" / judged / table.name).items():
                if number not in done:
                    path.unlink()
