"""What a census may ask of one archive, and what it has used of that."""

from __future__ import annotations

import time
from collections.abc import Callable

from filmbadge.ask.census.source import Steps
from filmbadge.ask.memory import Share
from filmbadge.model import Doubt, DoubtCode
from filmbadge.scope import Budget

MOST_FULL = (
    8  # how often a question is asked, if there was no room for its answer; each time there is four times as much
)


class Spent:
    """A `Meter`: counts the questions, the minutes and the bytes of one census, over all its connections."""

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic, share: Share | None = None) -> None:
        self.questions = 0
        self.received_bytes = 0
        self._budget = budget
        self._clock = clock
        self._began = clock()
        self._share = share

    def asked(self) -> None:
        self.questions += 1

    def received(self, size: int) -> None:
        self.received_bytes += size

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
