"""How to reach one host: the dialer, its address, its name and its pace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.conversation import Conversation
from filmbadge.ask.wire.dialer import Dialer
from filmbadge.ask.wire.http import Origin
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Cause, JournalRow, Outcome, OutcomeKind
from filmbadge.scope import Address, ConnectionLimits, Scope, plain

SILENT_CONNECTIONS = 2  # a host that took so many, and never said anything, is waited for
SILENT_SECONDS = 5.0  # no longer than this at each of its other ports: it may be a tarpit


@dataclass(slots=True, eq=False)
class Contact:
    """One host. `name` is the name that the user gave; it is empty if the user gave an address. `host` is its address as text.

    `connect_seconds` says how long a connect to a port that did not answer yet may wait; without it, as the caps say.
    """

    dialer: Dialer
    address: Address
    name: str = ""
    connect_seconds: Callable[[], float] | None = None
    host: str = field(init=False, repr=False)
    pace: Throttle = field(init=False, repr=False)  # it holds as long as this contact, over all connections
    _answered: set[int] = field(default_factory=set, init=False, repr=False)  # ports: one that is busy now answers late

    def __post_init__(self) -> None:
        self.host = str(plain(self.address))
        self.pace = self.dialer.throttle(self.address)

    @property
    def scope(self) -> Scope:
        return self.dialer.scope

    @property
    def key(self) -> RunKey:
        return self.dialer.key

    @contextmanager
    def counting(self) -> Iterator[RunKey]:
        """The key with a share of the run's memory, for the sets of whoever counts at this host."""
        share = self.dialer.memory.share()
        try:
            yield RunKey(bytes(self.key), share)
        finally:
            share.close()

    def origin(self, port: int, tls: bool = False) -> Origin:
        return Origin(self.address, port, tls, self.name)

    async def dial(
        self,
        port: int,
        conversation: Conversation,
        *,
        question: str,
        caps: ConnectionLimits | None = None,
        tls: bool = False,
    ) -> JournalRow:
        """Opens one connection, as `Dialer.dial` does. An archive that showed distress is left alone:

        no connection is made.
        """
        if self.pace.exhausted:
            stop = Outcome(OutcomeKind.SPARED, Cause.DISTRESS)
            return JournalRow(datetime.now(UTC), self.host, port, question, 0, 0, 0.0, stop)
        wait = None if port in self._answered else self.connect_seconds
        if self.pace.silent >= SILENT_CONNECTIONS:
            caps = caps or self.scope.caps
            caps = replace(caps, idle_seconds=min(caps.idle_seconds, SILENT_SECONDS))
        row = await self.dialer.dial(
            self.address,
            port,
            conversation,
            question=question,
            caps=caps,
            tls=tls,
            name=self.name,
            connect_seconds=None if wait is None else wait(),
        )
        if row.stop.ending is not OutcomeKind.NO_ANSWER:
            self._answered.add(port)
        if row.received:
            self.pace.spoke()
        elif row.stop.ending is OutcomeKind.IDLE and not self.pace.has_spoken:
            self.pace.silent += 1
            self.dialer.silence()
        return row
