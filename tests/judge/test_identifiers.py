"""The calibration of docs/identifiers.md, in part: what archives of known ids are taken for, looked at as real ones are."""

from __future__ import annotations

import random

import calibrate_identifiers as calibrate
import pytest
from measure_base_rates import NULLS

from filmbadge.identifiers.schemes import schemes

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
