"""Risks that somebody accepted: until a day, or until the archive gives away more than it did then."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from filmbadge.compare.differences import differences, verdict
from filmbadge.compare.records import ChangeKind, Known
from filmbadge.model import Refusal
from filmbadge.watch.store.store import Row, Store, now
from filmbadge.watch.surveys import events
from filmbadge.watch.surveys.records import unpack

MOST_DAYS = 366
_MOST_REASON = 2000  # characters
Why = Literal["expired", "worse", "withdrawn"]
_HOLDS = "SELECT * FROM risks WHERE ended_at IS NULL"


def accept(store: Store, archive: int, reason: str, by: str, until: date) -> int:
    """The risk of an open archive. It mutes what is told of it from now on. Raises Refusal, and LookupError."""
    today = datetime.now(UTC).date()
    if not reason.strip():
        raise Refusal("a risk is accepted for a reason: write why")
    if len(reason) > _MOST_REASON:
        raise Refusal(f"the reason is longer than {_MOST_REASON:,} characters: shorten it")
    if not today < until <= today + timedelta(days=MOST_DAYS):
        raise Refusal(f"a risk is accepted until a day that lies ahead, at most {MOST_DAYS} days: {until} does not")
    with store.change() as connection:
        found = connection.execute("SELECT state, known FROM archives WHERE id = ?", (archive,)).fetchone()
        if found is None:
            raise LookupError(archive)
        if found["state"] != "open":
            raise Refusal("this archive is not known to be open: there is no risk to accept")
        try:
            made = connection.execute(
                "INSERT INTO risks (archive, reason, by, accepted_at, until, known) VALUES (?, ?, ?, ?, ?, ?)",
                (archive, reason.strip(), by, now(), until.isoformat(), found["known"]),
            )
        except sqlite3.IntegrityError:
            raise Refusal("the risk of this archive is accepted already: withdraw that first") from None
    return int(made.lastrowid or 0)


def withdraw(store: Store, archive: int) -> None:
    """Raises Refusal where none is accepted."""
    with store.change() as connection:
        risk = connection.execute(f"{_HOLDS} AND archive = ?", (archive,)).fetchone()
        if risk is None:
            raise Refusal("no risk of this archive is accepted")
        end(connection, risk, "withdrawn")


def expire(store: Store) -> int:
    """Ends those whose last day is over. How many."""
    today = datetime.now(UTC).date().isoformat()
    if store.one(f"{_HOLDS} AND until < ?", today) is None:
        return 0
    with store.change() as connection:
        over = connection.execute(f"{_HOLDS} AND until < ?", (today,)).fetchall()
        for risk in over:
            end(connection, risk, "expired")
    return len(over)


def held(connection: sqlite3.Connection, scope: str) -> dict[int, Row]:
    """Those that hold now, by archive."""
    today = datetime.now(UTC).date().isoformat()
    found = connection.execute(
        f"{_HOLDS} AND until >= ? AND archive IN (SELECT id FROM archives WHERE scope = ?)", (today, scope)
    )
    return {risk["archive"]: risk for risk in found}


def is_worse(risk: Row, now: Known, *, was_open: bool) -> bool:
    """Whether it gives away more than when the risk was accepted. What was closed since, and is open again, does."""
    return now.open and (not was_open or verdict(differences(unpack(risk["known"], Known), now)) is ChangeKind.WORSE)


def end(connection: sqlite3.Connection, risk: Row, why: Why) -> None:
    """From now on it is told of again. Where it ends because the archive gives away more, the run tells that."""
    connection.execute("UPDATE risks SET ended_at = ?, ended_why = ? WHERE id = ?", (now(), why, risk["id"]))
    found = connection.execute("SELECT scope, state FROM archives WHERE id = ?", (risk["archive"],)).fetchone()
    if why != "worse" and found["state"] == "open":
        detail = {"risk": risk["id"], "ended": why}
        events.tell(connection, "new", found["scope"], archive=risk["archive"], detail=detail)
