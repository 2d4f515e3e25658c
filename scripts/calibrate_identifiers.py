"""Makes archives of each scheme of national identifiers, mixed with plain record numbers, and of record numbers alone;
looks at them as the instrument does; and writes what was named rightly, wrongly and not at all into docs/identifiers.md.
"""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from pathlib import Path

from measure_base_rates import NULLS, put

from filmbadge.ask.personal.inspector import ValueInspector
from filmbadge.identifiers import rules
from filmbadge.identifiers.checks import birth_date, valid
from filmbadge.identifiers.schemes import SIGNS, Scheme, schemes
from filmbadge.judge import personal
from filmbadge.model import Identifier, Kind, Profile

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/identifiers.md"
MARK = "<!-- made by scripts/calibrate_identifiers.py: do not edit below -->\n"
SEED = 2026
PATIENTS = (30, 300)
SHARES = (1.0, 0.5, 0.2)
ARCHIVES = 3  # of each kind
POOL = 400
# Their valid numbers are too rare to be found by chance: a walk begins at the example.
RARE = {"ae.eid", "au.ihi", "cn.ric", "gr.amka", "it.codicefiscale", "lu.matricule", "mx.curp", "mx.rfc"}
PATIENT_ID, BIRTH_DATE, ISSUER = 0x00100020, 0x00100030, 0x00100021


@dataclass(frozen=True)
class Patient:
    """One synthetic patient: the id as it is written, and the birth date."""

    identity: str
    born: date | None = None
    issuer: str = ""


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
            born = birth_date(scheme.id, number) if scheme.birth else None
            word = scheme.issuers[0] if issuer else ""
            drawn.append(Patient(written(scheme, number) if dashes else number, born or _day(chance), word))
        else:
            drawn.append(Patient("".join(chance.choice(SIGNS[sign]) for sign in scheme.shape), _day(chance)))
    return drawn


def _day(chance: random.Random) -> date:
    return date(1925, 1, 1) + timedelta(chance.randrange(36_000))


def look(patients: Sequence[Patient], country: str = "") -> tuple[Identifier, ...]:
    """What the instrument says of an archive with one study for each patient."""
    seen = ValueInspector()
    for one in patients:
        born = f"{one.born:%Y%m%d}" if one.born else None
        values = [(PATIENT_ID, one.identity), (ISSUER, one.issuer), (BIRTH_DATE, born)]
        seen.take([(tag, text) for tag, text in values if text], {Kind.PATIENT_ID, Kind.BIRTH_DATE})
        seen.close({Kind.PATIENT_ID, Kind.BIRTH_DATE})
    profile = Profile(True, len(patients), kinds=seen.kinds(), schemes=seen.schemes())
    return personal.judge(profile, len(patients), country)[1]


def outcome(scheme: Scheme, found: Sequence[Identifier]) -> str:
    names = [one.scheme for one in found]
    if scheme.id not in names:
        return "other" if names else "missed"
    return "right" if names == [scheme.id] else "among"


Case = tuple[str, int, float]  # bare or written, patients, share


def confusion(scheme: Scheme, seed: int = SEED, archives: int = ARCHIVES) -> tuple[Counter[Case], Counter[str]]:
    """How often the scheme was named by case, and what else was named."""
    chance, made = random.Random(f"{seed} mixed {scheme.id}"), pool(scheme, seed=seed)
    right: Counter[Case] = Counter()
    others: Counter[str] = Counter()
    for how in ("bare", "written") if scheme.written else ("bare",):
        for patients in PATIENTS:
            for share in SHARES:
                for _ in range(archives):
                    found = look(people(scheme, made, patients, share, chance, dashes=how == "written"))
                    right[how, patients, share] += scheme.id in {one.scheme for one in found}
                    others.update(one.scheme for one in found if one.scheme != scheme.id)
    return right, others


def alone(
    shape: str,
    make: Callable[[str, random.Random], Callable[[], str]],
    patients: int,
    chance: random.Random,
    form: str = "",
) -> list[Patient]:
    """An archive of record numbers alone, in a shape, with the separators of a form."""
    following = make(shape, chance)
    ids = [following() for _ in range(patients)]
    if form:
        signs = [iter(one) for one in ids]
        ids = ["".join(next(one) if sign in SIGNS else sign for sign in form) for one in signs]
    return [Patient(one, _day(chance)) for one in ids]


def of_a_range(shape: str, chance: random.Random) -> Callable[[], str]:
    """Record numbers of one range: all begin with the same digit."""
    first = chance.choice(string.digits)
    return lambda: put(shape, first, chance)


def from_births(form: str, shape: str, patients: int, chance: random.Random) -> list[Patient]:
    """Record numbers that begin with the patient's birth date, and are no scheme's."""
    days = [_day(chance) for _ in range(patients)]
    return [
        Patient((f"{day:{form}}" + "".join(chance.choice(string.digits) for _ in shape))[: len(shape)], day)
        for day in days
    ]


Told = tuple[int, Counter[str]]


def false_positives(name: str, seed: int = SEED, archives: int = ARCHIVES) -> dict[str, Told]:
    """Of one kind of record numbers: archives, and the schemes that were named in them."""
    found: dict[str, Told] = {}
    chance = random.Random(f"{seed} {name}")

    def tell(name: str, patients: list[Patient]) -> None:
        total, named = found.get(name, (0, Counter()))
        named.update({one.scheme for one in look(patients)})
        found[name] = total + 1, named

    shapes = sorted({scheme.shape for scheme in schemes().values()})
    forms = sorted({(scheme.shape, scheme.written) for scheme in schemes().values() if scheme.written})
    for patients in PATIENTS:
        for _ in range(archives):
            if name == BIRTHS:
                for form in ("%y%m%d", "%d%m%y", "%Y%m%d"):
                    for length in range(8, 14):
                        tell(name, from_births(form, "9" * length, patients, chance))
                continue
            make = ALONE[name]
            for shape in shapes:
                tell(name, alone(shape, make, patients, chance))
            for shape, form in forms if name in ("random", "in sequence", "zeros in front") else ():
                tell(f"{name}, written with a scheme's separators", alone(shape, make, patients, chance, form))
    return found


BIRTHS = "birth date in front"
ALONE = {**dict(NULLS), "one digit in front": of_a_range}


def page() -> str:
    """The tables of docs/identifiers.md."""
    cases: list[Case] = [(how, n, share) for how in ("bare", "written") for n in PATIENTS for share in SHARES]
    head = " | ".join(f"{how}, {n}, {share:.0%}" for how, n, share in cases)
    lines = [
        f"## Named, of {ARCHIVES} archives each",
        "",
        "Columns: how the numbers are written, how many patients, and the share of them that have one; the others have record",
        "numbers of the same shape at random.",
        "",
        f"| scheme | {head} | also named |",
        "|---" * (len(cases) + 2) + "|",
    ]
    total: Counter[Case] = Counter()
    of: Counter[Case] = Counter()
    with ProcessPoolExecutor(8) as workers:
        mixed = list(workers.map(confusion, schemes().values()))
        plain = list(workers.map(false_positives, (*ALONE, BIRTHS)))
    for scheme, (right, others) in zip(schemes().values(), mixed, strict=True):
        for case in right:
            total[case] += right[case]
        of.update({case: ARCHIVES for case in cases if case[0] == "bare" or scheme.written})
        cells = " | ".join(str(right[case]) if case[0] == "bare" or scheme.written else "" for case in cases)
        also = ", ".join(f"{name} {n}" for name, n in others.most_common(4))
        lines.append(f"| `{scheme.id}` {scheme.name} | {cells} | {also} |")
    lines.append("| all | " + " | ".join(f"{total[case] / of[case]:.0%}" for case in cases) + " | |")
    lines += [
        "",
        "## Named in archives of record numbers alone",
        "",
        "| record numbers | archives | with a scheme named | which |",
        "|---|---|---|---|",
    ]
    for name, (archives, named) in (told for found in plain for told in found.items()):
        which = ", ".join(f"`{one}` {n}" for one, n in named.most_common(6))
        lines.append(f"| {name} | {archives:,} | {named.total()} | {which} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    head, _, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    PAGE.write_text(head + MARK + "\n" + page(), encoding="utf-8")


if __name__ == "__main__":
    main()
