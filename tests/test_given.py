"""Files that the user names end, and are not waited for in vain."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filmbadge import given

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")


def test_a_pipe_that_nobody_writes_to_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="nobody writes to this pipe"):
        given.read(tmp_path / "pipe", 100)


def test_who_writes_to_a_pipe_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)
    with ThreadPoolExecutor(1) as other:
        pieces = given.pieces(tmp_path / "pipe")
        first = other.submit(next, pieces)
        os.write(writer, b"one")
        assert first.result() == b"one"
        second = other.submit(list, pieces)
        os.write(writer, b"two")
        os.close(writer)
        assert b"".join(second.result()) == b"two"


def test_a_pipe_of_the_shell_is_read_also_where_its_command_is_done() -> None:
    reader, writer = os.pipe()
    os.write(writer, b"all of it")
    os.close(writer)
    try:
        assert given.read(Path(f"/dev/fd/{reader}"), 100) == b"all of it"
    finally:
        os.close(reader)


def test_what_never_ends_is_read_to_its_bound() -> None:
    assert 10 < len(given.read(Path("/dev/zero"), 10)) <= given.PIECE


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text")
    before = len(list(Path("/dev/fd").iterdir()))
    assert given.read(tmp_path / "file", 2) == b"text"
    with pytest.raises(IsADirectoryError, match=str(tmp_path)):
        given.read(tmp_path, 2)
    assert len(list(Path("/dev/fd").iterdir())) == before
