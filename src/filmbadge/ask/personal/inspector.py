"""Inspects values and counts how they look. No field here can give a value back.

Values come as text under the tag of their attribute, so DIMSE and JSON share this module. Equality of values is tested
through BLAKE2 with a key of this one archive, in memory.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b

from filmbadge.ask.decoder import DistinctSet, PersonalTally
from filmbadge.ask.decoder.personal import (
    ANY_ASIDE,
    CODED,
    FILLED,
    LOOKED,
    MALFORMED,
    MOST_RULES,
    NINE,
    NOT_LOOKED_AT,
    PHANTOM,
    PLAIN_ASIDE,
    REDACTED,
    Rule,
)
from filmbadge.ask.decoder.values import (
    AROUND,
    FIRST_YEAR,
    YEARS,
    appearance,
    day,
    is_hash,
    parts,
    well_formed,
    year_place,
)
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import Share
from filmbadge.ask.personal.charsets import readable
from filmbadge.catalogue.kinds import ISSUER, KIND, STUDY_DATE, VR
from filmbadge.identifiers.checks import Pass, begins_with_a_date, lead, may_hold_ssn, passes
from filmbadge.identifiers.programs import program
from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import Kind, KindTally, SchemeTally, YearTally

MOST_INSPECTED = 5000  # Try this many ids for all schemes; go on with those that they may be of, to the end.
ENOUGH = 100  # distinct values that look like somebody's: inspect no more than MOST_INSPECTED where so many are known
BIRTH_DATE = 0x00100030
Value = tuple[int, str]  # text that `charsets.readable` refuses is present, and in no declared character set

# Kinds in which people are looked for to the end.
_TELLING = frozenset((Kind.PATIENT_NAME, Kind.OTHER_NAMES, Kind.PATIENT_ID, Kind.OTHER_IDS, Kind.BIRTH_DATE))
_IDS = (Kind.PATIENT_ID, Kind.OTHER_IDS)
_NOTHING_LEARNED: tuple[int, ...] = (0,) * 6
_PLACE = {kind: place for place, kind in enumerate(Kind)}
_Id = tuple[Kind, bytes, tuple[Pass, ...]]  # of a value: its digest, and the schemes that it fits


@dataclass(slots=True, repr=False)
class _Tally:
    asked: int = 0
    filled: int = 0
    malformed: int = 0
    looked: int = 0
    redacted: int = 0
    phantom: int = 0
    coded: int = 0
    plain: int = 0
    unread: int = 0
    nine_digits: int = 0
    tried: int = 0  # values that were tried for schemes
    seen: Counter[bytes] = field(default_factory=Counter)
    people: set[bytes] = field(default_factory=set)


@dataclass(slots=True, repr=False)
class _Scheme:
    leads: DistinctSet  # the first three signs of the distinct ids that have its shape
    firsts: DistinctSet  # the first sign
    shaped: int = 0
    valid: int = 0
    written: int = 0
    dashed: int = 0
    birth: int = 0
    agree: int = 0
    astray: int = 0
    issued: int = 0
    issuer: int = 0
    dated: int = 0
    records_shaped: int = 0
    records: int = 0
    records_dashed: int = 0
    rare: int = 0

    def learn(self, one: Pass, dated: bool, begins: bytes) -> None:
        self.shaped += 1
        self.valid += one.valid
        self.written += one.written
        self.dashed += one.valid and one.written
        self.birth += one.birth is not None
        self.agree += one.birth is True
        self.astray += one.astray
        self.rare += one.rare
        self.dated += dated
        self.leads.add(begins)
        self.firsts.add(begins[:1])


class ValueInspector:
    """The values of one archive. `take` the values of one record, then `close` it with the kinds that were asked."""

    def __init__(self, memory: Share | None = None) -> None:
        self._key = secrets.token_bytes(16)
        self._kinds = {kind: _Tally() for kind in Kind}
        self._schemes: dict[tuple[Kind, str], _Scheme] = {}
        self._known: dict[tuple[Kind, bytes], tuple[Pass, ...]] = {}  # the schemes that one of the first ids fits
        self._run = RunKey(memory=memory)  # of what is counted beside; compared with nothing else
        self._learned = {kind: DistinctSet(self._run) for kind in _IDS}  # distinct ids of which schemes are learned
        self._beside: PersonalTally | None = None  # counts records of a large archive
        self._kinds_beside: tuple[Kind, ...] = ()
        self._rules_beside: tuple[tuple[Kind, str], ...] = ()
        self._issued = {kind: DistinctSet(self._run) for kind in _IDS}  # distinct ids whose issuer was noted
        self._going_on: dict[Kind, frozenset[str]] = {}  # schemes that are counted in every record
        self._years = [0] * (YEARS + 1)  # records without a year of exam, of FIRST_YEAR, of the next, and so on
        self._dates: list[int] = []  # places in these, of the open record
        self._filled: set[Kind] = set()
        self._bad: set[Kind] = set()
        self._nine: set[Kind] = set()
        self._passed: dict[tuple[Kind, str], list[Pass]] = {}

    def __repr__(self) -> str:
        return "<Look>"

    @property
    def partly(self) -> bool:
        """Whether there was no room for all ids that were to be told apart."""
        held = [*self._learned.values(), *self._issued.values()]
        held += [one for scheme in self._schemes.values() for one in (scheme.leads, scheme.firsts)]
        return any(one.full or one.sampled for one in held)

    def digest(self, text: str) -> bytes:
        """A digest by which values can be compared, in this archive and this run only."""
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key).digest()

    def take(self, values: Sequence[Value], kinds: Collection[Kind]) -> None:
        """Inspect those values of the open record that belong to these kinds."""
        born = next((day(text) for tag, text in values if tag == BIRTH_DATE and text), None)
        held: _Id | None = None
        for tag, text in values:
            if tag == ISSUER:
                self._issuer(held, text.strip(AROUND))
                continue
            kind = KIND[tag]
            for value in parts(VR[tag], text):
                if tag == STUDY_DATE:
                    self._dates.append(year_place(value))
                held = self._one(kind, VR[tag], value, born, kind in kinds)

    def close(self, kinds: Iterable[Kind]) -> None:
        """Close the open record, which was asked for these kinds."""
        for kind in kinds:
            tally = self._kinds[kind]
            tally.asked += 1
            tally.filled += kind in self._filled
            tally.malformed += kind in self._bad
            tally.nine_digits += kind in self._nine
            if kind is Kind.EXAM_DATE:  # of several dates in one record, none is known to be the one
                self._years[self._dates[0] if len(self._dates) == 1 else 0] += 1
        for place, passed in self._passed.items():
            held = self._scheme(*place)
            held.records_shaped += 1
            held.records += any(one.valid for one in passed)
            held.records_dashed += any(one.valid and one.written for one in passed)
        self.drop()

    def drop(self) -> None:
        """Forget the open record: not all that was asked of it came."""
        self._filled, self._bad, self._nine, self._passed, self._dates = set(), set(), set(), {}, []

    def beside(self, tally: PersonalTally, kinds: Collection[Kind]) -> bool:
        """Let a tally count the records of a large archive, which it was not shown yet: what it counts is added here.

        Returns False if these are more schemes than it can count, or if issuers decide, which it does not read.
        """
        rules = [(kind, scheme) for kind in _IDS if kind in kinds for scheme in sorted(self._goes_on(kind))]
        if len(rules) > MOST_RULES or any(self._all_issued(kind) for kind in _IDS):
            return False
        self._beside, self._kinds_beside, self._rules_beside = tally, tuple(kinds), tuple(rules)
        tally.rules([self._rule(kind, scheme) for kind, scheme in rules])
        for kind in self._learned:
            tally.learn(_PLACE[kind], self._learned[kind])
        return True

    def direct(self) -> None:
        """Tell the tally beside which values are still to be looked at here."""
        tally = self._beside
        if tally is None:
            return
        for kind in self._kinds_beside:
            tally.look(_PLACE[kind], self._mode(kind))

    def _mode(self, kind: Kind) -> int:
        """Which values of a kind are looked at for what they are made like."""
        held = self._kinds[kind]
        if held.looked < MOST_INSPECTED:
            return ANY_ASIDE
        return PLAIN_ASIDE if kind in _TELLING and len(held.people) <= ENOUGH else NOT_LOOKED_AT

    def kinds(self) -> tuple[KindTally, ...]:
        return tuple(self._kind_tally(kind) for kind in Kind)

    def _kind_tally(self, kind: Kind) -> KindTally:
        held, asked = self._kinds[kind], 0
        also: tuple[int, ...] = (0,) * 7
        if self._beside is not None and kind in self._kinds_beside:
            asked, also = self._beside.records, self._beside.kind(_PLACE[kind])
        return KindTally(
            kind=kind,
            asked=held.asked + asked,
            filled=held.filled + also[FILLED],
            malformed=held.malformed + also[MALFORMED],
            looked=held.looked + also[LOOKED],
            distinct=len(held.seen),
            most=max(held.seen.values(), default=0),
            redacted=held.redacted + also[REDACTED],
            phantom=held.phantom + also[PHANTOM],
            coded=held.coded + also[CODED],
            plain=held.plain,
            people=len(held.people),
            unread=held.unread,
            nine_digits=held.nine_digits + also[NINE],
        )

    def years(self, last: int) -> tuple[YearTally, ...]:
        """Records by the year of their exam: by ascending year up to `last`, and then those of which no such year is known."""
        beside = self._beside is not None and Kind.EXAM_DATE in self._kinds_beside
        also = self._beside.years() if self._beside is not None and beside else (0,) * (YEARS + 1)
        without, *each = map(sum, zip(self._years, also, strict=True))
        until = max(last - FIRST_YEAR + 1, 0)
        without += sum(each[until:])
        found = [YearTally(year, n) for year, n in enumerate(each[:until], FIRST_YEAR) if n]
        return (*found, YearTally(None, without)) if without else tuple(found)

    def schemes(self) -> tuple[SchemeTally, ...]:
        """The schemes whose rules at least one value passes."""
        every = (self._scheme_tally(*place) for place in sorted(self._schemes))
        return tuple(tally for tally in every if tally.valid)

    def _scheme_tally(self, kind: Kind, name: str) -> SchemeTally:
        held = self._schemes[kind, name]
        records, learned = (0, 0, 0), _NOTHING_LEARNED
        if self._beside is not None and (kind, name) in self._rules_beside:
            at = self._rules_beside.index((kind, name))
            records, learned = self._beside.scheme(at), self._beside.learned(at)
        shaped, valid, written, dashed, rare, dated = learned
        return SchemeTally(
            scheme=name,
            kind=kind,
            values=max(len(self._kinds[kind].seen), held.shaped + shaped),
            shaped=held.shaped + shaped,
            valid=held.valid + valid,
            written=held.written + written,
            dashed=held.dashed + dashed,
            birth=held.birth,
            agree=held.agree,
            astray=held.astray,
            issued=held.issued,
            issuer=held.issuer,
            dated=held.dated + dated,
            leads=len(held.leads),
            firsts=len(held.firsts),
            looked=self._looked(kind, name),
            records_shaped=held.records_shaped + records[0],
            records=held.records + records[1],
            records_dashed=held.records_dashed + records[2],
            rare=held.rare + rare,
        )

    def _looked(self, kind: Kind, scheme: str) -> int:
        """Number of records that were inspected for this scheme."""
        asked = self._kinds[kind].asked
        if self._beside is not None and kind in self._kinds_beside:
            asked += self._beside.records
        return asked if asked <= MOST_INSPECTED or scheme in self._goes_on(kind) else MOST_INSPECTED

    def _one(self, kind: Kind, vr: str, text: str, born: date | None, counts: bool) -> _Id | None:
        """Inspect one value. Returns an id whose issuer, if it stands beside it, is still to be looked at."""
        tally = self._kinds[kind]
        if not counts:
            return self._asked_again(kind, text) if kind in _IDS else None
        self._filled.add(kind)
        can_be_read = readable(text)
        if not can_be_read:
            tally.unread += 1
        if not (can_be_read and well_formed(kind, vr, text)):
            self._bad.add(kind)
        if can_be_read and self._mode(kind) != NOT_LOOKED_AT:
            self._appearance(kind, vr, text)
        return self._national(kind, text, born) if kind in _IDS else None

    def _asked_again(self, kind: Kind, text: str) -> _Id:
        """An id that comes once more with the attributes of one study."""
        digest = self.digest(text)
        known = self._known.get((kind, digest))
        return kind, digest, passes(text, None, self._goes_on(kind)) if known is None else known

    def _appearance(self, kind: Kind, vr: str, text: str) -> None:
        """Count what a value is made like."""
        tally, looks = self._kinds[kind], appearance(kind, vr, text)
        digest = self.digest(text)
        if tally.looked < MOST_INSPECTED:
            tally.seen[digest] += 1
        tally.looked += 1
        tally.redacted += looks.redacted
        tally.phantom += looks.phantom
        tally.coded += looks.coded
        if not any(looks):
            tally.plain += 1
            if len(tally.people) < MOST_INSPECTED:
                tally.people.add(digest)

    def _national(self, kind: Kind, text: str, born: date | None) -> _Id | None:
        """Learn from a value that is new, and note for its record which schemes it fits.

        The first values say what they may be of all schemes. Later ones are tried for the schemes that go on, and only
        those of nine digits say more of them.
        """
        tally, digest, all_issued = self._kinds[kind], self.digest(text), self._all_issued(kind)
        tally.tried += 1
        first = max(tally.asked, tally.tried - 1) < MOST_INSPECTED
        known = self._known.get((kind, digest))
        if known is None:
            known = passes(text, born, None if first else self._goes_on(kind))
        elif not first:
            known = tuple(one for one in known if one.scheme in self._goes_on(kind))
        learns = first or any(one.scheme == US_SSN for one in known)
        if learns and self._learned[kind].add(text.encode("utf-8", "surrogatepass")):
            self._learn(kind, text, known)
            if first:
                self._known[kind, digest] = known
        for one in known:
            self._passed.setdefault((kind, one.scheme), []).append(one)
        ours = any(one.valid and one.scheme == US_SSN for one in known)
        if ours or (may_hold_ssn(text) and not is_hash(text)):
            self._nine.add(kind)
        return (kind, digest, known) if first or (learns and all_issued) else None

    def _all_issued(self, kind: Kind) -> bool:
        """Whether an issuer stands beside every id so far that may be a US social security number.

        Then they are counted exactly, and the issuers of later ones must be read too.
        """
        held = self._schemes.get((kind, US_SSN))
        return held is not None and held.issuer == held.valid > 0

    def _learn(self, kind: Kind, text: str, known: tuple[Pass, ...]) -> None:
        dated = bool(known) and begins_with_a_date(text)
        begins = lead(text).encode("utf-8", "surrogatepass")
        for one in known:
            self._scheme(kind, one.scheme).learn(one, dated, begins)

    def _scheme(self, kind: Kind, name: str) -> _Scheme:
        if (kind, name) not in self._schemes:
            self._schemes[kind, name] = _Scheme(DistinctSet(self._run), DistinctSet(self._run))
        return self._schemes[kind, name]

    def _rule(self, kind: Kind, name: str) -> Rule:
        """A scheme that goes on, as the tally beside takes it."""
        row, held = schemes()[name], self._scheme(kind, name)
        return _PLACE[kind], name, row.shape, row.written, program(name) or b"", held.leads, held.firsts

    def _goes_on(self, kind: Kind) -> frozenset[str]:
        """The schemes for which each further id of a large archive is tried: those that many earlier ids fit."""
        if kind not in self._going_on:
            likely = {
                name
                for (where, name), held in self._schemes.items()
                if where is kind
                and (held.valid > held.shaped * min(schemes()[name].rates.worst, 0.5) or held.dashed > held.valid / 2)
            }
            self._going_on[kind] = frozenset(likely | {US_SSN})
        return self._going_on[kind]

    def _issuer(self, held: _Id | None, issuer: str) -> None:
        """Note whether the issuer beside an id belongs to a scheme whose shape the id has."""
        if not issuer or held is None:
            return
        words = set(re.split(r"[^A-Z]+", issuer.upper()))
        kind, digest, known = held
        theirs = [
            (one, self._schemes[kind, one.scheme])
            for one in known
            if words.intersection(schemes()[one.scheme].issuers) and (kind, one.scheme) in self._schemes
        ]
        if theirs and self._issued[kind].add(digest):
            for one, scheme in theirs:
                scheme.issued += 1
                scheme.issuer += one.valid
