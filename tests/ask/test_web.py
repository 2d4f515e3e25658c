"""A visit to one port, against peers that answer page by page."""

from __future__ import annotations

import asyncio
import re

import pytest

from filmbadge.ask import web
from filmbadge.ask.wire.fetch import CONNECTIONS
from filmbadge.judge.ladder import place
from filmbadge.model import Depth, OrthancFacts, OutcomeKind, PageFacts, Reason, Rung
from support.http_site import HASTY, http, orthanc, serving, visited
from support.loopback import contact, listening, run


@pytest.mark.parametrize("pages", [1, 2, 1 << 30])
def test_a_server_may_close_when_it_likes(pages: int) -> None:
    paths: list[str] = []
    seen, rows = visited(serving(orthanc, paths, pages))
    archive, shown = seen.get(OrthancFacts), seen.get(PageFacts)
    assert archive is not None and shown is not None
    assert (archive.counters.studies, shown.status, shown.catch_all) == (3, 404, False)
    assert place(seen).why is Reason.COUNTER
    assert re.fullmatch(r"/[a-z]{12,}", paths[0])
    assert paths[1:4] == ["/", "/system", "/statistics"]
    assert (len(rows) == 1) is (pages > 2)
    assert {row.stop.ending for row in rows} == {OutcomeKind.COMPLETED}


def test_one_page_for_every_path_proves_nothing() -> None:
    page = b"<html><title>Welcome</title></html>"
    seen, _ = visited(serving(lambda _: http("200 OK\r\nContent-Type: text/html", page)))
    shown = seen.get(PageFacts)
    assert shown is not None and shown.catch_all
    assert place(seen).rung is Rung.LISTENING


def test_a_redirect_elsewhere_is_noted_and_not_followed() -> None:
    async def work() -> None:
        there, rows = contact()
        calls: list[int] = []

        async def other(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            calls.append(1)

        async with listening(other) as elsewhere:
            moved = http(f"302 Found\r\nLocation: http://127.0.0.1:{elsewhere}/")
            async with listening(serving(lambda _: moved)) as port:
                seen = await web.visit(there, port, Depth.COUNT)
        shown = seen.get(PageFacts)
        assert shown is not None and shown.elsewhere
        assert calls == []
        assert {row.port for row in rows} == {port}

    run(work())


@pytest.mark.parametrize("words", [b"The plain HTTP request was sent to HTTPS port", b"to an SSL-enabled server port."])
def test_a_port_of_https_that_says_so_is_asked_over_tls_once(words: bytes) -> None:
    seen, rows = visited(serving(lambda _: http("400 Bad Request", words), pages=1))
    assert [row.question for row in rows] == ["http ask", "http ask over TLS"]
    assert seen.tls is None and place(seen).rung is Rung.LISTENING


def test_a_host_that_hangs_up_is_asked_twice() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    _, rows = visited(hang_up)
    assert len(rows) == 2


def test_a_host_that_breaks_off_is_asked_no_more_than_twice_again() -> None:
    def answer(path: str) -> bytes:
        return http("404 Not Found") if re.fullmatch(r"/[a-z]*", path) and path != "/system" else b"HTTP/1.1 200 O"

    _, rows = visited(serving(answer, pages=2), scope=HASTY)
    assert sum(row.stop.ending is not OutcomeKind.COMPLETED for row in rows) <= 2
    assert len(rows) < CONNECTIONS
