"""When something is due again and again: 'daily 02:00', 'weekly mon 02:00' or 'monthly 1 02:00', in UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WORDS = re.compile(
    rf"(?:daily|weekly (?P<weekday>{'|'.join(_DAYS)})|monthly (?P<day>[1-9]|1[0-9]|2[0-8])) (?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
)
_LONGEST = timedelta(days=32)


class _Schedule(NamedTuple):
    """None: any."""

    weekday: int | None
    day: int | None
    hour: int
    minute: int


def fault(text: str) -> str:
    """What is wrong with a schedule, in one sentence; empty where nothing is. An empty text is right, and means never."""
    if not text or _WORDS.fullmatch(text):
        return ""
    return "this schedule cannot be understood: write 'daily 02:00', 'weekly mon 02:00' or 'monthly 1 02:00' (day 1 to 28), in UTC"


def next_after(text: str, moment: datetime) -> datetime:
    """The first time after `moment`. Raises ValueError where the text is empty or has a fault."""
    wanted = _read(text)
    due = moment.astimezone(UTC).replace(hour=wanted.hour, minute=wanted.minute, second=0, microsecond=0)
    last = due + _LONGEST
    while due <= last:
        if due > moment and wanted.weekday in {None, due.weekday()} and wanted.day in {None, due.day}:
            return due
        due += timedelta(days=1)
    raise AssertionError("each day comes within a month")


def _read(text: str) -> _Schedule:
    if (found := _WORDS.fullmatch(text)) is None:
        raise ValueError(fault(text) or "an empty schedule is never due")
    weekday, day = found["weekday"], found["day"]
    return _Schedule(
        weekday=_DAYS.index(weekday) if weekday else None,
        day=int(day) if day else None,
        hour=int(found["hour"]),
        minute=int(found["minute"]),
    )
