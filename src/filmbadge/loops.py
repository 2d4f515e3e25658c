"""The event loop of each process of ours."""

from __future__ import annotations

import asyncio
import sys

if sys.platform != "win32":
    import uvloop


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's event loop. Windows has no uvloop, so there it is asyncio's own."""
    if sys.platform == "win32":
        return asyncio.new_event_loop()
    else:  # noqa: RET505 - mypy follows a platform by its branches
        return uvloop.new_event_loop()
