"""The guard guards: tried inside one more namespace, where nothing could leave even if it did not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support import isolation
from support.hanging import HANGS

pytestmark = pytest.mark.real

TRY = """
import socket, sys
from pathlib import Path
from support import archives, isolation
exec(sys.argv[2])
isolation.enter()
assert isolation.interfaces() == {"lo"}
before = isolation.strays()
try:
    exec(sys.argv[1])
except OSError:
    pass
print(isolation.strays() - before)
"""
# A machine whose own name stands in none of its files, and whose name server is far away.
FOREIGN = (
    "hostname of-no-file; mount --bind /dev/null /etc/hosts; mount --bind $0 /etc/resolv.conf; "
    'mount --bind /dev/null /etc/nsswitch.conf; exec "$@"'
)
ARCHIVES = """
for serve, settings in (archives.dcmqrscp, {}), (archives.orthanc, {"DicomAlwaysAllowFind": True}), (archives.pixelmed, {}):
    folder = Path(serve.__name__).resolve()
    folder.mkdir()
    with serve(folder, **settings) as served:  # it has taken files by now
        (endpoint,) = archives.check(f"127.0.0.1:{served.dicom}")["endpoints"]
        assert endpoint["rung"] in ("speaks", "discloses"), endpoint  # one of them wants to be called by its title
"""


def strayed(attempt: str, *through: str, cwd: Path | None = None, first: str = "") -> int:
    """What the guard counts while a fresh process, in a namespace of its own, does something."""
    done = subprocess.run(
        [*through, sys.executable, "-c", TRY, attempt, first],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def foreign(directory: Path) -> list[str]:
    """What a command runs through to find itself on such a machine."""
    far = directory / "resolv.conf"
    far.write_text("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n")
    return ["unshare", "--uts", "--mount", "sh", "-ec", FOREIGN, str(far)]


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


def test_archives_find_themselves_on_a_machine_whose_name_is_in_no_file(tmp_path: Path) -> None:
    assert strayed(ARCHIVES, *foreign(tmp_path), cwd=tmp_path) == 0


def test_such_a_machine_would_have_asked_its_name_server(tmp_path: Path) -> None:
    """Were it not for the files that the run brings, the test above would see it."""
    look_up, without = "socket.gethostbyname(socket.gethostname())", "isolation._bring_names = lambda: None"
    assert strayed(look_up, *foreign(tmp_path), first=without) > 0
    assert strayed(look_up, *foreign(tmp_path)) == 0
