"""Rows of the store as records, with their words."""

from __future__ import annotations

from typing import Any

import msgspec

from filmbadge.compare.records import By, ChangeKind, Difference
from filmbadge.tell.compare import phrases
from filmbadge.tell.words import Words
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import Row
from filmbadge.watch.views.records import ArchiveRow, Changed, RunRow

STATES = {
    "open": "open",
    "closed": "closed, and that is proven",
    "gone": "gone: nothing answers, or another archive stands there",
    "shut": "gave nothing to a stranger whenever it was asked",
    "unknown": "was open, and what it is now is not known",
}
OUTCOMES = {
    "done": "all hosts were asked",
    "interrupted": "stopped before all hosts were asked",
    "nothing-reached": "reached nothing at all",
    "killed": "its process was killed; what was kept is kept",
    "failed": "failed, and nothing of it is kept",
}
CHANGES = """
    SELECT c.*, r.started at, a.name, a.grade, a.product, a.operator, a.country
    FROM changes c JOIN runs r ON r.id = c.run JOIN archives a ON a.id = c.archive
"""
TELL = "kind IN ('new', 'worse', 'closed', 'gone')"  # changes that are worth telling; as an index of the store has it
MUTED = "EXISTS (SELECT 1 FROM risks k WHERE k.archive = a.id AND k.ended_at IS NULL)"
STANDING = "NOT a.decoy AND a.state NOT IN ('closed', 'gone')"  # what has findings now
ARCHIVES = f"SELECT a.*, {MUTED} muted FROM archives a"


def run(row: Row) -> RunRow:
    held = {name: row[name] for name in RunRow.__struct_fields__ if name != "words"}
    return RunRow(**held, words=_how(row))


def _how(row: Row) -> str:
    if row["state"] == "running":
        return "running"
    if row["state"] == "taking-in":
        return "ended, and is being read"
    return OUTCOMES.get(row["outcome"] or "", row["outcome"] or "")


def changed(row: Row, words: Words) -> Changed:
    kind, by = ChangeKind(row["kind"]), By(row["by"]) if row["by"] else None
    found = msgspec.json.decode(row["differences"], type=tuple[Difference, ...])
    return Changed(
        run=row["run"],
        at=row["at"],
        archive=row["archive"],
        name=row["name"],
        kind=str(kind),
        likely=bool(row["likely"]),
        muted=bool(row["muted"]),
        words=phrases.sentence(kind, by, words),
        differences=tuple(phrases.difference(one, words) for one in found),
        grade=row["grade"],
        product=row["product"],
        operator=row["operator"],
        country=row["country"],
    )


def archive(row: Row, words: Words) -> ArchiveRow:
    return ArchiveRow(
        id=row["id"],
        scope=row["scope"],
        name=row["name"],
        address=row["address"],
        state=row["state"],
        state_words=STATES[row["state"]],
        since=row["state_since"],
        rung=row["rung"],
        grade=row["grade"],
        product=row["product"],
        operator=row["operator"],
        country=row["country"],
        country_name=country(row["country"], words),
        decoy=bool(row["decoy"]),
        muted=bool(row["muted"]),
        patients=row["patients"],
        studies=row["studies"],
        images=row["images"],
    )


def country(code: str, words: Words) -> str:
    return words.country(code) if code else "not attributed"


def runs(service: Service, sql: str, *values: Any) -> tuple[RunRow, ...]:
    return tuple(map(run, service.store.rows(f"SELECT * FROM runs {sql}", *values)))


def changes(service: Service, sql: str, *values: Any) -> tuple[Changed, ...]:
    return tuple(changed(row, service.words) for row in service.store.rows(CHANGES + sql, *values))


def most(service: Service, where: str, each: int) -> tuple[Changed, ...]:
    """The gravest changes of each kind, so that many of one hide none of another."""
    placed = f"SELECT *, row_number() OVER (PARTITION BY kind ORDER BY coalesce(grade, '') DESC, name) place FROM ({CHANGES} WHERE {where})"
    found = service.store.rows(
        f"SELECT * FROM ({placed}) WHERE place <= ?"
        " ORDER BY CASE kind WHEN 'new' THEN 0 WHEN 'worse' THEN 1 WHEN 'closed' THEN 2 ELSE 3 END, place",
        each,
    )
    return tuple(changed(row, service.words) for row in found)
