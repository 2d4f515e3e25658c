"""What is noticed of a list of studies, and which of them are asked one by one."""

from __future__ import annotations

import random

from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.progress import (
    ASK_EACH_UP_TO,
    BY_STUDY_KINDS,
    FAILURES,
    INDEXED_KINDS,
    SAMPLE_STUDIES,
    ProfileProgress,
)
from filmbadge.model import Doubt, DoubtCode, Kind, Outcome, OutcomeKind


def noticed(studies: int) -> ProfileProgress:
    notes = ProfileProgress(RunKey(), lot=random.Random(1))
    for number in range(studies):
        notes.listed(b"2.25.%d" % number, [(0x00100010, f"Person {number}")])
    return notes


def test_a_study_counts_once_however_often_it_comes() -> None:
    notes = noticed(5)
    for _ in range(3):
        notes.listed(b"2.25.0", [(0x00100010, "Person 0"), (0x00100020, "1")])
    kinds = {tally.kind: tally for tally in notes.profile().kinds}
    assert notes.records == kinds[Kind.PATIENT_NAME].asked == kinds[Kind.PATIENT_NAME].filled == 5
    assert kinds[Kind.PATIENT_ID].filled == 0


def test_what_has_no_uid_is_malformed_and_what_is_no_uid_is_not_asked_about() -> None:
    notes = noticed(1)
    notes.listed(b"", [])
    notes.listed(b"1" * 65, [])
    notes.listed(b"1.2'; DROP", [])
    notes.row(b"\x10\x00", True)
    assert (notes.records, notes.malformed) == (2, 3)
    assert notes.drawn_by_lot() == [b"2.25.0"]


def test_all_of_a_small_archive_and_some_of_a_large_one_are_asked_one_by_one() -> None:
    assert len(noticed(ASK_EACH_UP_TO).drawn_by_lot()) == ASK_EACH_UP_TO
    large = noticed(4 * ASK_EACH_UP_TO)
    drawn = large.drawn_by_lot()
    assert len(set(drawn)) == len(drawn) == SAMPLE_STUDIES
    assert len(large.drawn) == SAMPLE_STUDIES, "no more UIDs are held than that"


def test_studies_are_asked_one_by_one_in_an_order_that_is_drawn() -> None:
    """So those before a budget ends speak for the others."""
    notes = noticed(50)
    drawn = notes.drawn_by_lot()
    assert sorted(drawn) == sorted(notes.drawn)
    assert drawn != notes.drawn


def test_a_study_whose_question_fails_is_left_out_and_an_archive_that_fails_them_all_is_left() -> None:
    notes, failed = noticed(9), Doubt(DoubtCode.HTTP_STATUS, {"status": 500})
    notes.look.take([(0x00101040, "here")], BY_STUDY_KINDS)
    assert notes.went_on(failed)
    assert notes.went_on(None)  # and nothing of the one before is taken for this one's
    address = {tally.kind: tally for tally in notes.profile().kinds}[Kind.ADDRESS]
    assert (notes.deep, address.asked, address.filled) == (1, 1, 0)
    assert [notes.went_on(failed) for _ in range(FAILURES)] == [True] * (FAILURES - 1) + [False]
    assert notes.profile().doubts == (failed,)


def test_a_study_of_a_product_s_list_is_deep_if_all_was_asked() -> None:
    notes = ProfileProgress(RunKey())
    notes.study(b"1", [(0x00101040, "here")], INDEXED_KINDS | BY_STUDY_KINDS)
    notes.study(b"2", [], INDEXED_KINDS)
    notes.study(b"2", [], INDEXED_KINDS)
    kinds = {tally.kind: tally for tally in notes.profile().kinds}
    assert (notes.records, notes.deep) == (2, 1)
    assert (kinds[Kind.ADDRESS].asked, kinds[Kind.ADDRESS].filled, kinds[Kind.PATIENT_NAME].asked) == (1, 1, 2)
    assert repr(notes).startswith("<filmbadge")


def test_the_first_reason_for_doubt_holds() -> None:
    notes, stop = ProfileProgress(RunKey()), Outcome(OutcomeKind.IDLE)
    notes.ended(Outcome(OutcomeKind.COMPLETED))
    assert notes.profile().doubts == ()
    notes.ended(stop)
    notes.doubt(Doubt(DoubtCode.NOT_ENDED))
    assert notes.profile().doubts == (Doubt(DoubtCode.BROKE_OFF, stop=stop),)
