"""Estimates: the interval holds the truth about as often as it says, and a budget of the scope leads to one."""

from __future__ import annotations

import asyncio
import math
import random
from datetime import date
from functools import partial
from ipaddress import ip_address

import pytest

from filmbadge.ask.census import estimate
from filmbadge.ask.census.plan import CensusPlan, Round
from filmbadge.ask.dimse import census
from filmbadge.ask.dimse import identify as dimse
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.judge.archives import judge
from filmbadge.model import Counts, Depth, DimseFacts, Doubt, DoubtCode, Interval, JournalRow, Provenance
from filmbadge.rehearse.scp import Acceptor
from filmbadge.rehearse.world import Archive, Study
from filmbadge.scope import LOOPBACK, Budget, Scope
from filmbadge.tell.words import Words
from support.loopback import run
from support.simulated_archive import TODAY, Simulated, days, drive

KINDS = ("uniform", "growing", "weekdays", "bursty")
EACH = 40


def test_intervals_hold_the_truth() -> None:
    """At 95 %, within three standard errors of so many archives; `bench/queries.py` has a thousand."""
    held = made = 0
    for kind in KINDS:
        for seed in range(EACH):
            chance = random.Random(f"{kind} {seed}")
            size = int(10 ** chance.uniform(4.4, 5.3))
            archive, plan = Simulated(days(kind, size, seed)), CensusPlan(TODAY, seed=seed)
            if drive(archive, plan, max(14, int(size / 2000 * chance.uniform(0.2, 0.9)))):
                continue
            if (guess := estimate.studies(plan.rounds, plan.studies)) is not None:
                made += 1
                held += guess.low <= size <= guess.high
                assert plan.studies <= guess.low <= guess.value <= guess.high
    assert made > EACH * len(KINDS) * 0.7
    assert held / made >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / made)


def test_intervals_are_narrower_the_more_was_seen() -> None:
    widths = []
    for budget in (20, 60, 110):
        archive, plan = Simulated(days("uniform", 300_000, 1)), CensusPlan(TODAY, seed=1)
        assert not drive(archive, plan, budget)
        guess = estimate.studies(plan.rounds, plan.studies)
        assert guess is not None
        widths.append(guess.high - guess.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.2 * 300_000


def test_too_little_is_no_estimate() -> None:
    assert estimate.studies([], 5) is None
    assert estimate.studies([Round(0, [10.0] * 20, [(10.0, 9)] * 7)], 63) is None
    assert estimate.studies([Round(0, [10.0] * 20, [(10.0, 0)] * 10 + [(10.0, 80)])], 80) is None
    assert estimate.images(Interval(100, 100, 100), [(10, 100)] * 7) is None


def test_an_earlier_round_speaks_where_the_last_has_just_begun() -> None:
    first = Round(100, [10.0] * 20, [(10.0, 11)] * 10)
    guess = estimate.studies([first, Round(210, [10.0] * 10, [(10.0, 3)])], 213)
    assert guess is not None
    assert guess.value == 100 + 11 * 20
    assert 213 <= guess.low < guess.value < guess.high


def test_images_of_all_from_those_of_some() -> None:
    chance, trials, held = random.Random(1), 400, 0
    for _ in range(trials):
        windows = [
            (n, sum(chance.randint(1, 60) for _ in range(n))) for n in (chance.randint(20, 60) for _ in range(60))
        ]
        asked = chance.sample(windows, 15)
        studies, truth = (sum(column) for column in zip(*windows, strict=True))
        guess = estimate.images(Interval(studies, studies, studies), asked)
        assert guess is not None
        held += guess.low <= truth <= guess.high
    assert abs(held / trials - 0.95) <= 3 * math.sqrt(0.95 * 0.05 / trials)


def world(studies: int) -> Archive:
    chance = random.Random(3)
    made = [
        Study(f"2.25.{n}", date.fromordinal(TODAY - chance.randrange(6000)), n, (chance.randint(1, 9),))
        for n in range(studies)
    ]
    return Archive("large", tuple(made))


def counts(archive: Archive, budget: Budget) -> tuple[Counts, list[JournalRow]]:
    rows: list[JournalRow] = []

    async def work() -> Counts:
        server = await asyncio.get_running_loop().create_server(partial(Acceptor, archive), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            scope = Scope("test", LOOPBACK.networks, depth=Depth.COUNT, pace=LOOPBACK.pace, census=budget)
            there = Contact(Dialer(scope, rows.append), ip_address("127.0.0.1"))
            seen = await dimse.ask(there, port, Depth.COUNT)
            asked = seen.get(DimseFacts)
            assert asked is not None
            (found,) = judge("127.0.0.1", [(await census.count(there, seen, asked)).seen]).archives
            return found.counts

    return run(work()), rows


@pytest.fixture(scope="module")
def large() -> Archive:
    return world(24_000)


def test_a_budget_ends_a_census_in_an_estimate(large: Archive) -> None:
    found, rows = counts(large, Budget(questions=16))
    studies, images = found.studies, found.images
    assert (studies.how, images.how) == (Provenance.ESTIMATED, Provenance.ESTIMATED)
    for count in (studies, images):
        assert count.value and count.low and count.high
        assert count.low <= count.value <= count.high
    assert studies.at_least and studies.low and 1000 < studies.at_least <= studies.low
    assert studies.doubts == (Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": 16}),)
    assert "(estimated; 95 %: " in Words().count(studies)
    assert [row.stop.ending for row in rows] == ["completed", "completed"]  # it takes its leave


def test_a_budget_of_bytes_or_minutes_that_ends_at_once_is_unknown(large: Archive) -> None:
    for budget in (Budget(received_bytes=1000), Budget(minutes=1e-9)):
        found, _ = counts(large, budget)
        assert found.studies.how is Provenance.UNKNOWN
        assert {doubt.code for doubt in found.studies.doubts} < {DoubtCode.BUDGET_BYTES, DoubtCode.BUDGET_TIME}
