"""Decides which endpoints of one host are one archive, and counts its contents once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from filmbadge.catalogue.advisories import known
from filmbadge.judge import personal
from filmbadge.judge.decoys import configuration, tags
from filmbadge.judge.grade import grade, somebodys
from filmbadge.judge.identity import identity
from filmbadge.judge.ladder import answered, place
from filmbadge.judge.product import identify
from filmbadge.judge.same_archive import same, same_counters
from filmbadge.judge.transport import measure
from filmbadge.judge.ways import ways_of
from filmbadge.model import (
    Archive,
    Census,
    Count,
    Counters,
    Counts,
    Doubt,
    DoubtCode,
    Endpoint,
    Host,
    Interval,
    JudgedEndpoint,
    Link,
    LinkBy,
    Observation,
    Outcome,
    Profile,
    Protocol,
    Provenance,
    Reason,
    Rung,
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
    groups = _merge(_groups(ordered, frozenset({"", address, name.lower()})), links)
    archives = []
    for group, joined_by in groups:
        archive = _archive(group, name, joined_by)
        archives.append(archive)
        for one in group:
            said = msgspec.structs.replace(archive.product, toolkit=one.product.toolkit)
            judged[judged.index(one)] = msgspec.structs.replace(one, product=said)
    return Host(address, tuple(judged), tuple(archives), fault, links, name)


def _judged(seen: Observation, host_answered: bool) -> JudgedEndpoint:
    placed = JudgedEndpoint(seen, place(seen, host_answered=host_answered), identify(seen))
    return msgspec.structs.replace(placed, transport=measure(placed))


def profile_of(group: Iterable[JudgedEndpoint]) -> Profile | None:
    """The facts about personal data of one archive, from any way in."""
    return next((p for way, facts in ways_of(*_seen(group)) if (p := way.profile(facts)) is not None), None)


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


def _groups(judged: Sequence[JudgedEndpoint], names: frozenset[str]) -> list[list[JudgedEndpoint]]:
    """A web endpoint joins the DIMSE endpoint that it names.

    If it names none and the host has exactly one DIMSE endpoint, it joins that one. `names` are the host's own names.
    """
    imaging = [j for j in judged if j.verdict.rung is not None and j.verdict.rung.reaches(Rung.SPEAKS)]
    groups = [[j] for j in imaging if _is_dimse(j)]
    alone = groups[0] if len(groups) == 1 else None
    named_ports = Counter(port for j in imaging if (port := _dicom_port(j)) is not None)
    web = [j for j in imaging if not _is_dimse(j)]
    for one in sorted(web, key=_is_archive, reverse=True):  # archives come before the viewers that name them
        port = _dicom_port(one)
        led = [g for g in groups if _leads_to(one, g, names)]
        named = [g for g in groups if _is_dimse(g[0]) and g[0].observation.endpoint.port == port]
        if led:
            led[0].append(one)
        elif (
            port is not None and named and named_ports[port] == 1
        ):  # two services that name one port are likely in containers, each naming its internal port
            named[0].append(one)
        elif port is None and alone is not None:
            alone.append(one)
        else:
            groups.append([one])
    return groups


def _seen(group: Iterable[JudgedEndpoint]) -> list[Observation]:
    return [j.observation for j in group]


def _is_dimse(judged: JudgedEndpoint) -> bool:
    return judged.observation.endpoint.protocol is Protocol.DIMSE


def _dicom_port(judged: JudgedEndpoint) -> int | None:
    ports = (way.dicom_port(facts) for way, facts in ways_of(judged.observation))
    return next((port for port in ports if port is not None), None)


def _is_archive(judged: JudgedEndpoint) -> bool:
    return any(way.archive for way, _ in ways_of(judged.observation))


def _leads_to(viewer: JudgedEndpoint, group: Sequence[JudgedEndpoint], names: frozenset[str]) -> bool:
    """Whether the viewer's pages take their data from a way into this archive."""
    named = [root for way, facts in ways_of(viewer.observation) for root in way.leads_to(facts)]
    places = {("" if n.host in names else n.host, n.port) for n in named}
    ways = [j.observation.endpoint for j in group if not _is_dimse(j)]
    return any(("" if e.address in names else e.address, e.port) in places for e in ways)


_Merged = list[tuple[list[JudgedEndpoint], list[LinkBy]]]


def _merge(groups: list[list[JudgedEndpoint]], links: Sequence[Link]) -> _Merged:
    """Merges groups of one host that hold the same studies. Each group comes with the links that show it."""
    merged: _Merged = []
    for group in groups:
        shown = ((number, by) for number, (other, _) in enumerate(merged) if (by := _one(other, group, links)))
        number, by = next(shown, (len(merged), None))
        if by is None:
            merged.append((group, []))
        else:
            merged[number][0].extend(group)
            merged[number][1].append(by)
    return merged


def _one(group: Sequence[JudgedEndpoint], other: Sequence[JudgedEndpoint], links: Sequence[Link]) -> LinkBy | None:
    left, right = ({j.observation.endpoint for j in g} for g in (group, other))
    between = [k for k in links if (k.one in left and k.other in right) or (k.one in right and k.other in left)]
    if between:
        return next((link.by for link in between if same(link, here=True)), None)
    return LinkBy.COUNTERS if same_counters(_counts(group), _counts(other)) else None


def _archive(group: Sequence[JudgedEndpoint], name: str, joined_by: Iterable[LinkBy]) -> Archive:
    endpoints = tuple(j.observation.endpoint for j in group)
    rung = max((j.verdict.rung for j in group if j.verdict.rung), key=lambda r: r.height)
    product = identify(*_seen(group))
    profile = profile_of(group)
    counts = _with_patients(_counts(group), profile)
    kinds, identifiers, ssn_records = personal.judge(profile, counts.studies.value)
    archive = Archive(
        id=f"{endpoints[0].address}:{endpoints[0].port}",
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
        joined_by=tuple(dict.fromkeys(joined_by)),
    )
    transport = {found for j in group for found in j.transport}
    letter, why = grade(rung, group, transport, archive.advisories, somebodys(kinds))
    return msgspec.structs.replace(archive, grade=letter, grade_why=why)


def _counts(group: Sequence[JudgedEndpoint]) -> Counts:
    """The numbers of one archive. Numbers from its pages fill in only for numbers that nothing better gives."""
    found = _of_services(group)
    listed = [way.listed(facts) for way, facts in ways_of(*_seen(group))]
    patients = next((pages.patients for pages in listed if _told(pages.patients)), Count())
    images = next((pages.images for pages in listed if _told(pages.images)), Count())
    if _told(patients) and not _told(found.patients):
        found = msgspec.structs.replace(found, patients=patients)
    if _told(images) and not _told(found.images):
        found = msgspec.structs.replace(found, images=images)
    return found


def _told(count: Count) -> bool:
    return count.value is not None or bool(count.at_least)


def _of_services(group: Sequence[JudgedEndpoint]) -> Counts:
    ways = list(ways_of(*_seen(group)))
    gave = any(way.gave(facts) for way, facts in ways)
    for counters in (c for way, facts in ways if (c := way.counters(facts)) is not None):
        # If a record came, a counter of zero counts something else.
        if counters.studies is not None and (counters.studies or not gave):
            return _reported(counters)
    censuses = [census for way, facts in ways if (census := way.census(facts)) is not None]
    if censuses:
        best = max(censuses, key=lambda c: (c.complete, c.studies))
        if not best.studies and gave:
            # Some archives answer an unbounded query with success and no match.
            best = msgspec.structs.replace(best, complete=False, studies=1)
            return _counted(best, DoubtCode.CENSUS_EMPTY)
        return _counted(best)
    return Counts(*(_unknown(_why_unknown(group)) for _ in range(4)))


def _reported(counters: Counters) -> Counts:
    def count(value: int | None) -> Count:
        return _unknown(DoubtCode.COUNTER_SILENT) if value is None else Count(value, Provenance.REPORTED)

    return Counts(*(count(n) for n in (counters.patients, counters.studies, counters.series, counters.images)))


def _counted(census: Census, otherwise: DoubtCode = DoubtCode.NOT_ENDED) -> Counts:
    patients = _unknown(DoubtCode.NEEDS_PROFILE)
    if not census.complete:
        doubts = census.doubts or (Doubt(otherwise),)
        return Counts(
            patients,
            _estimated(census.estimate, doubts, census.studies) or Count(at_least=census.studies, doubts=doubts),
            Count(doubts=doubts),
            _estimated(census.images_estimate, doubts, census.images) or Count(doubts=doubts),
        )
    studies = Count(census.studies, Provenance.COUNTED)
    series = (
        _unknown(DoubtCode.NOT_KNOWN_FOR_ALL) if census.series is None else Count(census.series, Provenance.COUNTED)
    )
    if census.images is not None and census.images_known_for == census.studies:
        images = Count(census.images, Provenance.COUNTED, coverage=1.0)
    else:
        known = census.images_known_for
        doubts = census.doubts or (Doubt(DoubtCode.KNOWN_FOR, {"known": known, "studies": census.studies}),)
        bound = Count(at_least=census.images, doubts=doubts)
        images = _estimated(census.images_estimate, doubts, census.images) or bound
        images = msgspec.structs.replace(images, coverage=round(known / census.studies, 4))
    return Counts(patients, studies, series, images)


def _with_patients(counts: Counts, profile: Profile | None) -> Counts:
    """Counts patients by their ids, if no counter gave their number."""
    if profile is None or counts.patients.value is not None:
        return counts
    if not profile.complete or profile.records != counts.studies.value:
        doubts = profile.doubts or (Doubt(DoubtCode.INSPECTED, {"records": profile.records}),)
        patients = Count(at_least=profile.patients, doubts=doubts)
    elif profile.without_id:
        doubt = Doubt(DoubtCode.WITHOUT_PATIENT_ID, {"studies": profile.without_id})
        patients = Count(at_least=profile.patients, doubts=(doubt,))
    else:
        patients = Count(profile.patients, Provenance.COUNTED)
    return msgspec.structs.replace(counts, patients=patients)


def _estimated(found: Interval | None, doubts: tuple[Doubt, ...], at_least: int | None) -> Count | None:
    if found is None:
        return None
    return Count(found.value, Provenance.ESTIMATED, at_least, doubts=doubts, low=found.low, high=found.high)


def _unknown(code: DoubtCode) -> Count:
    return Count(doubts=(Doubt(code),))


def _why_unknown(group: Sequence[JudgedEndpoint]) -> DoubtCode:
    if not any(j.verdict.rung and j.verdict.rung.open for j in group):
        if any(j.verdict.why is Reason.NOTHING_GIVEN for j in group):
            return DoubtCode.NOTHING_GIVEN
        if not all(j.verdict.conclusive for j in group):
            return DoubtCode.NOT_FOUND_OUT
        if any(j.verdict.why in (Reason.NEEDS_PERSONAL_DATA, Reason.DEPTH) for j in group):
            return DoubtCode.NOT_ASKED_AT_DEPTH
        if any(j.verdict.why is Reason.PAGE for j in group):
            return DoubtCode.PAGE_NOT_ASKED
        return DoubtCode.GIVES_NOTHING
    return DoubtCode.NOT_COUNTED_AT_DEPTH
