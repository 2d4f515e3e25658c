"""The rules of schemes as programs, for the compiled decoder: they say exactly what `checks.valid` says.

One row is one scheme; `instructions` is the language. cn.ric has no row: it has 7,000 districts, each with its years.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date as Day
from functools import cache
from itertools import groupby

import stdnum
from stdnum import numdb
from stdnum.do import cedula
from stdnum.gb import upn
from stdnum.mx import curp, rfc

from filmbadge.identifiers.instructions import (
    DIGITS,
    LATEST,
    LETTERS,
    any_of,
    century,
    check,
    date,
    folded,
    is_in,
    is_not,
    iso_7064_mod_11_10,
    kinds,
    let,
    luhn,
    mod,
    number,
    only,
    rest,
    sign,
    tens,
    total,
    verhoeff,
)

PYTHON_STDNUM = "2.2"  # the rules are those of this version


def program(scheme: str) -> bytes | None:
    """The rule of a scheme as it is today, or None where it has no program. With another python-stdnum none has."""
    return programs(Day.today()).get(scheme) if stdnum.__version__ == PYTHON_STDNUM else None


@cache
def programs(today: Day) -> dict[str, bytes]:
    """All of them, by scheme. Some rules refuse birth dates after today, or take the century from its year."""
    return _LASTING | _tabled() | _of_today(today)


def _ddmmyy(of: bytes, first: int = 0, latest: int = LATEST) -> bytes:
    return of + number(first + 4, first + 6) + number(first + 2, first + 4) + number(first, first + 2) + date(latest)


def _yymmdd(of: bytes, first: int = 0) -> bytes:
    return of + number(first, first + 6) + date()


def _no_palindrome(length: int) -> bytes:
    """The last test. Two digits differ if one and ten times the other do not make a multiple of 11."""
    pairs = [(at, (1, *[0] * (length - 2 - 2 * at), 10)) for at in range(length // 2)]
    return any_of(*(total(at, weights) + mod(11) + is_in((1, 10)) for at, weights in pairs))


def _mod_97(end: int, before: bytes = b"") -> bytes:
    """A test: two digits, 01 to 97, make what stands before them a multiple of 97."""
    return number(end, end + 2) + is_in((1, 97)) + before + number(0, end) + total(end, (10, 1)) + mod(97) + is_in(0)


_19XX, _20XX = let(19), let(20)
_ANY = _20XX  # where no century is said: 2000 had a 29 February, and any other year has one in both or in neither

_NIE = {"X": 0, "Y": 1, "Z": 2}
_KVNR = {sign: at // 10 + sum(divmod(at % 10 * 2, 10)) for at, sign in enumerate(LETTERS, 1)}  # as two digits
_TWID = {sign: at // 10 + at % 10 * 9 for at, sign in enumerate("ABCDEFGHJKLMNPQRSTUVXYWZIO", 10)}  # the same
_NHI = {sign: at for at, sign in enumerate("ABCDEFGHJKLMNPQRSTUVWXYZ", 1)}
_UPN = {sign: at for at, sign in enumerate("ABCDEFGHJKLMNPQRTUVWXYZ0123456789")}
_CURP = {sign: at for at, sign in enumerate("0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ") if sign != "&"}
_RIF = {"V": 4, "E": 8, "J": 12, "P": 16, "G": 20}
_MBI = "ACDEFGHJKMNPQRTUVWXY"
_NINO = [int(prefix, 36) for prefix in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")]
_NRIC = {"S": 0, "F": 0, "T": 4, "G": 4} | {digit: int(digit) for digit in DIGITS}
_NRIC_WEIGHTS = (1, 2, 7, 6, 5, 4, 3, 2)

# A codice fiscale has letters for digits where two people would have the same one.
_CF = {sign: at for signs in (DIGITS, "LMNPQRSTUV") for at, sign in enumerate(signs)}
_CF_DAY = {sign: digit % 4 for sign, digit in _CF.items()}  # women's days are 40 more
_CF_MONTH = {sign: at for at, sign in enumerate("ABCDEHLMPRST", 1)}
_CF_YYMM = number(6, 8, 10, _CF) + number(8, 9, 100, _CF_MONTH)
_CF_DATE = _ANY + _CF_YYMM + number(9, 10, 10, _CF_DAY) + number(10, 11, 10, _CF) + date()
_CF_EVEN = {sign: at for signs in (DIGITS, LETTERS) for at, sign in enumerate(signs)}
_CF_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CF_SUM = total(0, [1, 0] * 8, {s: _CF_ODD[v] for s, v in _CF_EVEN.items()}) + total(0, [0, 1] * 7, _CF_EVEN)

_BALTIC_DATE = _yymmdd(century(0, {"12": 18, "34": 19, "56": 20, "78": 21}), 1)
_BALTIC = (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)
_BALTIC_CHECKS = (
    check(_BALTIC, 11, DIGITS),
    rest(_BALTIC, 11, 10) + check((3, 4, 5, 6, 7, 8, 9, 1, 2, 3), 11, "01234567890"),
)
_LATVIAN_CHECK = check((10, 5, 8, 4, 2, 1, 6, 3, 7, 9), 11, "12345678900")

# Of 11 remainders, or of another modulus, each points at its check sign. "-" is where there is none.
_LASTING: dict[str, bytes] = {
    "ar.cuit": number(0, 2) + is_in(20, 23, 24, 27, 30, 33, 34, 50, 51, 55)
    + check((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11, "09987654321"),
    "ar.dni": only(0, DIGITS),
    "at.vnr": only(0, "123456789") + check((3, 7, 9, 0, 5, 8, 4, 2, 1, 6), 11, DIGITS, at=3),
    "au.ihi": number(0, 6) + is_in(800360) + luhn(0, 16),
    "au.medicare": only(0, "23456") + only(9, "123456789") + check((1, 3, 7, 9, 1, 3, 7, 9), 10, DIGITS),
    "au.tfn": rest((1, 4, 3, 7, 5, 8, 6, 9, 10), 11),
    "be.eid": number(10, 12) + is_in((1, 97)) + number(0, 10) + total(10, (-10, -1)) + mod(97) + is_in(0),
    "bg.egn": check((2, 4, 8, 5, 10, 9, 7, 3, 6), 11, "01234567890")
    + century(2, {"01": 19, "23": 18, "45": 20}) + number(0, 2) + tens(2, 2) + number(3, 6) + date(),
    "bg.pnf": check((21, 19, 17, 13, 11, 9, 7, 3, 1), 10, DIGITS),
    "br.cns": only(0, "12789") + rest(range(15, 0, -1), 11),
    "br.cpf": check((10, 9, 8, 7, 6, 5, 4, 3, 2), 11, "00987654321")
    + check((11, 10, 9, 8, 7, 6, 5, 4, 3, 2), 11, "00987654321") + number(0, 9) + is_not(0),
    "ca.bc_phn": only(0, "9") + check((2, 4, 8, 5, 10, 9, 7, 3), 11, "0-987654321", first=1),
    "ca.on_hcn": only(0, "123456789") + luhn(0, 10),
    "ca.qc_ramq": _19XX + number(4, 6) + tens(6, 5) + number(7, 10) + date(),
    "ca.sin": only(0, "12345679") + luhn(0, 9),
    "ch.ssn": number(0, 3) + is_in(756) + check((1, 3) * 6, 10, "0987654321"),
    "cl.rut": check((8, 9, 4, 5, 6, 7, 8, 9), 11, "0123456789K"),
    "cr.cpf": only(0, "0"),
    "cr.cr": only(0, "1"),
    "cu.ni": _yymmdd(century(6, {"9": 18, "012345": 19, "678": 20})),
    "cz.rc": number(0, 9) + mod(11) + sign(9, "01234567890")
    + _ANY + number(0, 2) + number(2, 3, values={"024579": 0, "1368": 1}) + number(3, 6) + date(),
    "de.idnr": only(0, "123456789") + kinds(0, 10) + is_in(9 * 256 + 2, 8 * 256 + 3) + iso_7064_mod_11_10(0, 11),
    "de.kvnr": total(0, [1], _KVNR) + folded(1, (1, 2) * 4) + mod(10) + sign(9, DIGITS),
    "ec.ci": number(0, 2) + is_in((1, 24), 30, 50) + only(2, "0123456") + luhn(0, 10),
    "ee.ik": _BALTIC_DATE + any_of(*_BALTIC_CHECKS),
    "es.dni": number(0, 8) + mod(23) + sign(8, "TRWAGMYFPDXBNJZSQVHLCKE"),
    "es.nie": number(0, 1, 10, _NIE) + number(1, 8) + mod(23) + sign(8, "TRWAGMYFPDXBNJZSQVHLCKE"),
    "fi.hetu": number(6, 9) + is_in((2, 899)) + number(0, 9) + mod(31) + sign(9, "0123456789ABCDEFHJKLMNPRSTUVWXY")
    + _ddmmyy(_19XX),
    "fr.nif": only(0, "0123") + number(10, 13) + is_in((0, 510))
    + number(0, 10) + total(10, (-100, -10, -1)) + mod(511) + is_in(0),
    "fr.nir": _mod_97(13),
    "gb.chi": rest(range(10, 0, -1), 11) + _ddmmyy(_19XX),
    "gb.nhs": rest(range(10, 0, -1), 11),
    "gb.nino": only(0, "ABCEGHJKLMNOPRSTWXYZ") + only(1, "ABCEGHJKLMNPRSTWXYZ") + number(0, 2, 36) + is_not(*_NINO)
    + only(8, "ABCD"),
    "gb.utr": check((6, 7, 8, 9, 10, 5, 4, 3, 2), 11, "21987654321", at=0, first=1),
    "gr.amka": luhn(0, 11) + _ddmmyy(_ANY),
    "hk.hkid": only(7, "0123456789A") + let(36 * 9 % 11) + rest((8, 7, 6, 5, 4, 3, 2, 1), 11),
    "hr.oib": iso_7064_mod_11_10(0, 11),
    "hu.taj": check((3, 7) * 4, 10, DIGITS),
    "ie.pps": check((8, 7, 6, 5, 4, 3, 2), 23, "WABCDEFGHIJKLMNOPQRSTUV"),
    "il.idnr": luhn(0, 9) + number(0, 9) + is_not(0),
    "in.aadhaar": only(0, "23456789") + verhoeff((0, 12)) + _no_palindrome(12),
    "in.epic": luhn(3, 10),
    "in.pan": only(3, "ABCFGHJKLPT") + number(5, 9) + is_not(0),
    "in.vid": only(0, "23456789") + verhoeff((0, 16)) + _no_palindrome(16),
    "ir.melli": check((10, 9, 8, 7, 6, 5, 4, 3, 2), 11, "01987654321")
    + number(0, 9) + is_not(*range(0, 10**9, 111111111)),
    "is.kennitala": rest((3, 2, 7, 6, 5, 4, 3, 2, 1), 11) + century(9, {"0": 20, "9": 19})
    + number(4, 6) + number(2, 4) + tens(0, 4, "01234567") + number(1, 2) + date(),
    "it.codicefiscale": _CF_SUM + mod(26) + sign(15, LETTERS) + _CF_DATE + only(12, "".join(_CF), 15),
    "jp.in": check((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11, "00987654321"),
    "ke.pin": only(0, "AP"),
    "kr.rrn": check((2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), 11, "10987654321") + number(7, 9) + is_in((0, 96))
    + _yymmdd(century(6, {"09": 18, "1256": 19, "3478": 20})),
    "kz.iin": _yymmdd(century(6, {"12": 18, "34": 19, "56": 20})) + any_of(
        check(range(1, 12), 11, DIGITS),
        rest(range(1, 12), 11, 10) + check((3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2), 11, DIGITS),
    ),
    "lt.asmens": any_of(*(begin + last for begin in (only(0, "9"), _BALTIC_DATE) for last in _BALTIC_CHECKS)),
    "lu.matricule": luhn(0, 12) + verhoeff((0, 11), (12, 13)) + number(0, 8) + date(),
    "lv.pk": any_of(
        only(0, "456789") + rest((9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1), 11, 3),
        number(0, 2) + is_in(32) + _LATVIAN_CHECK,
        _LATVIAN_CHECK + only(0, "0123") + _ddmmyy(century(6, {digit: 18 + int(digit) for digit in DIGITS})),
    ),
    "md.idnp": only(0, "29") + check((7, 3, 1) * 4, 10, DIGITS),
    "mu.nid": check(range(14, 1, -1), 17, "0GFEDCBA987654321") + _ddmmyy(_20XX, 1),
    "nl.bsn": rest((9, 8, 7, 6, 5, 4, 3, 2, -1), 11) + number(0, 9) + is_not(0),
    "nl.card": only(0, (DIGITS + LETTERS).replace("O", ""), 9),
    "nl.onderwijsnummer": number(0, 2) + is_in(10) + rest((9, 8, 7, 6, 5, 4, 3, 2, -1), 11, 5),
    "nz.ird": number(0, 9) + is_in((10_000_001, 149_999_999)) + any_of(
        check((3, 2, 7, 6, 5, 4, 3, 2), 11, "0-987654321"),
        rest((3, 2, 7, 6, 5, 4, 3, 2), 11, 1) + check((7, 4, 3, 2, 5, 2, 7, 6), 11, "0-987654321"),
    ),
    "nz.nhi": total(0, (7, 6, 5), _NHI) + total(3, (4, 3, 2)) + mod(11) + sign(6, "-0987654321"),
    "pe.cui": any_of(*(check((3, 2, 7, 6, 5, 4, 3, 2), 11, signs) for signs in ("65432110987", "KJIHGFEDCBA"))),
    "pk.cnic": only(0, "1234567") + only(12, "123456789"),
    "pl.pesel": check((1, 3, 7, 9, 1, 3, 7, 9, 1, 3), 10, "0987654321")
    + century(2, {"01": 19, "23": 20, "45": 21, "67": 22, "89": 18}) + number(0, 2) + tens(2, 2) + number(3, 6) + date(),
    "pt.cc": folded(0, [2, 0] * 6) + total(0, [0, 1] * 5) + mod(10) + sign(11, "0987654321"),
    "pt.nif": only(0, "123456789") + check((9, 8, 7, 6, 5, 4, 3, 2), 11, "00987654321"),
    "ro.cnp": check((2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9), 11, "01234567891")
    + number(7, 9) + is_in((1, 48), 51, 52, 70, (80, 83)) + _yymmdd(century(0, {"34": 18, "12789": 19, "56": 20}), 1),
    "ru.inn": check((7, 2, 4, 10, 3, 5, 9, 4, 6, 8), 11, "01234567890")
    + check((3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8), 11, "01234567890"),
    "sa.id": only(0, "12") + luhn(0, 10),
    "sg.nric": any_of(
        only(0, "ST") + check(_NRIC_WEIGHTS, 11, "JZIHGFEDCBA", values=_NRIC),
        only(0, "FG") + check(_NRIC_WEIGHTS, 11, "XWUTRQPNMLK", values=_NRIC),
    ),
    "si.emso": check((7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11, "00987654321")
    + century(4, {digit: at for at, digit in enumerate("8901234567", 18)})
    + number(5, 7) + number(2, 4) + number(0, 2) + date(),
    "th.pin": only(0, "12345678") + check(range(2, -10, -1), 11, "10987654321"),
    "tr.tckimlik": only(0, "123456789") + check((3, 1, 3, 1, 3, 1, 3, 1, 3), 10, "0987654321") + check([1] * 10, 10, DIGITS),
    "tw.id": only(1, "1289") + total(0, [1], _TWID) + total(1, (8, 7, 6, 5, 4, 3, 2, 1, 1)) + mod(10) + is_in(0),
    "ua.rntrc": check((-1, 5, 7, 9, 4, 6, 10, 5, 7), 11, "01234567890"),
    "us.itin": only(0, "9") + number(3, 5) + is_in((70, 88), (90, 92), (94, 99)),
    "us.mbi": only(0, "123456789") + only(1, _MBI) + only(2, DIGITS + _MBI) + only(4, _MBI) + only(5, DIGITS + _MBI)
    + only(7, _MBI, 9),
    "us.ptin": only(0, "P"),
    "us.ssn": number(0, 3) + is_in((1, 665), (667, 899)) + number(3, 5) + is_not(0) + number(5, 9) + is_not(0)
    + number(0, 9) + is_not(78_05_1120, 219_09_9999, 457_55_5462),
    "uy.ci": only(0, "123456789") + check((2, 9, 8, 7, 6, 3, 4), 10, "0987654321"),
    "ve.rif": total(0, [1], _RIF) + total(1, (3, 2, 7, 6, 5, 4, 3, 2)) + mod(11) + sign(9, "00987654321"),
}  # fmt: skip


def _tabled() -> dict[str, bytes]:
    """With the tables of python-stdnum, so that the two never differ."""
    names, states = (_words(words) for words in (curp._name_blacklist, curp._valid_states))
    return {
        "do.cedula": any_of(luhn(0, 11), *_issued_without_a_check(cedula.whitelist)),
        "gb.upn": number(1, 4) + is_in(*upn._la_numbers) + total(1, range(2, 14), _UPN) + mod(23) + sign(0, "".join(_UPN)),
        "id.nik": number(0, 2) + is_in(*_places("id/loc")) + _ANY + number(10, 12) + number(8, 10) + tens(6, 4) + number(7, 8) + date(),
        "mx.curp": number(0, 4, 36) + is_not(*names) + number(11, 13, 36) + is_in(*states) + only(10, "HM")
        + check(range(18, 1, -1), 10, "0987654321", values=_CURP) + _yymmdd(century(16, {DIGITS: 19, LETTERS: 20}), 4),
        "mx.rfc": number(0, 4, 36) + is_not(*_words(rfc._name_blacklist)) + _yymmdd(_ANY, 4),
        "my.nric": number(6, 8) + is_in(*_places("my/bp")) + _yymmdd(_ANY),
    }  # fmt: skip


def _issued_without_a_check(numbers: Iterable[str]) -> Iterator[bytes]:
    """By their first two digits: the other nine fit into a range's bounds."""
    for first, group in groupby(sorted(one for one in numbers if len(one) == 11), lambda one: one[:2]):
        yield number(0, 2) + is_in(int(first)) + number(2, 11) + is_in(*(int(one[2:]) for one in group))


def _words(words: Iterable[str]) -> list[int]:
    return [int(word, 36) for word in words]


def _places(table: str) -> list[int]:
    """The two digits of the provinces that it knows."""
    return [place for place in range(100) if numdb.get(table).info(f"{place:02}")[0][1]]


def _of_today(today: Day) -> dict[str, bytes]:
    now = int(f"{today:%Y%m%d}")
    ours = let(today.year // 100)
    return {
        "ae.eid": number(0, 3) + is_in(784) + number(3, 7) + is_in((1900, today.year)) + luhn(0, 15),
        "be.bis": number(2, 4) + is_in((20, 32), (40, 52)) + _belgian(today.year),
        "be.nn": number(2, 4) + is_in((0, 12)) + _belgian(today.year),
        "dk.cpr": _danish(now),
        "no.fodselsnummer": _norwegian(now),
        "se.personnummer": luhn(0, 10) + _yymmdd(ours),
        "se.personnummer_12": luhn(2, 12) + number(0, 8) + date(),
        "za.idnr": luhn(0, 13) + only(10, "01") + _yymmdd(ours),
    }


def _belgian(year: int) -> bytes:
    """Those born since 2000 have a check of their number with a 2 before it."""
    return any_of(_mod_97(9), number(0, 2) + is_in((0, year - 2000)) + _mod_97(9, let(2)))


def _danish(now: int) -> bytes:
    """The seventh digit and the year say the century."""
    of = number(6, 7) + number(4, 6)
    born = {
        18: is_in((558, 599), (658, 699), (758, 799), (858, 899)),
        19: is_in((0, 399), (437, 499), (937, 999)),
        20: is_in((400, 436), (500, 557), (600, 657), (700, 757), (800, 857), (900, 936)),
    }
    return any_of(*(of + years + _ddmmyy(let(hundreds), latest=now) for hundreds, years in born.items()))


def _norwegian(now: int) -> bytes:
    """The individual number and the year say the century. 40 is added to the day or the month of some."""
    ddmm = tens(2, 4, "0145") + number(3, 4) + tens(0, 4, "01234567") + number(1, 2)
    individual, year = number(6, 9), number(4, 6)
    born = [
        (19, individual + is_in((0, 499))),
        (19, individual + is_in((900, 999)) + year + is_in((40, 99))),
        (18, individual + is_in((500, 749)) + year + is_in((54, 99))),
        (20, individual + is_in((500, 999)) + year + is_in((0, 39))),
    ]
    first = check((3, 7, 6, 1, 8, 9, 4, 5, 2), 11, "0-987654321")
    second = check((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11, "0-987654321")
    return first + second + any_of(*(years + let(hundreds) + year + ddmm + date(now) for hundreds, years in born))
