"""Whether a folder has all parts that it says it has, and no others.

What a document lists must be there, and what a part names that closes a flush. Whatever else is there must belong to a flush that was
broken off by a kill, before any document listed it. Of the last flushes before a kill, nothing lists the very last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from filmbadge.keep import judged, parts
from filmbadge.keep.files import Damaged, shown
from filmbadge.keep.judged import Judged
from filmbadge.keep.manifest import Manifest
from filmbadge.keep.schema import TABLES

SINCE = 4  # version of the dataset
Parts = dict[str, tuple[str, ...]]


def listed(directory: Path, number: int | None = None) -> Parts:
    """The names of the parts by table: of the facts, or of the judgement of that number."""
    found = {}
    for table in TABLES:
        if table.judged is (number is not None):
            there = parts.numbered(directory, table.folder(directory, number or 0)).values()
            found[table.name] = tuple(path.name for path in there)
    return found


def require(directory: Path, manifest: Manifest, number: int | None, said: Judged | None) -> None:
    """Raises Damaged where a part is missing, or there is one that no document and no flush knows. It is named."""
    there = {path for table in TABLES if not table.judged for path in _there(directory, table.folder(directory, 0))}
    known = set(_paths(directory, manifest.parts))
    _lost(known - there)
    if manifest.state != "running" and manifest.parts is not None:
        _foreign(there - known)
    folders = {directory}
    if number is not None and said is not None:
        folder, verdicts = judged.folder(directory, number), set(judged.parts_of(directory, number))
        listed = set(_paths(folder, said.parts))
        _lost(listed - verdicts)
        if said.state == "done":
            _foreign(verdicts - listed)
        elif said.state == "surveying":  # its parts are of the same flushes
            there, known, folders = there | verdicts, known | listed, {directory, folder}
    _prove(directory, folders, there, known)


def _prove(directory: Path, folders: set[Path], there: set[Path], known: set[Path]) -> None:
    """What no document lists belongs to a flush: its closing part names all of it, and the closing part before."""
    flushes: dict[int, set[Path]] = {}
    for path in there:
        flushes.setdefault(parts.number_of(path), set()).add(path)
    for number in sorted({parts.number_of(path) for path in there - known}):
        named: set[Path] = set()
        for path in flushes[number]:
            if (others := parts.closes(directory, path)) is not None:
                named |= {path, *(directory / name for name in others)}
        _lost(path for path in named - there if path.parent.parent in folders)
        if named:
            _foreign(flushes[number] - named - known)


def _there(directory: Path, folder: Path) -> Iterable[Path]:
    return parts.numbered(directory, folder).values()


def _paths(folder: Path, told: Parts | None) -> Iterator[Path]:
    for table, names in (told or {}).items():
        yield from (folder / table / name for name in names)


def _lost(paths: Iterable[Path]) -> None:
    """A survey may have written it since its folder was listed."""
    for path in sorted(path for path in paths if not path.is_file()):
        raise Damaged(f"{shown(path)} is missing")


def _foreign(paths: Iterable[Path]) -> None:
    for path in sorted(paths):
        raise Damaged(f"{shown(path)} is no part of this survey: no document lists it")
