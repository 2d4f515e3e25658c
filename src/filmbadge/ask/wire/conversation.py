"""The seam between the dialer and the protocols.

A protocol is a `Conversation`: it is handed bytes and hands bytes back, and holds no socket. So a protocol
cannot dial, and can be tested and fuzzed without a network.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from filmbadge.model import Outcome


class Connection(Protocol):
    """What a talk may do with its connection."""

    def send(self, data: bytes) -> None: ...

    def wait(self, seconds: float) -> None:
        """Close with `fell silent` if the peer says nothing for this long. Replaces the idle bound."""

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        """Call `then` after this long, if the connection still stands. This silence is ours, and in no bound of time."""

    def close(self, stop: Outcome) -> None:
        """End the connection; the first stop given counts."""


class Conversation(Protocol):
    """A conversation over one connection."""

    def opened(self, line: Connection) -> None: ...

    def received(self, data: memoryview) -> int:
        """Bytes from the peer. Returns how many were taken; the rest comes again, with more behind it.

        May raise WireError (`wire.errors`) when the peer broke the protocol. The memory is reused afterwards.
        """

    def leave(self) -> bool:
        """Asked to stop. True: the talk has begun to end in order and will close. False: there is no order to end in."""

    def farewell(self) -> bytes:
        """Last bytes, when a cap or an impatient user ends the talk where it stands."""

    def ended(self, stop: Outcome) -> Outcome:
        """Called once; nothing is received or sent afterwards. Returns the stop in the talk's own view."""


class Meter(Protocol):
    """What is told how much is asked and received, while it happens."""

    def asked(self) -> None: ...

    def received(self, size: int) -> None: ...
