"""The calibration of docs/identifiers.md, in part: what archives of known ids are taken for, looked at as real ones are."""

from __future__ import annotations

import random
from functools import lru_cache
from itertools import islice

import calibrate_identifiers as calibrate
import pytest
from calibrate_identifiers import FAILS, HOLDS, STATES, UNKNOWN, WRONG, Patient
from measure_base_rates import NULLS

from filmbadge.ask.personal import inspector
from filmbadge.identifiers.checks import passes
from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import Count, Provenance
from support.chance import seeds

SOME = (
    "us.ssn", "gb.nhs", "hr.oib", "se.personnummer", "dk.cpr", "es.dni", "nl.bsn", "pl.pesel", "cl.rut", "it.codicefiscale", "ca.sin", "il.idnr",
)  # fmt: skip


@pytest.fixture(scope="module")
def pools() -> dict[str, list[str]]:
    return {name: calibrate.pool(schemes()[name], 200, seed=5) for name in SOME}


def named(name: str, pools: dict[str, list[str]], patients: int, share: float, **how: bool) -> set[str]:
    chance = random.Random(f"5 {name} {patients} {share} {how}")
    people = calibrate.people(schemes()[name], pools[name], patients, share, chance, **{"dashes": False, **how})
    return {found.scheme for found in calibrate.look(people)}


@pytest.mark.parametrize("name", SOME)
def test_a_scheme_is_named_and_no_other(name: str, pools: dict[str, list[str]]) -> None:
    assert named(name, pools, 200, 1.0) == {name}
    assert named(name, pools, 60, 0.9, dashes=True) == {name}


@pytest.mark.parametrize("name", [name for name in SOME if name != "us.ssn"])
def test_a_scheme_is_named_among_record_numbers_of_its_shape(name: str, pools: dict[str, list[str]]) -> None:
    assert name in named(name, pools, 200, 0.4)


def test_thirty_social_security_numbers(pools: dict[str, list[str]]) -> None:
    """Without dashes they could be any numbers; with dashes, or an issuer, they could not."""
    assert named("us.ssn", pools, 30, 1.0) == set()
    assert named("us.ssn", pools, 30, 1.0, dashes=True) == {"us.ssn"}
    assert named("us.ssn", pools, 30, 1.0, issuer=True) == {"us.ssn"}


@pytest.mark.parametrize("name", [name for name, _ in NULLS])
def test_record_numbers_alone_are_no_scheme(name: str) -> None:
    """Nine kinds of them, in every shape; two in a hundred archives may be taken for one."""
    make, chance = dict(NULLS)[name], random.Random(f"5 {name}")
    shapes = sorted({scheme.shape for scheme in schemes().values() if scheme.shape.isdigit()})
    taken = [bool(calibrate.look(calibrate.alone(shape, make, 120, chance))) for shape in shapes]
    assert sum(taken) <= 0.02 * len(taken), f"{sum(taken)} of {len(taken)}"


@pytest.mark.parametrize("length", [10, 11, 13])
def test_a_birth_date_in_front_is_no_scheme_with_a_check_digit(length: int) -> None:
    chance = random.Random(length)
    found = {one.scheme for one in calibrate.look(calibrate.from_births("%y%m%d", "9" * length, 150, chance))}
    assert found <= {"cu.ni"}, "which has none"


@pytest.mark.parametrize("seed", seeds(1, 2))
def test_nothing_is_counted_falsely(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives of any size, habit and mixture. An interval of 95 % may fail now and then; a count may not."""
    monkeypatch.setattr(inspector, "passes", lru_cache(200_000)(passes))
    monkeypatch.setattr(calibrate, "SIZES", dict.fromkeys((1, 3, 5, 8, 20, 60, 120, 600), 1.0))
    monkeypatch.setattr(calibrate, "POOL", 120)
    chance = random.Random(seed)
    told = []
    for name in (*chance.sample(sorted(schemes()), 2), US_SSN, US_SSN, US_SSN):
        for _ in range(40):
            made = calibrate.archive(schemes()[name], chance, seed)
            said = list(calibrate.cells(schemes()[name], made))
            assert [cell for cell in said if cell[2] == WRONG] == []
            told += [cell[2] for cell in said]
    assert told.count(FAILS) <= max(2, 0.1 * (told.count(FAILS) + told.count(HOLDS)))


def ssn_records(patients: list[Patient]) -> Count:
    return calibrate.judged(patients)[1]


def drawn(state: str, patients: int, *, dashes: bool) -> list[Patient]:
    made = calibrate.ssns(state, random.Random(f"{state} {patients}"))
    return [calibrate._one_of(schemes()[US_SSN], number, dashes) for number in islice(made, patients)]


@pytest.mark.parametrize("dashes", [False, True])
@pytest.mark.parametrize("patients", [1, 4, 60, 300])
@pytest.mark.parametrize("state", STATES)
def test_social_security_numbers_of_one_state_are_never_none(state: str, patients: int, dashes: bool) -> None:
    """A state gave few areas, and its numbers begin as record numbers of one range do."""
    ssn = ssn_records(drawn(state, patients, dashes=dashes))
    assert ssn.value is None or ssn.value == patients
    if dashes and patients >= 60 and state == "the whole US":
        assert ssn == Count(patients, Provenance.COUNTED)


def test_sixty_among_many_records_are_counted_wherever_they_stand() -> None:
    own = drawn("the whole US", 60, dashes=True)
    others = [Patient(f"MRN{1_000_000 + 7 * number}") for number in range(6000)]
    for patients in ([*own, *others], [*others, *own], [*others[:5000], *own, *others[5000:]]):
        assert ssn_records(patients) == Count(60, Provenance.COUNTED)


@pytest.mark.parametrize("dashes", [False, True])
@pytest.mark.parametrize("patients", [5, 60, 400])
@pytest.mark.parametrize("habit", calibrate.HABITS)
def test_record_numbers_of_nine_digits_are_never_counted(habit: str, patients: int, dashes: bool) -> None:
    """Also where they are written 3-2-4. They are none only if no one of them could be a social security number."""
    made = calibrate.by_habit(habit, schemes()[US_SSN], patients, random.Random(f"{habit} {patients}"), dashes)
    ssn = ssn_records(made)
    assert calibrate.said(0, ssn.value, ssn.how, ssn.low, ssn.high) in (calibrate.RIGHT, HOLDS, UNKNOWN)
