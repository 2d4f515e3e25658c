"""Carries a script of questions over as many associations as its archive needs, within a limit.

Some archives answer one question in an association, or a few, and then close, release or abort it. Others drop the first
association. So a question that got no answer is asked once more, in an association of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from filmbadge.ask.census.lot import FINAL
from filmbadge.ask.dimse.association import COMPLETED, Answer, Association, Keys, Operation, Operations, Query
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.conversation import Meter
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Cause, Outcome, OutcomeKind, TlsFacts
from filmbadge.scope import BARELY, USED, ConnectionLimits

ASSOCIATIONS = 4096  # a script is bounded by its questions; this bounds it once more
LONG_ANSWER = 50_000  # matches that a question allows, for which it begins with the limits of another association
TRIES = 2  # how often one question is asked, if no answer comes

Script = Callable[[Association], Operations]

# The peer hung up. That may be its manner, or chance, even before it answered anything.
_HUNG_UP = (OutcomeKind.CLOSED, OutcomeKind.RESET, OutcomeKind.ABORTED)


class Asked(Struct, frozen=True):
    """What became of a script. `done` says that it came to its end; else `left` is the question without an answer."""

    stop: Outcome  # how the last association ended
    tls: TlsFacts | None  # TLS facts of the first association that showed any
    first: Association  # the first that the archive accepted; the last, if it accepted none
    last: Association
    answered: int  # questions
    done: bool
    left: Operation | None

    def __repr__(self) -> str:
        return "<Asked>"


async def ask_all(
    contact: Contact,
    port: int,
    associate: Callable[[Script], Association],
    script: Script,
    *,
    question: str,
    caps: ConnectionLimits | None = None,
    tls: bool = False,
    also: Keys = (),
    associations: int = ASSOCIATIONS,
    tries: int = TRIES,
    meter: Meter | None = None,
) -> Asked:
    """Ask all questions of the script. Raises OutOfScope only.

    `associate` makes an association with the script that it is given. The script itself is made once, in the first
    association that the archive accepts. A question that broke off may give its record the same matches again. `also` are
    keys without which the archive gives nothing: they go with each query. Where the `meter` has no room for more answers, the
    association ends, and the next waits for room.
    """
    carried = _Carried(script, caps or contact.scope.caps, contact.pace, also, tries, meter)
    stop, shown, first = COMPLETED, None, None
    try:
        for _ in range(associations):
            if meter is not None and meter.short:
                await meter.room()
            association = associate(carried.begin)
            row = await contact.dial(port, association, question=question, caps=caps, tls=tls)
            stop, shown = row.stop, shown or row.tls
            if first is None and association.unit is not None:
                first = association
            if not carried.goes_on(association, stop):
                break
        else:
            stop = Outcome(OutcomeKind.TIME_CAP, Cause.CONNECTION_LIMIT, {"connections": associations})
    finally:
        carried.close()
    return Asked(stop, shown, first or association, association, carried.answered, carried.done, carried.left)


class _Carried:
    """A script that outlives its associations."""

    __slots__ = (
        "_also", "_caps", "_here", "_make", "_meter", "_most", "_pace", "_script", "_tries", "_willing",
        "answered", "done", "left",
    )  # fmt: skip

    def __init__(
        self, script: Script, caps: ConnectionLimits, pace: Throttle, also: Keys, tries: int, meter: Meter | None
    ) -> None:
        self._make = script
        self._caps = caps
        self._pace = pace
        self._also = also
        self._most = tries
        self._meter = meter
        self._script: Operations | None = None
        self.left: Operation | None = None  # the question that is open, or the next
        self.done = False
        self.answered = 0
        self._here = 0  # questions that were answered in this association
        self._tries = 0  # associations that ended without an answer to the open question
        self._willing = False  # we ended this association, to go on in another

    def begin(self, association: Association) -> Operations:
        """The script of one association: it goes on where the last one ended."""
        began, self._here, self._willing = time.monotonic(), 0, False
        if self._script is None:
            self._script = self._make(association)
            self._advance(None)
        while (asked := self.left) is not None:
            self._advance((yield self._wanted(asked) if self._also else asked))
            if self.left is not None and self._full(association.taken, time.monotonic() - began):
                self._willing = True
                return

    def _full(self, taken: int, seconds: float) -> bool:
        """Whether the next question had better go out in another association."""
        each = self._pace.answers_each
        waits = self._meter is not None and self._meter.short
        most = self.left.cancel_after if isinstance(self.left, Query) else None
        share = BARELY if (most or 0) > LONG_ANSWER else USED
        return waits or (each is not None and self._here >= each) or self._caps.used(taken, seconds, share)

    def goes_on(self, association: Association, stop: Outcome) -> bool:
        """Whether another association is to be made, after this one ended."""
        ending = stop.ending
        if self.done or ending in FINAL:
            return False
        if self._willing:
            return True
        if (answer := association.settled) is not None:
            self._advance(answer)
            return not self.done
        if self._here and not association.matches and ending in (*_HUNG_UP, OutcomeKind.IDLE, OutcomeKind.BROKEN):
            self._pace.answers_each = min(self._here, self._pace.answers_each or self._here)
        self._tries += 1
        return self._tries < self._most and (ending in _HUNG_UP or self.answered > 0)

    def _wanted(self, asked: Operation) -> Operation:
        if not isinstance(asked, Query):
            return asked
        keys = dict(asked.keys)
        keys.update((tag, value) for tag, value in self._also if not keys.get(tag))
        return replace(asked, keys=tuple(keys.items()))

    def close(self) -> None:
        if self._script is not None:
            self._script.close()

    def _advance(self, answer: Answer | None) -> None:
        """Hand the script its answer, and take its next question. None begins it."""
        assert self._script is not None
        if answer is not None:
            self.answered += 1
            self._here += 1
            self._tries = 0
        self.left = None
        try:
            self.left = self._script.send(answer)  # type: ignore[arg-type]
        except StopIteration:
            self.done = True
