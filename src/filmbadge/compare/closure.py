"""What became of each way in that was open, after its host was asked again. Pure: nothing here reads a file or asks anybody.

Closed needs a proof from a list. Whatever is not on it, a new reason too, is inconclusive. The list is that of `compare.asked`,
so that two surveys and a proof of closure never say different things of one answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from msgspec import Struct

from filmbadge.catalogue.fingerprints import login_may_be_known
from filmbadge.compare.asked import Heard
from filmbadge.compare.match import match
from filmbadge.compare.records import By, Known
from filmbadge.model import Archive, Cause, Depth, Endpoint, Host, JudgedEndpoint, Protocol, Rung

THIS_MACHINE, NETWORK = "this-machine", "network"


class Result(StrEnum):
    """Of a way in, and of all together: the worst of them. In this order, the best first."""

    CLOSED = "closed"
    AS_SEEN = "closed-as-seen"  # nothing came from it, and its owner must say the rest
    INCONCLUSIVE = "inconclusive"
    OPEN = "open"


class State(StrEnum):
    """What a way in answers now, that was open before."""

    REFUSED = "refused"
    FILTERED = "filtered"
    REJECTED = "rejected"
    QUERY_ABORTED = "query-aborted"
    QUERY_REFUSED = "query-refused"
    NO_QUERY = "no-query-offered"
    CLIENT_CERTIFICATE = "client-certificate-demanded"
    CLOSED_AFTER_TLS = "closed-after-tls"  # it asked for a certificate, got none, and hung up
    LOGIN = "login-demanded"
    FORBIDDEN = "access-forbidden"
    OTHER_SERVICE = "other-service"
    MOVED = "moved"  # it is not open, and another way in, which may be its own, is
    STILL_OPEN = "still-open"
    INCONCLUSIVE = "inconclusive"


class Unproven(StrEnum):
    """Why an answer is no proof, or not the whole of one."""

    NOT_REACHABLE = "not-reachable"  # nothing answered at its host
    NOT_ASKED = "not-asked"
    LESS_DEEP = "less-deep"  # before, it was asked deeper, and a question that was left out may have an answer
    OTHER_TITLE = "other-title"  # before, it was called by an AE title that was not used now
    DEPTH = "not-asked-at-depth"
    EMPTIED = "emptied"  # it answers, and holds nothing: what comes in next is open
    NO_PROOF = "no-proof"
    OTHER_QUERIES = (
        "other-queries"  # it lets strangers in; a worklist, or a transfer syntax of its own, was not asked for
    )
    KNOWN_ACCOUNT = "known-account"  # its product may have an account whose password is known


class Limit(StrEnum):
    """What else is to be said of the whole."""

    LESS_DEEP = "less-deep"
    OTHER_TITLE = "other-title"
    STANDPOINT = "standpoint"  # before it was asked over a network, now from its own machine
    ADDRESS_NOT_ASKED = "address-not-asked"
    BROKE_OFF = "broke-off"  # something kept us from asking everything
    ADDRESS_SILENT = "address-silent"  # another address of the host, at which nothing answered
    OTHER_UNDECIDED = "other-undecided"  # a port that shows something new, and we cannot tell what
    OTHER_OPEN = "other-open"  # a way in is open that was not open before, and may be another archive


_CAPS = MappingProxyType(
    {
        Limit.STANDPOINT: Result.INCONCLUSIVE,
        Limit.ADDRESS_NOT_ASKED: Result.INCONCLUSIVE,
        Limit.BROKE_OFF: Result.INCONCLUSIVE,
        Limit.ADDRESS_SILENT: Result.INCONCLUSIVE,
        Limit.OTHER_UNDECIDED: Result.INCONCLUSIVE,
        Limit.OTHER_OPEN: Result.OPEN,
    }
)
# A proof of `compare.asked` that is one here too. `emptied` is not: an archive that answers strangers is not closed.
PROOFS: Mapping[By, State] = MappingProxyType(
    {
        By.REFUSED: State.REFUSED,
        By.FILTERED: State.FILTERED,
        By.REJECTED: State.REJECTED,
        By.ABORTED: State.QUERY_ABORTED,
        By.QUERY_REFUSED: State.QUERY_REFUSED,
        By.CONTEXT_REFUSED: State.NO_QUERY,
        By.CLIENT_CERTIFICATE: State.CLIENT_CERTIFICATE,
        By.LOGIN: State.LOGIN,
        By.OTHER_SERVICE: State.OTHER_SERVICE,
    }
)
_UNPROVEN = MappingProxyType(
    {
        By.NOTHING_ANSWERS: Unproven.NOT_REACHABLE,
        By.OTHER_DEPTH: Unproven.DEPTH,
        By.EXCLUDED: Unproven.NOT_ASKED,
        By.EMPTIED: Unproven.EMPTIED,
    }
)
_BEFORE_DICOM = frozenset({By.REFUSED, By.FILTERED, By.CLIENT_CERTIFICATE})
# What is a proof all the same where less was asked than before: it ends before what was left out.
_STILL_PROOFS = MappingProxyType(
    {
        Unproven.LESS_DEEP: _BEFORE_DICOM | {By.REJECTED, By.CONTEXT_REFUSED},
        Unproven.OTHER_TITLE: _BEFORE_DICOM,
    }
)
_FORBIDDEN = 403  # RFC 9110 15.5.4


class Before(Struct, frozen=True):
    """What was known of one host."""

    target: str
    depth: Depth
    heard: dict[Endpoint, Heard]
    archives: tuple[Known, ...]
    seen_from: str = ""  # empty: not said
    titles: tuple[str, ...] = ()  # AE titles by which it was called because a scope gave them
    hosts: tuple[str, ...] = ()  # names by which the user may call it: its addresses, and the name that was asked

    @property
    def open(self) -> tuple[Endpoint, ...]:
        return tuple(sorted(endpoint for endpoint, heard in self.heard.items() if _open(heard)))

    def ports(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(endpoint.port for endpoint in (*self.open, *sorted(self.heard))))


class Way(Struct, frozen=True):
    """One way in that was open."""

    endpoint: Endpoint
    was: Heard
    state: State
    result: Result
    now: Heard | None = None  # None: not asked
    seen: Endpoint | None = None  # where `now` was heard: a port may speak another protocol now
    unproven: Unproven | None = None
    moved_to: tuple[Endpoint, ...] = ()


class Other(Struct, frozen=True):
    """One endpoint that was asked besides."""

    endpoint: Endpoint
    now: Heard
    was: Heard | None = None  # None: it was not asked before
    result: Result = Result.CLOSED
    unproven: Unproven | None = None


class Closure(Struct, frozen=True):
    """What became of one host."""

    result: Result
    ways: tuple[Way, ...]
    others: tuple[Other, ...]
    limits: tuple[Limit, ...]
    depth: Depth
    seen_from: str


class _Asked(NamedTuple):
    """How the questions of now differ from those of before, and what stands behind each way in."""

    less_deep: bool
    fewer_titles: bool
    products: Mapping[Endpoint, set[tuple[str, str]]]

    def less(self, protocol: Protocol) -> Iterator[Unproven]:
        if self.less_deep:
            yield Unproven.LESS_DEEP
        if self.fewer_titles and protocol is Protocol.DIMSE:
            yield Unproven.OTHER_TITLE


def closure(before: Before, host: Host, depth: Depth, seen_from: str, titles: Iterable[str] = ()) -> Closure:
    """`host` was asked at `depth`, by these AE titles too, after what `before` knows."""
    now = {one.observation.endpoint: heard(one) for one in host.judged}
    asked = _Asked(not depth.reaches(before.depth), not set(before.titles) <= set(titles), _products(before, host))
    opened = {endpoint for endpoint, one in now.items() if _open(one)} - set(before.open)
    shut = {way for way in before.open if not _open(now.get(way))}
    moved = _moved(before, [known(archive, now) for archive in host.archives], shut, opened)
    ways = tuple(_way(way, before.heard[way], now, moved.get(way, ()), asked) for way in before.open)
    taken = {endpoint for way in ways for endpoint in (way.endpoint, way.seen, *way.moved_to)}
    others = tuple(
        _other(endpoint, one, _was(endpoint, before), asked)
        for endpoint, one in sorted(now.items(), key=lambda found: found[0])
        if endpoint not in taken
    )
    limits = tuple(_limits(before, host, ways, others, asked, seen_from))
    found = [*(way.result for way in ways), *(other.result for other in others), *(_CAPS.get(one) for one in limits)]
    return Closure(worst(found), ways, others, limits, depth, seen_from)


def worst(results: Iterable[Result | None]) -> Result:
    """Of none: inconclusive. Nothing that was asked proves nothing."""
    order = tuple(Result)
    return max((one for one in results if one is not None), key=order.index, default=Result.INCONCLUSIVE)


def heard(judged: JudgedEndpoint) -> Heard:
    verdict = judged.verdict
    cause = None if verdict.stop is None else verdict.stop.cause
    return Heard(verdict.rung, verdict.why, verdict.conclusive, verdict.codes, cause is Cause.CERTIFICATE_ASKED)


def known(archive: Archive, judged: Mapping[Endpoint, Heard]) -> Known:
    """An archive of a host, as far as it is matched with another."""
    return Known(
        archive.id,
        archive.identity,
        archive.rung,
        tuple(endpoint for endpoint in archive.endpoints if endpoint in judged and _open(judged[endpoint])),
        product=archive.product.product,
        version=archive.product.version,
        configuration=archive.configuration,
        perhaps_same=archive.perhaps_same,
        decoy=bool(archive.decoy),
    )


def _open(one: Heard | None) -> bool:
    return one is not None and one.rung is not None and one.rung.open


def _moved(
    before: Before, after: Sequence[Known], shut: set[Endpoint], opened: set[Endpoint]
) -> dict[Endpoint, tuple[Endpoint, ...]]:
    """Of ways that are open no more: the newly open ones that may be the same archive's, those in the same protocol first."""
    pairs, elsewhere, may_be = match(before.archives, after)
    one = {(was.id, is_.id) for was, is_ in pairs} | {(was.id, is_.id) for was, is_, _ in elsewhere}
    found: dict[Endpoint, tuple[Endpoint, ...]] = {}
    for archive in after:
        mine = [
            way
            for was in before.archives
            if (was.id, archive.id) in one or may_be(was, archive)
            for way in was.identity.endpoints
            if way in shut
        ]
        for endpoint in sorted(opened & set(archive.identity.endpoints)):
            alike = [way for way in mine if way.protocol is endpoint.protocol]
            for way in alike or mine:
                found[way] = (*found.get(way, ()), endpoint)
    return found


def _way(
    way: Endpoint,
    was: Heard,
    now: Mapping[Endpoint, Heard],
    moved: tuple[Endpoint, ...],
    asked: _Asked,
) -> Way:
    seen = _seen(way, now)
    if seen is None:
        return Way(way, was, State.INCONCLUSIVE, Result.INCONCLUSIVE, unproven=Unproven.NOT_ASKED)
    state, result, unproven = _state(now[seen], {way, seen}, asked)
    if moved and result is not Result.OPEN:
        return Way(way, was, State.MOVED, Result.OPEN, now[seen], seen, moved_to=moved)
    return Way(way, was, state, result, now[seen], seen, unproven)


def _seen(way: Endpoint, now: Mapping[Endpoint, Heard]) -> Endpoint | None:
    """Where it was heard what became of a way in: at it, or at its port in another protocol.

    DIMSE is asked before HTTP, and a port that speaks HTTP alone is known as that. A port that refuses, or speaks something else,
    is not asked in HTTP. One that spoke DIMSE was asked in HTTP too, and what came of that is not known.
    """
    if way in now:
        return way
    there = next((one for one in now if (one.address, one.port) == (way.address, way.port)), None)
    if there is None or way.protocol is Protocol.DIMSE or _open(now[there]):
        return there
    return there if now[there].rung in (Rung.SILENT, Rung.LISTENING, None) else None


def _state(one: Heard, at: set[Endpoint], asked: _Asked) -> tuple[State, Result, Unproven | None]:
    """`at`: the way in as it was, and where this was heard."""
    if _open(one):
        return State.STILL_OPEN, Result.OPEN, None
    by = one.by
    state = PROOFS.get(by)
    if state is None:
        return State.INCONCLUSIVE, Result.INCONCLUSIVE, _UNPROVEN.get(by, Unproven.NO_PROOF)
    for less in (less for endpoint in at for less in asked.less(endpoint.protocol)):
        if by not in _STILL_PROOFS[less]:
            return State.INCONCLUSIVE, Result.INCONCLUSIVE, less
    if state is State.NO_QUERY:
        return state, Result.AS_SEEN, Unproven.OTHER_QUERIES
    if state is State.CLIENT_CERTIFICATE and one.hung_up:
        return State.CLOSED_AFTER_TLS, Result.CLOSED, None
    if state is State.LOGIN and one.codes[:1] == (_FORBIDDEN,):
        return State.FORBIDDEN, Result.CLOSED, None
    if state is State.LOGIN and any(
        login_may_be_known(*one) for endpoint in at for one in asked.products.get(endpoint, ())
    ):
        return state, Result.AS_SEEN, Unproven.KNOWN_ACCOUNT
    return state, Result.CLOSED, None


def _products(before: Before, host: Host) -> dict[Endpoint, set[tuple[str, str]]]:
    """What stands behind each way in, as it was known before, and as it is known now."""
    found: dict[Endpoint, set[tuple[str, str]]] = {}
    for archive in before.archives:
        for endpoint in archive.identity.endpoints:
            found.setdefault(endpoint, set()).add((archive.product, archive.version))
    for one in host.judged:
        found.setdefault(one.observation.endpoint, set()).add((one.product.product, one.product.version))
    return found


def _was(endpoint: Endpoint, before: Before) -> Heard | None:
    """What was heard there before. A port that kept silent has no protocol: it counts for each."""
    at = (Endpoint(endpoint.address, endpoint.port, protocol) for protocol in (endpoint.protocol, *Protocol))
    found = [(one, before.heard[one]) for one in at if one in before.heard]
    return next((told for one, told in found if one == endpoint or told.rung is Rung.SILENT), None)


def _other(endpoint: Endpoint, one: Heard, was: Heard | None, asked: _Asked) -> Other:
    """What shows the same as before, and was not open, is not where an archive went."""
    _, result, unproven = _state(one, {endpoint}, asked)
    same = was is not None and (was.rung, was.why, was.codes) == (one.rung, one.why, one.codes)
    return Other(endpoint, one, was, Result.CLOSED if same and result is not Result.OPEN else result, unproven)


def _limits(
    before: Before,
    host: Host,
    ways: Sequence[Way],
    others: Sequence[Other],
    asked: _Asked,
    seen_from: str,
) -> Iterator[Limit]:
    if asked.less_deep:
        yield Limit.LESS_DEEP
    if asked.fewer_titles:
        yield Limit.OTHER_TITLE
    if seen_from == THIS_MACHINE != before.seen_from:
        yield Limit.STANDPOINT
    addresses = {one.observation.endpoint.address for one in host.judged}
    if host.unasked or any(way.endpoint.address not in addresses for way in ways):
        yield Limit.ADDRESS_NOT_ASKED
    if host.fault is not None:
        yield Limit.BROKE_OFF
    undecided = [other for other in others if other.result is Result.INCONCLUSIVE]
    silent = {other.endpoint.address for other in undecided if other.unproven is Unproven.NOT_REACHABLE}
    if silent - {way.endpoint.address for way in ways}:
        yield Limit.ADDRESS_SILENT
    if any(other.unproven is not Unproven.NOT_REACHABLE for other in undecided):
        yield Limit.OTHER_UNDECIDED
    if any(other.result is Result.OPEN for other in others):
        yield Limit.OTHER_OPEN
