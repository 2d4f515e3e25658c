"""Tokens of the API: shown once, and kept as a digest."""

from __future__ import annotations

import secrets
from datetime import timedelta

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch.people.clock import Clock, utc
from filmbadge.watch.people.sessions import digest, touch
from filmbadge.watch.people.users import Users
from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.store.store import Row, Store, stamp

PREFIX = "fb_"  # so that a search for secrets that leaked finds it
LONGEST_DAYS = 366
_MOST_NAME = 64
_MOST_EACH = 50  # that hold, of one owner


class Tokens:
    def __init__(self, store: Store, users: Users, clock: Clock = utc) -> None:
        self._store, self._users, self._clock = store, users, clock

    def make(self, who: Who, name: str, role: Role, days: int) -> str:
        """The token. Raises Refusal."""
        if who.source == "token":
            raise Refusal("a token makes no other token: log in for it")
        if not 0 < len(name.strip()) <= _MOST_NAME:
            raise Refusal(f"a token has a name of 1 to {_MOST_NAME} characters, which says what it is for")
        if not 1 <= days <= LONGEST_DAYS:
            raise Refusal(f"a token holds for 1 to {LONGEST_DAYS} days")
        if not who.role.reaches(role):
            raise Refusal(f"a token of yours can have no more than your role, which is {who.role}")
        token, now = PREFIX + secrets.token_urlsafe(32), self._clock()
        with self._store.change() as change:
            held = change.execute(
                "SELECT count(*) FROM tokens WHERE owner = ? AND revoked IS NULL AND expires > ?",
                (who.owner, stamp(now)),
            )
            if held.fetchone()[0] >= _MOST_EACH:
                raise Refusal(f"you have {_MOST_EACH} tokens: revoke one first")
            change.execute(
                "INSERT INTO tokens (hash, owner, by, name, role, created, expires) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    digest(token),
                    who.owner,
                    who.name,
                    printable(name.strip()),
                    role,
                    stamp(now),
                    stamp(now + timedelta(days=days)),
                ),
            )
        return token

    def find(self, token: str) -> Who | None:
        """Whoever made it, with its role. Nobody can do more by a token than without it: one of a disabled user opens nothing."""
        row = self._store.one(
            "SELECT * FROM tokens WHERE hash = ? AND revoked IS NULL AND expires > ?",
            digest(token),
            stamp(self._clock()),
        )
        if row is None:
            return None
        role = Role(row["role"])
        source, _, subject = row["owner"].partition(":")
        if source == "local":
            now = self._users.role(subject)
            if now is None:
                return None
            role = min(role, now, key=list(Role).index)
        touch(self._store, "UPDATE tokens SET used = ? WHERE id = ?", row["used"], row["id"], self._clock)
        return Who(f"{row['by']} (token {row['name']})", role, "token", subject=row["owner"])

    def listed(self, owner: str | None) -> list[Row]:
        """Theirs; None: everybody's. Those that hold come first."""
        return self._store.rows(
            "SELECT id, owner, by, name, role, created, expires, used, revoked FROM tokens WHERE owner = ? OR ? IS NULL"
            " ORDER BY revoked IS NOT NULL, id DESC LIMIT 1000",
            owner,
            owner,
        )

    def revoke(self, number: int, owner: str | None) -> None:
        """Raises LookupError where it is none of theirs, or was revoked."""
        with self._store.change() as change:
            changed = change.execute(
                "UPDATE tokens SET revoked = ? WHERE id = ? AND revoked IS NULL AND (owner = ? OR ? IS NULL)",
                (stamp(self._clock()), number, owner, owner),
            )
            if changed.rowcount == 0:
                raise LookupError("there is no such token of yours that holds")
