"""Archives of every kind that misleads, before the whole instrument: nothing that it says of them is false.

One is asked after the other, so that all chance comes in the same order in each run.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from filmbadge.model import Count, Counts, Host, Outcome, OutcomeKind, Provenance, Rung, Total
from support.chance import SEED, seeds
from support.loopback import run
from support.misleading.holdings import Truth
from support.misleading.judgement import Mark, judge, judge_totals
from support.misleading.kinds import Place, kinds
from support.misleading.worlds import Checked, drawn, surveyed, world

# An instrument that says of everything that it does not know would say nothing false. Of these it knows all.
KNOWN = (
    *(f"{protocol}: nothing odd, all dated" for protocol in ("dicom", "web", "both")),
    *(f"dicom: {name}" for name in ("pending FF01", "small fragments", "Study Root only", "Patient Root only")),
    *(f"web: {name}" for name in ("204 where nothing matches", "plain JSON", "below /dicomweb")),
    *(f"front: {name}" for name in ("chunks", "a page for each connection", "headers in lower case")),
    *(f"place: {name}" for name in ("Orthanc", "TLS", "DICOMweb over TLS", "one archive, two ways")),
)
FEWEST_RIGHT = 0.3  # of a world
# What is still said falsely of these, or cannot be told. They are asked, and only what is said of the others is required.
OPEN = {
    # The archive's own word is `reported`. Two studies that are walked do not find a few numbers that are wrong.
    *(f"{over}: some count keys are wrong" for over in ("dicom", "web", "both")),
    # Two doors that nothing shows to be one archive: their lower bounds are of one set of studies.
    "both: UIDs of each question",
    "both: studies leave and arrive",
    "both: nobody's row beside others",
    "both: nobody's row where nothing matches",
    "place: REST beside a refusal",  # a port that a sweep reached is not asked in HTTP after DICOM refused
}
HUNTING = SEED in os.environ
WORLD, SURVEY = (60, 20) if HUNTING else (12, 6)  # places


def false(results: Sequence[Checked]) -> list[str]:
    """What is false, but for sums of count keys of which a few are wrong: these are reported, and are the archive's own word."""
    told = [str(one) for one in results if one.judgement.mark is Mark.WRONG]
    return [one for one in told if "counts='some wrong'" not in one]


@pytest.mark.parametrize("kind", sorted(set(kinds()) - {"front: answers too late"}))
def test_nothing_false_of_any_kind(kind: str) -> None:
    (result,) = run(world([(kind, 1)]))
    assert result.judgement.mark is not Mark.WRONG or kind in OPEN, str(result)
    if kind in KNOWN:
        assert result.judgement.mark is Mark.RIGHT, str(result)


@pytest.mark.parametrize("seed", seeds(1))
def test_nothing_false_of_a_world(seed: int) -> None:
    results = run(world([place for place in drawn(seed) if place[0] not in OPEN][:WORLD], at_once=1))
    assert not false(results)
    marks = [one.judgement.mark for one in results]
    assert not HUNTING or marks.count(Mark.RIGHT) >= FEWEST_RIGHT * len(marks)


@pytest.mark.parametrize("seed", seeds(1))
def test_nothing_false_of_a_survey(seed: int, tmp_path: Path) -> None:
    """The totals of a survey stand by what it says of each host."""
    each, totals = run(surveyed(seed, SURVEY, tmp_path / "survey", at_once=1))
    assert not false(each)
    assert totals.mark is not Mark.WRONG, totals.said


def counted(
    number: int | None, how: Provenance = Provenance.COUNTED, *between: int, at_least: int | None = None
) -> Count:
    low, high = between or (None, None)
    return Count(number, how, at_least, low=low, high=high)


ONE = Truth(open=True, studies=7)


@pytest.fixture(scope="module")
def seen() -> Host:
    """What is said of an archive of one study, in which nothing is odd."""
    (result,) = run(world([("dicom: nothing odd, one study", 1)]))
    assert result.judgement.mark is Mark.RIGHT, str(result)
    assert result.host is not None
    return result.host


def saying(host: Host, studies: Count, rung: Rung = Rung.DISCLOSES) -> Host:
    (archive,) = host.archives
    other = msgspec.structs.replace(archive, counts=Counts(studies=studies), rung=rung)
    return msgspec.structs.replace(host, archives=(other,))


@pytest.mark.parametrize(
    ("studies", "mark"),
    [
        (counted(7), Mark.RIGHT),
        (counted(6), Mark.WRONG),
        (counted(7, Provenance.REPORTED), Mark.RIGHT),
        (counted(8, Provenance.REPORTED), Mark.WRONG),
        (counted(None, Provenance.UNKNOWN, at_least=7), Mark.HONEST),
        (counted(None, Provenance.UNKNOWN, at_least=8), Mark.WRONG),
        (counted(9, Provenance.ESTIMATED, 5, 12), Mark.HONEST),
        (counted(9, Provenance.ESTIMATED, 8, 12), Mark.MISSED),
    ],
)
def test_a_number_is_judged(seen: Host, studies: Count, mark: Mark) -> None:
    place = Place((), (ONE,), ONE)
    assert judge(place, saying(seen, studies)).mark is mark


def test_a_coincidence_is_no_fault(seen: Host) -> None:
    unlucky = replace(ONE, coincidence=True)
    assert judge(Place((), (unlucky,), unlucky), saying(seen, counted(6))).mark is Mark.COINCIDENCE


def test_open_and_closed_are_judged(seen: Host) -> None:
    shut = Truth(open=False, studies=7)
    assert judge(Place((), (shut,), shut), seen).mark is Mark.WRONG
    closed = saying(seen, counted(None, Provenance.UNKNOWN), Rung.ANSWERS)
    place = Place((), (ONE,), ONE)
    assert judge(place, closed).mark is Mark.WRONG
    unsure = msgspec.structs.replace(closed, fault=Outcome(OutcomeKind.OUT_OF_SCOPE))
    assert judge(place, unsure).mark is Mark.HONEST


def test_an_error_of_ours_is_wrong(seen: Host) -> None:
    faulty = msgspec.structs.replace(seen, fault=Outcome(OutcomeKind.OWN_ERROR, error="KeyError"))
    truth = Truth(open=True, studies=1)
    assert judge(Place((), (truth,), truth), seen).mark is Mark.RIGHT
    assert judge(Place((), (truth,), truth), faulty).mark is Mark.WRONG


@pytest.mark.parametrize(
    ("total", "mark"),
    [
        (Total("", 14, Provenance.COUNTED), Mark.RIGHT),
        (Total("", 13, Provenance.COUNTED), Mark.WRONG),
        (Total("", None, Provenance.UNKNOWN, at_least=14), Mark.HONEST),
        (Total("", None, Provenance.UNKNOWN, at_least=15), Mark.WRONG),
        (Total("", 10, Provenance.ESTIMATED, low=9, high=12), Mark.MISSED),
    ],
)
def test_a_total_is_judged(total: Total, mark: Mark) -> None:
    truth = Truth(open=True, studies=14, series=14, images=14)
    rows = [msgspec.structs.replace(total, quantity=quantity) for quantity in ("studies", "series", "images")]
    said = [*rows, Total("archives_open", 1, Provenance.COUNTED)]
    assert judge_totals([Place((), (truth,), truth)], said).mark is mark
