"""A plain census over one association: all studies by UID, then their counts, or a walk where there are none."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from filmbadge.ask.wire.dimse import elements
from filmbadge.ask.wire.dimse.association import Answer, Query, Script
from filmbadge.ask.wire.dimse.core import Tally
from filmbadge.catalogue.dicom import status_words
from filmbadge.model import Census

WALK_STUDIES = 500  # an archive without count keys is walked, study by study, up to this size
WALK_SERIES = 5000


@dataclass
class Notes:
    """What the census learned so far; it outlives an association that breaks off."""

    studies: Tally = field(default_factory=lambda: Tally(keep=WALK_STUDIES + 1))
    enumerated: bool = False
    method: str = ""
    series: int | None = None
    images: int | None = None
    images_known_for: int = 0
    queries: int = 0
    trouble: str = ""

    def census(self, broke_off: str = "") -> Census:
        """The facts. `broke_off` says how the association ended where it did not end as planned."""
        return Census(
            complete=self.enumerated,
            rows=self.studies.rows,
            studies=self.studies.distinct,
            malformed=self.studies.malformed,
            series=self.series,
            images=self.images,
            images_known_for=self.images_known_for,
            method=self.method,
            why_incomplete=self.trouble or broke_off,
            queries=self.queries,
        )


def census(root: str, notes: Notes) -> Script:
    """Enumerate the studies under one query root, then the images.

    The count keys are asked in a second query, because asking them changes the answer of some
    archives: what is counted is the first one, and the counts hold only if the second one agrees.
    """
    answer = yield from _find(notes, root, b"STUDY", (elements.STUDY_UID,), notes.studies)
    if answer.status != 0x0000:
        notes.trouble = f"the study query ended with {status_words(answer.status)}"
        return
    if notes.studies.malformed:
        rows = notes.studies.malformed
        notes.trouble = f"{rows} {'row' if rows == 1 else 'rows'} without a usable Study Instance UID"
        return
    notes.enumerated = True
    if not notes.studies.distinct:
        notes.method, notes.series, notes.images = "count keys", 0, 0
        return

    keys = (elements.STUDY_UID, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY)
    counted = Tally()
    answer = yield from _find(notes, root, b"STUDY", keys, counted)
    repeats = notes.studies.rows > notes.studies.distinct
    if repeats and answer.status == 0x0000 and counted.rows != notes.studies.rows:
        # One row per instance gives as many rows again; an archive that gives fewer repeats itself by mistake.
        notes.enumerated = False
        notes.trouble = (
            f"{notes.studies.rows} rows repeat {notes.studies.distinct} UIDs, and asking again gave {counted.rows}"
        )
        return
    agrees = answer.status == 0x0000 and counted.distinct == notes.studies.distinct
    if agrees and counted.images_known == counted.distinct:
        notes.method = "count keys"
        notes.images, notes.images_known_for = counted.images, counted.images_known
        notes.series = counted.series if counted.series_known == counted.distinct else None
    elif notes.studies.distinct <= WALK_STUDIES:
        yield from _walk(root, notes)
    elif agrees:
        notes.method = "count keys"
        notes.images, notes.images_known_for = counted.images, counted.images_known


def _walk(root: str, notes: Notes) -> Script:
    """Series by study, then instances by series, counting distinct UIDs."""
    notes.method = "walk"
    images, all_series = Tally(elements.INSTANCE_UID), Tally(elements.SERIES_UID)
    for study in notes.studies.kept:
        series = Tally(elements.SERIES_UID, keep=WALK_SERIES)
        answer = yield from _find(notes, root, b"SERIES", (elements.SERIES_UID,), series, study)
        complete = answer.status == 0x0000 and not series.malformed and 0 < series.distinct == len(series.kept)
        for uid in series.kept if complete else ():
            rows, malformed = images.rows, images.malformed
            answer = yield from _find(notes, root, b"IMAGE", (elements.INSTANCE_UID,), images, study, uid)
            if answer.status != 0x0000 or images.malformed > malformed or images.rows == rows:
                complete = False  # a series has images, so nothing is no answer either
                break
        if complete:
            notes.images_known_for += 1
            all_series.include(series)
        notes.images = images.distinct
    if notes.images_known_for == notes.studies.distinct:
        notes.series = all_series.distinct


def _find(
    notes: Notes,
    root: str,
    level: bytes,
    wanted: tuple[int, ...],
    tally: Tally,
    study: bytes = b"",
    series: bytes = b"",
) -> Generator[Query, Answer, Answer]:
    values = {elements.QUERY_LEVEL: level, **dict.fromkeys(wanted, b"")}
    if study:
        values[elements.STUDY_UID] = study
    if series:
        values[elements.SERIES_UID] = series
    notes.queries += 1
    return (yield Query(root, tuple(values.items()), tally))
