"""One host, from its first port to its verdict."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from filmbadge.ask import web
from filmbadge.ask.census.lot import NO_LOT, Lot
from filmbadge.ask.dimse import identify
from filmbadge.ask.learned import Learned
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.ways import ask_further
from filmbadge.ask.wire.contact import SILENT_SECONDS, Contact
from filmbadge.ask.wire.dialer import Dialer, OutOfScope, UnknownName
from filmbadge.ask.wire.lease import Network
from filmbadge.judge import archives, distinct_count, same_archive
from filmbadge.judge.same_archive import Sketch, at_one_host
from filmbadge.judge.steps import Step, next_step
from filmbadge.model import (
    Archive,
    Cause,
    ClientCertificate,
    ConfiguredRoot,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Endpoint,
    Host,
    JournalRow,
    Observation,
    Outcome,
    OutcomeKind,
    PageFacts,
    Protocol,
    Refusal,
)
from filmbadge.places import PACKAGED, Places
from filmbadge.scope import LARGE_SHARE, Address, Scope, address_of, network_of


class SurveyError(Refusal):
    """The survey cannot start. One line, for the user."""


class BrokenOff(SurveyError):
    """A survey ended before its end, because its folder could not be written or read any more. One line, for the user."""


class Elsewhere(Exception):
    """A host cannot be asked to its end here: networks that it needs are not leased to this process.

    `networks` are all that it needs, and `seen` is what it showed so far: `examine` goes on `before` that.
    """

    def __init__(self, networks: frozenset[Network], seen: tuple[Observation, ...]) -> None:
        self.networks = networks
        self.seen = seen
        super().__init__(f"{len(networks)} networks are needed")


class Asking(NamedTuple):
    """What is being asked of a host just now."""

    port: int
    number: int  # of this port among those that are asked
    ports: int
    deeper: bool = False  # what to ask of it was found, and a census or a look goes on there
    again: bool = False  # these ports were given up early before, and are asked once more


class Checked(NamedTuple):
    """What was found out of one host, every connection that was made, and from which addresses of ours."""

    host: Host
    journal: list[JournalRow]
    sources: tuple[str, ...]


async def check(scope: Scope, target: Target, places: Places = PACKAGED) -> tuple[Host, list[JournalRow]]:
    """One host, kept nowhere: what was found, and every connection that was made."""
    return (await checked(scope, target, places))[:2]


async def checked(
    scope: Scope, target: Target, places: Places = PACKAGED, asking: Callable[[Asking], None] = lambda _: None
) -> Checked:
    """The same, with our own addresses. `asking` is told of each port before it is asked."""
    rows: list[JournalRow] = []
    dialer = Dialer(scope, rows.append, {str(target.host): target.ports})
    try:
        await dialer.resolve(target.host)
    except (OutOfScope, UnknownName) as error:
        raise SurveyError(str(error)) from None
    host = await examine(dialer, target, scope.depth, places=places, every=True, asking=asking)
    return Checked(host, rows, dialer.sources)


@dataclass(slots=True, repr=False)
class Sketches:
    """They are kept in memory only."""

    studies: dict[Endpoint, Sketch] = field(default_factory=dict)  # one an archive
    patients: dict[str, Sketch] = field(default_factory=dict)  # by archive: of those of which all were counted
    images: int = 0  # of all open archives so far

    def see(self, archives: Iterable[Archive]) -> None:
        """Their images, where they are open."""
        self.images += sum(_images(archive) for archive in archives if archive.open)

    def keep(self, host: Host, seen: Seen) -> None:
        """The sketches of one host's endpoints, one for each of its archives."""
        self.see(host.archives)
        drawn, people = seen.studies, seen.patients
        if not (drawn or people):
            return
        for archive in host.archives:
            here = [e for e in archive.endpoints if e in drawn]
            if here:
                most = max(here, key=lambda e: (drawn[e].whole, drawn[e].size))
                self.studies[most] = drawn[most].small()
        self.patients.update({a: people[e] for e, a in archives.ids_read(host).items() if e in people})


class Seen:
    """What was seen of one host, one observation for each endpoint, and the sketches of what is behind them."""

    def __init__(self, asking: Callable[[Asking], None] = lambda _: None, before: Iterable[Observation] = ()) -> None:
        self._asking = asking
        self._ports: dict[int, int] = {}  # those that are asked in this look, in their order
        self._again = False
        self._observations: dict[tuple[str, int, Protocol], Observation] = {}  # by address, port and protocol
        self.called: dict[Address, str] = {}  # names of other hosts, as we call them
        self.studies: dict[Endpoint, Sketch] = {}
        self.patients: dict[Endpoint, Sketch] = {}
        self.lots: dict[Endpoint, Lot] = {}
        for one in before:
            self.put(one)

    def __iter__(self) -> Iterator[Observation]:
        return iter(tuple(self._observations.values()))

    def at(self, address: str, port: int) -> Observation | None:
        """What was seen of this port: in HTTP, if that was spoken there."""
        seen = self._observations
        return seen.get((address, port, Protocol.HTTP)) or seen.get((address, port, Protocol.DIMSE))

    def expect(self, ports: Iterable[int], again: bool) -> None:
        """These are the ports that will be asked, for the first time or once more."""
        self._ports = {port: number for number, port in enumerate(dict.fromkeys(ports), 1)}
        self._again = again

    def ask(self, port: int, *, deeper: bool = False) -> None:
        """Whoever waits is told."""
        self._asking(Asking(port, self._ports.get(port, len(self._ports)), len(self._ports), deeper, self._again))

    def put(self, seen: Observation) -> None:
        """Take it in, in the place of what was seen of this endpoint before.

        A port that did not speak DIMSE, and answers in HTTP, is one endpoint and not two.
        """
        address, port = seen.endpoint.address, seen.endpoint.port
        before = self._observations.get((address, port, Protocol.DIMSE))
        if before is not None and not _spoke_dimse(before):
            del self._observations[(address, port, Protocol.DIMSE)]
        self._observations[(address, port, seen.endpoint.protocol)] = seen

    def learn(self, learned: Learned) -> None:
        self.put(learned.seen)
        endpoint = learned.seen.endpoint
        if (sketch := sketched(learned)) is not None and not (
            endpoint in self.studies and self.studies[endpoint].whole
        ):
            self.studies[endpoint] = sketch
        if learned.lot is not None:
            self.lots[endpoint] = learned.lot
        if (patients := learned.patients) is not None:
            self.patients[endpoint] = Sketch.of(len(patients), patients.smallest(distinct_count.SKETCH_SIZE))


def sketched(learned: Learned) -> Sketch | None:
    """Of the studies that were seen."""
    studies = learned.studies
    if studies is None or not len(studies):
        return None
    return Sketch.of(len(studies), studies.smallest(same_archive.SKETCH_HERE), whole=learned.whole)


async def examine(
    dialer: Dialer,
    target: Target,
    depth: Depth,
    sketches: Sketches | None = None,
    lost: OutOfScope | UnknownName | None = None,
    places: Places = PACKAGED,
    *,
    every: bool = False,
    asking: Callable[[Asking], None] = lambda _: None,
    before: Sequence[Observation] = (),
) -> Host:
    """Everything about one host, at the first address of its name or at `every` one. A fault of ours stands beside what was seen, and never ends a survey.

    The sketches of its archives are left in `sketches`: they are kept nowhere else. `lost` is why the host's name led to
    no address that may be asked, if that is known. `before` is what was seen until an examination was to go on elsewhere.
    Raises Elsewhere; and OutOfScope where the lease of this process ends, for then the host is another's to ask.
    """
    seen = Seen(asking, before)
    own, name = [str(target.host)], target.host if isinstance(target.host, str) else ""
    unasked: tuple[str, ...] = ()
    try:
        if lost is not None:
            raise lost
        resolved = await dialer.resolve_all(target.host)
        contacts = [Contact(dialer, address, name) for address in resolved.permitted[: None if every else 1]]
        own, unasked = [contact.host for contact in contacts], tuple(map(str, resolved.outside)) if every else ()
        elsewhere = (ip_address(one.endpoint.address) for one in before)
        _require_leased(dialer, seen, [*(contact.address for contact in contacts), *elsewhere])
        for contact in contacts:
            if not any(one.endpoint.address == contact.host for one in before):
                await _ask(contact, target, depth, seen)
            await _follow(contact, depth, seen)
        judge = partial(_judged, seen, own, name, places, unasked)
        host = await _go_on(contacts[0], seen, judge, None if sketches is None else sketches.images)
        if host.archives and dialer.scope.reverse_names:
            host = await _named(contacts[0], seen, host, judge)
        if sketches is not None:
            sketches.keep(host, seen)
        return host
    except Elsewhere:
        raise
    except OutOfScope as error:
        if error.cause in (Cause.LEASE_ENDED, Cause.NOT_LEASED):
            raise
        fault = Outcome(OutcomeKind.OUT_OF_SCOPE, error.cause)
    except UnknownName as error:
        fault = error.stop
    except Exception as error:  # its text may hold anything, so only its type is kept
        fault = Outcome(OutcomeKind.OWN_ERROR, error=type(error).__name__)
    return _judged(seen, own, name, places, unasked, fault)


def _require_leased(dialer: Dialer, seen: Seen, addresses: Collection[Address]) -> None:
    """Raises Elsewhere where not all of these addresses are leased to this process."""
    if not all(map(dialer.leased, addresses)):
        needed = {*addresses, *(ip_address(one.endpoint.address) for one in seen)}
        raise Elsewhere(frozenset(map(network_of, needed)), tuple(seen))


def _judged(
    seen: Seen, own: Sequence[str], name: str, places: Places, unasked: tuple[str, ...], fault: Outcome | None = None
) -> Host:
    """All verdicts, from what was seen until now. `own` are the addresses of the host that were asked."""
    links = at_one_host(seen.studies)
    return archives.judge(own[0], seen, links, name, fault, places, also=own[1:], unasked=unasked)


async def _ask(contact: Contact, target: Target, depth: Depth, seen: Seen) -> None:
    """Ask every port, one connection at a time, into `seen`; those that were given up early, once more."""
    patience, network = contact.dialer.patience, network_of(contact.address)
    await _look(_waiting(contact, partial(patience.seconds, network)), target, depth, seen)
    early = _given_up_early(contact, seen)
    if early and _silent(contact, seen):
        again, wait = patience.second_look(network, early)
        await _look(_waiting(contact, lambda: wait), target, depth, seen, again)
        early = [] if _silent(contact, seen) else [port for port in early if port not in again]
    if early:
        await _look(_waiting(contact, partial(patience.longer, network)), target, depth, seen, early)
    if contact.pace.has_spoken and (hasty := _left_early(contact, seen)):
        await _look(contact, target, depth, seen, hasty)


def _waiting(contact: Contact, connect_seconds: Callable[[], float]) -> Contact:
    """The same host, and how long its connects may wait."""
    return Contact(contact.dialer, contact.address, contact.name, connect_seconds)


def _silent(contact: Contact, seen: Seen) -> bool:
    """Whether this host answered at no port. That it cannot be reached is somebody else's word, if anybody's."""
    unanswered = (OutcomeKind.NO_ANSWER, OutcomeKind.UNREACHABLE)
    return all(one.stop.ending in unanswered for one in seen if one.endpoint.address == contact.host)


def _given_up_early(contact: Contact, seen: Seen) -> list[int]:
    """The ports of this host at which a connect waited a shorter time than the scope allows."""
    here, most = contact.host, round(contact.scope.caps.connect_seconds * 1000)
    return [
        one.endpoint.port
        for one in seen
        if one.stop.cause is Cause.CONNECT_LIMIT
        and one.stop.numbers["milliseconds"] < most
        and one.endpoint.address == here
    ]


def _left_early(contact: Contact, seen: Seen) -> list[int]:
    """The ports of this host that took a connection, kept silent, and were waited for less than the scope allows."""
    early = round(SILENT_SECONDS * 1000)
    return [
        one.endpoint.port
        for one in seen
        if one.stop.cause in (Cause.IDLE_LIMIT, Cause.HANDSHAKE_LIMIT)
        and one.stop.numbers["milliseconds"] == early < round(contact.scope.caps.patience_seconds * 1000)
        and one.endpoint.address == contact.host
    ]


async def _look(
    contact: Contact, target: Target, depth: Depth, seen: Seen, again: Collection[int] | None = None
) -> None:
    """Ask the ports of a target, or of them those in `again`, as if for the first time.

    HTTP is never spoken first to a port on which DIMSE is expected, nor to one that gave what was asked for in DIMSE.
    A port that the user named is asked in DIMSE, and then in HTTP, for one port can have both; over TLS, where it
    turned out to speak that. So is a port of the web on which DIMSE is expected too, and a port that answered in HTTP.
    """
    scope, spoke_http = contact.scope, list[int]()
    asked = set[int]()  # in this look
    every = target.ports or scope.ports
    seen.expect([port for port in every if again is None or port in again], again is not None)
    for port in target.ports or dict.fromkeys((*scope.dimse_ports, *scope.dimse_tls_ports)):
        if again is not None and port not in again:
            continue
        seen.ask(port)
        first = await identify.identify_either(contact, port, depth, named=bool(target.ports))
        seen.put(first)
        asked.add(port)
        spoke_http += [port] if first.stop.cause is Cause.SPOKE_HTTP else []
    for port in target.ports or dict.fromkeys((*scope.web_ports, *scope.web_tls_ports, *spoke_http)):
        if again is not None and port not in again:
            continue
        before = seen.at(contact.host, port) if port in asked else None
        if before is None:
            seen.ask(port)
            seen.put(await web.identify_either(contact, port, depth, tls=port in scope.web_tls_ports))
        elif not (_gave_dimse(before) or _nobody(before) or _barred(before)):
            seen.ask(port)
            answered = await web.identify_either(contact, port, depth, tls=before.tls is not None)
            if _answered(answered):
                seen.put(answered)


async def _follow(contact: Contact, depth: Depth, seen: Seen) -> None:
    """Ask the archives that viewers name, where the scope allows the address, the port and the name. The rest is noted.

    One step: what those name is not followed. All are placed first: those that another process must ask are told at once.
    """
    found = [(viewer, pages) for viewer in seen if (pages := _viewer(contact, viewer)) is not None]
    placed = [[await _placed(contact, named) for named in pages.names] for _, pages in found]
    asked = [ip_address(named.host or contact.host) for names in placed for named in names if not named.outside]
    _require_leased(contact.dialer, seen, asked)
    for (viewer, pages), names in zip(found, placed, strict=True):
        seen.put(viewer.with_facts(msgspec.structs.replace(pages, names=tuple(names))))
        for written, named in zip(pages.names, names, strict=True):
            if named.outside:
                continue
            there = ip_address(named.host or contact.host)
            here = seen.at(str(there), named.port)
            if here is not None and _known_enough(here):
                continue
            archive = Contact(contact.dialer, there, _called(contact, written, named))
            seen.called.setdefault(there, archive.name)
            roots = (named.path.rstrip("/"),)  # that only the viewer may know
            seen.put(await web.identify_either(archive, named.port, depth, tls=named.tls, roots=roots))


def _viewer(contact: Contact, seen: Observation) -> PageFacts | None:
    """Its pages, if it is a viewer of this host that names archives."""
    pages = seen.get(PageFacts) if seen.endpoint.address == contact.host else None
    return pages if pages is not None and pages.names else None


def _called(contact: Contact, written: ConfiguredRoot, named: ConfiguredRoot) -> str:
    """The name by which we call a host: the viewer's for it, or the user's for this host. No other host is told that."""
    if written.host and address_of(written.host) is None:
        return written.host
    return "" if named.host else contact.name


def _known_enough(seen: Observation) -> bool:
    """Nothing of the web answers there, or DICOMweb was found, or it is a viewer itself."""
    pages = seen.get(PageFacts)
    return pages is None or pages.status is None or seen.get(DicomWebFacts) is not None or bool(pages.names)


async def _placed(contact: Contact, named: ConfiguredRoot) -> ConfiguredRoot:
    """With the address of its host, where it may be contacted; without one, where it is this host."""
    if named.outside:
        return named
    there, dialer = contact.address, contact.dialer
    if named.host not in ("", contact.name.lower()):
        try:
            there = await dialer.follow(named.host, host=contact.name)
        except OutOfScope as error:
            if error.cause is Cause.LEASE_ENDED:
                raise
            return msgspec.structs.replace(named, outside=True, why=error.cause)
        except UnknownName as error:
            return msgspec.structs.replace(named, outside=True, why=error.stop.cause or Cause.NAME_UNKNOWN)
    placed = msgspec.structs.replace(named, host="" if there == contact.address else str(there))
    if dialer.permits(there, named.port):
        return placed
    why = Cause.SCOPE_EXPIRED if dialer.scope_expired else Cause.PORT_NOT_IN_SCOPE
    return msgspec.structs.replace(placed, outside=True, why=why)


async def _go_on(contact: Contact, seen: Seen, judge: Callable[[], Host], images: int | None) -> Host:
    """Take one step after the other, and judge the host anew after each: what it taught says which is next.

    `images` is how many the survey has seen at other hosts. None: this is no survey.
    """
    host = judge()
    while (step := next_step(host)) is not None:
        address = ip_address(step.seen.endpoint.address)
        there = Contact(contact.dialer, address, seen.called.get(address, contact.name))
        seen.ask(step.seen.endpoint.port, deeper=True)
        lot = _lot(contact.scope, host, seen, step, images)
        learned = await ask_further(there, step.seen, step.way, step.depth, lot)
        if learned.seen == step.seen:
            raise RuntimeError(f"a step to depth {step.depth} left no trace: it would be taken for ever")
        seen.learn(learned)
        del learned  # its sets are large, and others may wait for their memory
        host = judge()
    return host


async def _named(contact: Contact, seen: Seen, host: Host, judge: Callable[[], Host]) -> Host:
    """The same host with the names that the DNS has for the addresses of its archives, as far as the scope allows."""
    ours = {endpoint for archive in host.archives for endpoint in archive.endpoints}
    for one in seen:
        if one.endpoint in ours:
            name = await contact.dialer.reverse_name(ip_address(one.endpoint.address))
            if name:
                seen.put(msgspec.structs.replace(one, reverse_name=name))
    return judge()


def _lot(scope: Scope, host: Host, seen: Seen, step: Step, images: int | None) -> Lot:
    """The studies to try, of the archive that the step is about: more of one that is large among all so far.

    At its end a survey has seen no fewer images than so far, so each archive that is large among all is among those.
    """
    for archive in host.archives if step.depth is Depth.PROVE else ():
        here = [seen.lots[e] for e in archive.endpoints if e in seen.lots]
        if step.seen.endpoint in archive.endpoints and here:
            large = images is not None and _images(archive) > LARGE_SHARE * (images + _images(archive))
            return max(here, key=lambda lot: lot.told).some(scope.retrievals.large if large else scope.retrievals.each)
    return NO_LOT


def _images(archive: Archive) -> int:
    held = archive.counts.images
    return held.value or held.at_least or 0


def _answered(observation: Observation) -> bool:
    """In HTTP."""
    pages = observation.get(PageFacts)
    return pages is not None and pages.status is not None


def _spoke_dimse(observation: Observation) -> bool:
    facts = observation.get(DimseFacts)
    return facts is not None and facts.valid_pdu


def _gave_dimse(observation: Observation) -> bool:
    """It gave all that was asked for: there is nothing that another protocol would have to tell."""
    facts = observation.get(DimseFacts)
    if facts is None or observation.depth.reaches(Depth.ASK):
        return facts is not None and any(find.matches for find in facts.finds)
    return facts.study_root or facts.patient_root


def _barred(observation: Observation) -> bool:
    """TLS was refused to us, and so would HTTP in it be."""
    return observation.tls is not None and (
        not observation.tls.version or observation.tls.client_certificate is ClientCertificate.YES
    )


def _nobody(observation: Observation) -> bool:
    return observation.stop.ending in (OutcomeKind.REFUSED, OutcomeKind.UNREACHABLE, OutcomeKind.NO_ANSWER)
