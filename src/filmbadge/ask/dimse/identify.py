"""Identifies DIMSE: an association, C-ECHO and small C-FINDs. A census follows on demand.

| depth   | on the wire                                                                          |
|---------|--------------------------------------------------------------------------------------|
| `knock` | association with Verification and both FIND models, release                          |
| `ask`   | and C-ECHO, then Study Instance UIDs of one narrow window of dates, cancelled at the first match; an empty window is followed by the next older one |
| `count` | as `ask`; the census is a second association (`count`), made only where no counter serves |
| `profile` | as `count`, and where nothing was given, a question with a patient's id or name that is any; then an association (`profile`) that asks for personal attributes, looks, and forgets |
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from msgspec.structs import replace

from filmbadge.ask.dimse.ask_again import Asked, Script, ask_all
from filmbadge.ask.dimse.association import ECHO, Association, Operations
from filmbadge.ask.dimse.questions import IdentifyProgress, questions
from filmbadge.ask.wire.contact import Contact
from filmbadge.ask.wire.tls import ANSWERED_NO_TLS
from filmbadge.catalogue.dicom import CALLED_TITLE_NOT_RECOGNIZED, PATIENT_ROOT_FIND, STUDY_ROOT_FIND, VERIFICATION
from filmbadge.model import Cause, Depth, DimseFacts, Endpoint, Observation, OutcomeKind, Protocol
from filmbadge.scope import ConnectionLimits

ANY_TITLE = "ANY-SCP"  # the conventional title for any called AE; titles from a scope come after it
ASK_BYTES = 512 * 1024
OVER_TLS = " over TLS"
RESUMED = 4  # forms of a question at which an archive may hang up, before it is left
_HUNG_UP = (OutcomeKind.CLOSED, OutcomeKind.RESET, OutcomeKind.ABORTED, OutcomeKind.BROKEN)


@lru_cache(maxsize=2)
def _caps(caps: ConnectionLimits) -> ConnectionLimits:
    return caps.small(ASK_BYTES)


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
    """Knock, and from depth `ask` on ask small questions until one brings a record. Raises OutOfScope only."""
    at, listed = datetime.now(UTC), contact.scope.called_titles
    for tried, title in enumerate((ANY_TITLE, *listed)):
        notes = IdentifyProgress(at.date())
        asked = await _ask_title(contact, port, title, notes, depth, tls)
        if tried and not asked.first.valid_pdu:
            break  # the facts from earlier titles still hold
        stop, shown = asked.stop, asked.tls
        facts = _facts(asked, notes, title, tried, title in listed)
        rejection = facts.rejection
        if rejection is None or (rejection.source, rejection.reason) != CALLED_TITLE_NOT_RECOGNIZED:
            break
    endpoint = Endpoint(contact.host, port, Protocol.DIMSE)
    return Observation(endpoint=endpoint, at=at, depth=depth, stop=stop, tls=shown, facts=(facts,))


async def _ask_title(
    contact: Contact, port: int, title: str, notes: IdentifyProgress, depth: Depth, tls: bool
) -> Asked:
    """All questions by one called title. A question at which the archive hangs up is left; the others are asked then."""
    asks = depth.reaches(Depth.ASK)
    question = f"dimse {'ask' if asks else 'knock'} {title}{OVER_TLS if tls else ''}"

    def script(association: Association) -> Operations:
        return _script(association, notes, depth) if asks else _leave()

    def associate(carried: Script) -> Association:
        return Association(title, carried, throttle=contact.pace if asks else None)

    caps = _caps(contact.scope.caps)
    asked = await ask_all(contact, port, associate, script, question=question, caps=caps, tls=tls)
    for _ in range(RESUMED):
        if notes.under_way is None:
            break
        lost = notes.ended(asked.last.matches, None, asked.last.cancelled)
        if lost.matches or asked.stop.ending not in _HUNG_UP or notes.hopeless:
            break
        again = await ask_all(contact, port, associate, script, question=question, caps=caps, tls=tls, tries=1)
        asked = replace(again, first=asked.first, tls=asked.tls or again.tls)
    if notes.under_way is not None:
        notes.ended(asked.last.matches, None, asked.last.cancelled)
    return asked


def _leave() -> Operations:
    return
    yield


def _script(association: Association, notes: IdentifyProgress, depth: Depth) -> Operations:
    accepted = association.accepted
    if notes.echo is None and VERIFICATION in accepted:
        notes.echo = (yield ECHO).status
    yield from questions(notes, accepted, depth)


def _facts(asked: Asked, notes: IdentifyProgress, title: str, titles_rejected: int, from_scope: bool) -> DimseFacts:
    first, last = asked.first, asked.last
    unit, accepted = first.unit, first.accepted
    return DimseFacts(
        called=title,
        called_from_scope=from_scope,
        titles_rejected=titles_rejected,
        valid_pdu=first.valid_pdu,
        accepted=unit is not None,
        rejection=first.rejection,
        abort=last.abort or first.abort,
        verification=VERIFICATION in accepted,
        study_root=STUDY_ROOT_FIND in accepted,
        patient_root=PATIENT_ROOT_FIND in accepted,
        implementation_uid=unit.implementation_uid if unit else "",
        implementation_version=unit.implementation_version if unit else "",
        max_pdu=unit.max_pdu if unit else None,
        echo=notes.echo,
        finds=tuple(notes.finds),
    )
