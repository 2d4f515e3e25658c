"""How fast a profile reads an archive: records per second, beside a census of the same archive and beside libraries.

The archive has patients as a hospital has them, and 57 of a hundred have a US social security number for an id. A
profile notes which attributes of each record are filled and malformed, counts patients, and tests each id. Over DIMSE
all ask the replay archive (`replay.py`) one question for all studies; a profile then asks for some studies one by
one. Over QIDO-RS ours asks `replay_qido.py`, in windows of dates and in pages of 500 rows, as a user runs it; there a
row is a record, and the clock is the client's. `Of ours` means: of our profile over DIMSE. A run counts only if
studies, patients, records with such a number, and what is filled and malformed of each kind are those of the truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import census
import common
import hospital
from common import BenchError, Client, Row

OURS = "filmbadge profile ("
PEER = "pynetdicom and python-stdnum, profile"


def contestants(records: int, before: str) -> list[Client]:
    """Slow clients get fewer records, so that a run ends. `before` is the Python of an earlier version of ours."""
    found = [Client("recv and discard", records, "discard", note="the limit")]
    for kind, core in product(("census", "profile"), common.decoder_cores()):
        found.append(Client(f"filmbadge {kind} ({core})", _size(records, core), kind, core))
    found.append(Client(PEER, _at_least(1000, records // 200, records), "pynetdicom_profile"))
    for kind, core in product(("census", "profile"), common.decoder_cores()):
        size = max(_size(records, core) // 3, 300) + 3  # a round number might be a limit of the archive
        found.append(Client(f"filmbadge {kind} over QIDO-RS ({core})", size, f"qido_{kind}", core))
    ours = [client for client in found if client.who.startswith("filmbadge")] if before else []
    for client in ours:
        size = client.size if client.kind == "census" else max(client.size // 5, 1000) + 3
        found.append(replace(client.before(before), size=size))
    return found


def _size(records: int, core: str) -> int:
    return records if core == "compiled" else _at_least(1000, records // 5, records)


def _at_least(least: int, part: int, records: int) -> int:
    """A part of the records that is worth measuring, or all."""
    return min(max(part, least), records)


def measure(client: Client) -> None:
    """One run of one client. Raises BenchError where it counted anything else than the truth."""
    over_http = client.kind.startswith("qido")
    told = _over_http(client) if over_http else census.measure(client, "", hospital.SSN)
    if client.kind == "discard":
        return
    counts_only = client.kind.endswith("census")
    truth = hospital.truth(client.size, hospital.PLAIN if counts_only else hospital.SSN)
    common.check(client.who, told["truth"], truth, *common.NOT_ASKED.get(client.kind, ()))


def _over_http(client: Client) -> dict[str, Any]:
    server_core, client_core = common.cores()
    archive = subprocess.Popen(
        [sys.executable, str(common.HERE / "replay_qido.py"), f"--studies={client.size}", f"--core={server_core}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert archive.stdout is not None
        port = json.loads(archive.stdout.readline())["port"]
        command = [client.python, census.CLIENTS, client.kind, str(port), str(client.size)]
        child = common.run(command, client_core, {"FILMBADGE_CORE": client.core})
    finally:
        archive.kill()
        archive.wait()
    told = common.told(child.out)
    client.speeds.append(told["records"] / told["seconds"])
    client.peaks.append(child.peak_mb)
    client.cpus.append(1000 * child.cpu_seconds / told["records"])
    return told


def rows(records: int, repeat: int, before: str = "") -> list[Row]:
    """All clients in turn, so that a slow spell of the machine meets them alike."""
    clients = contestants(records, before)
    for turn in range(repeat):
        for client in clients:
            measure(client)
            common.say(f"profile {turn + 1}/{repeat}: {client.who}: {common.number(client.speeds[-1])} records/s")
    return common.fill_ratios((client.row() for client in clients), OURS)


def parts(records: int) -> dict[str, dict[str, float]]:
    """Where the time of a record goes: microseconds by what is done, and by core."""
    found: dict[str, dict[str, float]] = {}
    for core in common.decoder_cores():
        size = _size(records, core) // 5
        child = common.run(
            [common.OUR_PYTHON, census.CLIENTS, "parts", "0", str(size)], common.cores()[1], {"FILMBADGE_CORE": core}
        )
        for what, microseconds in common.told(child.out)["parts"].items():
            found.setdefault(what, {})[core] = round(microseconds, 3)
        common.say(f"profile: where the time of a record goes ({core})")
    return found


def tables(found: Mapping[str, Any]) -> str:
    """The clients, and where the time of a record goes, as Markdown."""
    spent: dict[str, dict[str, float]] = found["parts"]
    cores = list(next(iter(spent.values())))
    lines = [f"| CPU µs/record, in one process | {' | '.join(cores)} |", "|---|" + "---:|" * len(cores)]
    lines += [f"| {what} | {' | '.join(common.number(one[core]) for core in cores)} |" for what, one in spent.items()]
    return f"{common.table(found, 'record')}\n\nWhere the time of a record goes:\n\n" + "\n".join(lines)


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    common.add_before(parser)
    parser.add_argument("--quick", action="store_true", help="100,000 records, once")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.quick:
        chosen.records, chosen.repeat = min(chosen.records, 100_000), 1
    return chosen


def main() -> None:
    chosen = options()
    common.enter()
    try:
        found, spent = rows(chosen.records, chosen.repeat, chosen.before), parts(chosen.records)
    except BenchError as error:
        sys.exit(str(error))
    told = common.document("profile", found, chosen) | {"parts": spent}
    print(json.dumps(told, indent=2) if chosen.json else tables(told))


if __name__ == "__main__":
    main()
