"""IntelMQ: one event a line, as its JSON parser takes them.

https://docs.intelmq.org/latest/user/event/. Keys of an event stand in IntelMQ's own namespace; whatever is ours stands in
`extra.filmbadge.…`, and there all of it. So an older version, which knows fewer keys, loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from filmbadge.model import FindingCode, Protocol
from filmbadge.tell.feeds.closing import Closing
from filmbadge.tell.feeds.event import Event, facts
from filmbadge.tell.feeds.feed import Feed, Tlp, time
from filmbadge.tell.words import Words
from filmbadge.texts import printable

VERSIONS = ("3.3", "3.5")
# The taxonomy of RSIT (https://github.com/enisaeu/Reference-Security-Incident-Taxonomy-Task-Force). All are of `vulnerable`:
# nobody shows that data was taken. Its `misconfiguration` is about availability.
_TYPES = {
    FindingCode.ANSWERS_STRANGERS: "potentially-unwanted-accessible",
    FindingCode.LETS_STRANGERS_IN: "potentially-unwanted-accessible",
    FindingCode.MAY_WRITE: "potentially-unwanted-accessible",
    FindingCode.OTHER_ADDRESS: "potentially-unwanted-accessible",
    FindingCode.TLS_LETS_IN: "potentially-unwanted-accessible",
    FindingCode.TITLE_ONLY: "potentially-unwanted-accessible",
    FindingCode.LOGIN_MAY_BE_KNOWN: "potentially-unwanted-accessible",
    FindingCode.ADVISORY: "vulnerable-system",
    FindingCode.PLAIN_TRANSPORT: "weak-crypto",
    FindingCode.OLD_TLS: "weak-crypto",
    FindingCode.ANONYMOUS_CIPHER: "weak-crypto",
    FindingCode.NO_FORWARD_SECRECY: "weak-crypto",
    FindingCode.NO_AEAD: "weak-crypto",
    FindingCode.SHORT_KEY: "weak-crypto",
    FindingCode.EXPIRED: "weak-crypto",
    FindingCode.NOT_YET_VALID: "weak-crypto",
    FindingCode.SELF_SIGNED: "weak-crypto",
    FindingCode.OTHER_NAME: "weak-crypto",
}
_OPEN = "information-disclosure"
# IntelMQ knows the words of TLP 1 only. The word of TLP 2 stands in `extra.filmbadge.tlp`.
_TLP = {Tlp.CLEAR: "WHITE", Tlp.GREEN: "GREEN", Tlp.AMBER: "AMBER", Tlp.AMBER_STRICT: "AMBER", Tlp.RED: "RED"}
_NEWER = (
    "severity",
    "product.name",
    "product.version",
    "product.vulnerabilities",
)  # keys that version 3.3 does not know


def made(events: Iterable[Event], feed: Feed, words: Words, version: str = VERSIONS[-1]) -> Iterator[dict[str, Any]]:
    """An event of IntelMQ for each event. Unknown keys are missing."""
    left_out = _NEWER if version == VERSIONS[0] else ()
    ours, closing = feed.facts, Closing(words)
    for event in events:
        fields = _fields(event, feed, words)
        known = facts(event) | ours
        if lines := closing.lines(event):
            known["close_it"] = lines
        extra = {f"extra.filmbadge.{name}": value for name, value in known.items()}
        yield {name: value for name, value in fields.items() if value and name not in left_out} | extra


def type_of(code: FindingCode) -> str:
    return _TYPES.get(code, _OPEN)


def identifier(event: Event) -> str:
    """What is wrong, by the name that filters of a receiver know."""
    return f"dicom-{event.finding.code}"


def _fields(event: Event, feed: Feed, words: Words) -> dict[str, Any]:
    finding, place, product = event.finding, event.archive.place, event.archive.product
    return {
        "feed.name": "Filmbadge",
        "feed.code": "filmbadge",
        "feed.provider": feed.sender.organisation if feed.sender is not None else "",
        "time.source": time(event.at),
        "tlp": _TLP[feed.tlp],
        "classification.taxonomy": "vulnerable",
        "classification.type": type_of(finding.code),
        "classification.identifier": identifier(event),
        "event_description.text": printable(words.finding(finding)),
        "severity": str(event.severity),
        "source.ip": event.address,
        "source.port": event.port,
        "source.asn": event.asn,
        "source.as_name": place.as_name[0].value if place.as_name else "",
        "source.network": event.network,
        "source.geolocation.cc": event.country,
        "source.reverse_dns": event.host_name,
        "source.abuse_contact": event.mail.lower(),
        "source.url": event.url if event.endpoint.protocol is Protocol.HTTP else "",
        "protocol.application": event.service,
        "protocol.transport": "tcp",
        "product.name": product.product.lower(),
        "product.version": product.version.lower(),
        "product.vulnerabilities": finding.about.lower() if finding.code is FindingCode.ADVISORY else "",
    }
