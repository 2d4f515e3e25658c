"""Rows of QIDO-RS in any form: typed records must give what a plain reading of the same JSON gives."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmbadge.ask.census.source import WindowAnswer
from filmbadge.ask.census.windows import Window
from filmbadge.ask.decoder import Tally
from filmbadge.ask.dicomweb import profile
from filmbadge.ask.dicomweb.census import QidoSource
from filmbadge.ask.dicomweb.records import Marked, Number, Record, Rows, Study, Text, number, record, text
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal import inspector, progress
from filmbadge.ask.personal.progress import ProfileProgress
from filmbadge.ask.wire import json_array
from filmbadge.ask.wire.http import Request, Response
from filmbadge.catalogue.dicom import Modality
from filmbadge.catalogue.kinds import ISSUER, KIND, VR
from filmbadge.model import Kind
from support.personal_records import POOLS
from support.recorded_connection import split

Listed = list[tuple[bytes, list[tuple[int, str]]]]
TAGS = sorted([0x00080020, 0x00080090, 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040])
TEXTS = ("00080020", "00080061", "00081190", "0020000D")
NUMBERS = ("00201206", "00201208")
NO_BOUNDS = Window()


class Noticed:
    """Takes the place of the profile, and holds what it is told. Its tally leaves all to it."""

    def __init__(self) -> None:
        self.told: Listed = []
        self.tally = self
        self.full = False

    def go_on(self) -> None:
        """A question begins."""

    def json(self, uid: object, values: tuple[object, ...]) -> bool:
        assert len(values) == len(TAGS)
        return False

    def listed(self, uid: bytes, found: list[tuple[int, str]]) -> None:
        self.told.append((uid, list(found)))


# The reference: dicts, one row after the other.


def held(row: Any, tag: str, *kinds: type) -> list[Any]:
    """The values of an attribute. None where one of them is of another type, or the element has another form."""
    element = row.get(tag)
    listed = element.get("Value") if isinstance(element, dict) else None
    right = isinstance(listed, list) and all(one is None or type(one) in kinds for one in listed)
    return listed if isinstance(listed, list) and right else []


def first(row: Any, tag: str, *kinds: type) -> Any:
    values = held(row, tag, *kinds)
    return values[0] if values else None


def uid_of(row: Any) -> bytes:
    return str(first(row, "0020000D", str) or "").strip(" \0").encode("ascii", "replace")[:65]


def personal(row: Any) -> list[tuple[int, str]]:
    made = []
    for tag in TAGS:
        element = row.get(f"{tag:08X}")
        held = element.get("Value") if isinstance(element, dict) else None
        for one in held if isinstance(held, list) else []:
            if isinstance(one, dict):
                groups = [one.get(name) for name in ("Alphabetic", "Ideographic", "Phonetic")]
                made.append((tag, "=".join(group if isinstance(group, str) else "" for group in groups).rstrip("=")))
            elif isinstance(one, str | int | float):
                made.append((tag, str(one)))
    return [(tag, text) for tag, text in made if text]


def day(row: Any) -> int | None:
    text = str(first(row, "00080020", str) or "").strip(" \0").replace(".", "")
    try:
        return date.fromisoformat(text).toordinal() if len(text) == 8 and text.isascii() and text.isdigit() else None
    except ValueError:
        return None


# Rows as archives might write them.

WORDS = st.text(max_size=4) | st.sampled_from(
    ["", " ", "A=", "20200101", "2020.01.01", "DOE^J", "A\\B", "CT", "M", "é"]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Value", "vr", "Alphabetic", "Phonetic", "00100020", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
NAMES = st.fixed_dictionaries(
    {}, optional={group: WORDS | st.none() for group in ("Alphabetic", "Ideographic", "Phonetic", "Other")}
)


def element(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One value for the most part; none, several, or something else."""
    usual = one.map(lambda value: {"vr": "XX", "Value": [value]})
    odd = st.lists(one | st.none(), max_size=3).map(lambda held: {"Value": held})
    wrong = st.lists(JUNK, max_size=2).map(lambda held: {"Value": held})
    return st.one_of(usual, usual, usual, usual, st.just({"vr": "XX"}), odd, wrong, st.just({"Value": None}), JUNK)


UIDS = st.integers(0, 5).map(lambda number: f"1.2.{number}") | st.sampled_from(["0.0", "1.2.3 ", "\0", "1." * 40, "é"])
COUNTS = st.integers(-1, 30) | st.sampled_from([10**18, 1.5, "3", "x"])
ROW = st.fixed_dictionaries(
    {"0020000D": st.one_of(*[UIDS.map(lambda uid: {"vr": "UI", "Value": [uid]})] * 4, element(UIDS))},
    optional={
        **{f"{tag:08X}": element(NAMES if VR[tag] == "PN" else WORDS) for tag in TAGS},
        "00080061": element(WORDS),
        "00081190": element(WORDS),
        **{tag: element(COUNTS) for tag in NUMBERS},
        "0020000E": JUNK,
        "00081030": JUNK,
    },
)
USUAL = st.integers(0, 9).map(
    lambda number: {
        "0020000D": {"vr": "UI", "Value": [f"1.3.{number}"]},
        "00080020": {"vr": "DA", "Value": [f"2020010{number}"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"DOE^{number}"}]},
        "00100030": {"vr": "DA"},
        "00201208": {"vr": "IS", "Value": [number]},
    }
)


def counted(text: bytes, cuts: list[int], window: Window) -> tuple[WindowAnswer, Listed, Tally, bool]:
    noticed = Noticed()
    answer, tally, retrieve = ask(noticed, text, cuts, window)
    return answer, noticed.told, tally, retrieve


def ask(
    noticed: ProfileProgress | Noticed, text: bytes, cuts: list[int], window: Window = NO_BOUNDS
) -> tuple[WindowAnswer, Tally, bool]:
    """What one page brings, and nothing on the next."""
    tally = Tally(RunKey())
    source = QidoSource("/dicom-web", RunKey(), profile.Listed(noticed))  # type: ignore[arg-type]
    steps = source.studies(window, tally, False)
    try:
        request: Request = next(steps)
        while True:
            assert request.into is not None
            for piece in split(text, cuts) if "offset=0" in request.path else [b"[]"]:
                request.into(piece)
            request = steps.send(Response(request, 200))
    except StopIteration as stop:
        answer: WindowAnswer = stop.value
    return answer, tally, source.retrieve_url


@settings(deadline=None, max_examples=400)
@given(
    st.lists(ROW | USUAL, max_size=6),
    st.booleans(),
    st.lists(st.integers(0, 1 << 12), max_size=3),
    st.booleans(),
    st.sampled_from([1 << 20, 300, 0]),
)
def test_any_rows_count_as_a_plain_reading_counts_them(
    rows: list[dict[str, Any]], plain: bool, cuts: list[int], narrow: bool, at_once: int
) -> None:
    text = json.dumps(rows, ensure_ascii=plain).encode()
    window = Window((737425, 737500)) if narrow else Window()  # from 2020-01-01 on
    with patch.object(json_array, "AT_ONCE_UP_TO", at_once):
        answer, told, tally, retrieve = counted(text, cuts, window)
    assert told == [(uid_of(row), personal(row)) for row in rows]

    reference, days, labels, lacking = Tally(RunKey()), Counter[int](), Counter[Modality](), Counter[str]()
    seen: set[bytes] = set()
    links = False
    for row in rows:
        uid = uid_of(row)
        numbers = [first(row, tag, str, int, float) for tag in NUMBERS]
        reference.count(uid, *(b"" if one is None else str(one).encode("ascii", "replace")[:16] for one in numbers))
        if uid in seen or not uid.strip(b"0.") or len(uid) > 64:
            continue
        seen.add(uid)
        links = links or bool(str(first(row, "00081190", str) or "").strip(" \0"))
        named = {name for name in held(row, "00080061", str) if name}
        labels.update(Modality[name] for name in named if name in Modality.__members__)
        lacking["label"] += not named
        if (at := day(row)) is None:
            lacking["date"] += 1
        elif window.days is None or window.days[0] <= at <= window.days[1]:
            days[at] += 1
        else:
            lacking["in the window"] += 1
    assert [(one.rows, one.distinct, one.malformed, one.series, one.images, one.images_known) for one in (tally,)] == [
        (one.rows, one.distinct, one.malformed, one.series, one.images, one.images_known) for one in (reference,)
    ]
    assert (answer.days, answer.modalities, retrieve) == (days, labels, links)
    assert (answer.unlabelled, answer.undated, answer.astray) == (
        lacking["label"], lacking["date"], lacking["in the window"],
    )  # fmt: skip


def from_pools(lot: random.Random) -> dict[str, Any]:
    """A row with values that are hard to judge. Most have one value for each attribute, and ASCII."""
    row: dict[str, Any] = {
        "0020000D": {"vr": "UI", "Value": [f"1.2.{lot.randrange(200)}" if lot.randrange(20) else "0.0"]}
    }
    for tag, pool in POOLS.items():
        texts = [lot.choice(pool) for _ in range(1 if lot.randrange(12) else lot.randrange(4))]
        held = [{"Alphabetic": one} if VR[tag] == "PN" and lot.randrange(20) else one for one in texts]
        if lot.randrange(5):
            row[f"{tag:08X}"] = {"vr": VR[tag], "Value": held} if held or lot.randrange(2) else {"vr": VR[tag]}
    return row


@pytest.fixture
def small_archives_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few rows reach all parts of both ways."""
    for module in (inspector, progress):
        monkeypatch.setattr(module, "MOST_INSPECTED", 4)
    monkeypatch.setattr(inspector, "ENOUGH", 2)
    monkeypatch.setattr(progress, "ASK_EACH_UP_TO", 3)
    monkeypatch.setattr(progress, "SAMPLE_STUDIES", 2)


@pytest.mark.usefixtures("small_archives_are_large")
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 32), st.sampled_from([1 << 20, 2000, 0]))
def test_the_tally_and_the_inspector_notice_the_same_of_json(seed: int, at_once: int) -> None:
    lot = random.Random(seed)
    rows = [from_pools(lot) for _ in range(lot.randrange(80))]
    text = json.dumps(rows, ensure_ascii=bool(lot.randrange(2))).encode()
    fast = ProfileProgress(RunKey(), lot=random.Random(seed))
    with patch.object(json_array, "AT_ONCE_UP_TO", at_once):
        ask(fast, text, [lot.randrange(len(text)) for _ in range(3)])
    slow = ProfileProgress(RunKey(), lot=random.Random(seed), hurries=False)
    for row in rows:
        slow.listed(uid_of(row), personal(row))
    assert fast.profile() == slow.profile()
    assert (len(fast.seen), fast.drawn) == (len(slow.seen), slow.drawn)


@pytest.mark.usefixtures("small_archives_are_large")
def test_ordinary_rows_are_counted_by_the_tally() -> None:
    """Else the test above would compare one way with itself."""
    rows = [
        {
            "0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"Person^{number:04}"}]},
            "00100020": {"vr": "LO", "Value": [f"K{number // 3:06}"]},
            "00100030": {"vr": "DA"},
        }
        for number in range(1000)
    ]
    notes = ProfileProgress(RunKey())
    ask(notes, json.dumps(rows).encode(), [])
    assert notes.records == 1000
    assert notes.tally.records > 950


ROWS = [
    json.dumps({"0020000D": {"vr": "UI", "Value": [f"1.2.{number}"]}, "00100020": {"Value": [f"P{number}"]}}).encode()
    for number in range(4)
]
ALL = [(b"1.2.%d" % number, [(0x00100020, f"P{number}")]) for number in range(4)]


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (b"null", []),
        (b"[{}]", []),
        (b"{}", [(b"", [])]),
        (b'{"0020000D": {"Value": ["1.3"]}, "00100010": {"Value": ["DOE"]}}', [(b"1.3", [(0x00100010, "DOE")])]),
        (b'{"0020000D": {"Value": ["1.3"]}, "00100010": {"Value": ["D\xd6E"]}}', [(b"1.3", [(0x00100010, "D\udcd6E")])]),
        (
            b'{"0020000D": {"Value": ["1.3"]}, "00100020": {"Value": ["8"]}, "00081030": {"Value": ["D\xd6E"]}}',
            [(b"1.3", [(0x00100020, "8")])],
        ),
        (b'{"0020000D": {"Value": ["1.3"]}, "00100020": {"Value": [7, "8"]}}', [(b"1.3", [(0x00100020, "7"), (0x00100020, "8")])]),
        (b'{"0020000D": {"Value": [3]}, "00100020": {"Value": ["8"]}}', [(b"", [(0x00100020, "8")])]),
        (b'{"0020000D": "1.3", "00100020": {"Value": ["8"]}}', [(b"", [(0x00100020, "8")])]),
    ],
)  # fmt: skip
def test_an_odd_row_changes_no_other_row(odd: bytes, told: Listed) -> None:
    before, after = b"[" + b",".join(ROWS[:2]), b",".join(ROWS[2:]) + b"]"
    for page in (b"%s,%s,%s" % (before, odd, after), b"\xef\xbb\xbf%s,%s,%s" % (before, odd, after)):
        assert counted(page, [], Window())[1] == ALL[:2] + told + ALL[2:]


def test_a_name_that_is_no_utf_8_is_filled_and_malformed_as_over_dimse() -> None:
    notes = ProfileProgress(RunKey())
    ask(
        notes,
        b'[{"0020000D": {"Value": ["1.2"]}, "00100010": {"Value": [{"Alphabetic": "D\xd6E^J"}]}, "00100020": {"Value": ["7"]}}]',
        [],
    )
    names = next(tally for tally in notes.look.kinds() if tally.kind is Kind.PATIENT_NAME)
    assert (names.filled, names.malformed, names.unread) == (1, 1, 1)
    assert (notes.without_id, len(notes.patients)) == (0, 1)
    row = b'{"00080080": {"Value": ["H\xf4pital"]}, "00081070": {"Value": [{"Alphabetic": "A"}]}}'
    assert profile._values(row, progress.BY_SERIES) == [(0x00080080, "H\udcf4pital"), (0x00081070, "A")]


def test_a_page_that_breaks_off_gives_nothing_and_a_long_one_what_came(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"[" + b",".join(ROWS)
    assert counted(text, [], Window())[1] == []
    monkeypatch.setattr(json_array, "AT_ONCE_UP_TO", 0)
    assert counted(text, [7, 90], Window())[1] == ALL
    assert counted(text + b"]", [7, 90], Window())[1] == ALL


def test_what_is_looked_at_is_what_the_catalogue_asks_of_all_studies() -> None:
    assert list(profile.LISTED) == TAGS
    held = {field.encode_name for field in msgspec.structs.fields(profile.Listed.kind)}
    assert held == {f"{tag:08X}" for tag in TAGS} | {*TEXTS, *NUMBERS, "00080056"}
    assert {tag for tag in KIND if f"{tag:08X}" in held} == {*TAGS} - {ISSUER}


def test_no_record_shows_a_value() -> None:
    row = json.dumps(
        {
            **{f"{tag:08X}": {"vr": "DOE", "Value": [{"Alphabetic": "DOE"} if VR[tag] == "PN" else "DOE"]} for tag in TAGS},
            **{tag: {"Value": ["DOE"]} for tag in (*TEXTS, *NUMBERS)},
        }
    ).encode()  # fmt: skip
    kinds = (Study, Record, profile.Listed.kind)
    shown = [repr(msgspec.json.decode(row, type=kind)) for kind in kinds]
    shown += [repr(held) for held in (Text(("DOE",)), Marked(("DOE",)), Number(("DOE",)))]
    shown += [repr(profile._form(profile.LISTED).decode(row)), repr(Rows(Study, print))]
    assert not [one for one in shown if "DOE" in one]


@settings(deadline=None)
@given(st.binary(max_size=60) | st.sampled_from([b'{"0020000D":{"Value":[1e999]}}', b'{"00201208":{"Value":["9" ]}}']))
def test_any_row_is_a_record_or_none(row: bytes) -> None:
    found = record(row)
    assert found is None or len(found.study.uid) <= 65
    assert len(text(row).uid) <= 65
    assert len(number(row).digits) <= 16
