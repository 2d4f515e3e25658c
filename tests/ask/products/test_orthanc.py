"""Orthanc's list of studies, in any form: typed records must give what a plain reading of the same JSON gives."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.personal.progress import BY_STUDY_KINDS, INDEXED_KINDS
from filmbadge.ask.products import orthanc
from filmbadge.ask.wire.http import Response
from filmbadge.catalogue.kinds import ATTRIBUTES, VR
from filmbadge.model import Doubt, Kind

Told = list[tuple[bytes, list[tuple[int, str]], frozenset[Kind]]]
KEYWORDS = {one.keyword: one.tag for one in ATTRIBUTES if "series" not in one.asked or "study" in one.asked}
KEYWORDS |= {"IssuerOfPatientID": 0x00100021}
PARTS = ("MainDicomTags", "PatientMainDicomTags", "RequestedTags")


class Notes:
    """Takes the place of the profile, and holds what it is told."""

    def __init__(self) -> None:
        self.told: Told = []
        self.spoiled = self.queries = 0
        self.doubts: list[Doubt] = []

    def go_on(self) -> None:
        """A question begins."""

    def study(self, uid: bytes, found: list[tuple[int, str]], kinds: frozenset[Kind]) -> None:
        self.told.append((uid, found, kinds))

    def doubt(self, doubt: Doubt) -> None:
        self.doubts.append(doubt)


def read(body: bytes, status: int = 200) -> Notes:
    notes = Notes()
    pages = orthanc._pages("", notes, [0])  # type: ignore[arg-type]
    request = next(pages)
    with suppress(StopIteration):
        pages.send(Response(request, status, body=body))
    return notes


def reference(studies: list[Any]) -> tuple[Told, int]:
    told: Told = []
    spoiled = 0
    for study in studies:
        tags: dict[str, Any] = {}
        parts = [study.get(name) if isinstance(study, dict) else None for name in PARTS]
        for part in parts:
            tags.update(part if isinstance(part, dict) else {})
        uid = tags.get("StudyInstanceUID")
        if not isinstance(uid, str) or not uid:
            spoiled += 1
            continue
        found = sorted(
            (tag, tags[name]) for name, tag in KEYWORDS.items() if isinstance(tags.get(name), str) and tags[name]
        )
        kinds = INDEXED_KINDS | BY_STUDY_KINDS if isinstance(parts[-1], dict) else INDEXED_KINDS
        told.append((uid.encode("utf-8", "replace"), found, kinds))
    return told, spoiled


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*PARTS, "PatientID", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
PART = st.dictionaries(
    st.sampled_from([*KEYWORDS, "StudyInstanceUID", "SeriesDate", "StudyTime"]), st.text(max_size=4) | JUNK, max_size=6
)
UID = st.fixed_dictionaries(
    {"StudyInstanceUID": st.sampled_from(["1.2", "1.3", "", "é"])}, optional={"StudyDate": st.just("2020")}
)
STUDY = st.fixed_dictionaries(
    {"MainDicomTags": UID | UID | PART | JUNK},
    optional={"PatientMainDicomTags": PART | PART | JUNK, "RequestedTags": PART | PART | JUNK, "Type": JUNK},
)


@settings(deadline=None, max_examples=300)
@given(st.lists(STUDY | STUDY | JUNK, max_size=4), st.booleans())
def test_any_list_gives_what_a_plain_reading_gives(studies: list[Any], plain: bool) -> None:
    notes = read(json.dumps(studies, ensure_ascii=plain).encode())
    told, spoiled = reference(studies)
    assert (notes.told, notes.spoiled, notes.doubts, notes.queries) == (told, spoiled, [], 1)


@pytest.mark.parametrize(
    "body", [b"{}", b"null", b"[{]", b"", b"[" * 5000, b'[{"MainDicomTags": {"StudyInstanceUID": "\xff"}}]']
)
def test_what_is_no_list_of_studies(body: bytes) -> None:
    notes = read(body)
    assert (notes.told, notes.spoiled, len(notes.doubts)) == ([], 0, 1)


def test_every_attribute_that_is_asked_for_is_decoded_and_no_other() -> None:
    asked = set(orthanc._TAGS.split(";"))
    assert {name for name, tag in KEYWORDS.items() if VR[tag] != "SQ"} == asked
    assert {*orthanc._Wanted.__struct_fields__} == {*KEYWORDS, "StudyInstanceUID"}


def test_no_record_shows_a_value() -> None:
    (made,) = orthanc._STUDIES.decode(b'[{"MainDicomTags": {"PatientName": "DOE"}, "RequestedTags": "DOE"}]')
    assert isinstance(made, orthanc._Study)
    assert "DOE" not in repr((made, made.MainDicomTags))
