"""`rubric.toml`: from which grade an archive begins, and what takes it down."""

from __future__ import annotations

from functools import cache

from msgspec import Struct

from filmbadge.catalogue.load import table
from filmbadge.model import Grade, GradeReason, Rung


class RungRow(Struct, frozen=True, forbid_unknown_fields=True):
    rung: Rung
    grade: Grade
    example: str
    nothing_personal: Grade | None = None  # where all kinds were looked at, and nobody's were found


class StepRow(Struct, frozen=True, forbid_unknown_fields=True):
    why: GradeReason
    example: str


class Rubric(Struct, frozen=True, forbid_unknown_fields=True):
    rung: tuple[RungRow, ...]
    step: tuple[StepRow, ...]

    def __post_init__(self) -> None:
        missing = {r for r in Rung if r.reaches(Rung.SPEAKS)} - {row.rung for row in self.rung}
        if missing:
            raise ValueError(f"no grade for {', '.join(sorted(missing))}")


@cache
def rubric() -> Rubric:
    """The table. Raises CatalogueError."""
    return table("rubric.toml", Rubric)
