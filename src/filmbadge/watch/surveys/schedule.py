"""When a survey is due. In UTC, so that no hour comes twice or never."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from filmbadge.model import Refusal
from filmbadge.texts import printable

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FORM = re.compile(
    rf"(?:daily|weekly (?P<weekday>{'|'.join(_DAYS)})|monthly (?P<day>[1-9]|1[0-9]|2[0-8]))"
    r" (?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9])"
)


def require(when: str) -> None:
    """Raises Refusal where this is no schedule. None at all is one."""
    if when and _FORM.fullmatch(when) is None:
        raise Refusal(
            f"{printable(when[:40])!r} is no schedule: write daily 02:00, weekly mon 02:00, or monthly 1 02:00 (a day from 1"
            " to 28, which every month has), in UTC"
        )


def next_after(when: str, now: datetime) -> datetime | None:
    """The first time after `now`, which is in UTC. None: never."""
    found = _FORM.fullmatch(when)
    if found is None:
        return None
    at = now.replace(hour=int(found["hour"]), minute=int(found["minute"]), second=0, microsecond=0)
    while at <= now or not _on_its_day(at, found["weekday"], found["day"]):
        at += timedelta(days=1)
    return at


def _on_its_day(at: datetime, weekday: str | None, day: str | None) -> bool:
    return (weekday is None or at.weekday() == _DAYS.index(weekday)) and (day is None or at.day == int(day))
