"""What a survey of the whole Internet would take, from measured costs: .venv/bin/python scripts/scale.py [NAME=VALUE ...]

Prints the tables of docs/scale.md, which `scripts/generate_docs.py` writes. Any input may be given another value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

from filmbadge.scope import RateLimits

HOUR, GB = 3600.0, 1e9
USUAL = RateLimits()


class Input(NamedTuple):
    value: float
    means: str
    source: str
    stands: str = ""  # how bench/results.md has it, where it was measured


MEASURED, ASSUMED = "bench/results.md", "an assumption: put yours"
INPUTS: dict[str, Input] = {
    "addresses": Input(3.7e9, "IPv4 addresses that a port scan asks", "Stites and Pianykh, AJR 2016"),
    "ports": Input(5, "ports of each", "NuClide, May 2026: 4242, 8042, 8043, 11112 and 8000"),
    "syn_bytes": Input(84, "bytes of a SYN on Ethernet: the shortest frame, with its preamble and gap", "IEEE 802.3"),
    "scan_rate": Input(100_000, "SYNs a second of one scanning machine", ASSUMED),
    "open_of": Input(12_135 / (3.55e6 * 5), "open ports of those that were asked", "NuClide, May 2026, in clouds: 12,135 of 3.55 million addresses at 5 ports"),
    "archives": Input(30_000, "archives among them", "an assumption: twice the 14,004 medical systems that Censys counted in October 2024"),
    "studies": Input(1e9, "studies in all of them", "an assumption; Greenbone found 24.3 million in 590 archives in 2019"),
    "web": Input(0.5, "of the other candidates: web servers", ASSUMED),
    "hangs": Input(0.05, "web servers that hang up after each answer", ASSUMED),
    "silent": Input(0.25, "hosts that take a connection and say nothing", ASSUMED),
    "largest": Input(1.2e6, "studies of the largest archive", "Greenbone, November 2019: one with 1.2 million"),
    "pace": Input(500, "connections a second of the whole survey: ten times what a scope has where it says nothing", ASSUMED),
    "hands": Input(4096, "connections open at once", ASSUMED),
    "patience": Input(30, "seconds that a silent host is waited for", "scope.md: where a scope says nothing"),
    "worker_share": Input(0.7, "of a core that a worker may be busy", ASSUMED),
}  # fmt: skip


def measured(name: str, value: float, means: str, stands: str) -> None:
    INPUTS[name] = Input(value, means, MEASURED, stands)


# Taken from its tables by hand; a test holds both together.
measured("cpu_record", 1.8, "CPU µs to look at a record", "| filmbadge profile (compiled) | 636,000 | 1 × | 1.8 |")
measured("record_bytes", 488, "bytes of a record on the wire", "(488 on the wire)")
measured(
    "rows_census",
    2.02,
    "records that a census reads for each study",
    "| census (compiled) | 1,000,000 | 223 | 2,021,522 |",
)
measured(
    "rows_profile",
    2.02,
    "records that a profile reads for each study",
    "| profile (compiled) | 1,000,000 | 422 | 2,015,539 |",
)
measured(
    "gentle",
    326,
    "studies a second that a census reads of an Orthanc at our usual tenth of its time",
    "| 200 | 1 | 326 |",
)
measured("page_cpu", 17.2, "CPU s of a page for 5,000 open archives", "| 20,000 | html | 96.8 | 17.2 | 470 |")
measured("page_mb", 470, "peak MB of that page", "| 20,000 | html | 96.8 | 17.2 | 470 |")
measured("pdf_mb", 3406, "peak MB of its PDF", "| 20,000 | pdf | 896.4 | 123.3 | 3406 |")
measured("connections_archive", 1, "connections of a candidate: archive", "| archive | 1 | 2,280 | 158 | 1,900 |")
measured("wire_archive", 2279.4, "bytes on the wire of a candidate: archive", "| archive | 1 | 2,280 | 158 | 1,900 |")
measured("kept_archive", 158.5, "bytes kept of a candidate: archive", "| archive | 1 | 2,280 | 158 | 1,900 |")
measured("cpu_archive", 1905, "CPU µs of a candidate: archive", "| archive | 1 | 2,280 | 158 | 1,900 |")
measured("connections_web", 2, "connections of a candidate: web server", "| web server | 2 | 19,900 | 129 | 17,600 |")
measured(
    "wire_web", 19940.3, "bytes on the wire of a candidate: web server", "| web server | 2 | 19,900 | 129 | 17,600 |"
)
measured("kept_web", 129, "bytes kept of a candidate: web server", "| web server | 2 | 19,900 | 129 | 17,600 |")
measured("cpu_web", 17556.6, "CPU µs of a candidate: web server", "| web server | 2 | 19,900 | 129 | 17,600 |")
measured(
    "connections_hangs",
    35,
    "connections of a candidate: web server that hangs up",
    "| web server that hangs up | 35 | 34,900 | 560 | 26,000 |",
)
measured(
    "wire_hangs",
    34867.2,
    "bytes on the wire of a candidate: web server that hangs up",
    "| web server that hangs up | 35 | 34,900 | 560 | 26,000 |",
)
measured(
    "kept_hangs",
    560.3,
    "bytes kept of a candidate: web server that hangs up",
    "| web server that hangs up | 35 | 34,900 | 560 | 26,000 |",
)
measured(
    "cpu_hangs",
    26017.9,
    "CPU µs of a candidate: web server that hangs up",
    "| web server that hangs up | 35 | 34,900 | 560 | 26,000 |",
)
measured("connections_silent", 2, "connections of a candidate: silent", "| silent | 2 | 1,640 | 103 | 1,470 |")
measured("wire_silent", 1643.2, "bytes on the wire of a candidate: silent", "| silent | 2 | 1,640 | 103 | 1,470 |")
measured("kept_silent", 102.8, "bytes kept of a candidate: silent", "| silent | 2 | 1,640 | 103 | 1,470 |")
measured("cpu_silent", 1474.6, "CPU µs of a candidate: silent", "| silent | 2 | 1,640 | 103 | 1,470 |")
measured("connections_closed", 1, "connections of a candidate: closed", "| closed | 1 | 100 | 51.1 | 822 |")
measured("wire_closed", 100.1, "bytes on the wire of a candidate: closed", "| closed | 1 | 100 | 51.1 | 822 |")
measured("kept_closed", 51.1, "bytes kept of a candidate: closed", "| closed | 1 | 100 | 51.1 | 822 |")
measured("cpu_closed", 822.2, "CPU µs of a candidate: closed", "| closed | 1 | 100 | 51.1 | 822 |")
measured(
    "cpu_lease",
    26.78,
    "CPU µs of the coordinator to lease a host",
    "| 10,000,000 | 4,393,432 | 64 | 130 | 679 | 14,700 | 131 | 14 | 26.8 | 41.9 | 5 | 190 | 791 | 3,160 | 190 |",
)
measured(
    "mb_targets",
    7.91e-05,
    "MB of memory for a target, while they are read",
    "| 10,000,000 | 4,393,432 | 64 | 130 | 679 | 14,700 | 131 | 14 | 26.8 | 41.9 | 5 | 190 | 791 | 3,160 | 190 |",
)

measured(
    "cpu_keep",
    365,
    "CPU µs of the coordinator to keep a host, with its share of the end",
    "| --workers 2 | 430 | 0.883 × | 3.03 | 1.46 | 11.7 | 0.63 | 239 | 4,000 |",
)
PRICES = {
    "core_hour": Input(0.05, "money for an hour of one core", ASSUMED),
    "gb_sent": Input(0.05, "money for 10^9 bytes on the wire, in either direction", ASSUMED),
}
INPUTS |= PRICES


class Stage(NamedTuple):
    """A part of the survey, and what it takes. Hours are those of its slowest limit."""

    what: str
    many: float
    hours: float
    limit: str
    core_hours: float
    wire: float
    disk: float


def kinds(of: Mapping[str, float]) -> dict[str, float]:
    """How many candidates are what."""
    candidates = of["addresses"] * of["ports"] * of["open_of"]
    others = candidates - of["archives"]
    counts = {"archive": of["archives"]} | {kind: others * of[kind] for kind in ("web", "hangs", "silent")}
    return counts | {"closed": candidates - sum(counts.values())}


def each(of: Mapping[str, float], what: str) -> dict[str, float]:
    """What all candidates of a kind cost: connections, wire, kept, cpu."""
    return {kind: many * of[f"{what}_{kind}"] for kind, many in kinds(of).items()}


def stages(of: Mapping[str, float]) -> list[Stage]:
    syns, candidates = of["addresses"] * of["ports"], sum(kinds(of).values())
    total = {what: sum(each(of, what).values()) for what in ("connections", "wire", "kept", "cpu")}
    asking = {
        "the pace": total["connections"] / of["pace"],
        "the hands, for silent hosts": each(of, "connections")["silent"] * of["patience"] / of["hands"],
    }
    rows = of["studies"] * (of["rows_census"] + of["rows_profile"])
    looking = {  # each archive is counted, and then looked at
        "our share of the archives' time": 2 * of["studies"] / of["gentle"] / min(of["archives"], of["hands"]),
        "the largest archive": 2 * of["largest"] / of["gentle"],
    }
    scanning = {"the rate of one scanner": syns / of["scan_rate"]}
    return [
        _stage("port scan, by a port scanner", syns, scanning, syns / of["scan_rate"], syns * of["syn_bytes"], 8 * candidates),
        _stage("ask the candidates", candidates, asking, total["cpu"] / 1e6, total["wire"], total["kept"]),
        _stage("count and look at studies", of["studies"], looking, rows * of["cpu_record"] / 1e6, rows * of["record_bytes"], 0.0),
    ]  # fmt: skip


def _stage(what: str, many: float, limits: dict[str, float], cores: float, wire: float, disk: float) -> Stage:
    slowest = max(limits, key=lambda limit: limits[limit])
    return Stage(what, many, limits[slowest] / HOUR, slowest, cores / HOUR, wire, disk)


def coordinator(of: Mapping[str, float]) -> float:
    """Hosts a second that one coordinator keeps up with, with a core of its own."""
    return 1e6 / (of["cpu_lease"] + of["cpu_keep"])


def main(arguments: list[str]) -> int:
    values = {name: one.value for name, one in INPUTS.items()}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in values:
            print(f"there is no input {name!r}: {', '.join(values)}", file=sys.stderr)
            return 2
        values[name] = float(value)
    print(markdown(values))
    return 0


def markdown(values: Mapping[str, float] | None = None) -> str:
    of = values or {name: one.value for name, one in INPUTS.items()}
    parts = ["## What is put in", _inputs(of), "## What comes out", _outputs(of), "## What breaks first", _breaks(of)]
    return "\n\n".join(["", *parts]) + "\n"


def _inputs(of: Mapping[str, float]) -> str:
    lines = ["| name | value | means | from |", "|---|---:|---|---|"]
    lines += [f"| `{name}` | {_exact(of[name])} | {one.means} | {one.source} |" for name, one in INPUTS.items()]
    return "\n".join(lines)


def _outputs(of: Mapping[str, float]) -> str:
    lines = [
        "| part | of | hours at least | what makes them | core hours | 10^9 bytes on the wire | 10^9 bytes kept | money |",
        "|---|---:|---:|---|---:|---:|---:|---:|",
    ]
    for one in stages(of):
        money = one.core_hours * of["core_hour"] + one.wire / GB * of["gb_sent"]
        cells = [one.hours, one.core_hours, one.wire / GB, one.disk / GB, money]
        hours, cores, wire, disk, paid = map(_number, cells)
        lines.append(
            f"| {one.what} | {_number(one.many)} | {hours} | {one.limit} | {cores} | {wire} | {disk} | {paid} |"
        )
    asked, usual = stages(of)[1], stages({**of, "pace": USUAL.overall, "hands": USUAL.open_at_once})[1]
    busy = asked.core_hours / asked.hours / of["worker_share"]
    hosts = asked.many / (asked.hours * HOUR)
    lines += [
        "",
        f"To ask at that pace keeps {_number(busy)} cores of workers busy. It is {_number(hosts)} hosts a second, and one coordinator"
        f" keeps up with {_number(coordinator(of))}. At the pace of a scope that says nothing of it ({USUAL.overall:g} a second,"
        f" {USUAL.open_at_once} open at once) to ask the candidates takes {_number(usual.hours)} hours, by {usual.limit}. The targets take {_number(asked.many * of['mb_targets'] / 1e3)} GB of memory.",
    ]
    return "\n".join(lines)


def _breaks(of: Mapping[str, float]) -> str:
    asked, connections = stages(of)[1], each(of, "connections")
    open_once = of["archives"] / 5000
    return "\n".join(
        [
            f"1. **Patience, not machines.** Politeness makes the hours: {_number(asked.hours)} of them to ask the candidates, while"
            f" {_number(asked.core_hours)} core hours of work are done. Web servers that hang up after each answer are {of['hangs']:.0%} of the"
            f" candidates, and take {connections['hangs'] / sum(connections.values()):.0%} of all connections. So a scan of the DICOM ports alone is the first thing to ask for.",
            f"2. **The report.** A page of {_number(of['archives'])} open archives would take {_number(open_once * of['page_cpu'])} s of CPU and"
            f" {_number(open_once * of['page_mb'] / 1e3)} GB of memory, and its PDF {_number(open_once * of['pdf_mb'] / 1e3)} GB, if both grow as they"
            " did from 2,300 to 20,000 endpoints. Ask the dataset by SQL instead, or report country by country.",
            f"3. **The coordinator.** It has one core for what it keeps, and {_number(asked.many * of['mb_targets'] / 1e3)} GB of memory for its targets."
            f" It keeps up with {_number(coordinator(of))} hosts a second. Where a scope allows more than that, cut the targets, and survey each part into a folder of its own.",
        ]
    )


def _exact(value: float) -> str:
    """As it was put in."""
    return _number(value) if value >= 1e6 else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _number(value: float) -> str:
    """Two figures: no input is surer."""
    if value >= 1e9:
        return f"{float(f'{value / 1e9:.2g}'):g} billion"
    if value >= 1e6:
        return f"{float(f'{value / 1e6:.2g}'):g} million"
    return f"{float(f'{value:.2g}'):,.6g}" if value >= 0.01 or not value else f"{value:.2g}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
