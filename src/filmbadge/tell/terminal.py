"""A survey for a terminal, in 60 columns too: the open archives first, and last the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from filmbadge.model import FindingCode, Kind
from filmbadge.tell.listing import Listing, lines
from filmbadge.tell.report.charts import figure, public
from filmbadge.tell.report.family import FOR
from filmbadge.tell.report.page import archives_found, headline
from filmbadge.tell.summary import (
    ReportDocument,
    alike,
    appearances,
    asked,
    countries,
    figures,
    incomplete,
    left_out,
    unasked,
    undecided_by_country,
)
from filmbadge.tell.words import Words

_OPEN = 10  # archives


def render(report: ReportDocument, words: Words) -> RenderableType:
    """The summary for a terminal."""
    known = report.state != "nothing-reached" and not unasked(report)  # else no zero is shown
    totals = [_totals(report, words)] if archives_found(report) else []
    parts = (*_open(report, words), *totals, *_tables(report, words)) if known else ()
    return Group(
        Text(asked(report, words), style="bold"),
        *map(Text, left_out(report, words)),
        Text(),
        *parts,
        *(Text(line, style="red") for line in incomplete(report.state, report.rows, words)),
        Text(words.say("For whom: {whom}", whom=words.say(FOR[report.level])), style="dim"),
        Text(f"{headline(report, words)}.", style="bold"),
    )


def _open(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    """The largest of them. At level public there is none."""
    if public(report):
        return
    opened = [line for line in lines(report, opened=True, words=words) if not line.decoy]
    if opened:
        yield Listing(opened[:_OPEN], words, verdict=False)
        if len(opened) > _OPEN:
            yield Text(words.say("and {n:,} more: filmbadge report --list --open", n=len(opened) - _OPEN))
        yield Text()


def _totals(report: ReportDocument, words: Words) -> RenderableType:
    totals = Table.grid(padding=(0, 2))
    for label, total in figures(report):
        style = "bold" if total.measured is not None or total.at_least else ""
        totals.add_row(words.say(label), Text(words.total(total), style=style))
    counted = ", ".join(
        words.say(
            "{n} × {grade}", n=figure(report, n, words), grade=grade if grade != "none" else words.say("no grade")
        )
        for grade, n in report.grades.items()
        if n
    )
    grades = Text(words.say("grades: {grades}", grades=counted or words.say("none")))
    return Group(totals, *map(Text, alike(report, words)), *([grades] if counted or not public(report) else []), Text())


def _tables(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    yield from _countries(report, words)
    for there, table in ((report.kinds, _personal), (report.findings, _findings), (report.funnel, _steps)):
        if there:
            yield from table(report, words)
            yield Text()


def _countries(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    if lines := countries(report, words, whole=False):
        table = Table(box=None, padding=(0, 1), header_style="bold")
        for n, head in enumerate(lines[0]):
            table.add_column(head, overflow="fold", justify="right" if n else "left")
        for line in lines[1:]:
            table.add_row(*line)
        yield table
        if undecided := undecided_by_country(report, words):
            yield Text(undecided)
        yield Text()


def _personal(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    """A line for each kind, and below, once for all kinds of which it is true, why a number is only a bound."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column(words.say("personal data"), overflow="fold")
    table.add_column(words.say("studies"), justify="right", no_wrap=True)
    table.add_column(words.say("how it was got"), overflow="fold")
    table.add_column(words.say("how it looks, and in how many archives"), overflow="fold")
    why: dict[str, list[str]] = {}
    for line in report.kinds:
        if line.archives or line.total.at_least:
            kind, total = words.kind(Kind(line.kind)), line.total
            table.add_row(kind, words.figure(total), words.got(total), appearances(line, words, report.level))
            if reasons := words.why(total, alone=False):
                why.setdefault(reasons, []).append(kind)
    yield table
    for reasons, kinds in why.items():
        yield Text(words.say("{kinds}: {why}.", kinds=", ".join(kinds), why=reasons))


def _findings(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column(words.say("finding"), overflow="fold")
    table.add_column(words.say("archives"), overflow="fold", justify="right")
    for code, archives in report.findings.items():
        table.add_row(words.finding_title(FindingCode(code)), figure(report, archives, words))
    yield table


def _steps(report: ReportDocument, words: Words) -> Iterator[RenderableType]:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column(words.say("rung"), overflow="fold")
    table.add_column(words.say("endpoints"), overflow="fold", justify="right")
    table.add_column(words.say("most frequent reason"), overflow="fold")
    for step in report.funnel:
        if step.endpoints:
            table.add_row(words.say(step.rung), words.number(step.endpoints), Text(step.reasons[0][0]))
    yield table
