"""One association, driven by a peer whose words are written down beforehand. No network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import Tally, elements, limits
from filmbadge.ask.dimse import association, command, pdu
from filmbadge.ask.dimse.association import TABLE, Action, Answer, Association, Echo, Operations, Query, State
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.catalogue.dicom import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    JPEG_BASELINE,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    VERIFICATION,
)
from filmbadge.model import Abort, Cause, Outcome, OutcomeKind, Rejection
from support.recorded_connection import HUNG_UP, RecordedLine, converse, split

MARKER = b"DOE^JANE"
KEYS = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))
SUCCESS, CANCELLED, PENDING = 0x0000, 0xFE00, 0xFF00
ECHO_ID, FIND_ID = 1, 2
ECHO, STUDY, PATIENT = 1, 3, 5  # presentation contexts


def accept(*contexts: pdu.Context, max_pdu: int = 16384) -> bytes:
    unit = pdu.Associate("ANY-SCP", "FILMBADGE", contexts, max_pdu, "1.2.3", "PEER")
    return pdu.associate(pdu.ASSOCIATE_AC, unit)


ACCEPT = accept(
    pdu.Context(ECHO, "", (IMPLICIT_LITTLE,)),
    pdu.Context(STUDY, "", (EXPLICIT_LITTLE,)),
    pdu.Context(PATIENT, "", (EXPLICIT_LITTLE,), 3),
)
ECHOED = pdu.data(ECHO, command.encode(Command(command.C_ECHO_RSP, ECHO_ID, VERIFICATION, SUCCESS)), None, 16384)


def found(status: int, data_set: bytes | None = None, *, announce: bool | None = None, message: int = FIND_ID) -> bytes:
    announced = data_set is not None if announce is None else announce
    response = Command(command.C_FIND_RSP, message, STUDY_ROOT_FIND, status, announced)
    return pdu.data(STUDY, command.encode(response), data_set, 16384)


def row(number: int) -> bytes:
    return elements.encode([(elements.STUDY_UID, b"1.2.%d" % number)], explicit=True)


UP_TO_THE_FIND = ACCEPT + ECHOED
UP_TO_THE_RELEASE = UP_TO_THE_FIND + found(PENDING, row(1)) + found(PENDING, row(2)) + found(SUCCESS)
HAPPY = UP_TO_THE_RELEASE + pdu.RELEASE_RESPONSE


@dataclass
class Notes:
    """What a script learned, kept where the association's end cannot take it."""

    echo: int | None = None
    answers: list[Answer] = field(default_factory=list)
    records: list[tuple[bytes, bool]] = field(default_factory=list)
    over: bool = False


def script(notes: Notes, cancel_after: int | None = None) -> Callable[[Association], Operations]:
    def run(_: Association) -> Operations:
        def record(data: bytes, explicit: bool) -> None:
            notes.records.append((data, explicit))

        try:
            notes.echo = (yield Echo()).status
            notes.answers.append((yield Query(STUDY_ROOT_FIND, KEYS, record, cancel_after)))
        finally:
            notes.over = True

    return run


@dataclass
class Talked:
    notes: Notes
    talk: Association
    line: RecordedLine
    stop: Outcome

    @property
    def outcome(self) -> tuple[object, ...]:
        return (
            self.notes, self.stop, bytes(self.line.sent), self.talk.accepted, self.talk.abort, self.talk.rejection,
        )  # fmt: skip


def talk(*chunks: bytes, cancel_after: int | None = None, end: Outcome = HUNG_UP) -> Talked:
    notes = Notes()
    talking = Association("ANY-SCP", script(notes, cancel_after))
    line, stop = converse(talking, chunks, end)
    return Talked(notes, talking, line, stop)


def sent(line: RecordedLine) -> list[tuple[int, bytes]]:
    stream, units = bytes(line.sent), []
    while stream:
        kind, length = pdu.HEADER.unpack_from(stream)
        units.append((kind, stream[6 : 6 + length]))
        stream = stream[6 + length :]
    return units


def commands(line: RecordedLine) -> list[Command]:
    values = (value for kind, body in sent(line) if kind == pdu.P_DATA for value in pdu.parse_data(body))
    return [command.parse(fragment) for _, control, fragment in values if control & pdu.COMMAND]


def test_echo_find_and_release() -> None:
    talked = talk(HAPPY)
    assert talked.stop == Outcome(OutcomeKind.COMPLETED)
    assert talked.notes == Notes(SUCCESS, [Answer(SUCCESS, 2)], [(row(1), True), (row(2), True)], over=True)
    assert talked.talk.accepted == {VERIFICATION, STUDY_ROOT_FIND}
    assert talked.talk.unit is not None
    assert talked.talk.unit.implementation_version == "PEER"
    kinds = [kind for kind, _ in sent(talked.line)]
    assert kinds == [pdu.ASSOCIATE_RQ, pdu.P_DATA, pdu.P_DATA, pdu.P_DATA, pdu.RELEASE_RQ]
    asked = commands(talked.line)
    assert [(c.field, c.message_id) for c in asked] == [(command.C_ECHO_RQ, ECHO_ID), (command.C_FIND_RQ, FIND_ID)]


def test_the_query_is_in_the_accepted_syntax_and_within_the_peers_maximum() -> None:
    accepted = accept(pdu.Context(ECHO, "", (IMPLICIT_LITTLE,)), pdu.Context(STUDY, "", (IMPLICIT_LITTLE,)), max_pdu=24)
    talked = talk(accepted + ECHOED + found(PENDING, b"row!") + found(SUCCESS))
    data = [body for kind, body in sent(talked.line) if kind == pdu.P_DATA]
    assert all(len(body) <= 24 for body in data)
    fragments = [value for body in data for value in pdu.parse_data(body)]
    identifier = b"".join(fragment for _, control, fragment in fragments if not control & pdu.COMMAND)
    assert identifier == elements.encode(KEYS, explicit=False)
    assert talked.notes.records == [(b"row!", False)]


def test_bytes_may_be_split_at_every_boundary() -> None:
    whole = talk(HAPPY).outcome
    for at in range(1, len(HAPPY)):
        assert talk(HAPPY[:at], HAPPY[at:]).outcome == whole
    assert talk(*(HAPPY[at : at + 1] for at in range(len(HAPPY)))).outcome == whole


STREAMS = st.sampled_from(
    [
        HAPPY,
        UP_TO_THE_RELEASE + pdu.RELEASE_REQUEST + pdu.RELEASE_RESPONSE,
        UP_TO_THE_FIND + found(PENDING, row(1)) + pdu.abort(2, 6),
        UP_TO_THE_FIND + found(PENDING, bytes(40_000)) + found(SUCCESS, message=9),
        pdu.reject(1, 1, 7),
    ]
)


@settings(deadline=None, max_examples=150)
@given(STREAMS, st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_split_gives_the_same(said: bytes, cuts: list[int]) -> None:
    assert talk(*split(said, cuts)).outcome == talk(said).outcome


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 1 << 20), max_size=12))
def test_any_split_of_what_had_enough_differs_in_the_cancel_only(cuts: list[int]) -> None:
    said = UP_TO_THE_FIND + found(PENDING, row(1)) + found(PENDING, row(2)) + found(CANCELLED, row(3))
    talked = talk(*split(said, cuts), cancel_after=1)
    (answer,) = talked.notes.answers
    cancels = [c.message_id for c in commands(talked.line) if c.field == command.C_CANCEL_RQ]
    assert (answer.status, answer.matches, talked.notes.records) == (CANCELLED, 2, [(row(1), True)])
    assert cancels == ([FIND_ID] if answer.cancelled else [])


def test_rejection() -> None:
    talked = talk(pdu.reject(2, 3, 2))
    assert talked.stop.ending is OutcomeKind.REJECTED
    assert talked.talk.rejection == Rejection(2, 3, 2)
    assert talked.talk.valid_pdu
    assert talked.talk.unit is None


@pytest.mark.parametrize("body", [bytes([0, 1, 1, 3]), bytes([0, 1, 1, 3]) + bytes(4), bytes([0, 1, 1]), b""])
@pytest.mark.parametrize("said", [0, 4, 8, 40])
def test_a_rejection_of_any_length_is_one(body: bytes, said: int) -> None:
    """Also one that announces more bytes than it brings, before it hangs up."""
    talked = talk(pdu.header(pdu.ASSOCIATE_RJ, said) + body)
    assert talked.stop.ending is OutcomeKind.REJECTED
    assert talked.talk.valid_pdu and talked.talk.rejection is not None
    if len(body) >= 4 and said:
        assert talked.talk.rejection == Rejection(1, 1, 3)


@pytest.mark.parametrize("before", [b"", UP_TO_THE_FIND, UP_TO_THE_RELEASE])
def test_abort_in_each_state(before: bytes) -> None:
    talked = talk(before + pdu.abort(2, 6) + b"whatever follows")
    assert talked.stop == Outcome(OutcomeKind.ABORTED, Cause.ABORTED, {"source": 2, "reason": 6})
    assert talked.talk.abort == Abort(2, 6)
    assert talked.talk.valid_pdu
    assert talked.talk.farewell() == b""
    assert talked.notes.over == bool(before)


def test_release_by_the_peer() -> None:
    talked = talk(UP_TO_THE_FIND + found(PENDING, row(1)) + pdu.RELEASE_REQUEST)
    assert talked.stop == Outcome(OutcomeKind.CLOSED, Cause.RELEASED)
    assert sent(talked.line)[-1] == (pdu.RELEASE_RP, bytes(4))
    assert talked.notes.records == [(row(1), True)]
    assert talked.notes.answers == []
    assert talked.notes.over


def test_release_collision() -> None:
    talked = talk(UP_TO_THE_RELEASE + pdu.RELEASE_REQUEST + pdu.RELEASE_RESPONSE)
    assert talked.stop == Outcome(OutcomeKind.COMPLETED)
    assert [kind for kind, _ in sent(talked.line)][-2:] == [pdu.RELEASE_RQ, pdu.RELEASE_RP]


def test_data_after_the_release_request_is_ignored() -> None:
    talked = talk(UP_TO_THE_RELEASE + found(PENDING, row(3)) + pdu.RELEASE_RESPONSE)
    assert talked.stop == Outcome(OutcomeKind.COMPLETED)
    assert len(talked.notes.records) == 2


@pytest.mark.parametrize("ending", [OutcomeKind.CLOSED, OutcomeKind.RESET])
def test_a_hang_up_instead_of_a_release_response_completes(ending: OutcomeKind) -> None:
    assert talk(UP_TO_THE_RELEASE, end=Outcome(ending)).stop.ending is OutcomeKind.COMPLETED
    assert talk(UP_TO_THE_FIND, end=Outcome(ending)).stop.ending is ending
    assert talk(UP_TO_THE_RELEASE, end=Outcome(OutcomeKind.IDLE)).stop.ending is OutcomeKind.IDLE


def empty(kind: int) -> bytes:
    return pdu.header(kind, 4) + bytes(4)


@pytest.mark.parametrize(
    ("before", "unexpected"),
    [
        (b"", (pdu.ASSOCIATE_RQ, pdu.P_DATA, pdu.RELEASE_RQ, pdu.RELEASE_RP)),
        (UP_TO_THE_FIND, (pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC, pdu.ASSOCIATE_RJ, pdu.RELEASE_RP, 0, 8, 0x16)),
        (UP_TO_THE_RELEASE, (pdu.ASSOCIATE_RQ, pdu.ASSOCIATE_AC, pdu.ASSOCIATE_RJ, 0, 8)),
    ],
)
def test_unexpected_units(before: bytes, unexpected: tuple[int, ...]) -> None:
    for kind in unexpected:
        talked = talk(before + empty(kind))
        assert talked.stop.ending is OutcomeKind.BROKEN, kind
        assert sent(talked.line)[-1][0] == pdu.ABORT


def command_only(response: Command, context: int = STUDY) -> bytes:
    return pdu.data(context, command.encode(response), None, 16384)


@pytest.mark.parametrize(
    "said",
    [
        found(SUCCESS, message=9),
        command_only(Command(command.C_ECHO_RSP, FIND_ID, VERIFICATION, SUCCESS)),  # an answer to another question
        command_only(Command(command.C_FIND_RQ, FIND_ID, STUDY_ROOT_FIND)),  # a question to us
        command_only(Command(command.C_FIND_RSP, FIND_ID, STUDY_ROOT_FIND)),  # no status
        found(PENDING, announce=True) + found(SUCCESS),  # the announced data set does not come
        command_only(Command(command.C_FIND_RSP, FIND_ID, STUDY_ROOT_FIND, SUCCESS), context=7),  # never proposed
        pdu.header(pdu.P_DATA, 0xFFFFFFFF) + b"\xff\xff\xff\xf0\x03\x03" + bytes(limits.MAX_COMMAND + 1),
        pdu.header(pdu.ABORT, 0xFFFFFFFF),
        pdu.header(pdu.RELEASE_RQ, limits.MAX_CONTROL + 1),
        pdu.header(pdu.P_DATA, 6) + b"\x00\x00\x00\x09\x03\x03",  # a value longer than its unit
        pdu.data(STUDY, bytes(limits.MAX_COMMAND + 1), None, 16384),
    ],
)
def test_a_peer_that_breaks_the_protocol_is_aborted(said: bytes) -> None:
    talked = talk(UP_TO_THE_FIND + said)
    assert talked.stop.ending is OutcomeKind.BROKEN
    assert sent(talked.line)[-1][0] == pdu.ABORT
    assert talked.notes.answers == []
    assert talked.notes.over


def test_four_gigabytes_are_refused_at_the_header() -> None:
    talked = talk(b"\x02\x00\xff\xff\xff\xff")
    assert talked.stop.ending is OutcomeKind.BROKEN
    assert not talked.talk.valid_pdu


def test_a_unit_as_long_as_agreed_is_taken() -> None:
    body = b"\x00\x01\xff\xfc" + bytes([STUDY, 0]) + bytes(0x1FFFC - 2)  # P-DATA of exactly 128 KiB
    talked = talk(UP_TO_THE_FIND + found(PENDING, announce=True) + pdu.header(pdu.P_DATA, limits.MAX_PDU) + body)
    assert talked.stop == HUNG_UP


def test_a_record_has_a_bound() -> None:
    large, larger = bytes(limits.MAX_RECORD), bytes(limits.MAX_RECORD + 1)
    assert talk(UP_TO_THE_FIND + found(PENDING, large)).notes.records == [(large, True)]
    talked = talk(UP_TO_THE_FIND + found(PENDING, larger))
    assert talked.stop.ending is OutcomeKind.BROKEN
    assert talked.notes.records == []


@pytest.mark.parametrize("syntaxes", [(), (JPEG_BASELINE,)])
def test_a_query_model_is_accepted_whatever_syntax_it_names(syntaxes: tuple[str, ...]) -> None:
    accepted = accept(pdu.Context(ECHO, "", (IMPLICIT_LITTLE,)), pdu.Context(STUDY, "", syntaxes))
    explicit = bool(syntaxes)
    record = elements.encode([(elements.STUDY_UID, b"1.2.3")], explicit=explicit)
    talked = talk(accepted + ECHOED + found(PENDING, record) + found(SUCCESS) + pdu.RELEASE_RESPONSE)
    assert talked.notes.records == [(record, explicit)]


STRAYS = [
    found(SUCCESS, message=ECHO_ID),
    found(SUCCESS, row(7), message=ECHO_ID),
    found(PENDING, row(7), message=ECHO_ID),
    command_only(Command(command.C_ECHO_RSP, ECHO_ID, VERIFICATION, SUCCESS), context=ECHO),
]


@pytest.mark.parametrize("stray", STRAYS)
def test_a_response_to_a_request_that_is_over_is_dropped(stray: bytes) -> None:
    """Wherever it comes while the next question is open. What the question brings is counted as ever."""
    parts = [found(PENDING, row(1)), found(PENDING, row(2)), found(SUCCESS)]
    for at in range(len(parts)):
        said = [*parts[:at], stray, stray, *parts[at:]]
        talked = talk(UP_TO_THE_FIND, *said, pdu.RELEASE_RESPONSE)
        assert talked.notes.answers == [Answer(SUCCESS, 2)]
        assert talked.notes.records == [(row(1), True), (row(2), True)]
        assert talked.stop.ending is OutcomeKind.COMPLETED


def test_a_second_final_response_may_come_during_the_rest() -> None:
    answers: list[Answer] = []
    pace = Throttle(0.25)
    talking = Association("ANY-SCP", twice(answers), throttle=pace, clock=Clock())
    said = [found(SUCCESS, message=1) * 2, found(SUCCESS, message=1) + found(PENDING, row(1), message=2)]
    _, stop = converse(talking, [ACCEPT, *said, found(SUCCESS, message=2) * 2, pdu.RELEASE_RESPONSE])
    assert [answer.matches for answer in answers] == [0, 1]
    assert stop.ending is OutcomeKind.COMPLETED


@pytest.mark.parametrize("status", [SUCCESS, 0xB100, 0xC000])
@pytest.mark.parametrize("pending", [0, 1, 2])
def test_the_last_match_may_come_with_the_final_response(status: int, pending: int) -> None:
    rows = [found(PENDING, row(number)) for number in range(1, pending + 1)]
    talked = talk(UP_TO_THE_FIND + b"".join(rows) + found(status, row(9)) + pdu.RELEASE_RESPONSE)
    assert talked.notes.answers == [Answer(status, pending + 1)]
    assert talked.notes.records == [(row(number), True) for number in (*range(1, pending + 1), 9)]
    assert talked.stop.ending is OutcomeKind.COMPLETED


def test_the_last_match_once_more_is_no_other_match() -> None:
    answers: list[Answer] = []
    tally = Tally(RunKey())

    def run(_: Association) -> Operations:
        for _number in range(2):
            tally.uids.mark()
            answers.append((yield Query(STUDY_ROOT_FIND, KEYS, tally)))

    said = [found(PENDING, row(1), message=1) + found(SUCCESS, row(1), message=1), found(SUCCESS, row(1), message=2)]
    converse(Association("ANY-SCP", run), [ACCEPT, *said, pdu.RELEASE_RESPONSE])
    assert [answer.matches for answer in answers] == [1, 1]
    assert tally.distinct == 1


@pytest.mark.parametrize("uid", [b"", b"0", b"0.0", b"NONE"])
def test_a_data_set_without_a_uid_is_no_last_match(uid: bytes) -> None:
    nothing = elements.encode([(elements.STUDY_UID, uid)], explicit=True)
    for content in (nothing, b"", b"\xff" * 9):
        talked = talk(UP_TO_THE_FIND + found(SUCCESS, content) + pdu.RELEASE_RESPONSE)
        assert talked.notes.answers == [Answer(SUCCESS, 0)]
        assert talked.notes.records == []


def test_a_data_set_that_was_announced_and_never_came_leaves_the_answer() -> None:
    talked = talk(
        UP_TO_THE_FIND + found(PENDING, row(1)) + found(SUCCESS, announce=True), end=Outcome(OutcomeKind.IDLE)
    )
    assert talked.line.waits == [association.FINAL_SECONDS]
    assert talked.notes.answers == []
    assert talked.talk.settled == Answer(SUCCESS, 1)


@pytest.mark.parametrize("announce", [True, False])
def test_a_data_set_may_follow_the_final_status(announce: bool) -> None:
    final = found(CANCELLED, row(9), announce=announce)
    talked = talk(UP_TO_THE_FIND + found(PENDING, row(1)) + final + pdu.RELEASE_RESPONSE)
    assert talked.notes.answers == [Answer(CANCELLED, 1)]
    assert talked.notes.records == [(row(1), True)]
    assert talked.stop == Outcome(OutcomeKind.COMPLETED)


def test_an_unannounced_data_set_does_not_spill_into_the_next_answer() -> None:
    answers: list[Answer] = []

    def twice(_: Association) -> Operations:
        query = Query(STUDY_ROOT_FIND, KEYS, lambda _data, _explicit: None)
        answers.append((yield query))
        answers.append((yield query))

    talking = Association("ANY-SCP", twice)
    spilt = found(CANCELLED, row(9), announce=False, message=1)
    _, stop = converse(talking, [ACCEPT, spilt, found(PENDING, row(1), message=2), found(SUCCESS, message=2)])
    assert answers == [Answer(CANCELLED), Answer(SUCCESS, 1)]
    assert stop.ending is OutcomeKind.COMPLETED


def test_cancel_at_the_first_match() -> None:
    late = found(PENDING, row(2)) + found(PENDING, row(3)) + found(CANCELLED)
    talked = talk(UP_TO_THE_FIND + found(PENDING, row(1)), late, pdu.RELEASE_RESPONSE, cancel_after=1)
    assert [(c.field, c.message_id) for c in commands(talked.line)][-1] == (command.C_CANCEL_RQ, FIND_ID)
    assert [c.field for c in commands(talked.line)].count(command.C_CANCEL_RQ) == 1
    assert talked.notes.records == [(row(1), True)]  # nobody looks at what was under way
    assert talked.notes.answers == [Answer(CANCELLED, 3, cancelled=True)]
    assert talked.stop == Outcome(OutcomeKind.COMPLETED)


def test_what_is_over_is_not_cancelled() -> None:
    talked = talk(ACCEPT, ECHOED, found(PENDING, row(1)) + found(SUCCESS), pdu.RELEASE_RESPONSE, cancel_after=1)
    assert talked.notes.answers == [Answer(SUCCESS, 1)]
    assert command.C_CANCEL_RQ not in [c.field for c in commands(talked.line)]
    assert talked.line.writes == 4  # the association, the echo, the question, the release: a segment each
    assert talked.line.waits == [association.RELEASE_SECONDS]


class Clock:
    """Goes on by a tenth of a second each time that it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.1
        return self.now


def twice(answers: list[Answer]) -> Callable[[Association], Operations]:
    def run(_: Association) -> Operations:
        query = Query(STUDY_ROOT_FIND, KEYS, lambda _data, _explicit: None)
        answers.append((yield query))
        answers.append((yield query))

    return run


def test_it_rests_between_questions_as_long_as_the_archives_share_wants() -> None:
    answers: list[Answer] = []
    pace = Throttle(0.25)
    talking = Association("ANY-SCP", twice(answers), throttle=pace, clock=Clock())
    said = [found(PENDING, row(1), message=1), found(SUCCESS, message=1), found(SUCCESS, message=2)]
    line, stop = converse(talking, [ACCEPT, *said])
    assert [answer.seconds for answer in answers] == [pytest.approx(0.2)] * 2  # without the rest between them
    assert line.rests == [pytest.approx(3 * 0.2)]  # asked, first byte, end: a tenth between them. None after the last
    assert pace.rest() == pytest.approx(3 * 0.2)  # which the dialer keeps
    assert stop.ending is OutcomeKind.COMPLETED


def test_an_archive_in_distress_is_left_alone() -> None:
    pace = Throttle()
    for _ in range(3):
        converse(Association("ANY-SCP", twice([]), throttle=pace), [pdu.reject(2, 3, 2)])
    line, stop = converse(Association("ANY-SCP", twice([]), throttle=pace), [ACCEPT, pdu.RELEASE_RESPONSE])
    assert [kind for kind, _ in sent(line)] == [pdu.ASSOCIATE_RQ, pdu.RELEASE_RQ]
    assert stop == Outcome(OutcomeKind.SPARED, Cause.DISTRESS)


def test_out_of_resources_may_mean_too_large_a_question_so_a_smaller_one_may_follow() -> None:
    asked: list[int] = []

    def on(_: Association) -> Operations:
        while len(asked) < 5:
            asked.append((yield Query(STUDY_ROOT_FIND, KEYS, lambda _data, _explicit: None)).status)

    said = [found(0xA700, message=number) for number in range(1, 6)]
    pace = Throttle()
    line, stop = converse(Association("ANY-SCP", on, throttle=pace), [ACCEPT, *said, pdu.RELEASE_RESPONSE])
    assert asked == [0xA700] * 5
    assert line.rests == [2.0] * 4
    assert pace.target_matches == 250
    assert stop.ending is OutcomeKind.COMPLETED


def test_told_to_leave_while_it_rests_it_releases_and_asks_no_more() -> None:
    talking = Association("ANY-SCP", twice([]), throttle=Throttle(0.25), clock=Clock())
    line = RecordedLine()
    talking.opened(line)
    talking.received(memoryview(ACCEPT))
    talking.received(memoryview(found(SUCCESS, message=1)))
    assert len(line.rests) == 1
    assert talking.leave()
    line.rested()
    assert [kind for kind, _ in sent(line)] == [pdu.ASSOCIATE_RQ, pdu.P_DATA, pdu.P_DATA, pdu.RELEASE_RQ]


@pytest.mark.parametrize(
    ("said", "end", "distressed"),
    [
        ([pdu.reject(2, 3, 2)], HUNG_UP, True),
        ([pdu.reject(1, 1, 7)], HUNG_UP, False),
        ([ACCEPT, pdu.abort(2, 0)], HUNG_UP, False),  # it never answered: that is a refusal
        ([ACCEPT, found(SUCCESS, message=1), pdu.abort(2, 0)], HUNG_UP, True),
        ([ACCEPT, found(0xA700, message=1)], HUNG_UP, True),
        ([ACCEPT, found(SUCCESS, message=1)], Outcome(OutcomeKind.IDLE), True),
        ([ACCEPT, found(SUCCESS, message=1)], Outcome(OutcomeKind.INTERRUPTED), False),
        ([ACCEPT, found(SUCCESS, message=1), found(SUCCESS, message=2), pdu.RELEASE_RESPONSE], HUNG_UP, False),
    ],
)
def test_signs_of_distress_are_told(said: list[bytes], end: Outcome, distressed: bool) -> None:
    pace = Throttle(0.5)
    converse(Association("ANY-SCP", twice([]), throttle=pace), said, end)
    assert (pace.share < 0.5) == distressed


def test_an_archive_that_ignores_the_cancel_is_aborted_at_a_bound() -> None:
    flood = [found(PENDING, row(n)) for n in range(20_000)]
    talked = talk(UP_TO_THE_FIND, *flood, cancel_after=1)
    assert talked.stop.ending is OutcomeKind.BYTE_CAP
    assert sent(talked.line)[-1][0] == pdu.ABORT
    assert talked.talk.matches * len(flood[0]) <= association.DRAIN_BYTES + 2 * len(flood[0])
    assert len(talked.notes.records) == 1


def test_a_script_without_requests_only_knocks() -> None:
    def leave(_: Association) -> Operations:
        return
        yield

    line, stop = converse(Association("ANY-SCP", leave), [ACCEPT + pdu.RELEASE_RESPONSE])
    assert [kind for kind, _ in sent(line)] == [pdu.ASSOCIATE_RQ, pdu.RELEASE_RQ]
    assert stop == Outcome(OutcomeKind.COMPLETED)


@pytest.mark.parametrize(
    "first",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\x16\x03\x03\x00\x7a",
        b"220 mail.example ESMTP\r\n",
        b"<html>",
        MARKER,
        b"\x00" * 20,
        b"\xff\xfd\x18",
    ],
)
def test_another_protocol(first: bytes) -> None:
    for chunks in ((first,), tuple(first[at : at + 1] for at in range(len(first)))):
        talked = talk(*chunks)
        assert talked.stop.ending is OutcomeKind.OTHER_PROTOCOL
        assert not talked.talk.valid_pdu


def test_a_question_whose_context_is_refused_is_not_an_error_of_ours() -> None:
    """As in a census whose archive accepts less on the second association than on the first."""
    talked = talk(accept(pdu.Context(ECHO, "", (IMPLICIT_LITTLE,))) + ECHOED)
    assert talked.notes.answers == []
    assert sent(talked.line)[-1][0] in (pdu.ABORT, pdu.RELEASE_RQ)


def test_contexts_count_only_as_they_were_proposed() -> None:
    accepted = accept(
        pdu.Context(ECHO, "", (IMPLICIT_LITTLE,)),
        pdu.Context(STUDY, "", ("1.2.840.10008.1.2.2",)),  # big endian was not offered
        pdu.Context(PATIENT, "", (EXPLICIT_LITTLE,), 1),  # a result that says no
        pdu.Context(9, "", (EXPLICIT_LITTLE,)),  # nobody proposed it
    )
    seen: list[frozenset[str]] = []

    def look(association: Association) -> Operations:
        seen.append(frozenset(association.accepted))
        yield Echo()

    converse(Association("ANY-SCP", look), [accepted])
    assert seen == [frozenset({VERIFICATION})]
    assert PATIENT_ROOT_FIND not in seen[0]


@pytest.mark.parametrize("before", [b"", UP_TO_THE_FIND, UP_TO_THE_FIND + found(PENDING, announce=True)])
def test_nothing_the_peer_says_enters_a_stop(before: bytes) -> None:
    lies = (
        MARKER * 10,
        b"HTTP/1.1 " + MARKER,
        b"\x02\x00\x00\x00\x00\x50" + MARKER * 10,
        pdu.header(pdu.P_DATA, 14) + b"\x00\x00\x00\x0a\x03\x03" + MARKER,
        pdu.data(STUDY, command.encode(Command(command.C_FIND_RSP, FIND_ID, MARKER.decode())), None, 0),
        found(PENDING, MARKER * 200_000),
        pdu.header(pdu.RELEASE_RP, 8) + MARKER,
        pdu.header(pdu.ASSOCIATE_RJ, 8) + MARKER,
        pdu.header(pdu.ABORT, 8) + MARKER,
    )
    for lie in lies:
        stop = talk(before + lie).stop
        assert stop.ending not in (OutcomeKind.COMPLETED, OutcomeKind.OWN_ERROR)
        assert "DOE" not in repr(stop)
        assert "JANE" not in repr(stop)


PIECES = st.sampled_from(
    [ACCEPT, ECHOED, found(PENDING, row(1)), found(SUCCESS), pdu.RELEASE_REQUEST, pdu.RELEASE_RESPONSE, pdu.abort(0)]
)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([b"", ACCEPT, UP_TO_THE_FIND, UP_TO_THE_RELEASE]),
    st.lists(PIECES | st.binary(min_size=1, max_size=40), min_size=1, max_size=8),
)
def test_arbitrary_bytes_end_in_a_stop(before: bytes, said: list[bytes]) -> None:
    """`converse` catches WireError and nothing else."""
    talked = talk(*filter(None, [before]), *said)
    assert talked.stop.ending in OutcomeKind


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_damaged_conversation_ends_in_a_stop(data: st.DataObject) -> None:
    said = bytearray(HAPPY)
    for at in data.draw(st.lists(st.integers(0, len(said) - 1), min_size=1, max_size=5)):
        said[at] = data.draw(st.integers(0, 255))
    assert talk(bytes(said)).stop.ending in OutcomeKind


BEFORE = {State.AWAIT_ACCEPT: b"", State.OPEN: UP_TO_THE_FIND, State.AWAIT_RELEASE: UP_TO_THE_RELEASE}
BODIES = {
    pdu.ASSOCIATE_RQ: pdu.associate(pdu.ASSOCIATE_RQ, pdu.Associate("A", "B", ())),
    pdu.ASSOCIATE_AC: ACCEPT,
    pdu.ASSOCIATE_RJ: pdu.reject(1, 1, 7),
    pdu.P_DATA: pdu.header(pdu.P_DATA, 0),
    pdu.RELEASE_RQ: pdu.RELEASE_REQUEST,
    pdu.RELEASE_RP: pdu.RELEASE_RESPONSE,
    pdu.ABORT: pdu.abort(2, 1),
    0x00: pdu.header(0x00, 0),
    0x08: pdu.header(0x08, 0),
    0xFF: pdu.header(0xFF, 0),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("state", BEFORE)
def test_every_row_of_the_state_table(state: State, kind: int) -> None:
    """PS3.8 Table 9-10: what a PDU does in a state, and what the peer hears of it."""
    after: dict[Action | None, OutcomeKind | None] = {
        Action.AE_4: OutcomeKind.REJECTED,
        Action.AA_3: OutcomeKind.ABORTED,
        Action.AR_2: OutcomeKind.CLOSED,
        Action.AR_3: OutcomeKind.COMPLETED,
        None: OutcomeKind.OTHER_PROTOCOL if state is State.AWAIT_ACCEPT and not 1 <= kind <= 7 else OutcomeKind.BROKEN,
    }
    action = TABLE.get((state, kind))
    before = talk(BEFORE[state], end=Outcome(OutcomeKind.INTERRUPTED))
    talked = talk(BEFORE[state] + BODIES[kind], end=Outcome(OutcomeKind.INTERRUPTED))
    assert talked.stop.ending is after.get(action, OutcomeKind.INTERRUPTED)
    heard = sent(talked.line)[len(sent(before.line)) :]
    if action is None:
        reason = {True: 2, False: 1}[1 <= kind <= 7] if talked.stop.ending is OutcomeKind.BROKEN else 0
        source = 2 if talked.stop.ending is OutcomeKind.BROKEN else 0
        assert heard == [(pdu.ABORT, bytes([0, 0, source, reason]))]
    elif action in (Action.AR_2, Action.AR_8):
        assert heard == [(pdu.RELEASE_RP, bytes(4))]
    elif action is not Action.AE_3:
        assert heard == []


def test_a_record_too_large_to_take_is_a_match() -> None:
    """It was given; that we cannot take it does not close the archive."""
    big = found(PENDING, bytes(limits.MAX_RECORD + 2))
    talked = talk(UP_TO_THE_FIND + big, cancel_after=1)
    assert talked.talk.matches == 1
    assert talked.stop.ending is OutcomeKind.BROKEN
