"""Grades an archive from A to F, as TLS testers do. The rubric is `catalogue/rubric.toml`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache

from filmbadge.catalogue.rubric import rubric
from filmbadge.judge.transport import WEAK
from filmbadge.model import (
    Appearance,
    Grade,
    GradeReason,
    JudgedEndpoint,
    Kind,
    KindFound,
    Provenance,
    Reason,
    Rung,
    Transport,
)

BY_RUNG = {
    Rung.ADMITS: GradeReason.ADMITS,
    Rung.ANSWERS: GradeReason.ANSWERS,
    Rung.DISCLOSES: GradeReason.DISCLOSES,
    Rung.OFFERS: GradeReason.IMAGES,
    Rung.DELIVERS: GradeReason.IMAGES,
}
# These kinds alone do not say who somebody is. All other kinds do.
_NOBODYS = frozenset({Kind.EXAM_DATE, Kind.INSTITUTION, Kind.PURPOSE, Kind.SEX})
_UNASKED = (Reason.DEPTH, Reason.NEEDS_PERSONAL_DATA, Reason.PAGE)
_TITLE_REASONS = ((1, 3), (1, 7))  # calling or called AE title not recognized, PS3.8 Table 9-21


def grade(
    rung: Rung,
    group: Sequence[JudgedEndpoint],
    transport: Collection[Transport],
    advisories: Collection[str],
    personal: bool | None,
) -> tuple[Grade | None, tuple[GradeReason, ...]]:
    """The grade, and why it is not better. The grade is None if we could not find out how open the archive is.

    `personal` says whether somebody's data was found. It is None if nobody looked at the kinds of data.
    """
    if not rung.open and any(not j.verdict.conclusive or j.verdict.why in _UNASKED for j in group):
        return None, ()
    if rung.open:
        return _of_open(rung, personal)
    row = next(row for row in rubric().rung if row.rung is rung)
    why = [BY_RUNG[rung]] if rung in BY_RUNG else []
    found = {
        GradeReason.PLAIN: Transport.PLAIN in transport,
        GradeReason.WEAK_TLS: not WEAK.isdisjoint(transport),
        GradeReason.TITLE_ONLY: rung is Rung.SPEAKS and any(map(by_title, group)),
        GradeReason.ADVISORIES: bool(advisories),
    }
    steps = [step.why for step in rubric().step if found[step.why]]
    return list(Grade)[min(row.grade.height + len(steps), Grade.E.height)], (*why, *steps)


@cache
def _of_open(rung: Rung, personal: bool | None) -> tuple[Grade, tuple[GradeReason, ...]]:
    """The same for an archive that gives records to anybody: what else is wrong with it takes it no further down."""
    row = next(row for row in rubric().rung if row.rung is rung)
    if personal is False and row.nothing_personal:
        return row.nothing_personal, (BY_RUNG[rung], GradeReason.NOTHING_PERSONAL)
    return row.grade, (BY_RUNG[rung], *([GradeReason.KINDS_UNKNOWN] if personal is None else []))


def somebodys(kinds: Collection[KindFound] | None) -> bool | None:
    """Whether somebody's data was found. None if nobody looked, or if some kind is unknown or could not be read."""
    if kinds is None:
        return None
    found = telling(kinds)
    if any(kind.looks is Appearance.PERSONAL for kind in found):
        return True
    unsure = any(kind.how is Provenance.UNKNOWN or (kind.records and kind.looks is None) for kind in found)
    return None if unsure else False


def telling(kinds: Iterable[KindFound]) -> list[KindFound]:
    """The kinds that say who somebody is."""
    return [found for found in kinds if found.kind not in _NOBODYS]


def by_title(judged: JudgedEndpoint) -> bool:
    """Whether the service rejected us because of an AE title."""
    return judged.verdict.why is Reason.REJECTED and judged.verdict.codes[1:] in _TITLE_REASONS
