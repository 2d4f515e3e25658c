"""How `ask` goes from question to question until one brings a record, and when it stops asking. No network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse.association import Answer, Query
from filmbadge.ask.dimse.questions import (
    AGES,
    KEYS,
    SEVERAL,
    Ages,
    IdentifyProgress,
    date_key,
    demanded,
    find_root,
    opening,
    questions,
)
from filmbadge.catalogue.dicom import CANCELLED, OUT_OF_RESOURCES, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, is_success
from filmbadge.model import Depth, Find, FindKey
from support import factories

TODAY = date(2026, 11, 22)
BOTH = frozenset((STUDY_ROOT_FIND, PATIENT_ROOT_FIND))
SUCCESS, UNABLE, NOT_MATCHING, NOT_SUPPORTED = 0x0000, 0xC000, 0xA900, 0x0122
REFUSED = [UNABLE, NOT_MATCHING, 0x0110, NOT_SUPPORTED]
UID = b"1.2.826.0.1.77.1"
PERSONAL = (elements.PATIENT_ID, elements.PATIENT_NAME)
MOST_QUESTIONS = 24

Keys = dict[int, bytes]


@dataclass
class Archive:
    """Studies of these ages. `refuses` gives the status of a question that it does not answer; 0 means with nothing."""

    ages: tuple[int, ...] = ()
    refuses: Callable[[str, Keys], int | None] = lambda _root, _keys: None
    rows: list[bytes] | None = None  # of every answer, whatever was asked
    ahead: list[bytes] = field(default_factory=list)  # before the rows of an answer
    asked: list[tuple[str, Keys]] = field(default_factory=list)

    def answer(self, query: Query) -> Answer:
        assert query.cancel_after == (SEVERAL if self.asked and (self.rows or self.ahead) else 1)
        keys = dict(query.keys)
        self.asked.append((query.sop_class, keys))
        if (status := self.refuses(query.sop_class, keys)) is not None:
            return Answer(status)
        rows = self._rows(keys) if self.rows is None else self.rows
        rows = [*self.ahead, *rows]
        for row in rows[: query.cancel_after]:
            query.record(row, False)
        return Answer(CANCELLED, len(rows), True) if rows else Answer(SUCCESS)

    def _rows(self, keys: Keys) -> list[bytes]:
        first, dash, last = keys[elements.STUDY_DATE].decode().partition("-")
        days = [f"{TODAY - timedelta(age):%Y%m%d}" for age in self.ages]
        found = [day for day in days if not first or first <= day <= (last if dash else first)]
        return [elements.encode([(elements.STUDY_UID, UID)], explicit=False)] * len(found)

    @property
    def dates(self) -> list[bytes]:
        return [keys[elements.STUDY_DATE] for _, keys in self.asked]


def ask(archive: Archive, accepted: frozenset[str] = BOTH, depth: Depth = Depth.ASK) -> IdentifyProgress:
    notes = IdentifyProgress(TODAY)
    script = questions(notes, accepted, depth)
    try:
        query = next(script)
        while len(archive.asked) <= MOST_QUESTIONS:
            query = script.send(archive.answer(query))
    except StopIteration:
        return notes
    raise AssertionError(f"it would ask on, after {len(archive.asked)} questions")


def gave(notes: IdentifyProgress) -> bool:
    return any(find.matches for find in notes.finds)


def width(keys: Keys) -> float:
    """Days that a question spans."""
    if not (key := keys[elements.STUDY_DATE].decode()):
        return float("inf")
    first, dash, last = key.partition("-")
    return (day(last) - day(first)).days + 1 if dash else 1


def day(text: str) -> date:
    assert len(text) == 8
    return datetime.strptime(text, "%Y%m%d").date()


# The windows.


@pytest.mark.parametrize("today", [date(2026, 6, 1), date(2024, 2, 29), date(2027, 1, 1)])
def test_windows_have_neither_a_gap_nor_an_overlap(today: date) -> None:
    ranges = [tuple(map(day, date_key(ages, today).decode().split("-"))) for ages in AGES]
    assert ranges[0][1] == today
    for (first, end), (_, older_end) in pairwise(ranges):
        assert first <= end
        assert older_end == first - timedelta(days=1)
    assert today - ranges[-1][0] > timedelta(days=24 * 365)
    widths = [(end - first).days + 1 for first, end in ranges]
    assert widths[0] == 2 and widths == sorted(set(widths))


@pytest.mark.parametrize(
    ("ages", "key"), [(None, b""), ((0, 1), b"20261121-20261122"), ((0, 0), b"20261122"), ((365, 365), b"20251122")]
)
def test_ages_say_what_is_asked(ages: Ages | None, key: bytes) -> None:
    assert date_key(ages, TODAY) == key


@pytest.mark.parametrize(
    ("status", "success"), [(0, True), (0xB000, True), (0xB100, True), (0xC000, False), (0xFE00, False), (None, False)]
)
def test_a_warning_says_that_all_was_given(status: int | None, success: bool) -> None:
    assert is_success(status) is success


# An archive that answers.


@pytest.mark.parametrize(
    ("age", "asked"), [(0, 1), (1, 1), (2, 2), (39, 3), (404, 4), (1865, 5), (9131, 6), (20_000, 7)]
)
def test_the_first_record_ends_it(age: int, asked: int) -> None:
    archive = Archive((age,))
    notes = ask(archive)
    assert gave(notes)
    assert len(archive.asked) == asked
    assert {root for root, _ in archive.asked} == {STUDY_ROOT_FIND}
    assert [find.matches for find in notes.finds] == [0] * (asked - 1) + [1]


def test_an_archive_that_gives_nothing_is_asked_in_every_form_and_no_more() -> None:
    archive = Archive()
    notes = ask(archive)
    assert not gave(notes)
    assert len({(root, *sorted(keys.items())) for root, keys in archive.asked}) == len(archive.asked) <= 16
    roots = [root for root, _ in archive.asked]
    assert roots.count(PATIENT_ROOT_FIND) == 1  # the other model is asked once


def test_an_archive_that_is_out_of_resources_at_first_is_asked_no_further() -> None:
    archive = Archive(refuses=lambda _root, _keys: OUT_OF_RESOURCES)
    assert not gave(ask(archive))
    assert len(archive.asked) == 1


# Archives that give nothing to one form of a question, and records to another.

STATUSES = st.sampled_from([OUT_OF_RESOURCES, SUCCESS, *REFUSED])


@settings(deadline=None)
@given(st.integers(2, 400), STATUSES, st.lists(st.integers(0, 9131), min_size=1, max_size=30))
def test_an_archive_that_takes_no_wide_range_is_asked_for_narrower_ones(
    widest: int, status: int, ages: list[int]
) -> None:
    """What a question that it takes was asked for, and would bring, is found."""
    archive = Archive(tuple(ages), lambda _root, keys: status if width(keys) > widest else None)
    notes = ask(archive)
    served = [find.ages for find in notes.finds if find.ages and is_success(find.status)]
    hit = any(young <= age <= old and old - young < widest for young, old in served for age in ages)
    assert gave(notes) or not hit
    if any(age < 2 for age in ages):
        assert gave(notes)


@pytest.mark.parametrize("status", [OUT_OF_RESOURCES, SUCCESS, *REFUSED])
@pytest.mark.parametrize("youngest", [45, 75, 100, 120])
def test_an_idle_archive_that_takes_60_days_at_most(status: int, youngest: int) -> None:
    ages = tuple(range(youngest, youngest + 700, 3))
    assert gave(ask(Archive(ages, lambda _root, keys: status if width(keys) > 60 else None)))


@pytest.mark.parametrize("status", [SUCCESS, *REFUSED])
def test_an_archive_that_takes_single_days_only(status: int) -> None:
    """Its last working day is within three days, or these are holidays."""
    notes = ask(Archive((3, 9, 40), lambda _root, keys: None if width(keys) == 1 else status))
    found = opening(factories.admitted(tuple(notes.finds)))
    assert found is not None and found.ages == (3, 3)


@pytest.mark.parametrize("status", REFUSED)
def test_an_archive_that_refuses_a_range_is_asked_without_one(status: int) -> None:
    archive = Archive((500,), lambda _root, keys: status if keys[elements.STUDY_DATE] else None)
    assert gave(ask(archive))
    assert archive.dates[1] == b"" and len(archive.asked) == 2


@pytest.mark.parametrize("status", [SUCCESS, *REFUSED])
def test_the_other_query_model_may_give_what_the_first_does_not(status: int) -> None:
    archive = Archive((500,), lambda root, _keys: status if root == STUDY_ROOT_FIND else None)
    notes = ask(archive)
    facts = factories.admitted(tuple(notes.finds))
    assert gave(notes)
    assert find_root(facts) == PATIENT_ROOT_FIND


@pytest.mark.parametrize("status", [SUCCESS, *REFUSED])
@pytest.mark.parametrize("key", FindKey)
@pytest.mark.parametrize("depth", [Depth.ASK, Depth.COUNT, Depth.PROFILE, Depth.PROVE])
def test_an_archive_that_demands_a_key(key: FindKey, status: int, depth: Depth) -> None:
    """A name or an id of any person is asked from `profile` on: it comes back in the answer."""
    tag, value = KEYS[key]
    archive = Archive((500,), lambda _root, keys: None if keys.get(tag) == value else status)
    notes = ask(archive, depth=depth)
    personal = tag in PERSONAL
    assert gave(notes) == (not personal or depth.reaches(Depth.PROFILE))
    if gave(notes):
        assert demanded(factories.admitted(tuple(notes.finds))) == (KEYS[key],)
    elif not depth.reaches(Depth.PROFILE):
        assert not any(tag in keys for _, keys in archive.asked for tag in PERSONAL)


@pytest.mark.parametrize("status", REFUSED)
@pytest.mark.parametrize("accepted", [{STUDY_ROOT_FIND}, {PATIENT_ROOT_FIND}, BOTH])
@pytest.mark.parametrize("depth", [Depth.ASK, Depth.PROFILE])
def test_an_archive_that_refuses_every_question_is_asked_few(status: int, accepted: set[str], depth: Depth) -> None:
    archive = Archive((0,), lambda _root, _keys: status)
    notes = ask(archive, frozenset(accepted), depth)
    assert {find.status for find in notes.finds} == {status}
    assert len(archive.asked) <= 3 * len(accepted) + 1 + 2 * depth.reaches(Depth.PROFILE)


def test_without_a_query_model_nothing_is_asked() -> None:
    assert not ask(Archive((0,)), frozenset()).finds


# Rows that name no study.

DATE = (elements.STUDY_DATE, b"20261122")
NAMELESS = {
    "no uid": [DATE],
    "an empty uid": [(elements.STUDY_UID, b""), DATE],
    "a zero": [(elements.STUDY_UID, b"0")],
    "zeros": [(elements.STUDY_UID, b"0.0.0")],
    "a word": [(elements.STUDY_UID, b"NONE")],
    "the question": [(elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_DATE, b"20261121-20261122"), (elements.STUDY_UID, b"")],
    "nothing": [],
}  # fmt: skip


@pytest.mark.parametrize("row", NAMELESS.values(), ids=NAMELESS)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_row_that_names_no_study_is_no_record(row: list[tuple[int, bytes]], rows: int) -> None:
    notes = ask(Archive(rows=[elements.encode(row, explicit=False)] * rows))
    assert not gave(notes)
    assert notes.finds[0].unnamed == 1  # no more than one is looked at
    assert len(notes.finds) > 5  # another question may bring a record


def test_a_row_that_names_no_study_may_stand_before_the_records() -> None:
    notes = ask(Archive((0, 5, 50), ahead=[b""] * (SEVERAL - 1)))
    assert [(find.matches > 0, find.unnamed) for find in notes.finds] == [(False, 1), (True, SEVERAL - 1)]


def test_rows_that_are_no_data_set_are_no_records() -> None:
    assert not gave(ask(Archive(rows=[b"\xff\xff\xff"])))


# What is left when an association broke off.


def test_a_question_that_was_asked_is_not_asked_again() -> None:
    archive = Archive((500,))
    notes = IdentifyProgress(TODAY)
    script = questions(notes, BOTH, Depth.ASK)
    script.send(None)
    script.close()  # at the first question the archive hung up
    notes.ended(0, None, False)
    going_on = questions(notes, BOTH, Depth.ASK)
    query = next(going_on)
    assert dict(query.keys)[elements.STUDY_DATE] == b""  # as after a refusal
    with pytest.raises(StopIteration):
        going_on.send(archive.answer(query))
    assert [find.status for find in notes.finds] == [None, CANCELLED]


def test_after_a_wide_window_that_was_hung_up_on_narrower_ones_come_first() -> None:
    archive = Archive((100,))
    notes = IdentifyProgress(TODAY)
    notes.finds += [Find(AGES[0], 0, 0), Find(AGES[1], 0, 0), Find(AGES[2], 0, 0), Find(AGES[3], 0, None)]
    script = questions(notes, BOTH, Depth.ASK)
    query = next(script)
    with pytest.raises(StopIteration):
        while True:
            query = script.send(archive.answer(query))
    assert all(archive.dates) and gave(notes)


@pytest.mark.parametrize(
    ("finds", "root"),
    [
        ((), STUDY_ROOT_FIND),
        ((Find(None, 1, 0), Find(None, 0, 0, patient_root=True)), STUDY_ROOT_FIND),
        ((Find(None, 0, 0), Find(None, 1, 0, patient_root=True)), PATIENT_ROOT_FIND),
    ],
)
def test_the_model_that_brought_a_record_is_asked_on(finds: tuple[Find, ...], root: str) -> None:
    assert find_root(factories.admitted(finds)) == root
