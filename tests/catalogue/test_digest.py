"""A judgement says which catalogue it was made with: any row that changes, changes the digest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import filmbadge
from filmbadge.catalogue import digest

SOURCE = Path(filmbadge.__file__).parent


def test_all_rooms_with_rows_are_in_it() -> None:
    rooms = {"filmbadge." + ".".join(path.relative_to(SOURCE).parent.parts) for path in SOURCE.rglob("*.toml")}
    rooms -= {"filmbadge.rehearse.worlds", "filmbadge.tell.report"}  # no judgement follows from worlds, or from shapes
    assert rooms == set(digest.ROOMS)


def test_a_row_that_changes_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for room in digest.ROOMS:
        shutil.copytree(SOURCE / room.removeprefix("filmbadge."), tmp_path / room)
    monkeypatch.setattr(digest, "files", tmp_path.joinpath)
    before = digest.digest.__wrapped__()
    assert before == digest.digest.__wrapped__()
    assert before == digest.digest()
    rubric = tmp_path / "filmbadge.catalogue" / "rubric.toml"
    rubric.write_text(rubric.read_text().replace('grade = "F"', 'grade = "E"', 1))
    assert digest.digest.__wrapped__() != before
