"""Whether one value passes the rules of a scheme. One that does proves nothing: the archive's set decides, in `judge`."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from string import ascii_uppercase
from types import ModuleType

from stdnum.ar import cuit as ar_cuit
from stdnum.ar import dni as ar_dni
from stdnum.at import vnr as at_vnr
from stdnum.au import tfn as au_tfn
from stdnum.be import bis as be_bis
from stdnum.be import eid as be_eid
from stdnum.be import nn as be_nn
from stdnum.bg import egn as bg_egn
from stdnum.bg import pnf as bg_pnf
from stdnum.br import cpf as br_cpf
from stdnum.ca import bc_phn as ca_bc_phn
from stdnum.ca import sin as ca_sin
from stdnum.ch import ssn as ch_ssn
from stdnum.cl import rut as cl_rut
from stdnum.cn import ric as cn_ric
from stdnum.cr import cpf as cr_cpf
from stdnum.cr import cr as cr_cr
from stdnum.cu import ni as cu_ni
from stdnum.cz import rc as cz_rc
from stdnum.de import idnr as de_idnr
from stdnum.dk import cpr as dk_cpr
from stdnum.do import cedula as do_cedula
from stdnum.ec import ci as ec_ci
from stdnum.ee import ik as ee_ik
from stdnum.es import dni as es_dni
from stdnum.es import nie as es_nie
from stdnum.exceptions import ValidationError
from stdnum.fr import nif as fr_nif
from stdnum.fr import nir as fr_nir
from stdnum.gb import nhs as gb_nhs
from stdnum.gb import upn as gb_upn
from stdnum.gb import utr as gb_utr
from stdnum.gr import amka as gr_amka
from stdnum.hr import oib as hr_oib
from stdnum.id import nik as id_nik
from stdnum.ie import pps as ie_pps
from stdnum.il import idnr as il_idnr
from stdnum.in_ import aadhaar as in_aadhaar
from stdnum.in_ import epic as in_epic
from stdnum.in_ import pan as in_pan
from stdnum.in_ import vid as in_vid
from stdnum.is_ import kennitala as is_kennitala
from stdnum.it import codicefiscale as it_codicefiscale
from stdnum.jp import in_ as jp_in
from stdnum.ke import pin as ke_pin
from stdnum.kr import rrn as kr_rrn
from stdnum.lt import asmens as lt_asmens
from stdnum.lv import pvn as lv_pvn
from stdnum.mu import nid as mu_nid
from stdnum.mx import curp as mx_curp
from stdnum.mx import rfc as mx_rfc
from stdnum.my import nric as my_nric
from stdnum.nl import bsn as nl_bsn
from stdnum.nl import identiteitskaartnummer as nl_card
from stdnum.nl import onderwijsnummer as nl_onderwijsnummer
from stdnum.no import fodselsnummer as no_fodselsnummer
from stdnum.nz import ird as nz_ird
from stdnum.pe import cui as pe_cui
from stdnum.pk import cnic as pk_cnic
from stdnum.pl import pesel as pl_pesel
from stdnum.pt import cc as pt_cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp as ro_cnp
from stdnum.ru import inn as ru_inn
from stdnum.se import personnummer as se_personnummer
from stdnum.si import emso as si_emso
from stdnum.th import pin as th_pin
from stdnum.tr import tckimlik as tr_tckimlik
from stdnum.ua import rntrc as ua_rntrc
from stdnum.us import itin as us_itin
from stdnum.us import ptin as us_ptin
from stdnum.us import ssn as us_ssn
from stdnum.ve import rif as ve_rif
from stdnum.za import idnr as za_idnr

from filmbadge.ask.personal import rules
from filmbadge.catalogue.national import SCHEMES, Scheme

# python-stdnum's modules for persons. Left out: second names of the same numbers (sk.rc, be.ssn, es.nif, th.tin, us.tin),
# those that any digits pass (li.peid, fi.veronumero, us.atin), and tax numbers that companies have as much as persons.
_MODULES: dict[str, ModuleType] = {
    "ar.cuit": ar_cuit, "ar.dni": ar_dni, "at.vnr": at_vnr, "au.tfn": au_tfn, "be.bis": be_bis, "be.nn": be_nn,
    "bg.egn": bg_egn, "bg.pnf": bg_pnf, "br.cpf": br_cpf, "ca.bc_phn": ca_bc_phn, "ca.sin": ca_sin, "ch.ssn": ch_ssn,
    "cl.rut": cl_rut, "cn.ric": cn_ric, "cr.cpf": cr_cpf, "cu.ni": cu_ni, "cz.rc": cz_rc, "de.idnr": de_idnr,
    "dk.cpr": dk_cpr, "do.cedula": do_cedula, "ec.ci": ec_ci, "ee.ik": ee_ik, "es.dni": es_dni, "es.nie": es_nie,
    "fr.nif": fr_nif, "fr.nir": fr_nir, "gb.nhs": gb_nhs, "gr.amka": gr_amka, "hr.oib": hr_oib,
    "id.nik": id_nik, "ie.pps": ie_pps, "il.idnr": il_idnr, "in.aadhaar": in_aadhaar, "in.pan": in_pan,
    "in.vid": in_vid, "is.kennitala": is_kennitala, "it.codicefiscale": it_codicefiscale, "jp.in": jp_in,
    "kr.rrn": kr_rrn, "lt.asmens": lt_asmens, "lv.pk": lv_pvn, "mu.nid": mu_nid, "mx.curp": mx_curp,
    "my.nric": my_nric, "nl.bsn": nl_bsn, "no.fodselsnummer": no_fodselsnummer, "nz.ird": nz_ird, "pe.cui": pe_cui,
    "pk.cnic": pk_cnic, "pl.pesel": pl_pesel, "pt.cc": pt_cc, "pt.nif": pt_nif, "ro.cnp": ro_cnp, "ru.inn": ru_inn,
    "se.personnummer": se_personnummer, "si.emso": si_emso, "th.pin": th_pin, "tr.tckimlik": tr_tckimlik,
    "ua.rntrc": ua_rntrc, "us.itin": us_itin, "us.ssn": us_ssn, "za.idnr": za_idnr,
    "be.eid": be_eid,
    "cr.cr": cr_cr,
    "gb.upn": gb_upn,
    "gb.utr": gb_utr,
    "in.epic": in_epic,
    "ke.pin": ke_pin,
    "mx.rfc": mx_rfc,
    "nl.card": nl_card,
    "nl.onderwijsnummer": nl_onderwijsnummer,
    "us.ptin": us_ptin,
    "ve.rif": ve_rif,
    "se.personnummer_12": se_personnummer,
}  # fmt: skip
_SEPARATORS = str.maketrans("", "", " -./()")


@dataclass(frozen=True, slots=True)
class Pass:
    """What one value is to one scheme whose shape it has. Holds no part of it."""

    scheme: str
    valid: bool = False
    written: bool = False  # with the scheme's separators
    birth: bool | None = None  # whether the birth date it says is the record's; None where one of them is missing
    astray: bool = False  # not valid, and the record's birth date stands in it all the same


def passes(text: str, birth: date | None = None, among: Collection[str] | None = None) -> tuple[Pass, ...]:
    """The schemes that a value could be of, or those among these. Never raises on what an archive sends."""
    upper = text.upper()
    number = upper.translate(_SEPARATORS)
    return tuple(
        _try(scheme, number, upper, birth)
        for shape, schemes in _BY_LENGTH.get(len(number), ())
        if shape.fullmatch(number)
        for scheme in schemes
        if among is None or scheme.name in among
    )


def begins_with_a_date(text: str) -> bool:
    """Whether a date stands before the other digits."""
    number = text.upper().translate(_SEPARATORS).lstrip(ascii_uppercase)
    return any(_is_date(number[:length], form) for length, form in ((8, "%Y%m%d"), (6, "%y%m%d"), (6, "%d%m%y")))


def lead(text: str) -> str:
    return text.upper().translate(_SEPARATORS)[:3]


def _is_date(digits: str, form: str) -> bool:
    if not (digits.isascii() and digits.isdigit()):
        return False
    try:
        return 1900 <= datetime.strptime(digits, form).year < 2100
    except ValueError:
        return False


def _try(scheme: Scheme, number: str, upper: str, born: date | None) -> Pass:
    written = bool(scheme.dashed.fullmatch(upper))
    if not valid(scheme.name, number):
        return Pass(scheme.name, written=written, astray=scheme.birth and born is not None and _holds(number, born))
    said = birth_date(scheme.name, number) if scheme.birth and born else None
    agrees = None if said is None or born is None else _short(said) == _short(born)
    return Pass(scheme.name, True, written, agrees)


def _holds(number: str, born: date) -> bool:
    return any(f"{born:{form}}" in number for form in ("%y%m%d", "%d%m%y"))


def valid(name: str, number: str) -> bool:
    """Whether a number without separators, of the scheme's shape, passes its rules."""
    try:
        return bool(rule(number) if (rule := rules.RULES.get(name)) else _MODULES[name].is_valid(number))
    except (ValidationError, ValueError, LookupError, TypeError, ArithmeticError):
        return False


def birth_date(name: str, number: str) -> date | None:
    """The birth date that a valid number says, or None where it says none."""
    try:
        got = rules.BIRTHS[name](number) if name in rules.BIRTHS else _MODULES[name].get_birth_date(number)
    except (ValidationError, ValueError, LookupError, TypeError, ArithmeticError):
        return None
    return got if isinstance(got, date) else None


def _short(day: date) -> tuple[int, int, int]:
    """Many schemes say two digits of the year."""
    return day.year % 100, day.month, day.day


def _by_length() -> dict[int, tuple[tuple[re.Pattern[str], tuple[Scheme, ...]], ...]]:
    shapes: dict[str, list[Scheme]] = {}
    for scheme in SCHEMES:
        shapes.setdefault(scheme.shape, []).append(scheme)
    made: dict[int, list[tuple[re.Pattern[str], tuple[Scheme, ...]]]] = {}
    for shape, schemes in shapes.items():
        made.setdefault(len(shape), []).append((schemes[0].pattern, tuple(schemes)))
    return {length: tuple(held) for length, held in made.items()}


_BY_LENGTH = _by_length()
