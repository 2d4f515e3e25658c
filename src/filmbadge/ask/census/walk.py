"""A walk down from studies: the series of each, and the instances of each series, by distinct UIDs.

An answer is whole if the archive gave a larger one at this level. The largest has nothing beside it, so a question that must
bring more shows whether an answer can have more rows: all series of the archive, all instances of a study.
"""

from __future__ import annotations

from collections import Counter

from filmbadge.ask.census.plan import looks_cut
from filmbadge.ask.census.source import Ended, Source, Steps
from filmbadge.ask.decoder import DistinctSet, Tally, elements
from filmbadge.ask.key import RunKey
from filmbadge.model import CountedBy, Doubt, DoubtCode

WALK_SERIES = 5000
_FEW_SERIES = 3  # of a study that is drawn by lot, this many are asked for their instances
_LEVELS = (elements.SERIES_UID, elements.INSTANCE_UID)


class Walk:
    """Counts as it goes. `trust`: a series that says how many images it has is not asked for them."""

    def __init__(self, source: Source, key: RunKey, *, trust: bool = True) -> None:
        self.failed = False
        self._source, self._key, self._trust = source, key, trust
        self._series = DistinctSet(key)
        self._instances = Tally(key, elements.INSTANCE_UID)
        self._said = 0  # images that series say they have
        self._read: list[dict[int, int]] = []  # of each study that was read: rows of its largest answer, by level
        self._partly = 0  # studies of which some series were left out
        self._largest: dict[int, tuple[int, bytes]] = {}  # by level: the most rows of an answer, and its study
        self._most_images = (0, b"")  # the study that has most
        self._room: Counter[int] = Counter()  # by level: rows that an answer can have, as was seen

    def study(self, study: bytes) -> Steps[None]:
        series, before = Tally(self._key, elements.SERIES_UID, keep=WALK_SERIES), self.images
        answer = yield from self._source.below(series, study)
        self._note(elements.SERIES_UID, series.rows, study)
        self.failed = answer.ended is Ended.FAILED
        whole = answer.ended is Ended.WHOLE and not series.malformed and 0 < series.distinct == len(series.kept)
        self._series.include(series.uids)
        told = series.images if self._trust and series.images_known == series.distinct else 0
        asked = [] if told else series.kept if self._trust else series.kept[:_FEW_SERIES]
        self._said += told
        most = {elements.SERIES_UID: series.rows, elements.INSTANCE_UID: 0}
        for uid in asked if whole else ():
            rows, malformed = self._instances.rows, self._instances.malformed
            answer = yield from self._source.below(self._instances, study, uid)
            rows = self._instances.rows - rows
            self._note(elements.INSTANCE_UID, rows, study)
            most[elements.INSTANCE_UID] = max(most[elements.INSTANCE_UID], rows)
            # A series has images, so nothing is no answer either.
            if answer.ended is not Ended.WHOLE or self._instances.malformed > malformed or not rows:
                whole, self.failed = False, answer.ended is Ended.FAILED
                break
        if self._partly_held(series):
            whole, self.failed = False, True
        if whole:
            self._read.append(most)
            self._partly += not told and len(asked) < series.distinct
        self._most_images = max(self._most_images, (self.images - before, study))

    def _partly_held(self, series: Tally) -> bool:
        """Whether there was no room for all that was to be told apart."""
        return any(one.full or one.sampled for one in (series.uids, self._series, self._instances.uids))

    def _note(self, level: int, rows: int, study: bytes) -> None:
        self._largest[level] = max(self._largest.get(level, (0, b"")), (rows, study))

    def prove(self) -> Steps[None]:
        """Ask whether an answer at each level can have more rows than the largest."""
        for level in _LEVELS:
            rows, study = self._largest.get(level, (0, b""))
            if level == elements.INSTANCE_UID:
                images, study = self._most_images
                if images <= rows:  # it has one series, or says how many images it has
                    continue
            if rows and (yield from self._source.holds(level, study, rows + 1)):
                self._room[level] = rows + 1

    @property
    def _sure(self) -> int:
        """Studies of which every answer was smaller than one that the archive gave."""
        return sum(all(rows < self._can_hold(level) for level, rows in most.items()) for most in self._read)

    def _can_hold(self, level: int) -> int:
        return max(self._room[level], self._largest.get(level, (0, b""))[0], 1)

    @property
    def series(self) -> int:
        return len(self._series)

    @property
    def series_known(self) -> int:
        level = elements.SERIES_UID
        return sum(most[level] < self._can_hold(level) for most in self._read)

    @property
    def images(self) -> int:
        return self._instances.distinct + self._said

    @property
    def images_known(self) -> int:
        return self._sure

    @property
    def method(self) -> CountedBy:
        return CountedBy.COUNT_KEYS if self._said else CountedBy.WALK

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """Why images are not known for all studies that were read."""
        if self._sure == len(self._read):
            return ()
        unsure = max(self._largest[level][0] for level in _LEVELS if level in self._largest)
        return (Doubt(DoubtCode.WALK_UNCHECKED, {"rows": unsure}),)

    def contradicts(self, said: Tally) -> bool:
        """Whether these studies have other numbers of series or images than the count keys say.

        Fewer prove nothing if the walk itself seems to be cut off.
        """
        read = len(self._read) == said.distinct
        cut = any(looks_cut(rows) for rows, _ in self._largest.values())
        series, known = self.series, said.series_known == said.distinct
        if (known and series > said.series) or self.images > said.images:
            return True
        fewer = (known and series < said.series) or (not self._partly and self.images < said.images)
        return read and not cut and fewer
