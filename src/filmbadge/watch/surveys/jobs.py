"""Other work in processes: an archive is asked again for a proof, and letters are written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from filmbadge.compare.records import Known
from filmbadge.keep import files, manifest
from filmbadge.keep.files import Damaged
from filmbadge.model import Refusal
from filmbadge.tell.notices import ledger
from filmbadge.watch.store.store import Row, Store, now
from filmbadge.watch.surveys import processes
from filmbadge.watch.surveys.processes import Process
from filmbadge.watch.surveys.records import unpack
from filmbadge.watch.surveys.runs import Runs

LOG = logging.getLogger("filmbadge.watch.surveys")
DOCUMENT, PAGE = "proof.json", "proof.html"  # in the folder of a job
_DOCUMENT_BYTES = 64 << 20
_SEEN_OPEN = "SELECT r.id, r.folder FROM sightings s JOIN runs r ON r.id = s.run WHERE s.archive = ? AND s.open ORDER BY r.id DESC"


class _Proof(Struct, frozen=True):
    result: str


class Jobs:
    def __init__(self, store: Store, directory: Path, runs: Runs) -> None:
        self._store, self._directory, self._runs = store, directory, runs
        self._started: dict[Path, Process] = {}

    def verify(self, archive: int, by: str) -> int:
        """Asks once more what was open at its host, as the last run that saw it open knows it. Raises Refusal, LookupError."""
        row = self._store.one("SELECT scope, known FROM archives WHERE id = ?", archive)
        if row is None:
            raise LookupError(archive)
        seen, known = self._store.one(_SEEN_OPEN, archive), unpack(row["known"], Known)
        if seen is None or not known.ways:
            raise Refusal("this archive was never seen open, so there is nothing to prove closed")
        file, lock = self._runs.scope_file(row["scope"]), self._archive_lock(archive)
        self._require_idle(lock, "this archive is being asked again already: wait until that ends")
        job = self._insert("verify", row["scope"], by, "proofs/{job}", archive=archive, run=seen["id"])
        folder = self._directory / "proofs" / str(job)
        arguments = [
            "verify", str(self._directory / seen["folder"]), known.ways[0].address, "--scope", str(file),
            "--json", "--html", str(folder / PAGE),
        ]  # fmt: skip
        self._start(job, arguments, lock, folder, folder / DOCUMENT)
        return job

    def write_letters(self, run: int, by: str) -> int:
        row = self._runs.row(run)
        scope, contacts = row["scope"], self._directory / "contacts" / f"{row['scope']}.csv"
        if row["taken_in"] is None:
            raise Refusal("letters are written about a survey that ended: wait until it is read")
        if not contacts.exists():
            raise Refusal(f"nobody is known to write to: put whom into contacts/{scope}.csv (docs/letters.md)")
        lock = self._letters_lock(scope)
        self._require_idle(lock, f"letters of {scope} are being written already: wait until that ends")
        before = self._store.one(
            "SELECT r.folder FROM jobs j JOIN runs r ON r.id = j.run WHERE j.kind = 'letters' AND j.scope = ? AND j.run < ?"
            " AND j.exit_code = 0 ORDER BY j.run DESC",
            scope,
            run,
        )
        job = self._insert("letters", scope, by, f"letters/{scope}", run=run)
        folder = self._directory / "letters" / scope
        arguments = [
            "notices", str(self._directory / row["folder"]), "--contacts", str(contacts), "--out", str(folder),
            *([] if before is None else ["--before", str(self._directory / before["folder"])]),
            *([] if find_spec("weasyprint") else ["--paper", "html"]),
        ]  # fmt: skip
        self._start(job, arguments, lock, self._directory / "letters", None)
        return job

    def tend(self) -> None:
        for row in self._store.rows("SELECT * FROM jobs WHERE state = 'running'"):
            if not processes.running(self._lock(row)):
                self._ended(row)

    def _require_idle(self, lock: Path, why: str) -> None:
        if processes.running(lock):
            raise Refusal(why)
        self.tend()

    def _insert(self, kind: str, scope: str, by: str, folder: str, **about: int) -> int:
        with self._store.change() as connection:
            made = connection.execute(
                "INSERT INTO jobs (kind, archive, scope, run, state, folder, by, started) VALUES (?, ?, ?, ?, 'running', '', ?, ?)",
                (kind, about.get("archive"), scope, about.get("run"), by, now()),
            )
            job = int(made.lastrowid or 0)
            connection.execute("UPDATE jobs SET folder = ? WHERE id = ?", (folder.format(job=job), job))
        return job

    def _start(self, job: int, arguments: Sequence[str], lock: Path, folder: Path, out: Path | None) -> None:
        try:
            files.make_folder(folder)
            process = processes.start("filmbadge", arguments, lock, self._log(job), out)
        except (Refusal, OSError) as error:
            self._end(job, said=str(error))
            raise Refusal(f"no process could be started ({error})") from None
        if process is not None:
            self._started[lock] = process
        LOG.info("job %d was started: %s", job, arguments[0])

    def _ended(self, row: Row) -> None:
        process = self._started.get(self._lock(row))
        code = None if process is None else process.wait()
        said, result = processes.last_line(self._log(row["id"])), ""
        if row["kind"] == "verify":
            result = self._result(row)
            said = "" if result else said
        elif code in (0, None):
            said = self._take_letters(row) or said
        self._end(row["id"], code=code, result=result, said=said)
        self._started.pop(self._lock(row), None)

    def _end(self, job: int, *, code: int | None = None, result: str = "", said: str = "") -> None:
        with self._store.change() as connection:
            connection.execute(
                "UPDATE jobs SET state = 'ended', ended = ?, exit_code = ?, result = ?, said = ? WHERE id = ?",
                (now(), code, result, said, job),
            )
        LOG.info("job %d ended: %s (exit code %s)", job, result or said, code)

    def _result(self, row: Row) -> str:
        """Of a proof. Empty: there is none."""
        path = self._directory / row["folder"] / DOCUMENT
        with suppress(FileNotFoundError, Damaged, OSError, msgspec.MsgspecError):
            return msgspec.json.decode(files.read(self._directory, path, _DOCUMENT_BYTES), type=_Proof).result
        return ""

    def _take_letters(self, row: Row) -> str:
        """The rows of the ledger that are about the archives of this run. Why not, where it cannot be read."""
        run = self._runs.row(row["run"])
        try:
            told = ledger.read(self._directory / row["folder"])
            raw = manifest.read_bytes(self._directory / run["folder"])
            began = msgspec.json.decode(raw, type=manifest.Manifest).started
        except (Refusal, OSError, msgspec.MsgspecError) as error:
            return str(error)
        archives = self._names(run["id"])
        with self._store.change() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        archive,
                        one.reference,
                        one.number,
                        one.kind,
                        one.day.isoformat(),
                        one.recipient,
                        one.channel,
                        one.files,
                    )
                    for one in told
                    if one.began == began and (archive := archives.get(one.archive)) is not None
                ],
            )
        return ""

    def _names(self, run: int) -> Mapping[str, int]:
        return {
            row["name"]: row["archive"]
            for row in self._store.rows("SELECT name, archive FROM sightings WHERE run = ?", run)
        }

    def _lock(self, row: Row) -> Path:
        return self._archive_lock(row["archive"]) if row["kind"] == "verify" else self._letters_lock(row["scope"])

    def _archive_lock(self, archive: int) -> Path:
        return self._directory / "proofs" / f"archive-{archive}.lock"

    def _letters_lock(self, scope: str) -> Path:
        return self._directory / "letters" / f"{scope}.lock"

    def _log(self, job: int) -> Path:
        return self._directory / "proofs" / f"job-{job}.log"
