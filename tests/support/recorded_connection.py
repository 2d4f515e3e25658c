"""A connection without a network: what a talk sent, waited for, and was ended with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from filmbadge.ask.errors import WireError
from filmbadge.ask.wire.conversation import Conversation
from filmbadge.model import Outcome, OutcomeKind

HUNG_UP = Outcome(OutcomeKind.CLOSED)


class RecordedLine:
    """A `Connection` that carries nothing."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.writes = 0
        self.waits: list[float] = []
        self.rests: list[float] = []
        self._then: Callable[[], None] = lambda: None
        self.stop: Outcome | None = None

    def send(self, data: bytes) -> None:
        if self.stop is None:
            self.sent += data
            self.writes += 1

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    def rest(self, seconds: float, then: Callable[[], None]) -> None:
        """It is over when the next bytes are due: a peer says nothing unasked."""
        self.rests.append(seconds)
        self._then = then

    def rested(self) -> None:
        then, self._then = self._then, lambda: None
        then()

    def close(self, stop: Outcome) -> None:
        self.stop = self.stop or stop


def converse(talk: Conversation, chunks: Iterable[bytes], end: Outcome = HUNG_UP) -> tuple[RecordedLine, Outcome]:
    """Carry a talk as the dialer does: the first stop ends it, and a protocol error is a stop with a farewell."""
    line = RecordedLine()
    talk.opened(line)
    held = b""
    for chunk in chunks:
        if line.stop is not None:
            break
        line.rested()
        held += chunk
        try:
            held = held[talk.received(memoryview(held)) :]
        except WireError as error:
            line.send(talk.farewell())
            line.close(error.stop)
    return line, talk.ended(line.stop or end)


def split(stream: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The stream in the pieces that a network might deliver it in, none of them empty."""
    edges = [0, *sorted({cut % len(stream) for cut in cuts} - {0}), len(stream)]
    return [stream[low:high] for low, high in pairwise(edges)]
