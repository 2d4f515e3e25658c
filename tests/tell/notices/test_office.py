"""Letters and what was told are kept together, wherever a run is cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from filmbadge.keep import files
from filmbadge.model import Refusal
from filmbadge.tell.notices import ledger, office
from filmbadge.tell.notices.office import Made
from tell.notices.test_ledger import ROW


class Killed(BaseException):
    pass


LETTERS = [
    Made({f"{n}.pdf": b"paper", f"{n}.eml": b"message"}, (replace(ROW, files=f"{n}.pdf {n}.eml"),)) for n in (1, 2)
]
NAMES = ["1.eml", "1.pdf", "2.eml", "2.pdf"]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_letters_stand_beside_the_table(tmp_path: Path) -> None:
    with office.opened(tmp_path / "out") as folder:
        assert folder.keep(LETTERS) == 2
        assert len(folder.told) == 2
    assert names(tmp_path / "out") == [*NAMES, ledger.NAME]
    with office.opened(tmp_path / "out") as folder:
        assert len(folder.told) == 2
        assert folder.keep([]) == 0


@pytest.mark.parametrize("step", range(12))
def test_a_run_that_is_killed_told_all_or_nothing(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before each write and each move in turn. What tidies up does not run either."""
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    write, move = files.write, Path.replace

    def writing(path: Path, data: bytes) -> None:
        count()
        write(path, data)

    def moving(path: Path, to: Path) -> Path:
        if path.parent.name == ".new" and not path.name.startswith("."):
            count()
        return move(path, to)

    monkeypatch.setattr(files, "write", writing)
    monkeypatch.setattr(Path, "replace", moving)
    whole = False
    try:
        folder = office.Office(tmp_path)
        folder.keep(LETTERS)
        whole = True
    except Killed:
        pass
    monkeypatch.undo()
    assert whole is (step >= 9)  # four files, the table, four moves
    with office.opened(tmp_path) as folder:
        told = len(folder.told)
    assert told == (0 if step < 5 else 2)
    assert names(tmp_path) == ([] if not told else [*NAMES, ledger.NAME])


def test_a_letter_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> object:
        yield LETTERS[0]
        raise Refusal("no Pango")

    with pytest.raises(Refusal, match="no Pango"), office.opened(tmp_path) as folder:
        folder.keep(failing())  # type: ignore[arg-type]
    assert names(tmp_path) == []


def test_two_processes_do_not_write_into_one_folder(tmp_path: Path) -> None:
    with office.opened(tmp_path), pytest.raises(Refusal, match="another filmbadge"), office.opened(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="cannot be written"), office.opened(tmp_path / "file" / "out"):
        pass


def test_letters_without_a_table_are_not_written_twice(tmp_path: Path) -> None:
    """Where the table is lost, nobody knows who was told. A letter that a killed run left is no such letter."""
    name = "2026-11-26-FB-2345-ABCD-1-first-de.owner.eml"
    with office.opened(tmp_path) as folder:
        folder.keep([Made({name: b"message"}, (replace(ROW, files=name),))])
    (tmp_path / ledger.NAME).unlink()
    with pytest.raises(Refusal, match=rf"{name} is a letter, and told\.csv, .* is missing"), office.opened(tmp_path):
        pass
    assert names(tmp_path) == [name]
    (tmp_path / name).rename(tmp_path / "elsewhere")
    with office.opened(tmp_path) as folder:
        assert folder.told == ()
