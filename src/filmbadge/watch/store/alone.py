"""One dashboard in one folder: two would tell everything twice."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filmbadge.keep import files
from filmbadge.model import Refusal
from filmbadge.watch.store.store import NAME

if sys.platform != "win32":
    import fcntl


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """The kernel lets go of it however this process ends. No other process inherits it. Raises Refusal."""
    handle = os.open(directory / f"{NAME}.alone", os.O_RDWR | os.O_CREAT, files.FILE)
    try:
        if sys.platform != "win32":
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Refusal(
                    f"a dashboard runs in {files.shown(directory)} already: end that one, or use another folder"
                ) from None
        yield
    finally:
        os.close(handle)
