"""Cuts the overall pace of a scope into the shares of workers.

A share is a whole number of connections a second, so that no window of a second holds more than all shares together: each
worker may round its own window up, and whole numbers leave nothing to round. What is left of the pace goes to one worker.
A share of the hands, the connections that are open at once, follows from the share of the rate. So one number says both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from filmbadge.scope import RateLimits


@dataclass(slots=True)
class Share:
    """The connections a second of one worker."""

    told: float = 0.0  # what it was told last
    most: float = 0.0  # what it may go by until it confirms that
    confirmed: bool = True

    def confirm(self, applied: float | None) -> float:
        """The worker goes by this rate now. What it gave up."""
        if applied != self.told:
            return 0.0
        given_up, self.most, self.confirmed = self.most - self.told, self.told, True
        return given_up

    def tell(self, rate: float) -> None:
        """The next rate. Only once the last is confirmed: so what says that it is applied was never said of an earlier one."""
        assert self.confirmed
        if rate != self.told:
            self.told, self.most, self.confirmed = rate, max(rate, self.most), False


class Slices:
    """What each worker gets, where all get alike."""

    def __init__(self, pace: RateLimits) -> None:
        self._pace = pace
        self.all = ceil(pace.overall)  # connections that any window of a second may hold
        # Each step has a hand at least.
        self._step = max(1, ceil(pace.overall / pace.open_at_once))
        self._steps = int(pace.overall // self._step)
        self._rest = pace.overall - self._steps * self._step

    def fair(self, nth: int, workers: int) -> float:
        """The share of the nth of so many workers. There may be fewer shares than workers: then the last get none."""
        each, more = divmod(self._steps, workers)
        return (each + (nth < more)) * self._step + (self._rest if nth == 0 else 0.0)

    def next(self, share: Share, fair: float, spare: float) -> float:
        """The rate to tell a worker, where connections a second are spare."""
        if ceil(fair) - ceil(share.told) <= spare:
            return fair
        return share.told + max(0.0, spare // self._step * self._step)

    def hands(self, rate: float) -> int:
        return int(self._pace.open_at_once * rate / self._pace.overall + 1e-9)
