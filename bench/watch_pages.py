"""How quickly the dashboard answers over a directory that bench/watch_year.py made, and how much memory it holds at rest. Loopback only."""

from __future__ import annotations

import argparse
import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles
from threading import Thread

import common

PATHS = ("/", "/archives", "/archives?state=open&sort=studies&page=2", "/archives/1", "/findings", "/surveys", "/surveys/52", "/scopes", "/metrics", "/api/v1/")  # fmt: skip
TIMES, CLIENTS, SECONDS = 40, 4, 5.0


def asked(connection: http.client.HTTPConnection, path: str) -> float:
    """Milliseconds until all of it was there."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"{path} answered {answer.status}")
    return (time.perf_counter() - began) * 1000


def memory(pid: int) -> float:
    """MB that are resident now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def rate(port: int) -> float:
    """Overviews a second, by several clients at once."""
    done = [0] * CLIENTS
    end = time.perf_counter() + SECONDS

    def client(n: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while time.perf_counter() < end:
            asked(connection, "/")
            done[n] += 1

    threads = [Thread(target=client, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / SECONDS


def rows(directory: Path, port: int) -> Iterator[str]:
    command = [common.OUR_PYTHON, "-m", "filmbadge", "watch", "--dir", str(directory), "--listen", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            if not (said := process.stderr.readline()).startswith("Open http"):
                sys.exit(said)
            yield f"| at rest, before the first request, MB | {memory(process.pid):.0f} | |"
            connection = http.client.HTTPConnection("127.0.0.1", port)
            for path in PATHS:
                first = asked(connection, path)
                took = [asked(connection, path) for _ in range(TIMES)]
                yield f"| {path}, ms: median, 95 % | {median(took):.1f} | {quantiles(took, n=20)[-1]:.1f} (the first {first:.0f}) |"
            yield f"| overviews a second, {CLIENTS} clients | {rate(port):.0f} | |"
            time.sleep(3)
            yield f"| at rest after all that, MB | {memory(process.pid):.0f} | |"
        finally:
            process.terminate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--port", type=int, default=8799)
    chosen = parser.parse_args()
    print("| what | | |\n|---|---:|---:|")
    for row in rows(chosen.directory, chosen.port):
        print(row, flush=True)


if __name__ == "__main__":
    main()
