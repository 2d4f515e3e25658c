"""When a survey is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from filmbadge.watch.surveys.schedule import next_after, require

from filmbadge.model import Refusal

NOW = datetime(2026, 11, 27, 7, 30, 12, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("when", "due"),
    [
        ("daily 02:00", "2026-11-28 02:00"),
        ("daily 07:31", "2026-11-27 07:31"),
        ("daily 07:30", "2026-11-28 07:30"),
        ("weekly fri 23:59", "2026-11-27 23:59"),
        ("weekly fri 02:00", "2026-12-04 02:00"),
        ("weekly mon 02:00", "2026-11-30 02:00"),
        ("monthly 27 02:00", "2026-12-27 02:00"),
        ("monthly 28 00:00", "2026-11-28 00:00"),
        ("monthly 1 02:00", "2026-12-01 02:00"),
    ],
)
def test_when_the_next_is(when: str, due: str) -> None:
    require(when)
    found = next_after(when, NOW)
    assert found == datetime.fromisoformat(f"{due}Z")


def test_none_is_never_due() -> None:
    require("")
    assert next_after("", NOW) is None


@pytest.mark.parametrize("when", ["daily", "daily 24:00", "daily 2:00", "weekly 02:00", "weekly Mon 02:00", "monthly 29 02:00", "monthly 0 02:00", "hourly 00:00", "daily 02:00 ", "daily 02:00\n"])  # fmt: skip
def test_what_is_no_schedule(when: str) -> None:
    with pytest.raises(Refusal, match="no schedule"):
        require(when)
