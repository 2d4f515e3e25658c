"""Estimates: the interval holds the truth about as often as it says, and a budget of the scope leads to one."""

from __future__ import annotations

import asyncio
import math
import random
from datetime import UTC, datetime
from functools import partial
from ipaddress import ip_address

import pytest

from filmbadge.ask.census import estimate
from filmbadge.ask.census.estimate import Sample
from filmbadge.ask.census.plan import CensusPlan, Round
from filmbadge.ask.dimse import census
from filmbadge.ask.dimse import identify as dimse
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.judge.archives import judge
from filmbadge.model import Counts, Depth, DimseFacts, Doubt, DoubtCode, Interval, JournalRow, Provenance
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.scp import Acceptor, Host
from filmbadge.rehearse.world import Archive
from filmbadge.scope import LOOPBACK, Budget, Scope
from filmbadge.tell.words import Words
from support.loopback import EveryPort, run
from support.simulated_archive import TODAY, Simulated, days, drive


def test_intervals_are_narrower_the_more_was_seen() -> None:
    """Above all where nothing large can hide any more."""
    widths = []
    for budget in (85, 109, 111):
        archive, plan = Simulated(days("uniform", 300_000, 1)), CensusPlan(TODAY, seed=1)
        assert not drive(archive, plan, budget)
        guess = estimate.studies(plan.rounds, plan.studies)
        assert guess is not None
        widths.append(guess.high - guess.low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.03 * 300_000


def test_too_little_is_no_estimate() -> None:
    assert estimate.studies([], 5) is None
    assert estimate.studies([Round(0, [10.0] * 10, [(10.0, 9)] * 7)], 63) is None
    assert estimate.studies([Round(0, [10.0] * 12, [(10.0, 0)] * 10 + [(10.0, 80)])], 80) is None
    assert estimate.images(Interval(100, 100, 100), [Sample(10, 100, (1, n)) for n in range(4)]) is None


def test_no_estimate_before_half_of_the_days_had_a_chance_to_be_seen() -> None:
    assert estimate.studies([Round(0, [10.0] * 20, [(10.0, 9)] * 9)], 81) is None
    assert estimate.studies([Round(0, [10.0] * 20, [(10.0, 9)] * 10, begun=90)], 90) is not None
    first = Round(0, [10.0] * 20, [(10.0, 9)] * 8)
    assert estimate.unreached([first, Round(72, [10.0] * 12, [(10.0, 9)] * 9)]) == pytest.approx(0.15)


def test_no_estimate_within_a_window() -> None:
    """The census most likely ends in a window that takes many questions, so such a window is larger than others."""
    visited = [(10.0, 9)] * 10
    assert estimate.studies([Round(0, [10.0] * 12, visited, begun=90)], 90) is not None
    assert estimate.studies([Round(0, [10.0] * 12, visited, open=True)], 95) is None
    assert estimate.studies([Round(0, [10.0] * 12, visited, begun=90)], 99) is not None
    assert estimate.studies([Round(0, [10.0] * 12, visited, begun=90)], 100) is None


def test_an_earlier_round_speaks_where_the_last_has_just_begun() -> None:
    first = Round(100, [10.0] * 20, [(10.0, 11)] * 10)
    guess = estimate.studies([first, Round(210, [10.0] * 10, [(10.0, 3)], begun=213)], 213)
    assert guess is not None
    assert guess.value == 100 + 11 * 20
    assert 213 <= guess.low < guess.value < guess.high


def test_a_window_may_hide_more_than_all_others_hold() -> None:
    guess = estimate.studies([Round(0, [100.0] * 100, [(100.0, 100)] * 90, begun=9000)], 9000)
    assert guess is not None
    assert guess.value == 10_000
    assert guess.high >= 10_000 / (1 - estimate.HIDDEN)


def test_the_largest_window_was_seen_where_nearly_all_were() -> None:
    visited = [(100.0, 100)] * 96 + [(100.0, 5000)]
    guess = estimate.studies([Round(0, [100.0] * 100, visited, begun=14_600)], 14_600)
    assert guess is not None
    assert (guess.low, guess.high) == (14_600, 14_600 + 3 * 5000)


def test_images_of_all_from_those_of_some() -> None:
    chance, trials, held = random.Random(1), 400, 0
    for _ in range(trials):
        windows = [
            (n, sum(chance.randint(1, 60) for _ in range(n))) for n in (chance.randint(20, 60) for _ in range(60))
        ]
        asked = [Sample(*window, (1, n)) for n, window in enumerate(chance.sample(windows, 15))]
        studies, truth = (sum(column) for column in zip(*windows, strict=True))
        guess = estimate.images(Interval(studies, studies, studies), asked)
        assert guess is not None
        held += guess.low <= truth <= guess.high
    assert held / trials >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_images_of_windows_that_no_lot_drew_are_known_and_speak_for_no_others() -> None:
    drawn = [Sample(10, 100, (1, n)) for n in range(8)]
    recent = Sample(1000, 500_000, None)
    guess = estimate.images(Interval(2000, 2000, 2000), [recent, *drawn])
    assert guess is not None
    assert guess.value == 500_000 + 800 + 920 * 10


def test_questions_about_one_window_are_one_draw() -> None:
    parts = [Sample(10, 10 * n, (1, n)) for n in range(1, 9) for _ in range(4)]
    wholes = [Sample(40, 40 * n, (1, n)) for n in range(1, 9)]
    all_studies = Interval(4000, 4000, 4000)
    assert estimate.images(all_studies, parts) == estimate.images(all_studies, wholes)


def world(studies: int) -> Archive:
    """Up to the day of this run: it is asked as of today."""
    first = datetime.now(UTC).date().toordinal() - 6000
    held = Contents(online=Part(studies, 5 * studies), patients=studies, first_day=first, days=6000)
    return Archive("large", contents=held)


def counts(archive: Archive, budget: Budget) -> tuple[Counts, list[JournalRow]]:
    rows: list[JournalRow] = []

    async def work() -> Counts:
        server = await asyncio.get_running_loop().create_server(partial(Acceptor, Host(archive)), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            scope = Scope("test", LOOPBACK.networks, depth=Depth.COUNT, pace=LOOPBACK.pace, census=budget)
            there = Contact(Dialer(scope, rows.append, EveryPort()), ip_address("127.0.0.1"))
            seen = await dimse.ask(there, port, Depth.COUNT)
            asked = seen.get(DimseFacts)
            assert asked is not None
            (found,) = judge("127.0.0.1", [(await census.count(there, seen, asked)).seen]).archives
            return found.counts

    return run(work()), rows


@pytest.fixture(scope="module")
def large() -> Archive:
    return world(9000)


def test_a_budget_ends_a_census_in_an_estimate(large: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Throttle, "target_matches", 500)  # however fast this machine is
    found, rows = counts(large, Budget(questions=24, whole_seconds=1e-6))
    studies, images = found.studies, found.images
    assert (studies.how, images.how) == (Provenance.ESTIMATED, Provenance.ESTIMATED)
    for count in (studies, images):
        assert count.value and count.low and count.high
        assert count.low <= count.value <= count.high
    assert studies.at_least and studies.low and 1000 < studies.at_least <= studies.low
    assert studies.doubts == (Doubt(DoubtCode.BUDGET_QUESTIONS, {"questions": 24}),)
    assert "(estimated; 95 %: " in Words().count(studies)
    assert [row.stop.ending for row in rows] == ["completed", "completed"]  # it takes its leave


def test_a_budget_of_bytes_or_minutes_that_ends_at_once_is_unknown(large: Archive) -> None:
    for budget in (Budget(received_bytes=1000), Budget(minutes=1e-9)):
        found, _ = counts(large, budget)
        assert found.studies.how is Provenance.UNKNOWN
        assert {doubt.code for doubt in found.studies.doubts} < {DoubtCode.BUDGET_BYTES, DoubtCode.BUDGET_TIME}
