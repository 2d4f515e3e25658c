"""How fast an archive of a synthetic world sends records: it must not hold a rehearsal back.

The archive is served as a rehearsal serves it, on one core; the client has the other. `receive and drop` looks at
nothing but the end. Ours is one question of a census, and of a profile, with its start. CPU is the client's, the peak is the
archive's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import sys
import time
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from multiprocessing.connection import Connection

import common
import uvloop
from common import BenchError, Row

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.personal.progress import WITH_ALL
from filmbadge.catalogue.dicom import EXPLICIT_LITTLE, STUDY_ROOT_FIND
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.serve import serve
from filmbadge.rehearse.world import Archive, World

TARGET = 2_000_000  # records a second, with the keys of a census
CENSUS = (elements.STUDY_UID, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY)
ADDRESS = "127.0.0.1"


def archive(records: int, core: int, pipe: Connection) -> None:
    """Serve one archive until the other end of the pipe is closed."""
    os.sched_setaffinity(0, {core})

    async def main() -> None:
        today = datetime.now(UTC).date().toordinal()
        contents = Contents(
            "2.25.1", online=Part(records, 30 * records), patients=records, first_day=today - 3000, days=3000
        )
        world = World("bench", (Archive("", (IPv4Address(ADDRESS),), contents),), (IPv4Network(f"{ADDRESS}/32"),))
        async with serve(world, 1) as site:
            pipe.send(site.dimse_ports[0])
            await asyncio.get_running_loop().run_in_executor(None, pipe.poll, None)  # until the other end is closed

    uvloop.run(main())


def drop(port: int, tags: tuple[int, ...]) -> None:
    """Ask for all studies, and receive the answer without a look at it."""
    keys = sorted([(elements.QUERY_LEVEL, b"STUDY"), *((tag, b"") for tag in tags)])
    context = pdu.Context(1, STUDY_ROOT_FIND, (EXPLICIT_LITTLE,))
    find = command.encode(Command(command.C_FIND_RQ, 1, STUDY_ROOT_FIND, None, True))
    final = command.encode(Command(command.C_FIND_RSP, 1, STUDY_ROOT_FIND, 0x0000))
    with socket.create_connection((ADDRESS, port)) as line:
        line.sendall(pdu.associate(pdu.ASSOCIATE_RQ, pdu.Associate("ANY-SCP", "BENCH", (context,))))
        line.recv(65536)
        line.sendall(pdu.data(1, find, elements.encode(keys, explicit=True), 16384))
        room, end = bytearray(1 << 20), b""
        while end != final:
            got = line.recv_into(room)
            if not got:
                raise BenchError("the answer ended early")
            end = (end + room[max(0, got - len(final)) : got])[-len(final) :]


def measure(who: str, records: int, repeat: int) -> Row:
    speeds, cpus, peak = [], [], 0.0
    server_core, client_core = common.cores()
    processes = multiprocessing.get_context("spawn")  # a fork would hold both ends of the pipe
    for _ in range(repeat):
        ours, theirs = processes.Pipe()
        server = processes.Process(target=archive, args=(records, server_core, theirs))
        server.start()
        theirs.close()
        port, started = ours.recv(), time.perf_counter()
        if who.startswith("filmbadge"):
            child = common.run(
                [common.OUR_PYTHON, common.HERE / "clients.py", who.split()[1], str(port), "0"], client_core
            )
            told = json.loads(child.out.splitlines()[-1])
            seconds, cpu = told.get("seconds", child.seconds), child.cpu_seconds
        else:
            os.sched_setaffinity(0, {client_core})
            before = time.process_time()
            drop(port, CENSUS if who.endswith("census") else WITH_ALL)
            seconds, cpu = time.perf_counter() - started, time.process_time() - before
        peak = max(peak, common.peak_mb(server.pid or 0))
        ours.close()
        server.join()
        speeds.append(records / seconds)
        cpus.append(1000 * cpu / records)
    return Row(who, sorted(speeds)[repeat // 2], peak, records, None, sorted(cpus)[repeat // 2])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=4_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    common.enter()
    try:
        rows = [
            measure(who, chosen.records, chosen.repeat)
            for who in (
                "receive and drop, census",
                "receive and drop, profile",
                "filmbadge census",
                "filmbadge profile",
            )
        ]
    except BenchError as error:
        sys.exit(str(error))
    common.put(common.document("world", common.fill_ratios(rows), chosen), "record", as_json=chosen.json)
    reached = "reached" if rows[0].per_second >= TARGET else "missed"
    common.say(f"target: {TARGET:,} records a second with the keys of a census: {reached}")


if __name__ == "__main__":
    main()
