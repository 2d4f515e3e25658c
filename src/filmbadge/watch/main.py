"""Puts the dashboard together and runs it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path

from filmbadge.model import Refusal
from filmbadge.tell.words import Words
from filmbadge.watch import settings
from filmbadge.watch.alerts.alerts import Alerts
from filmbadge.watch.door import Door
from filmbadge.watch.people import gate
from filmbadge.watch.people.gate import Gate
from filmbadge.watch.people.who import Role
from filmbadge.watch.service import Service
from filmbadge.watch.store.store import Store
from filmbadge.watch.store.surveyed import Surveyed
from filmbadge.watch.surveys.control import Surveys
from filmbadge.watch.web.app import build


def service(directory: Path, host: str) -> Service:
    """Everything behind the pages. Raises Refusal."""
    said, store = settings.load(directory), Store(directory)
    gate.startup(said, store, host)
    door = Door(Surveyed(directory))
    return Service(
        directory=directory,
        settings=said,
        store=store,
        surveys=Surveys(store, directory),
        alerts=Alerts(store, door, f"https://{said.web.names[0]}" if said.web.names else ""),
        gate=Gate(store, said, at_home=ip_address(host).is_loopback, fetch=door.fetch),
        door=door,
        words=Words(),
    )


async def run(made: Service, host: str, port: int, ready: Callable[[], None] = lambda: None) -> None:
    """Until it is cancelled. `ready` is called when it listens. Raises Refusal."""
    made.door.guard()
    web = made.settings.web
    certificate, key = (str(made.directory / file) if file else "" for file in (web.certificate, web.key))
    work = (
        made.door.listen(build(made), host, port, certificate, key, lambda *_: ready()),
        made.surveys.keep_going(),
        made.alerts.keep_going(),
    )
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(one)
    except* Refusal as refusals:
        raise refusals.exceptions[0] from None


def add_user(directory: Path, name: str, role: Role, password: str) -> None:
    """A new user, or another password and role of one. Raises Refusal."""
    gate.add_user(Store(directory), name, role, password)
