"""How many images of an archive a stranger gets: what was said, what came, and what a refusal proves."""

from __future__ import annotations

from math import comb

import pytest

from filmbadge.judge import archives
from filmbadge.judge.findings import findings
from filmbadge.judge.retrievable import clopper_pearson, retrievable
from filmbadge.model import (
    Archive,
    Availability,
    Cause,
    Census,
    Count,
    CountedBy,
    Counters,
    Depth,
    DicomWebFacts,
    DoubtCode,
    Draws,
    FindingCode,
    Interval,
    Observation,
    Outcome,
    OutcomeKind,
    Proof,
    Provenance,
    WebProof,
    WebService,
)
from filmbadge.model import DimseFacts as Facts
from support.factories import ADDRESS, DISCLOSED, REPORTED, admitted, dimse, reported, web

IMAGE = Proof("1.2.3", get=True, storage=True, bytes=4096, status=0xFE00)
NO_GET = Proof("1.2.3")


def census(said: Availability | None = None, *, complete: bool = True, images: int = 100) -> Census:
    return Census(
        complete=complete,
        rows=10,
        studies=10,
        images=images,
        images_known_for=10,
        method=CountedBy.COUNT_KEYS,
        availability=said,
    )


def facts(counted: Census | None, proof: Proof | None) -> Facts:
    return Facts(
        called="ANY-SCP",
        valid_pdu=True,
        accepted=True,
        study_root=True,
        finds=DISCLOSED,
        census=counted,
        proof=proof,
    )


def judged(*seen: Observation) -> Archive:
    (found,) = archives.judge(ADDRESS, seen).archives
    return found


def count(counted: Census | None, proof: Proof | None, depth: Depth = Depth.PROVE) -> Count:
    return judged(dimse(facts(counted, proof), depth=depth)).images_retrievable


def codes(count: Count) -> list[DoubtCode]:
    return [doubt.code for doubt in count.doubts]


def test_images_that_are_said_to_be_on_line_where_one_came() -> None:
    assert count(census(Availability(7, 3, 60, 40)), IMAGE) == Count(60, Provenance.REPORTED)


def test_words_alone_deliver_nothing() -> None:
    found = count(census(Availability(10, 0, 100, 0)), Proof("1.2.3", get=True, storage=True, status=0xA702))
    assert (found.value, found.at_least, codes(found)) == (None, None, [DoubtCode.NO_IMAGE_CAME])


@pytest.mark.parametrize("proof", [NO_GET, Proof("1.2.3", get=True, status=0x0124), Proof(get=True, status=0x0122)])
def test_zero_where_a_refusal_proves_it(proof: Proof) -> None:
    assert count(census(Availability(10, 0, 100, 0)), proof) == Count(0, Provenance.COUNTED)


@pytest.mark.parametrize(
    "proof",
    [
        None,
        Proof("1.2.3", get=True, storage=True, status=0xA702),  # of that image
        Proof("1.2.3", get=True),  # the class of that image
        Proof(stop=Outcome(OutcomeKind.COMPLETED, Cause.NO_INSTANCE)),
        Proof("1.2.3", stop=Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 5})),
        Proof(stop=Outcome(OutcomeKind.REJECTED, Cause.REJECTED, {"result": 2, "source": 3, "reason": 2})),
    ],
)
def test_what_proves_no_refusal_is_not_zero(proof: Proof | None) -> None:
    found = count(census(), proof)
    assert (found.value, found.how, codes(found)) == (None, Provenance.UNKNOWN, [DoubtCode.NO_IMAGE_CAME])


def test_a_part_that_says_nothing_leaves_a_bound() -> None:
    found = count(census(Availability(6, 3, 55, 40)), IMAGE)
    assert (found.value, found.at_least, codes(found)) == (None, 55, [DoubtCode.AVAILABILITY_PARTLY])


def test_what_was_not_counted_whole_leaves_a_bound() -> None:
    found = count(census(Availability(7, 3, 60, 40), complete=False), IMAGE)
    assert (found.value, found.at_least) == (None, 60)


def test_an_estimate_of_images_is_one_of_these_too() -> None:
    made = Census(
        complete=False,
        rows=10,
        studies=10,
        images=100,
        images_known_for=10,
        method=CountedBy.COUNT_KEYS,
        images_estimate=Interval(1000, 800, 1500),
        availability=Availability(7, 3, 60, 40),
    )
    found = count(made, IMAGE)
    assert (found.value, found.how, found.low, found.high) == (600, Provenance.ESTIMATED, 480, 900)


def test_silence_is_unknown() -> None:
    assert codes(count(census(), IMAGE)) == [DoubtCode.AVAILABILITY_UNSAID]


def test_it_needs_the_depth() -> None:
    assert codes(count(census(Availability(10, 0, 100, 0)), None, Depth.PROFILE)) == [DoubtCode.NEEDS_PROVE]


def test_an_archive_that_gives_nothing_to_strangers_has_no_zero() -> None:
    found = judged(dimse(admitted(), depth=Depth.PROVE)).images_retrievable
    assert (found.value, bool(found.doubts)) == (None, True)


def by_web(proof: WebProof | None) -> Observation:
    root = DicomWebFacts("/dicom-web", 200, records=1, census=census(Availability(10, 0, 100, 0)), proof=proof)
    return web(root, depth=Depth.PROVE)


@pytest.mark.parametrize(
    ("status", "value"), [(401, 0), (403, 0), (405, 0), (501, 0), (404, None), (500, None), (200, None)]
)
def test_http_refuses_for_good_or_once(status: int, value: int | None) -> None:
    assert judged(by_web(WebProof(WebService.WADO_RS, status))).images_retrievable.value == value


def of_both(image: WebProof) -> Count:
    """An archive whose DIMSE has no C-GET."""
    seen = (dimse(facts(None, NO_GET), depth=Depth.PROVE), by_web(image))
    return retrievable(archives.judge(ADDRESS, seen).judged, Count(100, Provenance.REPORTED))


def test_any_way_that_delivers_is_enough() -> None:
    image = WebProof(WebService.WADO_RS, 200, "multipart/related", 4096)
    assert of_both(image) == Count(100, Provenance.REPORTED)


def test_a_refusal_of_one_way_is_none_of_another() -> None:
    assert of_both(WebProof(WebService.WADO_RS, 500)).value is None


def test_an_archive_without_images_has_none_to_get() -> None:
    none = reported(REPORTED, patients=0, studies=0, series=0, images=0)
    assert none.counters == Counters(200, 0, 0, 0, 0)
    found = judged(web(none, depth=Depth.PROVE)).images_retrievable
    assert found.value is None or found == Count(0, Provenance.REPORTED)


def drawn(drawn: int, delivered: int, lost: int = 0) -> Proof:
    return Proof(
        "1.2.3",
        get=True,
        storage=True,
        bytes=4096 * bool(delivered),
        status=0xA702,
        draws=Draws(drawn, delivered, lost),
    )


@pytest.mark.parametrize(
    ("proof", "value", "low", "high"),
    [
        (drawn(5, 5), 100, 47, 100),  # 0.025 ** (1 / 5)
        (drawn(30, 30), 100, 88, 100),
        (drawn(5, 0), 0, 0, 53),
        (drawn(30, 15), 50, 31, 69),
        (drawn(5, 4, 1), 100, 28, 100),  # the one that is lost may be either
        (drawn(5, 2, 1), 50, 5, 95),
    ],
)
def test_by_lot_it_is_an_estimate(proof: Proof, value: int, low: int, high: int) -> None:
    found = count(census(), proof)
    assert (found.value, found.how, found.low, found.high) == (value, Provenance.ESTIMATED, low, high)
    assert DoubtCode.DRAWN in codes(found)


def by_two(one: Proof, other: Draws | None) -> Count:
    """An archive with DIMSE and DICOMweb, where the latter delivers."""
    image = WebProof(WebService.WADO_RS, 200, "multipart/related", 4096, draws=other)
    root = DicomWebFacts("/dicom-web", 200, records=1, census=census(), proof=image)
    seen = (dimse(facts(census(), one), depth=Depth.PROVE), web(root, depth=Depth.PROVE))
    return retrievable(archives.judge(ADDRESS, seen).judged, Count(100, Provenance.REPORTED))


def test_draws_are_those_of_the_way_that_brings_most() -> None:
    found = by_two(drawn(5, 0), Draws(5, 5))
    assert (found.value, found.low, found.high) == (100, 47, 100)


def test_what_one_of_two_ways_did_not_bring_may_come_by_the_other() -> None:
    found = by_two(drawn(5, 2), Draws(5, 3))
    assert (found.low, found.high) == (14, 100)


def test_a_way_that_brought_an_image_without_a_lot_leaves_the_draws_of_another_open() -> None:
    found = by_two(drawn(5, 0), None)
    assert (found.value, codes(found)) == (None, [DoubtCode.DRAWN, DoubtCode.DRAWS_LOST])


def test_draws_that_tell_nothing_are_no_zero() -> None:
    assert codes(count(census(), drawn(5, 0, 5))) == [DoubtCode.NO_IMAGE_CAME]


def test_the_word_of_the_archive_is_better_than_draws() -> None:
    assert count(census(Availability(7, 3, 60, 40)), drawn(5, 5)) == Count(60, Provenance.REPORTED)
    assert count(census(Availability(7, 2, 60, 30)), drawn(5, 5)).how is Provenance.ESTIMATED  # not of all studies


def test_draws_that_refute_the_word_of_the_archive_are_better() -> None:
    found = count(census(Availability(10, 0, 100, 0)), drawn(5, 4))
    assert (found.value, found.how, found.high) == (80, Provenance.ESTIMATED, 100)
    assert count(census(Availability(7, 3, 60, 40)), drawn(5, 4)) == Count(60, Provenance.REPORTED)
    assert count(census(Availability(7, 3, 60, 40)), drawn(30, 2)).how is Provenance.ESTIMATED


def test_a_share_of_an_unknown_number_is_unknown() -> None:
    found = count(census(complete=False), drawn(5, 5))
    assert (found.value, found.at_least) == (None, 1)


def test_the_ends_hold_where_the_number_of_images_is_an_estimate_too() -> None:
    made = Census(
        complete=False, rows=10, studies=10, images=100, images_known_for=10, images_estimate=Interval(1000, 800, 1500)
    )
    found = count(made, drawn(5, 5))
    assert (found.value, found.low, found.high) == (1000, int(800 * 0.005**0.2), 1500)


@pytest.mark.parametrize(("of", "hits"), [(5, 0), (5, 3), (5, 5), (30, 1), (30, 29)])
def test_the_interval_of_a_share_misses_no_more_often_than_said(of: int, hits: int) -> None:
    """At each share: the chances of all numbers of hits whose interval misses it, by the binomial distribution."""
    ends = {n: clopper_pearson(of, n, 0.05) for n in range(of + 1)}
    low, high = ends[hits]
    for share in (low, high, 0.01, 0.2, 0.5, 0.77, 0.95, 0.999):
        missed = sum(
            comb(of, n) * share**n * (1 - share) ** (of - n)
            for n, (below, above) in ends.items()
            if not below - 1e-9 <= share <= above + 1e-9
        )
        assert missed <= 0.05 + 1e-9, share


def test_the_finding_has_the_number() -> None:
    host = archives.judge(ADDRESS, [dimse(facts(census(Availability(7, 3, 60, 40)), IMAGE), depth=Depth.PROVE)])
    numbers = {finding.code: finding.numbers for finding in findings(host)}
    assert numbers[FindingCode.HANDS_OUT_IMAGES]["images_retrievable"] == 60
    assert "images_retrievable" not in numbers[FindingCode.DISCLOSES_RECORDS]
