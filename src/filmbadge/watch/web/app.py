"""The web application, made from the table of routes. Every request goes the same way: who, whether they may, then the view or the action."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio.to_thread
import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch.people.bodies import bounded
from filmbadge.watch.people.who import Who
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import StoreError
from filmbadge.watch.web import live, open_to_all, openapi, static, table
from filmbadge.watch.web.headers import Headers
from filmbadge.watch.web.pages import Pages
from filmbadge.watch.web.routes import Action, Asked, Page

API = "/api/v1"
LOG = logging.getLogger("filmbadge.watch.web")
_THREADS = 8  # each has a connection to the store, with a cache of its own
_MOST_FORM_BYTES = 1 << 20
_LONGEST_FAULT = 400  # characters: what was sent may be quoted in it
_JSON = "application/json"


class _Number(IntegerConvertor):
    """Of a row. What has more digits leads to no page: Python reads no number of 5,000."""

    regex = "[0-9]{1,30}"


def build(service: Service) -> ASGIApp:
    """The application. It opens nothing by itself."""
    register_url_convertor("int", _Number())
    site = Site(service)
    routes: list[BaseRoute] = [
        *static.routes(),
        *live.routes(site.may, service),
        *open_to_all.routes(site.may, service),
    ]
    for page in table.PAGES:
        routes += [site.page(page), site.page(page, api=True)]
    for action in table.ACTIONS:
        routes += [site.action(action), site.action(action, api=True)]
    routes.append(Route(f"{API}/openapi.json", site.described, methods=["GET"]))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> Any:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        yield

    app = Starlette(
        routes=[*service.gate.routes(site), *routes],
        exception_handlers={404: site.missing, Refusal: site.unable, Exception: site.broken},
        lifespan=lifespan,
    )
    return Headers(app, service)  # outside all of it: a page that says that something failed has them too


class Site:
    """The routes as Starlette has them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.pages = Pages(service)
        self._by_path = {page.path: page for page in table.PAGES}

    def page(self, page: Page, *, api: bool = False) -> Route:
        async def answer(request: Request) -> Response:
            return await run_in_threadpool(self._show, page, request, api)

        return Route(API + page.path if api else page.path, answer, methods=["GET"], name=f"{'api ' * api}{page.path}")

    def action(self, action: Action, *, api: bool = False) -> Route:
        async def answer(request: Request) -> Response:
            who = await run_in_threadpool(self.may, request, action, api=api)
            if isinstance(who, Response):
                return who  # nothing of theirs is read
            try:
                given = await _given(request, api=api)
            except Refusal as error:
                return self._fault(400, str(error), api=api, who=who)
            return await run_in_threadpool(self._tried, action, request, who, given, api)

        return Route(
            API + action.path if api else action.path, answer, methods=["POST"], name=f"do {'api ' * api}{action.path}"
        )

    def may(self, request: Request, route: Page | Action, *, api: bool) -> Who | Response:
        """Whoever asks, or why they may not."""
        who = self.service.gate.who(request)
        if who is None:
            if api or isinstance(route, Action):
                return self._fault(401, "log in first, or send an API token", api=api)
            return RedirectResponse(f"/login?to={quote(_here(request), safe='')}", 303)
        assert route.role is not None
        if not who.role.reaches(route.role):
            if isinstance(route, Action):
                self.service.gate.note(request, who, route.what, _about(request), "refused")
            return self._fault(403, f"this needs the role {route.role}; {who.name} is {who.role}", api=api, who=who)
        return who

    def _show(self, page: Page, request: Request, api: bool) -> Response:
        who: Who | Response | None = (
            self.service.gate.who(request) if page.role is None else self.may(request, page, api=api)
        )
        if isinstance(who, Response):
            return who
        try:
            query = msgspec.convert(dict(request.query_params), page.query, strict=False)
            asked = self._asked(request, who, query)
            shown = page.view(asked)
        except msgspec.ValidationError as error:
            return self._fault(400, f"the address of this page is not understood: {error}", api=api, who=who)
        except (LookupError, OverflowError) as error:
            return self._fault(404, _nothing(error), api=api, who=who)
        except Refusal as error:
            return self._fault(503, str(error), api=api, who=who)
        if api:
            return Response(msgspec.json.encode(shown), media_type=_JSON)
        return self.pages.render(page, shown, asked)

    def _tried(self, action: Action, request: Request, who: Who, given: dict[str, Any], api: bool) -> Response:
        """Where the disk is full, not even a refusal can be written down."""
        try:
            return self._do(action, request, who, given, api)
        except StoreError as error:
            return self._fault(503, str(error), api=api, who=who)

    def _do(self, action: Action, request: Request, who: Who, given: dict[str, Any], api: bool) -> Response:
        if not self.service.gate.meant(request, who, given.pop("csrf", "")):
            return self._fault(
                403,
                "this form is out of date: go back, load the page again, and send it once more",
                api=api,
                who=who,
            )
        try:
            form = msgspec.convert(given, action.form, strict=False)
            done = action.do(self._asked(request, who, form), form)
        except msgspec.ValidationError as error:
            return self._refused(action, request, who, given, str(error), api=api)
        except (LookupError, OverflowError) as error:
            self.service.gate.note(request, who, action.what, _about(request), "not found")
            return self._fault(404, _nothing(error), api=api, who=who)
        except StoreError:
            raise
        except Refusal as error:
            return self._refused(action, request, who, given, str(error), api=api)
        try:
            self.service.gate.note(request, who, action.what, _about(request, form), "done")
        except StoreError as error:
            return self._fault(503, f"this was done, and is not in the audit log ({error})", api=api, who=who)
        if api:
            return Response(msgspec.json.encode(done), media_type=_JSON)
        return self.pages.went(done, who)

    def _refused(
        self, action: Action, request: Request, who: Who, given: Mapping[str, Any], why: str, *, api: bool
    ) -> Response:
        """The form once more, with what was filled in."""
        self.service.gate.note(request, who, action.what, _about(request), "refused")
        why = _bounded(why)
        page = self._by_path.get(action.page)
        if api or page is None:
            return self._fault(422, why, api=api, who=who)
        asked = self._asked(request, who, page.query())
        try:
            return self.pages.render(page, page.view(asked), asked, status=422, fault=why, given=given)
        except LookupError:
            return self._fault(422, why, api=api, who=who)

    def _asked(self, request: Request, who: Who | None, query: Any) -> Asked:
        return Asked(
            self.service,
            who or self.service.gate.NOBODY,
            dict(request.path_params),
            query,
            self.service.gate.peer(request),
        )

    def _fault(self, status: int, why: str, *, api: bool, who: Who | None = None) -> Response:
        why = _bounded(why)
        if api:
            return Response(msgspec.json.encode(openapi.Fault(why)), status, media_type=_JSON)
        return self.pages.fault(status, why, who)

    def missing(self, request: Request, _: Exception) -> Response:
        return self._fault(404, "there is no such page", api=request.url.path.startswith("/api/"))

    def unable(self, request: Request, error: Exception) -> Response:
        """The store cannot be read or written, wherever that was found: at a login too."""
        return self._fault(503, str(error), api=request.url.path.startswith("/api/"))

    def broken(self, request: Request, error: Exception) -> Response:
        """Our own fault: its type, and no text, which could hold anything."""
        LOG.error("%s %s failed: %s", request.method, printable(request.url.path)[:200], _place(error))
        return self._fault(
            500,
            f"this failed here ({type(error).__name__}); the log of the dashboard has more",
            api=request.url.path.startswith("/api/"),
        )

    async def described(self, request: Request) -> Response:
        who = await run_in_threadpool(self.may, request, table.PAGES[0], api=True)
        return who if isinstance(who, Response) else Response(openapi.document(), media_type=_JSON)


def _place(error: Exception) -> str:
    """Its type, and the line of ours that raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "filmbadge" in frame.filename]
    return type(error).__name__ + (f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "")


def _nothing(error: Exception) -> str:
    """What was not found, as a view says it, or a number that no row can have. A key or an index that is missing is our own fault."""
    if isinstance(error, OverflowError):
        return "there is no such thing"
    if type(error) is not LookupError:
        raise error
    return str(error.args[0])


async def _given(request: Request, *, api: bool) -> dict[str, Any]:
    """The fields of a form, or an object of JSON. Raises Refusal."""
    request = bounded(request, _MOST_FORM_BYTES)
    if api:
        if request.headers.get("content-type", "").partition(";")[0].strip() != _JSON:
            raise Refusal(f"send {_JSON}")
        body = b""
        async for part in request.stream():
            body += part
        try:
            found = msgspec.json.decode(body or b"{}")
        except (ValueError, RecursionError) as error:  # what is no JSON, no UTF-8, or nested without end
            raise Refusal(f"this is no JSON that can be read: {error}") from None
        if not isinstance(found, dict):
            raise Refusal("send one object")
        return found
    try:
        async with request.form(max_files=0, max_fields=200, max_part_size=_MOST_FORM_BYTES) as form:
            fields: dict[str, Any] = {}
            for name in form:
                values = [str(one) for one in form.getlist(name)]
                fields[name.removesuffix("[]")] = values if name.endswith("[]") else values[-1]
            return fields
    except HTTPException as error:
        raise Refusal(f"this form cannot be read: {error.detail}") from None


def _bounded(why: str) -> str:
    shown = printable(why)
    return shown if len(shown) <= _LONGEST_FAULT else f"{shown[:_LONGEST_FAULT]}…"


def _here(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _about(request: Request, form: object = None) -> str:
    """What an action was about: what its path names, or else what its form does."""
    said = (getattr(form, name, "") for name in ("name", "scope", "channel", "address"))
    return " ".join(map(str, request.path_params.values())) or str(next(filter(None, said), ""))
