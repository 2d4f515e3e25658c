"""The folder of the letters. What was told and its letters stand there together, whatever ends us in between.

Letters are written into a folder of their own first. Then the table of what was told is written: from there on they are
told. Then they are moved to where they belong. Whoever opens the folder next moves what a killed run left, or removes it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from filmbadge.keep import files
from filmbadge.model import Refusal
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.ledger import Told

if sys.platform != "win32":
    import fcntl

_NEW = ".new"


class Made(NamedTuple):
    """One letter: its files by name, and what it tells."""

    files: Mapping[str, bytes]
    told: tuple[Told, ...]


class Office:
    """One folder, held by this process."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._new = directory, directory / _NEW
        self.told = ledger.read(directory)

    def settle(self) -> None:
        """Letters that were told are moved to their place, and others of an earlier run are removed. Raises OSError."""
        known = {name for row in self.told for name in row.files.split()}
        if not self._new.is_dir():
            return
        for path in self._new.iterdir():
            if path.name in known:
                path.replace(self._directory / path.name)
            else:
                path.unlink()
        self._new.rmdir()

    def keep(self, made: Iterable[Made]) -> int:
        """Write letters, and that they were told: all of them or none. How many they are. Raises OSError."""
        told, letters = list(self.told), 0
        for letter in made:
            files.make_folder(self._new)
            for name, data in letter.files.items():
                files.write(self._new / name, data)
            told.extend(letter.told)
            letters += 1
        if letters:
            ledger.write(self._directory, told)
            self.told = tuple(told)
            self.settle()
        return letters

    def put(self, name: str, data: bytes) -> None:
        """A file that is made anew each time. Raises OSError."""
        files.write(self._directory / name, data)


@contextmanager
def opened(directory: Path) -> Iterator[Office]:
    """The folder, made if it is missing. Raises Refusal where it cannot be written, or another process writes letters there."""
    try:
        files.make_folder(directory)
        with _held(directory):
            office = Office(directory)
            office.settle()
            try:
                yield office
            finally:
                office.settle()
    except OSError as error:
        raise Refusal(f"{files.shown(directory)} cannot be written ({error.strerror})") from None


@contextmanager
def _held(directory: Path) -> Iterator[None]:
    """Windows locks no folders: there two processes are not kept apart."""
    if sys.platform == "win32":
        yield
        return
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
            return
        raise Refusal(f"another filmbadge writes letters into {files.shown(directory)}")
    finally:
        os.close(handle)
