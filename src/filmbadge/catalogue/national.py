"""Schemes of national identifiers: how each is written, and how often plain record numbers pass for it.

The rates are measured, by scripts/measure_base_rates.py, and kept in `national.toml`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

US_SSN = "us.ssn"


@dataclass(frozen=True, slots=True)
class Scheme:
    name: str
    country: str  # ISO 3166-1 alpha-2
    words: str
    shape: str  # of a number without its separators: 9 is a digit, A a letter, ? either
    written: str = ""  # with its separators, where people write them; the same signs
    issuers: tuple[str, ...] = ()  # words by which an Issuer of Patient ID names it
    birth: bool = False  # says a birth date

    @property
    def pattern(self) -> re.Pattern[str]:
        return _pattern(self.shape)

    @property
    def dashed(self) -> re.Pattern[str]:
        return _pattern(self.written or "!")

    @property
    def odd(self) -> bool:
        """Its separators stand where those of record numbers do not: behind a date, a year, or all but the last sign."""
        groups = [len(group) for group in re.findall(r"[9A?]+", self.written)]
        return len(groups) > 2 or (len(groups) == 2 and groups[0] not in (4, 6, 8))

    def rivals(self, other: Scheme) -> bool:
        """Whether one value can have the shape of both."""
        return len(self.shape) == len(other.shape) and all(
            "?" in (mine, its) or mine == its for mine, its in zip(self.shape, other.shape, strict=True)
        )

    @property
    def room(self) -> float:
        """How many strings have its shape, for each one of digits of that length."""
        return math.prod({"9": 10, "A": 26, "?": 36}[sign] / 10 for sign in self.shape)


class Rates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    base: float  # share of random strings of the shape that pass
    plain: float  # the same, of digits where the shape takes them
    worst: float  # the highest share that archives of plain record numbers reach, sequential ones for instance


class _Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seed: int
    values: int
    archives: int
    rates: dict[str, Rates]


@cache
def measured() -> _Measured:
    return msgspec.toml.decode(files("filmbadge.catalogue").joinpath("national.toml").read_bytes(), type=_Measured)


@cache
def _pattern(written: str) -> re.Pattern[str]:
    signs = {"9": "[0-9]", "A": "[A-Z]", "?": "[0-9A-Z]"}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in written))


SCHEMES = (
    Scheme("ae.eid", "AE", "Emirates ID", "999999999999999", "999-9999-9999999-9", ("EMIRATES", "EID")),
    Scheme("ar.cuit", "AR", "Argentinian tax number CUIT", "99999999999", "99-99999999-9", ("CUIT", "CUIL")),
    Scheme("ar.dni", "AR", "Argentinian identity number", "99999999", "99.999.999", ("DNI",)),
    Scheme("at.vnr", "AT", "Austrian social security number", "9999999999", "9999 999999", ("SVNR", "SVN", "VNR")),
    Scheme("au.ihi", "AU", "Australian health identifier", "9999999999999999", "9999 9999 9999 9999", ("IHI",)),
    Scheme("au.medicare", "AU", "Australian Medicare number", "9999999999", "9999 99999 9", ("MEDICARE",)),
    Scheme("au.tfn", "AU", "Australian tax file number", "999999999", "999 999 999", ("TFN",)),
    Scheme("be.bis", "BE", "Belgian BIS number", "99999999999", "99.99.99-999.99", ("BIS",), True),
    Scheme("be.eid", "BE", "Belgian identity card number", "999999999999", "999-9999999-99", ("EID",)),
    Scheme("be.nn", "BE", "Belgian national number", "99999999999", "99.99.99-999.99", ("NISS", "INSZ", "RRN"), True),
    Scheme("bg.egn", "BG", "Bulgarian personal number", "9999999999", "", ("EGN",), True),
    Scheme("bg.pnf", "BG", "Bulgarian number of a foreigner", "9999999999", "", ("PNF", "LNC")),
    Scheme("br.cns", "BR", "Brazilian health card number", "999999999999999", "999 9999 9999 9999", ("CNS", "SUS")),
    Scheme("br.cpf", "BR", "Brazilian CPF", "99999999999", "999.999.999-99", ("CPF",)),
    Scheme("ca.bc_phn", "CA", "British Columbia health number", "9999999999", "9999 999 999", ("PHN",)),
    Scheme("ca.on_hcn", "CA", "Ontario health card number", "9999999999", "9999-999-999", ("OHIP", "HCN")),
    Scheme("ca.qc_ramq", "CA", "Quebec health insurance number", "AAAA99999999", "AAAA 9999 9999", ("RAMQ", "NAM"), True),
    Scheme("ca.sin", "CA", "Canadian social insurance number", "999999999", "999-999-999", ("SIN",)),
    Scheme("ch.ssn", "CH", "Swiss social security number", "9999999999999", "999.9999.9999.99", ("AHV", "AVS")),
    Scheme("cl.rut", "CL", "Chilean RUT", "99999999?", "99.999.999-?", ("RUT", "RUN")),
    Scheme("cn.ric", "CN", "Chinese identity card number", "99999999999999999?", "", ("RIC",), True),
    Scheme("cr.cpf", "CR", "Costa Rican identity number", "9999999999", "99-9999-9999", ("CPF",)),
    Scheme("cr.cr", "CR", "Costa Rican number of a foreigner", "999999999999", "", ("DIMEX",)),
    Scheme("cu.ni", "CU", "Cuban identity number", "99999999999", "", ("NI",), True),
    Scheme("cz.rc", "CZ", "Czech and Slovak birth number", "9999999999", "999999/9999", ("RC",), True),
    Scheme("de.idnr", "DE", "German tax number of a person", "99999999999", "99 999 999 999", ("IDNR",)),
    Scheme("de.kvnr", "DE", "German health insurance number", "A999999999", "", ("KVNR", "GKV")),
    Scheme("dk.cpr", "DK", "Danish CPR number", "9999999999", "999999-9999", ("CPR",), True),
    Scheme("do.cedula", "DO", "Dominican identity number", "99999999999", "999-9999999-9", ("CEDULA",)),
    Scheme("ec.ci", "EC", "Ecuadorian identity number", "9999999999", "", ("CI", "CEDULA")),
    Scheme("ee.ik", "EE", "Estonian personal number", "99999999999", "", ("IK",), True),
    Scheme("es.dni", "ES", "Spanish DNI", "99999999A", "99999999-A", ("DNI", "NIF")),
    Scheme("es.nie", "ES", "Spanish number of a foreigner", "A9999999A", "A-9999999-A", ("NIE",)),
    Scheme("fi.hetu", "FI", "Finnish personal identity code", "999999999?", "999999-999?", ("HETU",), True),
    Scheme("fr.nif", "FR", "French tax number", "9999999999999", "99 99 999 999 999", ("NIF",)),
    Scheme("fr.nir", "FR", "French social security number", "999999999999999", "9 99 99 99 999 999 99", ("NIR", "INS", "INSEE")),
    Scheme("gb.chi", "GB", "Scottish CHI number", "9999999999", "", ("CHI",), True),
    Scheme("gb.nhs", "GB", "NHS number", "9999999999", "999 999 9999", ("NHS",)),
    Scheme("gb.nino", "GB", "British national insurance number", "AA999999A", "AA 99 99 99 A", ("NINO",)),
    Scheme("gb.upn", "GB", "English pupil number", "A99999999999?", "", ("UPN",)),
    Scheme("gb.utr", "GB", "British taxpayer reference", "9999999999", "", ("UTR",)),
    Scheme("gr.amka", "GR", "Greek AMKA", "99999999999", "", ("AMKA",), True),
    Scheme("hk.hkid", "HK", "Hong Kong identity card number", "A999999?", "A999999(?)", ("HKID",)),
    Scheme("hr.oib", "HR", "Croatian OIB", "99999999999", "", ("OIB",)),
    Scheme("hu.taj", "HU", "Hungarian social security number", "999999999", "999 999 999", ("TAJ",)),
    Scheme("id.nik", "ID", "Indonesian identity number", "9999999999999999", "", ("NIK", "KTP"), True),
    Scheme("ie.pps", "IE", "Irish PPS number", "9999999A", "", ("PPS", "PPSN")),
    Scheme("il.idnr", "IL", "Israeli identity number", "999999999", "99999999-9", ("TZ",)),
    Scheme("in.aadhaar", "IN", "Aadhaar", "999999999999", "9999 9999 9999", ("AADHAAR", "UIDAI")),
    Scheme("in.epic", "IN", "Indian voter identity number", "AAA9999999", "", ("EPIC",)),
    Scheme("in.pan", "IN", "Indian tax number PAN", "AAAAA9999A", "", ("PAN",)),
    Scheme("in.vid", "IN", "Indian virtual identity number", "9999999999999999", "", ("VID",)),
    Scheme("ir.melli", "IR", "Iranian national code", "9999999999", "999-999999-9", ("MELLI",)),
    Scheme("is.kennitala", "IS", "Icelandic kennitala", "9999999999", "999999-9999", ("KT", "KENNITALA")),
    Scheme("it.codicefiscale", "IT", "Italian codice fiscale", "AAAAAA??A??A???A", "", ("CF", "MEF"), True),
    Scheme("jp.in", "JP", "Japanese individual number", "999999999999", "", ("MYNUMBER",)),
    Scheme("ke.pin", "KE", "Kenyan tax number PIN", "A999999999A", "", ("KRA",)),
    Scheme("kr.rrn", "KR", "Korean resident number", "9999999999999", "999999-9999999", ("RRN",), True),
    Scheme("kz.iin", "KZ", "Kazakh individual number", "999999999999", "", ("IIN",), True),
    Scheme("lt.asmens", "LT", "Lithuanian personal number", "99999999999", "", ("AK",), True),
    Scheme("lu.matricule", "LU", "Luxembourg identification number", "9999999999999", "9999 9999 99999", ("MATRICULE", "CNS"), True),
    Scheme("lv.pk", "LV", "Latvian personal code", "99999999999", "999999-99999", ("PK",), True),
    Scheme("md.idnp", "MD", "Moldovan personal number", "9999999999999", "", ("IDNP",)),
    Scheme("mu.nid", "MU", "Mauritian identity number", "A9999999999999", "", ("NID",), True),
    Scheme("mx.curp", "MX", "Mexican CURP", "AAAA999999AAAAAA??", "", ("CURP",), True),
    Scheme("mx.rfc", "MX", "Mexican tax number of a person", "AAAA999999???", "AAAA 999999 ???", ("RFC",), True),
    Scheme("my.nric", "MY", "Malaysian NRIC number", "999999999999", "999999-99-9999", ("NRIC", "MYKAD"), True),
    Scheme("nl.bsn", "NL", "Dutch BSN", "999999999", "9999.99.999", ("BSN", "NLMINBIZA")),
    Scheme("nl.card", "NL", "Dutch passport or identity card number", "AA??????9", "", ("PASPOORT",)),
    Scheme("nl.onderwijsnummer", "NL", "Dutch pupil number", "999999999", "9999.99.999", ("ONDERWIJSNUMMER",)),
    Scheme("no.fodselsnummer", "NO", "Norwegian birth number", "99999999999", "999999 99999", ("FNR", "DSF"), True),
    Scheme("nz.ird", "NZ", "New Zealand tax number", "999999999", "999-999-999", ("IRD",)),
    Scheme("nz.nhi", "NZ", "New Zealand health number", "AAA9999", "", ("NHI",)),
    Scheme("pe.cui", "PE", "Peruvian identity number", "99999999?", "99999999-?", ("CUI", "DNI")),
    Scheme("pk.cnic", "PK", "Pakistani CNIC", "9999999999999", "99999-9999999-9", ("CNIC", "NADRA")),
    Scheme("pl.pesel", "PL", "Polish PESEL", "99999999999", "", ("PESEL",), True),
    Scheme("pt.cc", "PT", "Portuguese citizen card number", "999999999AA9", "99999999 9 AA9", ("CC",)),
    Scheme("pt.nif", "PT", "Portuguese tax number", "999999999", "999 999 999", ("NIF",)),
    Scheme("ro.cnp", "RO", "Romanian CNP", "9999999999999", "", ("CNP",), True),
    Scheme("ru.inn", "RU", "Russian tax number of a person", "999999999999", "", ("INN",)),
    Scheme("sa.id", "SA", "Saudi identity number", "9999999999", "", ("MOI", "IQAMA")),
    Scheme("se.personnummer", "SE", "Swedish personal number", "9999999999", "999999-9999", ("PNR", "SKV"), True),
    Scheme("se.personnummer_12", "SE", "Swedish personal number with its century", "999999999999", "99999999-9999", ("PNR", "SKV"), True),
    Scheme("sg.nric", "SG", "Singapore NRIC number", "A9999999A", "", ("NRIC", "FIN")),
    Scheme("si.emso", "SI", "Slovenian EMSO, and JMBG elsewhere", "9999999999999", "", ("EMSO", "JMBG"), True),
    Scheme("th.pin", "TH", "Thai identity number", "9999999999999", "9-9999-99999-99-9", ("PIN",)),
    Scheme("tr.tckimlik", "TR", "Turkish identity number", "99999999999", "", ("TC", "TCKN")),
    Scheme("tw.id", "TW", "Taiwanese identity number", "A999999999", "", ("TWID",)),
    Scheme("ua.rntrc", "UA", "Ukrainian tax number of a person", "9999999999", "", ("RNTRC", "RNOKPP")),
    Scheme("us.itin", "US", "US tax number of a person without an SSN", "999999999", "999-99-9999", ("ITIN",)),
    Scheme("us.mbi", "US", "US Medicare beneficiary identifier", "9A?9A?9AA99", "9A?9-A?9-AA99", ("MBI", "CMS")),
    Scheme("us.ptin", "US", "US tax number of a preparer", "A99999999", "A-99999999", ("PTIN",)),
    Scheme(US_SSN, "US", "US social security number", "999999999", "999-99-9999", ("SSN", "SSA", "USSSA")),
    Scheme("uy.ci", "UY", "Uruguayan identity number", "99999999", "9.999.999-9", ("CI",)),
    Scheme("ve.rif", "VE", "Venezuelan tax number of a person", "A999999999", "A-99999999-9", ("RIF", "SENIAT")),
    Scheme("za.idnr", "ZA", "South African identity number", "9999999999999", "999999 9999 99 9", ("ZAID",), True),
)  # fmt: skip
BY_NAME = {scheme.name: scheme for scheme in SCHEMES}
