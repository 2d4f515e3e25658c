"""The process of a world: it keeps the truth to itself, and ends with whoever stood it up."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from filmbadge import interruption
from filmbadge.model import Refusal
from filmbadge.rehearse.process import Told, WorldEnded, stand
from support.hanging import HANGS

SOURCE = Path(__file__).parents[2] / "src/filmbadge"
STANDS = """
import multiprocessing, sys, time
from filmbadge.rehearse.process import stand
if __name__ == "__main__":
    with stand("hospital", 0.1, 1):
        print(multiprocessing.active_children()[0].pid, flush=True)
        time.sleep(60)
"""


def gone(pid: int) -> bool:
    """Whether a process ended: it is not there, or is a zombie that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def test_a_surveyor_is_told_a_place_and_no_more() -> None:
    with stand("hospital", 0.1, 1) as standing:
        assert set(Told.__dataclass_fields__) == {"site", "depth", "places", "again"}
        assert set(type(standing.told.site).__dataclass_fields__) == {
            "networks",
            "dimse_ports",
            "dimse_tls_ports",
            "web_ports",
            "web_tls_ports",
        }
        truth, _ = standing.truth()
        assert truth.rows["archives"] == 13


def test_the_truth_is_asked_for_when_the_survey_is_written() -> None:
    """Nothing of the surveying process knows how a world is made, and it asks for the truth when all is measured."""
    source = (SOURCE / "cli/rehearse.py").read_text()
    before, after = source.split("standing.truth()")
    assert "dataset.totals()" in before
    assert before.count("_survey(standing") == 2  # the second time where the world is surveyed twice
    assert "_survey(standing" not in after.partition("\ndef ")[0]
    for module in ("build", "serve", "contents", "worldfile"):
        assert f"rehearse.{module}" not in source


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
def test_a_killed_survey_leaves_no_server_behind(tmp_path: Path) -> None:
    program = tmp_path / "stands.py"
    program.write_text(STANDS)
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert not gone(pid)
        os.kill(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + HANGS
    while not gone(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)  # nothing tells when a process ends that is not a child of this one


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGTERM])
def test_a_world_that_was_killed_is_said(ends: signal.Signals) -> None:
    """A closed pipe is no reason to end as if all were well: without the truth nothing is compared."""
    with stand("hospital", 0.1, 1) as standing:
        (world,) = multiprocessing.active_children()
        assert world.pid is not None
        os.kill(world.pid, ends)
        world.join(HANGS)
        with pytest.raises(WorldEnded, match="the process that serves the world ended early"):
            standing.truth()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_world_never_heeds_an_interrupt() -> None:
    """Ctrl-C goes to the whole group of a terminal, also while the process of the world still begins."""
    context = multiprocessing.get_context("spawn")
    before = signal.getsignal(signal.SIGINT)  # whoever runs in the background may have it ignored
    with interruption.unheard():
        process = context.Process(target=time.sleep, args=(30,), daemon=True)
        process.start()
    status = Path(f"/proc/{process.pid}/status").read_text()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    process.kill()
    process.join()
    assert all(ignored >> one - 1 & 1 for one in interruption.ENDS)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_world_that_cannot_be_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"^no world is called 'clinic'; there is: .*hospital.*$"), stand("clinic", 1, 1):
        pass
    with pytest.raises(Refusal, match=r"none\.toml: No such file"), stand(str(tmp_path / "none.toml"), 1, 1):
        pass
