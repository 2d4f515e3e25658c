"""One archive's card, for `check`: as JSON, and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from filmbadge.model import (
    Count,
    Depth,
    DimseFacts,
    Endpoint,
    Host,
    Identifier,
    JournalRow,
    JudgedEndpoint,
    KindFound,
    Protocol,
    Rung,
    TlsFacts,
    Transport,
)
from filmbadge.tell import words

# `words.tls` says these by itself.
_SAID_BY_TLS = (Transport.PLAIN, Transport.SELF_SIGNED, Transport.OTHER_NAME, Transport.NOT_SEEN)


class CheckedEndpoint(Struct, frozen=True):
    address: str
    port: int
    protocol: str
    rung: str | None
    reason: str
    product: str
    toolkit: str
    product_version: str
    product_firm: bool  # two marks of different kinds agree; else likely
    conclusive: bool  # False: not open as far as we saw, and we did not see enough
    tls: TlsFacts | None  # None: plain
    transport: tuple[Transport, ...]  # against DICOM PS3.15 B.12


class CheckedKind(Struct, frozen=True):
    records: int | None
    looks: str | None  # None: no record carries it, or it is not known
    how: str
    share: float | None
    malformed: int
    asked: int
    at_least: int | None
    why: str
    low: int | None  # of an estimate from studies drawn by lot
    high: int | None


class CheckedArchive(Struct, frozen=True):
    open: bool
    rung: str
    grade: str | None  # None: we could not find out enough
    grade_why: tuple[str, ...]  # a sentence for each step down
    advisories: tuple[str, ...]
    decoy: tuple[str, ...]  # why it is likely no clinic's archive
    counts: dict[str, Count]
    kinds: dict[str, CheckedKind] | None  # None: not looked at
    identifiers: tuple[Identifier, ...]
    ssn_records: Count
    endpoints: tuple[str, ...]


class CheckDocument(Struct, frozen=True):
    target: str
    depth: str
    endpoints: tuple[CheckedEndpoint, ...]
    archives: tuple[CheckedArchive, ...]
    fault: str  # what kept us from finding out more; empty if nothing did
    not_tried: tuple[str, ...]
    connections: int
    bytes_sent: int
    bytes_received: int
    schema: Literal["filmbadge.check/1"] = "filmbadge.check/1"


def document(target: str, depth: Depth, host: Host, journal: list[JournalRow]) -> CheckDocument:
    return CheckDocument(
        target=target,
        depth=str(depth),
        endpoints=tuple(_endpoint(j) for j in host.judged),
        archives=tuple(
            CheckedArchive(
                open=archive.open,
                rung=str(archive.rung),
                grade=None if archive.grade is None else str(archive.grade),
                grade_why=tuple(words.GRADE_WHY[why] for why in archive.grade_why),
                advisories=tuple(map(words.advisory, archive.advisories)),
                decoy=tuple(words.DECOY[why] for why in archive.decoy),
                counts={q: getattr(archive.counts, q) for q in ("patients", "studies", "series", "images")},
                kinds=None if archive.kinds is None else {str(kind.kind): _kind(kind) for kind in archive.kinds},
                identifiers=archive.identifiers,
                ssn_records=archive.ssn_records,
                endpoints=tuple(e.url for e in archive.endpoints),
            )
            for archive in host.archives
        ),
        fault="" if host.fault is None else words.reason(host.fault.ending, (), host.fault.detail),
        not_tried=tuple(filter(None, (words.NOT_TRIED[depth], words.NEVER_TRIED))),
        connections=len(journal),
        bytes_sent=sum(row.sent for row in journal),
        bytes_received=sum(row.received for row in journal),
    )


def _kind(found: KindFound) -> CheckedKind:
    return CheckedKind(
        records=found.records,
        looks=None if found.looks is None else str(found.looks),
        how=str(found.how),
        share=found.share,
        malformed=found.malformed,
        asked=found.asked,
        at_least=found.at_least,
        why=found.why,
        low=found.low,
        high=found.high,
    )


def _endpoint(judged: JudgedEndpoint) -> CheckedEndpoint:
    endpoint, verdict = judged.observation.endpoint, judged.verdict
    why = words.reason(verdict.why, verdict.codes, verdict.detail, endpoint.protocol)
    facts = judged.observation.get(DimseFacts)
    if facts is not None and facts.called_from_scope and facts.accepted:
        why += f" (when called by the AE title “{facts.called}”, which the scope gave)"
    return CheckedEndpoint(
        address=endpoint.address,
        port=endpoint.port,
        protocol=str(endpoint.protocol),
        rung=None if verdict.rung is None else str(verdict.rung),
        reason=why,
        product=judged.product.product,
        toolkit=judged.product.toolkit,
        product_version=judged.product.version,
        product_firm=judged.product.firm,
        conclusive=verdict.conclusive,
        tls=judged.observation.tls,
        transport=judged.transport,
    )


def render(card: CheckDocument) -> RenderableType:
    """The card for a terminal."""
    parts: list[RenderableType] = [_headline(card)]
    secured = {Endpoint(e.address, e.port, Protocol(e.protocol)).url: " over TLS" for e in card.endpoints if e.tls}
    for archive in card.archives:
        table = Table.grid(padding=(0, 2))
        for name, value in archive.counts.items():
            table.add_row(name, words.count(value))
        state = "OPEN" if archive.open else "not seen open"
        letter = f" · grade {archive.grade}" if archive.grade else ""
        title = Text(f"{state} · {archive.rung}{letter}", style="bold red" if archive.open else "bold green")
        ways = Text("reached by " + ", ".join(url + secured.get(url, "") for url in archive.endpoints), style="dim")
        held = [ways, *map(Text, _remarks(archive)), table, *_personal(archive)]
        parts.append(Panel(Group(*held), title=title, title_align="left", expand=False))
    parts.append(_endpoints(card))
    if card.fault:
        parts.append(Text(f"Not everything was asked: {card.fault}", style="yellow"))
    parts += [Text(f"Not tried: {line.removeprefix('never tried: ')}", style="dim") for line in card.not_tried]
    parts.append(
        Text(
            f"{words.amount(card.connections, 'connection')}, {card.bytes_sent:,} bytes sent, {card.bytes_received:,} received, depth {card.depth}.",
            style="dim",
        )
    )
    return Group(*parts)


def _remarks(archive: CheckedArchive) -> Iterator[str]:
    if archive.grade is None:
        yield words.NO_GRADE
    elif archive.grade_why:
        yield f"Grade {archive.grade}: {'; '.join(archive.grade_why)}."
    if archive.decoy:
        yield f"Likely no clinic's archive: {'; '.join(archive.decoy)}."
    yield from (f"Advisory {line}" for line in archive.advisories)


def _tls(endpoint: CheckedEndpoint) -> str:
    weak = [found for found in endpoint.transport if found not in _SAID_BY_TLS]
    return ", ".join(filter(None, (words.tls(endpoint.tls), words.transport(weak))))


def _personal(archive: CheckedArchive) -> list[RenderableType]:
    """The kinds that are there, with the share of studies and what they look like."""
    if archive.kinds is None:
        return []
    table = Table.grid(padding=(0, 2))
    for name, kind in archive.kinds.items():
        if kind.records or kind.at_least:
            table.add_row(
                name, words.kind(kind.records, kind.how, kind.at_least, kind.why, kind.low, kind.high), kind.looks or ""
            )
    absent = [name for name, kind in archive.kinds.items() if kind.records == 0]
    made: list[RenderableType] = [Text("personal data, studies that carry it", style="bold"), table]
    made += [Text(f"national identifiers: {words.identifier(one)}", style="bold red") for one in archive.identifiers]
    if absent:
        made.append(Text("looked for, none found: " + ", ".join(absent), style="dim"))
    return made


def _headline(card: CheckDocument) -> Text:
    unknown = card.fault or any(not e.conclusive for e in card.endpoints)
    opened = [a for a in card.archives if a.open]
    if opened:
        text, style = f"{card.target}: gives records to strangers.", "bold red"
    elif unknown:
        text, style = (
            f"{card.target}: we could not find out everything; this is not a clean bill.",
            "bold yellow",
        )
    elif card.archives:
        text, style = (
            f"{card.target}: an imaging service that gave nothing to a stranger at depth {card.depth}.",
            "bold green",
        )
    else:
        text, style = f"{card.target}: no imaging service found on the ports asked.", "bold"
    return Text(text, style=style)


def _endpoints(card: CheckDocument) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("port", "protocol", "tls", "rung", "why", "product", "toolkit"):
        table.add_column(column, overflow="fold")
    for e in card.endpoints:
        style = "red" if e.rung and Rung(e.rung).open else ""
        table.add_row(
            str(e.port),
            e.protocol,
            Text(_tls(e)),
            e.rung or "unknown",
            Text(e.reason),
            Text(words.product(e.product, e.product_version, e.product_firm)),
            Text(e.toolkit),
            style=style,
        )
    return table
