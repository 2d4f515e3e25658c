"""Which judgement of a survey readers take."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from filmbadge.conclude.again import judge_again
from filmbadge.keep import judged
from filmbadge.keep.reader import Dataset, NotASurvey, NotJudged
from filmbadge.keep.schema import ENDPOINTS, KINDS
from filmbadge.keep.writer import Writer
from support.factories import DISCLOSED, REPORTED, admitted, dimse, host, part, survey, web


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    survey(tmp_path)
    keep(tmp_path, "192.0.2.1")
    return tmp_path


def keep(directory: Path, address: str, number: int = 1) -> None:
    kept = Writer(directory, number)
    kept.host(host(address, dimse(admitted(DISCLOSED)), web(REPORTED)), address)
    kept.close()


def test_the_newest_counts(directory: Path) -> None:
    assert judged.newest(directory) == 1
    assert judge_again(directory) == 2
    assert judge_again(directory) == 3
    assert judged.newest(directory) == 3
    assert Dataset(directory).judged == 3
    assert Dataset(directory, 1).judged == 1


def test_one_that_was_broken_off_is_ignored_and_its_number_is_used_again(directory: Path) -> None:
    said = judged.read(directory, judge_again(directory))
    assert said is not None
    judged.write(directory, 2, msgspec.structs.replace(said, state="judging", counts={}, parts=None))
    stray = ENDPOINTS.folder(directory, 2) / "part-000009-00000000000000000000000000000000.parquet"
    stray.write_bytes(b"of the one before")
    assert Dataset(directory).judged == 1
    assert judge_again(directory) == 2
    assert not stray.exists()
    assert Dataset(directory).judged == 2


@pytest.mark.parametrize("content", [None, b"", b"{", b"[" * 100_000, b'{"schema": "filmbadge.judged/9"}'])
def test_one_whose_document_is_lost_is_named_and_not_passed_over(directory: Path, content: bytes | None) -> None:
    """The judgement before it may say something else."""
    judge_again(directory)
    document = judged.folder(directory, 2) / judged.NAME
    document.unlink()
    if content is not None:
        document.write_bytes(content)
    with pytest.raises(NotASurvey, match=r"judged/2/judged\.json is"):
        Dataset(directory)
    number = judge_again(directory)
    assert number == (2 if content is None else 3)
    assert Dataset(directory).judged == number


def test_one_that_does_not_cover_all_that_was_observed_says_so(directory: Path) -> None:
    judge_again(directory)
    keep(directory, "192.0.2.2", number=1)
    with pytest.raises(NotASurvey, match="part files are missing"):
        Dataset(directory).require_whole()


def test_where_none_is_whole_the_newest_says_so(directory: Path) -> None:
    judge_again(directory)
    for number in (1, 2):
        for path in ENDPOINTS.folder(directory, number).iterdir():
            path.unlink()
    with pytest.raises(NotASurvey, match=r"judged/2/endpoints/part-.* is missing"):
        Dataset(directory)
    assert judge_again(directory) == 3
    Dataset(directory).require_whole()


def test_a_table_that_lost_rows_is_noticed(directory: Path) -> None:
    number = judge_again(directory)
    said = judged.read(directory, number)
    assert said is not None
    assert said.counts["kinds"] == 0
    judged.write(directory, number, msgspec.structs.replace(said, counts={**said.counts, KINDS.name: 1}))
    with pytest.raises(NotASurvey, match="part files are missing"):
        Dataset(directory).require_whole()


def test_facts_alone_are_not_taken_for_a_survey_that_found_nothing(directory: Path) -> None:
    (judged.folder(directory, 1) / judged.NAME).unlink()
    assert part(directory, ENDPOINTS, 1).exists()
    with pytest.raises(NotASurvey, match=r"judged/1/judged\.json is missing"):
        Dataset(directory)
    shutil.rmtree(directory / "judged")
    with pytest.raises(NotJudged, match="filmbadge judge"):
        Dataset(directory)
