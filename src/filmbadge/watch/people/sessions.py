"""Sessions: who logged in, and until when they need not again."""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

from msgspec import Struct

from filmbadge.watch.people.clock import Clock, utc
from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.store.store import Row, Store, StoreError, stamp

_MOST_EACH = 20  # of one owner: then the one that was used longest ago ends
TOUCHED = timedelta(minutes=1)  # how exactly the last use is kept: reading is not to write each time


class Session(Struct, frozen=True):
    id: int
    hash: str
    name: str
    subject: str
    role: Role
    source: str


class Sessions:
    """A cookie is 256 random bits, and only its digest is kept."""

    def __init__(self, store: Store, *, hours: int, idle_minutes: int, clock: Clock = utc) -> None:
        self._store, self._clock = store, clock
        self._whole, self._idle = timedelta(hours=hours), timedelta(minutes=idle_minutes)

    def begin(self, who: Who, peer: str, before: str = "") -> str:
        """The cookie of a new session. The one that the browser had ends: nobody can have planted what is used from now on."""
        cookie, now = secrets.token_urlsafe(32), self._clock()
        with self._store.change() as change:
            change.execute(
                "DELETE FROM sessions WHERE hash = ? OR expires <= ? OR last <= ?",
                (digest(before), stamp(now), stamp(now - self._idle)),
            )
            change.execute(
                "INSERT INTO sessions (hash, owner, subject, name, role, source, peer, created, last, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    digest(cookie),
                    who.owner,
                    who.subject,
                    who.name,
                    who.role,
                    who.source,
                    peer,
                    stamp(now),
                    stamp(now),
                    stamp(now + self._whole),
                ),
            )
            change.execute(
                "DELETE FROM sessions WHERE owner = ? AND id NOT IN (SELECT id FROM sessions WHERE owner = ? ORDER BY last DESC, id DESC LIMIT ?)",
                (who.owner, who.owner, _MOST_EACH),
            )
        return cookie

    def find(self, cookie: str) -> Session | None:
        now = self._clock()
        row = self._store.one(
            "SELECT id, hash, name, subject, role, source, last FROM sessions WHERE hash = ? AND expires > ? AND last > ?",
            digest(cookie),
            stamp(now),
            stamp(now - self._idle),
        )
        if row is None:
            return None
        touch(self._store, "UPDATE sessions SET last = ? WHERE id = ?", row["last"], row["id"], self._clock)
        return Session(row["id"], row["hash"], row["name"], row["subject"], Role(row["role"]), row["source"])

    def end(self, cookie: str) -> None:
        with self._store.change() as change:
            change.execute("DELETE FROM sessions WHERE hash = ?", (digest(cookie),))

    def listed(self, owner: str) -> list[Row]:
        now = self._clock()
        return self._store.rows(
            "SELECT id, peer, created, last, expires FROM sessions WHERE owner = ? AND expires > ? AND last > ? ORDER BY last DESC, id DESC",
            owner,
            stamp(now),
            stamp(now - self._idle),
        )

    def end_one(self, owner: str, number: int) -> None:
        """Raises LookupError where it is none of theirs."""
        with self._store.change() as change:
            if change.execute("DELETE FROM sessions WHERE id = ? AND owner = ?", (number, owner)).rowcount == 0:
                raise LookupError("there is no such session of yours")

    def end_others(self, owner: str, number: int) -> int:
        with self._store.change() as change:
            return change.execute("DELETE FROM sessions WHERE owner = ? AND id <> ?", (owner, number)).rowcount


def digest(secret: str) -> str:
    """What is kept of a secret of 256 random bits: nobody finds it by trying."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def touch(store: Store, sql: str, last: str | None, row: int, clock: Clock) -> None:
    """Notes that it was used. A full disk keeps nobody from reading."""
    now = clock()
    if last is None or last <= stamp(now - TOUCHED):
        with suppress(StoreError), store.change() as change:
            change.execute(sql, (stamp(now), row))
