"""Kills a survey at random moments (kill -9) and resumes it each time: what it kept in the end, beside an undisturbed one.

The world stands in a process of its own, anew for each of the two surveys. Each survey is a process that is killed while it asks, or
writes. In the end no endpoint may be lost or stand there twice, and all totals must be equal. Only `patient_ids`
may not: its key is gone with each run, so it must be a bound that holds. The journal of all runs together must have kept to the pace.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import common
from common import BenchError

from filmbadge.ask.targets.lists import read
from filmbadge.cli.console import run_loop
from filmbadge.keep.reader import Dataset
from filmbadge.keep.totals import PATIENT_IDS
from filmbadge.model import Depth
from filmbadge.places import PACKAGED
from filmbadge.rehearse.process import Told, stand
from filmbadge.scope import LOOPBACK, RateLimits, loopback
from filmbadge.survey.engine import Survey
from support.pace import fullest

PACE = RateLimits(overall=30, per_network=20, per_host=4, archive_share=1.0)
PATIENCE = 3.0  # seconds: the world has tarpits, and they are not what is measured here
LONGEST = 600.0  # seconds of one survey
MOST_RUNS = 200
BEGUN = 0.05  # seconds between two looks whether a run has begun to ask


@dataclass
class Result:
    """What the two surveys kept."""

    kills: int
    runs: int
    undisturbed_seconds: float
    killed_seconds: float
    endpoints: int
    lost: int
    twice: int
    other: int  # endpoints or archives that were judged otherwise
    totals: dict[str, tuple[object, object]]  # those that differ: undisturbed, killed
    patient_ids: tuple[object, object]  # undisturbed, and the bound of the killed one
    connections: tuple[int, int]
    pace: list[str]  # the fullest windows of the killed one's journal
    pace_kept: bool

    @property
    def right(self) -> bool:
        true, bound = self.patient_ids
        bounded = true is None or (isinstance(bound, int) and isinstance(true, int) and bound <= true)
        return not (self.lost or self.twice or self.other or self.totals) and bounded and self.pace_kept


class Quiet:
    """Of whom nothing is told."""

    def host_done(self, _: object) -> None: ...


def survey(site: dict[str, Any], directory: Path, *, resume: bool) -> None:
    """The work of a process that is killed."""
    scope = replace(
        loopback("the benchmark itself"),
        networks=tuple(map(ip_network, site["networks"])),
        depth=Depth(site["depth"]),
        pace=PACE,
        caps=replace(LOOPBACK.caps, patience_seconds=PATIENCE),
        dimse_ports=tuple(site["dimse_ports"]),
        dimse_tls_ports=tuple(site["dimse_tls_ports"]),
        web_ports=tuple(site["web_ports"]),
        web_tls_ports=tuple(site["web_tls_ports"]),
    )
    run_loop(Survey(scope, read(site["networks"], scope), site["networks"], directory, resume, PACKAGED).run(Quiet()))


def told(of: Told) -> dict[str, Any]:
    site = of.site
    ports = ("dimse_ports", "dimse_tls_ports", "web_ports", "web_tls_ports")
    return {"networks": [str(n) for n in site.networks], "depth": of.depth} | {p: getattr(site, p) for p in ports}


def begin(site: dict[str, Any], directory: Path, *, resume: bool) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        __file__,
        "--survey",
        str(directory),
        json.dumps(site),
        *(["--resume"] if resume else []),
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def undisturbed(site: dict[str, Any], directory: Path) -> float:
    process = begin(site, directory, resume=False)
    asking(process, directory)
    started = time.monotonic()
    end(process, started)
    return time.monotonic() - started


def end(process: subprocess.Popen[bytes], started: float) -> None:
    if process.wait(LONGEST - (time.monotonic() - started)):
        raise BenchError(f"a survey ended with {process.returncode}")


def asking(process: subprocess.Popen[bytes], directory: Path) -> bool:
    """Wait until a run has begun to ask: its first flush is there. False if it ended before."""
    before = parts(directory)
    while parts(directory) == before:
        if process.poll() is not None:
            return False
        time.sleep(BEGUN)
    return True


def parts(directory: Path) -> int:
    return sum(1 for _ in (directory / "journal").glob("part-*"))


def killed(site: dict[str, Any], directory: Path, kills: int, seconds: float, chance: random.Random) -> tuple[int, int]:
    """Kills and runs. The moments are random, and spread so that the kills fit into the survey."""
    done = runs = 0
    while runs < MOST_RUNS:
        runs += 1
        process = begin(site, directory, resume=(directory / "survey.json").exists())
        try:
            if done == kills:
                end(process, time.monotonic())
                return done, runs
            if chance.random() < 0.8:  # else it may be killed while it begins
                asking(process, directory)
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, 1.6 * seconds / (kills + 1)))
                return done, runs
            process.send_signal(signal.SIGKILL)
            done += 1
        finally:
            process.kill()
            process.wait()
            print(f"run {runs}: {parts(directory)} flushes", file=sys.stderr)
    raise BenchError(f"{done} kills in {runs} runs")


def kept(directory: Path, site: dict[str, Any]) -> tuple[Dataset, set[tuple[str, ...]], int]:
    """The dataset, what it says of each endpoint and archive wherever the world stood, and endpoints that stand there twice."""
    dataset = Dataset(directory)
    dataset.require_whole()
    names = {port: f"{key} {n}" for key in site if key.endswith("_ports") for n, port in enumerate(site[key])}
    rows = dataset.rows("SELECT address, port, protocol, rung, open FROM endpoints")
    endpoints = [(row["address"], names[row["port"]], row["protocol"], row["rung"], row["open"]) for row in rows]
    archives = [
        ("archive", *(row[key] for key in row))
        for row in dataset.rows(
            "SELECT address, rung, open, patients, studies, series, images, len(endpoints) ways, decoy FROM archives"
        )
    ]
    hashed = {tuple(map(str, one)) for one in (*endpoints, *archives)}
    twice = len(endpoints) - len({one[:3] for one in endpoints})
    return dataset, hashed, twice


def compare(directories: tuple[Path, Path], sites: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any]:
    (one, seen, _), (other, resumed, twice) = (kept(*both) for both in zip(directories, sites, strict=True))
    totals = [{total.quantity: total for total in dataset.totals()} for dataset in (one, other)]
    ids = [found.pop(PATIENT_IDS) for found in totals]
    differ = {
        quantity: (repr(totals[0].get(quantity)), repr(totals[1].get(quantity)))
        for quantity in totals[0] | totals[1]
        if totals[0].get(quantity) != totals[1].get(quantity)
    }
    windows = fullest(
        (
            (row["address"], row["started_at"])
            for row in other.rows("SELECT address, started_at FROM journal WHERE port IS NOT NULL")
        ),
        PACE,
    )
    lost = len({row[:3] for row in seen} - {row[:3] for row in resumed})
    return {
        "endpoints": len(other.rows("SELECT DISTINCT address, port, protocol FROM endpoints")),
        "lost": lost,
        "twice": twice,
        "other": len(seen ^ resumed),
        "totals": differ,
        "patient_ids": (ids[0].measured, ids[1].measured if ids[1].measured is not None else ids[1].at_least),
        "connections": (one.connections(), other.connections()),
        "pace": [f"{w.of}: {w.held} of {w.may_hold} in {w.seconds:g} s" for w in windows],
        "pace_kept": all(window.kept for window in windows),
    }


def measure(world: str, scale: float, kills: int, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="filmbadge-kills-") as temporary:
        first, second = Path(temporary) / "undisturbed", Path(temporary) / "killed"
        with stand(world, scale, seed) as standing:
            site = told(standing.told)
            seconds = undisturbed(site, first)
        print(f"undisturbed: {seconds:.1f} s, {parts(first)} flushes", file=sys.stderr)
        with stand(world, scale, seed) as standing:
            again, started = told(standing.told), time.monotonic()
            done, runs = killed(again, second, kills, seconds, random.Random(seed))
            took = time.monotonic() - started
        found = compare((first, second), (site, again))
    return Result(done, runs, round(seconds, 1), round(took, 1), **found)


def table(result: Result) -> str:
    lines = [
        f"{result.kills} kills in {result.runs} runs: {result.killed_seconds} s, undisturbed {result.undisturbed_seconds} s",
        f"{result.endpoints} endpoints: {result.lost} lost, {result.twice} twice, {result.other} judged otherwise",
        f"totals that differ: {', '.join(f'{q}: {a} / {b}' for q, (a, b) in result.totals.items()) or 'none'}",
        f"patient_ids: {result.patient_ids[0]} undisturbed, {result.patient_ids[1]} of the killed one",
        f"connections: {result.connections[0]} undisturbed, {result.connections[1]} on record of the killed one",
        "fullest windows of its journal: " + "; ".join(result.pace),
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--survey", nargs=2, metavar=("DIRECTORY", "SITE"), help=argparse.SUPPRESS)
    parser.add_argument("--resume", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--world", default="greenbone-2019")
    parser.add_argument("--scale", type=float, default=0.1)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.survey:
        survey(json.loads(chosen.survey[1]), Path(chosen.survey[0]), resume=chosen.resume)
        return
    common.enter()
    try:
        result = measure(chosen.world, chosen.scale, chosen.kills, chosen.seed)
    except (BenchError, asyncio.CancelledError) as error:
        sys.exit(str(error))
    print(json.dumps(asdict(result) | {"right": result.right}) if chosen.json else table(result))
    if not result.right:
        sys.exit(1)


if __name__ == "__main__":
    main()
