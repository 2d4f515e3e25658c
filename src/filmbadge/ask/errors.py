"""What a protocol raises when its peer breaks it."""

from __future__ import annotations

from filmbadge.model import OutcomeKind


class WireError(Exception):
    """The peer broke the protocol.

    Carries our own words, offsets and tags that we know, never bytes that the peer sent: where those are taken apart at
    a wrong place, a tag is four bytes of a value.
    """

    def __init__(self, message: str, ending: OutcomeKind = OutcomeKind.BROKEN, *, abort_reason: int = 0) -> None:
        super().__init__(message)
        self.ending = ending
        self.abort_reason = abort_reason  # for the A-ABORT that answers it, PS3.8 Table 9-26
