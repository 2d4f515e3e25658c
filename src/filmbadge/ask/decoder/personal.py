"""The look at personal attributes in Python. `personal.c` does the same, faster; a test compares the two.

A record comes in, numbers come out, and no value is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from filmbadge.ask.decoder import element, elements
from filmbadge.ask.decoder.element import Element
from filmbadge.ask.decoder.places import Places
from filmbadge.ask.decoder.values import AROUND, YEARS, appearance, is_hash, parts, well_formed, year_place
from filmbadge.ask.errors import WireError
from filmbadge.catalogue.kinds import CHARACTER_SET, ISSUER, PATIENT_ID, STUDY_DATE
from filmbadge.identifiers.checks import bare_number, begins_with_a_date, is_rare, is_ssn, may_hold_ssn, valid
from filmbadge.identifiers.schemes import written_as
from filmbadge.model import Kind

if TYPE_CHECKING:
    from filmbadge.ask.decoder.pure import DistinctSet

Field = tuple[int, int, str]  # tag, place of its kind in `Kind` (-1: of none), VR
# Place of its kind, scheme, shape, how it is written, program for `programs.c`; the first three signs, and the first one, of
# the distinct ids that were learned.
Rule = tuple[int, str, str, str, bytes, "DistinctSet", "DistinctSet"]
NO_KIND = -1
MOST_RULES = 64
_PADDING, _ESCAPE = b"\0 ", b"\x1b"
_KINDS = tuple(Kind)
_IDS = frozenset((Kind.PATIENT_ID, Kind.OTHER_IDS))
_NINE_DIGITS = re.compile(r"[0-9]{9}")

# Most values of a VR are written so: one well-formed value with nothing around it, that says something.
_SIGN = r"[!-<>-\[\]_-~]"  # that is no space, and has no meaning in any VR
_USUAL = {
    "LO": re.compile(rf"{_SIGN}(?:[ =^!-\[\]-~]{{0,62}}{_SIGN})?"),
    "PN": re.compile(rf"(?=.{{1,64}}\Z){_SIGN}[ !-<>-\[\]_-~]*(?:\^[ !-<>-\[\]_-~]*){{0,4}}(?<! )"),
    "DA": re.compile(r"(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|1[0-9]|2[0-8])"),
    "CS": re.compile(r"[MFO]"),
}

FILLED, MALFORMED, NINE, LOOKED, REDACTED, PHANTOM, CODED = range(7)  # places in what `kind` returns
NOT_LOOKED_AT, ANY_ASIDE, PLAIN_ASIDE = range(3)  # modes of `look`
_ONLY_FILLED = (FILLED,)


class PersonalTally:
    """Counts what the records of one archive fill, alone where it can judge a record exactly.

    Any other record goes to `aside`, before anything of it is counted: while `alone` is 0; with a value outside of ASCII;
    in an unusual order of attributes; with a sequence that is filled; with a value that `look` sends there. A
    study counts once, by its UID in `seen`.
    """

    def __init__(
        self,
        seen: DistinctSet,
        patients: DistinctSet,
        fields: Sequence[Field],
        aside: Callable[[bytes, bool], None],
    ) -> None:
        self.alone = 0  # how many further records it may count alone
        self.records = 0  # studies that were counted alone
        self.malformed = 0  # rows that name no study, or break the encoding
        self.without_id = 0
        self._seen, self._patients, self._aside = seen, patients, aside
        self._fields = tuple(fields)
        self._kept = [
            (kind, vr, None if kind == NO_KIND or _KINDS[kind] in _IDS or vr not in _USUAL else _USUAL[vr].fullmatch)
            for _, kind, vr in fields
        ]
        # Of the character set nothing is needed but that it stands in order: the values in ASCII are the same in all.
        self._places = Places((elements.STUDY_UID, *(tag for tag, _, _ in fields), CHARACTER_SET))
        self._sequences = tuple(at for at, (_, _, vr) in enumerate(fields, 1) if vr == "SQ")
        self._id = next((at for at, (tag, _, _) in enumerate(fields) if tag == PATIENT_ID), None)
        self._issuer = next((at for at, (tag, _, _) in enumerate(fields) if tag == ISSUER), None)
        self._date = next((at for at, (tag, _, _) in enumerate(fields) if tag == STUDY_DATE), None)
        self._years = [0] * (YEARS + 1)
        self._modes = [NOT_LOOKED_AT] * len(Kind)
        self._counts = [[0] * 7 for _ in Kind]
        self._known: dict[int, DistinctSet] = {}
        self._rules: list[_Rule] = []

    def __repr__(self) -> str:
        return "<PersonalTally>"

    def look(self, kind: int, mode: int) -> None:
        """How values of a kind are looked at.

        NOT_LOOKED_AT: whether they are filled and well formed. ANY_ASIDE: their record goes aside. PLAIN_ASIDE: it goes
        aside if one may be somebody's own; what others are made like is counted.
        """
        self._modes[kind] = mode

    def learn(self, kind: int, known: DistinctSet | None) -> None:
        """Learn from ids of nine digits, which may be US social security numbers, that are not among these. None: from none."""
        if known is None:
            self._known.pop(kind, None)
        else:
            self._known[kind] = known

    def rules(self, rules: Sequence[Rule]) -> None:
        """The schemes that are counted from now on, in place of those before. Raises ValueError for more than 64."""
        if len(rules) > MOST_RULES:
            raise ValueError("too many schemes")
        self._rules = [_Rule(kind, scheme, shape, written, *sets) for kind, scheme, shape, written, _, *sets in rules]

    def kind(self, kind: int) -> tuple[int, ...]:
        """Of the records counted alone: filled, malformed, nine digits, looked, redacted, phantom, coded."""
        return tuple(self._counts[kind])

    def years(self) -> tuple[int, ...]:
        """Of the records counted alone: without a year of exam, of 1895, of 1896, and so on."""
        return tuple(self._years)

    def scheme(self, at: int) -> tuple[int, int, int]:
        """Records whose id has the shape of a rule, passes it, and passes it written with its separators."""
        rule = self._rules[at]
        return rule.shaped, rule.valid, rule.dashed

    def learned(self, at: int) -> tuple[int, ...]:
        """Distinct ids that have the shape of a rule: all, valid, written with its separators, both, rare, dated."""
        return tuple(self._rules[at].learned)

    def add(self, identifier: bytes, explicit: bool) -> None:
        """Takes one record of DIMSE and forgets it."""
        if self.alone > 0:
            try:
                found, ordered = self._places.find(identifier, explicit)
            except WireError:
                self.malformed += 1
                return
            uid, *values = [value.strip(_PADDING) for value in found[:-1]]
            joined = b"".join(values)
            simple = ordered and joined.isascii() and _ESCAPE not in joined
            simple = simple and not any(found[at] for at in self._sequences)
            if simple and self._take(uid, [str(value, "ascii") for value in values]):
                return
        self._aside(identifier, explicit)

    __call__ = add

    def texts(self, uid: bytes, values: Sequence[str | None]) -> bool:
        """Takes one record of JSON, with its values in the order of the fields; several of one attribute come joined by
        a backslash. Returns False, and has counted nothing, if the record must go aside. Raises ValueError for another
        number of values.
        """
        if len(values) != len(self._fields):
            raise ValueError("as many values as fields")
        texts = [value or "" for value in values]
        joined = "".join(texts)
        simple = joined.isascii() and "\x1b" not in joined and not any(texts[at - 1] for at in self._sequences)
        return self.alone > 0 and simple and self._take(uid.strip(_PADDING), texts)

    def json(self, uid: Element, values: Sequence[Element], /) -> bool:
        """As `texts`, by elements of the DICOM JSON model, PS3.18 F.2. What is not plain goes aside."""
        texts = [element.string(uid), *map(element.value, values)]
        named, *others = texts
        return named is not None and None not in others and self.texts(named.encode(), others)

    def _take(self, uid: bytes, texts: Sequence[str]) -> bool:
        """Counts one record, unless it must go aside."""
        if not uid.strip(b"0.") or len(uid) > 64:
            self.malformed += 1
            return True
        record, modes = _Record(), self._modes
        for (kind, vr, usual), text in zip(self._kept, texts, strict=True):
            if not text or kind == NO_KIND:
                continue
            if usual is not None and not modes[kind] and kind not in record.bits and usual(text):
                record.bits[kind] = _ONLY_FILLED
            elif not self._look_at(record, kind, vr, text):
                return False
        if self._patients.ready() and self._seen.add(uid):
            self.alone -= 1
            self.records += 1
            self._years[self._year(texts)] += 1
            self._patient(texts)
            self._count(record)
        return True

    def _look_at(self, record: _Record, kind: int, vr: str, text: str) -> bool:
        """Looks at one attribute. Returns False if its record must go aside."""
        name, values = _KINDS[kind], parts(vr, text)
        malformed = any(not well_formed(name, vr, value) for value in values)
        if not values:
            return True
        bits = [FILLED, MALFORMED] if malformed else [FILLED]
        if name in _IDS:
            nine = [self._nine(record, kind, value) for value in values]
            if record.nines > 1:
                return False
            if any(nine):
                bits.append(NINE)
        if mode := self._modes[kind]:
            looks = appearance(name, vr, values[0])
            if mode == ANY_ASIDE or len(values) > 1 or kind in record.bits or not any(looks):
                return False
            bits += [LOOKED, *(place for place, so in zip((REDACTED, PHANTOM, CODED), looks, strict=True) if so)]
        record.bits[kind] = {*record.bits[kind], *bits} if kind in record.bits else bits
        return True

    def _nine(self, record: _Record, kind: int, value: str) -> bool:
        """Notes which rules an id passes. Returns whether it may hold a US social security number."""
        upper = value.upper()
        number = bare_number(upper)
        passed = [
            (rule, valid(rule.scheme, number), rule.written(upper) is not None)
            for rule in self._rules
            if rule.kind == kind and len(number) == rule.length and rule.shape(number)
        ]
        record.passed += passed
        if _NINE_DIGITS.fullmatch(number) and kind in self._known:
            record.nines += 1
            record.new = kind, value, number, passed
        return is_ssn(number) or (may_hold_ssn(value) and not is_hash(value))

    def _year(self, texts: Sequence[str]) -> int:
        """The place of the year of exam. Of several dates, none is known to be the one."""
        dates = [] if self._date is None else parts("DA", texts[self._date])
        return year_place(dates[0]) if len(dates) == 1 else 0

    def _patient(self, texts: Sequence[str]) -> None:
        identity = "" if self._id is None else texts[self._id].strip(AROUND)
        if not identity:
            self.without_id += 1
            return
        issuer = "" if self._issuer is None else texts[self._issuer].strip(AROUND)
        self._patients.add((f"{identity}\\{issuer}" if issuer else identity).encode())

    def _count(self, record: _Record) -> None:
        """Counts a kind, and a scheme, once for each record."""
        for kind, bits in record.bits.items():
            counts = self._counts[kind]
            for bit in bits:
                counts[bit] += 1
        best: dict[_Rule, int] = {}
        for rule, so, written in record.passed:
            best[rule] = max(best.get(rule, 0), so + (so and written))
        for rule, passed in best.items():
            rule.shaped += 1
            rule.valid += passed > 0
            rule.dashed += passed > 1
        if record.new is not None:
            kind, value, number, fits = record.new
            if self._known[kind].add(value.encode()):
                dated = begins_with_a_date(number)
                for rule, so, written in fits:
                    rule.learn(number, so, written, dated)


_Passed = list[tuple["_Rule", bool, bool]]  # which of them an id has the shape of; whether it is valid; and written so


class _Record:
    """What is counted of one record, once it is known that it does not go aside."""

    __slots__ = ("bits", "new", "nines", "passed")

    def __init__(self) -> None:
        self.bits: dict[int, Collection[int]] = {}
        self.passed: _Passed = []
        self.nines = 0
        self.new: tuple[int, str, str, _Passed] | None = None  # the id of nine digits that may be learned


class _Rule:
    """One scheme that is counted in every record of a kind, and its records."""

    __slots__ = (
        "dashed",
        "firsts",
        "kind",
        "leads",
        "learned",
        "length",
        "scheme",
        "shape",
        "shaped",
        "valid",
        "written",
    )

    def __init__(
        self, kind: int, scheme: str, shape: str, written: str, leads: DistinctSet, firsts: DistinctSet
    ) -> None:
        self.kind, self.scheme, self.length = kind, scheme, len(shape)
        self.shape, self.written = written_as(shape).fullmatch, written_as(written or "!").fullmatch
        self.leads, self.firsts = leads, firsts
        self.shaped = self.valid = self.dashed = 0
        self.learned = [0] * 6

    def learn(self, number: str, valid: bool, written: bool, dated: bool) -> None:
        rare = valid and is_rare(self.scheme, number)
        for at, so in enumerate((True, valid, written, valid and written, rare, dated)):
            self.learned[at] += so
        self.leads.add(number[:3].encode())
        self.firsts.add(number[:1].encode())
