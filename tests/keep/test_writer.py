"""Part files: whole or not at all, and a kill loses only what was not flushed."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from hashlib import sha256
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from filmbadge.keep import files, manifest, parts, writer
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import ARCHIVES, ENDPOINTS, JOURNAL, OBSERVATIONS, TABLES, link
from filmbadge.keep.writer import Writer
from filmbadge.model import Endpoint, Host, Link, LinkBy, Protocol, Review
from support.factories import DISCLOSED, REPORTED, admitted, connection, dimse, host, part, part_numbers, survey, web
from support.hanging import HANGS


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    survey(tmp_path)
    return tmp_path


def orthanc(address: str) -> Host:
    return host(address, dimse(admitted(DISCLOSED)), web(REPORTED))


def keep(directory: Path, *addresses: str) -> None:
    """All show the same: in one network they may be one machine."""
    kept = Writer(directory)
    for address in addresses:
        kept.journal(connection(address))
        kept.host(orthanc(address), address)
    kept.close()


def open_archives(directory: Path) -> object:
    return {total.quantity: total.measured for total in Dataset(directory).totals()}["archives_open"]


def test_each_flush_is_a_part_of_each_table(directory: Path) -> None:
    keep(directory, "192.0.2.1")
    keep(directory, "192.0.2.2", "192.0.2.3")
    for table in (OBSERVATIONS, ENDPOINTS, ARCHIVES, JOURNAL):
        assert part_numbers(directory, table) == {1, 2}
    assert set(Dataset(directory).done()) == {"192.0.2.1", "192.0.2.2", "192.0.2.3"}


def test_nothing_to_write_writes_nothing(directory: Path) -> None:
    Writer(directory).flush()
    assert all(part_numbers(directory, table) == set() for table in TABLES)


def test_parts_have_the_documented_schema(directory: Path) -> None:
    keep(directory, "192.0.2.1")
    for table in (OBSERVATIONS, ENDPOINTS, ARCHIVES, JOURNAL):
        written = pq.read_schema(part(directory, table, 1))
        assert written.names == [column.name for column in table.columns]
        assert written.metadata[b"filmbadge.table"] == table.name.encode()


def test_rows_are_flushed_when_there_are_many(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "FLUSH_ROWS", 3)
    kept = Writer(directory)
    kept.journal(connection())
    assert part_numbers(directory, JOURNAL) == set()
    kept.host(orthanc("192.0.2.1"), "192.0.2.1")
    kept.settle()
    assert part_numbers(directory, OBSERVATIONS) == {1}


def test_a_survey_of_a_year_has_documents_within_their_bound(directory: Path) -> None:
    """Flushes come less often the more there were: each adds a line for each table that it wrote."""
    kept = Writer(directory)
    seconds, each = 0.0, sum(len(f'      "part-000000-{"0" * 32}.parquet",\n') for table in TABLES)
    while seconds < 365 * 86400:
        seconds += 1000 * kept._seconds
        kept._number += 1000
    assert kept._number * each < manifest.DOCUMENT_BYTES
    assert kept._seconds < 180
    kept.close()


def test_what_was_judged_counts_only_beside_its_observations_and_is_ignored_and_removed(directory: Path) -> None:
    """A kill between the two files of one flush."""
    keep(directory, "192.0.2.1")
    keep(directory, "198.51.100.2")
    part(directory, OBSERVATIONS, 2).unlink()
    assert open_archives(directory) == 1
    assert set(Dataset(directory).done()) == {"192.0.2.1"}
    keep(directory, "198.51.100.2")
    assert open_archives(directory) == 2
    assert part_numbers(directory, ARCHIVES) == part_numbers(directory, OBSERVATIONS)
    assert part_numbers(directory, JOURNAL) == {1, 2, 3}  # connections that were made stay on record


def failing_at(table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full in the middle of a part of this table."""
    write = files.write

    def full(path: Path, data: bytes) -> None:
        if path.parent.name == table:
            path.with_name(f".{path.name}.tmp").write_bytes(data[:100])
            raise OSError(28, "No space left on device")
        write(path, data)

    monkeypatch.setattr(files, "write", full)


@pytest.mark.parametrize("table", ["journal", "archives", "endpoints", "observations"])
def test_half_a_part_is_none(directory: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        failing_at(table, patch)
        with pytest.raises(OSError, match="No space"):
            keep(directory, "192.0.2.1")
    assert set(Dataset(directory).done()) == set()
    assert open_archives(directory) == 0
    keep(directory, "192.0.2.1")
    assert open_archives(directory) == 1
    assert list(directory.rglob("*.tmp")) == []


@pytest.mark.parametrize("table", ["journal", "archives", "endpoints", "observations"])
def test_a_flush_that_failed_can_be_repeated(directory: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the engine does when it closes: a host that is done has its archives, and no connection is lost."""
    kept = Writer(directory)
    kept.journal(connection())
    kept.host(orthanc("192.0.2.1"), "192.0.2.1")
    with monkeypatch.context() as patch:
        failing_at(table, patch)
        with pytest.raises(OSError, match="No space"):
            kept.flush()
    kept.flush()
    assert set(Dataset(directory).done()) == {"192.0.2.1"}
    assert open_archives(directory) == 1
    assert Dataset(directory).connections() == 1


def test_who_brings_a_row_does_not_meet_what_the_thread_met_and_no_row_is_lost(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be taken for a fault at the host that is asked."""
    monkeypatch.setattr(writer, "FLUSH_ROWS", 1)
    told: list[str] = []
    kept = Writer(directory, failed=lambda error: told.append(str(error.strerror)))
    with monkeypatch.context() as patch:
        failing_at("journal", patch)
        kept.journal(connection())
        assert kept._writing is not None
        wait([kept._writing[0]])
        assert told == ["No space left on device"]
        kept.journal(connection())
        kept.host(orthanc("192.0.2.1"), "192.0.2.1")
        with pytest.raises(OSError, match="No space"):
            kept.flush()
    kept.close()
    assert part_numbers(directory, JOURNAL) == part_numbers(directory, OBSERVATIONS) == {1}
    assert set(Dataset(directory).done()) == {"192.0.2.1"}
    assert Dataset(directory).connections() == 2


def test_a_failed_start_lets_others_write(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(files, "make_folder", lambda _: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
        with pytest.raises(OSError, match="Read-only"):
            Writer(directory)
    Writer(directory).close()


def test_rows_come_in_while_a_flush_is_written_and_are_in_the_next(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "FLUSH_ROWS", 2)
    kept, write, go = Writer(directory), files.write, threading.Event()

    def slow(path: Path, data: bytes) -> None:
        assert go.wait(HANGS)
        write(path, data)

    monkeypatch.setattr(files, "write", slow)
    for _ in range(3):
        kept.journal(connection())
    assert part_numbers(directory, JOURNAL) == set()
    go.set()
    kept.flush()
    assert part_numbers(directory, JOURNAL) == {1, 2}
    assert Dataset(directory).connections() == 3
    kept.close()


def test_a_foreign_file_is_left_alone(directory: Path) -> None:
    keep(directory, "192.0.2.1")
    for name in ("notes.parquet", "part-1.parquet", "part-x.parquet"):
        (ARCHIVES.folder(directory, 1) / name).write_bytes(b"mine")
    keep(directory, "198.51.100.2")
    assert open_archives(directory) == 2
    assert (ARCHIVES.folder(directory, 1) / "notes.parquet").read_bytes() == b"mine"


def test_two_processes_do_not_write_one_survey(directory: Path) -> None:
    """Both would ask the same hosts at once, and use the same part numbers."""
    first = Writer(directory)
    with pytest.raises(BlockingIOError):
        Writer(directory)
    first.close()
    Writer(directory).close()


def test_a_folder_is_read_while_a_survey_writes_into_it(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush may end between any two looks into the folder."""
    looks, look = 0, files.names
    while looks < 100:
        kept, seen = Writer(directory), 0

        def names(directory: Path, folder: Path, kept: Writer = kept, at: int = looks) -> list[str]:
            nonlocal seen
            found, seen = look(directory, folder), seen + 1
            if seen == at + 1:
                address = f"192.0.2.{at + 1}"
                kept.journal(connection(address))
                kept.host(orthanc(address), address)
                kept.flush()
            return found

        with monkeypatch.context() as patch:
            patch.setattr(files, "names", names)
            dataset = Dataset(directory)
            dataset.require_whole()
            dataset.totals()
        kept.close()
        if seen <= looks:
            break
        looks += 1
    assert 10 < looks < 100


def test_reviews_of_all_archives_replace_the_ones_before_also_where_there_are_none(directory: Path) -> None:
    keep(directory, "192.0.2.1", "198.51.100.2")
    kept = Writer(directory)
    open_before = Dataset(directory)
    kept.reviews([Review("198.51.100.2:4242", "192.0.2.1:4242", (LinkBy.STUDY_UIDS,))])
    assert open_archives(directory) == 1
    assert {total.quantity: total.measured for total in open_before.totals()}["archives_open"] == 2
    open_before.renew()
    assert {total.quantity: total.measured for total in open_before.totals()}["archives_open"] == 1
    kept.reviews([])
    assert open_archives(directory) == 2


def test_a_part_is_named_by_the_digest_of_what_is_in_it(directory: Path) -> None:
    keep(directory, "192.0.2.1")
    for table in (OBSERVATIONS, ENDPOINTS, ARCHIVES, JOURNAL):
        path = part(directory, table, 1)
        assert path.stem.rpartition("-")[2] == sha256(path.read_bytes()).hexdigest()[:32]
        assert parts.read(directory, path) == path.read_bytes()


def test_links_come_back(directory: Path) -> None:
    one, other = (Endpoint(address, 104, Protocol.DIMSE) for address in ("192.0.2.1", "2001:db8::1"))
    links = [Link(one, other, LinkBy.STUDY_UIDS, 200, 256), Link(other, one, LinkBy.JUDGED_ONE)]
    kept = Writer(directory)
    kept.links(links)
    kept.close()
    rows = Dataset(directory).rows("SELECT * FROM links")
    assert [row["one"] for row in rows] == ["dimse://192.0.2.1:104", "dimse://[2001:db8::1]:104"]
    assert [row["target"] for row in rows] == [None, None]
    assert list(map(link, rows)) == links
