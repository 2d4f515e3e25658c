"""How long a connect may wait. It is learned from how fast the ports of a network answer, within the scope's bounds.

A port answers a connect when it accepts or refuses it. As for TCP's own time-out (RFC 6298 2), the wait is the smoothed time
plus four times its deviation. A wait below one second costs one SYN: after that second the system sends it again.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil

from filmbadge.scope import ConnectionLimits

Network = tuple[int, int]  # as `scope.network_of` gives it

ONE_SYN_SECONDS = 0.8  # the system repeats a SYN after 1 s (RFC 6298 2.1), and a busy loop may look late
SHARE = 0.25  # of the SYNs of a first look, that a second look at a silent address may cost
_NETWORKS = 10_000  # of which it is remembered how they answered
_PORTS = 64  # of one network


@dataclass(slots=True)
class _Answers:
    """How the ports of one network answered: smoothed seconds and their deviation, and how often each port accepted."""

    smoothed: float
    deviation: float
    accepted: Counter[int] = field(default_factory=Counter)


class Patience:
    """Of all networks of one scope."""

    def __init__(self, caps: ConnectionLimits) -> None:
        self._most = caps.connect_seconds
        self._least = min(caps.connect_seconds, caps.connect_seconds_least)
        self._known: OrderedDict[Network, _Answers] = OrderedDict()

    def answered(self, network: Network, port: int, seconds: float, accepted: bool) -> None:
        """A connect was accepted or refused after so long."""
        known = self._known.get(network)
        if known is None:
            if len(self._known) == _NETWORKS:
                self._known.popitem(last=False)
            known = self._known[network] = _Answers(seconds, seconds / 2)
        else:
            known.deviation += (abs(known.smoothed - seconds) - known.deviation) / 4
            known.smoothed += (seconds - known.smoothed) / 8
        if accepted and (port in known.accepted or len(known.accepted) < _PORTS):
            known.accepted[port] += 1

    def seconds(self, network: Network) -> float:
        """How long a connect may wait now. Where nothing answered yet: as long as one SYN is enough for."""
        known = self._known.get(network)
        if known is None:
            return self._bounded(ONE_SYN_SECONDS)
        return self._bounded(known.smoothed + 4 * known.deviation)

    def longer(self, network: Network) -> float:
        """How long it may wait when it is asked once more: twice as long, if one SYN is enough for that."""
        once = self.seconds(network)
        return max(once, self._bounded(min(2 * once, ONE_SYN_SECONDS)))

    def _bounded(self, seconds: float) -> float:
        return min(max(seconds, self._least), self._most)

    def second_look(self, network: Network, ports: Sequence[int]) -> tuple[list[int], float]:
        """Which of the ports of a silent address are asked once more, and how long each may wait: at least one port.

        All of them cost at most `SHARE` as many SYNs as the first look. In a network where something answered, a SYN may
        have been lost: ports that accepted there come first. Where nothing did, the way may be longer than we waited:
        fewer ports get all the time of the scope, in which the system repeats a SYN each second.
        """
        known = self._known.get(network)
        wait = self._most if known is None else self.longer(network)
        many = max(1, int(len(ports) * SHARE) // ceil(wait))
        likely = sorted(ports, key=lambda port: -known.accepted[port]) if known is not None else ports
        return list(likely[:many]), wait
