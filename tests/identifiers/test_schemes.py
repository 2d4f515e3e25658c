"""The table of schemes: what a row says fits together, and its example and counter-example test it."""

from __future__ import annotations

import pytest
from stdnum.util import get_cc_module

from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.identifiers import rules
from filmbadge.identifiers.checks import passes
from filmbadge.identifiers.schemes import Scheme, Schemes, schemes

ROWS = pytest.mark.parametrize("scheme", schemes().values(), ids=lambda scheme: scheme.id)


@ROWS
def test_its_example_passes_as_people_write_it_and_says_the_birth_date(scheme: Scheme) -> None:
    (found,) = passes(scheme.example, scheme.birth, {scheme.id})
    assert found.valid
    assert found.written is bool(scheme.written)
    assert found.birth is (True if scheme.birth else None)


@ROWS
def test_its_counter_example_fails(scheme: Scheme) -> None:
    found = passes(scheme.counter_example, None, {scheme.id})
    assert not any(one.valid for one in found)
    assert bool(found) is (scheme.rates.base < 1), "it has the shape, where any of the shape can fail"


@ROWS
def test_its_rule_is_ours_or_the_one_that_it_names(scheme: Scheme) -> None:
    """And a source is named only where it is one."""
    name = scheme.module or scheme.id.partition(".")[2]
    module = get_cc_module(scheme.country, name)
    assert (scheme.id in rules.VALID) is (module is None) or scheme.id in (
        "fi.hetu",
        "us.ssn",
    )  # ours adds its separator, or is faster
    if scheme.source == "stdnum":
        assert module is not None


@ROWS
def test_its_rates_are_shares(scheme: Scheme) -> None:
    assert 0 <= scheme.rates.base <= scheme.rates.plain <= 1
    assert 0 <= scheme.rates.worst <= 1
    assert scheme.issuers
    assert scheme.rivals(scheme)


def test_rows_are_sorted_and_none_is_there_twice() -> None:
    ids = [row.id for row in schemes().values()]
    assert ids == sorted(set(ids))
    assert set(rules.VALID) | set(rules.BIRTH) <= set(ids)


def test_the_rate_of_the_social_security_number_is_that_of_its_rule() -> None:
    """No area 000, 666 or from 900 on, no group 00, no serial 0000; and the numbers of advertisements."""
    assert schemes()["us.ssn"].rates.base == pytest.approx(0.898 * 0.99 * 0.9999, abs=0.008)


ROW = """
[[scheme]]
id = "xx.id"
name = "n"
shape = "{0}"
written = "{1}"
issuers = ["X"]
example = "12"
counter_example = "13"
source = "made"
rates = {{ base = 0.1, plain = 0.1, worst = 0.1 }}
"""


@pytest.mark.parametrize(
    ("shape", "written", "words"),
    [("9B", "", "other signs"), ("99", "9-9-9", "another shape"), ("99", "A-9", "another shape")],
)
def test_a_row_that_is_wrong_is_named(shape: str, written: str, words: str) -> None:
    with pytest.raises(CatalogueError, match=rf"row 1 of \[\[scheme\]\]: .*{words}"):
        parse("schemes.toml", ROW.format(shape, written).encode(), Schemes)
