"""Datasets of hosts whose truth is known: what is behind each of them, and what of that was found out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from filmbadge.keep import manifest, parts
from filmbadge.keep.manifest import State
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import ARCHIVES, COUNTED, ENDPOINTS, LINKS, TABLES, Table, encode_doubts
from filmbadge.model import Doubt, DoubtCode
from support import factories

Row = dict[str, Any]
WHY = (Doubt(DoubtCode.NOT_ENDED),)


@dataclass(frozen=True)
class Held:
    """One archive in truth: its studies, each with an own number of images."""

    studies: frozenset[int]
    open: bool = True
    decoy: bool = False

    @property
    def images(self) -> int:
        return images(self.studies)


def images(studies: frozenset[int]) -> int:
    return sum(1 + uid % 7 for uid in studies)


@dataclass(frozen=True)
class Seen:
    """One host as it was asked: the archive behind it, and what of that was found out."""

    held: Held | None
    how: str  # of its numbers; "undecided", "inconclusive" or "unasked", where it is not known whether it is open
    share: float = 1.0  # of its studies, those that a bound has
    why: tuple[Doubt, ...] = WHY


def endpoint(n: int, rung: str | None, *, conclusive: bool | None = True, archive: bool = False, **other: Any) -> Row:
    address = f"192.0.2.{n}"
    return {
        "address": address,
        "port": 4242,
        "protocol": "dimse",
        "target": address,
        "asked_at": factories.AT.replace(tzinfo=None),
        "rung": rung,
        "open": None if rung is None else rung == "discloses",
        "conclusive": conclusive,
        "why": "records-given",
        "ending": "completed",
        "viewer": "",
        "archive": f"{address}:4242" if archive else None,
        **other,
    }


def numbers(seen: Seen) -> Row:
    held = seen.held
    assert held is not None
    true = dict.fromkeys(COUNTED, 0) | {
        "patients": len(held.studies),
        "studies": len(held.studies),
        "images": held.images,
    }
    row: Row = {}
    for quantity, n in true.items():
        known = seen.how in ("counted", "reported")
        bound = None if known else int(n * seen.share)
        row |= {quantity: n if known else None, f"{quantity}_how": seen.how, f"{quantity}_at_least": bound}
        row |= {f"{quantity}_doubts": None if known else encode_doubts(seen.why)}
        if seen.how == "estimated":
            row |= {quantity: n + 3, f"{quantity}_low": bound, f"{quantity}_high": n + 9}
    return row


def archive(n: int, seen: Seen) -> Row:
    assert seen.held is not None
    address = f"192.0.2.{n}"
    opened = seen.how not in ("closed", "inconclusive")
    return {
        "id": f"{address}:4242",
        "address": address,
        "endpoints": [f"dimse://{address}:4242"],
        "rung": "discloses" if opened else "speaks",
        "open": opened,
        "decoy": ["honeypot-software"] if seen.held.decoy else [],
        "configuration": "",
        **numbers(seen if opened else Seen(seen.held, "unknown", 0)),
    }


def rows(hosts: list[Seen]) -> tuple[list[Row], list[Row]]:
    """The endpoints and the archives of a dataset."""
    endpoints, archives = [], []
    for n, seen in enumerate(hosts, 1):
        if seen.how == "unasked":
            continue
        if seen.how == "undecided":
            endpoints.append(endpoint(n, None if n % 2 else "listening", conclusive=None if n % 2 else False))
        elif seen.held is None:
            endpoints.append(endpoint(n, "silent" if n % 2 else "listening", ending="refused"))
        else:
            made = archive(n, seen)
            endpoints.append(endpoint(n, made["rung"], conclusive=seen.how != "inconclusive", archive=True))
            archives.append(made)
    return endpoints, archives


def dataset(
    directory: Path,
    endpoints: list[Row],
    archives: list[Row],
    hosts: int,
    state: State = "done",
    links: list[Row] | None = None,
    countries: Sequence[str | None] = (),
) -> Dataset:
    """`countries`: of each host, in the order of addresses."""
    for row in (*endpoints, *archives) if countries else ():
        row["country"] = countries[int(row["address"].rpartition(".")[2]) - 1]
    directory.mkdir(exist_ok=True, parents=True)
    made = factories.survey(directory)
    manifest.write(directory, msgspec.structs.replace(made, hosts=hosts, state=state))

    def table(kind: Table, found: list[Row]) -> pa.Table:
        return pa.Table.from_pylist(found, schema=kind.arrow)

    judged = {kind.name: kind.arrow.empty_table() for kind in TABLES if kind.judged}
    judged |= {ENDPOINTS.name: table(ENDPOINTS, endpoints), ARCHIVES.name: table(ARCHIVES, archives)}
    if links:
        folder = LINKS.folder(directory, 0)
        folder.mkdir(parents=True, exist_ok=True)
        parts.write(folder, 1, table(LINKS, links))
    return Dataset(directory, judged)


def measured(sets: list[frozenset[int]], shares: list[float]) -> Iterator[Row]:
    """Links as sketches give them: of a part of the hashes, where the sketches do not hold all."""
    for (one, other), share in zip(combinations(range(len(sets)), 2), shares, strict=False):
        either = sorted(sets[one] | sets[other])[: max(1, int(share * len(sets[one] | sets[other])))]
        both = sets[one] & sets[other]
        yield {
            "one": f"dimse://192.0.2.{one + 1}:4242",
            "other": f"dimse://192.0.2.{other + 1}:4242",
            "shown_by": "study-uids",
            "shared": len(both & frozenset(either)),
            "sampled": len(either),
            "target": None,
        }
