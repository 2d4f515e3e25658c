"""A dashboard's directory, with runs that ended, made without asking anybody."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from filmbadge.compare.asked import Asked, tally
from filmbadge.compare.closure import heard
from filmbadge.compare.records import COUNTED, Known
from filmbadge.keep.manifest import State
from filmbadge.model import Archive, Count, Depth, Host, Rung
from filmbadge.tell.view import archive_view
from filmbadge.tell.words import Words
from filmbadge.watch.store.store import Row, Store, stamp
from filmbadge.watch.surveys.records import Summary
from filmbadge.watch.surveys.rows import Seen, baselines, write
from filmbadge.watch.surveys.taking_in import take_in
from support.factories import AT, dimse, host
from support.folders import whole
from support.twice import NOBODY, REFUSED

SCOPE = "ward"
WORDS = Words()
TABLES = ("archives", "sightings", "changes", "findings", "events")
NOTHING = Summary("count", (), {}, (), (), {}, {}, 0)


class Watched:
    """Runs a week apart. What they saw is in memory: a folder and its queries take a hundred times as long."""

    def __init__(self, directory: Path) -> None:
        self.store = Store(directory)
        self._asked: dict[int, Asked] = {}

    def ran(self, *hosts: Host, state: State = "done", seed: int | None = None, **asked: Any) -> int:
        """A run that found these hosts, and is taken in. `seed`: its rows come in another order."""
        seen = seen_of(hosts, state, **asked)
        return self.took(shuffled(seen, seed) if seed is not None else seen)

    def took(self, seen: Seen) -> int:
        return self.take(self.ended(cast("State", seen.after.state)), seen)

    def take(self, number: int, seen: Seen) -> int:
        """Sets how that run ended, too: it may have been resumed."""
        with self.store.change() as connection:
            connection.execute("UPDATE runs SET outcome = ? WHERE id = ?", (seen.after.state, number))
        run = self.row(number)
        self._asked[number] = seen.after
        before = next((row["id"] for row in baselines(self.store, run)), None)
        write(self.store, run, before, replace(seen, before=None if before is None else self._asked[before]))
        return number

    def kept(self, *hosts: Host, flush: int = 1000) -> int:
        """The same by a folder, in this process."""
        run = self.row(self.ended("done"))
        whole(self.store.directory / run["folder"], *hosts, started=AT, flush=flush)
        take_in(self.store, run["id"])
        return int(run["id"])

    def ended(self, state: State) -> int:
        """A run that is still to be taken in, of which nothing is kept."""
        with self.store.change() as connection:
            number = 1 + connection.execute("SELECT count(*) FROM runs").fetchone()[0]
            at = stamp(AT + timedelta(days=7 * number))
            connection.execute(
                "INSERT INTO runs (id, scope, folder, why, by, state, outcome, started) VALUES (?, ?, ?, 'asked', 'a test', 'taking-in', ?, ?)",
                (number, SCOPE, f"surveys/{SCOPE}/{number}", state, at),
            )
        return int(number)

    def row(self, run: int) -> Row:
        return self.rows("SELECT * FROM runs WHERE id = ?", run)[0]

    def states(self) -> dict[str, str]:
        """Of each archive that is known, by its last address."""
        return {row["address"]: row["state"] for row in self.rows("SELECT address, state FROM archives ORDER BY id")}

    def ids(self) -> dict[str, int]:
        return {row["address"]: row["id"] for row in self.rows("SELECT address, id FROM archives ORDER BY id")}

    def kinds(self, run: int) -> dict[str, str]:
        """What became of each archive in a run, by its address."""
        asked = "SELECT address, kind FROM changes JOIN archives ON id = archive WHERE run = ? ORDER BY address"
        return {row["address"]: row["kind"] for row in self.rows(asked, run)}

    def told(self, run: int | None) -> list[tuple[str, str, bool]]:
        """The events of a run: which, of which address, and whether it is muted."""
        found = self.rows(
            "SELECT kind, address, muted FROM events e JOIN archives a ON a.id = archive WHERE run IS ? ORDER BY 1, 2",
            run,
        )
        return [(row["kind"], row["address"], bool(row["muted"])) for row in found]

    def rows(self, sql: str, *values: Any) -> list[Row]:
        return self.store.rows(sql, *values)

    def everything(self, tables: Iterable[str] = TABLES) -> list[dict[str, Any]]:
        """All rows, without the times of this machine."""
        return [
            {name: row[name] for name in row.keys() if name != "at"}  # noqa: SIM118
            for table in tables
            for row in self.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4")
        ]


def name(last: int) -> str:
    return f"192.0.2.{last}"


def shut(last: int) -> Host:
    return host(name(last), dimse(None, stop=REFUSED))


def silent(last: int) -> Host:
    return host(name(last), dimse(None, stop=NOBODY))


def seen_of(hosts: Sequence[Host], state: State = "done", **asked: Any) -> Seen:
    """As `taking_in` reads it of a dataset."""
    archives = [(archive, host) for host in hosts for archive in host.archives]
    answered = tally(
        host.address for host in hosts if any(one.verdict.rung not in (None, Rung.SILENT) for one in host.judged)
    )
    found = {one.observation.endpoint: heard(one) for host in hosts for one in host.judged}
    after = Asked(
        archives=tuple(known(archive, host) for archive, host in archives),
        heard=found,
        answered=answered,
        depth=Depth.COUNT,
        state=state,
        **asked,
    )
    views = {archive.id: archive_view(archive, host.judged, WORDS) for archive, host in archives}
    return Seen(None, after, views, NOTHING)


def known(archive: Archive, host: Host) -> Known:
    ways = [one.observation.endpoint for one in host.judged if one.verdict.rung is not None and one.verdict.rung.open]
    counts: dict[str, Count] = {
        quality: getattr(archive.counts, quality, getattr(archive, quality, Count())) for quality in COUNTED
    }
    return Known(
        id=archive.id,
        identity=archive.identity,
        rung=archive.rung,
        ways=tuple(way for way in sorted(archive.endpoints) if way in ways),
        grade=archive.grade,
        product=archive.product.product,
        version=archive.product.version,
        counts=counts,
        configuration=archive.configuration,
        depth=Depth.COUNT,
        decoy=bool(archive.decoy),
    )


def shuffled(seen: Seen, seed: int) -> Seen:
    order = random.Random(seed)
    archives, heard_, views = list(seen.after.archives), list(seen.after.heard.items()), list(seen.views.items())
    for one in (archives, heard_, views):
        order.shuffle(one)
    return replace(seen, after=replace(seen.after, archives=tuple(archives), heard=dict(heard_)), views=dict(views))
