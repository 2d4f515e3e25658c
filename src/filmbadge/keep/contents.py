"""What stands in a survey's folder: what we write there, and nothing else is taken for ours."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from filmbadge.keep import files, judged, manifest
from filmbadge.keep.files import Damaged, shown
from filmbadge.keep.schema import TABLES

_TABLES = "|".join(table.name for table in TABLES)
_PART = r"part-\d{6,12}(-[0-9a-f]{32})?\.parquet"
_TEMPORARY = rf"\.({_PART}|part-\d{{6,12}})\.tmp"
_FOLDER = re.compile(rf"judged|(judged/\d+/)?({_TABLES})|judged/\d+")
_FILE = re.compile(
    rf"\.lock|(judged/\d+/)?({_TABLES})/({_PART}|{_TEMPORARY})"
    rf"|(judged/\d+/)({re.escape(judged.NAME)}|\.{re.escape(judged.NAME)}\.tmp)"
    r"|leases\.sqlite(-wal|-shm|-journal)?"  # who may ask which network, while many processes share a survey
    rf"|{re.escape(manifest.NAME)}|\.{re.escape(manifest.NAME)}\.tmp"
)


class Entry(NamedTuple):
    """A file or folder below the survey's folder."""

    path: Path
    folder: bool
    size: int  # bytes of a file


def entries(directory: Path, below: Path | None = None, *, strangers: bool = False) -> Iterator[Entry]:
    """All that is ours, what is in a folder before the folder. Raises Damaged where something is not, unless `strangers` may be there."""
    here = below or directory
    for name in files.names(directory, here):
        path = here / name
        found = path.lstat()
        told = path.relative_to(directory).as_posix()
        if stat.S_ISDIR(found.st_mode) and _FOLDER.fullmatch(told):
            yield from entries(directory, path, strangers=strangers)
            yield Entry(path, True, 0)
        elif stat.S_ISREG(found.st_mode) and _FILE.fullmatch(told):
            yield Entry(path, False, found.st_size)
        elif not strangers:
            raise Damaged(f"{shown(path)} is not of a survey")


def survey_of(path: Path) -> Path | None:
    """The folder of the survey that this file would be a part of, and so would damage. None: of no survey."""
    file = files.real(path)
    for directory in file.parents:
        own = any((directory / table.name).is_dir() for table in TABLES) and (directory / manifest.NAME).exists()
        told = file.relative_to(directory)
        if own and (_FOLDER.fullmatch(told.parts[0]) or _FILE.fullmatch(told.as_posix())):
            return directory
    return None


def narrow(directory: Path) -> int:
    """Takes from others what they may do with our files and folders. How many could be used by others. Raises Damaged."""
    if not hasattr(os, "fchmod"):
        return 0
    wide = 0
    for entry in (*entries(directory, strangers=True), Entry(directory, True, 0)):
        handle = files.open_any(directory, entry.path, folder=entry.folder)
        try:
            wide += files.own(handle, files.FOLDER if entry.folder else files.FILE)
        finally:
            os.close(handle)
    return wide


def remove(directory: Path, entry: Entry) -> None:
    """Raises Damaged and OSError. What a link would lead to stays: the folder it stands in is held while it is removed."""
    if not files.BELOW:
        (entry.path.rmdir if entry.folder else entry.path.unlink)()
        return
    above = files.open_any(directory, entry.path.parent, folder=True)
    try:
        (os.rmdir if entry.folder else os.unlink)(entry.path.name, dir_fd=above)
    finally:
        os.close(above)
