"""A folder that cannot be written, or is written by another: one line, nothing damaged, and --resume goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network
from itertools import count as numbers
from pathlib import Path
from typing import Any

import pytest

from filmbadge import cli
from filmbadge.ask.targets.lists import read
from filmbadge.keep import files, writer
from filmbadge.keep.reader import Dataset
from filmbadge.scope import RateLimits, loopback
from filmbadge.survey.askers import Asks, Here
from filmbadge.survey.engine import Survey
from filmbadge.survey.examine import BrokenOff, SurveyError
from filmbadge.survey.spread.ledger import Ledger
from support.loopback import run
from support.workers import spread

NETWORK = "127.8.1.0/27"
HOSTS = 30
SCOPE = f"""
schema = "filmbadge.scope/1"
networks = ["{NETWORK}"]
depth = "ask"
expires = 2199-12-31
confirm = ["I hold this permission until 2199-12-31"]
authority = {{ who = "a test", basis = "owner", reference = "none", contact = "none" }}
pace = {{ overall = 500, per_network = 100, per_host = 20, open_at_once = 3 }}
"""


class Nobody:
    def host_done(self, host: object) -> None: ...


def survey(directory: Path, *, resume: bool = False, asks: Asks = Here) -> Survey:
    scope = replace(loopback("a test"), networks=(ip_network(NETWORK),), pace=RateLimits(1e6, 1e6, 1e6, open_at_once=3))
    return Survey(scope, read([NETWORK], scope), [NETWORK], directory, resume, asks=asks)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flush after every few rows."""
    monkeypatch.setattr(writer, "FLUSH_ROWS", 40)


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool], number: int = 28) -> None:
    """The writes, counted from 0, that the disk refuses. It keeps what it got of them."""
    write, count = files.write, iter(range(1 << 20))

    def refused(path: Path, data: bytes) -> None:
        if fails(next(count)):
            raise OSError(number, "No space left on device" if number == 28 else "Permission denied")
        write(path, data)

    monkeypatch.setattr(files, "write", refused)


def whole(directory: Path) -> None:
    """It is done: all hosts, each once, and no fault of ours."""
    dataset = Dataset(directory)
    dataset.require_whole()
    assert dataset.manifest.state == "done"
    assert dataset.rows("SELECT count(DISTINCT target) n FROM endpoints_rows")[0]["n"] == HOSTS
    assert dataset.rows("SELECT why FROM endpoints_rows WHERE why IN ('own-error', 'our-error')") == []
    assert dataset.rows("SELECT count(*) n FROM endpoints")[0]["n"] == len(
        dataset.rows("SELECT DISTINCT address, port, protocol FROM endpoints_rows")
    )


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("first", [2, 3, 7, 12, 20])
@pytest.mark.parametrize("last", [True, False], ids=["and full it stays", "and then there is room"])
def test_a_disk_that_is_full_on_the_way_is_no_fault_of_a_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int, last: bool
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        failing(patch, lambda n: n >= first if last else n == first)
        with pytest.raises(BrokenOff, match=r"could not be written \(No space left on device\).*--resume"):
            run(survey(out).run(Nobody()))
    left = Dataset(out)
    left.require_whole()
    assert left.manifest.state == ("running" if last else "interrupted")
    assert left.manifest.hosts_done < HOSTS
    assert left.rows("SELECT why FROM endpoints_rows WHERE why LIKE '%own%' OR why LIKE '%our%'") == []
    run(survey(out, resume=True).run(Nobody()))
    whole(out)


@pytest.mark.usefixtures("often")
def test_a_disk_that_is_full_while_workers_ask_costs_nothing_that_was_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They leave in order, so the next run waits for nobody."""
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        failing(patch, lambda n: n >= 7)
        with pytest.raises(BrokenOff, match=r"could not be written \(No space left on device\).*--resume"):
            run(survey(out, asks=spread(out)).run(Nobody()))
    Dataset(out).require_whole()
    again = survey(out, resume=True)
    assert again.waits == 0
    run(again.run(Nobody()))
    whole(out)


def test_a_ledger_on_a_full_disk_ends_a_survey_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, granted = tmp_path / "out", numbers()
    grant = Ledger.grant

    def full(self: Ledger, *given: Any) -> int | None:
        if next(granted) == 0:
            raise SurveyError(
                "the ledger cannot be used (database or disk is full): see to it, and go on with --resume"
            )
        return grant(self, *given)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "grant", full)
        with pytest.raises(BrokenOff, match=r"the ledger cannot be used .*--resume"):
            run(survey(out, asks=spread(out)).run(Nobody()))
    run(survey(out, resume=True, asks=spread(out)).run(Nobody()))
    whole(out)


def test_a_folder_that_cannot_be_written_is_refused_before_anybody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, lambda _: True, 13)
        with pytest.raises(SurveyError, match="cannot be written") as told:
            run(survey(tmp_path / "out").run(Nobody()))
        assert not isinstance(told.value, BrokenOff)
    assert not list((tmp_path / "out").glob("journal/*"))


@pytest.mark.usefixtures("often")
def test_the_exit_code_says_that_it_is_incomplete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scope, out = tmp_path / "scope.toml", tmp_path / "out"
    scope.write_text(SCOPE)
    with monkeypatch.context() as patch:
        failing(patch, lambda n: n > 5)
        assert cli.run(["survey", str(scope), NETWORK, "--out", str(out)]) == 3
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1, said
    assert "could not be written (No space left on device)" in said[0]


def test_one_that_was_planned_before_another_wrote_is_refused(tmp_path: Path) -> None:
    """Both looked when the folder was empty, or was as the last run left it."""
    first, second = survey(tmp_path / "out"), survey(tmp_path / "out")
    run(first.run(Nobody()))
    kept = (tmp_path / "out" / "survey.json").read_bytes()
    with pytest.raises(SurveyError, match="by another process"):
        run(second.run(Nobody()))
    assert (tmp_path / "out" / "survey.json").read_bytes() == kept
    one, other = survey(tmp_path / "out", resume=True), survey(tmp_path / "out", resume=True)
    run(one.run(Nobody()))
    with pytest.raises(SurveyError, match="by another process"):
        run(other.run(Nobody()))
    whole(tmp_path / "out")


def test_one_that_runs_is_read_and_not_written_by_another(tmp_path: Path) -> None:
    async def work() -> None:
        task = asyncio.create_task(survey(tmp_path / "out").run(Nobody()))
        while not (tmp_path / "out" / "survey.json").exists():
            await asyncio.sleep(0)
        with pytest.raises(SurveyError, match="is being written by another process"):
            await survey(tmp_path / "out", resume=True).run(Nobody())
        assert Dataset(tmp_path / "out").manifest.state == "running"
        await task

    run(work())
    whole(tmp_path / "out")
