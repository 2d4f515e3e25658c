"""A survey's folder, which may come from somebody else, and which nobody else may read.

What is opened is a regular file below the folder. No symbolic link is followed from the folder down, and no FIFO is
waited for. The descriptor that was looked at is the one that is read. Windows has no such opening and no modes: there
a link is looked for before the file is opened.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from filmbadge.model import Refusal

FILE, FOLDER = 0o600, 0o700
BELOW = os.open in os.supports_dir_fd  # whether what is opened can be found from a folder that is held
_READ = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_LIST = _READ | getattr(os, "O_DIRECTORY", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_BINARY"))


class Damaged(Refusal):
    """A file is missing, is none of ours, or holds other bytes than were written. One line, for the user."""


def shown(path: Path) -> str:
    """A path in a message: in one line, whatever somebody called it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(path)[:400])


def read(directory: Path, path: Path, limit: int) -> bytes:
    """A regular file below the folder. Raises Damaged where it is none, or larger than `limit`, and FileNotFoundError."""
    with open_file(directory, path, limit) as handle:
        data = handle.read(limit + 1)
    if len(data) > limit:  # it grew
        raise Damaged(f"{shown(path)} is larger than {limit >> 20} MiB")
    return data


def open_file(directory: Path, path: Path, limit: int) -> BinaryIO:
    """The same, to be read by its descriptor."""
    handle = _descend(directory, path, _READ)
    try:
        size = os.fstat(handle).st_size
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Damaged(f"{shown(path)} is no regular file")
        if size > limit:
            raise Damaged(f"{shown(path)} is larger than {limit >> 20} MiB")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def open_any(directory: Path, path: Path, *, folder: bool) -> int:
    """A descriptor of a folder or file that no link leads to. Raises Damaged and FileNotFoundError. Windows opens no folders."""
    return _descend(directory, path, _LIST if folder else _READ)


def names(directory: Path, folder: Path) -> list[str]:
    """What stands in a folder of the survey, sorted; nothing where it is missing. Raises Damaged where it is none."""
    try:
        if not BELOW:
            _no_link(directory, folder)
            return sorted(path.name for path in folder.iterdir())
        handle = open_any(directory, folder, folder=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Damaged(f"{shown(folder)} cannot be read ({error.strerror})") from None
    try:
        return sorted(os.listdir(handle))  # noqa: PTH208 - a path could lead elsewhere by now
    finally:
        os.close(handle)


def _descend(directory: Path, path: Path, flags: int) -> int:
    """A descriptor of `path`, step by step from the folder. Raises Damaged and FileNotFoundError."""
    here, handle = directory, None
    try:
        if not BELOW:
            _no_link(directory, path)
            return os.open(path, flags)
        steps = path.relative_to(directory).parts
        handle = _step(None, str(directory), _LIST if steps else flags)
        for n, name in enumerate(steps, 1):
            here = here / name
            above, handle = handle, None
            try:
                handle = _step(above, name, _LIST if n < len(steps) else flags)
            finally:
                os.close(above)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"{shown(here)} {_why(error)}") from None
    return handle


def _step(above: int | None, name: str, flags: int) -> int:
    """Looked at before it is opened, because opening a device can do something, and by `flags` while it is."""
    found = os.stat(name, dir_fd=above, follow_symlinks=False).st_mode
    if stat.S_ISLNK(found):
        raise OSError(errno.ELOOP, "is a link")
    if not stat.S_ISREG(found) and not stat.S_ISDIR(found):
        raise OSError(errno.ENXIO, "is neither")
    return os.open(name, flags, dir_fd=above)


def _why(error: OSError) -> str:
    said = {
        errno.ELOOP: "is a symbolic link, and no link is followed",
        errno.ENXIO: "is no regular file",
        errno.ENOTDIR: "is no folder",
    }
    return said.get(error.errno or 0, f"cannot be read ({error.strerror})")


def _no_link(directory: Path, path: Path) -> None:
    for there in (path, *path.parents):
        if there.is_symlink():
            raise Damaged(f"{shown(there)} is a symbolic link, and no link is followed")
        if there == directory:
            return


def real(path: Path) -> Path:
    """Where a path leads, through links. Raises nothing: where links lead in a circle, who opens it is told."""
    return Path(os.path.realpath(path))


def write(path: Path, data: bytes, *, alone: bool = True) -> None:
    """A file that its owner alone may read, whole or not at all, and on the disk when this returns. Raises OSError.

    `alone`: nobody else writes in this folder now, so what a killed run left of this file is removed.
    """
    if alone:
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.unlink(missing_ok=True)
    else:
        temporary = path.with_name(f".{path.name[:40]}.{token_hex(4)}.tmp")
    handle = os.open(temporary, _NEW, FILE)
    try:
        with os.fdopen(handle, "wb") as file:
            own(handle, FILE)
            file.write(data)
            file.flush()
            os.fsync(handle)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()  # a full disk needs the room
        raise


def make_folder(path: Path) -> None:
    """A folder that its owner alone may read, and those above it that are missing. Raises OSError."""
    missing = [there for there in (path, *path.parents) if not there.exists()]
    for there in reversed(missing):
        with suppress(FileExistsError):
            there.mkdir(FOLDER)
            there.chmod(FOLDER)  # whatever the umask


def own(handle: int, mode: int) -> bool:
    """Takes away what others may do, and gives the owner what he needs. Whether that changed anything."""
    wide = stat.S_IMODE(os.fstat(handle).st_mode) != mode
    if wide and hasattr(os, "fchmod"):
        os.fchmod(handle, mode)
    return wide and hasattr(os, "fchmod")
