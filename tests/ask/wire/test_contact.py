"""One host, and the way to it through the door."""

from __future__ import annotations

from filmbadge.ask.wire.throttle import ENOUGH_DISTRESS
from filmbadge.model import OutcomeKind
from support.loopback import HERE, Talker, contact, listening, run


def test_no_connection_is_made_to_an_archive_that_showed_distress_too_often() -> None:
    calls: list[int] = []

    async def work() -> None:
        there, journal = contact()

        async def handler(*_: object) -> None:
            calls.append(1)

        async with listening(handler) as port:
            for _ in range(ENOUGH_DISTRESS):
                await there.dial(port, Talker(b"x"), question="t")
                there.pace.distressed()
            talk = Talker(b"x")
            row = await there.dial(port, talk, question="t")
        assert (row.stop.ending, row.address, row.port) == (OutcomeKind.SPARED, str(HERE), port)
        assert len(calls) == len(journal) == ENOUGH_DISTRESS, "what was not made is no row of the journal"

    run(work())
