"""From tallies to kinds and identifiers: pure functions, by the facts that decide."""

from __future__ import annotations

import msgspec
import pytest

from filmbadge.identifiers import schemes as national
from filmbadge.judge.personal import evidence, judge, looks
from filmbadge.model import (
    Appearance,
    Doubt,
    DoubtCode,
    Kind,
    KindTally,
    Outcome,
    OutcomeKind,
    Profile,
    Provenance,
    SchemeTally,
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
    return [one.scheme for one in judge(profile(*tallies), 100, country)[1]]


def test_a_kind_of_a_complete_profile_is_counted() -> None:
    kinds, _, _ = judge(profile(kinds=(named(Kind.PATIENT_NAME, filled=60, malformed=3),)), 100)
    assert kinds is not None
    (name,) = kinds
    assert (name.records, name.how, name.share, name.malformed, name.asked) == (60, Provenance.COUNTED, 0.6, 3, 100)


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
        (named(Kind.PATIENT_NAME, redacted=51), Appearance.PSEUDONYMISED),
        (named(Kind.PATIENT_NAME, redacted=49, coded=49), Appearance.PERSONAL),  # in doubt
        (named(Kind.PATIENT_NAME, coded=90), Appearance.PSEUDONYMISED),
        (named(Kind.PATIENT_NAME, phantom=80), Appearance.SYNTHETIC),
        (named(Kind.PATIENT_NAME, distinct=1, most=100), Appearance.PSEUDONYMISED),  # one name, many ids
        (named(Kind.INSTITUTION, distinct=1, most=100), Appearance.PERSONAL),  # as is usual
    ],
)
def test_looks(tally: KindTally, expected: Appearance | None) -> None:
    assert looks(tally, {tally.kind: tally, Kind.PATIENT_ID: named(Kind.PATIENT_ID, distinct=80)}) is expected


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
    assert schemes(DASHED, country="US") == ["us.ssn"]


def test_ssn_records() -> None:
    _, (found,), ssn = judge(profile(msgspec.structs.replace(DASHED, records=120, records_dashed=70)), 100)
    assert (found.records, found.how, found.share) == (70, Provenance.COUNTED, 0.7)
    assert (ssn.value, ssn.how) == (70, Provenance.COUNTED)
    assert found.confidence > 0.99
    assert judge(profile(), 100)[2].value == 0
    few = msgspec.structs.replace(SSN, values=12, shaped=12, valid=12, leads=12)
    assert judge(profile(few), 100)[2].value is None, "they may be, and that is not none"
    assert judge(profile(msgspec.structs.replace(few, leads=1)), 100)[2].value == 0


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


def test_schemes_of_two_shapes_are_both_named() -> None:
    """Spaniards and foreigners in Spain."""
    dni, nie = (
        SchemeTally(name, Kind.PATIENT_ID, 200, of, of, leads=of, looked=200, records=of)
        for name, of in (("es.dni", 150), ("es.nie", 50))
    )
    assert schemes(dni, nie) == ["es.dni", "es.nie"]
