"""One self-contained HTML page. It fetches nothing, and runs no script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from filmbadge.model import FindingCode, Kind, Rung, Total
from filmbadge.tell.summary import (
    LABELS,
    KindLine,
    ReportDocument,
    alike,
    appearances,
    asked,
    countries,
    figures,
    incomplete,
    left_out,
    nothing_found,
    undecided_by_country,
)
from filmbadge.tell.view import ArchiveView, amounts
from filmbadge.tell.words import Words
from filmbadge.texts import printable

_REASONS = 8  # of one rung
_UNDECIDED = 40  # hosts


class Figure(NamedTuple):
    value: str
    label: str
    origin: str
    open: bool


class Bar(NamedTuple):
    """One rung of the funnel."""

    rung: str
    words: str
    endpoints: str
    width: str  # empty: no bar
    open: bool
    reasons: list[str]
    more: str


class KindRow(NamedTuple):
    name: str
    studies: str
    width: str
    looks: str


class FindingRow(NamedTuple):
    title: str
    archives: str
    width: str


class GradeRow(NamedTuple):
    letter: str  # empty: no grade
    archives: str


class ArchiveRow(NamedTuple):
    id: str
    ways: str
    places: list[str]
    grade: str
    open: bool
    rung: str
    product: str
    toolkit: str
    counts: list[str]
    identifiers: list[str]
    kinds: list[str]
    reasons: tuple[str, ...]
    remarks: list[str]


def render(report: ReportDocument, words: Words) -> str:
    """The page as text. Everything in it is escaped, and holds no control character: an archive may have said it."""
    environment = Environment(
        loader=PackageLoader("filmbadge.tell.report", "."),
        autoescape=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["_"] = words.say
    rows = [(archive, _archive(archive, words)) for archive in report.archives]
    return environment.get_template("page.jinja").render(
        language=words.code,
        headline=_headline(report, words),
        about=_about(report, words),
        incomplete=list(incomplete(report.state, report.rows, words)),
        left_out=list(left_out(report, words)),
        undecided=_undecided(report, words),
        figures=[_figure(label, total, words) for label, total in figures(report)],
        alike=alike(report, words),
        countries=countries(report, words, whole=True),
        undecided_by_country=undecided_by_country(report, words),
        funnel=list(_funnel(report, words)),
        kinds=list(_kinds(report, words)),
        absent=", ".join(words.kind(Kind(line.kind)) for line in report.kinds if not line.archives),
        findings=list(_findings(report, words)),
        grades=[GradeRow("" if grade == "none" else grade, words.number(n)) for grade, n in report.grades.items() if n],
        ungraded=bool(report.grades.get("none")),
        opened=[row for archive, row in rows if archive.open and not archive.decoy],
        guarded=[row for archive, row in rows if not archive.open and not archive.decoy],
        decoys=[row for archive, row in rows if archive.decoy],
    )


def _headline(report: ReportDocument, words: Words) -> str:
    rows = {row.quantity: row for row in report.rows}
    found, opened = rows["archives"], rows["archives_open"]
    n, open_ = (row.at_least or 0 if row.measured is None else row.measured for row in (found, opened))
    if not n:
        return nothing_found(report, words)
    if found.measured is None:
        if opened.measured is None:
            return words.say("At least {open:,} of {n:,} or more imaging archives answer strangers", n=n, open=open_)
        return words.say("{open:,} of {n:,} or more imaging archives answer strangers", n=n, open=open_)
    if opened.measured is None:
        return words.many(
            "At least {open:,} of {n:,} imaging archive answers strangers",
            "At least {open:,} of {n:,} imaging archives answer strangers",
            n,
            open=open_,
        )
    return words.many(
        "{open:,} of {n:,} imaging archive answers strangers",
        "{open:,} of {n:,} imaging archives answer strangers",
        n,
        open=open_,
    )


def _undecided(report: ReportDocument, words: Words) -> str:
    """The hosts to look at by hand: the first of them."""
    shown, left = report.undecided[:_UNDECIDED], len(report.undecided) - _UNDECIDED
    more = [words.many("{n:,} more", "{n:,} more", left)] if left > 0 else []
    return ", ".join((*shown, *more))


def _about(report: ReportDocument, words: Words) -> str:
    began = words.time(report.started)
    when = words.say("{began} to {ended}", began=began, ended=words.time(report.ended)) if report.ended else began
    return words.say(
        "{asked}, {when}, Filmbadge {version}.", asked=asked(report, words), when=when, version=report.version
    )


def _figure(label: str, total: Total, words: Words) -> Figure:
    opened = label == LABELS["archives_open"] and bool(total.measured or total.at_least)
    return Figure(words.figure(total), words.say(label), words.origin(total), opened)


def _width(value: int, most: int) -> str:
    return f"{min(100.0, 100 * value / most):.1f}%" if most else ""


def _open(rung: str) -> bool:
    return rung in {known.value for known in Rung if known.open}


def _funnel(report: ReportDocument, words: Words) -> Iterator[Bar]:
    most = max((step.endpoints for step in report.funnel if step.rung != Rung.SILENT), default=0)
    for step in report.funnel:
        left = len(step.reasons) - _REASONS
        yield Bar(
            rung=words.say(step.rung),
            words=step.words,
            endpoints=words.number(step.endpoints),
            width=_width(step.endpoints, most) if step.endpoints and step.rung != Rung.SILENT else "",
            open=_open(step.rung),
            reasons=[words.say("{n:,} × {reason}", n=n, reason=reason) for reason, n in step.reasons[:_REASONS]],
            more=words.many("and {n:,} other reason", "and {n:,} other reasons", left) if left > 0 else "",
        )


def _kinds(report: ReportDocument, words: Words) -> Iterator[KindRow]:
    most = max(map(_studies, report.kinds), default=0)
    for line in report.kinds:
        if line.archives:
            yield KindRow(
                words.kind(Kind(line.kind)),
                words.total(line.total, alone=False),
                _width(_studies(line), most),
                appearances(line, words),
            )


def _studies(line: KindLine) -> int:
    return line.total.at_least or 0 if line.total.measured is None else line.total.measured


def _findings(report: ReportDocument, words: Words) -> Iterator[FindingRow]:
    most = max(report.findings.values(), default=0)
    for code, archives in report.findings.items():
        yield FindingRow(words.finding_title(FindingCode(code)), words.number(archives), _width(archives, most))


def _archive(archive: ArchiveView, words: Words) -> ArchiveRow:
    ways = len(archive.endpoints)
    product = words.product(archive.product, archive.product_version, archive.product_firm)
    return ArchiveRow(
        id=archive.id,
        ways=words.many("{n:,} way in", "{n:,} ways in", ways) if ways > 1 else "",
        places=[*archive.place.words, *(hint.words for hint in archive.hints)],
        grade=archive.grade or "",
        open=archive.open,
        rung=words.say(archive.rung),
        product=product or words.say("not known"),
        toolkit=words.say("toolkit {name}", name=archive.toolkit) if archive.toolkit else "",
        counts=[
            words.say("{quantity}: {count}", quantity=label, count=figure) for label, figure in amounts(archive, words)
        ],
        identifiers=[identifier.words for identifier in archive.identifiers],
        kinds=list(_looks(archive, words)),
        reasons=archive.reasons,
        remarks=list(_remarks(archive, words)),
    )


def _looks(archive: ArchiveView, words: Words) -> Iterator[str]:
    """Its kinds of personal data by what their values look like."""
    seen: dict[str, list[str]] = {}
    for name, kind in (archive.kinds or {}).items():
        if kind.looks is not None:
            seen.setdefault(kind.looks_words, []).append(words.kind(Kind(name)))
    for look, names in seen.items():
        yield words.say("{look}: {kinds}", look=look, kinds=", ".join(names))


def _remarks(archive: ArchiveView, words: Words) -> Iterator[str]:
    yield from archive.decoy
    if titles := dict.fromkeys(finding.title for finding in archive.findings):
        yield words.say("What is wrong: {findings}.", findings="; ".join(titles))
    yield from archive.advisories
    yield from words.grade(archive.grade, archive.grade_why)
