"""What is asked of an archive about personal data, over as many associations as it needs.

All studies are asked for the attributes that archives keep in an index: a small archive in one query, a large one in the
windows of a plan, as its census. The others are asked of single studies: of every one in a small archive, else of some
that are drawn by lot.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed

import msgspec
from msgspec.structs import replace

from filmbadge.ask.census.budget import MOST_FULL, Spent, within
from filmbadge.ask.census.plan import ASK_ALL_UP_TO, SMALL, CensusPlan, plan_for
from filmbadge.ask.census.source import Ended, Parts, Steps, When, WindowAnswer
from filmbadge.ask.census.windows import Axis, Window, begins_with
from filmbadge.ask.decoder import Record, elements
from filmbadge.ask.dimse.ask_again import Script, ask_all
from filmbadge.ask.dimse.association import Answer, Association, Operations, Query
from filmbadge.ask.dimse.census import AXES, COUNTS, bounds, hint, seen
from filmbadge.ask.dimse.identify import OVER_TLS
from filmbadge.ask.dimse.questions import demanded, find_root
from filmbadge.ask.key import RunKey
from filmbadge.ask.learned import Learned
from filmbadge.ask.personal.progress import BY_SERIES, BY_STUDY, WITH_ALL, ProfileProgress
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import is_success
from filmbadge.model import Census, CountedBy, DimseFacts, Doubt, DoubtCode, Observation

ANY = Window()
RECORD_BYTES = 1024  # of a record with personal attributes
DEARER = 4  # times as long as a UID and counts, such a record may take the archive
UNSURE = {DoubtCode.UNDATED_UNPARTED, DoubtCode.CUT_OFF, DoubtCode.UNCHECKED}


async def profile(contact: Contact, observation: Observation, asked: DimseFacts) -> Learned:
    """The same observation with the kinds of personal data that the archive gives. Raises OutOfScope only."""
    root = find_root(asked)
    if root is None:
        return Learned(observation)
    with contact.counting() as key:
        return await _profile(contact, observation, asked, root, key)


async def _profile(contact: Contact, observation: Observation, asked: DimseFacts, root: str, key: RunKey) -> Learned:
    census, notes = asked.census, ProfileProgress(key)
    known = census.studies if census is not None and (census.complete or _listed(census)) else None
    throttle, budget = contact.pace, contact.scope.census
    budget = changed(budget, whole_seconds=budget.whole_seconds / DEARER)
    spent = Spent(budget, share=key.memory, caps=contact.scope.caps, pace=throttle, row_bytes=RECORD_BYTES)
    # The form of question decides where some archives cut an answer off. So it is that of the census.
    counts = COUNTS if census is not None and census.method is CountedBy.COUNT_KEYS else ()

    def plan() -> CensusPlan:
        return plan_for(replace(hint(asked), studies=known), throttle, spent)

    if census is not None and known is not None:
        notes.doubt(*(doubt for doubt in census.doubts if not census.complete))
    script = within(
        spent, look_through(root, notes, known, plan, (*WITH_ALL, *counts), lambda: spent.affords), notes.doubt
    )
    tls, also = observation.tls is not None, demanded(asked)

    def associate(carried: Script) -> Association:
        return Association(asked.called, carried, throttle=throttle, meter=spent)

    ended = await ask_all(
        contact,
        observation.endpoint.port,
        associate,
        lambda _: script,
        question=f"dimse profile {asked.called}{OVER_TLS if tls else ''}",
        tls=tls,
        also=also,
        meter=spent,
    )
    if not ended.done:
        notes.ended(ended.stop)
    if also and not (census is not None and census.complete):
        notes.doubt(Doubt(DoubtCode.ONLY_WITH_KEY))
        notes.complete = False
    facts = msgspec.structs.replace(asked, profile=notes.profile())
    return Learned(observation.with_facts(facts), patients=notes.patients)


def _listed(census: Census) -> bool:
    """Whether one question brought all studies of the census, although nothing shows that there are no more."""
    return {doubt.code for doubt in census.doubts} <= UNSURE


def look_through(
    root: str,
    notes: ProfileProgress,
    known: int | None,
    plan: Callable[[], CensusPlan],
    tags: Sequence[int] = WITH_ALL,
    affords: Callable[[], int] = lambda: SMALL,
) -> Operations:
    """Ask under one query root. `known` is how many studies a census found; without it, a plan must find them all.

    `affords` says how many rows one answer may have. Asking for more must not change what is answered: where the numbers of studies differ, nothing is complete.
    """
    whole = known is not None and (known <= SMALL or ASK_ALL_UP_TO < affords() >= known)
    if known is not None and whole:
        answer = yield from _all(notes, root, tags, Window(at_most=2 * known) if known > SMALL else ANY)
        if not is_success(answer.status) and notes.records == known:
            notes.doubt(Doubt(DoubtCode.STATUS, {"status": answer.status}))
    if known is None or not whole or notes.records < known:
        planned = plan()
        yield from planned.run(_Windows(root, notes, tags))
        if known is None or planned.failed:
            notes.doubt(*planned.doubts)
    if notes.malformed:
        notes.doubts = (Doubt(DoubtCode.MALFORMED, {"rows": notes.malformed}),)
    elif known is not None and notes.records != known:
        notes.doubt(Doubt(DoubtCode.OTHER_NUMBER, {"studies": known, "records": notes.records}))
    notes.complete = not notes.doubts
    for study in notes.drawn_by_lot():
        failed = None
        for level, wanted in ((b"STUDY", BY_STUDY), (b"SERIES", BY_SERIES)):
            answer = yield from _find(notes, root, level, wanted, notes.part, study)
            if answer.status != 0x0000:
                failed = Doubt(DoubtCode.STATUS, {"status": answer.status})
                break
        if not notes.went_on(failed):
            return
    notes.drawn.clear()


@dataclass(frozen=True, repr=False)
class _Windows:
    """The studies of an archive with the attributes that it keeps in an index, for a plan."""

    root: str
    notes: ProfileProgress
    tags: Sequence[int]
    axes = (AXES | {Axis.SEX}) - {Axis.UNDATED}
    has_more = None

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        held = self.notes.seen
        before = held.sure
        held.mark()
        answer = yield from _all(self.notes, self.root, self.tags, window)
        distinct = answer.matches if held.sampled else held.here
        found = seen(answer, distinct, held.sure - before, full=self.notes.full, at_most=window.at_most)
        return replace(found, ended=Ended.FAILED) if self.notes.malformed else found

    def parts(self, windows: Sequence[Window], below: int) -> Steps[Parts]:
        held = self.notes.seen
        before, distinct, small = held.sure, 0, True
        for window in windows:
            answer = yield from self.ask(window)
            distinct += answer.distinct
            small = answer.ended is Ended.WHOLE and answer.rows < below
            if not small:
                break
        return Parts(distinct, held.sure - before, small)

    def without_date(self, _: int) -> Steps[Parts]:
        yield from ()
        return Parts(0, 0, False)

    def prefix(self) -> tuple[str, str]:
        return begins_with(self.notes.drawn)

    def when(self) -> Steps[When | None]:
        yield from ()
        return None

    def still_there(self) -> Steps[bool | None]:
        yield from ()
        return None


def _all(
    notes: ProfileProgress, root: str, tags: Sequence[int], window: Window = ANY
) -> Generator[Query, Answer, Answer]:
    """Ask for all studies of a window; again, after a wait, where there was no room for them."""
    for _ in range(MOST_FULL):
        notes.go_on()
        answer = yield from _find(notes, root, b"STUDY", tags, notes.tally, window=window)
        if not notes.full:
            break
    return answer


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
