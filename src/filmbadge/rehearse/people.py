"""The records of a synthetic archive about people who do not exist, and the kinds of data in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum

from filmbadge.model import Kind

_FAMILY = ("Abara", "Brandt", "Castillo", "Dvorak", "Eriksen", "Fontaine", "Greco", "Haddad", "Ivanova", "Jansen")
_GIVEN = ("Ada", "Bruno", "Chiara", "Daan", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas")
_PURPOSE = (b"CT THORAX", b"MRI BRAIN, HEADACHE", b"MAMMOGRAPHY", b"FOLLOW UP AFTER FRACTURE")


class Ids(Enum):
    """How an archive numbers its patients."""

    RECORD = "record numbers"
    NINE_DIGITS = "record numbers of nine digits, in sequence"
    SSN = "US social security numbers for most, record numbers for the rest"
    SSN_BARE = "US social security numbers without dashes, and an issuer that says so"
    HASH = "hashes"


class Names(Enum):
    """How an archive writes names."""

    PLAIN = "in the default character set"
    UTF_8 = "in UTF-8, and says so"
    JAPANESE = "in ISO 2022, with escape sequences"
    UNDECLARED = "in Latin-1, and does not say so"
    ANONYMOUS = "not at all"


@dataclass(frozen=True, slots=True)
class Habits:
    """The attributes that an archive keeps in its records."""

    ids: Ids = Ids.RECORD
    names: Names = Names.PLAIN
    more: bool = False  # the archive keeps address, telephone, comments and similar attributes
    staff: bool = False  # the archive keeps operator and performing physician, at series level
    purpose: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """Personal attributes of one study, and the kinds of these attributes."""

    study: Mapping[int, bytes] = field(default_factory=dict)
    series: Mapping[int, bytes] = field(default_factory=dict)
    kinds: frozenset[Kind] = frozenset()
    ssn: bool = False


def records(habits: Habits, patients: int, seed: str) -> Callable[[int, date], Record]:
    """A function that makes the record of a study from its patient's number and its date."""
    chance = random.Random(seed)
    people = [_person(habits, number, patients, chance) for number in range(patients)]

    def record(patient: int, day: date) -> Record:
        about, ssn = people[patient]
        study = {tag: value for (tag, _), value in about.items()}
        kinds = {kind for (_, kind), value in about.items() if value and kind}
        kinds.add(Kind.EXAM_DATE)
        study[0x00080020] = f"{day:%Y%m%d}".encode()
        if patient % 3:
            study[0x00080090] = b"Referrer^Rita"
            kinds.add(Kind.REFERRING_PHYSICIAN)
        if habits.purpose and patient % 5:
            study[0x00081030] = chance.choice(_PURPOSE)
            kinds.add(Kind.PURPOSE)
        series = {}
        if habits.staff:
            series = {0x00081070: b"Operator^Olga", 0x00080080: b"Rehearsal Hospital"}
            kinds |= {Kind.OPERATOR, Kind.INSTITUTION}
            if patient % 2:
                series[0x00081050] = b"Performer^Paul"
                kinds.add(Kind.PERFORMING_PHYSICIAN)
        return Record(study, series, frozenset(kinds), ssn)

    return record


def _person(
    habits: Habits, number: int, of: int, chance: random.Random
) -> tuple[dict[tuple[int, Kind | None], bytes], bool]:
    """Values by attribute and kind (None: of no kind), and whether the id is a social security number."""
    name, charset = _name(habits.names, chance)
    wanted = habits.ids in (Ids.SSN, Ids.SSN_BARE)
    ssn = wanted and of >= 8 and number < 0.7 * of  # a few numbers would not be recognized as a scheme
    ids = {
        Ids.RECORD: f"MR{chance.randrange(10**5):05d}",
        Ids.NINE_DIGITS: f"{314_000_000 + number}",
        Ids.HASH: f"{chance.getrandbits(124) | 10 << 124:032x}",
    }
    identity = _ssn(chance, "-" if habits.ids is Ids.SSN else "") if ssn else ids.get(habits.ids, ids[Ids.RECORD])
    hidden = habits.names is Names.ANONYMOUS
    born = date(1930, 1, 1) + timedelta(chance.randrange(29000))
    about: dict[tuple[int, Kind | None], bytes] = {
        (0x00100010, Kind.PATIENT_NAME): name,
        (0x00100020, Kind.PATIENT_ID): identity.encode(),
        (0x00100030, Kind.BIRTH_DATE): b"19000101" if hidden else f"{born:%Y%m%d}".encode(),
        (0x00100040, Kind.SEX): chance.choice((b"F", b"M", b"O", b"")),
    }
    if charset:
        about[0x00080005, None] = charset
    if ssn and habits.ids is Ids.SSN_BARE:
        about[0x00100021, None] = b"SSA"
    if habits.more:
        about |= {
            (0x00101040, Kind.ADDRESS): f"{number} Rehearsal Road".encode(),
            (0x00102154, Kind.TELEPHONE): f"555 {chance.randrange(10**6):06d}".encode() if number % 2 else b"",
            (0x00104000, Kind.PATIENT_COMMENTS): b"Afraid of the tunnel" if number % 4 == 0 else b"",
            (0x00102160, Kind.ETHNIC_GROUP): b"unsaid" if number % 4 == 1 else b"",
            (0x00102180, Kind.OCCUPATION): b"Gardener" if number % 4 == 2 else b"",
            (0x00101080, Kind.MILITARY): b"Sergeant" if number % 4 == 3 else b"",
            (0x00081048, Kind.ATTENDING_PHYSICIAN): b"Attending^Ana",
            (0x00081060, Kind.READING_PHYSICIAN): b"Reader^Rolf",
        }
    return about, ssn


def _ssn(chance: random.Random, dash: str) -> str:
    area = chance.choice([*range(1, 666), *range(667, 773)])
    return f"{area:03d}{dash}{chance.randrange(1, 100):02d}{dash}{chance.randrange(1, 10000):04d}"


def _name(names: Names, chance: random.Random) -> tuple[bytes, bytes]:
    """A name, and the Specific Character Set that it declares."""
    plain = f"{chance.choice(_FAMILY)}^{chance.choice(_GIVEN)}"
    match names:
        case Names.PLAIN:
            return plain.encode(), b""
        case Names.UTF_8:
            return f"{plain}ß".encode(), b"ISO_IR 192"
        case Names.JAPANESE:
            return plain.encode() + b"=" + "山田^太郎".encode("iso2022_jp"), b"\\ISO 2022 IR 87"
        case Names.UNDECLARED:
            return f"{plain}é".encode("latin-1"), b""
        case Names.ANONYMOUS:
            return b"ANON%d" % chance.randrange(10**6), b""
