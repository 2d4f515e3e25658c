"""When the next connection may be made: at each host, in each network, and overall."""

from __future__ import annotations

import asyncio
import time

from filmbadge.ask.wire.permission import Permission
from filmbadge.scope import Address, RateLimits, host_of, network_of

_MOST_PLACES = 100_000  # more are looked through for those that are over
_SHORTEST_WAIT = 0.001  # seconds to wait for a turn; the event loops cannot sleep less


class Pacer:
    """Spaces connections per host, per network and overall, each at its own rate."""

    def __init__(self, pace: RateLimits, permission: Permission) -> None:
        self._pace = pace
        self._permission = permission
        self._next: dict[int | tuple[int, int] | None, float] = {}  # by host, as a number; by network; of all

    async def turn(self, address: Address) -> None:
        """Wait for the turn of the host behind an address, at most until the scope expires."""
        behind = host_of(address)
        host, pace, waited = int(behind), self._pace, False
        # Narrow rates come first, so that waiting for them does not use up a place in the wide rate.
        for key, rate in ((host, pace.per_host), (network_of(behind), pace.per_network), (None, pace.overall)):
            wait = self._place(key, rate)
            if wait > _SHORTEST_WAIT:
                await asyncio.sleep(min(wait, self._permission.seconds_left))
                waited = True
        if waited:  # for a wide rate, perhaps: that delayed this connection, and the next is counted from here
            self._rest(host, 1 / pace.per_host)
        if len(self._next) > _MOST_PLACES:
            now = time.monotonic()
            self._next = {key: due for key, due in self._next.items() if due > now}

    def due(self, network: tuple[int, int] | None) -> float:
        """When the next place in a network is free, by the monotonic clock; of all, without one. 0 means now.

        No place is taken.
        """
        due = self._next.get(network, 0.0)
        return due if due > time.monotonic() + _SHORTEST_WAIT else 0.0

    async def until(self, moment: float) -> bool:
        """Sleep until a moment of the monotonic clock, at most until the scope expires. Whether it still holds."""
        await asyncio.sleep(min(moment - time.monotonic(), self._permission.seconds_left))
        return not self._permission.expired

    def rest(self, address: Address, seconds: float) -> None:
        """Make no connection to the host behind an address for this many seconds."""
        self._rest(int(host_of(address)), seconds)

    def _rest(self, host: int, seconds: float) -> None:
        self._next[host] = max(self._next.get(host, 0.0), time.monotonic() + seconds)

    def _place(self, key: int | tuple[int, int] | None, rate: float) -> float:
        """Take the next place at this rate. Returns the seconds until it comes.

        This reads the clock itself: an event loop's time may stand still for a millisecond, which would make every turn
        a wait.
        """
        now = time.monotonic()
        due = self._next.get(key, 0.0)
        if due <= now:
            self._next[key] = now + 1 / rate
            return 0.0
        self._next[key] = due + 1 / rate
        return due - now
