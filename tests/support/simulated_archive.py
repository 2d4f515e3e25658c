"""Archives without a network: how many studies a day they hold, and how they answer a plan's windows.

Studies are numbers in the order of their dates; those without a date come last. What a census has seen of them is a
byte each. The truth is what was put there.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import accumulate, chain, pairwise, repeat
from typing import Any

from filmbadge.ask.census.plan import ASK_ALL_UP_TO, CensusPlan
from filmbadge.ask.census.source import Ended, Parts, Steps, When, WindowAnswer
from filmbadge.ask.census.windows import MINUTES, Axis, Window
from filmbadge.ask.wire.throttle import MANY_MATCHES
from filmbadge.model import Doubt, DoubtCode

TODAY = date(2026, 11, 24).toordinal()
YEARS = 15
MANNERS: dict[str, dict[str, Any]] = {
    "no cap": {},
    "a cap with a signal": {"cap": 100},
    "a silent cap": {"cap": 100, "signal": False},
    "a silent cap that is no round number": {"cap": 137, "signal": False},
    "a silent cap, oldest first": {"cap": 100, "signal": False, "newest_first": False},
    "refuses what is too large": {"cap": 500, "refuses": True},
    "one row for each instance": {"rows_each": 7},
    "one row for each instance, and a silent cap": {"rows_each": 7, "cap": 100, "signal": False},
    "does not look at dates": {"looks_at_dates": False},
    "does not look at dates, and a silent cap": {"looks_at_dates": False, "cap": 100, "signal": False},
    "does not look at times": {"looks_at_times": False, "cap": 100, "signal": False},
    "no question without bounds": {"all_at_once": False},
    "matches the empty value": {"empty": "matched"},
    "matches the empty value, behind a cap": {"empty": "matched", "cap": 100},
    "matches the empty value, behind a silent cap": {"empty": "matched", "cap": 100, "signal": False},
    "matches the empty value, and gives nothing without bounds": {"empty": "matched", "all_at_once": False},
    "ignores the empty value, behind a silent cap": {"empty": "ignored", "cap": 100, "signal": False},
    "refuses the empty value": {"empty": "refused"},
}
UIDS = "1.2.840.113619."  # and the number of a study, backwards, so that it tells no date


@dataclass
class Simulated:
    """One archive, as a plan asks it. `cap` is in rows; `signal` tells whether its final status says that it cut."""

    days: Sequence[int]  # of each study that has a date, sorted
    undated: int = 0
    cap: int | None = None
    signal: bool = True
    refuses: bool = False  # above the cap, it gives nothing at all
    rows_each: int = 1  # rows for one study
    looks_at_dates: bool = True
    looks_at_times: bool = True
    newest_first: bool = True
    all_at_once: bool = True  # answers a question without bounds
    empty: str = "literal"  # two quotation marks as a date: no match; or matched (PS3.4 C.2.2.2.7), ignored, refused
    rate: float | None = None  # rows that it gives in a second; None: nothing tells the time that a row takes
    queries: int = 0
    given: int = 0
    whole: int = 0  # questions for all
    seen: bytearray = field(default_factory=bytearray)
    axes = frozenset((Axis.DATE, Axis.UNDATED, Axis.TIME, Axis.UID))
    has_more = None

    def __post_init__(self) -> None:
        self.seen = bytearray(self.size)
        self._places: dict[int, tuple[int, int]] = {}

    @property
    def size(self) -> int:
        return len(self.days) + self.undated

    def affords(self) -> int:
        """Rows that it gives in 20 seconds, once it gave some."""
        known = self.rate is not None and self.given >= MANY_MATCHES
        return max(ASK_ALL_UP_TO, int(20 * self.rate)) if known and self.rate is not None else ASK_ALL_UP_TO

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        yield window
        return self.answer(window)

    def parts(self, windows: Sequence[Window], below: int) -> Steps[Parts]:
        """No key but dates and times parts this archive."""
        yield from ()
        return Parts(0, 0, False)

    def without_date(self, below: int) -> Steps[Parts]:
        window = Window(undated=True, at_most=below)
        yield window
        seen = self.answer(window)
        small = seen.ended is Ended.WHOLE and 0 < seen.rows < below
        return Parts(seen.distinct, seen.new, small and self.empty == "matched")

    def prefix(self) -> tuple[str, str]:
        return "", ""

    def when(self) -> Steps[When | None]:
        yield from ()
        number = self.seen.find(1)
        if not 0 <= number < len(self.days):
            return None
        return self.days[number], self.minute(number)

    def minute(self, number: int) -> int:
        """Of its day: studies of one day are spread over it evenly."""
        day = self.days[number] if number < len(self.days) else None
        if day is None:
            return 0
        first, last = bisect_left(self.days, day), bisect_left(self.days, day + 1)
        return int((number - first + 0.5) / (last - first) * MINUTES)

    def still_there(self) -> Steps[bool | None]:
        yield from ()
        return True

    def answer(self, window: Window) -> WindowAnswer:
        self.queries += 1
        self.whole += window.days is None and window.minutes is None and not window.prefix and not window.undated
        chosen, rows, ended, doubt = self.give(window)
        if isinstance(chosen, range):
            new = self.seen.count(0, chosen.start, chosen.stop)
            self.seen[chosen.start : chosen.stop] = b"\1" * len(chosen)
        else:
            new = sum(not self.seen[n] for n in chosen)
            for n in chosen:
                self.seen[n] = 1
        self.given += rows
        return WindowAnswer(rows, len(chosen), new, ended, doubt)

    def give(self, window: Window) -> tuple[Sequence[int], int, Ended, Doubt | None]:
        """The studies in the answer to a window, its rows, and how it ends."""
        matches = self.matching(window)
        if matches is None:
            return (), 0, Ended.REFUSED, status(0xC000 if window.prefix else 0xA700)
        rows, ended, doubt = len(matches) * self.rows_each, Ended.WHOLE, None
        if self.cap is not None and rows > self.cap:
            if self.refuses:
                return (), 0, Ended.REFUSED, status(0xC000)
            rows = self.cap
            if self.signal:
                ended, doubt = Ended.CUT, status(0xFE00)
        if window.at_most and rows > window.at_most:
            rows, ended, doubt = window.at_most, Ended.ENOUGH, Doubt(DoubtCode.LIST_TOO_LONG, {"rows": window.at_most})
        studies = math.ceil(rows / self.rows_each)
        return matches[len(matches) - studies :] if self.newest_first else matches[:studies], rows, ended, doubt

    def matching(self, window: Window) -> Sequence[int] | None:
        """The studies of a window. None: it is not answered."""
        if window.undated and self.empty != "ignored":
            none = None if self.empty == "refused" else ()
            return range(len(self.days), self.size) if self.empty == "matched" else none
        whole = window.days is None and window.minutes is None and not window.prefix and not window.modality
        if window.prefix or (whole and not self.all_at_once):
            return None
        first, last = (0, len(self.days)) if window.days is not None or window.minutes is not None else (0, self.size)
        if self.looks_at_dates and window.days is not None:
            first, last = bisect_left(self.days, window.days[0]), bisect_left(self.days, window.days[1] + 1)
        elif not self.looks_at_dates:
            first, last = 0, self.size
        if window.minutes is not None and self.looks_at_times:
            if window.days is None or not self.looks_at_dates:
                low, high = window.minutes  # of all days: as if they were spread evenly
                return [n for n in range(first, min(last, len(self.days))) if low <= n * 7 % MINUTES <= high]
            share = [edge / MINUTES for edge in (window.minutes[0], window.minutes[1] + 1)]
            first, last = (first + round((last - first) * part) for part in share)
        return range(first, last)


def drive(archive: Simulated, plan: CensusPlan, queries: int | None = None) -> bool:
    """Let the plan ask, up to a number of queries. Whether it came to its end."""
    for _ in (asking := plan.run(archive)):
        if queries is not None and archive.queries >= queries:
            asking.close()
            return False
    return True


def status(code: int) -> Doubt:
    return Doubt(DoubtCode.STATUS, {"status": code})


Weights = Callable[[random.Random], Iterator[float]]  # of the days, from the oldest to today


def _uniform(_: random.Random) -> Iterator[float]:
    return (1.0 for _ in range(YEARS * 365))


def _growing(_: random.Random) -> Iterator[float]:
    return (math.exp(n / 365 / 4) for n in range(YEARS * 365))


def _weekday(_: random.Random) -> Iterator[float]:
    return (0.1 if n % 7 > 4 else 1.0 for n in range(YEARS * 365))


def _bursty(chance: random.Random) -> Iterator[float]:
    """Some days, as of migrations, hold as much as months do."""
    return (60.0 if chance.random() < 0.01 else chance.expovariate(1) for _ in range(YEARS * 365))


def _one_day(_: random.Random) -> Iterator[float]:
    return (1.0 if n == 2000 else 0.0 for n in range(YEARS * 365))


def _two_periods(_: random.Random) -> Iterator[float]:
    return (1.0 if n < 900 or 3000 < n < 3600 else 0.0 for n in range(YEARS * 365))


DATES: dict[str, Weights] = {
    "uniform": _uniform,
    "growing": _growing,
    "weekdays": _weekday,
    "bursty": _bursty,
    "two periods": _two_periods,
    "one day": _one_day,
}


@lru_cache(maxsize=128)
def days(kind: str, studies: int, seed: int) -> Sequence[int]:
    """As many dates, by a distribution. Large numbers are dealt out day by day, which is much the same.

    They are drawn once for the archives that answer differently and hold the same.
    """
    chance = random.Random(f"{kind} {studies} {seed}")
    edges = list(accumulate(DATES[kind](chance), initial=0.0))
    start = TODAY - YEARS * 365 + 1
    if studies <= 20_000:
        weights = [b - a for a, b in pairwise(edges)]
        return tuple(sorted(start + day for day in chance.choices(range(len(weights)), weights, k=studies)))
    places = [round(studies * edge / edges[-1]) for edge in edges]
    return tuple(chain.from_iterable(repeat(day, b - a) for day, (a, b) in enumerate(pairwise(places), start)))
