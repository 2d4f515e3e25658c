"""What a profile learned so far, over any protocol: how many records, which kinds, how many patients. No values."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import InitVar, dataclass, field

from filmbadge.ask.decoder import DistinctSet
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.inspector import BIRTH_DATE, Value, ValueInspector
from filmbadge.ask.personal.read import values
from filmbadge.catalogue import kinds
from filmbadge.catalogue.kinds import ISSUER, KIND, PATIENT_ID, Asked
from filmbadge.model import Doubt, DoubtCode, Kind, Outcome, OutcomeKind, Profile

ASK_EACH_UP_TO = 500  # an archive of up to so many studies is asked for all of them one by one,
SAMPLE_STUDIES = 100  # and a larger one for so many

WITH_ALL = kinds.asked(Asked.WITH_ALL)
# With what may tell of what scheme an id is.
BY_STUDY = (*kinds.asked(Asked.BY_STUDY), PATIENT_ID, ISSUER, BIRTH_DATE)
BY_SERIES = kinds.asked(Asked.BY_SERIES)
INDEXED_KINDS = frozenset(KIND[tag] for tag in WITH_ALL)
BY_STUDY_KINDS = frozenset(Kind) - INDEXED_KINDS


@dataclass(repr=False)
class ProfileProgress:
    """What was noticed so far; it outlives an association that breaks off. Of a value, nothing."""

    key: InitVar[RunKey]
    look: ValueInspector = field(default_factory=ValueInspector)
    records: int = 0
    deep: int = 0
    malformed: int = 0
    queries: int = 0
    complete: bool = False
    doubts: tuple[Doubt, ...] = ()
    drawn: list[bytes] = field(default_factory=list)  # Study Instance UIDs, for the questions about single studies
    seen: DistinctSet = field(init=False)  # studies
    patients: DistinctSet = field(init=False)
    without_id: int = 0  # studies that name no patient by an id
    lot: random.Random = field(default_factory=random.SystemRandom)

    def __post_init__(self, key: RunKey) -> None:
        self.seen, self.patients = DistinctSet(key), DistinctSet(key)

    def profile(self) -> Profile:
        """The facts."""
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
            doubts=self.doubts,
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
        if not self.seen.add(uid):
            return
        self.records += 1
        self._patient(found)
        self._draw(uid)
        self.look.take(found, INDEXED_KINDS)
        self.look.close(INDEXED_KINDS)

    def drawn_by_lot(self) -> list[bytes]:
        """The studies that are asked one by one: all of a small archive, some of a larger one.

        Their order is drawn too, so that those before a budget ends speak for the others.
        """
        some = len(self.drawn) if self.records <= ASK_EACH_UP_TO else SAMPLE_STUDIES
        return self.lot.sample(self.drawn, min(some, len(self.drawn)))

    def doubt(self, *found: Doubt) -> None:
        """Why it is not complete. The first reason holds: others follow from it."""
        self.doubts = self.doubts or found

    def ended(self, stop: Outcome) -> None:
        """How the last connection ended."""
        if stop.ending is not OutcomeKind.COMPLETED:
            self.doubt(Doubt(DoubtCode.BROKE_OFF, stop=stop))

    def part(self, identifier: bytes, explicit: bool) -> None:
        """Something about the one study that is asked about."""
        try:
            self.look.take(values(identifier, explicit, (*BY_STUDY, *BY_SERIES))[1], BY_STUDY_KINDS)
        except WireError:
            self.malformed += 1

    def study(self, uid: bytes, found: Sequence[Value], kinds: frozenset[Kind]) -> None:
        """One study that came with all that was asked of it, as a product's API gives it."""
        if not self.seen.add(uid):
            return
        self.records += 1
        self._patient(found)
        self.deep += kinds >= BY_STUDY_KINDS
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
        self.patients.add(whole.encode("utf-8", "surrogatepass"))

    def _draw(self, uid: bytes) -> None:
        """Each study that came is among those drawn with the same chance. Only what is made like a UID is held."""
        if not re.fullmatch(rb"[0-9.]+", uid):
            return
        if len(self.drawn) < ASK_EACH_UP_TO:
            self.drawn.append(uid)
        elif (at := self.lot.randrange(self.records)) < ASK_EACH_UP_TO:
            self.drawn[at] = uid
