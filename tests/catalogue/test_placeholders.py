"""Each row shows by its own example what it is for; a row that does not is refused."""

from __future__ import annotations

import pytest

from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.catalogue.placeholders import Placeholder, Placeholders, is_placeholder, placeholders


@pytest.mark.parametrize("row", placeholders(), ids=lambda row: row.holds or row.mailbox or row.domain)
def test_what_a_row_is_for(row: Placeholder) -> None:
    assert is_placeholder(row.example)
    assert not is_placeholder(row.not_example)


@pytest.mark.parametrize(
    "row",
    [
        'holds = "X"\nexample = "y"\nnot_example = "z"',
        'holds = "X"\nexample = "x"\nnot_example = "x y"',
        'holds = "X"\nmailbox = "x@y.test"\nexample = "x"\nnot_example = "z"',
        'example = "x"\nnot_example = "z"',
    ],
)
def test_a_row_that_is_wrong_is_refused(row: str) -> None:
    with pytest.raises(CatalogueError, match=r"row 1 of \[\[placeholder\]\]"):
        parse("placeholders.toml", f"[[placeholder]]\n{row}\n".encode(), Placeholders)
