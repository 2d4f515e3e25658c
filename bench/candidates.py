"""What one candidate of a port scan costs: bytes on the wire, bytes in the dataset, and CPU of the survey, by what stands there.

Each kind of host stands on all addresses of 127.0.0.0/8, at the one port that the scan named, and is asked at depth `ask`. Bytes on the
wire are those that the interface counted, in both directions, with all headers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import clients
import common
import spread
from common import BenchError
from identify import PORT, build

HOSTS = 5_000
KINDS = ("archive", "web server", "web server that hangs up", "silent", "closed")
WAITS_SECONDS = 2.0  # for a host that says nothing; a scope's own patience only holds the hand for longer


@dataclass(frozen=True)
class Cost:
    """Of one host."""

    kind: str
    hosts: int
    connections: float
    wire_bytes: float
    kept_bytes: float
    cpu_us: float


def costs(hosts: int) -> Iterator[Cost]:
    with tempfile.TemporaryDirectory() as name:
        peer = build(Path(name))
        for kind in KINDS:
            with spread.acceptor(peer) if kind == "archive" else _standing(kind):
                command = [common.OUR_PYTHON, __file__, "--child", kind, "--hosts", str(hosts)]
                told = common.told(common.run(command, common.cores()[1], seconds=900).out)
            if told["archives"] != (hosts if kind == "archive" else 0) or told["connections"] < hosts:
                raise BenchError(f"{kind}: {told}")
            each = {
                name: round(told[name] / hosts, 1) for name in ("connections", "wire_bytes", "kept_bytes", "cpu_us")
            }
            common.say(f"candidates: {kind}: {each}")
            yield Cost(kind, hosts, **each)


@contextmanager
def _standing(kind: str) -> Iterator[None]:
    if kind == "closed":
        yield
        return
    process = subprocess.Popen([sys.executable, __file__, "--serve", kind], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


async def serve(kind: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if kind == "silent":
            await reader.read()
        while asked := await reader.read(1 << 16):
            stays = kind == "web server" and asked.startswith((b"GET ", b"POST "))
            status = b"404 Not Found" if stays else b"400 Bad Request"
            body = b"<html><head><title>%b</title></head><body>%b</body></html>" % (status, status)
            head = b"HTTP/1.1 %b\r\nContent-Type: text/html\r\nContent-Length: %d\r\n%b\r\n"
            writer.write(head % (status, len(body), b"" if stays else b"Connection: close\r\n") + body)
            if not stays:
                break
        writer.close()

    server = await asyncio.start_server(answer, "0.0.0.0", PORT, backlog=4096)
    print("ready", flush=True)
    await server.serve_forever()


def child(hosts: int) -> dict[str, float]:
    """One survey, in a process of its own."""
    import time

    from filmbadge.ask.targets.lists import Target, Targets
    from filmbadge.keep.reader import Dataset
    from filmbadge.model import Depth, Host
    from filmbadge.survey.engine import Survey

    class Watcher:
        def host_done(self, host: Host) -> None:
            pass

    scope = clients._scope(Depth.ASK, PORT)
    scope = replace(scope, caps=replace(scope.caps, patience_seconds=WAITS_SECONDS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "survey"
        targets = Targets(tuple(Target(address, (PORT,)) for address in clients.hosts(hosts)))
        plan = Survey(scope, targets, ("bench",), folder)
        before, cpu = _sent(), time.process_time()
        clients._loop(plan.run(Watcher()))
        cpu, wire = time.process_time() - cpu, _sent() - before
        dataset = Dataset(folder)
        (journal,) = dataset.rows("SELECT count(*) n FROM journal")
        (archives,) = dataset.rows("SELECT count(*) n FROM archives WHERE open")
        kept = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "wire_bytes": wire,
        "kept_bytes": kept,
        "cpu_us": 1e6 * cpu,
        "connections": journal["n"],
        "archives": archives["n"],
    }


def table(found: list[Cost]) -> str:
    lines = [
        "| what stands there | connections | bytes on the wire | bytes kept | CPU µs | hosts |",
        "|---|" + "---:|" * 5,
    ]
    for cost in found:
        numbers = (cost.connections, cost.wire_bytes, cost.kept_bytes, cost.cpu_us)
        lines.append(f"| {cost.kind} | {' | '.join(map(common.number, numbers))} | {cost.hosts:,} |")
    return "\n".join(lines)


def _sent() -> int:
    """Bytes that loopback carried, in this network."""
    (line,) = (line for line in Path("/proc/self/net/dev").read_text().splitlines() if line.lstrip().startswith("lo:"))
    return int(line.partition(":")[2].split()[8])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve(chosen.serve))
    elif chosen.child:
        print(json.dumps(child(chosen.hosts)))
    else:
        common.enter()
        try:
            found = list(costs(chosen.hosts))
        except BenchError as error:
            sys.exit(str(error))
        print(json.dumps([asdict(cost) for cost in found], indent=2) if chosen.json else table(found))


if __name__ == "__main__":
    main()
