"""CSV that every spreadsheet reads (RFC 4180), and none takes for a program."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from io import StringIO

from filmbadge.texts import printable

# What begins so is a formula to some spreadsheet; the last four are the same signs, as wide as letters of East Asia.
_STEERS = tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20")


def cell(value: object) -> str:
    """A text that a spreadsheet shows, and never runs. Nothing is known: empty, and never 0."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    text = printable(str(value))
    return f"'{text}" if text.lstrip().startswith(_STEERS) else text


def line(cells: Iterable[object]) -> str:
    """A line with its end, which is CR and LF."""
    to = StringIO()
    csv.writer(to).writerow(map(cell, cells))
    return to.getvalue()
