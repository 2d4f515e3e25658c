"""The files that pages fetch: one style sheet and one small script. A digest is in their address, so they are fetched once."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmbadge.tell.report import family

_KINDS = {"watch.css": "text/css", "watch.js": "text/javascript"}


@cache
def content(name: str) -> bytes:
    """The style sheet is that of all our pages, with what the dashboard has besides."""
    own = files(__package__).joinpath("static", name).read_text(encoding="utf-8")
    return ((family.style() if name.endswith(".css") else "") + own).encode()


@cache
def address(name: str) -> str:
    return f"/static/{sha256(content(name)).hexdigest()[:16]}/{name}"


def routes() -> list[Route]:
    """For anybody: the page to log in needs them."""

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _KINDS or request.url.path != address(name):
            return Response("", 404)
        return Response(
            content(name), media_type=_KINDS[name], headers={"cache-control": "public, max-age=31536000, immutable"}
        )

    return [Route("/static/{digest}/{name}", answer, methods=["GET"], name="static")]
