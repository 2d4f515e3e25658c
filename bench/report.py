"""What a report costs: time, memory and size of the page and of the PDF, for surveys of more and more endpoints. A quarter of the archives is open. The PDF is made of the page, and has at most 2,000 rows of a table."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import common
import msgspec
from common import BenchError, Child, Target

from filmbadge.model import Host, Place, Rejection, Said
from support import factories, folders

SIZES = (2_300, 20_000)
FLUSH = 100  # hosts of one part file
COUNTRIES = ("US", "IN", "BR", "TR", "DE", "CN", "IR", "ZA", "MX", "IT", "SG")
PDF_SECONDS, PDF_MB = 60, 1024  # for 2,300 endpoints


@dataclass
class Row:
    """One kind of report of one survey."""

    endpoints: int
    kind: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    megabytes: float


def hosts(endpoints: int) -> Iterator[Host]:
    """A quarter gives records, half of these with counters of their own; the others reject strangers."""
    shut = msgspec.structs.replace(
        factories.admitted(), accepted=False, rejection=Rejection(1, 1, 7), study_root=False, verification=False
    )
    for n in range(endpoints):
        counted = factories.web(
            factories.reported(patients=n + 1, studies=2 * n + 2, series=3 * n + 3, images=9 * n + 9)
        )
        way = (
            factories.dimse(shut)
            if n % 4
            else counted
            if n % 8
            else factories.dimse(factories.admitted(factories.DISCLOSED))
        )
        made = factories.host(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", way)
        where = Place(country=(Said(COUNTRIES[n % len(COUNTRIES)], "made", "2026-11-26"),))
        yield msgspec.structs.replace(
            made, archives=tuple(msgspec.structs.replace(one, place=where) for one in made.archives)
        )


def survey(folder: Path, endpoints: int) -> Path:
    """A survey of these hosts that ended in order, in as many part files as a real one."""
    return folders.whole(folder, *hosts(endpoints), flush=FLUSH)


def rows(sizes: tuple[int, ...], python: str = common.OUR_PYTHON) -> Iterator[Row]:
    core = common.cores()[1]
    with tempfile.TemporaryDirectory() as made:
        for endpoints in sizes:
            folder = survey(Path(made) / str(endpoints), endpoints)
            for kind in ("html", "pdf"):
                out = Path(made) / f"{endpoints}.{kind}"
                common.say(f"report of {endpoints:,} endpoints as {kind}")
                spent = common.run([python, "-m", "filmbadge", "report", folder, f"--{kind}", out], core, seconds=900)
                yield _row(endpoints, kind, spent, out.stat().st_size)


def _row(endpoints: int, kind: str, spent: Child, size: int) -> Row:
    return Row(
        endpoints,
        kind,
        round(spent.seconds, 1),
        round(spent.cpu_seconds, 1),
        round(spent.peak_mb),
        round(size / 1e6, 2),
    )


def document(sizes: tuple[int, ...]) -> dict[str, Any]:
    found = list(rows(sizes))
    return {
        "bench": "report",
        "rows": [asdict(row) for row in found],
        "targets": [target.document() for row in found for target in _targets(row)],
    }


def _targets(row: Row) -> Iterator[Target]:
    if row.kind == "pdf" and row.endpoints <= 2_300:
        yield Target(f"PDF for {row.endpoints:,} endpoints, seconds", row.seconds, PDF_SECONDS, least=False)
        yield Target(f"PDF for {row.endpoints:,} endpoints, peak MB", row.peak_mb, PDF_MB, least=False)


def table(found: Mapping[str, Any]) -> str:
    lines = ["| endpoints | report | s | CPU s | peak MB | size, MB |", "|---:|---|---:|---:|---:|---:|"]
    for row in found["rows"]:
        cells = [
            f"{row['endpoints']:,}",
            row["kind"],
            *(str(row[name]) for name in ("seconds", "cpu_seconds", "peak_mb", "megabytes")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n\n" + common.verdicts(found["targets"])


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--quick", action="store_true", help="300 endpoints")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.sizes = (300,)
    return chosen


def main() -> None:
    chosen = options(sys.argv[1:])
    try:
        found = document(tuple(chosen.sizes))
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=2) if chosen.json else table(found))


if __name__ == "__main__":
    main()
