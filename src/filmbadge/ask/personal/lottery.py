"""Draws studies by lot from a list whose length is not known, each with equal chance, in one pass."""

from __future__ import annotations

import math
import random
from typing import Any


class Lottery:
    """Keeps all of a short list, and of a longer one some.

    It says beforehand which item is `next` to be kept, so that nobody needs to look at those before it (Algorithm L, K.-H. Li 1994).
    """

    def __init__(self, lot: random.Random, all_up_to: int, some: int) -> None:
        self.next = 1  # number of the item, counted from 1, that is kept next
        self._lot, self._all, self._some = lot, all_up_to, some
        self._largest = 1.0  # of the numbers that the kept items drew, if each draws one and the smallest are kept

    def place(self, number: int, kept: list[Any]) -> int | None:
        """The place in `kept` at which this item goes. None: it is not kept. Items come in order."""
        if number <= self._all:
            self.next = number + 1
            return len(kept)
        if number == self._all + 1:
            self._shorten(kept)
        if number < self.next:
            return None
        self._largest *= self._draw() ** (1 / self._some)
        self._skip(number)
        return len(kept) if len(kept) < self._some else self._lot.randrange(len(kept))  # not every item may be kept

    def _shorten(self, kept: list[Any]) -> None:
        kept[:] = self._lot.sample(kept, min(self._some, len(kept)))
        self._largest = self._lot.betavariate(self._some, self._all - self._some + 1)
        self._skip(self._all)

    def _skip(self, number: int) -> None:
        self.next = number + 1 + int(math.log(self._draw()) / math.log1p(-self._largest))

    def _draw(self) -> float:
        """A number above 0, up to 1."""
        return 1.0 - self._lot.random()
