"""A comparison on a terminal of 60 columns or more. Its verdict comes last, where the eye is."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from filmbadge.compare.records import By, ChangeKind, Judges
from filmbadge.model import Depth
from filmbadge.tell.compare import phrases, telling
from filmbadge.tell.compare.document import ChangeView, ComparisonDocument, Step, SurveyRow, dates
from filmbadge.tell.words import Words

_LISTED = (ChangeKind.NEW, ChangeKind.WORSE, ChangeKind.MOVED)  # whom somebody should look at
_MOST = 15  # of each
_ALWAYS = (ChangeKind.NEW, ChangeKind.CLOSED, ChangeKind.GONE)  # also where there are none


def render(told: ComparisonDocument, words: Words) -> RenderableType:
    step = told.steps[-1]
    return Group(
        Text(_head(told, step, words), style="bold"),
        *(Text(line) for line in _asked(told, step, words)),
        *(Text(line, style="red") for line in warnings(told, words)),
        Text(),
        *_trend(told, words),
        *(() if told.empty else (_counts(told, step, words), Text())),
        *_lists(step, words),
        *_telling(told, words),
        *(Text(line, style="bold") for line in verdict(told, words)),
    )


def _head(told: ComparisonDocument, step: Step, words: Words) -> str:
    return words.say("{old} compared with {new}", old=_named(told, step.old, words), new=_named(told, step.new, words))


def _named(told: ComparisonDocument, place: int, words: Words) -> str:
    survey, date = told.surveys[place], dates(told.surveys, words)[place]
    if not survey.name:
        return words.say("the survey of {date}", date=date)
    return words.say("{name} of {date}", name=survey.name, date=date)


def _asked(told: ComparisonDocument, step: Step, words: Words) -> Iterator[str]:
    if told.rounded:
        yield words.say("Hosts that were asked in both surveys: {n}.", n=number(step.hosts_in_both, told, words))
    else:
        yield _asked_exactly(step, words)
    yield words.say("Depth that both reached: {depth}.", depth=words.name(Depth(step.depth)))


def _asked_exactly(step: Step, words: Words) -> str:
    return words.many(
        "{n:,} host was asked in both surveys; {old:,} only in the older, {new:,} only in the newer.",
        "{n:,} hosts were asked in both surveys; {old:,} only in the older, {new:,} only in the newer.",
        step.hosts_in_both or 0,
        old=step.hosts_only_old,
        new=step.hosts_only_new,
    )


def warnings(told: ComparisonDocument, words: Words) -> Iterator[str]:
    """What keeps the comparison from being the whole truth, a sentence for each."""
    if told.reordered:
        yield words.say("The surveys were given in another order. They are compared in the order in which they began.")
    for survey in told.surveys:
        if survey.state == "nothing-reached":
            yield words.say(
                "The survey of {date} reached nothing. So nothing is compared with it.", date=words.date(survey.started)
            )
        elif survey.state != "done":
            yield words.say(
                "The survey of {date} is incomplete. What it did not ask is not compared.",
                date=words.date(survey.started),
            )
    if any(step.judges is Judges.DIFFER for step in told.steps):
        yield words.say(
            "The surveys were judged by different versions. Some changes may come from that, and not from the archives."
        )


def _trend(told: ComparisonDocument, words: Words) -> Iterator[RenderableType]:
    if len(told.surveys) < 3:
        return
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for n, head in enumerate(trend_head(told, words)):
        table.add_column(head, justify="right" if n else "left", overflow="fold")
    for line in trend(told, words):
        table.add_row(*line)
    yield table
    yield Text()


def _kinds(told: ComparisonDocument) -> tuple[ChangeKind, ...]:
    kinds = (ChangeKind.NEW, ChangeKind.CLOSED, ChangeKind.GONE, ChangeKind.NOT_COMPARED)
    return kinds[:3] if told.rounded else kinds


def trend_head(told: ComparisonDocument, words: Words) -> list[str]:
    patients = () if told.rounded else (words.say("patients"),)
    kinds = (phrases.kind(kind, words) for kind in _kinds(told))
    return [words.say("survey"), words.say("open archives"), *patients, *kinds]


def trend(told: ComparisonDocument, words: Words) -> Iterator[list[str]]:
    """A line for each survey: how many archives are open, and what changed since the one before it."""
    for place, (survey, date) in enumerate(zip(told.surveys, dates(told.surveys, words), strict=True)):
        step = next((one for one in told.steps if one.new == place), None)
        patients = [words.figure(total) for total in survey.totals if total.quantity == "patients"]
        yield [
            date,
            opened(survey, told, words),
            *patients,
            *("" if step is None else number(step.count(kind), told, words) for kind in _kinds(told)),
        ]


def opened(survey: SurveyRow, told: ComparisonDocument, words: Words) -> str:
    """How many archives are open: a bound where some hosts are undecided, and unknown where nothing was reached."""
    total = next((total for total in survey.totals if total.quantity == "archives_open"), None)
    return number(survey.archives_open, told, words) if total is None else words.figure(total)


def number(n: int | None, told: ComparisonDocument, words: Words) -> str:
    """A count of archives, as far as this level is told of it."""
    if n is None:
        return words.say("none or few")
    return words.say("≥ {n:,}", n=n) if told.rounded else words.number(n)


def _counts(told: ComparisonDocument, step: Step, words: Words) -> Table:
    """Each kind with how many archives, and below it by what that is known."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    table.add_column(words.say("what became of open archives"), overflow="fold")
    table.add_column(words.say("archives"), justify="right")
    for row in step.counts:
        if row.archives == 0 and (row.kind not in _ALWAYS or told.uncompared):
            continue
        table.add_row(Text(row.words, style="bold"), Text(number(row.archives, told, words), style="bold"))
        for code, n in row.by.items():
            how = phrases.by(By(code), words)
            before = words.say("before: {how}", how=how) if row.kind == ChangeKind.NEW else how
            table.add_row(f"  {before}", words.number(n or 0))
    if step.closed_in_both is not None:
        table.add_row(words.say("open in neither survey"), words.number(step.closed_in_both))
    return table


def _lists(step: Step, words: Words) -> Iterator[RenderableType]:
    for kind in _LISTED:
        found = [change for change in step.changes if change.kind == kind]
        if not found:
            continue
        yield Text(words.say("{what}:", what=phrases.kind(kind, words)), style="bold")
        table = Table.grid(padding=(0, 2))
        for change in found[:_MOST]:
            table.add_row(*_line(change, words))
        yield table
        if len(found) > _MOST:
            yield Text(words.many("and {n:,} more: --json", "and {n:,} more: --json", len(found) - _MOST))
        yield Text()


def _telling(told: ComparisonDocument, words: Words) -> Iterator[RenderableType]:
    if told.helped is None:
        return
    yield Text(words.say("{what}:", what=telling.title(told.helped, words)), style="bold")
    if told.helped:
        table = Table(box=None, padding=(0, 1), header_style="bold")
        head = telling.head(words)
        for n, name in enumerate((head[0], *head[3:])):
            table.add_column(name, justify="right" if n else "left", overflow="fold")
        for by, language, weeks, *numbers in telling.lines(told.helped, words):
            group = words.say("{by}, {language}, {weeks} weeks", by=by, language=language, weeks=weeks) if weeks else by
            table.add_row(group, *numbers)
        yield table
        yield Text(telling.caption(words), style="dim")
    yield Text()


def _line(change: ChangeView, words: Words) -> tuple[str, str, str]:
    side = change.new or change.old
    assert side is not None
    what = "; ".join(change.differences_words) or side.product or words.say("product unknown")
    if change.kind == ChangeKind.MOVED and change.old is not None:
        what = words.say("before at {place}", place=change.old.id)
    return side.grade or "-", side.id, " ".join(filter(None, (change.country, what)))


def verdict(told: ComparisonDocument, words: Words) -> Iterator[str]:
    """Whether it got better, in plain words."""
    step = told.steps[-1]
    old, new = told.surveys[step.old], told.surveys[step.new]
    closed, new_ones = step.count(ChangeKind.CLOSED, ChangeKind.GONE), step.count(ChangeKind.NEW)
    if told.empty:
        yield words.say("No open archive was seen in either survey.")
        return
    if told.uncompared:
        yield words.say(
            "Open archives: {new} now, {old} before. What became of them is unknown.",
            new=opened(new, told, words),
            old=opened(old, told, words),
        )
        return
    yield words.say(
        "Open archives: {new} now, {old} before. Closed or gone: {closed}. Newly open: {more}.",
        new=opened(new, told, words),
        old=opened(old, told, words),
        closed=number(closed, told, words),
        more=number(new_ones, told, words),
    )
    if left := step.count(ChangeKind.NOT_COMPARED):
        yield words.many(
            "{n:,} archive could not be compared: nothing is said of it.",
            "{n:,} archives could not be compared: nothing is said of them.",
            left,
        )
