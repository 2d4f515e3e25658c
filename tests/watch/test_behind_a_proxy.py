"""The dashboard behind nginx, as the documentation has it."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from support import certificates, tls_front
from support.doors import asked, served
from support.hanging import HANGS

DOCS = Path(__file__).parents[2] / "docs" / "watch.md"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Says which headers came, and at /stream a line each time that it is read."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"data: first\n\n", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    told = "\n".join(f"{name.decode()}={value.decode()}" for name, value in scope["headers"])
    await send({"type": "http.response.body", "body": told.encode()})


def documented(port: int) -> str:
    """The server of nginx, without where it listens and its certificate."""
    found = re.search(r"^```nginx\nserver \{\n(.*?)^\}\n```", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    lines = [line for line in found[1].splitlines() if not line.strip().startswith(("listen ", "ssl_certificate"))]
    return "\n".join(lines).replace("127.0.0.1:8700", f"127.0.0.1:{port}")


@pytest.mark.real
def test_nginx_hands_on_what_the_documentation_says(tmp_path: Path) -> None:
    pair = certificates.make(tmp_path, alternatives=("127.0.0.1",))
    context = ssl.create_default_context(cafile=str(pair.certificate))
    forged = b"X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-User: root\r\nX-Forwarded-Groups: admin\r\nForwarded: for=192.0.2.9\r\n"
    with served(app) as port, tls_front.nginx(tmp_path, documented(port), tls=tls_front.Tls(pair)) as front:
        answer = asked(
            front, b"GET / HTTP/1.1\r\nHost: watch.example.org\r\nConnection: close\r\n" + forged + b"\r\n", context
        )
        came = dict(line.split("=", 1) for line in answer.decode().splitlines() if "=" in line)
        assert came["host"] == "watch.example.org"
        assert came["x-forwarded-for"] == "127.0.0.1"
        assert came["x-forwarded-proto"] == "https"
        assert not {"x-forwarded-user", "x-forwarded-groups", "forwarded"} & came.keys()
        with (
            socket.create_connection(("127.0.0.1", front), HANGS) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as stream,
        ):
            stream.sendall(b"GET /stream HTTP/1.1\r\nHost: h\r\n\r\n")
            held = b""
            while b"data: first" not in held:  # it comes while the stream is open
                piece = stream.recv(65536)
                assert piece
                held += piece
