"""Schemes of national identifiers: what the table says of each fits together."""

from __future__ import annotations

import re

import pytest

from filmbadge.ask.personal import rules
from filmbadge.ask.personal.national import birth_date, passes, valid
from filmbadge.catalogue.national import BY_NAME, SCHEMES, Scheme, measured

# A valid number of each, from python-stdnum's documentation, the standards, or their public examples.
EXAMPLES = {
    "ae.eid": "784198012345678", "au.ihi": "8003608166690503", "au.medicare": "2123456701", "ca.on_hcn": "9876543217",
    "ca.qc_ramq": "DOEJ80561513", "de.kvnr": "A123456780", "fi.hetu": "131052308T", "gb.chi": "0101011237",
    "gb.nino": "AB123456C", "hk.hkid": "A123456" + "3", "hu.taj": "123456788", "ir.melli": "0123456789",
    "lu.matricule": "1893120105732", "nz.nhi": "ZZZ0016", "sa.id": "1000000008", "sg.nric": "S1234567D",
    "tw.id": "A123456789", "us.mbi": "1EG4TE5MK73", "us.ssn": "536904399", "se.personnummer": "8803200016",
    "nl.bsn": "111222333", "gb.nhs": "9434765870", "dk.cpr": "2110620629", "uy.ci": "12345672",
}  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.name)
def test_a_row_fits_together(scheme: Scheme) -> None:
    assert scheme.name[:2] == scheme.country.lower()
    assert set(scheme.shape) <= set("9A?")
    if scheme.written:
        assert re.sub(r"[^9A?]", "", scheme.written) == scheme.shape
    rates = measured().rates[scheme.name]
    assert 0 <= rates.base <= rates.plain <= 1
    assert scheme.issuers
    assert scheme.rivals(scheme)


def test_the_rates_are_of_these_schemes() -> None:
    assert list(measured().rates) == [scheme.name for scheme in SCHEMES]
    assert len(BY_NAME) == len(SCHEMES)
    assert [scheme.name for scheme in SCHEMES] == sorted(BY_NAME)


def test_the_rate_of_the_social_security_number_is_that_of_its_rule() -> None:
    """No area 000, 666 or from 900 on, no group 00, no serial 0000; and the numbers of advertisements."""
    assert measured().rates["us.ssn"].base == pytest.approx(0.898 * 0.99 * 0.9999, abs=0.008)


@pytest.mark.parametrize(("name", "number"), EXAMPLES.items())
def test_a_known_number_passes_and_errors_of_one_sign_are_found(name: str, number: str) -> None:
    assert valid(name, number)
    if name in ("us.ssn", "us.mbi", "gb.nino", "ca.qc_ramq", "dk.cpr"):
        return  # no check digit
    changed = [
        number[:at] + other + number[at + 1 :]
        for at, sign in enumerate(number)
        for other in "0123456789"
        if sign.isdigit() and other != sign
    ]
    assert sum(valid(name, other) for other in changed) < 0.15 * len(changed)


def test_every_own_rule_has_an_example() -> None:
    assert set(rules.RULES) - set(EXAMPLES) == {"br.cns", "kz.iin", "md.idnp"}


@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        ("ca.qc_ramq", "DOEJ80561513", (1980, 6, 15)),
        ("fi.hetu", "131052308T", (1952, 10, 13)),
        ("lu.matricule", "1893120105732", (1893, 12, 1)),
        ("kz.iin", "900123300000", (1990, 1, 23)),
        ("dk.cpr", "2110620629", (1962, 10, 21)),
    ],
)
def test_a_birth_date_is_read(name: str, number: str, said: tuple[int, int, int]) -> None:
    got = birth_date(name, number)
    assert got is not None
    assert (got.year, got.month, got.day) == said


@pytest.mark.parametrize("name", BY_NAME)
def test_nonsense_of_the_shape_is_refused_and_never_raised(name: str) -> None:
    for fill in ("0", "9", "A", "Z", "I", "\u0663"):  # an Arabic digit is a digit to Python
        valid(name, "".join(fill for _ in BY_NAME[name].shape))
        passes("".join(fill for _ in BY_NAME[name].shape))
