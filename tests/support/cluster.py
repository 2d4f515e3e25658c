"""A private network of machines, each in a network namespace of its own: nodes of Ray, where a survey starts, a world, a stranger.

Their cables meet at a bridge. There is no way out. A stranger stands outside of the private network, and reaches the machines.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import msgspec

from filmbadge.rehearse import serve as serving
from filmbadge.rehearse.build import build
from filmbadge.rehearse.world import Truth
from filmbadge.rehearse.worldfile import read
from support import capture
from support.hanging import HANGS
from support.network import kept

RAY_NODE = Path(__file__).parents[2] / "packaging" / "ray-node"
BIN = Path(sys.executable).parent
PRIVATE, STRANGERS, WORLD = "10.90.0.0/24", "10.91.0.0/24", IPv4Network("10.77.0.0/16")
OWN = ("mount -t tmpfs none /dev/shm", "mkdir -p /tmp/ray", "mount -t tmpfs none /tmp/ray")
# Seconds that a node may take, in as many attempts as it needs: Ray gives one up whose agents take longer than 15 s.
START = 240


# The way to the world stays open: only its lease keeps a worker from asking on.
_CUT = """
table inet cut {
    chain arriving { type filter hook input priority 0; iifname "eth0" ip saddr != 10.77.0.0/16 drop; }
    chain leaving {
        type filter hook output priority 0
        ip daddr 10.77.0.0/16 counter accept
        oifname "eth0" drop
    }
}
"""


@dataclass(frozen=True)
class Machine:
    """What runs in it has this address, and a /tmp and a /dev/shm of its own."""

    name: str
    pid: int
    address: str
    token: Path

    def command(self, *argv: str | Path) -> list[str]:
        enter = f'exec nsenter --target={self.pid} --net --mount --wdns="$PWD" "$@"'
        return ["sh", "-c", enter, "sh", *map(str, argv)]

    @property
    def environment(self) -> dict[str, str]:
        given = {"PATH": f"{BIN}:{os.environ['PATH']}", "RAY_AUTH_TOKEN_PATH": str(self.token)}
        return {**os.environ, **given, "PYTHONDONTWRITEBYTECODE": ""}

    def run(self, *argv: str | Path, given: str = "") -> str:
        done = subprocess.run(
            self.command(*argv),
            input=given,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=HANGS,
            check=False,
        )
        assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def listening(self) -> set[tuple[str, int]]:
        """Address and port of each socket that listens here. `*`: at all addresses."""
        told = (line.split()[3] for line in self.run("ss", "-Htln").splitlines())
        pairs = (one.rpartition(":") for one in told)
        return {(address.strip("[]").removeprefix("::ffff:"), int(port)) for address, _, port in pairs}

    def cut(self) -> None:
        """From now on it reaches the world only."""
        self.run("nft", "-f", "-", given=_CUT)

    def sent(self) -> int:
        """Packets that it sent to the world since it was cut off."""
        return int(
            self.run("nft", "list", "chain", "inet", "cut", "leaving").partition("counter packets ")[2].split()[0]
        )

    def join(self) -> None:
        self.run("nft", "delete", "table", "inet", "cut")


@dataclass(frozen=True)
class Network:
    head: Machine
    node: Machine
    here: Machine  # where surveys are started
    world: Machine
    stranger: Machine


@contextmanager
def network(folder: Path) -> Iterator[Network]:
    token = folder / "token"
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    places = {
        "head": "10.90.0.2",
        "node": "10.90.0.3",
        "here": "10.90.0.4",
        "world": "10.90.0.9",
        "stranger": "10.91.0.1",
    }
    with ExitStack() as stack:
        bridge = Machine("bridge", stack.enter_context(kept()), "", token)
        bridge.run("ip", "link", "add", "cables", "type", "bridge")
        bridge.run("ip", "link", "set", "cables", "up")
        made = {name: Machine(name, stack.enter_context(kept(*OWN)), at, token) for name, at in places.items()}
        for name, machine in made.items():
            bridge.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(machine.pid))
            bridge.run("ip", "link", "set", name, "master", "cables", "up")
            machine.run("ip", "address", "add", f"{machine.address}/24", "dev", "eth0")
            machine.run("ip", "link", "set", "eth0", "up")
            machine.run("ip", "route", "add", PRIVATE if name == "stranger" else STRANGERS, "dev", "eth0")
            if name in ("head", "node", "here"):
                machine.run("ip", "route", "add", str(WORLD), "via", made["world"].address)
        made["world"].run("ip", "route", "add", "local", str(WORLD), "dev", "lo")
        yield Network(**made)


@contextmanager
def nodes(there: Network, folder: Path, cores: int = 1) -> Iterator[None]:
    """The cluster, by the script that a user starts it with."""
    with ExitStack() as stack:
        for machine, how in (there.head, ("head",)), (there.node, ("join", there.head.address)):
            assert PRIVATE in machine.run(RAY_NODE, "filter", PRIVATE)
            stack.enter_context(
                _node(machine, [*how, machine.address, "--num-cpus", str(cores)], folder / f"{machine.name}.log")
            )
        yield


@contextmanager
def _node(machine: Machine, how: list[str], log: Path) -> Iterator[None]:
    end = time.monotonic() + START
    while True:
        with log.open("a") as said:
            process = subprocess.Popen(
                machine.command(RAY_NODE, *how),
                env=machine.environment,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        while "runtime started" not in (told := log.read_text()) and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        if "runtime started" in told:
            break
        _end(machine, process)
        assert time.monotonic() < end, (
            f"Ray started no node on {machine.name} within {START} s: {log.read_text()[-4000:]}"
        )
    try:
        yield
    finally:
        _end(machine, process)


def _end(machine: Machine, process: subprocess.Popen[bytes]) -> None:
    """All that runs in its network but the process that keeps it."""
    process.send_signal(signal.SIGTERM)
    for pid in pids(machine):
        if pid != machine.pid:
            _kill(pid)
    process.wait(HANGS)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def pids(machine: Machine, name: str = "") -> list[int]:
    """The processes in its network, of this title."""
    net = Path(f"/proc/{machine.pid}/ns/net").readlink()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if (
                entry.name.isdigit()
                and (entry / "ns/net").readlink() == net
                and re.match(name, (entry / "cmdline").read_text())
            ):
                found.append(int(entry.name))
        except (OSError, UnicodeDecodeError):
            continue
    return found


class Standing(msgspec.Struct, frozen=True):
    """A world behind the private network."""

    dimse: tuple[int, ...]
    dimse_tls: tuple[int, ...]
    web: tuple[int, ...]
    web_tls: tuple[int, ...]
    targets: tuple[str, ...]  # its networks
    truth: Truth


@contextmanager
def world(
    there: Network, name: str = "hospital", scale: float = 0.1, seed: int = 5, networks: int = 2
) -> Iterator[Standing]:
    """Its hosts are dealt out to so many networks, so that several workers have something to ask."""
    with _beside(there.world, "world", name, str(scale), str(seed), str(networks)) as told:
        yield msgspec.json.decode(told, type=Standing)


@contextmanager
def watching(there: Network, file: Path) -> Iterator[None]:
    """Writes down the first packet of each connection that comes to the world: see `opened`."""
    with _beside(there.world, "watch", str(file)):
        yield


def opened(file: Path) -> list[tuple[float, str, str]]:
    """Moment, who, and whom, of each connection. What was sent again is one."""
    first: dict[tuple[str, ...], float] = {}
    for line in file.read_text().splitlines():
        at, *ends = line.split()
        first.setdefault(tuple(ends), float(at))
    return sorted((at, ends[0], ends[2]) for ends, at in first.items())


@contextmanager
def _beside(machine: Machine, *what: str) -> Iterator[str]:
    """This module as a program there, after it has said its first line. It ends with its input."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        machine.command(sys.executable, "-m", "support.cluster", *what),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.stdin.close()


async def _stand(name: str, scale: float, seed: int, networks: int) -> None:
    """The world, at addresses of ours instead of loopback's."""
    made = build(read(name), scale, seed)
    serving.LOOPBACK = WORLD
    of_old = sorted({address for archive in made.archives for address in archive.addresses})
    rows = -(-len(of_old) // networks)
    bits = (rows + 1).bit_length()
    assert bits <= 8, "a network is a /24"
    new = {old: WORLD[(n % networks << 8) + 1 + n // networks] for n, old in enumerate(of_old)}
    archives = tuple(replace(one, addresses=tuple(new[old] for old in one.addresses)) for one in made.archives)
    targets = tuple(f"{IPv4Address(int(WORLD[n << 8]))}/{32 - bits}" for n in range(networks))
    async with serving.serve(replace(made, archives=archives, networks=(WORLD,)), seed) as at:
        ports = (at.dimse_ports, at.dimse_tls_ports, at.web_ports, at.web_tls_ports)
        told = Standing(*ports, targets, made.truth())
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


async def _watch(file: Path) -> None:
    with capture.connections("eth0") as arrived, file.open("w") as told:
        sys.stdout.write("watching\n")
        sys.stdout.flush()
        ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        while not ended.done():
            await asyncio.wait([ended], timeout=0.2)
            for one in arrived():
                told.write(f"{one.at:.6f} {' '.join(map(str, (*one.source, *one.target)))}\n")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["world", name, scale, seed, networks]:
            asyncio.run(_stand(name, float(scale), int(seed), int(networks)))
        case ["watch", file]:
            asyncio.run(_watch(Path(file)))
