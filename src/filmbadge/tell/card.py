"""One archive's card, for `check`: as JSON, and for a terminal."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from filmbadge.keep.schema import url
from filmbadge.model import Connection, Count, Depth, Host, Judged, Rung, TlsFacts
from filmbadge.tell import words


class CheckedEndpoint(Struct, frozen=True):
    address: str
    port: int
    protocol: str
    rung: str | None
    reason: str
    product: str
    toolkit: str
    conclusive: bool  # False: not open as far as we saw, and we did not see enough
    tls: TlsFacts | None  # None: plain


class CheckedArchive(Struct, frozen=True):
    open: bool
    rung: str
    grade: str | None
    counts: dict[str, Count]
    kinds: dict[str, dict[str, int | str]] | None  # None: not looked at
    endpoints: tuple[str, ...]


class CheckDocument(Struct, frozen=True):
    target: str
    depth: str
    endpoints: tuple[CheckedEndpoint, ...]
    archives: tuple[CheckedArchive, ...]
    not_tried: tuple[str, ...]
    connections: int
    bytes_sent: int
    bytes_received: int
    schema: Literal["filmbadge.check/1"] = "filmbadge.check/1"


def document(target: str, depth: Depth, host: Host, journal: list[Connection]) -> CheckDocument:
    return CheckDocument(
        target=target,
        depth=str(depth),
        endpoints=tuple(_endpoint(j) for j in host.judged),
        archives=tuple(
            CheckedArchive(
                open=archive.open,
                rung=str(archive.rung),
                grade=None,
                counts={q: getattr(archive.counts, q) for q in ("patients", "studies", "series", "images")},
                kinds=None,
                endpoints=tuple(url(e.protocol, e.address, e.port) for e in archive.endpoints),
            )
            for archive in host.archives
        ),
        not_tried=tuple(filter(None, (words.NOT_TRIED[depth], words.NEVER_TRIED))),
        connections=len(journal),
        bytes_sent=sum(row.sent for row in journal),
        bytes_received=sum(row.received for row in journal),
    )


def _endpoint(judged: Judged) -> CheckedEndpoint:
    endpoint, verdict = judged.observation.endpoint, judged.verdict
    why = words.reason(verdict.why, verdict.codes, verdict.detail, endpoint.protocol)
    facts = judged.observation.dimse
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
        conclusive=verdict.conclusive,
        tls=judged.observation.tls,
    )


def render(card: CheckDocument) -> RenderableType:
    """The card for a terminal."""
    parts: list[RenderableType] = [_headline(card)]
    for archive in card.archives:
        table = Table.grid(padding=(0, 2))
        for name, value in archive.counts.items():
            table.add_row(name, words.count(value))
        state = "OPEN" if archive.open else "not seen open"
        title = Text(f"{state} · {archive.rung}", style="bold red" if archive.open else "bold green")
        ways = Text("reached by " + ", ".join(archive.endpoints), style="dim")
        parts.append(Panel(Group(ways, table), title=title, title_align="left", expand=False))
    parts.append(_endpoints(card))
    parts += [Text(f"Not tried: {line.removeprefix('never tried: ')}", style="dim") for line in card.not_tried]
    parts.append(
        Text(
            f"{words.amount(card.connections, 'connection')}, {card.bytes_sent:,} bytes sent, {card.bytes_received:,} received, depth {card.depth}.",
            style="dim",
        )
    )
    return Group(*parts)


def _headline(card: CheckDocument) -> Text:
    unknown = [e for e in card.endpoints if not e.conclusive]
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
            str(e.port or "-"),
            e.protocol,
            words.tls(e.tls),
            e.rung or "unknown",
            Text(e.reason),
            Text(e.product),
            Text(e.toolkit),
            style=style,
        )
    return table
