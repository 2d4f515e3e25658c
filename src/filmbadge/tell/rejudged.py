"""What changed when a survey was judged once more: for the terminal, and for `judge --json`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from filmbadge.keep import judged
from filmbadge.keep.judged import Judge
from filmbadge.keep.reader import Dataset
from filmbadge.model import Kind, Rung, Total
from filmbadge.tell.summary import LABELS, incomplete
from filmbadge.tell.words import Words
from filmbadge.texts import clean, printable

_COMPARED = ("rung", "grade", "product", "product_version")


class TotalChange(Struct, frozen=True):
    quantity: str
    before: Total
    after: Total


class ArchiveChange(Struct, frozen=True):
    """One archive that is judged otherwise. A side that is null: it was no archive of its own there."""

    id: str
    before: dict[str, str | None] | None
    after: dict[str, str | None] | None


class JudgeDocument(Struct, frozen=True):
    judged: int  # number of the new judgement
    judge: Judge
    before: int | None  # number of the one it is compared with; null: none before is whole
    judge_before: Judge | None
    rows: tuple[Total, ...]
    totals: tuple[TotalChange, ...]  # that changed
    archives: tuple[ArchiveChange, ...]  # that changed
    state: str = "done"  # of the survey: if it is another, the survey is incomplete
    schema: Literal["filmbadge.judge/1"] = "filmbadge.judge/1"


def document(before: Dataset | None, after: Dataset) -> JudgeDocument:
    number, judge = _said(after)
    last, judge_before = (None, None) if before is None else _said(before)
    rows = after.totals()
    return JudgeDocument(
        judged=number,
        judge=judge,
        before=last,
        judge_before=judge_before,
        rows=rows,
        totals=() if before is None else tuple(_totals(before.totals(), rows)),
        archives=() if before is None else tuple(_archives(before, after)),
        state=after.manifest.state,
    )


def _said(dataset: Dataset) -> tuple[int, Judge]:
    assert isinstance(dataset.judged, int)
    said = judged.read(dataset.directory, dataset.judged)
    assert said is not None
    return dataset.judged, said.judge


def _totals(before: tuple[Total, ...], after: tuple[Total, ...]) -> Iterator[TotalChange]:
    for old, new in zip(before, after, strict=True):
        if old != new:
            yield TotalChange(new.quantity, old, new)


def _archives(before: Dataset, after: Dataset) -> Iterator[ArchiveChange]:
    old, new = (_known(dataset) for dataset in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield ArchiveChange(name, old.get(name), new.get(name))


def _known(dataset: Dataset) -> dict[str, dict[str, str | None]]:
    rows = dataset.rows(f"SELECT id, {', '.join(_COMPARED)} FROM archives")
    return {clean(row["id"], 64): {q: None if row[q] is None else clean(row[q], 64) for q in _COMPARED} for row in rows}


def render(document: JudgeDocument, words: Words) -> RenderableType:
    judge = document.judge
    head = words.say(
        "Judged as judged/{n} by Filmbadge {version}, catalogue {catalogue}",
        n=document.judged,
        version=judge.version,
        catalogue=judge.catalogue[:12],
    )
    places = words.say("Where addresses stand, by: {sources}", sources=", ".join(_sources(judge, words)))
    doubts = (places, *incomplete(document.state, document.rows, words))
    if document.before is None:
        return _lines(head, *doubts, words.say("There was no whole judgement before to compare it with."))
    if not document.totals and not document.archives:
        return _lines(head, *doubts, words.say("Nothing changed against judged/{n}.", n=document.before))
    totals = [(_label(c.quantity, words), words.total(c.before), words.total(c.after)) for c in document.totals]
    archives = [(c.id, _archive(c.before, words), _archive(c.after, words)) for c in document.archives]
    return Group(
        _lines(head, *doubts, words.say("This changed against judged/{n}:", n=document.before)),
        *(_table(rows, words) for rows in (totals, archives) if rows),
    )


def _sources(judge: Judge, words: Words) -> Iterator[str]:
    """The files of the user with their dates, and the package with its version."""
    for one in judge.places:
        if one.date:
            yield words.say("{source} of {date}", source=printable(one.name), date=printable(one.date))
        else:
            yield f"{printable(one.name)} {printable(one.version)}"


def _lines(head: str, *lines: str) -> Group:
    return Group(Text(head, style="bold"), *map(Text, lines))


def _table(rows: Iterable[tuple[str, str, str]], words: Words) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("", words.say("before"), words.say("now")):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _label(quantity: str, words: Words) -> str:
    kind = quantity.removeprefix("kind:")
    return words.kind(Kind(kind)) if kind != quantity else words.say(LABELS.get(quantity, quantity))


def _archive(known: dict[str, str | None] | None, words: Words) -> str:
    if known is None:
        return words.say("no archive of its own")
    grade = words.say("grade {grade}", grade=known["grade"]) if known["grade"] else words.say("no grade")
    product = f"{known['product']} {known['product_version']}".strip() or words.say("product unknown")
    return f"{words.name(Rung(str(known['rung'])))}, {grade}, {product}"
