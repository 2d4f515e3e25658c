"""Who may ask which networks, how fast, and until when: leases, in a file that outlives its process.

A lease gives networks to a worker. All leases of a worker end at one moment, which each renewal puts off; with them goes its
share of the pace. A network has one owner at a time, and who is silent keeps what it was given until its leases are over. So
the file is written before anything is given out, and a ledger that starts again counts all that it finds there.

A kill takes nothing from the file. A power failure may take the last changes, and so may whoever deletes it: after another boot,
or where a resumed survey has lost its ledger, the seconds of a lease go by before anything is given out. So no change needs to
wait for the disk. The file holds networks, numbers and names of workers; no target.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import sys
from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Self

from filmbadge.ask.wire.lease import clock
from filmbadge.keep import files
from filmbadge.scope import NETWORK_BITS, RateLimits
from filmbadge.survey.examine import SurveyError
from filmbadge.survey.queues import Network
from filmbadge.survey.spread.slices import NOTHING, Share, Slice, Slices

NAME = "leases.sqlite"
LEASE_SECONDS = 45.0  # a worker that is cut off for 20 seconds goes on
SPACED_SECONDS = 1.0  # after which a rate that one gave up may be given to another: no window holds both

_OURS, _VERSION = 0x46424C47, 1  # application_id and user_version
_BLOCK = 48  # bits of the bits before the hosts of a network, below its IP version
_TABLES = """
    CREATE TABLE ledger (boot TEXT, open INTEGER, shut REAL, pace TEXT);
    CREATE TABLE worker (id INTEGER PRIMARY KEY, name TEXT, steps INTEGER, rest INTEGER, until REAL);
    CREATE TABLE lease (number INTEGER PRIMARY KEY, worker INTEGER, targets INTEGER, networks BLOB);
    INSERT INTO ledger VALUES ('', 1, 0, '');
"""


def boot_id() -> str:
    """Which start of this machine the clock counts from; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class Terms(NamedTuple):
    """What one worker may do. It may ask while its leases last; `seconds` from what it said last."""

    rate: float  # connections a second
    hands: int  # connections open at once
    seconds: float


class _Lease(NamedTuple):
    worker: int
    networks: array[int]


@dataclass(slots=True)
class _Worker:
    name: str
    until: float
    share: Share = field(default_factory=Share)
    leases: set[int] = field(default_factory=set)
    before: bool = False  # of a process before this one: nobody hears of it any more


class Ledger:
    """A context manager. All calls are of one thread. Raises SurveyError where the file cannot be used."""

    def __init__(
        self,
        path: Path | None,
        pace: RateLimits,
        clock: Callable[[], float] = clock,
        seconds: float = LEASE_SECONDS,
        *,
        resumed: bool = False,
        shared: bool = False,
        boot: str | None = None,
    ) -> None:
        """Without a path in memory only. `resumed`: others may have asked before, whether there is a file or not.

        `shared`: they asked by leases. Where their file is gone, all its seconds go by before anything is given out.
        """
        self._path = path
        self._clock, self._seconds = clock, seconds
        self._slices = Slices(pace)
        self._workers: dict[int, _Worker] = {}
        self._ids: dict[str, int] = {}  # of the workers of this process, as they came
        self._leases: dict[int, _Lease] = {}
        self._owners: dict[int, tuple[int, int]] = {}  # by network: the worker, and how many of its leases have it
        self._asked_v4, self._asked_v6 = bytearray(1 << (32 - NETWORK_BITS[4] - 3)), set[int]()
        self._lapsed: list[str] = []
        self._given_up: list[tuple[float, Slice]] = []  # when it may be given out, and what
        self._shut = 0.0  # until when nothing is given out
        self._soonest = inf  # no leases are over before
        with self._told():
            there = path is not None and path.exists() and path.stat().st_size > 0
            self._resumed = resumed or there
            self._file = self._open(there)
            try:
                lost = shared and not there
                self._take_up(there, f"{pace.overall!r} {pace.open_at_once}", boot_id() if boot is None else boot, lost)
            except BaseException:
                self._file.close()
                raise

    def join(self, worker: str) -> None:
        """A worker is there. Until it is told otherwise, it may ask nothing."""
        self._pass()
        if worker not in self._ids:
            self._join(worker)

    def leave(self, worker: str) -> None:
        """It reported that it holds nothing any more: its networks are free now, its share of the pace after a second."""
        self._pass()
        if worker in self._ids:
            self._forget([self._ids[worker]])

    def grant(self, worker: str, networks: Collection[Network], targets: int) -> int | None:
        """The number of a lease; None where a network has another owner, or waits for the end of a lost lease.

        A worker may have several leases of a network. One that has no leases any more, because they lapsed, gets none.
        """
        now = self._pass()
        number = self._ids.get(worker)
        keys = array("Q", map(_key, networks))
        if number is None or now < self._shut or any(self._owners.get(key, (number,))[0] != number for key in keys):
            return None
        lease = next(self._numbers)
        self._change("INSERT INTO lease VALUES (?, ?, ?, ?)", lease, number, targets, _bytes(keys))
        self._hold(lease, _Lease(number, keys))
        return lease

    def give_back(self, number: int) -> None:
        """All targets of a lease are done, or back in the queue."""
        self._pass()
        if number in self._leases:
            self._change("DELETE FROM lease WHERE number = ?", number)
            self._drop(number)

    def renew(self, worker: str, applied: float | None) -> Terms:
        """Put off the end of all its leases. Whose leases lapsed begins anew, with none.

        `applied` is the rate that the worker says it goes by now, and it says so once no more connections are open than the hands
        that came with that rate. The rate is cut only after that, and given to another a second later.
        """
        now = self._pass()
        if worker not in self._ids:
            self._join(worker)
        mine = self._workers[self._ids[worker]]
        share = mine.share
        if applied == self._slices.rate(share.told):
            self._give_up(now, share.confirm())
        if share.confirmed:
            fair = self._slices.fair(list(self._ids).index(worker), len(self._ids))
            share.tell(fair.at_most(share.told.plus(self._spare(now))))
        mine.until = now + self._seconds
        sql = "UPDATE worker SET steps = ?, rest = ?, until = ? WHERE id = ?"
        self._change(sql, *share.most, mine.until, self._ids[worker])
        return Terms(self._slices.rate(share.told), self._slices.hands(share.told), self._seconds)

    def lapsed(self) -> list[str]:
        """Workers whose leases ended since the last call: their networks are free."""
        self._pass()
        lapsed, self._lapsed = self._lapsed, []
        return lapsed

    def free(self, network: Network) -> bool:
        """Whether it has no owner."""
        return self._pass() >= self._shut and _key(network) not in self._owners

    def asked_before(self, network: Network) -> bool:
        """Whether somebody may have asked it: in this process by a lease, or in one before."""
        if self._resumed:
            return True
        version, block = network
        if version == 4:
            return bool(self._asked_v4[block >> 3] >> (block & 7) & 1)
        return block in self._asked_v6

    def wait(self) -> float:
        """Seconds until all leases of the processes before this one are over."""
        now = self._pass()
        return max(0.0, *(one.until - now for one in self._workers.values() if one.before), self._shut - now)

    def close(self) -> None:
        """Leases that are not over stay in the file."""
        with suppress(sqlite3.ProgrammingError), self._told():  # it is closed
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute("UPDATE ledger SET open = 0")
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pass(self) -> float:
        """The time. What is over by now is over."""
        now = self._clock()
        if now >= self._soonest:
            over = [number for number, one in self._workers.items() if one.until <= now]
            self._lapsed += [self._workers[number].name for number in over if not self._workers[number].before]
            self._forget(over)
            self._soonest = min((one.until for one in self._workers.values()), default=inf)
        return now

    def _join(self, worker: str) -> None:
        number, until = max(self._workers, default=0) + 1, self._clock() + self._seconds
        self._change("INSERT INTO worker VALUES (?, ?, 0, 0, ?)", number, worker, until)
        self._workers[number] = _Worker(worker, until)
        self._ids[worker] = number
        self._soonest = min(self._soonest, until)

    def _forget(self, numbers: Collection[int]) -> None:
        """Workers that hold nothing any more."""
        with self._told():
            self._file.execute("BEGIN")
            for number in numbers:
                self._file.execute("DELETE FROM lease WHERE worker = ?", (number,))
                self._file.execute("DELETE FROM worker WHERE id = ?", (number,))
            self._file.execute("COMMIT")
        now = self._clock()
        for number in numbers:
            gone = self._workers.pop(number)
            for lease in list(gone.leases):
                self._drop(lease, gone)
            if not gone.before:
                del self._ids[gone.name]
            self._give_up(min(now, gone.until), gone.share.most)

    def _hold(self, number: int, lease: _Lease) -> None:
        self._leases[number] = lease
        self._workers[lease.worker].leases.add(number)
        for key in lease.networks:
            self._owners[key] = (lease.worker, self._owners.get(key, (0, 0))[1] + 1)
            block = key & (1 << _BLOCK) - 1
            if key >> _BLOCK == 4:
                self._asked_v4[block >> 3] |= 1 << (block & 7)
            else:
                self._asked_v6.add(block)

    def _drop(self, number: int, worker: _Worker | None = None) -> None:
        lease = self._leases.pop(number)
        (worker or self._workers[lease.worker]).leases.discard(number)
        for key in lease.networks:
            owner, leases = self._owners[key]
            if leases > 1:
                self._owners[key] = (owner, leases - 1)
            else:
                del self._owners[key]

    def _give_up(self, now: float, part: Slice) -> None:
        if part != NOTHING:
            self._given_up.append((now + SPACED_SECONDS, part))

    def _spare(self, now: float) -> Slice:
        """What nobody may use now, nor could in the last second."""
        if now < self._shut:
            return NOTHING
        self._given_up = [one for one in self._given_up if one[0] > now]
        spare = self._slices.all
        for used in (*(one.share.most for one in self._workers.values()), *(part for _, part in self._given_up)):
            spare = spare.less(used)
        return spare.at_least(NOTHING)

    def _open(self, there: bool) -> sqlite3.Connection:
        """The file, held by this process alone."""
        if self._path is not None:
            beside = (
                self._path,
                *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm", "-journal")),
            )
            if any(one.is_symlink() or (one.exists() and not stat.S_ISREG(one.lstat().st_mode)) for one in beside):
                raise self._refused()
            if not self._path.exists():
                self._path.touch(files.FILE)
        file = sqlite3.connect(":memory:" if self._path is None else self._path, timeout=0, isolation_level=None)
        try:
            if there and _number(file, "application_id") != _OURS:
                raise self._refused()
            file.execute("PRAGMA locking_mode = EXCLUSIVE")
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("PRAGMA synchronous = FULL")
            if there and (_number(file, "user_version") != _VERSION or _number(file, "quick_check") != "ok"):
                raise self._refused()
            if not there:
                file.executescript(
                    f"BEGIN; {_TABLES} PRAGMA application_id = {_OURS}; PRAGMA user_version = {_VERSION}; COMMIT;"
                )
                self._keep_name()
        except BaseException:
            file.close()
            raise
        return file

    def _keep_name(self) -> None:
        """A new file has its name after a power failure too. SQLite sees to the bytes only."""
        if self._path is not None and files.BELOW:
            handle = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def _take_up(self, there: bool, pace: str, boot: str, lost: bool) -> None:
        """What the process before left."""
        now, file = self._clock(), self._file
        whole = now + self._seconds
        ((last_boot, was_open, shut, last_pace),) = file.execute("SELECT * FROM ledger").fetchall()
        workers = file.execute("SELECT id, name, steps, rest, until FROM worker").fetchall()
        if there and boot and boot == last_boot:
            self._shut = min(float(shut), whole)
            for number, name, steps, rest, until in workers:
                used = Slice(steps, rest).at_least(NOTHING)
                self._workers[number] = _Worker(str(name), min(float(until), whole), Share(used, used), before=True)
            for number, worker, networks in file.execute("SELECT number, worker, networks FROM lease"):
                self._hold(number, _Lease(worker, _networks(networks)))
            self._soonest = min((one.until for one in self._workers.values()), default=inf)
            if pace != last_pace and self._workers:  # their shares are of another whole
                self._shut = max(self._shut, *(one.until for one in self._workers.values()))
        elif (there and (was_open or workers)) or lost:
            self._shut = whole
        if there:  # what was given up within the last second is not in the file
            self._given_up.append((now + SPACED_SECONDS, self._slices.all))
        self._numbers = count(max(self._leases, default=0) + 1)
        file.execute("BEGIN")
        file.execute("UPDATE ledger SET boot = ?, open = 1, shut = ?, pace = ?", (boot, self._shut, pace))
        if not self._workers:
            file.execute("DELETE FROM lease")
            file.execute("DELETE FROM worker")
        file.execute("COMMIT")
        file.execute("PRAGMA synchronous = NORMAL")

    def _change(self, sql: str, *values: Any) -> None:
        with self._told():
            self._file.execute(sql, values)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What is wrong with the file, in one line."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.OperationalError as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise SurveyError(f"{self._shown} is being used by another process") from None
            if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA):  # no such table, or column
                raise self._refused() from None
            raise SurveyError(f"{self._shown} cannot be used ({error}): see to it, and go on with --resume") from None
        except (sqlite3.DatabaseError, ValueError, TypeError, KeyError, OverflowError):
            raise self._refused() from None
        except OSError as error:
            raise SurveyError(
                f"{self._shown} cannot be used ({error.strerror}): see to it, and go on with --resume"
            ) from None

    @property
    def _shown(self) -> str:
        return "the ledger in memory" if self._path is None else files.shown(self._path)

    def _refused(self) -> SurveyError:
        return SurveyError(
            f"{self._shown} is damaged, or no ledger of ours: delete it, and go on with --resume, which first waits"
            f" {self._seconds:g} seconds for leases that it may have held"
        )


def _number(file: sqlite3.Connection, pragma: str) -> Any:
    return file.execute(f"PRAGMA {pragma}").fetchone()[0]


def _key(network: Network) -> int:
    version, block = network
    return version << _BLOCK | block


def _bytes(keys: array[int]) -> bytes:
    return _ordered(keys).tobytes()


def _networks(data: bytes) -> array[int]:
    """Raises ValueError where no ledger of ours wrote it."""
    keys = array("Q")
    keys.frombytes(data)
    keys = _ordered(keys)
    for key in keys:
        if (version := key >> _BLOCK) not in (4, 6) or (key & (1 << _BLOCK) - 1) >> (
            {4: 32, 6: 128}[version] - NETWORK_BITS[version]
        ):
            raise ValueError
    return keys


def _ordered(keys: array[int]) -> array[int]:
    """In the order of bytes that the file has, on every machine."""
    if sys.byteorder == "big":
        keys = keys[:]
        keys.byteswap()
    return keys
