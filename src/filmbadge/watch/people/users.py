"""Users with a password of their own."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from filmbadge.model import Refusal
from filmbadge.watch.people import passwords
from filmbadge.watch.people.clock import Clock, utc
from filmbadge.watch.people.passwords import Passwords
from filmbadge.watch.people.who import Role
from filmbadge.watch.store.store import Row, Store, stamp

_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Users:
    """Whoever is changed is logged out everywhere. All that changes something raises Refusal."""

    def __init__(self, store: Store, hashes: Passwords, clock: Clock = utc) -> None:
        self._store, self._passwords, self._clock = store, hashes, clock

    def any(self) -> bool:
        return self._store.one("SELECT 1 FROM users WHERE NOT disabled LIMIT 1") is not None

    def listed(self) -> list[Row]:
        return self._store.rows("SELECT name, role, created, changed, disabled FROM users ORDER BY name")

    def role(self, name: str) -> Role | None:
        """What they may do now. None: there is no such user, or they are disabled."""
        row = self._store.one("SELECT role FROM users WHERE name = ? AND NOT disabled", name)
        return Role(row["role"]) if row else None

    def known_as(self, name: str, password: str) -> Role | None:
        """Whether this is them. Whatever is wrong, one hash is computed. Raises passwords.Busy."""
        row = self._store.one("SELECT password, role FROM users WHERE name = ? AND NOT disabled", plain(name))
        if not self._passwords.right(row["password"] if row else None, password) or row is None:
            return None
        if self._passwords.outdated(row["password"]):
            renewed = self._passwords.hashed(password)
            with self._store.change() as change:  # unless somebody set another one meanwhile
                change.execute(
                    "UPDATE users SET password = ? WHERE name = ? AND password = ?",
                    (renewed, plain(name), row["password"]),
                )
        return Role(row["role"])

    def add(self, name: str, role: Role, password: str) -> None:
        name = plain(name)
        if not _NAME.fullmatch(name):
            raise Refusal(
                "a user has a name of at most 64 letters without accents, digits and . _ @ -, and begins with a letter or a digit"
            )
        passwords.check(name, password)
        kept, now = self._passwords.hashed(password), stamp(self._clock())
        with self._changed(name) as change:
            try:
                change.execute(
                    "INSERT INTO users (name, password, role, created, changed) VALUES (?, ?, ?, ?, ?)",
                    (name, kept, role, now, now),
                )
            except sqlite3.IntegrityError:
                raise Refusal(f"there is a user {name} already") from None

    def give_role(self, name: str, role: Role) -> None:
        self._set(name, "role = ?", role)

    def give_password(self, name: str, password: str) -> None:
        passwords.check(plain(name), password)
        self._set(name, "password = ?", self._passwords.hashed(password))

    def disable(self, name: str) -> None:
        """They cannot log in, and their tokens open nothing. Their name stays, since the audit log has it."""
        self._set(name, "disabled = ?", 1)

    def enable(self, name: str) -> None:
        self._set(name, "disabled = ?", 0)

    def _set(self, name: str, what: str, value: object) -> None:
        name = plain(name)
        with self._changed(name) as change:
            row = change.execute(
                f"UPDATE users SET {what}, changed = ? WHERE name = ?", (value, stamp(self._clock()), name)
            )
            if row.rowcount == 0:
                raise LookupError(f"there is no user {name}")

    @contextmanager
    def _changed(self, name: str) -> Iterator[sqlite3.Connection]:
        with self._store.change() as change:
            yield change
            change.execute("DELETE FROM sessions WHERE owner = ?", (f"local:{name}",))
            if change.execute("SELECT 1 FROM users WHERE role = ? AND NOT disabled", (Role.ADMIN,)).fetchone() is None:
                raise Refusal("there must be a user with the role admin: add one, or make another one an admin, first")


def plain(name: str) -> str:
    """A name as it is kept: nobody is to be told apart by capitals."""
    return name.strip().lower()
