"""Observations, hosts and surveys for tests that need one and care about a detail of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec

from filmbadge.judge import archives
from filmbadge.keep import judged, manifest, parts
from filmbadge.keep.judged import Judge, Judged
from filmbadge.keep.manifest import Manifest, ScopeAsUsed
from filmbadge.keep.schema import FACTS, VERSION, Table
from filmbadge.model import (
    Census,
    Counters,
    Depth,
    DimseFacts,
    Endpoint,
    Facts,
    Find,
    Host,
    JournalRow,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    Protocol,
)

ADDRESS = "192.0.2.7"
AT = datetime(2026, 6, 1, 12, 30, 15, 250_000, tzinfo=UTC)
DONE = Outcome(OutcomeKind.COMPLETED)
DISCLOSED = (Find((0, 1), 1, 0xFE00, cancelled=True),)
EMPTY = (Find(None, 0, 0x0000),)
ORTHANC_REALM = "Orthanc Secure Area"
REPORTED = OrthancFacts(
    status=200, is_orthanc=True, version="1.12.1", dicom_port=4242, counters=Counters(200, 3, 35, 70, 700)
)


def dimse(
    facts: DimseFacts | None, *, port: int = 4242, depth: Depth = Depth.COUNT, stop: Outcome = DONE
) -> Observation:
    endpoint = Endpoint(ADDRESS, port, Protocol.DIMSE)
    return Observation(endpoint=endpoint, at=AT, depth=depth, stop=stop, facts=() if facts is None else (facts,))


def web(*facts: Facts, port: int = 8042, depth: Depth = Depth.COUNT, stop: Outcome = DONE) -> Observation:
    endpoint = Endpoint(ADDRESS, port, Protocol.HTTP)
    return Observation(endpoint=endpoint, at=AT, depth=depth, stop=stop, facts=facts)


def reported(facts: OrthancFacts = REPORTED, **counters: int | None) -> OrthancFacts:
    """Orthanc with other counters."""
    return msgspec.structs.replace(facts, counters=msgspec.structs.replace(facts.counters, **counters))


def admitted(finds: tuple[Find, ...] = (), census: Census | None = None, *, study_root: bool = True) -> DimseFacts:
    """An association that was accepted with its query models."""
    return DimseFacts(
        called="ANY-SCP",
        valid_pdu=True,
        accepted=True,
        verification=True,
        study_root=study_root,
        patient_root=True,
        echo=0,
        finds=finds,
        census=census,
    )


def host(address: str, *observations: Observation) -> Host:
    """Observations as if made at this address, judged."""
    moved = [
        msgspec.structs.replace(o, endpoint=msgspec.structs.replace(o.endpoint, address=address)) for o in observations
    ]
    return archives.judge(address, moved)


def connection(address: str = ADDRESS, port: int = 4242) -> JournalRow:
    return JournalRow(AT, address, port, "dimse ask ANY-SCP", 300, 4000, 0.25, DONE)


def look_up(at: datetime = AT) -> JournalRow:
    """A look-up of a name that has no address."""
    return JournalRow(at, "", None, "look-up pacs.example", None, None, 0.1, Outcome(OutcomeKind.NO_ADDRESS))


def survey(directory: Path, *, dataset: int = VERSION) -> Manifest:
    """Put a survey.json into the folder, and the beginning of its judgement."""
    scope = ScopeAsUsed(
        name="test",
        networks=("192.0.2.0/24",),
        exclude=(),
        depth="count",
        expires=AT,
        authority="the board",
        reference="T-1",
        basis="mandate",
        contact="cert@example.org",
        called_titles=(),
        dimse_ports=(104,),
        web_ports=(8042,),
        pace={"overall": 50.0},
        caps={"seconds": 60.0},
    )
    made = Manifest(
        version="0.1.0",
        dataset=dataset,
        state="done",
        scope=scope,
        targets=(),
        digest="",
        seed=0,
        hosts=0,
        hosts_done=0,
        started=AT,
        ended=AT,
        outcomes={},
        connections=0,
        rows=(),
    )
    manifest.write(directory, made)
    judged.write(directory, 1, Judged(Judge("0.1.0", FACTS, "a digest"), AT, state="surveying"))
    return made


def part_numbers(directory: Path, table: Table) -> set[int]:
    return set(parts.numbered(directory, table.folder(directory, 1)))


def part(directory: Path, table: Table, number: int) -> Path:
    """A part of a table of the first judgement, or of the facts."""
    return parts.numbered(directory, table.folder(directory, 1))[number]
