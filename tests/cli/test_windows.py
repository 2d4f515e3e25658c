"""Nothing that a command needs is Linux's alone. Here Windows is played on Linux, by `as_windows.py`."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydicom.dataset import Dataset

from support import certificates
from support.hanging import HANGS
from support.pynetdicom_archive import Rows, archive, from_holdings

TESTS = Path(__file__).parents[1]
WINDOWS = (sys.executable, str(TESTS / "as_windows.py"))
LINUX = (sys.executable, "-c", "from filmbadge.cli import main; main()")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Windows is played on Linux")


def run(how: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*how, *arguments], capture_output=True, text=True, check=False, timeout=HANGS)


def test_a_check_says_the_same() -> None:
    def told(how: tuple[str, ...], port: int) -> dict[str, Any]:
        done = run(how, "check", f"127.0.0.1:{port}", "--json")
        assert (done.returncode, done.stderr) == (0, "")
        document: dict[str, Any] = json.loads(done.stdout)
        return {"archives": document["archives"], "rungs": [one["rung"] for one in document["endpoints"]]}

    with archive(from_holdings()) as script:
        there, here = told(WINDOWS, script.port), told(LINUX, script.port)
    assert there == here
    assert there["archives"][0]["open"]


@contextmanager
def silent_over_tls(directory: Path) -> Iterator[int]:
    """On ::1: ends the handshake, and closes at the first word."""
    pair = certificates.make(directory, alternatives=("localhost",))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)

    def serve(server: socket.socket) -> None:
        while True:
            try:
                accepted, _ = server.accept()
            except OSError:  # it was shut down
                return
            try:
                with context.wrap_socket(accepted, server_side=True) as secured:
                    secured.recv(1)
            except OSError:
                accepted.close()

    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        thread = Thread(target=serve, args=(server,))
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_tls_is_spoken_over_ipv6(tmp_path: Path) -> None:
    with silent_over_tls(tmp_path) as port:
        document = json.loads(run(WINDOWS, "check", f"[::1]:{port}", "--json").stdout)
    assert [one["tls"]["version"] for one in document["endpoints"]] == ["TLSv1.3"]


def test_ctrl_c_ends_a_check_in_order() -> None:
    asked, over = Event(), Event()

    def endless(_: Dataset) -> Rows:
        asked.set()
        while not over.wait(0.005):
            row = Dataset()
            row.StudyInstanceUID = "1.2.3"
            yield 0xFF00, row
        yield 0x0000, None

    with archive(endless) as script:
        command = [*WINDOWS, "check", f"127.0.0.1:{script.port}"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert asked.wait(HANGS)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=HANGS)
        over.set()
    assert (process.returncode, said) == (3, (b"", b"filmbadge: interrupted\n"))
    assert script.endings[-1] == "released"


def test_a_world_is_rehearsed_and_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(WINDOWS, "rehearse", "hospital", "--scale", "0.1", "--out", str(out), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["agree"]


def test_a_folder_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    import fcntl

    with (tmp_path / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = (
            "import as_windows; as_windows.take_away(); from pathlib import Path;"
            f"from filmbadge.keep.writer import Writer; Writer(Path({str(tmp_path)!r}))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=TESTS, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].startswith("BlockingIOError")
