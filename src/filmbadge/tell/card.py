"""One archive's card, for `check`: as JSON, and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Literal, NamedTuple, Protocol

from msgspec import Struct
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from filmbadge.model import Depth, Host, JournalRow, Kind, Reason, Rung
from filmbadge.tell.evidence import NO_EVIDENCE, Evidence
from filmbadge.tell.language import N_
from filmbadge.tell.view import ArchiveView, EndpointView, amounts, archive_view, endpoint_view, sentences
from filmbadge.tell.words import Words

# What the depth comes from: `--depth`, the scope file, no statement of whose archive it is, or the default with one.
DepthFrom = Literal["asked", "scope", "no-statement", "default"]
# Where the question came from. Of this machine alone it is known that no network lies between.
SeenFrom = Literal["network", "this-machine"]


_NARROW = 72  # columns of a terminal


class CheckDocument(Struct, frozen=True):
    target: str
    depth: str
    endpoints: tuple[EndpointView, ...]
    archives: tuple[ArchiveView, ...]
    fault: str  # what kept us from finding out more; empty if nothing did
    not_tried: tuple[str, ...]
    connections: int
    bytes_sent: int
    bytes_received: int
    owner: str  # whose archive it is, as the user stated with --owner; empty without it
    depth_from: DepthFrom
    further: str  # why it went no deeper, and how it can; empty where the user or the scope chose the depth
    lookups: int = 0  # of names
    unasked: tuple[str, ...] = ()  # addresses of its name that the scope does not cover
    level: str = "owner"  # who it is for: see `tell.levels`
    evidence: Evidence = Evidence()
    seen_from: SeenFrom = "network"
    ask_the_network: str = ""  # from this machine: why that tells nothing of the network, and what to type elsewhere
    schema: Literal["filmbadge.check/1"] = "filmbadge.check/1"


def document(
    target: str,
    depth: Depth,
    host: Host,
    journal: Sequence[JournalRow],
    words: Words,
    *,
    owner: str = "",
    depth_from: DepthFrom = "asked",
    evidence: Evidence = NO_EVIDENCE,
    within: bool = False,
) -> CheckDocument:
    """All that was found out about one host. `owner` is the user's statement of whose archive it is.

    `within`: it was asked from the machine that it is on, and no scope said otherwise.
    """
    judged = {one.observation.endpoint: one for one in host.judged}
    connections = [row for row in journal if row.port is not None]
    return CheckDocument(
        target=target,
        depth=str(depth),
        endpoints=tuple(endpoint_view(one, words) for one in host.judged),
        archives=tuple(archive_view(one, [judged[e] for e in one.endpoints], words) for one in host.archives),
        fault="" if host.fault is None else words.outcome(host.fault),
        not_tried=words.not_tried(depth),
        owner=owner,
        depth_from=depth_from,
        further=_further(depth, depth_from, words),
        connections=len(connections),
        bytes_sent=sum(row.sent or 0 for row in connections),
        bytes_received=sum(row.received or 0 for row in connections),
        lookups=len(journal) - len(connections),
        unasked=host.unasked,
        evidence=evidence,
        seen_from="this-machine" if within else "network",
        ask_the_network=_ask_the_network(host, words) if within else "",
    )


def _ask_the_network(host: Host, words: Words) -> str:
    """It says whom a machine answers that asks itself, and what to type on another one."""
    address = "ADDRESS" if ip_address(host.address).is_loopback else host.address
    where = f"[{address}]" if ":" in address else address
    ports = sorted({judged.observation.endpoint.port for judged in host.judged if judged.verdict.rung and judged.verdict.rung.reaches(Rung.SPEAKS)})  # fmt: skip
    asked = f"{where}:{','.join(map(str, ports))}" if ports else where
    return words.of_strangers.say(
        "This machine asked itself, which does not tell what strangers on the network get. Ask from another machine, with the network address of this one: {command}",
        command=f"filmbadge check {asked}",
    )


def _further(depth: Depth, depth_from: DepthFrom, words: Words) -> str:
    if depth_from == "no-statement":
        return words.say(
            'Nobody said whose archive this is, so the check went to depth {depth}. To go further: --owner "who" --depth profile.',
            depth=words.name(depth),
        )
    if depth_from == "default":
        return words.say(
            "Without --depth the check goes to depth {depth}. To go further: --depth profile.", depth=words.name(depth)
        )
    return ""


def render(card: CheckDocument, words: Words) -> RenderableType:
    """The card for a terminal: open archives first, and last the verdict."""
    archives = sorted(card.archives, key=lambda archive: not archive.open)
    parts: list[RenderableType] = [*(_archive(archive, words) for archive in archives), _Endpoints(card, words)]
    if card.fault:
        parts.append(Text(words.say("Not everything was asked: {fault}.", fault=card.fault), style="yellow"))
    if card.unasked:
        parts.append(Text(unasked(card, words), style="yellow"))
    if card.owner:
        parts.append(Text(words.say("Whose archive it is, as stated: {owner}", owner=card.owner), style="dim"))
    parts += [Text(line) for line in (card.further, card.ask_the_network) if line]
    parts += [Text(line, style="dim") for line in card.not_tried]
    parts += [Text(traffic(card, words), style="dim"), headline(card, words)]
    return Group(*parts)


def unasked(card: CheckDocument, words: Words) -> str:
    """That a name has addresses of which nothing is known."""
    return words.many(
        "{target} has {n:,} more address that the scope does not cover. It was not asked: {addresses}.",
        "{target} has {n:,} more addresses that the scope does not cover. They were not asked: {addresses}.",
        len(card.unasked),
        target=card.target,
        addresses=", ".join(card.unasked),
    )


# What the highest rung of a host means, for the last line of its card. With a title, where it lets nobody in without one.
_OPEN = {
    Rung.DISCLOSES: (N_("{target}: gives records to strangers."), N_("{target}: gives records to anybody who knows the AE title {title}.")),
    Rung.OFFERS: (N_("{target}: gives records to strangers, and offers images."), N_("{target}: gives records to anybody who knows the AE title {title}, and offers images.")),
    Rung.DELIVERS: (N_("{target}: hands out images to strangers."), N_("{target}: hands out images to anybody who knows the AE title {title}.")),
}  # fmt: skip
# The same for one that is not open, where all of that is proven.
_NOT_OPEN = {
    Rung.SPEAKS: N_("{target}: an imaging service that gave nothing to a stranger at depth {depth}."),
    Rung.ADMITS: N_("{target}: lets strangers in, and gave no record at depth {depth}."),
    Rung.ANSWERS: N_("{target}: answers strangers, and gave no record at depth {depth}."),
}


def headline(card: CheckDocument, words: Words) -> Text:
    """What was found, in one sentence: the highest rung, where an archive is open."""
    rungs = [Rung(archive.rung) for archive in card.archives]
    highest = max(rungs, key=lambda rung: rung.height, default=Rung.SILENT)
    if highest.open:
        titles = {endpoint.called for endpoint in card.endpoints if endpoint.rung == highest}
        anybody, by_title = _OPEN[highest]
        said = anybody if "" in titles else by_title
        return Text(words.say(said, target=card.target, title=", ".join(sorted(titles))), style="bold red")
    if not card.fault and {endpoint.why for endpoint in card.endpoints} == {str(Reason.NOTHING_ANSWERED)}:
        nowhere = words.say("{target}: not reachable from here, so we cannot tell what is there.", target=card.target)
        return Text(nowhere, style="bold yellow")
    if card.fault or not all(endpoint.conclusive for endpoint in card.endpoints):
        unknown = words.say(
            "{target}: we could not find out everything, so this does not say that it is closed.", target=card.target
        )
        return Text(unknown, style="bold yellow")
    if card.archives:
        said = words.say(_NOT_OPEN[highest], target=card.target, depth=words.name(Depth(card.depth)))
        return Text(said, style="bold green" if highest is Rung.SPEAKS else "bold yellow")
    return Text(words.say("{target}: no imaging service found on the ports asked.", target=card.target), style="bold")


def _archive(archive: ArchiveView, words: Words) -> Panel:
    counts = Table.grid(padding=(0, 2))
    for label, figure in amounts(archive, words):
        counts.add_row(label, Text(figure))
    opened = words.say("OPEN TO THIS MACHINE") if words.within else words.say("OPEN")
    state = opened if archive.open else words.say("not seen open")
    title = f"{state} · {words.name(Rung(archive.rung))}"
    if archive.grade:
        title += " · " + words.say("grade {grade}", grade=archive.grade)
    return Panel(
        Group(
            *map(Text, _remarks(archive, words)),
            counts,
            *_personal(archive, words),
            *_findings(archive, words),
            *_remedies(archive, words),
        ),
        title=Text(title, style="bold red" if archive.open else "bold green"),
        title_align="left",
        expand=False,
    )


def _remarks(archive: ArchiveView, words: Words) -> Iterator[str]:
    yield from words.grade(archive.grade, archive.grade_why)
    if archive.decoy:
        yield words.say("It is likely no clinic's archive: {reasons}.", reasons="; ".join(archive.decoy))
    yield from archive.place.words
    yield from (hint.words for hint in archive.hints)


def _personal(archive: ArchiveView, words: Words) -> Iterator[RenderableType]:
    """The kinds that are there, with the share of studies and what they look like."""
    if archive.kinds is None:
        return
    yield Text(words.say("Personal data, and how many studies carry it:"), style="bold")
    table = Table.grid(padding=(0, 2))
    for name, kind in archive.kinds.items():
        if kind.records or kind.at_least:
            table.add_row(words.kind(Kind(name)), Text(kind.words), kind.looks_words)
    yield table
    for identifier in archive.identifiers:
        yield Text(words.say("National identifiers: {found}", found=identifier.words), style="bold red")
    absent = [words.kind(Kind(name)) for name, kind in archive.kinds.items() if kind.records == 0]
    if absent:
        yield Text(words.say("Looked for and not found: {kinds}.", kinds=", ".join(absent)), style="dim")


def _findings(archive: ArchiveView, words: Words) -> Iterator[RenderableType]:
    if archive.findings:
        yield Text(words.say("What is wrong:"), style="bold")
    for sentence, endpoints in sentences(archive).items():
        yield Text(f"- {sentence}" + (f" ({', '.join(endpoints)})" if endpoints else ""))


def _remedies(archive: ArchiveView, words: Words) -> Iterator[RenderableType]:
    """What closes it. What is typed stands on lines of its own, so that it can be copied."""
    if not archive.close_it.steps:
        return
    heading = words.say("If the network gets in too, close it:") if words.within else words.say("Close it:")
    yield Text(heading, style="bold")
    for number, step in enumerate(archive.close_it.steps, 1):
        yield Text(f"{number}. {step.words}")
        yield from (Padding(Text(line, style="cyan"), (0, 0, 0, 3)) for line in step.type)
        if step.untried:
            yield Text(step.untried)
    yield Text(words.say("Check again: {command}", command=archive.close_it.check_again), style="bold")


class _Row(NamedTuple):
    """Endpoints of which the same is told."""

    address: str
    ports: str
    protocol: str
    encryption: str
    rung: Rung | None
    why: str
    product: str
    toolkit: str


def _rows(endpoints: Sequence[EndpointView], words: Words) -> list[_Row]:
    """A row for each endpoint that spoke, and one for all ports that kept silent alike. The highest rung comes first."""
    alike: dict[_Row, list[int]] = {}
    for one in endpoints:
        rung = Rung(one.rung) if one.rung else None
        silent = rung is Rung.SILENT
        product = words.product(one.product, one.product_version, one.product_firm)
        protocol = "" if silent else one.protocol
        row = _Row(
            one.address,
            "" if silent else str(one.port),
            protocol,
            one.encryption,
            rung,
            why(one, words),
            product,
            one.toolkit,
        )
        alike.setdefault(row, []).append(one.port)
    rows = [row._replace(ports=", ".join(map(str, sorted(set(ports))))) for row, ports in alike.items()]
    return sorted(rows, key=lambda row: 0 if row.rung is None else -row.rung.height)


class _Endpoints:
    """What was asked, in fewer columns where the terminal is narrow."""

    def __init__(self, card: CheckDocument, words: Words) -> None:
        self._card, self._words = card, words

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        rows = _rows(self._card.endpoints, self._words)
        if spoke := [row for row in rows if row.rung is not Rung.SILENT]:
            yield _endpoints(spoke, self._words, narrow=options.max_width < _NARROW)
        # A long list of ports would leave no room for the reasons of those that spoke.
        for row in rows[len(spoke) :]:
            many = row.ports.count(",") + 1
            yield Text(
                self._words.many("Port {ports}: {why}", "Ports {ports}: {why}", many, ports=row.ports, why=row.why)
            )


def _endpoints(rows: Sequence[_Row], words: Words, *, narrow: bool) -> Table:
    """Columns that no endpoint fills are left out."""
    table = Table(box=None, padding=(0, 1), header_style="bold")
    apart = ((words.say("port"), [row.ports for row in rows]), (words.say("protocol"), [row.protocol for row in rows]), (words.say("encryption"), [row.encryption for row in rows]))  # fmt: skip
    products = [" · ".join(filter(None, (row.product, row.toolkit))) for row in rows]
    several = len({row.address for row in rows}) > 1
    columns = (
        *([(words.say("address"), [row.address for row in rows])] if several else ()),
        *([(words.say("port"), [" ".join(filter(None, row[1:4])) for row in rows])] if narrow else apart),
        (words.say("rung"), [words.name(row.rung) for row in rows]),
        (words.say("why"), [row.why for row in rows]),
        (words.say("product"), products),
    )
    filled = [(head, cells) for head, cells in columns if any(cells)]
    for head, _ in filled:
        table.add_column(head, overflow="fold", min_width=cell_len(head))
    for row, *cells in zip(rows, *(cells for _, cells in filled), strict=True):
        table.add_row(*map(Text, cells), style="red" if row.rung and row.rung.open else "")
    return table


def why(endpoint: EndpointView, words: Words) -> str:
    """Why an endpoint stands on its rung, or that we cannot tell."""
    if endpoint.conclusive or endpoint.rung is None:
        return endpoint.reason
    return words.say("cannot tell: {reason}", reason=endpoint.reason)


class Traffic(Protocol):
    """A document that says what was sent: of a check, or of a proof that one was closed."""

    @property
    def connections(self) -> int: ...
    @property
    def lookups(self) -> int: ...
    @property
    def bytes_sent(self) -> int: ...
    @property
    def bytes_received(self) -> int: ...
    @property
    def depth(self) -> str: ...


def traffic(card: Traffic, words: Words) -> str:
    """What was sent and received."""
    traffic = words.many(
        "{n:,} connection, {sent:,} bytes sent, {received:,} received, depth {depth}.",
        "{n:,} connections, {sent:,} bytes sent, {received:,} received, depth {depth}.",
        card.connections,
        sent=card.bytes_sent,
        received=card.bytes_received,
        depth=words.name(Depth(card.depth)),
    )
    if not card.lookups:
        return traffic
    lookups = words.many("{n:,} name was looked up.", "{n:,} names were looked up.", card.lookups)
    return f"{traffic} {lookups}"
