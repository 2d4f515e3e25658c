"""What only a whole survey shows: archives that are one archive, and clusters of copies."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import cast

import msgspec

from filmbadge.ask.ways import ask_further
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer, OutOfScope
from filmbadge.judge.decoys import clusters
from filmbadge.judge.distinct_count import union
from filmbadge.judge.same_archive import Size, Sketch, groups, pairs, to_sketch
from filmbadge.keep.reader import PATIENT_IDS, Dataset
from filmbadge.keep.schema import decode_doubts
from filmbadge.model import (
    Decoy,
    Depth,
    DimseFacts,
    Doubt,
    DoubtCode,
    Grade,
    Observation,
    Provenance,
    Review,
    Rung,
    Total,
)
from filmbadge.survey.examine import sketched

_OTHERS = ("images", "series", "patients")


async def compare(dataset: Dataset, dialer: Dialer, sketches: dict[str, Sketch]) -> list[Review]:
    """The reviews to keep. An archive without a sketch, whose counts are close to another's, is asked for its UIDs.

    Without a sketch are archives whose counter spoke, and those of the runs before a resumed one: hashes compare
    within one process only.
    """
    found = dataset.rows(
        "SELECT id, address, configuration, rung, grade, studies, images, series, patients FROM archives_known"
    )
    before = dataset.rows("SELECT archive, same_as FROM reviews WHERE same_as IS NOT NULL")
    together = [(str(row["archive"]), str(row["same_as"])) for row in before]
    together += _shared(dataset)
    settled = {row[0] for row in together}
    sizes = [
        Size(str(row["id"]), cast("int", row["studies"]), tuple(cast("int | None", row[q]) for q in _OTHERS))
        for row in found
        if row["studies"] is not None and Rung(str(row["rung"])).open and row["id"] not in settled
    ]
    for archive in to_sketch(sizes, sketches):
        if (drawn := await _sketch(dataset, dialer, archive)) is not None:
            sketches[archive] = drawn
    together += pairs(sketches)
    return review(found, together)


def _shared(dataset: Dataset) -> list[tuple[str, str]]:
    """Archives that lead to one endpoint: a viewer at one address names what was found at another, say."""
    rows = dataset.rows(
        "SELECT DISTINCT a.archive one, b.archive other FROM endpoints_rows a"
        " JOIN endpoints_rows b USING (address, port, protocol) WHERE a.archive < b.archive"
    )
    return [(str(row["one"]), str(row["other"])) for row in rows]


def patient_ids(dataset: Dataset, people: Mapping[str, Sketch], *, resumed: bool) -> Total:
    """Distinct ids of patients in all open archives of the totals. Known only if all ids of every one were read."""
    if not Depth(dataset.manifest.scope.depth).reaches(Depth.PROFILE):
        return Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
    found = dataset.rows(
        "SELECT id, patients, patients_how how, patients_doubts doubts FROM counted WHERE open ORDER BY id"
    )
    known: list[Sketch] = []
    reasons: list[tuple[Doubt, ...]] = []
    for row in found:
        sketch = people.get(str(row["id"]))
        if sketch is not None and (row["how"] == Provenance.REPORTED or row["patients"] == sketch.size):
            known.append(sketch)
        elif row["patients"] is None:
            reasons.append(decode_doubts(row["doubts"]))
        elif resumed:
            reasons.append((Doubt(DoubtCode.BEFORE_RESUME),))
        else:
            reasons.append((Doubt(DoubtCode.IDS_UNREAD),))
    size = union(known)
    if reasons:
        exact = size.value if size.low == size.high else max(s.size for s in known)
        return Total(
            PATIENT_IDS,
            None,
            Provenance.UNKNOWN,
            unknown_archives=len(reasons),
            at_least=exact,
            doubts=min(reasons, key=str),
        )
    if size.low == size.high:
        return Total(PATIENT_IDS, size.value, Provenance.COUNTED)
    return Total(PATIENT_IDS, size.value, Provenance.ESTIMATED, low=size.low, high=size.high)


async def _sketch(dataset: Dataset, dialer: Dialer, archive: str) -> Sketch | None:
    """By a census of one of its DICOM endpoints. None if it has none that gave records, or the census broke off."""
    rows = dataset.rows(
        "SELECT observation FROM endpoints_known WHERE archive = ? AND protocol = 'dimse' AND open ORDER BY port",
        archive,
    )
    for row in rows:
        seen = msgspec.json.decode(str(row["observation"]), type=Observation)
        try:
            learned = await ask_further(
                Contact(dialer, ip_address(seen.endpoint.address)), seen, DimseFacts, Depth.COUNT
            )
        except OutOfScope:
            return None
        if (drawn := sketched(learned)) is not None:
            return drawn
    return None


def review(found: list[dict[str, object]], together: list[tuple[str, str]]) -> list[Review]:
    """A row for each archive that is another way into one, and for each that stands in a cluster."""
    archives: Mapping[str, dict[str, object]] = {str(row["id"]): row for row in found}
    same_as: dict[str, str] = {}
    for members in groups((a, b) for a, b in together if a in archives and b in archives):
        first = max(sorted(members, key=lambda m: _place(archives[m])), key=lambda m: _foremost(archives[m]))
        same_as |= {m: first for m in members if m != first}
    many = clusters((name, str(row["address"]), str(row["configuration"])) for name, row in archives.items())
    return [
        Review(name, same_as.get(name), (Decoy.CLUSTER,) if name in many else ())
        for name in archives
        if name in same_as or name in many
    ]


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
