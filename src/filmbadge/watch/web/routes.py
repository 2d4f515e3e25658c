"""What a route is. One table of them makes the pages, the API, its description, and the table of who may do what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from filmbadge.watch.people.who import Role
from filmbadge.watch.views.asked import Asked, Done, Nothing


@dataclass(frozen=True)
class Page:
    """A page, and the same as JSON at /api/v1 + path. The view raises LookupError where there is no such thing."""

    path: str
    view: Callable[[Asked], Struct]
    template: str
    title: str
    role: Role | None = Role.VIEWER  # None: anybody, without a login
    query: type[Struct] = Nothing
    drawn: Callable[[Any, Asked], dict[str, Any]] | None = (
        None  # what its template has besides: drawings, which JSON has not
    )


@dataclass(frozen=True)
class Action:
    """A form, and the same as JSON, by POST. It raises Refusal where it is not done.

    `page`: whose form it is. Where it is refused, that page is shown again with what was filled in and why not.
    """

    path: str
    form: type[Struct]
    do: Callable[[Asked, Any], Done]
    what: str  # for the audit log, such as `survey.start`
    role: Role = Role.OPERATOR
    page: str = ""


__all__ = ["Action", "Asked", "Done", "Nothing", "Page"]
