"""A survey as a list: a line for each archive, the open ones first, for a terminal, for a spreadsheet and for a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from filmbadge.model import Refusal
from filmbadge.tell.spreadsheet import line
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.view import ArchiveView, Number
from filmbadge.tell.words import Words


class ListLine(Struct, frozen=True):
    """One archive. Each amount has a lower bound beside it where it is not known: then the amount itself is null, and not 0."""

    archive: str
    grade: str | None  # None: we could not find out enough
    open: bool
    address: str
    country: str | None
    operator: str | None
    product: str  # empty: not known
    product_version: str
    rung: str
    patients: int | None
    patients_how: str
    patients_at_least: int | None
    studies: int | None
    studies_how: str
    studies_at_least: int | None
    images: int | None
    images_how: str
    images_at_least: int | None
    worst: str  # the code of the worst finding; empty: none
    worst_words: str
    decoy: bool  # likely no clinic's archive
    reviewed: str  # what a person found out of it, by whom and when; empty: nobody reviewed it
    endpoints: tuple[str, ...]
    level: str
    asked: datetime  # when the survey began
    schema: Literal["filmbadge.list/1"] = "filmbadge.list/1"


COLUMNS = tuple(name for name in ListLine.__struct_fields__ if name != "schema")


def lines(report: ReportDocument, *, opened: bool, words: Words) -> tuple[ListLine, ...]:
    """Open archives first, of these the larger ones; decoys and demonstrations last. `opened`: no others.

    Raises Refusal at level public: each line is one archive.
    """
    if report.level == "public":
        raise Refusal("a list has a line for each archive, and --for public tells of none")
    chosen = [archive for archive in report.archives if archive.open or not opened]
    chosen.sort(key=lambda archive: (bool(archive.decoy), not archive.open))
    return tuple(_line(archive, report, words) for archive in chosen)


def _line(archive: ArchiveView, report: ReportDocument, words: Words) -> ListLine:
    patients, studies, images = (archive.counts[quantity] for quantity in ("patients", "studies", "images"))
    worst = archive.findings[0] if archive.findings else None
    return ListLine(
        archive=archive.id,
        grade=archive.grade,
        open=archive.open,
        address=address(archive),
        country=archive.place.country,
        operator=archive.place.operator,
        product=archive.product,
        product_version=archive.product_version,
        rung=archive.rung,
        patients=patients.value,
        patients_how=patients.how,
        patients_at_least=_bound(patients),
        studies=studies.value,
        studies_how=studies.how,
        studies_at_least=_bound(studies),
        images=images.value,
        images_how=images.how,
        images_at_least=_bound(images),
        worst="" if worst is None else worst.code,
        worst_words=_worst(archive, words),
        decoy=bool(archive.decoy),
        reviewed=archive.review.words if archive.review else "",
        endpoints=archive.endpoints,
        level=report.level,
        asked=report.started,
    )


def address(archive: ArchiveView) -> str:
    """Where it stands: the address of its first endpoint."""
    return archive.endpoints[0].partition("://")[2].rpartition(":")[0].strip("[]") if archive.endpoints else archive.id


def _bound(number: Number) -> int | None:
    """A lower bound, where the number itself is not known."""
    return number.at_least if number.value is None else None


def _worst(archive: ArchiveView, words: Words) -> str:
    if archive.findings:
        return archive.findings[0].title
    if archive.grade is None:
        return words.say("could not find out enough")
    return words.say("nothing wrong as far as we saw")


def csv(found: Iterable[ListLine]) -> bytes:
    """RFC 4180, in UTF-8, with the names of the columns first. What is not known is empty."""
    rows = (line(_text(getattr(one, column)) for column in COLUMNS) for one in found)
    return "".join((line(COLUMNS), *rows)).encode()


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def jsonl(found: Iterable[ListLine]) -> bytes:
    """A JSON object a line: docs/schemas/filmbadge.list-1.json."""
    return b"".join(msgspec.json.encode(one) + b"\n" for one in found)


class _Column(NamedTuple):
    head: str
    cells: list[str]
    number: bool = False
    most: int = 40  # characters
    least: int = 0  # a line as narrow as this holds it


class Listing:
    """The list for a terminal: a line for each archive, as many columns as its width holds, and never two lines for one."""

    def __init__(self, found: Sequence[ListLine], words: Words, *, verdict: bool = True) -> None:
        self._found, self._words, self._ends = found, words, verdict

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        columns = [column for column in self._columns() if column.least <= options.max_width]
        yield Text(_joined([column.head for column in columns], columns, options.max_width), style="bold")
        for n, one in enumerate(self._found):
            style = "dim" if one.decoy else "red" if one.open else ""
            yield Text(_joined([column.cells[n] for column in columns], columns, options.max_width), style=style)
        if self._ends:
            yield Text(self._verdict(), style="bold")

    def _columns(self) -> Iterator[_Column]:
        found, words = self._found, self._words
        yield _Column(words.say("grade"), [one.grade or "–" for one in found])
        yield _Column(words.say("address"), [one.address for one in found])
        yield _Column(words.say("country"), [one.country or "–" for one in found], least=100)
        yield _Column(words.say("operator"), [one.operator or "–" for one in found], most=24, least=160)
        yield _Column(words.say("product"), [one.product or "–" for one in found], most=14, least=140)
        yield _Column(words.say("rung"), [words.say(one.rung) for one in found], least=72)
        yield self._figures("patients", least=120)
        yield self._figures("studies")
        yield self._figures("images", least=100)
        yield _Column(words.say("worst"), [self._worst(one) for one in found], most=60)

    def _figures(self, quantity: str, least: int = 0) -> _Column:
        parts = [[getattr(one, quantity + of) for of in ("", "_how", "_at_least")] for one in self._found]
        return _Column(self._words.say(quantity), [self._words.amount(*one) for one in parts], number=True, least=least)

    def _worst(self, one: ListLine) -> str:
        """What a person found out stands first: a narrow line is cut at its end."""
        if one.reviewed:
            return f"{one.reviewed} {one.worst_words}".rstrip()
        return self._words.say("Likely a decoy. {worst}", worst=one.worst_words) if one.decoy else one.worst_words

    def _verdict(self) -> str:
        if not self._found:
            return self._words.say("No archive is in this list.")
        opened = sum(one.open and not one.decoy for one in self._found)
        return self._words.many(
            "{open:,} of {n:,} archive in this list is open to strangers.",
            "{open:,} of {n:,} archives in this list are open to strangers.",
            len(self._found),
            open=opened,
        )


def _joined(cells: Sequence[str], columns: Sequence[_Column], width: int) -> str:
    """One line, cut to the width: the last column gets what the others leave."""
    texts = []
    for cell, column in zip(cells[:-1], columns[:-1], strict=True):
        room = min(column.most, max(map(cell_len, (column.head, *column.cells))))
        texts.append(_cut(cell, room, right=column.number))
    left = width - sum(map(cell_len, texts)) - 2 * len(texts)
    return "  ".join((*texts, _cut(cells[-1], max(left, 1)).rstrip()))


def _cut(text: str, room: int, *, right: bool = False) -> str:
    size = cell_len(text)
    if size > room:
        return set_cell_size(text, room - 1) + "…"
    return " " * (room - size) + text if right else text + " " * (room - size)
