"""STIX 2.1 (OASIS): a bundle with an infrastructure for each archive, and what it is vulnerable to.

Each archive is an `infrastructure` that consists of an address and its services, is located at a country, and `has` a
`vulnerability` for each finding; an `observed-data` with a `sighting` says when it was seen. Every id is made of what it
stands for. So a receiver that has a bundle already gets nothing new from a second one of the same survey, and a newer
`modified` of the same objects from a later survey.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID, uuid5

import msgspec

from filmbadge.model import Finding, FindingCode, Protocol
from filmbadge.tell.feeds.closing import Closing
from filmbadge.tell.feeds.event import Event, Facts, facts
from filmbadge.tell.feeds.feed import Feed, Tlp, time, uuid
from filmbadge.tell.words import Words
from filmbadge.texts import printable

# STIX 2.1 2.9: ids of cyber-observable objects are made of their values, below this namespace.
_OBSERVABLES = UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
# The creator of an object chooses the time that it calls its creation (STIX 2.1 3.2). An object of ours may have been found
# by several surveys, and must have the same time in all of them.
_CREATED = "2026-01-01T00:00:00.000Z"
_TLP = {
    Tlp.CLEAR: "94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "e828b379-4e03-4974-9ac4-e53a884c97c1",
}
_TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_OURS = f"extension-definition--{uuid('stix', 'extension')}"
_SCHEMA = (
    "Each property is a text, an integer, a boolean, or a list of texts. A number that is not known is missing. "
    "NAME_how tells how a number was got, and NAME_at_least is a lower bound of a number that is not known."
)
_SPOKEN = {Protocol.DIMSE: "dicom", Protocol.HTTP: "http"}
_OBSERVED = frozenset({"ipv4-addr", "ipv6-addr", "autonomous-system", "network-traffic", "software"})
Object = dict[str, Any]


def objects(events: Iterable[Event], feed: Feed, words: Words) -> Iterator[Object]:
    """Every object of the bundle once. The events of an archive stand together."""
    marking = _marking(feed.tlp)
    maker = _maker(feed)
    yield marking
    yield maker
    yield _extension(maker["id"])
    seen: set[str] = set()
    closing = Closing(words)
    for _, found in groupby(events, key=lambda event: event.archive.id):
        for one in _archive(tuple(found), feed, words, closing):
            if one["id"] not in seen:
                seen.add(one["id"])
                yield one | _common(one, marking["id"], maker["id"])


def bundle(events: Iterable[Event], feed: Feed, words: Words) -> Iterator[bytes]:
    """The bundle as JSON, an object a line. Its id is made of all that it holds."""
    digest = ""
    yield b'{"type":"bundle","objects":['
    for number, one in enumerate(objects(events, feed, words)):
        digest = str(uuid(digest, one["id"], one.get("modified", "")))
        yield (b",\n" if number else b"\n") + msgspec.json.encode(one)
    yield b'\n],"id":"bundle--' + digest.encode() + b'"}\n'


def _common(one: Object, marking: str, maker: str) -> Object:
    """What each object has. A cyber-observable object has no times and no maker, STIX 2.1 3.2."""
    told: Object = {"spec_version": "2.1", "object_marking_refs": [marking]}
    if one["type"] not in _OBSERVED:
        told |= {
            "created_by_ref": maker,
            "created": one.get("created", _CREATED),
            "modified": one.get("modified", _CREATED),
        }
    return told


def _archive(events: Sequence[Event], feed: Feed, words: Words, closing: Closing) -> Iterator[Object]:
    """The objects that are about one archive."""
    first = events[0]
    last_seen = time(max(event.at for event in events))
    observed = list(_observed(events))
    yield from observed
    archive: Object = {
        "type": "infrastructure",
        "id": _id("infrastructure", first.archive.id),
        "modified": last_seen,
        "name": f"Medical image archive at {first.archive.id}",
        "infrastructure_types": ["unknown"],
        "last_seen": last_seen,
        "external_references": [{"source_name": "filmbadge", "external_id": first.archive.id}],
        "extensions": _ours(_known_of_archive(first) | feed.facts),
    }
    yield archive
    for one in observed:
        if one["type"] != "autonomous-system":
            yield _relation(archive["id"], "consists-of", one["id"], last_seen)
    if first.country:
        yield (location := {"type": "location", "id": _id("location", first.country), "country": first.country})
        yield _relation(archive["id"], "located-at", location["id"], last_seen)
    yield from _sighted(first, archive["id"], [one["id"] for one in observed], last_seen)
    vulnerabilities = []
    for event in events:
        found = list(_finding(event, archive["id"], words))
        vulnerabilities.append(found[0]["id"])
        yield from found
    if lines := closing.lines(first)[:-1]:
        yield from _close_it(closing.of(first).product, lines, archive["id"], vulnerabilities, last_seen)


def _known_of_archive(event: Event) -> Facts:
    of_the_finding = ("finding", "finding_id", "severity", "finding_grade", "kinds", "advisory", "scheme", "ae_title")
    return {
        name: value
        for name, value in facts(event).items()
        if name not in of_the_finding and not name.startswith("records")
    }


def _observed(events: Sequence[Event]) -> Iterator[Object]:
    """The address with its autonomous system, the services with their ports, and the product."""
    first = events[0]
    version = "ipv6" if ":" in first.address else "ipv4"
    address = _observable(f"{version}-addr", {"value": first.address})
    yield address
    if first.asn is not None:
        name = first.archive.place.as_name
        yield _observable("autonomous-system", {"number": first.asn}) | ({"name": name[0].value} if name else {})
    for event in sorted({event.endpoint: event for event in events}.values(), key=lambda event: event.endpoint):
        if event.port is not None:
            spoken = [version, "tcp", *(("tls",) if event.encrypted else ()), _SPOKEN[event.endpoint.protocol]]
            yield _observable(
                "network-traffic", {"dst_port": event.port, "dst_ref": address["id"], "protocols": spoken}
            )
    product = first.archive.product
    if product.product:
        version_of = {"version": product.version} if product.version else {}
        yield _observable("software", {"name": product.product} | version_of)


def _sighted(event: Event, archive: str, observed: list[str], at: str) -> Iterator[Object]:
    """What was seen in this survey."""
    times = {"created": at, "modified": at}
    data = _id("observed-data", event.archive.id, at)
    yield {
        "type": "observed-data",
        "id": data,
        **times,
        "first_observed": at,
        "last_observed": at,
        "number_observed": 1,
        "object_refs": observed,
    }
    yield {
        "type": "sighting",
        "id": _id("sighting", event.archive.id, at),
        **times,
        "last_seen": at,
        "sighting_of_ref": archive,
        "observed_data_refs": [data],
    }


def _finding(event: Event, archive: str, words: Words) -> Iterator[Object]:
    finding = event.finding
    vulnerability = _vulnerability(finding, words)
    yield vulnerability
    yield {
        "type": "relationship",
        "id": _id("relationship", finding.id),
        "modified": time(event.at),
        "relationship_type": "has",
        "source_ref": archive,
        "target_ref": vulnerability["id"],
        "description": printable(words.finding(finding)),
        "external_references": [{"source_name": "filmbadge", "external_id": finding.id}],
        "extensions": _ours({name: value for name, value in facts(event).items() if value != []}),
    }


def _close_it(product: str, lines: list[str], archive: str, vulnerabilities: list[str], at: str) -> Iterator[Object]:
    """What closes it: one object for all archives for which it is the same."""
    action: Object = {
        "type": "course-of-action",
        "id": _id("course-of-action", *lines),
        "name": f"Close it: {product}" if product else "Close it",
        "description": "\n".join(lines),
    }
    yield action
    yield _relation(archive, "related-to", action["id"], at)
    for one in dict.fromkeys(vulnerabilities):
        yield _relation(action["id"], "mitigates", one, _CREATED)


def _vulnerability(finding: Finding, words: Words) -> Object:
    """What is wrong, once for all archives: an advisory has its own number, and a finding of ours its code."""
    code = finding.code
    known = finding.about if code is FindingCode.ADVISORY else str(code)
    return {
        "type": "vulnerability",
        "id": _id("vulnerability", known),
        "name": finding.about if code is FindingCode.ADVISORY else words.finding_title(code),
        "external_references": [
            {"source_name": "cve" if known.startswith("CVE-") else "filmbadge", "external_id": known}
        ],
    }


def _relation(source: str, kind: str, target: str, at: str) -> Object:
    return {
        "type": "relationship",
        "id": _id("relationship", source, kind, target),
        "modified": at,
        "relationship_type": kind,
        "source_ref": source,
        "target_ref": target,
    }


def _id(kind: str, *names: str) -> str:
    return f"{kind}--{uuid('stix', kind, *names)}"


def _observable(kind: str, values: Object) -> Object:
    """A cyber-observable object. Its id is made of `values`, written as RFC 8785 says: STIX 2.1 2.9."""
    name = msgspec.json.encode(values, order="sorted").decode()
    return {"type": kind, "id": f"{kind}--{uuid5(_OBSERVABLES, name)}", **values}


def _ours(known: Facts) -> Object:
    return {_OURS: {"extension_type": "property-extension", **known}}


def _marking(tlp: Tlp) -> Object:
    """The definition of TLP 2.0 that all have. Its id is the same everywhere."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": f"marking-definition--{_TLP[tlp]}",
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.upper()}",
        "extensions": {_TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": str(tlp)}},
    }


def _maker(feed: Feed) -> Object:
    """Who says all this. The program itself, where nobody is named by an e-mail address."""
    who = feed.sender
    maker: Object = {
        "type": "identity",
        "spec_version": "2.1",
        "id": _id("identity", who.contact if who else "filmbadge"),
        "created": _CREATED,
        "modified": _CREATED,
        "name": who.organisation if who else "Filmbadge",
        "identity_class": "organization" if who else "system",
    }
    return maker | ({"contact_information": who.contact} if who else {})


def _extension(maker: str) -> Object:
    """Codes and numbers for which STIX has no property."""
    return {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": _OURS,
        "created_by_ref": maker,
        "created": _CREATED,
        "modified": _CREATED,
        "name": "filmbadge",
        "description": "What a survey of medical image archives found out: codes, and numbers with how each was got.",
        "schema": _SCHEMA,
        "version": "1.0.0",
        "extension_types": ["property-extension"],
    }
