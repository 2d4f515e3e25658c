"""Every row of the marks of web pages is tested by its own example."""

from __future__ import annotations

import pytest

from filmbadge.catalogue.advisories import advisories
from filmbadge.catalogue.fingerprints import fingerprints
from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.catalogue.pages import Login, Mark, Pages, Where, marks, pages, viewers
from filmbadge.model import FingerprintKind

MARKS = pages().mark


@pytest.mark.parametrize("row", MARKS, ids=[f"{row.is_} {row.where} {row.example}" for row in MARKS])
def test_a_mark_knows_its_example_and_no_other_product_does(row: Mark) -> None:
    found = list(marks({row.where: [row.example]}))
    assert found == [(row, row.release)]
    for where in Where:
        if where is not row.where:
            assert not list(marks({where: [row.example]}))


def test_only_a_body_is_searched() -> None:
    for row in MARKS:
        if row.where is not Where.BODY:
            assert row.match("x" + row.example) is None
            assert row.match(row.example + "\n") is None


def test_a_version_is_given_only_where_a_field_carries_the_products_own() -> None:
    carrying = {(row.is_, row.where) for row in MARKS if row.release}
    assert carrying == {("Dicoogle", Where.HEADER), ("Conquest", Where.TITLE)}


def test_what_others_go_by_says_no_version() -> None:
    assert all(not row.release for row in MARKS if not row.confirmed)


def test_titles_and_texts_are_one_kind_of_mark() -> None:
    assert {row.kind for row in MARKS if row.where in (Where.TITLE, Where.BODY)} == {FingerprintKind.PAGE}


def test_products_have_one_name_in_all_tables() -> None:
    known = {row.is_ for row in MARKS}
    others = {row.is_ for row in fingerprints().product} | {row.product for row in advisories().values()}
    for name in others - known:
        assert name.lower() not in {k.lower() for k in known}
    assert {row.of for row in pages().path} <= known
    assert viewers() < known


def test_no_path_is_asked_that_must_not_be() -> None:
    """Endpoints that are known to be vulnerable, or take a patient's id."""
    for row in pages().path:
        for never in ("exportFile", "Upload.asmx", "external_interface", "nocache.php", "patientID", "ViewImages"):
            assert never.lower() not in row.path.lower()


GOOD = """
path = []
[[mark]]
is = "P"
where = "title"
looks = 'P'
grade = "S"
example = 'P'
not_example = 'Q'
"""


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (GOOD.replace("'P'", "'('", 1), "row 1 of [[mark]]: '(' is no pattern"),
        (GOOD.replace("not_example = 'Q'", "not_example = 'P'"), "row 1 of [[mark]]: its example does not match"),
        (GOOD.replace('"title"', '"favicon"'), "row 1 of [[mark]]: 'P' is no hash of an icon"),
        (GOOD.replace('"title"', '"smell"'), "row 1 of [[mark]], where: Invalid enum value 'smell'"),
    ],
)
def test_a_row_that_is_wrong_is_named(wrong: str, words: str) -> None:
    parse("pages.toml", GOOD.encode(), Pages)
    with pytest.raises(CatalogueError) as raised:
        parse("pages.toml", wrong.encode(), Pages)
    assert words in str(raised.value)


def test_pages_are_open_guarded_or_not_known() -> None:
    by = {login: {row.is_ for row in MARKS if row.login is login} for login in Login}
    assert "Orthanc" in by[Login.NONE] & by[Login.DEMANDED]
    assert "MedDream" in by[Login.UNKNOWN]
