"""What a census asks, and whether it is right: on simulated archives without a network, and on real ones on loopback.

Writes docs/census.md. The truth is what was put into an archive; what a census says beside it must be that, or be
called unknown with a reason. Anything else ends this with an error.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen

import common
import gentle
from common import BenchError

from filmbadge.ask.census.plan import TARGET, CensusPlan
from filmbadge.ask.census.windows import EMPTY
from support import archives
from support.archives import Served
from support.shapes import IMAGES, SHAPES, Guess, guesses, image_guesses
from support.simulated_archive import DATES, TODAY, Simulated, days, drive

PAGE = common.HERE.parent / "docs" / "census.md"
SIZES = tuple(10**n + 7 for n in range(1, 8))  # no number at which answers are often cut off
CAPS = (100, 1000)
EACH = 100  # archives of each shape, for the intervals

HEAD = """# The census: right, with few questions

Written by `python bench/queries.py`: do not edit. How it works is in [the census](method/census.md).
"""

LARGE = """\
Simulated archives, growing, without a row limit, with 50 studies that have no date and no other key that parts these. Where it is not
known how fast they are, they are asked for all at once up to 20,000 studies, as all archives were before. Elsewhere the time decides:
20 seconds of the archive (`whole_seconds`). "For all" is how many of the questions ask for all studies. Only an archive that matches the
empty value is counted here, because nothing else parts the studies without a date; of the others all studies are found where one answer has them."""

EMPTY_VALUE = """\
What real archives bring for two quotation marks as Study Date. Each holds studies without a date. None of these brings them: they look
for the date as it is written, and one refuses it. None breaks off. So none of them is believed."""

INTERVALS = """\
Simulated archives of 200 to 500,000 studies, a third without a cap, the others with one of 100 to 3,000 rows, signalled or
silent. A budget ends the census after 6 questions, after an eighth more, and so on up to 2,000. The interval is one of
95 %: in each shape of dates it holds the truth at least as often. In most it does so more often, because it leaves room
for a day that nobody saw. Wherever no estimate is given, the number is "at least" what was seen.

The second table is of images, over all shapes of dates. In some archives the counts make answers slow, so that the
images of 20,000 studies are known, and of no others."""


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


RATES = (300, 20_000, 2_000_000)  # rows a second
UNDATED = 50


def costs() -> Iterator[str]:
    """Rows of a table: what large archives are asked, by how fast they answer, and what is told of them."""
    yield "| studies | rows a second | empty value | questions | for all | rows a study | seconds of the archive | studies, truth | census |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for size, rate, empty in product((30_011, 300_011, 3_000_011), (None, *RATES), ("literal", "matched")):
        archive = Simulated(days("growing", size, 1), UNDATED, rate=rate, empty=empty)
        plan = CensusPlan(TODAY, affords=archive.affords, seed=1)
        drive(archive, plan)
        if plan.complete and plan.studies != archive.size:
            raise BenchError(f"{plan.studies} were said to be all of {archive.size}")
        name = "not known" if rate is None else f"{rate:,}"
        seconds = "" if rate is None else f"{archive.given / rate:,.0f}"
        told = f"{plan.studies:,} counted" if plan.complete else f"≥ {plan.studies:,}"
        asked = f"{archive.queries:,} | {archive.whole} | {archive.given / archive.size:.1f} | {seconds}"
        yield f"| {size:,} | {name} | {empty} | {asked} | {archive.size:,} | {told} |"


def _asked(archive: Simulated, most: int) -> str:
    plan = CensusPlan(TODAY, affords=archive.affords, seed=1)
    drive(archive, plan)
    if plan.complete and plan.studies != archive.size:
        raise BenchError(f"{plan.studies} were said to be all of {archive.size}")
    times = archive.queries / max(1, math.ceil(archive.size / most))
    return f"{archive.queries:,} ({times:.1f})" + ("" if plan.complete else " *")


def intervals(each: int = EACH) -> Iterator[str]:
    """Rows of two tables: how often the interval holds the truth, wherever a budget ends a census."""
    yield "| dates | archives | budgets | estimated | interval holds the truth | half its width, median | seen, median |"
    yield "|---|---|---|---|---|---|---|"
    for shape in SHAPES:
        yield _interval(shape, each, [guess for seed in range(each) for guess in guesses(shape, seed)])
    yield "\n| images of a study | archives | budgets | estimated | interval holds the truth | half its width, median |"
    yield "|---|---|---|---|---|---|"
    shapes, some = list(SHAPES), each // 3
    for kind, slow in product(IMAGES, (False, True)):
        found = [guess for n in range(some) for guess in image_guesses(shapes[n % len(shapes)], kind, n, slow=slow)]
        yield _interval(f"{kind}{', of 20,000 studies' if slow else ''}", some, found, studies=False)


def _interval(name: str, archives: int, found: list[Guess], *, studies: bool = True) -> str:
    made = [guess for guess in found if guess.interval is not None]
    width = median(guess.width for guess in made)
    seen = f" {median(guess.seen / guess.truth for guess in made):.0%} |" if studies else ""
    share = sum(guess.holds for guess in made) / len(made)
    return f"| {name} | {archives} | {len(found):,} | {len(made):,} | {share:.1%} | {width:.0%} |{seen}"


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
    return f"≥ {count['at_least']}" if count["at_least"] else "unknown"


def empty_values() -> Iterator[str]:
    """Rows of a table: what real archives bring for two quotation marks as Study Date, PS3.4 C.2.2.2.7."""
    yield "| archive | studies with a date | without one | status |"
    yield "|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        for one in real(Path(folder)):
            if "LimitFindResults" not in one.name:
                with one.served as served:
                    found = archives.by_date(served.dicom, one.title or "ANY-SCP", EMPTY)
                yield f"| {one.name} | {found.dated} | {found.undated} | 0x{found.status:04X} |"


def page() -> str:
    parts = [HEAD]
    parts += ["## Truth and census\n\nReal archives on loopback, loaded with the files of the pydicom wheel that each takes."
              " Some of their studies have no date. A number that is called counted is the truth, or this page is not written.\n",
              *truths()]  # fmt: skip
    parts += ["\n## Questions\n\nSimulated archives. In brackets: how many times the least that could do, at 3,000 matches a"
              " question, or at the cap. A star: the plan says that it could not make sure of all (studies without a date).\n",
              *questions()]  # fmt: skip
    parts += [f"\n## Large archives\n\n{LARGE}\n", *costs()]
    parts += [f"\n## Empty Value Matching\n\n{EMPTY_VALUE}\n", *empty_values()]
    parts += [f"\n## Intervals\n\n{INTERVALS}\n", *intervals()]
    return "\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("truths", "questions", "costs", "empty_values", "intervals"))
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
