"""Whether one value passes."""

from __future__ import annotations

from datetime import date

import pytest

from filmbadge.identifiers.checks import birth_date, passes, valid
from filmbadge.identifiers.schemes import Scheme, schemes

OF_THE_CENTURY = {"se.personnummer_12"}  # its check digit leaves out the century


@pytest.mark.parametrize("name", sorted(schemes().keys() - OF_THE_CENTURY))
def test_errors_of_one_digit_are_found_where_a_check_digit_is(name: str) -> None:
    number = "".join(sign for sign in schemes()[name].example if sign.isalnum())
    changed = [
        number[:at] + other + number[at + 1 :]
        for at, sign in enumerate(number)
        for other in "0123456789"
        if sign.isdigit() and other != sign
    ]
    passing = sum(valid(name, other) for other in changed)
    assert (passing < 0.15 * len(changed)) is schemes()[name].checked


@pytest.mark.parametrize("scheme", schemes().values(), ids=lambda scheme: scheme.id)
def test_nonsense_of_the_shape_is_refused_and_never_raised(scheme: Scheme) -> None:
    for fill in ("0", "9", "A", "Z", "I", "\u0663"):  # an Arabic digit is a digit to Python
        valid(scheme.id, "".join(fill for _ in scheme.shape))
        passes("".join(fill for _ in scheme.shape))


def test_a_birth_date_that_is_another_is_said_to_be() -> None:
    row = schemes()["pl.pesel"]
    (other,) = passes(row.example, date(1950, 1, 1), {row.id})
    assert (other.valid, other.birth, other.astray) == (True, False, False)
    assert row.birth is not None
    (astray,) = passes(row.counter_example, row.birth, {row.id})
    assert (astray.valid, astray.birth, astray.astray) == (False, None, True)


def test_a_number_that_says_no_birth_date_says_none() -> None:
    assert birth_date("pl.pesel", "99999999999") is None


def test_only_the_schemes_asked_for_are_tried() -> None:
    assert {one.scheme for one in passes("536-90-4399")} >= {"us.ssn", "us.itin"}
    assert {one.scheme for one in passes("536-90-4399", None, {"us.itin"})} == {"us.itin"}
