"""A census of one archive: the questions of a plan, with the count keys or without, then a walk where these are missing.

What was counted outlives a connection, and another may go on where it ended.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from filmbadge.ask.census import estimate
from filmbadge.ask.census.budget import Spent
from filmbadge.ask.census.plan import CensusPlan
from filmbadge.ask.census.source import Ended, Source, Steps, WindowAnswer
from filmbadge.ask.census.windows import Window
from filmbadge.ask.decoder import DistinctSet, Tally, elements
from filmbadge.ask.key import RunKey
from filmbadge.model import Census, CountedBy, Doubt, DoubtCode, Interval

WALK_STUDIES = 500  # an archive without counts is walked, study by study, up to this size
WALK_SERIES = 5000
COUNT_KEYS_UP_TO = 20_000  # studies; above this many we drop slow count keys
# Slow means: the answer takes this many times as long, and this many seconds more.
SLOW_FACTOR, SLOWER_BY = 1.5, 0.05


class CensusProgress:
    """One archive's census. Give `script` to a connection, and to the next, until it is `done` or `stopped`."""

    def __init__(self, source: Source, plan: CensusPlan, spent: Spent, key: RunKey) -> None:
        self.plan = plan
        self._key = key
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
        self._images: int | None = None
        self._images_known = 0
        self._method: CountedBy | None = None
        self._repeats = False  # one row for each instance, or so it seems
        # Whether counts are asked for. None: not known yet whether that changes the answer.
        self._counts: bool | None = True if source.counts_come_along else None
        self._with_counts = self._tally()  # while that is not known
        self._counted: Tally | None = self.studies if source.counts_come_along else None
        self._samples: list[estimate.Sample] = []  # of questions with counts
        self._dear = False
        self._steps = self._count()
        self._open: Any = None  # the request that is under way, or the next

    def _tally(self) -> Tally:
        return Tally(self._key, keep=WALK_STUDIES + 1)

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
        studies = images = None
        if self.stopped is not None and not complete:
            studies = estimate.studies(self.plan.rounds, self.studies.distinct)
        if not self._known_images and (studies or (self.done and not doubts)):
            found = self.studies.distinct
            images = estimate.images(studies or Interval(found, found, found), self._samples)
        return Census(
            complete=complete,
            rows=self.rows,
            studies=self.studies.distinct,
            malformed=self.studies.malformed,
            undated=self.plan.undated,
            estimate=studies,
            images_estimate=images,
            series=self._series,
            images=self._images,
            images_known_for=self._images_known,
            method=self._method,
            doubts=doubts,
            queries=self.queries,
        )

    def _count(self) -> Steps[None]:
        yield from self.plan.run(self)
        if not self.plan.failed:
            self._listed = True
            yield from self._amounts()

    # Studies

    def ask(self, window: Window) -> Steps[WindowAnswer]:
        """One question of the plan. The first that has studies is asked with and without the counts."""
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
        again = yield from self._one(window, True, self._with_counts)
        if again.ended is Ended.FAILED:
            return again
        same = (seen.rows, seen.distinct, seen.ended) == (again.rows, again.distinct, again.ended)
        if not same or (seen.distinct > 1 and not self._with_counts.images_known):
            self._counts = False  # they change the answer, or bring nothing
        elif seen.distinct > 1 and self._with_counts.distinct == self.studies.distinct:
            self._counts = True
            self._counted = self.studies = self._with_counts
            self._dear = again.seconds > SLOW_FACTOR * seen.seconds + SLOWER_BY
        return self._repeat(seen, again) if seen.rows > seen.distinct else seen

    def _repeat(self, seen: WindowAnswer, again: WindowAnswer) -> WindowAnswer:
        """One row for each instance gives as many again. An archive that does not repeats itself by mistake."""
        self._repeats = True
        if (again.rows, again.distinct) == (seen.rows, seen.distinct):
            return seen
        numbers = {"rows": seen.rows, "uids": seen.distinct, "again": again.rows}
        return replace(seen, ended=Ended.FAILED, doubt=Doubt(DoubtCode.REPEATED_UNEVENLY, numbers))

    def _one(self, window: Window, counts: bool, tally: Tally) -> Steps[WindowAnswer]:
        malformed, known, images = tally.malformed, tally.images_known, tally.images
        seen = yield from self._source.studies(window, tally, counts)
        self.rows += seen.rows
        if tally.images_known > known and tally.images_known == tally.distinct:
            new = estimate.Sample(tally.images_known - known, tally.images - images, self.plan.drawn)
            self._samples.append(new)
        if tally.malformed > malformed:
            without = Doubt(DoubtCode.WITHOUT_UID, {"rows": tally.malformed - malformed})
            return replace(seen, ended=Ended.FAILED, doubt=without)
        return seen

    # Series and images

    def _amounts(self) -> Steps[None]:
        """From the counts, or by a walk where they are missing for some of a few studies."""
        studies = self.studies.distinct
        tally = self._with_counts if self._counts is None else self._counted
        if not studies:
            self._method, self._series, self._images = CountedBy.COUNT_KEYS, 0, 0
            return
        if tally is not None and tally.distinct != studies:
            tally = None
        if tally is not None and tally.images_known == studies:
            self._method, self._images, self._images_known = CountedBy.COUNT_KEYS, tally.images, studies
            self._series = tally.series if tally.series_known == studies else None
        elif studies <= WALK_STUDIES:
            yield from self._walk()
        elif tally is not None and tally.images_known:
            self._method, self._images, self._images_known = CountedBy.COUNT_KEYS, tally.images, tally.images_known

    def _walk(self) -> Steps[None]:
        """Series by study, then instances by series where these do not say how many, counting distinct UIDs."""
        self._method = CountedBy.WALK
        images, all_series, said = Tally(self._key, elements.INSTANCE_UID), DistinctSet(self._key), 0
        for study in self.studies.kept:
            series = Tally(self._key, elements.SERIES_UID, keep=WALK_SERIES)
            answer = yield from self._source.below(series, study)
            complete = answer.ended is Ended.WHOLE and not series.malformed and 0 < series.distinct == len(series.kept)
            told = series.images if series.images_known == series.distinct else 0
            for uid in series.kept if complete and not told else ():
                rows, malformed = images.rows, images.malformed
                answer = yield from self._source.below(images, study, uid)
                if answer.ended is not Ended.WHOLE or images.malformed > malformed or images.rows == rows:
                    complete = False  # a series has images, so nothing is no answer either
                    break
            if complete:
                said += told
                self._images_known += 1
                all_series.include(series.uids)
            self._images = images.distinct + said
            if answer.ended is Ended.FAILED:
                return
        if self._images_known == self.studies.distinct:
            self._series = len(all_series)
            if self._repeats:
                self.plan.walked(images.distinct)
