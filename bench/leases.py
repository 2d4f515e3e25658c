"""What a coordinator spends on ten million hosts that workers ask: its targets, its queue, its ledger and its orders.

Nothing is sent. The hosts are like the candidates of a port scan of the whole Internet: most networks have one or two, and few
are dense. Workers are simulated: each takes a thousand hosts at a time, and gives back what it took a few exchanges ago. All of
it runs in one process, on one core. A run counts only if each host was leased once, and no network to two workers at a time.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from itertools import cycle
from pathlib import Path

import common
import msgspec
from common import BenchError

from filmbadge.ask.targets.held import Held, Target
from filmbadge.ask.targets.lists import Targets
from filmbadge.scope import RateLimits
from filmbadge.survey.spread.ledger import NAME, Ledger
from filmbadge.survey.spread.messages import Order, Share
from filmbadge.survey.spread.queue import Queue

HOSTS, WORKERS = 10_000_000, 64
AT_ONCE = 1000  # hosts that a worker takes with one order
OUTSTANDING = 4  # orders whose hosts a worker has at a time
FIRST, LAST = 1 << 16, 224 << 16  # the networks between 1.0.0.0 and 223.255.255.0
# Of each hundred hosts, so many stand in networks that have so many of them.
SPREAD = ((30, (1, 1)), (20, (2, 2)), (20, (3, 8)), (30, (50, 150)))


@dataclass(frozen=True)
class Leased:
    """One run."""

    hosts: int
    networks: int
    workers: int
    seconds_to_read: float
    seconds: float
    hosts_per_second: float
    leases_per_second: float
    orders_per_second: float
    cpu_us_per_host: float
    bytes_per_host: float  # of orders
    file_mb: float
    read_mb: float  # of memory, once the targets are there
    peak_mb: float
    ledger_1: float  # leases a second of the ledger alone, of one network each
    ledger_1000: float  # and of a thousand


def hosts(count: int) -> Iterator[Target]:
    """Made one by one, in no order."""
    chance, made = random.Random(1), 0
    blocks = iter(chance.sample(range(FIRST, LAST), min(count, LAST - FIRST)))
    for share, (least, most) in SPREAD:
        wanted = count * share // 100
        while wanted > 0:
            here = min(chance.randint(least, most), wanted)
            block = next(blocks) << 8
            for low in chance.sample(range(1, 255), here):
                yield Target(IPv4Address(block | low))
            wanted -= here
            made += here


def run(count: int, workers: int) -> Leased:
    began = time.perf_counter()
    targets = Targets(Held(hosts(count)), seed=7)
    read, read_mb = time.perf_counter() - began, common.rss_mb()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / NAME
        with Ledger(path, RateLimits(overall=5000.0, open_at_once=64 * 256)) as ledger:
            began, cpu = time.perf_counter(), time.process_time()
            given = _share(targets, ledger, workers)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
            file_mb = sum(one.stat().st_size for one in Path(folder).iterdir()) / (1 << 20)
    if given.hosts != len(targets):
        raise BenchError(f"{given.hosts} hosts were leased of {len(targets)}")
    return Leased(
        hosts=given.hosts,
        networks=given.networks,
        workers=workers,
        seconds_to_read=round(read, 1),
        seconds=round(seconds, 1),
        hosts_per_second=round(given.hosts / seconds),
        leases_per_second=round(given.leases / seconds),
        orders_per_second=round(given.orders / seconds),
        cpu_us_per_host=round(1e6 * cpu / given.hosts, 2),
        bytes_per_host=round(given.sent / given.hosts, 1),
        file_mb=round(file_mb, 1),
        read_mb=round(read_mb),
        peak_mb=round(common.peak_mb()),
        ledger_1=alone(1),
        ledger_1000=alone(1000),
    )


def alone(networks: int, seconds: float = 3.0) -> float:
    """Leases of so many networks that the ledger grants and takes back in a second, each renewed once. Each is in the file when it is granted."""
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / NAME, RateLimits(overall=5000.0)) as ledger:
        ledger.join("worker")
        began, granted = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            first = granted * networks % (LAST - networks)
            ledger.renew("worker", None)
            number = ledger.grant("worker", [(4, first + n) for n in range(networks)], networks)
            if number is None:
                raise BenchError("the ledger refused networks that are free")
            ledger.give_back(number)
            granted += 1
        return round(granted / (time.perf_counter() - began))


@dataclass
class _Given:
    hosts: int = 0
    networks: int = 0
    leases: int = 0
    orders: int = 0
    sent: int = 0


def _share(targets: Targets, ledger: Ledger, workers: int) -> _Given:
    networks = targets.networks()
    next(networks)  # names, of which there are none
    queue, given = Queue(networks, ledger), _Given()
    names = [f"worker {n}" for n in range(workers)]
    held: dict[str, deque[list[Share]]] = {name: deque() for name in names}
    owned: dict[tuple[int, int], str] = {}
    rates: dict[str, float | None] = dict.fromkeys(names)
    for name in names:
        ledger.join(name)
    for name in cycle(names):
        if queue.empty:
            break
        if len(held[name]) >= OUTSTANDING:
            _give_back(ledger, queue, owned, held[name].popleft())
        terms = ledger.renew(name, rates[name])
        rates[name] = terms.rate
        shares = queue.lease(name, AT_ONCE)
        order = Order(
            term=0, since=1.0, seconds=terms.seconds, rate=terms.rate, hands=terms.hands, shares=tuple(shares)
        )
        given.sent += len(msgspec.msgpack.encode(order))
        given.orders += 1
        held[name].append(shares)
        for share in shares:
            given.hosts += len(share.targets)
            given.leases += 1
            given.networks += len(share.networks)
            for network in share.networks:
                if owned.setdefault(network, name) != name:
                    raise BenchError(f"{network} has two owners")
    return given


def _give_back(ledger: Ledger, queue: Queue, owned: dict[tuple[int, int], str], shares: list[Share]) -> None:
    for share in shares:
        ledger.give_back(share.number)
        queue.given_back(share.networks)
        for network in share.networks:
            owned.pop(network, None)


def table(rows: list[dict[str, float]]) -> str:
    lines = [
        "| hosts | networks | workers | s to read them | s to lease all | hosts/s | leases/s | orders/s | CPU µs/host | bytes/host in orders | file MB | MB once read | peak MB | ledger alone: leases/s of 1 network | of 1,000 |",
        "|" + "---:|" * 15,
    ]
    for row in rows:
        counts = [f"{row[name]:,}" for name in ("hosts", "networks", "workers")]
        lines.append("| " + " | ".join([*counts, *map(common.number, list(row.values())[3:])]) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = asdict(run(chosen.hosts, chosen.workers))
    print(json.dumps(found) if chosen.json else table([found]))


if __name__ == "__main__":
    main()
