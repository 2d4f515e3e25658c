"""A folder that lost or changed bytes is refused in one line, which names the file. Nothing is told otherwise than before."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from filmbadge.conclude.again import judge_again
from filmbadge.keep.schema import ENDPOINTS, JOURNAL, OBSERVATIONS, REVIEWS
from filmbadge.model import Refusal
from support.factories import part
from support.folders import finished, killed, told

BITS = 600


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("damage") / "survey")


@pytest.fixture
def survey(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "survey")


def files(survey: Path) -> list[Path]:
    return sorted(path for path in survey.rglob("*") if path.is_file())


def refused(survey: Path, *names: str, ask: Callable[[Path], object] = told) -> None:
    with pytest.raises(Refusal) as caught:
        ask(survey)
    assert "\n" not in str(caught.value)
    assert any(name in str(caught.value) for name in names), str(caught.value)


def test_every_single_flipped_bit_is_refused_by_name(survey: Path) -> None:
    """Half of them in any file, half spread by size."""
    rng, there = random.Random(13), files(survey)
    sizes = [path.stat().st_size for path in there]
    before = told(survey)
    for n in range(BITS):
        path = rng.choice(there) if n % 2 else rng.choices(there, sizes)[0]
        raw = path.read_bytes()
        bit = rng.randrange(8 * len(raw))
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        refused(survey, path.name)
        path.write_bytes(raw)
    assert told(survey) == before


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "grown", "older"])
def test_every_file_that_is_not_as_it_was_is_named(survey: Path, damage: str) -> None:
    for path in files(survey):
        raw = path.read_bytes()
        if damage == "missing":
            path.unlink()
        else:
            changed = {
                "empty": b"",
                "cut": raw[: len(raw) // 2],
                "grown": raw + b"\0",
                "older": raw.replace(b"4", b"5"),
            }
            path.write_bytes(changed[damage])
        refused(survey, path.name)
        path.write_bytes(raw)


def test_every_part_that_was_renamed_doubled_or_exchanged_is_named(survey: Path) -> None:
    parts = [path for path in files(survey) if path.suffix == ".parquet"]
    assert len(parts) == 10
    for path in parts:
        elsewhere = path.with_name(path.name.replace("part-0000", "part-0001"))
        path.rename(elsewhere)
        refused(survey, path.name)
        shutil.copy(elsewhere, path)
        refused(survey, elsewhere.name)
        elsewhere.unlink()
    for one, other in combinations(parts, 2):
        raw = one.read_bytes(), other.read_bytes()
        one.write_bytes(raw[1])
        other.write_bytes(raw[0])
        refused(survey, one.name, other.name)
        one.write_bytes(raw[0])
        other.write_bytes(raw[1])


def test_every_table_that_was_emptied_or_lost_is_named(survey: Path) -> None:
    folders = {path.parent for path in survey.rglob("*.parquet")} | {survey / "judged", survey / "judged" / "1"}
    for folder in sorted(folders):
        aside = survey.parent / "aside"
        folder.rename(aside)
        refused(survey, f"/{folder.name}", "in judged:")
        folder.mkdir()
        refused(survey, f"/{folder.name}", "in judged:")
        folder.rmdir()
        aside.rename(folder)


def test_a_part_of_another_survey_is_named(survey: Path, tmp_path: Path) -> None:
    """It has the same number, in the same table, and a digest that is right."""
    ours, theirs = part(survey, REVIEWS, 4), part(killed(tmp_path / "other"), REVIEWS, 4)
    assert ours.name != theirs.name
    ours.unlink()
    shutil.copy(theirs, ours.parent)
    refused(survey, ours.name)


def test_a_document_that_was_edited_by_hand_is_named(survey: Path) -> None:
    for name in ("survey.json", "judged/1/judged.json"):
        path = survey / name
        raw = path.read_bytes()
        for edited in (raw.replace(b'"version": "', b'"version": "9', 1), raw + b" ", raw.replace(b"\n", b"")):
            path.write_bytes(edited)
            refused(survey, f"{path.name} is damaged: it holds other bytes than were written, or was edited by hand")
        path.write_bytes(raw)


def test_lost_facts_are_not_judged_and_a_lost_judgement_can_be_made_again(survey: Path) -> None:
    before = told(survey)
    for table in (OBSERVATIONS, JOURNAL):
        path = part(survey, table, 1)
        raw = path.read_bytes()
        path.unlink()
        refused(survey, path.name, ask=judge_again)
        path.write_bytes(raw)
    lost = part(survey, ENDPOINTS, 1)
    lost.unlink()
    refused(survey, lost.name)
    judge_again(survey)
    assert told(survey) == before


def test_what_a_kill_left_opens_and_what_is_lost_of_it_is_named(tmp_path: Path) -> None:
    """All but the parts of the last flush: that they were written is in no other file."""
    survey = killed(tmp_path / "survey")
    before = told(survey)
    for path in files(survey):
        raw = path.read_bytes()
        path.unlink()
        if not path.name.startswith("part-000004"):
            refused(survey, path.name)
        path.write_bytes(raw)
    assert told(survey) == before


def test_a_flush_that_was_broken_off_is_left_out(tmp_path: Path) -> None:
    """What was judged was written, and the observations were not."""
    survey = killed(tmp_path / "survey")
    before = told(survey)
    first = part(survey, ENDPOINTS, 1)
    shutil.copy(first, first.with_name(first.name.replace("part-000001", "part-000005")))
    assert told(survey) == before
