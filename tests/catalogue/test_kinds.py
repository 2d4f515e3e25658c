"""The table of kinds: against pydicom's data dictionary, which is made from PS3.6, and by the example of each row."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_description, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset

from filmbadge.ask.personal.documents import by_keyword, by_tag
from filmbadge.ask.personal.inspector import Value, ValueInspector
from filmbadge.ask.personal.read import values
from filmbadge.catalogue import kinds
from filmbadge.catalogue.kinds import ATTRIBUTES, CHARACTER_SET, INSIDE, ISSUER, VR, Asked, Attribute, Attributes
from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.judge.personal import looks
from filmbadge.model import Appearance, Kind
from support.studies import written

ROWS = pytest.mark.parametrize("row", ATTRIBUTES, ids=lambda row: row.keyword)


def example(row: Attribute, tag: int) -> Dataset:
    """A data set with the example in one attribute, or in an item of the sequence."""
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    if tag == row.tag:
        made.add_new(tag, row.vr, row.example)
    else:
        item = Dataset()
        item.add_new(tag, VR[tag], row.example)
        made.add_new(row.tag, row.vr, [item])
    return made


def counted(found: list[Value]) -> dict[Kind, Appearance | None]:
    """The kinds that a reader counts for these values, and how it finds them made."""
    look = ValueInspector()
    look.take(found, set(Kind))
    look.close(set(Kind))
    tallies = {tally.kind: tally for tally in look.kinds()}
    assert not any(tally.malformed for tally in tallies.values())
    return {kind: looks(tally, tallies) for kind, tally in tallies.items() if tally.filled}


@ROWS
def test_its_example_is_counted_for_its_kind_alone_however_it_comes(row: Attribute) -> None:
    for tag in row.inside or (row.tag,):
        made = example(row, tag)
        read = [values(written(made, explicit), explicit, {row.tag})[1] for explicit in (True, False)]
        read.append(by_tag(made.to_json_dict(), {row.tag}))
        if not row.inside:
            read.append(by_keyword({row.keyword: row.example}, {row.tag}))
        for found in read:
            assert found == [(row.tag, row.example)]
            assert counted(found) == {row.kind: Appearance.PERSONAL}


@pytest.mark.parametrize(("vr", "inside"), [("SQ", "[]"), ("LO", "[0x00100020]")])
def test_a_row_that_is_wrong_is_named(vr: str, inside: str) -> None:
    row = f'[[attribute]]\ntag = 1\nname = "n"\nvr = "{vr}"\nkind = "sex"\nasked = ["all"]\nwhy = "w"\nexample = "e"\ninside = {inside}\n'
    with pytest.raises(CatalogueError, match=r"row 1 of \[\[attribute\]\]: a sequence, and nothing else"):
        parse("kinds.toml", row.encode(), Attributes)


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
