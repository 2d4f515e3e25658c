"""How long a connect may wait: learned by network, within the scope's bounds."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire.patience import ONE_SYN_SECONDS, SHARE, Patience
from filmbadge.scope import ConnectionLimits, Scope

HERE, THERE = (4, 1), (4, 2)
PORTS = Scope(name="any", networks=()).ports
LIMITS = ConnectionLimits()
SECONDS = st.floats(0, 20)


def told(seconds: list[float], limits: ConnectionLimits = LIMITS, port: int = 104) -> Patience:
    patience = Patience(limits)
    for one in seconds:
        patience.answered(HERE, port, one, accepted=True)
    return patience


def test_before_anything_answered_a_connect_waits_as_long_as_one_syn_is_enough_for() -> None:
    assert Patience(LIMITS).seconds(HERE) == ONE_SYN_SECONDS < 1
    assert Patience(replace(LIMITS, connect_seconds=0.3)).seconds(HERE) == 0.3


def test_a_network_that_answers_at_once_gets_the_least_and_another_does_not() -> None:
    patience = told([0.001])
    assert (patience.seconds(HERE), patience.seconds(THERE)) == (0.5, ONE_SYN_SECONDS)
    assert patience.longer(HERE) == ONE_SYN_SECONDS


def test_the_wait_is_that_of_rfc_6298() -> None:
    """2.2: R + 4 x R/2 after the first; 2.3 after the second."""
    assert told([0.4]).seconds(HERE) == pytest.approx(1.2)
    deviation = 3 / 4 * 0.2 + 1 / 4 * 0.4
    assert told([0.4, 0.8]).seconds(HERE) == pytest.approx(7 / 8 * 0.4 + 1 / 8 * 0.8 + 4 * deviation)


def test_a_slow_network_gets_more_than_one_syn_is_enough_for() -> None:
    patience = told([0.7] * 50)
    assert 0.7 < patience.seconds(HERE) <= patience.longer(HERE)


@settings(deadline=None)
@given(st.lists(SECONDS, max_size=30), SECONDS.filter(bool), SECONDS.filter(bool))
def test_no_wait_leaves_the_bounds_of_the_scope(seconds: list[float], most: float, least: float) -> None:
    patience = told(seconds, replace(LIMITS, connect_seconds=most, connect_seconds_least=least))
    for wait in (patience.seconds(HERE), patience.longer(HERE), patience.second_look(HERE, PORTS)[1]):
        assert min(least, most) <= wait <= most


@settings(deadline=None)
@given(st.lists(SECONDS, max_size=30))
def test_where_the_least_is_the_most_nothing_is_learned(seconds: list[float]) -> None:
    patience = told(seconds, replace(LIMITS, connect_seconds_least=LIMITS.connect_seconds))
    assert patience.seconds(HERE) == patience.longer(HERE) == LIMITS.connect_seconds


@settings(deadline=None)
@given(st.lists(SECONDS, max_size=9), st.lists(st.integers(1, 65535), min_size=1, max_size=40, unique=True), SECONDS)
def test_a_second_look_costs_at_most_a_share_of_the_first(seconds: list[float], ports: list[int], most: float) -> None:
    patience = told(seconds, replace(LIMITS, connect_seconds=max(most, 0.5)), ports[-1])
    again, wait = patience.second_look(HERE, ports)
    assert set(again) <= set(ports)
    assert len(set(again)) == len(again) >= 1
    assert len(again) == 1 or len(again) * ceil(wait) <= SHARE * len(ports)
    if seconds:
        assert again[0] == ports[-1], "the port that accepted elsewhere comes first"
    else:
        assert (again, wait) == (ports[: len(again)], max(most, 0.5))


def test_a_port_that_refuses_tells_the_time_and_not_that_it_is_likely() -> None:
    patience = Patience(LIMITS)
    patience.answered(HERE, 443, 0.001, accepted=False)
    assert patience.seconds(HERE) == 0.5
    assert patience.second_look(HERE, PORTS)[0] == list(PORTS[:3])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("filmbadge.ask.wire.patience._NETWORKS", 3)
    monkeypatch.setattr("filmbadge.ask.wire.patience._PORTS", 2)
    patience = told([0.001])
    for port in range(1, 9):
        patience.answered(HERE, port, 0.001, accepted=True)
    assert patience.second_look(HERE, [9, 8, 7, 6, 5, 4, 1, 104])[0] == [1, 104]
    for network in range(10, 13):
        patience.answered((4, network), 104, 0.001, accepted=True)
    assert patience.seconds(HERE) == ONE_SYN_SECONDS, "the oldest is forgotten"
    assert patience.seconds((4, 12)) == 0.5
