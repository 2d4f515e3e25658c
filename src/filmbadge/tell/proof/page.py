"""A proof of closure as one self-contained HTML page, of the same family as the page of a check. An auditor files it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filmbadge.compare.closure import THIS_MACHINE, Result, Unproven
from filmbadge.model import Depth, Protocol, Rung
from filmbadge.tell.card import traffic
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.proof import phrases
from filmbadge.tell.proof.document import ArchiveBefore, VerifyDocument, WayView
from filmbadge.tell.report import family
from filmbadge.tell.words import Words

# How a result is drawn, by the classes of a rung.
_DRAWN = {Result.CLOSED: "shut", Result.AS_SEEN: "shut", Result.INCONCLUSIVE: "unsure", Result.OPEN: "open"}

_PROTOCOLS = {Protocol.DIMSE: "DICOM", Protocol.HTTP: "HTTP"}


class Row(NamedTuple):
    """One way in that was open."""

    where: str
    before: str
    state: str
    drawn: str
    meaning: str
    reason: str
    moved: str


class OtherRow(NamedTuple):
    where: str
    before: str
    now: str
    drawn: str


def render(told: VerifyDocument, words: Words, *, sha256: str = "") -> str:
    """The page as text. `sha256`: the digest of the JSON document as it was written; empty where none was."""
    return family.render(
        words,
        "verify.jinja",
        "filmbadge.tell.proof",
        kicker=family.kicker(words.say("Filmbadge proof of closure"), told.target, told.level, words),
        headline=told.words,
        lead=list(lead(told, words)),
        warnings=[limit.words for limit in told.limits],
        ways=[_way(way, told, words) for way in told.ways],
        title=_title(told, words),
        archives=[_archive(one, words) for one in told.before.archives],
        others=list(others(told, words)),
        before=list(_before(told, words)),
        after=list(_after(told, words)),
        method=told.method,
        not_tried=told.not_tried,
        document=list(_document(told, sha256, words)),
        about=family.about(told.evidence, told.evidence.version, words),
    )


def lead(told: VerifyDocument, words: Words) -> Iterator[str]:
    """From where and when that holds, and what the owner must be asked."""
    began = told.evidence.started
    when = "" if began is None else words.span(began, told.evidence.ended)
    if told.seen_from == THIS_MACHINE:
        yield words.say("Asked from the archive's own machine: {when}.", when=when)
    else:
        sources = ", ".join(told.evidence.sources or ()) or words.say("an address that is not known")
        yield words.say("Asked from {sources}: {when}.", sources=sources, when=when)
    for why in (Unproven.OTHER_QUERIES, Unproven.KNOWN_ACCOUNT):
        if any(way.unproven == why for way in told.ways):
            yield words.say(phrases.UNPROVEN[why])


def place(told: VerifyDocument, address: str, port: int, protocol: str, words: Words) -> str:
    """A way in. Its address is said where there are several."""
    name = _PROTOCOLS[Protocol(protocol)]
    if len({way.address for way in told.ways} | {other.address for other in told.others}) > 1:
        return words.say("{protocol} at {address}, port {port}", protocol=name, address=address, port=port)
    return words.say("{protocol} on port {port}", protocol=name, port=port)


def _title(told: VerifyDocument, words: Words) -> str:
    closed = sum(way.result == Result.CLOSED for way in told.ways)
    return words.many(
        "Proven closed: {closed:,} of {n:,} way in that was open",
        "Proven closed: {closed:,} of {n:,} ways in that were open",
        len(told.ways),
        closed=closed,
    )


def _way(way: WayView, told: VerifyDocument, words: Words) -> Row:
    moved = ", ".join(way.moved_to)
    return Row(
        place(told, way.address, way.port, way.protocol, words),
        way.before.words,
        way.words,
        _DRAWN[Result(way.result)],
        way.meaning,
        "" if way.now is None else way.now.words,
        words.say("Open now: {where}", where=moved) if moved else "",
    )


def others(told: VerifyDocument, words: Words) -> Iterator[OtherRow]:
    """A row for all ports that show the same. What a silent port would speak is not known."""
    alike: dict[tuple[str, str, str, str, str], list[int]] = {}
    for one in told.others:
        before = words.say("not asked") if one.before is None else one.before.words
        name = "" if one.now.rung == Rung.SILENT else _PROTOCOLS[Protocol(one.protocol)]
        now = (
            words.say("cannot tell: {reason}", reason=one.now.words)
            if one.result == Result.INCONCLUSIVE
            else one.now.words
        )
        alike.setdefault((one.address, name, before, now, _DRAWN[Result(one.result)]), []).append(one.port)
    several = len({address for address, *_ in alike}) > 1
    for (address, name, before, now, drawn), ports in alike.items():
        listed = ", ".join(map(str, dict.fromkeys(ports)))
        where = (
            words.many("{protocol} on port {ports}", "{protocol} on ports {ports}", len(ports), protocol=name, ports=listed)
            if name
            else words.many("port {ports}", "ports {ports}", len(ports), ports=listed)
        )  # fmt: skip
        yield OtherRow(f"{address}: {where}" if several else where, before, now, drawn)


def _archive(one: ArchiveBefore, words: Words) -> tuple[str, list[tuple[str, str]]]:
    product = " ".join(filter(None, (one.product, one.product_version)))
    rows = [(words.say("Ways in"), ", ".join(one.endpoints)), (words.say("How far a stranger got"), words.rung(Rung(one.rung)))]  # fmt: skip
    rows += [(words.say("Product"), product)] if product else []
    rows += [(words.say("Grade"), one.grade)] if one.grade else []
    amounts = [
        words.say("{name}: {amount}", name=words.say(name), amount=amount.words) for name, amount in one.counts.items()
    ]
    rows += [(words.say("What it held"), "; ".join(amounts))] if amounts else []
    return one.id, rows


def _before(told: VerifyDocument, words: Words) -> Iterator[tuple[str, str]]:
    known = told.before
    kinds = {"check": words.say("a check of {target}", target=known.target), "survey": words.say("a survey")}
    yield words.say("What was known before"), kinds[known.kind]
    yield from _asked(known.evidence, known.depth, words)
    yield words.say("SHA-256 of what was read"), known.sha256


def _after(told: VerifyDocument, words: Words) -> Iterator[tuple[str, str]]:
    yield words.say("Asked"), told.target
    yield from _asked(told.evidence, told.depth, words)
    yield words.say("What was sent"), traffic(told, words)
    if told.owner:
        yield words.say("Whose archive it is, as stated"), told.owner


def _asked(evidence: Evidence, depth: str, words: Words) -> Iterator[tuple[str, str]]:
    """When, how deep, from where, by whose leave, and the digest of all that was done."""
    if evidence.started is not None:
        yield words.say("Dates"), words.span(evidence.started, evidence.ended)
    yield words.say("Depth"), words.name(Depth(depth))
    facts = family.facts(evidence, "owner", words)
    next(facts)  # for whom the page is, which is said once
    yield from facts
    if evidence.journal is not None:
        rows = words.many("{n:,} row", "{n:,} rows", evidence.journal.rows)
        yield words.say("Journal"), words.say("{rows}, SHA-256 {digest}", rows=rows, digest=evidence.journal.sha256)


def _document(told: VerifyDocument, sha256: str, words: Words) -> Iterator[tuple[str, str]]:
    if sha256:
        yield words.say("SHA-256 of the JSON document"), sha256
    else:
        yield words.say("JSON document"), words.say("none was written beside this page")
    if told.signature is not None:
        yield (
            words.say("Signed with"),
            words.say(
                "an {algorithm} key whose SHA-256 fingerprint is {fingerprint}",
                algorithm=told.signature.algorithm,
                fingerprint=told.signature.fingerprint,
            ),
        )
    else:
        yield words.say("Signed with"), words.say("nothing: nobody signed it")
