"""The loop over headers: against bytes by hand, against pydicom, and against anything at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from filmbadge.ask.decoder import elements, limits
from filmbadge.ask.decoder.elements import IMAGES_IN_STUDY, QUERY_LEVEL, STUDY_UID, encode, headers, values
from filmbadge.ask.errors import WireError

UNDEFINED = b"\xff\xff\xff\xff"
ITEM, ITEM_END, SEQUENCE_END = b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\xdd\xe0" + bytes(4)
SEQUENCE = b"\x08\x00\x10\x11"  # (0008,1110) Referenced Study Sequence

UID_IMPLICIT = b"\x20\x00\x0d\x00\x04\x00\x00\x001.2\0"  # (0020,000D), 4 bytes
UID_EXPLICIT = b"\x20\x00\x0d\x00UI\x04\x001.2\0"
INNER_IMPLICIT = b"\x20\x00\x0d\x00\x04\x00\x00\x009.9\0"  # the same tag, but inside a sequence
INNER_EXPLICIT = b"\x20\x00\x0d\x00UI\x04\x009.9\0"
FOUND = [(STUDY_UID, b"1.2\0")]


def studies(data: bytes, *, explicit: bool) -> list[tuple[int, bytes]]:
    return list(values(data, explicit=explicit, wanted={STUDY_UID}).items())


def test_encoding_by_hand() -> None:
    keys = [(STUDY_UID, b"1.2"), (QUERY_LEVEL, b"STUDY")]
    assert encode(keys, explicit=True) == b"\x08\x00\x52\x00CS\x06\x00STUDY " + UID_EXPLICIT
    assert encode(keys, explicit=False) == b"\x08\x00\x52\x00\x06\x00\x00\x00STUDY " + UID_IMPLICIT


@pytest.mark.parametrize(
    ("before", "explicit"),
    [
        (b"", True),
        (b"", False),
        (b"\x10\x00\x10\x00" b"PN\x04\x00" b"A^B ", True),
        (b"\x08\x00\x10\x11" b"SQ\0\0" b"\x00\x00\x00\x00", True),  # an empty sequence
        # sequences with one item: defined or undefined length, of the sequence and of the item
        (SEQUENCE + b"SQ\0\0" b"\x14\x00\x00\x00" + ITEM + b"\x0c\x00\x00\x00" + INNER_EXPLICIT, True),
        (SEQUENCE + b"SQ\0\0" + UNDEFINED + ITEM + b"\x0c\x00\x00\x00" + INNER_EXPLICIT + SEQUENCE_END, True),
        (SEQUENCE + b"SQ\0\0" + UNDEFINED + ITEM + UNDEFINED + INNER_EXPLICIT + ITEM_END + SEQUENCE_END, True),
        (SEQUENCE + b"\x14\x00\x00\x00" + ITEM + b"\x0c\x00\x00\x00" + INNER_IMPLICIT, False),
        (SEQUENCE + UNDEFINED + ITEM + UNDEFINED + INNER_IMPLICIT + ITEM_END + SEQUENCE_END, False),
        # an unknown VR of undefined length is implicit inside, PS3.5 6.2.2, and explicit again afterwards
        (SEQUENCE + b"UN\0\0" + UNDEFINED + ITEM + UNDEFINED + INNER_IMPLICIT + ITEM_END + SEQUENCE_END, True),
        # encapsulated fragments, PS3.5 A.4
        (b"\x09\x00\x10\x10" b"OB\0\0" + UNDEFINED + ITEM + bytes(4) + ITEM + b"\x02\0\0\0xx" + SEQUENCE_END, True),
    ],
)  # fmt: skip
def test_what_stands_before_is_stepped_over(before: bytes, explicit: bool) -> None:
    assert studies(before + (UID_EXPLICIT if explicit else UID_IMPLICIT), explicit=explicit) == FOUND


def nested(levels: int) -> bytes:
    opening = SEQUENCE + b"SQ\0\0" + UNDEFINED + ITEM + UNDEFINED
    return opening * levels + (ITEM_END + SEQUENCE_END) * levels + UID_EXPLICIT


def test_nesting_has_a_bound() -> None:
    assert studies(nested(limits.MAX_NESTING), explicit=True) == FOUND
    with pytest.raises(WireError):
        studies(nested(limits.MAX_NESTING + 1), explicit=True)


@pytest.mark.parametrize(
    ("data", "explicit"),
    [
        (UID_EXPLICIT[:-1], True),  # the value cut off
        (UID_EXPLICIT[:7], True),  # the header cut off
        (SEQUENCE + b"SQ\0\0\0", True),  # the long header cut off
        (UID_IMPLICIT[:-1], False),
        (UID_IMPLICIT[:4] + b"\xfe\xff\xff\xff", False),  # 4 GiB
        (b"\x20\x00\x0d\x00" b"??\x04\x00" b"1.2\0", True),  # no VR
        (SEQUENCE + UNDEFINED + ITEM + UNDEFINED, False),  # never ends
        (SEQUENCE + UNDEFINED + ITEM + b"\x99\x00\x00\x00", False),  # an item longer than all
        (SEQUENCE_END, False),
        (ITEM_END, False),
        (ITEM + UNDEFINED, False),
        (ITEM + b"\x04\x00\x00\x00abcd", False),  # an item outside any sequence
    ],
)  # fmt: skip
def test_malformed(data: bytes, explicit: bool) -> None:
    with pytest.raises(WireError):
        studies(data, explicit=explicit)


TAGS = (QUERY_LEVEL, elements.STUDY_DATE, STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID, IMAGES_IN_STUDY)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(TAGS), st.binary(max_size=200)), st.booleans())
def test_what_is_encoded_is_found(keys: dict[int, bytes], explicit: bool) -> None:
    found = values(encode(list(keys.items()), explicit=explicit), explicit=explicit, wanted=TAGS)
    assert found.keys() == keys.keys()
    for tag, value in keys.items():
        padding = found[tag].removeprefix(value)
        assert len(found[tag]) % 2 == 0
        assert padding in (b"", b" ", b"\0")


PIECES = st.sampled_from(
    [UID_EXPLICIT, UID_IMPLICIT, ITEM, ITEM_END, SEQUENCE_END, SEQUENCE, b"SQ\0\0", b"UN\0\0", UNDEFINED, b"\x04\0\0\0"]
)


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=120) | st.lists(PIECES | st.binary(max_size=6), max_size=30).map(b"".join), st.booleans())
def test_any_bytes_end_in_elements_or_a_wire_error(data: bytes, explicit: bool) -> None:
    try:
        found = studies(data, explicit=explicit)
    except WireError:
        return
    assert sum(8 + len(value) for _, value in found) <= len(data)


def random_dataset(draw: Callable[[st.SearchStrategy[Any]], Any], depth: int = 0) -> Any:
    """A data set as an archive might return it: text, empty values, private elements, sequences in sequences."""
    made = Dataset()
    made.PatientName = draw(st.sampled_from(["", "DOE^JANE", "DOE^JANE" * 8]))
    made.StudyDate = draw(st.sampled_from(["", "20190917"]))
    made.NumberOfStudyRelatedInstances = draw(st.none() | st.integers(0, 9999))
    if draw(st.booleans()):
        made.private_block(0x0009, "FILMBADGE TEST", create=True).add_new(0x01, "UN", b"\x01\x02" * 7)
    if draw(st.booleans()):
        made.add_new(0x00420011, "OB", bytes(10))
    made.StudyInstanceUID = f"1.2.{draw(st.integers(1, 10**12))}"
    if depth < 3:
        for keyword in ("ReferencedStudySequence", "RequestAttributesSequence"):
            if draw(st.booleans()):
                items = [random_dataset(draw, depth + 1) for _ in range(draw(st.integers(0, 2)))]
                setattr(made, keyword, items)
                made[keyword].is_undefined_length = draw(st.booleans())
                for item in items:
                    item.is_undefined_length_sequence_item = draw(st.booleans())
    return made


@settings(deadline=None, max_examples=150)
@given(st.data(), st.booleans())
def test_pydicom_writes_what_we_read(data: st.DataObject, explicit: bool) -> None:
    made = random_dataset(data.draw)
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, not explicit
    write_dataset(stream, made)
    uid = str(made.StudyInstanceUID).encode()
    found = studies(stream.getvalue(), explicit=explicit)
    assert [(tag, value.rstrip(b"\0")) for tag, value in found] == [(STUDY_UID, uid)]
    top = [tag for depth, tag, *_ in headers(stream.getvalue(), explicit=explicit) if not depth]
    assert top == [int(element.tag) for element in made]


def test_headers_by_hand() -> None:
    """A sequence without a length is entered: there is an item with a length in it, and one without."""
    items = ITEM + b"\x0c\x00\x00\x00" + INNER_EXPLICIT + ITEM + UNDEFINED + INNER_EXPLICIT + ITEM_END
    data = SEQUENCE + b"SQ\0\0" + UNDEFINED + items + SEQUENCE_END + UID_EXPLICIT
    assert list(headers(data, explicit=True)) == [
        (0, 0x00081110, 12, elements.UNDEFINED, True),
        (1, elements.ITEM, 20, 12, True),
        (1, STUDY_UID, 48, 4, True),
        (0, STUDY_UID, 76, 4, True),
    ]
    inside = [(1, elements.ITEM, 8, 12, True), (1, STUDY_UID, 36, 4, True)]
    assert list(headers(items, explicit=True, inside=True)) == inside


@pytest.mark.parametrize("data", [SEQUENCE_END, SEQUENCE + b"SQ\0\0" + UNDEFINED + SEQUENCE_END * 2])
def test_the_items_of_a_sequence_do_not_end_it(data: bytes) -> None:
    with pytest.raises(WireError):
        list(headers(data, explicit=True, inside=True))
