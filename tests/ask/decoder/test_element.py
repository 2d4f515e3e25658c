"""Elements of the DICOM JSON model: what a tally reads of one is what a plain reading gives, and it leaves the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import compiled, element, pure
from filmbadge.ask.decoder.values import AROUND
from filmbadge.ask.dicomweb.records import Number, Text, number, text
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.documents import by_tag
from filmbadge.catalogue.kinds import PATIENT_ID
from filmbadge.model import Kind

KEY = RunKey()
CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
FIELDS = [(PATIENT_ID, list(Kind).index(Kind.PATIENT_ID), "LO")]

WORDS = st.sampled_from(
    [
        "1.2.3",
        " 1.2 ",
        "0",
        "A=",
        "=",
        "A^B",
        "",
        "é",
        'a"b',
        "a\\b",
        "\n",
        "\x7f",
        "x" * 70,
        "7",
        "+5",
        "12345678901234567",
    ]
)
NUMBERS = st.sampled_from([0, 7, -1, 10**14, 10**15, 10**30, 1.0, 1.5, True, None])
NAMES = st.dictionaries(st.sampled_from(["Alphabetic", "Ideographic", "Phonetic", "x"]), WORDS | st.none(), max_size=2)
VALUES = st.lists(WORDS | NUMBERS | NAMES | st.lists(WORDS, max_size=1), max_size=2)
ELEMENTS = st.fixed_dictionaries(
    {},
    optional={"vr": WORDS | NUMBERS, "Value": st.one_of(*[VALUES] * 4, WORDS, NUMBERS, NAMES), "BulkDataURI": WORDS},
)


@st.composite
def written(draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
    """JSON of an element in one of the ways in which it is written, and now and then one byte of it is another."""
    made = draw(st.one_of(*[ELEMENTS] * 6, NUMBERS, WORDS))
    indent = draw(st.sampled_from([None, None, "\t"]))
    whole = json.dumps(
        made, indent=indent, ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([None, (",", ":")]))
    )
    data = whole.encode()
    at, other = (
        draw(st.integers(-3 * len(data), len(data))),
        draw(st.sampled_from([b"", b'"', b"{", b"}", b"]", b",", b"0", b"-", b"\xff", b" "])),
    )
    return data if at < 0 else data[:at] + other + data[at + draw(st.integers(0, 1)) :]


def as_json(data: bytes) -> object:
    """The value, or this very function where it is no JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return as_json


@CORES
@settings(deadline=None, max_examples=600)
@given(data=written())
@example(data=b'{"vr":"UI","Value":["1.2"],"Value":["1.3"]}')
@example(data=b'{"vr":"IS","Value":[007]}')
@example(data=b'{"vr":"IS","Value":[5]} ')
@example(data=b'{"Value":[nul]}')
@example(data=b"")
def test_a_tally_reads_what_a_plain_reading_gives_or_nothing(core: Any, data: bytes) -> None:
    if data and as_json(data) is as_json:  # what a decoder of JSON found never is: it need not be told apart
        core.Tally(KEY).json(data, data, data)
        return
    for given_as in (data, msgspec.Raw(data)):
        told = core.Tally(KEY)
        told.uids.mark()
        new = told.json(given_as, b"", b"")
        wanted = (text(data) if data else Text()).uid
        plain = pure.Tally(KEY)
        plain.count(wanted)
        assert new is None or (new, told.malformed) == (told.distinct == 1, plain.malformed)
        assert not new or not told.uids.add(wanted.strip(b" \0"))

        told, plain = core.Tally(KEY), pure.Tally(KEY)
        counted = told.json(b'{"Value": ["1.2"]}', given_as, given_as, given_as)
        digits = (number(data) if data else Number()).digits
        plain.count(b"1.2", digits, digits, digits)
        assert counted is None or (told.series, told.images, told.images_known, told.studies_online) == (
            plain.series,
            plain.images,
            plain.images_known,
            plain.studies_online,
        )

        seen, patients = core.DistinctSet(KEY), core.DistinctSet(KEY)
        looks = core.PersonalTally(seen, patients, FIELDS, lambda *_: None)
        assert looks.json(b'{"Value": ["1.2"]}', [given_as]) is False
        looks.alone = 1
        alone = looks.json(b'{"Value": ["1.2"]}', [given_as])
        values = by_tag({"00100020": as_json(data)} if data else {}, [PATIENT_ID])
        if alone:
            assert len(values) <= 1
            identity = values[0][1].strip(AROUND) if values else ""
            assert (len(patients), looks.without_id) == (bool(identity), not identity)
            assert not identity or not patients.add(identity.encode())


@CORES
@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=40) | written().map(lambda data: data[: len(data) // 2]))
def test_any_bytes_are_read_to_their_end_and_no_further(core: Any, data: bytes) -> None:
    assert core.Tally(KEY).json(data, data, data) in (None, False)


PLAIN: list[tuple[bytes, str]] = [
    (b'{"vr":"LO","Value":["A-1"]}', "A-1"),
    (b'{\n\t"Value" : \n\t[\n\t\t"A-1"\n\t],\n\t"vr" : "LO"\n}', "A-1"),
    (b'{"vr":"PN","Value":[{"Alphabetic":"DOE^J="}]}', "DOE^J"),
    (b'{"vr":"PN","Value":[{"Alphabetic":null}]}', ""),
    (b'{"vr":"PN","Value":[{}]}', ""),
    (b'{"vr":"PN","Value":[null]}', ""),
    (b'{"vr":"LO","Value":[]}', ""),
    (b'{"vr":"LO"}', ""),
    (b"{}", ""),
    (b"", ""),
]


@CORES
@pytest.mark.parametrize(("data", "value"), PLAIN)
def test_what_archives_write_is_read_by_the_tally(core: Any, data: bytes, value: str) -> None:
    """Else the test above would compare nothing."""
    patients = core.DistinctSet(KEY)
    looks = core.PersonalTally(core.DistinctSet(KEY), patients, FIELDS, lambda *_: None)
    looks.alone = 1
    assert looks.json(b'{"vr":"UI","Value":["1.2"]}', (data,)) is True
    assert (looks.records, looks.without_id, looks.alone) == (1, not value, 0)
    assert not value or not patients.add(value.encode())
    tally = core.Tally(KEY)
    tally.uids.mark()
    uid, counts = (
        msgspec.Raw(b'{"vr":"UI","Value":["1.2"]}'),
        (b'{"vr":"IS","Value":[3]}', b'{"vr":"IS","Value":["40"]}'),
    )
    assert [tally.json(uid, *counts), tally.json(uid, *counts)] == [True, False]
    assert (tally.rows, tally.series, tally.images) == (2, 3, 40)


@CORES
def test_what_is_no_element_is_refused(core: Any) -> None:
    tally, looks = core.Tally(KEY), core.PersonalTally(core.DistinctSet(KEY), core.DistinctSet(KEY), FIELDS, print)
    looks.alone = 1
    calls: list[Callable[[], object]] = [
        lambda: tally.json("text", b"", b""),
        lambda: tally.json(b"", b""),
        lambda: looks.json(b"", [None]),
        lambda: looks.json(b"", None),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()
    with pytest.raises(ValueError):
        looks.json(b"", [])
    assert (tally.rows, looks.records) == (0, 0)


def test_no_element_shows_a_value() -> None:
    for decoder in (element._STRINGS, element._NAMES, element._COUNTS):
        assert "DOE" not in repr(decoder.decode(b'{"vr": "DOE", "Value": ["DOE"]}'))
    assert "DOE" not in repr(element.Name("DOE"))
