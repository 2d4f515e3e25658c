"""Shows a rehearsal on the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from filmbadge.cli.console import out as stdout
from filmbadge.rehearse.compare import Figure, Rehearsal
from filmbadge.rehearse.world import CELLS


def show(rehearsal: Rehearsal) -> None:
    """Prints the quantities, the countries if the world has any, and what was published of it."""
    stdout.print(_quantities(rehearsal))
    if rehearsal.countries:
        stdout.print()
        stdout.print(_countries(rehearsal))
    if any(figure.published is not None for figure in rehearsal.figures):
        stdout.print()
        stdout.print(_published(rehearsal))
    if rehearsal.about:
        stdout.print()
        stdout.print(rehearsal.about)


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 1))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < left or not column or column == "how" else "right")
    return table


def _quantities(rehearsal: Rehearsal) -> Table:
    verdict = "agree" if rehearsal.agree else "DIFFER"
    title = f"{rehearsal.world}: truth and measurement {verdict} ({rehearsal.seconds:.1f} s, depth {rehearsal.depth})"
    table = _table(title, "quantity", "truth", "measured", "how", "")
    for row in rehearsal.rows:
        table.add_row(row.quantity, f"{row.truth:,}", _value(row), row.how, _mark(row))
    return table


def _countries(rehearsal: Rehearsal) -> Table:
    """Each country with what was measured; beside it the truth, where it is another."""
    table = _table("measured by country", "country", *CELLS)
    for row in rehearsal.countries:
        cells = [_cell(row.cells[cell]) for cell in CELLS]
        table.add_row(row.country or "not attributed", *cells)
    return table


def _cell(figure: Figure) -> Text:
    if not figure.compared:
        return Text("-", "dim")
    if figure.agrees:
        return Text(_value(figure), "green")
    return Text(f"{_value(figure)} (truth: {figure.truth:,})", "bold red")


def _published(rehearsal: Rehearsal) -> Table:
    table = _table("what was published", "country", "quantity", "published", "truth", "measured", "", left=2)
    everywhere = [("all", row.quantity, row) for row in rehearsal.rows]
    of_countries = [(row.country, cell, figure) for row in rehearsal.countries for cell, figure in row.cells.items()]
    for country, quantity, figure in (*everywhere, *of_countries):
        if figure.published is not None:
            cells = (f"{figure.published:,}", f"{figure.truth:,}", _value(figure))
            table.add_row(country, quantity, *cells, _mark(figure))
    return table


def _value(figure: Figure) -> str:
    if figure.measured is not None:
        return f"{'≥ ' if figure.at_least is not None else ''}{figure.measured:,}"
    return "-" if figure.at_least is None else f"≥ {figure.at_least:,}"


def _mark(figure: Figure) -> Text:
    ends = "" if figure.low is None or figure.high is None else f"; 95 %: {figure.low:,} to {figure.high:,}"
    if not figure.compared:
        return Text(f"not measured{': ' + figure.why if figure.why else ''}", "dim")
    if not figure.agrees:
        return Text(f"DIFFERS{ends}{': ' + figure.why if figure.why else ''}", "bold red")
    if figure.measured == figure.truth:
        return Text("equal" + ends, "green")
    return Text("within the interval" + ends if ends else "a bound, as expected", "green")
