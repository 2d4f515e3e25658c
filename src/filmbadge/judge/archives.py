"""All verdicts about one host: its endpoints, and the archives behind them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from filmbadge.catalogue.advisories import known
from filmbadge.judge import amounts, personal
from filmbadge.judge.decoys import configuration, tags
from filmbadge.judge.grade import grade, somebodys
from filmbadge.judge.grouping import Group, group
from filmbadge.judge.identity import identity
from filmbadge.judge.ladder import answered, place
from filmbadge.judge.product import identify
from filmbadge.judge.transport import measure
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Archive,
    Counts,
    DoubtCode,
    Endpoint,
    Host,
    JudgedEndpoint,
    Link,
    Observation,
    Outcome,
    Profile,
)


def judge(
    address: str,
    observations: Iterable[Observation],
    links: Iterable[Link] = (),
    name: str = "",
    fault: Outcome | None = None,
) -> Host:
    """All verdicts about one host.

    `links` are links between its endpoints. `name` is the name that the user gave the host. `fault` is the reason why
    we could not find out more. The order in which ports were asked decides nothing.
    """
    observations = tuple(observations)
    reached = {seen.endpoint.address for seen in observations if answered(seen)}
    judged = [_judged(seen, seen.endpoint.address in reached) for seen in observations]
    links = tuple(links)
    ordered = sorted(judged, key=lambda j: (j.observation.endpoint.address != address, j.observation.endpoint))
    archives = []
    for found in group(ordered, frozenset({"", address, name.lower()}), links):
        archive = _archive(found, name)
        archives.append(archive)
        for one in found.members:
            said = msgspec.structs.replace(archive.product, toolkit=one.product.toolkit)
            judged[judged.index(one)] = msgspec.structs.replace(one, product=said)
    return Host(address, tuple(judged), tuple(archives), fault, links, name)


def _judged(seen: Observation, host_answered: bool) -> JudgedEndpoint:
    placed = JudgedEndpoint(seen, place(seen, host_answered=host_answered), identify(seen))
    return msgspec.structs.replace(placed, transport=measure(placed))


def profile_of(group: Iterable[JudgedEndpoint]) -> Profile | None:
    """The facts about personal data of one archive, from any way in."""
    seen = [j.observation for j in group]
    return next((p for way, facts in ways_of(*seen) if (p := way.profile(facts)) is not None), None)


def ids_read(host: Host) -> dict[Endpoint, str]:
    """Endpoints at which all patients' ids of an archive were read, each with the id of that archive."""
    return {
        j.observation.endpoint: archive.id
        for archive in host.archives
        for j in host.judged
        if j.observation.endpoint in archive.endpoints
        and (found := profile_of([j])) is not None
        and (found.complete and not found.without_id and found.records == archive.counts.studies.value)
    }


def _archive(found: Group, name: str) -> Archive:
    group, endpoints = found.members, tuple(found.endpoints)
    rung = max((j.verdict.rung for j in group if j.verdict.rung), key=lambda r: r.height)
    product = identify(*found.seen)
    profile = profile_of(group)
    counts = amounts.counts(group, proven=not found.more)
    kinds, identifiers, ssn_records = personal.judge(_doubted(profile, counts), counts.studies.value)
    archive = Archive(
        id=_id(found),
        address=endpoints[0].address,
        endpoints=endpoints,
        rung=rung,
        product=product,
        counts=counts,
        kinds=kinds,
        identifiers=identifiers,
        ssn_records=ssn_records,
        advisories=known(product.product, product.version),
        decoy=tags(group, name),
        configuration=configuration(group, counts),
        identity=identity(group, product.product),
        joined_by=tuple(dict.fromkeys(found.by)),
        perhaps_same=tuple(map(_id, found.perhaps)),
        perhaps_more=found.more,
    )
    transport = {found for j in group for found in j.transport}
    letter, why = grade(rung, group, transport, archive.advisories, somebodys(kinds))
    return msgspec.structs.replace(archive, grade=letter, grade_why=why)


def _doubted(profile: Profile | None, counts: Counts) -> Profile | None:
    """Where the archive's numbers contradict each other, nobody can say that a profile saw all of it."""
    doubts = tuple(d for d in counts.studies.doubts if d.code in (DoubtCode.CONTRADICTED, DoubtCode.WAYS_UNPROVEN))
    if profile is None or not doubts:
        return profile
    return msgspec.structs.replace(profile, complete=False, doubts=(*profile.doubts, *doubts))


def _id(found: Group) -> str:
    """Its first endpoint: an id must be readable, and may not hang on the order of asking."""
    return f"{found.address}:{found.endpoints[0].port}"
