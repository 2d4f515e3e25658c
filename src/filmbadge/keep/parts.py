"""Part files: each is there whole or not at all, and its name holds the digest of what is in it.

The last part of a flush closes it: it names the others of its flush, and the part that closed the flush before.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from filmbadge.keep import files, pages
from filmbadge.keep.files import Damaged, shown

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

pa.set_memory_pool(pa.system_memory_pool())  # gives back what a flush took; the default one keeps it

PART_BYTES = 256 << 20  # a flush of 12,000 rows takes less than one
HELD_BYTES = 32 << 20  # a table that takes no more is read once: 20,000 endpoints do
_NAME = re.compile(r"part-(\d{6,12})(?:-([0-9a-f]{32}))?\.parquet")
_WITH, _BEFORE = b"filmbadge.with", b"filmbadge.before"


class Footer(NamedTuple):
    """What a part says of itself."""

    schema: pa.Schema
    rows: int
    expanded: int  # bytes that its rows take in memory at most


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
        handle = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT, files.FILE)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            os.close(handle)
            raise BlockingIOError(error.errno, error.strerror) from None
    else:
        handle = files.open_any(directory, directory, folder=True)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            raise
    return handle


def numbered(directory: Path, folder: Path) -> dict[int, Path]:
    """The parts of a table by their numbers, in order. Raises Damaged where two have one number."""
    found: dict[int, Path] = {}
    for name in files.names(directory, folder):
        if match := _NAME.fullmatch(name):
            number = int(match.group(1))
            if number in found:
                raise Damaged(f"{shown(folder / name)} has the number of another part")
            found[number] = folder / name
    return dict(sorted(found.items()))


def number_of(path: Path) -> int:
    return int(path.name.split("-")[1].partition(".")[0])


def write(folder: Path, number: int, rows: pa.Table, closes: Mapping[bytes, bytes] | None = None) -> Path:
    """`closes`: what `closing` made, for the last part of a flush."""
    sink = pa.BufferOutputStream()
    told = rows.replace_schema_metadata({**(rows.schema.metadata or {}), **(closes or {})})
    pq.write_table(told, sink, compression="zstd", use_dictionary=False, write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    digest = _digest(data)
    path = folder / f"part-{number:06d}-{digest}.parquet"
    files.write(path, data)
    _known[digest] = Footer(told.schema, told.num_rows, told.nbytes)
    return path


def closing(directory: Path, others: Iterable[Path], before: str) -> dict[bytes, bytes]:
    """What the last part of a flush says of the others, and of the flush before."""
    return {_WITH: " ".join(name(directory, path) for path in others).encode(), _BEFORE: before.encode()}


def closes(directory: Path, path: Path) -> list[str] | None:
    """The parts that a part names, if it closes a flush; None if it does not. Raises Damaged."""
    told = footer(directory, path).schema.metadata or {}
    if _WITH not in told:
        return None
    named: bytes = told[_WITH] + b" " + told.get(_BEFORE, b"")
    return named.decode(errors="replace").split()


def name(directory: Path, path: Path) -> str:
    """A part as the documents of the folder and other parts name it."""
    return path.relative_to(directory).as_posix()


def read(directory: Path, path: Path) -> bytes:
    """Raises Damaged. A part of dataset version 2 has no digest, and passes."""
    return _checked(directory, path)[0]


def footer(directory: Path, path: Path) -> Footer:
    """What the footer of a part says. The part is read and checked each time. Raises Damaged."""
    return _checked(directory, path)[1]


def _checked(directory: Path, path: Path) -> tuple[bytes, Footer]:
    try:
        data = files.read(directory, path, PART_BYTES)
    except FileNotFoundError:
        raise Damaged(f"{shown(path)} is missing") from None
    found, digest = _NAME.fullmatch(path.name), _digest(data)
    if found and found.group(2) not in (None, digest):
        raise Damaged(f"{shown(path)} is damaged: it holds other bytes than were written")
    if digest not in _known:
        try:
            expanded = pages.require(data)
            file = _file(data)
            _known[digest] = Footer(file.schema_arrow, file.metadata.num_rows, expanded)
        except (ValueError, pa.ArrowException, OSError, RecursionError) as error:
            why = error if isinstance(error, pages.Unfit) else type(error).__name__
            raise Damaged(f"{shown(path)} is no part of a survey: {why}") from None
    return data, _known[digest]


_known: dict[str, Footer] = {}  # by digest, of what we wrote, or found to take no more memory than it may


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]


def opened(directory: Path, path: Path) -> pq.ParquetFile:
    """Raises Damaged."""
    return _file(read(directory, path))


def _file(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True, **pages.LIMITS)


def require_schema(path: Path, found: pa.Schema, schema: pa.Schema) -> None:
    """Raises Damaged where a part has a column that its table has not. Older versions wrote fewer."""
    wanted = {field.name: field.type for field in schema}
    if len(set(found.names)) != len(found.names) or any(wanted.get(f.name) != f.type for f in found):
        raise Damaged(f"{shown(path)} is no part of a survey: it has other columns")


def together(directory: Path, paths: Collection[Path], schema: pa.Schema) -> Together:
    """Parts of one table, to be scanned. What is scanned is what was checked: a large table is read and checked each time."""
    rows = expanded = 0
    for path in paths:
        told = footer(directory, path)
        require_schema(path, told.schema, schema)
        rows += told.rows
        expanded += told.expanded
    return Together(directory, tuple(paths), schema, rows, small=expanded <= HELD_BYTES)


class Together(ds.InMemoryDataset):  # type: ignore[misc]  # pyarrow has no types
    """DuckDB takes a dataset of pyarrow's, and calls `scanner` for each scan.

    No thread of pyarrow's may run Python here, or drop what Python holds. It would wait for Python's lock, while the thread
    that has the lock waits for it: a scan holds the lock while it begins.

    A small table is read and checked at its first scan, and kept: a report asks fourteen times of the same endpoints, and
    to open two hundred parts takes longer than to ask.
    """

    def __init__(self, directory: Path, paths: tuple[Path, ...], schema: pa.Schema, rows: int, *, small: bool) -> None:
        super().__init__(schema.empty_table())
        self._directory, self._paths, self.num_rows = directory, paths, rows
        self._small = small
        self._held: Any = None  # a dataset of pyarrow's

    def scanner(self, columns: list[str] | None = None, filter: Any = None) -> _Scan:
        names = self.schema.names if columns is None else columns
        batches = self._of_held if self._small else self._batches
        return _Scan(pa.schema([self.schema.field(name) for name in names]), batches(names, filter))

    def _of_held(self, columns: list[str], keep: Any) -> Iterator[pa.RecordBatch]:
        if self._held is None:
            read = pa.Table.from_batches(self._batches(self.schema.names, None), self.schema)
            self._held = ds.InMemoryDataset(read.combine_chunks())
        yield from self._held.scanner(columns=columns, filter=keep, use_threads=False).to_batches()

    def _batches(self, columns: list[str], keep: Any) -> Iterator[pa.RecordBatch]:
        options = ds.ParquetFragmentScanOptions(page_checksum_verification=True, **pages.LIMITS)
        parquet = ds.ParquetFileFormat(default_fragment_scan_options=options)
        for path in self._paths:
            held = pa.BufferOutputStream()
            held.write(read(self._directory, path))
            part = parquet.make_fragment(held.getvalue())
            yield from part.scanner(schema=self.schema, columns=columns, filter=keep).to_batches()


class _Scan(NamedTuple):
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    def to_reader(self) -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(self.schema, self.batches)
