"""What this process may ask now, of a survey that many processes share.

A lease holds networks, each of which no other process has, and ends at a moment of this machine's own clock. Whoever gave
it counts to a later moment, and gives the networks to nobody before that.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable

from filmbadge.scope import Address, network_of

Network = tuple[int, int]  # as `scope.network_of` gives it

# A lease is over so many seconds before the moment that it was given until. In the first half of them lines say
# farewell; what their peers did not read by then is dropped, so that no system sends it again.
ENDS_EARLY = 2.0


def clock() -> float:
    """Seconds, by a clock that nobody sets. On Linux it counts the time in which the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    else:  # noqa: RET505 - mypy follows a platform by its branches
        return time.monotonic()


class Lease:
    """The networks of one process, which all end together. It begins over, with nothing."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._held = Counter[Network]()  # how many leases of it are held: it may have been given in parts
        self.lapsed: Callable[[], None] = lambda: None  # is called where it was over, just before it holds again

    @property
    def over(self) -> bool:
        """Whether nothing may be asked now."""
        return clock() >= self._until - ENDS_EARLY

    @property
    def farewell(self) -> bool:
        """Whether there is time for a last word: a peer gets a second to read it."""
        return clock() < self._until - ENDS_EARLY / 2

    @property
    def seconds_left(self) -> float:
        return max(0.0, self._until - ENDS_EARLY - clock())

    def renew(self, until: float) -> None:
        """The networks are ours until this moment of `clock`.

        A lease that was over holds nothing: its networks may be another's by now. So it is renewed first, and then takes.
        """
        if self.over:
            self._held.clear()
            self.lapsed()
        self._until = until

    def take(self, networks: Iterable[Network]) -> None:
        self._held.update(networks)

    def give_back(self, networks: Iterable[Network]) -> None:
        """One of the leases of each is done."""
        for network in networks:
            self._held[network] -= 1
            if self._held[network] <= 0:
                del self._held[network]

    def covers(self, address: Address) -> bool:
        """Whether the network of an address is held. It may be asked while the lease is not `over`."""
        return network_of(address) in self._held
