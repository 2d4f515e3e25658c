"""One port that speaks HTTP, from a path that cannot exist to what each product answers: one observation.

| depth   | asked                                                                              |
|---------|------------------------------------------------------------------------------------|
| `knock` | a random path, `/`, and the pages on which a product says what it is               |
| `ask`   | and products' own counters; DICOMweb roots, by a question that can have no answer  |
| `count` | as `ask`                                                                           |
| `profile` | and one record of DICOMweb; then pages of records, which are looked at and forgotten |
| `prove` | and one retrieval of an image, dropped                                             |
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from filmbadge.ask.probes import dcm4chee, dicomweb, orthanc, pages, viewers
from filmbadge.ask.probes.browse import browse
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.web import Page, Reply, Script, Site
from filmbadge.model import (
    Dcm4cheeFacts,
    Demanded,
    Depth,
    DicomWebFacts,
    Ending,
    Endpoint,
    Observation,
    OrthancFacts,
    Protocol,
    Stop,
    WebFacts,
)
from filmbadge.scope import Address

IDLE_SECONDS = 10.0
SECONDS = 60.0
BYTES = 2 * 1024 * 1024
ANY = "text/html, application/json, */*"
# What servers of HTTPS say to plain HTTP, in their own words.
_MEANT_FOR_TLS = (b"HTTPS port", b"HTTPS server", b"SSL-enabled server")


@dataclass(repr=False)
class Notes:
    """What a visit learned so far; it outlives one that breaks off."""

    first: Reply | None = None  # of the path that cannot exist
    status: int | None = None
    front: int | None = None
    realm: str = ""
    elsewhere: bool = False
    meant_for_tls: bool = False
    orthanc: OrthancFacts | None = None
    dcm4chee: Dcm4cheeFacts | None = None
    dicomweb: DicomWebFacts | None = None
    pages: viewers.Found = field(default_factory=viewers.Found)

    @property
    def catch_all(self) -> bool:
        return self.status == 200


async def visit_either(
    dialer: Dialer,
    address: Address,
    port: int,
    depth: Depth,
    *,
    tls: bool = False,
    name: str = "",
    roots: Sequence[str] = (),
) -> Observation:
    """`visit`, over TLS or in plain, and the other way once, if the first shows why. Raises OutOfScope only.

    `roots` of DICOMweb are those that somebody else named.
    """
    seen, meant = await _visit(dialer, Site(address, port, tls, name), depth, roots)
    no_tls = tls and seen.tls is None and seen.stop.ending in _ANSWERED_NO_TLS
    spoke_tls = not tls and (meant or (seen.stop.ending is Ending.OTHER_PROTOCOL and "TLS" in seen.stop.detail))
    if not (no_tls or spoke_tls):
        return seen
    again, _ = await _visit(dialer, Site(address, port, not tls, name), depth, roots)
    return seen if spoke_tls and again.tls is None else again


# How a peer that is there, but speaks no TLS, ends a handshake.
_ANSWERED_NO_TLS = (Ending.OTHER_PROTOCOL, Ending.CLOSED, Ending.RESET, Ending.IDLE)


async def visit(
    dialer: Dialer, address: Address, port: int, depth: Depth, *, tls: bool = False, name: str = ""
) -> Observation:
    """Everything on one port. Must not be called for one that spoke DIMSE. Raises OutOfScope only."""
    return (await _visit(dialer, Site(address, port, tls, name), depth))[0]


async def _visit(dialer: Dialer, site: Site, depth: Depth, roots: Sequence[str] = ()) -> tuple[Observation, bool]:
    at = datetime.now(UTC)
    notes = Notes()
    caps = dialer.scope.caps.at_most(idle_seconds=IDLE_SECONDS, seconds=SECONDS, received_bytes=BYTES)
    question = f"http {'ask' if depth.reaches(Depth.ASK) else 'knock'}"
    may_ask = depth.reaches(Depth.PROFILE) or (depth.reaches(Depth.ASK) and dialer.scope.qido_record)
    ended = await browse(dialer, site, _look(notes, site, depth, may_ask, roots), question=question, caps=caps)
    stop = ended.stop
    if stop.ending is Ending.COMPLETED and notes.status is not None:
        stop = Stop(Ending.COMPLETED, f"HTTP {notes.status}")
    found, tls = notes.pages, ended.tls
    if notes.dicomweb is not None and notes.dicomweb.realm:
        found.signs += pages.seen({}, b"", notes.dicomweb.realm).signs
    if found.certificate and tls is not None:
        tls = msgspec.structs.replace(tls, client_certificate=Demanded.YES)
    facts = WebFacts(
        notes.status,
        notes.front,
        notes.realm,
        notes.catch_all,
        notes.elsewhere,
        found.viewer,
        found.login,
        found.listing,
        found.patients,
        found.names,
    )
    endpoint = Endpoint(str(site.address), site.port, Protocol.HTTP)
    seen = Observation(
        endpoint,
        at,
        depth,
        stop,
        orthanc=notes.orthanc,
        tls=tls,
        signs=tuple(dict.fromkeys(found.signs)),
        web=facts,
        dicomweb=notes.dicomweb,
        dcm4chee=notes.dcm4chee,
    )
    return seen, notes.meant_for_tls


def _look(notes: Notes, site: Site, depth: Depth, may_ask: bool, roots: Sequence[str]) -> Script:
    """A path that cannot exist comes first: what is answered to it proves nothing elsewhere."""
    notes.first = first = yield Page(f"/{random_name()}", accept=ANY)
    notes.status = first.status
    notes.realm = first.realm
    if first.status is None:
        return
    if first.status == 400 and any(words in first.body for words in _MEANT_FOR_TLS):
        notes.meant_for_tls = True
        return
    front = yield Page("/", accept=ANY)
    notes.front, notes.elsewhere = front.status, front.elsewhere
    notes.realm = notes.realm or front.realm
    notes.orthanc = yield from orthanc.look(depth)
    if not first.login:  # else of every path: there is nothing to tell apart
        notes.dcm4chee = yield from dcm4chee.look(depth, first)
    alike = notes.catch_all or first.login or first.elsewhere
    yield from viewers.look(notes.pages, site, front, depth, catch_all=alike)
    if depth.reaches(Depth.ASK) and not first.login and not notes.pages.certificate:
        notes.dicomweb = yield from dicomweb.look(first, may_ask, [*roots, *_roots(notes)])


def _roots(notes: Notes) -> list[str]:
    """Of DICOMweb on this port, as far as a product or a viewer names them."""
    own = [named.path.rstrip("/") for named in notes.pages.names if not named.host]
    return own + ([dcm4chee.root(notes.dcm4chee)] if notes.dcm4chee is not None and notes.dcm4chee.aets else [])


def random_name() -> str:
    """A name that stands on no server: 20 letters."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(20))
