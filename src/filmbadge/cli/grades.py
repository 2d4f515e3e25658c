"""The exit code where a grade says what is good enough."""

from __future__ import annotations

from collections.abc import Collection

from filmbadge.cli.codes import DONE, FOUND, INCOMPLETE
from filmbadge.cli.console import GradeChoice


def code(grades: Collection[str | None], fail_on_grade: GradeChoice, *, sure: bool) -> int:
    """`sure`: everything was found out. An archive without a grade has not passed, and neither has what is not known."""
    if any(grade is not None and grade >= fail_on_grade for grade in grades):
        return FOUND
    return DONE if sure and None not in grades else INCOMPLETE
