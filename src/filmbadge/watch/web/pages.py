"""Records of the views, as pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment
from msgspec import Struct
from starlette.responses import HTMLResponse, RedirectResponse, Response

from filmbadge.tell.report import family
from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.service import Service
from filmbadge.watch.web import static
from filmbadge.watch.web.routes import Asked, Done, Page


class Pages:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._environment: Environment = family.environment(service.words, __package__)
        words = service.words
        self._environment.globals.update(
            sheet=static.address("watch.css"),
            script=static.address("watch.js"),
            Role=Role,
            time=lambda at: words.time(_moment(at)),
            day=lambda at: words.date(_moment(at)),
        )

    def render(
        self,
        page: Page,
        shown: Struct,
        asked: Asked,
        *,
        status: int = 200,
        fault: str = "",
        given: Mapping[str, Any] | None = None,
    ) -> Response:
        """`given`: what was filled into a form that was refused, and `fault` why."""
        drawn = {} if page.drawn is None else page.drawn(shown, asked)
        return self.plain(
            page.template,
            asked.who,
            status=status,
            headline=getattr(shown, "headline", page.title),
            topic=page.title,
            here=page.path,
            page=shown,
            fault=fault,
            given=_Given(given or {}),
            query=asked.query,
            **drawn,
        )

    def plain(self, template: str, who: Who | None, *, status: int = 200, **values: Any) -> Response:
        """A page of its own values. Templates stand in web/templates and extend frame.jinja."""
        values = {"fault": "", "given": _Given(), "here": "", "once": "", **values}
        text = self._environment.get_template(f"templates/{template}").render(who=who, **values)
        return HTMLResponse(text, status)

    def went(self, done: Done, who: Who) -> Response:
        """After an action a browser is sent on, so that going back sends nothing twice. What is shown once is shown at once."""
        if done.once:
            return self.plain("once.jinja", who, headline=done.said, once=done.once, to=done.to)
        return RedirectResponse(done.to, 303)

    def fault(self, status: int, why: str, who: Who | None) -> Response:
        return self.plain(
            "fault.jinja", who, status=status, headline=_HEADS.get(status, "This did not work"), fault=why
        )


class _Given(dict[str, Any]):
    """What was filled in; the empty text where nothing was."""

    def __missing__(self, _: str) -> str:
        return ""


def _moment(at: str | datetime) -> datetime:
    """A stamp of the store, a day, or a time."""
    return at if isinstance(at, datetime) else datetime.fromisoformat(at).replace(tzinfo=UTC)


_HEADS = {
    400: "This was not understood",
    401: "Log in first",
    403: "You may not do this",
    404: "There is no such page",
    422: "This was not done",
    500: "This failed",
    503: "This does not work now",
}
