"""Judges Orthanc's REST: what it says about itself, and its counters."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.catalogue.pages import shows_realm
from filmbadge.judge.ways.by_counters import by_counters
from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Counters,
    Depth,
    Fingerprint,
    FingerprintKind,
    Observation,
    OrthancFacts,
    Profile,
    Reason,
    Rung,
    Verdict,
)

NAME = "Orthanc"


def place(facts: OrthancFacts, seen: Observation) -> Iterator[Verdict]:
    if facts.is_orthanc:
        asked = seen.depth.reaches(Depth.ASK)
        yield by_counters(facts.counters, seen.stop) if asked else Verdict(Rung.ADMITS, Reason.DEPTH)
    elif facts.status in (401, 403) and shows_realm(NAME, facts.realm):
        yield Verdict(Rung.SPEAKS, Reason.LOGIN, (facts.status,), facts.realm)
    elif facts.status is not None:
        yield Verdict(Rung.LISTENING, Reason.NOT_IMAGING, (facts.status,))


def signs(facts: OrthancFacts) -> Iterator[Fingerprint]:
    if facts.is_orthanc:
        yield Fingerprint(NAME, FingerprintKind.API, facts.version)
    if shows_realm(NAME, facts.realm):
        yield Fingerprint(NAME, FingerprintKind.REALM)


def names(facts: OrthancFacts) -> tuple[str, ...]:
    return (facts.aet,)


def dicom_port(facts: OrthancFacts) -> int | None:
    return facts.dicom_port


def counters(facts: OrthancFacts) -> Counters:
    return facts.counters


def profile(facts: OrthancFacts) -> Profile | None:
    return facts.profile


def steps(facts: OrthancFacts, rung: Rung | None) -> Iterator[Depth]:
    if facts.is_orthanc and rung is not None and rung.open:
        yield Depth.PROFILE


WAY: Way[OrthancFacts] = Way(
    place=place, signs=signs, names=names, dicom_port=dicom_port, counters=counters, profile=profile, steps=steps
)
