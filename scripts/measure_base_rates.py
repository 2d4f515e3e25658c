"""Measures how often plain record numbers pass for a national identifier, and writes it into identifiers/schemes.toml.

A scheme is measured against archives of record numbers that have its shape and are made as record numbers are:
at random, in sequence, with zeros in front, or with a date, a year or a site in front. `base` is the share of
random ones that pass, of 20,000; `plain` that of those made of digits where the shape takes them, or without a zero in
front, if it is higher; `worst` the highest share that nineteen of twenty archives of any one kind stay below.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

from filmbadge.identifiers.checks import valid
from filmbadge.identifiers.schemes import SIGNS, Scheme, schemes

SEED, ARCHIVES, VALUES, MANY = 2026, 20, 300, 20_000
TABLE = Path(__file__).resolve().parent.parent / "src/filmbadge/identifiers/schemes.toml"
Maker = Callable[[], str]


def measure(scheme: Scheme) -> tuple[float, float, float]:
    """The base, the plain and the worst rate of one scheme."""
    chance = random.Random(f"{SEED} {scheme.id}")
    shares = [[_share(scheme, make(scheme.shape, chance), VALUES) for _ in range(ARCHIVES)] for _, make in NULLS]
    worst = max(sorted(held)[int(ARCHIVES * 0.95)] for held in shares)
    digits = scheme.shape.replace("?", "9")
    base = _share(scheme, at_random(scheme.shape, chance), MANY)
    others = (_share(scheme, make(digits, chance), MANY) for make in (at_random, without_zero))
    return base, max(base, *others), worst


def _share(scheme: Scheme, make: Maker, values: int) -> float:
    return sum(valid(scheme.id, make()) for _ in range(values)) / values


def drawn(shape: str, chance: random.Random) -> str:
    return "".join(chance.choice(SIGNS[sign]) for sign in shape)


def put(shape: str, digits: str, chance: random.Random) -> str:
    """These digits from the first place on that takes a digit; the rest at random."""
    at = next((i for i, sign in enumerate(shape) if sign != "A"), len(shape))
    fits = digits[: len(shape) - at]
    made = "".join(d if s != "A" else chance.choice(SIGNS["A"]) for d, s in zip(fits, shape[at:], strict=False))
    return drawn(shape[:at], chance) + made + drawn(shape[at + len(made) :], chance)


def at_random(shape: str, chance: random.Random) -> Maker:
    return lambda: drawn(shape, chance)


def without_zero(shape: str, chance: random.Random) -> Maker:
    return lambda: put(shape, chance.choice("123456789"), chance)


def sequence(shape: str, chance: random.Random, below: int = 10) -> Maker:
    """Consecutive numbers, behind letters that stay."""
    width = sum(sign != "A" for sign in shape)
    state = [chance.randrange(10 ** min(width, below))]
    letters = [chance.choice(string.ascii_uppercase) for _ in shape]

    def following() -> str:
        state[0] += 1
        digits = iter(f"{state[0] % 10**width:0{width}d}")
        return "".join(letter if sign == "A" else next(digits) for sign, letter in zip(shape, letters, strict=True))

    return following


def padded(shape: str, chance: random.Random) -> Maker:
    return sequence(shape, chance, below=5)


def dated(form: str) -> Callable[[str, random.Random], Maker]:
    def make(shape: str, chance: random.Random) -> Maker:
        return lambda: put(shape, f"{date(1930, 1, 1) + timedelta(chance.randrange(35000)):{form}}", chance)

    return make


def sited(shape: str, chance: random.Random) -> Maker:
    site = f"{chance.randrange(1000):03d}"
    return lambda: put(shape, site, chance)


NULLS: tuple[tuple[str, Callable[[str, random.Random], Maker]], ...] = (
    ("random", at_random),
    ("without a zero in front", without_zero),
    ("in sequence", sequence),
    ("zeros in front", padded),
    ("date in front", dated("%Y%m%d")),
    ("short date in front", dated("%y%m%d")),
    ("day, month, year in front", dated("%d%m%y")),
    ("year in front", dated("%Y")),
    ("site in front", sited),
)


def main() -> None:
    rows = []
    for scheme in schemes().values():
        base, plain, worst = measure(scheme)
        rows.append(f"rates = {{ base = {base:.4f}, plain = {plain:.4f}, worst = {worst:.4f} }}")
        print(scheme.id, rows[-1], flush=True)
    left = iter(rows)  # in the order of the file
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    kept = [next(left) if line.startswith("rates = ") else line for line in lines]
    TABLE.write_text("\n".join(kept) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
