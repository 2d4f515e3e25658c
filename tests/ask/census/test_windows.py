"""Windows: what is sent for them, and that their parts are all of them, once."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.census.windows import EARLIEST, LATEST, MINUTES, Axis, Window

TODAY = date(2026, 11, 24).toordinal()
ENDS = st.tuples(st.integers(EARLIEST, LATEST), st.integers(EARLIEST, LATEST)).map(lambda two: (min(two), max(two)))


def test_keys() -> None:
    day = date(2024, 2, 29).toordinal()
    assert Window().date_key == Window().time_key == Window().uid_key == ""
    assert Window((day, day)).date_key == "20240229"
    assert Window((day, day + 1)).date_key == "20240229-20240301"
    assert Window((EARLIEST, LATEST)).date_key == "18000101-20991231"
    assert Window((day, day), (0, 719)).time_key == "000000-115959.999999"
    assert Window((day, day), (720, MINUTES - 1)).time_key == "120000-235959.999999"
    assert Window(prefix="1.2").uid_key == "1.2*"


@given(ENDS)
def test_parts_by_date_are_all_days_once(days: tuple[int, int]) -> None:
    parts = Window(days).parted(Axis.DATE, TODAY)
    if days[0] == days[1]:
        assert parts == ()
        return
    (first, second) = (part.days or (0, 0) for part in parts)
    assert (first[0], second[1]) == days
    assert first[0] <= first[1] == second[0] - 1 < second[1]


@given(ENDS)
def test_parting_by_date_ends_at_a_day(days: tuple[int, int]) -> None:
    window, steps = Window(days), 0
    while parts := window.parted(Axis.DATE, TODAY):
        window, steps = max(parts, key=lambda part: (part.days or (0, 0))[1] - (part.days or (0, 0))[0]), steps + 1
    assert steps < 40


def test_parts_by_time_are_all_minutes_once() -> None:
    left, minutes = [Window((TODAY, TODAY))], []
    while left:
        window = left.pop()
        parts = window.parted(Axis.TIME, TODAY)
        left += parts
        if not parts:
            assert window.minutes is not None
            minutes.append(window.minutes)
    assert sorted(minutes) == [(n, n) for n in range(MINUTES)]


@pytest.mark.parametrize(("prefix", "following"), [("1.", list("0123456789")), ("1.2", list(".0123456789"))])
def test_parts_by_uid(prefix: str, following: list[str]) -> None:
    parts = Window(prefix=prefix).parted(Axis.UID, TODAY)
    assert [part.prefix for part in parts] == [prefix + more for more in following]
    assert Window(prefix="1" * 63).parted(Axis.UID, TODAY) == ()
