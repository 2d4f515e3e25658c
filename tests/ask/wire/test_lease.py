"""What a process may ask of a survey that others share: nothing that it has no lease of, and nothing after its end."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from filmbadge.ask.wire import lease
from filmbadge.ask.wire.lease import ENDS_EARLY, Lease, clock
from filmbadge.ask.wire.permission import OutOfScope, Permission
from filmbadge.model import Cause
from filmbadge.scope import LOOPBACK, network_of

HERE, NEAR, FAR = map(ip_address, ("127.0.0.1", "127.0.0.9", "127.0.1.1"))
PORT = LOOPBACK.dimse_ports[0]


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 50.0
        monkeypatch.setattr(lease, "clock", lambda: self.now)


def refused(permission: Permission, port: int | None = PORT) -> Cause | None:
    try:
        permission.require(HERE, HERE, port)
    except OutOfScope as error:
        return error.cause
    return None


def test_a_lease_begins_over_and_with_nothing() -> None:
    mine = Lease()
    assert (mine.over, mine.covers(HERE), mine.seconds_left) == (True, False, 0)
    assert refused(Permission(LOOPBACK, {}, mine)) is Cause.LEASE_ENDED
    mine.renew(clock() + 100)
    assert not mine.over
    assert refused(Permission(LOOPBACK, {}, mine)) is Cause.NOT_LEASED


def test_it_holds_whole_networks_each_as_often_as_it_was_given() -> None:
    mine = Lease()
    mine.renew(clock() + 100)
    mine.take([network_of(HERE)])
    mine.take([network_of(NEAR)])
    assert [mine.covers(one) for one in (HERE, NEAR, FAR)] == [True, True, False]
    assert mine.covers(ip_address("64:ff9b::7f00:1"))  # by the host that is behind it
    mine.give_back([network_of(HERE)])
    assert mine.covers(HERE)
    mine.give_back([network_of(HERE), network_of(FAR)])
    assert not mine.covers(HERE)


def test_it_is_over_before_its_end_and_a_renewal_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    time_is = Clock(monkeypatch)
    mine = Lease()
    mine.renew(100.0)
    mine.take([network_of(HERE)])
    permission = Permission(LOOPBACK, {}, mine)
    assert permission.seconds_left == 50.0 - ENDS_EARLY
    time_is.now = 90.0
    mine.renew(140.0)
    time_is.now = 140.0 - ENDS_EARLY - 0.01
    assert refused(permission) is None
    time_is.now = 140.0 - ENDS_EARLY
    assert refused(permission) is Cause.LEASE_ENDED
    assert permission.expired
    assert not permission.scope_expired
    assert permission.farewell
    time_is.now = 140.0 - ENDS_EARLY / 2
    assert not permission.farewell


def test_what_was_leased_before_it_was_over_is_not_ours_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was asking hears of it while nothing may be asked."""
    time_is = Clock(monkeypatch)
    mine = Lease()
    mine.renew(100.0)
    mine.take([network_of(HERE)])
    heard: list[tuple[bool, bool]] = []
    mine.lapsed = lambda: heard.append((mine.over, mine.covers(HERE)))
    mine.renew(110.0)
    assert heard == []
    time_is.now = 120.0
    mine.renew(200.0)
    assert heard == [(True, False)]
    assert refused(Permission(LOOPBACK, {}, mine)) is Cause.NOT_LEASED


def test_the_scope_is_asked_too_and_names_need_no_network() -> None:
    mine = Lease()
    mine.renew(clock() + 100)
    permission = Permission(LOOPBACK, {}, mine)
    assert refused(permission, 9) is Cause.PORT_NOT_IN_SCOPE
    assert refused(permission, None) is None
    assert permission.permits(HERE, PORT)
    assert not permission.leased(HERE)
    mine.take([network_of(HERE)])
    over = datetime.fromtimestamp(time.time() - 1, UTC)
    assert refused(Permission(replace(LOOPBACK, name="s", expires=over), {}, mine)) is Cause.SCOPE_EXPIRED


def test_without_a_lease_one_process_asks_all() -> None:
    permission = Permission(LOOPBACK, {})
    assert refused(permission) is None
    assert permission.leased(FAR)
    assert permission.farewell
