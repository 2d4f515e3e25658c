"""One view of an archive and of an endpoint, for the card, the summary, the page and JSON.

It holds codes and numbers, and beside them the words for both, in the language that it was made in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from filmbadge.catalogue.findings import findings
from filmbadge.judge.findings import of_archive, opened_by
from filmbadge.model import (
    Archive,
    ByHand,
    ByYear,
    Count,
    Doubt,
    DoubtCode,
    Finding,
    Identifier,
    JudgedEndpoint,
    KindFound,
    Place,
    Rung,
    TlsFacts,
    Transport,
)
from filmbadge.places.source import FIELDS
from filmbadge.tell.places import hint, lines
from filmbadge.tell.remedy import CloseItView, close_it
from filmbadge.tell.words import QUANTITIES, Words


class Number(Struct, frozen=True):
    """A count of an archive."""

    value: int | None
    how: str
    at_least: int | None
    coverage: float | None
    why: str  # the doubts in words
    doubts: tuple[Doubt, ...]
    low: int | None
    high: int | None
    words: str


class KindView(Struct, frozen=True):
    """One kind of personal data in one archive."""

    records: int | None
    looks: str | None  # None: no record carries it, or it is not known
    how: str
    share: float | None
    malformed: int
    asked: int
    at_least: int | None
    why: str  # the doubts in words
    doubts: tuple[Doubt, ...]
    low: int | None  # of an estimate from studies drawn by lot
    high: int | None
    personal: float | None  # shares of the inspected values by what they look like; None: not known
    pseudonymised: float | None
    synthetic: float | None
    looks_words: str  # how they look, with the shares where they look different
    words: str


class IdentifierView(Struct, frozen=True):
    """A scheme of national identifiers that an archive exposes."""

    scheme: str
    kind: str
    records: int
    how: str
    share: float
    confidence: float
    low: int | None  # of an estimate
    high: int | None
    words: str


class FindingView(Struct, frozen=True):
    """One thing that is wrong with an archive."""

    code: str
    severity: str
    grade: str | None  # the best that the rubric leaves to an archive with it; None: it takes no grade down
    endpoint: str | None  # None: the archive as a whole
    numbers: dict[str, int]
    about: str  # the id of an advisory or of a scheme of national identifiers, or the AE title that opens it
    title: str
    words: str


class SaidView(Struct, frozen=True):
    """What one source says of an address in one field."""

    field: str
    value: str
    source: str
    date: str  # YYYY-MM-DD; empty: the source does not tell how old its data is


class PlaceView(Struct, frozen=True):
    """Where an address stands, and whose it is: each field by the first source that fills it. None: not attributed."""

    country: str | None  # ISO 3166-1 alpha-2
    asn: int | None
    as_name: str | None
    operator: str | None
    contact: str | None
    language: str | None
    site: str | None
    network: str | None
    said: tuple[SaidView, ...]  # all answers: sources may disagree
    words: tuple[str, ...]  # a line for each field that is known, and for the country


class HintView(Struct, frozen=True):
    """A name that may be of those who run an archive. It proves nothing."""

    what: str
    source: str
    endpoint: str
    words: str


class ReviewView(Struct, frozen=True):
    """What a person found out of an archive. It stands in place of our own tags and of the operator."""

    what: str  # `clinic`, `decoy`, `demonstration` or `phantom`; empty: not said
    who: str
    day: str  # YYYY-MM-DD
    operator: str  # empty: not said
    words: str


class EndpointView(Struct, frozen=True):
    address: str
    port: int
    protocol: str
    rung: str | None
    why: str  # the code of the reason
    codes: tuple[int, ...]
    reason: str
    product: str
    toolkit: str
    product_version: str
    product_firm: bool  # two marks of different kinds agree; else likely
    conclusive: bool  # False: not open as far as we saw, and we did not see enough
    tls: TlsFacts | None  # None: plain
    transport: tuple[Transport, ...]  # against DICOM PS3.15 B.12
    encryption: str  # tls and transport in words
    place: PlaceView
    called: str = ""  # the AE title of the scope that let us in, where another was rejected


class ArchiveView(Struct, frozen=True):
    id: str
    open: bool
    rung: str
    grade: str | None  # None: we could not find out enough
    grade_why: tuple[str, ...]  # a clause for each step down
    product: str
    toolkit: str
    product_version: str
    product_firm: bool
    advisories: tuple[str, ...]
    decoy: tuple[str, ...]  # why it is likely no clinic's archive
    counts: dict[str, Number]
    kinds: dict[str, KindView] | None  # None: not looked at
    identifiers: tuple[IdentifierView, ...]
    ssn_records: Number
    images_retrievable: Number  # that a stranger gets at once
    endpoints: tuple[str, ...]
    reasons: tuple[str, ...]  # a sentence for each endpoint
    findings: tuple[FindingView, ...]
    place: PlaceView
    hints: tuple[HintView, ...]
    review: ReviewView | None = None  # None: nobody reviewed it
    by_year: ByYear | None = None  # its studies by the year of their exam; None: not known
    close_it: CloseItView = CloseItView()


def archive_view(archive: Archive, group: Sequence[JudgedEndpoint], words: Words) -> ArchiveView:
    """An archive with the endpoints that lead to it."""
    product = archive.product
    return ArchiveView(
        id=archive.id,
        open=archive.open,
        rung=str(archive.rung),
        grade=None if archive.grade is None else str(archive.grade),
        grade_why=words.grade_reasons(archive.grade_why),
        product=product.product,
        toolkit=product.toolkit,
        product_version=product.version,
        product_firm=product.firm,
        advisories=tuple(map(words.advisory, archive.advisories)),
        decoy=words.decoys(archive.decoy),
        counts={quantity: _number(getattr(archive.counts, quantity), words) for quantity in QUANTITIES},
        kinds=None if archive.kinds is None else {str(found.kind): _kind(found, words) for found in archive.kinds},
        identifiers=tuple(_identifier(found, words) for found in archive.identifiers),
        ssn_records=_number(archive.ssn_records, words),
        images_retrievable=_number(archive.images_retrievable, words),
        endpoints=tuple(endpoint.url for endpoint in archive.endpoints),
        reasons=tuple(words.way(judged, archive.address) for judged in group),
        findings=tuple(_finding(found, words) for found in of_archive(archive, group)),
        place=_place(archive.place, words),
        by_year=archive.by_year,
        review=None if archive.by_hand is None else _review(archive.by_hand, words),
        hints=tuple(HintView(h.what, str(h.source), h.endpoint, hint(h, words)) for h in archive.hints),
        close_it=close_it(archive, group, words.of_strangers),
    )


def endpoint_view(judged: JudgedEndpoint, words: Words) -> EndpointView:
    endpoint, verdict, product = judged.observation.endpoint, judged.verdict, judged.product
    return EndpointView(
        address=endpoint.address,
        port=endpoint.port,
        protocol=str(endpoint.protocol),
        rung=None if verdict.rung is None else str(verdict.rung),
        why=str(verdict.why),
        codes=verdict.codes,
        reason=words.reason_of(judged),
        product=product.product,
        toolkit=product.toolkit,
        product_version=product.version,
        product_firm=product.firm,
        conclusive=verdict.conclusive,
        tls=judged.observation.tls,
        transport=judged.transport,
        # Where nothing was reached, nobody knows what would protect it.
        encryption="" if verdict.rung is Rung.SILENT else words.tls(judged.observation.tls, judged.transport),
        place=_place(judged.place, words),
        called=opened_by(judged.observation),
    )


def _place(place: Place, words: Words) -> PlaceView:
    said = [SaidView(field, one.value, one.source, one.date) for field in FIELDS for one in getattr(place, field)]
    first = {one.field: one.value for one in reversed(said)}
    return PlaceView(
        country=first.get("country"),
        asn=int(first["asn"]) if "asn" in first else None,
        as_name=first.get("as_name"),
        operator=first.get("operator"),
        contact=first.get("contact"),
        language=first.get("language"),
        site=first.get("site"),
        network=place.network or None,
        said=tuple(said),
        words=tuple(lines(place, words)),
    )


def _review(found: ByHand, words: Words) -> ReviewView:
    return ReviewView(found.what, found.who, f"{found.day:%Y-%m-%d}", found.operator, words.by_hand(found))


def amounts(archive: ArchiveView, words: Words) -> Iterator[tuple[str, str]]:
    """What it holds: a name and a figure each. Retrievable images only at a depth that asks for an image."""
    for quantity, label in QUANTITIES.items():
        yield words.say(label), archive.counts[quantity].words
    if all(doubt.code is not DoubtCode.NEEDS_PROVE for doubt in archive.images_retrievable.doubts):
        yield words.say("retrievable images"), archive.images_retrievable.words


def sentences(archive: ArchiveView) -> dict[str, list[str]]:
    """What is wrong with an archive, each sentence once, with the endpoints that it is said of."""
    said: dict[str, list[str]] = {}
    for finding in archive.findings:
        said.setdefault(finding.words, []).extend([finding.endpoint] if finding.endpoint else [])
    return said


def _number(count: Count, words: Words) -> Number:
    return Number(**structs.asdict(count), why=words.doubts(count.doubts), words=words.count(count))


def _kind(found: KindFound, words: Words) -> KindView:
    fields = structs.asdict(found)
    del fields["kind"]
    return KindView(**fields, why=words.doubts(found.doubts), looks_words=words.looks(found), words=words.found(found))


def _identifier(found: Identifier, words: Words) -> IdentifierView:
    return IdentifierView(**structs.asdict(found), words=words.identifier(found))


def _finding(finding: Finding, words: Words) -> FindingView:
    return FindingView(
        code=str(finding.code),
        severity=str(findings()[finding.code].severity),
        grade=None if finding.grade is None else str(finding.grade),
        endpoint=None if finding.endpoint is None else finding.endpoint.url,
        numbers=finding.numbers,
        about=finding.about,
        title=words.finding_title(finding.code),
        words=words.finding(finding),
    )
