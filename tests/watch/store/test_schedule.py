"""When something is due again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from filmbadge.watch.store.schedule import fault, next_after

FRIDAY = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("daily 08:01", "2026-11-27 08:01"),
        ("daily 08:00", "2026-11-28 08:00"),  # after, and not at
        ("daily 07:59", "2026-11-28 07:59"),
        ("weekly fri 09:30", "2026-11-27 09:30"),
        ("weekly fri 02:00", "2026-12-04 02:00"),
        ("weekly mon 00:00", "2026-11-30 00:00"),
        ("monthly 1 02:00", "2026-12-01 02:00"),
        ("monthly 27 02:00", "2026-12-27 02:00"),
        ("monthly 28 23:59", "2026-11-28 23:59"),
    ],
)
def test_the_next_time_is_the_first_after_a_moment(text: str, due: str) -> None:
    assert fault(text) == ""
    assert f"{next_after(text, FRIDAY):%Y-%m-%d %H:%M}" == due


def test_other_time_zones_and_the_end_of_a_year_change_nothing() -> None:
    there = FRIDAY.astimezone(timezone(timedelta(hours=13)))
    assert next_after("daily 08:01", there) == datetime(2026, 11, 27, 8, 1, tzinfo=UTC)
    new_year = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert next_after("monthly 28 02:00", new_year) == datetime(2027, 1, 28, 2, 0, tzinfo=UTC)
    assert next_after("monthly 1 00:00", new_year) == datetime(2027, 1, 1, tzinfo=UTC)


def test_each_time_leads_to_the_next() -> None:
    due, months = FRIDAY, []
    for _ in range(14):
        due = next_after("monthly 28 02:00", due)
        months.append((due.year, due.month, due.day))
    assert months[0] == (2026, 11, 28)
    assert months[-1] == (2027, 12, 28)
    assert len(set(months)) == 14


@pytest.mark.parametrize(
    "text",
    ["hourly", "daily", "daily 24:00", "daily 2:00", "weekly 02:00", "weekly Mon 02:00", "monthly 29 02:00", "monthly 0 02:00", "monthly 01 02:00", " daily 02:00", "daily 02:00\n", "daily 02:00 daily 03:00"],
)  # fmt: skip
def test_anything_else_is_refused_in_a_sentence(text: str) -> None:
    assert "weekly mon 02:00" in fault(text)
    with pytest.raises(ValueError, match="cannot be understood"):
        next_after(text, FRIDAY)


def test_an_empty_schedule_is_right_and_never_due() -> None:
    assert fault("") == ""
    with pytest.raises(ValueError, match="never due"):
        next_after("", FRIDAY)
