"""Carries a script of pages over as many connections as its site needs, within a limit."""

from __future__ import annotations

from dataclasses import dataclass

from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.conversation import Meter
from filmbadge.ask.wire.http import HttpSession, Origin, Requests, SecondTries
from filmbadge.model import Cause, Outcome, OutcomeKind, TlsFacts
from filmbadge.scope import ConnectionLimits

CONNECTIONS = 96
# A visit may take as much time, and as many bytes, as so many of its connections. A census has a budget instead.
VISIT_SECONDS, VISIT_BYTES = 8, 32  # a list of 200 folders may have 256 KiB each
FAILURES = 2  # after a page that came, this many pages may break off before we stop
OVER_TLS = " over TLS"


@dataclass(frozen=True, slots=True)
class Fetched:
    stop: Outcome  # how the last connection ended
    tls: TlsFacts | None  # TLS facts of the first connection that showed any
    answered: int = 0  # number of pages that were answered


async def fetch_all(
    contact: Contact,
    site: Origin,
    script: Requests,
    *,
    question: str,
    caps: ConnectionLimits,
    connections: int = CONNECTIONS,
    throttle: bool = False,
    meter: Meter | None = None,
) -> Fetched:
    """Ask for all pages of the script. Raises OutOfScope only.

    Without a `meter` no further connection is begun when all together took `VISIT_SECONDS` or `VISIT_BYTES` times those of `caps`.

    A site that drops its first connection without a word is asked once more, and no more if it drops that too.

    Long scripts pass `throttle`, which goes as fast as the archive bears; `meter` is then told how much came.
    """
    page, seconds, received = next(script, None), 0.0, 0
    stop, shown, answered, failures, tries = Outcome(OutcomeKind.COMPLETED), None, 0, 0, SecondTries()
    try:
        for _ in range(connections):
            if page is None or failures == FAILURES:
                break
            if meter is not None and meter.short:
                await meter.room()
            session = HttpSession(
                site, script, page, contact.pace if throttle else None, meter, caps if meter else None, tries
            )
            words = question + (OVER_TLS if site.tls else "")
            row = await contact.dial(site.port, session, question=words, caps=caps, tls=site.tls)
            stop, shown = row.stop, shown or row.tls
            page, seconds, received = session.left, seconds + row.seconds, received + (row.received or 0)
            answered += session.answered
            failures += session.failed
            if not answered and not session.again:
                break
            if meter is None and page is not None and (over := _over(caps, seconds, received)) is not None:
                stop = over
                break
        else:
            if page is not None:
                stop = Outcome(OutcomeKind.TIME_CAP, Cause.CONNECTION_LIMIT, {"connections": connections})
    finally:
        script.close()
    return Fetched(stop, shown, answered)


def _over(caps: ConnectionLimits, seconds: float, received: int) -> Outcome | None:
    """How a visit ends that took so many seconds and bytes. None if it may go on."""
    if seconds >= VISIT_SECONDS * caps.seconds:
        return Outcome(
            OutcomeKind.TIME_CAP, Cause.TIME_LIMIT, {"milliseconds": round(VISIT_SECONDS * caps.seconds * 1000)}
        )
    if received >= VISIT_BYTES * caps.received_bytes:
        return Outcome(OutcomeKind.BYTE_CAP, Cause.BYTE_LIMIT, {"bytes": VISIT_BYTES * caps.received_bytes})
    return None
