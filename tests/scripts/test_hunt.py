"""A hunt finds a fault that was planted, and what it writes fails until that is mended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.hanging import HANGS

pytestmark = pytest.mark.real

ROOT = Path(__file__).parents[2]
PLANTED = """
import pytest
from hypothesis import given, strategies as st
from support.chance import seeds

@given(st.integers(0, 1 << 20))
def test_a_property(number):
    assert number < 5000  # planted

@pytest.mark.parametrize("seed", seeds(1))
@pytest.mark.parametrize("kind", ["right", "wrong"])
def test_a_simulation(seed, kind):
    assert kind == "right" or seed < 1000  # planted

def test_that_draws_nothing():
    raise AssertionError
"""
BREAKS = """
import os, sys
from pathlib import Path
import mutate, target

def one(data):
    if len(data) % 7 == 0:
        {how}

target.one = one
sys.exit(mutate.main(30, Path(sys.argv[1])))
"""


def pytest_on(*paths: Path | str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-q", "-p", "no:cacheprovider"]
    return subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False, timeout=HANGS)


def test_what_is_found_is_a_test_that_fails_until_the_fault_is_mended(tmp_path: Path) -> None:
    planted, found = tmp_path / "test_planted.py", tmp_path / "found"
    planted.write_text(PLANTED)
    (tmp_path / "conftest.py").write_text("from conftest import *")
    assert "2 passed" in pytest_on(planted, "-m", "simulation").stdout, "the fixed seed"
    options = ["1", "--only", "properties", "--out", str(found), str(planted)]
    hunt = [sys.executable, str(ROOT / "scripts/hunt.py"), *options]
    done = subprocess.run(hunt, capture_output=True, text=True, check=False, timeout=HANGS)
    assert done.returncode == 1, done.stdout + done.stderr
    property_, simulation = sorted(found.glob("test_*.py"), key=lambda path: "seed=" in path.read_text())
    assert "# @example(\n#     number=5000,\n# )\n" in property_.read_text()
    assert "::test_a_simulation\n" in simulation.read_text()
    assert "2 failed, 1 passed" in pytest_on(found).stdout
    planted.write_text(PLANTED.replace("< 5000  # planted", "<= 1 << 20").replace("< 1000  # planted", ">= 0"))
    assert "2 passed" in pytest_on(simulation).stdout


@pytest.mark.parametrize("how", ["raise ValueError", "os.abort()"], ids=["an error", "the end of the process"])
def test_a_stream_that_breaks_the_decoder_is_kept(tmp_path: Path, how: str) -> None:
    command = [sys.executable, "-c", BREAKS.format(how=how), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT / "fuzz", capture_output=True, text=True, check=False, timeout=HANGS)
    assert done.returncode == 1, done.stderr
    (stream,) = tmp_path.glob("found-*")
    assert len(stream.read_bytes()) % 7 == 0
