"""Whether connections kept to the pace: how many stood in the fullest window of time, at each host, network, and overall."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import ip_address
from math import ceil
from typing import NamedTuple

from filmbadge.scope import RateLimits, host_of, network_of

SECONDS = (1.0, 10.0, 60.0, 600.0)  # windows that are looked at, besides that of one connection
SLEW = 1 - 5e-4  # by which the clock of the journal may differ from the one that is counted by (ntp_adjtime(2))
TO_THE_MICROSECOND = 2e-6
EACH_ALONE = 100.0  # connections a second: below it none may come closer to another than 1/rate


class Fullest(NamedTuple):
    """The fullest window of one length at any host, in any network, or overall."""

    of: str
    seconds: float
    held: int
    may_hold: int

    @property
    def kept(self) -> bool:
        return self.held <= self.may_hold


def fullest(connections: Iterable[tuple[str, datetime]], pace: RateLimits) -> list[Fullest]:
    """The fullest windows of connections, each an address and a moment, as the journal has them."""
    moments: dict[str, dict[object, list[float]]] = {of: defaultdict(list) for of in ("host", "network", "all")}
    for address, at in connections:
        host = host_of(ip_address(address))
        moments["host"][host].append(at.timestamp())
        moments["network"][network_of(host)].append(at.timestamp())
        moments["all"][None].append(at.timestamp())
    rates = {"host": pace.per_host, "network": pace.per_network, "all": pace.overall}
    return [
        Fullest(of, seconds, max((most(sorted(at), seconds) for at in found.values()), default=0), ceil(rate * seconds))
        for of, found in moments.items()
        for rate in (rates[of],)
        for seconds in (*((1 / rate,) if rate < EACH_ALONE else ()), *(s for s in SECONDS if s * rate >= 1))
    ]


def most(moments: Sequence[float], seconds: float) -> int:
    """The most of these moments, which are in order, that stand in a window of so many seconds. Its end is not part of it."""
    held = first = 0
    for last, moment in enumerate(moments, 1):
        while moment - moments[first] >= seconds * SLEW - TO_THE_MICROSECOND:
            first += 1
        held = max(held, last - first)
    return held
