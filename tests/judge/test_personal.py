"""From tallies to kinds and identifiers: pure functions, by the facts that decide."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmbadge.identifiers import schemes as national
from filmbadge.judge.personal import by_year, evidence, judge, looks
from filmbadge.model import (
    Appearance,
    ByYear,
    Count,
    Doubt,
    DoubtCode,
    Kind,
    KindTally,
    Outcome,
    OutcomeKind,
    Profile,
    Provenance,
    SchemeTally,
    YearTally,
)

SSN = SchemeTally(
    "us.ssn",
    Kind.PATIENT_ID,
    values=100,
    shaped=100,
    valid=100,
    leads=90,
    firsts=8,
    looked=100,
    records_shaped=100,
    records=100,
)
DASHED = msgspec.structs.replace(SSN, written=100, dashed=100, records_dashed=100)


def named(k: Kind, **tallied: int) -> KindTally:
    return KindTally(k, **{"asked": 100, "filled": 100, "looked": 100, "distinct": 90, "most": 2, **tallied})


def profile(*schemes: SchemeTally, kinds: tuple[KindTally, ...] = (), **more: object) -> Profile:
    made = Profile(True, 100, kinds=kinds or (named(Kind.PATIENT_ID),), schemes=schemes)
    return msgspec.structs.replace(made, **more)


def schemes(*tallies: SchemeTally, country: str = "") -> list[str]:
    return [one.scheme for one in judge(profile(*tallies), 100, (country,) if country else ())[1]]


def test_a_kind_of_a_complete_profile_is_counted() -> None:
    kinds, _, _ = judge(profile(kinds=(named(Kind.PATIENT_NAME, filled=60, malformed=3),)), 100)
    assert kinds is not None
    (name,) = kinds
    assert (name.records, name.how, name.share, name.malformed, name.asked) == (60, Provenance.COUNTED, 0.6, 3, 100)


@pytest.mark.parametrize(
    ("held", "studies", "whole"),
    [
        (profile(), 100, True),
        (profile(complete=False), 100, False),
        (profile(), 101, False),  # another number than the archive has
        (profile(), None, False),
        (profile(records=101), 101, False),  # of one record the date was not asked for
    ],
)
def test_years_are_all_only_where_each_study_was_looked_at(held: Profile, studies: int | None, whole: bool) -> None:
    years = (YearTally(2019, 60), YearTally(None, 40))
    assert by_year(msgspec.structs.replace(held, years=years), studies) == ByYear(years, whole)


@pytest.mark.parametrize("held", [None, profile(), profile(years=())])
def test_years_that_nobody_looked_at_are_unknown(held: Profile | None) -> None:
    assert by_year(held, 100) is None


def test_a_sample_is_an_estimate_and_says_of_how_many() -> None:
    sampled = named(Kind.ADDRESS, asked=100, filled=25)
    kinds, _, _ = judge(msgspec.structs.replace(profile(kinds=(sampled,)), records=4000), 4000)
    assert kinds is not None
    assert (kinds[0].records, kinds[0].how, kinds[0].at_least, kinds[0].doubts) == (
        1000,
        Provenance.ESTIMATED,
        25,
        (Doubt(DoubtCode.KNOWN_FOR, {"known": 100, "studies": 4000}),),
    )
    assert (kinds[0].low, kinds[0].high) == (701, 1373)  # Wilson: 0.1755 to 0.3430
    for filled in (0, 100):
        (sure,) = (
            judge(msgspec.structs.replace(profile(kinds=(named(Kind.ADDRESS, filled=filled),)), records=4000), 4000)[0]
            or ()
        )
        assert sure.low is not None
        assert sure.high is not None
        assert sure.low <= (sure.records or 0) <= sure.high


BROKE_OFF = (Doubt(DoubtCode.BROKE_OFF, stop=Outcome(OutcomeKind.IDLE)),)


def test_what_was_not_asked_is_unknown_and_not_zero() -> None:
    broke_off = Profile(
        False,
        7,
        kinds=(KindTally(Kind.ADDRESS, asked=0, filled=0), KindTally(Kind.SEX, 7, 7, looked=7, distinct=2)),
        doubts=BROKE_OFF,
    )
    kinds, _, ssn = judge(broke_off, None)
    assert kinds is not None
    assert [(k.records, k.how, k.doubts) for k in kinds] == [(None, Provenance.UNKNOWN, BROKE_OFF)] * 2
    assert (ssn.value, ssn.doubts) == (None, BROKE_OFF)
    assert judge(None, 10) == (None, (), judge(None, 10)[2])
    assert judge(None, 10)[2].value is None


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (named(Kind.PATIENT_NAME), Appearance.PERSONAL),
        (named(Kind.PATIENT_NAME, filled=0, looked=0, distinct=0), None),
        (named(Kind.PATIENT_NAME, redacted=51), Appearance.PERSONAL),  # the others may be people
        (named(Kind.PATIENT_NAME, redacted=97), Appearance.PSEUDONYMISED),
        (named(Kind.PATIENT_NAME, redacted=49, coded=49), Appearance.PERSONAL),  # in doubt
        (named(Kind.PATIENT_NAME, redacted=49, coded=51, plain=0, people=0), Appearance.PSEUDONYMISED),
        (named(Kind.PATIENT_NAME, coded=90, plain=10, people=3), Appearance.PSEUDONYMISED),  # a few odd ones
        (named(Kind.PATIENT_NAME, coded=90, plain=10, people=4), Appearance.PERSONAL),  # people among many who are not
        (named(Kind.PATIENT_NAME, phantom=96, plain=4, people=1), Appearance.SYNTHETIC),
        (named(Kind.PATIENT_NAME, phantom=55, plain=45, people=40), Appearance.PERSONAL),
        (named(Kind.PATIENT_NAME, looked=2, plain=1, people=1, phantom=1, distinct=2), Appearance.SYNTHETIC),
        (named(Kind.PATIENT_NAME, looked=3, plain=2, people=1, phantom=1, distinct=2), Appearance.PERSONAL),  # most
        (named(Kind.PATIENT_NAME, looked=0, distinct=0, plain=0, people=0, unread=100), None),
        (named(Kind.PATIENT_NAME, looked=90, phantom=90, plain=0, people=0, unread=10), None),  # people, or not
        (named(Kind.PATIENT_NAME, looked=90, plain=90, people=90, unread=10), Appearance.PERSONAL),
        (named(Kind.PATIENT_NAME, distinct=1, most=100), Appearance.PSEUDONYMISED),  # one name, many ids
        (named(Kind.INSTITUTION, distinct=1, most=100), Appearance.PERSONAL),  # as is usual
    ],
)
def test_looks(tally: KindTally, expected: Appearance | None) -> None:
    assert looks(tally, {tally.kind: tally, Kind.PATIENT_ID: named(Kind.PATIENT_ID, distinct=80)}) is expected


def test_the_shares_are_told() -> None:
    mixed = named(Kind.PATIENT_NAME, phantom=55, plain=40, people=40, coded=5)
    (found,) = judge(profile(kinds=(mixed,)), 100)[0] or ()
    assert (found.personal, found.pseudonymised, found.synthetic) == (0.4, 0.05, 0.55)
    (old,) = judge(profile(kinds=(named(Kind.PATIENT_NAME, phantom=55),)), 100)[0] or ()
    assert (old.personal, old.pseudonymised, old.synthetic) == (None, None, None)


def test_one_name_and_one_id_may_be_one_patient() -> None:
    alone = named(Kind.PATIENT_NAME, distinct=1)
    assert (
        looks(alone, {Kind.PATIENT_NAME: alone, Kind.PATIENT_ID: named(Kind.PATIENT_ID, distinct=1)})
        is Appearance.PERSONAL
    )


def test_what_few_values_show_is_nothing() -> None:
    for scheme in national.schemes():
        few = SchemeTally(scheme, Kind.PATIENT_ID, 4, 4, 4, 4, 4, 4, 4, looked=4, records=4)
        assert evidence(few) < -100


@pytest.mark.parametrize("name", national.schemes())
def test_no_scheme_is_named_at_the_rate_that_record_numbers_reach(name: str) -> None:
    """At 300 values, in sequence or not."""
    rates = national.schemes()[name].rates
    for rate, leads in ((rates.worst, 1), (rates.plain, 250)):
        valid = round(300 * rate)
        tally = SchemeTally(
            name, Kind.PATIENT_ID, 300, 300, valid, leads=leads, looked=300, records_shaped=300, records=valid
        )
        assert schemes(tally) == []


def test_social_security_numbers() -> None:
    assert schemes(SSN) == ["us.ssn"]  # so many, that begin so differently: random ones would not all pass
    assert schemes(msgspec.structs.replace(SSN, rare=12)) == []  # in areas of which few were given, as random ones are
    assert schemes(msgspec.structs.replace(SSN, leads=1)) == []  # in sequence
    assert schemes(msgspec.structs.replace(SSN, firsts=2)) == []  # of one range
    assert schemes(msgspec.structs.replace(SSN, dated=90)) == []
    assert schemes(msgspec.structs.replace(SSN, valid=89, records=89)) == []  # as random ones do
    assert schemes(DASHED) == ["us.ssn"]
    assert schemes(msgspec.structs.replace(DASHED, shaped=120, written=120)) == []  # written so, and refused
    few = msgspec.structs.replace(SSN, values=12, shaped=12, valid=12, leads=12)
    assert schemes(few) == []
    assert schemes(msgspec.structs.replace(few, issued=12, issuer=12)) == ["us.ssn"]
    assert schemes(msgspec.structs.replace(few, issued=20, issuer=12)) == []
    assert schemes(few, country="DE") == []
    assert schemes(few, country="US") == []  # where an archive stands names no scheme
    assert schemes(DASHED, country="US") == ["us.ssn"]
    assert schemes(DASHED, country="DE") == ["us.ssn"]


def ids(nine_digits: int | None, **tallied: int) -> tuple[KindTally, ...]:
    return (msgspec.structs.replace(named(Kind.PATIENT_ID, **tallied), nine_digits=nine_digits),)


def test_social_security_numbers_are_counted_where_nothing_else_explains_them() -> None:
    dashed = msgspec.structs.replace(DASHED, records=70, records_dashed=70)
    _, (found,), ssn = judge(profile(dashed, kinds=ids(70)), 100)
    assert (found.records, found.how, found.share) == (70, Provenance.COUNTED, 0.7)
    assert ssn == Count(70, Provenance.COUNTED)
    assert found.confidence > 0.99
    also = judge(profile(dashed, kinds=ids(90)), 100)[2]  # twenty more have nine digits, and no dashes
    assert (also.value, also.how, also.low, also.high) == (70, Provenance.ESTIMATED, 70, 90)
    fewer = msgspec.structs.replace(dashed, shaped=20, valid=20, written=20, dashed=20, leads=20)
    _, (found,), few = judge(profile(fewer, kinds=ids(70)), 100)  # random numbers written so would pass now and then
    assert (few.value, few.how, few.low, few.high) == (70, Provenance.ESTIMATED, 0, 70)
    assert (found.how, found.low, found.high) == (Provenance.ESTIMATED, 0, 70)


def test_an_issuer_that_names_the_scheme_for_each_is_enough() -> None:
    """Also for the numbers of one state."""
    issued = msgspec.structs.replace(SSN, leads=2, firsts=1, issued=100, issuer=100)
    for tally in (issued, msgspec.structs.replace(issued, written=100, dashed=100, records_dashed=100)):
        assert judge(profile(tally, kinds=ids(100)), 100)[2] == Count(100, Provenance.COUNTED)
    some = msgspec.structs.replace(issued, issued=60, issuer=60)
    assert judge(profile(some, kinds=ids(100)), 100)[2].how is Provenance.ESTIMATED


def test_what_may_be_a_social_security_number_is_not_none() -> None:
    unknown = Count(doubts=(Doubt(DoubtCode.NINE_DIGITS, {"records": 100}),))
    few = msgspec.structs.replace(SSN, values=12, shaped=12, valid=12, leads=12)
    alike = msgspec.structs.replace(SSN, leads=2, firsts=1)  # of one state, or record numbers of one range
    for tally in (few, alike, msgspec.structs.replace(alike, written=100, dashed=100)):
        assert judge(profile(tally, kinds=ids(100)), 100)[2] == unknown
    older = judge(profile(few), 100)[2]
    assert older == Count(doubts=(Doubt(DoubtCode.MAYBE_SSN),))
    among = judge(profile(kinds=ids(1)), 100)[2]  # other signs
    assert among == Count(doubts=(Doubt(DoubtCode.NINE_DIGITS, {"records": 1}),))
    assert judge(profile(kinds=ids(0)), 100)[2] == Count(0, Provenance.COUNTED)
    assert judge(profile(), 100)[2] == Count(0, Provenance.COUNTED)


def test_other_ids_may_hold_some_too() -> None:
    """Of a large archive they are known for studies drawn by lot."""
    many = msgspec.structs.replace(profile(DASHED, kinds=ids(100, asked=4000)), records=4000)
    sampled = msgspec.structs.replace(many, kinds=(*many.kinds, named(Kind.OTHER_IDS)))
    looked = msgspec.structs.replace(DASHED, looked=4000)
    for nine, low, high in ((0, None, None), (1, 100, 4000)):
        kinds = (many.kinds[0], msgspec.structs.replace(named(Kind.OTHER_IDS), nine_digits=nine))
        ssn = judge(msgspec.structs.replace(sampled, kinds=kinds, schemes=(looked,)), 4000)[2]
        assert (ssn.value, ssn.low, ssn.high) == (100, low, high)


def test_where_records_are_missing_the_number_is_a_bound() -> None:
    partly = profile(DASHED, kinds=ids(100), complete=False, doubts=BROKE_OFF)
    _, (found,), ssn = judge(partly, 400)
    assert (found.how, found.records, found.low, found.high) == (Provenance.ESTIMATED, 400, 100, 400)
    assert ssn == Count(at_least=100, doubts=BROKE_OFF)
    assert judge(partly, None)[1][0].high is None
    assert judge(msgspec.structs.replace(partly, schemes=(), kinds=ids(0)), 400)[2].value is None


def test_the_first_records_of_a_large_archive_say_nothing_of_all() -> None:
    tally = msgspec.structs.replace(SSN, scheme="gb.nhs", looked=50)
    assert schemes(tally) == []


def test_records_that_pass_by_chance_are_taken_off() -> None:
    """180 NHS numbers among 300 numbers of ten digits, and a tenth of the rest."""
    base = national.schemes()["gb.nhs"].rates.base
    valid = 180 + round(120 * base)
    mixed = SchemeTally(
        "gb.nhs", Kind.PATIENT_ID, 300, 300, valid, leads=200, looked=300, records_shaped=300, records=valid
    )
    whole = msgspec.structs.replace(profile(mixed), records=300)
    (found,) = judge(whole, 300)[1]
    assert found.records == pytest.approx(180, abs=1)
    assert found.how is Provenance.ESTIMATED
    assert found.low is not None
    assert found.high is not None
    assert found.low < 180 < found.high


def test_a_birth_date_in_front_of_a_record_number_is_no_scheme() -> None:
    """Swedish: a tenth passes the check digit, and all that pass agree with the birth date. So do those that do not pass."""
    tally = SchemeTally(
        "se.personnummer",
        Kind.PATIENT_ID,
        300,
        300,
        31,
        birth=31,
        agree=31,
        astray=269,
        dated=300,
        leads=90,
        looked=300,
        records=31,
    )
    assert schemes(tally) == []
    real = msgspec.structs.replace(tally, valid=300, birth=300, agree=297, astray=0, records=300)
    assert schemes(real) == ["se.personnummer"]
    assert schemes(msgspec.structs.replace(real, agree=4)) == ["se.personnummer"]  # the check digit tells enough
    nobody = SchemeTally(
        "dk.cpr", Kind.PATIENT_ID, 300, 300, 300, birth=300, agree=3, dated=300, leads=90, looked=300, records=300
    )
    assert schemes(nobody) == []  # dates of something else


def test_of_two_that_pass_the_one_of_fewer_numbers_is_named() -> None:
    """Every Canadian number passes the Israeli rule, and one in five Israeli ones does not pass the Canadian."""
    canadian, israeli = (
        SchemeTally(name, Kind.PATIENT_ID, 200, 200, 200, leads=150, looked=200, records=200)
        for name in ("ca.sin", "il.idnr")
    )
    assert schemes(canadian, israeli) == ["ca.sin"]
    assert schemes(msgspec.structs.replace(canadian, valid=160), israeli) == ["il.idnr"]
    few = [msgspec.structs.replace(one, values=6, shaped=6, valid=6, leads=6) for one in (canadian, israeli)]
    assert schemes(*few) == ["ca.sin", "il.idnr"], "nobody can tell"
    assert schemes(*few, country="IL") == ["il.idnr"]
    (placed,) = judge(profile(*few), 100, ("IL",))[1]
    assert placed.confidence > 0.9  # the country makes it likely, and proves nothing
    assert (placed.how, placed.low) == (Provenance.ESTIMATED, 0)
    abroad = judge(profile(*few), 100, ("DE",))[1]
    assert [one.scheme for one in abroad] == ["il.idnr"], "the other is not likely enough there"
    assert abroad[0].confidence < 0.9
    both = judge(profile(*few), 100, ("CA", "IL"))[1]
    assert [one.scheme for one in both] == ["ca.sin", "il.idnr"], "sources that disagree pick none"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["ca.sin", "il.idnr", "us.ssn", "nl.bsn"]), *[st.integers(0, 100)] * 4, st.booleans()
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda drawn: drawn[0],
    ),
    st.lists(st.sampled_from(["US", "CA", "IL", "DE"]), unique=True, max_size=3),
)
def test_no_country_makes_a_claim(drawn: list[tuple[str, int, int, int, int, bool]], countries: list[str]) -> None:
    """What is named, counted or bounded with a country is so without it."""
    tallies = []
    for name, valid, leads, firsts, issuer, dashed in drawn:
        passed, written = min(valid, 100), valid if dashed else 0
        tallies.append(
            SchemeTally(
                name, Kind.PATIENT_ID, 100, 100, passed, written=written, dashed=written, issued=min(issuer, passed),
                issuer=min(issuer, passed), leads=min(leads, 100), firsts=min(firsts, 10), looked=100, records_shaped=100,
                records=passed, records_dashed=written,
            )
        )  # fmt: skip
    made = profile(*tallies, kinds=ids(100))
    _, plain, ssn = judge(made, 100)
    _, placed, placed_ssn = judge(made, 100, countries)
    before = {one.scheme: one for one in plain}
    for one in placed:
        assert one.scheme in before
        was = before[one.scheme]
        assert one.how is was.how or one.how is Provenance.ESTIMATED
        if one.how is was.how is Provenance.ESTIMATED:
            assert (one.low or 0) <= (was.low or 0)
    assert placed_ssn.value is None or placed_ssn.how is not Provenance.COUNTED or placed_ssn == ssn
    if {one.scheme for one in plain} != {one.scheme for one in placed}:
        assert countries, "without a country nothing changes"


def test_schemes_of_two_shapes_are_both_named() -> None:
    """Spaniards and foreigners in Spain."""
    dni, nie = (
        SchemeTally(name, Kind.PATIENT_ID, 200, of, of, leads=of, looked=200, records=of)
        for name, of in (("es.dni", 150), ("es.nie", 50))
    )
    assert schemes(dni, nie) == ["es.dni", "es.nie"]
