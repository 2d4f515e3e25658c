"""All benchmarks one after the other: prints their tables, and writes them to bench/results.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import profile
import shutil
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import candidates
import census
import common
import gentle
import identify
import leases
import memory
import report
import spread
import sweep
from common import BenchError

import survey


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    common.add_before(parser)
    parser.add_argument(
        "--quick", action="store_true", help="100,000 records, 2,000 hosts, 900 studies, a /26, a small world, once"
    )
    parser.add_argument("--out", type=Path, default=common.HERE / "results.md")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    quick = ["--quick"] if chosen.quick else []
    before = ["--before", chosen.before, *quick]
    for_census = census.options(["--records", str(chosen.records), "--repeat", str(chosen.repeat), *quick])
    for_identify = identify.options(["--hosts", str(chosen.hosts), "--repeat", str(chosen.repeat), *before])
    for_profile = profile.options(["--records", str(chosen.records), "--repeat", str(chosen.repeat), *before])
    for_gentle, for_memory, for_sweep = gentle.options(quick), memory.options(quick), sweep.options(before)
    for_survey, for_report, for_spread = survey.options(quick), report.options(quick), spread.options(quick)
    load = os.getloadavg()[0]
    common.enter()
    try:
        read = common.document("census", census.rows(for_census.records, for_census.repeat, ""), for_census)
        looked = common.document(
            "profile", profile.rows(for_profile.records, for_profile.repeat, chosen.before), for_profile
        )
        looked["parts"] = profile.parts(for_profile.records)
        asked = identify.document(for_identify)
        swept = sweep.document(for_sweep.network, for_sweep.ports, chosen.before)
        surveyed = survey.document(for_survey)
        told = report.document(tuple(for_report.sizes))
        shared = spread.document(for_spread)
        cost = list(candidates.costs(candidates.HOSTS // 10 if chosen.quick else candidates.HOSTS))
        taken = memory.rows(tuple(for_memory.sizes))
        felt = gentle.columns(for_gentle.studies, for_gentle.questions)
    except BenchError as error:
        sys.exit(str(error))
    tables = [
        f"## Census: records a second\n\n{_first(census.__doc__)}\n\n{common.table(read, 'record')}",
        f"## Profile: records a second\n\n{_first(profile.__doc__)}\n\n{profile.tables(looked)}",
        f"## Identify: hosts a second\n\n{_first(identify.__doc__)}\n\n{identify.table(asked)}",
        f"## Sweep: seconds for {for_sweep.network}\n\n{_first(sweep.__doc__)}\n\n{sweep.table(swept)}",
        f"## Survey: endpoints a second, and the world of 2019\n\n{_first(survey.__doc__)}\n\n{survey.table(surveyed)}",
        f"## Spread: hosts and records a second with workers\n\n{_first(spread.__doc__)}\n\n{spread.table(shared)}",
        f"## Candidates: what a host of a port scan costs\n\n{_first(candidates.__doc__)}\n\n{candidates.table(cost)}",
        f"## Leases: ten million hosts through one coordinator\n\n{_first(leases.__doc__)}\n\n{leases.table([shared['leases']])}",
        f"## Report: the page and the PDF\n\n{_first(report.__doc__)}\n\n{report.table(told)}",
        f"## Memory: a census and a profile of up to {max(for_memory.sizes):,} studies\n\n{_first(memory.__doc__)}\n\n{memory.table(taken)}",
        f"## Gentle: what the clinic feels, in ms\n\n{_first(gentle.__doc__)} Orthanc with {for_gentle.studies:,}"
        f" studies; {for_gentle.questions} questions of each kind.\n\n{gentle.table(felt)}",
    ]
    page = "\n\n".join([f"# Speed\n\n{_circumstances(for_census, for_identify, load)}", *tables]) + "\n"
    chosen.out.write_text(page, encoding="utf-8")
    print(
        json.dumps(
            {
                "census": read,
                "profile": looked,
                "identify": asked,
                "sweep": swept,
                "survey": surveyed,
                "spread": shared,
                "candidates": [asdict(one) for one in cost],
                "report": told,
                "memory": [asdict(one) for one in taken],
                "gentle": [asdict(one) for one in felt],
            },
            indent=2,
        )
        if chosen.json
        else "\n\n".join(tables)
    )


def _first(text: str | None) -> str:
    return " ".join((text or "").split())


def _circumstances(read: argparse.Namespace, asked: argparse.Namespace, load: float) -> str:
    lines = [
        "Written by `make bench`. Everything runs in networks of its own. Medians over the repeats, which",
        "take the clients in turn; the sweep runs once. Speeds swing by a third with what else the machine does: compare within one table.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({_processor()}), load {load:.1f} before the start",
        f"- {read.records:,} records of 376 bytes (488 on the wire), {asked.hosts:,} hosts, repeats: {read.repeat}",
        f"- {', '.join(_versions())}",
        f"- `python bench/census.py --records {read.records} --repeat {read.repeat}`, `bench/profile.py` with the same, and"
        f" `python bench/identify.py --hosts {asked.hosts} --repeat {asked.repeat}`; `python bench/sweep.py`",
    ]
    return "\n".join(lines)


def _versions() -> list[str]:
    named = [f"Filmbadge {version('filmbadge')}", f"Python {platform.python_version()}", f"Linux {platform.release()}"]
    named += [f"{package} {version(package)}" for package in ("uvloop", "pynetdicom")]
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "dcmtk", "masscan", "nmap", "python3-odil"]
        named += subprocess.run(query, capture_output=True, text=True, check=False).stdout.split("\n")
    return [name for name in named if name]


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
