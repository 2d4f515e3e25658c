"""`ask` against whole archives on loopback, each with one odd manner, and what is judged of it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, identify, pdu
from filmbadge.ask.dimse.census import count
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.dimse.profile import profile
from filmbadge.ask.dimse.prove import prove
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire import throttle
from filmbadge.ask.wire.contact import Contact
from filmbadge.judge.ladder import place
from filmbadge.model import (
    Depth,
    DimseFacts,
    DoubtCode,
    FindKey,
    JournalRow,
    Observation,
    Reason,
    Rejection,
    Rung,
    Verdict,
)
from filmbadge.scope import LOOPBACK, Scope
from support import factories
from support.dimse_peer import PENDING, SUCCESS, Keys, Peer, Study, days, encoded, respond, serving, studies
from support.loopback import contact, run

Probe = Callable[[Contact, Observation, DimseFacts], Coroutine[Any, Any, Learned]]
QUICK = replace(LOOPBACK, caps=replace(LOOPBACK.caps, idle_seconds=1))


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is asked for after a sign of distress."""
    monkeypatch.setattr(throttle, "DISTRESS_SECONDS", 0.0)


@dataclass
class Seen:
    facts: DimseFacts
    verdict: Verdict
    journal: list[JournalRow]

    @property
    def judged(self) -> tuple[Rung | None, Reason, bool]:
        return self.verdict.rung, self.verdict.why, self.verdict.conclusive


def ask(peer: Peer, depth: Depth = Depth.ASK, scope: Scope = LOOPBACK) -> Seen:
    async def work() -> Seen:
        there, journal = contact(scope)
        async with serving(peer) as port:
            seen = await identify.ask(there, port, depth)
        facts = seen.get(DimseFacts)
        assert facts is not None
        return Seen(facts, place(seen), journal)

    return run(work())


OPEN = (Rung.DISCLOSES, Reason.RECORDS, True)
NOTHING = (Rung.ANSWERS, Reason.NOTHING_GIVEN, False)
UNNAMED = (Rung.ANSWERS, Reason.ROWS_UNNAMED, False)
OLD = studies(500, 530, 560)


def test_an_archive_is_asked_over_one_association() -> None:
    seen = ask(Peer(studies(0)))
    assert seen.judged == OPEN
    assert len(seen.journal) == 1
    assert [find.matches for find in seen.facts.finds] == [1]


def test_an_archive_that_gives_nothing_is_not_said_to_be_closed_or_empty() -> None:
    seen = ask(Peer())
    assert seen.judged == NOTHING
    assert len(seen.journal) == 1


# Rows that are no records.


class Sentinel(Peer):
    """One row for every question, whatever is asked."""

    sentinel: bytes = b""

    def rows(self, keys: Keys) -> tuple[list[bytes], int]:
        return [self.sentinel], SUCCESS


@pytest.mark.parametrize(
    "row",
    [
        b"",
        encoded([(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b"")]),
        encoded([(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b"0")]),
        encoded([(elements.STUDY_DATE, b"20260101")]),
        b"\x01",
    ],
)
def test_a_row_that_names_no_study_opens_nothing(row: bytes) -> None:
    peer = Sentinel()
    peer.sentinel = row
    assert ask(peer).judged == UNNAMED


def test_the_question_itself_as_a_row_opens_nothing() -> None:
    class Echoes(Peer):
        def rows(self, keys: Keys) -> tuple[list[bytes], int]:
            return [encoded(keys.items())], SUCCESS

    assert ask(Echoes()).judged == UNNAMED


def test_an_empty_answer_beside_records_does_not_hide_them() -> None:
    """Where nothing matches it gives a row without values; where something matches, that."""

    class OneMore(Peer):
        def rows(self, keys: Keys) -> tuple[list[bytes], int]:
            rows, status = super().rows(keys)
            return rows or [encoded((tag, b"") for tag in keys)], status

    seen = ask(OneMore(OLD))
    assert seen.judged == OPEN
    assert [find.matches > 0 for find in seen.facts.finds] == [False] * (len(seen.facts.finds) - 1) + [True]


# Associations that end early, and peers that bend the protocol.


@pytest.mark.parametrize("echo_too", [False, True])
@pytest.mark.parametrize("words", [b"", pdu.header(pdu.RELEASE_RQ, 4) + bytes(4), pdu.abort(0)])
def test_one_question_in_an_association(words: bytes, echo_too: bool) -> None:
    class HangsUp(Peer):
        def hangs_up(self, request: Command) -> bytes | None:
            return words if echo_too or request.field == command.C_FIND_RQ else None

    assert ask(HangsUp(OLD)).judged == OPEN


def test_a_first_association_that_is_dropped() -> None:
    class Drops(Peer):
        def accepts(self, unit: pdu.Associate) -> bytes:
            return b"" if self.associations == 1 else super().accepts(unit)

    assert ask(Drops(OLD)).judged == OPEN


@pytest.mark.parametrize("how", [pdu.abort(0, 0), b""])
def test_an_archive_that_hangs_up_at_one_form_of_a_question_is_asked_in_others(how: bytes) -> None:
    class NoRanges(Peer):
        def hangs_up(self, request: Command) -> bytes | None:
            ranged = request.field == command.C_FIND_RQ and days(self.asked[-1].get(elements.STUDY_DATE, b""))
            return how if ranged else None

        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            return b"" if days(keys.get(elements.STUDY_DATE, b"")) else super().answer(context, request, keys)

    seen = ask(NoRanges(OLD))
    assert seen.judged == OPEN
    assert len(seen.journal) == 3


@pytest.mark.parametrize(
    ("how", "judged"),
    [
        (pdu.abort(0, 0), (Rung.ADMITS, Reason.FIND_ABORTED, False)),
        (b"", (Rung.ADMITS, Reason.FIND_BROKE_OFF, False)),
    ],
)
def test_an_archive_that_hangs_up_at_every_question(how: bytes, judged: tuple[Rung, Reason, bool]) -> None:
    class Never(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            return b""

        def hangs_up(self, request: Command) -> bytes | None:
            return how if request.field == command.C_FIND_RQ else None

    seen = ask(Never(OLD))
    assert seen.judged == judged
    assert len(seen.journal) == 3


def test_an_archive_that_answers_some_and_aborts_at_others_is_not_said_to_be_closed() -> None:
    class NoWideRanges(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            wide = (days(keys[elements.STUDY_DATE]) or 9999) > 7
            return pdu.abort(0) if wide else super().answer(context, request, keys)

    seen = ask(NoWideRanges(studies(5000)))
    assert not seen.verdict.conclusive
    assert seen.verdict.rung is Rung.ANSWERS
    assert ask(NoWideRanges(studies(*range(43, 900)))).judged == OPEN  # narrower windows are tried


def test_a_silent_archive_is_not_said_to_be_closed() -> None:
    class Silent(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            return b""

    assert ask(Silent(OLD), scope=QUICK).judged == (Rung.ADMITS, Reason.FIND_BROKE_OFF, False)


def test_a_stray_response_ends_nothing() -> None:
    class Twice(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            return super().answer(context, request, keys) + respond(context, request, SUCCESS)

    assert ask(Twice(OLD)).judged == OPEN


def test_the_only_record_comes_with_the_final_response() -> None:
    class Last(Peer):
        def answer(self, context: int, request: Command, keys: Keys) -> bytes:
            rows, status = self.rows(keys)
            words = b"".join(respond(context, request, PENDING, row) for row in rows[:-1])
            return words + respond(context, request, status, rows[-1] if rows else None)

    assert ask(Last(OLD)).judged == OPEN
    assert ask(Last(OLD[:1])).judged == OPEN
    assert ask(Last()).judged == NOTHING


@pytest.mark.parametrize("status", [0xB000, 0xB100, 0xB006])
def test_a_warning_is_an_answer(status: int) -> None:
    class Warns(Peer):
        def rows(self, keys: Keys) -> tuple[list[bytes], int]:
            return super().rows(keys)[0], status

    assert ask(Warns(OLD)).judged == OPEN
    assert ask(Warns()).judged == NOTHING


@pytest.mark.parametrize("body", [b"\0\1\1\3", b"\0\1\1\3\0\0\0\0", b"\0\1\1\3" + bytes(60)])
@pytest.mark.parametrize("more", [0, 4])
def test_a_rejection_of_any_length(body: bytes, more: int) -> None:
    class Rejects(Peer):
        def accepts(self, unit: pdu.Associate) -> bytes:
            return pdu.header(pdu.ASSOCIATE_RJ, len(body) + more) + body

    seen = ask(Rejects())
    assert seen.facts.rejection == Rejection(1, 1, 3)
    assert seen.judged[:2] == (Rung.SPEAKS, Reason.REJECTED)


# Forms of questions that an archive wants.


def at_most(widest: int, status: int) -> type[Peer]:
    class Narrow(Peer):
        def matching(self, keys: Keys) -> tuple[list[Study], int]:
            key = keys.get(elements.STUDY_DATE, b"")
            span = days(key) if b"-" in key else 1 if key else None
            if keys[elements.QUERY_LEVEL] == b"STUDY" and (span is None or span > widest):
                return [], status
            found, ended = super().matching(keys)
            return list(found), ended

    return Narrow


@pytest.mark.parametrize("status", [SUCCESS, 0xA700, 0xC000])
def test_an_archive_that_takes_narrow_ranges_only(status: int) -> None:
    assert ask(at_most(60, status)(studies(*range(100, 800, 5)))).judged == OPEN
    assert ask(at_most(60, status)()).judged[2] is False


def demanding(status: int, *tags: int) -> type[Peer]:
    class Demands(Peer):
        def matching(self, keys: Keys) -> tuple[list[Study], int]:
            if not any(keys.get(tag) for tag in tags):
                return [], status
            found, ended = super().matching(keys)
            return list(found), ended

    return Demands


@pytest.mark.parametrize("status", [SUCCESS, 0xA900])
def test_a_demand_for_a_patient_is_met_from_profile_on(status: int) -> None:
    peer = demanding(status, elements.PATIENT_ID, elements.PATIENT_NAME)
    assert ask(peer(OLD), Depth.PROFILE).judged == OPEN
    assert ask(peer(OLD), Depth.PROFILE).facts.finds[-1].with_key is FindKey.ANY_PATIENT_ID
    for depth in (Depth.ASK, Depth.COUNT):
        asked = peer(OLD)
        seen = ask(asked, depth)
        assert not seen.verdict.conclusive and not (seen.verdict.rung and seen.verdict.rung.open)
        assert not any(tag in keys for keys in asked.asked for tag in (elements.PATIENT_ID, elements.PATIENT_NAME))


@pytest.mark.parametrize(
    ("status", "conclusive"), [(0x0124, True), (0x0122, True), (0xA700, False), (0xA900, False), (0xC000, False)]
)
def test_a_refusal_is_a_proof_only_if_it_is_of_every_question(status: int, conclusive: bool) -> None:
    class Refuses(Peer):
        def rows(self, keys: Keys) -> tuple[list[bytes], int]:
            return [], status

    assert ask(Refuses(OLD)).judged == (Rung.ADMITS, Reason.FIND_FAILED, conclusive)


# The steps after it.


def counted(peer: Peer, depth: Depth = Depth.PROFILE) -> DimseFacts:
    """The facts of a whole way: asked, counted and looked through."""

    async def work() -> DimseFacts | None:
        there, _ = contact()
        async with serving(peer) as port:
            seen = await identify.ask(there, port, depth)
            for probe in (count, profile, prove):
                facts = seen.get(DimseFacts)
                assert facts is not None
                seen = (await probe(there, seen, facts)).seen
        return seen.get(DimseFacts)

    facts = run(work())
    assert facts is not None
    return facts


@pytest.mark.parametrize("words", [b"", pdu.header(pdu.RELEASE_RQ, 4) + bytes(4), pdu.abort(0)])
def test_an_archive_that_hangs_up_after_each_answer_is_counted(words: bytes) -> None:
    class HangsUp(Peer):
        def hangs_up(self, request: Command) -> bytes | None:
            return words

    facts = counted(HangsUp(OLD))
    assert facts.census is not None and facts.profile is not None and facts.proof is not None
    assert (facts.census.studies, facts.census.series, facts.census.images) == (3, 3, 9)
    assert facts.profile.records == 3
    assert not any(doubt.code is DoubtCode.BROKE_OFF for doubt in (*facts.census.doubts, *facts.profile.doubts))


def test_what_is_given_only_with_a_key_is_no_whole_count() -> None:
    """A study without a value for that key would be missing."""
    facts = counted(demanding(SUCCESS, elements.PATIENT_ID)(OLD))
    assert facts.census is not None and facts.profile is not None
    assert (facts.census.complete, facts.census.studies) == (False, 3)
    assert facts.census.doubts[0].code is DoubtCode.ONLY_WITH_KEY
    assert not facts.profile.complete


@pytest.mark.parametrize("probe", [profile, prove])
def test_an_archive_that_showed_distress_in_its_census_is_asked_no_more(probe: Probe) -> None:
    there, journal = contact()
    for _ in range(3):
        there.pace.distressed()
    facts = factories.admitted(factories.DISCLOSED)
    found = run(probe(there, factories.dimse(facts), facts)).seen.get(DimseFacts)
    assert not journal
    assert found is not None
    kept = found.profile or found.proof
    assert kept is not None and "distress" in repr(kept)
