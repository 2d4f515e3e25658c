"""Values out of an identifier, as pydicom writes it; and whatever bytes come, the error tells offsets and tags only."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.errors import WireError
from filmbadge.ask.personal.charsets import readable
from filmbadge.ask.personal.read import values
from filmbadge.catalogue.kinds import ISSUER
from support.studies import UID, WANTED, record, written

OTHER_IDS, ITEM, SEQUENCE_END = b"\x10\x00\x02\x10", b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)
ISSUER_ELEMENT = b"\x10\0\x21\0\x04\0\0\0WARD"


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("undefined", [True, False])
def test_what_pydicom_writes_is_read(explicit: bool, undefined: bool) -> None:
    made = record()
    for element in made:
        if element.VR == "SQ":
            element.is_undefined_length = undefined
            for item in element.value:
                item.is_undefined_length_sequence_item = undefined
    uid, found = values(written(made, explicit), explicit, WANTED)
    assert uid == UID.encode()
    assert sorted(found, key=lambda v: v[0]) == [
        (0x00100010, "Müller^Ida"),
        (0x00100020, "A-1"),
        (ISSUER, "WARD"),
        (ISSUER, "SSA"),
        (0x00101002, "536-90-4399"),
        (0x00400275, "cough"),
    ]
    at = found.index((0x00101002, "536-90-4399"))
    assert found[at + 1] == (ISSUER, "SSA"), "an issuer stands right behind its id"


@pytest.mark.parametrize("declared", ["", "ISO_IR 999", "NONSENSE\\ISO_IR 999"])
def test_a_value_outside_its_character_set_is_there_and_the_others_are_read(declared: str) -> None:
    made = record()
    made.SpecificCharacterSet = ""
    raw = written(made, True).replace("Müller".encode(), b"M\xfcller ")
    charset = declared.encode() + b" " * (len(declared) % 2)
    raw = raw.replace(b"\x08\0\x05\0CS\0\0", b"\x08\0\x05\0CS" + len(charset).to_bytes(2, "little") + charset)
    found = dict(values(raw, True, WANTED)[1])
    assert not readable(found[0x00100010])
    assert found[0x00100020] == "A-1"


def test_only_what_was_asked_for_is_read() -> None:
    assert values(written(record(), True), True, (0x00100020,))[1] == [(0x00100020, "A-1")]


@settings(deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes(data: bytes, explicit: bool) -> None:
    with suppress(WireError):
        values(data, explicit, WANTED)


@pytest.mark.parametrize("within", [ITEM, SEQUENCE_END + OTHER_IDS])
@pytest.mark.parametrize("levels", [2, 100_000])
def test_items_within_items_are_malformed(within: bytes, levels: int) -> None:
    """However deep they are nested, which is no deeper for us."""
    one = len(within) + 4
    data = b"".join(within + ((levels - n) * one).to_bytes(4, "little") for n in range(1, levels + 1))
    with pytest.raises(WireError):
        values(OTHER_IDS + len(data).to_bytes(4, "little") + data, False, WANTED)


def test_a_sequence_in_an_item_is_stepped_over() -> None:
    inner, outer = (b"\x10\0\x20\0\x04\0\0\0" + value for value in (b"IN  ", b"OUT "))
    open_item, close = ITEM + b"\xff" * 4, b"\xfe\xff\x0d\xe0" + bytes(4) + SEQUENCE_END
    nested = b"\x08\0\x10\x11" + b"\xff" * 4 + open_item + inner + close
    data = OTHER_IDS + b"\xff" * 4 + open_item + nested + outer + close
    assert values(data, False, WANTED)[1] == [(0x00101002, "OUT")]


@pytest.mark.parametrize("held", [b"", ISSUER_ELEMENT, ITEM + b"\x0c\0\0\0" + ISSUER_ELEMENT])
def test_a_name_that_is_a_sequence_is_no_name(held: bytes) -> None:
    data = b"\x10\0\x10\0" + b"\xff" * 4 + held + SEQUENCE_END
    assert values(data, False, WANTED) == (b"", [])


SECRET = b"ZQXJKVBPYG"


@settings(deadline=None)
@given(st.data(), st.booleans())
def test_an_error_holds_no_byte_of_the_record(data: st.DataObject, explicit: bool) -> None:
    """A record cut off or changed anywhere."""
    made = record()
    made.PatientName = SECRET.decode()
    made.PatientID = SECRET.decode()
    raw = bytearray(written(made, explicit))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    try:
        values(bytes(raw[: data.draw(st.integers(0, len(raw)))]), explicit, WANTED)
    except WireError as error:
        told = repr(error)
        assert not any(SECRET[i : i + 4].decode() in told for i in range(len(SECRET) - 3))
        assert error.__cause__ is None
