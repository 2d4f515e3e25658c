"""One host, from its first port to its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address

import msgspec

from filmbadge.ask import web
from filmbadge.ask.decoder import Tally
from filmbadge.ask.dicomweb import profile as dicomweb_profile
from filmbadge.ask.dicomweb import prove as dicomweb_prove
from filmbadge.ask.dimse import census, identify, profile
from filmbadge.ask.dimse.prove import prove
from filmbadge.ask.personal.distinct import Distinct
from filmbadge.ask.products import orthanc
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import Dialer, OutOfScope, UnknownName
from filmbadge.judge import archives, distinct_count
from filmbadge.judge.same_archive import SKETCH_SIZE, Sketch
from filmbadge.model import (
    ClientCertificate,
    ConfiguredRoot,
    Depth,
    Endpoint,
    Host,
    JournalRow,
    Observation,
    Outcome,
    OutcomeKind,
    Protocol,
    Refusal,
)
from filmbadge.scope import Address, Scope, address_of


class SurveyError(Refusal):
    """The survey cannot start. One line, for the user."""


async def check(scope: Scope, target: Target) -> tuple[Host, list[JournalRow]]:
    """One host, kept nowhere: what was found, and every connection that was made."""
    rows: list[JournalRow] = []
    dialer = Dialer(scope, rows.append)
    try:
        await dialer.resolve(str(target.host))
    except (OutOfScope, UnknownName) as error:
        raise SurveyError(str(error)) from None
    return await examine(dialer, target, scope.depth), rows


@dataclass(frozen=True, slots=True, repr=False)
class Sketches:
    """Of archives, by their ids. They are kept in memory only."""

    studies: dict[str, Sketch] = field(default_factory=dict)
    patients: dict[str, Sketch] = field(default_factory=dict)  # of those of which all were counted


async def examine(dialer: Dialer, target: Target, depth: Depth, sketches: Sketches | None = None) -> Host:
    """Everything about one host. A fault of ours becomes a row beside what was seen, and never ends a survey.

    The sketches of its archives are left in `sketches`: they are kept nowhere else.
    """
    seen: list[Observation] = []
    drawn: dict[Endpoint, Sketch] = {}
    people: dict[Endpoint, Sketch] = {}
    address = str(target.host)
    try:
        resolved = await dialer.resolve(address)
        address = str(resolved)
        await _ask(dialer, resolved, target, depth, seen)
        host = await _count(dialer, resolved, target, seen, drawn, people)
        if sketches is not None:
            sketches.studies.update({a.id: drawn[e] for a in host.archives for e in a.endpoints if e in drawn})
            sketches.patients.update({a: people[e] for e, a in archives.ids_read(host).items() if e in people})
        return host
    except OutOfScope as error:
        stop = Outcome(OutcomeKind.OUT_OF_SCOPE, str(error))
    except UnknownName as error:
        stop = Outcome(OutcomeKind.NO_ADDRESS, str(error))
    except Exception as error:  # its text may hold anything, so only its type is kept
        stop = Outcome(OutcomeKind.OWN_ERROR, type(error).__name__)
    fault = Observation(Endpoint(address, 0, Protocol.DIMSE), datetime.now(UTC), depth, stop)
    return archives.judge(address, [*seen, fault], drawn, _name(target))


async def _ask(dialer: Dialer, address: Address, target: Target, depth: Depth, seen: list[Observation]) -> None:
    """Ask every port, one connection at a time, into `seen`.

    HTTP is never spoken to a port that spoke DIMSE, nor first to a port on which DIMSE is expected.
    A port that the user named is asked in DIMSE, and in HTTP only when it turned out to be something else;
    over TLS, where it turned out to speak that.
    """
    name = _name(target)
    scope = dialer.scope
    for port in target.ports or dict.fromkeys((*scope.dimse_ports, *scope.dimse_tls_ports)):
        one = await identify.identify_either(dialer, address, port, depth, name, named=bool(target.ports))
        seen.append(one)
    asked = {one.endpoint.port: one for one in seen}
    for port in target.ports or dict.fromkeys((*scope.web_ports, *scope.web_tls_ports)):
        before = asked.get(port)
        if before is None:
            tls = port in scope.web_tls_ports
            seen.append(await web.identify_either(dialer, address, port, depth, tls=tls, name=name))
        elif not (_spoke_dimse(before) or _nobody(before) or _barred(before)):
            answered = await web.identify_either(dialer, address, port, depth, tls=before.tls is not None, name=name)
            if answered.web is not None and answered.web.status is not None:
                seen[seen.index(before)] = answered  # one row per port: it is HTTP, not failed DIMSE
    await _follow(dialer, address, name, depth, seen)


async def _follow(dialer: Dialer, address: Address, name: str, depth: Depth, seen: list[Observation]) -> None:
    """Ask the archives that viewers name: on other ports of this host, and at other addresses of the scope.

    One step: what those name is not followed.
    """
    for viewer in [one for one in seen if one.web is not None and one.web.names]:
        assert viewer.web is not None
        names = [await _placed(dialer, named, address, name) for named in viewer.web.names]
        placed = msgspec.structs.replace(viewer.web, names=tuple(names))
        seen[seen.index(viewer)] = msgspec.structs.replace(viewer, web=placed)
        for written, named in zip(viewer.web.names, names, strict=True):
            place = (named.host or str(address), named.port)
            here = next((one for one in seen if (one.endpoint.address, one.endpoint.port) == place), None)
            if named.outside or (here is not None and _known_enough(here)):
                continue
            there, root = ip_address(place[0]), named.path.rstrip("/")
            called = written.host if address_of(written.host) is None else name
            visited = await web.identify_either(
                dialer, there, named.port, depth, tls=named.tls, name=called, roots=(root,)
            )
            if here is None:
                seen.append(visited)
            else:  # but not under the root that the viewer knows
                seen[seen.index(here)] = visited


def _known_enough(seen: Observation) -> bool:
    """Nothing of the web answers there, or DICOMweb was found, or it is a viewer itself."""
    web = seen.web
    return web is None or web.status is None or seen.dicomweb is not None or bool(web.names)


async def _placed(dialer: Dialer, named: ConfiguredRoot, address: Address, name: str) -> ConfiguredRoot:
    """With the address of its host, where the scope allows it; without one, where it is this host."""
    if named.host in ("", name.lower()):
        return msgspec.structs.replace(named, host="")
    try:
        there = await dialer.resolve(named.host)
    except (OutOfScope, UnknownName):
        return msgspec.structs.replace(named, outside=True)
    return msgspec.structs.replace(named, host="" if there == address else str(there))


async def _count(
    dialer: Dialer,
    address: Address,
    target: Target,
    seen: list[Observation],
    drawn: dict[Endpoint, Sketch],
    people: dict[Endpoint, Sketch],
) -> Host:
    """Enumerate what no counter told, look for personal data and start one retrieval where that is allowed, and judge."""
    name = _name(target)
    host = archives.judge(str(address), seen, drawn, name)
    while (wanted := archives.wants_census(host)) is not None:
        at = seen.index(wanted)
        seen[at] = await count(dialer, ip_address(wanted.endpoint.address), wanted, drawn, name, people)
        host = archives.judge(str(address), seen, drawn, name)
    while (wanted := archives.wants_profile(host)) is not None:
        at = seen.index(wanted)
        there = ip_address(wanted.endpoint.address)
        seen[at] = await _profile(dialer, there, wanted, drawn, people, name)
        host = archives.judge(str(address), seen, drawn, name)
    while (wanted := archives.wants_proof(host)) is not None:
        at = seen.index(wanted)
        start = prove if wanted.dimse is not None else dicomweb_prove.prove
        seen[at] = await start(dialer, ip_address(wanted.endpoint.address), wanted, name)
        host = archives.judge(str(address), seen, drawn, name)
    return host


async def _profile(
    dialer: Dialer,
    address: Address,
    wanted: Observation,
    drawn: dict[Endpoint, Sketch],
    people: dict[Endpoint, Sketch],
    name: str,
) -> Observation:
    orthancs = wanted.orthanc is not None and wanted.orthanc.is_orthanc
    if wanted.dimse is None and not orthancs:
        return await count(dialer, address, wanted, drawn, name, people)
    patients: dict[Endpoint, Distinct] = {}
    ask = profile.profile if wanted.dimse is not None else orthanc.profile
    profiled = await ask(dialer, address, wanted, name, patients)
    people |= _of_patients(patients)
    return profiled


def _of_patients(patients: dict[Endpoint, Distinct]) -> dict[Endpoint, Sketch]:
    return {endpoint: Sketch.of(len(d), d.smallest(distinct_count.SKETCH_SIZE)) for endpoint, d in patients.items()}


async def count(
    dialer: Dialer,
    address: Address,
    wanted: Observation,
    drawn: dict[Endpoint, Sketch],
    name: str = "",
    people: dict[Endpoint, Sketch] | None = None,
) -> Observation:
    """The observation with a census, its sketch in `drawn`, and that of its patients in `people`. Raises OutOfScope only."""
    patients: dict[Endpoint, Distinct] = {}
    tallies: dict[Endpoint, Tally] = {}
    if wanted.dimse is not None:
        counted = await census.count(dialer, address, wanted, name, tallies)
    else:  # the personal data comes with it anyway
        personal = wanted.depth.reaches(Depth.PROFILE)
        counted = await dicomweb_profile.count(dialer, address, wanted, name, tallies, patients, personal=personal)
    drawn |= {endpoint: Sketch.of(t.distinct, t.smallest(SKETCH_SIZE)) for endpoint, t in tallies.items()}
    if people is not None:
        people |= _of_patients(patients)
    return counted


def _name(target: Target) -> str:
    return target.host if isinstance(target.host, str) else ""


def _spoke_dimse(observation: Observation) -> bool:
    return observation.dimse is not None and observation.dimse.valid_pdu


def _barred(observation: Observation) -> bool:
    """TLS was refused to us, and so would HTTP in it be."""
    return observation.tls is not None and (
        not observation.tls.version or observation.tls.client_certificate is ClientCertificate.YES
    )


def _nobody(observation: Observation) -> bool:
    return observation.stop.ending in (OutcomeKind.REFUSED, OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER)
