"""What is found out at the end of a survey: archives that are one, and patient ids, known only where all were read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from filmbadge.ask.decoder import DistinctSet
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.judge.distinct_count import SKETCH_SIZE
from filmbadge.judge.same_archive import Sketch
from filmbadge.keep import manifest
from filmbadge.keep.manifest import PatientIds
from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import (
    Depth,
    DicomWebFacts,
    Doubt,
    DoubtCode,
    Endpoint,
    Facts,
    LinkBy,
    Observation,
    Provenance,
    Review,
    Total,
)
from filmbadge.scope import loopback
from filmbadge.survey import review
from filmbadge.survey.review import patient_ids
from support.factories import DISCLOSED, admitted, dimse, host, reported, survey, web

ONE, OTHER = "192.0.2.1:4242", "192.0.2.2:4242"
THREE, SHARING_ONE = Sketch.of(3, [10, 20, 30]), Sketch.of(3, [30, 40, 50])


def two_archives(directory: Path, patients: int | None = 3, depth: str = "profile") -> Dataset:
    made = survey(directory)
    manifest.write(directory, msgspec.structs.replace(made, scope=msgspec.structs.replace(made.scope, depth=depth)))
    writer = Writer(directory)
    for address, known in (("192.0.2.1", 3), ("192.0.2.2", patients)):
        facts = reported(patients=known)
        writer.host(host(address, dimse(admitted(DISCLOSED)), web(facts)), address)
    writer.close()
    return Dataset(directory)


def test_an_id_in_two_archives_counts_once(tmp_path: Path) -> None:
    people = {ONE: THREE, OTHER: SHARING_ONE, "192.0.2.3:104": Sketch.of(1, [60])}
    found = patient_ids(two_archives(tmp_path), people, resumed=False).total
    assert found == Total("patient_ids", 5, Provenance.COUNTED), "and one that is in no total counts in none"


def test_large_archives_are_estimated(tmp_path: Path) -> None:
    step = 2**64 // 10_000
    people = {
        ONE: Sketch.of(6000, range(step, SKETCH_SIZE * step + 1, step)),
        OTHER: Sketch.of(8000, range(step, SKETCH_SIZE * step + 1, step)),
    }
    found = patient_ids(two_archives(tmp_path), people, resumed=False).total
    assert found.how == "estimated"
    assert found.measured is not None and found.low is not None and found.high is not None
    assert 8000 <= found.low < found.measured < found.high <= 14_000
    assert abs(found.measured - 9990) < 10


@pytest.mark.parametrize(
    "patients, people, resumed, least, code",
    [
        (3, {ONE: THREE}, False, 3, DoubtCode.IDS_UNREAD),
        (None, {ONE: THREE}, False, 3, DoubtCode.COUNTER_SILENT),
        (3, {ONE: THREE}, True, 3, DoubtCode.BEFORE_RESUME),
        (3, {}, False, 0, DoubtCode.IDS_UNREAD),
    ],
)  # fmt: skip
def test_never_partial_in_silence(
    tmp_path: Path, patients: int | None, people: dict[str, Sketch], resumed: bool, least: int, code: DoubtCode
) -> None:
    found = patient_ids(two_archives(tmp_path, patients), people, resumed=resumed).total
    assert (found.measured, found.how, found.at_least, found.doubts) == (None, "unknown", least, (Doubt(code),))


def test_of_several_runs_it_is_bounded_by_the_largest_archive_that_any_run_counted(tmp_path: Path) -> None:
    dataset = two_archives(tmp_path)
    dataset._sql.execute("CREATE OR REPLACE TEMP VIEW counted AS SELECT * REPLACE ('counted' AS patients_how, CASE id WHEN"
                         f" '{OTHER}' THEN 7 ELSE patients END AS patients) FROM archives")  # fmt: skip
    found = patient_ids(dataset, {ONE: THREE}, resumed=True).total
    assert (found.measured, found.at_least, found.doubts) == (None, 7, (Doubt(DoubtCode.BEFORE_RESUME),))


def test_it_holds_for_the_archives_that_it_was_counted_for(tmp_path: Path) -> None:
    """Grouped otherwise, the same ids would be of other archives."""
    dataset = two_archives(tmp_path)
    found = patient_ids(dataset, {ONE: THREE, OTHER: SHARING_ONE}, resumed=False)
    assert total(dataset, found) == found.total
    writer = Writer(tmp_path)
    writer.reviews([Review(OTHER, ONE, (LinkBy.STUDY_UIDS,))])
    writer.close()
    otherwise = total(Dataset(tmp_path), found)
    assert (otherwise.measured, otherwise.how) == (None, "unknown")
    assert otherwise.doubts == (Doubt(DoubtCode.GROUPED_OTHERWISE),)
    assert total(dataset, None).doubts == (Doubt(DoubtCode.SURVEY_NOT_ENDED),)


def test_at_a_lower_depth_nobody_looked(tmp_path: Path) -> None:
    assert total(two_archives(tmp_path, depth="count"), None).doubts == (Doubt(DoubtCode.NEEDS_PROFILE),)


@pytest.mark.parametrize("may_ask", [True, False])
def test_archives_without_a_sketch_are_compared_over_qido_rs_where_it_may_be_asked(
    may_ask: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their counters are equal. Each is asked for its UIDs once, and they are one archive."""
    asked = []
    studies = DistinctSet(RunKey())
    for n in range(35):
        studies.add(b"1.2.%d" % n)

    async def ask_further(contact: Contact, seen: Observation, way: type[Facts], depth: Depth) -> Learned:
        asked.append((str(contact.address), way, depth))
        return Learned(seen, studies, whole=True)

    monkeypatch.setattr(review, "ask_further", ask_further)
    survey(tmp_path)
    writer = Writer(tmp_path)
    root = DicomWebFacts("/dicom-web", 200, may_ask=may_ask, records=1)
    for address in ("127.0.0.1", "127.0.0.2"):
        writer.host(host(address, web(reported(studies=35, series=70, images=700), root)), address)
    writer.close()
    dialer = Dialer(loopback("the tests"), lambda _: None)
    sketches: dict[Endpoint, Sketch] = {}

    async def draw(target: Target, seen: Observation, way: type[Facts]) -> None:
        drawn = await review.sketch_of(dialer, target, seen, way)
        assert drawn is not None
        sketches[seen.endpoint] = drawn

    links = asyncio.run(review.compare(Dataset(tmp_path), draw, sketches))
    assert asked == ([(f"127.0.0.{n}", DicomWebFacts, Depth.COUNT) for n in (1, 2)] if may_ask else [])
    assert [(link.shared, link.sampled) for link in links] == ([(35, 35)] if may_ask else [])


def total(dataset: Dataset, found: PatientIds | None) -> Total:
    return {row.quantity: row for row in dataset.totals(msgspec.structs.replace(dataset.manifest, patient_ids=found))}[
        "patient_ids"
    ]
