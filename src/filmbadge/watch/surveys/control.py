"""Surveys are started, stopped and resumed here, and taken in when they end."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from msgspec import Struct

from filmbadge.watch.store.store import Store


class Progress(Struct, frozen=True):
    """How far a survey is, as its process last wrote it."""

    at: datetime
    hosts: int
    hosts_done: int
    archives: dict[str, int]  # by rung
    lines: tuple[str, ...]  # the same in words


class Surveys:
    def __init__(self, store: Store, directory: Path) -> None:
        self._store, self._directory = store, directory

    def start(self, scope: str, by: str, why: str = "asked") -> int:
        """The run. Raises Refusal where one of this scope runs, or the scope does not hold."""
        raise NotImplementedError

    def resume(self, run: int, by: str) -> None:
        raise NotImplementedError

    def stop(self, run: int, by: str) -> None:
        raise NotImplementedError

    def schedule(self, scope: str, when: str, by: str) -> None:
        """`when`: '', 'daily 02:00', 'weekly mon 02:00' or 'monthly 1 02:00', in UTC. Raises Refusal."""
        raise NotImplementedError

    def progress(self, run: int) -> Progress | None:
        return None

    def verify(self, archive: int, by: str) -> int:
        """The job."""
        raise NotImplementedError

    def write_letters(self, run: int, by: str) -> int:
        """The job. Contacts stand in contacts/SCOPE.csv."""
        raise NotImplementedError

    def accept(self, archive: int, reason: str, by: str, until: date) -> int:
        """The risk."""
        raise NotImplementedError

    def withdraw(self, archive: int, by: str) -> None:
        raise NotImplementedError

    async def keep_going(self) -> None:
        """Starts what is due and takes in what ended, until it is cancelled."""
