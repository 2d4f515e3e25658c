"""The formats by their names, as bytes that are written to a file or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple, get_args

import msgspec

from filmbadge.catalogue.findings import findings as rows
from filmbadge.model import FindingCode
from filmbadge.tell.feeds import intelmq, sarif, stix, table, xarf
from filmbadge.tell.feeds.event import Event
from filmbadge.tell.feeds.feed import Feed
from filmbadge.tell.words import Words

FormatName = Literal["intelmq", "xarf", "stix", "sarif", "csv"]
IntelmqVersion = Literal["3.3", "3.5"]
assert get_args(IntelmqVersion) == intelmq.VERSIONS


class Format(NamedTuple):
    suffix: str  # of a file
    write: Callable[[Iterable[Event], Feed, Words], Iterator[bytes]]


def chosen(name: FormatName, version: IntelmqVersion = "3.5") -> Format:
    """`version` is that of the IntelMQ that will read it."""
    if name == "intelmq":
        return Format(".intelmq.jsonl", lambda events, feed, words: _lines(intelmq.made(events, feed, words, version)))
    return _FORMATS[name]


def _lines(made: Iterable[object]) -> Iterator[bytes]:
    """One JSON object a line."""
    encoder = msgspec.json.Encoder()
    for one in made:
        yield encoder.encode(one) + b"\n"


_FORMATS: dict[str, Format] = {
    "xarf": Format(".xarf.jsonl", lambda events, feed, words: _lines(xarf.reports(events, feed, words))),
    "stix": Format(".stix.json", stix.bundle),
    "sarif": Format(".sarif", lambda events, feed, words: iter([sarif.encoded(sarif.log(events, feed, words))])),
    "csv": Format(".csv", lambda events, feed, words: (line.encode() for line in table.lines(events, feed, words))),
}


def markdown() -> str:
    """What each finding is called in each format, for `docs/feeds.md`."""
    words = Words()
    head = "| finding | severity | `classification.type` of IntelMQ | XARF | level of SARIF |\n|---|---|---|---|---|\n"
    return head + "".join(
        f"| `{code}`: {words.finding_title(code)} | {row.severity} | `{intelmq.type_of(code)}` | {_xarf(code)} | `{sarif.level_of(code)}` |\n"
        for code, row in rows().items()
    )


def _xarf(code: FindingCode) -> str:
    return ", ".join(f"`{kind}`" for kind in xarf.kinds_of(code)) or "–"
