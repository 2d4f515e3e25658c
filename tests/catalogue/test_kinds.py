"""The table of kinds, against pydicom's data dictionary, which is made from PS3.6."""

from __future__ import annotations

from pydicom.datadict import dictionary_description, dictionary_VR, keyword_for_tag

from filmbadge.catalogue import kinds
from filmbadge.catalogue.kinds import ATTRIBUTES, CHARACTER_SET, INSIDE, ISSUER, VR, Asked
from filmbadge.model import Kind


def test_names_keywords_and_vrs_are_the_standards() -> None:
    for attribute in ATTRIBUTES:
        # Names that a later edition of the standard writes in another way.
        said = dictionary_description(attribute.tag).replace("\u2019", "'")
        assert attribute.name == said, kinds.tag_words(attribute.tag)
        assert attribute.keyword == keyword_for_tag(attribute.tag)
        assert attribute.vr == dictionary_VR(attribute.tag)
        assert attribute.why
    for tag in (ISSUER, CHARACTER_SET, *(tag for inner in INSIDE.values() for tag in inner)):
        assert VR[tag] == dictionary_VR(tag)


def test_every_kind_has_an_attribute_and_no_attribute_two() -> None:
    assert {attribute.kind for attribute in ATTRIBUTES} == set(Kind)
    assert len({attribute.tag for attribute in ATTRIBUTES}) == len(ATTRIBUTES)
    assert {a.tag for a in ATTRIBUTES if a.vr == "SQ"} == set(INSIDE)


def test_a_kind_is_asked_with_all_studies_or_by_study_and_never_both_ways() -> None:
    for kind in Kind:
        ways = {how for a in ATTRIBUTES if a.kind is kind for how in a.asked}
        assert ways == {Asked.WITH_ALL} or Asked.WITH_ALL not in ways
    assert set(kinds.asked(Asked.WITH_ALL)) == {0x00080020, 0x00080090, 0x00100010, 0x00100020, 0x00100030, 0x00100040}


def test_the_page_has_a_row_for_each_attribute() -> None:
    rows = [line for line in kinds.markdown().splitlines() if line.startswith("| `")]
    assert len(rows) == len(ATTRIBUTES)
    assert (
        "| `patient_name` | Patient's Name | (0010,0010) | PN | of every study, in one query | names the patient |"
        in rows
    )
