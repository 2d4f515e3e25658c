"""What workers add to one survey: hosts and profile records a second, by processes and by Ray, beside one process.

Hosts: one acceptor in C (`peer.c`) stands on every address of 127.0.0.0/8, and each host has an archive. Records: four replay
archives (`replay.py`) stand in four networks, and a profile looks at all of their records. All share the cores of this machine: with two
of them, the second one has the acceptor or the archives, and what the coordinator keeps, besides a worker. So two
workers are no twice of one here. The clock runs from the first connection to the end of the last one: the start of workers is beside it.
A run counts only if every archive was found, or every record was looked at. `Of one` means: of one process in the same turn.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import clients
import common
import hospital
import leases
from common import BenchError
from identify import PORT, build

HOSTS, RECORDS, ARCHIVES, DAYS = 20_000, 400_000, 4, 10_000
WAYS: dict[str, tuple[int | None, str | None]] = {
    "one process": (None, None),
    "--workers 1": (1, None),
    "--workers 2": (2, None),
    "--on local --workers 1": (1, "local"),
    "--on local --workers 2": (2, "local"),
}
_SPAN = (
    "SELECT min(started_at) a, max(started_at + to_microseconds((seconds * 1e6)::BIGINT)) b, count(*) n FROM journal"
)


@dataclass(frozen=True)
class Spread:
    """A survey in one way: medians over the repeats."""

    what: str  # host or record
    way: str
    size: int
    per_second: float
    of_one: float
    seconds_to_start: float
    cpu_seconds: float  # of the process that keeps
    workers_cpu_seconds: float | None  # with their start; of Ray's processes nobody waits, so nobody knows
    others_cpu_seconds: float  # of the acceptor, or the archives
    peak_mb: float  # of the process that keeps


def ways(*, ray: bool) -> list[str]:
    """Those that this installation has."""
    if not ray:
        return [way for way, (_, on) in WAYS.items() if on is None]
    has_ray = subprocess.run([common.OUR_PYTHON, "-c", "import ray"], capture_output=True, check=False).returncode == 0
    if not has_ray:
        common.say("ray is not installed (filmbadge[ray]): its rows are left out")
    return [way for way, (_, on) in WAYS.items() if on is None or has_ray]


def rows(hosts: int, records: int, repeat: int, *, ray: bool) -> Iterator[Spread]:
    with tempfile.TemporaryDirectory() as name:
        peer = build(Path(name))
        here = ways(ray=ray)
        for what, size in ((what, size) for what, size in (("host", hosts), ("record", records)) if size):
            told: dict[str, list[dict[str, float]]] = {way: [] for way in here}
            for turn in range(repeat):
                for way, runs in told.items():
                    with acceptor(peer) if what == "host" else archives(size) as pids:
                        runs.append(_measure(what, way, size, pids))
                    common.say(f"spread {turn + 1}/{repeat}: {way}: {runs[-1]['per_second']:,.0f} {what}s/s")
            yield from (_row(what, way, size, runs, told["one process"]) for way, runs in told.items())


def _row(what: str, way: str, size: int, runs: list[dict[str, float]], ones: list[dict[str, float]]) -> Spread:
    def middle(name: str) -> float:
        return round(statistics.median(run[name] for run in runs), 2)

    ratio = statistics.median(run["per_second"] / one["per_second"] for run, one in zip(runs, ones, strict=True))
    return Spread(
        what=what,
        way=way,
        size=size * ARCHIVES if what == "record" else size,
        per_second=middle("per_second"),
        of_one=round(ratio, 3),
        seconds_to_start=middle("to_start"),
        cpu_seconds=middle("cpu"),
        workers_cpu_seconds=None if WAYS[way][1] else middle("workers_cpu"),
        others_cpu_seconds=middle("others_cpu"),
        peak_mb=middle("peak_mb"),
    )


def _measure(what: str, way: str, size: int, pids: list[int]) -> dict[str, float]:
    arguments = [common.OUR_PYTHON, __file__, "--child", json.dumps([what, way, size])]
    child = common.run([*arguments], os.sched_getaffinity(0))
    told = common.told(child.out)
    wanted = size if what == "host" else size * ARCHIVES
    if told["found"] != wanted:
        raise BenchError(f"{way} found {told['found']:,} {what}s of {wanted:,}")
    told["others_cpu"] = sum(map(_cpu, pids))
    return told | {"peak_mb": child.peak_mb}


@contextmanager
def acceptor(peer: Path) -> Iterator[list[int]]:
    process = subprocess.Popen(
        [str(peer), "serve", str(PORT), str(common.cores()[0])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield [process.pid]
    finally:
        process.kill()
        process.communicate()


@contextmanager
def archives(records: int) -> Iterator[list[int]]:
    started: list[subprocess.Popen[str]] = []
    try:
        for address in _addresses():
            command = [sys.executable, common.HERE / "replay.py", f"--host={address}", f"--port={PORT}", "--stay"]
            more = [f"--records={records}", f"--days={DAYS}", f"--ids={hospital.SSN}"]
            started.append(subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True))
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
        for process in started:
            process.communicate()


def _addresses() -> list[IPv4Address]:
    return [IPv4Address(0x7F000001 | n << 8) for n in range(1, ARCHIVES + 1)]


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def child(what: str, way: str, size: int) -> dict[str, float]:
    """One survey, in a process of its own."""
    from filmbadge.ask.targets.lists import Target, Targets
    from filmbadge.keep.reader import Dataset
    from filmbadge.model import Depth, Host
    from filmbadge.survey.engine import Survey
    from filmbadge.survey.spread.choose import asks_by

    class Watcher:
        def host_done(self, host: Host) -> None:
            pass

    addresses = clients.hosts(size) if what == "host" else _addresses()
    depth = Depth.ASK if what == "host" else Depth.PROFILE
    workers, on = WAYS[way]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "survey"
        asks = asks_by(workers, on, folder, (), common.say)
        targets = Targets(tuple(map(Target, addresses)))
        plan = Survey(clients._scope(depth, PORT), targets, ("bench",), folder, asks=asks)
        began, cpu = time.time(), time.process_time()
        clients._loop(plan.run(Watcher()))
        cpu = time.process_time() - cpu
        dataset = Dataset(folder)
        (span,) = dataset.rows(_SPAN)
        counted = (
            "count(*)" if what == "host" else "sum(coalesce(studies, studies_at_least) * len(endpoints))"
        )  # all hold the same, so they may be told as one
        (found,) = dataset.rows(f"SELECT {counted}::BIGINT n FROM archives WHERE open")
    of_workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "found": found["n"],
        "per_second": (found["n"] or 0) / (span["b"] - span["a"]).total_seconds(),
        "to_start": span["a"].timestamp() - began,
        "cpu": cpu,
        "workers_cpu": of_workers.ru_utime + of_workers.ru_stime,
    }


def table(found: dict[str, Any]) -> str:
    lines = []
    for what in dict.fromkeys(row["what"] for row in found["rows"]):
        lines += [
            f"| survey | {what}s/s | of one | s to start | CPU s, keeps | CPU s, workers | CPU s, {'acceptor' if what == 'host' else 'archives'} | peak MB, keeps | {what}s |",
            "|---|" + "---:|" * 8,
        ]
        for row in (row for row in found["rows"] if row["what"] == what):
            workers = row["workers_cpu_seconds"]
            cells = [
                row["way"],
                common.number(row["per_second"]),
                f"{common.number(row['of_one'])} ×",
                common.number(row["seconds_to_start"]),
                common.number(row["cpu_seconds"]),
                "" if workers is None else common.number(workers),
                common.number(row["others_cpu_seconds"]),
                f"{row['peak_mb']:.0f}",
                f"{row['size']:,}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines).rstrip()


def document(chosen: argparse.Namespace) -> dict[str, Any]:
    command = [common.OUR_PYTHON, common.HERE / "leases.py", "--json", f"--hosts={chosen.leased}"]
    leased = common.told(common.run(command, common.cores()[1], seconds=3600).out)
    found = [asdict(row) for row in rows(chosen.hosts, chosen.records, chosen.repeat, ray=not chosen.without_ray)]
    return {"bench": "spread", "rows": found, "leases": leased}


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--records", type=int, default=RECORDS, help=f"of each of {ARCHIVES} archives; 0: only hosts")
    parser.add_argument("--leased", type=int, default=leases.HOSTS, help="hosts that the coordinator alone leases")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-ray", action="store_true")
    parser.add_argument("--quick", action="store_true", help="2,000 hosts, 20,000 records, 100,000 leased, once")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.hosts, chosen.records, chosen.leased, chosen.repeat = 2_000, 20_000, 100_000, 1
    return chosen


def main() -> None:
    chosen = options()
    if chosen.child:
        print(json.dumps(child(*chosen.child)))
        return
    common.enter()
    try:
        found = document(chosen)
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=2) if chosen.json else f"{table(found)}\n\n{leases.table([found['leases']])}")


if __name__ == "__main__":
    main()
