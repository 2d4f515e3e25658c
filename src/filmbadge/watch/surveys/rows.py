"""What a run found becomes rows: all of them, or none."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from filmbadge.compare.asked import Asked
from filmbadge.compare.differences import differences, verdict
from filmbadge.compare.records import ChangeKind, Known
from filmbadge.tell.view import ArchiveView
from filmbadge.watch.store.store import Row, Store, now
from filmbadge.watch.surveys import events, risks
from filmbadge.watch.surveys.recognise import Fate, Past, fates
from filmbadge.watch.surveys.records import Summary, pack, unpack

_COUNTS = ("patients", "studies", "images")
_KNOWN = (
    "SELECT a.id, a.state, a.known, a.first_run, s.name FROM archives a LEFT JOIN sightings s ON s.archive = a.id AND s.run = ?"
    " WHERE a.scope = ? ORDER BY a.id"
)


@dataclass(frozen=True)
class Seen:
    """What is in the dataset of a run, and in that of its baseline."""

    before: Asked | None  # None: there is no baseline
    after: Asked
    views: Mapping[str, ArchiveView]
    summary: Summary


def baselines(store: Store, run: Row) -> list[Row]:
    """Complete runs of its scope before it, the newest first."""
    return store.rows(
        "SELECT * FROM runs WHERE scope = ? AND id < ? AND outcome = 'done' AND taken_in IS NOT NULL ORDER BY id DESC",
        run["scope"],
        run["id"],
    )


def past(store: Store, scope: str, baseline: int | None) -> list[Past]:
    """All archives that are known of a scope, the oldest first."""
    found = store.rows(_KNOWN, baseline, scope)
    return [Past(row["id"], row["state"], unpack(row["known"], Known), row["name"], row["first_run"]) for row in found]


def write(store: Store, run: Row, baseline: int | None, seen: Seen) -> None:
    """Nothing, where this run was taken in by now. A run that was resumed is taken in once more."""
    known = past(store, run["scope"], baseline)
    found = fates(known, seen.before, seen.after, run["id"])
    with store.change() as connection:
        state = connection.execute("SELECT state FROM runs WHERE id = ?", (run["id"],)).fetchone()["state"]
        if state != "taking-in":
            return
        for table in ("sightings", "changes") if run["taken_in"] else ():
            connection.execute(f"DELETE FROM {table} WHERE run = ?", (run["id"],))
        accepted = risks.held(connection, run["scope"])
        muted = sum(_Row(connection, run, fate, seen, accepted).write() for fate in found)
        _end(connection, run, baseline, seen, muted)


def _end(connection: sqlite3.Connection, run: Row, baseline: int | None, seen: Seen, muted: int) -> None:
    real = [known for known in seen.after.archives if not known.decoy]
    connection.execute(
        "UPDATE runs SET state = 'ended', taken_in = ?, baseline = ?, archives = ?, archives_open = ?, muted = ?, summary = ?"
        " WHERE id = ?",
        (
            now(), baseline, len(real), sum(known.open for known in real), muted,
            msgspec.json.encode(seen.summary).decode(), run["id"],
        ),
    )  # fmt: skip


class _Row:
    """One archive in one run."""

    def __init__(
        self, connection: sqlite3.Connection, run: Row, fate: Fate, seen: Seen, accepted: Mapping[int, Row]
    ) -> None:
        self._sql, self._run, self._fate, self._seen = connection, run, fate, seen
        self._risk = None if fate.past is None else accepted.get(fate.past.id)

    def write(self) -> bool:
        """Whether it counts as open, and its risk is accepted."""
        fate, run = self._fate, self._run["id"]
        archive = self._insert() if fate.past is None else self._update(fate.past)
        ended = self._risk is not None and fate.now is not None and risks.is_worse(
            self._risk, fate.now, was_open=fate.was_open
        )  # fmt: skip
        if ended and self._risk is not None:
            risks.end(self._sql, self._risk, "worse")
        muted = self._risk is not None and not ended
        if fate.now is not None:
            self._sighting(archive, fate.now)
        if (change := fate.change) is not None:
            self._sql.execute(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
                (run, archive, change.kind, change.by, change.likely, muted, _json(change.differences)),
            )
        self._tell(archive, muted=muted, ended=ended)
        return muted and fate.now is not None and fate.now.open and not fate.now.decoy

    def _tell(self, archive: int, *, muted: bool, ended: bool) -> None:
        """What is new against all that was known, so that two runs against one baseline do not tell it twice."""
        fate = self._fate
        if fate.now is not None and fate.now.decoy:
            return
        if fate.state == "open" and not fate.was_open:
            self._event("new", archive, muted, {})
        elif fate.state == "closed" and fate.was_open and fate.change is not None:
            self._event("closed", archive, muted, {"by": fate.change.by})
        elif fate.now is not None and fate.now.open and fate.past is not None:
            found = differences(fate.past.known, fate.now)
            worse = fate.change is not None and fate.change.kind is ChangeKind.WORSE
            if ended or (worse and verdict(found) is ChangeKind.WORSE):
                self._event("worse", archive, muted, {"differences": found})

    def _event(self, kind: events.Kind, archive: int, muted: bool, detail: Mapping[str, object]) -> None:
        events.tell(self._sql, kind, self._run["scope"], self._run["id"], archive, detail, muted=muted)

    def _insert(self) -> int:
        assert self._fate.now is not None
        run = self._run
        row = {
            "scope": run["scope"],
            "first_run": run["id"],
            "state": self._fate.state,
            "state_since": run["started"],
            "state_run": run["id"],
            **self._shown(self._fate.now),
        }
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        made = self._sql.execute(f"INSERT INTO archives ({names}) VALUES ({marks})", tuple(row.values()))
        return int(made.lastrowid or 0)

    def _update(self, past: Past) -> int:
        fate, run = self._fate, self._run
        row = {} if fate.now is None else self._shown(fate.now)
        if past.known.open and (fate.now is None or not fate.now.open):
            row.pop("known", None)
        if fate.state != past.state:
            row |= {"state": fate.state, "state_since": run["started"], "state_run": run["id"]}
        if row:
            names = ", ".join(f"{name} = ?" for name in row)
            self._sql.execute(f"UPDATE archives SET {names} WHERE id = ?", (*row.values(), past.id))
        return past.id

    def _shown(self, known: Known) -> dict[str, object]:
        return {
            "last_run": self._run["id"],
            "name": known.id,
            "rung": known.rung,
            "grade": known.grade,
            "address": known.identity.endpoints[0].address if known.identity.endpoints else "",
            "product": known.product,
            "version": known.version,
            "country": known.country,
            "operator": known.operator,
            "decoy": known.decoy,
            **{quality: _count(known, quality) for quality in _COUNTS},
            "view": pack(self._seen.views[known.id]),
            "known": pack(known),
        }

    def _sighting(self, archive: int, known: Known) -> None:
        counts = (_count(known, quality) for quality in _COUNTS)
        self._sql.execute(
            "INSERT INTO sightings (archive, run, name, open, rung, grade, patients, studies, images)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (archive, self._run["id"], known.id, known.open, known.rung, known.grade, *counts),
        )
        self._sql.execute("DELETE FROM findings WHERE archive = ?", (archive,))
        self._sql.executemany(
            "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (archive, place, one.code, one.severity, one.about, one.endpoint, one.title, one.words)
                for place, one in enumerate(self._seen.views[known.id].findings)
            ],
        )


def _count(known: Known, quality: str) -> int | None:
    count = known.counts.get(quality)
    return None if count is None else count.value


def _json(found: Sequence[object]) -> str:
    return msgspec.json.encode(found).decode()
