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
    seen, rows = visited(serving(lambda _: http("400 Bad Request", words), pages=1), scope=HASTY)
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


def test_a_front_page_that_leads_below_a_path_says_where_to_look() -> None:
    """Orthanc below a path of a reverse proxy, which may think that it has another port."""

    def below(path: str) -> bytes:
        return orthanc(path.removeprefix("/imaging")) if path.startswith("/imaging/") else http("404 Not Found")

    leads = [
        http("302 Found\r\nLocation: /imaging/app/explorer.html"),
        http("301 Moved\r\nLocation: http://127.0.0.1/imaging/"),
        http("200 OK\r\nContent-Type: text/html", b'<meta http-equiv="refresh" content="0; URL=/imaging/app/">'),
    ]
    for lead in leads:
        for depth in (Depth.KNOCK, Depth.ASK):
            seen, _ = visited(serving(lambda path, lead=lead: lead if path == "/" else below(path)), depth)  # type: ignore[misc]
            archive = seen.get(OrthancFacts)
            assert archive is not None and (archive.is_orthanc, archive.base) == (True, "/imaging")
            assert archive.counters.studies == (3 if depth is Depth.ASK else None)


def test_a_login_at_other_paths_says_nothing_of_a_products_own() -> None:
    login = http('401 Unauthorized\r\nWWW-Authenticate: Basic realm="Orthanc Secure Area"')
    for base in ("", "/orthanc"):

        def answer(path: str, base: str = base) -> bytes:
            known = orthanc(path.removeprefix(base)) if path.startswith(f"{base}/s") else login
            return login if b" 404 " in known else known

        seen, _ = visited(serving(answer))
        archive = seen.get(OrthancFacts)
        assert archive is not None and (archive.base, archive.counters.studies) == (base, 3)
        assert place(seen).why is Reason.COUNTER


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 {status} X\r\nContent-Length : {length}\r\n\r\n",
        "HTTP/1.1 {status} X\nContent-Length: {length}\n\n",
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Length: {length}\r\n\r\n",
        "HTTP/1.1 {status} X\r\nX-Long: a\r\n b\r\nContent-Length: {length}\r\nContent-Encoding: UTF-8\r\n\r\n",
        "\r\nHTTP/1.1 {status} X\r\nno colon\r\nContent-Length: {length}\r\n\r\n",
    ],
)
@pytest.mark.parametrize("pages", [1, 1 << 30])
def test_a_server_that_writes_its_heads_in_its_own_way(head: str, pages: int) -> None:
    def answer(path: str) -> bytes:
        start, _, body = orthanc(path).partition(b"\r\n\r\n")
        return head.format(status=start.split(b" ")[1].decode(), length=len(body)).encode() + body

    seen, _ = visited(serving(answer, pages=pages))
    assert place(seen).why is Reason.COUNTER


@pytest.mark.parametrize(("drops", "failures"), [(1, 0), (0, 1), (1, 1), (0, 3)])
def test_a_server_that_fails_at_first_is_tried_again(drops: int, failures: int) -> None:
    """It drops its first connections without a word, and its proxy cannot reach it for the first requests."""
    connections, requests = 0, 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections, requests
        connections += 1
        if connections <= drops:
            return
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).decode().split(" ")[1]
            requests += 1
            writer.write(http("502 Bad Gateway") if requests <= failures else orthanc(path))

    seen, _ = visited(handler)
    assert place(seen).why is Reason.COUNTER


def test_a_known_path_that_breaks_off_leaves_a_door_untried() -> None:
    def answer(path: str) -> bytes:
        return b"HTTP/1.1 200 O" if path.startswith("/dicomweb/") else http("404 Not Found")

    seen, _ = visited(serving(answer, pages=1), scope=HASTY)
    shown = seen.get(PageFacts)
    assert shown is not None and not shown.doors
    for path in ("/", "/system", "/dcm4chee-arc/aets"):
        seen, _ = visited(serving(lambda asked, path=path: http("500 No" if asked == path else "404 Not Found")))  # type: ignore[misc]
        shown = seen.get(PageFacts)
        assert shown is not None and shown.doors is False
    seen, _ = visited(serving(lambda _: http("404 Not Found"), pages=1))
    shown = seen.get(PageFacts)
    assert shown is not None and shown.doors
