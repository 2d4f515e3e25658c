"""What a report takes out of a dataset: all its SQL, and records of `model` made from the rows again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from filmbadge.keep import upgrade
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import by_year, decode_doubts, place
from filmbadge.model import (
    Appearance,
    Archive,
    ByHand,
    Grade,
    JudgedEndpoint,
    Kind,
    KindFound,
    Protocol,
    Provenance,
    Rung,
    Said,
    Verdict,
)
from filmbadge.texts import clean

_ORDER = list(Kind)
_NAME = 128  # characters of a product with its version
_Row = dict[str, Any]


class Stop(NamedTuple):
    """Endpoints that stopped at the same place for the same reason."""

    verdict: Verdict
    protocol: Protocol | None  # None: a fault of ours, at no endpoint
    endpoints: int


# Each archive as its own host showed it, with what a review found of the archive that it is the same as.
_ALONE = (
    "(SELECT a.* REPLACE (list_sort(list_distinct(a.decoy || coalesce(r.decoy, []) || coalesce(t.decoy, []))) AS decoy), "
    "coalesce(r.same_as, a.id) AS shown_as FROM archives_known AS a LEFT JOIN reviews AS r ON r.archive = a.id "
    "LEFT JOIN archives AS t ON t.id = r.same_as)"
)


def archives(dataset: Dataset) -> Iterator[tuple[Archive, list[JudgedEndpoint]]]:
    """Every archive with the endpoints that lead to it: open ones first, and the larger first."""
    for archive, group, _ in _archives(dataset, "(SELECT *, id AS shown_as FROM archives)", "endpoints"):
        yield archive, group


def each_alone(dataset: Dataset) -> Iterator[tuple[Archive, list[JudgedEndpoint], str]]:
    """The same, where an archive that was found at two hosts stands at each of them, with the id that `archives` has for it."""
    return _archives(dataset, _ALONE, "endpoints_known")


def _archives(dataset: Dataset, archives: str, endpoints: str) -> Iterator[tuple[Archive, list[JudgedEndpoint], str]]:
    groups: dict[str, list[JudgedEndpoint]] = {}
    for row in dataset.rows(
        "SELECT archive, facts_version, observation, rung, why, codes, said, stop, conclusive, product, toolkit, transport, place "
        f"FROM {endpoints} JOIN observations USING (address, port, protocol, target, asked_at) "
        "WHERE archive IS NOT NULL ORDER BY address, port"
    ):
        groups.setdefault(str(row["archive"]), []).append(_judged(row))
    kinds: dict[str, list[KindFound]] = {}
    for row in dataset.rows("SELECT * FROM kinds"):
        kinds.setdefault(str(row["archive"]), []).append(
            msgspec.convert({**row, "doubts": decode_doubts(row["doubts"])}, KindFound)
        )
    by_hand = dataset.by_hand()
    for row in dataset.rows(f"SELECT * FROM {archives} ORDER BY open DESC, studies DESC NULLS LAST, id"):
        name, group = str(row["id"]), groups.get(str(row["id"]), [])
        archive = _archive(row, group, kinds.get(name))
        yield _reviewed(archive, by_hand[name]) if name in by_hand else archive, group, str(row["shown_as"])


def _reviewed(archive: Archive, found: ByHand) -> Archive:
    """With what a person found out. Its tags are the view's; the operator is the first of its place, before all sources."""
    place = archive.place
    if found.operator:
        said = Said(found.operator, f"reviewed by {found.who}", f"{found.day:%Y-%m-%d}")
        place = msgspec.structs.replace(place, operator=(said, *place.operator))
    return msgspec.structs.replace(archive, place=place, by_hand=found)


def _judged(row: _Row) -> JudgedEndpoint:
    observation = upgrade.observation(row["facts_version"], row["observation"])
    judged = {
        "observation": observation,
        "verdict": _verdict(row),
        "product": row,
        "transport": row["transport"],
        "place": place(row),
    }
    return msgspec.convert(judged, JudgedEndpoint)


def _verdict(row: _Row) -> _Row:
    stop = row["stop"] and msgspec.json.decode(row["stop"])
    return {**row, "stop": stop, "conclusive": bool(row.get("conclusive"))}


def _archive(row: _Row, group: list[JudgedEndpoint], kinds: list[KindFound] | None) -> Archive:
    counts = {quantity: _count(row, quantity) for quantity in ("patients", "studies", "series", "images")}
    product = {
        "product": row["product"],
        "toolkit": row["toolkit"],
        "version": row["product_version"],
        "firm": row["product_firm"],
    }
    endpoints = [judged.observation.endpoint for judged in group]
    whole = {
        **row,
        "endpoints": endpoints,
        "identity": {**row, "endpoints": sorted(endpoints)},
        "product": product,
        "counts": counts,
        "kinds": kinds and sorted(kinds, key=lambda found: _ORDER.index(found.kind)),
        "identifiers": row["identifiers"] or [],
        "ssn_records": _count(row, "ssn_records"),
        "images_retrievable": _count(row, "images_retrievable"),
        "by_year": by_year(row),
        "place": place(row),
        "hints": row["hints"] or [],
        "by_hand": None,
    }
    return msgspec.convert(whole, Archive)


def _count(row: _Row, quantity: str) -> _Row:
    return {
        "value": row[quantity],
        "how": row[f"{quantity}_how"] or Provenance.UNKNOWN,  # an older version did not judge it
        **{name: row[f"{quantity}_{name}"] for name in ("at_least", "coverage", "low", "high")},
        "doubts": decode_doubts(row[f"{quantity}_doubts"]),
    }


def stops(dataset: Dataset) -> dict[Rung | None, list[Stop]]:
    """Endpoints by rung and reason, the most frequent first."""
    found: dict[Rung | None, list[Stop]] = {}
    for row in dataset.rows(
        "SELECT rung, why, codes, said, stop, protocol, count(*) n FROM endpoints GROUP BY ALL ORDER BY n DESC, why"
    ):
        verdict = msgspec.convert(_verdict(row), Verdict)
        protocol = None if row["protocol"] is None else Protocol(str(row["protocol"]))
        found.setdefault(verdict.rung, []).append(Stop(verdict, protocol, int(str(row["n"]))))
    return found


def appearances(dataset: Dataset) -> dict[Kind, dict[Appearance, int]]:
    """Open archives by kind of personal data and by what its values look like, the most frequent first."""
    found: dict[Kind, dict[Appearance, int]] = {}
    for row in dataset.rows(
        "SELECT kind, looks, count(*) n FROM kinds JOIN counted ON id = archive "
        "WHERE open AND looks IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC, looks"
    ):
        found.setdefault(Kind(str(row["kind"])), {})[Appearance(str(row["looks"]))] = int(str(row["n"]))
    return found


# Archives that are counted, and how many of them are open, by what they are or have. Each has `name`, `archives`, `archives_open`.
_TALLIES = {
    "products": "SELECT product AS name, archives, archives_open FROM by_product",
    "toolkits": "SELECT toolkit AS name, count(*) AS archives, count_if(open)::BIGINT AS archives_open FROM counted GROUP BY 1",
    "transport": "SELECT transport AS name, archives, archives_open FROM by_transport",
    "advisories": "SELECT name, count(*) AS archives, count_if(open)::BIGINT AS archives_open"
    " FROM (SELECT unnest(advisories) AS name, open FROM counted) GROUP BY 1",
}


class Tally(Struct, frozen=True):
    """Archives that have one thing in common. Decoys are left out. An archive may be in several rows."""

    name: str  # of a product or toolkit, empty: not known; or the code of what a connection showed; or the id of an advisory
    archives: int | None  # None: not told to this reader
    archives_open: int


def tally(dataset: Dataset, by: str) -> tuple[Tally, ...]:
    """The largest first. `by`: products, toolkits, transport or advisories."""
    rows = dataset.rows(f"FROM ({_TALLIES[by]}) ORDER BY archives_open DESC, archives DESC, name")
    return tuple(
        Tally(clean(str(row["name"] or ""), _NAME), int(row["archives"]), int(row["archives_open"])) for row in rows
    )


def grades(dataset: Dataset) -> dict[str, int]:
    """Archives by grade, decoys left out; `none` for what we could not find out enough about."""
    rows = dataset.rows("SELECT coalesce(grade, 'none') grade, count(*) n FROM counted GROUP BY 1")
    found = {str(row["grade"]): int(str(row["n"])) for row in rows}
    return {grade: found.get(grade, 0) for grade in (*map(str, Grade), "none")}
