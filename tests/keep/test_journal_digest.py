"""Anybody can make the digest of a journal again: the view does, and so do a few lines of Python."""

from __future__ import annotations

import calendar
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from filmbadge.keep.journal import digest
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import JOURNAL
from filmbadge.keep.writer import Writer
from support import factories


def test_a_folder_and_its_rows_have_the_same_digest_in_any_order(tmp_path: Path) -> None:
    factories.survey(tmp_path)
    rows = [factories.connection(), factories.look_up(), factories.connection("2001:db8::1", 104)]
    writer = Writer(tmp_path)
    for row in rows:
        writer.journal(row)
    writer.close()
    assert Dataset(tmp_path).journal_digest() == (3, digest(rows)) == (3, digest(rows[::-1]))
    assert digest(rows[:2]) != digest(rows)


def test_a_stranger_makes_it_again_from_the_files_as_the_documentation_says(tmp_path: Path) -> None:
    factories.survey(tmp_path)
    writer = Writer(tmp_path)
    for address in ("192.0.2.1", "192.0.2.2"):
        writer.journal(factories.connection(address))
        writer.flush()
    writer.journal(factories.look_up())
    writer.close()
    parts = sorted((tmp_path / "journal").glob("*.parquet"))
    rows = pa.concat_tables([pq.read_table(part) for part in parts]).cast(JOURNAL.arrow).to_pylist()
    lines = []
    for row in rows:
        cells = [calendar.timegm(row["started_at"].timetuple()) * 1_000_000 + row["started_at"].microsecond]
        cells += [row[name] for name in ("address", "port", "question", "sent", "received")]
        cells += [round(row["seconds"] * 1_000_000), row["ending"], row["cause"]]
        cells += [",".join(f"{name}={n}" for name, n in sorted(row["numbers"])), row["error"]]
        lines.append("\t".join("-" if cell is None else str(cell) for cell in cells))
    hashes = "".join(sorted(sha256(line.encode()).hexdigest() for line in lines))
    assert Dataset(tmp_path).journal_digest() == (3, sha256(hashes.encode()).hexdigest())


def test_a_journal_without_a_row_has_the_digest_of_nothing(tmp_path: Path) -> None:
    factories.survey(tmp_path)
    assert Dataset(tmp_path).journal_digest() == (0, digest([]))
