"""The guard guards: tried inside one more namespace, where nothing could leave even if it did not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support import isolation

TRY = """
import socket, sys
from support import isolation
isolation.enter()
assert isolation.interfaces() == {"lo"}
before = isolation.strays()
try:
    exec(sys.argv[1])
except OSError:
    pass
print(isolation.strays() - before)
"""


def strayed(attempt: str) -> int:
    """What the guard counts while a fresh process, in a namespace of its own, does something."""
    done = subprocess.run(
        [sys.executable, "-c", TRY, attempt],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout)


def test_only_loopback_exists() -> None:
    assert isolation.interfaces() == {"lo"}


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 104), 1)",
        "socket.create_connection(('2001:db8::1', 104), 1)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'?', ('192.0.2.53', 53))",
    ],
)
def test_an_attempt_to_leave_is_counted(attempt: str) -> None:
    assert strayed(attempt) > 0


def test_loopback_is_not_counted() -> None:
    assert strayed("socket.create_connection(('127.9.9.9', 9), 1)") == 0
