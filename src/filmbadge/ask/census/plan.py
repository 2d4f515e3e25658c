"""Plans which windows to ask for: every study in an answer that was not cut off, with few questions.

A plan knows no protocol. It asks `Studies` for windows, and at the end names its doubts. It counts nothing: the caller
counts distinct UIDs over all windows, so windows may overlap.

An answer is whole only if something shows that it could have held more: the archive gave a larger answer that was whole,
or the same studies come again in smaller answers by another key. A row limit is the same for all answers, whether the
archive signals it or not. So the largest answer decides. We part it into smaller answers: if these bring nothing new, no
smaller answer was cut off either. If each record brings its date, we need not ask for a part again: one question tells
whether the part has one study more than came.

A key is taken for ignored until it changed an answer. Studies without a date are in no range of dates, so they need a key
of their own: any limit between the studies with a date and all of them would look the same.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from filmbadge.ask.census.budget import Spent
from filmbadge.ask.census.source import Ended, Steps, Studies, When, WindowAnswer
from filmbadge.ask.census.windows import BEYOND, EARLIEST, LATEST, MINUTES, MODALITIES, NEVER, Axis, Window, halves
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.model import Doubt, DoubtCode

ASK_ALL_UP_TO = 20_000  # We ask for all of so many studies in one question, where nothing tells what that costs.
SMALL = 5000  # Up to this many studies we begin with that question, whatever it costs.
TARGET = 3000  # matches that a window should have
SPAN = 40 * 365  # range of days in which we expect studies
FADES = 20 * 365  # Before any visit, we assume that an archive was e times less busy this many days ago.
ROUND = 8  # smallest number of windows before their sizes are computed again
CAP = 10  # rows, below which an answer is checked at the end only, as the largest
STUCK = 3  # how often both halves of a day may bring the same studies again
STEPS = 40  # steps of a check by parting
REFUSALS = 30  # refusals in a row before a plan gives up
LOST = 20  # full windows that could not be parted, before a plan gives up
FILL = 0.6  # share of a known row limit that a window should fill
_RECENT = (1, 8, 39)  # ages in days that are looked at first
_BUSY_DAYS = 30 * 365  # We assume that an archive was as busy as now for this many days.
_MODALITIES = 16  # Studies of more modalities are not asked for by each.
# What parts studies without a date, the cheapest first. In pages, one row tells whether a modality has more studies.
_OTHERS = (Axis.UNDATED, Axis.SEX, Axis.MODALITY, Axis.UID)
_OTHERS_IN_PAGES = (Axis.SEX, Axis.MODALITY, Axis.UNDATED, Axis.UID)
PREFIXES = 1000  # questions by what UIDs begin with
_WIDTHS = (365, 180, 90, 60, 31, 7, 1)  # days that a range may span, tried where an archive refuses wide ranges
# Answers are cut off at such numbers of rows. Answers in pages may have one more (Orthanc's QIDO-RS). DICOMcloud has
# 12.
LIMITS = frozenset(n * 10**k for n in (1, 2, 3, 5) for k in range(1, 7)) | frozenset(
    (25, 150, 250, 256, 512, 1024, 1500, 2048, 2500, 4096)
)
PAGE_LIMITS = LIMITS | {n + 1 for n in LIMITS} | {12}


def looks_cut(rows: int, *, pages: bool = False) -> bool:
    return rows in (PAGE_LIMITS if pages else LIMITS)


class Hint(Struct, frozen=True):
    """Knowledge about an archive before its census."""

    young: int = 0  # lower bound of the youngest study's age in days: no match was younger
    studies: int | None = None  # number of studies that were counted before
    no_dates: bool = False  # The archive refuses ranges of dates, or only a question without a date had matches.


_NOTHING = Hint()


class _Failed(Exception):
    """The plan ends: no further question is to be asked."""


@dataclass
class Round:
    """Windows of similar expected size. They are visited in random order, so visited windows represent the others."""

    before: int  # studies in windows of days that no window of this round has
    expected: list[float]  # expected sizes of all windows
    visited: list[tuple[float, int]] = field(default_factory=list)  # pairs of expected and found sizes
    open: bool = False  # a window has an answer, and not all questions about it were asked
    begun: int = 0  # studies found before the window that is being visited


class CensusPlan:
    """Drive `run()`. However it ends, `complete`, `doubts` and `rounds` tell how far it came."""

    def __init__(
        self,
        today: int,
        hint: Hint = _NOTHING,
        *,
        target: Callable[[], int] = lambda: TARGET,
        affords: Callable[[], int] = lambda: ASK_ALL_UP_TO,
        seed: int | None = None,
    ) -> None:
        self.complete = False
        self.failed = False
        self.undated: int | None = None  # studies that no range of dates brought
        self.cap: int | None = None  # number of rows at which answers end
        self.studies = 0  # distinct studies so far
        self.single = 0  # studies of the largest answer
        # Whether studies of several answers can be added up: the archive still has those that it gave before.
        self.stable: bool | None = None
        self.rounds: list[Round] = []
        self._today, self._hint, self._seed = today, hint, seed
        self._wanted, self._affords = target, affords
        self._chance = random.Random(seed)
        self._seeds = random.Random(None if seed is None else f"{seed} seeds")  # apart, so that none moves the windows
        self._signals = False  # the archive signals when it cuts an answer
        self._dated = 0  # sum of studies over windows of which no two share a day
        self._recut = False  # some windows were asked for in parts later, so the sum `_dated` proves nothing
        self._largest: list[tuple[Window, WindowAnswer]] = []
        self._proven = 0  # rows of the largest answer that was proven whole
        self._fits: float | None = None  # the archive refuses windows that are larger than this
        self._visited: list[tuple[int, int, int]] = []  # triples of first day, last day and studies
        self._newest: float | None = None  # studies per day of the newest days at least, if their answer was cut off
        self._useless: set[Axis] = set()
        self._doubts: list[Doubt] = []
        self._widest: int | None = None  # days that a range may span
        self._lost = 0
        self._refused = 0
        self._stuck = 0
        self._asked_again = False  # for studies that it gave before
        self._ranges: list[int] = []  # the fewest and the most rows of a range of dates
        self._cut: Doubt | None = None  # what the archive said of an answer that it cut off
        self._vain = 0  # answers of which the archive said that there is more, and whose parts had no more
        self._all: WindowAnswer | None = None  # the answer to a question without bounds
        self._expected = SMALL  # studies, by what was seen of recent days

    def again(self) -> CensusPlan:
        """The same plan, from its beginning."""
        return CensusPlan(self._today, self._hint, target=self._wanted, affords=self._affords, seed=self._seed)

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        return tuple(self._doubts)

    @property
    def drawn(self) -> tuple[int, int] | None:
        """The round and the window, drawn by lot, that questions are about. None before the first round."""
        return (len(self.rounds), len(self.rounds[-1].visited)) if self.rounds else None

    def seed(self) -> int:
        """64 bits of chance."""
        return self._seeds.getrandbits(64)

    def lot(self, of: Sequence[bytes], count: int) -> list[bytes]:
        """Some of these, drawn by lot."""
        return self._chance.sample(of, min(count, len(of)))

    def draw(self, of: Mapping[bytes, int], count: int) -> list[bytes]:
        """So many of these, independently, each with a chance that is proportional to its number."""
        return self._chance.choices(list(of), list(of.values()), k=count) if any(of.values()) else []

    def run(self, studies: Studies) -> Steps[None]:
        self._source = studies
        self._useless = set(Axis) - studies.axes
        try:
            try:
                yield from self._run()
            except _Failed:
                self.failed = True
            yield from self._add_up()
        finally:
            del self._source  # it refers to this plan
        self.complete = not self._doubts
        if not self.complete:
            self._note(self._cut)

    def _add_up(self) -> Steps[None]:
        """Ask whether the archive still has what it gave before: else no two of its answers can be added up."""
        if self.studies <= self.single:
            return
        if self.stable is not False:
            there = yield from self._source.still_there()
            self.stable = self.stable if there is None else there
        if not self.stable:
            self._doubt(DoubtCode.STUDIES_CHANGE, studies=self.studies, largest=self.single)

    def _run(self) -> Steps[None]:
        if self._hint.no_dates or (yield from self._seems_small()):
            at_most = SMALL if self._expected <= SMALL else self._at_most(self._expected)
            seen = yield from self._everything(at_most)
            if seen.ended is Ended.WHOLE and (yield from self._settle(seen)):
                return
            if self._hint.no_dates and seen.ended is not Ended.REFUSED:
                self._doubt(DoubtCode.NO_LIST)
                self._note(seen.doubt)
                return
        yield from self._ask_again()
        if (yield from self._large()):
            return
        if Axis.DATE in self._useless:
            yield from self._without_windows()

    # This section asks one question.

    def _ask(self, window: Window) -> Steps[WindowAnswer]:
        seen = yield from self._source.ask(window)
        self.studies += seen.new
        self.single = max(self.single, seen.distinct if seen.at_once is None else seen.at_once)
        if window.days is not None and window.minutes is None and seen.ended is Ended.WHOLE:
            self._ranges = [min([*self._ranges, seen.rows]), max([*self._ranges, seen.rows])]
        if seen.ended is Ended.FAILED:
            self._note(seen.doubt)
            raise _Failed
        if seen.astray > seen.distinct + CAP:  # fewer may be written so that the archive compares them otherwise
            self._useless.add(Axis.DATE)
        if seen.forgotten:
            self.studies, self.single, self._dated, self._visited = 0, 0, 0, []
        if seen.ended is Ended.CUT and self._vain > STUCK:
            self._note(seen.doubt)  # it says so of every answer, so this is as good as no sign
            seen = replace(seen, ended=Ended.WHOLE)
        if seen.ended is Ended.CUT:
            self._signals, self._cut = True, seen.doubt
            self.cap = max(self.cap or 0, seen.rows)
        self._refused = self._refused + 1 if seen.ended is Ended.REFUSED else 0
        if seen.ended is Ended.REFUSED:
            self._fits = max(min(self._fits or TARGET, self.target) / 2, self.most, CAP)
        elif seen.ended is Ended.WHOLE and seen.rows:
            if self.cap is not None and not self._signals and seen.rows > self.cap:
                self.cap = None  # it was no limit: an answer without a range of dates is filtered otherwise
            if seen.rows > self.most:
                self._largest = []
            if seen.rows >= self.most and len(self._largest) < LOST:
                self._largest.append((window, seen))
        if self.studies > 1.5 * self.single and not self._asked_again:
            self._asked_again = True  # an archive whose answers cannot be added up is soon left
            self.stable = yield from self._source.still_there()
        return seen

    def _ask_all(self, windows: Sequence[Window]) -> Steps[list[WindowAnswer]]:
        answers = []
        for window in windows:
            seen = yield from self._ask(window)
            answers.append(seen)
        return answers

    @property
    def most(self) -> int:
        """Rows of the largest answer that claims to be whole."""
        return self._largest[0][1].rows if self._largest else 0

    def _limited(self, whole: WindowAnswer, parts: Sequence[WindowAnswer] = ()) -> None:
        """Some studies of `whole` were not in its answer. If a part has more rows, it is no limit: it was filtered."""
        if all(one.rows <= whole.rows for one in parts):
            self.cap = min(self.cap or whole.rows, whole.rows)

    def _short(self, seen: WindowAnswer) -> bool:
        """Whether there are more studies than the answer gave."""
        return seen.ended is not Ended.WHOLE or (self.cap is not None and seen.rows >= self.cap)

    def _has_more(self, window: Window, known: int) -> Steps[bool | None]:
        ask = self._source.has_more
        return None if ask is None else (yield from ask(window, known))

    # This section reads a small archive: one question, and its check.

    def _seems_small(self) -> Steps[bool]:
        """Look at recent days until they tell the approximate number of studies, and whether one answer may have all."""
        young = self._hint.young
        if self._hint.studies is not None:
            self._expected = self._hint.studies
            return self._cheap(self._expected)
        if young > _RECENT[-1]:
            return True
        for age in _RECENT:
            if age < young:
                continue
            first, last = self._today - age, self._today - young
            if self._visited and _rate(self._visited[0]) * (last - first + 1) > max(SMALL, self._affords() // 10):
                break
            seen = yield from self._ask(Window((first, last)))
            if Axis.DATE in self._useless or (seen.ended is Ended.REFUSED and not self._visited):
                return True
            if self._short(seen):
                self._newest = _rate((first, last, seen.distinct))
                return False
            self._visited, self._dated = [(first, last, seen.distinct)], seen.distinct
            self._expected = math.ceil((seen.distinct + 3) / (age + 1) * _BUSY_DAYS)
            if age > _RECENT[0] and self._expected <= SMALL:
                return True
        return self._cheap(self._expected)

    def _cheap(self, studies: float) -> bool:
        """Whether one answer may have this many studies."""
        return studies <= SMALL or (ASK_ALL_UP_TO < self._affords() >= studies)

    def _at_most(self, studies: int) -> int:
        """Rows after which we end an answer of all studies, if we expect this many."""
        return max(self._affords(), 2 * min(studies, ASK_ALL_UP_TO))

    def _everything(self, at_most: int) -> Steps[WindowAnswer]:
        self._all = yield from self._ask(Window(at_most=at_most))
        return self._all

    def _settle(self, seen: WindowAnswer) -> Steps[bool]:
        """Check an answer that claims to hold everything. Returns False if it does not."""
        if seen.distinct < self.studies:
            return False
        if not seen.distinct:
            return (yield from self._is_empty())
        proof, dated = yield from self._check(Window(), seen)
        undated = seen.distinct - dated
        ranges = bool(self._ranges) and self._ranges[0] < seen.rows and self._ranges[1] > 0
        if proof is not False and not (ranges or seen.undated):
            # No range of dates was seen to work, and nothing without a date. So a question without one may have a filter.
            self._doubt(DoubtCode.UNCHECKED, rows=seen.rows)
        elif proof is not False and not (proof and not undated and not _looks_cut(seen)):
            proof = yield from self._by_another_key(seen, undated)
            if proof is None and not undated and Axis.DATE not in self._useless and _looks_cut(seen):
                self._doubt(DoubtCode.CUT_OFF, rows=seen.rows)
            elif proof is None and dated and undated:
                self._doubt(DoubtCode.UNDATED_UNPARTED, undated=undated)
            elif proof is None:
                self._doubt(DoubtCode.UNCHECKED, rows=seen.rows)
        if proof is False:
            return False
        if seen.days is not None or Axis.DATE not in self._useless:
            self.undated = undated
        return True

    def _is_empty(self) -> Steps[bool]:
        """Nothing came without bounds. Closed ranges of old and of recent dates may bring something, or nothing shows that

        this archive answers anything.
        """
        answers = yield from self._ask_all(Window().parted(Axis.DATE, self._today))
        if any(one.rows or one.ended is not Ended.WHOLE for one in answers):
            return False
        self._doubt(DoubtCode.NOTHING_GIVEN)
        return True

    # This section checks answers.

    def _check(self, window: Window, seen: WindowAnswer) -> Steps[tuple[bool | None, int]]:
        """Part an answer into smaller ones. True: it was whole. False: it was cut off. None: we cannot tell.

        Also returns how many studies the parts had. If one part has all studies, that part is parted further. Without
        bounds, we part by time before date, because that part may be one busy day.
        """
        if seen.days is not None:
            proof, most = (yield from self._by_days(window, seen)), sum(seen.days.values())
            if not proof or len(seen.days) > 1 or most < seen.distinct:
                return proof, most
        if window.days is None:
            proof, found = yield from self._check_all(seen)
            return proof, max(found, sum((seen.days or {}).values()))
        return (yield from self._narrowed(window, seen, (Axis.DATE, Axis.TIME)))

    def _narrowed(self, at: Window, whole: WindowAnswer, axes: Sequence[Axis]) -> Steps[tuple[bool | None, int]]:
        """Part an answer, then the part that has all of it, and so on."""
        most = 0
        for axis in axes:
            for _ in range(STEPS):
                proof, part, found = yield from self._level(at, whole, axis)
                most = max(most, found)
                if proof is not None:
                    return proof, most
                if part is None:
                    break
                at, whole = part
        return None, most

    def _check_all(self, seen: WindowAnswer) -> Steps[tuple[bool | None, int]]:
        """The same for an answer without bounds, whose records bring no dates, or all bring one."""
        most, dated = 0, None
        for axis in (Axis.DATE, Axis.TIME) if seen.days is None and seen.distinct > 1 else ():
            proof, part, found = yield from self._level(Window(), seen, axis)
            most, dated = max(most, found), part if axis is Axis.DATE else dated
            if proof is not None:
                return proof, most
        when = (yield from self._source.when()) if Axis.DATE not in self._useless else None
        if when is None and dated is not None:
            proof, found = yield from self._narrowed(*dated, (Axis.DATE, Axis.TIME))
            return proof, max(most, found)
        proof = None if when is None else (yield from self._around_one(seen, when))
        return proof, max(most, seen.distinct if proof else 0)

    def _around_one(self, seen: WindowAnswer, when: When) -> Steps[bool | None]:
        """Part all studies around the day of one of them, and if all are of that day, around its minute.

        One study alone is sure if no other part brings any.
        """
        day, minute = when
        days = [part for part in ((EARLIEST, day - 1), (day, day), (day + 1, LATEST)) if part[0] <= part[1]]
        windows = _bounded([Window(part) for part in days], seen.rows)
        proof = yield from self._level_of(windows, seen, Window((day, day)))
        if proof is not None or minute is None or Axis.TIME in self._useless or Axis.DATE in self._useless:
            return proof
        times = [part for part in ((0, minute - 1), (minute, minute), (minute + 1, MINUTES - 1)) if part[0] <= part[1]]
        own = Window((day, day), (minute, minute))
        proof = yield from self._level_of([Window((day, day), part) for part in times], seen, own)
        return True if proof is None and seen.distinct == 1 and Axis.TIME not in self._useless else proof

    def _level_of(self, windows: Sequence[Window], seen: WindowAnswer, own: Window) -> Steps[bool | None]:
        """One step of parting. None: all studies are in `own`, or, if a key is now taken for useless, nothing is known."""
        answers = yield from self._ask_all(windows)
        proof, full = self._told(seen, answers)
        if proof is None and (full is None or replace(windows[full], at_most=0) != own):
            self._useless.add(Axis.DATE if own.minutes is None else Axis.TIME)
        return proof

    def _level(
        self, window: Window, whole: WindowAnswer, axis: Axis
    ) -> Steps[tuple[bool | None, tuple[Window, WindowAnswer] | None, int]]:
        """One step of a check. Returns the proof, or the part that has all studies if there is one."""
        several = window.days is not None and window.days[0] != window.days[1]
        if axis in self._useless or (axis is Axis.TIME and several):
            return None, None, 0
        parts = self._halves() if axis is Axis.DATE and window.days is None else window.parted(axis, self._today)
        parts = _bounded(parts, whole.rows)
        answers: list[WindowAnswer] = []
        for n, part in enumerate(parts):
            if n == len(parts) - 1 and not any(one.rows for one in answers) and window.days:
                answers.append(WindowAnswer(whole.rows, whole.distinct, 0, Ended.WHOLE))  # the other part must be empty
            else:
                answers.append((yield from self._ask(part)))
        proof, full = self._told(whole, answers)
        together = sum(one.distinct for one in answers)
        if proof is not None:
            return proof, None, together
        if full is None:
            if parts and window.days is None:
                self._useless.add(axis)
            return None, None, 0
        return None, (parts[full], answers[full]), together

    def _halves(self) -> tuple[Window, ...]:
        """All dates in two parts with about as many studies each, by the windows that were visited."""
        together, so_far = sum(studies for _, _, studies in self._visited), 0
        for _, last, studies in self._visited if self.rounds else ():
            so_far += studies
            if 2 * so_far >= together and EARLIEST < last < LATEST:
                return Window((EARLIEST, last)), Window((last + 1, LATEST))
        return Window().parted(Axis.DATE, self._today)

    def _told(self, whole: WindowAnswer, answers: Sequence[WindowAnswer]) -> tuple[bool | None, int | None]:
        """What parts tell of the whole: True or False as for a check; or which part has all of it, if one has."""
        together = sum(one.distinct for one in answers)
        full = [n for n, one in enumerate(answers) if one.rows >= whole.rows]
        if any(one.new for one in answers) or (together > whole.distinct and len(full) < 2):
            self._limited(whole, answers)
            return False, None
        if not together or len(full) > 1 or any(one.ended is not Ended.WHOLE for one in answers):
            return None, None
        if full:
            return None, full[0]
        self._proven = max(self._proven, whole.rows)
        return True, None

    def _by_days(self, window: Window, seen: WindowAnswer) -> Steps[bool | None]:
        """Whether an answer was whole. For each half of its days, one question asks for one study more than came.

        A limit on the whole answer would leave room in a half. A single day cannot be checked this way: it would be cut
        off at the same row again.
        """
        days, undated = seen.days or {}, seen.undated
        for part in () if Axis.DATE in self._useless else halves(window.days, days):
            half, known = replace(window, days=part), sum(n for day, n in days.items() if part[0] <= day <= part[1])
            more = yield from self._has_more(half, known)
            if more and (yield from self._has_more(NEVER, 0)) is not False:
                # Some archives match a study without a date to any range, and some ignore dates.
                if not undated or (yield from self._has_more(NEVER, undated)) is not False:
                    self._useless.add(Axis.DATE)
                    return None
                more = yield from self._has_more(half, known + undated)
            if more is None:
                return None
            if more:
                self._limited(seen)
                return False
        if Axis.DATE in self._useless or not days:
            return None
        self._ranges = [0, seen.rows]
        if len(days) > 1 or undated:
            self._proven = max(self._proven, seen.rows)
        return True

    def _by_another_key(self, seen: WindowAnswer, undated: int) -> Steps[bool | None]:
        """Whether an answer without bounds was whole, by what brings studies without a date too. `undated` of them came.

        True: smaller answers have all its studies, and no other. False: they have others. None: no key tells.
        """
        for axis in _OTHERS if self._source.has_more is None else _OTHERS_IN_PAGES:
            if axis in self._useless or seen.distinct == 1:
                continue
            if axis is Axis.UNDATED:
                proof = (yield from self._beside(seen, undated)) if undated > 0 else None
            elif axis is Axis.MODALITY and self._source.has_more is not None:
                proof = yield from self._by_modality(seen)
            elif axis is Axis.UID:
                before = self.studies
                proof = yield from self._by_prefix(seen.rows)
                if self.studies > before:  # so the answer was cut off, and shows nothing of what begins otherwise
                    self._limited(seen)
                    proof = False
            else:
                proof = yield from self._by_parts(_bounded(Window().parted(axis, self._today), seen.rows), seen)
            if proof is not None:
                return proof
        return None

    def _beside(self, seen: WindowAnswer, undated: int) -> Steps[bool | None]:
        """Whether Empty Value Matching brings what no range of dates brought, and nothing else."""
        parts = yield from self._source.without_date(seen.rows)
        self.studies += parts.new
        if parts.new:
            self._limited(seen)
            return False
        if parts.small and parts.distinct == undated:
            return True
        self._useless.add(Axis.UNDATED)
        return None

    def _by_parts(self, windows: Sequence[Window], seen: WindowAnswer) -> Steps[bool | None]:
        parts = yield from self._source.parts(windows, seen.rows)
        self.studies += parts.new
        if parts.new:
            self._limited(seen)
            return False
        return True if parts.small and parts.distinct == seen.distinct else None

    def _by_prefix(self, limit: int, *, all_of_them: bool = False) -> Steps[bool | None]:
        """By what UIDs begin with, further and further, until each answer has fewer rows than the limit.

        `all_of_them`: from the first character on; else from what the known UIDs have in common. UIDs have no wildcard
        matching, PS3.4 C.2.2.2.4, but some archives have it.
        """
        prefix, known = self._source.prefix()
        # One that must bring something, and not much, is asked for first: else the key is taken for ignored.
        first = yield from self._source.parts([Window(prefix=known[:-1])] if known else [], limit)
        self.studies += first.new
        honoured = bool(prefix) and first.small and first.distinct > 0
        root = Window(prefix="" if all_of_them else prefix)
        left = list(root.parted(Axis.UID, self._today)) if honoured else []
        together, tried = 0, 0
        while left and tried < PREFIXES:
            window, tried = left.pop(), tried + 1
            part = yield from self._source.parts([window], limit)
            self.studies += part.new
            together += part.distinct if part.small else 0
            if not part.small and not (deeper := window.parted(Axis.UID, self._today)):
                return None
            left += () if part.small else deeper
        return True if not left and together and together == self.studies else None

    def _by_modality(self, seen: WindowAnswer) -> Steps[bool | None]:
        """By the modalities that came and the usual ones, where one small question tells whether there are more."""
        known = seen.modalities
        if seen.unlabelled or not known or max(known.values()) >= seen.distinct or len(known) > _MODALITIES:
            return None
        for modality in dict.fromkeys((*known, *MODALITIES)):
            if (yield from self._has_more(Window(modality=modality), known.get(modality, 0))) is not False:
                return None
        return True

    def _suspect(self, window: Window, seen: WindowAnswer) -> Steps[None]:
        """Check an answer that may be a silent limit: a round number of rows, or as many rows as another answer."""
        known = self._signals or self.cap is not None or seen.rows <= self._proven
        if known or seen.rows < max(_early(seen), self.most) or (len(self._largest) < 2 and not _looks_cut(seen)):
            return
        yield from self._prove(window, seen)

    def _prove(self, window: Window, seen: WindowAnswer) -> Steps[None]:
        """Check an answer for a silent limit. If it was cut off, ask for its parts."""
        as_large = list(self._largest)
        proof, _ = yield from self._check(window, seen)
        if proof is None:
            self._doubt(DoubtCode.UNCHECKED, rows=seen.rows)
        for one, answer in as_large if proof is False else ():
            self._recut = True
            yield from self._parts(one, answer)

    # This section reads a large archive.

    def _large(self) -> Steps[bool]:
        """Visit windows over all days in random order, so that visited windows represent the others.

        Returns whether one answer had all studies: we ask for it as soon as windows tell that it costs little.
        """
        yield from self._far()
        while not self._given_up() and (cells := self._cells()):
            if (yield from self._at_once(self.studies + sum(expected for _, _, expected in cells))):
                return True
            count = max(ROUND, len(self._visited))
            if len(cells) <= count * 3 // 2:
                count = len(cells)
            self.rounds.append(Round(self._dated, [expected for _, _, expected in cells]))
            for first, last, expected in self._draw(cells, count):
                self.rounds[-1].begun = self.studies
                found = yield from self._visit(first, last)
                if self._given_up():
                    return False
                self._within(False)
                self.rounds[-1].visited.append((expected, found))
                insort(self._visited, (first, last, found))
        if not self._given_up():
            self._within(True)
            largest = self._largest[:1] if self.cap is None and self.most > self._proven else ()
            for window, seen in largest:
                yield from self._prove(window, seen)
            self._within(False)
            yield from self._without_date()
        return False

    @property
    def _unasked(self) -> bool:
        """Whether no answer was to have all studies, or we ended it because it had more than we expected."""
        return self._all is None or self._all.ended is Ended.ENOUGH

    def _at_once(self, expected: float) -> Steps[bool]:
        """Whether one question brought all studies, where so many are expected, and its answer was checked."""
        known = self.cap is not None or self._signals or self._fits is not None or self._widest is not None
        if not self.rounds or known or not self._unasked or expected <= self.target or not self._cheap(2 * expected):
            return False
        seen = yield from self._everything(self._affords())
        if seen.ended is Ended.WHOLE and (yield from self._settle(seen)):
            return True
        yield from self._ask_again()
        return False

    def _ask_again(self) -> Steps[None]:
        """Ask for the parts of windows that came before a limit was known, and had as many rows as it allows."""
        for window, seen in list(self._largest) if self.cap is not None else ():
            if window.days is not None and self._short(seen) and not self._given_up():
                self._recut = True
                yield from self._parts(window, seen)

    def _within(self, open: bool) -> None:
        for one in self.rounds[-1:]:
            one.open = open

    def _far(self) -> Steps[None]:
        """Visit the future and the far past. Both should be empty, so if these are refused, it is for their width."""
        ahead = Window((self._today + 1, LATEST))
        seen = yield from self._ask(ahead)
        if seen.ended is not Ended.REFUSED:
            self._dated += yield from self._finish(ahead, seen)
            yield from self._visit(EARLIEST, self._today - SPAN - 1)
            return
        for width in _WIDTHS:
            seen = yield from self._ask(Window((self._today + 1, self._today + width)))
            if seen.ended is not Ended.REFUSED:
                self._widest = width
                self._doubt(DoubtCode.RANGES_NARROW, days=width)
                return

    def _cells(self) -> list[tuple[int, int, float]]:
        """The days that were not visited, in windows of similar expected size."""
        gaps: list[tuple[int, int, float]] = []
        at, left = self._today - SPAN, None
        empty = True  # whether all visits since the last gap were empty
        nothing = not any(studies for _, _, studies in self._visited)
        for visit in [*self._visited, (self._today + 1, self._today + 1, None)]:
            first, last, studies = visit
            if last < at:
                continue
            right = self._newest if studies is None else _rate((first, last, studies))
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
        """Slice days before all visits. Older days likely have fewer studies, so windows get longer."""
        days = last - first + 1
        pieces = min(max(1, math.ceil(expected / self.target), math.ceil(days / (self._widest or days))), days)
        fade = days / FADES if first == self._today - SPAN else 0.0
        edges = [last + 1 - min(max(round(days * _quantile(n / pieces, fade)), n), days) for n in range(pieces + 1)]
        edges = sorted({*edges[:-1], first})
        return [(a, b - 1, expected / (len(edges) - 1)) for a, b in pairwise(edges)]

    @property
    def _prior(self) -> float:
        """Studies per day before any was found. The value is high, because the first few windows only look around."""
        return 300 / math.pow(4, len(self.rounds)) * self.target / SPAN

    @property
    def target(self) -> int:
        """Number of matches that a window should have."""
        bounds = [float(self._wanted())]
        bounds += [FILL * self.cap] if self.cap is not None else []
        bounds += [self._fits] if self._fits is not None else []
        return max(CAP, int(min(bounds)))  # smaller windows come of parting those that are cut off

    def _draw(self, cells: list[tuple[int, int, float]], count: int) -> list[tuple[int, int, float]]:
        """Draws `count` cells, one from each run of neighbours, in random order."""
        edges = [len(cells) * n // count for n in range(count + 1)]
        drawn = [cells[self._chance.randrange(edges[n], edges[n + 1])] for n in range(count)]
        self._chance.shuffle(drawn)
        return drawn

    def _visit(self, first: int, last: int) -> Steps[int]:
        """Ask for days that no other window has. Returns how many studies they hold."""
        window = Window((first, last))
        seen = yield from self._ask(window)
        self._within(True)
        found = yield from self._finish(window, seen)
        self._dated += found
        # Some studies are in two windows that share no day.
        if self._dated > 1.1 * self.studies + CAP and not self._recut:
            self._useless.add(Axis.DATE)
        return found

    def _finish(self, window: Window, seen: WindowAnswer) -> Steps[int]:
        """Ask for the parts of an answer that was cut off, and check an answer that may have been."""
        if self._short(seen):
            return (yield from self._parts(window, seen)) or seen.distinct
        before = self.studies
        yield from self._suspect(window, seen)
        return seen.distinct + self.studies - before

    def _parts(self, window: Window, whole: WindowAnswer) -> Steps[int]:
        """Ask for the parts of a window that was cut off. Returns 0 if there are none."""
        for axis in (Axis.DATE, Axis.TIME):
            parts = () if axis in self._useless else window.parted(axis, self._today)
            if not parts:
                continue
            answers = yield from self._ask_all(parts)
            together = sum(one.distinct for one in answers)
            if whole.ended is Ended.CUT and together == whole.distinct and not any(one.new for one in answers):
                self._vain += 1
                if self._vain > STUCK:
                    self.cap, self._signals = None, False
            if axis is Axis.DATE and together > self.studies:
                self._useless.add(axis)  # some studies are in both parts
                return 0
            if axis is Axis.TIME and all(self._short(one) and one.rows and not one.new for one in answers):
                self._stuck += 1  # the same rows came again, or they were seen elsewhere
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
        lost = self._lost >= LOST or self._refused >= REFUSALS
        return lost or Axis.DATE in self._useless or self.stable is False

    def _without_windows(self) -> Steps[None]:
        """Read an archive that ignores dates."""
        self._doubts.clear()
        if self._unasked and self.cap is None and self.studies <= self._affords():
            seen = yield from self._everything(self._at_most(ASK_ALL_UP_TO))
            if seen.ended is Ended.WHOLE and (yield from self._settle(seen)):
                return
        self._doubt(DoubtCode.DATES_IGNORED)

    def _without_date(self) -> Steps[None]:
        """Ask for studies without a valid date, because no window has them."""
        undated = self.studies - self._dated
        if self._hint.studies is not None and self.studies == self._hint.studies:
            self.undated = undated if not self._recut else None  # all that were counted before
        elif undated <= 0 and not looks_cut(self.studies, pages=True) and (yield from self._no_more()):
            self.undated = 0
        elif doubts := (unlisted := self._unlisted()) or (yield from self._list_undated()):
            if alone := (yield from self._by_empty_value()):
                self.undated = alone
            elif unlisted and self.studies and (yield from self._all_by_keys()):
                self._doubts.clear()  # of windows of days, which nothing rests on any more
                self.undated = self.studies - self._dated if not self._recut else None
            else:
                for doubt in doubts:
                    self._note(doubt)

    def _unlisted(self) -> tuple[Doubt, ...]:
        """Why one question does not list all studies; empty: it was not asked yet."""
        if self.cap is not None:
            return (Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": self.cap}),)
        if self._all is not None and self._all.ended is Ended.WHOLE:
            return (Doubt(DoubtCode.LIST_SHORT, {"listed": self._all.distinct, "studies": self.studies}),)
        if self._all is not None and self._all.ended is not Ended.ENOUGH:
            return (Doubt(DoubtCode.NO_LIST),)
        if self.studies > (affords := self._affords()):
            return (Doubt(DoubtCode.UNDATED_UNASKED, {"studies": affords}),)
        return ()

    def _by_empty_value(self) -> Steps[int]:
        """The number of studies without a date, if they came by themselves, where no question brings all studies. Else 0.

        No list of all then shows what has a date that is out of the calendar, so we ask for what is beyond it.
        """
        below = self.cap if self.cap is not None else self.most
        if self._doubts or Axis.UNDATED in self._useless or not self.studies:
            return 0
        parts = yield from self._source.without_date(below)
        self.studies += parts.new
        if not parts.small:
            return 0
        for window in BEYOND:
            seen = yield from self._ask(replace(window, at_most=below))
            if seen.ended is not Ended.WHOLE or seen.rows >= below:
                return 0
            self._dated += seen.distinct
        alone = parts.new if self._recut else self.studies - self._dated
        return alone if parts.distinct == alone else 0

    def _all_by_keys(self) -> Steps[bool]:
        """Whether answers by what UIDs begin with, each smaller than a limit, have all studies that are known together.

        No list of all shows what has no value for other keys, such as an unusual modality. Every study has a UID.
        """
        limit = self.cap if self.cap is not None else self.most
        return Axis.UID not in self._useless and bool((yield from self._by_prefix(limit, all_of_them=True)))

    def _no_more(self) -> Steps[bool]:
        """Whether one question for all studies brings no study beyond those that were found."""
        return self.studies > 0 and (yield from self._has_more(Window(), self.studies)) is False

    def _list_undated(self) -> Steps[tuple[Doubt, ...]]:
        """Ask for all studies in one question. Returns why its answer does not tell how many there are; empty: it does."""
        seen = yield from self._everything(self._at_most(ASK_ALL_UP_TO))
        undated = self.studies - self._dated
        if seen.ended is not Ended.WHOLE:
            return (Doubt(DoubtCode.NO_LIST), *(() if seen.doubt is None else (seen.doubt,)))
        if not self.studies:
            return (Doubt(DoubtCode.NOTHING_GIVEN),)
        if seen.distinct < self.studies:
            return (Doubt(DoubtCode.LIST_SHORT, {"listed": seen.distinct, "studies": self.studies}),)
        if not (undated or _looks_cut(seen)) or (yield from self._parted(seen)):
            self.undated = self.studies - self._dated
            return ()
        if undated:
            return (Doubt(DoubtCode.UNDATED_UNPARTED, {"undated": self.studies - self._dated}),)
        return (Doubt(DoubtCode.CUT_OFF, {"rows": seen.rows}),)

    def _parted(self, seen: WindowAnswer) -> Steps[bool]:
        """Whether other keys show that all studies are known, also if they first show that this answer was cut off."""
        proof = yield from self._by_another_key(seen, self.studies - self._dated)
        return bool(proof) or (proof is False and (yield from self._all_by_keys()))

    def _doubt(self, code: DoubtCode, **numbers: int) -> None:
        self._note(Doubt(code, numbers))

    def _note(self, doubt: Doubt | None) -> None:
        if doubt is not None and doubt not in self._doubts:
            self._doubts.append(doubt)


def _bounded(parts: Sequence[Window], rows: int) -> tuple[Window, ...]:
    """Parts of an answer of so many rows. A part of a large one is ended where it has more rows: it is no part."""
    return tuple(replace(part, at_most=rows + CAP) if rows > SMALL else part for part in parts)


def _early(seen: WindowAnswer) -> int:
    """An answer with as many rows is checked at once; one with fewer may only be checked at the end, as the largest."""
    return CAP if seen.days is None else 1


def _looks_cut(seen: WindowAnswer) -> bool:
    pages = seen.days is not None
    return looks_cut(seen.rows, pages=pages) or (pages and looks_cut(seen.distinct, pages=True))


def plan_for(hint: Hint, throttle: Throttle, spent: Spent) -> CensusPlan:
    """A plan from today, with answers as large as the archive can bear, and as its budget allows."""
    today = datetime.now(UTC).date().toordinal()
    return CensusPlan(today, hint, target=lambda: throttle.target_matches, affords=lambda: spent.affords)


def _rate(visit: tuple[int, int, int]) -> float:
    """Studies per day, at the upper end of what the visit allows."""
    first, last, studies = visit
    return (studies + 2) / (last - first + 1)


def _quantile(share: float, fade: float) -> float:
    """The point at which an evenly fading quantity reaches this share."""
    return share if not fade else -math.log1p(-share * -math.expm1(-fade)) / fade


def _faded(days: int) -> float:
    """The number of days without fading that equal these days with fading."""
    return -math.expm1(-days / FADES) * FADES
