"""Rules that python-stdnum lacks, and that are public and simple. Numbers come without separators, in capitals."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from stdnum import luhn, verhoeff
from stdnum.fi import hetu

_TW = "ABCDEFGHJKLMNPQRSTUVXYWZIO"  # from 10
_NZ = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # from 1
_SG = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK"}
_MBI = "ACDEFGHJKMNPQRTUVWXY"
_SSN = re.compile(r"(?!000|666|9)[0-9]{3}(?!00)[0-9]{2}(?!0000)[0-9]{4}")
_SSN_OF_NOBODY = frozenset(("078051120", "457555462", "219099999"))  # printed in advertisements

T = TypeVar("T")
VALID: dict[str, Callable[[str], bool]] = {}
BIRTH: dict[str, Callable[[str], date]] = {}
RARE: dict[str, Callable[[str], bool]] = {}  # of a valid number: whether few people have one of its range


def _of(scheme: str, table: dict[str, T]) -> Callable[[T], T]:
    """Enters a function as the rule of a scheme."""

    def enter(rule: T) -> T:
        table[scheme] = rule
        return rule

    return enter


def _sum(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True))


@_of("ae.eid", VALID)
def _emirates(n: str) -> bool:
    return n.startswith("784") and 1900 <= int(n[3:7]) <= date.today().year and luhn.is_valid(n)


@_of("au.medicare", VALID)
def _australian_medicare(n: str) -> bool:
    return n[0] in "23456" and n[9] != "0" and _sum(n[:8], (1, 3, 7, 9) * 2) % 10 == int(n[8])


@_of("ca.on_hcn", VALID)
def _ontario(n: str) -> bool:
    return n[0] != "0" and luhn.is_valid(n)


@_of("ca.qc_ramq", VALID)
def _quebec(n: str) -> bool:
    return n[:4].isalpha() and bool(_quebec_birth(n))


@_of("ca.qc_ramq", BIRTH)
def _quebec_birth(n: str) -> date:
    """Two digits of the year, and women's months from 51 on. The century is not said."""
    return date(1900 + int(n[4:6]), (int(n[6:8]) - 1) % 50 + 1, int(n[8:10]))


@_of("de.kvnr", VALID)
def _german_insurance(n: str) -> bool:
    digits = f"{ord(n[0]) - 64:02d}{n[1:9]}"
    return sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(digits)) % 10 == int(n[9])


@_of("fi.hetu", VALID)
def _finnish(n: str) -> bool:
    """Its separator is a part of the number: this is the one for those born before 2000."""
    return bool(hetu.is_valid(f"{n[:6]}-{n[6:]}"))


@_of("gb.chi", VALID)
def _scottish(n: str) -> bool:
    return _sum(n, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0 and bool(_day_month_year(n))


@_of("fi.hetu", BIRTH)
@_of("gb.chi", BIRTH)
def _day_month_year(n: str) -> date:
    return date(1900 + int(n[4:6]), int(n[2:4]), int(n[:2]))


@_of("hk.hkid", VALID)
def _hong_kong(n: str) -> bool:
    check = 10 if n[7] == "A" else int(n[7])
    return (36 * 9 + (ord(n[0]) - 55) * 8 + _sum(n[1:7], (7, 6, 5, 4, 3, 2)) + check) % 11 == 0


@_of("au.ihi", VALID)
def _australian_identifier(n: str) -> bool:
    return n.startswith("800360") and luhn.is_valid(n)


@_of("br.cns", VALID)
def _brazilian_card(n: str) -> bool:
    return n[0] in "12789" and _sum(n, range(15, 0, -1)) % 11 == 0


@_of("gb.nino", VALID)
def _british_insurance(n: str) -> bool:
    prefix = n[:2]
    odd = prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return not (odd or set(prefix) & set("DFIQUV") or n[1] == "O") and n[8] in "ABCD"


@_of("kz.iin", VALID)
def _kazakh(n: str) -> bool:
    rest = _sum(n[:11], range(1, 12)) % 11
    if rest == 10:
        rest = _sum(n[:11], (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)) % 11
    return n[6] in "123456" and rest == int(n[11]) and bool(_kazakh_birth(n))


@_of("kz.iin", BIRTH)
def _kazakh_birth(n: str) -> date:
    return date(1800 + (int(n[6]) - 1) // 2 * 100 + int(n[:2]), int(n[2:4]), int(n[4:6]))


@_of("md.idnp", VALID)
def _moldovan(n: str) -> bool:
    return n[0] in "29" and _sum(n[:12], (7, 3, 1) * 4) % 10 == int(n[12])


@_of("uy.ci", VALID)
def _uruguayan(n: str) -> bool:
    return n[0] != "0" and -_sum(n[:7], (2, 9, 8, 7, 6, 3, 4)) % 10 == int(n[7])


@_of("hu.taj", VALID)
def _hungarian(n: str) -> bool:
    return _sum(n[:8], (3, 7) * 4) % 10 == int(n[8])


@_of("ir.melli", VALID)
def _iranian(n: str) -> bool:
    rest = _sum(n[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return len(set(n)) > 1 and int(n[9]) == (rest if rest < 2 else 11 - rest)


@_of("lu.matricule", VALID)
def _luxembourg(n: str) -> bool:
    return bool(_luxembourg_birth(n)) and luhn.is_valid(n[:12]) and verhoeff.is_valid(n[:11] + n[12])


@_of("lu.matricule", BIRTH)
def _luxembourg_birth(n: str) -> date:
    return date(int(n[:4]), int(n[4:6]), int(n[6:8]))


@_of("nz.nhi", VALID)
def _new_zealand(n: str) -> bool:
    rest = (sum((_NZ.index(a) + 1) * w for a, w in zip(n[:3], (7, 6, 5), strict=True)) + _sum(n[3:6], (4, 3, 2))) % 11
    return rest != 0 and int(n[6]) == (11 - rest) % 10


@_of("sa.id", VALID)
def _saudi(n: str) -> bool:
    return n[0] in "12" and luhn.is_valid(n)


@_of("sg.nric", VALID)
def _singapore(n: str) -> bool:
    rest = _sum(n[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if n[0] in "TG" else 0)
    return _SG[n[0]][rest % 11] == n[8]


@_of("tw.id", VALID)
def _taiwanese(n: str) -> bool:
    tens, units = divmod(_TW.index(n[0]) + 10, 10)
    return n[1] in "1289" and (tens + units * 9 + _sum(n[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


@_of("us.ssn", VALID)
def _social_security(n: str) -> bool:
    """As python-stdnum has it, which takes ten times as long: the number that is looked for in every record."""
    return _SSN.fullmatch(n) is not None and n not in _SSN_OF_NOBODY


@_of("us.mbi", VALID)
def _medicare_beneficiary(n: str) -> bool:
    letters = (n[1], n[4], n[7], n[8])
    return n[0] != "0" and all(a in _MBI for a in letters) and all(a.isdigit() or a in _MBI for a in (n[2], n[5]))


@_of("mu.nid", BIRTH)
def _mauritian_birth(n: str) -> date:
    return _day_month_year(n[1:])


@_of("mx.rfc", BIRTH)
def _mexican_birth(n: str) -> date:
    return date(1900 + int(n[4:6]), int(n[6:8]), int(n[8:10]))


@_of("us.ssn", RARE)
def _given_since_2011(n: str) -> bool:
    """An area of which none was given until 2011, when numbers began to be drawn from nearly all areas."""
    return n[:3] > "772"
