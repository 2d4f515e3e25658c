"""Worlds are drawn, checked and told as a table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.hanging import HANGS

pytestmark = pytest.mark.real

SCRIPT = Path(__file__).parents[2] / "scripts/worlds.py"


def told(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANGS)


def test_the_table_has_a_row_for_each_kind() -> None:
    done = told("--kinds", "nothing odd, one study", "--each", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    *archives, head, _, _, _, _, whole = done.stdout.splitlines()
    assert len(archives) == 6, "in DIMSE, in DICOMweb and in both"
    assert head.split() == ["RIGHT", "HONEST", "MISSED", "COINCIDENCE", "WRONG"]
    assert whole.split() == ["all", "6", "0", "0", "0", "0"]


def test_a_world_is_the_same_for_the_same_seed() -> None:
    first, again, other = (told("--worlds", "1", "--archives", "3", "--seed", seed).stdout for seed in ("5", "5", "6"))
    kinds = [
        [line.split("), ")[0].split(maxsplit=1)[1] for line in sorted(text.splitlines()) if "seed=" in line]
        for text in (first, again, other)
    ]
    assert kinds[0] == kinds[1] != kinds[2]
