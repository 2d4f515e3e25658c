"""The asking half of a survey, in one process: hosts are taken in their order, asked, and handed on.

A survey of one process has one crew for all its targets. Where many processes share a survey, each has a crew, which asks what
was leased to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator

from filmbadge.ask.targets.lists import Target
from filmbadge.ask.wire.dialer import Dialer, OutOfScope, UnknownName
from filmbadge.model import Depth, Host, Observation
from filmbadge.places import Places
from filmbadge.scope import network_of
from filmbadge.survey.examine import Elsewhere, Sketches, examine
from filmbadge.survey.hands import Hands
from filmbadge.survey.later import Later, tells_more
from filmbadge.survey.queues import Feeder, Network, Pace, no_more

Keep = Callable[[Host, Target], None]


class Crew:
    """Asks hosts through one dialer. What the sketches of a host show is in `sketches` when the host is handed on."""

    def __init__(self, dialer: Dialer, depth: Depth, places: Places, sketches: Sketches, keep: Keep) -> None:
        """`keep` takes each host once it is done, with the target that led to it."""
        self._dialer = dialer
        self._depth = depth
        self._places = places
        self._sketches = sketches
        self._keep = keep
        self._lost: dict[str, OutOfScope | UnknownName] = {}
        self.seen_before: dict[Target, tuple[Observation, ...]] = {}  # what others saw of a host that we go on with
        self.elsewhere: Callable[[Target, Elsewhere], None] = _nowhere
        self.in_hand: dict[Target, float] = {}  # hosts that are being asked, since when by the event loop's clock
        self.took = 0.0  # seconds, of the host that was handed on last
        self._hands: Hands | None = None

    @property
    def hands(self) -> int:
        """How many have a host, or wait for one."""
        return 0 if self._hands is None else self._hands.out

    def change(self, hands: int) -> None:
        """So many hosts at once from now on, once those in hand are done."""
        if self._hands is not None:
            self._hands.change(hands)

    async def ask(
        self,
        networks: Iterator[Iterable[Target]],
        hands: int,
        pace: Pace | None = None,
        may_come: Callable[[], bool] = no_more,
    ) -> None:
        """Until no host is left, or nothing may be asked any more. `pace` and `may_come` are as in `Feeder`."""
        feeder = Feeder(networks, pace or self._dialer.pacer, self._network, hands, may_come)
        later = Later(feeder, self._dialer.pacer.until)
        self._hands = at_work = Hands(later, lambda target: self._work(target, later), hands)
        self._dialer.silence = at_work.give_away
        try:
            await at_work.ask_all()
        finally:
            for target, host in later.left():  # what they told stands
                self._keep(host, target)

    async def _network(self, name: str) -> Network | None:
        """The network of a name. Where it has none that may be asked, why is remembered: it is looked up once."""
        try:
            return network_of(await self._dialer.resolve(name))
        except (OutOfScope, UnknownName) as error:
            self._lost[name] = error
            return None

    async def _work(self, target: Target, later: Later) -> bool:
        """One host. Whether there is time for another."""
        why, first = self._lost.pop(str(target.host), None) if self._lost else None, later.first(target)
        sketches = self._sketches if first is None else Sketches()
        clock = asyncio.get_running_loop().time
        self.in_hand[target] = clock()
        try:
            before = self.seen_before.pop(target, ())
            host = await examine(self._dialer, target, self._depth, sketches, why, self._places, before=before)
        except Elsewhere as needed:
            self.elsewhere(target, needed)
            return True
        except OutOfScope:  # the lease ended: who has the network next asks this host
            return not self._dialer.expired
        finally:
            self.took = clock() - self.in_hand.pop(target)
        if self._dialer.expired:
            return False  # a resumed survey, under a scope that holds, asks this host again
        if first is not None:
            host = self._better(first, host, sketches)
        elif later.put(target, host):
            return True
        later.settled(target)
        self._keep(host, target)
        return True

    def _better(self, first: Host, second: Host, sketches: Sketches) -> Host:
        """What a host that was busy told the second time, if that is more."""
        if not tells_more(second, first):
            return first
        self._sketches.studies.update(sketches.studies)
        self._sketches.patients.update(sketches.patients)
        return second


def _nowhere(target: Target, needed: Elsewhere) -> None:  # noqa: ARG001
    """Without a lease, nothing is elsewhere."""
    raise needed
