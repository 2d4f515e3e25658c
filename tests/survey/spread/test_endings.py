"""Workers as processes of this machine: what ends the command ends them in order, and none outlives it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from filmbadge.keep.reader import Dataset
from support.hanging import HANGS

SCOPE = """
schema = "filmbadge.scope/1"
networks = ["127.20.1.0/26", "127.20.2.0/26"]
depth = "ask"
expires = 2199-12-31
confirm = ["I hold this permission until 2199-12-31"]
authority = { who = "a test", basis = "owner", reference = "none", contact = "none" }
ports = { dimse = [104], dimse_tls = [], web = [], web_tls = [] }
pace = { overall = 20, per_network = 10, per_host = 10, open_at_once = 8 }
"""


def begun(folder: Path) -> subprocess.Popen[str]:
    """A survey in a group of its own, of which some hosts are done."""
    scope, progress = folder / "scope.toml", folder / "progress.json"
    scope.write_text(SCOPE)
    command = ["survey", str(scope), "--out", str(folder / "out"), "--workers", "2", "--progress", str(progress)]
    process = subprocess.Popen(
        [sys.executable, "-m", "filmbadge", *command], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until = time.monotonic() + HANGS
    while not progress.exists() or json.loads(progress.read_text())["hosts_done"] < 10:
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


def all_ended(group: int) -> None:
    """Waits until no process of it is left."""
    until = time.monotonic() + HANGS
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < until, "a process outlives its survey"
        time.sleep(0.05)


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGKILL])
def test_what_ends_a_survey_ends_its_workers(tmp_path: Path, ends: signal.Signals) -> None:
    """SIGTERM comes to the whole group, as `timeout` and systemd send it; SIGKILL to the coordinator alone."""
    process = begun(tmp_path)
    try:
        if ends == signal.SIGKILL:
            process.kill()
        else:
            os.killpg(process.pid, ends)
        said = process.communicate(timeout=HANGS)[1]
        all_ended(process.pid)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if ends == signal.SIGTERM:
        assert process.returncode == 3
        assert "hosts are kept" in said
        assert "ended early" not in said
        assert Dataset(tmp_path / "out").manifest.state == "interrupted"
