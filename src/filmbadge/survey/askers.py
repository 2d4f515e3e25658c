"""Who asks the hosts of a survey: this process alone, or workers that share it (`spread`). Both are used in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import pyarrow as pa

from filmbadge.ask.targets.lists import Done, Target, Targets
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.model import Archive, Facts, Host, JournalRow, Observation
from filmbadge.places import Places
from filmbadge.scope import Scope
from filmbadge.survey.crew import Crew
from filmbadge.survey.examine import Sketches
from filmbadge.survey.review import sketch_of

Tables = Mapping[str, pa.Table]  # rows for the dataset, by table


class Keeper(Protocol):
    """Takes what was learned. It alone writes the dataset."""

    scope: Scope
    targets: Targets
    places: Places
    sketches: Sketches

    shared_before: bool  # workers asked, in the last of the runs before

    @property
    def done(self) -> Done:
        """Targets that were asked in the runs before."""
        ...

    def journal(self, row: JournalRow) -> None: ...

    def keep(self, host: Host, target: Target) -> None:
        """A host is done."""
        ...

    def take(self, tables: Tables) -> None:
        """Rows that a worker made: of hosts that are done, and of connections."""
        ...

    def count(self, address: str, archives: tuple[Archive, ...]) -> None:
        """One of these hosts, with its archives."""
        ...


class Asker(Protocol):
    """Is asked for once in a run, and then used until its context ends."""

    in_hand: dict[Target, float]  # hosts that are being asked, since when by the event loop's clock
    took: float  # seconds, of the host that was handed on last

    @property
    def sources(self) -> tuple[str, ...]:
        """Our own addresses, from which hosts were asked."""
        ...

    async def ask_all(self) -> None:
        """All hosts that are not done, until none is left or nothing may be asked any more."""
        ...

    async def sketch(self, target: Target, seen: Observation, way: type[Facts]) -> None:
        """Asks an archive for its studies once more, by a way in, and leaves its sketch in `sketches`."""
        ...


Asks = Callable[[Keeper, bool], AbstractAsyncContextManager[Asker]]  # the second says whether a run is resumed


class Here:
    """This process asks all hosts."""

    def __init__(self, keeper: Keeper, resumed: bool) -> None:
        self._keeper = keeper
        scope = keeper.scope
        self._dialer = Dialer(scope, keeper.journal, keeper.targets.ports, resumed=resumed)
        self._crew = Crew(self._dialer, scope.depth, keeper.places, keeper.sketches, self._keep)
        self.in_hand = self._crew.in_hand
        self.took = 0.0

    async def __aenter__(self) -> Here:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    @property
    def sources(self) -> tuple[str, ...]:
        return self._dialer.sources

    def _keep(self, host: Host, target: Target) -> None:
        self.took = self._crew.took
        self._keeper.keep(host, target)

    async def ask_all(self) -> None:
        keeper = self._keeper
        hands = min(keeper.scope.pace.open_at_once, len(keeper.targets) - len(keeper.done))
        await self._crew.ask(keeper.targets.networks(keeper.done), hands)

    async def sketch(self, target: Target, seen: Observation, way: type[Facts]) -> None:
        drawn = await sketch_of(self._dialer, target, seen, way)
        if drawn is not None:
            self._keeper.sketches.studies[seen.endpoint] = drawn
