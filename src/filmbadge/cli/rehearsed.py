"""Shows a rehearsal on the terminal.

Each row of a table is one line. What a narrow terminal has no place for stands in a further table or is left out, and
what needs a sentence has it below.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from filmbadge.cli.console import out as stdout
from filmbadge.rehearse.compare import Figure, Rehearsal, Row
from filmbadge.rehearse.world import CELLS

# A cell of 80 columns' width for each, at the scale of 2019.
_HEADS = {
    "archives_open": "open",
    "images_retrievable": "images\nretrievable",
    "ssn_records": "SSN\nrecords",
    "http_viewers": "with\nviewer",
}
_NONE = "?"
_LEGEND = {
    "bound": "bound: a lower bound, as expected. The truth is not below it, and nobody can find out more.",
    "interval": "interval: an estimate. Its interval of 95 % holds the truth.",
    _NONE: "?: not attributed to a country.",
}


class _Column(NamedTuple):
    head: str
    cells: Sequence[str | Text]
    left: bool = False

    @property
    def width(self) -> int:
        return max(cell_len(line) for text in (self.head, *map(str, self.cells)) for line in text.split("\n"))


def show(rehearsal: Rehearsal) -> None:
    """Prints the quantities, the countries if the world has any, and what was published of it."""
    _quantities(rehearsal)
    if rehearsal.countries:
        _countries(rehearsal)
    if rehearsal.changes:
        _changes(rehearsal)
    if any(figure.published is not None for figure in rehearsal.figures):
        _published(rehearsal)
    if sentences := list(_sentences(rehearsal)):
        stdout.print()
        stdout.print(*sentences, sep="\n")
    if rehearsal.about:
        stdout.print(f"\n{rehearsal.about}")


def _quantities(rehearsal: Rehearsal) -> None:
    verdict = "agree" if rehearsal.agree else "DIFFER"
    stdout.print(
        f"{rehearsal.world}: truth and measurement {verdict} ({rehearsal.seconds:.1f} s, depth {rehearsal.depth})"
    )
    _rows(rehearsal.rows)
    if rehearsal.years:
        alike = sum(row.agrees for row in rehearsal.years)
        stdout.print(f"studies by year of exam: {alike} of {len(rehearsal.years)} rows agree with the truth")


def _rows(rows: Sequence[Row]) -> None:
    columns = [
        _Column("quantity", [row.quantity for row in rows], left=True),
        _Column("truth", [f"{row.truth:,}" for row in rows]),
        _Column("measured", [_value(row) for row in rows]),
        _Column("", [_mark(row) for row in rows], left=True),
    ]
    _print(columns, more=_Column("how", [row.how for row in rows], left=True))


def _changes(rehearsal: Rehearsal) -> None:
    """What the second survey found, and what became of open archives until then."""
    stdout.print("\nsurveyed once more")
    _rows(rehearsal.later)
    stdout.print("\nwhat became of open archives")
    _rows(rehearsal.changes)


def _countries(rehearsal: Rehearsal) -> None:
    """Each country with what was measured. The truth, where it is another, has a sentence below."""
    stdout.print("\nmeasured by country")
    rows = rehearsal.countries
    columns = [
        _Column(_HEADS.get(cell, cell), [Text(_value(row.cells[cell]), _style(row.cells[cell])) for row in rows])
        for cell in CELLS
    ]
    country = _Column("", [row.country or _NONE for row in rows], left=True)
    for start, end in pairwise(_starts(country, columns)):
        _print([country, *columns[start:end]])


def _starts(first: _Column, columns: Sequence[_Column]) -> list[int]:
    """Where a further table begins, so that each fits beside its first column, and the end."""
    starts, width = [0], first.width
    for number, column in enumerate(columns):
        if width + 1 + column.width > stdout.width and number > starts[-1]:
            starts.append(number)
            width = first.width
        width += 1 + column.width
    return [*starts, len(columns)]


def _published(rehearsal: Rehearsal) -> None:
    everywhere = [("all", row.quantity, row) for row in (*rehearsal.rows, *rehearsal.changes)]
    of_countries = [(row.country, cell, figure) for row in rehearsal.countries for cell, figure in row.cells.items()]
    rows = [row for row in (*everywhere, *of_countries) if row[2].published is not None]
    stdout.print("\nwhat was published")
    columns = [
        _Column("", [country for country, _, _ in rows], left=True),
        _Column("quantity", [quantity for _, quantity, _ in rows], left=True),
        _Column("published", [f"{figure.published:,}" for _, _, figure in rows]),
        _Column("truth", [f"{figure.truth:,}" for _, _, figure in rows]),
        _Column("measured", [_value(figure) for _, _, figure in rows]),
    ]
    _print(columns, more=_Column("", [_mark(figure) for _, _, figure in rows], left=True))


def _print(columns: list[_Column], more: _Column | None = None) -> None:
    """Prints a table, with one column more if there is place for it."""
    if more and sum(column.width + 1 for column in columns) + more.width <= stdout.width:
        columns = [*columns, more]
    gap = 2 if sum(column.width + 2 for column in columns) <= stdout.width else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False)
    for column in columns:
        table.add_column(column.head, justify="left" if column.left else "right", no_wrap=True, vertical="bottom")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    stdout.print(table)


def _sentences(rehearsal: Rehearsal) -> Iterator[Text]:
    """What the marks mean, and each figure that is not simply equal; figures of which the same is true together."""
    named = [(row.quantity, row) for row in (*rehearsal.rows, *rehearsal.changes)]
    named += [(f"{row.quantity} once more", row) for row in rehearsal.later]
    cells = [(f"{row.country or _NONE} {cell}", of) for row in rehearsal.countries for cell, of in row.cells.items()]
    years = [(f"year {row.year or 'unknown'}", row) for row in rehearsal.years]
    shown = {_mark(figure).plain for _, figure in (*named, *cells)}
    shown.update(row.country or _NONE for row in rehearsal.countries)
    yield from (Text(words, "dim") for mark, words in _LEGEND.items() if mark in shown)
    together: dict[_Told, list[str]] = {}
    for name, figure in (*named, *((name, of) for name, of in (*cells, *years) if of.compared and not of.agrees)):
        if told := _told(figure):
            together.setdefault(told, []).append(name)
    for told, names in together.items():
        yield Text(f"{', '.join(names)}: {told.words}", told.style)


class _Told(NamedTuple):
    words: str
    style: str


def _told(figure: Figure) -> _Told | None:
    """What a row of a table has no place for."""
    ends = "" if figure.low is None or figure.high is None else f"95 %: {figure.low:,} to {figure.high:,}"
    if not figure.compared:
        return _Told(f"not measured{': ' + figure.why if figure.why else ''}.", _style(figure))
    if not figure.agrees:
        told = f"measured {_value(figure)}{f' ({ends})' if ends else ''}, truth {figure.truth:,}."
        return _Told(f"{told}{f' In doubt: {figure.why}.' if figure.why else ''}", _style(figure))
    return _Told(f"{ends}.", _style(figure)) if ends and figure.low != figure.high else None


def _value(figure: Figure) -> str:
    if not figure.compared:
        return "-"
    if figure.measured is not None:
        return f"{'≥ ' if figure.at_least is not None else ''}{figure.measured:,}"
    return "-" if figure.at_least is None else f"≥ {figure.at_least:,}"


def _style(figure: Figure) -> str:
    return "dim" if not figure.compared else "green" if figure.agrees else "bold red"


def _mark(figure: Figure) -> Text:
    if not figure.compared:
        mark = "-"
    elif not figure.agrees:
        mark = "DIFFERS"
    elif figure.measured == figure.truth:
        mark = "equal"
    else:
        mark = "bound" if figure.low is None or figure.high is None else "interval"
    return Text(mark, _style(figure))
