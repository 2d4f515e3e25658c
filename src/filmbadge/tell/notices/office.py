"""The folder of the letters. What was told and its letters stand there together, whatever ends us in between.

Letters are written into a folder of their own first. Then the table of what was told is written: from there on they are
told. Then they are moved to where they belong. Whoever opens the folder next moves what a killed run left, or removes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filmbadge.keep import files
from filmbadge.keep.parts import Lock
from filmbadge.model import Refusal
from filmbadge.tell.notices import ledger
from filmbadge.tell.notices.ledger import Told

_NEW = ".new"
LETTERS = "*-FB-????-????-*"  # what the files of letters are called


class Made(NamedTuple):
    """One letter: its files by name, and what it tells."""

    files: Mapping[str, bytes]
    told: tuple[Told, ...]


class Office:
    """One folder, held by this process."""

    def __init__(self, directory: Path) -> None:
        self._directory, self._new = directory, directory / _NEW
        self.told = ledger.read(directory)
        if not self.told and (letter := next(directory.glob(LETTERS), None)):
            raise Refusal(
                f"{files.shown(letter)} is a letter, and {ledger.NAME}, which says who was told, is missing or empty: put it back, or choose another folder"
            )

    def settle(self) -> None:
        """Letters that were told are moved to their place, and others of an earlier run are removed. Raises Refusal."""
        known = {name for row in self.told for name in row.files.split()}
        with _writing(self._directory):
            for name in files.names(self._directory, self._new):
                if name in known:
                    (self._new / name).replace(self._directory / name)
                else:
                    (self._new / name).unlink()
            if self._new.is_dir():
                self._new.rmdir()

    def keep(self, made: Iterable[Made]) -> int:
        """Write letters, and that they were told: all of them or none. How many they are. Raises Refusal."""
        told, letters = list(self.told), 0
        for letter in made:
            with _writing(self._directory):
                files.make_folder(self._new)
                for name, data in letter.files.items():
                    files.write(self._new / name, data)
            told.extend(letter.told)
            letters += 1
        if letters:
            with _writing(self._directory):
                ledger.write(self._directory, told)
            self.told = tuple(told)
            self.settle()
        return letters

    def put(self, name: str, data: bytes) -> None:
        """A file that is made anew each time. Raises Refusal."""
        with _writing(self._directory):
            files.write(self._directory / name, data)


@contextmanager
def opened(directory: Path) -> Iterator[Office]:
    """The folder, made if it is missing. Raises Refusal where it cannot be written, or another process writes letters there."""
    with _writing(directory):
        files.make_folder(directory)
        lock = Lock(directory)
    try:
        office = Office(directory)
        office.settle()
        try:
            yield office
        finally:
            office.settle()
    finally:
        lock.close()


@contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Raises Refusal for what the system says."""
    try:
        yield
    except BlockingIOError:
        raise Refusal(f"another filmbadge writes letters into {files.shown(directory)}") from None
    except OSError as error:
        raise Refusal(f"{files.shown(directory)} cannot be written ({error.strerror})") from None
