"""Decides the next question to an archive. A question must tell something new, and the depth must allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from filmbadge.judge.archives import profile_of
from filmbadge.judge.ways import ways_of
from filmbadge.model import Archive, Depth, Facts, Host, JudgedEndpoint, Observation, Protocol

SMALL = 1000  # studies


class Step(Struct, frozen=True):
    """One more question: count the contents, look for personal data, or prove that images are handed out."""

    depth: Depth  # COUNT, PROFILE or PROVE
    seen: Observation  # the observation of the endpoint to ask
    way: type[Facts]  # the way in by which to ask


def next_step(host: Host) -> Step | None:
    """The next question to a host. All archives are counted first, then asked for personal data, then for an image."""
    for depth in (Depth.COUNT, Depth.PROFILE, Depth.PROVE):
        for archive in host.archives:
            here = [j for j in host.judged if j.observation.endpoint in archive.endpoints]
            if _unknown(depth, archive, here, host) and (step := next(_steps(depth, here), None)) is not None:
                return step
    return None


def _unknown(depth: Depth, archive: Archive, here: Sequence[JudgedEndpoint], host: Host) -> bool:
    """Whether the step would tell something that is not yet known."""
    if depth is Depth.COUNT:
        return archive.open and (archive.counts.studies.value is None or _unproven(archive, here, host))
    if depth is Depth.PROFILE:
        return archive.open and profile_of(here) is None
    return not any(way.delivered(facts) for j in here for way, facts in ways_of(j.observation))


def _unproven(archive: Archive, here: Sequence[JudgedEndpoint], host: Host) -> bool:
    """Whether a first census would show which ways lead to one archive.

    It is compared with that of another archive, or with what a web service says of the DICOM that it names. An archive
    whose own counter says that it is large is spared the second.
    """
    if any(way.census(facts) is not None for j in here for way, facts in ways_of(j.observation)):
        return False
    if any(other.open and other.id in archive.perhaps_same for other in host.archives):
        return True
    opened = [j for j in here if j.verdict.rung is not None and j.verdict.rung.open]
    return len(opened) > 1 and (archive.counts.studies.value or 0) <= SMALL


def _steps(depth: Depth, here: Sequence[JudgedEndpoint]) -> Iterator[Step]:
    if depth is not Depth.PROVE:  # DIMSE tells more than the web
        here = sorted(here, key=lambda j: j.observation.endpoint.protocol is not Protocol.DIMSE)
    for judged in here:
        seen = judged.observation
        for way, facts in ways_of(seen) if seen.depth.reaches(depth) else ():
            if depth in way.steps(facts, judged.verdict.rung):
                yield Step(depth, seen, type(facts))
