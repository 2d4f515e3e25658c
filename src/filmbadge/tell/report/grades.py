"""How many archives have each grade: the key to the letters of a page."""

from __future__ import annotations

from typing import NamedTuple

from filmbadge.tell.report.archives import GRADES
from filmbadge.tell.report.charts import figure, public
from filmbadge.tell.report.family import width
from filmbadge.tell.summary import ReportDocument
from filmbadge.tell.words import Words


class GradeRow(NamedTuple):
    letter: str  # empty: no grade
    word: str
    meaning: str
    archives: str
    bar: int


def grades(report: ReportDocument, words: Words) -> list[GradeRow]:
    """The key: each letter with its word, what it means, and how many archives have it."""
    counted = {"" if grade == "none" else grade: n for grade, n in report.grades.items()}
    if not any(counted.values()):
        return []
    most = max(counted.values())
    return [
        GradeRow(letter, words.say(word), words.say(meaning), figure(report, n, words) if n else "", width(n, most))
        for letter, (word, meaning) in GRADES.items()
        if (n := counted.get(letter, 0)) or (letter and not public(report))
    ]
