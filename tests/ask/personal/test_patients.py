"""How many patients: distinct by id and issuer, in bounded memory, over one question or the windows of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import msgspec
import pytest

from filmbadge.ask.census.plan import CensusPlan, Hint
from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse.association import Answer, Query
from filmbadge.ask.dimse.profile import look_through
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.progress import ProfileProgress
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.catalogue.kinds import CHARACTER_SET, ISSUER, PATIENT_ID
from filmbadge.judge.archives import judge
from filmbadge.model import Appearance, Archive, Census, Count, Doubt, DoubtCode, Find, Kind, Provenance
from support.factories import admitted, dimse

TODAY = date(2026, 11, 24).toordinal()
Row = dict[int, bytes]


def rows(studies: int, patients: int) -> list[Row]:
    """A study a day, of so many patients in turn."""
    return [
        {
            elements.STUDY_DATE: f"{date.fromordinal(TODAY - n):%Y%m%d}".encode(),
            elements.STUDY_UID: b"2.25.%d" % n,
            PATIENT_ID: b"P%d" % (n % patients),
        }
        for n in range(studies)
    ]


def look(held: Sequence[Row], known: int | None, plan: CensusPlan | None = None, cap: int = 0) -> ProfileProgress:
    """Plays an archive that answers from a list, and ends its answers with 0xFE00 where there is a cap."""
    notes = ProfileProgress(RunKey())
    asking = look_through(STUDY_ROOT_FIND, notes, known, lambda: plan or CensusPlan(TODAY, seed=1))
    try:
        query = next(asking)
        while True:
            assert isinstance(query, Query)
            keys = dict(query.keys)
            first, _, last = keys.get(elements.STUDY_DATE, b"").partition(b"-")
            deep = keys[elements.STUDY_UID] or keys[elements.QUERY_LEVEL] != b"STUDY"
            found = [
                row
                for row in ([] if deep else held)
                if not first or first <= row.get(elements.STUDY_DATE, b"") <= (last or first)
            ]
            given = found[:cap] if cap else found
            for row in given:
                query.record(elements.encode(list(row.items()), explicit=True), True)
            query = asking.send(Answer(0xFE00 if len(given) < len(found) else 0x0000, len(given)))
    except StopIteration:
        return notes


def test_patients_are_distinct_ids() -> None:
    notes = look([*rows(40, 7), *rows(40, 7)], 40)
    found = notes.profile()
    assert (found.complete, found.records, found.patients, found.without_id) == (True, 40, 7, 0)


def test_the_same_id_of_two_issuers_is_two_patients() -> None:
    held = rows(4, 1)
    held[2][ISSUER], held[3][ISSUER] = b"WARD", b"WARD "
    assert look(held, 4).profile().patients == 2


@pytest.mark.parametrize("missing", [None, b"", b"  "])
def test_a_study_without_an_id_is_said(missing: bytes | None) -> None:
    held = rows(9, 3)
    del held[4][PATIENT_ID]
    held[4] |= {} if missing is None else {PATIENT_ID: missing}
    found = look(held, 9).profile()
    assert (found.patients, found.without_id) == (3, 1)


def test_windows_find_the_patients_of_an_archive_that_cuts_its_answers_off() -> None:
    plan = CensusPlan(TODAY, Hint(), seed=1)
    found = look(rows(700, 90), None, plan, cap=100).profile()
    assert (found.records, found.patients) == (700, 90)
    assert not found.complete
    assert Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 100}) in found.doubts
    whole = look(rows(700, 90), 700, CensusPlan(TODAY, Hint(studies=700), seed=1)).profile()
    assert (whole.complete, whole.patients) == (True, 90)


def archive(held: Sequence[Row]) -> Archive:
    profile = look(held, len(held)).profile()
    census = Census(True, rows=len(held), studies=len(held), series=1, images=1, images_known_for=len(held))
    facts = msgspec.structs.replace(admitted((Find(None, 1, 0),), census), profile=profile)
    (found,) = judge("192.0.2.1", [dimse(facts)]).archives
    return found


def counts(held: Sequence[Row]) -> Count:
    return archive(held).counts.patients


def test_they_are_counted_only_where_every_study_names_one() -> None:
    assert counts(rows(30, 4)) == Count(4, Provenance.COUNTED)
    held = rows(30, 4)
    del held[7][PATIENT_ID]
    assert counts(held) == Count(at_least=4, doubts=(Doubt(DoubtCode.WITHOUT_PATIENT_ID, {"studies": 1}),))


def test_ids_are_read_under_any_character_set_and_names_that_cannot_be_are_there() -> None:
    odd = (b"ISO_IR 999", b"\\", b"ISO 2022 IR 6, IS", b"NONSENSE", b"ISO IR 192", b"\\ISO_IR 192", b"0")
    held = [
        {CHARACTER_SET: charset, **row, 0x00100010: b"\xff\xfe^\x80%d" % number}
        for number, (charset, row) in enumerate(zip(odd, rows(7, 7), strict=True))
    ]
    found = archive([dict(sorted(row.items())) for row in held])
    assert found.counts.patients == Count(7, Provenance.COUNTED)
    kinds = {kind.kind: kind for kind in found.kinds or ()}
    name, identity = kinds[Kind.PATIENT_NAME], kinds[Kind.PATIENT_ID]
    assert (name.records, name.how, name.malformed, name.looks) == (7, Provenance.COUNTED, 7, None)
    assert (identity.records, identity.malformed, identity.looks) == (7, 0, Appearance.PERSONAL)


def test_ids_that_cannot_be_read_are_compared_by_their_bytes() -> None:
    held = [row | {PATIENT_ID: b"P\xff%d" % (number % 2)} for number, row in enumerate(rows(6, 6))]
    assert counts(held) == Count(2, Provenance.COUNTED)
