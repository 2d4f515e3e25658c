"""A comparison as one self-contained HTML page, of the same family as the page of a survey."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filmbadge.catalogue.countries import name as country_name
from filmbadge.compare.records import By, ChangeKind
from filmbadge.model import Depth, Rung
from filmbadge.tell.compare import drawing, phrases, telling, terminal, trend
from filmbadge.tell.compare.document import ChangeView, ComparisonDocument, Side, Step, SurveyRow
from filmbadge.tell.language import N_
from filmbadge.tell.report import family
from filmbadge.tell.report.charts import Chart, Row
from filmbadge.tell.report.family import width
from filmbadge.tell.words import Words

_LISTS = (
    (ChangeKind.NEW, N_("Newly open archives")),
    (ChangeKind.WORSE, N_("Archives that give away more than before")),
    (ChangeKind.MOVED, N_("Archives that stand at another address")),
    (ChangeKind.BETTER, N_("Archives that give away less, and are still open")),
    (ChangeKind.CLOSED, N_("Closed archives")),
    (ChangeKind.GONE, N_("Archives that are gone")),
    (ChangeKind.STILL_OPEN, N_("Archives that are open as before")),
    (ChangeKind.NOT_COMPARED, N_("Archives that could not be compared")),
)
_ENDED = (ChangeKind.CLOSED, ChangeKind.GONE)
_MOST = 200  # archives in one list


class Figure(NamedTuple):
    value: str
    label: str
    origin: str
    open: bool


class Line(NamedTuple):
    """One archive in a list."""

    id: str
    where: str
    grade: str
    what: str
    details: list[str]


class Listed(NamedTuple):
    id: str
    title: str
    grade: str  # the head of that column
    lines: list[Line]
    more: str

    @property
    def placed(self) -> bool:
        """Whether a source says of one of them where it stands: a column of nothing is not shown."""
        return any(line.where for line in self.lines)


class Telling(NamedTuple):
    title: str
    head: list[str]
    rows: list[list[str]]
    caption: str


def render(told: ComparisonDocument, words: Words) -> str:
    """The page as text."""
    step = told.steps[-1]
    bars = trend.bars(told, words)
    title = trend.title(told, bars, words)
    return family.render(
        words,
        "compare.jinja",
        "filmbadge.tell.compare",
        kicker=family.kicker(words.say("Filmbadge comparison"), told.surveys[-1].name, told.level, words),
        headline=_headline(told, words),
        lead=list(terminal.verdict(told, words)),
        warnings=list(terminal.warnings(told, words)),
        facts=list(_facts(told, step, words)),
        figures=[] if told.empty or told.uncompared else list(_figures(told, step, words)),
        title=title,
        drawn=drawing.drawn(bars, title, words) if any(bar.open for bar in bars) else None,
        trend_head=terminal.trend_head(told, words),
        trend=list(terminal.trend(told, words)),
        became=None if told.empty else _became(told, step, words),
        countries=_countries(step, words),
        lists=list(_lists(step, words)),
        telling=_telling(told, words),
        method=list(_method(words)),
        level=told.level,
        version=told.version,
    )


def _headline(told: ComparisonDocument, words: Words) -> str:
    step = told.steps[-1]
    old = told.surveys[step.old]
    ended, more = step.count(ChangeKind.CLOSED, ChangeKind.GONE), step.count(ChangeKind.NEW)
    if told.rounded:
        return words.say("What changed since {date}", date=words.date(old.started))
    if any(told.surveys[place].state == "nothing-reached" for place in (step.old, step.new)):
        return words.say("One of both surveys reached nothing, so nothing can be compared")
    if not (step.hosts_in_both or ended or more):
        return words.say("No host was asked in both surveys, so nothing can be compared")
    if told.empty:
        return words.say("No open archive was seen in either survey")
    return words.many(
        "{n:,} open archive was closed or is gone; newly open: {new:,}",
        "{n:,} open archives were closed or are gone; newly open: {new:,}",
        ended or 0,
        new=more or 0,
    )


def _facts(told: ComparisonDocument, step: Step, words: Words) -> Iterator[tuple[str, str]]:
    old, new = told.surveys[step.old], told.surveys[step.new]
    yield words.say("The older survey"), _survey(old, told, words)
    yield words.say("The newer survey"), _survey(new, told, words)
    depth = words.name(Depth(step.depth))
    if told.rounded:
        hosts = terminal.number(step.hosts_in_both, told, words)
        yield words.say("Asked in both"), words.say("hosts: {n}, to depth {depth}", n=hosts, depth=depth)
    else:
        yield (
            words.say("Asked in both"),
            words.many(
                "{n:,} host, to depth {depth}", "{n:,} hosts, to depth {depth}", step.hosts_in_both or 0, depth=depth
            ),
        )
        yield (
            words.say("Asked in one of them"),
            words.say(
                "{old:,} hosts only in the older, {new:,} only in the newer",
                old=step.hosts_only_old,
                new=step.hosts_only_new,
            ),
        )
    yield words.say("For"), words.say(told.level)


def _survey(survey: SurveyRow, told: ComparisonDocument, words: Words) -> str:
    when = words.time(survey.started)
    if told.rounded:
        hosts = terminal.number(survey.hosts_done, told, words)
        return words.say("{when}, hosts asked: {n}", when=when, n=hosts)
    done = words.say("{done:,} of {hosts:,} hosts", done=survey.hosts_done, hosts=survey.hosts)
    if not survey.name:
        return words.say("{when}, {done}", when=when, done=done)
    return words.say("{name}: {when}, {done}", name=survey.name, when=when, done=done)


def _figures(told: ComparisonDocument, step: Step, words: Words) -> Iterator[Figure]:
    new = told.surveys[step.new]
    left = step.count(ChangeKind.NOT_COMPARED)
    yield Figure(
        terminal.opened(new, told, words),
        words.say("open archives now"),
        words.say("decoys and demonstrations left out"),
        bool(new.archives_open),
    )
    shown = [
        (
            words.say("newly open"),
            step.count(ChangeKind.NEW),
            words.say("closed before, or nothing answered there"),
            True,
        ),
        (
            words.say("closed or gone"),
            step.count(ChangeKind.CLOSED, ChangeKind.GONE),
            words.say("closed is proven; gone means that nothing answers any more"),
            False,
        ),
    ]
    if left is not None:
        shown.append(
            (words.say("not compared"), left, words.say("one of both surveys does not show enough of them"), False)
        )
    for label, n, origin, opened in shown:
        yield Figure(terminal.number(n, told, words), label, origin, opened and n != 0)


def _became(told: ComparisonDocument, step: Step, words: Words) -> Chart:
    """All archives that are open in one of both surveys, by what became of them."""
    most = max((row.archives or 0 for row in step.counts), default=0)
    rows = tuple(
        Row(
            row.words,
            (terminal.number(row.archives, told, words),),
            width(row.archives or 0, most),
            100 if row.kind in (ChangeKind.NEW, ChangeKind.WORSE) else 0,
            notes=tuple(_by(row.kind, row.by, words)),
        )
        for row in step.counts
        if row.archives != 0
    )
    ended, still = step.count(ChangeKind.CLOSED, ChangeKind.GONE), step.count(ChangeKind.STILL_OPEN)
    title = words.say("What became of each archive that is open in one of both surveys")
    if told.rounded:
        title = words.say("What changed")
    if ended is not None and still is not None and ended + still:
        title = words.many(
            "{n:,} archive was closed or is gone; open as before: {still:,}",
            "{n:,} archives were closed or are gone; open as before: {still:,}",
            ended,
            still=still,
        )
    return Chart(
        "became",
        words.say("What became of them"),
        title if rows else words.say("No archive was open in either survey"),
        (words.say("now"), words.say("archives")),
        rows,
        words.say(
            "Source: both surveys. Each archive is in one row at most, and others are in none that is told here. Red: what needs somebody's attention. Decoys and demonstrations are left out."
        )
        if told.rounded
        else words.say(
            "Source: both surveys. Each archive that is open in one of them is in one row. Red: what needs somebody's attention. Decoys and demonstrations are left out."
        ),
        "" if told.rounded else words.say("how that is known"),
    )


def _by(kind: str, found: dict[str, int | None], words: Words) -> Iterator[str]:
    for code, n in found.items():
        how = phrases.by(By(code), words)
        reason = words.say("before: {how}", how=how) if kind == ChangeKind.NEW else how
        yield words.say("{n:,} × {reason}", n=n or 0, reason=reason)


def _countries(step: Step, words: Words) -> list[list[str]]:
    """The table by country, its head first. Empty where no source attributes anything."""
    if not any(row.country for row in step.by_country):
        return []
    kinds = [
        kind for kind in ChangeKind if any(row.kinds.get(kind) != 0 for row in step.by_country if kind in row.kinds)
    ]
    lines = [[words.say("country"), *(phrases.short(kind, words) for kind in kinds)]]
    for row in step.by_country:
        name = words.say(country_name(row.country)) if row.country else words.say("not attributed")
        lines.append([name, *(words.number(n) if (n := row.kinds.get(kind)) else "" for kind in kinds)])
    return lines


def _telling(told: ComparisonDocument, words: Words) -> Telling | None:
    if told.helped is None:
        return None
    rows = list(telling.lines(told.helped, words))
    return Telling(telling.title(told.helped, words), telling.head(words), rows, telling.caption(words))


def _lists(step: Step, words: Words) -> Iterator[Listed]:
    for kind, title in _LISTS:
        found = [change for change in step.changes if change.kind == kind]
        if found:
            left = len(found) - _MOST
            more = words.many("{n:,} more is in the JSON document.", "{n:,} more are in the JSON document.", left)
            yield Listed(
                f"list-{kind}",
                words.say(title),
                words.say("grade before") if kind in _ENDED else words.say("grade"),
                [_line(change, words) for change in found[:_MOST]],
                more if left > 0 else "",
            )


def _line(change: ChangeView, words: Words) -> Line:
    side = (change.old if change.kind in _ENDED else None) or change.new or change.old
    assert side is not None
    details = list(change.differences_words)
    if change.kind == ChangeKind.MOVED and change.old is not None:
        details.insert(0, words.say("before at {place}", place=change.old.id))
    where = " · ".join(filter(None, (change.country, change.operator)))
    return Line(side.id, where, side.grade or "", _what(change, side, words), details)


def _what(change: ChangeView, side: Side, words: Words) -> str:
    if change.by is not None:
        how = phrases.by(By(change.by), words)
        return words.say("before: {how}", how=how) if change.kind == ChangeKind.NEW else how
    product = " ".join(filter(None, (side.product, side.version)))
    return product or words.rung(Rung(side.rung))


def _method(words: Words) -> Iterator[str]:
    yield words.say(
        "An archive is the same in both surveys where it has the same address and port, and neither its TLS key, nor its product, nor its own name says otherwise. At another address it is recognised by its TLS key, or by its configuration and its numbers, where no other archive has the same, and at another port by its address: that is likely, and not proven."
    )
    yield words.say(
        "Closed means that each way in which an archive was open was asked again, that the answer proves that strangers get nothing there, and that no other way in that may be its own is open. Gone means that nothing answers at its address, while its network can be reached: the machine may be away, or a firewall may drop what we send. What was not asked in both surveys, or proves nothing, is not compared."
    )
    yield words.say(
        "Worse and better are decided by how far a stranger gets, then by the grade, by the kinds of personal data, and by numbers that differ by more than a tenth. Bounds and estimates differ only where their intervals do not meet."
    )
