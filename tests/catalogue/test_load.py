"""A row that is wrong is named, in one line."""

from __future__ import annotations

import pytest

from filmbadge.catalogue.advisories import Advisories
from filmbadge.catalogue.decoys import Decoys
from filmbadge.catalogue.fingerprints import Fingerprints, fingerprints
from filmbadge.catalogue.load import CatalogueError, parse
from filmbadge.catalogue.rubric import Rubric, rubric
from filmbadge.model import Grade, GradeReason, Rung

GOOD = """
[[word]]
word = "demo"
example = "demo.example"
not_example = "memo.example"
"""
ADVISORY = """
[[advisory]]
id = "X"
product = "P"
what = "w"
source = "s"
fixed = ""
{0}
example = {{ affected = "1.0", not_affected = "2.0" }}
"""


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (Decoys, GOOD + '[[word]]\nword = "x"\n', "rows.toml, row 2 of [[word]]"),
        (Decoys, GOOD.replace("not_example", "nonsense"), "unknown field `nonsense`"),
        (Decoys, GOOD.replace('"demo"', "7"), "rows.toml, row 1 of [[word]], word: Expected `str`, got `int`"),
        (Decoys, GOOD.replace("memo", "demo"), "row 1 of [[word]]: its example does not match"),
        (Decoys, "word = [", "rows.toml is not TOML"),
        (Decoys, "", "rows.toml: Object missing required field `word`"),
        (Advisories, ADVISORY.format(""), "row 1 of [[advisory]]: a range has an end"),
        (Advisories, ADVISORY.format('before = "3.0"'), "row 1 of [[advisory]]: its example does not match"),
        (Rubric, '[[rung]]\nrung = "speaks"\ngrade = "G"\nexample = ""\n', "row 1 of [[rung]], grade"),
        (
            Fingerprints,
            '[[toolkit]]\nis = "x"\nuid = "("\nversion = "x"\ngrade = "S"\nexample = {uid="", version="", is=""}',
            "row 1 of [[toolkit]]: '(' is no pattern",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_and_row(kind: type, text: str, words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse("rows.toml", text.encode(), kind)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_rung_that_an_archive_can_stand_on_has_a_grade_and_none_is_better_higher_up() -> None:
    rows = rubric().rung
    assert [row.rung for row in rows] == [rung for rung in Rung if rung.reaches(Rung.SPEAKS)]
    assert [row.grade.height for row in rows] == sorted(row.grade.height for row in rows)
    assert all((row.grade is Grade.F) == row.rung.open for row in rows)
    assert {step.why for step in rubric().step} == {
        GradeReason.PLAIN,
        GradeReason.WEAK_TLS,
        GradeReason.TITLE_ONLY,
        GradeReason.ADVISORIES,
    }


def test_ports_are_named_once_for_each_protocol() -> None:
    ports = [(row.port, row.protocol) for row in fingerprints().port]
    assert len(ports) == len(set(ports))
