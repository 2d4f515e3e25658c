"""A dashboard that has seen something: surveys that nobody made, taken in as any other is."""

from __future__ import annotations

import shutil
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from filmbadge.keep.reader import read_manifest
from filmbadge.tell.view import ArchiveView
from filmbadge.watch.main import service
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import Store, stamp
from filmbadge.watch.surveys.taking_in import take_in
from support import twice

SCOPE = "north"
# What an archive may call itself: markup, quotes, a template, a header, a path, an invisible turn of direction.
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">'\"></code>{{7*7}}\u202e\r\nSet-Cookie: a=b ../../etc/passwd"
# Texts that no code stands in, by table.
_FREE = {
    "archives": ("name", "address", "product", "version", "operator"),
    "runs": ("said", "by"),
    "risks": ("reason", "by"),
    "letters": ("recipient", "channel", "files"),
    "jobs": ("said", "by"),
    "channels": ("last_fault",),
    "findings": ("title", "words"),
    "audit": ("who", "peer", "what", "about", "outcome"),
}
_CODES = {"rung", "grade", "how", "severity", "code", "why", "protocol", "looks", "scheme", "kind"}


def scope_text(networks: str = '"192.0.2.1", "192.0.2.2"', days: int = 200) -> str:
    expires = datetime.now(UTC).date() + timedelta(days=days)
    return (
        f'schema = "filmbadge.scope/1"\nnetworks = [{networks}]\ndepth = "count"\nexpires = {expires}\n'
        '[authority]\nwho = "the test suite"\nreference = "none"\nbasis = "owner"\ncontact = "tests"\n'
    )


def surveyed(store: Store, dataset: Path, outcome: str = "done", scope: str = SCOPE) -> int:
    """One more survey: its folder is put in place, and it is taken in."""
    told = read_manifest(dataset)
    with store.change() as change:
        count = change.execute("SELECT count(*) FROM runs").fetchone()[0]
        folder = f"surveys/{scope}/{count + 1}"
        shutil.copytree(dataset, store.directory / folder)
        values = (
            scope,
            folder,
            "asked",
            "tests",
            "taking-in",
            outcome,
            stamp(told.started),
            stamp(told.ended or told.started),
        )
        row = change.execute(
            "INSERT INTO runs (scope, folder, why, by, state, outcome, started, ended) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
    run = row.lastrowid
    assert run is not None
    take_in(store, run)
    return run


def filled(directory: Path) -> Service:
    """Two surveys of seven hosts, a risk, a letter, a proof, a channel, and a scope that ends soon."""
    made = service(directory, "127.0.0.1")
    scopes = directory / "scopes"
    scopes.mkdir(parents=True, exist_ok=True)
    (scopes / f"{SCOPE}.toml").write_text(scope_text())
    (scopes / "ends-soon.toml").write_text(scope_text(days=5))
    (scopes / "damaged.toml").write_text("networks = [\n")
    for dataset in twice.twice(directory / "made"):
        surveyed(made.store, dataset)
    shutil.rmtree(directory / "made")
    with made.store.change() as change:
        archive = change.execute("SELECT id FROM archives WHERE state = 'open' ORDER BY id").fetchone()[0]
        now, later = stamp(datetime.now(UTC)), f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
        change.execute(
            "INSERT INTO risks (archive, reason, by, accepted_at, until, known) SELECT id, 'a test', 'tests', ?, ?, known FROM archives WHERE id = ?",
            (now, later, archive),
        )
        change.execute(
            "INSERT INTO letters VALUES (?, 'FB-1', 1, 'first', '2026-11-20', 'St. Mary', 'e-mail', 'letter.eml')",
            (archive,),
        )
        change.execute(
            "INSERT INTO jobs (kind, archive, scope, run, state, folder, by, started, ended, exit_code, result) VALUES ('verify', ?, ?, 1, 'ended', 'proofs/1', 'tests', ?, ?, 0, 'closed')",
            (archive, SCOPE, now, now),
        )
    (directory / "proofs/1").mkdir(parents=True)
    (directory / "proofs/1/proof.html").write_text("<!doctype html><title>A proof</title>")
    made.alerts.add(
        "security",
        "jsons://user:secret-of-the-channel@hook.example/x",
        public=False,
        events=("new", "closed"),
        digest="",
    )
    return made


def hostile(made: Service) -> None:
    """Whatever an archive, a person or a program may have said says the worst."""
    with made.store.change() as change:
        for table, columns in _FREE.items():
            for column in columns:
                change.execute(
                    f"UPDATE {table} SET {column} = ? || rowid"
                    if table not in {"letters", "findings"}
                    else f"UPDATE {table} SET {column} = ?",
                    (HOSTILE,),
                )
        for number, view in change.execute("SELECT id, view FROM archives").fetchall():
            told = _spoilt(msgspec.json.decode(zlib.decompress(view)))
            msgspec.convert(told, ArchiveView)  # it must still be one
            change.execute(
                "UPDATE archives SET view = ? WHERE id = ?", (zlib.compress(msgspec.json.encode(told)), number)
            )


def _spoilt(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _spoilt(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_spoilt(one, name) for one in value]
    free = isinstance(value, str) and name not in _CODES | {
        "codes",
        "doubts",
        "how",
        "field",
        "country",
        "id",
        "endpoints",
    }
    return HOSTILE if free else value
