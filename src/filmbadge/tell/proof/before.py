"""Reads what was known before: a document of `check --json`, or a survey. It may be anybody's, and is checked as such."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from filmbadge import given
from filmbadge.compare.asked import Heard
from filmbadge.compare.closure import NETWORK, THIS_MACHINE, Before
from filmbadge.compare.records import Known
from filmbadge.model import Count, Depth, Endpoint, Grade, Identity, Protocol, Provenance, Reason, Refusal, Rung
from filmbadge.tell import evidence
from filmbadge.tell.evidence import Evidence
from filmbadge.texts import clean, printable

SCHEMA = "filmbadge.check/1"
MOST_BYTES = 32 << 20
_MOST_PORTS = 256  # all of them are asked
_MOST_LISTED = 100  # networks, names or addresses of ours
_LONG = 1000  # characters of a text of the scope
_TEXT = 128  # characters of a product, a version, an id
_MOST_CODES = 16
_BYTES = (Reason.IMAGE, Reason.IMAGE_WADO_RS, Reason.IMAGE_WADO_URI, Reason.FILE)  # each says how many came
_CODES: dict[Reason, Sequence[int]] = {
    Reason.REJECTED: (3,),
    **dict.fromkeys((Reason.ABORTED, Reason.FIND_ABORTED, Reason.RECORDS), (0, 2)),
    **dict.fromkeys(_BYTES, range(1, _MOST_CODES)),
}
_COUNTED = ("patients", "studies", "series", "images")


class Read(NamedTuple):
    """What was known, by what document."""

    before: Before
    evidence: Evidence
    kind: str  # `check` or `survey`
    sha256: str  # of the document, or of the survey's `survey.json`


class _Certificate(Struct):
    spki_sha256: str = ""


class _Tls(Struct):
    certificate: _Certificate | None = None


class _Endpoint(Struct):
    address: str
    port: int
    protocol: Protocol
    rung: Rung | None
    why: Reason
    codes: tuple[int, ...] = ()
    conclusive: bool = False
    tls: _Tls | None = None
    title: str = ""  # the AE title that opened it, where a scope gave one; older versions do not say it


class _Number(Struct):
    value: int | None = None
    how: Provenance = Provenance.UNKNOWN
    at_least: int | None = None
    low: int | None = None
    high: int | None = None


class _Archive(Struct):
    id: str
    rung: Rung
    endpoints: tuple[str, ...]
    grade: Grade | None = None
    product: str = ""
    product_version: str = ""
    decoy: tuple[str, ...] = ()
    counts: dict[str, _Number] = {}


class _Check(Struct):
    target: str
    depth: Depth
    endpoints: tuple[_Endpoint, ...]
    archives: tuple[_Archive, ...]
    evidence: Evidence = Evidence()
    seen_from: str = ""  # documents of older versions do not say it


class _Any(Struct):
    schema: str = ""


def read(path: Path, host: str) -> Read:
    """What is known of a host. Raises Refusal with one line, and OSError."""
    return _survey(path, host) if path.is_dir() else _check(path, host)


def _survey(path: Path, host: str) -> Read:
    from filmbadge.compare.surveys import of_host  # what reads a survey is not loaded for a check
    from filmbadge.conclude.again import today
    from filmbadge.keep import manifest
    from filmbadge.keep.reader import telling

    with telling(path):
        dataset = today(path)
        before = of_host(dataset, host)
        said = evidence.of_survey(
            dataset.manifest, evidence.JournalDigest(*dataset.journal_digest()), dataset.manifest.sources
        )
        _require_sound(before)
    if not before.hosts:
        raise Refusal(f"the survey in {_shown(path)} did not ask {printable(host)}: name a host that it asked")
    return Read(before, said, "survey", sha256(manifest.read_bytes(path)).hexdigest())


def _check(path: Path, host: str) -> Read:
    raw = given.read(path, MOST_BYTES)
    if len(raw) > MOST_BYTES:
        raise Refusal(f"{_shown(path)} is larger than any document of filmbadge check --json")
    _require_schema(raw, path)
    try:
        held = msgspec.json.decode(raw, type=_Check)
        before = _of_check(held)
        _require_sound(before)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors, and may quote what they read
        raise Refusal(
            f"{_shown(path)} cannot be read as {SCHEMA}: it was cut off or edited, or another version wrote it"
        ) from None
    if host not in before.hosts:
        raise Refusal(
            f"{_shown(path)} is about {printable(before.target)}, not about {printable(host)}: name its target"
        )
    return Read(before, _bounded(held.evidence), "check", sha256(raw).hexdigest())


def _bounded(said: Evidence) -> Evidence:
    """Whoever wrote the file: no text of it fills a page."""
    texts = {name: printable(getattr(said, name)[:_LONG]) for name in ("version", "depth", "scope", "authority", "reference", "contact")}  # fmt: skip
    lists = {name: tuple(printable(one[:_TEXT]) for one in getattr(said, name)[:_MOST_LISTED]) for name in ("networks", "names")}  # fmt: skip
    sources = None if said.sources is None else tuple(clean(one, _TEXT) for one in said.sources[:_MOST_LISTED])
    journal = said.journal and structs.replace(said.journal, sha256=clean(said.journal.sha256, 64))
    return structs.replace(said, **texts, **lists, sources=sources, journal=journal)


def _require_schema(raw: bytes, path: Path) -> None:
    """Raises Refusal where this is another document, or none."""
    make = "make one with filmbadge check TARGET --json > before.json"
    try:
        schema = msgspec.json.decode(raw, type=_Any).schema
    except (ValueError, RecursionError):
        raise Refusal(f"{_shown(path)} is neither a survey's folder nor a JSON document of a check: {make}") from None
    if schema != SCHEMA:
        named = f"is a document {clean(schema, 64)}" if schema else "does not say which document it is"
        raise Refusal(f"{_shown(path)} {named}, and verify reads {SCHEMA} or a survey's folder: {make}")


def _require_sound(before: Before) -> None:
    """Raises ValueError where there are more ports than anybody asked, or a reason has not the codes that its words need."""
    if len(before.ports()) > _MOST_PORTS:
        raise ValueError("more ports than were asked")
    for heard in before.heard.values():
        if any(not 0 <= code < 1 << 32 for code in heard.codes) or len(heard.codes) not in _CODES.get(
            heard.why, range(_MOST_CODES)
        ):
            raise ValueError("codes that do not belong to their reason")


def _of_check(held: _Check) -> Before:
    """Raises ValueError."""
    heard = {_endpoint(one): Heard(one.rung, one.why, one.conclusive, one.codes) for one in held.endpoints}
    keys = {
        _endpoint(one).url: one.tls.certificate.spki_sha256
        for one in held.endpoints
        if one.tls is not None and one.tls.certificate is not None
    }
    by_url = {endpoint.url: endpoint for endpoint in heard}
    named = clean(held.target.rpartition(":")[0] or held.target, 300) if held.target.count(":") == 1 else held.target
    addresses = tuple(dict.fromkeys(endpoint.address for endpoint in heard))
    seen_from = held.seen_from or (THIS_MACHINE if held.evidence.scope == "loopback" else NETWORK)
    return Before(
        target=clean(held.target, 300),
        depth=held.depth,
        heard=heard,
        archives=tuple(_known(one, by_url, keys, heard) for one in held.archives),
        seen_from=THIS_MACHINE if seen_from == THIS_MACHINE else NETWORK,
        titles=tuple(sorted({clean(one.title, _TEXT) for one in held.endpoints if one.title})),
        hosts=(*addresses, clean(named, 300).lower()),
    )


def _endpoint(one: _Endpoint) -> Endpoint:
    """Raises ValueError where that is no address or no port."""
    if not 0 < one.port < 1 << 16 or "%" in one.address:  # a zone is any text at all
        raise ValueError("no port, or an address of a single link")
    return Endpoint(str(ip_address(one.address)), one.port, one.protocol)


def _known(one: _Archive, by_url: dict[str, Endpoint], keys: dict[str, str], heard: dict[Endpoint, Heard]) -> Known:
    """Raises ValueError where it names an endpoint that is not in the document."""
    try:
        endpoints = tuple(sorted(by_url[url] for url in one.endpoints))
    except KeyError:
        raise ValueError("an endpoint of an archive is not there") from None
    product = clean(one.product, _TEXT)
    spki = tuple(sorted({clean(keys[url], _TEXT) for url in one.endpoints if keys.get(url)}))
    return Known(
        clean(one.id, _TEXT),
        Identity(endpoints, spki, product),
        one.rung,
        tuple(endpoint for endpoint in endpoints if (rung := heard[endpoint].rung) is not None and rung.open),
        grade=one.grade,
        product=product,
        version=clean(one.product_version, _TEXT),
        counts={
            name: Count(number.value, number.how, at_least=number.at_least, low=number.low, high=number.high)
            for name in _COUNTED
            if (number := one.counts.get(name)) is not None
        },
        decoy=bool(one.decoy),
    )


def _shown(path: Path) -> str:
    return printable(str(path))
