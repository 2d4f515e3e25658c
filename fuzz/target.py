"""What the fuzzer throws bytes at: both decoder cores, which must agree, and a whole association.

The first byte chooses the options and how the rest is cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from filmbadge.ask.decoder import Tally, compiled, elements, pure
from filmbadge.ask.dimse.association import Association, Echo, Operations, Query
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.model import Outcome, OutcomeKind

KEY = RunKey()


def one(data: bytes) -> None:
    """Raises where a promise is broken; returns where bytes were merely bad."""
    if not data:
        return
    options, stream = data[0], data[1:]
    size = (1 << 20, 1, 7, 64)[options & 3]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    heard = [_hear(core, pieces, options) for core in (pure, compiled)]
    assert heard[0] == heard[1], f"the cores differ: {heard}"
    _converse(pieces)


def _hear(core: ModuleType, pieces: list[bytes], options: int) -> tuple[object, ...]:
    tally = core.Tally(KEY, keep=2 if options & 4 else 0)
    reader = core.Reader((1, 3, 5))
    reader.mode = (options >> 3 & 3) % 3
    stop_after = options >> 5 & 3
    reader.expect(1, bool(options & 128), tally, stop_after)
    held, log = b"", []
    for piece in pieces:
        held += piece
        while True:
            taken = reader.feed(held)
            assert 0 <= taken <= len(held)
            held = held[taken:]
            log.append((taken, reader.event))
            if reader.event is None:
                break
            if reader.event[0] == "error":
                return (*log, _counts(tally))
    return (*log, reader.matches, _counts(tally))


def _counts(tally: Tally) -> tuple[object, ...]:
    return (
        tally.rows, tally.malformed, tally.distinct, tally.series, tally.images,
        tally.series_known, tally.images_known, tuple(tally.kept),
    )  # fmt: skip


class _Line:
    def __init__(self) -> None:
        self.stop: Outcome | None = None

    def send(self, data: bytes) -> None:
        pass

    def wait(self, seconds: float) -> None:
        pass

    def rest(self, seconds: float, then: Callable[[], None]) -> None:  # noqa: ARG002
        then()

    def close(self, stop: Outcome) -> None:
        self.stop = self.stop or stop


def _converse(pieces: list[bytes]) -> None:
    """Nothing but WireError leaves an association, and its words hold none of the peer's bytes."""
    keys = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))

    def script(_: Association) -> Operations:
        yield Echo()
        yield Query(STUDY_ROOT_FIND, keys, Tally(KEY), cancel_after=2)

    talk, line, held = Association("ANY-SCP", script, throttle=Throttle(0.5)), _Line(), b""
    talk.opened(line)
    for piece in pieces:
        held += piece
        try:
            held = held[talk.received(memoryview(held)) :]
        except WireError as error:
            assert str(error).isascii()
            talk.farewell()
            break
        if line.stop is not None:
            break
    talk.ended(Outcome(OutcomeKind.CLOSED))
