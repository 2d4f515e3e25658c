"""The one file that starts processes: commands of Filmbadge, each in a session of its own, which outlive the dashboard.

A process inherits a locked file, and the kernel holds the lock for as long as the process lives. So "one at a time" and
"does it still run" hold after a kill -9 of the dashboard, of the process, or of both, and no number of a process is taken on
trust that could be somebody else's by now.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from filmbadge.keep import files
from filmbadge.model import Refusal
from filmbadge.texts import printable

if sys.platform != "win32":
    import fcntl

MOST_LOG = 1 << 20  # bytes; a survey writes a line a minute
_TAIL = 4096
_LINE = 400  # characters of a line that is told
_COMPLAINT = "filmbadge: "

Process = subprocess.Popen[bytes]


def require() -> None:
    """Raises Refusal where processes cannot be kept apart as above."""
    if sys.platform == "win32":
        raise Refusal("the dashboard does not run on Windows: run it on Linux or macOS, and open its pages from here")


def start(module: str, arguments: Sequence[str], lock: Path, log: Path, out: Path | None = None) -> Process | None:
    """`python -m module arguments`. None: one that holds this lock runs.

    What it says of itself goes into `log`, and what it prints into `out`, if anywhere. Raises Refusal where files cannot be made.
    """
    handles: list[int] = []
    try:
        files.make_folder(lock.parent)
        held = _open(lock, os.O_RDWR)
        handles.append(held)
        if not _locked(held):
            return None
        files.make_folder(log.parent)
        said = _open(log, os.O_WRONLY | os.O_APPEND)
        handles.append(said)
        printed = subprocess.DEVNULL
        if out is not None:
            printed = _open(out, os.O_WRONLY | os.O_TRUNC)
            handles.append(printed)
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=said,
            start_new_session=True,
            pass_fds=(held,),
        )
    except OSError as error:
        raise Refusal(f"no process could be started ({error.strerror}: {files.shown(lock.parent)})") from None
    finally:
        for handle in handles:
            os.close(handle)  # the process has the lock now


def running(lock: Path) -> bool:
    """Whether a process that was started with this lock lives."""
    try:
        held = os.open(lock, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        return False
    try:
        return not _locked(held)
    finally:
        os.close(held)


def end(pid: int, lock: Path, *, kill: bool = False) -> None:
    """Asks a process that holds the lock to end as Ctrl-C does, or kills it. Nothing, where it ended by now.

    SIGTERM and not SIGINT: what a shell starts in the background ignores that, and so would all that we start.
    """
    with suppress(ProcessLookupError):
        if sys.platform == "linux":
            handle = os.pidfd_open(pid)  # from here on it is this process, and no later one of the same number
            try:
                if running(lock):
                    signal.pidfd_send_signal(handle, signal.SIGKILL if kill else signal.SIGTERM)
            finally:
                os.close(handle)
        elif sys.platform != "win32" and running(lock):
            os.kill(pid, signal.SIGKILL if kill else signal.SIGTERM)


def bound(log: Path) -> None:
    """Empties a log that has become too long. Whoever writes it goes on at its beginning."""
    with suppress(OSError):
        if log.stat().st_size > MOST_LOG:
            os.truncate(log, 0)


def last_line(log: Path) -> str:
    """What a process complained of last, or else said. Empty: nothing, or nobody knows."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = [line for line in file.read(_TAIL).decode(errors="replace").split("\n") if line.strip()]
    except OSError:
        return ""
    complained = [line for line in lines if line.startswith(_COMPLAINT)]
    said = (complained or lines or [""])[-1]
    return printable(said.removeprefix(_COMPLAINT).strip())[:_LINE]


def _open(path: Path, how: int) -> int:
    return os.open(path, how | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), files.FILE)


def _locked(handle: int) -> bool:
    """Whether it is ours now."""
    if sys.platform != "win32":
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
    return False
