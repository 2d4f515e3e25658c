"""Surveys are started, stopped and resumed here, and taken in when they end."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, date, datetime
from pathlib import Path

from filmbadge.model import Refusal
from filmbadge.tell.progress import ProgressDocument
from filmbadge.watch.store import schedule
from filmbadge.watch.store.store import Row, Store, moment, now, stamp
from filmbadge.watch.surveys import events, processes, risks
from filmbadge.watch.surveys.jobs import Jobs
from filmbadge.watch.surveys.runs import Runs

LOG = logging.getLogger("filmbadge.watch.surveys")
_SECONDS = 1.0
Progress = ProgressDocument


class Surveys:
    """Any thread may use it: one step is taken at a time."""

    def __init__(self, store: Store, directory: Path) -> None:
        """Raises Refusal where no processes can be kept."""
        processes.require()
        self._store, self._turn = store, threading.RLock()
        self._runs = Runs(store, directory.absolute())
        self._jobs = Jobs(store, directory.absolute(), self._runs)
        self._faults: dict[str, str] = {}  # of steps that cannot be taken now: what was said of them

    @property
    def fault(self) -> str:
        """What keeps surveys from being started, noticed or taken in now, such as a full disk."""
        return next(iter({**self._faults}.values()), "")

    def start(self, scope: str, by: str, why: str = "asked") -> int:
        """The run. Raises Refusal where one of this scope runs, or the scope does not hold."""
        with self._turn:
            return self._runs.begin(scope, by, why)

    def resume(self, run: int, by: str) -> None:
        """In the same folder. Raises Refusal, and LookupError."""
        with self._turn:
            self._runs.resume(run, by)

    def stop(self, run: int, by: str) -> bool:
        """It ends as by Ctrl-C, and keeps what it has. Asked again, it is killed: then this is true. Raises Refusal, and LookupError."""
        with self._turn:
            return self._runs.stop(run, by)

    def schedule(self, scope: str, when: str, by: str) -> None:
        """`when`: '', 'daily 02:00', 'weekly mon 02:00' or 'monthly 1 02:00', in UTC. Raises Refusal."""
        if fault := schedule.fault(when):
            raise Refusal(fault)
        with self._turn:
            self._runs.scope_file(scope) if when else None
            due = schedule.next_after(when, datetime.now(UTC)) if when else None
            with self._store.change() as connection:
                connection.execute(
                    "INSERT INTO scopes (name, schedule, next_due, added_at, added_by) VALUES (?, ?, ?, ?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, next_due = excluded.next_due",
                    (scope, when, None if due is None else stamp(due), now(), by),
                )
        LOG.info("scope %s is surveyed %s, as %s wants it", scope, when or "only when asked", by)

    def progress(self, run: int) -> Progress | None:
        """As its process last wrote it; None where it did not yet. Raises LookupError."""
        return self._runs.progress(run)

    def verify(self, archive: int, by: str) -> int:
        """The job. Its document and page stand in its folder as jobs.DOCUMENT and jobs.PAGE. Raises Refusal, and LookupError."""
        with self._turn:
            return self._jobs.verify(archive, by)

    def write_letters(self, run: int, by: str) -> int:
        """The job. Contacts stand in contacts/SCOPE.csv. Raises Refusal, and LookupError."""
        with self._turn:
            return self._jobs.write_letters(run, by)

    def accept(self, archive: int, reason: str, by: str, until: date) -> int:
        """The risk. It holds to the end of that day. Raises Refusal, and LookupError."""
        made = risks.accept(self._store, archive, reason, by, until)
        LOG.info("the risk of archive %d is accepted until %s by %s", archive, until, by)
        return made

    def withdraw(self, archive: int, by: str) -> None:
        """Raises Refusal where none is accepted."""
        risks.withdraw(self._store, archive)
        LOG.info("the risk of archive %d is accepted no more, as %s wants it", archive, by)

    async def keep_going(self) -> None:
        """Starts what is due and takes in what ended, until it is cancelled. What ran before it began is among that."""
        while True:
            await asyncio.to_thread(self.tend)
            await asyncio.sleep(_SECONDS)

    def tend(self) -> None:
        """One step. What cannot be done now is logged, and tried again in the next."""
        for step in (self._tend_runs, self._tend_jobs, self._expire, self._start_due):
            try:
                with self._turn:
                    step()
                self._faults.pop(step.__name__, None)
            except (Refusal, OSError) as error:
                if self._faults.get(step.__name__) != str(error):  # a disk that is full is so for hours
                    LOG.error("%s", error)
                self._faults[step.__name__] = str(error)

    def _tend_runs(self) -> None:
        self._runs.tend()

    def _tend_jobs(self) -> None:
        self._jobs.tend()

    def _expire(self) -> None:
        if ended := risks.expire(self._store):
            LOG.info("%d accepted risks expired", ended)

    def _start_due(self) -> None:
        """One that was missed, or that is due while another runs, is started once, as soon as that can be."""
        due = "SELECT * FROM scopes WHERE schedule <> '' AND next_due <= ?"
        for row in self._store.rows(due, now()):
            if not self._runs.is_running(row["name"]):
                self._start_one(row)

    def _start_one(self, row: Row) -> None:
        due = stamp(schedule.next_after(row["schedule"], max(moment(row["next_due"]), datetime.now(UTC))))
        try:
            self._runs.begin(row["name"], row["added_by"], "scheduled", due)
        except Refusal as error:
            with self._store.change() as connection:
                connection.execute("UPDATE scopes SET next_due = ? WHERE name = ?", (due, row["name"]))
                events.tell(connection, "failed", row["name"], detail={"why": "not-started", "said": str(error)})
            LOG.error("the survey of scope %s that was due was not started: %s", row["name"], error)
