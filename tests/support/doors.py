"""An app behind the second door of the dashboard, and one who asks it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from filmbadge.watch.door import Door
from support.hanging import HANGS


@contextmanager
def served(app: Any, **more: Any) -> Iterator[int]:
    """An app, behind the second door, by a loop in a thread; ended by being cancelled."""
    loop = asyncio.new_event_loop()
    listening: list[int] = []
    there = threading.Event()

    def ready(_host: str, port: int) -> None:
        listening.append(port)
        loop.call_later(0, there.set)

    async def run() -> None:
        await Door(tuple).listen(app, "127.0.0.1", 0, ready=ready, **more)

    task = loop.create_task(run())
    serving = threading.Thread(target=lambda: loop.run_until_complete(asyncio.wait([task])))
    serving.start()
    try:
        assert there.wait(HANGS)
        yield listening[0]
    finally:
        loop.call_soon_threadsafe(task.cancel)
        serving.join(HANGS)
        assert not serving.is_alive()
        loop.close()


def asked(port: int, request: bytes, context: ssl.SSLContext | None = None) -> bytes:
    with ExitStack() as stack:
        connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), HANGS))
        if context is not None:
            connection = stack.enter_context(context.wrap_socket(connection, server_hostname="127.0.0.1"))
        connection.sendall(request)
        held = b""
        while piece := connection.recv(65536):
            held += piece
        return held
