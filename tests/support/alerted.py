"""Rows of the dashboard's store as its surveys write them, and a site that takes what channels are told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from filmbadge.watch.store.store import Store

STARTED = "2026-11-27T07:31:00Z"


def a_run(store: Store, scope: str = "hospital") -> int:
    with store.change() as connection:
        done = connection.execute(
            "INSERT INTO runs (scope, folder, why, by, state, outcome, started)"
            " VALUES (?, 'surveys/' || ? || '/' || (SELECT count(*) FROM runs), 'asked', 'ops', 'ended', 'done', ?)",
            (scope, scope, STARTED),
        )
        return done.lastrowid or 0


def an_archive(store: Store, run: int, **more: Any) -> int:
    values = {
        "scope": "hospital", "first_run": run, "last_run": run, "name": "192.0.2.7:104", "state": "open", "state_since": STARTED,
        "state_run": run, "rung": "discloses", "grade": "F", "address": "192.0.2.7", "product": "Orthanc", "version": "1.12.1",
        "country": "DE", "operator": "Klinikum Nord", "decoy": 0, "view": b"", "known": b"", **more,
    }  # fmt: skip
    with store.change() as connection:
        done = connection.execute(
            f"INSERT INTO archives ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})",
            tuple(values.values()),
        )
        return done.lastrowid or 0


def an_event(
    store: Store, kind: str, run: int | None = None, archive: int | None = None, *, muted: bool = False, scope: str = "hospital", **detail: Any
) -> int:  # fmt: skip
    with store.change() as connection:
        done = connection.execute(
            "INSERT INTO events (at, kind, scope, run, archive, detail, muted) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (STARTED, kind, scope, run, archive, json.dumps(detail), muted),
        )
        return done.lastrowid or 0


@contextmanager
def webhook(answer: Callable[[int], int] = lambda _: 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a channel, and what it was told. `answer`: the status of the nth message, before it is answered."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(answer(len(told)))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"json://127.0.0.1:{server.server_address[1]}/hook", told
        finally:
            server.shutdown()
            serving.join()
