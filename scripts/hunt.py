"""Looks for faults with fresh randomness: .venv/bin/python scripts/hunt.py MINUTES  (`make hunt MINUTES=10`)

The property tests and the simulations run again and again with new examples and seeds, and beside them the fuzzers.
What is found is written into out/hunt: a test file that fails, or a stream for fuzz/corpus. Ends with 1 if something
was found, 2 if something could not run, else 0.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FUZZ = ROOT / "fuzz"
NO_TESTS = 5  # pytest's exit code
GRACE_SECONDS = 10.0  # to end in order
FOUND = re.compile(r"# Found by a hunt: (\S+)")
ISOLATED = "from conftest import nothing_leaves, pytest_configure, the_same_chance  # it runs where all tests run\n"


class CannotRun(Exception):
    """What hunts failed itself."""


class Hunt:
    def __init__(self, seconds: float, folder: Path, tests: list[str]) -> None:
        self._end = time.monotonic() + seconds
        self._folder, self._tests = folder, tests
        self._running: set[subprocess.Popen[bytes]] = set()
        self._before = self.found()
        (folder / "corpus").mkdir(parents=True, exist_ok=True)
        (folder / "conftest.py").write_text(ISOLATED)

    def found(self) -> dict[Path, str]:
        """What lies in the folder, and the test that each file is about."""
        files = {path: FOUND.match(path.read_text()) for path in sorted(self._folder.glob("test_*.py"))}
        streams = dict.fromkeys(sorted((self._folder / "corpus").glob("*")), "fuzz/corpus")
        return {**{path: match[1] if match else "" for path, match in files.items()}, **streams}

    def new(self) -> list[Path]:
        return [path for path in self.found() if path not in self._before]

    def properties(self) -> None:
        """Rounds of the properties and simulations, without those that were found to fail."""
        while self._left() > 1:
            known = [f"--deselect={test}" for test in self.found().values()]
            options = [
                "-c",
                str(ROOT / "pyproject.toml"),
                "-q",
                "-p",
                "no:cacheprovider",
                "-m",
                "hypothesis or simulation",
                f"--hunt={self._folder}",
                *known,
            ]
            code = self._run(
                [sys.executable, "-m", "pytest", *options, *self._tests], FILMBADGE_HUNT=str(secrets.randbits(32))
            )
            if code == NO_TESTS and self.new():
                return  # each of them fails
            if code not in (0, 1, None):
                raise CannotRun(f"pytest ended with {code}")

    def streams(self) -> None:
        """The fuzzers: half of the time for the decoder as it is, half for a build that watches its memory."""
        corpus, seconds = self._folder / "corpus", self._left() / 2
        if importlib.util.find_spec("atheris") is None:
            self._fuzz(sys.executable, FUZZ / "mutate.py", f"{seconds:.0f}", corpus)
        else:
            (grown := self._folder / "grown").mkdir(exist_ok=True)
            options = [f"-max_total_time={seconds:.0f}", f"-artifact_prefix={corpus}/found-"]
            self._fuzz(sys.executable, FUZZ / "run.py", grown, FUZZ / "corpus", *options)
        if shutil.which("gcc") is None:
            print("no gcc: the decoder was not built to watch its memory", file=sys.stderr)
        else:
            self._fuzz(FUZZ / "sanitize", f"{self._left():.0f}", corpus)

    def _fuzz(self, *command: str | Path) -> None:
        before = len(list((self._folder / "corpus").iterdir()))
        code = self._run([*command])
        if code not in (0, None) and len(list((self._folder / "corpus").iterdir())) == before:
            raise CannotRun(f"{' '.join(map(str, command))} ended with {code}, and left no new stream")

    def stop(self) -> None:
        for process in list(self._running):
            _end(process)

    def _left(self) -> float:
        return self._end - time.monotonic()

    def _run(self, command: list[str | Path], **more: str) -> int | None:
        """The exit code; None where the time was over first."""
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **more}, start_new_session=True)
        self._running.add(process)
        try:
            return process.wait(max(0, self._left()))
        except subprocess.TimeoutExpired:
            _end(process)
            return None
        finally:
            self._running.discard(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: asked first, then not."""
    for how, seconds in (signal.SIGINT, GRACE_SECONDS), (signal.SIGKILL, None):
        try:
            os.killpg(process.pid, how)
            process.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("minutes", type=float, nargs="?", default=10)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "hunt", help="where to write what is found")
    parser.add_argument("--only", choices=["properties", "streams"], help="one of the two, not both at once")
    parser.add_argument("tests", nargs="*", help="files of tests, instead of all")
    asked = parser.parse_intermixed_args()
    hunt = Hunt(asked.minutes * 60, asked.out.resolve(), asked.tests)
    lanes = {"properties": hunt.properties, "streams": hunt.streams}
    with ThreadPoolExecutor() as pool:
        try:
            futures = [pool.submit(lane) for name, lane in lanes.items() if asked.only in (None, name)]
            failed = [error for future in futures if (error := future.exception()) is not None]
        finally:
            hunt.stop()
    for path in hunt.new():
        print(f"found: {path}")
    for error in failed:
        print(f"could not run: {error}", file=sys.stderr)
    return 2 if failed else 1 if hunt.new() else 0


if __name__ == "__main__":
    sys.exit(main())
