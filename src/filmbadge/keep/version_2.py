"""Dataset version 2, as the tables of today: facts and verdicts stood in one table, and what sketches proved was not kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from filmbadge.keep import facts_1, parts
from filmbadge.keep.files import Damaged, shown
from filmbadge.keep.manifest import grouping
from filmbadge.keep.schema import JOURNAL, OBSERVATIONS, Row, Table
from filmbadge.model import LinkBy
from filmbadge.scope import address_of

FACTS = 1

Json = dict[str, Any]


def observed(directory: Path) -> dict[int, Path]:
    return parts.numbered(directory, directory / "endpoints")


def table(directory: Path, wanted: Table) -> pa.Table:
    if wanted is JOURNAL:
        files = parts.numbered(directory, directory / "journal").values()
        rows = [facts_1.journal(row) for path in files for row in _read(directory, path)]
    elif wanted is OBSERVATIONS:
        rows = [row for path in observed(directory).values() for row in observation_rows(directory, path)]
    else:
        rows = [row for path in observed(directory).values() for row in links(directory, path)] + list(
            _reviewed(directory)
        )
    return pa.Table.from_pylist([{name: row.get(name) for name in wanted.arrow.names} for row in rows], wanted.arrow)


def observation_rows(directory: Path, path: Path) -> Iterator[Row]:
    for _, rows in groupby(_read(directory, path), key=lambda row: str(row["target"])):
        here = list(rows)
        for row in here:
            known = {**row, "host": here[0]["address"], "name": _name(row["target"]), "facts_version": FACTS}
            yield known | (_fault(row) if row["port"] == 0 else {"fault": None})


def _fault(row: Row) -> Row:
    """It stood there as an endpoint without a port."""
    stop = msgspec.json.encode(msgspec.json.decode(row["observation"])["stop"]).decode()
    return {"port": None, "protocol": None, "depth": None, "observation": None, "fault": stop}


def _name(target: str) -> str:
    """The host name in a target; empty where it is an address."""
    host = re.sub(r":[\d,]+$", "", target)
    return "" if address_of(target) or address_of(host) else host


def links(directory: Path, path: Path) -> Iterator[Row]:
    """Whether endpoints of a host that were enumerated are one archive, as it was judged: sketches had decided it."""
    for target, rows in groupby(_read(directory, path), key=lambda row: str(row["target"])):
        for one, other in combinations([row for row in rows if _enumerated(row)], 2):
            by = LinkBy.JUDGED_ONE if one["archive"] == other["archive"] else LinkBy.JUDGED_APART
            yield {
                "one": _url(one),
                "other": _url(other),
                "shown_by": str(by),
                "shared": None,
                "sampled": None,
                "target": target,
            }


def _enumerated(row: Row) -> bool:
    facts = msgspec.json.decode(row["observation"])
    return any((facts.get(way) or {}).get("census") is not None for way in ("dimse", "dicomweb"))


def _url(row: Row) -> str:
    address = f"[{row['address']}]" if ":" in row["address"] else row["address"]
    return f"{row['protocol']}://{address}:{row['port']}"


def _reviewed(directory: Path) -> Iterator[Row]:
    archives, same_as = _archives(directory), _reviews(directory)
    for name, review in same_as.items():
        first = review["same_as"]
        if name in archives and first in archives:
            one, other = archives[first]["endpoints"][0], archives[name]["endpoints"][0]
            yield {"one": one, "other": other, "shown_by": str(LinkBy.JUDGED_ONE)}


def _read(directory: Path, path: Path) -> list[Row]:
    """Raises Damaged. The parts of this version have no digest."""
    try:
        rows: list[Row] = parts.opened(directory, path).read().to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise Damaged(f"{shown(path)} cannot be read ({type(error).__name__})") from None
    return rows


def _archives(directory: Path) -> dict[str, Row]:
    """As known best: the last of several that sort alike. Raises Damaged where one that endpoints name is lost."""
    done = observed(directory)
    files = [path for number, path in parts.numbered(directory, directory / "archives").items() if number in done]
    rows = [row for path in files for row in _read(directory, path)]
    rows.sort(key=lambda row: (row["open"], row["studies"] is not None, row["studies"], len(row["endpoints"])))
    found = {row["id"]: row for row in rows}
    named = {row["archive"] for path in done.values() for row in _read(directory, path)} - {"", None}
    if not found.keys() >= named:
        raise Damaged(f"{directory}: part files of the table archives are missing")
    return found


def _reviews(directory: Path) -> dict[str, Row]:
    rows = [row for path in parts.numbered(directory, directory / "reviews").values() for row in _read(directory, path)]
    return {row["archive"]: row for row in sorted(rows, key=lambda row: row["reviewed_at"])}


def manifest(directory: Path, document: Json) -> Json:
    """Its total of patient ids held for the archives as they were grouped then. The other totals stand in the tables."""
    archives, reviews = _archives(directory), _reviews(directory)
    found = next((row for row in document["rows"] if row["quantity"] == "patient_ids"), None)
    ways = {name: list(row["endpoints"]) for name, row in archives.items()}
    for name, review in reviews.items():
        if review["same_as"] in ways:
            ways[review["same_as"]] += ways.pop(name)
    said = [row["measured"] for row in document["rows"] if row["quantity"] in ("archives", "decoys")]
    if document["state"] != "running" and None not in said and sum(said) != len(ways):
        # Without its reviews, an archive with two ways in would be told twice.
        raise Damaged(f"{directory}: part files of the table reviews are missing")
    decoys = {name for name, row in archives.items() if row["decoy"] or reviews.get(name, {}).get("decoy")}
    counted = (ways[name] for name in ways if archives[name]["open"] and name not in decoys)
    kept = {"journal": document["connections"], "observations": sum(document["outcomes"].values())}
    ids = found and {"total": facts_1.total(found), "grouping": grouping(counted)}
    return {**document, "rows": [], "patient_ids": ids, "kept": kept if document["state"] != "running" else {}}
