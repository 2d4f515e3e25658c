"""Part files: each is there whole or not at all, and its name holds the digest of what is in it."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from filmbadge.model import Refusal

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_NAME = re.compile(r"part-(\d{6,})(?:-([0-9a-f]{32}))?\.parquet")


class Damaged(Refusal):
    """A part holds other bytes than were written. One line, for the user."""


class Lock:
    """One process at a time writes into a survey's folder. Raises BlockingIOError where another does."""

    def __init__(self, directory: Path) -> None:
        self._handle: int | None = _locked(directory)

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _locked(directory: Path) -> int:
    """A descriptor that holds the folder. Raises BlockingIOError."""
    if sys.platform == "win32":  # has no locks on folders
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            os.close(handle)
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        handle = os.open(directory, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
    return handle


def numbered(folder: Path) -> dict[int, Path]:
    """The parts of a table by their numbers, in order."""
    names = ((_NAME.fullmatch(path.name), path) for path in sorted(folder.glob("part-*.parquet")))
    return {int(found.group(1)): path for found, path in names if found}


def write(folder: Path, number: int, rows: pa.Table) -> Path:
    temporary = folder / f".part-{number:06d}.tmp"
    pq.write_table(rows, temporary, compression="zstd")
    with temporary.open("r+b") as handle:  # Windows syncs only what may be written
        os.fsync(handle.fileno())
        digest = _digest(temporary)
    return temporary.replace(folder / f"part-{number:06d}-{digest}.parquet")


def check(path: Path) -> Path:
    """Raises Damaged. A part of dataset version 2 has no digest, and passes."""
    found = _NAME.fullmatch(path.name)
    if found and found.group(2) not in (None, _digest(path)):
        raise Damaged(f"{path} is damaged: it holds other bytes than were written")
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()[:32]
