"""How fast a census reads an archive: records per second, ours against the limit and other clients.

Every client asks the same replay archive (`replay.py`), which runs on one core; the client has the other. The clock
is the archive's: from the association request to the release. A run counts only if the client got every record,
and ours only if studies, series and images are those of the truth.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import common
import hospital
from common import BenchError, Client, Row

CLIENTS = common.HERE / "clients.py"


def contestants(records: int, syntax: str) -> list[Client]:
    """Slow clients get fewer records, so that a run ends."""
    found = [Client("recv and discard", records, "discard", note="the limit")]
    found += [Client(f"filmbadge ({core})", records, "census", core) for core in common.decoder_cores()]
    if common.has("findscu", "dcmtk"):
        found.append(Client("DCMTK findscu -q", max(records // 4, 1000), "findscu", note="counts nothing"))
    if Path(common.SYSTEM_PYTHON).exists() and _imports_odil():
        size = min(records, max(records // 10, 10_000))
        found.append(Client("odil", size, "odil_find", python=common.SYSTEM_PYTHON))
    found.append(Client("pynetdicom", min(records, max(records // 200, 1000)), "pynetdicom_find"))
    for client in found:
        client.note = "; ".join(filter(None, (client.note, f"{syntax} only" if syntax else "")))
    return found


def _imports_odil() -> bool:
    imports = subprocess.run([common.SYSTEM_PYTHON, "-c", "import odil"], capture_output=True, check=False)
    if imports.returncode:
        common.say("odil is not installed (Debian package python3-odil): its row is left out")
    return imports.returncode == 0


def measure(client: Client, syntax: str, ids: str = hospital.PLAIN) -> dict[str, Any]:
    """One run of one client against a replay archive of its own. Returns what the client told."""
    server_core, client_core = common.cores()
    archive = subprocess.Popen(
        [
            sys.executable,
            str(common.HERE / "replay.py"),
            f"--records={client.size}",
            f"--core={server_core}",
            f"--ids={ids}",
        ]
        + ([f"--only={syntax}"] if syntax else []),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert archive.stdout is not None
        port = json.loads(archive.stdout.readline())["port"]
        child = common.run(_command(client, port), client_core, {"TCP_NODELAY": "1", "FILMBADGE_CORE": client.core})
        served = json.loads(archive.stdout.readline() or "{}")
    finally:
        archive.kill()
        archive.wait()
    responses = served.get("responses", 0)
    told = _verify(client, child.out, served)
    client.speeds.append(responses / served["seconds"])
    client.peaks.append(child.peak_mb)
    client.cpus.append(1000 * child.cpu_seconds / responses)
    return told


def _command(client: Client, port: int) -> list[str | Path]:
    if client.kind == "findscu":
        keys = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID", *COUNT_KEYS)
        return ["findscu", "-q", "-S", *(part for key in keys for part in ("-k", key)), "127.0.0.1", str(port)]
    return [client.python, CLIENTS, client.kind, str(port), str(client.size)]


COUNT_KEYS = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")


def _verify(client: Client, out: str, served: dict[str, int]) -> dict[str, Any]:
    if not served or not served["released"]:
        raise BenchError(f"{client.who} did not take all records and release")
    if client.kind == "findscu":  # it counts nothing; that it released says that it read to the end
        return {}
    told = common.told(out)
    queries: int = told.get("queries", 1)
    # One question for all; each other one is about a single study.
    if served["queries"] != queries or served["responses"] != client.size + queries - 1:
        raise BenchError(f"{client.who}: {served['responses']} records were sent to {queries} questions")
    if told["records"] != client.size:
        raise BenchError(f"{client.who} saw {told['records']} records of {client.size}")
    if client.kind == "census":
        common.check(client.who, told["truth"], hospital.truth(client.size))
    return told


def rows(records: int, repeat: int, syntax: str) -> list[Row]:
    """All clients in turn, so that a slow spell of the machine meets them alike."""
    clients = contestants(records, syntax)
    for turn in range(repeat):
        for client in clients:
            measure(client, syntax)
            common.say(f"census {turn + 1}/{repeat}: {client.who}: {common.number(client.speeds[-1])} records/s")
    for client in clients:
        if client.kind == "census":
            client.note = "; ".join(filter(None, (client.note, _bytes_an_entry(client, records))))
    return common.fill_ratios(client.row() for client in clients)


def _bytes_an_entry(client: Client, records: int) -> str:
    """What a distinct study costs in memory. It swings, because a set doubles when it is full."""
    found = []
    for size in (records, 2 * records, 3 * records):
        child = common.run(
            [common.OUR_PYTHON, CLIENTS, "entries", "0", str(size)], common.cores()[1], {"FILMBADGE_CORE": client.core}
        )
        found.append(f"{common.told(child.out)['bytes']:.0f}")
    return f"a tally takes {', '.join(found)} bytes an entry at {records:,} entries, twice and three times as many"


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--syntax", choices=("explicit", "implicit"), default="", help="only this; else what is asked")
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
        found = rows(chosen.records, chosen.repeat, chosen.syntax)
    except BenchError as error:
        sys.exit(str(error))
    common.put(common.document("census", found, chosen), "record", as_json=chosen.json)


if __name__ == "__main__":
    main()
