"""Blocks of records are the records; what a world says of its contents is what these hold."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.ask.decoder import elements
from filmbadge.catalogue import kinds
from filmbadge.model import Kind
from filmbadge.rehearse.columns import Cycle, Digits, Joined, Shown, Split
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.people import Habits, Ids, Names

TAGS = [
    elements.QUERY_LEVEL,
    elements.STUDY_UID,
    elements.STUDY_DATE,
    elements.STUDY_TIME,
    elements.MODALITIES_IN_STUDY,
    elements.INSTANCE_AVAILABILITY,
    elements.SERIES_IN_STUDY,
    elements.IMAGES_IN_STUDY,
    *kinds.VR,
]


@st.composite
def contents(draw: st.DrawFn, most: int = 30_000) -> Contents:
    parts = []
    for _ in range(2):
        studies = draw(st.integers(0, most))
        parts.append(Part(studies, studies * draw(st.integers(1, 300)) + draw(st.integers(0, studies))))
    size = sum(part.studies for part in parts)
    return Contents(
        root=f"2.25.{draw(st.integers(1, 10**30))}",
        nearline=parts[0],
        online=parts[1],
        undated=draw(st.integers(0, size)),
        patients=draw(st.integers(1, max(1, size))),
        people=draw(st.integers(0, 10**8)),
        first_day=draw(st.integers(date(1980, 1, 1).toordinal(), date(2026, 1, 1).toordinal())),
        days=draw(st.integers(1, 9_000)),
        habits=Habits(
            draw(st.sampled_from(Ids)),
            draw(st.sampled_from(Names)),
            more=draw(st.booleans()),
            staff=draw(st.booleans()),
        ),
    )


@given(contents(), st.data(), st.sets(st.sampled_from(TAGS)), st.booleans(), st.binary(max_size=9))
def test_a_block_is_its_records(
    held: Contents, data: st.DataObject, tags: set[int], explicit: bool, head: bytes
) -> None:
    first = data.draw(st.integers(0, held.studies))
    numbers = range(first, min(held.studies, first + data.draw(st.integers(0, 300))))
    template = held.template(frozenset(tags), explicit=explicit, head=head)
    slow = b""
    for number in numbers:
        record = {**held.record(number), elements.QUERY_LEVEL: b"STUDY"}
        asked = [(tag, value) for tag, value in record.items() if tag in tags or tag == kinds.CHARACTER_SET]
        slow += head + elements.encode(asked, explicit=explicit)
    assert bytes(template.block(numbers)) == slow
    assert template.stride * len(numbers) == len(slow)


@given(contents(most=400))
def test_the_truth_is_what_the_records_hold(held: Contents) -> None:
    records = [{**held.record(n), **held.series_record(n, 0)} for n in range(held.studies)]
    images = [held.images(n) for n in range(held.studies)]
    found = Counter(
        kinds.KIND[tag] for record in records for tag, value in record.items() if tag in kinds.KIND and value.strip()
    )
    assert {kind: n for kind, n in held.kinds().items() if n} == found
    dates = [record[elements.STUDY_DATE].strip() for record in records]
    assert held.by_year() == Counter(int(one[:4]) if one else None for one in dates)
    assert held.images_in_all == sum(map(sum, images))
    assert held.online.images == sum(sum(images[n]) for n in range(held.studies) if held.online_of(n))
    assert held.series_in_all == sum(map(len, images))
    assert all(min(one) > 0 for one in images)
    ids = {(record[kinds.PATIENT_ID], record.get(kinds.ISSUER)) for record in records}
    assert held.patients_in_all == len(ids)
    bare = held.habits.ids is Ids.SSN_BARE
    dashed = sum(record[kinds.PATIENT_ID].count(b"-") == 2 for record in records)
    issued = sum(record.get(kinds.ISSUER) == b"SSA" for record in records)
    assert held.ssn_records == (issued if bare else dashed)


@given(contents(most=400), st.data())
def test_studies_are_found_by_date_and_by_uid(held: Contents, data: st.DataObject) -> None:
    around = st.integers(held.first_day - 3, held.first_day + held.days + 3)
    first, last = data.draw(st.none() | around), data.draw(st.none() | around)
    days = [held.when(n)[0] for n in range(held.studies)]
    within = [
        n
        for n, day in enumerate(days)
        if (first is None and last is None)
        or (day is not None and (first is None or day >= first) and (last is None or day <= last))
    ]
    assert list(held.between(first, last)) == within
    assert list(held.undated_range()) == [n for n, day in enumerate(days) if day is None]
    dated = [held.when(n) for n in range(held.dated)]
    assert dated == sorted(dated, key=lambda when: (when[0] or 0, when[1]))
    assert [held.number_of(held.uid(n)) for n in range(held.studies)] == list(range(held.studies))
    assert held.number_of(held.uid(held.studies)) is None
    assert held.number_of(b"2.25.7") is None


def test_ids_of_different_patients_differ() -> None:
    for ids in Ids:
        column = Contents(online=Part(200_000, 200_000), patients=200_000, habits=Habits(ids)).template(
            frozenset({kinds.PATIENT_ID}), explicit=False
        )
        block = bytes(column.block(range(200_000)))
        assert len({block[at : at + column.stride] for at in range(0, len(block), column.stride)}) == 200_000


def test_a_study_without_an_image_is_refused() -> None:
    with pytest.raises(ValueError, match="each has at least 1"):
        Contents(online=Part(10, 9)).images(0)


@given(st.integers(0, 10**6), st.integers(0, 400))
def test_columns_count_what_is_filled(first: int, count: int) -> None:
    blank = Cycle((b"x", b"", b" ", b"yy", b""))
    columns = (
        blank,
        Joined((b"a", Digits(9))),
        Shown(Digits(4), (True, False, False)),
        Split(first + 7, blank, Digits(5)),
    )
    for column in columns:
        values = [column.at(number) for number in range(first, first + count)]
        assert column.filled(first, first + count) == sum(bool(value.strip()) for value in values)
        assert {len(value) for value in values} <= {column.width}


def test_every_kind_of_personal_data_has_one_attribute() -> None:
    held = Contents(online=Part(8, 80), habits=Habits(more=True, staff=True)).kinds()
    assert sum(n > 0 for n in held.values()) > len(Kind) // 2
