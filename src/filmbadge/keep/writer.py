"""Appends what a survey learns to its tables, in part files.

A flush writes the journal first and the observations last, under one number. What was judged of a host counts
only where the observations of its number exist. So a kill at any moment loses at most what was not flushed, and
a target found in `observations/` is done.

Flushes that are due on the way are written by a thread, one after the other. While it compresses and waits for the disk,
others are asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from filmbadge.keep import files, parts
from filmbadge.keep.batch import Batch
from filmbadge.keep.schema import OBSERVATIONS, OF_HOSTS, REVIEWS, TABLES, Table, Values, review_row
from filmbadge.model import Finding, Host, JournalRow, Link, Review

FLUSH_ROWS = 12_000
FLUSH_SECONDS = 2.0
LONGER_AFTER = (
    5_000  # flushes, after which the next comes 2 s later than the one before: documents list all parts, in bounds
)


class Writer:
    """Collects rows and flushes them. Raises BlockingIOError where another process writes the same survey.

    What is judged goes to `judged/N/`, N being `judged`. Where the thread cannot write a flush, it calls `failed` and rows are only
    collected, until `flush` tries once more: none is lost. Who brings a row never meets the error, as it is no fault of a host.
    """

    def __init__(self, directory: Path, judged: int = 1, failed: Callable[[OSError], None] = lambda _: None) -> None:
        self._lock = parts.Lock(directory)
        self._directory = directory
        self._failed = failed
        try:
            self._begin(judged)
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, judged: int) -> None:
        directory = self._directory
        self._folders = {table.name: table.folder(directory, judged) for table in TABLES}
        self._batch = Batch()
        self._writing: tuple[Future[None], Batch] | None = None
        self._thread = ThreadPoolExecutor(1, "flush")
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
        self._batch.journal(connection)
        self._maybe_flush()

    def host(self, host: Host, target: str, findings: Iterable[Finding] = ()) -> None:
        """All that was learned at one host, kept together, with what is wrong there."""
        self._batch.host(host, target, findings)
        self._maybe_flush()

    def take(self, tables: Mapping[str, pa.Table]) -> None:
        """Rows that somebody else made with the schema of their tables: all of some hosts, and of some connections."""
        self._batch.take(tables)
        self._maybe_flush()

    def links(self, links: Iterable[Link]) -> None:
        """What was seen when hosts were compared with each other."""
        self._batch.links(links)
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
        self._thread.shutdown()
        self._lock.close()

    def flush(self) -> None:
        """All rows are on the disk when this returns. What the thread could not write is tried once more."""
        with suppress(Exception):
            self.settle()
        if len(self._batch):
            self._hand_over()
            self.settle()

    def settle(self) -> None:
        """Waits for the flush that is being written, if there is one. Raises its error."""
        if self._writing is None:
            return
        done, batch = self._writing
        error = done.exception()
        self._writing = None
        if error is not None:  # it is repeated under its number, as a whole, with what came since
            batch.add(self._batch)
            self._batch = batch
            raise error

    def _maybe_flush(self) -> None:
        rows = len(self._batch)
        if self._writing is not None and (self._writing[0].done() or rows >= 2 * FLUSH_ROWS):
            if self._writing[0].exception() is not None:
                return  # until `flush`
            self._writing = None
        if self._writing is None and rows and (rows >= FLUSH_ROWS or time.monotonic() - self._flushed >= self._seconds):
            self._hand_over()

    @property
    def _seconds(self) -> float:
        """From one flush to the next. In a year there are some 400,000 of them, so a document stays below its bound."""
        return FLUSH_SECONDS * (1 + self._number / LONGER_AFTER)

    def _hand_over(self) -> None:
        self._flushed = time.monotonic()
        batch, self._batch = self._batch, Batch()
        self._writing = self._thread.submit(self._write, batch), batch

    def _write(self, batch: Batch) -> None:
        written: list[Path] = []
        tables = batch.tables()
        try:
            for table in tables:
                last = table is tables[-1]
                closes = parts.closing(self._directory, written, self._closed) if last else None
                folder = self._folders[table.name]
                written.append(parts.write(folder, self._number + 1, batch.filled(table), closes))
        except BaseException as error:
            for path in written:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                self._failed(error)
            raise
        self._number, self._closed = self._number + 1, parts.name(self._directory, written[-1])


def _last_closing(directory: Path, there: Iterable[tuple[int, Path]]) -> str:
    """The part that closed the last flush; empty where there is none."""
    for _, path in there:
        if parts.closes(directory, path) is not None:
            return parts.name(directory, path)
    return ""


def write(
    folder: Path, number: int, table: Table, rows: Sequence[Values], closes: Mapping[bytes, bytes] | None = None
) -> Path:
    return parts.write(folder, number, table.filled(rows), closes)


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
