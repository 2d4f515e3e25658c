"""What one value of an attribute is: well formed, and made like what. A value comes in as text, and none is kept.

`values.c` does the same for values in ASCII; a test compares the two.
"""

from __future__ import annotations

import re
from datetime import date
from typing import NamedTuple

from filmbadge.model import Kind

AROUND = " \0\t\r\n"  # stripped from both ends of every value
FREE = frozenset(("ST", "LT"))  # VRs of one value, which may hold a backslash
_NAMES = frozenset((Kind.PATIENT_NAME, Kind.OTHER_NAMES))
_OWN = _NAMES | {Kind.PATIENT_ID, Kind.OTHER_IDS}

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
_ACR_NEMA = re.compile(r"[0-9]{4}\.[0-9]{2}\.[0-9]{2}")
_EIGHT = re.compile(r"[0-9]{8}", re.ASCII)
FIRST_YEAR, YEARS = 1895, 255  # the first X-ray image was made in 1895


class Appearance(NamedTuple):
    """What a value is made like; none of these is what somebody's own value looks like."""

    redacted: bool
    phantom: bool
    coded: bool


def parts(vr: str, text: str) -> list[str]:
    """The values of an attribute that say something, PS3.5 6.4."""
    every = [text] if vr in FREE else text.split("\\")
    return [bare for one in every if (bare := one.strip(AROUND)).strip("^= ")]


def day(text: str) -> date | None:
    """A date, PS3.5 6.2, DA. The older form of ACR-NEMA is read too."""
    digits = text.replace(".", "") if _ACR_NEMA.fullmatch(text) else text
    if not _EIGHT.fullmatch(digits):
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def year_place(text: str) -> int:
    """The place of a date's year among FIRST_YEAR and those after it, from 1 on. 0: it is no date of such a year."""
    said = day(text)
    place = 0 if said is None else said.year - FIRST_YEAR + 1
    return place if 0 < place <= YEARS else 0


def well_formed(kind: Kind, vr: str, text: str) -> bool:
    """Whether a value keeps the rules of its VR, PS3.5 6.2, as far as they are the same for every attribute."""
    if _CONTROL.search(text) or len(text) > _LONGEST.get(vr, 10240):
        return False
    if vr == "DA":
        return day(text) is not None
    if kind is Kind.SEX:
        return text in ("M", "F", "O")
    if vr == "PN":
        groups = text.split("=")
        return len(groups) <= 3 and all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
    return True


def appearance(kind: Kind, vr: str, text: str) -> Appearance:
    """What a value is made like."""
    if vr == "DA":
        said = day(text)
        first = kind is Kind.BIRTH_DATE and said is not None and (said.month, said.day) == (1, 1)
        return Appearance(said in _NO_DATES, False, first)
    upper = text.upper()
    numbered = kind in _NAMES and _NUMBERED.fullmatch(upper) is not None
    return Appearance(
        _REDACTED.match(upper) is not None,
        kind in _OWN and _PHANTOM.match(upper) is not None,
        numbered or is_hash(text),
    )


def is_hash(text: str) -> bool:
    """Whether a value is made like a digest, a UUID or a UID, which are nobody's own."""
    return _HASH.fullmatch(text) is not None
