"""All verdicts about one host: its endpoints, and the archives behind them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from filmbadge.catalogue.advisories import known
from filmbadge.judge import amounts, personal
from filmbadge.judge.decoys import configuration, tags
from filmbadge.judge.grade import grade, somebodys
from filmbadge.judge.grouping import Group, group
from filmbadge.judge.hints import hints
from filmbadge.judge.identity import identity
from filmbadge.judge.ladder import answered, place
from filmbadge.judge.product import identify
from filmbadge.judge.retrievable import retrievable
from filmbadge.judge.transport import measure
from filmbadge.model import (
    Archive,
    Counts,
    Depth,
    DoubtCode,
    Endpoint,
    Facts,
    Fingerprint,
    GradeReason,
    Host,
    JudgedEndpoint,
    Link,
    Observation,
    Outcome,
    Product,
    Profile,
    Protocol,
    Reason,
    TlsFacts,
    Verdict,
)
from filmbadge.places import PACKAGED, Places


def judge(
    address: str,
    observations: Iterable[Observation],
    links: Iterable[Link] = (),
    name: str = "",
    fault: Outcome | None = None,
    places: Places = PACKAGED,
    also: Iterable[str] = (),
    unasked: Iterable[str] = (),
) -> Host:
    """All verdicts about one host.

    `also` are the addresses of its name that were asked beside the first, and `unasked` those that the scope does not cover. `places` says where its addresses stand. `links` are links between its endpoints. `name` is the name that the user gave the host. `fault` is the reason why
    we could not find out more. The order in which ports were asked decides nothing.
    """
    read = [(seen, _read(seen.depth, seen.stop, seen.tls, seen.signs, seen.facts)) for seen in observations]
    reached = {seen.endpoint.address for seen, shown in read if shown.answered}
    judged = [_judged(seen, shown, seen.endpoint.address in reached, places) for seen, shown in read]
    links, own = tuple(links), (address, *also)
    archives = []
    for found in group(judged, own, name, links):
        archive = _archive(found, name, _closed_elsewhere(found, judged, own))
        archives.append(archive)
        for one in found.members if len(found.members) > 1 else ():  # one alone has the product of its archive
            said = replace(archive.product, toolkit=one.product.toolkit)
            judged[judged.index(one)] = replace(one, product=said)
    return Host(address, tuple(judged), tuple(archives), fault, links, name, tuple(unasked))


def from_within(host: Host) -> Host:
    """The same host, asked from the machine on which it is. What it gives there says nothing of strangers, so nothing has a grade."""
    return replace(
        host, archives=tuple(replace(one, grade=None, grade_why=(GradeReason.SAME_MACHINE,)) for one in host.archives)
    )


class _Read(Struct, frozen=True):
    """What an endpoint shows, wherever it stands and whenever it was seen."""

    answered: bool
    alone: Verdict  # where nothing else of its host answered
    beside: Verdict  # where its host answered on some port
    product: Product


_ANYWHERE, _ANY_TIME = Endpoint("", 0, Protocol.DIMSE), datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=1024)
def _read(
    depth: Depth, stop: Outcome, tls: TlsFacts | None, signs: tuple[Fingerprint, ...], facts: tuple[Facts, ...]
) -> _Read:
    """A sweep meets the same again and again: nobody at a port, or software as it comes."""
    seen = Observation(endpoint=_ANYWHERE, at=_ANY_TIME, depth=depth, stop=stop, tls=tls, signs=signs, facts=facts)
    heard, beside = answered(seen), place(seen, host_answered=True)
    return _Read(heard, beside if heard else place(seen), beside, identify(seen))


def _judged(seen: Observation, shown: _Read, host_answered: bool, places: Places) -> JudgedEndpoint:
    verdict = shown.beside if host_answered else shown.alone
    place = places.of(seen.endpoint.address)
    return JudgedEndpoint(seen, verdict, shown.product, measure(seen, verdict), place)


def profile_of(group: Iterable[JudgedEndpoint]) -> Profile | None:
    """The facts about personal data of one archive, from any way in."""
    return next(iter(amounts.Told.by(*[j.observation for j in group]).profiles), None)


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


def _closed_elsewhere(found: Group, judged: Iterable[JudgedEndpoint], own: Collection[str]) -> tuple[Endpoint, ...]:
    """What of an archive's open ways in refuses us, or does not answer, at other addresses of its name."""
    opened = [j.observation.endpoint for j in found.members if j.verdict.rung is not None and j.verdict.rung.open]
    ports = {endpoint.port for endpoint in opened if endpoint.address in own}
    refused = [j.observation.endpoint for j in judged if j.observation.endpoint.address in own and _refuses(j.verdict)]
    return tuple(there for there in refused if there.port in ports)


def _refuses(verdict: Verdict) -> bool:
    """That nothing answered is no proof, and says enough where another address of the same name does answer."""
    if verdict.rung is None or verdict.rung.open:
        return False
    return verdict.conclusive or verdict.why is Reason.NOTHING_ANSWERED


def _archive(found: Group, name: str, closed_elsewhere: tuple[Endpoint, ...]) -> Archive:
    group, endpoints = found.members, tuple(found.endpoints)
    rung = max((j.verdict.rung for j in group if j.verdict.rung), key=lambda r: r.height)
    product = group[0].product if len(group) == 1 else identify(*found.seen)
    counts = amounts.counts(group, proven=not found.more)
    profile, studies = _doubted(profile_of(group), counts), counts.studies.value
    unknown = amounts.untold(group) or DoubtCode.NEEDS_PROFILE
    kinds, identifiers, ssn_records = personal.judge(profile, studies, group[0].place.countries, unknown)
    advisories = known(product.product, product.version)
    recognised_by = identity(group, product.product)
    transport = {found for j in group for found in j.transport}
    letter, why = grade(rung, group, transport, advisories, somebodys(kinds))
    return Archive(
        id=_id(found),
        address=endpoints[0].address,
        endpoints=endpoints,
        rung=rung,
        product=product,
        counts=counts,
        kinds=kinds,
        identifiers=identifiers,
        ssn_records=ssn_records,
        by_year=personal.by_year(profile, studies),
        images_retrievable=retrievable(group, counts.images),
        advisories=advisories,
        grade=letter,
        grade_why=why,
        decoy=tags(group, (name, *recognised_by.names)),
        configuration=configuration(group, counts),
        identity=recognised_by,
        joined_by=tuple(dict.fromkeys(found.by)),
        perhaps_same=tuple(map(_id, found.perhaps)),
        perhaps_more=found.more,
        place=group[0].place,
        hints=hints(group),
        closed_elsewhere=closed_elsewhere,
    )


def _doubted(profile: Profile | None, counts: Counts) -> Profile | None:
    """Where the archive's numbers contradict each other, nobody can say that a profile saw all of it."""
    if profile is None:
        return None
    doubts = tuple(d for d in counts.studies.doubts if d.code in (DoubtCode.CONTRADICTED, DoubtCode.WAYS_UNPROVEN))
    if not doubts:
        return profile
    return replace(profile, complete=False, doubts=(*profile.doubts, *doubts))


def _id(found: Group) -> str:
    """Its first endpoint: an id must be readable, and may not hang on the order of asking."""
    first = found.members[0].observation.endpoint
    return f"{first.address}:{first.port}"
