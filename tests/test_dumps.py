"""Core dumps are off before anything else is imported: an import that crashes leaves none either."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SLOW = """
import sys
sys.stdout.write("importing\\n")
sys.stdout.flush()
sys.stdin.read(1)
"""
STARTS = {
    "command": [str(Path(sys.executable).with_name("filmbadge")), "--version"],
    "module": [sys.executable, "-m", "filmbadge", "--version"],
    "library": [sys.executable, "-c", "import filmbadge; filmbadge.Rung"],
    "a part of the library": [sys.executable, "-c", "import filmbadge.scope"],
}

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")]


def importing(how: str, work: Path) -> subprocess.Popen[str]:
    """A process that may dump core without a limit, and waits in its first import of a library."""
    (work / "msgspec.py").write_text(SLOW)
    shell = ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh", *STARTS[how]]
    where = os.environ | {"PYTHONPATH": str(work)}
    process = subprocess.Popen(
        shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=work, env=where
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "importing\n"
    return process


@pytest.mark.parametrize("how", STARTS)
def test_a_process_dumps_no_core_from_its_first_import_on(how: str, tmp_path: Path) -> None:
    with importing(how, tmp_path) as process:
        try:
            limits = Path(f"/proc/{process.pid}/limits").read_text()
            (core,) = (line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size"))
            assert core[0] == "1"  # byte: no file, and no program that core_pattern names
        finally:
            process.send_signal(signal.SIGABRT)
        assert process.wait() == -signal.SIGABRT
    assert [path.name for path in tmp_path.iterdir() if path.name != "__pycache__"] == ["msgspec.py"]


def test_a_process_that_may_dump_core_would() -> None:
    """So the test above can fail: without the switch the limit stays as it was."""
    shell = ["sh", "-c", 'ulimit -c unlimited && exec "$@"', "sh", sys.executable, "-c"]
    said = subprocess.run(
        [*shell, "print(open('/proc/self/limits').read())"], capture_output=True, text=True, check=True
    )
    (core,) = (line.split()[4:6] for line in said.stdout.splitlines() if line.startswith("Max core file size"))
    assert core[0] == "unlimited"
