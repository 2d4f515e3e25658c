"""One archive as one self-contained HTML page, for `check --html`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from filmbadge.model import Grade, Kind, Rung
from filmbadge.tell.card import CheckDocument, headline, traffic, unasked, why
from filmbadge.tell.report import archives, family
from filmbadge.tell.report.archives import GRADES, Card
from filmbadge.tell.report.charts import Chart, Row
from filmbadge.tell.report.family import width
from filmbadge.tell.view import ArchiveView, EndpointView
from filmbadge.tell.words import Words

_WORST = list(reversed(Grade))


class WayRow(NamedTuple):
    """One endpoint that was asked."""

    where: str
    encryption: str
    open: bool
    rung: str
    why: str
    product: str


class Found(NamedTuple):
    """One archive."""

    card: Card
    figures: list[family.Figure]
    kinds: Chart | None
    absent: str


def render(check: CheckDocument, words: Words) -> str:
    """The page as text."""
    ordered = sorted(check.archives, key=_badness)
    letter = (ordered[0].grade or "") if ordered else None
    several = len({one.address for one in check.endpoints}) > 1
    ways = [_way(one, words, several=several) for one in check.endpoints]
    return family.render(
        words,
        "single.jinja",
        kicker=family.kicker(words.say("Filmbadge check"), check.target, check.level, words),
        headline=headline(check, words).plain,
        letter=letter,
        meaning=_graded(ordered[0], words) if ordered else "",
        word="" if letter is None else words.say(GRADES[letter][0]),
        warnings=list(_warnings(check, words)),
        found=[_found(one, n, words) for n, one in enumerate(ordered, 1)],
        ways=ways,
        named=any(way.product for way in ways),
        not_tried=[*([check.further] if check.further else []), *check.not_tried],
        facts=list(_facts(check, words)),
        about=family.about(check.evidence, check.evidence.version, words),
    )  # fmt: skip


def _warnings(check: CheckDocument, words: Words) -> Iterator[str]:
    if check.fault:
        yield words.say("Not everything was asked: {fault}.", fault=check.fault)
    if check.unasked:
        yield unasked(check, words)


def _badness(archive: ArchiveView) -> tuple[bool, int]:
    """Open ones first, then by grade."""
    grade = len(_WORST) if archive.grade is None else _WORST.index(Grade(archive.grade))
    return not archive.open, grade


def _graded(archive: ArchiveView, words: Words) -> str:
    """Why it has its grade; of the best, what that means."""
    _, meaning = GRADES[archive.grade or ""]
    return " ".join(words.grade(archive.grade, archive.grade_why)) or words.say(meaning)


def _found(archive: ArchiveView, number: int, words: Words) -> Found:
    absent = [words.kind(Kind(name)) for name, kind in (archive.kinds or {}).items() if kind.records == 0]
    return Found(
        archives.card(archive, number, words)._replace(wrong=list(archives.wrong(archive, words))),
        list(_figures(archive, words)) if archive.open else [],
        _kinds(archive, words),
        ", ".join(absent),
    )


def _figures(archive: ArchiveView, words: Words) -> Iterator[family.Figure]:
    """What a stranger gets, as far as it is known or bounded."""
    numbers = {**archive.counts, "retrievable": archive.images_retrievable}
    labels = {
        "patients": words.say("patients"),
        "studies": words.say("studies"),
        "images": words.say("images"),
        "retrievable": words.say("images that strangers get at once"),
    }
    for quantity, label in labels.items():
        number = numbers[quantity]
        if number.value is not None:
            yield family.Figure(words.number(number.value), label, words.say(number.how), bool(number.value))
        elif number.at_least:
            yield family.Figure(words.say("≥ {n:,}", n=number.at_least), label, number.why, True)


def _kinds(archive: ArchiveView, words: Words) -> Chart | None:
    """Its kinds of personal data, with how many studies carry each. None where nobody looked, or there are none."""
    held = {name: kind for name, kind in (archive.kinds or {}).items() if kind.records or kind.at_least}
    if not held:
        return None
    most = max(kind.records or kind.at_least or 0 for kind in held.values())
    return Chart(
        "kinds",
        topic="",
        title="",
        head=(words.say("kind of personal data"), words.say("studies")),
        rows=tuple(
            Row(
                words.kind(Kind(name)),
                (kind.words,),
                width(kind.records or kind.at_least or 0, most),
                100,
                notes=(kind.looks_words,),
            )
            for name, kind in held.items()
        ),
        notes=words.say("how it looks"),
    )


def _way(endpoint: EndpointView, words: Words, *, several: bool) -> WayRow:
    """One way in. `several`: the host was asked at more than one address."""
    protocol = "DICOM" if endpoint.protocol == "dimse" else "HTTP"
    rung = Rung(endpoint.rung) if endpoint.rung else None
    product = words.product(endpoint.product, endpoint.product_version, endpoint.product_firm)
    where = words.say("{protocol} on port {port}", protocol=protocol, port=endpoint.port)
    if several:
        where = words.say("{protocol} at {address}, port {port}", protocol=protocol, address=endpoint.address, port=endpoint.port)  # fmt: skip
    return WayRow(
        where,
        endpoint.encryption,
        rung is not None and rung.open,
        words.name(rung),
        why(endpoint, words),
        ", ".join(filter(None, (product, endpoint.toolkit))),
    )


def _facts(check: CheckDocument, words: Words) -> Iterator[tuple[str, str]]:
    """Who asked whom, by whose leave, when and from where."""
    proof = check.evidence
    yield from family.facts(proof, check.level, words)
    yield words.say("Asked"), check.target
    if proof.started is not None:
        yield words.say("Dates"), words.span(proof.started, proof.ended)
    yield words.say("What was sent"), traffic(check, words)
    if check.owner:
        yield words.say("Whose archive it is, as stated"), check.owner
