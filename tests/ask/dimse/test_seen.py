"""What an answer tells a plan of a census."""

from __future__ import annotations

import pytest

from filmbadge.ask.census.source import Ended
from filmbadge.ask.dimse.association import Answer
from filmbadge.ask.dimse.census import seen


@pytest.mark.parametrize(
    ("rows", "at_most", "ended"),
    [(5000, 5000, Ended.WHOLE), (5179, 5000, Ended.ENOUGH), (5179, 0, Ended.WHOLE)],
)
def test_an_answer_that_ends_beyond_what_was_wanted_is_not_whole(rows: int, at_most: int, ended: Ended) -> None:
    """Its end came in one piece with rows that nobody took in: no cancel was sent, and it is no limit of the archive."""
    answer = Answer(0x0000, rows, False, 1.0)
    assert seen(answer, min(rows, at_most or rows), 0, at_most=at_most).ended is ended
