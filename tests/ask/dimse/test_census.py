"""A census over DIMSE against an archive that is a few lines long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest

from filmbadge.ask.census import count as counted
from filmbadge.ask.census.budget import Spent
from filmbadge.ask.census.count import WALK_STUDIES, CensusProgress
from filmbadge.ask.census.plan import CensusPlan, Hint
from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse.association import Answer, Query
from filmbadge.ask.dimse.census import DimseSource
from filmbadge.ask.key import RunKey
from filmbadge.catalogue.dicom import PATIENT_ROOT_FIND, STUDY_ROOT_FIND
from filmbadge.model import Availability, Census, CountedBy, Doubt, DoubtCode, Outcome, OutcomeKind
from filmbadge.scope import Budget
from support.simulated_protocols import PLENTY

Keys = dict[int, bytes]
SUCCESS, CAPPED, FAILED = 0x0000, 0xFE00, 0xC001
TODAY = date(2026, 11, 24).toordinal()
ONLINE = elements.INSTANCE_AVAILABILITY
COUNTS = {elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY}


@dataclass
class Archive:
    """Studies with images per series, and how it answers."""

    studies: dict[bytes, tuple[int, ...]]
    counts: Callable[[bytes, tuple[int, ...]], Keys] = lambda _uid, _series: {}
    said: Callable[[bytes], bytes] | None = None  # the availability, where it is asked for
    collapses: bool = False  # to one row, where counts are asked
    status: Callable[[Keys], int] = lambda _keys: SUCCESS
    count_seconds: float = 0.0  # that a question with count keys takes; others none
    ages: Callable[[int], int] = lambda number: number + 100  # days, of the studies in their order
    stalls: Callable[[], bool] = lambda: False  # whether the last question took long
    slow_with: int = elements.IMAGES_IN_STUDY  # the key that takes so long
    drops_with: Callable[[Keys], bool] = lambda _keys: False  # collapses, with these keys
    no_counts_with: Callable[[Keys], bool] = lambda _keys: False  # gives no counts, with these keys
    spoils: bytes = b""  # rows below this UID come without one
    asked: list[Keys] = field(default_factory=list)

    def answer(self, keys: Keys) -> tuple[list[bytes], int]:
        self.asked.append(keys)
        match keys[elements.QUERY_LEVEL]:
            case b"STUDY":
                rows = self._studies(bool(COUNTS & keys.keys()), keys)
            case b"SERIES":
                of = [keys[elements.STUDY_UID]] if keys[elements.STUDY_UID] else list(self.studies)
                rows = [{elements.SERIES_UID: self._uid(uid, n)} for uid in of for n in range(len(self.studies[uid]))]
            case _:
                uid, series = keys[elements.STUDY_UID], keys[elements.SERIES_UID]
                asked = [series] if series else [self._uid(uid, n) for n in range(len(self.studies[uid]))]
                rows = [
                    {elements.INSTANCE_UID: self._uid(one, n)}
                    for one in asked
                    for n in range(self.studies[uid][int(one.rsplit(b".", 1)[1] or b"0")])
                ]
        return [elements.encode(list(one.items()), explicit=True) for one in rows], self.status(keys)

    def _studies(self, counting: bool, keys: Keys) -> list[Keys]:
        first, _, last = keys.get(elements.STUDY_DATE, b"").partition(b"-")
        early, _, late = keys.get(elements.STUDY_TIME, b"").partition(b"-")
        uids = set(keys[elements.STUDY_UID].split(b"\\")) if keys[elements.STUDY_UID] else self.studies
        found = [
            (number, uid, series)
            for number, (uid, series) in enumerate(self.studies.items())
            if uid in uids
            and (not first or first <= b"%d" % day(TODAY - self.ages(number)) <= (last or first))
            and (not early or early[:4] <= minute(number) <= late[:4])
        ]
        if counting and (self.collapses or self.drops_with(keys)):
            found = found[:1]
        return [
            {elements.STUDY_UID: uid}
            | self._when(number, keys)
            | (self.counts(uid, series) if counting and not self.no_counts_with(keys) else {})
            | ({ONLINE: self.said(uid)} if self.said is not None and ONLINE in keys else {})
            for number, uid, series in found
        ]

    def _when(self, number: int, keys: Keys) -> Keys:
        when = {
            elements.STUDY_DATE: b"%d" % day(TODAY - self.ages(number)),
            elements.STUDY_TIME: minute(number) + b"00",
        }
        return {tag: value for tag, value in when.items() if tag in keys}

    def _uid(self, above: bytes, number: int) -> bytes:
        return b"" if self.spoils and above.startswith(self.spoils) else above + b".%d" % number


def day(ordinal: int) -> int:
    return int(f"{date.fromordinal(ordinal):%Y%m%d}")


def minute(number: int) -> bytes:
    return b"%02d%02d" % (number // 60 % 24, number % 60)


def filled(uid: bytes, series: tuple[int, ...]) -> Keys:
    return {elements.SERIES_IN_STUDY: b"%d" % len(series), elements.IMAGES_IN_STUDY: b"%d" % sum(series)}


def play(counting: CensusProgress, archive: Archive, root: str = STUDY_ROOT_FIND) -> None:
    asking = counting.script()
    try:
        query = next(asking)
        while True:
            assert isinstance(query, Query)
            assert query.sop_class == root
            rows, status = archive.answer(dict(query.keys))
            if cancelled := query.cancel_after is not None and len(rows) > query.cancel_after:
                rows, status = rows[: query.cancel_after], CAPPED
            for row in rows:
                query.record(row, True)
            counting.spent.asked()
            seconds = archive.count_seconds if archive.slow_with in dict(query.keys) else 9.0 * archive.stalls()
            query = asking.send(Answer(status, len(rows), cancelled, seconds))
    except StopIteration:
        pass


def begun(
    plan: CensusPlan, root: str = STUDY_ROOT_FIND, budget: Budget = PLENTY, *, availability: bool = False
) -> CensusProgress:
    return CensusProgress(DimseSource(root, RunKey(), availability=availability), plan, Spent(budget), RunKey())


def count(archive: Archive, root: str = STUDY_ROOT_FIND, *, availability: bool = False) -> Census:
    counting = begun(CensusPlan(TODAY, Hint(young=40), seed=1), root, availability=availability)
    play(counting, archive, root)
    return counting.census()


TWO = {b"1.1": (3, 4), b"1.2": (5,)}


def test_count_keys() -> None:
    archive = Archive(TWO, filled)
    found = count(archive, PATIENT_ROOT_FIND)
    assert found == Census(
        complete=True,
        rows=found.rows,
        studies=2,
        undated=0,
        series=3,
        series_known_for=2,
        images=12,
        images_known_for=2,
        method=CountedBy.COUNT_KEYS,
        queries=len(archive.asked),
    )


def test_nothing_is_asked_but_uids_and_counts() -> None:
    archive = Archive(TWO)
    count(archive)
    tags = {tag for keys in archive.asked for tag in keys}
    uids = {elements.STUDY_UID, elements.SERIES_UID, elements.INSTANCE_UID}
    keys = {elements.STUDY_DATE, elements.STUDY_TIME}  # by which answers are parted
    assert tags <= uids | COUNTS | keys | {elements.QUERY_LEVEL, elements.MODALITIES_IN_STUDY}
    assert uids | COUNTS <= tags
    assert COUNTS.isdisjoint(archive.asked[0])  # what is counted is asked without them


MANY: dict[bytes, tuple[int, ...]] = {b"1.%d" % n: (n,) for n in range(1, 9)}


def some_online(uid: bytes) -> bytes:
    return {b"1.1": b"", b"1.2": b"NEARLINE", b"1.3": b"OFFLINE"}.get(uid, b"ONLINE")


def test_images_by_instance_availability() -> None:
    archive = Archive(MANY, filled, some_online)
    found = count(archive, availability=True)
    assert found.availability == Availability(5, 2, 4 + 5 + 6 + 7 + 8, 5)
    assert (found.complete, found.images) == (True, 36)
    assert count(archive).availability is None  # it is not asked for at another depth


def test_images_by_instance_availability_of_an_archive_that_is_walked() -> None:
    found = count(Archive(MANY, said=some_online), availability=True)
    assert (found.method, found.images) == (CountedBy.WALK, 36)
    assert found.availability == Availability(5, 2, 4 + 5 + 6 + 7 + 8, 5)


def test_no_count_is_lost_to_instance_availability() -> None:
    """Where asking for it is refused, takes studies or counts away, or takes long, the census goes on without it."""
    lost = {
        "refused": Archive(MANY, filled, status=lambda keys: FAILED if ONLINE in keys else SUCCESS),
        "fewer": Archive(MANY, filled, drops_with=lambda keys: ONLINE in keys),
        "no counts": Archive(MANY, filled, no_counts_with=lambda keys: ONLINE in keys),
        "slow": Archive(MANY, filled, some_online, count_seconds=9.0, slow_with=ONLINE),
    }
    for how, archive in lost.items():
        found = count(archive, availability=True)
        assert (found.complete, found.studies, found.images, found.availability) == (True, 8, 36, None), how
        assert ONLINE not in archive.asked[-1], how
        assert sum(ONLINE in keys for keys in archive.asked) == (2 if how == "slow" else 1), how


@pytest.mark.parametrize("stalled", [0, 1, 2, 3, 4, 5])
def test_a_stall_of_our_own_costs_no_availability(stalled: int) -> None:
    """One question takes long, whichever it is."""
    archive = Archive(MANY, filled, some_online)
    archive.stalls = lambda: len(archive.asked) == stalled
    found = count(archive, availability=True)
    assert found.availability == Availability(5, 2, 4 + 5 + 6 + 7 + 8, 5)
    assert (found.complete, found.images) == (True, 36)


def test_nothing_shows_that_an_archive_that_gives_nothing_answers_at_all() -> None:
    found = count(Archive({}))
    assert (found.complete, found.studies, found.series, found.images) == (False, 0, None, None)
    assert found.doubts == (Doubt(DoubtCode.NOTHING_GIVEN),)


@pytest.mark.parametrize(
    "archive",
    [
        Archive(TWO),
        Archive(TWO, collapses=True),
        Archive(TWO, filled, collapses=True),
        Archive(TWO, lambda uid, series: filled(uid, series) if uid == b"1.1" else {}),
        Archive(TWO, lambda _uid, _series: {elements.IMAGES_IN_STUDY: b""}),
        Archive(TWO, filled, status=lambda keys: FAILED if COUNTS & keys.keys() else SUCCESS),
    ],
    ids=["absent", "collapse", "collapse with counts", "for some studies", "empty", "refused"],
)
def test_without_count_keys_it_walks(archive: Archive) -> None:
    found = count(archive)
    assert (found.complete, found.studies, found.series, found.images) == (True, 2, 3, 12)
    assert (found.images_known_for, found.method) == (2, "walk")


def test_series_are_unknown_where_only_images_are_counted() -> None:
    found = count(Archive(TWO, lambda _uid, series: {elements.IMAGES_IN_STUDY: b"%d" % sum(series)}))
    assert (found.method, found.images, found.images_known_for) == (CountedBy.COUNT_KEYS, 12, 2)
    assert (found.series, found.series_known_for) == (0, 0)


@pytest.mark.parametrize("status", [CAPPED, FAILED, 0xA700])
def test_an_archive_that_never_says_success_is_incomplete(status: int) -> None:
    found = count(Archive(TWO, filled, status=lambda _keys: status))
    assert not found.complete
    assert (found.studies, found.queries < 200) == (2, True)
    assert found.doubts


def test_rows_without_a_uid_make_it_incomplete() -> None:
    found = count(Archive({**TWO, b"": (1,)}, filled))
    assert not found.complete
    assert (found.malformed, found.studies, found.queries) == (1, 2, 1)
    assert found.doubts == (Doubt(DoubtCode.WITHOUT_UID, {"rows": 1}),)


def failing(level: bytes, below: bytes) -> Callable[[Keys], int]:
    def status(keys: Keys) -> int:
        here = keys[elements.QUERY_LEVEL] == level and keys[elements.STUDY_UID] == below
        return FAILED if here else SUCCESS

    return status


@pytest.mark.parametrize(
    ("archive", "at_least"),
    [
        (Archive(TWO, status=failing(b"SERIES", b"1.2")), 7),
        (Archive(TWO, status=failing(b"IMAGE", b"1.1")), 5),
        (Archive(TWO, status=failing(b"IMAGE", b"1.2")), 7),
        (Archive(TWO, spoils=b"1.2"), 7),  # series without a UID
        (Archive(TWO, spoils=b"1.2."), 7),  # images without a UID, in the study that is walked last
        (Archive(TWO, spoils=b"1.1."), 5),  # and in the one walked first
        (Archive({b"1.1": (3, 4), b"1.2": ()}), 7),  # a study has series, so nobody knows its images
        (Archive({b"1.1": (3, 4), b"1.2": (0,)}), 7),
    ],
    ids=["series", "images first", "images last", "series uid", "image uid last", "image uid first", "none", "empty"],
)
def test_a_partial_walk_knows_some_studies_only(archive: Archive, at_least: int) -> None:
    found = count(archive)
    assert found.complete  # the studies are
    assert found.studies == 2
    assert found.images_known_for <= 1
    assert found.images is not None
    assert found.images >= at_least
    assert found.series_known_for is not None


def test_an_image_seen_under_two_series_is_counted_once() -> None:
    same = Archive(TWO)
    answer = same.answer

    def repeats(keys: Keys) -> tuple[list[bytes], int]:
        rows, status = answer(keys)
        if keys[elements.QUERY_LEVEL] == b"IMAGE":
            rows = [elements.encode([(elements.INSTANCE_UID, b"7.%d" % n)], explicit=True) for n in range(6)]
        return rows, status

    same.answer = repeats  # type: ignore[method-assign]
    assert count(same).images == 6


def many(number: int) -> dict[bytes, tuple[int, ...]]:
    return {b"1.%d" % n: (1,) for n in range(1, number + 1)}


def test_a_large_archive_is_not_walked() -> None:
    found = count(Archive(many(WALK_STUDIES + 1)))
    assert (found.complete, found.studies) == (True, WALK_STUDIES + 1)
    assert (found.images_known_for, found.images) == (0, None)


def test_one_recent_study_is_not_forgotten_when_the_question_for_all_had_too_many() -> None:
    """It tells nothing of the count keys, so all begins again behind that question, and that study with it."""
    archive = Archive(many(6000), filled, ages=lambda number: 5 if number == 0 else number + 100)
    counting = begun(CensusPlan(TODAY, seed=1))
    play(counting, archive)
    found = counting.census()
    assert found.doubts == ()
    assert (found.complete, found.studies, found.images) == (True, 6000, 6000)
    assert counting.plan.studies == 6000


def test_a_large_archive_with_some_counts_has_a_coverage() -> None:
    found = count(Archive(many(WALK_STUDIES + 1), lambda uid, series: filled(uid, series) if uid < b"1.3" else {}))
    known = sum(uid < b"1.3" for uid in many(WALK_STUDIES + 1))
    assert (found.method, found.images, found.images_known_for) == (CountedBy.COUNT_KEYS, known, known)


def rows(uids: Sequence[bytes]) -> list[bytes]:
    return [elements.encode([(elements.STUDY_UID, uid)], explicit=True) for uid in uids]


def test_what_was_learned_outlives_an_association_and_the_next_goes_on() -> None:
    counting = begun(CensusPlan(TODAY, Hint(young=40), seed=1))
    asking = counting.script()
    query = next(asking)
    assert isinstance(query, Query)
    for row in rows([b"1.1", b"1.2"]):
        query.record(row, True)
    asking.close()
    reset = Doubt(DoubtCode.BROKE_OFF, stop=Outcome(OutcomeKind.RESET))
    found = counting.census(reset)
    assert (found.complete, found.studies, found.doubts) == (False, 2, (reset,))
    again = counting.script()
    assert next(again) is query
    for row in rows([b"1.1", b"1.2"]):
        query.record(row, True)
    with_counts = again.send(Answer(SUCCESS, 2))
    assert elements.IMAGES_IN_STUDY in dict(with_counts.keys or ())


def test_a_walk_that_a_budget_ends_leaves_the_studies_counted() -> None:
    whole = Archive({b"1.1": (2,), b"1.2": (3,), b"1.3": (1, 1)})
    play(begun(CensusPlan(TODAY, Hint(young=40), seed=1)), whole)
    levels = [keys[elements.QUERY_LEVEL] for keys in whole.asked]
    questions = levels.index(b"SERIES") + 3  # the first study, and the series of the next
    counting = begun(CensusPlan(TODAY, Hint(young=40), seed=1), budget=Budget(questions=questions))
    play(counting, Archive(whole.studies))
    census = counting.census()
    budget = Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": questions})
    assert (census.complete, census.studies, census.doubts) == (True, 3, (budget,))
    assert (census.images, census.images_known_for) == (2, 0)  # nothing is larger than the answer about the first


def test_it_is_enough_for_one_association() -> None:
    counting = begun(CensusPlan(TODAY, Hint(young=40), seed=1))
    assert list(counting.script(lambda: True)) == []
    assert not counting.done


def test_count_keys_that_an_archive_is_slow_at_are_asked_for_a_part_of_a_large_archive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counted, "COUNT_KEYS_UP_TO", 1000)
    archive = Archive(many(1200), filled, count_seconds=1.0)
    counting = begun(CensusPlan(TODAY, Hint(young=40), seed=1))
    play(counting, archive)
    found = counting.census()
    assert (found.complete, found.studies, found.images_known_for) == (True, 1200, 1200)
    assert COUNTS.isdisjoint(archive.asked[-1])
    assert not COUNTS.isdisjoint(archive.asked[1])


def test_one_study_is_counted_where_nothing_comes_for_other_days_and_minutes() -> None:
    found = count(Archive({b"1.1": (20, 10)}, filled))
    assert (found.complete, found.studies, found.images) == (True, 1, 30)


def test_one_study_without_a_time_is_at_least_one() -> None:
    """An archive that gives one row at most would answer so, if it had more studies of that day."""
    archive = Archive({b"1.1": (20, 10)}, filled)
    when = archive._when
    archive._when = lambda number, keys: when(number, keys) | ({elements.STUDY_TIME: b""})  # type: ignore[method-assign]
    found = count(archive)
    assert (found.complete, found.studies) == (False, 1)
    assert found.doubts == (Doubt(DoubtCode.UNCHECKED, {"rows": 1}),)


def test_count_keys_that_a_walk_contradicts_are_not_believed() -> None:
    ones = {elements.SERIES_IN_STUDY: b"1", elements.IMAGES_IN_STUDY: b"1"}
    few = count(Archive({b"1.%d" % n: (3, 4) for n in range(1, 8)}, lambda _uid, _series: ones))
    assert (few.complete, few.studies, few.series, few.images, few.method) == (True, 7, 14, 49, CountedBy.WALK)
    many_studies: dict[bytes, tuple[int, ...]] = {b"1.%d" % n: (3, 4) for n in range(1, WALK_STUDIES + 2)}
    too_many = count(Archive(many_studies, lambda _uid, _series: ones))
    assert (too_many.complete, too_many.images, too_many.images_known_for) == (True, None, 0)
    assert too_many.doubts == (Doubt(DoubtCode.COUNTS_CONTRADICTED),)


def test_the_largest_answer_of_a_walk_is_sure_only_where_another_can_be_larger() -> None:
    relational = Archive({b"1.1": (30, 4), b"1.2": (5,)})
    assert count(relational).images_known_for == 2
    hierarchical = Archive({b"1.1": (30, 4), b"1.2": (5,)})
    answer = hierarchical.answer

    def no_relations(keys: Keys) -> tuple[list[bytes], int]:
        level = keys[elements.QUERY_LEVEL]
        if (level == b"SERIES" and not keys[elements.STUDY_UID]) or (
            level == b"IMAGE" and not keys[elements.SERIES_UID]
        ):
            return [], FAILED
        return answer(keys)

    hierarchical.answer = no_relations  # type: ignore[method-assign]
    found = count(hierarchical)
    assert (found.complete, found.studies, found.images, found.images_known_for) == (True, 2, 39, 1)
    assert found.doubts == (Doubt(DoubtCode.WALK_UNCHECKED, {"rows": 30}),)
