"""A census over DIMSE: C-FIND for UIDs and numbers alone, over one association after the other."""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress

import msgspec

from filmbadge.ask.census.budget import Spent
from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.lot import FINAL
from filmbadge.ask.census.plan import Hint, plan_for
from filmbadge.ask.census.source import Ended, Steps, When, WindowAnswer
from filmbadge.ask.census.windows import Axis, Window, day, minute
from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dimse.ask_again import Asked, Script, ask_all
from filmbadge.ask.dimse.association import Answer, Association, Operations, Query
from filmbadge.ask.dimse.identify import OVER_TLS
from filmbadge.ask.dimse.questions import KEYS, demanded, find_root, opening
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import is_success
from filmbadge.model import Depth, DimseFacts, Doubt, DoubtCode, FindKey, Observation

UIDS = (elements.STUDY_UID,)
COUNTS = (elements.STUDY_UID, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY)
AND_AVAILABILITY = (*COUNTS, elements.INSTANCE_AVAILABILITY)  # PS3.4 C.4.1.1.3.2
WHEN = (elements.STUDY_DATE, elements.STUDY_TIME)

SPARED = 4  # questions that a census goes on without, if the association breaks off at them
UNABLE = 0xC000  # a status of a C-FIND, PS3.4 C.4.1.1.4

AXES = frozenset((Axis.DATE, Axis.UNDATED, Axis.TIME, Axis.MODALITY, Axis.UID))


class DimseSource:
    """One archive under one query root. `personal`: it may be asked by attributes of patients too.

    `availability`: the counts are asked for with Instance Availability, as long as that costs none.
    """

    has_more = None  # a query has no offset, PS3.4 C.4.1
    counts_come_along = False

    def __init__(self, root: str, key: RunKey, *, personal: bool = False, availability: bool = False) -> None:
        self.availability = availability
        self.axes = AXES | {Axis.SEX} if personal else AXES
        self._root = root
        self._key = key

    def studies(self, window: Window, tally: Tally, counts: bool, /) -> Steps[WindowAnswer]:
        before = tally.distinct
        tally.uids.mark()
        wanted = AND_AVAILABILITY if counts and self.availability else COUNTS if counts else UIDS
        values = {elements.QUERY_LEVEL: b"STUDY", **dict.fromkeys(wanted, b""), **bounds(window)}
        answer = yield Query(self._root, tuple(values.items()), tally, cancel_after=window.at_most or None)
        here, new = tally.uids.here, tally.distinct - before
        return seen(answer, here, new, full=tally.uids.full, at_most=window.at_most)

    def below(self, tally: Tally, study: bytes, series: bytes = b"") -> Steps[WindowAnswer]:
        level, uid = (b"IMAGE", elements.INSTANCE_UID) if series else (b"SERIES", elements.SERIES_UID)
        values = {elements.QUERY_LEVEL: level, uid: b"", elements.STUDY_UID: study}
        if series:
            values[elements.SERIES_UID] = series
        return seen((yield Query(self._root, tuple(values.items()), tally)), 0, 0)

    def at_once(self, tally: Tally) -> int:
        return tally.uids.here

    def holds(self, level: int, study: bytes, rows: int) -> Steps[bool]:
        """By a relational query, PS3.4 C.4.1.3.2.2, cancelled as soon as it is answered. Not every archive has them."""
        values = {elements.QUERY_LEVEL: b"SERIES", elements.SERIES_UID: b"", elements.STUDY_UID: b""}
        if level == elements.INSTANCE_UID:
            values = {elements.QUERY_LEVEL: b"IMAGE", level: b"", elements.STUDY_UID: study, elements.SERIES_UID: b""}
        found = Tally(self._key, level)
        answer = yield Query(self._root, tuple(values.items()), found, cancel_after=rows)
        return answer.matches >= rows and found.distinct >= rows

    def when(self, study: bytes) -> Steps[When | None]:
        found: list[When] = []

        def take(identifier: bytes, explicit: bool) -> None:
            with suppress(WireError, ValueError):
                seen = elements.values(identifier, explicit=explicit, wanted=WHEN)
                found.append((day(seen[elements.STUDY_DATE]), minute(seen.get(elements.STUDY_TIME, b""))))

        keys = {elements.QUERY_LEVEL: b"STUDY", elements.STUDY_UID: study, **dict.fromkeys(WHEN, b"")}
        yield Query(self._root, tuple(keys.items()), take)
        return found[0] if len(set(found)) == 1 else None  # one row for each instance tells it as often


def bounds(window: Window) -> dict[int, bytes]:
    """The keys that a window is asked for by."""
    keys = (
        (elements.STUDY_DATE, window.date_key),
        (elements.STUDY_TIME, window.time_key),
        (elements.STUDY_UID, window.uid_key),
        (elements.MODALITIES_IN_STUDY, window.modality.name if window.modality else ""),
        (elements.PATIENT_SEX, window.sex),
    )
    return {tag: key.encode() for tag, key in keys if key}


def seen(answer: Answer, distinct: int, new: int, *, full: bool = False, at_most: int = 0) -> WindowAnswer:
    """What an answer tells a plan.

    `at_most`: rows after which no more were wanted, and none was taken in. The end may come in one piece with them.
    """
    rows, status = answer.matches, answer.status
    if full:
        return WindowAnswer(rows, distinct, new, Ended.FAILED, seconds=answer.seconds, full=True)
    if answer.cancelled or 0 < at_most < rows:
        too_long = Doubt(DoubtCode.LIST_TOO_LONG, {"rows": rows})
        return WindowAnswer(rows, distinct, new, Ended.ENOUGH, too_long, answer.seconds)
    if status == 0x0000:
        return WindowAnswer(rows, distinct, new, Ended.WHOLE, seconds=answer.seconds)
    ended = Ended.CUT if rows else Ended.REFUSED
    return WindowAnswer(rows, distinct, new, ended, Doubt(DoubtCode.STATUS, {"status": status}), answer.seconds)


async def count(contact: Contact, observation: Observation, asked: DimseFacts) -> Learned:
    """The same observation with a census of the archive that was asked before. Raises OutOfScope only."""
    root = find_root(asked)
    if root is None:
        return Learned(observation)
    with contact.counting() as key:
        return await _census(contact, observation, asked, root, key)


async def _census(contact: Contact, observation: Observation, asked: DimseFacts, root: str, key: RunKey) -> Learned:
    spent = Spent(contact.scope.census, share=key.memory, caps=contact.scope.caps, pace=contact.pace)
    source = DimseSource(
        root,
        key,
        personal=observation.depth.reaches(Depth.PROFILE),
        availability=observation.depth.reaches(Depth.PROVE),
    )
    draws = contact.scope.retrievals.large if observation.depth.reaches(Depth.PROVE) else 0
    counting = CensusProgress(source, plan_for(hint(asked), contact.pace, spent), spent, key, draws=draws)
    try:
        return await _counted(contact, observation, asked, root, counting)
    finally:
        counting.close()


async def _counted(
    contact: Contact, observation: Observation, asked: DimseFacts, root: str, counting: CensusProgress
) -> Learned:
    census = counting.census(await _count(contact, observation, asked, counting))
    if demanded(asked) and not (census.complete and await _also_by(contact, observation, asked, root, counting)):
        only = Doubt(DoubtCode.ONLY_WITH_KEY)
        census = msgspec.structs.replace(census, complete=False, doubts=(only, *census.doubts))
    facts = msgspec.structs.replace(asked, census=census)
    return Learned(
        observation.with_facts(facts), studies=counting.studies.uids, whole=census.complete, lot=counting.lot()
    )


async def _also_by(
    contact: Contact, observation: Observation, asked: DimseFacts, root: str, counting: CensusProgress
) -> bool:
    """Whether another key of patients brings the same studies. A study without a value for either would be in none."""
    found = opening(asked)
    other = {FindKey.ANY_PATIENT_ID: FindKey.ANY_PATIENT_NAME, FindKey.ANY_PATIENT_NAME: FindKey.ANY_PATIENT_ID}.get(
        found.with_key if found is not None and found.with_key is not None else FindKey.MODALITY_CT
    )
    if other is None:
        return False
    tally = Tally(counting.key)

    def script(_: Association) -> Operations:
        keys = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""), KEYS[other])
        yield Query(root, keys, tally)

    tls = observation.tls is not None
    ended = await ask_all(
        contact,
        observation.endpoint.port,
        lambda carried: Association(asked.called, carried, throttle=contact.pace, meter=counting.spent),
        script,
        question=f"dimse census {asked.called}{OVER_TLS if tls else ''}",
        tls=tls,
        meter=counting.spent,
    )
    known = counting.studies.distinct
    counting.studies.uids.include(tally.uids)
    uids = counting.studies.uids
    return (
        ended.done
        and not uids.full
        and not uids.sampled
        and not tally.malformed
        and tally.distinct == known == counting.studies.distinct
    )


async def _count(
    contact: Contact, observation: Observation, asked: DimseFacts, counting: CensusProgress
) -> Doubt | None:
    """Ask all questions, over as many associations as it needs. Returns what ended it too early."""
    tls = observation.tls is not None

    def associate(carried: Script) -> Association:
        return Association(asked.called, carried, throttle=contact.pace, meter=counting.spent)

    def ask() -> Coroutine[None, None, Asked]:
        return ask_all(
            contact,
            observation.endpoint.port,
            associate,
            lambda _: counting.script(),
            question=f"dimse census {asked.called}{OVER_TLS if tls else ''}",
            tls=tls,
            also=demanded(asked),
            meter=counting.spent,
        )

    ended = await ask()
    for _ in range(SPARED):
        if ended.done or not counting.spare or ended.stop.ending in FINAL:
            break
        counting.advance(Answer(UNABLE))  # as good as a refusal: it has no answer to that
        ended = await ask()
    return None if ended.done else Doubt(DoubtCode.BROKE_OFF, stop=ended.stop)


def hint(asked: DimseFacts) -> Hint:
    """What the questions of `ask` told about dates."""
    young, refused, answered = 0, False, False
    for find in asked.finds:
        answered = answered or (find.ages is not None and is_success(find.status))
        if find.ages is not None and not find.matches and find.ages[0] <= young:
            refused = refused or not (find.status is None or is_success(find.status))
            young = max(young, find.ages[1] + 1) if is_success(find.status) else young
    return Hint(young, no_dates=refused and not answered)
