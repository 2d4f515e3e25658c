"""Archives: the list, and one of them."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from filmbadge.compare.records import By, ChangeKind
from filmbadge.tell.compare import phrases
from filmbadge.tell.report.archives import headline
from filmbadge.tell.view import ArchiveView
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import Row
from filmbadge.watch.surveys import risks
from filmbadge.watch.views import rows
from filmbadge.watch.views.asked import Asked
from filmbadge.watch.views.records import (
    ArchivePage,
    Archives,
    Choice,
    Job,
    Letter,
    Risk,
    Sighting,
)

ON_A_PAGE = 50
_MOST_CHOICES = 200
_FILTERS = ("state", "scope", "grade", "rung", "product", "operator", "country")
_RUNGS = ("delivers", "offers", "discloses", "answers", "admits", "speaks", "listening", "silent")
_ORDERS = {
    "worst": "CASE a.state WHEN 'open' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END, coalesce(a.grade, '') DESC, coalesce(a.patients, a.studies, 0) DESC, a.name",
    "newest": "a.state_since DESC, a.name",
    "name": "a.name",
    "operator": "a.operator = '', a.operator COLLATE NOCASE, a.name",
    "country": "a.country = '', a.country, a.name",
    "product": "a.product = '', a.product COLLATE NOCASE, a.version, a.name",
    "studies": "a.studies IS NULL, a.studies DESC, a.name",
    "images": "a.images IS NULL, a.images DESC, a.name",
}


class Filter(Struct, frozen=True):
    """Which archives, and in which order. Empty: all."""

    state: str = ""
    scope: str = ""
    grade: str = ""  # `none`: without a grade
    rung: str = ""
    product: str = ""
    operator: str = ""  # `none`: not attributed
    country: str = ""
    finding: str = ""
    muted: str = ""  # `yes`, `no`
    decoy: str = ""  # `yes`: likely no clinic's archive; `no`
    q: str = ""  # a part of the name, address, product, version or operator
    sort: str = "worst"
    page: int = 1


def archives(asked: Asked) -> Archives:
    """Those that match, a page of them, and what else can be chosen."""
    service, wanted = asked.service, asked.query
    where, values = _where(wanted)
    found = service.store.one(f"SELECT count(*) n FROM archives a {where}", *values)
    total = found["n"] if found else 0
    pages = max(1, -(-total // ON_A_PAGE))
    page = min(max(wanted.page, 1), pages)
    order = _ORDERS.get(wanted.sort, _ORDERS["worst"])
    listed = service.store.rows(
        f"{rows.ARCHIVES} {where} ORDER BY {order} LIMIT ? OFFSET ?", *values, ON_A_PAGE, (page - 1) * ON_A_PAGE
    )
    return Archives(
        headline=_total(total, bool(values)),
        total=total,
        first=(page - 1) * ON_A_PAGE + 1 if total else 0,
        rows=tuple(rows.archive(row, service.words) for row in listed),
        choices={name: tuple(_choices(service, name)) for name in _FILTERS},
        page=page,
        pages=pages,
    )


def _total(total: int, filtered: bool) -> str:
    if not total:
        return "No archive matches" if filtered else "No archive was found yet"
    return f"{total:,} {'archive' if total == 1 else 'archives'}" + (
        (" matches" if total == 1 else " match") if filtered else ""
    )


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    clauses, values = [], list[Any]()
    for name in _FILTERS:
        if (value := getattr(wanted, name)) == "none":
            clauses.append(f"coalesce(a.{name}, '') = ''")
        elif value:
            clauses.append(f"a.{name} = ?")
            values.append(value)
    if wanted.finding:
        clauses.append(f"{rows.STANDING} AND EXISTS (SELECT 1 FROM findings f WHERE f.archive = a.id AND f.code = ?)")
        values.append(wanted.finding)
    if wanted.muted in {"yes", "no"}:
        clauses.append(rows.MUTED if wanted.muted == "yes" else f"NOT {rows.MUTED}")
    if wanted.decoy in {"yes", "no"}:
        clauses.append("a.decoy" if wanted.decoy == "yes" else "NOT a.decoy")
    if wanted.q.strip():
        clauses.append(
            "instr(lower(a.name || ' ' || a.address || ' ' || a.product || ' ' || a.version || ' ' || a.operator), lower(?)) > 0"
        )
        values.append(wanted.q.strip()[:200])
    return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values


def _choices(service: Service, name: str) -> list[Choice]:
    found = service.store.rows(
        f"SELECT coalesce({name}, '') value, count(*) n FROM archives GROUP BY 1 ORDER BY n DESC, value LIMIT ?",
        _MOST_CHOICES,
    )
    ordered = sorted(found, key=lambda row: _RUNGS.index(row["value"])) if name == "rung" else found
    if name == "grade":
        ordered = sorted(found, key=lambda row: row["value"] or "Z")
    return [Choice(row["value"] or "none", _named(name, row["value"], service), row["n"]) for row in ordered]


def _named(name: str, value: str, service: Service) -> str:
    if not value:
        return {"grade": "no grade", "product": "not known"}.get(name, "not attributed")
    if name == "country":
        return rows.country(value, service.words)
    return {"closed": "closed", "gone": "gone", "open": "open", "shut": "never open", "unknown": "not known now"}.get(value, value) if name == "state" else value  # fmt: skip


def archive(asked: Asked) -> ArchivePage:
    """One of them. Raises LookupError."""
    service, number = asked.service, asked.path["archive"]
    row = service.store.one(f"{rows.ARCHIVES} WHERE a.id = ?", number)
    if row is None:
        raise LookupError(f"there is no archive {number}")
    view = msgspec.json.decode(zlib.decompress(row["view"]), type=ArchiveView)
    last = rows.runs(service, "WHERE id = ?", row["last_run"])[0]
    folder = service.store.one("SELECT folder FROM runs WHERE id = ?", row["last_run"])
    return ArchivePage(
        row=rows.archive(row, service.words),
        headline=_headline(row, view, service),
        view=view,
        history=tuple(_history(service, number)),
        risks=tuple(_records(service, Risk, "SELECT * FROM risks WHERE archive = ? ORDER BY id DESC", number)),
        proofs=tuple(_jobs(service, "archive = ? AND kind = 'verify'", number)),
        letters=tuple(
            _records(service, Letter, "SELECT * FROM letters WHERE archive = ? ORDER BY day, number", number)
        ),
        evidence=last,
        folder=folder["folder"] if folder else "",
        last_day=f"{datetime.now(UTC) + timedelta(days=risks.MOST_DAYS):%Y-%m-%d}",
    )


def _headline(row: Row, view: ArchiveView, service: Service) -> str:
    """What it gave when it was found last is no headline of an archive that is closed by now."""
    if row["state"] in {"open", "shut"}:
        return headline(view, service.words)
    return {
        "closed": "This archive is closed, and that is proven",
        "gone": "This archive is gone",
        "unknown": "What this archive gives now is not known",
    }[row["state"]]


def _records(service: Service, kind: Any, sql: str, *values: Any) -> list[Any]:
    return [kind(**{name: row[name] for name in kind.__struct_fields__}) for row in service.store.rows(sql, *values)]


_RESULTS = {
    "": "",
    "closed": "closed, and that is proven",
    "closed-as-seen": "gives nothing as far as we saw; that proves nothing yet",
    "inconclusive": "could not be proven",
    "open": "still open",
}


def _jobs(service: Service, where: str, *values: Any) -> list[Job]:
    return [
        job(row) for row in service.store.rows(f"SELECT * FROM jobs WHERE {where} ORDER BY id DESC LIMIT 20", *values)
    ]


def job(row: Row) -> Job:
    held = {name: row[name] for name in Job.__struct_fields__ if name != "words"}
    return Job(**held, words=_how(row))


def _how(row: Row) -> str:
    if row["state"] == "running":
        return "running"
    told = _RESULTS.get(row["result"], row["result"]) or row["said"]
    if told or row["kind"] == "verify":
        return told or "broken off before it could tell: verify again"
    if row["exit_code"] == 0:
        return "written"
    return "it is not known whether all of them were written: have them written again"


def _history(service: Service, number: int) -> list[Sighting]:
    """The newest first: where it was found, and where it was shown to be closed or gone."""
    found = service.store.rows(
        """
        SELECT r.id run, r.started at, r.outcome, s.open, s.rung, s.grade, s.patients, s.studies, s.images, c.kind, c.by
        FROM runs r LEFT JOIN sightings s ON s.run = r.id AND s.archive = ?1 LEFT JOIN changes c ON c.run = r.id AND c.archive = ?1
        WHERE s.run IS NOT NULL OR c.run IS NOT NULL ORDER BY r.id DESC LIMIT 120
        """,
        number,
    )
    return [_sighting(row, service) for row in found]


def _sighting(row: Row, service: Service) -> Sighting:
    said = "open" if row["open"] else "not open"
    if row["kind"]:
        said = phrases.sentence(ChangeKind(row["kind"]), By(row["by"]) if row["by"] else None, service.words)
    return Sighting(
        run=row["run"],
        at=row["at"],
        outcome=row["outcome"],
        open=bool(row["open"]),
        rung=row["rung"] or "",
        grade=row["grade"],
        patients=row["patients"],
        studies=row["studies"],
        images=row["images"],
        kind=row["kind"],
        words=said,
    )
