"""What a made-up archive holds, and the truth about it. Every name, id and UID is invented."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

FAMILIES = [
    "ARCHER",
    "BECK",
    "COSTA",
    "DURAND",
    "EKLUND",
    "FABER",
    "GRECO",
    "HOLM",
    "IBARRA",
    "JANSEN",
    "KELLER",
    "LUNDQVIST",
    "MARINO",
    "NOVAK",
    "OLSEN",
    "PEREIRA",
]
GIVEN = [
    "ALMA",
    "BRUNO",
    "CLARA",
    "DAVID",
    "EDITH",
    "FELIX",
    "GWEN",
    "HUGO",
    "INES",
    "JONAS",
    "KARLA",
    "LEON",
    "MIRA",
    "NILS",
    "OLGA",
    "PIA",
]
MODALITIES = ("CT", "MR", "CR", "US", "DX")
Numbering = Callable[[int, random.Random], str]  # the id of a patient


@dataclass(frozen=True, slots=True)
class Patient:
    id: str
    name: str
    born: str
    sex: str
    ssn: bool = False  # the id is a Social Security number


@dataclass(slots=True)
class Study:
    uid: str
    day: str  # empty: it has no date
    time: str
    modality: str
    series: list[int]  # images of each
    patient: Patient

    @property
    def images(self) -> int:
        return sum(self.series)


@dataclass(frozen=True)
class Truth:
    """What is true of one archive. None: it is not looked at, or more than one answer is right."""

    open: bool | None
    studies: int | tuple[int, int]  # a range, where it changes while it is asked
    series: int | None = None
    images: int | None = None
    patients: int | None = None
    ssn: int | None = None
    personal: bool = False  # real people are among them
    # As many studies have a date as a silent cap lets through, and others have none: nobody could tell.
    coincidence: bool = False


@dataclass(frozen=True)
class Setting:
    """From what studies are drawn."""

    dated: int = 40
    undated: int = 0
    oldest: int = 4000  # days ago
    youngest: int = 0
    images: tuple[int, int] = (1, 5)
    series: tuple[int, int] = (1, 3)
    studies_each: float = 1.4  # studies for each patient
    modalities: Sequence[str] = MODALITIES
    numbering: Numbering | None = None
    days: Sequence[int] = field(default=())  # ages in days, one of which each study has
    odd_days: Sequence[str] = field(default=())  # as they are written; each is one study's


def mrn(n: int, _: random.Random) -> str:
    return f"MR{430017 + n * 11}"


def drawn(chance: random.Random, setting: Setting) -> list[Study]:
    """Studies in no order."""
    whole = setting.dated + setting.undated
    root = f"1.2.826.0.1.3680043.2.{chance.randrange(1000, 9999)}.{chance.randrange(1, 99)}"
    numbering = setting.numbering or mrn
    people = [_patient(n, numbering(n, chance), chance) for n in range(max(1, round(whole / setting.studies_each)))]
    made = []
    for n in range(whole):
        dated = n < setting.dated
        age = chance.choice(setting.days) if setting.days else chance.randint(setting.youngest, setting.oldest)
        made.append(
            Study(
                uid=f"{root}.{20011 + n * 17}",
                day=f"{date.today() - timedelta(age):%Y%m%d}" if dated else "",
                time=f"{chance.randrange(24):02}{chance.randrange(60):02}{chance.randrange(60):02}" if dated else "",
                modality=chance.choice(setting.modalities),
                series=[chance.randint(*setting.images) for _ in range(chance.randint(*setting.series))],
                patient=people[n % len(people)],
            )
        )
    for study, day in zip(made, setting.odd_days, strict=False):
        study.day = day
    chance.shuffle(made)
    return made


def _patient(n: int, number: str, chance: random.Random) -> Patient:
    name = f"{chance.choice(FAMILIES)}^{chance.choice(GIVEN)}^{chr(65 + n % 26)}{n}"
    born = f"{chance.randint(1930, 2010)}{chance.randint(1, 12):02}{chance.randint(1, 28):02}"
    return Patient(number, name, born, chance.choice("FM"))


def truth(studies: Iterable[Study], *, ssn: bool = False) -> Truth:
    """Of an archive that gives all of them to strangers."""
    held = list({study.uid: study for study in studies}.values())
    return Truth(
        open=bool(held),
        studies=len(held),
        series=sum(len(study.series) for study in held),
        images=sum(study.images for study in held),
        patients=len({study.patient.id for study in held}),
        ssn=sum(study.patient.ssn for study in held) if ssn else None,
    )
