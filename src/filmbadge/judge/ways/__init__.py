"""The ways into an archive, one module each: what its facts prove, count and name, and what is still to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from filmbadge.judge.ways import dcm4chee, dicomweb, dimse, orthanc, pages
from filmbadge.judge.ways.way import Way
from filmbadge.model import Dcm4cheeFacts, DicomWebFacts, DimseFacts, Facts, Observation, OrthancFacts, PageFacts

WAYS: dict[type[Facts], Way[Any]] = {
    DimseFacts: dimse.WAY,
    OrthancFacts: orthanc.WAY,
    Dcm4cheeFacts: dcm4chee.WAY,
    DicomWebFacts: dicomweb.WAY,
    PageFacts: pages.WAY,
}


def ways_of(*observations: Observation) -> list[tuple[Way[Any], Facts]]:
    """Each way in that was seen, with its facts. Ways of one endpoint come in the order of the table."""
    return [shown for seen in observations for shown in ways_by(seen.facts)]


def ways_by(facts: Sequence[Facts]) -> list[tuple[Way[Any], Facts]]:
    """The same, from the facts of one endpoint."""
    return [(way, facts[place]) for way, place in _in_order(tuple(map(type, facts)))]


@lru_cache(maxsize=1024)
def _in_order(kinds: tuple[type[Facts], ...]) -> tuple[tuple[Way[Any], int], ...]:
    """The ways of an endpoint that shows such facts, each with the place where its facts stand."""
    places = {kind: place for place, kind in enumerate(kinds)}
    return tuple((way, places[kind]) for kind, way in WAYS.items() if kind in places)
