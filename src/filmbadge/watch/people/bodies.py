"""What a request brings, read to a bound: whoever is not known yet may send it too."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import Message

from filmbadge.model import Refusal


def bounded(request: Request, most: int) -> Request:
    """The same request, whose body raises Refusal where it is longer, whether it said so before or not."""
    left = most
    receive = request.receive

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise Refusal("this is too large")
        return message

    return Request(request.scope, counted)
