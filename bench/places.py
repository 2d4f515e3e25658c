"""How fast places are read and looked up: tables of the user, a small database, and the package.

`unlike`: every row has an operator, a contact and a site of its own. `alike`: rows share the names of autonomous systems, as
in a list of all networks. Addresses are drawn at random. A look-up counts only if it found what the row of its network says.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path

import common

from filmbadge.model import Place
from filmbadge.places import PACKAGED, load

sys.path.insert(0, str(common.HERE.parent / "tests"))
from support import mmdb

HEAD = "network,country,asn,as_name,operator,contact,language,site"


@dataclass
class Row:
    """One source."""

    who: str
    networks: int
    load_seconds: float  # of CPU
    per_second: float  # look-ups in a second of CPU
    peak_mb: float  # of the process, which grows from row to row


def table(path: Path, networks: int, *, alike: bool) -> None:
    """Networks of 256 addresses, one after the other from 1.0.0.0 on."""
    with path.open("w") as file:
        file.write(f"# date: 2026-11-20\n{HEAD}\n")
        for n in range(networks):
            own = ",,," if alike else f"Operator {n},it{n}@hospital.example,en,Site {n}"
            file.write(f"{IPv4Address((1 << 24) + (n << 8))}/24,DE,{n % 80_000 + 1},Net {n % 80_000},{own}\n")


def database(path: Path) -> None:
    records = {f"{n}.0.0.0/8": {"country": {"iso_code": "DE"}} for n in range(1, 127)}
    path.write_bytes(mmdb.database(records))


def measure(who: str, networks: int, paths: list[Path], addresses: list[str]) -> Row:
    started = time.process_time()
    places = load(paths)
    loaded = time.process_time()
    found: list[Place] = [places.of(address) for address in addresses]
    ended = time.process_time()
    if paths and not all(place.country[0].value == "DE" for place in found):
        raise common.BenchError(f"{who}: a look-up missed its network")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Row(who, networks, loaded - started, len(addresses) / (ended - loaded), peak)


def rows(networks: int, look_ups: int, folder: Path) -> Iterator[Row]:
    chance = random.Random(15)
    addresses = [str(IPv4Address((1 << 24) + chance.randrange(networks << 8))) for _ in range(look_ups)]
    yield measure("the package alone", 0, [], addresses)
    database(folder / "small.mmdb")
    yield measure("a small database", 126, [folder / "small.mmdb"], addresses)
    for alike in (True, False):
        name = "alike" if alike else "unlike"
        table(folder / f"{name}.csv", networks, alike=alike)
        yield measure(f"a table, {name}", networks, [folder / f"{name}.csv"], addresses)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=1_000_000)
    parser.add_argument("--look-ups", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    assert PACKAGED.used
    with tempfile.TemporaryDirectory() as folder:
        found = list(rows(options.networks, options.look_ups, Path(folder)))
    if options.json:
        print(json.dumps({"rows": [asdict(row) for row in found]}))
        return
    print("| source | networks | load, CPU s | look-ups/s of CPU | peak MB |\n|---|---|---|---|---|")
    for row in found:
        print(f"| {row.who} | {row.networks:,} | {row.load_seconds:.2f} | {row.per_second:,.0f} | {row.peak_mb:,.0f} |")


if __name__ == "__main__":
    main()
