"""The first page: what is open now, and what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from msgspec import structs

from filmbadge.watch.service import Service
from filmbadge.watch.views import rows, scope_files
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import Overview, Place, Point, ScopeState

_CHANGES = 8  # of each kind
_POINTS = 60
# All runs of the last day on which a scope was surveyed: several a day do not hide each other. What was compared with nothing changed nothing.
_LAST_DAY = """
    SELECT r.id FROM runs r JOIN (SELECT scope, max(substr(started, 1, 10)) day FROM runs WHERE taken_in IS NOT NULL GROUP BY scope) d
    ON d.scope = r.scope AND substr(r.started, 1, 10) = d.day WHERE r.taken_in IS NOT NULL AND r.baseline IS NOT NULL
"""
# The last complete survey of an archive's scope.
_LAST_WHOLE = "(SELECT max(r.id) FROM runs r WHERE r.scope = a.scope AND r.outcome = 'done' AND r.taken_in IS NOT NULL)"


def overview(asked: Asked) -> Overview:
    """All scopes together."""
    service = asked.service
    counts = _counts(service)
    became = Counter(
        {
            row["kind"]: row["n"]
            for row in service.store.rows(
                f"SELECT kind, count(DISTINCT archive) n FROM changes WHERE run IN ({_LAST_DAY}) AND NOT muted GROUP BY kind"
            )
        }
    )
    last = service.store.one("SELECT max(started) last FROM runs WHERE taken_in IS NOT NULL")
    return Overview(
        fault=service.surveys.fault or service.alerts.fault,
        headline=_headline(counts, last is not None and last["last"] is not None),
        open_now=counts["open"],
        muted=counts["muted"],
        archives=counts["archives"],
        unseen=counts["unseen"],
        unknown=counts["unknown"],
        new=became["new"],
        closed=became["closed"],
        gone=became["gone"],
        worse=became["worse"],
        since=last["last"] if last else None,
        changes=rows.most(service, f"c.run IN ({_LAST_DAY}) AND {rows.TELL} AND NOT c.muted", _CHANGES),
        trend=tuple(_trend(service)),
        places=tuple(_places(service)),
        scopes=states(service),
        running=rows.runs(service, "WHERE state <> 'ended' ORDER BY id"),
    )


def _counts(service: Service) -> Counter[str]:
    """Decoys are left out."""
    found = service.store.one(
        f"""
        SELECT count(*) archives,
            coalesce(sum(state = 'open' AND NOT {rows.MUTED}), 0) open,
            coalesce(sum(state = 'open' AND {rows.MUTED}), 0) muted,
            coalesce(sum(state = 'unknown'), 0) unknown,
            coalesce(sum(state = 'open' AND NOT {rows.MUTED} AND last_run < {_LAST_WHOLE}), 0) unseen
        FROM archives a WHERE NOT decoy
        """
    )
    return Counter(dict(found) if found else {})


def _headline(counts: Counter[str], surveyed: bool) -> str:
    if not surveyed:
        return "No survey has ended yet"
    if not counts["archives"]:
        return "No archive was found yet, as far as we asked"
    if counts["open"]:
        one = counts["open"] == 1
        return f"{counts['open']:,} {'archive gives' if one else 'archives give'} patients' records to anybody who asks"
    if counts["muted"]:
        return "No archive is open but those whose risk was accepted"
    if counts["unknown"]:
        return "No archive is known to be open, and of some it is not known"
    return "No archive gives records to a stranger, as far as we asked"


def _trend(service: Service) -> list[Point]:
    """After each complete run: the open archives of all scopes as their last complete runs saw them. Accepted risks are left out."""
    found = service.store.rows(
        "SELECT id, scope, started, baseline, archives_open - coalesce(muted, 0) open"
        " FROM runs WHERE outcome = 'done' AND taken_in IS NOT NULL ORDER BY id"
    )
    counts: dict[int, Counter[str]] = {}
    for row in service.store.rows(
        f"SELECT run, kind, count(*) n FROM changes WHERE {rows.TELL} AND NOT muted GROUP BY run, kind"
    ):
        counts.setdefault(row["run"], Counter())[row["kind"]] = row["n"]
    opened: dict[str, int] = {}
    points = []
    for row in found:
        opened[row["scope"]] = row["open"] or 0
        became = counts.get(row["id"], Counter())
        new = became["new"] if row["baseline"] else 0  # of the first one nobody knows what was before
        points.append(Point(row["id"], row["started"], sum(opened.values()), new, became["closed"] + became["gone"]))
    return points[-_POINTS:]


def _places(service: Service) -> list[Place]:
    found = service.store.rows(
        f"SELECT country, count(*) n FROM archives a WHERE state = 'open' AND NOT decoy AND NOT {rows.MUTED} GROUP BY country ORDER BY n DESC, country"
    )
    return [Place(row["country"], rows.country(row["country"], service.words), row["n"]) for row in found]


def states(service: Service) -> tuple[ScopeState, ...]:
    """All scopes, with what is due and what runs. One that cannot be read keeps no other from being shown."""
    return tuple(_states(service))


def _states(service: Service) -> Iterator[ScopeState]:
    for name in scope_files.names(service.directory):
        with suppress(LookupError):  # it is gone since its name was read, or a link that leads nowhere
            yield state(service, name)


def state(service: Service, name: str) -> ScopeState:
    """Raises LookupError."""
    made = scope_files.state(service.directory, name, service.words)
    planned = service.store.one("SELECT schedule, next_due FROM scopes WHERE name = ?", name)
    running = service.store.one("SELECT id FROM runs WHERE scope = ? AND state <> 'ended' ORDER BY id DESC", name)
    last = service.store.one("SELECT id FROM runs WHERE scope = ? AND taken_in IS NOT NULL ORDER BY id DESC", name)
    opened = service.store.one(
        f"SELECT count(*) n FROM archives a WHERE scope = ? AND state = 'open' AND NOT decoy AND NOT {rows.MUTED}", name
    )
    return structs.replace(
        made,
        schedule=planned["schedule"] if planned else "",
        next_due=planned["next_due"] if planned else None,
        running=running["id"] if running else None,
        last_run=last["id"] if last else None,
        archives_open=opened["n"] if opened and last else None,
    )
