"""Cuts the overall pace of a scope into the shares of workers.

A share is whole connections a second, so no window of a second holds more than all shares together: whole numbers leave nothing
to round up. What is left of the pace stays in one piece, which one worker has. A share of the hands, the connections that
are open at once, follows from that of the rate. So one number says both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Self

from filmbadge.scope import RateLimits


class Slice(NamedTuple):
    """A part of the pace: so many steps, and the rest or not."""

    steps: int = 0
    rest: int = 0

    def plus(self, other: Slice) -> Self:
        return self._replace(steps=self.steps + other.steps, rest=self.rest + other.rest)

    def less(self, other: Slice) -> Self:
        return self._replace(steps=self.steps - other.steps, rest=self.rest - other.rest)

    def at_most(self, other: Slice) -> Self:
        return self._replace(steps=min(self.steps, other.steps), rest=min(self.rest, other.rest))

    def at_least(self, other: Slice) -> Self:
        return self._replace(steps=max(self.steps, other.steps), rest=max(self.rest, other.rest))


NOTHING = Slice()


@dataclass(slots=True)
class Share:
    """What one worker has."""

    told: Slice = NOTHING  # last
    most: Slice = NOTHING  # what it may go by until it confirms that
    confirmed: bool = True

    def confirm(self) -> Slice:
        """It goes by what it was told. What it gave up."""
        given_up, self.most, self.confirmed = self.most.less(self.told), self.told, True
        return given_up

    def tell(self, part: Slice) -> None:
        """The next. Only once the last is confirmed: so what it confirms is what it was told last, and nothing before."""
        assert self.confirmed
        if part != self.told:
            self.told, self.most, self.confirmed = part, part.at_least(self.most), False


class Slices:
    """The whole, and what each worker gets of it where all get alike."""

    def __init__(self, pace: RateLimits) -> None:
        self._pace = pace
        self._step = max(1, ceil(pace.overall / pace.open_at_once))  # so that each step has a hand at least
        self.all = Slice(int(pace.overall // self._step), 1)
        self._rest = pace.overall - self.all.steps * self._step

    def fair(self, nth: int, workers: int) -> Slice:
        """The share of the nth of so many workers. There may be fewer steps than workers: then the last get none."""
        each, more = divmod(self.all.steps, workers)
        return Slice(each + (nth < more), int(nth == 0))

    def rate(self, part: Slice) -> float:
        return part.steps * self._step + part.rest * self._rest

    def hands(self, part: Slice) -> int:
        return int(self._pace.open_at_once * self.rate(part) / self._pace.overall + 1e-9)
