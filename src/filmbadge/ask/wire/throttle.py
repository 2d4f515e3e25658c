"""How fast to go on with one archive. Control without a clock: it is told what an answer took, and says how long to rest.

Our questions take no more than a share of the archive's time. An answer that comes later than it did before halves
the share; each calm one adds a little back. A sign of distress quarters it and asks for a rest by itself.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

WINDOW = 3000  # matches that one question aims at: fewer cost an archive more for each, more keep it busy for longer
SMALLEST_WINDOW, LARGEST_WINDOW = 250, 5000
QUESTION_SECONDS = 0.5  # that one question may take: the longest that a clinic's own waits for it
LONGEST_REST = 20.0  # archives close an association that is silent for longer; Orthanc after 30 s
SHORTEST_REST = 0.005  # less is owed, until it is worth a timer
LEAST = 1 / 16  # of the share, however slow the archive gets
GAIN = 1 / 16  # of the share, that a calm answer gives back
SLOW, SLOWER_BY = 2.0, 0.05  # an answer is slow if it takes so many times as long as before, and so many seconds more
FEW = 100  # matches, below which an answer shows what a question costs by itself
FASTEST = 1e-6  # seconds for a match, below which nothing is told from noise
FORGET = 1.05  # by which a habit grows with each answer, so that what was fast once is no measure for ever
DISTRESS_SECONDS = 2.0  # of rest after the first sign, twice as long after each further one
ENOUGH_DISTRESS = 3  # signs without a calm answer between them


class Throttle:
    """The pace with one archive, over all connections to it."""

    def __init__(self, share: float = 1.0) -> None:
        self._most = self.share = share  # of the archive's time, that our questions may take now
        self._window = float(WINDOW)
        self._cost = FASTEST  # seconds for a match, in the last answer that had many
        self._owed = 0.0
        self._habits: dict[Hashable, _Habit] = {}
        self._signs = 0

    @property
    def window(self) -> int:
        """How many matches the next question should aim at."""
        return int(max(min(self._window, QUESTION_SECONDS / self._cost), SMALLEST_WINDOW))

    @property
    def exhausted(self) -> bool:
        """Whether the archive showed distress so often that it should be left alone."""
        return self._signs >= ENOUGH_DISTRESS

    def answered(self, question: Hashable, waited: float, seconds: float, matches: int = 0) -> None:
        """An answer whose first byte came after `waited`, its last after `seconds`. Like questions are compared."""
        habit = self._habits.setdefault(question, _Habit())
        if waited > SLOW * habit.expects(matches) + SLOWER_BY:
            self._less(0.5)
        else:
            self._signs = 0
            self.share = min(self._most, self.share + GAIN * self._most)
            self._window = min(self._window * (1 + GAIN), LARGEST_WINDOW)
        habit.learn(waited, matches)
        if matches >= FEW:
            self._cost = max(seconds / matches, FASTEST)
        self._owed += seconds * (1 / self.share - 1)

    def broke_off(self) -> None:
        """A question ended without an answer. An archive that never gave one refuses; it is not in distress."""
        if self._habits:
            self.distressed()

    def out_of_resources(self) -> None:
        """A question was refused so. It was too large, or it came at a bad time: a smaller one may follow, later."""
        self._less(0.25)
        self._owed += DISTRESS_SECONDS

    def distressed(self, retry_after: float = 0.0) -> None:
        """The archive said that it is too busy."""
        self._less(0.25)
        self._owed += max(retry_after, DISTRESS_SECONDS * 2**self._signs)
        self._signs = min(self._signs + 1, ENOUGH_DISTRESS)

    def rest(self) -> float:
        """Seconds to leave the archive alone before the next question. They are taken as kept: each is told once."""
        if self._owed < SHORTEST_REST:
            return 0.0
        seconds, self._owed = min(self._owed, LONGEST_REST), 0.0
        return seconds

    def _less(self, factor: float) -> None:
        self.share = max(self.share * factor, self._most * LEAST)
        self._window = max(self._window * max(factor, 0.5), SMALLEST_WINDOW)


@dataclass
class _Habit:
    """How long an archive takes to its first byte at its best. Some make up the whole answer before it."""

    alone: float = math.inf  # seconds, for a question by itself
    each: float = math.inf  # and for each match

    def expects(self, matches: int) -> float:
        if matches < FEW:
            return self.alone
        return self.each * matches + (self.alone if math.isfinite(self.alone) else 0.0)

    def learn(self, waited: float, matches: int) -> None:
        if matches < FEW:
            self.alone = min(self.alone * FORGET, waited)
        else:
            left = waited - (self.alone if math.isfinite(self.alone) else 0.0)
            self.each = min(self.each * FORGET, max(left / matches, FASTEST))
