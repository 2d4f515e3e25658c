"""A store of the dashboard as a version left it, with a row in every table, as text: `python tests/support/golden_store.py` writes it.

It is written once for each step that is released, and never again: a store of a user is as old.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from filmbadge.watch.store import store

FOLDER = Path(__file__).parents[1] / "watch" / "store" / "golden"


def made(taken: int) -> str:
    """After so many steps, with a row in every table."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for step in store.steps()[:taken]:
            connection.executescript(step)
        for table in tables(connection):
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            sql = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
            values = [_value(name, kind, sql) for _, name, kind, *_ in columns]
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
        connection.commit()
        return "\n".join([*connection.iterdump(), f"PRAGMA user_version = {taken};", ""])


def tables(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")  # fmt: skip
    return [row[0] for row in found]


def _value(name: str, kind: str, sql: str) -> object:
    if allowed := re.search(rf"CHECK \({name} IN \('([^']*)'", sql):
        return allowed[1]
    return {"INTEGER": 1, "BLOB": b"blob", "TEXT": "2026-11-27T07:31:00Z"}[kind]


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    number = len(store.steps())
    (FOLDER / f"{number:04}.sql").write_text(made(number), encoding="utf-8")
