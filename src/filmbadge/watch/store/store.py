"""The SQLite file of the dashboard: opened, brought up to date, read and changed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

from filmbadge.keep import files
from filmbadge.model import Refusal

NAME = "watch.sqlite3"
_BUSY_SECONDS = 10.0
_CACHE_KIB = 4096

Row = sqlite3.Row


class StoreError(Refusal):
    """The file cannot be read or written. One line, for the user."""


class Store:
    """Reads see whole changes only, and a change is on the disk when it is made. Any thread may use it.

    Raises StoreError: where the file is none of ours, is newer than this version, or where the disk is full.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / NAME
        self._held = threading.local()
        try:
            files.make_folder(directory)
        except OSError as error:
            raise StoreError(f"{files.shown(directory)} cannot be made ({error.strerror})") from None
        if not self.path.exists():
            self.path.touch(files.FILE)
        self._migrate()

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a question. `values` fill its question marks."""
        with self._told():
            return self._connection().execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> Row | None:
        """Its first row."""
        with self._told():
            row: Row | None = self._connection().execute(sql, values).fetchone()
            return row

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """All that is changed inside, or nothing of it."""
        with self._told():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """The connection of this thread."""
        if (connection := getattr(self._held, "connection", None)) is not None:
            connection.close()
            self._held.connection = None

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._held, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
            connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"cache_size=-{_CACHE_KIB}"):
                connection.execute(f"PRAGMA {pragma}")
            self._held.connection = connection
        return connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong with the file, in one line."""
        try:
            yield
        except OverflowError:  # of somebody who asks for row 10^30
            raise LookupError("there is nothing with such a number") from None
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                raise StoreError(f"the disk that holds {files.shown(self.path)} is full: nothing was changed") from None
            if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY}:  # fmt: skip
                raise StoreError(f"{files.shown(self.path)} cannot be used: {error}") from None
            raise
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
                raise StoreError(
                    f"{files.shown(self.path)} is damaged, or no file of ours: put back a backup of it"
                ) from None
            raise

    def _migrate(self) -> None:
        """Takes the steps that are missing, one change each. Another process may do so too, at the same time."""
        row = self.one("PRAGMA user_version")
        version, known = row[0] if row else 0, steps()
        if version > len(known):
            raise StoreError(f"{files.shown(self.path)} was written by a newer version of Filmbadge: install that one")
        for number, sql in enumerate(known[version:], version + 1):
            with self.change() as connection:
                if connection.execute("PRAGMA user_version").fetchone()[0] >= number:
                    continue
                for statement in _statements(sql):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")


def steps() -> list[str]:
    """What was done to the tables from version to version. A step that was released is never changed."""
    found = sorted(resources(__package__).joinpath("migrations").iterdir(), key=lambda one: one.name)
    return [one.read_text(encoding="utf-8") for one in found if one.name.endswith(".sql")]


def _statements(sql: str) -> Iterator[str]:
    held = ""
    for line in sql.splitlines(keepends=True):
        held += line
        if sqlite3.complete_statement(held):
            yield held
            held = ""


def stamp(moment: datetime) -> str:
    """A time as the tables have it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """The time that a stamp says."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def now() -> str:
    return stamp(datetime.now(UTC))
