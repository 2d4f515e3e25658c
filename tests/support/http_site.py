"""Servers of HTTP that answer path by path, and a visit to one."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from filmbadge.ask import web
from filmbadge.model import Depth, JournalRow, Observation
from filmbadge.scope import LOOPBACK, Scope
from support.loopback import caps, contact, listening, run

SYSTEM = json.dumps({"Version": "1.12.1", "ApiVersion": 18, "DicomAet": "ORTHANC", "DicomPort": 4242}).encode()
COUNTERS = b'{"CountPatients": 2, "CountStudies": 3, "CountSeries": 4, "CountInstances": 5}'
Answer = Callable[[str], bytes]  # from a path to a response
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def http(head: str, body: bytes = b"", version: str = "1.1") -> bytes:
    return f"HTTP/{version} {head}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def serving(answer: Answer, paths: list[str] | None = None, pages: int = 1 << 30) -> Handler:
    """A server that closes each connection after so many pages."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(pages):
            head = await reader.readuntil(b"\r\n\r\n")
            path = re.match(r"GET (\S+) HTTP/1.1\r\n", head.decode())
            assert path is not None
            if paths is not None:
                paths.append(path[1])
            writer.write(answer(path[1]))

    return handler


def orthanc(path: str) -> bytes:
    known = {"/system": SYSTEM, "/statistics": COUNTERS}
    return http("200 OK", known[path]) if path in known else http("404 Not Found")


HASTY = replace(LOOPBACK, caps=caps(idle_seconds=1))


def visited(
    handler: Handler, depth: Depth = Depth.COUNT, scope: Scope = LOOPBACK
) -> tuple[Observation, list[JournalRow]]:
    async def work() -> tuple[Observation, list[JournalRow]]:
        there, rows = contact(scope)
        async with listening(handler) as port:
            return await web.identify_either(there, port, depth), rows

    return run(work())


def viewer(*roots: str) -> Handler:
    """OHIF that names these roots."""
    named = ",".join("{qidoRoot: " + json.dumps(root, ensure_ascii=False) + "}" for root in roots)
    script = http("200 OK\r\nContent-Type: text/javascript", f"window.config={{x: [{named}]}}".encode())
    pages = {"/": http("200 OK\r\nContent-Type: text/html", b"<title>OHIF Viewer</title>"), "/app-config.js": script}
    return serving(lambda path: pages.get(path, http("404 Not Found")))
