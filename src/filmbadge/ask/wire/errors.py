"""What a protocol raises when its peer breaks it."""

from __future__ import annotations

from filmbadge.model import Ending


class WireError(Exception):
    """The peer broke the protocol.

    Carries our own words, offsets and tags only, never bytes that the peer sent.
    """

    def __init__(self, message: str, ending: Ending = Ending.BROKEN) -> None:
        super().__init__(message)
        self.ending = ending
