"""What was kept of each target, as records: what a survey is judged from once more. Part by part, so that memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import pyarrow as pa

from filmbadge.keep import parts, upgrade, version_2
from filmbadge.keep.files import shown
from filmbadge.keep.schema import LINKS, OBSERVATIONS, Row, link
from filmbadge.model import Link, Observation, Outcome, Refusal

BATCH_ROWS = 2000


@dataclass(frozen=True, slots=True)
class Visit:
    """One target, as it was asked at one time."""

    target: str
    address: str
    name: str
    at: datetime  # of its last row
    observations: tuple[Observation, ...]
    links: tuple[Link, ...]
    fault: Outcome | None


def observed(directory: Path) -> dict[int, Path]:
    """The parts with what was observed, by their numbers."""
    return parts.numbered(directory, OBSERVATIONS.folder(directory, 0)) or version_2.observed(directory)


def visits(directory: Path, number: int, path: Path) -> Iterator[Visit]:
    """Of one part. Raises Refusal where it cannot be read."""
    try:
        rows, links = (
            _version_2(directory, path) if path.parent.name != OBSERVATIONS.name else _rows(directory, number, path)
        )
        here: dict[str, list[Link]] = {}
        for row in (row for row in links if row["target"] is not None):
            here.setdefault(row["target"], []).append(link(row))
        for target, asked in groupby(rows, key=lambda row: str(row["target"])):
            yield _visit(target, list(asked), here.get(target, []))
    except (pa.ArrowException, OSError) as error:
        raise Refusal(f"{shown(path)} cannot be read ({type(error).__name__})") from None


def _visit(target: str, rows: list[Row], links: list[Link]) -> Visit:
    seen = [(row["facts_version"], row["observation"]) for row in rows if row["observation"] is not None]
    faults = [(row["facts_version"], row["fault"]) for row in rows if row["fault"] is not None]
    return Visit(
        target,
        rows[0]["host"],
        rows[0]["name"],
        rows[-1]["asked_at"].replace(tzinfo=UTC),
        tuple(upgrade.observation(version, text) for version, text in seen),
        tuple(links),
        next((upgrade.fault(version, text) for version, text in faults), None),
    )


def _version_2(directory: Path, path: Path) -> tuple[Iterator[Row], Iterator[Row]]:
    return version_2.observation_rows(directory, path), version_2.links(directory, path)


def _rows(directory: Path, number: int, path: Path) -> tuple[Iterator[Row], Iterator[Row]]:
    """What was observed, and the links that were seen with it: they have the same number."""
    links = parts.numbered(directory, LINKS.folder(directory, 0)).get(number)
    return _read(directory, path), iter(()) if links is None else _read(directory, links)


def _read(directory: Path, path: Path) -> Iterator[Row]:
    table = LINKS if path.parent.name == LINKS.name else OBSERVATIONS
    with parts.opened(directory, path) as file:
        parts.require_schema(path, file.schema_arrow, table.arrow)
        for batch in file.iter_batches(BATCH_ROWS):
            yield from batch.to_pylist()
