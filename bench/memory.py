"""How much memory a whole census or profile takes, from an archive of ten thousand studies to one of ten million.

Both are ours as a user runs them, in windows of dates, against the replay archive (`replay.py`), which spreads its
studies evenly over thirty years. For a profile it has patients as a hospital has them, and a third as many as studies: a
profile keeps a hash of each study and of each patient. A run counts only if it found every study, series and image, or
what is filled and malformed in each record. (Above 20,000 studies neither looks for those without a date, and says so;
here there are none.)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from itertools import product

import common
import hospital
from common import BenchError

SIZES = (10_000, 1_000_000, 10_000_000)
DAYS = 30 * 365


@dataclass
class Row:
    """One census or profile."""

    who: str
    studies: int
    queries: int
    rows: int  # that were read for it
    seconds: float  # from the first association to its end
    peak_mb: float  # of the process
    rss_before_mb: float  # with all that it imports, before the first question


def measure(what: str, core: str, studies: int) -> Row:
    ids = hospital.SSN if what == "profile" else hospital.PLAIN
    server_core, client_core = common.cores()
    archive = subprocess.Popen(
        [
            sys.executable,
            str(common.HERE / "replay.py"),
            f"--records={studies}",
            f"--days={DAYS}",
            f"--core={server_core}",
            f"--ids={ids}",
            "--stay",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert archive.stdout is not None
        port = json.loads(archive.stdout.readline())["port"]
        client = [common.OUR_PYTHON, common.HERE / "clients.py", f"whole_{what}", str(port), str(studies)]
        child = common.run(client, client_core, {"FILMBADGE_CORE": core})
    finally:
        archive.kill()
        archive.wait()
    told = common.told(child.out)
    common.check(f"{what} ({core})", told["truth"], hospital.truth(studies, ids), *common.NOT_ASKED.get(what, ()))
    return Row(
        f"{what} ({core})",
        studies,
        told["queries"],
        told["records"],
        round(told["seconds"], 2),
        round(child.peak_mb, 1),
        round(told["rss_before_mb"], 1),
    )


def rows(sizes: tuple[int, ...]) -> list[Row]:
    """The largest with the faster core only."""
    found = []
    for what, core, studies in product(("census", "profile"), common.decoder_cores(), sizes):
        if core == "pure" and studies > 1_000_000:
            continue
        found.append(measure(what, core, studies))
        common.say(f"memory: {found[-1].who}, {studies:,} studies: {found[-1].peak_mb} MB")
    return found


def table(found: list[Row]) -> str:
    lines = ["| filmbadge | studies | queries | rows read | seconds | MB before | peak MB |", "|---|" + "---:|" * 6]
    for one in found:
        cells = [one.who, f"{one.studies:,}", f"{one.queries:,}", f"{one.rows:,}", f"{one.seconds:g}"]
        lines.append("| " + " | ".join([*cells, f"{one.rss_before_mb:.0f}", f"{one.peak_mb:.0f}"]) + " |")
    return "\n".join(lines)


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 studies")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.sizes = [10_000, 100_000]
    return chosen


def main() -> None:
    chosen = options()
    common.enter()
    try:
        found = rows(tuple(chosen.sizes))
    except BenchError as error:
        sys.exit(str(error))
    if chosen.json:
        print(json.dumps({"bench": "memory", "rows": [asdict(one) for one in found]}, indent=2))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
