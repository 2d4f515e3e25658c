"""Puts the dashboard together and runs it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_address
from pathlib import Path

from filmbadge.scope import Scope, ScopeError
from filmbadge.scope import load as load_scope
from filmbadge.tell.words import Words
from filmbadge.watch import settings
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.door import Door
from filmbadge.watch.people.gate import Gate
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import Store
from filmbadge.watch.surveys.control import Surveys
from filmbadge.watch.web.app import build


def service(directory: Path, host: str, port: int) -> Service:
    """Everything behind the pages. Raises Refusal."""
    said, store = settings.load(directory), Store(directory)
    door = Door(lambda: tuple(_scopes(directory)))
    return Service(
        directory=directory,
        settings=said,
        store=store,
        surveys=Surveys(store, directory),
        alerts=Alerts(store, door),
        gate=Gate(store, said, at_home=ip_address(host).is_loopback),
        door=door,
        words=Words(),
    )


def _scopes(directory: Path) -> list[Scope]:
    found = []
    for path in sorted((directory / "scopes").glob("*.toml")):
        try:
            found.append(load_scope(path))
        except ScopeError:
            continue  # it allows nothing; its page says why
    return found


async def run(made: Service, host: str, port: int) -> None:
    """Until it is cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.surveys.keep_going())
        tasks.create_task(made.alerts.keep_going())
        tasks.create_task(
            made.door.listen(build(made), host, port, made.settings.web.certificate, made.settings.web.key)
        )


def backup(directory: Path, file: Path, *, surveys: bool) -> None:
    raise NotImplementedError


def restore(file: Path, directory: Path) -> None:
    raise NotImplementedError


def add_user(directory: Path, name: str, role: str, password: str) -> None:
    raise NotImplementedError
