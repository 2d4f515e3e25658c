"""Two machines, or three: an archive, a stranger to it, and one of its own devices, each in a network namespace.

A veth pair joins the stranger, and another the device, to the archive. There is no way out, and none from one to the other.
"""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.hanging import HANGS

# Every program in a namespace finds these names, and the names of these addresses, without asking anybody.
_HOSTS = """127.0.0.1 localhost
::1 localhost ip6-localhost
192.0.2.1 archive.example
2001:db8::1 archive.example
192.0.2.2 stranger.example
2001:db8::2 stranger.example
192.0.2.10 device.example
2001:db8::10 device.example
"""


@dataclass(frozen=True)
class Side:
    """One machine: what runs in it has these addresses."""

    pid: int  # of the process that keeps the namespaces
    address: str
    address6: str

    def command(self, *argv: str) -> list[str]:
        """The command that runs a program here. It keeps its process id, its folder and its environment."""
        enter = f'exec nsenter --target={self.pid} --net --mount --wdns="$PWD" "$@"'
        return ["sh", "-c", enter, "sh", *argv]

    def run(self, *argv: str) -> str:
        """What a program says here. It must end well."""
        done = subprocess.run(self.command(*argv), capture_output=True, text=True, timeout=HANGS, check=False)
        assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@dataclass(frozen=True)
class Apart:
    inside: Side  # the archive
    outside: Side  # a stranger
    device: Side  # an own device, by the address that the remedies name


@contextmanager
def apart() -> Iterator[Apart]:
    """The namespaces, for as long as the block runs. Programs that were started in them must have ended by then."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "hosts").write_text(_HOSTS)
        hosts = f"mount --bind {shlex.quote(str(folder / 'hosts'))} /etc/hosts"
        inside, outside, device = (
            Side(stack.enter_context(kept(hosts)), f"192.0.2.{last}", f"2001:db8::{last}") for last in (1, 2, 10)
        )
        for name, other in ("stranger", outside), ("device", device):
            _join(inside, other, name)
        yield Apart(inside, outside, device)


@contextmanager
def kept(*mounts: str) -> Iterator[int]:
    """A process in namespaces of its own, which go with it: it ends with its input, so with this process too.

    These commands of the shell are run there first.
    """
    script = " && ".join(("ip link set lo up", *mounts, "echo ready", "exec cat"))
    argv = ["unshare", "--net", "--mount", "sh", "-c", script]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n", "no network namespace can be made here"
        try:
            yield process.pid
        finally:
            process.stdin.close()


def _join(inside: Side, other: Side, name: str) -> None:
    """A cable from the archive to another machine, whose every packet takes it."""
    inside.run("ip", "link", "add", name, "type", "veth", "peer", "name", "archive", "netns", str(other.pid))
    for side, link, peer in (inside, name, other), (other, "archive", inside):
        for own, far, bits in (side.address, peer.address, 32), (side.address6, peer.address6, 128):
            # No look for duplicates: an address is of use at once.
            side.run("ip", "address", "add", f"{own}/{bits}", "dev", link, "nodad")
            side.run("ip", "link", "set", link, "up")
            side.run("ip", "route", "add", f"{far}/{bits}", "dev", link)
