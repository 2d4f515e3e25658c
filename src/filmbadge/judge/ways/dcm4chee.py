"""Judges dcm4chee-arc's REST: the titles that it publishes, and its counters."""

from __future__ import annotations

from collections.abc import Iterator

from filmbadge.judge.ways.by_counters import by_counters
from filmbadge.judge.ways.way import Way
from filmbadge.model import (
    Counters,
    Dcm4cheeFacts,
    Depth,
    Fingerprint,
    FingerprintKind,
    Observation,
    Reason,
    Rung,
    Verdict,
)


def place(facts: Dcm4cheeFacts, seen: Observation) -> Iterator[Verdict]:
    if facts.status in (401, 403):
        yield Verdict(Rung.SPEAKS, Reason.LOGIN, (facts.status,))
    elif not seen.depth.reaches(Depth.ASK):
        yield Verdict(Rung.ADMITS, Reason.DEPTH)
    else:
        yield by_counters(facts.counters, seen.stop)


def signs(facts: Dcm4cheeFacts) -> Iterator[Fingerprint]:
    if facts.aets:
        yield Fingerprint("dcm4chee-arc", FingerprintKind.API)


def names(facts: Dcm4cheeFacts) -> tuple[str, ...]:
    return facts.aets


def counters(facts: Dcm4cheeFacts) -> Counters:
    return facts.counters


WAY: Way[Dcm4cheeFacts] = Way(place=place, signs=signs, names=names, counters=counters)
