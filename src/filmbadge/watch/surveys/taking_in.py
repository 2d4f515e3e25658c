"""A process of its own: reads what a run kept, and writes it into the tables in one change. Killed, it is done once more.

python -m filmbadge.watch.surveys.taking_in DIR RUN
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from filmbadge import interruption
from filmbadge.compare.surveys import sides
from filmbadge.conclude.again import today
from filmbadge.keep import files
from filmbadge.keep.reader import Dataset, NotASurvey, telling
from filmbadge.model import Refusal
from filmbadge.tell import summary
from filmbadge.tell.levels import Level, at_level
from filmbadge.tell.report import page
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words
from filmbadge.watch.store.store import Row, Store
from filmbadge.watch.surveys import events
from filmbadge.watch.surveys.records import PUBLIC, Product, Summary
from filmbadge.watch.surveys.rows import Seen, baselines, past, write


def take_in(store: Store, run: int) -> None:
    """Raises Refusal where the dataset, or the store, cannot be used."""
    row = store.one("SELECT * FROM runs WHERE id = ? AND state = 'taking-in'", run)
    if row is None:
        return
    folder = store.directory / row["folder"]
    with telling(folder):
        new = today(folder)
        baseline, old = _baseline(store, row)
        also = {way.address for one in past(store, row["scope"], baseline) for way in one.known.identity.endpoints}
        *before, after = sides(*([] if old is None else [old]), new, also=also)
        words = Words()
        report = summary.document(new, words)
        seen = Seen(before[0] if before else None, after, {view.id: view for view in report.archives}, _summed(report))
    if row["outcome"] == "done":
        _publish(store.directory, row["scope"], report, words)
    write(store, row, baseline, seen)


def _publish(directory: Path, scope: str, report: ReportDocument, words: Words) -> None:
    """The page at level public. It is shown to nobody where watch.toml does not name the scope."""
    try:
        files.make_folder(directory / PUBLIC)
        made = page.render(at_level(report, Level.PUBLIC, words), words)
        files.write(directory / PUBLIC / f"{scope}.html", made.encode())
    except OSError as error:
        raise Refusal(f"{PUBLIC}/{scope}.html cannot be written ({error.strerror})") from None


def _baseline(store: Store, run: Row) -> tuple[int | None, Dataset | None]:
    """The newest complete run before it that can still be read."""
    for row in baselines(store, run):
        folder = store.directory / row["folder"]
        with suppress(NotASurvey), telling(folder):
            return row["id"], today(folder)
    return None, None


def _summed(report: ReportDocument) -> Summary:
    return Summary(
        depth=report.depth,
        rows=report.rows,
        words=report.words,
        by_country=report.by_country,
        products=tuple(Product(one.name, one.archives or 0, one.archives_open) for one in report.products),
        grades=report.grades,
        findings=report.findings,
        undecided=len(report.undecided),
        connections=report.connections,
        lookups=report.lookups,
        evidence=report.evidence,
    )


def main(directory: str, run: str) -> str | None:
    """Why it could not be done now."""
    store = Store(Path(directory))
    try:
        take_in(store, int(run))
    except NotASurvey as error:
        _lost(store, int(run), str(error))
    except Refusal as error:  # of the store: it is done once more
        return str(error)
    return None


def _lost(store: Store, run: int, why: str) -> None:
    """What it kept cannot be read, and will not be later."""
    with store.change() as connection:
        row = connection.execute("SELECT scope, state FROM runs WHERE id = ?", (run,)).fetchone()
        if row["state"] == "taking-in":
            connection.execute("UPDATE runs SET state = 'ended', said = ? WHERE id = ?", (why, run))
            events.tell(connection, "failed", row["scope"], run, detail={"why": "unreadable", "said": why})


if __name__ == "__main__":
    interruption.listen()
    sys.exit(main(*sys.argv[1:]))
