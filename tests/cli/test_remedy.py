"""`filmbadge remedy`: what is written where, and when nothing is."""

from __future__ import annotations

from pathlib import Path

import pytest

from filmbadge.cli import run
from filmbadge.cli.console import json_bytes
from filmbadge.model import Depth
from filmbadge.tell import card
from filmbadge.tell.words import Words
from support.written import open_host, shut_host
from support.written import survey as kept


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    hosts = [open_host("192.0.2.1"), open_host("2001:db8::1"), shut_host("192.0.2.3")]
    return kept(tmp_path_factory.mktemp("remedy") / "survey", hosts)


def held(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def refused(capfd: pytest.CaptureFixture[str], *arguments: object, code: int = 2) -> str:
    capfd.readouterr()
    assert run([str(a) for a in ("remedy", *arguments)]) == code
    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    return said.err


def test_a_survey_gives_a_folder_for_each_open_archive(surveyed: Path, tmp_path: Path) -> None:
    before = held(surveyed)
    assert run(["remedy", str(surveyed), "--out", str(tmp_path / "kits")]) == 0
    assert {p.name for p in (tmp_path / "kits").iterdir()} == {"192.0.2.1-4242", "2001-db8--1-4242"}
    assert held(surveyed) == before
    made = held(tmp_path / "kits")
    assert all(not p.stat().st_mode & 0o077 for p in (tmp_path / "kits").rglob("*"))
    # Once more: the same bytes, so nothing is in the way.
    assert run(["remedy", str(surveyed), "--out", str(tmp_path / "kits")]) == 0
    assert held(tmp_path / "kits") == made


def test_what_is_there_stays_and_nothing_is_written_beside_it(
    surveyed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "kits" / "192.0.2.1-4242" / "orthanc.json"
    mine.parent.mkdir(parents=True)
    mine.write_text("{}")
    assert "exists and is another file, so nothing was written" in refused(capfd, surveyed, "--out", tmp_path / "kits")
    assert held(tmp_path / "kits") == {"192.0.2.1-4242/orthanc.json": b"{}"}


def test_a_fault_on_the_way_leaves_nothing(
    surveyed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from filmbadge.keep import files

    real = files.write
    written: list[Path] = []

    def full(path: Path, data: bytes, *, alone: bool = True) -> None:
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        written.append(path)
        real(path, data, alone=alone)

    monkeypatch.setattr(files, "write", full)
    assert "No space left" in refused(capfd, surveyed, "--out", tmp_path / "kits")
    assert held(tmp_path / "kits") == {}


def test_a_document_of_a_check_is_enough(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for name, host, folders, code in (
        ("open.json", open_host("192.0.2.1"), ["192.0.2.1-4242"], 0),
        ("shut.json", shut_host("192.0.2.3"), [], 3),  # what it answered proves nothing
    ):
        (tmp_path / name).write_bytes(json_bytes(card.document("t", Depth.ASK, host, [], Words())))
        out = tmp_path / f"{name}.d"
        assert run(["remedy", str(tmp_path / name), "--out", str(out)]) == code
        assert [p.name for p in out.glob("*")] == folders
    (tmp_path / "other.json").write_text('{"schema": "filmbadge.survey/1"}')
    assert "no document" in refused(capfd, tmp_path / "other.json", "--out", tmp_path / "o")


def test_nothing_to_close(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A port that refuses is closed for sure."""
    said = refused(capfd, "127.0.0.1:9", "--out", tmp_path / "kits", code=0)
    assert "nothing to close" in said
    assert not (tmp_path / "kits").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "a target, or --fresh"),
        (("127.0.0.1", "--fresh", "orthanc"), "a target, or --fresh"),
        (("192.0.2.1:104",), "scope"),
        (("--fresh", "orthanc", "--device", "ct1"), "NAME=AETITLE@ADDRESS"),
        (("--fresh", "orthanc", "--device", "a=A@192.0.2.1", "--device", "a=B@192.0.2.2"), "twice"),
        (("--fresh", "dicoogle"), "fresh"),
    ],
)
def test_refusals(arguments: tuple[str, ...], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert said in refused(capfd, *arguments, "--out", tmp_path / "kits")
    assert not (tmp_path / "kits").exists()


def test_a_folder_that_cannot_be_written(surveyed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    refused(capfd, surveyed, "--out", tmp_path / "file" / "kits")
    refused(capfd, surveyed, "--out", tmp_path / "file")
    refused(capfd, "--fresh", "orthanc", "--out", surveyed / "observations")
    assert (tmp_path / "file").read_text() == "mine"
