"""Tells people what happened: events become messages of each channel, and messages are sent until they are taken.

A message is marked before it goes and marked again when it was taken. Who is killed between the two sends it again, and it
says so: whether it was taken is known to nobody then, so none is lost, and none comes twice without saying it may.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from filmbadge import scope
from filmbadge.model import Refusal
from filmbadge.scope import ScopeError
from filmbadge.texts import printable
from filmbadge.watch.alerts import texts
from filmbadge.watch.alerts.texts import KINDS, Message
from filmbadge.watch.door import Door
from filmbadge.watch.store import schedule
from filmbadge.watch.store.alone import alone
from filmbadge.watch.store.store import Row, Store, moment, stamp
from filmbadge.watch.store.surveyed import Unchanged

WARNED_BEFORE = timedelta(days=14)  # the end of a scope
_EACH_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=2)
_GIVEN_UP_AFTER = timedelta(days=1)
_KEPT = timedelta(days=90)  # messages that were sent
_LONGEST_NAME = 60
_EVENTS = """
    SELECT events.*, runs.started, runs.said, archives.name, archives.product, archives.version, archives.operator,
           archives.country, archives.rung, archives.grade, changes.by, changes.differences
    FROM events
    LEFT JOIN runs ON runs.id = events.run
    LEFT JOIN archives ON archives.id = events.archive
    LEFT JOIN changes ON changes.run = events.run AND changes.archive = events.archive
"""


class Channel(Struct, frozen=True):
    """A channel, without its address, which holds secrets."""

    id: int
    name: str
    service: str  # the scheme of its address, such as `slack`
    public: bool
    events: tuple[str, ...]
    digest: str
    next_digest: str | None
    enabled: bool
    waiting: int  # messages
    last_sent: str | None
    last_fault: str


class Alerts:
    def __init__(self, store: Store, door: Door, site: str = "") -> None:
        """`site`: the address of the dashboard, such as https://watch.example.org; empty: messages hold no links."""
        self._store, self._door, self._site = store, door, site.rstrip("/")
        self._taken: set[int] = (
            set()
        )  # messages that were taken, where that could not be written down, as on a full disk
        self._end_of = Unchanged(scope.end_of)
        self.fault = ""  # what kept the last pass from going on, such as a full disk

    def channels(self) -> list[Channel]:
        rows = self._store.rows(
            "SELECT *, (SELECT count(*) FROM outbox WHERE channel = channels.id AND state IN ('waiting', 'sending')) AS waiting"
            " FROM channels ORDER BY name"
        )
        return [_channel(row) for row in rows]

    def add(self, name: str, url: str, *, public: bool, events: tuple[str, ...], digest: str) -> int:
        """A channel, which is told what happens from now on. `url` as apprise has it. Raises Refusal."""
        self._check(name, url, events, digest)
        with self._store.change() as connection:
            _free(connection, name, None)
            done = connection.execute(
                "INSERT INTO channels (name, url, public, events, digest, next_digest, told_to)"
                " VALUES (?, ?, ?, ?, ?, ?, (SELECT coalesce(max(id), 0) FROM events))",
                (name, url, public, " ".join(events), digest, _due(digest, datetime.now(UTC))),
            )
            return done.lastrowid or 0

    def change(self, channel: int, name: str, url: str, *, public: bool, events: tuple[str, ...], digest: str) -> None:
        """An empty `url`: it stays as it is. What waits is written anew, for whom it goes to now. Raises Refusal, and LookupError."""
        url = url or self._row(channel)["url"]
        self._check(name, url, events, digest)
        with self._store.change() as connection:
            _free(connection, name, channel)
            connection.execute(
                "UPDATE channels SET name = ?, url = ?, public = ?, events = ?, digest = ?, next_digest = ? WHERE id = ?",
                (name, url, public, " ".join(events), digest, _due(digest, datetime.now(UTC)), channel),
            )
            for row in connection.execute(
                "SELECT id, events FROM outbox WHERE channel = ? AND state = 'waiting'", (channel,)
            ).fetchall():
                made = self._message(connection, json.loads(row["events"]), public=public)
                connection.execute(
                    "UPDATE outbox SET title = ?, body = ? WHERE id = ?", (made.title, made.body, row["id"])
                )

    def enable(self, channel: int, *, on: bool) -> None:
        """While it is off it is told nothing, and it is not told later. Raises LookupError."""
        self._row(channel)
        with self._store.change() as connection:
            connection.execute(
                "UPDATE channels SET enabled = ?, told_to = (SELECT coalesce(max(id), 0) FROM events), last_fault = '' WHERE id = ?",
                (on, channel),
            )
            connection.execute("DELETE FROM outbox WHERE channel = ? AND state = 'waiting'", (channel,))

    def remove(self, channel: int) -> None:
        """Raises LookupError."""
        self._row(channel)
        with self._store.change() as connection:
            connection.execute("DELETE FROM channels WHERE id = ?", (channel,))

    def test(self, channel: int) -> None:
        """Sends a test message now. Raises Refusal, which says why it did not go, and LookupError."""
        row = self._row(channel)
        made = texts.trial(row["name"], public=bool(row["public"]))
        try:
            self._door.tell(row["url"], made.title, made.body, made.mood)
        except Refusal as refusal:
            self._said(channel, str(refusal))
            raise
        self._said(channel, "")

    async def keep_going(self) -> None:
        """Sends what is due, until it is cancelled. Raises Refusal where another dashboard does so in this folder."""
        with alone(self._store.directory):
            while True:
                try:
                    await asyncio.to_thread(self.step)
                    self.fault = ""
                except Refusal as refusal:  # such as a full disk: it goes on when there is room
                    self.fault = str(refusal)
                await asyncio.sleep(_EACH_SECONDS)

    def step(self, now: datetime | None = None) -> None:
        """One pass: what happened, what there is to tell of it, and what can be sent now. Blocking."""
        now = now or datetime.now(UTC)
        self._settle(now)
        self._notice_ends(now)
        for row in self._store.rows("SELECT * FROM channels WHERE enabled ORDER BY id"):
            self._fill(row, now)
        self._send(now)

    def _settle(self, now: datetime) -> None:
        """What a pass before this one left half done: most often one of a dashboard that was killed."""
        for row in self._store.rows("SELECT id, channel FROM outbox WHERE state = 'sending'"):
            if row["id"] in self._taken:
                self._sent(row["id"], row["channel"], now)
            else:
                with self._store.change() as connection:
                    connection.execute("UPDATE outbox SET state = 'waiting', again = 1 WHERE id = ?", (row["id"],))

    def _notice_ends(self, now: datetime) -> None:
        """Scopes that end soon, or have ended: each is told once, of each of its ends."""
        for path in sorted((self._store.directory / "scopes").glob("*.toml")):
            try:
                end = self._end_of(path)
            except ScopeError:
                continue
            if end is None or end - now > WARNED_BEFORE:
                continue
            detail = json.dumps({"expired": end <= now, "expires": stamp(end)})
            about = (path.stem, detail)
            if (
                self._store.one("SELECT 1 FROM events WHERE kind = 'expiring' AND scope = ? AND detail = ?", *about)
                is None
            ):
                with self._store.change() as connection:
                    connection.execute(
                        "INSERT INTO events (at, kind, scope, detail) VALUES (?, 'expiring', ?, ?)",
                        (stamp(now), *about),
                    )

    def _fill(self, channel: Row, now: datetime) -> None:
        """What happened that this channel is to be told: at once, a message for each run; in a digest, one for all."""
        if channel["digest"] and (channel["next_digest"] is None or moment(channel["next_digest"]) > now):
            return
        last = self._store.one("SELECT max(id) FROM events")
        newest = (last[0] if last else None) or 0
        if newest <= channel["told_to"] and not channel["digest"]:
            return
        with self._store.change() as connection:
            found = connection.execute(
                "SELECT id, scope, run FROM events WHERE id > ? AND id <= ? AND NOT muted AND kind IN (SELECT value FROM json_each(?)) ORDER BY id",
                (channel["told_to"], newest, json.dumps(channel["events"].split())),
            ).fetchall()
            lots: dict[object, list[int]] = {}
            for event in found:
                lots.setdefault(None if channel["digest"] else (event["scope"], event["run"]), []).append(event["id"])
            for lot in lots.values():
                made = self._message(connection, lot, public=bool(channel["public"]))
                connection.execute(
                    "INSERT INTO outbox (channel, events, title, body, mood, state, made, next_try) VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)",
                    (channel["id"], json.dumps(lot), made.title, made.body, made.mood, stamp(now), stamp(now)),
                )
            connection.execute(
                "UPDATE channels SET told_to = ?, next_digest = ? WHERE id = ?",
                (newest, _due(channel["digest"], now), channel["id"]),
            )
            connection.execute("DELETE FROM outbox WHERE ended < ?", (stamp(now - _KEPT),))

    def _message(self, connection: sqlite3.Connection, events: Sequence[int], *, public: bool) -> Message:
        rows = connection.execute(
            f"{_EVENTS} WHERE events.id IN (SELECT value FROM json_each(?)) ORDER BY events.scope, events.run, events.id",
            (json.dumps(list(events)),),
        ).fetchall()
        return texts.message(rows, public=public, site=self._site)

    def _send(self, now: datetime) -> None:
        """What is due, in its order. A channel that fails is left alone until the next pass."""
        failed: set[int] = set()
        for row in self._store.rows(
            "SELECT outbox.*, channels.url FROM outbox JOIN channels ON channels.id = outbox.channel"
            " WHERE state = 'waiting' AND next_try <= ? AND enabled ORDER BY outbox.id",
            stamp(now),
        ):
            if row["channel"] in failed:
                continue
            with self._store.change() as connection:
                connection.execute("UPDATE outbox SET state = 'sending' WHERE id = ?", (row["id"],))
            body = f"{row['body']}\n\n{texts.AGAIN}" if row["again"] else row["body"]
            try:
                self._door.tell(row["url"], row["title"], body, row["mood"])
            except Refusal as refusal:
                failed.add(row["channel"])
                self._put_off(row, str(refusal), now)
                continue
            self._taken.add(row["id"])
            self._sent(row["id"], row["channel"], now)

    def _sent(self, message: int, channel: int, now: datetime) -> None:
        with self._store.change() as connection:
            connection.execute(
                "UPDATE outbox SET state = 'sent', ended = ?, fault = '' WHERE id = ?", (stamp(now), message)
            )
            connection.execute("UPDATE channels SET last_sent = ?, last_fault = '' WHERE id = ?", (stamp(now), channel))
        self._taken.discard(message)

    def _put_off(self, row: Row, fault: str, now: datetime) -> None:
        """Pauses grow, and after a day it is given up, which stands on the page of the channel."""
        pause = min(_FIRST_PAUSE * 2 ** min(row["tries"], 20), _LONGEST_PAUSE)
        given_up = now + pause - moment(row["made"]) > _GIVEN_UP_AFTER
        with self._store.change() as connection:
            connection.execute(
                "UPDATE outbox SET state = ?, tries = tries + 1, next_try = ?, fault = ?, ended = ? WHERE id = ?",
                (
                    "given-up" if given_up else "waiting",
                    stamp(now + pause),
                    fault,
                    stamp(now) if given_up else None,
                    row["id"],
                ),
            )
            said = f"a message of {row['made']} was given up after a day: {fault}" if given_up else fault
            connection.execute("UPDATE channels SET last_fault = ? WHERE id = ?", (said, row["channel"]))

    def _row(self, channel: int) -> Row:
        if (row := self._store.one("SELECT * FROM channels WHERE id = ?", channel)) is None:
            raise LookupError(channel)
        return row

    def _said(self, channel: int, fault: str) -> None:
        with self._store.change() as connection:
            connection.execute("UPDATE channels SET last_fault = ? WHERE id = ?", (fault, channel))

    def _check(self, name: str, url: str, events: Sequence[str], digest: str) -> None:
        if not name.strip() or len(name) > _LONGEST_NAME or name != printable(name):
            raise Refusal(f"a channel has a name of at most {_LONGEST_NAME} printable characters")
        if not events or not set(events) <= set(KINDS):
            raise Refusal(f"choose what the channel is told: one or more of {', '.join(KINDS)}")
        if fault := schedule.fault(digest) or self._door.fault(url):
            raise Refusal(fault)


def _channel(row: Row) -> Channel:
    return Channel(
        id=row["id"],
        name=row["name"],
        service=row["url"].partition("://")[0],
        public=bool(row["public"]),
        events=tuple(row["events"].split()),
        digest=row["digest"],
        next_digest=row["next_digest"],
        enabled=bool(row["enabled"]),
        waiting=row["waiting"],
        last_sent=row["last_sent"],
        last_fault=row["last_fault"],
    )


def _due(digest: str, now: datetime) -> str | None:
    return stamp(schedule.next_after(digest, now)) if digest else None


def _free(connection: sqlite3.Connection, name: str, channel: int | None) -> None:
    if connection.execute("SELECT 1 FROM channels WHERE name = ? AND id IS NOT ?", (name, channel)).fetchone():
        raise Refusal(f"there is a channel '{name}' already: choose another name")
