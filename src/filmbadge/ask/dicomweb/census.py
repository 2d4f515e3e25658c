"""A census over QIDO-RS (PS3.18 10.6): each question is a list of studies, in pages.

Each record comes with what the standard requires, which is personal data. UIDs, counts, dates and modalities are looked at,
and the rest is not decoded. UIDs go into a keyed tally; how many studies each day has is held while an answer lasts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from filmbadge.ask.census.source import Ended, Steps, When, WindowAnswer
from filmbadge.ask.census.windows import EMPTY, EVER, Axis, Window, minute
from filmbadge.ask.census.windows import day as day_of
from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dicomweb.question import LIMIT, Form
from filmbadge.ask.dicomweb.records import ABSENT, Record, Rows, Study, Text, number, record, text
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.dicom import Modality
from filmbadge.model import Doubt, DoubtCode

PAGE_BYTES = 64 * 1024 * 1024  # some archives know no limit; the scope's cap of bytes holds too
MOST_WRITTEN = 20_000  # dates, and lists of modalities, that are held as they are written
LONGEST_WRITTEN = 1000  # bytes of one of them; one that is longer is as good as none
REPEATS = 1.5  # rows for each UID, above which it is not paging that shifted: the UIDs are no studies'
TOO_MUCH = 413
REFUSALS = (400, 404, TOO_MUCH, 422, 501)  # of one question; another may be answered


class Look(Protocol):
    """Looks at the rows of a list of studies, which are counted too."""

    @property
    def kind(self) -> type[Study]:
        """The type of a record, with all that is looked at."""

    @property
    def full(self) -> bool:
        """Whether there was no room for all rows of this question."""

    def go_on(self) -> None:
        """There may be room again."""

    def rows(self, found: Sequence[Study]) -> None: ...


def _taken(row: bytes, tally: Tally, level: int) -> None:
    """Count one row; a series brings its images."""
    found = record(row)
    if found is None:
        tally.count(b"")  # malformed
    elif level == elements.SERIES_UID:
        tally.count(found.series.uid, images=found.images_in_series.digits)
    else:
        tally.count((found.study if level == elements.STUDY_UID else found.instance).uid)


def _each(tally: Tally, level: int) -> Callable[[], JsonArray]:
    """Makes readers of pages whose rows are only counted."""
    return lambda: JsonArray(lambda row: _taken(row, tally, level))


class _Said:
    """What one answer says of its studies. Each counts once, however often it comes."""

    def __init__(self, window: Window, tally: Tally, *, availability: bool) -> None:
        self._heeds = availability
        self.days, self.modalities = Counter[int](), Counter[Modality]()
        self.undated = self.astray = self.unlabelled = 0
        self.retrieve_url = False
        self._window = window
        self._tally = tally
        # Both are counted as they are written, and read once for all studies that share them.
        self._dates, self._labels = Counter[bytes](), Counter[bytes]()
        tally.uids.mark()

    def rows(self, found: Sequence[Study]) -> None:
        count, new, heeds = self._tally.json, list[Study](), self._heeds
        for one in found:
            is_new = count(one.study, one.series_in_study, one.images_in_study, one.availability if heeds else ABSENT)
            if is_new or (is_new is None and self._is_new(one)):
                new.append(one)
        self._dates.update([bytes(one.date)[:LONGEST_WRITTEN] for one in new])
        self._labels.update([bytes(one.modalities)[:LONGEST_WRITTEN] for one in new])
        self.retrieve_url = self.retrieve_url or any(text(bytes(one.retrieve)).uid for one in new)
        if len(self._dates) + len(self._labels) > MOST_WRITTEN:
            self.settle()

    def _is_new(self, one: Study) -> bool:
        """Count a study whose elements are not plain. Whether its UID is new in this answer."""
        here = self._tally.uids.here
        series, images = (number(bytes(element)).digits for element in (one.series_in_study, one.images_in_study))
        said = text(bytes(one.availability)).uid if self._heeds else b""
        self._tally.count(text(bytes(one.study)).uid, series, images, said)
        return self._tally.uids.here > here

    def settle(self) -> None:
        """Read the dates and modalities that came so far."""
        days = self._window.days or EVER
        for written, studies in self._dates.items():
            day = _day(text(written))
            if day is None:
                self.undated += studies
            elif days[0] <= day <= days[1]:
                self.days[day] += studies
            else:
                self.astray += studies
        for written, studies in self._labels.items():
            names = {name for name in text(written).Value or () if name}
            for name in names & Modality.__members__.keys():
                self.modalities[Modality[name]] += studies
            self.unlabelled += 0 if names else studies
        self._dates.clear()
        self._labels.clear()


def _day(written: Text) -> int | None:
    """A day of the calendar, or nothing."""
    try:
        return day_of(written.uid)
    except ValueError:
        return None


def _keys(window: Window) -> dict[str, str]:
    """The matching keys of a window. Both ends are given: a date that is left out matches what is open, in some archives."""
    low, high = (f"{date.fromordinal(day):%Y%m%d}".zfill(8) for day in window.days or EVER)
    keys = {"StudyDate": f"{low}-{high}"} if window.days else {}
    if window.undated:
        keys |= {"StudyDate": EMPTY.replace('"', "%22"), "emptyvaluematching": "true"}  # PS3.18 8.3.4.5
    if window.minutes:
        keys["StudyTime"] = "-".join(
            f"{at // 60:02d}{at % 60:02d}{end}" for at, end in zip(window.minutes, ("00", "59"), strict=True)
        )
    if window.modality:
        keys["ModalitiesInStudy"] = window.modality.name
    if window.uids:
        keys["StudyInstanceUID"] = ",".join(uid.decode("ascii") for uid in window.uids)
    return keys


class QidoSource:
    """One DICOMweb root. `look` takes each row of a study too, where personal attributes are looked at.

    `availability`: Instance Availability is heeded. It comes along in any case, PS3.18 Table 10.6.3-3.
    """

    axes = frozenset((Axis.DATE, Axis.UNDATED, Axis.TIME, Axis.MODALITY))
    counts_come_along = True

    def __init__(
        self, root: str, key: RunKey, look: Look | None = None, form: Form | None = None, *, availability: bool = False
    ) -> None:
        self.availability = availability
        self.retrieve_url = False
        self._key = key
        self._root = root
        self._form = form or Form()
        self._size = self._form.rows(LIMIT)  # records in a page
        self._look = look
        self._offset_ignored = False  # it gave the same page at another offset
        self._longest = 0  # rows of a page
        self._page = 0  # studies of the largest page of this question

    def studies(self, window: Window, tally: Tally, _: bool, /) -> Steps[WindowAnswer]:
        before, said, look = tally.distinct, _Said(window, tally, availability=self.availability), self._look

        def take(found: Sequence[Study]) -> None:
            if look is not None:
                look.rows(found)
            said.rows(found)

        if look is not None:
            look.go_on()
        array = Rows(Study if look is None else look.kind, take).array
        self._page = 0
        at_most = window.at_most or len(window.uids)
        rows, ended, doubt = yield from self._pages("/studies", _keys(window), array, tally, at_most)
        said.settle()
        self.retrieve_url = self.retrieve_url or said.retrieve_url
        if ended is Ended.ENOUGH and window.uids:
            ended, doubt = Ended.WHOLE, None
        full = tally.uids.full or (look is not None and look.full)
        if full:
            ended, doubt = Ended.FAILED, None
        elif rows > REPEATS * tally.uids.here and tally.uids.here and not tally.uids.sampled:
            ended, doubt = Ended.FAILED, Doubt(DoubtCode.REPEATED, {"rows": rows, "uids": tally.uids.here})
        distinct = tally.uids.here if window.days is None else said.days.total()
        new = tally.distinct - before
        return WindowAnswer(
            rows,
            distinct,
            new,
            ended,
            doubt,
            days=said.days,
            modalities=said.modalities,
            unlabelled=said.unlabelled,
            undated=said.undated,
            astray=said.astray,
            at_once=self._page,
            full=full,
        )

    def below(self, tally: Tally, study: bytes, series: bytes = b"") -> Steps[WindowAnswer]:
        path, level = f"/studies/{study.decode()}/series", elements.SERIES_UID
        if series:
            path, level = f"{path}/{series.decode()}/instances", elements.INSTANCE_UID
        tally.uids.mark()
        # Nothing filters what is below a study, so a page that is shorter than others is the last.
        short = self._longest
        rows, ended, doubt = yield from self._pages(path, {}, _each(tally, level), tally, short=short)
        return WindowAnswer(rows, 0, 0, ended, doubt)

    def at_once(self, _: Tally) -> int:
        return self._page

    def holds(self, level: int, study: bytes, rows: int) -> Steps[bool]:
        """All series, or all instances of a study, PS3.18 10.6.1.2. Not every archive has both."""
        path = "/series" if level == elements.SERIES_UID else f"/studies/{study.decode()}/instances"
        found = Tally(self._key, level)
        found.uids.mark()
        count, _, _ = yield from self._pages(path, {}, _each(found, level), found, rows)
        return count >= rows and found.distinct >= rows

    def when(self, study: bytes) -> Steps[When | None]:
        held: list[Record] = []
        rows = JsonArray(lambda row: held.extend(filter(None, (record(row),))))
        yield self._request("/studies", _keys(Window(uids=(study,))), rows, 2, 0)
        if len(held) != 1 or held[0].study.uid != study or (day := _day(held[0].date)) is None:
            return None
        return day, minute(held[0].time.uid)

    def has_more(self, window: Window, known: int) -> Steps[bool | None]:
        """Ask for the last row that is known and the next. Without the last, a window is not answered as it should be.

        An archive that takes no notice of an offset is asked for all of them again.
        """
        if known > 1 >= self._longest:  # of its pages nobody can tell whether two rows fit into one
            return None
        known_row = min(known, 1)
        size, offset = (self._size, 0) if self._offset_ignored else (1 + known_row, known - known_row)
        came = yield from self._came(window, size, offset)
        if came is not None and came < known_row and not self._offset_ignored:
            came = yield from self._came(window, known + 1, offset)  # some take a limit for the number of the last row
        least = known if self._offset_ignored else known_row
        return None if came is None or came < least else came > least

    def _came(self, window: Window, size: int, offset: int) -> Steps[int | None]:
        """Rows of one page, or distinct studies where an offset is ignored. None: it was not answered."""
        again = Tally(self._key)
        again.uids.mark()
        rows = _each(again, elements.STUDY_UID)()
        reply = yield self._request("/studies", _keys(window), rows, size, offset)
        if not self._nothing(reply, rows) and _trouble(reply, rows) is not None:
            return None
        return again.distinct if self._offset_ignored else rows.count

    def _pages(
        self,
        path: str,
        keys: Mapping[str, str],
        array: Callable[[], JsonArray],
        tally: Tally,
        at_most: int = 0,
        *,
        short: int = 0,
    ) -> Steps[tuple[int, Ended, Doubt | None]]:
        """All pages of one question: rows, and how it ended. `WHOLE` is only what the archive says, not what it proves."""
        count, warned, pages = 0, False, 0
        while not at_most or count < at_most:
            here, rows = tally.uids.here, array()
            reply = yield self._request(path, keys, rows, self._size, count)
            full = count > 0 and pages == 1 and count >= self._size  # the offset was not seen to bring anything
            if self._nothing(reply, rows):
                return count, *_last(warned, full)
            if reply.status in REFUSALS and (not count or reply.status == TOO_MUCH):
                return count, Ended.CUT if count else Ended.REFUSED, _trouble(reply, rows)
            if (trouble := _trouble(reply, rows)) is not None:
                return count, Ended.FAILED, trouble
            warned = reply.headers.get("warning", "").lstrip().startswith("299")
            self._longest = max(self._longest, rows.count)
            if tally.uids.here == here:  # the same once more: it takes no notice of an offset
                self._offset_ignored = self._offset_ignored or pages == 1
                return count, *_last(warned, full or not pages)
            self._page = max(self._page, tally.uids.here - here)
            pages, count = pages + 1, count + rows.count
            if rows.count < short and not warned:
                return count, Ended.WHOLE, None
            if self._offset_ignored or self._form.limit == 0:
                return count, *_last(warned, rows.count >= self._size and self._form.limit != 0)
        return count, Ended.ENOUGH, Doubt(DoubtCode.LIST_TOO_LONG, {"rows": count})

    def _nothing(self, reply: Response, rows: JsonArray) -> bool:
        """Success with no records, or what this archive says where nothing matches."""
        said = self._form.nothing
        return nothing(reply, rows) or (said is not None and reply.status == said and not rows.count)

    def _request(self, path: str, keys: Mapping[str, str], rows: JsonArray, size: int, offset: int) -> Request:
        form = self._form if size <= self._size or self._form.limit != LIMIT else replace(self._form, limit=None)
        path = form.path(f"{self._root}{path}", keys, size, offset)
        return Request(path, accept=self._form.accepts, most_bytes=PAGE_BYTES, into=rows.feed)


def _last(warned: bool, full: bool) -> tuple[Ended, Doubt | None]:
    """The end of a list: after a page that warned of more, or a full page and no sign of an offset, it is cut off."""
    if warned:
        return Ended.CUT, Doubt(DoubtCode.MORE_NOT_GIVEN)
    return (Ended.CUT, Doubt(DoubtCode.SAME_PAGE)) if full else (Ended.WHOLE, None)


def nothing(reply: Response, rows: JsonArray) -> bool:
    """Success, with no records. The reply is over, and so are the rows."""
    rows.end()
    return reply.status == 204 or (reply.status in (200, 206) and reply.stop is None and rows.over and rows.bare)


def _trouble(reply: Response, rows: JsonArray) -> Doubt | None:
    if reply.stop is not None or reply.status is None:
        return Doubt(DoubtCode.BROKE_OFF, stop=reply.stop)
    if reply.status not in (200, 206):
        return Doubt(DoubtCode.HTTP_STATUS, {"status": reply.status})
    if reply.cut:
        return Doubt(DoubtCode.ANSWER_TOO_LONG, {"bytes": PAGE_BYTES})
    if not rows.over or not rows.count:
        return Doubt(DoubtCode.ANSWER_BROKEN)
    return None
