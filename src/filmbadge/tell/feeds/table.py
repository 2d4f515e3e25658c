"""CSV with a line for each finding. Columns that Shadowserver's reports have too are named and filled as there; it has no such report.

Times are UTC. A cell is empty where nothing is known, which is never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any

from filmbadge.tell.feeds.event import Event, facts
from filmbadge.tell.feeds.feed import Feed
from filmbadge.tell.feeds.intelmq import identifier
from filmbadge.tell.spreadsheet import line
from filmbadge.tell.words import Words
from filmbadge.texts import printable

_AMOUNTS = ("patients", "studies", "series", "images", "images_retrievable")
COLUMNS = (
    "timestamp", "severity", "ip", "protocol", "port", "hostname", "tag", "asn", "as_name", "geo", "network", "operator", "abuse_contact",
    "service", "product", "version", "toolkit", "finding", "finding_id", "archive", "same_as", "rung", "conclusive", "grade", "advisory", "scheme", "kinds",
    *(f"{name}{end}" for name in _AMOUNTS for end in ("", "_how", "_at_least")),
    "records", "records_how", "records_at_least", "decoy", "what", "level", "tlp", "survey", "reference",
)  # fmt: skip


def lines(events: Iterable[Event], feed: Feed, words: Words) -> Iterator[str]:
    """A line with the names of the columns, and one for each event. Each ends as RFC 4180 says."""
    yield line(COLUMNS)
    ours = feed.facts
    for event in events:
        row = facts(event) | _place(event, words) | ours | {"version": event.archive.product.version}
        yield line(row.get(column) for column in COLUMNS)


def _place(event: Event, words: Words) -> dict[str, Any]:
    place = event.archive.place
    return {
        "timestamp": f"{event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "ip": event.address,
        "protocol": "tcp",
        "port": event.port,
        "hostname": event.host_name,
        "tag": f"{identifier(event)};{event.service}",
        "asn": event.asn,
        "as_name": place.as_name[0].value if place.as_name else "",
        "geo": "/".join(place.countries),
        "network": event.network,
        "operator": place.operator[0].value if place.operator else "",
        "abuse_contact": event.mail,
        "service": event.service,
        "what": printable(words.finding(event.finding)),
    }
