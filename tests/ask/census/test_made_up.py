"""A census of archives that are made at random: no wrong number is called counted, and "at least" is never too much.

One thing nothing can tell: a limit that equals the number of studies with a date exactly, if those without one come last;
and a filter that a question without a date gets, if no study is older than what it lets through. These are counted apart.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from random import Random

import pytest

from filmbadge.ask.census import plan
from filmbadge.model import DoubtCode
from filmbadge.scope import Budget
from support import simulated_protocols
from support.chance import SEED, seeds
from support.made_up import MadeUp, Manners, OverCFind, OverQidoRs, Study, manners, studies, wrong

ARCHIVES = 12_500 if SEED in os.environ else 250  # for each seed
BUDGET = Budget(questions=500)
PROTOCOLS: tuple[type[OverCFind | OverQidoRs], ...] = (OverCFind, OverQidoRs)


@pytest.mark.parametrize("seed", seeds(*range(8)))
def test_nothing_false(seed: int) -> None:
    said: Counter[str] = Counter()
    for number in range(ARCHIVES):
        chance = Random(seed * 1_000_003 + number)
        held = studies(chance)
        made = MadeUp(held, manners(chance, held))
        census = PROTOCOLS[number % 2](made).count(BUDGET, number).census()
        false = wrong(census, made)
        assert false in ("", "coincidence"), (seed, number, false, made.manners)
        said[false or ("counted" if census.complete else "doubt")] += 1
        assert census.complete or census.doubts
    assert said["coincidence"] <= 0.03 * ARCHIVES
    assert said["counted"] >= 0.25 * ARCHIVES  # it does not doubt everything


@pytest.mark.parametrize("seed", seeds(*range(4)))
def test_nothing_false_of_what_is_taken_for_large(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 10 studies, and all at once where that is said to cost little.

    It is about studies: that count keys lie is tried on two of them only, and may be missed.
    """
    monkeypatch.setattr(plan, "SMALL", 8)
    monkeypatch.setattr(plan, "ASK_ALL_UP_TO", 12)
    examples = [(seed, number) for number in range(ARCHIVES // 2)]
    for start, number in [*examples, (77, 727)]:  # the last: a limit became known after a window that it had cut off
        chance = Random(start * 1_000_003 + number)
        held = studies(chance)
        made, affords = MadeUp(held, manners(chance, held)), Random(number).choice((12, 60, 1 << 20))
        made_plan = partial(plan.CensusPlan, target=lambda: 10, affords=partial(int, affords))
        monkeypatch.setattr(simulated_protocols, "CensusPlan", made_plan)
        false = wrong(PROTOCOLS[number % 2](made).count(BUDGET, number).census(), made)
        lies = made.manners.counts in ("one", "less") and not false.startswith("at least") and "studies" not in false
        assert lies or false in ("", "coincidence"), (start, number, false, made.manners)


DATED = [
    Study(f"1.2.826.0.1.42.{n}.7", f"{2010 + n % 12}0{1 + n % 9}11", f"{n % 24:02d}{n % 60:02d}00", series=(2, 3))
    for n in range(1, 38)
]
UNDATED = [Study(f"1.2.826.0.1.42.{n}.7", series=(2,)) for n in range(38, 41)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_usual_archive_whose_studies_have_dates_is_counted(protocol: type[OverCFind | OverQidoRs]) -> None:
    for held in (DATED, DATED[:2], DATED[:1]):
        made = MadeUp(held)
        census = protocol(made).count().census()
        assert (census.complete, census.studies, census.images) == (True, len(held), made.images)
        assert made.asked <= 24


def manner(held: Sequence[Study], **faults: object) -> MadeUp:
    return MadeUp(held, Manners(**faults))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "at_least", "code"),
    [
        (manner(DATED, cap=7), 37, DoubtCode.UNDATED_BEHIND_LIMIT),
        (manner([*DATED, *UNDATED], times=False), 40, DoubtCode.UNDATED_UNPARTED),
        (manner([*DATED, *UNDATED], cap=38, order="undated last"), 38, DoubtCode.UNDATED_UNPARTED),
        (manner(UNDATED, cap=2), 2, DoubtCode.UNCHECKED),
        (manner(DATED, last_days=30), 37, DoubtCode.LIST_SHORT),
        (manner(DATED, widest=60, times=False, plain=False), 37, DoubtCode.RANGES_NARROW),
        (manner(DATED, plain=False), 37, DoubtCode.NO_LIST),
        (manner(DATED, uids_change=True), 37, DoubtCode.STUDIES_CHANGE),
        (manner(DATED, dates="ignored", times=False), 37, DoubtCode.UNCHECKED),
        (manner([], plain=True), 0, DoubtCode.NOTHING_GIVEN),
    ],
    ids=lambda value: value if isinstance(value, DoubtCode) else "",
)
def test_what_cannot_be_told_is_at_least(made: MadeUp, at_least: int, code: DoubtCode) -> None:
    census = OverCFind(made).count(seed=3).census()
    assert not census.complete
    assert code in {doubt.code for doubt in census.doubts}
    assert census.studies == at_least


def test_an_archive_that_changed_only_for_a_while_is_counted_at_a_second_try() -> None:
    census = OverCFind(manner(DATED, leaves=3)).count(seed=3).census()
    assert (census.complete, census.studies) == (True, 37)


def test_a_key_that_studies_without_a_date_have_too_parts_them() -> None:
    mixed = [
        Study(s.uid, s.day, s.time, ("CT", "MR", "US")[n % 3], ("M", "F")[n % 2])
        for n, s in enumerate([*DATED, *UNDATED])
    ]
    for faults in ({"modalities": False}, {"sexes": False}, {"modalities": False, "sexes": False, "prefixes": True}):
        census = OverCFind(manner(mixed, **faults)).count().census()
        assert (census.complete, census.studies, census.undated) == (True, 40, 3), faults
    census = OverQidoRs(manner(mixed)).count().census()
    assert (census.complete, census.studies, census.undated) == (True, 40, 3)


def test_a_cap_on_one_form_of_question_does_not_hide_what_the_other_brings() -> None:
    for cap_of in ("with counts", "without counts"):
        held = [*DATED[:10], *UNDATED, *(Study(f"1.2.826.0.1.42.{n}.7", series=(1,)) for n in range(50, 117))]
        census = OverCFind(manner(held, cap=17, cap_of=cap_of, order="undated last")).count().census()
        assert not census.complete
        assert census.studies in (17, 80), cap_of


def test_count_keys_are_tried_on_some_studies() -> None:
    lies = manner(DATED, counts="one")
    census = OverCFind(lies).count().census()
    assert (census.complete, census.images, census.series) == (True, lies.images, lies.series)  # all were walked


def test_the_largest_answer_of_a_walk_may_be_cut_off() -> None:
    held = [*DATED[:22], Study("1.2.826.0.1.42.99.7", "20150505", "101500", series=(250,))]
    census = OverCFind(manner(held, counts="none", below_cap=100)).count().census()
    assert census.images is not None
    assert (census.images, census.images_known_for < census.studies) == (sum(s.images for s in held) - 150, True)
    assert DoubtCode.WALK_UNCHECKED in {doubt.code for doubt in census.doubts}
