"""A census over QIDO-RS (PS3.18 10.6): each question is a list of studies, in pages.

Each record comes with what the standard requires, which is personal data. UIDs, counts, dates and modalities are looked at,
and the rest is not decoded. UIDs go into a keyed tally; how many studies each day has is held while an answer lasts.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec import field as named

from filmbadge.ask.census.source import Ended, Steps, WindowAnswer
from filmbadge.ask.census.windows import EVER, Axis, Window
from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.dicomweb.question import LIMIT, Form
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.catalogue.dicom import Modality
from filmbadge.model import Doubt, DoubtCode

PAGE_BYTES = 64 * 1024 * 1024  # some archives know no limit; the scope's cap of bytes holds too
REPEATS = 1.5  # rows for each UID, above which it is not paging that shifted: the UIDs are no studies'
TOO_MUCH = 413
REFUSALS = (400, 404, TOO_MUCH, 422, 501)  # of one question; another may be answered
_KEY = secrets.token_bytes(16)  # by which pages are told to be the same


class Text(Struct):
    vr: str = ""
    Value: list[str | None] | None = None

    def __repr__(self) -> str:
        return "<Text>"

    @property
    def uid(self) -> bytes:
        first = self.Value[0] if self.Value else None
        return (first or "").strip(" \0").encode("ascii", "replace")[:65]


class Number(Struct):
    Value: list[int | float | str | None] | None = None

    def __repr__(self) -> str:
        return "<Number>"

    @property
    def digits(self) -> bytes:
        first = self.Value[0] if self.Value else None
        return str(first).encode("ascii", "replace")[:16] if first is not None else b""


class Record(Struct):
    """What is looked at of one record. All else is stepped over."""

    study: Text = named(name="0020000D", default_factory=Text)
    series: Text = named(name="0020000E", default_factory=Text)
    instance: Text = named(name="00080018", default_factory=Text)
    date: Text = named(name="00080020", default_factory=Text)
    series_in_study: Number = named(name="00201206", default_factory=Number)
    images_in_study: Number = named(name="00201208", default_factory=Number)
    images_in_series: Number = named(name="00201209", default_factory=Number)
    modalities: Text = named(name="00080061", default_factory=Text)
    retrieve: Text = named(name="00081190", default_factory=Text)

    @property
    def url(self) -> str:
        """The Retrieve URL. It may lead anywhere, and is followed only to our own host and port."""
        return ((self.retrieve.Value or [""])[0] or "").strip(" \0")[:512]


_RECORD = msgspec.json.Decoder(Record)


def record(row: bytes) -> Record | None:
    """None where it is no record of the DICOM JSON model, PS3.18 F.2."""
    try:
        return _RECORD.decode(row)
    except UnicodeDecodeError:  # a name in another character set spoils no UID
        pass
    except (msgspec.DecodeError, RecursionError):
        return None
    try:
        return _RECORD.decode(row.decode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return None


def _count(row: bytes, tally: Tally, level: int) -> Record | None:
    """Count one row; a series brings its images. The record, if its UID is a new one of this answer."""
    found, here = record(row), tally.uids.here
    if found is None:
        tally.count(b"")  # malformed
    elif level == elements.STUDY_UID:
        tally.count(found.study.uid, found.series_in_study.digits, found.images_in_study.digits)
    elif level == elements.SERIES_UID:
        tally.count(found.series.uid, images=found.images_in_series.digits)
    else:
        tally.count(found.instance.uid)
    return found if tally.uids.here > here else None


def _day(found: Record) -> int | None:
    """A day of the calendar, or nothing."""
    text = found.date.uid.decode("ascii").replace(".", "")
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:])) if re.fullmatch(r"[0-9]{8}", text) else None
    except ValueError:
        return None
    return day.toordinal() if day is not None and EVER[0] <= day.toordinal() <= EVER[1] else None


def _keys(window: Window) -> dict[str, str]:
    """The matching keys of a window. Both ends are given: a date that is left out matches what is open, in some archives."""
    low, high = (f"{date.fromordinal(day):%Y%m%d}".zfill(8) for day in window.days or EVER)
    days = {"StudyDate": f"{low}-{high}"} if window.days else {}
    return days | ({"ModalitiesInStudy": window.modality.name} if window.modality else {})


class QidoSource:
    """One DICOMweb root. `look` takes each row of a study, where personal attributes are looked at too."""

    axes = frozenset((Axis.DATE, Axis.MODALITY))
    counts_come_along = True

    def __init__(self, root: str, look: Callable[[bytes], None] | None = None, form: Form | None = None) -> None:
        self.retrieve_url = False
        self._root = root
        self._form = form or Form()
        self._size = self._form.rows(LIMIT)  # records in a page
        self._look = look
        self._offset_ignored = False  # it gave the same page at another offset
        self._longest = 0  # rows of a page

    def studies(self, window: Window, tally: Tally, _: bool, /) -> Steps[WindowAnswer]:
        before, undated, astray = tally.distinct, 0, 0
        days, modalities = Counter[int](), Counter[Modality]()
        tally.uids.mark()

        def take(row: bytes) -> None:
            nonlocal undated, astray
            if self._look is not None:
                self._look(row)
            if (found := _count(row, tally, elements.STUDY_UID)) is None:
                return
            self.retrieve_url = self.retrieve_url or bool(found.retrieve.uid)
            named = found.modalities.Value or ()
            modalities.update({Modality[name] for name in named if name and name in Modality.__members__})
            day = _day(found)
            if day is None:
                undated += 1
            elif window.days is None or window.days[0] <= day <= window.days[1]:
                days[day] += 1
            else:
                astray += 1

        rows, ended, doubt = yield from self._pages("/studies", _keys(window), take, window.at_most)
        if rows > REPEATS * tally.uids.here and tally.uids.here:
            ended, doubt = Ended.FAILED, Doubt(DoubtCode.REPEATED, {"rows": rows, "uids": tally.uids.here})
        distinct = tally.uids.here if window.days is None else days.total()
        new = tally.distinct - before
        return WindowAnswer(rows, distinct, new, ended, doubt, 0.0, days, modalities, undated, astray)

    def below(self, tally: Tally, study: bytes, series: bytes = b"") -> Steps[WindowAnswer]:
        path, level = f"/studies/{study.decode()}/series", elements.SERIES_UID
        if series:
            path, level = f"{path}/{series.decode()}/instances", elements.INSTANCE_UID

        def take(row: bytes) -> None:
            _count(row, tally, level)

        rows, ended, doubt = yield from self._pages(path, {}, take)
        return WindowAnswer(rows, 0, 0, ended, doubt)

    def has_more(self, window: Window, known: int) -> Steps[bool | None]:
        """Ask for the last row that is known and the next. Without the last, a window is not answered as it should be.

        An archive that takes no notice of an offset is asked for all of them again.
        """
        if known > 1 >= self._longest:  # of its pages nobody can tell whether two rows fit into one
            return None
        again, known_row = Tally(RunKey()), min(known, 1)  # compared with nothing else
        again.uids.mark()
        size, offset = (self._size, 0) if self._offset_ignored else (1 + known_row, known - known_row)

        def take(row: bytes) -> None:
            _count(row, again, elements.STUDY_UID)

        rows = JsonArray(take)
        reply = yield self._request("/studies", _keys(window), rows, size, offset)
        if not nothing(reply, rows) and _trouble(reply, rows) is not None:
            return None
        came, least = (again.distinct, known) if self._offset_ignored else (rows.count, known_row)
        return None if came < least else came > least

    def _pages(
        self, path: str, keys: Mapping[str, str], take: Callable[[bytes], None], at_most: int = 0
    ) -> Steps[tuple[int, Ended, Doubt | None]]:
        """All pages of one question: rows, and how it ended."""
        count, warned = 0, False
        seen: set[bytes] = set()
        while not at_most or count < at_most:
            page = blake2b(key=_KEY, digest_size=16)

            def row(held: bytes, page: blake2b = page) -> None:
                page.update(held)
                take(held)

            rows = JsonArray(row)
            reply = yield self._request(path, keys, rows, self._size, count)
            if nothing(reply, rows):
                return count, Ended.CUT if warned else Ended.WHOLE, Doubt(DoubtCode.MORE_NOT_GIVEN) if warned else None
            if reply.status in REFUSALS and (not count or reply.status == TOO_MUCH):
                return count, Ended.CUT if count else Ended.REFUSED, _trouble(reply, rows)
            if (trouble := _trouble(reply, rows)) is not None:
                return count, Ended.FAILED, trouble
            self._longest = max(self._longest, rows.count)
            same = page.digest() in seen
            self._offset_ignored = self._offset_ignored or same
            seen.add(page.digest())
            count += 0 if same else rows.count
            if self._offset_ignored:
                full = rows.count >= self._size
                return count, Ended.CUT if full else Ended.WHOLE, Doubt(DoubtCode.SAME_PAGE) if full else None
            warned = reply.headers.get("warning", "").lstrip().startswith("299")
        return count, Ended.ENOUGH, Doubt(DoubtCode.LIST_TOO_LONG, {"rows": count})

    def _request(self, path: str, keys: Mapping[str, str], rows: JsonArray, size: int, offset: int) -> Request:
        path = self._form.path(f"{self._root}{path}", keys, size, offset)
        return Request(path, accept=self._form.accepts, most_bytes=PAGE_BYTES, into=rows.feed)


def nothing(reply: Response, rows: JsonArray) -> bool:
    """Success, with no records."""
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
