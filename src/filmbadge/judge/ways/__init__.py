"""The ways into an archive, one module each: what its facts prove, count and name, and what is still to be asked."""

from __future__ import annotations

from collections.abc import Iterator
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


def ways_of(*observations: Observation) -> Iterator[tuple[Way[Any], Facts]]:
    """Each way in that was seen, with its facts. Ways of one endpoint come in the order of the table."""
    for seen in observations:
        shown = {type(facts): facts for facts in seen.facts}
        for kind, way in WAYS.items():
            if (facts := shown.get(kind)) is not None:
                yield way, facts
