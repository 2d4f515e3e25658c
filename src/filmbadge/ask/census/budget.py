"""What a census may ask of one archive, and what it has used of that."""

from __future__ import annotations

import time
from collections.abc import Callable

from filmbadge.ask.census.source import Steps
from filmbadge.ask.memory import Share
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Doubt, DoubtCode
from filmbadge.scope import Budget, ConnectionLimits

MOST_FULL = (
    8  # how often a question is asked, if there was no room for its answer; each time there is four times as much
)

ROW_BYTES = 256  # bytes of a row that are expected before any came
AGAIN = 2.5  # An answer of all studies takes as many bytes again to check it, and some are left for the rest.
_CONNECTION = 0.8  # share of a connection's bytes that one answer may take


class Spent:
    """A `Meter`: counts the questions, the minutes and the bytes of one census, over all its connections."""

    def __init__(
        self,
        budget: Budget,
        clock: Callable[[], float] = time.monotonic,
        share: Share | None = None,
        *,
        caps: ConnectionLimits | None = None,
        pace: Throttle | None = None,
        row_bytes: int = ROW_BYTES,
    ) -> None:
        self.questions = 0
        self.received_bytes = 0
        self.rows = 0
        self._caps, self._pace, self._row_bytes = caps or ConnectionLimits(), pace, row_bytes
        self._budget = budget
        self._clock = clock
        self._began = clock()
        self._share = share

    def asked(self) -> None:
        self.questions += 1

    def received(self, size: int) -> None:
        self.received_bytes += size

    @property
    def affords(self) -> int:
        """Rows that an answer of all studies may have, by what rows cost so far.

        These are `whole` at least; more, where the archive gives them within `whole_seconds`, and within the bytes that the
        connection and the census may still receive. Nothing tells the time of a row before an answer of many rows.
        """
        seconds_each = None if self._pace is None else self._pace.seconds_each
        if seconds_each is None:
            return self._budget.whole
        each = max(self.received_bytes / self.rows, 1.0) if self.rows else self._row_bytes
        left = (self._budget.received_bytes - self.received_bytes) / AGAIN
        by_bytes = min(_CONNECTION * self._caps.received_bytes, left) / each
        return max(self._budget.whole, int(min(self._budget.whole_seconds / seconds_each, by_bytes)))

    @property
    def short(self) -> bool:
        return self._share is not None and self._share.short

    async def room(self) -> None:
        """The wait counts: a census that finds no room within its minutes has come to its end."""
        if self._share is not None:
            await self._share.room(max(0.0, 60 * self._budget.minutes - (self._clock() - self._began)))

    @property
    def ended(self) -> Doubt | None:
        """The bound of the budget that is reached."""
        if self.questions >= self._budget.questions:
            return Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": self._budget.questions})
        if self.received_bytes >= self._budget.received_bytes:
            return Doubt(DoubtCode.BUDGET_BYTES, {"bytes": self._budget.received_bytes})
        if self._clock() - self._began >= 60 * self._budget.minutes:
            return Doubt(DoubtCode.BUDGET_TIME, {"seconds": round(60 * self._budget.minutes)})
        return None


def within(spent: Spent, script: Steps[None], stopped: Callable[[Doubt], None]) -> Steps[None]:
    """A script, to its end or to that of the budget."""
    try:
        request = next(script)
        while (ended := spent.ended) is None:
            request = script.send((yield request))
        stopped(ended)
    except StopIteration:
        return
    finally:
        script.close()
