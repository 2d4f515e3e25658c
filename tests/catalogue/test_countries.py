"""The table of countries, against CLDR's list of territories."""

from __future__ import annotations

from babel import Locale

from filmbadge.catalogue.countries import Law, countries, name

# What CLDR names beside ISO 3166-1: parts of countries with reserved codes, unions, and codes for tests.
NO_COUNTRIES = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"}


def test_every_code_of_the_standard_has_a_row() -> None:
    known = {str(code) for code in Locale("en").territories if len(str(code)) == 2}
    assert set(countries()) == known - NO_COUNTRIES
    assert len({row.number for row in countries().values()}) == len(countries())


def test_a_country_is_named_and_a_region_stands_for_itself() -> None:
    assert [name(code) for code in ("DE", "HK", "TR", "EU")] == ["Germany", "Hong Kong", "Türkiye", "EU"]


def test_unions_have_their_members() -> None:
    whole = {code for code, row in countries().items() if Law.EU in row.member}
    assert len(whole) == 27 + len({"AX", "GF", "GP", "MF", "MQ", "RE", "YT"} & whole)
    assert {code for code, row in countries().items() if Law.EEA in row.member} - whole == {"IS", "LI", "NO"}
    assert [code for code, row in countries().items() if Law.UK in row.member] == ["GB"]
    assert {"US", "PR", "GU"} <= {code for code, row in countries().items() if Law.US in row.member}
    assert not countries()["CH"].member


def test_places_lie_where_they_are() -> None:
    east, north = countries()["SG"].point
    assert abs(east - 103.8) < 0.5 and abs(north - 1.3) < 0.5
    assert countries()["RU"].point[0] > 60  # its eastern end lies beyond 180 degrees
    assert -180 < countries()["NZ"].point[0] < 180
