"""Surveys: the list, one of them, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from filmbadge.watch.service import Service
from filmbadge.watch.surveys.records import Summary
from filmbadge.watch.views import archives, overview, rows
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import Live, Run, RunRow, Runs

ON_A_PAGE = 50
_CHANGES = 500
_LOG_BYTES = 4096
_ORDER = "CASE c.kind WHEN 'new' THEN 0 WHEN 'worse' THEN 1 WHEN 'closed' THEN 2 WHEN 'gone' THEN 3 ELSE 4 END, a.name"


class Paged(Struct, frozen=True):
    page: int = 1
    scope: str = ""


def runs(asked: Asked) -> Runs:
    """The newest first."""
    service, wanted = asked.service, asked.query
    where, values = ("WHERE scope = ?", [wanted.scope]) if wanted.scope else ("", [])
    found = service.store.one(f"SELECT count(*) n FROM runs {where}", *values)
    total = found["n"] if found else 0
    pages = max(1, -(-total // ON_A_PAGE))
    page = min(max(wanted.page, 1), pages)
    listed = rows.runs(
        service, f"{where} ORDER BY id DESC LIMIT ? OFFSET ?", *values, ON_A_PAGE, (page - 1) * ON_A_PAGE
    )
    going = sum(row.state != "ended" for row in listed)
    said = "No survey was made yet" if not total else f"{total:,} {'survey' if total == 1 else 'surveys'}"
    return Runs(
        headline=f"{said}, {going} {'goes' if going == 1 else 'go'} on now" if going else said,
        rows=listed,
        scopes=overview.states(service),
        page=page,
        pages=pages,
    )


def run(asked: Asked) -> Run:
    """Raises LookupError."""
    service, number = asked.service, asked.path["run"]
    row = _row(service, number)
    state, summary = live(service, number), _summary(service, number)
    counted = service.store.rows("SELECT kind, count(*) n FROM changes WHERE run = ? GROUP BY kind", number)
    only = service.store.rows("SELECT archive FROM sightings WHERE run = ? LIMIT 2", number)
    return Run(
        row=row,
        headline=_headline(row),
        counts={one["kind"]: one["n"] for one in counted},
        changes=rows.changes(service, f"WHERE c.run = ? ORDER BY {_ORDER} LIMIT ?", number, _CHANGES),
        lines=state.lines,
        hosts=state.hosts,
        hosts_done=state.hosts_done,
        journal=tuple(_journal(summary)),
        log=_log(service.directory / _folder(service, number)),
        jobs=tuple(
            map(
                archives.job,
                service.store.rows("SELECT * FROM jobs WHERE run = ? AND kind = 'letters' ORDER BY id DESC", number),
            )
        ),
        letters_ready=(service.directory / "contacts" / f"{row.scope}.csv").is_file(),
        first_archive=only[0]["archive"] if len(only) == 1 else None,
    )


def _headline(row: RunRow) -> str:
    if row.state != "ended":
        return f"The survey of {row.scope} is {row.words}"
    if row.archives is None or row.outcome == "nothing-reached":
        return f"The survey of {row.scope} {row.words}"
    if not row.archives:
        return f"No archive was found, as far as {'was kept' if row.outcome == 'killed' else 'we asked'}"
    if not row.archives_open:
        return f"{row.archives:,} {'archive' if row.archives == 1 else 'archives'} found, and none gives records to a stranger as far as we asked"
    verb = "gives" if row.archives_open == 1 else "give"
    return f"{row.archives_open:,} of {row.archives:,} archives {verb} records to anybody who asks"


def live(service: Service, number: int) -> Live:
    """How far it is. Raises LookupError."""
    row = _row(service, number)
    told = service.surveys.progress(number) if row.state == "running" else None
    if told is None:
        return Live(row.state, row.hosts or 0, row.hosts_done or 0, ())
    return Live(row.state, told.hosts, told.hosts_done, told.lines)


def _row(service: Service, number: int) -> RunRow:
    found = rows.runs(service, "WHERE id = ?", number)
    if not found:
        raise LookupError(f"there is no survey {number}")
    return found[0]


def _folder(service: Service, number: int) -> str:
    row = service.store.one("SELECT folder FROM runs WHERE id = ?", number)
    return row["folder"] if row else ""


def _summary(service: Service, number: int) -> Summary | None:
    row = service.store.one("SELECT summary FROM runs WHERE id = ?", number)
    return msgspec.json.decode(row["summary"], type=Summary) if row and row["summary"] else None


def _journal(summary: Summary | None) -> Iterator[tuple[str, str]]:
    """What was sent, from where, and the digest of all of it."""
    if summary is None:
        return
    told = summary.evidence
    yield "Connections", f"{summary.connections:,}" if summary.connections is not None else "not known"
    yield "Names looked up", f"{summary.lookups:,}" if summary.lookups is not None else "not known"
    yield "Asked from", ", ".join(told.sources) if told.sources else "not known"
    if told.journal is not None:
        yield "Rows of the journal", f"{told.journal.rows:,}"
        yield "Their SHA-256", told.journal.sha256


def _log(folder: Path) -> tuple[str, ...]:
    """The end of what the process wrote. It stands beside the dataset."""
    try:
        with folder.with_name(f"{folder.name}.log").open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _LOG_BYTES))
            return tuple(file.read().decode("utf-8", "replace").splitlines()[-20:])
    except OSError:
        return ()
