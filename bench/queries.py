"""What a census asks, and whether it is right: on simulated archives without a network, and on real ones on loopback.

Writes docs/census.md. The truth is what was put into an archive; what a census says beside it must be that, or be
called unknown with a reason. Anything else ends this with an error.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import Request, urlopen

import common
import gentle
from common import BenchError

from filmbadge.ask.census import estimate
from filmbadge.ask.census.plan import TARGET, CensusPlan
from support import archives
from support.archives import Served
from support.simulated_archive import DATES, TODAY, Simulated, days, drive

PAGE = common.HERE.parent / "docs" / "census.md"
SIZES = (10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)
CAPS = (100, 1000)
EACH = 240  # archives of each distribution, for the intervals
INTERVALS = ("uniform", "growing", "weekdays", "bursty", "two periods")

HEAD = """# The census: right, with few questions

Written by `python bench/queries.py`: do not edit. How it works is in [the census](method/census.md).
"""


def questions() -> Iterator[str]:
    """Rows of a table: questions, and in brackets how many times the least that could do."""
    yield "| dates | " + " | ".join(f"{size:,}" for size in SIZES) + " |"
    yield "|---|" + "---|" * len(SIZES)
    for kind in DATES:
        cells = [_asked(Simulated(days(kind, size, 1)), TARGET) for size in SIZES]
        yield f"| {kind} | " + " | ".join(cells) + " |"
    undated = [_asked(Simulated(days("uniform", size // 2, 1), size // 2), TARGET) for size in SIZES]
    yield "| uniform, half without a date | " + " | ".join(undated) + " |"
    for cap in CAPS:
        for signal in (True, False):
            cells = []
            for size in SIZES:
                some = cap < size <= 100_000
                cells.append(_asked(Simulated(days("growing", size, 1), cap=cap, signal=signal), cap) if some else "")
            yield f"| growing, {'' if signal else 'silent '}cap of {cap} rows | " + " | ".join(cells) + " |"


def _asked(archive: Simulated, most: int) -> str:
    plan = CensusPlan(TODAY, whole=20_000, seed=1)
    drive(archive, plan)
    if plan.complete and plan.studies != archive.size:
        raise BenchError(f"{plan.studies} were said to be all of {archive.size}")
    times = archive.queries / max(1, math.ceil(archive.size / most))
    return f"{archive.queries:,} ({times:.1f})" + ("" if plan.complete else " *")


def intervals(each: int = EACH) -> Iterator[str]:
    """Rows of a table: how often the interval holds the truth, where a budget ends a census somewhere."""
    yield "| dates | archives | estimated | interval holds the truth | half its width, median | seen, median |"
    yield "|---|---|---|---|---|---|"
    everything: list[tuple[bool, float, float]] = []
    total = 0
    for kind in INTERVALS:
        found: list[tuple[bool, float, float]] = []
        cut = 0
        for seed in range(each):
            held = budgeted(kind, seed)
            cut += held is not None
            found += [held[1:]] if held is not None and held[0] else []
        everything, total = everything + found, total + cut
        yield _interval(kind, cut, found)
    yield _interval("all", total, everything)


def budgeted(kind: str, seed: int) -> tuple[bool, bool, float, float] | None:
    """One archive whose census is ended by a budget. None: it came to its end. Else: whether there is an estimate,
    whether its interval holds the truth, half its width and what was seen, as shares of the truth."""
    chance = random.Random(f"{kind} {seed}")
    size = int(10 ** chance.uniform(4.4, 5.6))
    archive, plan = Simulated(days(kind, size, seed)), CensusPlan(TODAY, seed=seed)
    budget = int(max(14, size / TARGET * 1.5 * chance.uniform(0.15, 0.9)))
    if drive(archive, plan, budget):
        return None
    guess = estimate.studies(plan.rounds, plan.studies)
    if guess is None:
        return False, False, 0.0, plan.studies / size
    return True, guess.low <= size <= guess.high, (guess.high - guess.low) / 2 / size, plan.studies / size


def _interval(kind: str, cut: int, found: list[tuple[bool, float, float]]) -> str:
    width, seen = (sorted(column)[len(found) // 2] for column in list(zip(*found, strict=True))[1:])
    share = sum(one[0] for one in found) / len(found)
    return f"| {kind} | {cut:,} | {len(found):,} | {share:.1%} | {width:.0%} | {seen:.0%} |"


@dataclass
class Real:
    name: str
    served: AbstractContextManager[Served]
    title: str = ""


def real(folder: Path) -> Iterator[Real]:
    def made(name: str) -> Path:
        path = folder / name
        path.mkdir()
        return path

    for cap in (0, 10, 100):
        name = f"Orthanc 1.10.1{f', LimitFindResults {cap}' if cap else ''}"
        yield Real(name, archives.orthanc(made(f"orthanc{cap}"), DicomAlwaysAllowFind=True, LimitFindResults=cap))
    settings = {"DicomAlwaysAllowFind": True, "LimitFindResults": 100}
    yield Real("Orthanc 1.10.1, LimitFindResults 100, 250 studies more", _filled(made("filled"), 250, settings))
    yield Real("dcmqrscp 3.6.7, leaves count keys out", archives.dcmqrscp(made("dcmqrscp")), "LABQR")
    yield Real("pynetdicom's qrscp, one row for each instance", archives.qrscp(made("qrscp")), "QRSCP")
    yield Real("tiny-pacs, one row when asked for counts", archives.tiny_pacs(made("tiny"), settled=True), "TINYQR")
    yield Real("PixelMed, refuses ranges of dates", archives.pixelmed(made("pixelmed")), "PIXELMED")


@contextmanager
def _filled(directory: Path, studies: int, settings: dict[str, object]) -> Iterator[Served]:
    """An Orthanc with as many studies of one image each beside the files of the wheel."""
    with archives.orthanc(directory, **settings) as served:
        for number in range(studies):
            url = f"http://127.0.0.1:{served.http}/instances"
            with urlopen(Request(url, data=gentle.image(number), method="POST"), timeout=20):
                pass
        whole = served.truth
        images = whole.images + studies
        yield replace(served, truth=replace(whole, studies=whole.studies + studies, images=images))


def truths() -> Iterator[str]:
    yield "| archive | studies, truth | census | images, truth | census | connections | why |"
    yield "|---|---|---|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for one in real(Path(folder)):
            with one.served as served:
                extra = f'ae_titles.called = ["{one.title}"]' if one.title else ""
                scope = archives.scope_file(Path(folder), extra=extra)
                card = archives.check(f"127.0.0.1:{served.dicom}", "--scope", str(scope))
            (archive,) = card["archives"]
            cells = []
            for quantity, truth in (("studies", served.truth.studies), ("images", served.truth.images)):
                count = archive["counts"][quantity]
                if count["how"] == "counted" and count["value"] != truth:
                    raise BenchError(f"{one.name}: {count['value']} {quantity} counted, and there are {truth}")
                cells += [f"{truth:,}", _said(count)]
            why = archive["counts"]["studies"]["why"]
            yield f"| {one.name} | {' | '.join(cells)} | {card['connections']} | {why} |"


def _said(count: dict[str, object]) -> str:
    if count["value"] is not None:
        return f"{count['value']} {count['how']}"
    return f"unknown, at least {count['at_least']}" if count["at_least"] else "unknown"


def page() -> str:
    parts = [HEAD]
    parts += ["## Truth and census\n\nReal archives on loopback, loaded with the files of the pydicom wheel that each takes."
              " Some of their studies have no date. A number that is called counted is the truth, or this page is not written.\n",
              *truths()]  # fmt: skip
    parts += ["\n## Questions\n\nSimulated archives. In brackets: how many times the least that could do, at 3,000 matches a"
              " question, or at the cap. A star: the plan says that it could not make sure of all (studies without a date).\n",
              *questions()]  # fmt: skip
    parts += ["\n## Intervals\n\nSimulated archives of 25,000 to 400,000 studies whose census is ended by a budget between 15 and 90 %"
              " of what it would take. The interval is one of 95 %.\n", *intervals()]  # fmt: skip
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("truths", "questions", "intervals"))
    parser.add_argument("--out", type=Path, default=PAGE)
    chosen = parser.parse_args()
    common.enter()
    began = time.monotonic()
    try:
        if chosen.only:
            print("\n".join(globals()[chosen.only]()))
        else:
            chosen.out.write_text(page(), encoding="utf-8")
    except (BenchError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    common.say(f"{time.monotonic() - began:.0f} s, {peak} MB")


if __name__ == "__main__":
    main()
