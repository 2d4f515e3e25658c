"""The digest of a journal, which documents carry as evidence. It needs no library, so a check has it too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from filmbadge.model import JournalRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def digest(rows: Iterable[JournalRow]) -> str:
    """The SHA-256 of all rows, whatever their order, as hexadecimal: the same as the view `journal_digest` makes of them."""
    lines = sorted(sha256(_line(row).encode()).hexdigest() for row in rows)
    return sha256("".join(lines).encode()).hexdigest()


def _line(row: JournalRow) -> str:
    stop = row.stop
    numbers = ",".join(sorted(f"{name}={number}" for name, number in stop.numbers.items()))
    at = (row.at.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    asked = (at, row.address, row.port, row.question, row.sent, row.received, round(row.seconds * 1_000_000))
    return "\t".join("-" if one is None else str(one) for one in (*asked, stop.ending, stop.cause, numbers, stop.error))
