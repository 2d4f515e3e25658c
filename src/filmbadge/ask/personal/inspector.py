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

from filmbadge.ask.personal.charsets import readable
from filmbadge.catalogue.kinds import ISSUER, KIND, VR
from filmbadge.identifiers.checks import Pass, begins_with_a_date, lead, may_hold_ssn, passes
from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import Kind, KindTally, SchemeTally

MOST_INSPECTED = 5000  # Try this many ids for all schemes; go on with those that they may be of, to the end.
MOST_KNOWN = 50_000  # distinct ids of which a scheme is learned
ENOUGH = 100  # distinct values that look like somebody's: inspect no more than MOST_INSPECTED where so many are known
BIRTH_DATE = 0x00100030
Value = tuple[int, str]  # text that `charsets.readable` refuses is present, and in no declared character set

_REDACTED = re.compile(
    r"ANON|PSEUD|DE-?IDENT|REDACT|REMOVED|CONFIDENTIAL|HIDDEN|MASKED|(NO[ ^_]?NAME|UNKNOWN|NONE|N/?A|NULL|NIL)\b|X{3,}|\*+$|-+$|0+$"
)
_PHANTOM = re.compile(
    r"(.*[\W_])?(PHANTOM|FANTOM|TEST|QA|QC|DEMO|DUMMY|SAMPLES?|EXAMPLE|CALIBRATION|COMPRESSEDSAMPLES|ACR)([\W_\d]|$)"
    r"|DOE\^J|JOHN DOE|(LAST|FIRST)_?NAME|MUSTERMANN"
)
_HASH = re.compile(
    r"(?=[^A-F]*[A-F])[0-9A-F]{16,}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}|[0-2](\.[0-9]+){5,}", re.IGNORECASE
)
_NUMBERED = re.compile(r"([A-Z]{1,8}[-_ ^]{0,2})?[0-9]{1,8}\^*")  # a numbered subject in place of a name
_NO_DATES = frozenset(date(year, 1, 1) for year in (1, 1800, 1900, 1901, 1970, 2000)) | {date(1111, 11, 11)}
_LONGEST = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "CS": 16}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_FREE = frozenset(("ST", "LT"))  # VRs of one value, which may hold a backslash
_NAMES = frozenset((Kind.PATIENT_NAME, Kind.OTHER_NAMES))
_OWN = _NAMES | {Kind.PATIENT_ID, Kind.OTHER_IDS}
_TELLING = _OWN | {Kind.BIRTH_DATE}  # kinds in which people are looked for to the end
_IDS = (Kind.PATIENT_ID, Kind.OTHER_IDS)


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
    leads: set[bytes] = field(default_factory=set)
    firsts: set[bytes] = field(default_factory=set)
    looked: int = 0
    records_shaped: int = 0
    records: int = 0
    records_dashed: int = 0
    rare: int = 0

    def learn(self, one: Pass, dated: bool, lead: bytes, first: bytes) -> None:
        self.shaped += 1
        self.valid += one.valid
        self.written += one.written
        self.dashed += one.valid and one.written
        self.birth += one.birth is not None
        self.agree += one.birth is True
        self.astray += one.astray
        self.rare += one.rare
        self.dated += dated
        self.leads.add(lead)
        self.firsts.add(first)


class ValueInspector:
    """The values of one archive. `take` the values of one record, then `close` it with the kinds that were asked."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._kinds = {kind: _Tally() for kind in Kind}
        self._schemes: dict[tuple[Kind, str], _Scheme] = {}
        self._known: dict[tuple[Kind, bytes], tuple[Pass, ...]] = {}  # the schemes whose rules a distinct id passes
        self._issued: set[tuple[Kind, bytes]] = set()
        self._going_on: dict[Kind, frozenset[str]] = {}  # schemes that are counted in every record
        self._filled: set[Kind] = set()
        self._bad: set[Kind] = set()
        self._nine: set[Kind] = set()
        self._passed: dict[tuple[Kind, str], list[Pass]] = {}

    def __repr__(self) -> str:
        return "<Look>"

    def digest(self, value: bytes) -> bytes:
        """A digest by which values can be compared, in this archive and this run only."""
        return blake2b(value, digest_size=8, key=self._key).digest()

    def take(self, values: Sequence[Value], kinds: Collection[Kind]) -> None:
        """Inspect those values of the open record that belong to these kinds."""
        born = next((_day(text) for tag, text in values if tag == BIRTH_DATE and text), None)
        held: tuple[Kind, bytes] | None = None
        for tag, text in values:
            if tag == ISSUER:
                self._issuer(held, text)
                continue
            kind = KIND[tag]
            for one in (text,) if VR[tag] in _FREE else text.split("\\"):
                bare = one.strip(" \0\t\r\n")
                if not bare.strip("^= "):
                    continue
                held = kind, self._one(kind, VR[tag], bare, born, kind in kinds)

    def close(self, kinds: Iterable[Kind]) -> None:
        """Close the open record, which was asked for these kinds."""
        for kind in kinds:
            tally = self._kinds[kind]
            tally.asked += 1
            tally.filled += kind in self._filled
            tally.malformed += kind in self._bad
            tally.nine_digits += kind in self._nine
        for place, passed in self._passed.items():
            held = self._schemes[place]
            held.records_shaped += 1
            held.records += any(one.valid for one in passed)
            held.records_dashed += any(one.valid and one.written for one in passed)
        self.drop()

    def drop(self) -> None:
        """Forget the open record: not all that was asked of it came."""
        self._filled, self._bad, self._nine, self._passed = set(), set(), set(), {}

    def kinds(self) -> tuple[KindTally, ...]:
        return tuple(
            KindTally(
                kind=kind,
                asked=held.asked,
                filled=held.filled,
                malformed=held.malformed,
                looked=held.looked,
                distinct=len(held.seen),
                most=max(held.seen.values(), default=0),
                redacted=held.redacted,
                phantom=held.phantom,
                coded=held.coded,
                plain=held.plain,
                people=len(held.people),
                unread=held.unread,
                nine_digits=held.nine_digits,
            )
            for kind, held in self._kinds.items()
        )

    def schemes(self) -> tuple[SchemeTally, ...]:
        """The schemes whose rules at least one value passes."""
        return tuple(
            SchemeTally(
                scheme=name,
                kind=kind,
                values=max(len(self._kinds[kind].seen), held.shaped),
                shaped=held.shaped,
                valid=held.valid,
                written=held.written,
                dashed=held.dashed,
                birth=held.birth,
                agree=held.agree,
                astray=held.astray,
                issued=held.issued,
                issuer=held.issuer,
                dated=held.dated,
                leads=len(held.leads),
                firsts=len(held.firsts),
                looked=self._looked(kind, name),
                records_shaped=held.records_shaped,
                records=held.records,
                records_dashed=held.records_dashed,
                rare=held.rare,
            )
            for (kind, name), held in sorted(self._schemes.items())
            if held.valid
        )

    def _looked(self, kind: Kind, scheme: str) -> int:
        """Number of records that were inspected for this scheme."""
        asked = self._kinds[kind].asked
        return asked if asked <= MOST_INSPECTED or scheme in self._goes_on(kind) else MOST_INSPECTED

    def _one(self, kind: Kind, vr: str, text: str, born: date | None, counts: bool) -> bytes:
        """Inspect one value. Returns the digest by which it is compared."""
        tally = self._kinds[kind]
        digest = self.digest(text.encode("utf-8", "surrogatepass"))
        if not counts:
            return digest
        self._filled.add(kind)
        can_be_read = readable(text)
        if not can_be_read:
            tally.unread += 1
        if not (can_be_read and _well_formed(kind, vr, text)):
            self._bad.add(kind)
        if can_be_read and (tally.looked < MOST_INSPECTED or (kind in _TELLING and len(tally.people) <= ENOUGH)):
            self._appearance(kind, vr, text, digest)
        if kind in _IDS:
            self._national(kind, digest, text, born)
        return digest

    def _appearance(self, kind: Kind, vr: str, text: str, digest: bytes) -> None:
        """Count what a value is made like."""
        tally, upper = self._kinds[kind], text.upper()
        redacted = phantom = coded = False
        if vr == "DA":
            day = _day(text)
            redacted = day in _NO_DATES
            coded = kind is Kind.BIRTH_DATE and day is not None and (day.month, day.day) == (1, 1)
        else:
            redacted = _REDACTED.match(upper) is not None
            phantom = kind in _OWN and _PHANTOM.match(upper) is not None
            numbered = kind in _NAMES and _NUMBERED.fullmatch(upper) is not None
            coded = numbered or _HASH.fullmatch(text) is not None
        if tally.looked < MOST_INSPECTED:
            tally.seen[digest] += 1
        tally.looked += 1
        tally.redacted += redacted
        tally.phantom += phantom
        tally.coded += coded
        if not (redacted or phantom or coded):
            tally.plain += 1
            if len(tally.people) < MOST_INSPECTED:
                tally.people.add(digest)

    def _national(self, kind: Kind, digest: bytes, text: str, born: date | None) -> None:
        """Learn from a value that is new, and note for its record which schemes it fits."""
        tally, known = self._kinds[kind], self._known.get((kind, digest))
        tally.tried += 1
        if known is None:
            all_schemes = max(tally.asked, tally.tried - 1) < MOST_INSPECTED
            known = passes(text, born, None if all_schemes else self._goes_on(kind))
            late = any(one.scheme == US_SSN for one in known) and len(self._known) < MOST_KNOWN
            if all_schemes or late:  # the first values say what they may be of the other schemes
                self._learn(kind, digest, text, known)
        self._note(kind, known)
        ours = any(one.valid and one.scheme == US_SSN for one in known)
        if ours or (may_hold_ssn(text) and not _HASH.fullmatch(text)):
            self._nine.add(kind)

    def _learn(self, kind: Kind, digest: bytes, text: str, known: tuple[Pass, ...]) -> None:
        self._known[kind, digest] = known
        dated = bool(known) and begins_with_a_date(text)
        begins = [self.digest(lead(text)[:length].encode("utf-8", "surrogatepass")) for length in (3, 1)]
        for one in known:
            self._schemes.setdefault((kind, one.scheme), _Scheme()).learn(one, dated, *begins)

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

    def _note(self, kind: Kind, known: Iterable[Pass]) -> None:
        for one in known:
            self._passed.setdefault((kind, one.scheme), []).append(one)

    def _issuer(self, held: tuple[Kind, bytes] | None, issuer: str | None) -> None:
        """Note whether the issuer beside an id belongs to a scheme whose shape the id has."""
        if not issuer or held is None or held in self._issued:
            return
        words = set(re.split(r"[^A-Z]+", issuer.upper()))
        for one in self._known.get(held, ()):
            if words.intersection(schemes()[one.scheme].issuers):
                self._issued.add(held)
                scheme = self._schemes[held[0], one.scheme]
                scheme.issued += 1
                scheme.issuer += one.valid


def _day(text: str) -> date | None:
    """A date, PS3.5 6.2, DA. The older form of ACR-NEMA is read too."""
    digits = text.replace(".", "") if re.fullmatch(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}", text) else text
    if not re.fullmatch(r"[0-9]{8}", digits, re.ASCII):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _well_formed(kind: Kind, vr: str, text: str) -> bool:
    """Whether a value keeps the rules of its VR, PS3.5 6.2, as far as they are the same for every attribute."""
    if _CONTROL.search(text) or len(text) > _LONGEST.get(vr, 10240):
        return False
    if vr == "DA":
        return _day(text) is not None
    if kind is Kind.SEX:
        return text in ("M", "F", "O")
    if vr == "PN":
        groups = text.split("=")
        return len(groups) <= 3 and all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
    return True
