"""Whether one value passes the rules of a scheme. One that does proves nothing: the archive's set decides, in `judge`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from string import ascii_uppercase
from typing import Any

from stdnum.exceptions import ValidationError
from stdnum.util import get_cc_module

from filmbadge.identifiers import rules
from filmbadge.identifiers.schemes import US_SSN, Scheme, schemes

_Match = Callable[[str], object]
_SEPARATORS = str.maketrans("", "", " -./()")
_NINE_DIGITS = re.compile(r"(?<![0-9])([0-9]{3})[-. /]?([0-9]{2})[-. /]?([0-9]{4})(?![0-9])", re.ASCII)
_BEGINNING = re.compile(r"[0-9]{6,8}", re.ASCII)
_NINE = re.compile(r"[0-9]{9}", re.ASCII)
_REFUSED = (ValidationError, ValueError, LookupError, TypeError, ArithmeticError)  # what a rule raises of a value


@dataclass(frozen=True, slots=True)
class Pass:
    """What one value is to one scheme whose shape it has. Holds no part of it."""

    scheme: str
    valid: bool = False
    written: bool = False  # with the scheme's separators
    birth: bool | None = None  # whether the birth date it says is the record's; None where one of them is missing
    rare: bool = False  # valid, and of a range that few people have a number of
    astray: bool = False  # not valid, and the record's birth date stands in it all the same


def passes(text: str, birth: date | None = None, among: Collection[str] | None = None) -> tuple[Pass, ...]:
    """The schemes that a value could be of, or those among these. Never raises on what an archive sends."""
    upper = text.upper()
    number = bare_number(upper)
    return tuple(
        _try(scheme, bool(dashed(upper)), number, birth if says_birth else None)
        for shaped, rows in _by_length().get(len(number), ())
        if shaped(number)
        for scheme, dashed, says_birth in rows
        if among is None or scheme in among
    )


def bare_number(upper: str) -> str:
    """A value in capitals without the separators of any scheme."""
    return upper.translate(_SEPARATORS)


def is_ssn(number: str) -> bool:
    """Whether a number without separators is nine digits that could be a US social security number."""
    return _NINE.fullmatch(number) is not None and valid(US_SSN, number)


def may_hold_ssn(text: str) -> bool:
    """Whether nine digits stand in a value, among other signs or not, that could be a US social security number."""
    return any(valid(US_SSN, "".join(digits.groups())) for digits in _NINE_DIGITS.finditer(text))


def begins_with_a_date(text: str) -> bool:
    """Whether a date stands before the other digits: of eight, or of six with the year first or last."""
    found = _BEGINNING.match(bare_number(text.upper()).lstrip(ascii_uppercase))
    if found is None:
        return False
    digits = found[0]
    forms = (
        (digits[:4], digits[4:6], digits[6:]),
        (digits[:2], digits[2:4], digits[4:6]),
        (digits[4:6], digits[2:4], digits[:2]),
    )
    return any(_is_date(*form) for form in forms)


def lead(text: str) -> str:
    return text.upper().translate(_SEPARATORS)[:3]


def _is_date(year: str, month: str, day: str) -> bool:
    """Whether these digits are a date after 1900; two digits of the year are of 1969 to 2068, as POSIX has it."""
    if not day:
        return False
    full = int(year) if len(year) == 4 else 1900 + int(year) + 100 * (int(year) < 69)
    if not 1900 <= full < 2100:
        return False
    try:
        date(full, int(month), int(day))
    except ValueError:
        return False
    return True


def _try(scheme: str, written: bool, number: str, born: date | None) -> Pass:
    if not valid(scheme, number):
        return _alike(scheme, False, written, None, False, born is not None and _holds(number, born))
    said = birth_date(scheme, number) if born else None
    agrees = None if said is None or born is None else _short(said) == _short(born)
    return _alike(scheme, True, written, agrees, is_rare(scheme, number), False)


@lru_cache(maxsize=4096)
def _alike(scheme: str, valid: bool, written: bool, birth: bool | None, rare: bool, astray: bool) -> Pass:
    """One object for all values that are alike: an inspector keeps these of thousands of ids."""
    return Pass(scheme, valid, written, birth, rare, astray)


def is_rare(scheme: str, number: str) -> bool:
    """Whether a valid number is of a range that few people have a number of."""
    return scheme in rules.RARE and rules.RARE[scheme](number)


def _holds(number: str, born: date) -> bool:
    return any(f"{born:{form}}" in number for form in ("%y%m%d", "%d%m%y"))


def valid(scheme: str, number: str) -> bool:
    """Whether a number without separators, of the scheme's shape, passes its rules."""
    rule = rules.VALID.get(scheme) or _module(scheme).is_valid
    try:
        return bool(rule(number))
    except _REFUSED:
        return False


def birth_date(scheme: str, number: str) -> date | None:
    """The birth date that a valid number says, or None where it says none."""
    rule = rules.BIRTH.get(scheme) or _module(scheme).get_birth_date
    try:
        said = rule(number)
    except _REFUSED:
        return None
    return said if isinstance(said, date) else None


@cache
def _module(scheme: str) -> Any:
    """Python-stdnum's. It has a module for each scheme, and they are imported when a value has their shape."""
    country, _, name = scheme.partition(".")
    return get_cc_module(country, schemes()[scheme].module or name)


def _short(day: date) -> tuple[int, int, int]:
    """Many schemes say two digits of the year."""
    return day.year % 100, day.month, day.day


@cache
def _by_length() -> dict[int, tuple[tuple[_Match, tuple[tuple[str, _Match, bool], ...]], ...]]:
    """By the length of a number: for each shape its test, and its schemes with the test of their separators."""
    shapes: dict[str, list[Scheme]] = {}
    for scheme in schemes().values():
        shapes.setdefault(scheme.shape, []).append(scheme)
    return {
        length: tuple(
            (rows[0].pattern.fullmatch, tuple((row.id, row.dashed.fullmatch, row.birth is not None) for row in rows))
            for shape, rows in shapes.items()
            if len(shape) == length
        )
        for length in map(len, shapes)
    }
