"""How far a survey is, as it goes on: server-sent events (HTML Standard, 9.2). A page without a script asks again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from filmbadge.watch.people.who import Who
from filmbadge.watch.service import Service
from filmbadge.watch.views import runs
from filmbadge.watch.web import table

_EVERY_SECONDS = 1.0
_LONGEST_SECONDS = 600.0  # then the browser asks again, and whether it still may is looked at
_MOST = 32  # streams at once

May = Callable[..., Who | Response]


def routes(may: May, service: Service) -> list[Route]:
    open_now: set[object] = set()
    page = next(page for page in table.PAGES if page.path == "/surveys/{run:int}")

    async def answer(request: Request) -> Response:
        who = await run_in_threadpool(may, request, page, api=True)
        if isinstance(who, Response):
            return who
        if len(open_now) >= _MOST:
            return Response("too many pages follow a survey now", 503)
        return StreamingResponse(events(request.path_params["run"]), media_type="text/event-stream")

    async def events(run: int) -> AsyncIterator[str]:
        mark = object()
        open_now.add(mark)
        try:
            last: Any = None
            for _ in range(int(_LONGEST_SECONDS / _EVERY_SECONDS)):
                try:
                    state = await run_in_threadpool(runs.live, service, run)
                except LookupError:
                    return
                if state != last:
                    yield f"data: {msgspec.json.encode(state).decode()}\n\n"
                    last = state
                if state.state == "ended":
                    return
                await asyncio.sleep(_EVERY_SECONDS)
        finally:
            open_now.discard(mark)

    return [Route("/surveys/{run:int}/live", answer, methods=["GET"], name="live")]
