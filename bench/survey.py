"""How the cost of a survey grows with its endpoints, and the whole world of 2019.

Growth: one acceptor in C (`peer.c`) stands on every address of 127.0.0.0/8 and has one core; the survey has the other.
Each host has an archive at one port, and refuses the other: half of the endpoints are archives. They are asked, judged,
compared, kept in Parquet and added up. A run counts only if every archive was found, and the acceptor saw as many
associations. World: `filmbadge rehearse` surveys a made-up world over loopback, both sides on this machine; the CPU and
the peak of each process are read from /proc every 0.1 s.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import common
from common import BenchError
from identify import PORT, build

SIZES = (100, 1_000, 5_000, 20_000)
WORLD, SCALE = "greenbone-2019", 1.0
_TICKS = os.sysconf("SC_CLK_TCK")
_SHOWN = (
    "archives",
    "archives_open",
    "hosts_undecided",
    "countries",
    "patients",
    "studies",
    "images",
    "images_retrievable",
    "ssn_records",
    "http_viewers",
)


@dataclass(frozen=True)
class Grown:
    """A survey of so many endpoints, of which half are archives."""

    endpoints: int
    seconds: float
    endpoints_per_second: float
    archives_per_second: float
    survey_cpu_seconds: float
    world_cpu_seconds: float
    cpu_us_per_endpoint: float  # of the survey
    peak_mb: float


def growth(sizes: Sequence[int]) -> Iterator[Grown]:
    with tempfile.TemporaryDirectory() as name:
        peer = build(Path(name))
        for size in sizes:
            found = _grown(peer, size)
            common.say(f"survey: {size:,} endpoints in {found.seconds:.1f} s")
            yield found


def _grown(peer: Path, size: int) -> Grown:
    server_core, client_core = common.cores()
    command = [str(peer), "serve", str(PORT), str(server_core)]
    acceptor = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert acceptor.stdin is not None
        assert acceptor.stdout is not None
        acceptor.stdout.readline()
        clients = common.HERE / "clients.py"
        child = common.run([common.OUR_PYTHON, clients, "survey_in_pairs", str(PORT), str(size)], client_core)
        world_cpu = _cpu(acceptor.pid)
        acceptor.stdin.close()
        served = json.loads(acceptor.stdout.readline())
    finally:
        acceptor.kill()
        acceptor.wait()
    told = common.told(child.out)
    archives, seconds = size // 2, told["seconds"]
    if told["hosts"] != archives or served["associations"] != archives:
        raise BenchError(f"the survey found {told['hosts']} archives of {archives}; the acceptor served {served}")
    cpu = told["cpu_seconds"]
    return Grown(
        endpoints=2 * archives,
        seconds=round(seconds, 3),
        endpoints_per_second=round(2 * archives / seconds, 1),
        archives_per_second=round(archives / seconds, 1),
        survey_cpu_seconds=round(cpu, 2),
        world_cpu_seconds=round(world_cpu, 2),
        cpu_us_per_endpoint=round(1e6 * cpu / (2 * archives), 1),
        peak_mb=round(child.peak_mb, 1),
    )


def world(name: str, scale: float) -> dict[str, Any]:
    """A rehearsal, with its wall time, and CPU seconds and peak MB of the survey's process and of the world's."""
    started, spent, peaks = time.perf_counter(), [0.0, 0.0], [0.0, 0.0]
    command = [common.OUR_PYTHON, "-m", "filmbadge", "rehearse", name, "--scale", str(scale), "--json"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaint:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=complaint)
        while process.poll() is None:
            for side, pids in enumerate(([process.pid], list(_children(process.pid)))):
                spent[side] = max(spent[side], sum(map(_cpu, pids)))
                peaks[side] = max(peaks[side], sum(map(common.peak_mb, pids)))
            time.sleep(0.1)
        seconds = time.perf_counter() - started
        out.seek(0)
        complaint.seek(0)
        told = out.read()
        if process.returncode not in (0, 1) or not told:
            raise BenchError(f"the rehearsal ended with {process.returncode}: {complaint.read().strip()[-500:]}")
    rehearsal = json.loads(told)
    cells = [cell for row in rehearsal["countries"] for cell in row["cells"].values()]
    return {
        "world": name,
        "scale": scale,
        "agree": rehearsal["agree"],
        "seconds": round(seconds, 1),
        "survey_seconds": rehearsal["seconds"],
        "cpu_seconds": {"survey": round(spent[0], 1), "world": round(spent[1], 1)},
        "peak_mb": {"survey": round(peaks[0], 1), "world": round(peaks[1], 1)},
        "rows": [row for row in rehearsal["rows"] if row["quantity"] in _SHOWN],
        "countries": len(rehearsal["countries"]),
        "cells": {
            "all": len(cells),
            "published": sum(cell["published"] is not None for cell in cells),
            "compared": sum(cell["compared"] for cell in cells),
            "agree": sum(cell["agrees"] for cell in cells if cell["compared"]),
        },
    }


def _children(pid: int) -> Iterator[int]:
    """All processes below this one."""
    try:
        found = [int(n) for path in Path(f"/proc/{pid}/task").glob("*/children") for n in path.read_text().split()]
    except OSError:
        return
    for child in found:
        yield child
        yield from _children(child)


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used so far, without those of its children."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


def table(found: dict[str, Any]) -> str:
    lines = [
        "| endpoints | seconds | endpoints/s | archives/s | survey's CPU s | world's CPU s | survey's CPU µs/endpoint | peak MB |"
    ]
    lines.append("|" + "---:|" * 8)
    for row in found["growth"]:
        cells = [f"{row['endpoints']:,}", *map(common.number, list(row.values())[1:])]
        lines.append("| " + " | ".join(cells) + " |")
    told = found["world"]
    return "\n".join(lines) if told is None else "\n".join(lines) + "\n\n" + world_table(told)


def world_table(told: dict[str, Any]) -> str:
    cpu, peak, cells = told["cpu_seconds"], told["peak_mb"], told["cells"]
    lines = [
        f"{told['world']} at scale {told['scale']:g}: {told['seconds']:,.0f} s from start to end, of which the survey took"
        f" {told['survey_seconds']:,.0f} s. CPU: {cpu['survey']:,.0f} s of the survey, {cpu['world']:,.0f} s of the world. Peak:"
        f" {peak['survey']:,.0f} MB of the survey, {peak['world']:,.0f} MB of the world. {cells['agree']:,} of"
        f" {cells['compared']:,} compared cells of {told['countries']} countries agree; {cells['published']:,} cells were published.",
        "",
        "| quantity | published | truth | measured | how | agrees |",
        "|---|---:|---:|---:|---|---|",
    ]
    for row in told["rows"]:
        measured = "unknown" if row["at_least"] is None else f"≥ {row['at_least']:,}"
        if row["measured"] is not None:
            measured = f"{row['measured']:,}"
        agrees = ("yes" if row["agrees"] else "**no**") if row["compared"] else "not compared"
        published = "" if row["published"] is None else f"{row['published']:,}"
        lines.append(f"| {row['quantity']} | {published} | {row['truth']:,} | {measured} | {row['how']} | {agrees} |")
    return "\n".join(lines)


def document(chosen: argparse.Namespace) -> dict[str, Any]:
    grown = [asdict(found) for found in growth(chosen.sizes)]
    told = None if chosen.scale == 0 else world(chosen.world, chosen.scale)
    return {"bench": "survey", "growth": grown, "world": told}


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="endpoints")
    parser.add_argument("--world", default=WORLD)
    parser.add_argument("--scale", type=float, default=SCALE, help="of the world; 0: no world")
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 endpoints, the world at 0.002")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.sizes, chosen.scale = [100, 1_000], min(chosen.scale, 0.002)
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
