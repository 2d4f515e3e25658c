"""Replays the fuzzer's corpus: what it ever found, and what it grew from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[2] / "fuzz"
sys.path.insert(0, str(FUZZ))

import seed  # noqa: E402
import target  # noqa: E402

from filmbadge.ask.decoder import pure

CORPUS = sorted((FUZZ / "corpus").iterdir())


def test_there_is_a_corpus() -> None:
    assert len(CORPUS) >= len(seed.seeds())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_replay(path: Path) -> None:
    target.one(path.read_bytes())


def test_the_seeds_reach_the_end_of_a_talk() -> None:
    """A corpus that ended at its first byte would prove nothing."""
    for options in (0x08, 0x88):
        rows = target._hear(pure, [seed.seeds()["rows"][1:]], options)
        assert rows[-2] == 3
