"""Archives on a page: a row of a table, and a card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from filmbadge.model import FindingCode, Kind, Provenance
from filmbadge.tell import remedy
from filmbadge.tell.language import N_
from filmbadge.tell.remedy import Step
from filmbadge.tell.view import ArchiveView, amounts, sentences
from filmbadge.tell.words import Words

MOST_ON_PAPER = 2000  # rows of a table of archives: more of them would be hundreds of sheets
MOST_CARDS = 500  # open archives: more of them have a table alone

# What each letter says in a word, and what it stands for in `catalogue/rubric.toml`.
GRADES = {
    "A": (N_("good"), N_("It refuses strangers, and nothing weaker was seen.")),
    "B": (N_("fair"), N_("It gives no records, and has one weakness, such as no encryption.")),
    "C": (N_("weak"), N_("It answers a stranger's query, or has two weaknesses.")),
    "D": (N_("poor"), N_("Three weaknesses; or it gives records in which no data of a person was found.")),
    "E": (N_("bad"), N_("Nearly open; or it gives images in which no data of a person was found.")),
    "F": (N_("failed"), N_("It gives records to anybody who asks, and they are personal, or nobody looked.")),
    "": (N_("no grade"), N_("We could not find out enough. That is not a good grade.")),
}


class ArchiveRow(NamedTuple):
    """One line of a table."""

    id: str
    anchor: str
    card: bool  # whether its card is on the page
    grade: str
    country: str
    operator: str
    product: str
    toolkit: str
    open: bool
    rung: str
    studies: str
    images: str
    why: str


class Card(NamedTuple):
    """One archive in full."""

    id: str
    anchor: str
    open: bool
    grade: str
    headline: str
    product: str
    toolkit: str
    decoy: list[str]
    holds: list[str]
    identifiers: list[str]
    kinds: list[str]
    ways: tuple[str, ...]
    wrong: list[str]
    places: list[str]
    close: tuple[Step, ...]
    again: str


class Remedies(NamedTuple):
    """What closes archives of one kind."""

    title: str
    close: tuple[Step, ...]
    again: str = ""


def anchor(number: int) -> str:
    """An archive's id is no anchor: it has colons, and another may have said it."""
    return f"archive-{number}"


def row(archive: ArchiveView, number: int, words: Words, *, card: bool = False) -> ArchiveRow:
    titles = dict.fromkeys(finding.title for finding in archive.findings)
    return ArchiveRow(
        id=archive.id,
        anchor=anchor(number),
        card=card,
        grade=archive.grade or "",
        country=words.country(archive.place.country) if archive.place.country else words.say("not attributed"),
        operator=archive.place.operator or "",
        product=_product(archive, words) or words.say("not known"),
        toolkit=archive.toolkit,
        open=archive.open,
        rung=words.say(archive.rung),
        studies=_figure(archive, "studies", words) if archive.open else "",
        images=_figure(archive, "images", words) if archive.open else "",
        why="; ".join((*about(archive), *(titles if archive.open and not archive.decoy else archive.reasons))),
    )


def about(archive: ArchiveView) -> tuple[str, ...]:
    """What a person said of it, or why it is likely no clinic's archive."""
    return (archive.review.words.rstrip("."),) if archive.review else archive.decoy


def card(archive: ArchiveView, number: int, words: Words) -> Card:
    return Card(
        id=archive.id,
        anchor=anchor(number),
        open=archive.open,
        grade=archive.grade or "",
        headline=headline(archive, words),
        product=_product(archive, words),
        toolkit=words.say("toolkit {name}", name=archive.toolkit) if archive.toolkit else "",
        decoy=[archive.review.words] if archive.review else [words.say("It is likely no clinic's archive: {reasons}.", reasons="; ".join(archive.decoy))] if archive.decoy else [],
        holds=[words.say("{quantity}: {count}", quantity=label, count=figure) for label, figure in amounts(archive, words)] if archive.open else [],
        identifiers=[identifier.words for identifier in archive.identifiers],
        kinds=list(_looks(archive, words)),
        ways=archive.reasons,
        wrong=[*wrong(archive, words), *words.grade(archive.grade, archive.grade_why)],
        places=[*archive.place.words, *(hint.words for hint in archive.hints)],
        close=archive.close_it.steps,
        again=archive.close_it.check_again,
    )  # fmt: skip


def headline(archive: ArchiveView, words: Words) -> str:
    """What is worst about it."""
    patients = archive.counts["patients"]
    if archive.open and patients.value and patients.how == Provenance.ESTIMATED:
        return words.many(
            "It gives the records of about {n:,} patient to anybody who asks.",
            "It gives the records of about {n:,} patients to anybody who asks.",
            patients.value,
        )
    if archive.open and patients.value:
        return words.many(
            "It gives the records of {n:,} patient to anybody who asks.",
            "It gives the records of {n:,} patients to anybody who asks.",
            patients.value,
        )
    if archive.open and patients.at_least:
        return words.many(
            "It gives the records of at least {n:,} patient to anybody who asks.",
            "It gives the records of at least {n:,} patients to anybody who asks.",
            patients.at_least,
        )
    if archive.findings:
        return archive.findings[0].words
    if archive.grade is None:
        return words.say("We could not find out enough about it.")
    return words.say("It gives nothing to a stranger, and nothing is wrong with it as far as we saw.")


def remedies(opened: Sequence[ArchiveView], words: Words) -> list[Remedies]:
    """What closes archives, each set of steps once, that of most archives first. Ports differ, and are left open."""
    kinds: dict[tuple[str, str, tuple[str, ...]], int] = {}
    for archive in opened:
        toolkit = "" if archive.product else archive.toolkit
        key = (archive.product, toolkit, tuple(step.code for step in archive.close_it.steps))
        kinds[key] = kinds.get(key, 0) + 1
    found = sorted(kinds.items(), key=lambda item: -item[1])
    return [
        Remedies(
            words.many(
                "{product}: {n:,} archive", "{product}: {n:,} archives", n, product=_behind(product, toolkit, words)
            ),
            tuple(remedy.step(code, words, product) for code in codes),
        )
        for (product, toolkit, codes), n in found
        if codes
    ]


def _behind(product: str, toolkit: str, words: Words) -> str:
    if toolkit:
        return words.say("Product not known, toolkit {name}", name=toolkit)
    return product or words.say("Product not known")


def _product(archive: ArchiveView, words: Words) -> str:
    return words.product(archive.product, archive.product_version, archive.product_firm)


def _figure(archive: ArchiveView, quantity: str, words: Words) -> str:
    """The figure, with what shows that it is an estimate or a bound."""
    number = archive.counts[quantity]
    return words.amount(number.value, number.how, number.at_least)


def _looks(archive: ArchiveView, words: Words) -> Iterator[str]:
    """Its kinds of personal data by what their values look like."""
    seen: dict[str, list[str]] = {}
    for name, kind in (archive.kinds or {}).items():
        if kind.looks is not None:
            seen.setdefault(kind.looks_words, []).append(words.kind(Kind(name)))
    for look, names in seen.items():
        yield words.say("{look}: {kinds}", look=look, kinds=", ".join(names))


def wrong(archive: ArchiveView, words: Words) -> Iterator[str]:
    """A sentence for each thing that is wrong and is not in the headline, with where it was seen if there are several ways in."""
    several, said = len(archive.endpoints) > 1, {headline(archive, words)}
    said |= {finding.words for finding in archive.findings if finding.code == FindingCode.DISCLOSES_RECORDS}
    for sentence, endpoints in sentences(archive).items():
        if sentence in said:
            continue
        yield f"{sentence} ({', '.join(endpoints)})" if endpoints and several else sentence
