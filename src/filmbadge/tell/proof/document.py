"""A proof of closure as one document: for `verify --json`, and for all that is drawn of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from filmbadge.compare.asked import Heard
from filmbadge.compare.closure import THIS_MACHINE, Closure, Limit, Other, State, Way
from filmbadge.compare.records import Known
from filmbadge.model import Count, Endpoint, Host, JournalRow, JudgedEndpoint, Rung, Verdict
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.proof import phrases
from filmbadge.tell.proof.before import Read
from filmbadge.tell.words import QUANTITIES, Words


class SeenView(Struct, frozen=True):
    """What an endpoint showed."""

    protocol: str
    rung: str | None  # None: we could not find out
    why: str
    codes: tuple[int, ...]
    conclusive: bool
    words: str


class WayView(Struct, frozen=True):
    """One way in that was open before."""

    address: str
    port: int
    protocol: str
    before: SeenView
    now: SeenView | None  # None: it was not asked
    state: str
    result: str
    unproven: str | None  # why this is no proof, or not the whole of one
    moved_to: tuple[str, ...]
    words: str  # the state
    meaning: str


class OtherView(Struct, frozen=True):
    """One endpoint that was asked besides."""

    address: str
    port: int
    protocol: str
    before: SeenView | None  # None: it was not asked before
    now: SeenView
    result: str


class LimitView(Struct, frozen=True):
    code: str
    words: str


class AmountView(Struct, frozen=True):
    value: int | None
    how: str
    at_least: int | None
    low: int | None
    high: int | None
    words: str


class ArchiveBefore(Struct, frozen=True):
    """An archive as it was known before."""

    id: str
    open: bool
    rung: str
    grade: str | None
    product: str
    product_version: str
    endpoints: tuple[str, ...]
    counts: dict[str, AmountView]


class BeforeView(Struct, frozen=True):
    """What was known before, by which document."""

    kind: str  # `check` or `survey`
    sha256: str  # of the document of the check, or of the survey's survey.json
    target: str
    depth: str
    seen_from: str
    archives: tuple[ArchiveBefore, ...]
    evidence: Evidence


class SignatureView(Struct, frozen=True):
    """Over all bytes of the file before the line on which it begins: docs/verify.md says how anybody checks it."""

    algorithm: Literal["Ed25519"]
    fingerprint: str  # the SHA-256 of the public key, as SubjectPublicKeyInfo in DER
    public_key: str  # the same in base64
    value: str  # 64 bytes in base64


class VerifyDocument(Struct, frozen=True):
    target: str
    result: str
    words: str
    depth: str
    seen_from: str
    ways: tuple[WayView, ...]
    others: tuple[OtherView, ...]
    limits: tuple[LimitView, ...]
    before: BeforeView
    owner: str  # whose archive it is, as the user stated with --owner; empty without it
    connections: int
    bytes_sent: int
    bytes_received: int
    lookups: int
    method: tuple[str, ...]
    not_tried: tuple[str, ...]
    evidence: Evidence
    level: str = "owner"  # who it is for: see `tell.levels`
    schema: Literal["filmbadge.verify/1"] = "filmbadge.verify/1"
    signature: SignatureView | None = None  # the last field: None where nobody signed


def document(
    target: str,
    read: Read,
    host: Host,
    closed: Closure,
    journal: Sequence[JournalRow],
    words: Words,
    *,
    evidence: Evidence,
    owner: str = "",
) -> VerifyDocument:
    judged = {one.observation.endpoint: one for one in host.judged}
    connections = [row for row in journal if row.port is not None]
    headlines = phrases.HERE if closed.seen_from == THIS_MACHINE else phrases.HEADLINES
    return VerifyDocument(
        target=target,
        result=str(closed.result),
        words=words.say(headlines[closed.result], target=target),
        depth=str(closed.depth),
        seen_from=closed.seen_from,
        ways=tuple(_way(way, judged, words) for way in closed.ways),
        others=tuple(_other(other, judged, words) for other in closed.others),
        limits=tuple(LimitView(str(limit), _limit(limit, read, host, closed, words)) for limit in closed.limits),
        before=_before(read, words),
        owner=owner,
        connections=len(connections),
        bytes_sent=sum(row.sent or 0 for row in connections),
        bytes_received=sum(row.received or 0 for row in connections),
        lookups=len(journal) - len(connections),
        method=tuple(map(words.say, phrases.METHOD)),
        not_tried=words.not_tried(closed.depth),
        evidence=evidence,
    )


def _way(way: Way, judged: dict[Endpoint, JudgedEndpoint], words: Words) -> WayView:
    return WayView(
        address=way.endpoint.address,
        port=way.endpoint.port,
        protocol=str(way.endpoint.protocol),
        before=_known(way.endpoint, way.was, words),
        now=None if way.seen is None else _seen(judged[way.seen], words),
        state=str(way.state),
        result=str(way.result),
        unproven=None if way.unproven is None else str(way.unproven),
        moved_to=tuple(endpoint.url for endpoint in way.moved_to),
        words=words.say(phrases.STATES[way.state]),
        meaning=_meaning(way, words),
    )


def _meaning(way: Way, words: Words) -> str:
    why = "" if way.unproven is None else words.say(phrases.UNPROVEN[way.unproven])
    if way.state is State.INCONCLUSIVE and why:
        return why
    return f"{words.say(phrases.MEANINGS[way.state])} {why}".strip()


def _other(other: Other, judged: dict[Endpoint, JudgedEndpoint], words: Words) -> OtherView:
    endpoint = other.endpoint
    return OtherView(
        address=endpoint.address,
        port=endpoint.port,
        protocol=str(endpoint.protocol),
        before=None if other.was is None else _known(endpoint, other.was, words),
        now=_seen(judged[endpoint], words),
        result=str(other.result),
    )


def _seen(one: JudgedEndpoint, words: Words) -> SeenView:
    verdict = one.verdict
    return SeenView(
        protocol=str(one.observation.endpoint.protocol),
        rung=_name(verdict.rung),
        why=str(verdict.why),
        codes=verdict.codes,
        conclusive=verdict.conclusive,
        words=words.reason_of(one),
    )


def _known(endpoint: Endpoint, one: Heard, words: Words) -> SeenView:
    """Of what was open it says how far a stranger got; of the rest why it was not."""
    opened = one.rung is not None and one.rung.open
    verdict = Verdict(one.rung, one.why, one.codes, conclusive=one.conclusive)
    return SeenView(
        protocol=str(endpoint.protocol),
        rung=_name(one.rung),
        why=str(one.why),
        codes=one.codes,
        conclusive=one.conclusive,
        words=words.rung(one.rung) if opened else words.reason(verdict, endpoint.protocol),
    )


def _name(rung: Rung | None) -> str | None:
    return None if rung is None else str(rung)


def _limit(limit: Limit, read: Read, host: Host, closed: Closure, words: Words) -> str:
    return words.say(
        phrases.LIMITS[limit],
        before=words.name(read.before.depth),
        now=words.name(closed.depth),
        fault="" if host.fault is None else words.outcome(host.fault),
    )


def _before(read: Read, words: Words) -> BeforeView:
    known = read.before
    return BeforeView(
        kind=read.kind,
        sha256=read.sha256,
        target=known.target,
        depth=str(known.depth),
        seen_from=known.seen_from,
        archives=tuple(_archive(one, words) for one in known.archives),
        evidence=read.evidence,
    )


def _archive(one: Known, words: Words) -> ArchiveBefore:
    return ArchiveBefore(
        id=one.id,
        open=one.open,
        rung=str(one.rung),
        grade=None if one.grade is None else str(one.grade),
        product=one.product,
        product_version=one.version,
        endpoints=tuple(endpoint.url for endpoint in one.identity.endpoints),
        counts={name: _amount(count, words) for name, count in one.counts.items() if name in QUANTITIES},
    )


def _amount(count: Count, words: Words) -> AmountView:
    return AmountView(count.value, str(count.how), count.at_least, count.low, count.high, words.count(count))
