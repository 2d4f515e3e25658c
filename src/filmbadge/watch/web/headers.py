"""Headers of every response, and the check that a request is meant for this dashboard."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmbadge.watch.service import Service

# Scripts and styles come from our own files alone; nobody may frame a page or take a form elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # with none at all, browsers would not say either that our own forms are ours
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Headers:
    """A request with another Host is not for us: a page elsewhere had the browser call an address of ours by its own name."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
                if self._service.gate.secure(scope):
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        if not self._service.gate.named(scope):
            answer = PlainTextResponse(
                "This dashboard is not called so. Names it may be called by stand in watch.toml, under web.names.\n",
                421,
            )
            await answer(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)
