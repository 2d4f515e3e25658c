"""How often the interval of retrievable images holds the truth, for single archives and for the total of a survey.

Each survey has new archives: their sizes have a long tail, and so have their studies. What hands out its images hands out all of
them, none, each study by chance, only the small ones, or all but one study that holds half of them. Studies are drawn in the tally that
a census fills, and the intervals are those of a judgement and of a total. Nothing is sent.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import asdict, dataclass

from filmbadge.ask.decoder import Tally
from filmbadge.ask.key import RunKey
from filmbadge.judge.retrievable import by_draws
from filmbadge.keep.retrievable import Draw, with_interval
from filmbadge.model import Count, DoubtCode, Draws, Provenance, Total
from filmbadge.scope import LARGE_SHARE, Retrievals

MANNERS = ("all", "none", "by chance", "small ones", "all but one")


@dataclass(frozen=True)
class Row:
    """What some surveys showed."""

    surveys: int
    archives: int
    single: float  # share of archives whose interval holds the truth
    worst: str  # the manner of which that share is smallest
    worst_single: float
    total: float  # share of surveys whose total's interval holds the truth
    half: float  # half of the total's interval, as a share of the total: the mean of all surveys
    wide: float  # share of surveys that tell that it is wide
    draws: float  # a survey


@dataclass(frozen=True)
class Simulated:
    studies: tuple[tuple[int, bool], ...]  # images of each, and whether they come
    manner: str

    @property
    def images(self) -> int:
        return sum(images for images, _ in self.studies)

    @property
    def truth(self) -> int:
        return sum(images for images, comes in self.studies if comes)


def archive(chance: random.Random, manner: str) -> Simulated:
    sizes = [int(1 + 30 * chance.paretovariate(1.3)) for _ in range(int(3 + 8 * chance.paretovariate(0.9)) % 2000)]
    middle, share = sorted(sizes)[len(sizes) // 2], chance.random()
    if manner == "all but one":
        sizes.append(sum(sizes) + 1)
    comes = {
        "all": lambda _: True,
        "none": lambda _: False,
        "by chance": lambda _: chance.random() < share,
        "small ones": lambda size: size <= middle,
        "all but one": lambda size: size < sizes[-1],
    }[manner]
    return Simulated(tuple((min(size, 1_000_000), comes(size)) for size in sizes), manner)


def drawn(one: Simulated, count: int, seed: int) -> Draws:
    """As a census draws, and as a retrieval answers."""
    tally = Tally(RunKey(), lot=count, seed=seed)
    for number, (images, _) in enumerate(one.studies, 1):
        tally.count(b"1.2.%d" % number, b"", b"%d" % images)
    came = [one.studies[int(uid.rsplit(b".", 1)[1]) - 1][1] for uid in tally.drawn]
    return Draws(len(came), sum(came))


def survey(archives: int, chance: random.Random, held: dict[str, list[bool]]) -> tuple[bool, float, bool, int]:
    """Whether the total's interval holds the truth, its half width, whether it is told to be wide, and the draws."""
    draws, truth, value, seen, asked, limits = list[Draw](), 0, 0, 0, 0, Retrievals()
    for _ in range(archives):
        one = archive(chance, chance.choices(MANNERS, (6, 1, 2, 1, 1))[0])
        large = one.images > LARGE_SHARE * (seen + one.images)
        seen += one.images
        became = drawn(one, limits.large if large else limits.each, chance.getrandbits(64))
        found = by_draws(became, Count(one.images, Provenance.REPORTED))
        low, high = found.low or 0, found.high or 0
        held.setdefault(one.manner, []).append(low <= one.truth <= high)
        draws.append(Draw(one.images, one.images, one.images, became.drawn, became.delivered, became.lost, low, high))
        truth, value, asked = truth + one.truth, value + (found.value or 0), asked + became.drawn
    total = with_interval(Total("images_retrievable", value, Provenance.ESTIMATED), draws, low=0, high=0)
    low, high = total.low or 0, total.high or 0
    wide = any(doubt.code is DoubtCode.WIDE_INTERVAL for doubt in total.doubts)
    return low <= truth <= high, (high - low) / 2 / max(1, value), wide, asked


def row(surveys: int, archives: int, seed: int) -> Row:
    held: dict[str, list[bool]] = {}
    chance = random.Random(seed)
    found = [survey(archives, chance, held) for _ in range(surveys)]
    single = [one for manner in held.values() for one in manner]
    shares = {manner: sum(of) / len(of) for manner, of in held.items()}
    worst = min(shares, key=lambda manner: shares[manner])
    return Row(
        surveys,
        archives,
        sum(single) / len(single),
        worst,
        shares[worst],
        sum(holds for holds, *_ in found) / surveys,
        sum(half for _, half, *_ in found) / surveys,
        sum(wide for *_, wide, _ in found) / surveys,
        sum(asked for *_, asked in found) / surveys,
    )


def table(rows: list[Row]) -> str:
    head = "| archives | surveys | of archives held | worst manner | of totals held | half width | told wide | draws |\n|--:|--:|--:|---|--:|--:|--:|--:|"
    lines = [
        f"| {r.archives:,} | {r.surveys:,} | {r.single:.1%} | {r.worst}: {r.worst_single:.1%} | {r.total:.1%} | {r.half:.1%} | {r.wide:.0%} | {r.draws:,.0f} |"
        for r in rows
    ]
    return "\n".join([head, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(prog="retrievable", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--surveys", type=int, default=100)
    parser.add_argument("--archives", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--seed", type=int, default=2019)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    rows = [row(chosen.surveys, archives, chosen.seed) for archives in chosen.archives]
    print(json.dumps({"rows": [asdict(one) for one in rows]}) if chosen.json else table(rows))


if __name__ == "__main__":
    main()
