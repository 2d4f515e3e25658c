"""A year of weekly surveys of 2,300 archives in a dashboard's directory, made without asking anybody, and what it costs. Archives come, are closed, vanish, move and grow. Their rows go through the functions that take in a real survey."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import common
import msgspec
import report
from common import BenchError

from filmbadge.compare.asked import Asked
from filmbadge.keep.manifest import CountryRow
from filmbadge.model import Census, CountedBy, Host, Outcome, OutcomeKind, Place, Provenance, Said, Total
from filmbadge.watch.store.store import Store, stamp
from filmbadge.watch.surveys.records import Product, Summary
from filmbadge.watch.surveys.rows import Seen, baselines, write
from support import factories
from support.watched import seen_of

SCOPE = "nation"
ARCHIVES, WEEKS = 2_300, 52
# Of all archives, in a week.
NEW, CLOSED, GONE, BACK, WORSE, GROWN, MOVED, VAGUE = 0.006, 0.008, 0.003, 0.1, 0.005, 0.2, 0.001, 0.01
PARTIAL = 8  # each such survey is broken off
REFUSED, SILENT = Outcome(OutcomeKind.REFUSED), Outcome(OutcomeKind.NO_ANSWER)


class Machine(NamedTuple):
    """One archive of the world."""

    number: int
    studies: int
    state: str = "open"  # or closed, gone, vague, or coming: its host refuses so far
    port: int = 4242


def year(directory: Path, archives: int, weeks: int) -> dict[str, Any]:
    """Raises BenchError where what is kept is not what happened."""
    store, chance = Store(directory), random.Random(1)
    coming = round(archives * NEW)
    machines = [
        Machine(n, 20 + chance.randrange(5_000), "open" if n < archives else "coming")
        for n in range(archives + coming * weeks)
    ]
    seconds, sizes, asked = [], [], {}
    began = datetime.now(UTC) - timedelta(weeks=weeks)
    for week in range(1, weeks + 1):
        here = archives + coming * week
        machines = [_week(machine, chance) if machine.number < here else machine for machine in machines]
        partial = week % PARTIAL == 0
        seen = _seen(machines[: len(machines) * 6 // 10] if partial else machines, "interrupted" if partial else "done")
        run = _run(store, week, began + timedelta(weeks=week), seen)
        asked[week] = seen.after
        before = next((row["id"] for row in baselines(store, run)), None)
        start = time.perf_counter()
        write(store, run, before, replace(seen, before=None if before is None else asked[before]))
        seconds.append(time.perf_counter() - start)
        asked = {one: found for one, found in asked.items() if one in (before, week)}
        sizes.append(_size(store))
        common.say(f"week {week}: {seconds[-1]:.1f} s, {sizes[-1] / 1e6:.1f} MB")
    twice = _check(store, machines)
    return {
        "archives": archives,
        "weeks": weeks,
        "known": store.rows("SELECT count(*) FROM archives")[0][0],
        "known_twice": twice,
        "seconds_of_a_run": round(median(seconds), 2),
        "seconds_of_the_longest": round(max(seconds), 2),
        "megabytes": round(sizes[-1] / 1e6, 1),
        "kilobytes_of_a_run": round((sizes[-1] - sizes[0]) / max(1, weeks - 1) / 1e3, 1),
        "changes": dict(Counter(row["kind"] for row in store.rows("SELECT kind FROM changes"))),
        "events": dict(Counter(row["kind"] for row in store.rows("SELECT kind FROM events"))),
    }


def _week(one: Machine, chance: random.Random) -> Machine:
    """What becomes of it."""
    drawn = chance.random()
    if one.state in ("closed", "gone"):
        return one._replace(state="open") if one.state == "gone" and drawn < BACK else one
    for share, then in (
        (CLOSED, one._replace(state="closed")),
        (GONE, one._replace(state="gone")),
        (WORSE, one._replace(studies=one.studies * 2)),
        (MOVED, one._replace(port=104 if one.port == 4242 else 4242)),
        (VAGUE, one._replace(state="vague")),
        (GROWN, one._replace(studies=round(one.studies * 1.01) + 1)),
    ):
        if (drawn := drawn - share) < 0:
            return then
    return one._replace(state="open")


def _seen(machines: list[Machine], state: str) -> Seen:
    """As it is read of a dataset. Where an archive stands is said as sources say it."""
    hosts = [_host(machine) for machine in machines]
    seen = seen_of(hosts, state)  # type: ignore[arg-type]
    where = {host.address: report.COUNTRIES[n % len(report.COUNTRIES)] for n, host in enumerate(hosts)}
    known = tuple(
        msgspec.structs.replace(one, country=where[one.identity.endpoints[0].address]) for one in seen.after.archives
    )
    return replace(seen, after=replace(seen.after, archives=known), summary=_summary(seen.after))


@cache
def _host(one: Machine) -> Host:
    """Both ports are asked."""
    ways = []
    for port in (104, 4242):
        stop = SILENT if one.state == "gone" else REFUSED
        if port == one.port and one.state == "open":
            counts = Census(True, one.studies, one.studies, images=90 * one.studies, images_known_for=one.studies, method=CountedBy.COUNT_KEYS)  # fmt: skip
            ways.append(factories.dimse(factories.admitted(factories.DISCLOSED, counts), port=port))
        elif port == one.port and one.state == "vague":
            ways.append(factories.dimse(factories.admitted(factories.EMPTY), port=port))
        else:
            ways.append(factories.dimse(None, port=port, stop=stop))
    made = factories.host(f"10.{one.number >> 16}.{one.number >> 8 & 255}.{one.number & 255}", *ways)
    country = report.COUNTRIES[one.number % len(report.COUNTRIES)]
    place = Place(country=(Said(country, "made", "2026-11-26"),))
    return msgspec.structs.replace(
        made, archives=tuple(msgspec.structs.replace(archive, place=place) for archive in made.archives)
    )


def _summary(after: Asked) -> Summary:
    """As large as a real one: all quantities, and a row for each country."""
    opened = sum(known.open for known in after.archives)
    rows = tuple(
        _total(quantity, opened)
        for quantity in ("archives", "archives_open", "patients", "studies", "series", "images")
    )
    of = {quantity: _total(quantity, opened) for quantity in CountryRow.quantities()}
    countries = tuple(CountryRow(country=country, hosts_undecided=0, **of) for country in report.COUNTRIES * 6)
    products = tuple(Product(f"product {n}", opened, opened) for n in range(30))
    words = {row.quantity: f"{opened:,} (counted)" for row in rows}
    return Summary("count", rows, words, countries, products, {"F": opened}, {"disclosing": opened}, 0)


def _total(quantity: str, number: int) -> Total:
    return Total(quantity, number, Provenance.COUNTED)


def _run(store: Store, week: int, at: datetime, seen: Seen) -> Any:
    with store.change() as connection:
        connection.execute(
            "INSERT INTO runs (id, scope, folder, why, by, state, outcome, started, ended, hosts, hosts_done)"
            " VALUES (?, ?, ?, 'scheduled', 'bench', 'taking-in', ?, ?, ?, ?, ?)",
            (week, SCOPE, f"surveys/{SCOPE}/{week}", seen.after.state, stamp(at), stamp(at + timedelta(hours=3)), 65_000, 65_000),
        )  # fmt: skip
    return store.rows("SELECT * FROM runs WHERE id = ?", week)[0]


def _size(store: Store) -> int:
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    return store.path.stat().st_size


def _check(store: Store, machines: list[Machine]) -> int:
    """What the last run asked all of is known as it is: open, closed, or gone. Returns how many stand there twice.

    Nobody can know that of an archive that moved while it gave nothing away, or that came back as another of its like left.
    """
    rows = store.rows("SELECT address, state FROM archives")
    often = Counter(row["address"] for row in rows)
    found = {row["address"]: row["state"] for row in rows if often[row["address"]] == 1}
    for one in machines:
        state = found.get(_host(one).address)
        if one.state not in ("vague", "coming") and state is not None and state != one.state:
            raise BenchError(f"{_host(one).address} is {one.state}, and known as {state}")
    twice = len(rows) - len(often)
    if twice > len(machines) / 100:
        raise BenchError(f"{twice} archives are known twice")
    return twice


def dataset(archives: int) -> Iterator[tuple[str, float]]:
    """What it takes to read a whole dataset of as many archives, and its baseline, in the process that does so."""
    with tempfile.TemporaryDirectory() as made:
        directory = Path(made)
        store = Store(directory)
        for n in (1, 2):
            folder = report.survey(directory / f"surveys/{SCOPE}/{n}", archives)
            common.say(f"dataset {n} is made: {folder.name}")
            with store.change() as connection:
                connection.execute(
                    "INSERT INTO runs (id, scope, folder, why, by, state, outcome, started) VALUES (?, ?, ?, 'asked', 'bench', 'taking-in', 'done', ?)",
                    (n, SCOPE, f"surveys/{SCOPE}/{n}", stamp(datetime.now(UTC))),
                )
            command = [common.OUR_PYTHON, "-m", "filmbadge.watch.surveys.taking_in", str(directory), str(n)]
            spent = common.run(command, common.cores()[1], seconds=900)
            if store.rows("SELECT archives FROM runs WHERE id = ?", n)[0][0] != archives:
                raise BenchError("not all archives were taken in")
            yield ("first" if n == 1 else "with a baseline"), spent.seconds
            yield ("first, peak MB" if n == 1 else "with a baseline, peak MB"), spent.peak_mb


def table(found: Mapping[str, Any]) -> str:
    lines = ["| figure | value |", "|---|---:|"]
    return "\n".join([*lines, *(f"| {name.replace('_', ' ')} | {value} |" for name, value in found.items())]) + "\n"


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="of the dashboard: it must be new")
    parser.add_argument("--archives", type=int, default=ARCHIVES)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--dataset", action="store_true", help="take in two whole datasets too, each by its process")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def main() -> None:
    chosen = options(sys.argv[1:])
    if chosen.directory.exists():
        sys.exit(f"{chosen.directory} is there already: choose a new folder")
    try:
        found = year(chosen.directory, chosen.archives, chosen.weeks)
        if chosen.dataset:
            found |= {f"taking in a dataset: {name}": round(value, 1) for name, value in dataset(chosen.archives)}
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=2) if chosen.json else table(found))


if __name__ == "__main__":
    main()
