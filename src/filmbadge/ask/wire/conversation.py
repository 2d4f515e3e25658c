"""The seam between the dialer and the protocols.

A protocol is a `Conversation`: it takes bytes and returns bytes, and holds no socket. So a protocol cannot dial, and
can be tested and fuzzed without a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from filmbadge.model import Outcome


class Connection(Protocol):
    """The part of a connection that a conversation may use."""

    def send(self, data: bytes) -> None: ...

    def wait(self, seconds: float) -> None:
        """Close with `fell silent` if the peer says nothing for this many seconds. This replaces the idle limit."""

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` after this many seconds, if the connection still stands.

        This silence is ours and counts for no limit.
        """

    def close(self, stop: Outcome) -> None:
        """End the connection. The first stop that is given counts."""


class Conversation(Protocol):
    """A conversation over one connection."""

    def opened(self, line: Connection) -> None: ...

    def received(self, data: memoryview) -> int:
        """Takes bytes from the peer. Returns how many were taken: the rest comes again, with more bytes after it.

        May raise WireError (`wire.errors`) if the peer broke the protocol. The memory is reused afterwards.
        """

    def leave(self) -> bool:
        """Stop in order. True: the conversation has begun to end and will close. False: the protocol has no orderly end now."""

    def farewell(self) -> bytes:
        """The last bytes to send, if a limit or an impatient user ends the conversation immediately."""

    def ended(self, stop: Outcome) -> Outcome:
        """Called once; nothing is received or sent afterwards. Returns the stop as the conversation itself sees it."""


class Meter(Protocol):
    """Is told how much is asked and received, while it happens, and says when to wait."""

    @property
    def short(self) -> bool:
        """Whether there is no memory for more answers: the connection ends in order, and the next waits for `room`."""

    async def room(self) -> None:
        """Waits until there is memory again, at most as long as the census may last."""

    def asked(self) -> None: ...

    def received(self, size: int) -> None: ...
