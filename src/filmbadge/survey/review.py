"""At the end of a survey: what its sketches show of archives at different hosts. They are in memory only, and end with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import cast

from filmbadge.ask.targets.lists import Target, parse
from filmbadge.ask.ways import ask_further
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer, OutOfScope, UnknownName
from filmbadge.conclude.review import pairs
from filmbadge.judge.decoys import look_alike
from filmbadge.judge.distinct_count import union
from filmbadge.judge.same_archive import Groups, Size, Sketch, among_hosts, in_one_network, to_sketch
from filmbadge.keep import upgrade
from filmbadge.keep.manifest import PatientIds
from filmbadge.keep.reader import Dataset
from filmbadge.keep.schema import decode_doubts
from filmbadge.keep.totals import PATIENT_IDS
from filmbadge.model import (
    Depth,
    DicomWebFacts,
    DimseFacts,
    Doubt,
    DoubtCode,
    Endpoint,
    Facts,
    Link,
    Observation,
    Provenance,
    Rung,
    Total,
)
from filmbadge.survey.examine import sketched

_OTHERS = ("images", "series", "patients")
Draw = Callable[[Target, Observation, type[Facts]], Awaitable[None]]  # asks an archive for its studies, by a way in


async def compare(dataset: Dataset, draw: Draw, sketches: dict[Endpoint, Sketch]) -> list[Link]:
    """The links to keep. An archive without a sketch, whose counts are close to another's, is asked for its UIDs.

    Without a sketch are archives whose counter spoke, and those of the runs before a resumed one: hashes compare
    within one process only. `draw` leaves what it gets in `sketches`.
    """
    for archive in _without_sketch(dataset, sketches):
        await _sketch(dataset, draw, sketches, archive)
    return [*among_hosts(sketches), *in_one_network(sketches)]


def known(dataset: Dataset, sketches: Mapping[Endpoint, Sketch]) -> tuple[list[Link], bool]:
    """The links that are known without asking anybody, and whether that compares all archives that could be one."""
    return [*among_hosts(sketches), *in_one_network(sketches)], not _without_sketch(dataset, sketches)


def _without_sketch(dataset: Dataset, sketches: Mapping[Endpoint, Sketch]) -> list[str]:
    """Archives that have no sketch, and whose counts are close to another's, or that look like copies."""
    found = dataset.rows(
        "SELECT id, address, configuration, rung, studies, images, series, patients FROM archives_known"
        " WHERE studies IS NOT NULL OR configuration <> '' ORDER BY id"
    )
    settled = {name for members in Groups(pairs(dataset)) for name in members[1:]}
    sizes = [
        Size(str(row["id"]), cast("int", row["studies"]), tuple(cast("int | None", row[q]) for q in _OTHERS))
        for row in found
        if row["studies"] is not None and Rung(str(row["rung"])).open and row["id"] not in settled
    ]
    ways = "SELECT id FROM (SELECT id, unnest(endpoints) way FROM archives_known) WHERE way IN (SELECT unnest(?::VARCHAR[]))"
    have = {str(row["id"]) for row in dataset.rows(ways, [endpoint.url for endpoint in sketches])}
    alike = look_alike((str(row["id"]), str(row["address"]), str(row["configuration"])) for row in found)
    return list(dict.fromkeys([*to_sketch(sizes, have), *sorted(alike - have)]))


async def _sketch(dataset: Dataset, draw: Draw, sketches: Mapping[Endpoint, Sketch], archive: str) -> None:
    """By a census of one of its endpoints, DICOM before DICOMweb. There is none if none gives records, or the census broke off."""
    rows = dataset.rows(
        "SELECT target, facts_version, observation FROM observations JOIN endpoints_known USING (address, port, protocol, target, asked_at)"
        " WHERE archive = ? AND open ORDER BY protocol, port",
        archive,
    )
    for row in rows:
        seen = upgrade.observation(cast("int", row["facts_version"]), str(row["observation"]))
        way = _way(seen)
        if way is None:
            continue
        try:
            await draw(parse(str(row["target"])), seen, way)
        except (OutOfScope, UnknownName):
            return
        if seen.endpoint in sketches:
            return


async def sketch_of(dialer: Dialer, target: Target, seen: Observation, way: type[Facts]) -> Sketch | None:
    """Asks an archive for its studies by a way in. None if it shows none. Raises OutOfScope, UnknownName.

    `target` led to it: it may be a name, for which the user named the port, in an earlier run.
    """
    address = ip_address(seen.endpoint.address)
    if not dialer.permits(address, seen.endpoint.port):
        await dialer.resolve(target.host)
    drawn = sketched(await ask_further(Contact(dialer, address), seen, way, Depth.COUNT))
    return None if drawn is None else drawn.small()


def _way(seen: Observation) -> type[Facts] | None:
    """The way in by which the studies of an endpoint can be asked for. Over QIDO-RS only where records were asked for before."""
    if seen.get(DimseFacts) is not None:
        return DimseFacts
    web = seen.get(DicomWebFacts)
    return DicomWebFacts if web is not None and web.may_ask and web.records else None


def patient_ids(dataset: Dataset, people: Mapping[str, Sketch], *, resumed: bool) -> PatientIds:
    """Distinct ids of patients in all open archives of the totals. Known only if this run read all ids of every one.

    Hashes of two runs do not compare. So of several runs there is a lower bound: what this run knows of its archives together,
    or the largest archive, whichever run counted its ids. `patients` is an upper bound: an id counts there once for each archive.
    """
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
    largest = max((row["patients"] for row in found if row["how"] == Provenance.COUNTED), default=0)
    return PatientIds(_total(known, reasons, largest), dataset.grouping())


def _total(known: list[Sketch], reasons: list[tuple[Doubt, ...]], largest: int) -> Total:
    """`largest`: ids of the archive that has the most, of those whose ids were counted in any run."""
    size = union(known)
    sure = size.value if size.low == size.high else max(s.size for s in known)
    if reasons:
        return Total(
            PATIENT_IDS,
            None,
            Provenance.UNKNOWN,
            unknown_archives=len(reasons),
            at_least=max(sure, largest),
            doubts=min(reasons, key=str),
        )
    if size.low == size.high:
        return Total(PATIENT_IDS, size.value, Provenance.COUNTED)
    return Total(PATIENT_IDS, size.value, Provenance.ESTIMATED, at_least=sure, low=size.low, high=size.high)
