"""Judges by an archive's own counters."""

from __future__ import annotations

from filmbadge.model import Counters, Outcome, Reason, Rung, Verdict


def by_counters(counters: Counters, stop: Outcome) -> Verdict:
    """The verdict on a service that lets strangers in. `stop` is how the questions ended."""
    if counters.patients or counters.studies or counters.series or counters.images:
        return Verdict(Rung.DISCLOSES, Reason.COUNTER)
    if counters.studies is not None:
        return Verdict(Rung.ANSWERS, Reason.NO_RECORDS)
    if counters.status is None:
        return Verdict(Rung.ADMITS, Reason.FIND_BROKE_OFF, stop=stop)
    return Verdict(Rung.ADMITS, Reason.HTTP_STATUS, (counters.status,))
