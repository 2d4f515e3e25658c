"""Controls the pace with one archive. It has no clock: it is told how long an answer took, and says how long to rest.

Our questions take at most a share of the archive's time. An answer that is slower than before halves the share; each
calm answer gives a little back. A sign of distress quarters the share and demands a rest.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

# A question should have this many matches: fewer cost an archive more each, more keep it busy for longer.
TARGET_MATCHES = 3000
FEWEST_MATCHES, MOST_MATCHES = 250, 5000
QUESTION_SECONDS = 0.5  # A question may take this many seconds: a clinic's own question waits no longer for it.
LONGEST_REST = 20.0  # Archives close an association that is silent for longer; Orthanc does so after 30 s.
SHORTEST_REST = 0.005  # Shorter rests are added up until they are worth a timer.
LEAST = 1 / 16  # part of the configured share that always remains, however slow the archive gets
GAIN = 1 / 16  # part of the configured share that a calm answer gives back
SLOW, SLOWER_BY = 2.0, 0.05  # Slow means: the answer takes 2 times as long as before, and 50 ms more.
MANY_MATCHES = 100  # an answer with fewer matches shows the fixed cost of a question
FASTEST = 1e-6  # seconds per match; shorter times cannot be told from noise
FORGET = 1.05  # Raise the baseline by 5 % per answer, so that one fast answer does not set it for ever.
DISTRESS_SECONDS = 2.0  # rest after the first sign; each further sign doubles it
ENOUGH_DISTRESS = 3  # signs of distress without a calm answer between them


class Throttle:
    """The pace with one archive, over all connections to it."""

    __slots__ = (
        "_cost", "_habits", "_most", "_owed", "_signs", "_target",
        "answers_each", "has_spoken", "share", "silent",
    )  # fmt: skip

    def __init__(self, share: float = 1.0) -> None:
        self._most = self.share = share  # share of the archive's time that our questions may take now
        self._target = float(TARGET_MATCHES)
        self._cost: float | None = None  # seconds per match in the last answer that had many matches
        self._owed = 0.0
        self._habits: dict[Hashable, _Habit] = {}
        self._signs = 0
        self.answers_each: int | None = (
            None  # so many questions it answers over one connection; None: as many as we ask
        )

        self.silent = 0  # connections that it took, and at which it said nothing, while it never said anything
        self.has_spoken = False

    def spoke(self) -> None:
        """It said something, at whatever port: it is no tarpit, and deserves the whole patience."""
        self.silent, self.has_spoken = 0, True

    @property
    def target_matches(self) -> int:
        """The number of matches that the next question should have."""
        return int(max(min(self._target, QUESTION_SECONDS / (self._cost or FASTEST)), FEWEST_MATCHES))

    @property
    def seconds_each(self) -> float | None:
        """Seconds that the archive takes for one match, by its last answer of many. None: it gave none."""
        return self._cost

    @property
    def exhausted(self) -> bool:
        """Whether the archive showed distress so often that we should leave it alone."""
        return self._signs >= ENOUGH_DISTRESS

    def answered(self, question: Hashable, waited: float, seconds: float, matches: int = 0) -> None:
        """Notes an answer: seconds to the first byte (`waited`) and to the last.

        Only similar questions are compared.
        """
        habit = self._habits.get(question)
        if habit is None:
            habit = self._habits[question] = _Habit()
        if waited > SLOW * habit.expects(matches) + SLOWER_BY:
            self._less(0.5)
        else:
            self._signs = 0
            self.share = min(self._most, self.share + GAIN * self._most)
            self._target = min(self._target * (1 + GAIN), MOST_MATCHES)
        habit.learn(waited, matches)
        if matches >= MANY_MATCHES:
            self._cost = max(seconds / matches, FASTEST)
        self._owed += seconds * (1 / self.share - 1)

    def broke_off(self) -> None:
        """A question ended without an answer. An archive that never answered is refusing; it is not in distress."""
        if self._habits:
            self.distressed()

    def out_of_resources(self) -> None:
        """The archive refused a question for lack of resources. A smaller question may follow, later."""
        self._less(0.25)
        self._owed += DISTRESS_SECONDS

    def distressed(self, retry_after: float = 0.0) -> None:
        """The archive said that it is too busy."""
        self._less(0.25)
        self._owed += max(retry_after, DISTRESS_SECONDS * 2**self._signs)
        self._signs = min(self._signs + 1, ENOUGH_DISTRESS)

    def rest(self) -> float:
        """Seconds to leave the archive alone before the next question.

        A call counts them as kept, so each is told once.
        """
        if self._owed < SHORTEST_REST:
            return 0.0
        seconds, self._owed = min(self._owed, LONGEST_REST), 0.0
        return seconds

    def _less(self, factor: float) -> None:
        self.share = max(self.share * factor, self._most * LEAST)
        self._target = max(self._target * max(factor, 0.5), FEWEST_MATCHES)


@dataclass(slots=True)
class _Habit:
    """An archive's shortest times to the first byte. Some archives make the whole answer before they send it."""

    alone: float = math.inf  # seconds for a question by itself
    each: float = math.inf  # further seconds for each match

    def expects(self, matches: int) -> float:
        if matches < MANY_MATCHES:
            return self.alone
        return self.each * matches + (self.alone if math.isfinite(self.alone) else 0.0)

    def learn(self, waited: float, matches: int) -> None:
        if matches < MANY_MATCHES:
            self.alone = min(self.alone * FORGET, waited)
        else:
            left = waited - (self.alone if math.isfinite(self.alone) else 0.0)
            self.each = min(self.each * FORGET, max(left / matches, FASTEST))
