"""SARIF 2.1.0 (OASIS): what is wrong with archives, for a pipeline of those who run them.

A rule is a row of the catalogue of findings. A place is a relative URI below `dicom/`, as GitHub refuses a file with other
schemes than `file`; the logical location has the URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from filmbadge.catalogue.findings import Severity
from filmbadge.catalogue.findings import findings as rows
from filmbadge.model import FindingCode, Host
from filmbadge.tell.feeds.closing import Closing
from filmbadge.tell.feeds.event import Event, facts
from filmbadge.tell.feeds.event import of_host as events_of
from filmbadge.tell.feeds.feed import Feed
from filmbadge.tell.words import Words
from filmbadge.texts import printable

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
# GitHub sorts alerts by a number from 0 to 10, in the classes of CVSS.
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_PRODUCTS = 10  # in the help of a rule: each result has its own lines
_RULES = {code: index for index, code in enumerate(FindingCode)}
_APART = re.compile(r"[^A-Za-z0-9._-]+")
Part = dict[str, Any]


def log(events: Iterable[Event], feed: Feed, words: Words) -> Part:
    """One log with one run, which has a result for each event."""
    closing = Closing(words)
    helps: dict[FindingCode, dict[str, list[str]]] = {}
    results = []
    for event in events:
        lines = closing.lines(event)
        results.append(_result(event, lines, words))
        known = helps.setdefault(event.finding.code, {})
        if lines and len(known) < _PRODUCTS:
            known.setdefault(closing.of(event).product, lines)
    run = {
        "tool": {
            "driver": {
                "name": "Filmbadge",
                "version": feed.version,
                "rules": [_rule(code, helps.get(code, {}), words) for code in FindingCode],
            }
        },
        "automationDetails": {"id": f"filmbadge/{_APART.sub('-', feed.survey)}/"},
        "columnKind": "utf16CodeUnits",
        "invocations": [_invocation(feed)],
        "results": results,
        "properties": feed.facts,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def of_host(host: Host, feed: Feed, words: Words) -> bytes:
    """The log of one host that was checked, as JSON."""
    return encoded(log(events_of(host), feed, words))


def level_of(code: FindingCode) -> str:
    return _LEVELS[rows()[code].severity]


def encoded(made: Part) -> bytes:
    return msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n"


def _invocation(feed: Feed) -> Part:
    """Without results, a run that found out everything says that nothing is wrong, and any other run says nothing."""
    notes = [{"level": "warning", "message": {"text": sentence}} for sentence in feed.incomplete]
    return {"executionSuccessful": not notes} | ({"toolExecutionNotifications": notes} if notes else {})


def _rule(code: FindingCode, products: Mapping[str, list[str]], words: Words) -> Part:
    """A rule. Its help says what closes an archive of each product that has such a finding."""
    severity = rows()[code].severity
    title = words.finding_title(code)
    properties: Part = {"tags": ["security", "DICOM"], "severity": str(severity)}
    if severity in _SCORES:
        properties["security-severity"] = _SCORES[severity]
    return {
        "id": str(code),
        "name": "".join(map(str.capitalize, code.split("-"))),
        "shortDescription": {"text": title},
        "help": {
            "text": "\n\n".join([title, *("\n".join(filter(None, (p, *lines))) for p, lines in products.items())])
        },
        "defaultConfiguration": {"level": level_of(code)},
        "properties": properties,
    }


def _result(event: Event, lines: list[str], words: Words) -> Part:
    finding = event.finding
    said = [printable(words.finding(finding))]
    if lines:
        said += ["", words.say("Close it:"), *lines]
    return {
        "ruleId": str(finding.code),
        "ruleIndex": _RULES[finding.code],
        "level": level_of(finding.code),
        "kind": "fail",
        "message": {"text": "\n".join(said)},
        "locations": [_location(event)],
        # The name of the first is GitHub's, and it reads no other. It stays the same as long as the finding does.
        "partialFingerprints": {"primaryLocationLineHash": f"{finding.id}:1", "filmbadgeFinding/v1": finding.id},
        "properties": facts(event),
    }


def _location(event: Event) -> Part:
    place = f"dicom/{event.address}/{event.endpoint.port}"
    return {
        "physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": 1}},
        "logicalLocations": [{"fullyQualifiedName": event.url, "kind": "resource"}],
    }
