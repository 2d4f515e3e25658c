"""How many images of one archive a stranger gets: by retrievals that were begun, and by what it says of its studies.

An image is retrievable here if it comes at once by C-GET, WADO-RS or WADO-URI. C-MOVE is never sent. What an archive calls
near-line, off-line or unavailable (PS3.3 C.4.23.1.1) is not retrievable.
"""

from __future__ import annotations

from collections.abc import Sequence

from filmbadge.judge.amounts import Told
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Availability,
    Census,
    Count,
    Depth,
    Doubt,
    DoubtCode,
    JudgedEndpoint,
    Provenance,
)


def retrievable(group: Sequence[JudgedEndpoint], images: Count) -> Count:
    """The number for one archive that holds so many images. Zero only where a refusal proves it."""
    if not any(j.observation.depth.reaches(Depth.PROVE) for j in group):
        return _unknown(DoubtCode.NEEDS_PROVE)
    if not any(j.verdict.rung is not None and j.verdict.rung.open for j in group):
        return Count(doubts=images.doubts)
    ways = [(way, facts) for j in group for way, facts in ways_of(j.observation)]
    if images.value == 0 and images.how is not Provenance.ESTIMATED:
        return Count(0, images.how)
    if not any(way.delivered(facts) for way, facts in ways):
        said = [withheld for way, facts in ways if (withheld := way.withheld(facts)) is not None]
        return Count(0, Provenance.COUNTED) if said and all(said) else _unknown(DoubtCode.NO_IMAGE_CAME)
    censuses = Told.by(*(j.observation for j in group)).censuses
    best = max(censuses, key=lambda census: (census.complete, census.studies), default=None)
    if best is None or best.availability is None:
        return _unknown(DoubtCode.AVAILABILITY_UNSAID)
    return _by_availability(best, best.availability, images)


def _by_availability(census: Census, said: Availability, images: Count) -> Count:
    """By what the archive says of each study, where one image showed that it hands them out."""
    silent = census.studies - said.studies_online - said.studies_elsewhere
    if silent:
        doubt = Doubt(DoubtCode.AVAILABILITY_PARTLY, {"silent": silent, "studies": census.studies})
        return Count(at_least=said.images_online or None, doubts=(doubt,))
    if images.value is None:
        return Count(at_least=said.images_online or None, doubts=images.doubts)
    known = said.images_online + said.images_elsewhere
    if known == images.value:
        return Count(said.images_online, Provenance.REPORTED)
    if images.how is not Provenance.ESTIMATED or not known:
        return Count(at_least=said.images_online or None, doubts=(Doubt(DoubtCode.NOT_KNOWN_FOR_ALL),))
    ends = (images.value, images.low or 0, images.high or images.value)
    value, low, high = (round(end * said.images_online / known) for end in ends)
    return Count(value, Provenance.ESTIMATED, said.images_online or None, doubts=images.doubts, low=low, high=high)


def _unknown(code: DoubtCode) -> Count:
    return Count(doubts=(Doubt(code),))
