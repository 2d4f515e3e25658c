"""The namespaces that stand for an archive, a stranger and a device: they reach the archive, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.hanging import HANGS
from support.network import Side, apart

pytestmark = pytest.mark.real

SERVE = """
import socket
with socket.create_server(("::", 104), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
    print("ready", flush=True)
    while True:
        connection, peer = listener.accept()
        with connection:
            connection.sendall(peer[0].encode())
"""
ASK = """
import socket, sys
for address in sys.argv[1:]:
    try:
        with socket.create_connection((address, 104), 900) as connection:
            print(connection.recv(100).decode())
    except OSError as error:
        print(type(error).__name__)
"""


def ask(side: Side, *addresses: str) -> list[str]:
    return side.run(sys.executable, "-c", ASK, *addresses).split()


def test_the_archive_is_reached_by_both_and_nothing_else_by_anybody() -> None:
    with apart() as machines:
        inside, outside, device = machines.inside, machines.outside, machines.device
        with subprocess.Popen(inside.command(sys.executable, "-c", SERVE), stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            try:
                for side in outside, device:
                    assert ask(side, inside.address, inside.address6) == [f"::ffff:{side.address}", side.address6]
                    assert ask(side, "archive.example") == [side.address6]
                # Nobody is at these: they are the kernel's to refuse.
                assert ask(outside, "192.0.2.77", "2001:db8::77", "127.0.0.1") == [
                    *("OSError", "OSError"),
                    "ConnectionRefusedError",
                ]
                assert ask(outside, device.address, device.address6) == ["OSError", "OSError"]
                assert ask(inside, "127.0.0.1") == ["::ffff:127.0.0.1"]
            finally:
                server.kill()
        kept = [side.pid for side in (inside, outside, device)]
    assert not any(Path(f"/proc/{pid}").exists() for pid in kept)


def test_a_failure_in_the_block_leaves_nothing_behind() -> None:
    kept: list[int] = []
    with pytest.raises(ZeroDivisionError), apart() as machines:
        kept.append(machines.inside.pid)
        raise ZeroDivisionError
    assert not Path(f"/proc/{kept[0]}").exists()


def test_programs_in_it_have_the_folder_of_who_started_them(tmp_path: Path) -> None:
    with apart() as machines:
        done = subprocess.run(
            machines.inside.command("pwd"), cwd=tmp_path, capture_output=True, text=True, timeout=HANGS, check=True
        )
    assert done.stdout.strip() == str(tmp_path)
