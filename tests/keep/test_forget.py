"""A survey is deleted, and nothing else: what is left is a receipt without an address."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import jsonschema
import msgspec
import pytest

from filmbadge.cli import run
from filmbadge.keep import contents
from filmbadge.keep.forget import begin, beside, finish
from filmbadge.keep.parts import Lock
from filmbadge.model import Refusal
from support.folders import finished

SCHEMA = Path(__file__).parents[2] / "docs/schemas/filmbadge.forget-1.json"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return finished(tmp_path_factory.mktemp("forget") / "survey")


@pytest.fixture
def survey(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "survey")


def forget(survey: Path) -> None:
    place = beside(survey)
    finish(survey, place, begin(survey, place))


def test_the_folder_is_gone_and_the_receipt_says_which_it_was(survey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [path for path in survey.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    assert run(["forget", str(survey), "--yes"]) == 0
    assert not survey.exists()
    place = survey.with_name("survey.forgotten.json")
    document = json.loads(place.read_text())
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert (document["schema"], document["state"]) == ("filmbadge.forget/1", "done")
    assert (document["files"], document["bytes"]) == (len(files), size)
    assert (document["survey"]["authority"], document["survey"]["reference"]) == ("the board", "T-1")
    assert "192.0.2" not in place.read_text()
    assert place.stat().st_mode & 0o777 == 0o600
    assert str(place) in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize("name", [".", "../survey", "observations/..", "../survey/"])
def test_a_folder_by_any_name_is_that_folder(survey: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(survey)
    assert run(["forget", name, "--yes", "--receipt", f"{survey}/observations/../r.json"]) == 2
    assert (survey / "survey.json").exists()
    assert not (survey / "r.json").exists(), "a receipt in the folder would be no part of a survey"
    assert run(["forget", name, "--yes"]) == 0
    assert not survey.exists()
    assert json.loads(beside(survey).read_text())["state"] == "done"


def test_the_receipt_goes_where_it_is_told(survey: Path, tmp_path: Path) -> None:
    assert run(["forget", str(survey), "--yes", "--receipt", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["state"] == "done"
    assert not beside(survey).exists()


@pytest.mark.parametrize("where", ["", "observations", "judged", "judged/1"])
@pytest.mark.parametrize("made", ["file", "link", "folder"])
def test_what_is_not_ours_is_named_and_nothing_is_deleted(survey: Path, tmp_path: Path, where: str, made: str) -> None:
    stranger, outside = survey / where / "mine", tmp_path / "outside"
    outside.write_text("keep")
    if made == "file":
        stranger.touch()
    elif made == "folder":
        stranger.mkdir()
    else:
        stranger.symlink_to(outside)
    before = sorted(survey.rglob("*"))
    with pytest.raises(Refusal, match="mine is not of a survey"):
        forget(survey)
    assert sorted(survey.rglob("*")) == before
    assert not beside(survey).exists()
    assert outside.read_text() == "keep"


def test_a_link_in_place_of_a_table_is_not_followed(survey: Path, tmp_path: Path) -> None:
    aside = tmp_path / "aside"
    (survey / "observations").rename(aside)
    (survey / "observations").symlink_to(aside)
    held = sorted(aside.iterdir())
    with pytest.raises(Refusal, match="observations is not of a survey"):
        forget(survey)
    assert sorted(aside.iterdir()) == held


def test_a_link_to_a_survey_is_not_followed(survey: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(survey)
    with pytest.raises(Refusal, match="is a symbolic link"):
        forget(link)
    assert survey.exists()


def test_what_is_no_survey_is_refused(tmp_path: Path) -> None:
    for name, content in (("none", None), ("other", '{"schema": "of another program"}')):
        (tmp_path / name).mkdir()
        if content is not None:
            (tmp_path / name / "survey.json").write_text(content)
        with pytest.raises(Refusal, match="survey"):
            forget(tmp_path / name)
        assert (tmp_path / name).exists()
    with pytest.raises(Refusal, match="holds no survey"):
        forget(tmp_path / "missing")


def test_one_that_is_being_written_is_refused(survey: Path) -> None:
    lock = Lock(survey)
    before = sorted(survey.rglob("*"))
    with pytest.raises(Refusal, match="another process"):
        forget(survey)
    assert sorted(survey.rglob("*")) == before
    lock.close()
    forget(survey)


def test_a_survey_that_is_damaged_can_be_deleted(survey: Path) -> None:
    path = survey / "survey.json"
    path.write_bytes(path.read_bytes() + b" ")
    forget(survey)
    assert not survey.exists()


def test_wherever_it_is_killed_the_second_time_finishes(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each file and folder in turn; the receipt says what stood there at first."""
    remove, steps = contents.remove, len(list(contents.entries(whole))) + 1
    for killed_at in range(steps):
        survey = shutil.copytree(whole, tmp_path / f"survey{killed_at}")
        files = [path for path in survey.rglob("*") if path.is_file()]
        left = [killed_at]

        def removes(directory: Path, entry: contents.Entry, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            remove(directory, entry)

        with monkeypatch.context() as patch:
            patch.setattr(contents, "remove", removes)
            try:
                forget(survey)
            except KeyboardInterrupt:
                forget_again = True
            else:
                forget_again = False
        assert forget_again == survey.exists()
        if forget_again:
            assert json.loads(beside(survey).read_text())["state"] == "begun"
            forget(survey)
        receipt = msgspec.json.decode(beside(survey).read_bytes())
        assert (receipt["state"], receipt["files"]) == ("done", len(files))
        assert not survey.exists()


def test_one_that_was_killed_before_its_folder_was_removed_is_finished(survey: Path) -> None:
    place = beside(survey)
    begun = begin(survey, place)
    finish(survey, place, begun)
    place.write_bytes(msgspec.json.encode(begun))
    survey.mkdir()
    forget(survey)
    assert not survey.exists()
    assert json.loads(place.read_text())["state"] == "done"


def test_a_receipt_is_never_overwritten(survey: Path) -> None:
    beside(survey).write_text("mine")
    with pytest.raises(Refusal, match="it is not overwritten"):
        forget(survey)
    assert survey.exists()
    assert beside(survey).read_text() == "mine"


def test_without_a_terminal_it_must_be_said(survey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forget", str(survey)]) == 2
    assert "--yes" in capsys.readouterr().err
    assert survey.exists()
    assert run(["forget", str(survey), "--yes", "--receipt", str(survey / "r.json")]) == 2
    assert survey.exists()


@pytest.mark.parametrize(("answer", "left"), [("no\n", True), ("\n", True), ("", True), ("yes\n", False)])
def test_at_a_terminal_it_asks(survey: Path, monkeypatch: pytest.MonkeyPatch, answer: str, left: bool) -> None:
    main, other = os.openpty()
    os.write(main, answer.encode() or b"\x04")
    with os.fdopen(other) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        assert run(["forget", str(survey)]) == (2 if left else 0)
    os.close(main)
    assert survey.exists() == left


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["forget", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("--receipt", "--yes", "holds no address", "are not overwritten"):
        assert words in said
    run(["--help"])
    assert "forget" in capsys.readouterr().out
