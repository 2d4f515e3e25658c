"""What only all archives of a survey show together: those that are one archive, and clusters of copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import cast

from filmbadge.judge.decoys import clusters
from filmbadge.judge.same_archive import Groups, equal, same
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import link
from filmbadge.model import Decoy, Grade, Link, LinkBy, Review, Rung

Pairs = dict[tuple[str, str], LinkBy]
_WAYS = "(SELECT DISTINCT id, studies, unnest(endpoints) endpoint FROM archives_rows)"
_SHARED = f"(SELECT endpoint, unnest(list(id)) id FROM {_WAYS} GROUP BY endpoint HAVING min(id) <> max(id))"


def review(dataset: Dataset) -> list[Review]:
    """A row for each archive that is another way into one, and for each that stands in a cluster."""
    found = pairs(dataset)
    rows = dataset.rows(
        "SELECT id, address, configuration, rung, grade, studies, images FROM archives_known"
        " WHERE configuration <> '' OR id IN (SELECT unnest(?::VARCHAR[])) ORDER BY id",
        list({name for pair in found for name in pair}),
    )
    archives: Mapping[str, dict[str, object]] = {str(row["id"]): row for row in rows}
    together = {pair: by for pair, by in found.items() if archives.keys() >= set(pair)}
    same_as = _same_as(archives, together)
    made = [(name, str(row["address"]), str(row["configuration"])) for name, row in archives.items()]
    many = clusters(made, _copies(dataset))
    return [
        Review(name, same_as.get(name), _shown_by(name, together), (Decoy.CLUSTER,) if name in many else ())
        for name in archives
        if name in same_as or name in many
    ]


def pairs(dataset: Dataset) -> Pairs:
    """Archives of different targets that are one, by id: they hold the same studies, or lead to one endpoint."""
    found: Pairs = {pair: one.by for pair, one in _linked(dataset, equal_size=True) if same(one, here=False)}
    for row in dataset.rows(
        f"SELECT DISTINCT a.id this, b.id that FROM {_SHARED} a JOIN {_SHARED} b USING (endpoint)"
        " WHERE a.id < b.id ORDER BY this, that"
    ):
        found.setdefault((str(row["this"]), str(row["that"])), LinkBy.SAME_ENDPOINT)
    return found


def _copies(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Archives of different targets that hold the same studies, be they a few samples."""
    return (pair for pair, one in _linked(dataset) if equal(one) or one.by is LinkBy.JUDGED_ONE)


def _linked(dataset: Dataset, *, equal_size: bool = False) -> Iterator[tuple[tuple[str, str], Link]]:
    """`equal_size`: those only that may hold as many studies, which a sample of them does not show."""
    # Whether the two differ is asked here: in the query, it has every archive compared with every other.
    for row in dataset.rows(
        f"SELECT DISTINCT k.*, a.id this, b.id that, a.studies = b.studies as_many FROM (FROM links WHERE target IS NULL) k"
        f" JOIN {_WAYS} a ON a.endpoint = one JOIN {_WAYS} b ON b.endpoint = other ORDER BY this, that"
    ):
        if row["this"] != row["that"] and not (equal_size and row["as_many"] is False):
            yield (str(row["this"]), str(row["that"])), link(row)


def _same_as(archives: Mapping[str, dict[str, object]], together: Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for members in Groups(together):
        first = max(sorted(members, key=lambda m: _place(archives[m])), key=lambda m: _foremost(archives[m]))
        found |= {member: first for member in members if member != first}
    return found


def _shown_by(name: str, together: Pairs) -> tuple[LinkBy, ...]:
    return tuple(sorted({by for pair, by in together.items() if name in pair}))


def _place(row: dict[str, object]) -> tuple[int, int, str]:
    """In the order of addresses: of several that are alike the first is the archive."""
    address = ip_address(str(row["address"]))
    return address.version, int(address), str(row["id"])


def _foremost(row: dict[str, object]) -> tuple[int, int, int, int]:
    """The most open of several, then the worst graded, then the one of which most is known."""
    letter = Grade(str(row["grade"])).height if row["grade"] else -1
    return (
        Rung(str(row["rung"])).height,
        letter,
        cast("int | None", row["studies"]) or -1,
        cast("int | None", row["images"]) or -1,
    )
