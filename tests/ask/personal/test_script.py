"""What is noticed of a list of studies, and which of them are asked one by one."""

from __future__ import annotations

import random

from filmbadge.ask.personal.script import DEAR, PLAIN, SAMPLE, WHOLE, Noticed
from filmbadge.model import Kind


def noticed(studies: int) -> Noticed:
    notes = Noticed(lot=random.Random(1))
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
    assert len(noticed(WHOLE).drawn_by_lot()) == WHOLE
    large = noticed(4 * WHOLE)
    drawn = large.drawn_by_lot()
    assert len(set(drawn)) == len(drawn) == SAMPLE
    assert len(large.drawn) == WHOLE, "no more UIDs are held than that"
    quarter = [sum(int(uid[5:]) // WHOLE == place for uid in large.drawn) for place in range(4)]
    assert min(quarter) > WHOLE / 8, "from all of the list, not from its beginning"


def test_a_study_of_a_product_s_list_is_deep_if_all_was_asked() -> None:
    notes = Noticed()
    notes.study(b"1", [(0x00101040, "here")], PLAIN | DEAR)
    notes.study(b"2", [], PLAIN)
    notes.study(b"2", [], PLAIN)
    kinds = {tally.kind: tally for tally in notes.profile("it broke off").kinds}
    assert (notes.records, notes.deep) == (2, 1)
    assert (kinds[Kind.ADDRESS].asked, kinds[Kind.ADDRESS].filled, kinds[Kind.PATIENT_NAME].asked) == (1, 1, 2)
    assert notes.profile("it broke off").why == "it broke off"
    assert repr(notes).startswith("<filmbadge")
