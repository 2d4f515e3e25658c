"""The look at personal attributes in Python. `compiled.c` does the same, faster; a test compares the two.

A record comes in, numbers come out, and no value is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from filmbadge.ask.decoder import elements
from filmbadge.ask.decoder.places import Places
from filmbadge.ask.decoder.values import AROUND, appearance, is_hash, parts, well_formed
from filmbadge.ask.errors import WireError
from filmbadge.catalogue.kinds import CHARACTER_SET, ISSUER, PATIENT_ID
from filmbadge.identifiers.checks import bare_number, is_ssn, may_hold_ssn, valid
from filmbadge.identifiers.schemes import written_as
from filmbadge.model import Kind

if TYPE_CHECKING:
    from filmbadge.ask.decoder.pure import DistinctSet

Field = tuple[int, int, str]  # tag, place of its kind in `Kind` (-1: of none), VR
Rule = tuple[int, str, str, str, bytes]  # place of its kind, scheme, shape, how it is written, program for `compiled.c`
NO_KIND = -1
MOST_RULES = 64
_PADDING = b"\0 "
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


class PersonalTally:
    """Counts what the records of one archive fill, alone where it can judge a record exactly.

    Any other record goes to `aside`, before anything of it is counted: while `alone` is 0; with a value outside of ASCII;
    in an unusual order of attributes; with a sequence that is filled; with a value that `look` or `learn` send there. A
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
        # Of the character set nothing is needed but that it stands in order: the values in ASCII are the same in all.
        self._places = Places((elements.STUDY_UID, *(tag for tag, _, _ in fields), CHARACTER_SET))
        self._sequences = tuple(at for at, (_, _, vr) in enumerate(fields, 1) if vr == "SQ")
        self._id = next((at for at, (tag, _, _) in enumerate(fields) if tag == PATIENT_ID), None)
        self._issuer = next((at for at, (tag, _, _) in enumerate(fields) if tag == ISSUER), None)
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
        """Send a record aside whose id of this kind has nine digits and is not among these. None: none."""
        if known is None:
            self._known.pop(kind, None)
        else:
            self._known[kind] = known

    def rules(self, rules: Sequence[Rule]) -> None:
        """The schemes that are counted from now on, in place of those before. Raises ValueError for more than 64."""
        if len(rules) > MOST_RULES:
            raise ValueError("too many schemes")
        self._rules = [_Rule(kind, scheme, shape, written) for kind, scheme, shape, written, _ in rules]

    def kind(self, kind: int) -> tuple[int, ...]:
        """Of the records counted alone: filled, malformed, nine digits, looked, redacted, phantom, coded."""
        return tuple(self._counts[kind])

    def scheme(self, at: int) -> tuple[int, int, int]:
        """Records whose id has the shape of a rule, passes it, and passes it written with its separators."""
        rule = self._rules[at]
        return rule.shaped, rule.valid, rule.dashed

    def add(self, identifier: bytes, explicit: bool) -> None:
        """Takes one record of DIMSE and forgets it."""
        if self.alone > 0:
            ordered = True
            try:
                if (found := self._places.known(identifier, explicit)) is None:
                    found, ordered = self._places.find(identifier, explicit)
            except WireError:
                self.malformed += 1
                return
            uid, *values = [value.strip(_PADDING) for value in found[:-1]]
            simple = ordered and b"".join(values).isascii() and not any(found[at] for at in self._sequences)
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
        return self.alone > 0 and all(map(str.isascii, texts)) and self._take(uid.strip(_PADDING), texts)

    def _take(self, uid: bytes, texts: Sequence[str]) -> bool:
        """Counts one record, unless it must go aside."""
        if not uid.strip(b"0.") or len(uid) > 64:
            self.malformed += 1
            return True
        made: list[tuple[int, tuple[int, ...]]] = []
        passed: list[tuple[_Rule, bool, bool]] = []
        for (_, kind, vr), text in zip(self._fields, texts, strict=True):
            if not text:
                continue
            if vr == "SQ" or "\x1b" in text:
                return False
            if kind == NO_KIND:
                continue
            bits = self._bits(kind, vr, text, passed)
            if bits is None or (bits and self._modes[kind] and any(kind == other for other, _ in made)):
                return False
            if bits:
                made.append((kind, bits))
        if self._seen.add(uid):
            self.alone -= 1
            self.records += 1
            self._patient(texts)
            self._count(made, passed)
        return True

    def _bits(self, kind: int, vr: str, text: str, passed: list[tuple[_Rule, bool, bool]]) -> tuple[int, ...] | None:
        """Which counts of a kind one attribute raises. None: its record goes aside."""
        name, usual = _KINDS[kind], _USUAL.get(vr)
        if usual is not None and usual.fullmatch(text):
            values, malformed = [text], False
        else:
            values = parts(vr, text)
            malformed = any(not well_formed(name, vr, value) for value in values)
        if not values:
            return ()
        made = [FILLED, MALFORMED] if malformed else [FILLED]
        if name in _IDS:
            nine = [self._nine(kind, value, passed) for value in values]
            if None in nine:
                return None
            if any(nine):
                made.append(NINE)
        if mode := self._modes[kind]:
            looks = appearance(name, vr, values[0])
            if mode == ANY_ASIDE or len(values) > 1 or not any(looks):
                return None
            made += [LOOKED, *(place for place, so in zip((REDACTED, PHANTOM, CODED), looks, strict=True) if so)]
        return tuple(made)

    def _nine(self, kind: int, value: str, passed: list[tuple[_Rule, bool, bool]]) -> bool | None:
        """Whether a value may hold a US social security number, and which rules it passes. None: it goes aside."""
        upper = value.upper()
        number = bare_number(upper)
        known = self._known.get(kind)
        if known is not None and _NINE_DIGITS.fullmatch(number) and value.encode() not in known:
            return None
        for rule in self._rules:
            if rule.kind == kind and len(number) == rule.length and rule.shape(number):
                so = valid(rule.scheme, number)
                passed.append((rule, so, so and rule.written(upper) is not None))
        return is_ssn(number) or (may_hold_ssn(value) and not is_hash(value))

    def _patient(self, texts: Sequence[str]) -> None:
        identity = "" if self._id is None else texts[self._id].strip(AROUND)
        if not identity:
            self.without_id += 1
            return
        issuer = "" if self._issuer is None else texts[self._issuer].strip(AROUND)
        self._patients.add((f"{identity}\\{issuer}" if issuer else identity).encode())

    def _count(self, made: list[tuple[int, tuple[int, ...]]], passed: list[tuple[_Rule, bool, bool]]) -> None:
        """Counts a kind, and a scheme, once for each record."""
        once = dict(made)
        if len(once) < len(made):  # several attributes are of one kind
            once = {kind: tuple({bit for other, bits in made if other == kind for bit in bits}) for kind in once}
        for kind, bits in once.items():
            counts = self._counts[kind]
            for bit in bits:
                counts[bit] += 1
        for rule in {id(rule): rule for rule, _, _ in passed}.values():
            rule.shaped += 1
            rule.valid += any(so for other, so, _ in passed if other is rule)
            rule.dashed += any(so for other, _, so in passed if other is rule)


class _Rule:
    """One scheme that is counted in every record of a kind, and its records."""

    __slots__ = ("dashed", "kind", "length", "scheme", "shape", "shaped", "valid", "written")

    def __init__(self, kind: int, scheme: str, shape: str, written: str) -> None:
        self.kind, self.scheme, self.length = kind, scheme, len(shape)
        self.shape, self.written = written_as(shape).fullmatch, written_as(written or "!").fullmatch
        self.shaped = self.valid = self.dashed = 0
