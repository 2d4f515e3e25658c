"""What a survey says while it runs: on narrow terminals, right after a resumption, and where nobody sees lines move."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from filmbadge.ask.targets.lists import Target, read
from filmbadge.cli import progress as shown
from filmbadge.cli.asking import drawn
from filmbadge.cli.progress import Found, Progress, watched
from filmbadge.judge import archives
from filmbadge.model import Depth, Endpoint, Host, Observation, Outcome, OutcomeKind, Protocol, Rung
from filmbadge.scope import RateLimits, loopback
from filmbadge.survey import crew
from filmbadge.survey.engine import Survey
from filmbadge.tell.words import Words
from support.documents import matches
from support.loopback import run


@dataclass
class Asked:
    total: int = 65_280
    hosts_done: int = 0
    took: float = 2.0
    rate_before: float = 0.0
    in_hand: dict[Target, float] = field(default_factory=dict)


def host(*found: tuple[Rung, str]) -> Host:
    told = [
        SimpleNamespace(rung=rung, place=SimpleNamespace(countries=(country,) if country else ()))
        for rung, country in found
    ]
    return cast("Host", SimpleNamespace(archives=told))


def under_way(asked: Asked, seconds: int, progress: Progress, *found: tuple[Rung, str]) -> float:
    """Ten hosts a second, for so long."""
    for now in range(1, seconds + 1):
        for n in range(10):
            asked.hosts_done += 1
            progress.host_done(host(*(found if (now, n) == (1, 0) else ())))
        asked.in_hand = {Target(f"h{n}"): now - 1 for n in range(20)}
        progress.lines(float(now))
    return float(seconds)


FOUND = [(Rung.DISCLOSES, "DE"), (Rung.DISCLOSES, "DE"), (Rung.SPEAKS, "FR"), (Rung.ANSWERS, "")]


def test_how_far_what_was_found_and_how_long_it_takes() -> None:
    asked = Asked()
    progress = Progress(asked, Words(), 0.0)
    assert progress.lines(0.0) == ["0 of 65,280 hosts, 0.0/s", "0 archives"]
    now = under_way(asked, 600, progress, *FOUND)
    first, second, third = progress.lines(now)
    assert first == "6,000 of 65,280 hosts, 10/s, about 1.6 hours left"
    assert second == "4 archives: discloses 2, answers 1, speaks 1"
    assert third == "in DE 2, FR 1"


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_no_line_is_broken_at_any_width(width: int) -> None:
    asked = Asked()
    progress = Progress(asked, Words(), 0.0)
    now = under_way(asked, 600, progress, *((rung, f"{n:02}") for n, rung in enumerate([*Rung, *Rung])))
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    with console.capture() as captured:
        console.print(drawn(progress.lines(now), width))
    lines = captured.get().rstrip("\n").split("\n")
    assert len(lines) == 3
    assert max(map(len, lines)) <= width
    if width >= 60:
        assert lines[0] == "6,000 of 65,280 hosts, 10/s, about 1.6 hours left"


def test_right_after_a_resumption() -> None:
    before = Found()
    before.add(Rung.DISCLOSES, "DE", 7)
    progress = Progress(Asked(hosts_done=5280, rate_before=10.0), Words(), 0.0, before)
    assert progress.lines(0.0) == [
        "5,280 of 65,280 hosts, 0.0/s, about 1.7 hours left",
        "7 archives: discloses 7",
        "in DE 7",
    ]


def test_the_last_host_is_named_by_how_long_it_takes_so_far() -> None:
    asked = Asked(total=20)
    progress = Progress(asked, Words(), 0.0)
    for _ in range(19):
        asked.hosts_done += 1
        progress.host_done(host())
    asked.in_hand = {Target("large"): 0.0}
    assert progress.lines(600.0)[0].endswith("the last for 10 minutes so far")
    asked.hosts_done, asked.in_hand = 20, {}
    assert progress.lines(601.0)[0].endswith("comparing archives")


def small(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Survey:
    async def examine(dialer: Any, target: Target, depth: Depth, *_: object, **__: object) -> Host:
        await asyncio.sleep(0.01)
        where, stop = Endpoint(str(target), 104, Protocol.DIMSE), Outcome(OutcomeKind.REFUSED)
        return archives.judge(str(target), [Observation(endpoint=where, at=datetime.now(UTC), depth=depth, stop=stop)])

    monkeypatch.setattr(crew, "examine", examine)
    scope = replace(
        loopback("a test"), networks=(ip_network("127.8.1.0/26"),), pace=RateLimits(1e6, 1e6, 1e6, open_at_once=5)
    )
    return Survey(scope, read([], scope), (), directory)


def test_elsewhere_than_on_a_terminal_a_line_now_and_then_without_control_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "EVERY_SECONDS", 0.02)
    file = io.StringIO()
    plan = small(tmp_path / "out", monkeypatch)
    run(watched(plan, Console(file=file, width=60), Words()))
    lines = file.getvalue().splitlines()
    assert lines
    assert all(" of 62 hosts, " in line and "; 0 archives" in line for line in lines)
    assert all(letter.isprintable() for line in lines for letter in line)
    assert Survey(plan.scope, plan.targets, (), tmp_path / "out", resume=True).rate_before > 0


def test_on_a_terminal_the_lines_stay_in_place_and_go_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "_REFRESH_SECONDS", 0.02)
    file = io.StringIO()
    run(watched(small(tmp_path / "out", monkeypatch), Console(file=file, width=60, force_terminal=True), Words()))
    said = file.getvalue()
    assert " of 62 hosts" in said
    assert "\x1b[2K" in said  # a line is wiped
    assert said.rstrip("\n").endswith(("\x1b[2K", "\x1b[?25h"))


def test_a_file_tells_another_program_how_far_it_is_and_is_never_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "gone" / "progress.json"
    file.parent.mkdir()
    examined = small(tmp_path / "out", monkeypatch)
    run(watched(examined, Console(file=io.StringIO()), Words(), file))
    told = json.loads(file.read_bytes())
    matches(told, "progress")
    assert (told["pid"], told["hosts"], told["hosts_done"], told["archives"]) == (os.getpid(), 62, 62, {})
    assert "62 of 62 hosts" in told["lines"][0]
    assert [found.name for found in file.parent.iterdir()] == [file.name]

    shutil.rmtree(file.parent)
    again = small(tmp_path / "again", monkeypatch)
    run(watched(again, Console(file=io.StringIO()), Words(), file))
    assert again.hosts_done == 62, "a folder that vanished ends no survey"
    assert not file.parent.exists()
