"""What a look counts, and that it holds nothing of what it looked at."""

from __future__ import annotations

import gc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.personal import inspector as module
from filmbadge.ask.personal.inspector import Value, ValueInspector
from filmbadge.catalogue.kinds import KIND
from filmbadge.model import Kind, KindTally, SchemeTally, YearTally

EXAM, NAME, ID, BIRTH, SEX, ISSUER, OTHER, COMMENTS = (
    0x00080020, 0x00100010, 0x00100020, 0x00100030, 0x00100040, 0x00100021, 0x00101000, 0x00104000,
)  # fmt: skip
PLAIN = {Kind.PATIENT_NAME, Kind.PATIENT_ID, Kind.BIRTH_DATE, Kind.SEX}


def looked(*records: list[Value], kinds: set[Kind] = PLAIN) -> ValueInspector:
    look = ValueInspector()
    for record in records:
        look.take(record, kinds)
        look.close(kinds)
    return look


def kind(look: ValueInspector, wanted: Kind) -> KindTally:
    return next(tally for tally in look.kinds() if tally.kind is wanted)


def scheme(look: ValueInspector, name: str, where: Kind = Kind.PATIENT_ID) -> SchemeTally:
    return next(tally for tally in look.schemes() if (tally.scheme, tally.kind) == (name, where))


def test_records_that_carry_a_kind_are_counted_once_however_many_values_they_have() -> None:
    look = looked(
        [(OTHER, "A1\\A2\\A3"), (0x00101090, "B")], [(OTHER, "A1")], [(OTHER, " ")], [], kinds={Kind.OTHER_IDS}
    )
    assert kind(look, Kind.OTHER_IDS) == KindTally(
        Kind.OTHER_IDS, 4, 2, looked=5, distinct=4, most=2, plain=5, people=4, unread=0, nine_digits=0
    )


def test_records_are_counted_by_the_year_of_their_exam_and_add_up() -> None:
    """A year that is still to come is no year of an exam: we were told, until when there can be one."""
    dates = ["20191231", "20190101", "2021.05.05", "20270101", "18941231", "x", "", "20190101\\20200101"]
    look = looked(*([(EXAM, date)] for date in dates), [(EXAM, "20190101"), (EXAM, "20190101")], kinds={Kind.EXAM_DATE})
    assert look.years(2026) == (YearTally(2019, 2), YearTally(2021, 1), YearTally(None, 6))
    assert look.years(2027) == (YearTally(2019, 2), YearTally(2021, 1), YearTally(2027, 1), YearTally(None, 5))
    assert sum(one.studies for one in look.years(2026)) == kind(look, Kind.EXAM_DATE).asked


def test_what_was_not_asked_for_its_date_is_in_no_year() -> None:
    look = looked([(EXAM, "20190101"), (NAME, "Abara^Ada")])
    assert look.years(2026) == ()
    look.take([(EXAM, "20200101")], {Kind.EXAM_DATE})
    look.drop()
    look.take([], {Kind.EXAM_DATE})
    look.close({Kind.EXAM_DATE})
    assert look.years(2026) == (YearTally(None, 1),)


@pytest.mark.parametrize("empty", ["", "  ", "^^^^", "=", "^ ^=", "\\", "\0"])
def test_what_says_nothing_is_not_filled(empty: str) -> None:
    assert kind(looked([(NAME, empty)]), Kind.PATIENT_NAME).filled == 0


@pytest.mark.parametrize(
    ("tag", "value", "malformed"),
    [
        (BIRTH, "19700231", 1),
        (BIRTH, "1970.02.21", 0),  # as ACR-NEMA wrote it
        (BIRTH, "1970", 1),
        (SEX, "F", 0),
        (SEX, "female", 1),
        (NAME, "A" * 64, 0),
        (NAME, "A" * 65, 1),
        (NAME, "A^B^C^D^E^F", 1),
        (NAME, "A=B=C=D", 1),
        (NAME, "A\x07", 1),
        (NAME, "M\udcfcller", 1),  # not in its character set
        (ID, "1" * 65, 1),
    ],
)
def test_malformed_values_are_counted_as_that_and_as_filled(tag: int, value: str, malformed: int) -> None:
    tally = kind(looked([(tag, value)]), KIND[tag])
    assert (tally.filled, tally.malformed) == (1, malformed)


@pytest.mark.parametrize(
    ("tag", "value", "field"),
    [
        (NAME, "ANON1234", "redacted"), (NAME, "Anonymous^", "redacted"), (NAME, "XXXX", "redacted"), (NAME, "No Name", "redacted"),
        (NAME, "PHANTOM^ACR", "phantom"), (NAME, "Test^Patient", "phantom"), (NAME, "QA Daily", "phantom"), (NAME, "DOE^JOHN", "phantom"),
        (NAME, "PAT-0042", "coded"), (NAME, "0d8a6b64-7a45-4a5e-9a70-1d2a0c4cbb11", "coded"), (NAME, "9f86d081884c7d65", "coded"),
        (ID, "1.2.826.0.1.3680043.8.498.1", "coded"), (ID, "000000", "redacted"),
        (BIRTH, "19000101", "redacted"), (BIRTH, "19710101", "coded"),
    ],
)  # fmt: skip
def test_what_values_are_made_like(tag: int, value: str, field: str) -> None:
    assert getattr(kind(looked([(tag, value)]), KIND[tag]), field) == 1


@pytest.mark.parametrize(
    "name",
    ["Abara^Ada", "Testa^Maria", "Nonetti^Ugo", "Faber^Anonius", "李^娜", "Acra^Qais", "Naumann^Eva", "Nilsson^Per"],
)
def test_a_name_of_somebody_is_not_taken_for_nobodys(name: str) -> None:
    tally = kind(looked([(NAME, name)]), Kind.PATIENT_NAME)
    assert (tally.redacted, tally.phantom, tally.coded) == (0, 0, 0)


def test_a_free_text_may_hold_a_backslash() -> None:
    assert kind(looked([(COMMENTS, "left\\right")], kinds={Kind.PATIENT_COMMENTS}), Kind.PATIENT_COMMENTS).looked == 1


def test_schemes_are_counted_by_distinct_values_and_by_records() -> None:
    one, two, plain = "536-90-4399", "219-09-9998", "999-99-9999"
    found = scheme(looked([(ID, one)], [(ID, one)], [(ID, two)], [(ID, plain)], [(ID, "MR1")]), "us.ssn")
    assert (found.values, found.shaped, found.written, found.valid, found.dashed) == (4, 3, 3, 2, 2)
    assert (found.looked, found.records_shaped, found.records, found.records_dashed) == (5, 4, 3, 3)
    assert found.leads == 3


def test_one_id_in_two_places_is_looked_at_in_both() -> None:
    look = ValueInspector()
    look.take([(ID, "536-90-4399")], {Kind.PATIENT_ID})
    look.close({Kind.PATIENT_ID})
    look.take([(OTHER, "536-90-4399")], {Kind.OTHER_IDS})
    look.close({Kind.OTHER_IDS})
    assert scheme(look, "us.ssn").records == scheme(look, "us.ssn", Kind.OTHER_IDS).records == 1
    assert scheme(look, "us.ssn", Kind.OTHER_IDS).valid == 1


def test_birth_dates_are_compared_with_the_records() -> None:
    """Danish numbers: the first six digits are day, month and year."""
    agree, differ, without = ("211062-0629", "19621021"), ("120380-1234", "19500101"), ("010190-1111", "")
    astray = ("311299-1234", "19991231")  # a date that is its record's, in a number of Norway's shape that fails
    records: list[list[Value]] = [[(ID, i), (BIRTH, b)] for i, b in (agree, differ, without, astray)]
    found = scheme(looked(*records), "dk.cpr")
    assert (found.valid, found.birth, found.agree, found.astray) == (4, 3, 2, 0)
    sweden = looked([(ID, "8803200016"), (BIRTH, "19880320")], [(ID, "8803200017"), (BIRTH, "19880320")])
    found = scheme(sweden, "se.personnummer")
    assert (found.valid, found.birth, found.agree, found.astray) == (1, 1, 1, 1)


def test_an_issuer_speaks_for_the_id_before_it() -> None:
    issued = looked(
        [(ID, "536904399"), (ISSUER, "SSA")],
        [(ID, "000904399"), (ISSUER, "SSA")],
        [(ID, "219099998"), (ISSUER, "WARD 3")],
    )
    assert (scheme(issued, "us.ssn").issued, scheme(issued, "us.ssn").issuer) == (2, 1)


@pytest.mark.parametrize(("without", "issuer"), [(None, 30), (4, 9), (20, 20)])
def test_issuers_are_noted_as_long_as_every_social_security_number_has_one(
    monkeypatch: pytest.MonkeyPatch, without: int | None, issuer: int
) -> None:
    """Then those numbers are counted exactly, however many there are."""
    monkeypatch.setattr(module, "MOST_INSPECTED", 10)
    records: list[list[Value]] = [
        [(ID, f"53690{n:04d}"), (ISSUER, "" if n - 1 == without else "SSA")] for n in range(1, 31)
    ]
    found = scheme(looked(*records), "us.ssn")
    assert (found.valid, found.issued, found.issuer) == (30, issuer, issuer)


def test_a_large_archive_is_counted_to_its_end_for_the_scheme_that_its_ids_are_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_INSPECTED", 10)
    records: list[list[Value]] = [[(ID, f"536-90-{n:04d}"), (NAME, "A")] for n in range(1, 31)]
    look = looked(*records)
    found = scheme(look, "us.ssn")
    assert (found.values, found.valid, found.looked, found.records_dashed) == (30, 30, 30, 30)
    assert kind(look, Kind.PATIENT_NAME).filled == 30


def test_sixty_at_the_end_of_a_large_archive_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the first ids are: an archive may have other ids in one month."""
    monkeypatch.setattr(module, "MOST_INSPECTED", 10)
    records: list[list[Value]] = [[(ID, f"MR{n}")] for n in range(30)] + [[(ID, f"536-90-{n:04d}")] for n in (1, 2, 2)]
    look = looked(*records)
    found = scheme(look, "us.ssn")
    assert (found.valid, found.dashed, found.looked, found.records_dashed) == (2, 2, 33, 3)
    assert kind(look, Kind.PATIENT_ID).nine_digits == 3


def test_people_behind_many_phantoms_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_INSPECTED", 10)
    records: list[list[Value]] = [[(NAME, f"PHANTOM^{n}")] for n in range(30)] + [[(NAME, "Abara^Ada")]] * 2
    tally = kind(looked(*records), Kind.PATIENT_NAME)
    assert (tally.looked, tally.phantom, tally.plain, tally.people, tally.distinct) == (32, 30, 2, 1, 10)


def test_what_cannot_be_read_is_there_and_looks_like_nothing() -> None:
    tally = kind(looked([(NAME, "M\udcfcller")], [(NAME, "Abara^Ada")]), Kind.PATIENT_NAME)
    assert (tally.filled, tally.unread, tally.looked, tally.plain) == (2, 1, 1, 1)


@pytest.mark.parametrize(
    ("identity", "may"),
    [
        ("536904399", 1), ("536-90-4399", 1), ("536 90 4399", 1), ("536-904-399", 1), ("SSN536904399", 1), ("536904399A", 1),
        ("666904399", 0), ("000-12-3456", 0), ("536-00-4399", 0), ("912-34-5678", 0), ("53690439", 0), ("5369043991", 0), ("MR1234567", 0),
        ("1.2.840.113619.2.55.3.604688119", 0), ("a1b536904399ccddeeff001122334455", 0),
    ],
)  # fmt: skip
def test_nine_digits_that_may_be_a_social_security_number_are_noted(identity: str, may: int) -> None:
    assert kind(looked([(ID, identity)]), Kind.PATIENT_ID).nine_digits == may


VALUES = st.lists(
    st.tuples(st.sampled_from(sorted(KIND)), st.text(max_size=30) | st.sampled_from(("\udcfc", "\x1b$B"))), max_size=6
)


@settings(deadline=None)
@given(st.lists(VALUES, max_size=4))
def test_any_values(records: list[list[Value]]) -> None:
    look = looked(*records, kinds=set(Kind))
    for tally in look.kinds():
        assert tally.asked == len(records)
        assert max(tally.malformed, 0) <= tally.filled <= tally.asked
        assert (tally.people or 0) <= (tally.plain or 0) <= tally.looked
        assert tally.distinct <= tally.looked
    for found in look.schemes():
        assert found.dashed <= found.valid <= found.shaped <= found.values
        assert found.agree <= found.birth <= found.valid
        assert found.records <= found.records_shaped <= found.looked


def test_nothing_of_a_value_is_held() -> None:
    """Every object that a look reaches is gone through."""
    secrets = ["QXZJKVBPYG^WVUTSR", "536-90-4399", "18770203"]
    look = ValueInspector()
    look.take([(NAME, secrets[0]), (ID, secrets[1]), (BIRTH, secrets[2])], PLAIN)
    look.close(PLAIN)
    seen: set[int] = set()
    todo: list[object] = [look._key, look._kinds, look._schemes, look._known, look._issued, look._passed]
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, type) or type(one).__name__ in ("module", "function", "EnumType"):
            continue
        seen.add(id(one))
        if isinstance(one, str | bytes):
            text = one if isinstance(one, str) else one.decode("latin-1")
            assert not any(secret[i : i + 5] in text for secret in secrets for i in range(len(secret) - 4))
        todo += gc.get_referents(one)
    assert len(seen) > 50


def test_what_is_compared_cannot_be_compared_in_another_run() -> None:
    assert ValueInspector().digest("1") != ValueInspector().digest("1")
    assert repr(ValueInspector()) == "<Look>"
