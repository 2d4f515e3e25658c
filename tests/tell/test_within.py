"""What is said of an archive that was asked from its own machine, and of the highest rung."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from babel.messages.pofile import read_po
from rich.console import Console

from filmbadge.judge.archives import from_within
from filmbadge.model import Depth, GradeReason, Host, Observation, Outcome, OutcomeKind, Reason, Rung, Verdict
from filmbadge.tell import card
from filmbadge.tell.language import LOCALE
from filmbadge.tell.words import Words
from support import factories
from support.factories import ADDRESS, DISCLOSED, EMPTY, REPORTED, admitted, dimse, web

WITHIN = Words(within=True)
# Whoever knows a title is not told from strangers by the machine that he sits at.
STRANGER = re.compile(r"strangers?\b|\banybody\b(?! who knows)", re.IGNORECASE)


def shown(host: Host, words: Words, width: int = 80, depth: Depth = Depth.COUNT) -> str:
    out = io.StringIO()
    document = card.document("HOST", depth, host, [], words, within=words.within)
    Console(file=out, width=width, color_system=None).print(card.render(document, words))
    return out.getvalue()


TOLD = ("card.py", "words.py", "causes.py", "single.py", "single.jinja", "report/card.jinja")  # what a check says


def test_no_sentence_of_a_check_names_a_stranger_to_who_asked_himself() -> None:
    template = read_po(io.BytesIO((LOCALE / "filmbadge.pot").read_bytes()))
    said = [
        WITHIN.named(form)
        for message in template
        if any(file.endswith(TOLD) for file, _ in message.locations)
        for form in ([message.id] if isinstance(message.id, str) else message.id)
    ]
    assert len([one for one in said if "on this machine" in one]) > 40
    assert [one for one in said if STRANGER.search(one)] == []


def test_what_a_peer_says_is_not_reworded() -> None:
    assert "strangers" in WITHIN.reason(Verdict(Rung.SPEAKS, Reason.LOGIN, (401,), "no strangers"))


def test_a_remedy_is_about_strangers_wherever_it_was_asked_from() -> None:
    host = from_within(factories.host(ADDRESS, dimse(admitted(DISCLOSED)), web(REPORTED)))
    (here,) = card.document("HOST", Depth.COUNT, host, [], WITHIN, within=True).archives
    (there,) = card.document("HOST", Depth.COUNT, host, [], Words()).archives
    assert here.close_it == there.close_it


def test_nothing_has_a_grade_and_all_else_stays() -> None:
    host = factories.host(ADDRESS, dimse(admitted(DISCLOSED)), web(REPORTED))
    (before,), (after,) = host.archives, from_within(host).archives
    assert (after.grade, after.grade_why) == (None, (GradeReason.SAME_MACHINE,))
    assert msgspec.structs.replace(after, grade=before.grade, grade_why=before.grade_why) == before


@pytest.mark.parametrize("width", [60, 80])
def test_a_card_says_whom_it_answers_and_how_to_ask_the_network(width: int) -> None:
    host = from_within(factories.host("127.0.0.1", dimse(admitted(DISCLOSED)), web(REPORTED)))
    lines = shown(host, WITHIN, width).splitlines()
    assert lines[0].startswith("╭─ OPEN TO THIS MACHINE")
    assert lines[-1] == "HOST: gives records to programs on this machine."
    joined = " ".join(line.strip("│ ") for line in lines)
    assert "Ask from another machine, with the network address of this one: filmbadge check ADDRESS:4242,8042" in joined
    assert all(len(line) <= width for line in lines)


@pytest.mark.parametrize("width", [60, 80])
def test_ports_that_keep_silent_alike_take_no_column_from_those_that_speak(width: int) -> None:
    refused = Outcome(OutcomeKind.REFUSED)
    silent = [msgspec.structs.replace(web(port=port, stop=refused), facts=()) for port in range(9000, 9012)]
    lines = shown(factories.host(ADDRESS, dimse(admitted(DISCLOSED)), *silent), Words(), width).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Ports 9000, 9001"))
    assert "9011: nothing listens there: the connection was refused" in " ".join(map(str.strip, lines[at : at + 3]))
    assert not [line for line in lines if line.startswith((" 9", " silent"))]


BY_TITLE = msgspec.structs.replace(admitted(DISCLOSED), called="READWRITE", called_from_scope=True, titles_rejected=1)
KNOWN = msgspec.structs.replace(BY_TITLE, titles_rejected=0)


@pytest.mark.parametrize(
    ("seen", "last"),
    [
        ((dimse(admitted(DISCLOSED)),), "HOST: gives records to strangers."),
        ((dimse(BY_TITLE),), "HOST: gives records to anybody who knows the AE title READWRITE."),
        ((dimse(KNOWN),), "HOST: gives records to strangers."),  # no title was rejected, so none is needed
        ((dimse(BY_TITLE), web(REPORTED)), "HOST: gives records to strangers."),  # the other way in needs no title
        ((dimse(admitted(EMPTY)),), "HOST: we could not find out everything, so this does not say that it is closed."),
    ],
)
def test_the_last_line_is_the_highest_rung(seen: tuple[Observation, ...], last: str) -> None:
    assert shown(factories.host(ADDRESS, *seen), Words()).splitlines()[-1] == last


@pytest.mark.parametrize("rung", [rung for rung in Rung if rung.open])
def test_every_open_rung_has_a_headline(rung: Rung) -> None:
    document = card.document("HOST", Depth.PROVE, factories.host(ADDRESS, dimse(admitted(DISCLOSED))), [], Words())
    raised = msgspec.structs.replace(
        document, archives=tuple(msgspec.structs.replace(one, rung=str(rung)) for one in document.archives)
    )
    said = card.headline(raised, Words()).plain
    assert ("images" in said) == rung.reaches(Rung.OFFERS)
