"""Proves that images would be handed out: a C-GET is begun, counted and dropped. C-MOVE is never sent.

There are two associations for one image, one after the other. The first asks for the UIDs and the SOP class of one instance,
from the archive's own records. The second accepts that one class, asks for that one instance, and cancels after a few KiB.
Of an archive that does not say which studies can be had, images of some studies are asked for that were drawn by lot.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import msgspec

from filmbadge.ask.census.lot import NO_LOT, Lot
from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dimse.ask_again import TRIES, Script, ask_all
from filmbadge.ask.dimse.association import Answer, Association, Get, Operations, Query
from filmbadge.ask.dimse.identify import OVER_TLS
from filmbadge.ask.dimse.pdu import Context
from filmbadge.ask.dimse.questions import date_key, demanded, find_root, opening
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import (
    COMMON_STORAGE,
    EXPLICIT_LITTLE,
    IMAGE_SYNTAXES,
    IMPLICIT_LITTLE,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS,
    STUDY_ROOT_GET,
)
from filmbadge.model import Cause, DimseFacts, Observation, Outcome, OutcomeKind, Proof

ENOUGH_BYTES = 4096
_HUNG_UP = (OutcomeKind.CLOSED, OutcomeKind.RESET, OutcomeKind.ABORTED)
_UID = rb"[0-9.]{1,64}"
MAX_PDU = 16 * 1024  # small, so that little data is on its way when the cancel goes out
BYTES = 512 * 1024


@dataclass(repr=False)
class _Instance:
    """UIDs of one instance. They stay in memory only during the proof."""

    keys: list[tuple[int, bytes]] = field(default_factory=list)
    sop_class: str = ""  # empty if the archive's records do not name it


async def prove(contact: Contact, observation: Observation, asked: DimseFacts, lot: Lot = NO_LOT) -> Learned:
    """The same observation with a proof from the archive that gave records. Raises OutOfScope only."""
    root = find_root(asked)
    if root is None:
        return Learned(observation)
    proof = await lot.tried(lambda study: _prove(contact, observation, asked, root, study))
    return Learned(observation.with_facts(msgspec.structs.replace(asked, proof=proof)))


async def _prove(contact: Contact, observation: Observation, asked: DimseFacts, root: str, study: bytes = b"") -> Proof:
    caps = contact.scope.caps.small(BYTES)
    tls = observation.tls is not None
    over = OVER_TLS if tls else ""
    port = observation.endpoint.port

    instance = _Instance()
    found = opening(asked)
    dates = b"" if found is None else date_key(found.ages, observation.at.date())
    finding = await ask_all(
        contact,
        port,
        lambda carried: Association(asked.called, carried, throttle=contact.pace),
        lambda _: _find(root, dates, instance, contact.key, study),
        question=f"dimse instance {asked.called}{over}",
        caps=caps,
        tls=tls,
        also=demanded(asked),
    )
    if not instance.keys:
        return Proof(stop=Outcome(OutcomeKind.COMPLETED, Cause.NO_INSTANCE) if finding.done else finding.stop)

    classes = (instance.sop_class,) if instance.sop_class else COMMON_STORAGE
    statuses: list[int] = []

    def associate(carried: Script) -> Association:
        return Association(
            asked.called, carried, _contexts(classes), stored=classes, max_pdu=MAX_PDU, throttle=contact.pace
        )

    for _ in range(TRIES):  # until anything came
        ended = await ask_all(
            contact,
            port,
            associate,
            lambda association: _get(association, instance, statuses),
            question=f"dimse image {asked.called}{over}",
            caps=caps,
            tls=tls,
            tries=1,
        )
        getting = ended.last
        if statuses or getting.image_bytes or ended.stop.ending not in _HUNG_UP:
            break
    return Proof(
        sop_class=instance.sop_class or getting.image_class,
        get=STUDY_ROOT_GET in getting.accepted,
        storage=instance.sop_class in getting.accepted,
        transfer_syntax=getting.image_syntax,
        bytes=getting.image_bytes,
        status=statuses[0] if statuses else None,
        stop=None if ended.stop.ending is OutcomeKind.COMPLETED else ended.stop,
    )


def _contexts(classes: Sequence[str]) -> list[Context]:
    """Contexts for C-GET and for the classes that we accept.

    A single class gets one context for each syntax. If there are many classes, each gets four contexts.
    """
    syntaxes: list[tuple[str, ...]] = [(one,) for one in IMAGE_SYNTAXES]
    if len(classes) > 1:
        syntaxes = [IMAGE_SYNTAXES[:2], *((one,) for one in (JPEG_BASELINE, JPEG_LOSSLESS, JPEG_2000_LOSSLESS))]
    contexts = [Context(1, STUDY_ROOT_GET, (EXPLICIT_LITTLE, IMPLICIT_LITTLE))]
    proposed = [(name, syntax) for name in classes for syntax in syntaxes]
    return contexts + [Context(3 + 2 * n, name, syntax) for n, (name, syntax) in enumerate(proposed)]


def _find(root: str, dates: bytes, instance: _Instance, key: RunKey, study: bytes) -> Operations:
    """Finds one study if none is given, one of its series and one instance of that. Each query is cancelled at its first match."""
    above = [(elements.STUDY_UID, study)] if study else []
    for level, uid in ((b"STUDY", elements.STUDY_UID), (b"SERIES", elements.SERIES_UID))[len(above) :]:
        first = Tally(key, uid, keep=1)
        window = [(elements.STUDY_DATE, dates)] if level == b"STUDY" else []
        yield from _one(root, [(elements.QUERY_LEVEL, level), *window, *above, (uid, b"")], first)
        if not first.kept:
            return
        above.append((uid, first.kept[0]))

    def record(identifier: bytes, explicit: bool) -> None:
        wanted = (elements.SOP_CLASS, elements.INSTANCE_UID)
        try:
            found = elements.values(identifier, explicit=explicit, wanted=wanted)
        except WireError:
            return
        sop_class, uid = (found.get(tag, b"").strip(b"\0 ") for tag in wanted)
        if re.fullmatch(_UID, uid):
            instance.keys = [(elements.QUERY_LEVEL, b"IMAGE"), *above, (elements.INSTANCE_UID, uid)]
            instance.sop_class = sop_class.decode() if re.fullmatch(_UID, sop_class) else ""

    asked = [(elements.QUERY_LEVEL, b"IMAGE"), *above, (elements.INSTANCE_UID, b""), (elements.SOP_CLASS, b"")]
    yield Query(root, tuple(asked), record, cancel_after=1)


def _one(root: str, keys: list[tuple[int, bytes]], tally: Tally) -> Generator[Query, Answer, Answer]:
    return (yield Query(root, tuple(keys), tally, cancel_after=1))


def _get(association: Association, instance: _Instance, statuses: list[int]) -> Operations:
    storage = {instance.sop_class} if instance.sop_class else set(COMMON_STORAGE)
    if STUDY_ROOT_GET in association.accepted and storage & association.accepted:
        answer = yield Get(STUDY_ROOT_GET, tuple(instance.keys), ENOUGH_BYTES)
        statuses.append(answer.status)
