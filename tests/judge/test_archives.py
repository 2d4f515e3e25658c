"""Which endpoints are one archive, and how much it holds."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from filmbadge.judge.archives import judge
from filmbadge.judge.steps import next_step
from filmbadge.model import (
    Archive,
    Census,
    Certificate,
    Count,
    CountedBy,
    Depth,
    DicomWebFacts,
    DimseFacts,
    Doubt,
    DoubtCode,
    Facts,
    Fingerprint,
    FingerprintKind,
    Host,
    KeyKind,
    Link,
    LinkBy,
    Observation,
    OrthancFacts,
    Outcome,
    OutcomeKind,
    PageFacts,
    Product,
    Profile,
    Provenance,
    Reason,
    Rejection,
    Rung,
    TlsFacts,
    Transport,
)
from support.factories import ADDRESS, AT, DISCLOSED, EMPTY, ORTHANC_REALM, REPORTED, admitted, dimse, reported, web

LOCKED = OrthancFacts(status=401, realm=ORTHANC_REALM)
OPEN = dimse(admitted(DISCLOSED))
REJECTING = DimseFacts(called="ANY-SCP", valid_pdu=True, rejection=Rejection(1, 1, 7))
WHOLE = Census(True, rows=2, studies=2, series=3, images=12, images_known_for=2, method=CountedBy.COUNT_KEYS)


def judged(*observations: Observation) -> Host:
    return judge(ADDRESS, observations)


def only(*observations: Observation) -> Archive:
    (archive,) = judged(*observations).archives
    return archive


def ports(host: Host) -> list[list[int]]:
    return [[endpoint.port for endpoint in archive.endpoints] for archive in host.archives]


def test_hosts_that_show_the_same_keep_their_places_and_dates() -> None:
    """What one was judged to be is remembered for the next, where it stands and when it was seen are not."""
    held = Certificate("pacs", "", "ca", "", AT - timedelta(9), AT + timedelta(9), False, KeyKind.RSA, 2048, True)
    one = msgspec.structs.replace(OPEN, tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate=held))
    endpoint = msgspec.structs.replace(OPEN.endpoint, address="192.0.2.8", port=104)
    other = msgspec.structs.replace(one, endpoint=endpoint, at=AT + timedelta(10))
    (first,), (second,) = judged(one).judged, judge("192.0.2.8", [other]).judged
    assert (first.observation, second.observation) == (one, other)
    assert (first.transport, second.transport) == ((), (Transport.EXPIRED,))
    assert first.verdict == second.verdict


def test_a_host_that_answers_elsewhere_filters_a_port_that_is_silent_alike() -> None:
    silent = dimse(DimseFacts(called="ANY-SCP"), port=104, stop=Outcome(OutcomeKind.NO_ANSWER))
    whys = [[j.verdict.why for j in judged(*seen).judged] for seen in ((silent,), (silent, OPEN), (silent,))]
    assert whys == [[Reason.NOTHING_ANSWERED], [Reason.FILTERED, Reason.RECORDS], [Reason.NOTHING_ANSWERED]]


def test_orthanc_joins_the_port_it_names() -> None:
    host = judged(dimse(admitted(DISCLOSED), port=104), dimse(admitted(DISCLOSED), port=4242), web(REPORTED))
    assert ports(host) == [[104], [4242, 8042]]
    assert [archive.id for archive in host.archives] == [f"{ADDRESS}:104", f"{ADDRESS}:4242"]


def test_orthanc_that_names_another_port_is_another_archive() -> None:
    assert ports(judged(dimse(admitted(DISCLOSED), port=104), web(REPORTED))) == [[104], [8042]]


def test_what_calls_itself_as_the_association_does_joins_it() -> None:
    """A page, or DICOMweb that may not be asked how much there is: here no others call themselves so."""
    named = msgspec.structs.replace(
        admitted(DISCLOSED),
        implementation_uid="1.2.826.0.1.3680043.9.7133.1.1",
        implementation_version="GODICOM_1_1",
    )

    def page(port: int, *facts: Facts) -> Observation:
        signs = (Fingerprint("go-netdicom", FingerprintKind.HEADER),)
        return msgspec.structs.replace(web(PageFacts(404, 200), *facts, port=port), signs=signs)

    assert ports(judged(dimse(named), page(80))) == [[4242, 80]]
    assert ports(judged(dimse(named), page(80), page(8080))) == [[4242], [80], [8080]]
    assert ports(judged(dimse(named), dimse(named, port=104), page(80))) == [[104], [4242], [80]]
    assert ports(judged(OPEN, page(80))) == [[4242], [80]]
    counted = page(80, DicomWebFacts("/rs", status=200, records=1, census=WHOLE))
    assert ports(judged(dimse(named), counted)) == [[4242], [80]], "numbers are compared by studies"


def test_what_names_nothing_joins_nothing() -> None:
    """It may be the one DICOM endpoint of the host, or another archive: both say so."""
    host = judged(OPEN, web(LOCKED))
    assert ports(host) == [[4242], [8042]]
    assert [archive.perhaps_same for archive in host.archives] == [(f"{ADDRESS}:8042",), (f"{ADDRESS}:4242",)]
    assert ports(judged(dimse(admitted(), port=104), OPEN, web(LOCKED))) == [[104], [4242], [8042]]
    assert ports(judged(web(LOCKED))) == [[8042]]


def test_two_archives_on_one_host_stay_two() -> None:
    assert ports(judged(dimse(admitted(DISCLOSED), port=104), dimse(admitted(DISCLOSED), port=11112))) == [
        [104],
        [11112],
    ]
    second = msgspec.structs.replace(reported(studies=36), dicom_port=4243)
    host = judged(OPEN, dimse(admitted(), port=4243), web(REPORTED), web(second, port=8043))
    assert ports(host) == [[4242, 8042], [4243, 8043]]
    assert not any(archive.perhaps_same for archive in host.archives), "each names a port of its own"


def test_ports_that_hold_the_same_studies_are_one() -> None:
    two = (dimse(admitted(DISCLOSED, WHOLE), port=104), dimse(admitted(DISCLOSED, WHOLE), port=11112))

    def link(shared: int, by: LinkBy = LinkBy.STUDY_UIDS) -> Link:
        return Link(two[1].endpoint, two[0].endpoint, by, shared, 2)

    assert ports(judge(ADDRESS, two, [link(2)])) == [[104, 11112]]
    assert judge(ADDRESS, two, [link(2)]).archives[0].joined_by == (LinkBy.STUDY_UIDS,)
    assert ports(judge(ADDRESS, two, [link(0)])) == [[104], [11112]]
    assert ports(judge(ADDRESS, two, [link(0, LinkBy.JUDGED_ONE)])) == [[104, 11112]]
    assert ports(judge(ADDRESS, two)) == [[104], [11112]]


LARGE = msgspec.structs.replace(WHOLE, rows=35, studies=35, series=70, images=700, images_known_for=35)


def test_equal_numbers_alone_prove_nothing() -> None:
    """Told as two, one archive would be counted twice."""
    two = (dimse(admitted(DISCLOSED, LARGE), port=104), dimse(admitted(DISCLOSED, LARGE), port=11112))
    (archive,) = judge(ADDRESS, two).archives
    assert (archive.joined_by, archive.perhaps_more) == ((LinkBy.COUNTERS,), 1)
    assert archive.counts.studies == Count(at_least=35, doubts=(Doubt(DoubtCode.WAYS_UNPROVEN),))
    apart = Link(two[0].endpoint, two[1].endpoint, LinkBy.STUDY_UIDS, 0, 70, 35)
    assert ports(judge(ADDRESS, two, [apart])) == [[104], [11112]]
    assert not any(archive.perhaps_same for archive in judge(ADDRESS, two, [apart]).archives)


def test_two_doors_of_one_service_are_one_where_both_say_and_count_the_same() -> None:
    named = msgspec.structs.replace(REPORTED, aet="PACS")
    doors = (web(named), web(named, port=8443))
    (archive,) = judged(*doors).archives
    assert archive.joined_by == (LinkBy.COUNTERS,)
    assert ports(judged(dimse(admitted(DISCLOSED, LARGE)), *doors)) == [[4242, 8042, 8443]]
    other = web(msgspec.structs.replace(named, aet="OTHER"), port=8443)
    assert [archive.perhaps_more for archive in judged(*doors).archives] == [0]
    assert [archive.perhaps_more for archive in judged(doors[0], other).archives] == [1]


def test_of_two_services_that_name_one_port_equal_numbers_show_which_is_meant() -> None:
    """They are likely in containers, each naming its internal port."""
    second = msgspec.structs.replace(reported(studies=36), aet="OTHER")
    both = (web(REPORTED), web(second, port=8043))
    assert ports(judged(dimse(admitted(DISCLOSED, LARGE)), *both)) == [[4242, 8042], [8043]]
    assert ports(judged(OPEN, *both)) == [[4242], [8042], [8043]]


def test_own_word_that_numbers_contradict_proves_nothing() -> None:
    """It may be one archive, of which one way in shows less, or two behind mapped ports. Neither is told for sure."""
    (archive,) = judged(dimse(admitted(DISCLOSED, WHOLE)), web(REPORTED)).archives
    assert (archive.joined_by, archive.perhaps_more) == ((LinkBy.OWN_WORD,), 1)
    assert archive.counts.studies == Count(at_least=2, doubts=(contradicted(2, 35),))
    assert all(getattr(archive.counts, q).value is None for q in ("patients", "series", "images"))
    two = (dimse(admitted(DISCLOSED, WHOLE)), web(REPORTED, DicomWebFacts("/rs", census=LARGE)))
    apart = Link(two[0].endpoint, two[1].endpoint, LinkBy.STUDY_UIDS, 0, 37, 2)
    split = judge(ADDRESS, two, [apart]).archives
    assert [a.counts.studies for a in split] == [Count(2, Provenance.COUNTED), Count(35, Provenance.COUNTED)]


def test_archives_that_overlap_stay_two_each_with_its_own_numbers() -> None:
    hundred = msgspec.structs.replace(WHOLE, rows=100, studies=100, images_known_for=100)
    two = (dimse(admitted(DISCLOSED, hundred)), dimse(admitted(DISCLOSED, hundred), port=11112))
    host = judge(ADDRESS, two, [Link(two[0].endpoint, two[1].endpoint, LinkBy.STUDY_UIDS, 70, 130, 100)])
    assert [a.counts.studies for a in host.archives] == [Count(100, Provenance.COUNTED)] * 2
    assert not any(a.perhaps_same or a.perhaps_more for a in host.archives)


@pytest.mark.parametrize(("whole", "complete"), [(True, True), (False, False)])
def test_a_part_of_another_is_told_with_it_as_a_bound(whole: bool, complete: bool) -> None:
    large = msgspec.structs.replace(WHOLE, complete=complete, studies=384)
    small = web(DicomWebFacts("/rs", status=200, records=1, census=msgspec.structs.replace(WHOLE, studies=30)))
    seen = dimse(admitted(DISCLOSED, large))
    link = Link(seen.endpoint, small.endpoint, LinkBy.STUDY_UIDS, 30, 384, 384, whole)
    (archive,) = judge(ADDRESS, (seen, small), [link]).archives
    assert (archive.joined_by, archive.perhaps_more) == ((LinkBy.OVERLAP,), 1)
    assert (archive.counts.studies.value, archive.counts.studies.at_least) == (None, 384)
    assert archive.counts.images.value is None


def contradicted(one: int, other: int) -> Doubt:
    return Doubt(DoubtCode.CONTRADICTED, {"one": one, "other": other})


def test_what_is_no_imaging_service_is_no_archive() -> None:
    assert judged(web(OrthancFacts(status=404)), dimse(DimseFacts(called="ANY-SCP"))).archives == ()
    assert judged().archives == ()


def test_the_highest_rung_counts() -> None:
    archive = only(dimse(REJECTING), web(REPORTED))
    assert (archive.rung, archive.open) == (Rung.DISCLOSES, True)


def test_the_product_is_said_once_for_all_endpoints() -> None:
    named = msgspec.structs.replace(
        admitted(DISCLOSED),
        implementation_uid="1.2.276.0.7230010.3.0.3.6.7",
        implementation_version="OFFIS_DCMTK_367",
    )
    host = judged(dimse(named), web(REPORTED))
    assert [one.product for one in host.judged] == [
        Product("Orthanc", "DCMTK 3.6.7", "1.12.1", firm=True),
        Product("Orthanc", "", "1.12.1", firm=True),
    ]
    assert host.archives[0].product == Product("Orthanc", "DCMTK 3.6.7", "1.12.1", firm=True)
    assert judged(web(LOCKED)).archives[0].product == Product("Orthanc")


def test_a_counter_is_reported_and_a_census_that_is_equal_counts_the_same() -> None:
    told = only(dimse(admitted(DISCLOSED)), web(REPORTED)).counts
    assert (told.patients, told.studies, told.series, told.images) == tuple(
        Count(value, Provenance.REPORTED) for value in (3, 35, 70, 700)
    )
    counted = only(dimse(admitted(DISCLOSED, LARGE)), web(REPORTED)).counts
    assert counted.studies == Count(35, Provenance.COUNTED)
    assert counted.images == Count(700, Provenance.REPORTED, coverage=1.0)


def test_a_counter_says_how_many_studies_no_range_of_dates_brought() -> None:
    """Where it leaves no remainder, all of them were seen, and what they say of their images is of all."""
    doubts = (Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 10}),)
    dated = msgspec.structs.replace(LARGE, complete=False, doubts=doubts)
    silent = reported(images=None, series=None)
    for said, images in ((35, Count(700, Provenance.REPORTED, coverage=1.0)), (40, Count(at_least=700, doubts=doubts))):
        told = only(dimse(admitted(DISCLOSED, dated)), web(reported(silent, studies=said))).counts
        assert told.studies == Count(said, Provenance.REPORTED)
        assert told.images == images
    changing = msgspec.structs.replace(
        dated, doubts=(Doubt(DoubtCode.STUDIES_CHANGE, {"studies": 60, "largest": 35}), *doubts)
    )
    assert only(dimse(admitted(DISCLOSED, changing)), web(silent)).counts.images.value is None


def test_count_keys_that_contradict_a_counter_leave_no_number() -> None:
    """Studies agree; how many images these have is the archive's own word in both."""
    other = msgspec.structs.replace(LARGE, images=690)
    told = only(dimse(admitted(DISCLOSED, other)), web(REPORTED)).counts
    assert told.studies == Count(35, Provenance.COUNTED)
    assert told.images == Count(doubts=(contradicted(690, 700),))
    walked = msgspec.structs.replace(other, method=CountedBy.WALK)
    told = only(dimse(admitted(DISCLOSED, walked)), web(REPORTED)).counts
    assert told.images == Count(at_least=690, doubts=(contradicted(690, 700),))


@pytest.mark.parametrize(
    ("profile", "at_least"),
    [
        (Profile(True, 36, patients=9), 36),
        (Profile(False, 36, patients=9), 36),
        (Profile(False, 36, patients=9, doubts=(Doubt(DoubtCode.OTHER_NUMBER, {"studies": 35, "records": 36}),)), 36),
        (Profile(True, 30, patients=9), 35),
    ],
)
def test_a_profile_that_gives_more_or_all_takes_the_census_back(profile: Profile, at_least: int) -> None:
    facts = msgspec.structs.replace(admitted(DISCLOSED, LARGE), profile=profile)
    told = only(dimse(facts)).counts
    assert (told.studies.value, told.studies.at_least) == (None, at_least)
    assert told.patients.value is None
    assert told.studies.doubts[0].code is DoubtCode.CONTRADICTED


@pytest.mark.parametrize(
    "doubt", [Doubt(DoubtCode.NOT_ENDED), Doubt(DoubtCode.OTHER_NUMBER, {"studies": 35, "records": 30})]
)
def test_a_profile_that_read_fewer_was_cut_off_and_contradicts_nothing(doubt: Doubt) -> None:
    facts = msgspec.structs.replace(admitted(DISCLOSED, LARGE), profile=Profile(False, 30, patients=9, doubts=(doubt,)))
    told = only(dimse(facts)).counts
    assert told.studies == Count(35, Provenance.COUNTED)
    assert told.patients == Count(at_least=9, doubts=(doubt,))


def test_a_counter_that_is_left_out_is_unknown() -> None:
    counts = only(OPEN, web(reported(images=None))).counts
    assert (counts.images.value, counts.images.how) == (None, Provenance.UNKNOWN)
    assert counts.studies.value == 35


def test_a_complete_census_is_counted() -> None:
    counts = only(dimse(admitted(DISCLOSED, WHOLE))).counts
    assert (counts.studies, counts.series) == (Count(2, Provenance.COUNTED), Count(3, Provenance.REPORTED))
    assert counts.images == Count(12, Provenance.REPORTED, coverage=1.0), "by the archive's own count keys"
    walked = only(dimse(admitted(DISCLOSED, msgspec.structs.replace(WHOLE, method=CountedBy.WALK)))).counts
    assert walked.images == Count(12, Provenance.COUNTED, coverage=1.0)
    assert walked.series == Count(3, Provenance.COUNTED)
    assert (counts.patients.value, counts.patients.how) == (None, Provenance.UNKNOWN)


CANCELLED = (Doubt(DoubtCode.STATUS, {"status": 0xFE00}),)


def test_an_incomplete_census_is_a_lower_bound_and_never_a_value() -> None:
    cut = Census(False, rows=500, studies=480, images=9, doubts=CANCELLED)
    counts = only(dimse(admitted(DISCLOSED, cut))).counts
    assert counts.studies == Count(at_least=480, doubts=CANCELLED)
    for count in (counts.patients, counts.studies, counts.series, counts.images):
        assert (count.value, count.how) == (None, Provenance.UNKNOWN)
        assert count.doubts


def test_partial_images_have_a_coverage_and_no_value() -> None:
    partial = msgspec.structs.replace(WHOLE, studies=8, images=40, images_known_for=2, series=None)
    counts = only(dimse(admitted(DISCLOSED, partial))).counts
    known = (Doubt(DoubtCode.KNOWN_FOR, {"known": 2, "studies": 8}),)
    assert counts.studies == Count(8, Provenance.COUNTED)
    assert counts.images == Count(at_least=40, coverage=0.25, doubts=known)
    assert counts.series.value is None


def test_a_census_that_found_less_than_the_question_gave_is_no_count() -> None:
    """Some archives answer an unbounded query with success and nothing."""
    nothing = Census(True, rows=0, studies=0, series=0, images=0, method=CountedBy.COUNT_KEYS)
    counts = only(dimse(admitted(DISCLOSED, nothing))).counts
    for count in (counts.studies, counts.series, counts.images):
        assert (count.value, count.how) == (None, Provenance.UNKNOWN)
    assert counts.studies.at_least == 1


def test_an_archive_that_gave_nothing_may_hold_anything() -> None:
    """Nothing shows that it answers any question with something. Its own counter would."""
    archive = only(dimse(admitted(EMPTY)))
    assert (archive.rung, archive.open) == (Rung.ANSWERS, False)
    assert archive.counts.studies == Count(doubts=(Doubt(DoubtCode.NOTHING_GIVEN),))
    reporting = only(dimse(admitted(EMPTY)), web(reported(patients=0, studies=0, series=0, images=0)))
    assert reporting.counts.studies == Count(0, Provenance.REPORTED)


def test_a_closed_archive_is_unknown_and_not_zero() -> None:
    counts = only(dimse(REJECTING)).counts
    assert counts.studies == Count(doubts=(Doubt(DoubtCode.GIVES_NOTHING),))
    counts = only(dimse(admitted(DISCLOSED), depth=Depth.ASK)).counts
    assert counts.studies == Count(doubts=(Doubt(DoubtCode.NOT_COUNTED_AT_DEPTH),))


def test_a_counter_of_zero_beside_a_record_is_not_believed() -> None:
    liar = reported(patients=0, studies=0, series=0, images=0)
    host = judged(dimse(admitted(DISCLOSED)), web(liar))
    assert host.archives[0].counts.studies.value is None
    assert next_step(host) is not None


def test_a_question_without_an_answer_is_not_said_to_give_nothing() -> None:
    archive = only(dimse(admitted(), stop=Outcome(OutcomeKind.IDLE)))
    assert archive.counts.studies.doubts == (Doubt(DoubtCode.NOT_FOUND_OUT),)
