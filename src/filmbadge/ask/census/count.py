"""A census of one archive: the questions of a plan, with the count keys or without, then a walk where these are missing.

What was counted outlives a connection, and another may go on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from filmbadge.ask.census import estimate
from filmbadge.ask.census.budget import MOST_FULL, Spent
from filmbadge.ask.census.lot import Lot
from filmbadge.ask.census.plan import CensusPlan
from filmbadge.ask.census.source import Ended, Parts, Source, Steps, When, WindowAnswer
from filmbadge.ask.census.walk import Walk
from filmbadge.ask.census.windows import EVER, DayRange, Window, begins_with
from filmbadge.ask.decoder import DistinctSet, Tally
from filmbadge.ask.key import RunKey
from filmbadge.model import Availability, Census, CountedBy, Doubt, DoubtCode, Interval

WALK_STUDIES = 500  # an archive without counts is walked, study by study, up to this size
STILL_THERE, ONE_BY_ONE = 50, 10  # studies that are asked for again, in one question or one by one
# Studies that are walked to see whether the count keys say the truth; more, where each is said to have one image.
LOTS, LOTS_OF_ONE = 2, 5
COUNT_KEYS_UP_TO = 20_000  # studies; above this many we drop slow count keys
# Slow means: the answer takes this many times as long, and so many seconds more, twice: once it may be our own machine.
SLOW_FACTOR, SLOWER_BY = 1.5, 1.0
COUNTS_SLOWER_BY = 0.25  # the same for the counts, of which every later question has many
# The plan listed all studies that have a date.
_OF_UNDATED = (DoubtCode.UNDATED_UNASKED, DoubtCode.UNDATED_BEHIND_LIMIT, DoubtCode.UNDATED_UNPARTED)


class CensusProgress:
    """One archive's census. Give `script` to a connection, and to the next, until it is `done` or `stopped`."""

    def __init__(self, source: Source, plan: CensusPlan, spent: Spent, key: RunKey, *, draws: int = 0) -> None:
        self._draws = draws
        self.plan = plan
        self.key = key
        self.axes = source.axes
        self.has_more = source.has_more
        self.studies = self._tally()
        self.queries = 0
        self.rows = 0
        self.done = False
        self.stopped: Doubt | None = None  # a budget ended
        self._source = source
        self.spent = spent
        self._listed = False  # all studies, as far as the plan could; what is left are series and images
        self._series: int | None = None
        self._series_known = 0  # studies
        self._images: int | None = None
        self._images_known = 0
        self._of_images: tuple[Doubt, ...] = ()
        self._once = 0  # studies of the largest answer, before all began again
        self._method: CountedBy | None = None
        self._repeats = False  # one row for each instance, or so it seems
        # Whether counts are asked for. None: not known yet whether that changes the answer.
        self._counts: bool | None = True if source.counts_come_along else None
        self._with_counts = self._tally()  # while that is not known
        self._counted: Tally | None = self.studies if source.counts_come_along else None
        self.trying = False  # the question under way is the first that asks for the availability
        self._dared = False  # it may have a long answer, or is one that some archives do not know
        self._tried = not source.availability
        self._walked: list[int] | None = None  # images of a walk, in studies that are on-line, and elsewhere
        self._by_study: dict[bytes, int] = {}  # the same, of each study
        self._samples: list[estimate.Sample] = []  # of questions with counts
        self._dear = False
        self._steps = self._count()
        self._open: Any = None  # the request that is under way, or the next

    def _tally(self) -> Tally:
        return Tally(self.key, keep=WALK_STUDIES + 1, lot=self._draws, seed=self.plan.seed())

    def close(self) -> None:
        """Nothing more is asked. The steps under way refer to this census, and would keep its sets in memory."""
        self._steps.close()

    @property
    def _known_images(self) -> bool:
        return self._images is not None and self._images_known == self.studies.distinct and self.done

    def script(self, enough: Callable[[], bool] = lambda: False) -> Steps[None]:
        """Go on, until all is counted, the budget ends, or it is `enough` for this connection."""
        if self._open is None and not self.done:
            self.advance(None)
        while self._open is not None and not enough():
            self.stopped = self.spent.ended
            if self.stopped is not None:
                return
            self.queries += 1
            self.advance((yield self._open))

    @property
    def under_way(self) -> Any:
        """The request that was asked last, while it has no response."""
        return self._open

    def advance(self, response: Any) -> None:
        self._open = None
        try:
            self._open = next(self._steps) if response is None else self._steps.send(response)
        except StopIteration:
            self.done = True

    def census(self, broke_off: Doubt | None = None) -> Census:
        """The facts. `broke_off` says what ended it, where it did not come to its end."""
        doubts = self.plan.doubts if self._listed or self.done else ()
        complete = (self._listed or self.done) and not doubts  # what ended a walk leaves the studies counted
        if not doubts and not self.done:
            doubts = (broke_off or self.stopped or Doubt(DoubtCode.NOT_ENDED),)
        found, studies, images = self._sure, None, None
        sums = found == self.studies.distinct
        if self.studies.uids.sampled:
            studies, images = self._of_sample()
            complete, doubts = False, (self._memory, *(doubts if not complete else ()))
        elif self.stopped is not None and not complete and sums:
            studies = estimate.studies(self.plan.rounds, found)
        if not images and not self._known_images and (studies or (self.done and not doubts)):
            images = estimate.images(studies or Interval(found, found, found), self._samples)
        return Census(
            complete=complete,
            rows=self.rows,
            studies=found,
            malformed=self.studies.malformed,
            undated=None if self.studies.uids.sampled else self.plan.undated,
            estimate=studies,
            images_estimate=images,
            series=self._series if sums else None,
            series_known_for=self._series_known if sums else 0,
            images=self._images if sums else None,
            images_known_for=self._images_known if sums else 0,
            method=self._method,
            doubts=doubts or self._of_images,
            queries=self.queries,
            availability=self._availability,
        )

    def lot(self) -> Lot | None:
        """Studies drawn by lot, by their images as far as these are known."""
        tally = self._with_counts if self._counts is None else self._counted
        tally = tally if tally is not None and tally.distinct == self.studies.distinct else self.studies
        if not tally.drawn:
            return None
        online = next((uid for uid, here in zip(tally.kept, tally.kept_online, strict=True) if here), b"")
        told = tally.studies_online + tally.studies_elsewhere == tally.distinct
        drawn = tally.drawn
        if self._by_study:
            drawn = self.plan.draw(self._by_study, len(drawn))
        return Lot(tuple(drawn), online, told)

    @property
    def _availability(self) -> Availability | None:
        tally = self._with_counts if self._counts is None else self._counted
        if tally is None or not _says(tally):
            return None
        images = self._walked or (tally.images_online, tally.images_elsewhere)
        return Availability(tally.studies_online, tally.studies_elsewhere, *images)

    def _of_sample(self) -> tuple[Interval | None, Interval | None]:
        """Studies with a date, and images, of an archive that is too large for the memory. None, where not all were asked for."""
        tally, doubts = self.studies, self.plan.doubts
        if not self._listed or (doubts and doubts[0].code not in _OF_UNDATED):
            return None, None
        studies = estimate.of_sample(len(tally.uids), tally.uids.spread, tally.distinct)
        if tally.images_known != tally.distinct:
            return studies, None
        return studies, estimate.of_sample(tally.images_weight, tally.images_spread, tally.images)

    @property
    def _sure(self) -> int:
        """Studies that it has for sure: those of all answers only if it still has what it gave before."""
        found, broke_off = self.studies.distinct, self._source.at_once(self.studies)
        single = max(self.plan.single, broke_off, self._once)
        return found if self.plan.stable or found <= self.plan.single else min(found, single)

    def _count(self) -> Steps[None]:
        yield from self.plan.run(self)
        if self.plan.stable is False and not self.plan.failed:
            self._begin_again()  # it may have changed only while it was asked
            yield from self.plan.run(self)
        if not self.plan.failed:
            self._listed = True
            yield from self._amounts()

    def _begin_again(self) -> None:
        self._once = max(self._once, self.plan.single)
        self.plan = self.plan.again()
        self.studies, self._with_counts, self._samples = self._tally(), self._tally(), []
        if self._counted is not None:
            self._counted = self.studies

    # Studies

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        """One question of the plan. The first that has studies is asked with and without the counts."""
        self._dared = window.at_most > 0
        seen = yield from self._asked(window)
        self._dared = False
        return seen

    @property
    def spare(self) -> bool:
        """Whether the census goes on without an answer to the question under way."""
        return self.trying or self._dared

    def _asked(self, window: Window) -> Steps[WindowAnswer]:
        if self._counts is not None:
            seen = yield from self._one(window, self._counts, self.studies)
            if seen.rows > seen.distinct and not self._repeats and seen.ended is Ended.WHOLE and seen.days is None:
                seen = self._repeat(seen, (yield from self._one(window, self._counts, self.studies)))
            if self._dear and self.studies.distinct > COUNT_KEYS_UP_TO:
                self._counts = False
            return seen
        seen = yield from self._one(window, False, self.studies)
        if seen.ended is Ended.ENOUGH:  # so many were not asked for with the counts: begin again
            self.studies, self._with_counts = self._tally(), self._tally()
            return replace(seen, new=0, forgotten=True)
        if not seen.distinct or seen.ended is Ended.FAILED:
            return seen
        again = yield from self._with_counts_too(window, seen)
        if again.ended is Ended.FAILED:
            return again
        same = _same(seen, again)
        if again.distinct > seen.distinct and self._with_counts.images_known:  # so it is asked from here on
            before = self.studies.distinct - seen.new
            self._with_counts.uids.include(self.studies.uids)
            self._counts, self._counted, self.studies = True, self._with_counts, self._with_counts
            seen = replace(again, new=self.studies.distinct - before)
        elif not same or (seen.distinct > 1 and not self._with_counts.images_known and not _says(self._with_counts)):
            self._counts = False  # they change the answer, or bring nothing
        elif seen.distinct > 1 and self._with_counts.distinct == self.studies.distinct:
            self._counts = True
            self._counted = self.studies = self._with_counts
            self._dear = _slow(seen, again, COUNTS_SLOWER_BY) and (yield from self._slow_again(window, seen))
        return self._repeat(seen, again) if seen.rows > seen.distinct else seen

    def _slow_again(self, window: Window, seen: WindowAnswer) -> Steps[bool]:
        """Whether the counts take long once more: the first time it may have been our own machine that stood still."""
        again = yield from self._source.studies(window, Tally(self.key), True)
        self.rows += again.rows
        return _slow(seen, again, COUNTS_SLOWER_BY)

    def _with_counts_too(self, window: Window, seen: WindowAnswer) -> Steps[WindowAnswer]:
        """The same question with the counts. The first time with the availability too, unless that costs counts.

        Slow is what is slow twice, for once it may be our own machine that stood still.
        """
        self.trying, self._tried = not self._tried, True
        both, trying = self._with_counts, self.trying
        again = yield from self._one(window, True, both)
        self.trying = False
        same = _same(seen, again) or (again.ended is seen.ended and again.distinct > seen.distinct)
        if not trying or (same and both.images_known and not _slow(seen, again)):
            return again
        samples = len(self._samples)
        self._source.availability, self._with_counts = False, self._tally()
        without = yield from self._one(window, True, self._with_counts)
        if not (same and _says(both)):
            return without
        plain = self._with_counts
        if both.images_known and plain.images_known:  # it was only slow
            self._source.availability, both = True, self._tally()
            again = yield from self._one(window, True, both)
        if plain.images_known and not (_same(seen, again) and both.images_known and not _slow(without, again)):
            self._source.availability, self._with_counts = False, plain
            return without
        self._source.availability, self._with_counts = True, both
        del self._samples[samples:]
        return again

    def _with_room(self, window: Window, tally: Tally, counts: bool) -> Steps[WindowAnswer]:
        """An answer that was taken in as a whole. Where there was no room, the connection waits, and it is asked for again."""
        before = len(tally.uids)
        for _ in range(MOST_FULL):
            seen = yield from self._source.studies(window, tally, counts)
            self.rows += seen.rows
            self.spent.rows += seen.rows
            if not seen.full:
                break
        else:
            return replace(seen, new=len(tally.uids) - before, doubt=self._memory)
        # A sample does not tell how many of the rows are different, so they are believed to be.
        distinct = seen.rows if tally.uids.sampled else seen.distinct
        return replace(seen, distinct=distinct, new=len(tally.uids) - before)

    @property
    def _memory(self) -> Doubt:
        return Doubt(DoubtCode.MEMORY, {"bytes": self.key.memory.limit if self.key.memory is not None else 0})

    def _repeat(self, seen: WindowAnswer, again: WindowAnswer) -> WindowAnswer:
        """One row for each instance gives as many again. An archive that does not repeats itself by mistake."""
        self._repeats = True
        if (again.rows, again.distinct) == (seen.rows, seen.distinct):
            return seen
        numbers = {"rows": seen.rows, "uids": seen.distinct, "again": again.rows}
        return replace(seen, ended=Ended.FAILED, doubt=Doubt(DoubtCode.REPEATED_UNEVENLY, numbers))

    def _one(self, window: Window, counts: bool, tally: Tally) -> Steps[WindowAnswer]:
        malformed, known, images = tally.malformed, tally.images_known, tally.images
        seen = yield from self._with_room(window, tally, counts)
        if tally.images_known > known and tally.images_known == tally.distinct:
            new = estimate.Sample(tally.images_known - known, tally.images - images, self.plan.drawn)
            self._samples.append(new)
        if tally.malformed > malformed:
            without = Doubt(DoubtCode.WITHOUT_UID, {"rows": tally.malformed - malformed})
            return replace(seen, ended=Ended.FAILED, doubt=without)
        return seen

    def parts(self, windows: Sequence[Window], below: int) -> Steps[Parts]:
        """Each is asked for apart from the rest, so that what they have together can be told from what was known."""
        together, known, small = DistinctSet(self.key), self.studies.distinct, True
        for window in windows:
            tally = Tally(self.key)
            seen = yield from self._source.studies(window, tally, bool(self._counts))
            self.rows += seen.rows
            together.include(tally.uids)
            both = DistinctSet(self.key)
            both.include(self.studies.uids)
            both.include(tally.uids)
            if len(both) > self.studies.distinct:  # once more, so that their series and images are counted too
                yield from self._source.studies(window, self.studies, bool(self._counts))
            small = seen.ended is Ended.WHOLE and seen.rows < below and not tally.malformed
            if not small:
                break
        self.studies.uids.include(together)
        return Parts(len(together), self.studies.distinct - known, small)

    def without_date(self, below: int) -> Steps[Parts]:
        self._dared = True
        parts = yield from self._without_date(below)
        self._dared = False
        return parts

    def _without_date(self, below: int) -> Steps[Parts]:
        known, held = self.studies.distinct, Tally(self.key, keep=STILL_THERE)
        window = Window(undated=True, at_most=below)
        seen = yield from self._source.studies(window, held, bool(self._counts))
        self.rows += seen.rows
        whole = seen.ended is Ended.WHOLE and seen.rows < below and not held.malformed and not held.uids.sampled
        if not whole or not held.kept or not (yield from self._undated(held)):
            return Parts(held.distinct, 0, False)
        both = DistinctSet(self.key)
        both.include(self.studies.uids)
        both.include(held.uids)
        if len(both) > known:  # once more, so that their series and images are counted too
            yield from self._source.studies(window, self.studies, bool(self._counts))
            self.studies.uids.include(held.uids)
        return Parts(held.distinct, self.studies.distinct - known, True)

    def _undated(self, held: Tally) -> Steps[bool]:
        """Whether some of these come by their UIDs and are in no range of dates, while others are in one."""
        rest = DistinctSet(self.key)
        rest.include(held.uids)
        size = max(2, min(STILL_THERE, self.plan.most - 1))
        others = [uid for uid in self.studies.kept if rest.add(uid)][: max(1, size // 4)]
        drawn = self.plan.lot(held.kept, size - len(others))
        one_by_one = [[uid] for uid in (*drawn[:LOTS_OF_ONE], *others[:LOTS])]
        for lists in ([[*drawn, *others]], one_by_one) if others else ():  # some take no list
            there = yield from self._among(lists, None)
            if there == {uid for uids in lists for uid in uids}:
                return (yield from self._among(lists, EVER)) == there - set(drawn)
        return False

    def _among(self, lists: Sequence[Sequence[bytes]], days: DayRange | None) -> Steps[set[bytes]]:
        """The studies that come by these lists of UIDs, and by a range of days. Others may come too."""
        came = set[bytes]()
        for uids in lists:
            tally = Tally(self.key, keep=2 * len(uids))
            yield from self._source.studies(Window(days, uids=tuple(uids)), tally, False)
            came.update(tally.kept)
        return came

    def prefix(self) -> tuple[str, str]:
        return begins_with(self.studies.kept)

    def when(self) -> Steps[When | None]:
        kept = self.studies.kept
        return (yield from self._source.when(kept[0])) if kept else None

    def still_there(self) -> Steps[bool | None]:
        """By lists of UIDs, each shorter than an answer that it gave; one by one, where it takes no list.

        What was given first is what may have left.
        """
        kept, size = self.studies.kept, min(STILL_THERE, max(1, self.plan.most - 1))
        first, others = kept[: ONE_BY_ONE // 4], kept[ONE_BY_ONE // 4 :]
        drawn = [*first, *self.plan.lot(others, min(STILL_THERE, ONE_BY_ONE * size) - len(first))]
        lists = [drawn[at : at + size] for at in range(0, len(drawn), size)]
        while lists:
            uids = lists.pop(0)
            there, came = yield from self._there(uids)
            if there is False and len(uids) > 1 and came < 2:  # it takes no list
                lists = [[uid] for uid in drawn[:ONE_BY_ONE]]
            elif not there:
                return there
        return True if drawn else None

    def _there(self, uids: list[bytes]) -> Steps[tuple[bool | None, int]]:
        """Whether these studies come, and no other; and how many come. None: the key is ignored, or not answered."""
        tally, asked = Tally(self.key), DistinctSet(self.key)
        for uid in uids:
            asked.add(uid)
        seen = yield from self._source.studies(Window(uids=tuple(uids)), tally, False)
        asked.include(tally.uids)
        if seen.ended in (Ended.FAILED, Ended.REFUSED):
            return (None if len(uids) == 1 else False), 0
        if tally.distinct > len(uids):
            return None, tally.distinct
        return len(asked) == len(uids) == tally.distinct, tally.distinct

    # Series and images

    def _amounts(self) -> Steps[None]:
        """From the counts, or by a walk where they are missing for some of a few studies."""
        studies = self.studies.distinct
        tally = self._with_counts if self._counts is None else self._counted
        if not studies:
            return
        if tally is not None and tally.distinct != studies:
            tally = None
        walks = studies <= WALK_STUDIES and studies == len(self.studies.kept)
        if tally is not None and tally.images_known:
            self._method, self._images, self._images_known = CountedBy.COUNT_KEYS, tally.images, tally.images_known
            self._series, self._series_known = tally.series, tally.series_known
            if (yield from self._lied()):
                self._images, self._series, self._images_known, self._series_known = None, None, 0, 0
                self._of_images = (Doubt(DoubtCode.COUNTS_CONTRADICTED),)
                if walks:
                    yield from self._walk()
            elif walks and tally.images_known < studies:
                yield from self._walk()
        elif walks:
            yield from self._walk()

    def _lied(self) -> Steps[bool]:
        """Whether the count keys say otherwise than a walk, of some studies that are drawn by lot."""
        ones = self.studies.distinct == self._images
        drawn = self.plan.lot(self.studies.kept, LOTS_OF_ONE if ones else LOTS)
        said = Tally(self.key)
        yield from self._source.studies(Window(uids=tuple(drawn)), said, True)
        if said.distinct != len(drawn):  # it takes no list of UIDs
            drawn, said = drawn[:1], Tally(self.key)
            yield from self._source.studies(Window(uids=tuple(drawn)), said, True)
        if drawn and not said.rows and not said.malformed:
            return True  # it does not know its own studies
        if not drawn or said.distinct != len(drawn) or said.images_known != len(drawn):
            return False
        walk = Walk(self._source, self.key, trust=False)
        for study in drawn:
            yield from walk.study(study)
        return walk.contradicts(said)

    def _walk(self) -> Steps[None]:
        """Series by study, then instances by series where these do not say how many, counting distinct UIDs."""
        tally = self._with_counts if self._counts is None else self._counted
        walk = Walk(self._source, self.key)
        online = {} if tally is None else dict(zip(tally.kept, tally.kept_online, strict=True))
        self._walked = [0, 0]
        for study in self.studies.kept:
            before = walk.images
            yield from walk.study(study)
            self._by_study[study] = walk.images - before
            if (here := online.get(study)) is not None:
                self._walked[not here] += walk.images - before
            self._take(walk)
            if walk.failed:
                return
        yield from walk.prove()
        self._take(walk)

    def _take(self, walk: Walk) -> None:
        self._method = walk.method
        self._series, self._series_known = walk.series, walk.series_known
        self._images, self._images_known = walk.images, walk.images_known
        self._of_images = walk.doubts


def _same(seen: WindowAnswer, again: WindowAnswer) -> bool:
    return (seen.rows, seen.distinct, seen.ended) == (again.rows, again.distinct, again.ended)


def _slow(seen: WindowAnswer, again: WindowAnswer, by: float = SLOWER_BY) -> bool:
    return again.seconds > SLOW_FACTOR * seen.seconds + by


def _says(tally: Tally) -> bool:
    """Whether studies say how soon they can be had."""
    return tally.studies_online > 0 or tally.studies_elsewhere > 0
