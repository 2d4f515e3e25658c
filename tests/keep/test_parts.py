"""Parts of one table, scanned as one dataset."""

from __future__ import annotations

import threading
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from filmbadge.keep import parts

SCHEMA = pa.schema([("n", pa.int64()), ("said", pa.string()), ("later", pa.string())])
PARTS, ROWS = 40, 50


@pytest.fixture
def table(tmp_path: Path) -> ds.Dataset:
    """Forty parts. The first half is of a time when the table had a column less."""
    for number in range(PARTS):
        n = [number * ROWS + row for row in range(ROWS)]
        rows = pa.table({"n": n, "said": list(map(str, n)), "later": ["later"] * ROWS}, schema=SCHEMA)
        parts.write(tmp_path, number + 1, rows.drop_columns("later") if number < PARTS // 2 else rows)
    return parts.together(tmp_path, parts.numbered(tmp_path, tmp_path).values(), SCHEMA)


def test_python_runs_in_the_thread_that_scans_and_in_no_other(
    table: ds.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that thread waits for Python's lock, and the one that scans has it: seen once, as a query that never ended."""
    readers = []
    read = parts.read

    def noted(directory: Path, path: Path) -> bytes:
        readers.append(threading.get_ident())
        return read(directory, path)

    monkeypatch.setattr(parts, "read", noted)
    assert table.scanner(columns=["n"]).to_reader().read_all().num_rows == PARTS * ROWS
    assert readers == [threading.get_ident()] * PARTS


def test_a_scan_takes_the_columns_and_rows_that_are_asked_for(table: ds.Dataset) -> None:
    rows = table.scanner(columns=["later", "n"], filter=ds.field("said") == "1007").to_reader().read_all()
    assert rows.to_pylist() == [{"later": "later", "n": 1007}]
    assert table.scanner().to_reader().read_all().column("later").null_count == PARTS // 2 * ROWS


def test_many_scans_at_once_see_the_same(table: ds.Dataset) -> None:
    sql = duckdb.connect(":memory:")
    sql.register("parts", table)
    counted = ", ".join(f"(SELECT count(*) FROM parts WHERE n >= {least})" for least in range(12))
    for _ in range(5):
        assert sql.execute(f"SELECT {counted}").fetchall() == [tuple(PARTS * ROWS - least for least in range(12))]
    assert sql.execute("SELECT count(later), sum(n) FROM parts").fetchall() == [(1000, 1_999_000)]


@pytest.mark.parametrize(("held", "times"), [(1 << 20, 1), (0, 3)])
def test_a_small_table_is_read_once_and_a_large_one_at_each_scan(
    held: int, times: int, table: ds.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert table.num_rows == PARTS * ROWS
    monkeypatch.setattr(parts, "HELD_BYTES", held)
    found = parts.together(tmp_path, parts.numbered(tmp_path, tmp_path).values(), SCHEMA)
    opened: list[Path] = []
    read = parts.read

    def noted(directory: Path, path: Path) -> bytes:
        opened.append(path)
        return read(directory, path)

    monkeypatch.setattr(parts, "read", noted)
    for _ in range(3):
        assert found.scanner(columns=["n"]).to_reader().read_all().num_rows == PARTS * ROWS
    assert len(opened) == times * PARTS
