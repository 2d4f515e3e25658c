"""What is asked of an archive about personal data, over one association.

All studies are asked for the attributes that archives keep in an index: a small archive in one query, a large one in the
windows of a plan, as its census. The others are asked of single studies: of every one in a small archive, else of some
that are drawn by lot.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

import msgspec

from filmbadge.ask.census.plan import SMALL, CensusPlan
from filmbadge.ask.census.windows import Window
from filmbadge.ask.decoder import Record, elements
from filmbadge.ask.dimse.association import Answer, Association, Operations, Query
from filmbadge.ask.dimse.census import ANY, bounds, hint, plan_for, seen
from filmbadge.ask.dimse.identify import OVER_TLS, find_root
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.progress import BY_SERIES, BY_STUDY, BY_STUDY_KINDS, WITH_ALL, ProfileProgress
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import status_words
from filmbadge.model import DimseFacts, Observation, OutcomeKind


async def profile(contact: Contact, observation: Observation, asked: DimseFacts) -> Learned:
    """The same observation with the kinds of personal data that the archive gives. Raises OutOfScope only."""
    root = find_root(asked)
    if root is None:
        return Learned(observation)
    known = asked.census.studies if asked.census is not None and asked.census.complete else None
    notes = ProfileProgress()
    plan = None
    if known is None or known > SMALL:
        plan = plan_for(contact, msgspec.structs.replace(hint(asked), studies=known))
    association = Association(asked.called, lambda _: look_through(root, notes, known, plan), throttle=contact.pace)
    tls = observation.tls is not None
    question = f"dimse profile {asked.called}{OVER_TLS if tls else ''}"
    row = await contact.dial(observation.endpoint.port, association, question=question, tls=tls)
    broke_off = "" if row.ending is OutcomeKind.COMPLETED else f"{row.ending}: {row.detail}"
    facts = msgspec.structs.replace(asked, profile=notes.profile(broke_off))
    return Learned(observation.with_facts(facts), patients=notes.patients)


def look_through(root: str, notes: ProfileProgress, known: int | None, plan: CensusPlan | None = None) -> Operations:
    """Ask under one query root. `known` is how many studies a census found; without it, a plan must find them all.

    Asking for more must not change what is answered: where the numbers of studies differ, nothing is complete.
    """
    if plan is None:
        answer = yield from _find(notes, root, b"STUDY", WITH_ALL, notes.row)
        if answer.status != 0x0000:
            notes.trouble = f"the query for personal attributes ended with {status_words(answer.status)}"
    else:
        yield from _windows(root, notes, plan)
        notes.trouble = notes.trouble or plan.why
    if notes.malformed:
        notes.trouble = notes.trouble or f"{notes.malformed} malformed {'row' if notes.malformed == 1 else 'rows'}"
    elif known is not None and notes.records != known:
        notes.trouble = notes.trouble or f"{known} studies, but {notes.records} when asked for personal attributes"
    notes.complete = not notes.trouble
    for study in notes.drawn_by_lot():
        for level, tags in ((b"STUDY", BY_STUDY), (b"SERIES", BY_SERIES)):
            answer = yield from _find(notes, root, level, tags, notes.part, study)
            if answer.status != 0x0000:
                notes.trouble = notes.trouble or (
                    f"the {level.decode().lower()} query ended with {status_words(answer.status)}"
                )
                return
        notes.deep += 1
        notes.look.close(BY_STUDY_KINDS)
    notes.drawn.clear()


def _windows(root: str, notes: ProfileProgress, plan: CensusPlan) -> Generator[Query, Answer, None]:
    asking = plan.run()
    try:
        window = next(asking)
        while not notes.malformed:
            before = len(notes.seen)
            notes.seen.mark()
            answer = yield from _find(notes, root, b"STUDY", WITH_ALL, notes.row, window=window)
            new = len(notes.seen) - before
            window = asking.send(seen(answer, notes.seen.here, new))
    except StopIteration:
        return


def _find(
    notes: ProfileProgress,
    root: str,
    level: bytes,
    tags: Sequence[int],
    record: Record,
    study: bytes = b"",
    window: Window = ANY,
) -> Generator[Query, Answer, Answer]:
    asked = {elements.QUERY_LEVEL: level, elements.STUDY_UID: study, **dict.fromkeys(tags, b"")}
    asked |= bounds(window)
    if level == b"SERIES":
        asked[elements.SERIES_UID] = b""
    notes.queries += 1
    return (yield Query(root, tuple(asked.items()), record, cancel_after=window.at_most or None))
