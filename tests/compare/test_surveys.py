"""Two surveys in folders, made without asking anybody."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from filmbadge.compare.records import By, ChangeKind, Comparison, Judges, Quality
from filmbadge.compare.surveys import compare
from filmbadge.conclude.again import opened, today
from filmbadge.keep import judged
from filmbadge.keep.reader import Dataset
from filmbadge.model import Depth
from support.factories import AT, dimse, host, reported, web
from support.folders import whole
from support.twice import LATER, REJECTS, counted, twice


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return twice(tmp_path_factory.mktemp("twice"))


@pytest.fixture(scope="module")
def found(folders: tuple[Path, Path]) -> Comparison:
    before, after = map(Dataset, folders)
    return compare(before, after)


def test_each_open_archive_stands_in_one_change(found: Comparison) -> None:
    assert {(c.kind, c.by, c.old, c.new) for c in found.changes} == {
        (ChangeKind.CLOSED, By.REJECTED, "192.0.2.1:4242", "192.0.2.1:4242"),
        (ChangeKind.CLOSED, By.REFUSED, "192.0.2.2:4242", None),
        (ChangeKind.GONE, By.NOTHING_ANSWERS, "192.0.2.3:4242", None),
        (ChangeKind.STILL_OPEN, None, "192.0.2.4:4242", "192.0.2.4:4242"),
        (ChangeKind.WORSE, None, "192.0.2.5:4242", "192.0.2.5:4242"),
        (ChangeKind.NEW, By.REFUSED, None, "192.0.2.6:4242"),
        (ChangeKind.NOT_COMPARED, By.EXCLUDED, "192.0.2.7:4242", None),
    }
    worse = next(change for change in found.changes if change.kind is ChangeKind.WORSE)
    assert [(d.quality, d.old, d.new) for d in worse.differences] == [
        (Quality.STUDIES, "40", "400"),
        (Quality.IMAGES, "400", "4000"),
    ]
    assert found.by(ChangeKind.CLOSED) == {By.REFUSED: 1, By.REJECTED: 1}


def test_what_both_surveys_asked_is_told(found: Comparison) -> None:
    assert (found.hosts_in_both, found.hosts_only_old, found.hosts_only_new) == (6, 1, 0)
    assert (found.old.archives_open, found.new.archives_open) == (6, 3)
    assert (found.old.started, found.new.started) == (AT, LATER)
    assert (found.depth, found.judges, found.closed_in_both) == (Depth.COUNT, Judges.SAME, 0)


def test_a_survey_differs_in_nothing_from_itself(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        alone = compare(Dataset(folder), Dataset(folder))
        assert Counter(change.kind for change in alone.changes).keys() == {ChangeKind.STILL_OPEN}


def test_web_and_dicom_of_one_host_are_one_archive(tmp_path: Path) -> None:
    facts = reported(studies=40)
    both = host("2001:db8::5", dimse(counted(40)), web(facts))
    closed = host("2001:db8::5", dimse(REJECTS), web(facts))
    old, new = (
        Dataset(whole(tmp_path / name, one, started=when))
        for name, one, when in (("a", both, AT), ("b", closed, LATER))
    )
    assert [(c.kind, c.by) for c in compare(old, new).changes] == [(ChangeKind.STILL_OPEN, None)]


def test_surveys_of_different_judges_are_judged_by_today_s(folders: tuple[Path, Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders[0], tmp_path / "survey"))
    said = judged.read(folder, 1)
    assert said is not None
    older = msgspec.structs.replace(said, judge=msgspec.structs.replace(said.judge, catalogue="another"))
    judged.write(folder, 1, older)
    before = sorted(folder.rglob("*"))
    new = Dataset(folders[1])
    assert compare(opened(folder), new).judges is Judges.DIFFER
    again = today(folder)
    assert again.judged != 1
    assert compare(again, new).judges is Judges.SAME
    assert compare(again, new).changes == compare(Dataset(folders[0]), new).changes
    assert sorted(folder.rglob("*")) == before  # nothing is written
    assert today(folders[0]).judged == 1
