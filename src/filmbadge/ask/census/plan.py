"""Which windows to ask for, so that every study is in an answer that was not cut off, with few questions.

A plan knows no protocol. It asks `Studies` for windows, and says in the end what it could not make sure of. It counts
nothing: whoever asks counts distinct UIDs over all windows, so that windows may overlap.

A row cap is the same for all answers, with a signal or without. So the largest answer decides. Where it is parted into
smaller answers, and these bring nothing new, no smaller answer was cut off either. Where each record brings its date,
a part need not be asked for again: one question tells whether it has one study more than came.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from filmbadge.ask.census.source import Ended, Steps, Studies, WindowAnswer
from filmbadge.ask.census.windows import EARLIEST, LATEST, NEVER, Axis, Window, halves
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Doubt, DoubtCode
from filmbadge.scope import Scope

WHOLE = 20_000  # studies up to which all are asked for in one question, to see those without a date
SMALL = 5000  # studies up to which that is the first question
TARGET = 3000  # matches that a window aims at
SPAN = 40 * 365  # days that studies are expected from
FADES = 20 * 365  # days in which an archive is taken to have been e times less busy, where nothing was visited yet
ROUND = 8  # windows, at least, before their sizes are thought over
CAP = 10  # rows: nobody cuts off at less, or it costs little to try
STUCK = 3  # times that both halves of a day bring the same again
STEPS = 40  # in a check by parting
REFUSALS = 30  # one after the other, before a plan gives up
LOST = 20  # windows that could be had by no parting, before a plan gives up
FILL = 0.6  # of a known cap, that a window aims at
_RECENT = (1, 8, 39)  # days of age that are looked at first
_BUSY_DAYS = 30 * 365  # for which an archive is taken to have been as busy as it is now
_MODALITIES = 8  # that are tried, the most common ones
# Rows at which answers are cut off. One more where answers have pages: Orthanc's QIDO-RS. Twelve: DICOMcloud's.
LIMITS = frozenset(n * 10**k for n in (1, 2, 3, 5) for k in range(1, 7)) | frozenset(
    (25, 150, 250, 256, 512, 1024, 1500, 2048, 2500, 4096)
)
PAGE_LIMITS = LIMITS | {n + 1 for n in LIMITS} | {12}


def looks_cut(rows: int, *, pages: bool = False) -> bool:
    return rows in (PAGE_LIMITS if pages else LIMITS)


class Hint(Struct, frozen=True):
    """What is known of an archive before its census."""

    young: int = 0  # days since the youngest study, at least: no match was younger
    studies: int | None = None  # how many were counted before
    no_dates: bool = False  # it refuses ranges of dates, or only a question without one had matches


_NOTHING = Hint()


class _Failed(Exception):
    """Nothing more is to be asked."""


@dataclass
class Round:
    """Windows of about the same expected size, visited in an order that was drawn: they speak for those not visited."""

    before: int  # studies in windows of days that no window of it has
    expected: list[float]  # of all its windows
    visited: list[tuple[float, int]] = field(default_factory=list)  # expected, found


class CensusPlan:
    """Drive `run()`. Whatever ends it, `complete`, `doubts` and `rounds` tell how far it came."""

    def __init__(
        self,
        today: int,
        hint: Hint = _NOTHING,
        *,
        target: Callable[[], int] = lambda: TARGET,
        whole: int = WHOLE,
        seed: int | None = None,
    ) -> None:
        self.complete = False
        self.failed = False
        self.undated: int | None = None  # studies that no range of dates brought
        self.cap: int | None = None  # rows at which answers end
        self.studies = 0  # distinct so far
        self.rounds: list[Round] = []
        self._today, self._hint, self._whole = today, hint, whole
        self._wanted = target
        self._chance = random.Random(seed)
        self._signals = False  # it says so when it cuts
        self._dated = 0  # the sum over windows of which no two share a day
        self._recut = False  # some windows were asked for in parts later, so that the sum says nothing
        self._largest: list[tuple[Window, WindowAnswer]] = []
        self._proven = 0  # rows of an answer that was shown to be whole
        self._fits: float | None = None  # more than this is refused
        self._visited: list[tuple[int, int, int]] = []  # first day, last day, studies
        self._useless: set[Axis] = set()
        self._doubts: list[Doubt] = []
        self._unchecked = 0  # rows of an answer that is said to hold everything
        self._lost = 0
        self._refused = 0
        self._stuck = 0
        self._all: WindowAnswer | None = None  # the answer to a question without bounds

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return tuple(self._doubts)

    def run(self, studies: Studies) -> Steps[None]:
        self._source = studies
        self._useless = set(Axis) - studies.axes
        try:
            yield from self._run()
        except _Failed:
            self.failed = True
        self.complete = not self._doubts

    def _run(self) -> Steps[None]:
        if self._hint.no_dates or (yield from self._seems_small()):
            seen = yield from self._everything(SMALL)
            if seen.ended is Ended.WHOLE and (seen.rows or not self.studies) and (yield from self._settle(seen)):
                return
            if self._hint.no_dates:
                self._doubt(DoubtCode.NO_LIST)
                self._note(seen.doubt)
                return
        yield from self._large()
        if Axis.DATE in self._useless:
            yield from self._without_windows()

    # One question

    def _ask(self, window: Window) -> Steps[WindowAnswer]:
        seen = yield from self._source.ask(window)
        self.studies += seen.new
        if seen.ended is Ended.FAILED:
            self._note(seen.doubt)
            raise _Failed
        if seen.astray > seen.distinct + CAP:  # fewer may be written so that the archive compares them otherwise
            self._useless.add(Axis.DATE)
        if seen.forgotten:
            self.studies, self._dated, self._visited = 0, 0, []
        if seen.ended is Ended.CUT:
            self._signals = True
            self.cap = min(self.cap or seen.rows, seen.rows)
        self._refused = self._refused + 1 if seen.ended is Ended.REFUSED else 0
        if seen.ended is Ended.REFUSED:
            self._fits = max(min(self._fits or TARGET, self.target) / 2, self._most, CAP)
        elif seen.ended is Ended.WHOLE and seen.rows:
            if seen.rows > self._most:
                self._largest = []
            if seen.rows >= self._most and len(self._largest) < LOST:
                self._largest.append((window, seen))
        return seen

    def _ask_all(self, windows: Sequence[Window]) -> Steps[list[WindowAnswer]]:
        answers = []
        for window in windows:
            seen = yield from self._ask(window)
            answers.append(seen)
        return answers

    @property
    def _most(self) -> int:
        """Rows of the largest answers that are said to be whole."""
        return self._largest[0][1].rows if self._largest else 0

    def _short(self, seen: WindowAnswer) -> bool:
        """Whether there is more than was given."""
        return seen.ended is not Ended.WHOLE or (self.cap is not None and seen.rows >= self.cap)

    def _has_more(self, window: Window, known: int) -> Steps[bool | None]:
        ask = self._source.has_more
        return None if ask is None else (yield from ask(window, known))

    # A small archive: one question, and its check

    def _seems_small(self) -> Steps[bool]:
        """Look at recent days, until they tell how much there is about."""
        young = self._hint.young
        if self._hint.studies is not None:
            return self._hint.studies <= SMALL
        if young > _RECENT[-1]:
            return True
        for age in _RECENT:
            if age < young:
                continue
            first, last = self._today - age, self._today - young
            if self._visited and _rate(self._visited[0]) * (last - first + 1) > SMALL:
                return False
            seen = yield from self._ask(Window((first, last)))
            if Axis.DATE in self._useless or (seen.ended is Ended.REFUSED and not self._visited):
                return True
            if self._short(seen):
                return False
            self._visited, self._dated = [(first, last, seen.distinct)], seen.distinct
            if age > _RECENT[0] and (seen.distinct + 3) / (age + 1) * _BUSY_DAYS <= SMALL:
                return True
        return False

    def _everything(self, at_most: int) -> Steps[WindowAnswer]:
        self._all = yield from self._ask(Window(at_most=at_most))
        return self._all

    def _settle(self, seen: WindowAnswer) -> Steps[bool]:
        """Check one answer that is said to hold everything. False: it does not."""
        if seen.rows < _least(seen):
            return True
        proof, dated = yield from self._check(Window(), seen)
        if proof is False:
            return False
        if proof is None or (dated < seen.distinct and _looks_cut(seen)):
            sure = yield from self._by_modality(Window(), seen)
            if not sure and proof:
                self._doubt(DoubtCode.CUT_OFF, rows=seen.rows)
                return True
            if not sure and seen.rows >= CAP:
                self._unchecked = seen.rows
                self._doubt(DoubtCode.UNCHECKED, rows=seen.rows)
                return True
        if seen.days is not None or Axis.DATE not in self._useless:
            self.undated = seen.distinct - dated
        return True

    # The check

    def _check(self, window: Window, seen: WindowAnswer) -> Steps[tuple[bool | None, int]]:
        """Part an answer into smaller ones. True: it was whole. False: it was cut off. None: it cannot be told.

        And how many studies the parts had. Where one part has all of it, that is parted further: without bounds, by
        time before by date, for that may be one busy day.
        """
        if seen.days is not None:
            return (yield from self._by_days(window, seen)), sum(seen.days.values())
        at, whole, most = window, seen, 0
        for axis in (Axis.DATE, Axis.TIME) if window.days is None else ():
            proof, _, found = yield from self._level(window, seen, axis)
            most = max(most, found)
            if proof is not None:
                return proof, most
        for axis in Axis:
            for _ in range(STEPS):
                proof, part, found = yield from self._level(at, whole, axis)
                most = max(most, found)
                if proof is not None:
                    return proof, most
                if part is None:
                    break
                at, whole = part
        return None, most

    def _level(
        self, window: Window, whole: WindowAnswer, axis: Axis
    ) -> Steps[tuple[bool | None, tuple[Window, WindowAnswer] | None, int]]:
        """One step of a check: the proof, or the part that has all of it, if there is one."""
        several = window.days is not None and window.days[0] != window.days[1]
        if axis in self._useless or (axis is Axis.TIME and several):
            return None, None, 0
        parts = window.parted(axis, self._today)
        answers: list[WindowAnswer] = []
        for n, part in enumerate(parts):
            if axis is not Axis.UID and n == len(parts) - 1 and not any(one.rows for one in answers) and window.days:
                answers.append(WindowAnswer(whole.rows, whole.distinct, 0, Ended.WHOLE))  # what else
            else:
                answers.append((yield from self._ask(part)))
        together = sum(one.distinct for one in answers)
        full = [n for n, one in enumerate(answers) if one.rows >= whole.rows]
        if any(one.new for one in answers) or (together > whole.distinct and len(full) < 2):
            self.cap = min(self.cap or whole.rows, whole.rows)
            return False, None, together
        if not together or len(full) > 1 or any(one.ended is not Ended.WHOLE for one in answers):
            if parts and window.days is None:
                self._useless.add(axis)
            return None, None, 0
        if not full:
            self._proven = max(self._proven, whole.rows)
            return True, None, together
        return None, (parts[full[0]], answers[full[0]]), together

    def _by_days(self, window: Window, seen: WindowAnswer) -> Steps[bool | None]:
        """Whether an answer was whole, by one question for each half of its days: has it one study more than came of it?

        A limit on the whole would leave room in a half. Of one day alone, what was cut off before is cut off again.
        """
        days, undated = seen.days or {}, seen.undated
        for part in () if Axis.DATE in self._useless else halves(window.days, days):
            half, known = replace(window, days=part), sum(n for day, n in days.items() if part[0] <= day <= part[1])
            more = yield from self._has_more(half, known)
            if more and (yield from self._has_more(NEVER, 0)) is not False:
                # Some archives take a study without a date for a match of any range, and some do not look at dates.
                if not undated or (yield from self._has_more(NEVER, undated)) is not False:
                    self._useless.add(Axis.DATE)
                    return None
                more = yield from self._has_more(half, known + undated)
            if more is None:
                return None
            if more:
                self.cap = min(self.cap or seen.rows, seen.rows)
                return False
        if Axis.DATE in self._useless or len(days) < 2:
            return None
        self._proven = max(self._proven, seen.rows)
        return True

    def _by_modality(self, window: Window, seen: WindowAnswer) -> Steps[bool | None]:
        """The same by the modalities that came. It never shows that there is more: some archives do not look at them."""
        parts = sorted(seen.modalities.items(), key=lambda part: -part[1])[:_MODALITIES]
        if not parts or parts[0][1] >= seen.distinct:
            return None
        for modality, known in parts:
            if (yield from self._has_more(replace(window, modality=modality), known)) is not False:
                return None
        return True

    def _suspect(self, window: Window, seen: WindowAnswer) -> Steps[None]:
        """Check an answer that could be a silent cap: a round number, or as many rows as another."""
        known = self._signals or self.cap is not None or seen.rows <= self._proven
        if known or seen.rows < max(_least(seen), self._most) or (len(self._largest) < 2 and not _looks_cut(seen)):
            return
        yield from self._prove(window, seen)

    def _prove(self, window: Window, seen: WindowAnswer) -> Steps[None]:
        """Where an answer was a silent cap, what was cut off is asked for in parts."""
        as_large = list(self._largest)
        proof, _ = yield from self._check(window, seen)
        if proof is None and not (yield from self._by_modality(window, seen)):
            self._doubt(DoubtCode.UNCHECKED, rows=seen.rows)
        for one, _ in as_large if proof is False else ():
            self._recut = True
            yield from self._parts(one)

    # A large archive

    def _large(self) -> Steps[None]:
        """Windows over all days. They are visited in an order that is drawn, so that they speak for the others."""
        for days in ((self._today + 1, LATEST), (EARLIEST, self._today - SPAN - 1)):
            yield from self._visit(*days)
        while not self._given_up() and (cells := self._cells()):
            count = max(ROUND, len(self._visited))
            if len(cells) <= count * 3 // 2:
                count = len(cells)
            self.rounds.append(Round(self._dated, [expected for _, _, expected in cells]))
            for first, last, expected in self._draw(cells, count):
                found = yield from self._visit(first, last)
                if self._given_up():
                    return
                self.rounds[-1].visited.append((expected, found))
                insort(self._visited, (first, last, found))
        if not self._given_up():
            largest = self._largest[:1] if self.cap is None and self._most > self._proven else ()
            for window, seen in largest:
                if seen.rows >= _least(seen):
                    yield from self._prove(window, seen)
            yield from self._without_date()

    def _cells(self) -> list[tuple[int, int, float]]:
        """The days that were not visited, in windows that are expected to be of like size."""
        gaps: list[tuple[int, int, float]] = []
        at, left = self._today - SPAN, None
        empty = True  # whether all that was visited since the last gap
        nothing = not any(studies for _, _, studies in self._visited)
        for visit in [*self._visited, (self._today + 1, self._today + 1, None)]:
            first, last, studies = visit
            if last < at:
                continue
            right = None if studies is None else _rate((first, last, studies))
            if at < first:
                rates = [rate for rate in (left, right) if rate is not None and not nothing] or [self._prior]
                expected = max(rates) * (_faded(first - at) if at == self._today - SPAN else first - at)
                if gaps and empty and gaps[-1][2] + expected <= self.target:
                    gaps[-1] = (gaps[-1][0], first - 1, gaps[-1][2] + expected)
                else:
                    gaps.append((at, first - 1, expected))
                empty = True
            at, left, empty = last + 1, right, empty and studies == 0
        return [cell for gap in gaps for cell in self._sliced(*gap)]

    def _sliced(self, first: int, last: int, expected: float) -> list[tuple[int, int, float]]:
        """Before all that was visited there is likely less, the longer ago: windows get longer."""
        days = last - first + 1
        pieces = min(max(1, math.ceil(expected / self.target)), days)
        fade = days / FADES if first == self._today - SPAN else 0.0
        edges = [last + 1 - min(max(round(days * _quantile(n / pieces, fade)), n), days) for n in range(pieces + 1)]
        edges = sorted({*edges[:-1], first})
        return [(a, b - 1, expected / (len(edges) - 1)) for a, b in pairwise(edges)]

    @property
    def _prior(self) -> float:
        """Studies a day, where none was found yet: many, for the first few windows are only to look around."""
        return 300 / math.pow(4, len(self.rounds)) * self.target / SPAN

    @property
    def target(self) -> int:
        """Matches that a window aims at."""
        bounds = [float(self._wanted())]
        bounds += [FILL * self.cap] if self.cap is not None else []
        bounds += [self._fits] if self._fits is not None else []
        return max(1, int(min(bounds)))

    def _draw(self, cells: list[tuple[int, int, float]], count: int) -> list[tuple[int, int, float]]:
        """As many, spread over all: one of each run of neighbours, in an order that is drawn."""
        edges = [len(cells) * n // count for n in range(count + 1)]
        drawn = [cells[self._chance.randrange(edges[n], edges[n + 1])] for n in range(count)]
        self._chance.shuffle(drawn)
        return drawn

    def _visit(self, first: int, last: int) -> Steps[int]:
        """Ask for days that no other window has. How many studies they hold."""
        window = Window((first, last))
        seen = yield from self._ask(window)
        found = yield from self._finish(window, seen)
        self._dated += found
        if self._dated > 1.1 * self.studies + CAP and not self._recut:  # some are in two windows that share no day
            self._useless.add(Axis.DATE)
        return found

    def _finish(self, window: Window, seen: WindowAnswer) -> Steps[int]:
        """The parts of what was cut off, and a check of what could have been."""
        if self._short(seen):
            return (yield from self._parts(window)) or seen.distinct
        before = self.studies
        yield from self._suspect(window, seen)
        return seen.distinct + self.studies - before

    def _parts(self, window: Window) -> Steps[int]:
        """The parts of a window that was cut off. 0: there are none."""
        for axis in (Axis.DATE, Axis.TIME):
            parts = () if axis in self._useless else window.parted(axis, self._today)
            if not parts:
                continue
            answers = yield from self._ask_all(parts)
            if axis is Axis.DATE and sum(one.distinct for one in answers) > self.studies:
                self._useless.add(axis)  # some are in both
                return 0
            if axis is Axis.TIME and all(self._short(one) and one.rows and not one.new for one in answers):
                self._stuck += 1  # the same rows again, or they were seen elsewhere
                if self._stuck > STUCK:
                    self._useless.add(axis)
                    continue
            if axis is Axis.TIME:
                self._doubt(DoubtCode.NO_TIME)
            found = 0
            for part, seen in zip(parts, answers, strict=True):
                if self._given_up():
                    break
                found += yield from self._finish(part, seen)
            return found
        self._lost += 1
        self._doubt(DoubtCode.WINDOW_FULL)
        return 0

    def _given_up(self) -> bool:
        if self._refused >= REFUSALS:
            self._doubt(DoubtCode.REFUSALS, questions=REFUSALS)
        return self._lost >= LOST or self._refused >= REFUSALS or Axis.DATE in self._useless

    def _without_windows(self) -> Steps[None]:
        """An archive that does not look at dates."""
        self._doubts.clear()
        unasked = self._all is None or self._all.ended is Ended.ENOUGH
        if unasked and self.cap is None and self.studies <= self._whole:
            seen = yield from self._everything(2 * self._whole)
            if seen.ended is Ended.WHOLE and seen.distinct == self.studies and (yield from self._settle(seen)):
                return
        self._doubt(DoubtCode.DATES_IGNORED)

    def _without_date(self) -> Steps[None]:
        """Studies without a date, or with one that is none, are in no window."""
        if self.cap is not None:
            self._doubt(DoubtCode.UNDATED_BEHIND_LIMIT, rows=self.cap)
        elif not looks_cut(self.studies, pages=True) and (yield from self._no_more()):
            self.undated = self.studies - self._dated
        elif self._all is not None and self._all.ended is not Ended.ENOUGH:
            self._doubt(DoubtCode.NO_LIST)
        elif self.studies > self._whole:
            self._doubt(DoubtCode.UNDATED_UNASKED, studies=self._whole)
        else:
            yield from self._list_undated()

    def _no_more(self) -> Steps[bool]:
        """Whether one question for all studies has none beyond those that were found."""
        return self.studies > 0 and (yield from self._has_more(Window(), self.studies)) is False

    def _list_undated(self) -> Steps[None]:
        seen = yield from self._everything(2 * self._whole)
        if seen.ended is not Ended.WHOLE:
            self._doubt(DoubtCode.NO_LIST)
            self._note(seen.doubt)
        elif seen.distinct < self.studies:
            self._doubt(DoubtCode.LIST_SHORT, listed=seen.distinct, studies=self.studies)
        elif self._dated < self.studies and _looks_cut(seen) and not (yield from self._by_modality(Window(), seen)):
            self._doubt(DoubtCode.CUT_OFF, rows=seen.rows)
        else:
            self.undated = self.studies - self._dated

    def walked(self, images: int) -> None:
        """So many images are in the studies found. Where each gave a row, the answer did not end before its last."""
        if images == self._unchecked and len(self._doubts) == 1:
            self._doubts.clear()
            self.complete = True

    def _doubt(self, code: DoubtCode, **numbers: int) -> None:
        self._note(Doubt(code, numbers))

    def _note(self, doubt: Doubt | None) -> None:
        if doubt is not None and doubt not in self._doubts:
            self._doubts.append(doubt)


def _least(seen: WindowAnswer) -> int:
    """Rows below which an answer is taken for whole."""
    return CAP if seen.days is None else 1


def _looks_cut(seen: WindowAnswer) -> bool:
    pages = seen.days is not None
    return looks_cut(seen.rows, pages=pages) or (pages and looks_cut(seen.distinct, pages=True))


def plan_for(scope: Scope, hint: Hint, throttle: Throttle) -> CensusPlan:
    """Windows as large as an archive bears, from today."""
    today = datetime.now(UTC).date().toordinal()
    return CensusPlan(today, hint, target=lambda: throttle.window, whole=scope.census.whole)


def _rate(visit: tuple[int, int, int]) -> float:
    """Studies a day, at the higher side of what was seen."""
    first, last, studies = visit
    return (studies + 2) / (last - first + 1)


def _quantile(share: float, fade: float) -> float:
    """Where a share of something is reached that fades away evenly."""
    return share if not fade else -math.log1p(-share * -math.expm1(-fade)) / fade


def _faded(days: int) -> float:
    """As many days as these would be, if they did not fade."""
    return -math.expm1(-days / FADES) * FADES
