"""A stream of bytes, in pieces of any size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def begun(chunks: Iterable[bytes], wanted: int) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, at least so many where there are, and all of the stream again."""
    rest, held = iter(chunks), b""
    while len(held) < wanted and (piece := next(rest, None)) is not None:
        held += piece

    def again() -> Iterator[bytes]:
        if held:
            yield held
        yield from rest

    return held, again()
