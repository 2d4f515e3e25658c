"""A copy of everything that the dashboard keeps, in one file, and back again.

The file is a tar: what it is, then `data/` with what stood in the folder, then a list of all that with digests. So a file
that was cut off is found, wherever. It holds secrets: hashes of passwords, addresses of channels, what surveys kept.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from secrets import token_hex
from typing import BinaryIO

import msgspec
from msgspec import Struct

from filmbadge.keep import files
from filmbadge.keep.files import shown
from filmbadge.model import Refusal
from filmbadge.texts import printable
from filmbadge.version import RELEASE
from filmbadge.watch.store.store import NAME, now, steps

FORMAT = "filmbadge.watch-backup/1"
_BEGIN, _DATA, _END = "filmbadge-backup.json", "data/", "filmbadge-backup-contents.json"
_SURVEYS = "surveys"
_MOST_BYTES = 1 << 26  # of either list
_PIECE = 1 << 20


class Made(Struct, frozen=True):
    """What a backup is."""

    format: str
    filmbadge: str
    steps: int  # that its store has taken
    at: str
    surveys: bool


class Kept(Struct, frozen=True):
    files: int
    bytes: int
    surveys: bool


def backup(directory: Path, file: Path, *, surveys: bool) -> Kept:
    """Writes all of `directory` to `file`, while the dashboard runs or not. Without `surveys`: not what they kept.

    The store is copied first, as it is at one moment. What is written later than that may be in the copy too: a survey that
    runs is one that was interrupted. Raises Refusal.
    """
    if not (directory / NAME).is_file():
        raise Refusal(f"{shown(directory)} is no folder of a dashboard: it has no {NAME}")
    if file.exists():
        raise Refusal(f"{shown(file)} is there already: choose another name")
    if not file.parent.is_dir():
        raise Refusal(f"there is no folder {shown(file.parent)}")
    sign = token_hex(4)
    copy, growing = (file.with_name(f".{file.name[:40]}.{sign}.{what}.tmp") for what in ("store", "tar"))
    digests: dict[str, str] = {}
    total = 0
    try:
        with _said(file), _new(growing) as to, tarfile.open(fileobj=to, mode="w", format=tarfile.PAX_FORMAT) as tar:
            taken = _copy(directory / NAME, copy)
            made = Made(FORMAT, RELEASE, taken, now(), surveys)
            _put(tar, _BEGIN, BytesIO(msgspec.json.encode(made)))
            for name, path in [(NAME, copy), *_contents(directory, {file, growing, copy}, surveys=surveys)]:
                with suppress(FileNotFoundError), files.open_file(path.parent, path, 1 << 62) as held:
                    size, digests[name] = _put(tar, _DATA + name, held)
                    total += size
            _put(tar, _END, BytesIO(msgspec.json.encode(digests)))
            tar.close()
            to.flush()
            os.fsync(to.fileno())
            growing.replace(file)
    finally:
        for left in (copy, growing, *(copy.with_name(copy.name + end) for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)
    return Kept(len(digests), total, surveys)


def restore(file: Path, directory: Path) -> Kept:
    """Puts a backup into a folder that is empty or missing: all of it, or nothing. Raises Refusal.

    Nobody is logged in any more, and a message that waited says that it may have been sent before.
    """
    with _said(directory):
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Refusal(
                f"{shown(directory)} is not empty: a backup is put into an empty folder, or into one that is missing"
            )
        there = files.real(directory)
        files.make_folder(there.parent)
        growing = there.with_name(f".{there.name[:40]}.{token_hex(4)}.tmp")
        growing.mkdir(files.FOLDER)
        try:
            kept = _unpack(file, growing)
            _settle(growing / NAME)
            if there.exists():
                there.rmdir()
            growing.rename(there)
        finally:
            shutil.rmtree(growing, ignore_errors=True)
    return kept


def _contents(directory: Path, without: set[Path], *, surveys: bool) -> Iterator[tuple[str, Path]]:
    """All files of the dashboard but its store, in their order."""
    skipped = {files.real(path) for path in without}
    for folder, folders, names in os.walk(directory):
        here = Path(folder)
        if here == directory:
            folders[:] = [name for name in folders if surveys or name != _SURVEYS]
            names = [name for name in names if not name.startswith(NAME)]  # noqa: PLW2901 - its -wal and -shm too
        folders.sort()
        for name in sorted([*names, *(name for name in folders if (here / name).is_symlink())]):
            path = here / name
            mode = path.lstat().st_mode if path.exists() or path.is_symlink() else 0
            if not mode or name.endswith(".tmp") or files.real(path) in skipped:
                continue  # it is half of a file, or was moved meanwhile
            if not stat.S_ISREG(mode):
                raise Refusal(f"{shown(path)} is no regular file, and a backup has no others: move it elsewhere")
            yield path.relative_to(directory).as_posix(), path


def _copy(store: Path, to: Path) -> int:
    """The store as it is at one moment. Gives the steps that it has taken."""
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, files.FILE))
    with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as source, closing(sqlite3.connect(to)) as target:  # fmt: skip
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
        taken: int = target.execute("PRAGMA user_version").fetchone()[0]
        return taken


class _Measured:
    """A file of which so much is read as it had at first, and its digest."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size
        self.digest = hashlib.sha256()

    def read(self, most: int) -> bytes:
        piece = self._file.read(min(most, self._left))
        self._left -= len(piece)
        self.digest.update(piece)
        return piece


def _put(tar: tarfile.TarFile, name: str, file: BinaryIO) -> tuple[int, str]:
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    about = tarfile.TarInfo(name)
    about.size, about.mode = size, files.FILE
    measured = _Measured(file, size)
    tar.addfile(about, measured)  # type: ignore[arg-type]
    return size, measured.digest.hexdigest()


def _unpack(file: Path, to: Path) -> Kept:
    digests: dict[str, str] = {}
    listed: dict[str, str] | None = None
    made: Made | None = None
    total = 0
    try:
        with tarfile.open(file, "r:") as tar:
            for member in tar:
                held = tar.extractfile(member) if member.isreg() else None
                if held is None or listed is not None:
                    raise Refusal(
                        f"{shown(file)} is no backup of a dashboard: it holds '{printable(member.name)[:80]}'"
                    )
                if made is None:
                    made = _made(file, member, held)
                elif member.name == _END:
                    listed = msgspec.json.decode(held.read(_MOST_BYTES), type=dict[str, str])
                else:
                    name = _inside(file, member.name)
                    digests[name] = _write(to / name, held)
                    total += member.size
    except (tarfile.TarError, EOFError, msgspec.MsgspecError, ValueError):
        raise _damaged(file) from None
    if made is None or listed != digests or NAME not in digests:
        raise _damaged(file)
    return Kept(len(digests), total, made.surveys)


def _made(file: Path, member: tarfile.TarInfo, held: BinaryIO | object) -> Made:
    if member.name != _BEGIN or member.size > _MOST_BYTES:
        raise Refusal(
            f"{shown(file)} is no backup of a dashboard (one is written with: filmbadge watch --dir DIR --backup FILE)"
        )
    try:
        made = msgspec.json.decode(held.read(), type=Made)  # type: ignore[union-attr]
    except msgspec.MsgspecError:
        raise _damaged(file) from None
    if made.format != FORMAT or made.steps > len(steps()):
        raise Refusal(
            f"{shown(file)} was written by Filmbadge {printable(made.filmbadge)[:40]}, which is newer than this one: install that version"
        )
    return made


def _inside(file: Path, name: str) -> str:
    """The path below the folder that a member is written to. Raises Refusal where it would lead elsewhere."""
    path = PurePosixPath(name.removeprefix(_DATA))
    plain = name.startswith(_DATA) and "\\" not in name and ":" not in name and "\0" not in name
    if not plain or path.is_absolute() or not path.parts or ".." in path.parts or str(path) != name.removeprefix(_DATA):
        raise Refusal(
            f"{shown(file)} is no backup of a dashboard: '{printable(name)[:80]}' would lead out of the folder"
        )
    return str(path)


def _write(path: Path, held: object) -> str:
    files.make_folder(path.parent)
    digest = hashlib.sha256()
    with _new(path) as to:
        while piece := held.read(_PIECE):  # type: ignore[attr-defined]
            digest.update(piece)
            to.write(piece)
        to.flush()
        os.fsync(to.fileno())
    return digest.hexdigest()


def _settle(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise sqlite3.DatabaseError("quick_check")
        connection.execute("DELETE FROM sessions")
        connection.execute("UPDATE outbox SET again = 1 WHERE state IN ('waiting', 'sending')")


@contextmanager
def _new(path: Path) -> Iterator[BinaryIO]:
    """A new file that its owner alone may read."""
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), files.FILE), "wb"
    ) as file:
        files.own(file.fileno(), files.FILE)
        yield file


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """What goes wrong, in one line."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise Refusal(f"the disk that holds {shown(path)} is full: nothing was written") from None
        raise Refusal(f"{shown(Path(str(error.filename or path)))} cannot be used ({error.strerror})") from None
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL:
            raise Refusal(f"the disk that holds {shown(path)} is full: nothing was written") from None
        raise Refusal(f"the store of the dashboard is damaged, or cannot be read: {error}") from None


def _damaged(file: Path) -> Refusal:
    return Refusal(f"{shown(file)} is damaged, or no backup of a dashboard: use another one")
