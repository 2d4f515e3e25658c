"""A survey as tables: for the terminal, for `report --json`, and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, cast

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from filmbadge.keep.reader import Dataset
from filmbadge.model import Count, Grade, Identifier, Kind, Provenance, Reason, Rung, Total, Transport
from filmbadge.tell import words

LABELS = {
    "archives": "imaging archives found",
    "archives_open": "of them open to strangers",
    "decoys": "likely decoys and demonstrations, in no other line",
    "patients": "patients in open archives",
    "patient_ids": "different patient ids in all of them together",
    "studies": "studies in open archives",
    "series": "series in open archives",
    "images": "images in open archives",
    "http_viewers": "archives with web pages that need no login, over plain HTTP",
}
SSN = "ssn_records"  # shown where somebody looked
SSN_LABEL = "studies that expose a US social security number"


_ORDER = {str(kind): place for place, kind in enumerate(Kind)}


class Step(Struct, frozen=True):
    """One rung of the funnel: endpoints that stopped there, and why."""

    rung: str
    words: str
    endpoints: int
    reasons: tuple[tuple[str, int], ...]


class KindLine(Struct, frozen=True):
    """One kind of personal data in all open archives."""

    kind: str
    total: Total
    archives: dict[str, int]  # open archives by what the values look like


class ArchiveKind(Struct, frozen=True):
    kind: str
    records: int | None
    how: str
    looks: str | None  # None: no study carries it, or it is not known
    at_least: int | None
    why: str


class ArchiveLine(Struct, frozen=True):
    id: str
    open: bool
    rung: str
    product: str
    toolkit: str
    product_version: str
    product_firm: bool
    advisories: tuple[str, ...]
    grade: str | None
    grade_why: str
    decoy: str  # why it is likely no clinic's archive; empty otherwise
    counts: dict[str, Count]
    kinds: tuple[ArchiveKind, ...]  # empty where nobody looked
    identifiers: tuple[Identifier, ...]
    ssn_records: Count
    endpoints: tuple[str, ...]
    reasons: tuple[str, ...]


class ReportDocument(Struct, frozen=True):
    version: str
    state: str
    depth: str
    hosts: int
    hosts_done: int
    started: datetime
    ended: datetime | None
    connections: int
    rows: tuple[Total, ...]
    kinds: tuple[KindLine, ...]  # empty where nobody looked
    funnel: tuple[Step, ...]
    grades: dict[str, int]  # archives by grade; "none" where we could not find out enough; decoys are left out
    archives: tuple[ArchiveLine, ...]
    schema: Literal["filmbadge.report/1"] = "filmbadge.report/1"


def document(dataset: Dataset) -> ReportDocument:
    """Everything that a report shows. Raises NotASurvey where a part file is damaged."""
    manifest = dataset.manifest
    return ReportDocument(
        version=manifest.version,
        state=manifest.state,
        depth=manifest.scope.depth,
        hosts=manifest.hosts,
        hosts_done=len(dataset.asked()),
        started=manifest.started,
        ended=manifest.ended,
        connections=dataset.connections(),
        rows=(rows := dataset.totals()),
        kinds=_kinds(dataset, rows),
        funnel=_funnel(dataset),
        grades=_grades(dataset),
        archives=_archives(dataset),
    )


def _kinds(dataset: Dataset, rows: Sequence[Total]) -> tuple[KindLine, ...]:
    found = dataset.rows(
        "SELECT kind, looks, count(*) n FROM kinds JOIN counted ON id = archive "
        "WHERE open AND looks IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC, looks"
    )
    lines = []
    for total in rows:
        if total.quantity.startswith("kind:"):
            kind = total.quantity.removeprefix("kind:")
            archives = {str(row["looks"]): cast("int", row["n"]) for row in found if row["kind"] == kind}
            lines.append(KindLine(kind, total, archives))
    return tuple(lines) if found else ()


def _grades(dataset: Dataset) -> dict[str, int]:
    rows = dataset.rows("SELECT coalesce(grade, 'none') grade, count(*) n FROM counted GROUP BY 1")
    found = {str(row["grade"]): cast("int", row["n"]) for row in rows}
    return {grade: found.get(grade, 0) for grade in (*map(str, Grade), "none")}


def _funnel(dataset: Dataset) -> tuple[Step, ...]:
    found = dataset.rows(
        "SELECT rung, why, codes, detail, protocol, count(*) n FROM endpoints GROUP BY ALL ORDER BY n DESC, why"
    )
    steps = []
    for rung in (*Rung, None):
        here = [row for row in found if row["rung"] == rung]
        reasons: dict[str, int] = {}
        for row in here:
            text = _reason({**row, "detail": ""} if row["why"] == Reason.RECORDS else row)
            reasons[text] = reasons.get(text, 0) + cast("int", row["n"])
        if here or rung in (
            Rung.SILENT,
            Rung.LISTENING,
            Rung.SPEAKS,
            Rung.ADMITS,
            Rung.ANSWERS,
            Rung.DISCLOSES,
        ):
            name, meaning = (str(rung), words.RUNGS[rung]) if rung else ("unknown", words.NOT_FOUND_OUT)
            ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
            steps.append(Step(name, meaning, sum(reasons.values()), tuple(ordered)))
    return tuple(steps)


def _archives(dataset: Dataset) -> tuple[ArchiveLine, ...]:
    reasons: dict[str, list[str]] = {}
    for row in dataset.rows(
        "SELECT archive, address, protocol, port, tls, tls_expires, transport, why, codes, detail FROM endpoints "
        "WHERE archive IS NOT NULL ORDER BY address, port"
    ):
        elsewhere = "" if str(row["archive"]).startswith(f"{row['address']}:") else f" at {row['address']}"
        text = f"{row['protocol']} {row['port']}{elsewhere}{_tls(row)}: {_reason(row)}"
        reasons.setdefault(str(row["archive"]), []).append(text)
    kinds: dict[str, list[ArchiveKind]] = {}
    for row in dataset.rows("SELECT * FROM kinds"):
        kinds.setdefault(str(row["archive"]), []).append(
            msgspec.convert({name: row[name] for name in ArchiveKind.__struct_fields__}, ArchiveKind)
        )
    found = dataset.rows("SELECT * FROM archives ORDER BY open DESC, studies DESC NULLS LAST, id")
    return tuple(
        ArchiveLine(
            id=str(row["id"]),
            open=bool(row["open"]),
            rung=str(row["rung"]),
            product=str(row["product"]),
            toolkit=str(row["toolkit"]),
            product_version=str(row["product_version"]),
            product_firm=bool(row["product_firm"]),
            advisories=tuple(map(words.advisory, cast("list[str]", row["advisories"]))),
            grade=cast("str | None", row["grade"]),
            grade_why=words.grade_why(cast("list[str]", row["grade_why"])),
            decoy=words.decoy(cast("list[str]", row["decoy"])),
            counts={q: _count(row, q) for q in ("patients", "studies", "series", "images")},
            kinds=tuple(sorted(kinds.get(str(row["id"]), ()), key=lambda k: _ORDER[k.kind])),
            identifiers=msgspec.convert(row["identifiers"] or [], tuple[Identifier, ...]),
            ssn_records=_count(row, SSN),
            endpoints=tuple(cast("list[str]", row["endpoints"])),
            reasons=tuple(reasons.get(str(row["id"]), ())),
        )
        for row in found
    )


def _count(row: dict[str, object], quantity: str) -> Count:
    return Count(
        value=cast("int | None", row[quantity]),
        how=Provenance(str(row[f"{quantity}_how"])),
        at_least=cast("int | None", row[f"{quantity}_at_least"]),
        coverage=cast("float | None", row[f"{quantity}_coverage"]),
        why=str(row[f"{quantity}_why"]),
        low=cast("int | None", row[f"{quantity}_low"]),
        high=cast("int | None", row[f"{quantity}_high"]),
    )


def _reason(row: dict[str, object]) -> str:
    codes = cast("Sequence[int]", row["codes"])
    return words.reason(str(row["why"]), codes, str(row["detail"]), str(row["protocol"]))


def _tls(row: dict[str, object]) -> str:
    if row["tls"] is None:
        return ""
    ends = row["tls_expires"]
    weak = words.transport([found for found in cast("list[str]", row["transport"]) if found != Transport.NOT_SEEN])
    shown = "; ".join(filter(None, (f"certificate until {ends:%Y-%m-%d}" if ends else "", weak)))
    return f" over {row['tls'] or 'TLS'}" + (f" ({shown})" if shown else "")


def total(row: Total) -> str:
    """A total with its origin, or why there is none."""
    if row.measured is not None:
        parts = ", ".join(f"{n:,} {how}" for how, n in row.parts.items())
        ends = "" if row.low is None or row.high is None else f"; 95 %: {row.low:,} to {row.high:,}"
        return f"{row.measured:,} ({parts or row.how}{ends})"
    least = f"at least {row.at_least:,}; " if row.at_least else ""
    share = f" for {row.unknown_archives} open archives" if row.unknown_archives else ""
    return f"{least}unknown{share}: {row.why}"


def looks(line: KindLine) -> str:
    return ", ".join(f"{look}: {n:,}" for look, n in line.archives.items())


def render(report: ReportDocument) -> RenderableType:
    """The summary for a terminal."""
    totals = Table.grid(padding=(0, 2))
    for row in report.rows:
        if row.quantity in LABELS:
            totals.add_row(LABELS[row.quantity], Text(total(row), style="bold" if row.measured is not None else ""))
    if report.kinds:
        ssn = next(row for row in report.rows if row.quantity == SSN)
        totals.add_row(SSN_LABEL, Text(total(ssn), style="bold" if ssn.measured is not None else ""))
    kinds = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("personal data", "studies", "archives in which it looks"):
        kinds.add_column(column, overflow="fold")
    for line in report.kinds:
        if line.archives:
            kinds.add_row(words.named(line.kind), Text(total(line.total)), looks(line))
    funnel = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("rung", "endpoints", "most frequent reason"):
        funnel.add_column(column, overflow="fold", justify="right" if column == "endpoints" else "left")
    for step in report.funnel:
        if step.endpoints:
            funnel.add_row(step.rung, f"{step.endpoints:,}", Text(step.reasons[0][0]))
    head = f"{report.hosts_done:,} of {report.hosts:,} hosts asked, {report.connections:,} connections, depth {report.depth}"
    if report.state != "done":
        head += f" ({report.state}: incomplete)"
    grades = ", ".join(f"{n:,} × {grade}" for grade, n in report.grades.items() if n)
    return Group(
        Text(head, style="bold"),
        totals,
        Text(f"grades: {grades or 'none'}"),
        Text(),
        Group(kinds, Text()) if report.kinds else Group(),
        funnel,
    )
