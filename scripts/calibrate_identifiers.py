"""Makes archives of each scheme of national identifiers and of plain record numbers, looks at them as the instrument does,
and writes into docs/identifiers.md what they hold against what was said of them: `calibrate_identifiers.py [ARCHIVES]`.
"""

from __future__ import annotations

import random
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache, partial
from itertools import islice
from pathlib import Path

from measure_base_rates import NULLS, put

from filmbadge.ask.personal import inspector
from filmbadge.identifiers import checks, rules
from filmbadge.identifiers.checks import birth_date, valid
from filmbadge.identifiers.schemes import SIGNS, US_SSN, Scheme, schemes
from filmbadge.judge import personal
from filmbadge.model import Count, Identifier, Kind, Profile, Provenance

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/identifiers.md"
MARK = "<!-- made by scripts/calibrate_identifiers.py: do not edit below -->\n"
SEED = 2026
ARCHIVES = 1000  # of each scheme
MORE = {US_SSN: 10}  # times as many
POOL = 150  # different numbers of one kind
# Studies of an archive, and how often such a size is drawn.
SIZES = {
    **dict.fromkeys((1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60, 100), 1.0),
    200: 0.5, 300: 0.5, 600: 0.3, 1000: 0.2, 2500: 0.04, 6000: 0.01, 20_000: 0.004, 50_000: 0.002,
}  # fmt: skip
# Their valid numbers are too rare to be found by chance: a walk begins at the example.
RARE = {"ae.eid", "au.ihi", "cn.ric", "gr.amka", "it.codicefiscale", "lu.matricule", "mx.curp", "mx.rfc"}
PATIENT_ID, BIRTH_DATE, ISSUER = 0x00100020, 0x00100030, 0x00100021
# Areas of social security numbers by the state that gave them until 2011.
STATES = {
    "the whole US": ((1, 665), (667, 733), (750, 772)),
    "Vermont": ((8, 9),),
    "Wyoming": ((520, 520),),
    "Texas": ((449, 467), (627, 645)),
    "Florida": ((261, 267), (589, 595), (766, 772)),
    "California": ((545, 573), (602, 626)),
    "New York": ((50, 134),),
}


@dataclass(frozen=True)
class Patient:
    """One synthetic patient: the id as it is written, and the birth date."""

    identity: str
    born: date | None = None
    issuer: str = ""
    real: bool = False  # the id is a number of the scheme


# Numbers of schemes.


def numbers(scheme: Scheme, chance: random.Random) -> Iterator[str]:
    """Valid numbers without separators: a walk from one to the next, by changing some signs."""
    state = "".join(sign for sign in scheme.example if sign.isalnum()) if scheme.id in RARE else ""
    while not valid(scheme.id, state):
        state = "".join(chance.choice(SIGNS[sign]) for sign in scheme.shape)
    moved = 0
    while True:
        other = list(state)
        for _ in range(chance.choice((1, 2, 2, 3, 4))):
            at = chance.randrange(len(other))
            other[at] = chance.choice(string.digits if other[at].isdigit() else string.ascii_uppercase)
        proposed = "".join(other)
        if not (scheme.pattern.fullmatch(proposed) and valid(scheme.id, proposed)) or _rare(scheme.id, proposed):
            continue
        moved += state != proposed
        state = proposed
        if moved >= 6:
            moved = 0
            yield state


def _rare(scheme: str, number: str) -> bool:
    return scheme in rules.RARE and rules.RARE[scheme](number)


def ssns(state: str, chance: random.Random, *, at_home: float = 1.0, late: float = 0.0) -> Iterator[str]:
    """Social security numbers of a state's people, some of whom were born elsewhere, or after 2011."""
    while True:
        born_late = chance.random() < late
        ranges = STATES[state if chance.random() < at_home else "the whole US"]
        areas = [area for low, high in ranges for area in range(low, high + 1)]
        area = chance.randrange(1, 900) if born_late else chance.choice(areas)
        number = f"{area:03d}{chance.randrange(1, 100):02d}{chance.randrange(1, 10_000):04d}"
        if valid(US_SSN, number):
            yield number


def written(scheme: Scheme, number: str) -> str:
    """With the scheme's separators, where it has any."""
    signs = iter(number)
    return "".join(next(signs) if sign in SIGNS else sign for sign in scheme.written) if scheme.written else number


def pool(scheme: Scheme, size: int = POOL, seed: int = SEED) -> list[str]:
    return list(islice(numbers(scheme, random.Random(f"{seed} {scheme.id}")), size))


def people(
    scheme: Scheme,
    made: Sequence[str],
    patients: int,
    share: float,
    chance: random.Random,
    *,
    dashes: bool,
    issuer: bool = False,
) -> list[Patient]:
    """A share of the patients have a number of the scheme; the others a record number of the same shape, at random."""
    drawn = []
    for number in chance.sample(made, patients):
        if chance.random() < share:
            drawn.append(_one_of(scheme, number, dashes, scheme.issuers[0] if issuer else ""))
        else:
            drawn.append(_record_number("".join(chance.choice(SIGNS[sign]) for sign in scheme.shape)))
    return drawn


def _one_of(scheme: Scheme, number: str, dashes: bool, issuer: str = "") -> Patient:
    said = birth_date(scheme.id, number) if scheme.birth else None
    return Patient(
        written(scheme, number) if dashes else number, said or _day(random.Random(number)), issuer, real=True
    )


# Record numbers.


def _record_number(identity: str) -> Patient:
    return Patient(identity, _day(random.Random(identity)))


def _day(chance: random.Random) -> date:
    return date(1925, 1, 1) + timedelta(chance.randrange(36_000))


def alone(
    shape: str, make: Callable[[str, random.Random], Callable[[], str]], patients: int, chance: random.Random
) -> list[Patient]:
    """An archive of record numbers alone, in a shape."""
    following = make(shape, chance)
    return [_record_number(following()) for _ in range(patients)]


def of_a_range(shape: str, chance: random.Random) -> Callable[[], str]:
    """Record numbers of one range: all begin with the same digit."""
    first = chance.choice(string.digits)
    return lambda: put(shape, first, chance)


def up_to_eight(shape: str, chance: random.Random) -> Callable[[], str]:
    """Record numbers of the ranges below nine."""
    return lambda: put(shape, chance.choice("12345678"), chance)


def of_some_sites(shape: str, chance: random.Random) -> Callable[[], str]:
    sites = [f"{chance.randrange(1000):03d}" for _ in range(chance.choice((2, 5, 12)))]
    return lambda: put(shape, chance.choice(sites), chance)


def from_births(form: str, shape: str, patients: int, chance: random.Random) -> list[Patient]:
    """Record numbers that begin with the patient's birth date, and are no scheme's."""
    made = []
    for _ in range(patients):
        day = _day(chance)
        made.append(Patient(put(shape, f"{day:{form}}", chance), day))
    return made


ALONE = {
    **dict(NULLS),
    "one digit in front": of_a_range,
    "1 to 8 in front": up_to_eight,
    "some sites in front": of_some_sites,
}
BIRTHS = {"birth date in front": "%y%m%d", "birth date in front, day first": "%d%m%y"}
HABITS = (*ALONE, *BIRTHS)


def by_habit(habit: str, scheme: Scheme, patients: int, chance: random.Random, dashes: bool) -> list[Patient]:
    """Record numbers in the shape of a scheme, or written as it is."""
    if habit in ALONE:
        made = alone(scheme.shape, ALONE[habit], patients, chance)
    else:
        made = from_births(BIRTHS[habit], scheme.shape, patients, chance)
    return [Patient(written(scheme, one.identity), one.born) for one in made] if dashes else made


# What the instrument says.


def look(patients: Sequence[Patient], *countries: str) -> tuple[Identifier, ...]:
    return judged(patients, *countries)[0]


def judged(patients: Sequence[Patient], *countries: str) -> tuple[tuple[Identifier, ...], Count]:
    """What the instrument says of an archive with one study for each of these: identifiers, and social security numbers."""
    seen = inspector.ValueInspector()
    kinds = {Kind.PATIENT_ID}
    for one in patients:
        born = f"{one.born:%Y%m%d}" if one.born else None
        values = [(PATIENT_ID, one.identity), (ISSUER, one.issuer), (BIRTH_DATE, born)]
        seen.take([(tag, text) for tag, text in values if text], kinds)
        seen.close(kinds)
    tallies = tuple(tally for tally in seen.kinds() if tally.kind in kinds)
    profile = Profile(True, len(patients), kinds=tallies, schemes=seen.schemes())
    return personal.judge(profile, len(patients), countries)[1:]


# Archives, and what is said of them.

RIGHT, WRONG, HOLDS, FAILS, UNKNOWN = (
    "counted, right",
    "counted, wrong",
    "estimated, holds",
    "estimated, fails",
    "unknown",
)
SAID = (RIGHT, WRONG, HOLDS, FAILS, UNKNOWN)
Cell = tuple[str, str, str]  # what was judged, what the archive holds, what was said


@dataclass(frozen=True)
class Archive:
    """One synthetic archive, with the truth."""

    holds: str  # in words
    patients: list[Patient]

    @property
    def truth(self) -> int:
        return sum(one.real for one in self.patients)


@cache
def _numbers_of(scheme: str, seed: int) -> list[str]:
    return pool(schemes()[scheme], seed=seed)


@cache
def _record_numbers(habit: str, scheme: str, dashes: bool, seed: int) -> list[Patient]:
    row = schemes()[scheme]
    return by_habit(habit, row, POOL, random.Random(f"{seed} {habit} {row.shape}"), dashes)


def archive(scheme: Scheme, chance: random.Random, seed: int = SEED) -> Archive:
    """An archive: record numbers alone, half of the time; else numbers of the scheme, alone or among record numbers."""
    size = chance.choices(list(SIZES), list(SIZES.values()))[0]
    share = chance.choice((0.0, 0.0, 0.0, 1.0, 1.0, chance.choice((0.02, 0.2, 0.5, 0.9))))
    dashes, others_dashes = (bool(scheme.written) and chance.random() < half for half in (0.5, 0.3))
    others_dashes &= not (dashes and share)  # nobody writes record numbers as the other numbers that they have
    habit = chance.choice(HABITS)
    patients = min(size, POOL)
    if chance.random() < 0.2:
        others = [_record_number(f"MR{chance.randrange(10**7):07d}") for _ in range(patients)]
    else:
        plain = _record_numbers(habit, scheme.id, others_dashes, seed * 3 + chance.randrange(3))
        begin = chance.randrange(len(plain) - patients + 1)
        others = plain[begin : begin + patients]
    if scheme.id == US_SSN:
        state = chance.choice(("the whole US", *STATES))
        made = ssns(state, chance, at_home=chance.choice((0.8, 1.0)), late=chance.choice((0.0, 0.0, 0.05)))
        own = [_one_of(scheme, number, dashes) for number in islice(made, patients)]
    else:
        own = [_one_of(scheme, number, dashes) for number in chance.sample(_numbers_of(scheme.id, seed), patients)]
        state = ""
    real = round(share * size)
    drawn = [own[n] if n < patients else chance.choice(own) for n in range(real)]
    drawn += [others[n] if n < patients else chance.choice(others) for n in range(size - real)]
    if chance.random() < 0.7:  # else they stand together, as numbers of one month do
        chance.shuffle(drawn)
    how = (
        ("written, " if dashes else "bare, ") + (state or "its numbers") + (" alone" if share == 1 else " among others")
    )
    return Archive(how if real else ("record numbers, written so" if others_dashes else "record numbers"), drawn)


def said(truth: int, value: int | None, how: Provenance, low: int | None, high: int | None) -> str:
    if value is None:
        return UNKNOWN
    if how is Provenance.COUNTED:
        return RIGHT if value == truth else WRONG
    return HOLDS if low is not None and high is not None and low <= truth <= high else FAILS


def cells(scheme: Scheme, made: Archive) -> Iterator[Cell]:
    """What was said of one archive: of the scheme, of every other one that was named, and of social security numbers."""
    identifiers, ssn = judged(made.patients)
    named = {one.scheme: one for one in identifiers}
    mine = named.pop(scheme.id, None)
    holds = "present" if made.truth else "absent"
    if mine is None:
        yield scheme.id, holds, UNKNOWN
    else:
        yield scheme.id, holds, said(made.truth, mine.records, mine.how, mine.low, mine.high)
    for other in named.values():
        yield scheme.id, "another", said(0, other.records, other.how, other.low, other.high)
    truth = made.truth if scheme.id == US_SSN else 0
    yield (
        "ssn_records",
        made.holds if scheme.id == US_SSN else "another scheme, or its shape",
        said(truth, ssn.value, ssn.how, ssn.low, ssn.high),
    )


def confusion(name: str, archives: int = ARCHIVES, seed: int = SEED) -> Counter[Cell]:
    """What many archives hold against what was said of them."""
    chance, scheme = random.Random(f"{seed} archives {name}"), schemes()[name]
    found: Counter[Cell] = Counter()
    for _ in range(archives * MORE.get(name, 1)):
        found.update(cells(scheme, archive(scheme, chance, seed)))
    return found


def remember() -> None:
    """Numbers come again and again: try each once."""
    checks.valid = cache(checks.valid)
    inspector.passes = lru_cache(200_000)(checks.passes)  # type: ignore[assignment,attr-defined]
    inspector.begins_with_a_date = cache(checks.begins_with_a_date)  # type: ignore[attr-defined]


def page(found: Counter[Cell], archives: int) -> str:
    """The tables of docs/identifiers.md."""
    total = archives * sum(MORE.get(name, 1) for name in schemes())
    lines = [
        f"## Social security numbers, in {total:,} archives",
        "",
        f"| the ids | {' | '.join(SAID)} |",
        "|---" * 6 + "|",
    ]
    rows = sorted({holds for judged, holds, _ in found if judged == "ssn_records"})
    lines += [_row(holds, (found["ssn_records", holds, one] for one in SAID)) for holds in rows]
    lines += [
        "",
        f"## Schemes, in {archives:,} archives each, and {MORE[US_SSN] * archives:,} of social security numbers",
        "",
    ]
    heads = [f"present: {one}" for one in SAID] + [f"absent: {one}" for one in SAID[1:]] + ["another one named wrongly"]
    lines += [f"| scheme | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    sums = [0] * len(heads)
    for scheme in schemes().values():
        row = [found[scheme.id, "present", one] for one in SAID] + [found[scheme.id, "absent", one] for one in SAID[1:]]
        row.append(found[scheme.id, "another", WRONG] + found[scheme.id, "another", FAILS])
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        lines.append(_row(f"`{scheme.id}` {scheme.name}", row))
    lines.append(_row("all", sums))
    return "\n".join(lines) + "\n"


def _row(name: str, counts: Sequence[int] | Iterator[int]) -> str:
    return f"| {name} | {' | '.join(f'{n:,}' if n else '' for n in counts)} |"


def main() -> None:
    archives = int(sys.argv[1]) if len(sys.argv) > 1 else ARCHIVES
    found: Counter[Cell] = Counter()
    with ProcessPoolExecutor(initializer=remember) as workers:
        names = sorted(schemes(), key=lambda name: schemes()[name].shape)  # so that one process has those of one shape
        counted = workers.map(partial(confusion, archives=archives), names, chunksize=4)
        for name, one in zip(names, counted, strict=True):
            found.update(one)
            print(name, {cell[1:]: n for cell, n in one.items() if cell[2] in (WRONG, FAILS)}, flush=True)
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(head + MARK + "\n" + page(found, archives), encoding="utf-8")


if __name__ == "__main__":
    main()
