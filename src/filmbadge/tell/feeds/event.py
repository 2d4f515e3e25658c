"""From a survey, or a check, to events: a finding, the archive that it is about, and the place where it was seen.

All feeds are made of these events, and each event keeps the id of its finding. So a receiver who takes the same survey
twice, or two formats of it, can tell that it is the same finding. Events hold codes and numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct

from filmbadge.catalogue.findings import Severity
from filmbadge.catalogue.findings import findings as rows
from filmbadge.judge.findings import of_archive as findings_of
from filmbadge.model import (
    Archive,
    Count,
    Endpoint,
    Finding,
    FindingCode,
    HintSource,
    Host,
    JudgedEndpoint,
    KindFound,
    Protocol,
    Provenance,
    Reason,
    Rung,
)
from filmbadge.tell.mailbox import mailbox_in
from filmbadge.texts import printable

# These say how much the whole archive holds, and every event of the archive has it.
_OF_THE_ARCHIVE = (FindingCode.DISCLOSES_RECORDS, FindingCode.HANDS_OUT_IMAGES)
_UNASKED = (Reason.DEPTH, Reason.NEEDS_PERSONAL_DATA)  # the question that would tell was not asked
_SURE = (Provenance.COUNTED, Provenance.REPORTED)
_PORTS = range(1, 65536)

_HOST_NAME = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
Facts = dict[str, Any]  # texts, numbers, truth values, and lists of texts, by name


class Event(Struct, frozen=True):
    """One finding. What is known of the place belongs to the endpoint at which it was seen."""

    finding: Finding
    archive: Archive
    endpoint: Endpoint  # a finding of the archive as a whole has the way in that stands on the highest rung
    encrypted: bool  # TLS was seen there
    at: datetime  # when this endpoint was asked
    conclusive: bool  # each way in has a proven rung, at a depth that asks for records; if False, "not open" does not mean "closed"
    shown_as: str  # id of the archive by which pages and totals show this one; another one, if both are the same
    reverse_name: str = ""  # the name that the DNS has for its address
    group: tuple[JudgedEndpoint, ...] = ()  # all ways into the archive

    @property
    def severity(self) -> Severity:
        return rows()[self.finding.code].severity

    @property
    def address(self) -> str:
        """An IPv4 or IPv6 address, as RFC 5952 writes it. Raises ValueError where a folder of somebody else holds none."""
        return str(ip_address(self.endpoint.address.partition("%")[0]))

    @property
    def host_name(self) -> str:
        """The name that the DNS has for its address, in small letters and without a dot at its end. Empty: no name of a host."""
        name = self.reverse_name.rstrip(".").lower()
        return name if _HOST_NAME.fullmatch(name) else ""

    @property
    def asn(self) -> int | None:
        """The number of its autonomous system, by the first source that has one."""
        said = self.archive.place.asn
        return int(said[0].value) or None if said else None

    @property
    def network(self) -> str:
        """The network of its address, such as 192.0.2.0/24. Empty: not known."""
        said = self.archive.place.network
        return str(ip_network(said, strict=False)) if said else ""

    @property
    def mail(self) -> str:
        """The e-mail address of the contact that a source names. Empty: none, or no address."""
        said = self.archive.place.contact
        return mailbox_in(said[0].value) if said else ""

    @property
    def port(self) -> int | None:
        """A TCP port, 1 to 65535. None for any other number, which a folder of somebody else may hold."""
        return self.endpoint.port if self.endpoint.port in _PORTS else None

    @property
    def service(self) -> str:
        """The protocol by the name that other tools have for it."""
        if self.endpoint.protocol is Protocol.DIMSE:
            return "dicom"
        return "https" if self.encrypted else "http"

    @property
    def url(self) -> str:
        return f"{self.service}{self.endpoint.url.removeprefix(str(self.endpoint.protocol))}"

    @property
    def country(self) -> str:
        """Two letters, if all sources say the same; else empty: no one of them is picked."""
        said = self.archive.place.countries
        return said[0] if len(said) == 1 else ""


def of_host(host: Host) -> Iterator[Event]:
    """Every finding at one host that was checked: of each archive the worst first."""
    for archive in host.archives:
        yield from of_archive(archive, [j for j in host.judged if j.observation.endpoint in archive.endpoints])


def of_archive(archive: Archive, group: Sequence[JudgedEndpoint], shown_as: str = "") -> Iterator[Event]:
    """The same of one archive; `group` are its endpoints."""
    if not group:
        return
    places = {judged.observation.endpoint: judged for judged in group}
    highest = max(group, key=lambda judged: _height(judged.verdict.rung))  # of several the first
    names = {hint.endpoint: hint.what for hint in archive.hints if hint.source is HintSource.REVERSE_NAME}
    conclusive = all(judged.verdict.conclusive and judged.verdict.why not in _UNASKED for judged in group)
    for finding in findings_of(archive, group):
        seen = (highest if finding.endpoint is None else places[finding.endpoint]).observation
        yield Event(
            finding=finding,
            archive=archive,
            endpoint=seen.endpoint,
            encrypted=seen.tls is not None,
            at=seen.at,
            conclusive=conclusive,
            shown_as=shown_as or archive.id,
            reverse_name=seen.reverse_name or names.get(seen.endpoint.url, ""),
            group=tuple(group),
        )


def facts(event: Event) -> Facts:
    """What is known, by name. A bound is a name that ends in `_at_least`. A name is missing where nothing is known."""
    finding, archive = event.finding, event.archive
    known: Facts = {
        "finding": str(finding.code),
        "finding_id": finding.id,
        "archive": archive.id,
        "severity": str(event.severity),
        "rung": str(archive.rung),
        "conclusive": event.conclusive,
        "endpoints": [endpoint.url for endpoint in archive.endpoints],
    }
    if archive.open:
        known["open"] = True
    if event.shown_as != archive.id:
        known["same_as"] = event.shown_as
    known |= {
        name: str(value)
        for name, value in {
            "grade": archive.grade,
            "finding_grade": finding.grade,
            _about(finding.code): finding.about,
            "product": archive.product.product,
            "product_version": archive.product.version,
            "toolkit": archive.product.toolkit,
        }.items()
        if value
    }
    if (hand := archive.by_hand) is not None:
        known |= {"reviewed_by": printable(hand.who), "reviewed_on": hand.day.isoformat()}
        known |= {"reviewed_as": hand.what} if hand.what else {}
    if archive.decoy:
        known["decoy"] = list(map(str, archive.decoy))
    if len(archive.place.countries) > 1:
        known["countries"] = list(archive.place.countries)
    return known | _measures(event) | amounts(archive)


def amounts(archive: Archive) -> Facts:
    """How much the archive holds: for each quantity the number and how it was got, or a bound, or nothing."""
    known: Facts = {}
    counts = {name: getattr(archive.counts, name) for name in archive.counts.__struct_fields__}
    for name, count in (counts | {"images_retrievable": archive.images_retrievable}).items():
        known |= _amount(name, count)
    return known


def counted(archive: Archive) -> bool:
    """Whether it is known of some records that they are there."""
    return any(name in amounts(archive) for name in ("studies", "studies_at_least", "images", "images_at_least"))


def _about(code: FindingCode) -> str:
    return {FindingCode.ADVISORY: "advisory", FindingCode.TITLE_ONLY: "ae_title"}.get(code, "scheme")


def _amount(name: str, count: Count) -> Facts:
    if count.value is None:
        return {f"{name}_at_least": count.at_least} if count.at_least else {}
    known: Facts = {name: count.value, f"{name}_how": str(count.how)}
    ends = {"low": count.low, "high": count.high}
    return known | {f"{name}_{end}": value for end, value in ends.items() if value is not None}


def _measures(event: Event) -> Facts:
    """The numbers of a finding itself."""
    finding, archive = event.finding, event.archive
    if finding.code in _OF_THE_ARCHIVE:
        return {}
    if finding.code is FindingCode.PERSONAL_DATA:
        found = [kind for kind in archive.kinds or () if str(kind.kind) in finding.numbers]
        return {"kinds": [str(kind.kind) for kind in found]} | {n: v for kind in found for n, v in _kind(kind).items()}
    if finding.code is FindingCode.SSN_RECORDS and archive.ssn_records.how not in _SURE:
        return {"records_at_least": finding.numbers["records"]}
    if finding.code is FindingCode.PATIENT_LISTING:
        return {"patients_listed": finding.numbers["patients"]}
    how = {one.scheme: str(one.how) for one in archive.identifiers}.get(finding.about)
    return finding.numbers | ({"records_how": how} if how else {})


def _kind(found: KindFound) -> Facts:
    name = f"records_{found.kind}"
    if found.records is None:
        return {f"{name}_at_least": found.at_least} if found.at_least else {}
    return {name: found.records, f"{name}_how": str(found.how)}


def _height(rung: Rung | None) -> int:
    return -1 if rung is None else rung.height
