"""XARF 4: reports to those who can close an archive, such as the abuse desk of a network.

https://github.com/xarf/xarf-spec. There are up to three kinds of reports: `vulnerability/open_service` for each way in that
lets a stranger in, `content/exposed_data` for each open archive of which records were counted, and `vulnerability/cve`.
A report is led by its worst finding, and lists all findings that it is about. It never has sample records, and no report
is about a decoy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from filmbadge.model import Finding, FindingCode, GradeReason, Provenance
from filmbadge.tell.feeds.closing import Closing
from filmbadge.tell.feeds.event import Event, counted, facts
from filmbadge.tell.feeds.feed import Feed, require_sender, time, uuid
from filmbadge.tell.words import Words
from filmbadge.texts import printable

VERSION = "4.2.0"
_ACCESS = frozenset(
    {
        FindingCode.DISCLOSES_RECORDS,
        FindingCode.HANDS_OUT_IMAGES,
        FindingCode.FILE_LISTING,
        FindingCode.PATIENT_LISTING,
        FindingCode.ANSWERS_STRANGERS,
        FindingCode.LETS_STRANGERS_IN,
        FindingCode.MAY_WRITE,
        FindingCode.OTHER_ADDRESS,
        FindingCode.TLS_LETS_IN,
        FindingCode.TITLE_ONLY,
    }
)
_DATA = {
    FindingCode.PERSONAL_DATA: "personal_information",
    FindingCode.PATIENT_LISTING: "personal_information",
    FindingCode.SSN_RECORDS: "government_id",
    FindingCode.NATIONAL_IDENTIFIERS: "government_id",
}
_ALL_RECORDS = (FindingCode.DISCLOSES_RECORDS, FindingCode.FILE_LISTING, FindingCode.PATIENT_LISTING)
_LONGEST = 1000  # characters of a description
_CVE = "CVE-"
Report = dict[str, Any]


def reports(events: Iterable[Event], feed: Feed, words: Words) -> Iterator[Report]:
    """Reports on all archives in `events`. The events of an archive stand together, as `event.of_survey` gives them.

    Raises Refusal where the feed names nobody by an e-mail address.
    """
    sender = require_sender(feed, "XARF")
    closing = Closing(words)
    who = {"org": sender.organisation, "contact": sender.contact, "domain": sender.domain}
    for _, found in groupby(events, key=lambda event: event.archive.id):
        for kind, about in _reports(tuple(found)):
            report = _report(kind, about, feed, words) | {"reporter": who, "sender": who}
            lines = closing.lines(about[0])
            yield report | ({"remediation": "\n".join(lines)} if lines else {})


def told(events: Iterable[Event]) -> int:
    """How many findings some report is about. XARF has no kind of report for the others, such as a certificate that has expired."""
    return sum(
        len({event.finding.id for _, about in _reports(tuple(found)) for event in about})
        for _, found in groupby(events, key=lambda event: event.archive.id)
    )


def kinds_of(code: FindingCode) -> Iterator[str]:
    """The types of reports that a finding may be part of."""
    if code in _ACCESS:
        yield "open_service"
    if code in _DATA or code in _ALL_RECORDS:
        yield "exposed_data"
    if code is FindingCode.ADVISORY:
        yield "cve"


def _reports(events: Sequence[Event]) -> Iterator[tuple[str, list[Event]]]:
    """The kind of each report on one archive, and the events that it is about."""
    archive = events[0].archive
    if archive.decoy:
        return
    access = sorted((event for event in events if event.finding.code in _ACCESS), key=lambda event: event.endpoint)
    for _, at_one in groupby(access, key=lambda event: event.endpoint):
        yield "open_service", list(at_one)
    data = [event for event in events if event.finding.code in _DATA or event.finding.code in _ALL_RECORDS]
    if data and archive.open and counted(archive) and GradeReason.NOTHING_PERSONAL not in archive.grade_why:
        yield "exposed_data", data
    for event in events:
        if event.finding.about.startswith(_CVE) and event.port is not None:
            yield "cve", [event]


def _report(kind: str, about: list[Event], feed: Feed, words: Words) -> Report:
    leading = about[0]
    known = facts(leading) | feed.facts | {"findings": [event.finding.id for event in about]}
    sentences = dict.fromkeys(words.finding(event.finding) for event in about)
    report: Report = {
        "xarf_version": VERSION,
        "report_id": str(_id(kind, leading)),
        "timestamp": time(leading.at),
        "source_identifier": leading.address,
        "category": "content" if kind == "exposed_data" else "vulnerability",
        "type": kind,
        "evidence_source": "vulnerability_scan" if kind == "cve" else "automated_scan",
        "description": printable(" ".join(sentences))[:_LONGEST],
        "tags": [f"tlp:{feed.tlp}", *dict.fromkeys(f"filmbadge:{event.finding.code}" for event in about)][:20],
        "filmbadge": known,
    }
    if leading.port is not None:
        report["source_port"] = leading.port
    return report | (_exposed(about) if kind == "exposed_data" else _service(leading, kind))


def _id(kind: str, leading: Event) -> UUID:
    """The same for the same report of the same survey, as often as it is exported. XARF asks for the form of version 4."""
    return UUID(bytes=uuid("xarf", kind, leading.finding.id, time(leading.at)).bytes, version=4)


def _service(event: Event, kind: str) -> Report:
    product = event.archive.product
    service = product.product if kind == "cve" and product.product else event.service
    said: Report = {"service": service, "risk_level": str(event.severity)}
    if event.port is not None:
        said["service_port"] = event.port
    if product.version:
        said["service_version"] = product.version
    if kind == "cve":
        said["cve_id"] = event.finding.about
    return said


def _exposed(about: list[Event]) -> Report:
    archive = about[0].archive
    said: Report = {
        "url": about[0].url,
        "data_types": ["medical", *dict.fromkeys(_DATA[e.finding.code] for e in about if e.finding.code in _DATA)],
        "exposure_method": _exposed_by(event.finding for event in about),
        "accessibility": "public",
        "discovery_source": "automated_scan",
        "verification_method": "automated_crawler",
        "verified_at": time(about[0].at),
    }
    if (fields := _fields(about)) is not None:
        said["sensitive_fields"] = fields
    studies = archive.counts.studies
    if studies.value is not None and studies.how is not Provenance.ESTIMATED:
        said["record_count"] = studies.value
    if about[0].asn:
        said["asn"] = about[0].asn
    if about[0].country:
        said["country_code"] = about[0].country
    return said


def _exposed_by(findings: Iterable[Finding]) -> str:
    listed = any(finding.code is FindingCode.FILE_LISTING for finding in findings)
    return "open_directory" if listed else "misconfigured_server"


def _fields(about: list[Event]) -> list[str] | None:
    """Kinds of personal data that its records carry. None: nobody looked."""
    kinds = [kind for event in about for kind in facts(event).get("kinds", ())]
    return kinds or None
