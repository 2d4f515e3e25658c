"""The records of a synthetic archive about people who do not exist, and the kinds of data in them.

Each attribute is a column by the number of the patient. Two archives whose numbers overlap know the same people.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache

from filmbadge.catalogue.kinds import CHARACTER_SET, ISSUER, KIND, PATIENT_ID
from filmbadge.model import Kind
from filmbadge.rehearse.columns import Column, Cycle, Digits, Joined, Shown, Split, day_text

SSN_SHARE = 0.7  # of the patients of an archive that identifies most of them by US social security numbers
FEW = 150  # fewer numbers are not surely of a scheme, so an archive of fewer patients has none of them

_FAMILY = ("Abara", "Brandt", "Castillo", "Dvorak", "Eriksen", "Fontaine", "Greco", "Haddad", "Ivanova", "Jansen")
_ENDINGS = ("", "s", "son", "ez", "ov", "ini", "berg", "wood", "ko", "elli")
_GIVEN = ("Ada", "Bruno", "Chiara", "Daan", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas")
_PURPOSE = (b"CT THORAX", b"MRI BRAIN, HEADACHE", b"MAMMOGRAPHY", b"FOLLOW UP AFTER FRACTURE", b"")
_NAMES = 997  # distinct names, a prime, so that names and other attributes do not come round together
_BIRTHS = 9_949  # distinct dates of birth, a prime


class Ids(StrEnum):
    """How an archive numbers its patients."""

    RECORD = "record"  # record numbers
    NINE_DIGITS = "nine-digits"  # record numbers of nine digits, in sequence
    SSN = "ssn"  # US social security numbers for most, record numbers for the rest
    SSN_ALL = "ssn-all"  # US social security numbers
    SSN_BARE = "ssn-bare"  # US social security numbers without dashes for most, and an issuer that says so
    HASH = "hash"  # hashes


class Names(StrEnum):
    """How an archive writes names."""

    PLAIN = "plain"  # in the default character set
    UTF_8 = "utf-8"  # in UTF-8, and says so
    JAPANESE = "japanese"  # in ISO 2022, with escape sequences
    UNDECLARED = "undeclared"  # in Latin-1, and does not say so
    ANONYMOUS = "anonymous"  # not at all


@dataclass(frozen=True, slots=True)
class Habits:
    """The attributes that an archive keeps in its records."""

    ids: Ids = Ids.RECORD
    names: Names = Names.PLAIN
    more: bool = False  # the archive keeps address, telephone, comments and similar attributes
    staff: bool = False  # the archive keeps operator and performing physician, at series level
    purpose: bool = True

    def with_ssn(self, patients: int) -> int:
        """How many of its patients have a US social security number as their id: the first ones."""
        wanted = self.ids in (Ids.SSN, Ids.SSN_ALL, Ids.SSN_BARE) and patients >= FEW
        share = 1.0 if self.ids is Ids.SSN_ALL else SSN_SHARE
        return math.ceil(share * patients) if wanted else 0


Columns = dict[int, Column]  # by tag


def of_studies(habits: Habits, people: int, patients: int) -> Columns:
    """The personal attributes of a study by the number of its patient, `people` being that of the first patient."""
    ids, issuer = _ids(habits, people, patients)
    columns: Columns = {
        PATIENT_ID: ids,
        0x00100010: _names(habits.names),
        0x00100030: _births() if habits.names is not Names.ANONYMOUS else Cycle((b"19000101",)),
        0x00100040: Cycle((b"F", b"M", b"F", b"O", b"M", b"F", b"")),
        0x00080090: Cycle((b"", b"Referrer^Rita", b"Referrer^Rita")),
    }
    if issuer is not None:
        columns[ISSUER] = issuer
    if charset := {Names.UTF_8: b"ISO_IR 192", Names.JAPANESE: b"\\ISO 2022 IR 87"}.get(habits.names):
        columns[CHARACTER_SET] = Cycle((charset,))
    if habits.purpose:
        columns[0x00081030] = Cycle(_PURPOSE)
    if habits.more:
        columns |= {
            0x00101040: Joined((Digits(9), b" Rehearsal Road")),
            0x00102154: Shown(Joined((b"555 ", Digits(9))), (True, False)),
            0x00104000: Cycle((b"Afraid of the tunnel", b"", b"", b"")),
            0x00102160: Cycle((b"", b"unsaid", b"", b"")),
            0x00102180: Cycle((b"", b"", b"Gardener", b"")),
            0x00101080: Cycle((b"", b"", b"", b"Sergeant")),
            0x00081048: Cycle((b"Attending^Ana",)),
            0x00081060: Cycle((b"Reader^Rolf",)),
        }
    return columns


def of_series(habits: Habits) -> Columns:
    """The personal attributes that only the series of a study have, by the number of its patient."""
    if not habits.staff:
        return {}
    return {
        0x00081070: Cycle((b"Operator^Olga",)),
        0x00080080: Cycle((b"Rehearsal Hospital",)),
        0x00081050: Cycle((b"", b"Performer^Paul")),
    }


def of_kinds(columns: Columns) -> dict[Kind, Column]:
    """The column of each kind of personal data. No kind has two."""
    found = {KIND[tag]: column for tag, column in columns.items() if tag in KIND}
    assert len(found) == sum(tag in KIND for tag in columns)
    return found


def _ids(habits: Habits, people: int, patients: int) -> tuple[Column, Column | None]:
    """The patient ids, and the issuer that stands beside them. No two patients have the same."""
    record = Joined((b"MR", Digits(10)))  # nine digits may be a social security number
    match habits.ids:
        case Ids.RECORD:
            return record, None
        case Ids.NINE_DIGITS:
            return Joined((b"31", Digits(7))), None
        case Ids.HASH:
            return _hashes(), None
    border = people + habits.with_ssn(patients)
    bare = habits.ids is Ids.SSN_BARE
    issuer = Split(border, Cycle((b"SSA",)), Cycle((b"",))) if bare else None
    return Split(border, _ssn(b"" if bare else b"-"), record), issuer


def _shuffled(values: list[bytes], period: int, seed: str) -> tuple[bytes, ...]:
    """As many different values as the period says, a prime, in a disorder that is always the same."""
    chance = random.Random(seed)
    return tuple(chance.sample(values, period))


@cache
def _ssn(dash: bytes) -> Column:
    """US social security numbers. The periods of their parts are primes, so 690 million numbers are all different."""
    areas = [b"%03d" % area for area in (*range(1, 666), *range(667, 773))]
    return Joined(
        (
            Cycle(_shuffled(areas, 761, "areas")),
            dash,
            Cycle(_shuffled([b"%02d" % group for group in range(1, 100)], 97, "groups")),
            dash,
            Cycle(_shuffled([b"%04d" % serial for serial in range(1, 10_000)], 9_973, "serials")),
        )
    )


@cache
def _hashes() -> Column:
    """32 hexadecimal digits. The periods are primes, so as many as their product are all different."""
    words = [b"%04x" % word for word in range(1 << 16)]
    periods = (1009, 1013, 1019, 1021, 1031, 1033, 1039)
    last = Cycle(_shuffled([b"%03x" % word for word in range(1 << 12)], 1049, "last"))
    return Joined((b"a", *(Cycle(_shuffled(words, period, str(period))) for period in periods), last))


@cache
def _births() -> Column:
    first = date(1930, 1, 1).toordinal()
    return Cycle(_shuffled([day_text(day) for day in range(first, first + 29_000)], _BIRTHS, "births"))


@cache
def _names(names: Names) -> Column:
    if names is Names.ANONYMOUS:
        return Joined((b"ANON", Digits(9)))
    plain = [f"{family}{ending}^{given}" for family in _FAMILY for ending in _ENDINGS for given in _GIVEN]
    match names:
        case Names.UTF_8:
            written = [f"{name}ß".encode() for name in plain]
        case Names.JAPANESE:
            written = [name.encode() + b"=" + "山田^太郎".encode("iso2022_jp") for name in plain]
        case Names.UNDECLARED:
            written = [f"{name}é".encode("latin-1") for name in plain]
        case _:
            written = [name.encode() for name in plain]
    return Cycle(_shuffled(written, _NAMES, "names"))
