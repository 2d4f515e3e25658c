"""A script goes over as many associations as an archive needs. Peers on loopback hang up in every way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from msgspec.structs import replace as replace_struct

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import ask_again, command, pdu
from filmbadge.ask.dimse.ask_again import Asked, ask_all
from filmbadge.ask.dimse.association import DRAIN_BYTES, Answer, Association, Echo, Operations, Query
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.wire import throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import LOOPBACK, Scope
from support.dimse_peer import PENDING, Keys, Peer, respond, serving, studies
from support.loopback import caps, contact, run

SUCCESS = 0x0000
KEYS = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))
RELEASED = pdu.header(pdu.RELEASE_RQ, 4) + bytes(4)
QUESTIONS = 5
QUICK = replace(LOOPBACK, caps=caps(idle_seconds=1))


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is asked for after a sign of distress."""
    monkeypatch.setattr(throttle, "DISTRESS_SECONDS", 0.0)


@dataclass
class Notes:
    answers: list[Answer] = field(default_factory=list)
    rows: int = 0
    over: bool = False


def ask(
    peer: Peer,
    questions: int = QUESTIONS,
    cancel_after: int | None = None,
    scope: Scope = LOOPBACK,
    associations: int = ask_again.ASSOCIATIONS,
) -> tuple[Asked, Notes, list[JournalRow]]:
    """An echo and so many questions."""
    notes = Notes()

    def record(_data: bytes, _explicit: bool) -> None:
        notes.rows += 1

    def script(_: Association) -> Operations:
        try:
            notes.answers.append((yield Echo()))
            for _number in range(questions):
                notes.answers.append((yield Query(STUDY_ROOT_FIND, KEYS, record, cancel_after)))
        finally:
            notes.over = True

    async def work() -> tuple[Asked, list[JournalRow]]:
        there, journal = contact(scope)
        async with serving(peer) as port:

            def associate(carried: ask_again.Script) -> Association:
                return Association("ANY-SCP", carried, throttle=there.pace)

            return await ask_all(
                there, port, associate, script, question="dimse test", associations=associations
            ), journal

    asked, journal = run(work())
    assert notes.over or not notes.answers
    return asked, notes, journal


class HangsUp(Peer):
    """After so many answers, whether to an echo or a query, with these last words."""

    after: int = 1
    words: bytes = b""
    answered: int = 0

    def accepts(self, unit: pdu.Associate) -> bytes:
        self.answered = 0
        return super().accepts(unit)

    def hangs_up(self, request: Command) -> bytes | None:
        self.answered += 1
        return self.words if self.answered == self.after else None


@pytest.mark.parametrize("words", [b"", RELEASED, pdu.abort(0), pdu.abort(2, 2)])
@pytest.mark.parametrize("after", [1, 2, 4])
def test_an_archive_that_hangs_up_after_some_answers_is_asked_on_in_another_association(
    after: int, words: bytes
) -> None:
    peer = HangsUp(studies(0, 1))
    peer.after, peer.words = after, words
    asked, notes, _ = ask(peer)
    assert asked.done and asked.left is None
    assert asked.answered == 1 + QUESTIONS
    assert [answer.matches for answer in notes.answers] == [0] + [2] * QUESTIONS
    assert asked.first.accepted == {*peer.models}
    # It is not asked into a closing door again and again: after the first time we leave first.
    assert peer.associations <= -(-(1 + QUESTIONS) // after) + 1


def test_an_archive_that_closes_after_each_answer_is_not_taken_for_one_in_distress() -> None:
    peer = HangsUp(studies(0))
    _, _, journal = ask(peer)
    assert OutcomeKind.SPARED not in {row.stop.ending for row in journal}


def test_what_was_learned_of_an_archive_holds_for_the_next_script() -> None:
    peer = HangsUp(studies(0))

    async def work() -> list[JournalRow]:
        there, journal = contact()

        def script(_: Association) -> Operations:
            for _number in range(QUESTIONS):
                yield Query(STUDY_ROOT_FIND, KEYS, lambda _data, _explicit: None)

        async with serving(peer) as port:
            for _ in range(2):
                made = await ask_all(
                    there, port, lambda carried: Association("A", carried), script, question="dimse test"
                )
                assert made.done
        return journal

    assert len(run(work())) == 2 * QUESTIONS
    assert len(peer.asked) == 2 * QUESTIONS


@dataclass
class DropsTheFirst(Peer):
    how: bytes = b""

    def accepts(self, unit: pdu.Associate) -> bytes:
        return self.how if self.associations == 1 else super().accepts(unit)


@pytest.mark.parametrize("how", [b"", pdu.abort(2, 0)])
def test_a_first_association_that_is_dropped_is_tried_once_more(how: bytes) -> None:
    asked, notes, journal = ask(DropsTheFirst(studies(0), how=how))
    assert asked.done and len(notes.answers) == 1 + QUESTIONS
    assert len(journal) == 2


def test_one_that_drops_every_association_is_tried_twice() -> None:
    class Never(Peer):
        def accepts(self, unit: pdu.Associate) -> bytes:
            return b""

    asked, _, journal = ask(Never())
    assert not asked.done and asked.answered == 0
    assert len(journal) == 2
    assert asked.stop.ending in (OutcomeKind.CLOSED, OutcomeKind.RESET)


@pytest.mark.parametrize("reject", [pdu.reject(1, 1, 3), pdu.reject(2, 3, 1)])
def test_a_rejected_association_is_not_tried_again(reject: bytes) -> None:
    class Rejects(Peer):
        def accepts(self, unit: pdu.Associate) -> bytes:
            return reject

    asked, _, journal = ask(Rejects())
    assert len(journal) == 1
    assert asked.stop.cause is Cause.REJECTED


@dataclass
class Bitten(Peer):
    """One question it never answers: at that it does `how`."""

    bad: int = 3
    how: bytes = pdu.abort(2, 0)

    def answer(self, context: int, request: Command, keys: Keys) -> bytes:
        return self.how if len(self.asked) >= self.bad else super().answer(context, request, keys)

    def hangs_up(self, request: Command) -> bytes | None:
        bitten = request.field == command.C_FIND_RQ and len(self.asked) >= self.bad
        return b"" if bitten and self.how else None


def test_a_question_that_ends_the_association_is_asked_twice_and_then_left() -> None:
    peer = Bitten(studies(0))
    asked, notes, _ = ask(peer)
    assert not asked.done and isinstance(asked.left, Query)
    assert len(notes.answers) == 3
    assert len(peer.asked) == 4
    assert asked.stop.ending is OutcomeKind.ABORTED


def test_one_that_falls_silent_after_an_answer_is_asked_once_more() -> None:
    peer = Bitten(studies(0), bad=2, how=b"")
    asked, notes, journal = ask(peer, scope=QUICK)
    assert not asked.done and len(notes.answers) == 2
    assert [row.stop.ending for row in journal] == [OutcomeKind.IDLE] * 2


@pytest.mark.parametrize("number", [0, 1, 9])
def test_an_archive_that_always_answers_the_same_message(number: int) -> None:
    """Message 1 is the first of an association, so each question has one of its own. Other numbers are no answer."""

    class Always(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            return super().answer(context, replace_struct(request, message_id=number), keys)

    asked, notes, _ = ask(Always(studies(0)), scope=QUICK)
    assert asked.done == (number == 1)
    assert len(notes.answers) == (1 + QUESTIONS if asked.done else 1)


def test_an_answer_that_had_enough_counts_even_if_the_association_ends_at_it() -> None:
    """It ignores the cancel: the association is aborted at a bound, and the next question goes into another."""

    class Floods(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            row = super().rows(keys)[0][0]
            one = respond(context, request, PENDING, row)
            return one * (2 * DRAIN_BYTES // len(one))

    asked, notes, journal = ask(Floods(studies(0)), questions=2, cancel_after=1)
    assert asked.done
    assert [answer.cancelled for answer in notes.answers] == [False, True, True]
    assert notes.rows == 2
    assert len(journal) == 2


def test_an_association_is_left_well_before_its_bounds() -> None:
    peer = Peer(studies(*range(2000)))
    scope = replace(LOOPBACK, caps=caps(received_bytes=400_000))
    asked, notes, journal = ask(peer, questions=6, scope=scope)
    assert asked.done and {answer.matches for answer in notes.answers[1:]} == {2000}
    assert len(journal) > 1 and peer.released == len(journal)
    assert max(row.received or 0 for row in journal) < 400_000


def test_all_associations_together_are_bounded() -> None:
    peer = HangsUp(studies(0))
    asked, _, journal = ask(peer, associations=3)
    assert not asked.done
    assert len(journal) == 3
    assert asked.stop == Outcome(OutcomeKind.TIME_CAP, Cause.CONNECTION_LIMIT, {"connections": 3})


def test_a_fault_in_a_script_is_our_own_and_ends_it() -> None:
    def broken(_: Association) -> Operations:
        yield Echo()
        raise LookupError

    async def work() -> tuple[Asked, list[JournalRow]]:
        there, journal = contact()
        make: Callable[[ask_again.Script], Association] = lambda carried: Association("ANY-SCP", carried)  # noqa: E731
        async with serving(Peer()) as port:
            return await ask_all(there, port, make, broken, question="dimse test"), journal

    asked, journal = run(work())
    assert (asked.stop.ending, asked.stop.error) == (OutcomeKind.OWN_ERROR, "LookupError")
    assert len(journal) == 1
