"""How many archives are open, survey by survey: a drawing with its finding as its title, and the table that says the same."""

from __future__ import annotations

from collections.abc import Sequence

from filmbadge.compare.records import ChangeKind
from filmbadge.tell.compare import terminal
from filmbadge.tell.compare.document import ComparisonDocument, Step, SurveyRow, dates
from filmbadge.tell.compare.drawing import Bar
from filmbadge.tell.words import Words

OTHERS = (
    0.05  # share of hosts that were asked in one survey alone, above which two numbers of open archives do not compare
)


def bars(told: ComparisonDocument, words: Words) -> list[Bar]:
    """One for each survey of which it is told how many archives are open."""
    steps = {step.new: step for step in told.steps}
    found = []
    for place, (survey, date) in enumerate(zip(told.surveys, dates(told.surveys, words), strict=True)):
        step = steps.get(place)
        new = (step.count(ChangeKind.NEW) or 0) if step else 0
        ended = None if step is None or told.rounded else step.count(ChangeKind.CLOSED, ChangeKind.GONE)
        number = survey.archives_open or 0
        told_as = terminal.opened(survey, told, words)
        found.append(Bar(date, number, min(new, number), ended, told_as))
    return found


def title(told: ComparisonDocument, found: Sequence[Bar], words: Words) -> str:
    """The finding: from the first to the last survey, where they asked the same hosts."""
    first, last = found[0], found[-1]
    if told.rounded or any(_bounded(survey) for survey in told.surveys):
        return words.say("At least so many archives were open in each survey")
    if any(_others(step) > OTHERS * (step.hosts_in_both or 0) for step in told.steps):
        return words.say("So many archives were open in each survey, and they did not ask the same hosts")
    if last.open < first.open:
        return words.many(
            "{n:,} archive fewer is open than on {date}",
            "{n:,} fewer archives are open than on {date}",
            first.open - last.open,
            date=first.date,
        )
    if last.open > first.open:
        return words.many(
            "{n:,} archive more is open than on {date}",
            "{n:,} more archives are open than on {date}",
            last.open - first.open,
            date=first.date,
        )
    return words.say("As many archives are open as on {date}", date=first.date)


def _others(step: Step) -> int:
    return (step.hosts_only_old or 0) + (step.hosts_only_new or 0)


def _bounded(survey: SurveyRow) -> bool:
    return any(total.quantity == "archives_open" and total.measured is None for total in survey.totals)
