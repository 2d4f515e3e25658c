"""A backup is all of the dashboard at one moment, and comes back whole or not at all."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from filmbadge.model import Refusal
from filmbadge.watch.store.backup import backup, restore
from filmbadge.watch.store.store import NAME, Store
from support import isolation
from support.hanging import HANGS

FILES = {
    "watch.toml": b"[web]\n",
    "scopes/hospital.toml": b"networks = []\n",
    "scopes/hospital.targets": b"192.0.2.0/24\n",
    "letters/hospital/ledger.csv": b"reference\n",
    "contacts/hospital.csv": b"network\n",
    "proofs/1/proof.json": b"{}",
    "surveys/hospital/1/survey.json": b"{}",
    "surveys/hospital/1/endpoints/part \xc3\xa4.parquet": os.urandom(70_000),
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "watch"
    store = Store(made)
    with store.change() as connection:
        connection.execute("INSERT INTO settings VALUES ('a', 'b')")
    store.close()
    for name, data in FILES.items():
        path = made / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o644)
    (made / "scopes" / ".hospital.toml.tmp").write_bytes(b"half")
    return made


def below(directory: Path) -> dict[str, bytes]:
    found = {path.relative_to(directory).as_posix(): path for path in directory.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(NAME)}


@pytest.mark.parametrize("surveys", [True, False])
def test_what_was_kept_comes_back(tmp_path: Path, directory: Path, surveys: bool) -> None:
    file, there = tmp_path / "b.tar", tmp_path / "new" / "watch"
    kept = backup(directory, file, surveys=surveys)
    assert restore(file, there) == kept
    wanted = {name: data for name, data in FILES.items() if surveys or not name.startswith("surveys/")}
    assert below(there) == wanted
    assert kept.files == len(wanted) + 1
    store = Store(there)
    assert store.one("SELECT value FROM settings")[0] == "b"  # type: ignore[index]
    store.close()
    assert file.stat().st_mode & 0o777 == 0o600
    for path in there.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "new", "watch"]


def test_nobody_is_logged_in_after_it_and_a_message_may_come_twice(tmp_path: Path, directory: Path) -> None:
    store = Store(directory)
    with store.change() as connection:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        columns = {row["name"]: "2026-11-27T07:31:00Z" for row in connection.execute("PRAGMA table_info(sessions)")}
        columns |= {"source": "local", "role": "viewer"} | ({"id": "1"} if "id" in columns else {})
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO sessions ({names}) VALUES ({marks})", tuple(columns.values()))
        connection.execute(
            "INSERT INTO channels (name, url, public, events, told_to) VALUES ('ops', 'json://h/', 0, 'new', 0)"
        )
        connection.execute(
            "INSERT INTO outbox (channel, events, title, body, mood, state, made, next_try)"
            " VALUES (1, '[]', '', '', 'info', 'waiting', '', '')"
        )
    store.close()
    backup(directory, tmp_path / "b.tar", surveys=False)
    restore(tmp_path / "b.tar", tmp_path / "new")
    store = Store(tmp_path / "new")
    assert store.rows("SELECT * FROM sessions") == []
    assert store.one("SELECT again FROM outbox")[0] == 1  # type: ignore[index]
    store.close()


WRITER = """
import sys
from pathlib import Path
from filmbadge.watch.store.store import Store
store = Store(Path(sys.argv[1]))
n = 0
while True:
    n += 1
    with store.change() as connection:
        connection.execute("INSERT INTO settings VALUES (?, '')", (f"left{n}",))
        connection.execute("INSERT INTO settings VALUES (?, '')", (f"right{n}",))
    print(n, flush=True)
"""


def test_it_is_of_one_moment_while_the_dashboard_writes(tmp_path: Path, directory: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    try:
        for n in range(3):
            done = int(writer.stdout.readline())
            backup(directory, tmp_path / f"{n}.tar", surveys=False)
            restore(tmp_path / f"{n}.tar", tmp_path / f"new{n}")
            store = Store(tmp_path / f"new{n}")
            names = {row[0] for row in store.rows("SELECT name FROM settings")} - {"a"}
            store.close()
            pairs = len(names) // 2
            assert names == {f"{side}{m}" for m in range(1, pairs + 1) for side in ("left", "right")}
            assert pairs >= done
    finally:
        writer.kill()
        writer.stdout.close()
        writer.wait(HANGS)


def test_it_overwrites_nothing(tmp_path: Path, directory: Path) -> None:
    for file in (directory / NAME, directory / "watch.toml"):
        with pytest.raises(Refusal, match="is there already"):
            backup(directory, file, surveys=True)
    with pytest.raises(Refusal, match="no folder of a dashboard"):
        backup(tmp_path, tmp_path / "b.tar", surveys=True)
    with pytest.raises(Refusal, match="there is no folder"):
        backup(directory, tmp_path / "no" / "b.tar", surveys=True)
    backup(directory, directory / "inside.tar", surveys=True)  # not in itself
    with tarfile.open(directory / "inside.tar") as tar:
        assert "data/inside.tar" not in tar.getnames()
    for there in (directory, directory / "watch.toml"):
        with pytest.raises(Refusal, match="is not empty"):
            restore(directory / "inside.tar", there)
    (tmp_path / "empty").mkdir()
    restore(directory / "inside.tar", tmp_path / "empty")


def test_a_link_is_not_followed(tmp_path: Path, directory: Path) -> None:
    for link, to in ((directory / "scopes" / "x.toml", "/etc/passwd"), (directory / "letters" / "y", "/etc")):
        link.symlink_to(to)
        with pytest.raises(Refusal, match="no regular file"):
            backup(directory, tmp_path / "b.tar", surveys=True)
        link.unlink()
    assert not (tmp_path / "b.tar").exists()


def altered(file: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    with tarfile.open(file) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]
    change(members)
    with tarfile.open(file, "w") as tar:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def newer(members: list[tuple[tarfile.TarInfo, bytes]], **more: object) -> None:
    members[0] = (members[0][0], json.dumps({**json.loads(members[0][1]), **more}).encode())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.insert(1, (member("data/../../evil"), b"x")), "lead out of the folder"),
        (lambda m: m.insert(1, (member("/etc/evil"), b"x")), "lead out of the folder"),
        (lambda m: m.insert(1, (member("data//etc/evil"), b"x")), "lead out of the folder"),
        (lambda m: m.insert(1, (member("data/a\\..\\evil"), b"x")), "lead out of the folder"),
        (lambda m: m.insert(1, (member("data/"), b"x")), "lead out of the folder"),
        (lambda m: m.insert(1, (member("data/link", tarfile.SYMTYPE, "/etc"), b"")), "it holds 'data/link'"),
        (lambda m: m.insert(1, (member("data/hard", tarfile.LNKTYPE, "data/watch.toml"), b"")), "it holds 'data/hard'|is damaged"),
        (lambda m: m.insert(1, (member("data/pipe", tarfile.FIFOTYPE), b"")), "it holds 'data/pipe'"),
        (lambda m: m.insert(1, (member("data/scopes", tarfile.DIRTYPE), b"")), "it holds 'data/scopes'"),
        (lambda m: m.append((member("data/late"), b"x")), "it holds 'data/late'"),
        (lambda m: m.insert(1, (member("data/more"), b"x")), "is damaged"),
        (lambda m: m.insert(2, m[1]), "cannot be used"),
        (lambda m: m.pop(), "is damaged"),
        (lambda m: m.pop(3), "is damaged"),
        (lambda m: m.pop(0), "no backup of a dashboard"),
        (lambda m: m.clear(), "is damaged"),
        (lambda m: newer(m, steps=99), "is newer than this one: install that version"),
        (lambda m: newer(m, format="filmbadge.watch-backup/2"), "is newer than this one"),
        (lambda m: newer(m, steps="x"), "is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_backup_of_ours_leaves_nothing_behind(
    tmp_path: Path, directory: Path, change: Callable[..., None], said: str
) -> None:
    file = tmp_path / "b.tar"
    backup(directory, file, surveys=False)
    altered(file, change)
    with pytest.raises(Refusal, match=said) as refused:
        restore(file, tmp_path / "new")
    assert "\n" not in str(refused.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar", "watch"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_a_backup_that_was_cut_off_is_found(tmp_path: Path, directory: Path, share: float) -> None:
    file = tmp_path / "b.tar"
    backup(directory, file, surveys=True)
    whole = file.read_bytes()
    end = whole.index(b"filmbadge-backup-contents.json")
    file.write_bytes(whole[: int(end * share)])
    with pytest.raises(Refusal, match="is damaged"):
        restore(file, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_store_that_is_damaged_is_not_put_back(tmp_path: Path, directory: Path) -> None:
    (directory / NAME).write_bytes(b"no database" * 1000)
    with pytest.raises(Refusal, match="damaged"):
        backup(directory, tmp_path / "b.tar", surveys=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["watch"]


@pytest.mark.real
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, directory: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    backup(directory, tmp_path / "b.tar", surveys=True)
    isolation._mount("tmpfs", place, 0, "tmpfs", "size=100k")
    try:
        with pytest.raises(Refusal, match="is full: nothing was written"):
            backup(directory, place / "b.tar", surveys=True)
        with pytest.raises(Refusal, match="is full: nothing was written"):
            restore(tmp_path / "b.tar", place / "watch")
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_sqlite_can_read_the_copy_alone(tmp_path: Path, directory: Path) -> None:
    """Somebody without this program has the rows too."""
    backup(directory, tmp_path / "b.tar", surveys=False)
    with tarfile.open(tmp_path / "b.tar") as tar:
        (tmp_path / "copy.sqlite3").write_bytes(tar.extractfile(f"data/{NAME}").read())  # type: ignore[union-attr]
    connection = sqlite3.connect(f"file:{tmp_path / 'copy.sqlite3'}?mode=ro&immutable=1", uri=True)
    assert connection.execute("SELECT value FROM settings").fetchone() == ("b",)
    connection.close()
