"""What is asked of an archive about personal data, over one association.

All studies are asked for the attributes that archives keep in an index: a small archive in one query, a large one in the
windows of a plan, as its census. The others are asked of single studies: of every one in a small archive, else of some
that are drawn by lot.
"""

from __future__ import annotations

import random
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from filmbadge.ask.census.plan import Plan
from filmbadge.ask.census.script import ANY, bounds, seen
from filmbadge.ask.census.windows import Window
from filmbadge.ask.personal.distinct import Distinct, digest
from filmbadge.ask.personal.look import BIRTH_DATE, Look, Value
from filmbadge.ask.personal.read import values
from filmbadge.ask.wire.dimse import elements
from filmbadge.ask.wire.dimse.association import Answer, Query, Script
from filmbadge.ask.wire.dimse.core import Record
from filmbadge.ask.wire.errors import WireError
from filmbadge.catalogue import kinds
from filmbadge.catalogue.dicom import status_words
from filmbadge.catalogue.kinds import ISSUER, KIND, PATIENT_ID, Asked
from filmbadge.model import Kind, Profile

WHOLE = 500  # an archive of up to so many studies is asked for all of them one by one,
SAMPLE = 100  # and a larger one for so many

WITH_ALL = kinds.asked(Asked.WITH_ALL)
# With what may tell of what scheme an id is.
BY_STUDY = (*kinds.asked(Asked.BY_STUDY), PATIENT_ID, ISSUER, BIRTH_DATE)
BY_SERIES = kinds.asked(Asked.BY_SERIES)
PLAIN = frozenset(KIND[tag] for tag in WITH_ALL)
DEAR = frozenset(Kind) - PLAIN


@dataclass(repr=False)
class Noticed:
    """What was noticed so far; it outlives an association that breaks off. Of a value, nothing."""

    look: Look = field(default_factory=Look)
    records: int = 0
    deep: int = 0
    malformed: int = 0
    queries: int = 0
    complete: bool = False
    trouble: str = ""
    drawn: list[bytes] = field(default_factory=list)  # Study Instance UIDs, for the questions about single studies
    seen: Distinct = field(default_factory=Distinct)
    patients: Distinct = field(default_factory=Distinct)
    without_id: int = 0  # studies that name no patient by an id
    lot: random.Random = field(default_factory=random.SystemRandom)

    def profile(self, broke_off: str = "") -> Profile:
        """The facts. `broke_off` says how the association ended where it did not end as planned."""
        return Profile(
            complete=self.complete,
            records=self.records,
            deep=self.deep,
            kinds=self.look.kinds(),
            schemes=self.look.schemes(),
            queries=self.queries,
            malformed=self.malformed,
            patients=len(self.patients),
            without_id=self.without_id,
            why=self.trouble or broke_off,
        )

    def row(self, identifier: bytes, explicit: bool) -> None:
        """One study of the query for all. It counts once, however often it comes."""
        try:
            uid, found = values(identifier, explicit, (*WITH_ALL, ISSUER))
        except WireError:
            self.malformed += 1
            return
        self.listed(uid, found)

    def listed(self, uid: bytes, found: Sequence[Value]) -> None:
        """One study of a list of all, with the attributes that such lists give."""
        if not uid or len(uid) > 64:
            self.malformed += 1
            return
        if not self.seen.add(self.look.digest(uid)):
            return
        self.records += 1
        self._patient(found)
        self._draw(uid)
        self.look.take(found, PLAIN)
        self.look.close(PLAIN)

    def drawn_by_lot(self) -> list[bytes]:
        """The studies that are asked one by one: all of a small archive, some of a larger one."""
        return self.drawn if self.records <= WHOLE else self.lot.sample(self.drawn, min(SAMPLE, len(self.drawn)))

    def part(self, identifier: bytes, explicit: bool) -> None:
        """Something about the one study that is asked about."""
        try:
            self.look.take(values(identifier, explicit, (*BY_STUDY, *BY_SERIES))[1], DEAR)
        except WireError:
            self.malformed += 1

    def study(self, uid: bytes, found: Sequence[Value], kinds: frozenset[Kind]) -> None:
        """One study that came with all that was asked of it, as a product's API gives it."""
        if not self.seen.add(self.look.digest(uid)):
            return
        self.records += 1
        self._patient(found)
        self.deep += kinds >= DEAR
        self.look.take(found, kinds)
        self.look.close(kinds)

    def _patient(self, found: Sequence[Value]) -> None:
        """A patient is an id, and its issuer where the archive says one."""
        at = next((n for n, (tag, _) in enumerate(found) if tag == PATIENT_ID), None)
        identity = None if at is None else (found[at][1] or "").strip()
        if at is None or not identity:
            self.without_id += 1
            return
        tag, issuer = found[at + 1] if at + 1 < len(found) else (0, None)
        whole = identity + "\\" + (issuer or "").strip() if tag == ISSUER else identity
        self.patients.add(digest(whole.encode("utf-8", "surrogatepass")))

    def _draw(self, uid: bytes) -> None:
        """Each study that came is among those drawn with the same chance. Only what is made like a UID is held."""
        if not re.fullmatch(rb"[0-9.]+", uid):
            return
        if len(self.drawn) < WHOLE:
            self.drawn.append(uid)
        elif (at := self.lot.randrange(self.records)) < WHOLE:
            self.drawn[at] = uid


def look_through(root: str, notes: Noticed, known: int | None, plan: Plan | None = None) -> Script:
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
        notes.look.close(DEAR)
    notes.drawn.clear()


def _windows(root: str, notes: Noticed, plan: Plan) -> Generator[Query, Answer, None]:
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
    notes: Noticed,
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
