"""Surveys as processes: begun, ended, and how they ended. Whoever calls brings the turn: one step at a time."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from filmbadge import scope as scopes
from filmbadge.keep import files, manifest
from filmbadge.keep.files import Damaged
from filmbadge.model import Refusal
from filmbadge.tell.progress import ProgressDocument
from filmbadge.watch.store.store import Row, Store, StoreError, now, stamp
from filmbadge.watch.surveys import events, processes
from filmbadge.watch.surveys.processes import Process

LOG = logging.getLogger("filmbadge.watch.surveys")
_TAKING_IN = "filmbadge.watch.surveys.taking_in"
_LONGEST_PAUSE = 3600.0  # seconds until a run whose taking in failed is tried once more
_PROGRESS_BYTES = 1 << 20
SCOPE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class _Told(Struct, frozen=True):
    """What is read of survey.json here. Whether the rest holds is seen when it is taken in."""

    state: manifest.State
    ended: datetime | None
    hosts: int
    hosts_done: int


class Runs:
    def __init__(self, store: Store, directory: Path) -> None:
        self._store, self._directory = store, directory
        self._started: dict[int, Process] = {}  # by run: surveys that we are the parent of
        self._taking: dict[int, Process] = {}  # and what takes them in
        self._tried: dict[int, tuple[int, float]] = {}  # of runs that are taken in: how often, and when next

    def scope_file(self, scope: str) -> Path:
        """Raises Refusal where no survey may run under it now."""
        path = self._directory / "scopes" / f"{scope}.toml"
        if SCOPE_NAME.fullmatch(scope) is None:
            raise Refusal("a scope has a name of small letters, digits and hyphens, at most 40 of them")
        scopes.load(path)
        return path

    def is_running(self, scope: str) -> bool:
        return processes.running(self._lock(scope))

    def begin(self, scope: str, by: str, why: str, due: str | None = None) -> int:
        """A new run. `due`: when the next of its schedule is. Raises Refusal."""
        file = self.scope_file(scope)
        self._require_idle(scope)
        with self._store.change() as connection:
            made = connection.execute(
                "INSERT INTO runs (scope, folder, why, by, state, started) VALUES (?, '', ?, ?, 'running', ?)",
                (scope, why, by, at := now()),
            )
            run = int(made.lastrowid or 0)
            folder = f"surveys/{scope}/{at.replace(':', '').replace('-', '')}-{run}"
            connection.execute("UPDATE runs SET folder = ? WHERE id = ?", (folder, run))
            if why == "scheduled":
                connection.execute("UPDATE scopes SET next_due = ? WHERE name = ?", (due, scope))
        self._start(run, file, lambda: self._drop(run))
        LOG.info("run %d of scope %s was started (%s, by %s)", run, scope, why, by)
        return run

    def resume(self, run: int, by: str) -> None:
        row = self.row(run)
        if row["state"] != "ended" or row["outcome"] == "done":
            raise Refusal("only a survey that was stopped, killed or broken off can be resumed")
        if self._store.one("SELECT 1 FROM runs WHERE scope = ? AND id > ?", row["scope"], run):
            raise Refusal("a later survey of this scope was made since: start a new one")
        file = self.scope_file(row["scope"])
        self._require_idle(row["scope"])
        with self._store.change() as connection:
            connection.execute(
                "UPDATE runs SET state = 'running', outcome = NULL, ended = NULL, exit_code = NULL, stopped_by = NULL, said = ''"
                " WHERE id = ?",
                (run,),
            )
        self._start(run, file, lambda: self._put_back(row))
        LOG.info("run %d of scope %s was resumed by %s", run, row["scope"], by)

    def stop(self, run: int, by: str) -> bool:
        """Whether it was killed."""
        row = self.row(run)
        if row["state"] != "running":
            raise Refusal("this survey does not run")
        lock, pid = self._lock(row["scope"]), self._pid(row)
        if pid is None:
            raise Refusal("this survey has only just begun: stop it in a moment")
        again = row["stopped_by"] is not None
        with suppress(StoreError), self._store.change() as connection:  # on a full disk too, it stops
            connection.execute("UPDATE runs SET stopped_by = ? WHERE id = ?", (by, run))
        processes.end(pid, lock, kill=again)
        LOG.info("run %d of scope %s was %s by %s", run, row["scope"], "killed" if again else "stopped", by)
        return again

    def progress(self, run: int) -> ProgressDocument | None:
        """Raises LookupError."""
        return self._progress(self.row(run))

    def row(self, run: int) -> Row:
        found = self._store.one("SELECT * FROM runs WHERE id = ?", run)
        if found is None:
            raise LookupError(run)
        return found

    def tend(self) -> None:
        """Notices what ended, and has it taken in."""
        self._taking = {run: process for run, process in self._taking.items() if process.poll() is None}
        for row in self._store.rows("SELECT * FROM runs WHERE state = 'running'"):
            if self.is_running(row["scope"]):
                processes.bound(self._beside(row, "log"))
            else:
                self._ended(row)
        first = "SELECT min(id) FROM runs WHERE state = 'taking-in' GROUP BY scope"
        for row in self._store.rows(f"SELECT * FROM runs WHERE id IN ({first})"):
            self._take_in(row)

    def _require_idle(self, scope: str) -> None:
        """Raises Refusal where a survey of the scope runs. What ended by now is noticed."""
        if self.is_running(scope):
            raise Refusal(f"a survey of {scope} runs already: stop it, or wait until it ends")
        for row in self._store.rows("SELECT * FROM runs WHERE state = 'running' AND scope = ?", scope):
            self._ended(row)

    def _start(self, run: int, file: Path, undo: Callable[[], None]) -> None:
        """Raises Refusal; then nothing was done."""
        row = self.row(run)
        folder, progress = self._directory / row["folder"], self._beside(row, "progress.json")
        listed = file.with_suffix(".targets")
        arguments = [
            "survey", str(file), *([str(listed)] if listed.exists() else []), "--out", str(folder), "--progress", str(progress),
            *(["--resume"] if (folder / manifest.NAME).exists() else []),
        ]  # fmt: skip
        lock = self._lock(row["scope"])
        try:
            progress.unlink(missing_ok=True)  # it names a process that is no more
            process = processes.start("filmbadge", arguments, lock, self._beside(row, "log"))
            if process is None:
                raise Refusal(f"a survey of {row['scope']} runs already: stop it, or wait until it ends")
        except OSError as error:
            undo()
            raise Refusal(f"{files.shown(progress)} cannot be written ({error.strerror})") from None
        except Refusal:
            undo()
            raise
        self._started[run] = process

    def _drop(self, run: int) -> None:
        with self._store.change() as connection:
            connection.execute("DELETE FROM runs WHERE id = ?", (run,))

    def _put_back(self, row: Row) -> None:
        names = ("state", "outcome", "ended", "exit_code", "stopped_by", "said")
        with self._store.change() as connection:
            connection.execute(
                f"UPDATE runs SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?",
                (*(row[name] for name in names), row["id"]),
            )

    def _ended(self, row: Row) -> None:
        """Its process is no more. What it kept is taken in, if it kept anything."""
        process = self._started.get(row["id"])
        code = None if process is None else process.wait()
        said, told = processes.last_line(self._beside(row, "log")), self._told(row)
        outcome = _outcome(told, code, said)
        with self._store.change() as connection:
            connection.execute(
                "UPDATE runs SET state = ?, outcome = ?, ended = ?, exit_code = ?, said = ?, hosts = ?, hosts_done = ? WHERE id = ?",
                (
                    "ended" if told is None else "taking-in", outcome,
                    stamp(told.ended) if told is not None and told.ended is not None else now(),
                    code, "" if outcome == "done" else said,
                    None if told is None else told.hosts, self._hosts_done(row, told), row["id"],
                ),
            )  # fmt: skip
            if outcome in ("failed", "nothing-reached") or (outcome != "done" and row["stopped_by"] is None):
                detail = {"outcome": outcome, "said": said}
                events.tell(connection, "failed", row["scope"], row["id"], detail=detail)
        for known in (self._started, self._tried):  # it is written: a full disk would have us ask once more
            known.pop(row["id"], None)
        LOG.info("run %d of scope %s ended: %s (exit code %s)", row["id"], row["scope"], outcome, code)

    def _hosts_done(self, row: Row, told: _Told | None) -> int | None:
        """survey.json counts them at the end only: of one that was killed, or whose folder is gone, its last word on it is taken."""
        if told is not None and told.state != "running":
            return told.hosts_done
        if (progress := self._progress(row)) is not None:
            return progress.hosts_done
        return None if told is None else told.hosts_done

    def _take_in(self, row: Row) -> None:
        lock = self._lock(row["scope"], "taking-in")
        tries, due = self._tried.get(row["id"], (0, 0.0))
        if processes.running(lock) or monotonic() < due:
            return
        if tries:
            LOG.warning(
                "taking in run %d failed: %s", row["id"], processes.last_line(self._beside(row, "taking-in.log"))
            )
        self._tried[row["id"]] = tries + 1, monotonic() + min(2.0**tries, _LONGEST_PAUSE)
        arguments = [str(self._directory), str(row["id"])]
        process = processes.start(_TAKING_IN, arguments, lock, self._beside(row, "taking-in.log"))
        if process is not None:
            self._taking[row["id"]] = process
            LOG.info("run %d of scope %s is being taken in", row["id"], row["scope"])

    def _told(self, row: Row) -> _Told | None:
        with suppress(FileNotFoundError, Damaged, OSError, msgspec.MsgspecError):
            return msgspec.json.decode(manifest.read_bytes(self._directory / row["folder"]), type=_Told)
        return None

    def _progress(self, row: Row) -> ProgressDocument | None:
        path = self._beside(row, "progress.json")
        with suppress(FileNotFoundError, Damaged, OSError, msgspec.MsgspecError):
            return msgspec.json.decode(files.read(self._directory, path, _PROGRESS_BYTES), type=ProgressDocument)
        return None

    def _pid(self, row: Row) -> int | None:
        """Of a process that we started, or as it wrote it itself."""
        process = self._started.get(row["id"])
        if process is not None:
            return process.pid
        progress = self._progress(row)
        return None if progress is None else progress.pid

    def _lock(self, scope: str, what: str = "survey") -> Path:
        return self._directory / "surveys" / scope / f"{what}.lock"

    def _beside(self, row: Row, suffix: str) -> Path:
        return self._directory / f"{row['folder']}.{suffix}"


def _outcome(told: _Told | None, code: int | None, said: str) -> str:
    if told is None:  # nothing was begun
        return "failed" if (code is not None and code >= 0) or (code is None and said) else "killed"
    if told.state != "running":
        return told.state
    return "killed" if code is None or code < 0 else "interrupted"  # such as by a full disk, which took its last word
