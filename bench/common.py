"""What both benchmarks share: a network of their own, pinned and measured children, tables."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from support import isolation  # noqa: E402

SYSTEM_PYTHON = "/usr/bin/python3"  # the one that Debian's odil is for
CHILD_SECONDS = 300.0
# The Python of our clients. Another one measures another version of Filmbadge with the same benchmark.
OUR_PYTHON = os.environ.get("FILMBADGE_BENCH_PYTHON") or sys.executable


class BenchError(Exception):
    """A client was wrong, or did not end: its speed means nothing."""


@dataclass
class Row:
    """One line of a table: medians over the repeats."""

    who: str
    per_second: float
    peak_mb: float
    size: int
    of_ours: float | None = None
    cpu_ms: float | None = None  # per record or host
    note: str = ""


@dataclass
class Client:
    """One contestant and what was measured of it."""

    who: str
    size: int
    kind: str
    core: str = ""
    note: str = ""
    python: str = OUR_PYTHON
    speeds: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)

    def before(self, python: str) -> Client:
        """The same of an earlier version, by its Python."""
        return Client(f"before: {self.who}", self.size, self.kind, self.core, self.note, python)

    def row(self) -> Row:
        return Row(
            self.who,
            round(statistics.median(self.speeds), 1),
            round(statistics.median(self.peaks), 1),
            self.size,
            cpu_ms=round(statistics.median(self.cpus), 4) if self.cpus else None,
            note=self.note,
        )


@dataclass(frozen=True)
class Target:
    """What a benchmark must reach."""

    what: str
    value: float
    wanted: float
    least: bool = True  # or the most

    @property
    def reached(self) -> bool:
        return self.value >= self.wanted if self.least else self.value <= self.wanted

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "reached": self.reached}


@dataclass(frozen=True)
class Child:
    """How a child process did. CPU includes its start; the peak is of this process alone."""

    out: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    ended: bool = True  # by itself


def enter() -> None:
    """Leave every network but loopback behind, for this process and all it starts."""
    isolation.enter()
    if isolation.interfaces() != {"lo"}:
        sys.exit("the benchmarks run in a network of their own only")


def cores() -> tuple[int, int]:
    """The core of the server, and the core of the client."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def decoder_cores() -> list[str]:
    """The decoder cores of this installation, by the names that FILMBADGE_CORE takes."""
    import filmbadge.ask.decoder

    room = Path(str(filmbadge.ask.decoder.__file__)).parent
    compiled = any(room.glob("*.so"))
    return ["pure", "compiled"] if compiled else ["pure"]


def run(
    arguments: Sequence[str | Path],
    core: int | Collection[int],
    environment: Mapping[str, str] | None = None,
    seconds: float = CHILD_SECONDS,
    *,
    may_last: bool = False,
) -> Child:
    """Run a child on one core, or on some, to its end. Raises BenchError where it fails.

    One that takes longer than `seconds` is ended, and has failed too, unless it `may_last`.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as complaint:
        process = subprocess.Popen(
            [str(a) for a in arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=complaint,
            env={**os.environ, **(environment or {})},
            preexec_fn=lambda: os.sched_setaffinity(0, {core} if isinstance(core, int) else core),  # noqa: PLW1509 - there are no threads here
        )
        # ru_maxrss is of no use for the peak: it is handed down from the process that forked.
        peak, ended = 0.0, 0
        while not ended:
            peak = max(peak, peak_mb(process.pid))
            time.sleep(0.005 if time.perf_counter() - started < 0.5 else 0.05)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
            if not ended and time.perf_counter() - started > seconds:
                process.kill()
        spent = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        complaint.seek(0)
        late = may_last and process.returncode == -signal.SIGKILL
        if process.returncode != 0 and not late:
            last_words = (complaint.read() or out.read()).strip()[-500:]
            raise BenchError(f"{arguments[0]} ended with {process.returncode}: {last_words}")
        return Child(out.read(), spent, usage.ru_utime + usage.ru_stime, peak, not late)


def peak_mb(pid: int | str = "self") -> float:
    """The most memory that a process held so far."""
    return _memory_mb(pid, "VmHWM")


def rss_mb() -> float:
    """The memory that this process holds now."""
    return _memory_mb("self", "VmRSS")


def _memory_mb(pid: int | str, which: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(which)), 0.0)


def told(out: str) -> dict[str, Any]:
    """The last line that a child printed."""
    document: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
    return document


# The facts of `hospital.truth` that these do not look for.
COUNTED = ("series", "images")
NOT_ASKED = {
    "profile": COUNTED,
    "pynetdicom_profile": (*COUNTED, "with an SSN in dashes", "malformed birth_date"),
}


def check(who: str, counted: Mapping[str, int], truth: Mapping[str, int], *but: str) -> None:
    """Raises BenchError where anything was counted that is not the truth. What stands 0 times may be left out."""
    wanted = {fact: count for fact, count in truth.items() if count and fact not in but}
    if {fact: count for fact, count in counted.items() if count} != wanted:
        raise BenchError(f"{who} counted {dict(counted)}, but the truth is {wanted}")


def fill_ratios(rows: Iterable[Row], ours: str = "filmbadge") -> list[Row]:
    """Each speed as a multiple of our best one in the same run, of those whose names begin so."""
    rows = list(rows)
    best = max((r.per_second for r in rows if r.who.startswith(ours)), default=0.0)
    for row in rows:
        row.of_ours = round(row.per_second / best, 5) if best else None
    return rows


def add_before(parser: argparse.ArgumentParser) -> None:
    """The option by which an earlier version of ours runs beside it."""
    parser.add_argument(
        "--before", default="", metavar="PYTHON", help="also run ours of this Python, an earlier version"
    )


def say(*words: object) -> None:
    print(*words, file=sys.stderr, flush=True)


def document(what: str, rows: Sequence[Row], options: argparse.Namespace) -> dict[str, Any]:
    sizes = {k: v for k, v in vars(options).items() if k != "json"}
    return {"bench": what, "options": sizes, "rows": [asdict(row) for row in rows]}


def put(found: Mapping[str, Any], unit: str, *, as_json: bool) -> None:
    print(json.dumps(found, indent=2) if as_json else table(found, unit))


def table(found: Mapping[str, Any], unit: str) -> str:
    """The rows as a Markdown table."""
    head = ["client", f"{unit}s/s", "of ours", f"CPU µs/{unit}", "peak MB", f"{unit}s a run", "note"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * 5 + "---|"]
    for row in found["rows"]:
        ratio, cpu = row["of_ours"], row["cpu_ms"]
        cells = [
            row["who"],
            number(row["per_second"]),
            "" if ratio is None else f"{number(ratio)} ×",
            "" if cpu is None else number(cpu * 1000),
            f"{row['peak_mb']:.0f}",
            f"{row['size']:,}",
            row["note"],
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdicts(targets: Iterable[Mapping[str, Any]]) -> str:
    """The documents of targets as a Markdown table."""
    lines = ["| target | wanted | measured | |", "|---|---:|---:|---|"]
    for one in targets:
        bound = "at least" if one["least"] else "at most"
        verdict = "reached" if one["reached"] else "**missed**"
        lines.append(f"| {one['what']} | {bound} {number(one['wanted'])} | {number(one['value'])} | {verdict} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three figures, no more: the noise of a run is larger than that."""
    if value >= 100:
        digits = len(str(int(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def has(program: str, package: str) -> bool:
    if shutil.which(program):
        return True
    say(f"{program} is not installed (Debian package {package}): its rows are left out")
    return False
