"""The guard of `-m "not real"`: tried in a process of its own, since it cannot be taken away again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.hanging import HANGS

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
TRY = """
import asyncio, socket, subprocess, sys
import uvloop
from support import guard
guard.enter()
async def over(loop, attempt):
    protocol = asyncio.DatagramProtocol if "datagram" in attempt else asyncio.Protocol
    await eval(attempt)
def on(factory, attempt):
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(over(runner.get_loop(), attempt))
attempt, way = sys.argv[1:]
try:
    if way == "plain":
        eval(attempt)
    else:
        on(uvloop.new_event_loop if way == "uvloop" else asyncio.SelectorEventLoop, attempt)
except guard.Forbidden:
    print("forbidden", len(guard.refused), guard.opened())
except Exception:
    print("allowed", len(guard.refused), guard.opened())
else:
    print("allowed", len(guard.refused), guard.opened())
"""
OVER_A_LOOP = [
    "loop.create_connection(protocol, '{host}', 9)",
    "loop.sock_connect(socket.socket(type=socket.SOCK_STREAM | getattr(socket, 'SOCK_NONBLOCK', 0)), ('{host}', 9))",
    "loop.create_datagram_endpoint(protocol, remote_addr=('{host}', 9))",
    "loop.getaddrinfo('{name}', 9)",
    "loop.getnameinfo(('{host}', 9))",
]
PLAIN = [
    "socket.create_connection(('{host}', 9), 1)",
    "socket.socket().connect_ex(('{host}', 9))",
    "socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('{host}', 9))",
    "socket.getaddrinfo('{name}', 9)",
    "socket.gethostbyname('{name}')",
    "socket.gethostbyaddr('{host}')",
]
ATTEMPTS = [(attempt, "plain") for attempt in PLAIN] + [(a, way) for a in OVER_A_LOOP for way in ("asyncio", "uvloop")]


def tried(attempt: str, way: str, env: dict[str, str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", TRY, attempt, way],
        env={**env, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.real  # what the guard lets pass by mistake, the namespace holds back
@pytest.mark.parametrize(("attempt", "way"), ATTEMPTS)
def test_nothing_outside_loopback_is_reached_or_looked_up(attempt: str, way: str) -> None:
    assert tried(attempt.format(host="192.0.2.1", name="pacs.example"), way, dict(os.environ)) == [
        "forbidden",
        "1",
        "0",
    ]


@pytest.mark.parametrize(("attempt", "way"), ATTEMPTS)
def test_loopback_is_open(attempt: str, way: str) -> None:
    said, refused, opened = tried(attempt.format(host="127.0.0.1", name="localhost"), way, dict(os.environ))
    assert (said, refused) == ("allowed", "0")
    assert opened == ("1" if "connect" in attempt else "0")


def test_a_test_starts_no_program_that_could_reach_out() -> None:
    attempt, testing = "subprocess.Popen(['filmbadge', '--help'])", {**os.environ, "PYTEST_CURRENT_TEST": "this"}
    assert tried(attempt, "plain", testing)[0] == "forbidden"
    assert tried("subprocess.Popen([sys.executable, '-c', ''])", "plain", testing)[0] == "allowed"


@pytest.mark.real
@pytest.mark.parametrize(
    ("options", "namespace"), [(["-m", "not real"], False), (["-m", "not real or real"], True), ([], True)]
)
def test_only_these_words_do_without_the_namespace(tmp_path: Path, options: list[str], namespace: bool) -> None:
    """A run of pytest, in which one test says whether it is where this one is."""
    here = Path("/proc/self/ns/net").readlink()
    same = f"def test_here(): assert (str(Path('/proc/self/ns/net').readlink()) != {str(here)!r}) is {namespace}"
    (tmp_path / "test_one.py").write_text(f"from pathlib import Path\n{same}\n")
    (tmp_path / "conftest.py").write_text("from conftest import *\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", str(PROJECT), str(tmp_path)]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=HANGS)
    assert "1 passed" in done.stdout, done.stdout + done.stderr
