"""When a connection may be made: at each host, in each network, and overall.

No window of time holds more connections than the pace says. Up to 50 a second, each is at least 1/rate after the one
before. Event loops cannot sleep that exactly for higher rates: there a few may come together, and as many fewer come
otherwise, so a window of a second or more holds no more than the rate.

This is the virtual scheduling of the generic cell rate algorithm (ITU-T I.371 annex A). It counts connections that were
made, by the clock at which they were. So a turn that came late takes no other turn with it.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from filmbadge.ask.wire.permission import Permission
from filmbadge.scope import Address, RateLimits, host_of, network_of

_MOST_PLACES = 100_000  # more are looked through for those that are over
_SHORTEST_WAIT = 0.001  # seconds to wait for a turn; the event loops cannot sleep less
_RESOLUTION = 1e-9  # seconds of the clock
_TOGETHER_SECONDS = 0.02  # connections of so long a time may come together, if they are more than one
_LONGEST_WAIT = 3600.0  # seconds, where a rate is 0: a timer needs an end

Network = tuple[int, int]  # as `scope.network_of` gives it
_Key = int | Network | None  # a host, as a number; a network; all


class Pacer:
    """Spaces connections per host, per network and overall, each at its own rate."""

    def __init__(self, pace: RateLimits, permission: Permission, *, resumed: bool = False) -> None:
        """`resumed`: another process asked until now, and a kill may have taken the last rows of its journal.

        So each host and each network counts as asked at this moment, as often as its pace allows.
        """
        self._pace = pace
        self._permission = permission
        self._next: dict[_Key, float] = {}  # when the next place is free that nobody took
        self._made: dict[_Key, float] = {}  # when the next connection would come, if all had come evenly
        self._since = time.monotonic() if resumed else None
        self._resumed: dict[Network, float] = {}  # since when it is ours again, where another process asked it before
        self._limited = asyncio.Event()  # set where the overall rate changes; the next change has another

    def limit(self, overall: float) -> None:
        """From now on this is the overall rate, in connections a second; 0 allows none. Whoever waits has a new turn.

        All count as made evenly until now at the rate before. So no window of a second holds more than the larger of both
        rates, and none that begins now, or later, more than the new one.
        """
        if overall == self._pace.overall:
            return
        self._pace = replace(self._pace, overall=overall)
        each, early = _apart(overall)
        now = time.monotonic()
        self._made[None], self._next[None] = now + each + early, now + each
        self._limited.set()
        self._limited = asyncio.Event()

    def resume(self, network: Network) -> None:
        """Another process may have asked this network, and each host in it, until now, as often as its pace allows."""
        self._resumed[network] = time.monotonic()

    async def turn(self, address: Address) -> datetime:
        """Wait for the turn of the host behind an address, at most until the scope expires or the lease is over.

        Returns the moment of the connection.

        There is one connection to a host at a time: whoever waits for its turn is alone.
        """
        behind = host_of(address)
        network = network_of(behind)
        since = self._resumed.get(network, self._since)
        host, group = (int(behind), self._pace.per_host, since), (network, self._pace.per_network, since)
        # Narrow rates come first, so that waiting for them does not use up a place in the wide rate.
        for key, rate, _ in (host, group):
            if (wait := self._place(key, rate)) > _SHORTEST_WAIT:
                await self._sleep(wait)
        while (wait := self._place(None, self._pace.overall)) > _SHORTEST_WAIT and await self._changes(wait):
            pass
        # Places were given by the plan. What came late, or waited for a wider rate, moves those after it.
        while (
            wait := max(self._early(*host), self._early(*group), self._early(*self._all()))
        ) > _RESOLUTION and not self._permission.expired:
            await self._changes(wait)
        at = datetime.now(UTC)
        now = time.monotonic()  # after the other clock: what the journal says is never closer than what was counted
        for one in (host, group, self._all()):
            self._count(*one, now)
        if len(self._next) + len(self._resumed) > _MOST_PLACES:
            self._forget(now)
        return at

    def _all(self) -> tuple[_Key, float, float | None]:
        return None, self._pace.overall, self._since

    def _forget(self, now: float) -> None:
        """What does not count any more."""
        self._next, self._made = (
            {key: due for key, due in kept.items() if due > now} for kept in (self._next, self._made)
        )
        longest = max(sum(_apart(rate)) for rate in (self._pace.per_host, self._pace.per_network))
        self._resumed = {network: since for network, since in self._resumed.items() if since + longest > now}

    def due(self, network: tuple[int, int] | None) -> float:
        """When the next place in a network is free, by the monotonic clock; of all, without one. 0 means now.

        No place is taken.
        """
        due = self._next.get(network, 0.0)
        return due if due > time.monotonic() + _SHORTEST_WAIT else 0.0

    async def until(self, moment: float) -> bool:
        """Sleep until a moment of the monotonic clock, or until the overall rate changes. Whether the scope and the lease still hold."""
        if (wait := moment - time.monotonic()) > 0:
            await self._changes(wait)
        return not self._permission.expired

    def rest(self, address: Address, seconds: float) -> None:
        """Make no connection to the host behind an address for this many seconds."""
        host = int(host_of(address))
        self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)

    async def _sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, self._permission.seconds_left))

    async def _changes(self, seconds: float) -> bool:
        """The same, but only until the overall rate changes. Whether it does."""
        limited = self._limited
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self._permission.seconds_left, _LONGEST_WAIT)):
                await limited.wait()
        return limited.is_set()

    def _place(self, key: _Key, rate: float) -> float:
        """Take the next place at this rate. Returns the seconds until it comes.

        This reads the clock itself: an event loop's time may stand still for a millisecond, which would make every turn
        a wait.
        """
        now = time.monotonic()
        due = max(self._next.get(key, 0.0), now)
        self._next[key] = due + _apart(rate)[0]
        return due - now

    def _even(self, key: _Key, rate: float, since: float | None) -> float:
        """When the next connection would come, if all had come evenly; another process asked until `since`."""
        due = self._made.get(key, 0.0)
        return due if since is None else max(due, since + sum(_apart(rate)))

    def _early(self, key: _Key, rate: float, since: float | None) -> float:
        """Seconds by which a connection would come too early now. Negative if it would not."""
        return self._even(key, rate, since) - _apart(rate)[1] - time.monotonic()

    def _count(self, key: _Key, rate: float, since: float | None, now: float) -> None:
        each, early = _apart(rate)
        self._made[key] = due = max(self._even(key, rate, since), now) + each
        self._next[key] = max(self._next.get(key, 0.0), due - early)


def _apart(rate: float) -> tuple[float, float]:
    """Seconds from one connection to the next, and how many of them one may come early."""
    if not rate:
        return math.inf, 0.0
    together = int(rate * _TOGETHER_SECONDS)
    if together < 2:
        return 1 / rate, 0.0
    # The window of a second that begins with those that came together holds `rate` of them, too.
    each = 1 / (rate - together)
    return each, (together - 1) * each
