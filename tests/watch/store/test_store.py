"""What the dashboard was told is done stays done: killed, on a full disk, and from version to version."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from filmbadge.watch.store import store as store_module
from filmbadge.watch.store.store import NAME, Store, StoreError, moment, now, stamp, steps
from support import golden_store, isolation
from support.hanging import HANGS

GOLDEN = sorted(golden_store.FOLDER.glob("*.sql"))


def raised(directory: Path, golden: Path) -> None:
    with closing(sqlite3.connect(directory / NAME)) as connection:
        connection.executescript(golden.read_text(encoding="utf-8"))


def layout(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_each_step_has_a_store_that_it_left() -> None:
    """A step that was released is never changed: where this fails, write the next step, or renew what is not released yet.

    It is renewed by: python tests/support/golden_store.py
    """
    assert [path.stem for path in GOLDEN] == [f"{n:04}" for n in range(1, len(steps()) + 1)]
    for number, golden in enumerate(GOLDEN, 1):
        assert golden.read_text(encoding="utf-8") == golden_store.made(number)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.stem)
def test_a_store_of_each_version_is_brought_up_to_date_with_its_rows(tmp_path: Path, golden: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    raised(old, golden)
    store, fresh = Store(old), Store(new)
    assert layout(store.path) == layout(fresh.path)
    for table in golden_store.tables(store._connection()):
        assert store.one(f"SELECT count(*) FROM {table}")[0] == 1, table  # type: ignore[index]
    store.close()
    fresh.close()


@pytest.fixture
def migrations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The steps, in a folder where more can be added."""
    folder = tmp_path / "package" / "migrations"
    folder.mkdir(parents=True)
    for number, sql in enumerate(steps(), 1):
        (folder / f"{number:04}.sql").write_text(sql)
    monkeypatch.setattr(store_module, "resources", lambda _: folder.parent)
    return folder


def test_a_step_is_taken_whole_or_not_at_all(tmp_path: Path, migrations: Path) -> None:
    raised(tmp_path, GOLDEN[0])
    (migrations / "0002.sql").write_text("ALTER TABLE scopes ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';")
    (migrations / "0003.sql").write_text("DELETE FROM scopes;\nALTER TABLE nowhere ADD COLUMN colour TEXT;")
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path)
    (migrations / "0003.sql").unlink()
    store = Store(tmp_path)
    assert store.one("SELECT colour FROM scopes")[0] == "red"  # type: ignore[index]
    assert store.one("PRAGMA user_version")[0] == 2  # type: ignore[index]
    store.close()


def test_many_that_open_it_at_once_take_each_step_once(tmp_path: Path) -> None:
    faults: list[BaseException] = []

    def open_it() -> None:
        try:
            Store(tmp_path).close()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert faults == []


def test_a_step_that_another_process_took_meanwhile_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path)
    monkeypatch.setattr(store, "one", lambda _: (0,))  # what was read just before that
    store._migrate()
    store.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: sqlite3.connect(path).execute("PRAGMA user_version = 99").connection.close(), "newer version of Filmbadge: install that one"),
        (lambda path: path.write_bytes(b"no database at all, and long enough to be looked at" * 99), "no file of ours"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be used"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_said_in_one_line(tmp_path: Path, damage: object, said: str) -> None:
    Store(tmp_path).close()
    damage(tmp_path / NAME)  # type: ignore[operator]
    with pytest.raises(StoreError, match=said) as refused:
        Store(tmp_path)
    assert "\n" not in str(refused.value)


def test_nobody_else_reads_it_and_a_change_is_on_the_disk(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "er")
    assert (store.path.stat().st_mode & 0o777, store.directory.stat().st_mode & 0o777) == (0o600, 0o700)
    with store.change() as connection:
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")
    for beside in store.directory.iterdir():
        assert beside.stat().st_mode & 0o077 == 0, beside
    assert store.one("PRAGMA synchronous")[0] == 2  # type: ignore[index]  # FULL: nothing is lost without power either
    assert store.one("PRAGMA journal_mode")[0] == "wal"  # type: ignore[index]
    store.close()


def test_times_are_told_in_one_way() -> None:
    assert stamp(moment(now())) == now() or stamp(moment("2026-11-27T07:31:00Z")) == "2026-11-27T07:31:00Z"
    assert stamp(moment("2026-11-27T07:31:00Z")) == "2026-11-27T07:31:00Z"


WRITER = """
import sys
from pathlib import Path
from filmbadge.watch.store.store import Store
store = Store(Path(sys.argv[1]))
n = int(store.one("SELECT count(*) FROM audit")[0])
while True:
    n += 1
    with store.change() as connection:
        connection.execute("INSERT INTO settings VALUES (?, 'half')", (f"n{n}",))
        connection.execute("INSERT INTO audit (at, who, source, peer, what, about, outcome) VALUES ('', '', '', '', '', ?, '')", (str(n),))
        connection.execute("UPDATE settings SET value = 'whole' WHERE name = ?", (f"n{n}",))
    print(n, flush=True)
"""


def test_killed_in_the_middle_of_changes_it_loses_nothing_that_was_done(tmp_path: Path) -> None:
    done = 0
    for round_ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(3 + 7 * round_):
            done = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout:
            done = int(line)
        writer.stdout.close()
        writer.wait(HANGS)
        store = Store(tmp_path)
        kept = [int(row[0]) for row in store.rows("SELECT about FROM audit ORDER BY id")]
        assert kept[:done] == list(range(1, done + 1))
        assert len(kept) - done in {0, 1}  # done, and not yet said
        assert {row[0] for row in store.rows("SELECT value FROM settings")} == {"whole"}
        assert store.one("PRAGMA integrity_check")[0] == "ok"  # type: ignore[index]
        store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte and a half."""
    place = tmp_path / "disk"
    place.mkdir()
    isolation._mount("tmpfs", place, 0, "tmpfs", "size=1536k")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.real
def test_a_full_disk_is_said_and_it_goes_on_when_there_is_room(small_disk: Path) -> None:
    store = Store(small_disk / "watch")
    filler = small_disk / "filler"
    written = 0

    def write() -> None:
        with store.change() as connection:
            connection.execute("INSERT INTO settings VALUES (?, ?)", (f"n{written}", "x" * 20_000))

    with filler.open("wb", buffering=0) as held:
        for _ in range(10_000):
            try:
                held.write(bytes(4096))
            except OSError:
                break
    with pytest.raises(StoreError, match="is full: nothing was changed") as refused:
        while written < 100:
            write()
            written += 1
    assert "\n" not in str(refused.value)
    kept = len(store.rows("SELECT * FROM settings"))  # reading goes on
    assert kept == written
    with pytest.raises(StoreError, match="is full"):
        write()
    filler.unlink()
    write()
    assert len(store.rows("SELECT * FROM settings")) == kept + 1
    assert store.one("PRAGMA integrity_check")[0] == "ok"  # type: ignore[index]
    store.close()
