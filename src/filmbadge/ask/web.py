"""One port that speaks HTTP, from a path that cannot exist to what each product answers: one observation.

| depth   | asked                                                                              |
|---------|------------------------------------------------------------------------------------|
| `knock` | a random path, `/`, and the pages on which a product says what it is               |
| `ask`   | and products' own counters; DICOMweb roots, by a question that can have no answer. What one path gets says nothing of another: each known path is asked |
| `count` | as `ask`                                                                           |
| `profile` | and one record of DICOMweb; then pages of records, which are looked at and forgotten |
| `prove` | and one retrieval of an image, dropped                                             |
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from filmbadge.ask.dicomweb import identify as dicomweb
from filmbadge.ask.pages import marks, viewers
from filmbadge.ask.ways import PRODUCTS, Product, identify_below
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.fetch import fetch_all
from filmbadge.ask.wire.http import Origin, Request, Requests, Response
from filmbadge.ask.wire.tls import ANSWERED_NO_TLS
from filmbadge.model import (
    Cause,
    ClientCertificate,
    Depth,
    Endpoint,
    Facts,
    Observation,
    Outcome,
    OutcomeKind,
    PageFacts,
    Protocol,
)

BYTES = 2 * 1024 * 1024
ANY = "text/html, application/json, */*"
_MOMENTARY = (408, 425, 429)  # RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4
_DEFINITE = (401, 403, 404, 405, 410)
T = TypeVar("T")
# HTTPS servers answer plain HTTP with these words.
_MEANT_FOR_TLS = (b"HTTPS port", b"HTTPS server", b"SSL-enabled server")


@dataclass(repr=False)
class PortProgress:
    """Facts that a visit learned so far. They outlive a visit that breaks off."""

    first: Response | None = None  # the response to the path that cannot exist
    status: int | None = None
    front: int | None = None
    realm: str = ""
    elsewhere: bool = False
    meant_for_tls: bool = False
    found: dict[Product, Facts] = field(default_factory=dict)
    guarded: dict[Product, Facts] = field(default_factory=dict)  # products behind a login
    asked: set[tuple[Product, str]] = field(default_factory=set)  # each product, and the paths below which it was asked
    roots: list[str] = field(default_factory=list)  # DICOMweb roots that products name
    pages: viewers.PagesProgress = field(default_factory=viewers.PagesProgress)
    doors: dicomweb.Doors = field(default_factory=dicomweb.Doors)
    unsure: bool = False  # the front page, or a product's own path, got no definite answer
    ended: bool = False  # all pages were asked for

    @property
    def catch_all(self) -> bool:
        return self.status == 200


async def identify_either(
    contact: Contact,
    port: int,
    depth: Depth,
    *,
    tls: bool = False,
    roots: Sequence[str] = (),
) -> Observation:
    """`visit`, over TLS and in plain. The other way is tried once if the first shows a reason. Raises OutOfScope only.

    `roots` are DICOMweb roots that another service named.
    """
    seen, meant = await _visit(contact, contact.origin(port, tls), depth, roots)
    no_tls = tls and seen.tls is None and seen.stop.ending in ANSWERED_NO_TLS
    spoke_tls = not tls and (meant or seen.stop.cause is Cause.SPOKE_TLS)
    if not (no_tls or spoke_tls):
        return seen
    again, _ = await _visit(contact, contact.origin(port, not tls), depth, roots)
    return seen if spoke_tls and again.tls is None else again


async def visit(contact: Contact, port: int, depth: Depth, *, tls: bool = False) -> Observation:
    """Everything on one port. Must not be called for a port that gave records in DIMSE. Raises OutOfScope only."""
    return (await _visit(contact, contact.origin(port, tls), depth))[0]


async def _visit(contact: Contact, site: Origin, depth: Depth, roots: Sequence[str] = ()) -> tuple[Observation, bool]:
    at = datetime.now(UTC)
    notes = PortProgress()
    caps = contact.scope.caps.small(BYTES)
    question = f"http {'ask' if depth.reaches(Depth.ASK) else 'knock'}"
    may_ask = depth.reaches(Depth.PROFILE) or (depth.reaches(Depth.ASK) and contact.scope.qido_record)
    ended = await fetch_all(contact, site, _look(notes, site, depth, may_ask, roots), question=question, caps=caps)
    stop = ended.stop
    if stop.ending is OutcomeKind.COMPLETED and notes.status is not None:
        stop = Outcome(OutcomeKind.COMPLETED, Cause.HTTP_STATUS, {"status": notes.status})
    found, tls = notes.pages, ended.tls
    if found.certificate and tls is not None:
        tls = msgspec.structs.replace(tls, client_certificate=ClientCertificate.YES)
    shown = PageFacts(
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
        notes.ended and not notes.unsure and not notes.doors.undecided,
    )
    endpoint = Endpoint(str(site.address), site.port, Protocol.HTTP)
    seen = Observation(
        endpoint=endpoint,
        at=at,
        depth=depth,
        stop=stop,
        tls=tls,
        signs=tuple(dict.fromkeys(found.signs)),
        facts=(*(notes.guarded | notes.found).values(), *filter(None, [notes.doors.best]), shown),
    )
    return seen, notes.meant_for_tls


def _look(notes: PortProgress, site: Origin, depth: Depth, may_ask: bool, roots: Sequence[str]) -> Requests:
    """Asks for a path that cannot exist first: an equal answer to another path proves nothing."""
    notes.first = first = yield Request(f"/{dicomweb.random_name()}", accept=ANY)
    notes.status = first.status
    notes.realm = first.realm
    if first.status is None:
        return
    if first.status == 400 and any(words in first.body for words in _MEANT_FOR_TLS):
        notes.meant_for_tls = True
        return
    front = yield Request("/", accept=ANY)
    notes.front, notes.elsewhere = front.status, front.elsewhere
    notes.realm = notes.realm or front.realm
    notes.unsure = not _definite(front, first)
    for product in PRODUCTS:
        yield from _product(notes, product, product.places, depth, first)
    alike = notes.catch_all or first.login or first.elsewhere
    yield from viewers.identify(notes.pages, site, front, depth, catch_all=alike)
    places = viewers.places(notes.pages.led)
    for product in PRODUCTS:
        yield from _product(notes, product, places, depth, first)
    if depth.reaches(Depth.ASK) and not notes.pages.certificate:
        named = [root.path.rstrip("/") for root in notes.pages.names if not root.host]  # roots that a viewer names
        yield from dicomweb.identify(notes.doors, may_ask, [*roots, *named, *notes.roots], places)
        if (found := notes.doors.best) is not None:
            notes.pages.signs += marks.seen({}, b"", found.realm).signs if found.realm else ()
            for product in PRODUCTS:
                yield from _product(notes, product, [found.root.rpartition("/")[0]], depth, first)
    notes.ended = not notes.pages.certificate


def _product(notes: PortProgress, product: Product, places: Sequence[str], depth: Depth, first: Response) -> Requests:
    """Asks below one path after the other, until the product answers there. What demands a login stands back."""
    for base in places:
        if product in notes.found or (product, base) in notes.asked:
            continue
        notes.asked.add((product, base))
        facts, roots = yield from _watched(notes, first, identify_below(product, base, depth, first))
        if facts is None or (product.guarded(facts) and product in notes.guarded):
            continue
        if product.guarded(facts):
            notes.guarded[product] = facts
            continue
        notes.found[product] = facts
        notes.roots += roots


def _watched(
    notes: PortProgress, first: Response, script: Generator[Request, Response, T]
) -> Generator[Request, Response, T]:
    """The same script. Notes whether a page that gave nothing of the product got a definite answer."""
    page = next(script)
    unsure = False
    while True:
        reply = yield page
        unsure = unsure or not _definite(reply, first)
        try:
            page = script.send(reply)
        except StopIteration as end:
            made: T = end.value
            notes.unsure = notes.unsure or unsure
            return made


def _definite(reply: Response, first: Response) -> bool:
    """Whether a reply says for sure what stands at its path. What is answered as an unknown path is no door."""
    if reply.status is None or reply.stop is not None or reply.status in _MOMENTARY or reply.status >= 500:
        return False
    return reply.status in _DEFINITE or reply.status == first.status != 400 or reply.status < 400
