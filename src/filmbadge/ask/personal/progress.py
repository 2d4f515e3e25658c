"""Facts that a profile has gathered so far over any protocol: records, kinds and patients. It holds no values."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field
from datetime import UTC, datetime
from weakref import WeakMethod

from filmbadge.ask.decoder import DistinctSet, PersonalTally
from filmbadge.ask.decoder.personal import NO_KIND, Field
from filmbadge.ask.decoder.values import AROUND
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.inspector import BIRTH_DATE, MOST_INSPECTED, Value, ValueInspector
from filmbadge.ask.personal.lottery import Lottery
from filmbadge.ask.personal.read import values
from filmbadge.catalogue import kinds
from filmbadge.catalogue.kinds import ISSUER, KIND, PATIENT_ID, VR, Asked
from filmbadge.model import Doubt, DoubtCode, Kind, Outcome, OutcomeKind, Profile

ASK_EACH_UP_TO = 500  # Small archives: ask about every study, up to this many.
SAMPLE_STUDIES = 100  # Larger archives: ask about this many studies.
FAILURES = 3  # Stop asking about single studies after this many failures in a row.

WITH_ALL = kinds.asked(Asked.WITH_ALL)
# The issuer and the birth date help to tell the scheme of an id.
BY_STUDY = (*kinds.asked(Asked.BY_STUDY), PATIENT_ID, ISSUER, BIRTH_DATE)
BY_SERIES = kinds.asked(Asked.BY_SERIES)
INDEXED_KINDS = frozenset(KIND[tag] for tag in WITH_ALL)
BY_STUDY_KINDS = frozenset(Kind) - INDEXED_KINDS
# What the tally looks for in the rows of all studies.
FIELDS: tuple[Field, ...] = tuple(
    (tag, list(Kind).index(KIND[tag]) if tag in KIND else NO_KIND, VR[tag]) for tag in sorted((*WITH_ALL, ISSUER))
)


@dataclass(repr=False)
class ProfileProgress:
    """Facts so far. They outlive an association that breaks off, and hold nothing of a value."""

    key: InitVar[RunKey]
    look: ValueInspector = field(init=False)
    deep: int = 0
    spoiled: int = 0  # rows that break their encoding or name no study, and that the tally did not count
    queries: int = 0
    complete: bool = False
    doubts: tuple[Doubt, ...] = ()
    drawn: list[bytes] = field(default_factory=list)  # Study Instance UIDs for the questions about single studies
    seen: DistinctSet = field(init=False)  # distinct studies
    patients: DistinctSet = field(init=False)
    without_id: int = 0  # studies without a patient's id
    tally: PersonalTally = field(init=False)  # takes the rows of the question for all studies
    taken: int = 0  # studies that the tally left to us
    failures: int = 0  # studies, one after the other, of which a question failed
    lot: random.Random = field(default_factory=random.SystemRandom)
    hurries: bool = True  # whether the tally may count studies of a large archive alone

    def __post_init__(self, key: RunKey) -> None:
        self.look = ValueInspector(key.memory)
        self.seen, self.patients = DistinctSet(key), DistinctSet(key)
        self._memory = key.memory
        row = WeakMethod(self.row)  # else this and the tally would refer to each other, and stay with the studies drawn

        def aside(identifier: bytes, explicit: bool) -> None:
            if (take := row()) is not None:  # else nobody is left who could read the numbers
                take(identifier, explicit)

        self.tally = PersonalTally(self.seen, self.patients, FIELDS, aside)
        self._lottery = Lottery(self.lot, ASK_EACH_UP_TO, SAMPLE_STUDIES)

    @property
    def records(self) -> int:
        """Studies so far."""
        return self.taken + self.tally.records

    @property
    def malformed(self) -> int:
        """Rows so far that break their encoding or name no study."""
        return self.spoiled + self.tally.malformed

    @property
    def full(self) -> bool:
        """Whether there was no room for a study, or its patient, since the question began. It was not taken in."""
        return self.seen.full or self.patients.full

    def go_on(self) -> None:
        """A question begins. There may be room again."""
        self.seen.go_on()
        self.patients.go_on()

    @property
    def partly(self) -> bool:
        """Whether not all that came was taken in, for lack of memory."""
        return self.full or self.seen.sampled or self.patients.sampled or self.look.partly

    def profile(self) -> Profile:
        """The profile as facts."""
        if self.partly and self._memory is not None:
            self.doubts = (Doubt(DoubtCode.MEMORY, {"bytes": self._memory.limit}),)
        return Profile(
            complete=self.complete and not self.partly,
            records=self.records,
            deep=self.deep,
            kinds=self.look.kinds(),
            schemes=self.look.schemes(),
            years=self.look.years(datetime.now(UTC).year + 1),
            queries=self.queries,
            malformed=self.malformed,
            patients=self.patients.sure,
            without_id=self.without_id + self.tally.without_id,
            doubts=self.doubts,
        )

    def row(self, identifier: bytes, explicit: bool) -> None:
        """Note one study of the query for all studies that the tally left to us. It counts once, however often it comes."""
        try:
            uid, found = values(identifier, explicit, (*WITH_ALL, ISSUER))
        except WireError:
            self.spoiled += 1
            return
        self.listed(uid, found)

    def listed(self, uid: bytes, found: Sequence[Value]) -> None:
        """Note one study of a list of all studies, with the attributes that such lists give."""
        if not uid.strip(b"0.") or len(uid) > 64:
            self.spoiled += 1
            return
        if not (self.patients.ready() and self.seen.add(uid)):
            return
        self.taken += 1
        self._patient(found)
        self._draw(uid)
        self.look.take(found, INDEXED_KINDS)
        self.look.close(INDEXED_KINDS)
        self._hand_on()

    def drawn_by_lot(self) -> list[bytes]:
        """The studies to ask one by one: all studies of a small archive, some studies of a larger one.

        Their order is random too: if a budget ends early, the studies asked so far represent the others.
        """
        some = len(self.drawn) if self.records <= ASK_EACH_UP_TO else SAMPLE_STUDIES
        return self.lot.sample(self.drawn, min(some, len(self.drawn)))

    def went_on(self, failed: Doubt | None) -> bool:
        """Note the end of the questions about one study. False: so many failed in a row that the others would too."""
        if failed is None:
            self.deep += 1
            self.failures = 0
            self.look.close(BY_STUDY_KINDS)
        else:
            self.doubt(failed)
            self.failures += 1
            self.look.drop()
        return self.failures < FAILURES

    def doubt(self, *found: Doubt) -> None:
        """Note why the profile is incomplete. Only the first reason is kept, because later ones follow from it."""
        self.doubts = self.doubts or found

    def ended(self, stop: Outcome) -> None:
        """Note how the last connection ended."""
        if stop.ending is not OutcomeKind.COMPLETED:
            self.doubt(Doubt(DoubtCode.BROKE_OFF, stop=stop))

    def part(self, identifier: bytes, explicit: bool) -> None:
        """Note an answer about the one study that is being asked about."""
        try:
            self.look.take(values(identifier, explicit, (*BY_STUDY, *BY_SERIES))[1], BY_STUDY_KINDS)
        except WireError:
            self.spoiled += 1

    def study(self, uid: bytes, found: Sequence[Value], kinds: frozenset[Kind]) -> None:
        """Note one study that came with all attributes that were asked, as a product's API gives it."""
        if not (self.patients.ready() and self.seen.add(uid)):
            return
        self.taken += 1
        self._patient(found)
        self.deep += kinds >= BY_STUDY_KINDS
        self.look.take(found, kinds)
        self.look.close(kinds)

    def _hand_on(self) -> None:
        """Leave the next studies of a large archive to the tally, up to the next that is drawn by lot."""
        if self.records == MOST_INSPECTED:
            self.hurries = self.hurries and self.look.beside(self.tally, INDEXED_KINDS)
        if self.hurries and self.records >= MOST_INSPECTED:
            self.look.direct()
            self.tally.alone = max(self._lottery.next - self.records - 1, 0)

    def _patient(self, found: Sequence[Value]) -> None:
        """Count a patient by the id, together with its issuer if the archive gives one."""
        at = next((n for n, (tag, _) in enumerate(found) if tag == PATIENT_ID), None)
        identity = "" if at is None else found[at][1].strip(AROUND)
        if at is None or not identity:
            self.without_id += 1
            return
        tag, issuer = found[at + 1] if at + 1 < len(found) else (0, "")
        issuer = issuer.strip(AROUND) if tag == ISSUER else ""
        self.patients.add((f"{identity}\\{issuer}" if issuer else identity).encode("utf-8", "surrogatepass"))

    def _draw(self, uid: bytes) -> None:
        """Draw from all studies with equal chance. Only a value that looks like a UID is kept."""
        place = self._lottery.place(self.records, self.drawn)
        if place is not None and re.fullmatch(rb"[0-9.]+", uid):
            self.drawn[place : place + 1] = [uid]
