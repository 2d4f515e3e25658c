"""Identifies DIMSE: an association, C-ECHO and one small C-FIND. A census follows on demand.

| depth   | on the wire                                                                          |
|---------|--------------------------------------------------------------------------------------|
| `knock` | association with Verification and both FIND models, release                          |
| `ask`   | and C-ECHO, then Study Instance UIDs of one narrow window of dates, cancelled at the first match; an empty window is followed by the next older one |
| `count` | as `ask`; the census is a second association (`count`), made only where no counter serves |
| `profile` | as `count`; then an association (`profile`) that asks for personal attributes, looks, and forgets |
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse.association import Answer, Association, Echo, Operations, Query
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.tls import ANSWERED_NO_TLS
from filmbadge.catalogue.dicom import (
    CALLED_TITLE_NOT_RECOGNIZED,
    OUT_OF_RESOURCES,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    VERIFICATION,
)
from filmbadge.model import Cause, Depth, DimseFacts, Endpoint, Find, Observation, OutcomeKind, Protocol
from filmbadge.scope import ConnectionLimits

ANY_TITLE = "ANY-SCP"  # the conventional title for any called AE; titles from a scope come after it
ASK_IDLE_SECONDS = 10.0
ASK_SECONDS = 60.0
ASK_BYTES = 512 * 1024
OVER_TLS = " over TLS"

# Ages in days. Each window is older and wider than the one before it, and is asked for only if that one was empty. So a
# busy archive is asked about two days, and only an idle archive about decades.
Ages = tuple[int, int]
AGES = ((0, 1), (2, 8), (9, 39), (40, 404), (405, 1865), (1866, 9131))


@dataclass
class IdentifyProgress:
    """Facts that one association learned. They outlive an association that breaks off."""

    echo: int | None = None
    finds: list[Find] = field(default_factory=list)
    open: bool = False  # the question about `ages` is open
    ages: Ages | None = None  # ages in days of the studies that were asked for


@lru_cache(maxsize=2)
def windows(today: date) -> tuple[tuple[Ages | None, bytes], ...]:
    """The questions of `ask`: ages and a Study Date key (range matching, PS3.4 C.2.2.2.5).

    The last asks for all studies.
    """
    asked: list[tuple[Ages | None, bytes]] = []
    for young, old in AGES:
        first, last = today - timedelta(days=old), today - timedelta(days=young)
        asked.append(((young, old), f"{first:%Y%m%d}-{last:%Y%m%d}".encode()))
    return (*asked, (None, b""))


@lru_cache(maxsize=2)
def _caps(caps: ConnectionLimits) -> ConnectionLimits:
    return caps.at_most(idle_seconds=ASK_IDLE_SECONDS, seconds=ASK_SECONDS, received_bytes=ASK_BYTES)


async def identify_either(contact: Contact, port: int, depth: Depth, *, named: bool) -> Observation:
    """`ask`, in plain and over TLS.

    A TLS port is asked over TLS first, other ports in plain. The other way is tried once if the first shows a reason.
    `named` says that the user named the port. Raises OutOfScope only.
    """
    if port in contact.scope.dimse_tls_ports:
        seen = await ask(contact, port, depth, tls=True)
        answered = seen.stop.ending in ANSWERED_NO_TLS
        return await ask(contact, port, depth) if seen.tls is None and answered else seen
    plain = await ask(contact, port, depth)
    spoke_tls = plain.stop.cause is Cause.SPOKE_TLS
    # OpenSSL's servers close without sending a byte when they receive an A-ASSOCIATE-RQ.
    facts = plain.get(DimseFacts)
    spoke = facts is not None and facts.valid_pdu
    hung_up = named and plain.stop.ending in (OutcomeKind.CLOSED, OutcomeKind.RESET) and not spoke
    if not (spoke_tls or hung_up):
        return plain
    seen = await ask(contact, port, depth, tls=True)
    return plain if seen.tls is None else seen


async def ask(contact: Contact, port: int, depth: Depth, *, tls: bool = False) -> Observation:
    """Knock, and from depth `ask` on ask one small question. Raises OutOfScope only."""
    at = datetime.now(UTC)
    caps = _caps(contact.scope.caps)
    asks = depth.reaches(Depth.ASK)
    verb = "ask" if asks else "knock"
    for tried, title in enumerate((ANY_TITLE, *contact.scope.called_titles)):
        notes = IdentifyProgress()

        def script(association: Association, notes: IdentifyProgress = notes) -> Operations:
            return _ask(association, notes, at.date()) if asks else _leave()

        association = Association(title, script, throttle=contact.pace if asks else None)
        question = f"dimse {verb} {title}{OVER_TLS if tls else ''}"
        row = await contact.dial(port, association, question=question, caps=caps, tls=tls)
        if tried and not association.valid_pdu:
            break  # the facts from earlier titles still hold
        stop, shown = row.stop, row.tls
        facts = _facts(association, notes, title, tried, title in contact.scope.called_titles)
        rejection = association.rejection
        if rejection is None or (rejection.source, rejection.reason) != CALLED_TITLE_NOT_RECOGNIZED:
            break
    endpoint = Endpoint(row.address, port, Protocol.DIMSE)
    return Observation(endpoint=endpoint, at=at, depth=depth, stop=stop, tls=shown, facts=(facts,))


def find_root(facts: DimseFacts) -> str | None:
    """The query model to use: Study Root before Patient Root. None if neither was accepted."""
    if facts.study_root:
        return STUDY_ROOT_FIND
    return PATIENT_ROOT_FIND if facts.patient_root else None


def _leave() -> Operations:
    return
    yield


def _ask(association: Association, notes: IdentifyProgress, today: date) -> Operations:
    if VERIFICATION in association.accepted:
        notes.echo = (yield Echo()).status
    for root in (STUDY_ROOT_FIND, PATIENT_ROOT_FIND):
        if root in association.accepted and (yield from _search(root, notes, windows(today))):
            return


def _search(
    root: str, notes: IdentifyProgress, questions: Sequence[tuple[Ages | None, bytes]]
) -> Generator[Query, Answer, bool]:
    """Ask for one window after the other until one has a match. Returns whether this query model answered at all.

    An archive that refuses a range of dates is asked without one. That query too is cancelled at the first match.
    """
    everything = questions[-1]
    left = list(questions)
    while left:
        ages, dates = left.pop(0)
        notes.open, notes.ages = True, ages
        keys = (
            (elements.QUERY_LEVEL, b"STUDY"),
            (elements.STUDY_DATE, dates),
            (elements.STUDY_UID, b""),
        )
        answer = yield Query(root, keys, _forget, cancel_after=1, ours=True)
        notes.finds.append(Find(ages, answer.matches, answer.status, answer.cancelled))
        notes.open = False
        if answer.matches or answer.status == OUT_OF_RESOURCES:
            return True
        if answer.status != 0x0000:
            left = [everything] if ages is not None else []
    return notes.finds[-1].status == 0x0000


def _forget(identifier: bytes, explicit: bool) -> None:
    """At `ask` the association only counts records. Nobody looks inside."""


def _facts(
    association: Association, notes: IdentifyProgress, title: str, titles_rejected: int, from_scope: bool
) -> DimseFacts:
    finds = list(notes.finds)
    if notes.open:  # the association ended before this question was answered
        finds.append(Find(notes.ages, association.matches, None, association.cancelled))
    unit, accepted = association.unit, association.accepted
    return DimseFacts(
        called=title,
        called_from_scope=from_scope,
        titles_rejected=titles_rejected,
        valid_pdu=association.valid_pdu,
        accepted=unit is not None,
        rejection=association.rejection,
        abort=association.abort,
        verification=VERIFICATION in accepted,
        study_root=STUDY_ROOT_FIND in accepted,
        patient_root=PATIENT_ROOT_FIND in accepted,
        implementation_uid=unit.implementation_uid if unit else "",
        implementation_version=unit.implementation_version if unit else "",
        max_pdu=unit.max_pdu if unit else None,
        echo=notes.echo,
        finds=tuple(finds),
    )
