"""A survey that is killed and resumed has the totals of one that was not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from support.hanging import HANGS

KILLS = Path(__file__).parents[2] / "bench" / "kills.py"


def test_three_kills() -> None:
    command = [sys.executable, str(KILLS), "--world", "hospital", "--scale", "0.05", "--kills", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANGS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["lost"] == found["twice"] == found["other"] == 0
    assert found["totals"] == {}
    assert found["endpoints"] > 100
    assert found["pace_kept"]
    assert found["connections"][1] >= found["connections"][0], "what was asked twice is on record twice"
