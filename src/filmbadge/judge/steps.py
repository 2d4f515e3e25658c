"""Decides the next question to an archive. A question must tell something new, and the depth must allow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from filmbadge.judge.amounts import Told
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
    allowed = {seen.depth for seen in (j.observation for j in host.judged)} if host.archives else ()
    for depth in (Depth.COUNT, Depth.PROFILE, Depth.PROVE):
        if not any(deepest.reaches(depth) for deepest in allowed):
            return None
        for archive in host.archives:
            if (step := next(_steps(depth, _to_ask(depth, archive, host)), None)) is not None:
                return step
    return None


def _to_ask(depth: Depth, archive: Archive, host: Host) -> Sequence[JudgedEndpoint]:
    """The ways into one archive by which the step would tell something that is not yet known."""
    here = [j for j in host.judged if j.observation.endpoint in archive.endpoints]
    if depth is Depth.PROVE:
        return () if any(way.delivered(facts) for j in here for way, facts in ways_of(j.observation)) else here
    here.sort(key=lambda j: j.observation.endpoint.protocol is not Protocol.DIMSE)  # it tells more than the web
    if not archive.open:
        return ()
    if depth is Depth.PROFILE:
        if profile_of(here) is None:
            return here
        return [j for j in here if archive.perhaps_more and not Told.by(j.observation).listed_studies]
    told = Told.by(*(j.observation for j in here))
    if not told.censuses and all(j.observation.depth.reaches(Depth.PROVE) for j in here):
        return here  # its counters do not say which studies can be had
    return here if archive.counts.studies.value is None else _unproven(archive, here, host)


def _unproven(archive: Archive, here: Sequence[JudgedEndpoint], host: Host) -> Sequence[JudgedEndpoint]:
    """The ways into an archive of known size whose census would show whether they lead to one.

    They are compared with each other, or with those of another archive. One that its own counter calls large is spared
    the first.
    """
    told = [Told.by(j.observation) for j in here]
    if not any(one.censuses for one in told) and any(
        other.open and other.id in archive.perhaps_same for other in host.archives
    ):
        return here
    opened = [(j, one) for j, one in zip(here, told, strict=True) if j.verdict.rung is not None and j.verdict.rung.open]
    if len(opened) < 2 or (archive.counts.studies.value or 0) > SMALL:
        return ()
    return [j for j, one in opened if not (one.counters or one.censuses)]


def _steps(depth: Depth, here: Sequence[JudgedEndpoint]) -> Iterator[Step]:
    for judged in here:
        seen = judged.observation
        for way, facts in ways_of(seen) if seen.depth.reaches(depth) else ():
            if depth in way.steps(facts, judged.verdict.rung):
                yield Step(depth, seen, type(facts))
