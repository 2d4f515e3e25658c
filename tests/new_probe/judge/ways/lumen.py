"""Lumen's REST: what it says of itself, and its counters."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.judge.ways.by_counters import by_counters
from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Counters,
    Depth,
    Fingerprint,
    FingerprintKind,
    LumenFacts,
    Observation,
    Reason,
    Rung,
    Verdict,
)


def place(facts: LumenFacts, seen: Observation) -> Iterator[Verdict]:
    asked = seen.depth.reaches(Depth.ASK)
    yield by_counters(facts.counters, seen.stop) if asked else Verdict(Rung.ADMITS, Reason.DEPTH)


def signs(facts: LumenFacts) -> Iterator[Fingerprint]:
    yield Fingerprint("Lumen", FingerprintKind.API, facts.version)


def counters(facts: LumenFacts) -> Counters:
    return facts.counters


WAY: Way[LumenFacts] = Way(place=place, signs=signs, counters=counters)
