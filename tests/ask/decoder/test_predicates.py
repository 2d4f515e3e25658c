"""What a value is said to be in C is what it is in Python, for any text in ASCII. One value is seen in what a tally counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import compiled
from filmbadge.ask.decoder.personal import FILLED, LOOKED, MALFORMED, NINE, PLAIN_ASIDE, REDACTED, Rule
from filmbadge.ask.decoder.values import appearance, is_hash, parts, well_formed
from filmbadge.ask.key import RunKey
from filmbadge.identifiers.checks import bare_number, is_ssn, may_hold_ssn, valid
from filmbadge.identifiers.programs import program
from filmbadge.identifiers.schemes import US_SSN, Scheme, schemes
from filmbadge.model import Kind

KEY = RunKey()
KINDS = tuple(Kind)
ASCII = [chr(code) for code in range(128) if chr(code) != "\x1b"]
SAYING = [
    "ANON", "PSEUD", "DE-IDENT", "DEIDENT", "REDACT", "REMOVED", "CONFIDENTIAL", "HIDDEN", "MASKED", "NO NAME", "NO^NAME", "NO_NAME",
    "NONAME", "UNKNOWN", "NONE", "N/A", "NA", "NULL", "NIL", "XXX", "XX", "*", "--", "00", "PHANTOM", "FANTOM", "TEST", "QA", "QC", "DEMO", "DUMMY",
    "SAMPLE", "SAMPLES", "EXAMPLE", "CALIBRATION", "COMPRESSEDSAMPLES", "ACR", "DOE^J", "JOHN DOE", "LASTNAME", "LAST_NAME", "FIRSTNAME",
    "FIRST_NAME", "MUSTERMANN", "PAT 0042", "ABCDEFGH-^12345678^^", "ABCDEFGHI1", "A---1", "A1^A", "123456789",
    "0123456789abcdef", "0123456789012345", "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-42661417400g",
    "1.2.840.10008.1.2", "2.3.4.5.6.7", "3.3.4.5.6.7", "1.2.3.4.5", "1.2.3..5.6.7", "1.2.3.4.5.6.",
]  # fmt: skip
WRITTEN = [
    "M", "F", "O", "m", "19700101", "19700230", "1970.01.01", "1970.1.01", "536-90-4399", "536904399", "078-05-1120", "457555462", "219-09-9999",
    "536 90/4399", "53.690.4399", "000-12-3456", "666123456", "912-12-3456", "536-00-4399", "536-90-0000", "5369043991",
    "A" * 16, "A" * 17, "A" * 64, "A" * 65, "a=b=c", "a^b^c^d^e", "=", "^", "\\", "a" * 1024, "a" * 1025, "a" * 10241,
]  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(SAYING + WRITTEN + ASCII), max_size=4).map("".join),
    st.text(st.sampled_from("0123456789-. /x"), min_size=8, max_size=14),
    st.text(st.sampled_from("0123456789abcdefABCDEF.-"), min_size=10, max_size=40),
    st.text(st.sampled_from("ABz^=_- 019\n"), max_size=24),
    st.text(st.sampled_from(ASCII), max_size=24),
)


def tally(kind: Kind, vr: str, mode: int = 0, rules: Sequence[Rule] = ()) -> compiled.PersonalTally:
    """A tally of one attribute."""
    fields = [(0x00100010, KINDS.index(kind), vr)]
    made = compiled.PersonalTally(
        compiled.DistinctSet(KEY), compiled.DistinctSet(KEY), fields, lambda _data, _explicit: None
    )
    made.alone = 1 << 40
    made.look(KINDS.index(kind), mode)
    made.rules(rules)
    return made


def counted(made: compiled.PersonalTally, kind: Kind, text: str) -> tuple[int, ...] | None:
    """What one text adds to the counts of its kind. None: it goes aside."""
    before = made.kind(KINDS.index(kind))
    if not made.texts(b"1.2.%d" % (made.records + 1), [text]):
        return None
    return tuple(now - then for now, then in zip(made.kind(KINDS.index(kind)), before, strict=True))


def assert_looks_alike(kind: Kind, vr: str, texts: Iterable[str]) -> None:
    """The counts of texts that are one value each, or that they go aside as nothing but somebody's own."""
    made = tally(kind, vr, PLAIN_ASIDE)
    for text in texts:
        values = parts(vr, text)
        if len(values) != 1:
            continue
        looks, found = appearance(kind, vr, values[0]), counted(made, kind, text)
        expected = (1, *map(int, looks)) if any(looks) else None
        assert (found and found[LOOKED:]) == expected, (kind, vr, text)
        assert REDACTED == LOOKED + 1


@pytest.mark.parametrize(
    "kind", [Kind.PATIENT_NAME, Kind.PATIENT_ID, Kind.OTHER_NAMES, Kind.OTHER_IDS, Kind.INSTITUTION]
)
def test_every_word_with_every_sign_beside_it(kind: Kind) -> None:
    around = ("{}{}", "{1}{0}", "x{}{}", "{1}{0}x", "{1}{0}1", "1 {}{}", "{1}1{0}", "x\n{}{}", "{}\n{}", "{1} {0}")
    texts = [form.format(sign, word) for word in SAYING for sign in ASCII for form in around]
    assert_looks_alike(kind, "PN", texts)
    assert_looks_alike(kind, "PN", [text.lower() for text in texts])


@pytest.mark.parametrize("kind", [Kind.BIRTH_DATE, Kind.EXAM_DATE])
def test_every_kind_of_day(kind: Kind) -> None:
    years = (0, 1, 4, 100, 400, 1111, 1600, 1800, 1899, 1900, 1901, 1970, 1971, 2000, 2023, 2024, 9999)
    days = [(year, month, day) for year in years for month in range(14) for day in range(33)]
    texts = [f"{year:04d}{dot}{month:02d}{dot}{day:02d}" for year, month, day in days for dot in ("", ".", "-")]
    assert_looks_alike(kind, "DA", texts)
    made = tally(kind, "DA")
    for text in texts:
        found = counted(made, kind, text)
        assert found is not None
        assert bool(found[MALFORMED]) is not well_formed(kind, "DA", text)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(["PN", "LO", "DA", "CS", "SH", "ST", "LT", "UI"]), TEXTS)
@example(Kind.PATIENT_NAME, "PN", "a\\" + "b" * 65)
@example(Kind.PATIENT_NAME, "LT", "a\\b" + "c" * 10237)
def test_filled_and_well_formed(kind: Kind, vr: str, text: str) -> None:
    values = parts(vr, text)
    found = counted(tally(kind, vr), kind, text)
    assert found is not None
    assert found[FILLED] == bool(values)
    assert found[MALFORMED] == any(not well_formed(kind, vr, value) for value in values)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(KINDS), st.sampled_from(["PN", "LO", "DA", "LT"]), TEXTS)
def test_looks(kind: Kind, vr: str, text: str) -> None:
    assert_looks_alike(kind, vr, [text])


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from([Kind.PATIENT_ID, Kind.OTHER_IDS]), TEXTS)
@example(Kind.PATIENT_ID, "536-90-4399")
@example(Kind.PATIENT_ID, "1.2.3.4.5.536904399")
@example(Kind.PATIENT_ID, "a\\1 536.90.4399x")
def test_nine_digits(kind: Kind, text: str) -> None:
    found = counted(tally(kind, "LO"), kind, text)
    expected = any(
        is_ssn(bare_number(value.upper())) or (may_hold_ssn(value) and not is_hash(value))
        for value in parts("LO", text)
    )
    assert found is not None
    assert found[NINE] == expected


RULED = [scheme for scheme in schemes().values() if scheme.id == US_SSN or program(scheme.id)]


@pytest.mark.parametrize("scheme", RULED, ids=lambda scheme: scheme.id)
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_numbers_of_a_scheme(scheme: Scheme, data: st.DataObject) -> None:
    """Whether an id has a scheme's shape, passes its rule, and is written with its separators too."""
    value = data.draw(st.sampled_from([scheme.example, scheme.counter_example]))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(value)))
        value = (
            value[:at]
            + data.draw(st.sampled_from([*"0123456789AXax-. /()", ""]))
            + value[at + data.draw(st.integers(0, 1)) :]
        )
    rule = (KINDS.index(Kind.PATIENT_ID), scheme.id, scheme.shape, scheme.written, program(scheme.id) or b"")
    sets = compiled.DistinctSet(KEY), compiled.DistinctSet(KEY)
    made = tally(Kind.PATIENT_ID, "LO", rules=[(*rule, *sets)])
    assert made.texts(b"1.2", [value])
    [bare] = parts("LO", value) or [""]
    upper = bare.upper()
    shaped = scheme.pattern.fullmatch(bare_number(upper)) is not None
    passes = shaped and valid(scheme.id, bare_number(upper))
    assert made.scheme(0) == (shaped, passes, passes and scheme.dashed.fullmatch(upper) is not None)


@pytest.mark.parametrize("sign", ["\x1b", "\x80", "é", "李", "\ud800"])
@pytest.mark.parametrize("kind", [Kind.PATIENT_NAME, Kind.INSTITUTION])
def test_what_is_not_ascii_goes_aside(kind: Kind, sign: str) -> None:
    assert counted(tally(kind, "LO"), kind, f"A{sign}B") is None
