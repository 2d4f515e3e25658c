"""Chooses what closes an archive, by evidence: what is wrong, its product and version, and the ways in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from filmbadge.catalogue.remedies import FILLERS, Evidence, RemedyRow, Slot, WayIn, platform
from filmbadge.catalogue.remedies import remedies as rows
from filmbadge.judge.findings import of_archive
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Archive,
    DicomWebFacts,
    DimseFacts,
    Facts,
    JudgedEndpoint,
    PageFacts,
    Protocol,
    Reason,
    Rung,
    Transport,
)

FEWEST, MOST = 3, 5
# Every other way in is the interface of one product.
_WAYS: dict[type[Facts], WayIn] = {DimseFacts: WayIn.DIMSE, DicomWebFacts: WayIn.DICOMWEB, PageFacts: WayIn.PAGES}


class Remedy(Struct, frozen=True):
    """One thing to do: a row of the catalogue, and the ports of the archive that it is about."""

    id: str
    ports: tuple[int, ...]
    dicom: int | None  # its first DICOM port
    web: int | None


def remedies(archive: Archive, group: Sequence[JudgedEndpoint]) -> tuple[Remedy, ...]:
    """Three to five things to do, in their order; none where there is nothing to close. `group` are its endpoints."""
    ports = sorted({(endpoint.port, endpoint.protocol) for endpoint in archive.endpoints})
    first = {protocol: port for port, protocol in reversed(ports)}
    every = tuple(dict.fromkeys(port for port, _ in ports))
    return tuple(
        Remedy(row.id, every, first.get(Protocol.DIMSE), first.get(Protocol.HTTP))
        for row in choose(evidence(archive, group))
    )


def evidence(archive: Archive, group: Sequence[JudgedEndpoint]) -> Evidence:
    """Everything of an archive that decides."""
    product = archive.product
    named = archive.place.as_name
    return Evidence(
        product=product.product,
        version=product.version,
        firm=product.firm or not product.product,
        toolkit=product.toolkit,
        ways=tuple(dict.fromkeys(way for judged in group for way in _open(judged))),
        login=any(judged.verdict.why is Reason.LOGIN for judged in group),
        aborts=any(judged.verdict.why is Reason.FIND_ABORTED for judged in group),
        findings=tuple(dict.fromkeys(finding.code for finding in of_archive(archive, group))),
        tls=any(j.observation.tls and j.observation.endpoint.protocol is Protocol.DIMSE for j in group),
        plain=tuple({j.observation.endpoint.protocol: None for j in group if Transport.PLAIN in j.transport}),
        platform=platform(product.product or product.toolkit, named[0].value if named else ""),
    )


def choose(seen: Evidence) -> list[RemedyRow]:
    """The first row that fits for each slot. Rows for any archive only fill up."""
    fitting: dict[Slot, RemedyRow] = {}
    for row in rows().values():
        if not row.instead_of and row.slot not in fitting and row.fits(seen):
            fitting[row.slot] = row
    last = (*FILLERS, Slot.LIKELY)
    chosen = [fitting[slot] for slot in Slot if slot in fitting and slot not in last][:MOST]
    if not chosen:
        return []
    of_product = any(row.product for row in chosen)
    chosen += [fitting[slot] for slot in FILLERS if slot in fitting][: max(0, FEWEST - len(chosen))]
    doubt = [fitting[Slot.LIKELY]] if of_product and Slot.LIKELY in fitting else []
    return [*chosen, *doubt][:MOST]


def _open(judged: JudgedEndpoint) -> Iterator[WayIn]:
    """The ways by which a stranger gets in at this endpoint."""
    for way, facts in ways_of(judged.observation):
        if any(v.rung and v.rung.reaches(Rung.ADMITS) for v in way.place(facts, judged.observation)):
            listing = facts.listing if isinstance(facts, PageFacts) else None
            yield WayIn.LISTING if listing is not None and listing.shown else _WAYS.get(type(facts), WayIn.API)
