"""A run is the same every time: what it draws does not depend on the run, nor on the tests before."""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
from pathlib import Path

from hypothesis import settings

from support import chance
from support.hanging import HANGS

DRAWN = """
import random, secrets
from hypothesis import given, settings, strategies as st
from filmbadge.ask.key import RunKey

@given(st.text(), st.integers())
def test_a_property(text, number):
    print("drawn", ascii(text), number)

def test_the_system():
    print("drawn", bytes(RunKey()), secrets.token_hex(), random.SystemRandom().random())
"""


def drawn(folder: Path, hashes: str) -> list[str]:
    tests = Path(__file__).parent
    command = [sys.executable, "-m", "pytest", "-s", "-p", "no:cacheprovider", "-m", "not real"]
    done = subprocess.run(
        [*command, "-c", str(tests.parent / "pyproject.toml"), str(folder)],
        env={**os.environ, "PYTHONHASHSEED": hashes},
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS,
    )
    return [line.partition("drawn")[2] for line in done.stdout.splitlines() if "drawn" in line]


def test_two_runs_draw_the_same(tmp_path: Path) -> None:
    (tmp_path / "test_drawn.py").write_text(DRAWN)
    (tmp_path / "conftest.py").write_text("from conftest import *\n")
    one, two = drawn(tmp_path, "1"), drawn(tmp_path, "2")
    assert len(one) > 100
    assert one == two


def test_nothing_is_remembered_from_a_run_before() -> None:
    assert settings().database is None
    assert settings().derandomize
    assert settings().deadline is None


def test_what_the_system_gives_depends_on_the_test_alone() -> None:
    chance.draw("one")
    first = secrets.token_bytes(8), random.SystemRandom().random()
    chance.draw("another")
    assert secrets.token_bytes(8) != first[0]
    chance.draw("one")
    assert (secrets.token_bytes(8), random.SystemRandom().random()) == first
