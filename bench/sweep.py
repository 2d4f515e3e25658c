"""How long a sweep of a network takes in which nearly every address is silent: ours beside nmap and masscan.

The network is behind a pair of virtual interfaces, in a namespace of its own. A packet filter there drops what is sent to
it, except to eight archives, and counts the SYNs that come. Half of the archives refuse their other ports; the others
drop what comes there. All clients ask the same ports of the same addresses. Ours is a whole survey at depth `ask`, with
the command line that a user has; masscan sends SYNs at the rate that was measured of ours; nmap has the pace of `-T4`,
and then at least that rate. A run of ours counts only if it sent a SYN to each port of each address. Masscan waits for
late answers once all is sent: its time until the last packet is the one that counts. `The eight alone` is a survey of the
archives only, while all of them refuse their other ports: the time that our questions take.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import common
import identify
from common import BenchError, Target

from filmbadge.scope import DIMSE_PORTS, DIMSE_TLS_PORTS, WEB_PORTS, WEB_TLS_PORTS

HERE, THERE = "10.76.0.1", "10.76.0.2"  # between the two namespaces
ELSEWHERE = "10.78.0.1"  # nobody's
# Masscan looks at its clock only when a packet comes: two a second go to nobody, and nobody answers them.
TICKS = f"while read -t 0.5; [ $? -gt 128 ]; do echo > /dev/udp/{ELSEWHERE}/9; done"
NETWORK, QUICK = IPv4Network("10.77.0.0/22"), IPv4Network("10.77.0.0/26")
PORTS = {  # the default ports of a scope, by what is asked there
    "dimse": DIMSE_PORTS,
    "dimse_tls": DIMSE_TLS_PORTS,
    "web": WEB_PORTS,
    "web_tls": WEB_TLS_PORTS,
}
OPEN = ((104,), (4242, 11112), (4242,), (104, 11112), (5678,), (11112,), (104, 4242), (104,))  # of each archive
ALL, DOORS = tuple(sum(PORTS.values(), ())), tuple({port for ports in OPEN for port in ports})
OURS, ALONE = "filmbadge", ", the eight alone"
NMAP = ("nmap", "-n", "-Pn", "-T4", "--script", "dicom-ping", "--open", "-oX", "-")
PACE = 1000.0  # connections a second that the scope of the benchmark allows
SLOW = 50.0  # and for a network of which a survey is interrupted: five times what a scope allows that does not say it
STOPS = (0.25, 0.5, 0.75)  # shares of a survey's time at which Ctrl-C is pressed
SLOWER = 1.5  # times masscan's time that ours may take, besides its questions
LATEST = 200.0  # seconds after which a client is ended

SCOPE = """
schema = "filmbadge.scope/1"
networks = ["{network}"]
depth = "ask"
expires = 2199-12-31
confirm = [
  "I hold this permission until 2199-12-31",
  "pace.overall is {pace}, and I answer for it",
  "pace.per_network is {per_network}, and I answer for it",
]
[authority]
who = "the benchmark itself"
reference = "none"
basis = "owner"
contact = "none"
[pace]
overall = {pace}
per_network = {per_network}
per_host = 20
open_at_once = 2000
[ports]
{ports}
"""


@dataclass
class Row:
    """One client and one sweep."""

    who: str
    seconds: float  # from the start of the process to its end
    sending: float  # from its start to the last packet that came to the network
    busy: float  # from the first packet to the last
    syns: int
    per_second: float  # SYNs, while it was busy
    asked: int  # different ports of different addresses
    found: int  # archives by ours, hosts with an open port by the others
    cpu_seconds: float
    peak_mb: float
    note: str


@dataclass
class Kept:
    """What is left of a survey that is interrupted."""

    who: str
    share: float  # of the time that the whole survey takes
    seconds: float
    hosts: int
    kept: int
    again: int  # hosts that were begun and not kept: a resumed survey asks them again


@dataclass(frozen=True)
class Behind:
    """The network behind the interfaces."""

    network: IPv4Network
    ports: tuple[int, ...]  # that all clients ask
    pid: int  # of a process that holds the namespace

    @property
    def archives(self) -> dict[str, tuple[int, ...]]:
        """The open ports of each archive. They are spread evenly."""
        step = self.network.num_addresses // len(OPEN)
        return {str(self.network[step * number + step // 2]): ports for number, ports in enumerate(OPEN)}

    @property
    def ends(self) -> tuple[str, str]:
        """The two addresses that are no host's: a sweep leaves them out."""
        return str(self.network.network_address), str(self.network.broadcast_address)

    def outside(self, *command: str | Path) -> list[str]:
        return [*map(str, command)]

    def inside(self, *command: str | Path) -> list[str]:
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    def hardware(self, interface: str) -> str:
        """The hardware address of the interface `inner` or `outer`."""
        way = self.inside if interface == "inner" else self.outside
        (link,) = json.loads(_run(way("ip", "-json", "link", "show", interface)))
        return str(link["address"])

    def filter(self, *, polite: bool = False) -> None:
        """Set the filter, with all counts at zero. If `polite`, all archives refuse their other ports."""
        archives = self.archives
        doors = ", ".join(f"{address} . {port}" for address, ports in archives.items() for port in ports)
        refusing = ", ".join([*archives][:: 1 if polite else 2])
        _run(self.inside("nft", "-f", "-"), FILTER.format(inside=self.network, doors=doors, refusing=refusing))

    def counts(self) -> dict[tuple[str, int], int]:
        """How many SYNs came to each port of each address since the filter was set."""
        told = json.loads(_run(self.inside("nft", "-j", "list", "set", "ip", "sweep", "asked")))
        (held,) = (one["set"] for one in told["nftables"] if "set" in one)
        elements = [one["elem"] for one in held.get("elem", [])]
        return {tuple(one["val"]["concat"]): one["counter"]["packets"] for one in elements}

    def packets(self) -> int:
        """Packets that came to the network so far."""
        lines = Path(f"/proc/{self.pid}/net/dev").read_text().splitlines()
        return next(int(line.split()[2]) for line in lines if line.strip().startswith("inner:"))


FILTER = """
table ip sweep
delete table ip sweep
table ip sweep {{
  set asked {{ type ipv4_addr . inet_service; flags dynamic; size 131072; counter; }}
  set doors {{ type ipv4_addr . inet_service; elements = {{ {doors} }} }}
  set refusing {{ type ipv4_addr; elements = {{ {refusing} }} }}
  chain arriving {{
    type filter hook input priority 0; policy accept;
    ip daddr != {inside} accept
    tcp flags & (syn | ack) == syn update @asked {{ ip daddr . tcp dport }}
    ip daddr . tcp dport @doors accept
    ip daddr @refusing reject with tcp reset
    drop
  }}
}}
"""


@contextmanager
def behind(network: IPv4Network, ports: tuple[int, ...], peer: Path) -> Iterator[Behind]:
    """A network behind a pair of interfaces, with its archives. There is no other way out of either namespace."""
    server_core, _ = common.cores()
    with ExitStack() as ending:
        holder = _started(ending, ["unshare", "--net", "cat"])
        _until(lambda: Path(f"/proc/{holder.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink())
        _run(["ip", "link", "add", "outer", "type", "veth", "peer", "name", "inner", "netns", str(holder.pid)])
        ending.callback(_run, ["ip", "link", "delete", "outer"])
        there = Behind(network, ports, holder.pid)
        _raise(there.outside, "outer", HERE, THERE, there.hardware("inner"))
        _raise(there.inside, "inner", THERE, HERE, there.hardware("outer"))
        _run(["ip", "route", "add", str(network), "via", THERE])
        _run(there.inside("ip", "link", "set", "lo", "up"))
        _run(there.inside("ip", "route", "add", "local", str(network), "dev", "lo"))
        there.filter()
        _run(there.inside("ip", "route", "add", ELSEWHERE, "via", HERE))
        _started(ending, there.inside("bash", "-c", TICKS))
        for port in DOORS:
            server = _started(ending, there.inside(peer, "serve", str(port), str(server_core)))
            assert server.stdout is not None
            server.stdout.readline()
        yield there


def _raise(way: Callable[..., list[str]], interface: str, own: str, other: str, hardware: str) -> None:
    """Bring one of the two interfaces up, without IPv6 and ARP: what comes is then a client's."""
    for command in (
        f"ip link set {interface} addrgenmode none",
        f"ip address add {own}/30 dev {interface}",
        f"ip link set {interface} up",
        f"ip neighbour replace {other} lladdr {hardware} dev {interface} nud permanent",
    ):
        _run(way(*command.split()))


def _started(ending: ExitStack, command: Sequence[str | Path]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def end() -> None:
        process.kill()
        process.communicate()

    ending.callback(end)
    return process


def _run(command: Sequence[str], given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{' '.join(command)[:100]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise BenchError("the network behind the interfaces does not come up")
        time.sleep(0.01)


class Watch(threading.Thread):
    """Notes when the first and the last packet came, to a fiftieth of a second."""

    def __init__(self, there: Behind) -> None:
        super().__init__(daemon=True)
        self._there, self._over = there, threading.Event()
        self._packets = there.packets()
        self.started = self.first = self.last = time.perf_counter()

    def run(self) -> None:
        none = self._packets
        while not self._over.wait(0.02):
            with suppress(OSError):
                seen = self._there.packets()
                if seen != self._packets:
                    self.last = time.perf_counter()
                    self.first = self.first if self._packets != none else self.last
                    self._packets = seen

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def measure(who: str, there: Behind, command: Sequence[str | Path], note: str, **filtered: bool) -> tuple[Row, str]:
    """One sweep. Returns its row, in which nothing is found yet, and what the client printed."""
    there.filter(**filtered)
    with Watch(there) as watch:
        child = common.run(command, common.cores()[1], seconds=LATEST, may_last=True)
    counts = there.counts()
    syns, spent = sum(counts.values()), watch.last - watch.first
    row = Row(
        who,
        round(child.seconds, 2),
        round(watch.last - watch.started, 2),
        round(spent, 2),
        syns,
        round(syns / spent, 1) if spent else 0.0,
        len(counts),
        0,
        round(child.cpu_seconds, 2),
        round(child.peak_mb, 1),
        note,
    )
    if not child.ended:
        row.note += f"; ended before it was done, after {LATEST:.0f} s"
    common.say(f"sweep: {who}: {row.seconds} s, {row.syns:,} SYNs, {common.number(row.per_second)} a second")
    return row, child.out


@dataclass(frozen=True)
class Ours:
    """Filmbadge as a user runs it, by the Python of one of its versions."""

    who: str
    python: str
    folder: Path  # for what it writes

    def survey(self, there: Behind, out: str, per_network: float) -> Row:
        """A survey of the network. Raises BenchError where it leaves a port out."""
        row, _ = measure(
            f"{self.who} survey", there, self.command(there, out, per_network), "judged and kept in Parquet"
        )
        wanted = (there.network.num_addresses - 2) * len(there.ports)
        if row.asked != wanted:
            raise BenchError(f"{row.who} asked {row.asked:,} ports of {wanted:,}")
        return row

    def alone(self, there: Behind, per_network: float) -> Row:
        """A survey of the archives only, where nothing is silent: what our questions take."""
        command = [*self.command(there, "alone", per_network), *there.archives]
        row, _ = measure(f"{self.who}{ALONE}", there, command, "all ports answer: our questions only", polite=True)
        return row

    def found(self, there: Behind, out: str) -> int:
        """How many of the archives stand in the report as open."""
        told = json.loads(_run([self.python, "-m", "filmbadge", "report", str(self.folder / out), "--json", "-"]))
        seen = [endpoint for archive in told["archives"] if archive["open"] for endpoint in archive["endpoints"]]
        return sum(any(f"{address}:" in endpoint for endpoint in seen) for address in there.archives)

    def command(self, there: Behind, out: str, per_network: float) -> list[str | Path]:
        scope = self.folder / "scope.toml"
        ports = "\n".join(f"{kind} = {[port for port in held if port in there.ports]}" for kind, held in PORTS.items())
        scope.write_text(SCOPE.format(network=there.network, pace=PACE, per_network=per_network, ports=ports))
        return [self.python, "-m", "filmbadge", "survey", scope, "--out", self.folder / out]


@contextmanager
def versions(before: str) -> Iterator[list[Ours]]:
    """Ours, and the earlier version if there is one."""
    with tempfile.TemporaryDirectory() as name:
        found = [Ours(OURS, common.OUR_PYTHON, Path(name) / "now")]
        found += [Ours(f"before: {OURS}", before, Path(name) / "before")] if before else []
        for one in found:
            one.folder.mkdir()
        yield found


def others(there: Behind, rate: float) -> list[Row]:
    """Those that are installed: masscan at this rate, and nmap with its own pace and at this rate."""
    found, ports, ends = [], ",".join(map(str, there.ports)), ",".join(there.ends)
    same = [str(there.network), "-p", ports, "--exclude", ends]
    if common.has("masscan", "masscan"):
        way = ["--interface", "outer", "--adapter-ip", HERE, "--router-mac", there.hardware("inner")]
        command = ["masscan", *same, "--rate", str(rate), *way, "--wait", "1", "-oL", "-"]
        row, out = measure("masscan", there, command, "sends SYNs only, at the rate of ours")
        row.found = len({line.split()[3] for line in out.splitlines() if line.startswith("open tcp")})
        found.append(row)
    tuned = ["--min-hostgroup", "1024", "--min-rate", f"{rate:.0f}", "--max-retries", "1"]
    for who, way in (
        (("nmap dicom-ping -T4", []), ("nmap dicom-ping, tuned", tuned)) if common.has("nmap", "nmap") else ()
    ):
        note = "associates with what is open" + ("; at the rate of ours, one retry" if way else "")
        row, out = measure(who, there, [*NMAP, *way, *same], note)
        row.found = sum('state="open"' in host for host in out.split("<host ")[1:])
        found.append(row)
    return found


def rows(there: Behind, ours: Sequence[Ours]) -> list[Row]:
    """Ours first: masscan sends at its rate."""
    pace = PACE * min(256 / there.network.num_addresses, 1)
    found = []
    for one in ours:
        whole, alone = one.survey(there, "whole", pace), one.alone(there, pace)
        whole.found, alone.found = one.found(there, "whole"), one.found(there, "alone")
        found += [whole, alone]
    return [*found, *others(there, found[0].per_second)]


def interrupted(there: Behind, ours: Ours) -> list[Kept]:
    """Surveys of the network, each with Ctrl-C at another share of the time that all takes."""
    whole = ours.survey(there, "part", SLOW).seconds
    found = []
    for share in STOPS:
        out, hosts = f"until-{share}", there.network.num_addresses - 2
        there.filter()
        _stopped(ours.command(there, out, SLOW), share * whole)
        kept = json.loads((ours.folder / out / "survey.json").read_text())["hosts_done"]
        begun = len({address for address, _ in there.counts()})
        found.append(Kept(ours.who, share, round(share * whole, 1), hosts, kept, max(begun - kept, 0)))
        common.say(f"sweep: {ours.who}, Ctrl-C at {share:.0%}: {kept} hosts kept, {found[-1].again} to ask again")
    return found


def _stopped(command: Sequence[str | Path], seconds: float) -> None:
    """Run a survey, and press Ctrl-C after so many seconds."""
    process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        if process.wait(60) not in (0, 3):  # 3: it is incomplete
            raise BenchError(f"an interrupted survey ended with {process.returncode}")
    finally:
        process.kill()
        process.wait()


def targets(found: Sequence[Row]) -> list[Target]:
    """What the sweep must reach."""
    by = {row.who: row for row in found}
    whole, alone, masscan = by[f"{OURS} survey"], by[f"{OURS}{ALONE}"], by.get("masscan")
    told = [
        Target("archives that the survey finds", whole.found, len(OPEN)),
        Target(
            "SYNs/s of the survey, as a share of the pace that its scope allows", whole.per_second / PACE, 1 / SLOWER
        ),
    ]
    if masscan:
        most = SLOWER * masscan.sending + alone.busy
        what = f"seconds of the survey, of {SLOWER} × masscan's at {common.number(masscan.per_second)} SYNs/s and the questions"
        told.append(Target(what, whole.seconds, most, least=False))
    return told


def table(told: dict[str, Any]) -> str:
    """The rows, what is kept after Ctrl-C, and the targets, as Markdown."""
    head = [
        "client",
        "seconds",
        "to the last packet",
        "SYNs",
        "SYNs/s",
        "ports asked",
        "found",
        "CPU s",
        "peak MB",
        "note",
    ]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * 8 + "---|"]
    for one in told["rows"]:
        cells = [one["who"], f"{one['seconds']:.1f}", f"{one['sending']:.1f}", f"{one['syns']:,}"]
        cells += [common.number(one["per_second"]), f"{one['asked']:,}", f"{one['found']} of {len(OPEN)}"]
        cells += [f"{one['cpu_seconds']:.1f}", f"{one['peak_mb']:.0f}", one["note"]]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"What a survey of one /24 keeps when it is interrupted, at {SLOW:.0f} connections a second:", ""]
    lines += [
        "| version | Ctrl-C at | after seconds | hosts kept | asked again by --resume |",
        "|---|---:|---:|---:|---:|",
    ]
    for one in told["kept"]:
        kept = f"{one['kept']} of {one['hosts']}"
        lines.append(f"| {one['who']} | {one['share']:.0%} | {one['seconds']:.1f} | {kept} | {one['again']} |")
    return "\n".join([*lines, "", common.verdicts(told["targets"])])


def document(network: IPv4Network, ports: tuple[int, ...], before: str = "") -> dict[str, Any]:
    """All of this benchmark. Raises BenchError where a program that it cannot do without is missing."""
    for program, package in (("nft", "nftables"), ("ip", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            raise BenchError(f"no {program}: install Debian's {package}")
    part = next(network.subnets(new_prefix=max(network.prefixlen, 24)))
    with versions(before) as ours, tempfile.TemporaryDirectory() as name:
        peer = identify.build(Path(name))
        with behind(network, ports, peer) as there:
            found = rows(there, ours)
        with behind(part, ports, peer) as there:
            kept = [row for one in ours for row in interrupted(there, one)]
    return {
        "bench": "sweep",
        "network": str(network),
        "ports": ports,
        "rows": [asdict(row) for row in found],
        "kept": [asdict(one) for one in kept],
        "targets": [one.document() for one in targets(found)],
    }


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--network", type=IPv4Network, default=NETWORK, help="inside 10.77.0.0/22; its size is what counts"
    )
    common.add_before(parser)
    parser.add_argument("--quick", action="store_true", help="a /26, and only the ports that are open somewhere")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    chosen.network, chosen.ports = (QUICK, DOORS) if chosen.quick else (chosen.network, ALL)
    return chosen


def main() -> None:
    chosen = options()
    common.enter()
    try:
        found = document(chosen.network, chosen.ports, chosen.before)
    except BenchError as error:
        sys.exit(str(error))
    print(json.dumps(found, indent=2) if chosen.json else table(found))


if __name__ == "__main__":
    main()
