"""Who a request is from."""

from __future__ import annotations

from starlette.requests import Request

from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.settings import Settings
from filmbadge.watch.store.store import Store


class Gate:
    def __init__(self, store: Store, settings: Settings, *, at_home: bool) -> None:
        """`at_home`: it listens on loopback only, where nobody logs in as long as there is no user."""
        self._store, self._settings, self._at_home = store, settings, at_home

    def who(self, request: Request) -> Who | None:
        """Blocking: it reads the store."""
        return Who("this machine", Role.ADMIN, "this-machine", "not-yet") if self._at_home else None
