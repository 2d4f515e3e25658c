"""The same values out of JSON, whatever is in it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from filmbadge.ask.personal.documents import by_keyword, by_tag
from filmbadge.ask.personal.read import values
from support.studies import WANTED, record, written


def sorted_values(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(found)


def test_the_json_model_gives_what_the_bytes_give() -> None:
    made = record()
    told = by_tag(made.to_json_dict(), WANTED)
    assert sorted_values(told) == sorted_values(values(written(made, True), True, WANTED)[1])


def test_a_name_in_three_ways_of_writing_is_one_value() -> None:
    made = Dataset()
    made.PatientName = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert by_tag(made.to_json_dict(), WANTED) == [(0x00100010, "Yamada^Tarou=山田^太郎=やまだ^たろう")]


def test_keywords() -> None:
    tags = {"PatientName": "A", "PatientID": "", "StudyInstanceUID": "1.2", "SeriesDate": "2020", "PatientSex": ["F"]}
    assert by_keyword(tags, WANTED) == [(0x00100010, "A")]


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Value", "vr", "Alphabetic", "00100010", "00101002", "00100020", "00400275", "00100021"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["00100010", "00101002", "00400275", "00100030"]), JSON, max_size=4))
def test_any_json(study: dict[str, Any]) -> None:
    for tag, text in by_tag(study, WANTED):
        assert tag in WANTED
        assert isinstance(text, str)
        assert text
