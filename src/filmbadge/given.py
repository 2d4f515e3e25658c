"""Files that the user names. What is read of them is bounded, and nothing is waited for that cannot come.

A pipe is read where somebody writes to it, as the shell does for `<(command)`. One that nobody writes to is refused.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

PIECE = 1 << 16  # bytes that are read at once
_AT_ONCE = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)  # a named pipe would be waited for


def opened(path: Path) -> int:
    """A descriptor, at once, whatever stands there. Raises OSError."""
    return os.open(path, _AT_ONCE)


def pieces(path: Path) -> Iterator[bytes]:
    """What a file or a pipe holds, in pieces. Raises OSError that names it."""
    handle = opened(path)
    try:
        yield from _first(handle, path)
        while piece := os.read(handle, PIECE):
            yield piece
    except OSError as error:  # of a descriptor, such as a folder's, the system does not say what it stands for
        error.filename = error.filename or str(path)
        raise
    finally:
        os.close(handle)


def _first(handle: int, path: Path) -> Iterator[bytes]:
    """What there is at once. The end of a pipe says that nobody writes to it; who writes to it later makes us wait."""
    head = None
    with suppress(BlockingIOError):
        head = os.read(handle, PIECE)
    if head:
        yield head
    elif head is not None and stat.S_ISFIFO(os.fstat(handle).st_mode):
        raise OSError(errno.ENXIO, "nobody writes to this pipe", str(path))
    if sys.platform != "win32":
        os.set_blocking(handle, True)


def read(path: Path, limit: int) -> bytes:
    """All of it; where that is more than `limit`, some bytes more than `limit`. Raises OSError."""
    held = bytearray()
    for piece in pieces(path):
        held += piece
        if len(held) > limit:
            break
    return bytes(held)


def near(path: Path) -> str:
    """A file that is called nearly so, and is in the same folder. Empty if there is none."""
    try:
        there = {one.name: one for one in islice(path.parent.iterdir(), 10_000) if one.is_file()}
    except (OSError, ValueError):  # there is no such folder, or no folder can be called so
        return ""
    return next((str(there[name]) for name in get_close_matches(path.name, there, n=1, cutoff=0.8)), "")
