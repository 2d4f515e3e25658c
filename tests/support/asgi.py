"""A browser for an ASGI application, in this process: it keeps cookies as a browser does, and sends whatever it is told to."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from support.hanging import HANGS

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
Headers = tuple[tuple[str, str], ...]


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def said(self) -> Any:
        return json.loads(self.body)

    @property
    def to(self) -> str:
        return self.header("location")

    @property
    def csrf(self) -> str:
        found = _CSRF.search(self.text)
        return found[1] if found else ""

    @property
    def cookies(self) -> dict[str, str]:
        """Each that it sets, as the header has it."""
        return {value.partition("=")[0]: value for name, value in self.headers if name == "set-cookie"}

    def header(self, name: str) -> str:
        return next((value for held, value in self.headers if held == name), "")


@dataclass
class Browser:
    app: Any
    runner: asyncio.Runner
    peer: str = "127.0.0.1"
    scheme: str = "http"
    server: tuple[str, int] = ("127.0.0.1", 8700)
    host: str = "127.0.0.1:8700"
    always: Headers = ()
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, *headers: tuple[str, str], host: str | None = None) -> Answer:
        return self.ask("GET", path, *headers, host=host)

    def post(self, path: str, *headers: tuple[str, str], **form: object) -> Answer:
        kind = ("content-type", "application/x-www-form-urlencoded")
        return self.ask("POST", path, kind, *headers, body=urlencode(form).encode())

    def send(self, path: str, *headers: tuple[str, str], **form: object) -> Answer:
        """The same as JSON."""
        return self.ask("POST", path, ("content-type", "application/json"), *headers, body=json.dumps(form).encode())

    def log_in(self, name: str, password: str, to: str = "/account") -> Answer:
        return self.post("/login", name=name, password=password, to=to, csrf=self.get("/login").csrf)

    def ask(
        self, method: str, path: str, *headers: tuple[str, str], body: bytes = b"", host: str | None = None
    ) -> Answer:
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in (*self.always, *headers)]
        held = self.host if host is None else host
        if held:
            sent.insert(0, (b"host", held.encode("latin-1")))
        if self.cookies and not any(name == b"cookie" for name, _ in sent):
            sent.append((b"cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()).encode()))
        where, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": self.scheme,
            "path": unquote(where), "raw_path": where.encode(), "query_string": query.encode(), "root_path": "",
            "headers": sent, "client": (self.peer, 50000), "server": self.server,
        }  # fmt: skip
        answer = self.runner.run(asyncio.wait_for(_asked(self.app, scope, body), HANGS))
        for name, value in answer.cookies.items():
            self.cookies[name] = value.partition("=")[2].partition(";")[0].strip('"')
            if "max-age=0" in value.lower():
                del self.cookies[name]
        return answer


async def _asked(app: Any, scope: dict[str, Any], body: bytes) -> Answer:
    answer = Answer(0, [], b"")
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    ended = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not waiting:
            await ended.wait()  # a browser stays until all of it is there
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
        else:
            answer.body += message.get("body", b"")
            if not message.get("more_body"):
                ended.set()

    try:
        await app(scope, receive, send)
    except Exception:  # the page that says so went out before
        if answer.status != 500:
            raise
    return answer
