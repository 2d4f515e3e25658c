"""The pages of the gate: log in, log out, and the way to a provider of OpenID Connect and back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, cast

import anyio
import anyio.to_thread
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.watch.people.bodies import bounded
from filmbadge.watch.people.limits import peer_key
from filmbadge.watch.people.oidc import ATTEMPT
from filmbadge.watch.people.passwords import Busy
from filmbadge.watch.people.users import plain
from filmbadge.watch.people.who import Who

if TYPE_CHECKING:
    from filmbadge.watch.people.gate import Gate

_MOST_BYTES = 1 << 14
_MOST_NAME = 64
_YEAR = 366 * 24 * 3600
# A path of this site: no other host, no header, and no way round by a backslash, which browsers take for a slash.
_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]{0,1023}")
_NOT_AGAIN = ("/login", "/logout", "/oidc/", "/api/")
_UNENCRYPTED = "this page came without TLS, so nobody can log in here: call it by https"
_STALE = "this form is out of date: send it once more"


class Entry:
    """`site.pages.plain` shows pages."""

    def __init__(self, gate: Gate, site: Any) -> None:
        self._gate, self._site = gate, site
        self._provider = anyio.CapacityLimiter(2)  # a provider that is slow takes no thread from the pages

    def routes(self) -> list[BaseRoute]:
        routes = [
            Route("/login", self._show, methods=["GET"], name="login"),
            Route("/login", self._log_in, methods=["POST"], name="do login"),
            Route("/logout", self._log_out, methods=["POST"], name="do logout"),
        ]
        if self._gate.oidc is not None:
            routes.append(Route("/oidc/start", self._leave, methods=["GET"], name="oidc start"))
            routes.append(Route("/oidc/callback", self._return, methods=["GET"], name="oidc callback"))
        return [*routes]

    async def _show(self, request: Request) -> Response:
        to = ours(request.query_params.get("to"))
        if await run_in_threadpool(self._gate.who, request) is not None:
            return RedirectResponse(to, 303)
        fault = "" if self._gate.private(request.scope) else _UNENCRYPTED
        return self._page(request, to, fault, 400 if fault else 200)

    async def _log_in(self, request: Request) -> Response:
        try:
            async with bounded(request, _MOST_BYTES).form(max_files=0, max_fields=8, max_part_size=_MOST_BYTES) as form:
                name, password, to, csrf = (str(form.get(field) or "") for field in ("name", "password", "to", "csrf"))
        except (Refusal, HTTPException):
            return self._page(request, "/", "this is too large, or is no form", 400)
        page = partial(self._page, request, ours(to), name=name[:_MOST_NAME])
        if not self._gate.private(request.scope):
            return page(_UNENCRYPTED, 400)
        if not self._gate.local:
            return page("passwords of this dashboard are switched off: log in with the provider", 403)
        begun = self._gate.cookie(request, "form")
        if not begun or not self._gate.seals.fits(csrf, "login form", begun) or not self._gate.ours(request):
            return page(_STALE, 403)
        return await run_in_threadpool(self._with_password, request, plain(name), password, ours(to), page)

    def _with_password(
        self, request: Request, name: str, password: str, to: str, page: Callable[[str, int], Response]
    ) -> Response:
        gate, peer = self._gate, self._gate.peer(request)
        known = gate.seals.opened("known browser", gate.cookie(request, "known")) or ""
        keys = (
            [("known", known)]
            if known.partition(" ")[0] == name and name
            else [("name", name[:_MOST_NAME]), peer_key(peer)]
        )
        if (wait := gate.limits.begin(*keys)) > 0:
            return _later(page("this failed too often: wait a moment, then try again", 429), wait)
        try:
            role = gate.users.known_as(name, password)
        except Busy as error:
            gate.limits.not_tried(*keys)
            return _later(page(str(error), 503), 5)
        if role is None:
            gate.note(request, gate.NOBODY, "login", name[:_MOST_NAME], "refused")
            return page("the name or the password is wrong", 401)
        gate.limits.passed(*keys)
        response = self._enter(request, Who(name, role, "local", subject=name), to)
        self._put(
            response, request, "known", gate.seals.sealed("known browser", f"{name} {secrets.token_hex(16)}"), _YEAR
        )
        return response

    async def _log_out(self, request: Request) -> Response:
        try:
            async with bounded(request, _MOST_BYTES).form(max_files=0, max_fields=8, max_part_size=_MOST_BYTES) as form:
                csrf = form.get("csrf")
        except (Refusal, HTTPException):
            csrf = None
        return await run_in_threadpool(self._leave_session, request, csrf)

    def _leave_session(self, request: Request, csrf: object) -> Response:
        who = self._gate.who(request)
        if who is not None and who.session:
            if not self._gate.meant(request, who, csrf):
                return cast("Response", self._site.pages.fault(403, _STALE, who))
            self._gate.sessions.end(self._gate.cookie(request, "session"))
            self._gate.note(request, who, "logout", "", "done")
        return RedirectResponse("/login", 303)

    async def _leave(self, request: Request) -> Response:
        to = ours(request.query_params.get("to"))
        if not self._gate.private(request.scope):
            return self._page(request, to, _UNENCRYPTED, 400)
        try:
            address, cookie = await self._asking(self._gate.oidc.begin, self._redirect(request), to)  # type: ignore[union-attr]
        except Refusal as error:
            return self._page(request, to, str(error), 502)
        response = RedirectResponse(address, 303)
        self._put(response, request, "oidc", cookie, int(ATTEMPT.total_seconds()))
        return response

    async def _return(self, request: Request) -> Response:
        gate, query = self._gate, request.query_params
        if not gate.private(request.scope):
            return self._page(request, "/", _UNENCRYPTED, 400)
        asked = {name: query.getlist(name) for name in query}
        try:
            who, to = await self._asking(gate.oidc.finish, self._redirect(request), gate.cookie(request, "oidc"), asked)  # type: ignore[union-attr]
        except Refusal as error:
            await run_in_threadpool(gate.note, request, gate.NOBODY, "login.oidc", str(error), "refused")
            response = self._page(request, "/", str(error), 401)
        else:
            response = await run_in_threadpool(self._enter, request, who, ours(to))
        self._put(response, request, "oidc", "", 0)
        return response

    def _enter(self, request: Request, who: Who, to: str) -> Response:
        """A session of its own for each login, whatever the browser brought."""
        gate = self._gate
        cookie = gate.sessions.begin(who, gate.peer(request), gate.cookie(request, "session"))
        gate.note(request, who, "login", who.name, "done")
        response = RedirectResponse(to, 303)
        self._put(response, request, "session", cookie)
        self._put(response, request, "form", "", 0)
        return response

    def _page(self, request: Request, to: str, fault: str = "", status: int = 200, name: str = "") -> Response:
        gate = self._gate
        begun = gate.cookie(request, "form") or secrets.token_urlsafe(32)
        response: Response = self._site.pages.plain(
            "login.jinja",
            None,
            status=status,
            headline="Log in",
            fault=fault,
            local=gate.local and gate.private(request.scope),
            provider=gate.oidc is not None and gate.private(request.scope),
            csrf=gate.seals.of("login form", begun),
            to=to,
            name=printable(name),
        )
        self._put(response, request, "form", begun)
        return response

    def _put(self, response: Response, request: Request, what: str, value: str, seconds: int | None = None) -> None:
        """A cookie that no script reads and no page elsewhere has sent with a form. Without `seconds` it ends with the browser."""
        response.set_cookie(
            self._gate.cookie_name(request, what),
            value,
            max_age=seconds,
            path="/",
            secure=self._gate.secure(request.scope),
            httponly=True,
            samesite="lax",
        )

    def _redirect(self, request: Request) -> str:
        return f"{self._gate.origin(request)}/oidc/callback"

    async def _asking(self, ask: Any, *values: Any) -> Any:
        return await anyio.to_thread.run_sync(ask, *values, limiter=self._provider)


def ours(to: str | None) -> str:
    """Where somebody goes on after a login: a path of ours, or else the first page."""
    return to if to and _PATH.fullmatch(to) and not to.startswith(_NOT_AGAIN) else "/"


def _later(response: Response, seconds: float) -> Response:
    response.headers["retry-after"] = str(ceil(seconds))
    return response
