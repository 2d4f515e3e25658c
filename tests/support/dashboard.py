"""A dashboard in this process, with users, a clock that is set by hand, and passwords that are cheap to hash."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher

from filmbadge.tell.words import Words
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.door import Door
from filmbadge.watch.people.gate import Gate
from filmbadge.watch.people.limits import Limits
from filmbadge.watch.people.oidc import Fetch
from filmbadge.watch.people.passwords import Passwords
from filmbadge.watch.people.who import Role, Who
from filmbadge.watch.service import Service
from filmbadge.watch.settings import Settings
from filmbadge.watch.store.store import Store
from filmbadge.watch.surveys.control import Surveys
from filmbadge.watch.web.app import build
from support.asgi import Browser

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORDS = {"vera": "correct horse battery", "otto": "staple paper clip desk", "anna": "seven green bottles"}
ROLES = {"vera": Role.VIEWER, "otto": Role.OPERATOR, "anna": Role.ADMIN}


@dataclass
class Clock:
    now: datetime = field(default_factory=lambda: datetime(2026, 11, 27, 12, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **how_long: float) -> None:
        self.now += timedelta(**how_long)


@dataclass
class Dashboard:
    service: Service
    app: Any
    runner: asyncio.Runner
    clock: Clock

    @property
    def gate(self) -> Gate:
        return self.service.gate

    def browser(self, **how: Any) -> Browser:
        return Browser(self.app, self.runner, **how)

    def logged_in(self, name: str, **how: Any) -> Browser:
        browser = self.browser(**how)
        assert browser.log_in(name, PASSWORDS[name]).status == 303
        return browser

    def token(self, name: str, role: Role | None = None, days: int = 90) -> str:
        who = Who(name, ROLES[name], "local", subject=name)
        return self.gate.tokens.make(who, "a test", role or ROLES[name], days)


@contextmanager
def dashboard(
    directory: Path,
    said: Settings | None = None,
    *,
    at_home: bool = False,
    users: bool = True,
    fetch: Fetch | None = None,
    hasher: PasswordHasher = CHEAP,
) -> Iterator[Dashboard]:
    said = said or Settings()
    store, clock = Store(directory), Clock()
    door = Door(tuple)
    gate = Gate(
        store,
        said,
        at_home=at_home,
        fetch=fetch or door.fetch,
        passwords=Passwords(hasher),
        limits=Limits(lambda: clock().timestamp()),
        clock=clock,
    )
    service = Service(directory, said, store, Surveys(store, directory), Alerts(store, door), gate, door, Words())
    if users:
        for name in ("anna", "otto", "vera"):
            gate.users.add(name, ROLES[name], PASSWORDS[name])
    with asyncio.Runner() as runner:
        yield Dashboard(service, build(service), runner, clock)
