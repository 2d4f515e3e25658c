"""How many hosts a second can be asked whether they answer strangers: ours against the limit and other clients.

One acceptor in C (`peer.c`) stands on every address of 127.0.0.0/8 and has one core; the client has the other. A run
counts only if every host was recognised, and the acceptor saw as many associations, questions and releases. `Of ours`
means: of our whole survey.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import common
from clients import AT_ONCE, FIRST_HOST, MANY_AT_ONCE, THREADS
from common import BenchError, Client, Row, Target

CLIENTS = common.HERE / "clients.py"
QUESTION, SURVEY, IN_C, NMAP_NAME = "filmbadge", "filmbadge survey", "the same question in C", "nmap dicom-ping"
PORT = 11112  # one that nmap's script takes for DICOM
NMAP = ("nmap", "-n", "-Pn", "-p", str(PORT), "--script", "dicom-ping", "-T4", "-oG", os.devnull, "-oX", "-")
NMAP_TUNED = ("--min-hostgroup", "2048", "--min-parallelism", "500", "--min-rate", "20000", "--max-retries", "1")


def contestants(hosts: int, before: str) -> list[Client]:
    """Slow clients get fewer hosts, so that a run ends. `before` is the Python of an earlier version of ours."""
    found = [
        Client("connect and close, C", hosts, "touch", note="the limit of connecting"),
        Client(IN_C, hosts, "c", note=f"the limit of asking, {AT_ONCE} at once"),
        Client(QUESTION, hosts, "ask", note=f"associate, echo, find, release; {AT_ONCE} at once"),
        Client("filmbadge, many", 2 * hosts, "ask_many", note=f"the same, {MANY_AT_ONCE:,} at once"),
        Client(SURVEY, hosts, "survey", note="the same, judged and kept in Parquet"),
    ]
    found += [client.before(before) for client in found if before and client.who in (QUESTION, SURVEY)]
    if common.has("nmap", "nmap"):
        found.append(Client(f"{NMAP_NAME} -T4", hosts, "nmap", note="associates only"))
        found.append(Client(f"{NMAP_NAME}, tuned", hosts, "nmap-tuned", note="associates only"))
    few = min(hosts, max(hosts // 25, 20))
    found.append(Client("pynetdicom", few, "pynetdicom_ask", note=f"the same questions; {THREADS} threads"))
    return found


def measure(client: Client, peer: Path, folder: Path) -> None:
    """One run of one client against an acceptor of its own."""
    server_core, client_core = common.cores()
    acceptor = subprocess.Popen(
        [str(peer), "serve", str(PORT), str(server_core)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert acceptor.stdin is not None
        assert acceptor.stdout is not None
        acceptor.stdout.readline()
        child = common.run(_command(client, peer, folder), client_core)
        acceptor.stdin.close()
        served = json.loads(acceptor.stdout.readline())
    finally:
        acceptor.kill()
        acceptor.wait()
    peak = child.peak_mb
    if client.kind.startswith("nmap"):
        found = child.out.count('key="dicom"')
        seconds, cpu = child.seconds, child.cpu_seconds
        if found < client.size:
            client.note = f"associates only; once it missed {client.size - found} of {client.size:,}"
    else:
        told = common.told(child.out)
        found, seconds, cpu = told["hosts"], told["seconds"], told["cpu_seconds"]
        peak = told.get("peak_mb", peak)  # of the ones that may be over before they are looked at
        _verify(client, found, served)
    client.speeds.append(found / seconds)
    client.peaks.append(peak)
    client.cpus.append(1000 * cpu / client.size)


def _command(client: Client, peer: Path, folder: Path) -> list[str | Path]:
    if client.kind == "touch":
        return [peer, "touch", str(PORT), str(client.size)]
    if client.kind == "c":
        return [peer, "ask", str(PORT), str(client.size), str(AT_ONCE)]
    if client.kind.startswith("nmap"):
        targets = folder / "targets"
        targets.write_text("".join(f"{IPv4Address(FIRST_HOST + n)}\n" for n in range(client.size)))
        return [*NMAP, *(NMAP_TUNED if client.kind == "nmap-tuned" else ()), "-iL", targets]
    return [client.python, CLIENTS, client.kind, str(PORT), str(client.size)]


def _verify(client: Client, found: int, served: dict[str, int]) -> None:
    expected = {"connections": client.size}
    if client.kind != "touch":
        expected |= dict.fromkeys(("associations", "echoes", "finds", "releases"), client.size)
    differ = {key: served[key] for key, value in expected.items() if served[key] != value}
    if found != client.size or differ:
        raise BenchError(f"{client.who} recognised {found} hosts of {client.size}; the acceptor served {served}")


def build(folder: Path) -> Path:
    """Compile the acceptor."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise BenchError("no C compiler: install Debian's gcc and libc6-dev")
    peer = folder / "peer"
    made = subprocess.run(
        [compiler, "-O2", "-o", str(peer), str(common.HERE / "peer.c")], capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise BenchError(f"peer.c does not compile: {made.stderr.strip()}")
    return peer


def rows(hosts: int, repeat: int, before: str = "") -> list[Row]:
    """All clients in turn, so that a slow spell of the machine meets them alike."""
    clients = contestants(hosts, before)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peer = build(folder)
        for turn in range(repeat):
            for client in clients:
                measure(client, peer, folder)
                common.say(f"identify {turn + 1}/{repeat}: {client.who}: {common.number(client.speeds[-1])} hosts/s")
    return common.fill_ratios((client.row() for client in clients), SURVEY)


def targets(found: Sequence[Row]) -> list[Target]:
    """What the whole survey must reach: beside the fastest nmap, beside our question alone, and in memory."""
    speed = {row.who: row.per_second for row in found}
    nmap = max((speed[who] for who in speed if who.startswith(NMAP_NAME)), default=0.0)
    told = [Target("the survey's speed, as a multiple of nmap's", speed[SURVEY] / nmap, 1.6)] if nmap else []
    return [
        *told,
        Target("the survey's speed, as a share of the question's alone", speed[SURVEY] / speed[QUESTION], 0.6),
        Target("the question's speed, as a share of the same in C", speed[QUESTION] / speed[IN_C], 0.47),
        *(
            Target(f"peak MB of a survey of {row.size:,} hosts", row.peak_mb, 150, least=False)
            for row in found
            if row.who == SURVEY
        ),
    ]


def document(chosen: argparse.Namespace) -> dict[str, Any]:
    """The rows and the targets."""
    found = rows(chosen.hosts, chosen.repeat, chosen.before)
    judged = [one.document() for one in targets(found)]
    return common.document("identify", found, chosen) | {"targets": judged}


def table(found: dict[str, Any]) -> str:
    return f"{common.table(found, 'host')}\n\n{common.verdicts(found['targets'])}"


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    common.add_before(parser)
    parser.add_argument("--quick", action="store_true", help="2,000 hosts, once")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.hosts, chosen.repeat = min(chosen.hosts, 2000), 1
    return chosen


def main() -> None:
    chosen = options()
    common.enter()
    try:
        found = document(chosen)
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=2) if chosen.json else table(found))


if __name__ == "__main__":
    main()
