"""A census over DIMSE: the questions of a plan, with the count keys or without, then a walk where these are not to be had.

Only UIDs and numbers are asked for. What was counted outlives an association, and another may go on where it ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime

import msgspec

from filmbadge.ask.census import estimate
from filmbadge.ask.census.plan import CensusPlan, Ended, Hint, WindowAnswer
from filmbadge.ask.census.windows import Window
from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dimse.association import Answer, Association, Operations, Query
from filmbadge.ask.dimse.identify import AGES, OVER_TLS, find_root, label
from filmbadge.ask.learned import Learned
from filmbadge.ask.wire.contact import Contact
from filmbadge.catalogue.dicom import status_words
from filmbadge.model import Census, DimseFacts, Interval, Observation, OutcomeKind

WALK_STUDIES = 500  # an archive without count keys is walked, study by study, up to this size
WALK_SERIES = 5000
COUNT_KEYS_UP_TO = 20_000  # studies; above this many we drop slow count keys
ENOUGH = 0.7  # of the bounds of one association, after which a census goes on in another
# Slow means: the answer takes this many times as long, and this many seconds more.
SLOW_FACTOR, SLOWER_BY = 1.5, 0.05

UIDS = (elements.STUDY_UID,)
COUNTS = (elements.STUDY_UID, elements.SERIES_IN_STUDY, elements.IMAGES_IN_STUDY)

ANY = Window()
Asking = Generator[Query, Answer, Answer]
Questions = Generator[Query, Answer, None]


class CensusProgress:
    """One archive's census, under one query root. Give `script` to an association, and to the next, until it is `done`."""

    def __init__(self, root: str, plan: CensusPlan) -> None:
        self.plan = plan
        self.studies = Tally(keep=WALK_STUDIES + 1)
        self.queries = 0
        self.rows = 0
        self.done = False
        self._listed = False  # all studies, as far as the plan could; what is left are series and images
        self.stopped = ""
        self._root = root
        self._series: int | None = None
        self._images: int | None = None
        self._images_known = 0
        self._method = ""
        self._trouble = ""
        self._repeats = False  # one row for each instance, or so it seems
        self._keys: tuple[int, ...] | None = (
            None  # which to ask; None: not known yet whether count keys change the answer
        )
        self._with_counts = Tally(keep=WALK_STUDIES + 1)  # while that is not known
        self._counted: Tally | None = None  # what was asked for with the count keys
        self._samples: list[tuple[int, int]] = []  # new studies, and their images, of questions with count keys
        self._dear = False
        self._steps = self._count()
        self._open: Query | None = None  # under way, or the next

    @property
    def known_images(self) -> bool:
        return self._images is not None and self._images_known == self.studies.distinct and self.done

    def stop(self, why: str) -> None:
        """A budget ended. What was found speaks for what was not, as far as it can."""
        self.stopped = why

    def script(self, enough: Callable[[], bool] = lambda: False) -> Operations:
        """Go on, until all is counted or it is `enough` for this association."""
        if self._open is None and not self.done:
            self._advance(None)
        while self._open is not None and not enough():
            self._advance((yield self._open))

    def broke_off(self, association: Association) -> bool:
        """The association ended with a question open. If that had as much as it wanted, it need not be asked again."""
        if self._open is None or not self._open.cancel_after or not association.cancelled:
            return False
        self._advance(Answer(0xFE00, association.matches, True))
        return True

    def _advance(self, answer: Answer | None) -> None:
        self._open = None
        try:
            self._open = next(self._steps) if answer is None else self._steps.send(answer)
        except StopIteration:
            self.done = True

    def census(self, broke_off: str = "") -> Census:
        """The facts. `broke_off` says what ended it, where it did not come to its end."""
        doubt = self._trouble or (self.plan.why if self._listed or self.done else "")
        why = doubt or ("" if self.done else broke_off or self.stopped or "it was not ended")
        complete = (self._listed or self.done) and not doubt  # what ended a walk leaves the studies counted
        studies = images = None
        if self.stopped and not complete:
            studies = estimate.studies(self.plan.rounds, self.studies.distinct)
        if not self.known_images and (studies or (self.done and not why)):
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
            why_incomplete=why,
            queries=self.queries,
        )

    def _count(self) -> Questions:
        asking = self.plan.run()
        try:
            window = next(asking)
            while True:
                seen = yield from self._question(window)
                if self._trouble:
                    return
                window = asking.send(seen)
        except StopIteration:
            pass
        finally:
            asking.close()
        self._listed = True
        yield from self._amounts()

    # Studies

    def _question(self, window: Window) -> Generator[Query, Answer, WindowAnswer]:
        """One question of the plan. The first that has studies is asked with and without the count keys."""
        if self._keys is not None:
            seen, _ = yield from self._one(window, self._keys, self.studies)
            if seen.rows > seen.distinct and not self._repeats and seen.ended is Ended.WHOLE:
                again, _ = yield from self._one(window, self._keys, self.studies)
                self._repeat(seen, again)
            if self._dear and self.studies.distinct > COUNT_KEYS_UP_TO:
                self._keys = UIDS
            return seen
        seen, alone = yield from self._one(window, UIDS, self.studies)
        if seen.ended is Ended.ENOUGH:  # so many were not asked for with the count keys: begin again
            self.studies = Tally(keep=WALK_STUDIES + 1)
            self._with_counts = Tally(keep=WALK_STUDIES + 1)
            return WindowAnswer(seen.rows, seen.distinct, 0, seen.ended, seen.words, forgotten=True)
        if not seen.distinct or self._trouble:
            return seen
        again, took = yield from self._one(window, COUNTS, self._with_counts)
        if seen.rows > seen.distinct:
            self._repeat(seen, again)
        same = (seen.rows, seen.distinct, seen.ended) == (again.rows, again.distinct, again.ended)
        if not same or (seen.distinct > 1 and not self._with_counts.images_known):
            self._keys = UIDS  # they change the answer, or bring nothing
        elif seen.distinct > 1 and self._with_counts.distinct == self.studies.distinct:
            self._keys = COUNTS
            self._counted = self.studies = self._with_counts
            self._dear = took > SLOW_FACTOR * alone + SLOWER_BY
        return seen

    def _repeat(self, seen: WindowAnswer, again: WindowAnswer) -> None:
        """One row for each instance gives as many again. An archive that does not repeats itself by mistake."""
        self._repeats = True
        if (again.rows, again.distinct) != (seen.rows, seen.distinct):
            self._trouble = f"{seen.rows} rows repeat {seen.distinct} UIDs, and asking again gave {again.rows}"

    def _one(
        self, window: Window, keys: tuple[int, ...], tally: Tally
    ) -> Generator[Query, Answer, tuple[WindowAnswer, float]]:
        before, malformed = tally.distinct, tally.malformed
        known, images = tally.images_known, tally.images
        tally.mark()
        answer = yield from self._find(b"STUDY", keys, tally, window=window)
        self.rows += answer.matches
        if tally.malformed > malformed:
            rows = tally.malformed - malformed
            self._trouble = f"{rows} {'row' if rows == 1 else 'rows'} without a usable Study Instance UID"
        if tally.images_known > known and tally.images_known == tally.distinct:
            self._samples.append((tally.images_known - known, tally.images - images))
        return seen(answer, tally.here, tally.distinct - before), answer.seconds

    # Series and images

    def _amounts(self) -> Questions:
        """From the count keys, or by a walk where they are missing for some of a few studies."""
        studies = self.studies.distinct
        tally = self._with_counts if self._keys is None else self._counted
        if not studies:
            self._method, self._series, self._images = "count keys", 0, 0
            return
        if tally is not None and tally.distinct != studies:
            tally = None
        if tally is not None and tally.images_known == studies:
            self._method, self._images, self._images_known = "count keys", tally.images, studies
            self._series = tally.series if tally.series_known == studies else None
        elif studies <= WALK_STUDIES:
            yield from self._walk()
        elif tally is not None and tally.images_known:
            self._method, self._images, self._images_known = "count keys", tally.images, tally.images_known

    def _walk(self) -> Questions:
        """Series by study, then instances by series, counting distinct UIDs."""
        self._method = "walk"
        images, all_series = Tally(elements.INSTANCE_UID), Tally(elements.SERIES_UID)
        for study in self.studies.kept:
            series = Tally(elements.SERIES_UID, keep=WALK_SERIES)
            answer = yield from self._find(b"SERIES", (elements.SERIES_UID,), series, study)
            complete = answer.status == 0x0000 and not series.malformed and 0 < series.distinct == len(series.kept)
            for uid in series.kept if complete else ():
                rows, malformed = images.rows, images.malformed
                answer = yield from self._find(b"IMAGE", (elements.INSTANCE_UID,), images, study, uid)
                if answer.status != 0x0000 or images.malformed > malformed or images.rows == rows:
                    complete = False  # a series has images, so nothing is no answer either
                    break
            if complete:
                self._images_known += 1
                all_series.include(series)
            self._images = images.distinct
        if self._images_known == self.studies.distinct:
            self._series = all_series.distinct
            if self._repeats:
                self.plan.walked(images.distinct)

    def _find(
        self,
        level: bytes,
        wanted: tuple[int, ...],
        tally: Tally,
        study: bytes = b"",
        series: bytes = b"",
        window: Window = ANY,
    ) -> Asking:
        values = {elements.QUERY_LEVEL: level, **dict.fromkeys(wanted, b"")}
        values |= bounds(window)
        values |= {tag: uid for tag, uid in ((elements.STUDY_UID, study), (elements.SERIES_UID, series)) if uid}
        self.queries += 1
        return (yield Query(self._root, tuple(values.items()), tally, cancel_after=window.at_most or None))


def bounds(window: Window) -> dict[int, bytes]:
    """The keys that a window is asked for by."""
    keys = (
        (elements.STUDY_DATE, window.date_key),
        (elements.STUDY_TIME, window.time_key),
        (elements.STUDY_UID, window.uid_key),
    )
    return {tag: key.encode() for tag, key in keys if key}


def seen(answer: Answer, distinct: int, new: int) -> WindowAnswer:
    """What an answer tells a plan."""
    if answer.cancelled:
        return WindowAnswer(answer.matches, distinct, new, Ended.ENOUGH, "our own cancel")
    if answer.status == 0x0000:
        return WindowAnswer(answer.matches, distinct, new, Ended.WHOLE)
    ended = Ended.CUT if answer.matches else Ended.REFUSED
    return WindowAnswer(answer.matches, distinct, new, ended, status_words(answer.status))


async def count(contact: Contact, observation: Observation, asked: DimseFacts) -> Learned:
    """The same observation with a census of the archive that was asked before. Raises OutOfScope only."""
    root = find_root(asked)
    if root is None:
        return Learned(observation)
    counting = CensusProgress(root, plan_for(contact, hint(asked)))
    census = counting.census(await _count(contact, observation, asked.called, counting))
    facts = msgspec.structs.replace(asked, census=census)
    return Learned(observation.with_facts(facts), studies=counting.studies if census.complete else None)


async def _count(contact: Contact, observation: Observation, called: str, counting: CensusProgress) -> str:
    """One association after the other, each well within its bounds. Returns what ended the last one too early."""
    tls, caps = observation.tls is not None, contact.scope.caps
    question = f"dimse census {called}{OVER_TLS if tls else ''}"
    budget, first, received = contact.scope.census, time.monotonic(), 0
    while not counting.done:
        before, began = counting.queries, time.monotonic()

        def enough(made: Association, before: int = before, began: float = began, received: int = received) -> bool:
            now = time.monotonic()
            for spent, of, what in (
                (counting.queries, budget.questions, "questions"),
                ((now - first) / 60, budget.minutes, "minutes"),
                (received + made.taken, budget.received_bytes, "bytes"),
            ):
                if spent >= of:
                    counting.stop(f"the scope's budget of {of:,} {what} for a census ended")
                    return True
            share = max(made.taken / caps.received_bytes, (now - began) / caps.seconds)
            return share > ENOUGH and counting.queries > before + 1

        association = Association(called, lambda made: counting.script(lambda: enough(made)), throttle=contact.pace)
        row = await contact.dial(observation.endpoint.port, association, question=question, tls=tls)
        received += association.taken
        if counting.stopped:
            break
        if row.ending is not OutcomeKind.COMPLETED:
            went_on = counting.broke_off(association) or counting.queries > before + 1
            if not counting.done and not (went_on and row.ending in (OutcomeKind.BYTE_CAP, OutcomeKind.TIME_CAP)):
                return f"{row.ending}: {row.detail}"
        elif counting.queries == before:
            return "it was not ended"
    return ""


def plan_for(contact: Contact, hint: Hint) -> CensusPlan:
    today, throttle = datetime.now(UTC).date().toordinal(), contact.pace
    return CensusPlan(today, hint, target=lambda: throttle.window, whole=contact.scope.census.whole)


def hint(asked: DimseFacts) -> Hint:
    """What the questions of `ask` told about dates."""
    young, refused = 0, False
    labels = {label(*ages): ages[1] for ages in AGES}
    for find in asked.finds:
        if find.window in labels:
            refused = refused or (find.status not in (0x0000, None) and not find.matches)
            young = max(young, labels[find.window] + 1) if find.status == 0x0000 and not find.matches else young
    return Hint(young, no_dates=refused)
