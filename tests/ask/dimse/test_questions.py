"""The windows of dates that `ask` goes through."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from filmbadge.ask.dimse.identify import windows


def day(text: str) -> date:
    assert len(text) == 8
    return datetime.strptime(text, "%Y%m%d").date()


@pytest.mark.parametrize("today", [date(2026, 6, 1), date(2024, 2, 29), date(2027, 1, 1)])
def test_windows(today: date) -> None:
    *dated, last = windows(today)
    ranges = [tuple(map(day, key.decode("ascii").split("-"))) for _, key in dated]
    assert ranges[0][1] == today
    for (first, end), (_, older_end) in pairwise(ranges):
        assert first <= end
        assert older_end == first - timedelta(days=1)  # neither a gap nor an overlap
    assert today - ranges[-1][0] > timedelta(days=24 * 365)
    assert last == (None, b"")


def test_each_window_is_wider_and_the_first_is_small() -> None:
    dated = windows(date(2026, 6, 1))[:-1]
    widths = [(day(key[9:].decode()) - day(key[:8].decode())).days + 1 for _, key in dated]
    assert widths[0] == 2
    assert widths == sorted(set(widths))


def test_ages_say_what_is_asked() -> None:
    (ages, key), *_ = windows(date(2026, 6, 1))
    assert (ages, key) == ((0, 1), b"20260531-20260601")
    assert len({ages for ages, _ in windows(date(2026, 6, 1))}) == len(windows(date(2026, 6, 1)))
