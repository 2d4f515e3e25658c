"""What was kept is judged once more: as it was judged when it was asked, and without asking anybody."""

from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from filmbadge.conclude import again
from filmbadge.conclude.again import judge_again, opened, placed_by, ready
from filmbadge.conclude.review import review
from filmbadge.judge.archives import judge
from filmbadge.keep import judged, manifest
from filmbadge.keep.manifest import PatientIds
from filmbadge.keep.parts import Lock
from filmbadge.keep.reader import Dataset, NotJudged
from filmbadge.keep.schema import JOURNAL, LINKS, OBSERVATIONS, Table
from filmbadge.keep.writer import Writer
from filmbadge.model import (
    Census,
    CountedBy,
    Decoy,
    Host,
    Link,
    LinkBy,
    Outcome,
    OutcomeKind,
    Provenance,
    Refusal,
    Total,
)
from filmbadge.places import load
from support.factories import (
    ADDRESS,
    DISCLOSED,
    EMPTY,
    REPORTED,
    admitted,
    connection,
    dimse,
    host,
    part,
    survey,
    web,
)

COUNTED = Census(True, rows=40, studies=40, series=60, images=400, images_known_for=40, method=CountedBy.COUNT_KEYS)
PORTS = tuple(dimse(admitted(DISCLOSED, COUNTED), port=port) for port in (104, 11112))


def kept(directory: Path, *hosts: Host, links: tuple[Link, ...] = ()) -> Dataset:
    survey(directory)
    writer = Writer(directory)
    for one in hosts:
        writer.journal(connection(one.address))
        writer.host(one, one.address)
    writer.links(links)
    writer.reviews(review(Dataset(directory)))
    writer.close()
    return Dataset(directory)


def verdicts(dataset: Dataset) -> list[object]:
    return [
        [{name: value for name, value in row.items() if name != "reviewed_at"} for row in dataset.rows(f"FROM {table}")]
        for table in ("endpoints", "archives", "kinds", "reviews")
    ]


def again_of(directory: Path) -> Dataset:
    return Dataset(directory, judge_again(directory))


@pytest.mark.parametrize(("shared", "archives", "studies"), [(40, 1, 40), (0, 2, 80)])
def test_ports_that_a_sketch_joined_or_kept_apart_stay_so(
    tmp_path: Path, shared: int, archives: int, studies: int
) -> None:
    """The sketch is gone, and what it showed was kept. Their counters are equal in both cases."""
    link = Link(PORTS[0].endpoint, PORTS[1].endpoint, LinkBy.STUDY_UIDS, shared, 80 - shared)
    before = kept(tmp_path, judge(ADDRESS, PORTS, [link]))
    after = again_of(tmp_path)
    for dataset in (before, after):
        found = {total.quantity: total.measured for total in dataset.totals()}
        assert (found["archives_open"], found["studies"]) == (archives, studies)
    assert verdicts(after) == verdicts(before)


def test_hosts_that_hold_the_same_studies_stay_one_archive(tmp_path: Path) -> None:
    one, other = (host(address, PORTS[0]) for address in ("192.0.2.1", "192.0.2.2"))
    ways = [found.archives[0].endpoints[0] for found in (one, other)]
    before = kept(tmp_path, one, other, links=(Link(ways[0], ways[1], LinkBy.STUDY_UIDS, 40, 40),))
    after = again_of(tmp_path)
    assert after.rows("SELECT archive, same_as, shown_by FROM reviews") == [
        {"archive": "192.0.2.2:104", "same_as": "192.0.2.1:104", "shown_by": ["study-uids"]}
    ]
    assert verdicts(after) == verdicts(before)
    assert after.totals() == before.totals()


def test_too_little_in_common_between_hosts_joins_nothing(tmp_path: Path) -> None:
    one, other = (host(address, PORTS[0]) for address in ("192.0.2.1", "192.0.2.2"))
    ways = [found.archives[0].endpoints[0] for found in (one, other)]
    kept(tmp_path, one, other, links=(Link(ways[0], ways[1], LinkBy.STUDY_UIDS, 19, 19),))
    assert again_of(tmp_path).rows("FROM reviews") == []


def test_two_targets_that_lead_to_one_endpoint_are_one_archive(tmp_path: Path) -> None:
    """A viewer's page at one address names what was found at another."""
    there = host("192.0.2.2", dimse(admitted(DISCLOSED)), web(REPORTED))
    kept(tmp_path, judge("192.0.2.1", [there.judged[1].observation]), there)
    after = again_of(tmp_path)
    assert {total.quantity: total.measured for total in after.totals()}["archives_open"] == 1
    assert [row["shown_by"] for row in after.rows("FROM reviews")] == [["same-endpoint"]]


def test_clusters_of_copies_are_seen_again(tmp_path: Path) -> None:
    copies = [host(f"198.51.{n}.7", PORTS[0]) for n in range(5)]
    ways = [found.archives[0].endpoints[0] for found in copies]
    links = tuple(Link(ways[0], way, LinkBy.STUDY_UIDS, 12, 12, 12) for way in ways[1:])
    before = kept(tmp_path, *copies, links=links)
    assert {total.quantity: total.measured for total in before.totals()}["decoys"] == 5
    assert verdicts(again_of(tmp_path)) == verdicts(before)
    assert all(one.decoy == (Decoy.CLUSTER,) for one in review(before))


def test_archives_that_look_alike_and_hold_other_studies_are_no_copies(tmp_path: Path) -> None:
    """Nine open archives are nine."""
    before = kept(tmp_path, *(host(f"198.51.{n}.7", PORTS[0]) for n in range(9)))
    found = {total.quantity: total.measured for total in before.totals()}
    assert (found["archives"], found["archives_open"], found["decoys"]) == (9, 9, 0)
    assert review(before) == []


def test_archives_that_overlap_in_a_chain_are_not_one(tmp_path: Path) -> None:
    """Each shares most of its studies with the next, and the first nothing with the last."""
    hosts = [host(f"198.51.{n}.7", PORTS[0]) for n in range(9)]
    ways = [found.archives[0].endpoints[0] for found in hosts]
    links = tuple(Link(one, other, LinkBy.STUDY_UIDS, 35, 45, 40) for one, other in pairwise(ways))
    before = kept(tmp_path, *hosts, links=links)
    assert {total.quantity: total.measured for total in before.totals()}["archives_open"] == 9
    assert verdicts(again_of(tmp_path)) == verdicts(before)


def test_samples_that_look_equal_join_no_hosts_of_other_sizes(tmp_path: Path) -> None:
    """Of large archives a sketch is a sample, and one study more may not be in it."""
    more = dimse(admitted(DISCLOSED, msgspec.structs.replace(COUNTED, rows=41, studies=41)), port=104)
    one, other = host("192.0.2.1", PORTS[0]), host("192.0.2.2", more)
    ways = [found.archives[0].endpoints[0] for found in (one, other)]
    before = kept(tmp_path, one, other, links=(Link(ways[0], ways[1], LinkBy.STUDY_UIDS, 40, 40, 40),))
    assert before.rows("FROM reviews") == []


def test_patient_ids_hold_for_the_archives_they_were_counted_for(tmp_path: Path) -> None:
    before = kept(tmp_path, host("192.0.2.1", PORTS[0], web(REPORTED)))
    total = Total("patient_ids", 3, Provenance.COUNTED)
    known = msgspec.structs.replace(
        before.manifest,
        scope=msgspec.structs.replace(before.manifest.scope, depth="profile"),
        patient_ids=PatientIds(total, before.grouping()),
    )
    manifest.write(tmp_path, known)
    assert total in again_of(tmp_path).totals()
    manifest.write(tmp_path, msgspec.structs.replace(known, patient_ids=PatientIds(total, "of other archives")))
    (found,) = [row for row in again_of(tmp_path).totals() if row.quantity == "patient_ids"]
    assert (found.measured, found.how) == (None, "unknown")


def test_a_fault_of_ours_is_kept_with_what_was_seen(tmp_path: Path) -> None:
    fault = Outcome(OutcomeKind.OWN_ERROR, error="KeyError")
    before = kept(
        tmp_path, judge(ADDRESS, PORTS[:1], fault=fault), judge("pacs.example", [], name="pacs.example", fault=fault)
    )
    after = again_of(tmp_path)
    assert [row["port"] for row in after.rows("FROM observations")] == [104, None, None]
    assert after.outcomes() == {"discloses": 1, "unknown": 2}
    assert verdicts(after) == verdicts(before)
    after.require_whole()


def test_a_folder_without_a_judgement_is_judged_in_memory(tmp_path: Path) -> None:
    before = kept(tmp_path, host("192.0.2.1", PORTS[0], web(REPORTED)), host("192.0.2.2", dimse(admitted(EMPTY))))
    manifest.write(tmp_path, msgspec.structs.replace(before.manifest, state="running"))
    before = Dataset(tmp_path)
    known, totals = verdicts(before), before.totals()
    shutil.rmtree(tmp_path / "judged")
    files = sorted(tmp_path.rglob("*"))
    dataset = opened(tmp_path)
    assert verdicts(dataset) == known
    assert dataset.totals() == totals
    assert sorted(tmp_path.rglob("*")) == files
    assert judge_again(tmp_path) == 1
    assert verdicts(opened(tmp_path)) == known


def test_one_that_ended_and_lost_its_judgement_says_so(tmp_path: Path) -> None:
    kept(tmp_path, host("192.0.2.1", PORTS[0]))
    shutil.rmtree(tmp_path / "judged")
    with pytest.raises(NotJudged, match="filmbadge judge"):
        opened(tmp_path)


def test_a_survey_goes_on_with_the_judgement_of_the_same_judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept(tmp_path, host("192.0.2.1", PORTS[0]))
    number = judge_again(tmp_path)
    assert ready(tmp_path) == number
    monkeypatch.setattr(again, "digest", lambda: "another catalogue")
    assert ready(tmp_path) == number + 1
    said = judged.read(tmp_path, number + 1)
    assert said is not None
    assert said.judge.catalogue == "another catalogue"


def test_other_places_are_another_judge(tmp_path: Path) -> None:
    (tmp_path / "survey").mkdir()
    kept(tmp_path / "survey", host("192.0.2.1", PORTS[0]))
    number = judge_again(tmp_path / "survey")
    table = tmp_path / "places.csv"
    table.write_text("network,country\n192.0.2.0/24,DE\n")
    assert ready(tmp_path / "survey", load([table])) == number + 1
    assert ready(tmp_path / "survey", load([table])) == number + 1
    assert placed_by(tmp_path / "survey") == load([table]).used
    (row,) = Dataset(tmp_path / "survey").rows("SELECT DISTINCT country FROM endpoints")
    assert row["country"] == "DE"


def test_nobody_judges_while_a_survey_runs(tmp_path: Path) -> None:
    kept(tmp_path, host("192.0.2.1", PORTS[0]))
    lock = Lock(tmp_path)
    with pytest.raises(Refusal, match="another process"):
        judge_again(tmp_path)
    lock.close()
    assert judge_again(tmp_path) == 2


@pytest.mark.parametrize("table", [OBSERVATIONS, LINKS])
def test_damaged_facts_are_refused_and_leave_no_judgement(tmp_path: Path, table: object) -> None:
    link = Link(PORTS[0].endpoint, PORTS[1].endpoint, LinkBy.STUDY_UIDS, 40, 40)
    kept(tmp_path, judge(ADDRESS, PORTS, [link]))
    path = part(tmp_path, table, 1)  # type: ignore[arg-type]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(Refusal, match="damaged"):
        judge_again(tmp_path)
    assert list(judged.numbers(tmp_path)) == [2, 1]
    assert judged.newest(tmp_path) == 1


@pytest.mark.parametrize("table", [OBSERVATIONS, LINKS, JOURNAL])
def test_facts_that_lost_a_part_are_not_judged_as_if_they_were_all(tmp_path: Path, table: Table) -> None:
    """Without the links, one archive would be counted as two."""
    link = Link(PORTS[0].endpoint, PORTS[1].endpoint, LinkBy.STUDY_UIDS, 40, 40)
    before = kept(tmp_path, judge(ADDRESS, PORTS, [link]))
    ended = msgspec.structs.replace(before.manifest, state="done", kept=before.counts(judged=False))
    manifest.write(tmp_path, ended)
    part(tmp_path, table, 1).unlink()
    with pytest.raises(Refusal, match="missing"):
        judge_again(tmp_path)
    assert judged.newest(tmp_path) == 1
