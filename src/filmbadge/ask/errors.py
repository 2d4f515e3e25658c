"""What a protocol raises when its peer breaks it."""

from __future__ import annotations

from filmbadge.model import Cause, Outcome, OutcomeKind


class WireError(Exception):
    """The peer broke the protocol.

    Carries a code, and offsets and lengths that we know, never bytes that the peer sent: where those are taken apart at
    a wrong place, a tag is four bytes of a value.
    """

    def __init__(
        self, cause: Cause, *numbers: int, ending: OutcomeKind = OutcomeKind.BROKEN, abort_reason: int = 0
    ) -> None:
        super().__init__(cause, *numbers)
        self.cause = cause
        self.ending = ending
        self.abort_reason = abort_reason  # for the A-ABORT that answers it, PS3.8 Table 9-26
        self._numbers = numbers  # in the order in which the cause names them

    @property
    def stop(self) -> Outcome:
        return Outcome(self.ending, self.cause, dict(zip(self.cause.numbers, self._numbers, strict=True)))
