"""What an archive should be asked next. Nothing is asked that would tell nothing new, or that its depth does not allow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from filmbadge.judge.archives import profile_of
from filmbadge.judge.ways import ways_of
from filmbadge.model import Archive, Depth, Facts, Host, JudgedEndpoint, Observation, Protocol


class Step(Struct, frozen=True):
    """To count what an archive holds, to look for personal data in it, or to prove that it hands out images."""

    depth: Depth  # COUNT, PROFILE or PROVE
    seen: Observation  # of the endpoint that is to be asked
    way: type[Facts]  # by which way in


def next_step(host: Host) -> Step | None:
    """All archives of a host are counted before any is asked for personal data, and that before any is asked for an image."""
    for depth in (Depth.COUNT, Depth.PROFILE, Depth.PROVE):
        for archive in host.archives:
            here = [j for j in host.judged if j.observation.endpoint in archive.endpoints]
            if _unknown(depth, archive, here) and (step := next(_steps(depth, here), None)) is not None:
                return step
    return None


def _unknown(depth: Depth, archive: Archive, here: Sequence[JudgedEndpoint]) -> bool:
    """Whether nothing told yet what the step would tell."""
    if depth is Depth.COUNT:
        return archive.open and archive.counts.studies.value is None
    if depth is Depth.PROFILE:
        return archive.open and profile_of(here) is None
    return not any(way.delivered(facts) for j in here for way, facts in ways_of(j.observation))


def _steps(depth: Depth, here: Sequence[JudgedEndpoint]) -> Iterator[Step]:
    if depth is Depth.PROFILE:  # DIMSE tells more
        here = sorted(here, key=lambda j: j.observation.endpoint.protocol is not Protocol.DIMSE)
    for judged in here:
        seen = judged.observation
        for way, facts in ways_of(seen) if seen.depth.reaches(depth) else ():
            if depth in way.steps(facts, judged.verdict.rung):
                yield Step(depth, seen, type(facts))
