"""The progress of a check: one line on a terminal that is gone at the end, and nothing elsewhere."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from filmbadge.cli.asking import asked, asking
from filmbadge.model import Depth
from filmbadge.scope import LOOPBACK, ConnectionLimits, RateLimits
from filmbadge.survey.examine import Asking
from filmbadge.tell.words import Words

SCOPE = replace(LOOPBACK, caps=ConnectionLimits(connect_seconds=5, connect_seconds_least=5), pace=RateLimits(50, 10, 2))


def test_a_terminal_is_told_the_port_and_the_line_goes_at_the_end() -> None:
    file = io.StringIO()
    with asking(Console(file=file, force_terminal=True, width=80), SCOPE, Words()) as told:
        told(Asking(104, 1, 13))
        told(Asking(4242, 5, 13))
        assert "port 5 of 13, at most 45 s if no more of them answer" in file.getvalue()
        assert "\n" not in file.getvalue()
    assert file.getvalue().rstrip().endswith("\x1b[2K")  # the line was erased, and nothing came after it


def test_elsewhere_nothing_is_shown() -> None:
    file = io.StringIO()
    with asking(Console(file=file), SCOPE, Words()) as told:
        told(Asking(104, 1, 13))
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("pace", "seconds"),
    [(RateLimits(50, 10, 2), 65), (RateLimits(50, 10, 0.1), 130), (RateLimits(0.05, 10, 2), 260)],
)
def test_the_bound_holds_at_a_slow_pace_too(pace: RateLimits, seconds: int) -> None:
    assert f"at most {seconds} s" in asked(Asking(104, 1, 13), replace(SCOPE, pace=pace), Words())


def test_ports_that_may_be_asked_once_more_are_in_the_bound() -> None:
    early = replace(SCOPE, caps=ConnectionLimits(connect_seconds=5, connect_seconds_least=0.5))
    assert asked(Asking(104, 12, 13), early, Words()).startswith("port 12 of 13, at most 75 s")
    assert asked(Asking(104, 1, 3, again=True), early, Words()).startswith("port 1 of 3, at most 15 s")


def test_where_a_port_answers_the_depth_is_said() -> None:
    said = asked(Asking(4242, 5, 13, deeper=True), replace(SCOPE, depth=Depth.COUNT), Words())
    assert said == "port 4242 answers: asking it further, down to depth count"
