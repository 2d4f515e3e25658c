"""A comparison as each reader may see it: the levels of `tell.levels`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

import msgspec
from msgspec.structs import replace

from filmbadge.compare.records import ChangeKind
from filmbadge.model import Refusal
from filmbadge.tell.compare.document import ChangeCount, ComparisonDocument, Step, SurveyRow
from filmbadge.tell.levels import Level
from filmbadge.tell.rounding import Figure, Limit, Rule, keyed, told
from filmbadge.tell.words import Words

# These alone are told to anybody. The others, and by what archives were closed, would let a sum be worked out.
_TOLD = (ChangeKind.NEW, ChangeKind.CLOSED, ChangeKind.GONE)
_HOSTS = ("hosts_in_both", "hosts_only_old", "hosts_only_new")
_ROUNDED = (
    *(f"surveys.{name}" for name in ("hosts", "hosts_done", "archives", "archives_open")),
    *(f"steps.{name}" for name in (*_HOSTS, "counts.archives")),
)
_UNTOLD = (
    *(f"surveys.{name}" for name in ("name", "totals")),
    *(f"steps.{name}" for name in ("closed_in_both", "counts.by", "by_country", "changes")),
    "helped",
)


def at_level(document: ComparisonDocument, level: Level, words: Words) -> ComparisonDocument:
    """The document as this level may see it. Raises Refusal where there is none for it."""
    if level is Level.PUBLIC:
        return _published(document, words)
    if level is Level.OWNER:
        operators = {change.operator for step in document.steps for change in step.changes} - {""}
        if len(operators) > 1:
            raise Refusal(
                words.say(
                    "these archives have {n:,} operators, and none may see those of another: use --for authority, or survey each by itself",
                    n=len(operators),
                )
            )
    return replace(document, level=str(level))


def _published(document: ComparisonDocument, words: Words) -> ComparisonDocument:
    """Figures that are rounded down together, so that no subtraction brings one archive back, and nothing of a single one."""
    figures, rules = _collected(document)
    made = told(figures, rules, keyed(sha256(msgspec.json.encode(document)).digest()))
    return ComparisonDocument(
        version=document.version,
        level=str(Level.PUBLIC),
        surveys=tuple(_survey(place, row, made) for place, row in enumerate(document.surveys)),
        steps=tuple(_step(step, made) for step in document.steps),
        withheld=dict.fromkeys(_UNTOLD, words.say("not told to anybody"))
        | dict.fromkeys(_ROUNDED, words.say("rounded down; null where it would tell of single archives")),
        reordered=document.reordered,
    )


def _collected(document: ComparisonDocument) -> tuple[dict[str, Figure], list[Rule]]:
    figures: dict[str, Figure] = {}
    rules: list[Rule] = []
    for place, survey in enumerate(document.surveys):
        figures[f"archives {place}"] = Figure(survey.archives or 0, ("archives", str(survey.started)))
        figures[f"open {place}"] = Figure(survey.archives_open or 0, ("open", str(survey.started)))
        rules.append(Limit((f"open {place}",), f"archives {place}"))
        for name, hosts in (("hosts", survey.hosts), ("hosts_done", survey.hosts_done)):
            figures[f"{name} {place}"] = Figure(hosts or 0, (name, str(survey.started)))
    for step in document.steps:
        for kind in _TOLD:
            figures[_name(kind, step)] = Figure(step.count(kind) or 0, tuple(_ids(step, kind)))
        rules.append(Limit((_name(ChangeKind.NEW, step),), f"open {step.new}"))
        rules.append(Limit(tuple(_name(kind, step) for kind in _TOLD[1:]), f"open {step.old}"))
        for name in _HOSTS:
            figures[f"{name} {step.new}"] = Figure(getattr(step, name) or 0, (name, str(step.new)))
    return figures, rules


def _name(kind: ChangeKind, step: Step) -> str:
    return f"{kind} {step.new}"


def _ids(step: Step, kind: ChangeKind) -> Iterable[str]:
    for change in step.changes:
        if change.kind == kind and (side := change.new or change.old) is not None:
            yield f"{kind} {side.id}"


def _survey(place: int, row: SurveyRow, made: dict[str, int]) -> SurveyRow:
    return SurveyRow(
        name="",
        started=row.started,
        ended=row.ended,
        state=row.state,
        depth=row.depth,
        hosts=made[f"hosts {place}"] or None,
        hosts_done=made[f"hosts_done {place}"] or None,
        archives=made[f"archives {place}"] or None,
        archives_open=made[f"open {place}"] or None,
        totals=(),
    )


def _step(step: Step, made: dict[str, int]) -> Step:
    def count(row: ChangeCount) -> ChangeCount:
        return replace(row, archives=made[_name(ChangeKind(row.kind), step)] or None, by={})

    rows: Sequence[ChangeCount] = [row for row in step.counts if row.kind in _TOLD]
    return Step(
        old=step.old,
        new=step.new,
        depth=step.depth,
        judges=step.judges,
        hosts_in_both=made[f"hosts_in_both {step.new}"] or None,
        hosts_only_old=made[f"hosts_only_old {step.new}"] or None,
        hosts_only_new=made[f"hosts_only_new {step.new}"] or None,
        closed_in_both=None,
        counts=tuple(map(count, rows)),
        by_country=(),
        changes=(),
    )
