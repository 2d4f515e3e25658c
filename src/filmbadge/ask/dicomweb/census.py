"""A census over QIDO-RS (PS3.18 10.6): pages of studies; windows of dates where an archive is seen to cut its answers off.

Each record comes with what the standard requires, which is personal data. UIDs, counts and dates are looked at, and the
rest is not decoded. UIDs go into a keyed tally; of the dates, how many studies each day has is held while it lasts.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import Enum
from hashlib import blake2b

import msgspec
from msgspec import Struct
from msgspec import field as named

from filmbadge.ask.decoder import Tally, elements
from filmbadge.ask.decoder.limits import MAX_COUNT
from filmbadge.ask.wire.http import Request, Response
from filmbadge.ask.wire.json_array import JsonArray
from filmbadge.model import Census

LIMIT = 500  # records in a page
PAGE_BYTES = 64 * 1024 * 1024  # some archives know no limit; the scope's cap of bytes holds too
ONE_BYTES = 256 * 1024
QUERIES = 2000
WALK_STUDIES = 500
REPEATS = 1.5  # rows for each UID, above which it is not paging that shifted: the UIDs are no studies'
JSON = "application/dicom+json, application/json;q=0.9"

TOO_MUCH = 413
# Both ends are given, because a date that is left out matches what is open at its beginning, in some archives.
EVER = ("00010102", "99991230")
CALENDAR = ("19000101", "20991231")
_KEY = secrets.token_bytes(16)  # by which pages are told to be the same

Steps = Generator[Request, Response, bool]
Window = tuple[str, str]  # the first and the last day, as eight digits


class Dates(Enum):
    """Which studies match a range of days: those of it; also those without a date; or all, always."""

    STRICT = "strict"
    LENIENT = "lenient"
    IGNORED = "ignored"


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


_RECORD = msgspec.json.Decoder(Record)


def record(row: bytes) -> Record | None:
    """None where it is no record of the DICOM JSON model, PS3.18 F.2."""
    try:
        return _RECORD.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@dataclass(repr=False)
class QidoProgress:
    """What the census learned so far; it outlives a visit that breaks off."""

    studies: Tally = field(default_factory=lambda: Tally(keep=WALK_STUDIES + 1))
    look: Callable[[bytes], None] | None = None  # takes each row, where personal attributes are looked at too
    enumerated: bool = False
    method: str = ""
    series: int | None = None
    images: int | None = None
    images_known_for: int = 0
    queries: int = 0
    trouble: str = ""
    retrieve_url: bool = False
    undated: int | None = None  # studies without a day of the calendar
    offset_ignored: bool = False  # it gave the same page at another offset
    parted: bool = False  # that nothing is hidden was tried by windows of days
    dates: Dates | None = None  # what it makes of a range of them, where that was tried
    refused: bool = False  # the last question was too broad for it

    def census(self, broke_off: str = "") -> Census:
        return Census(
            complete=self.enumerated,
            rows=self.studies.rows,
            studies=self.studies.distinct,
            malformed=self.studies.malformed,
            undated=self.undated,
            series=self.series,
            images=self.images,
            images_known_for=self.images_known_for,
            method=self.method,
            why_incomplete=self.trouble or broke_off,
            queries=self.queries,
        )


@dataclass(repr=False)
class _Listed:
    """One question, with all its pages."""

    level: int = elements.STUDY_UID
    tally: Tally = field(default_factory=Tally)
    days: Counter[str] = field(default_factory=Counter)  # studies by their date, as eight digits
    modalities: Counter[str] = field(default_factory=Counter)
    images: int = 0  # of series
    images_known: int = 0

    def take(self, row: bytes) -> Record | None:
        """Count one row and forget it."""
        found = record(row)
        if found is None:
            self.tally(b"?", False)  # malformed
            return None
        uids = {elements.STUDY_UID: found.study, elements.SERIES_UID: found.series}
        uid = uids.get(self.level, found.instance).uid
        before = self.tally.distinct
        self.tally(_identifier(found, self.level, uid), False)
        if self.tally.distinct > before:
            if day := _day(found.date.uid):
                self.days[day] += 1
            # A modality is two letters, seldom more: what else stands there is no word to ask with.
            known = {m for m in found.modalities.Value or () if m and re.fullmatch("[A-Z]{2,6}", m)}
            self.modalities.update(known)
            said = found.images_in_series.digits
            if said.isdigit() and len(said) < 10 and int(said) <= MAX_COUNT:
                self.images += int(said)
                self.images_known += 1
        return found


def _day(raw: bytes) -> str:
    """A day of the calendar as eight digits, or nothing."""
    text = raw.decode("ascii").replace(".", "")
    try:
        return text if re.fullmatch(r"[0-9]{8}", text) and EVER[0] <= text <= EVER[1] and _date(text) else ""
    except ValueError:
        return ""


def _identifier(found: Record, level: int, uid: bytes) -> bytes:
    """The record as DIMSE would send it, so that one tally, and one sketch, does for both."""
    keys = [(level, uid)]
    if level == elements.STUDY_UID:
        keys += [
            (elements.SERIES_IN_STUDY, found.series_in_study.digits),
            (elements.IMAGES_IN_STUDY, found.images_in_study.digits),
        ]
    return elements.encode(keys, explicit=False)


def census(root: str, notes: QidoProgress) -> Generator[Request, Response, None]:
    """Enumerate the studies under one root, then the images.

    That a list ends proves little: some archives cut it off and say nothing. So the days that were seen are parted in
    two halves, and each is asked whether it has one study more than was seen. Where it has, windows of days are asked.
    """
    all_of_it = _Listed()
    studies = notes.studies
    if (yield from _list(root, "/studies", "", all_of_it, notes, studies)):
        if studies.malformed:
            rows = studies.malformed
            notes.trouble = f"{rows} {'row' if rows == 1 else 'rows'} without a usable Study Instance UID"
        elif studies.rows > REPEATS * studies.distinct and not notes.offset_ignored:
            notes.trouble = f"{studies.rows} rows repeat {studies.distinct} UIDs"
        elif not (yield from _hides(root, all_of_it, notes, EVER)):
            undated = studies.distinct - sum(all_of_it.days.values())
            cut = looks_cut(studies.rows) or looks_cut(studies.distinct)
            if cut and not notes.trouble and (undated or not notes.parted):
                yield from _suspect(root, all_of_it, notes)
            if not notes.trouble:
                notes.enumerated, notes.undated = True, undated
                yield from _count_images(root, notes)
        else:
            seen = studies.distinct
            if (yield from _windows(root, _parts(EVER, all_of_it.days), notes)):
                # No window matches them, and no question is left that would.
                notes.trouble = f"it cuts its answers off at {seen} studies; there may be more that have no date"
    elif notes.refused and (yield from _windows(root, _halves(CALENDAR), notes)):
        notes.trouble = "it refuses to list all studies; there may be more that have no date"


def _suspect(root: str, listed: _Listed, notes: QidoProgress) -> Generator[Request, Response, None]:
    """So many rows as answers are cut off at, and dates cannot show it: ask for one more of each modality."""
    parts = listed.modalities.most_common(8)
    proven = bool(parts) and parts[0][1] < notes.studies.distinct
    for modality, known in parts if proven else ():
        more = yield from _more(root, notes, f"ModalitiesInStudy={modality}&", known)
        proven = proven and more is None
    if not proven and not notes.trouble:
        notes.trouble = f"{notes.studies.distinct} studies, which may be where it cuts off, and that could not be tried"


def looks_cut(rows: int) -> bool:
    """Whether it is a number at which answers are cut off: 1, 2, 25 or 5 and zeros, or one more (Orthanc); 12 (DICOMcloud)."""
    return rows == 12 or any(re.fullmatch("(1|2|25|5)0+", str(number)) for number in (rows, rows - 1))


def _list(root: str, what: str, window: str, listed: _Listed, notes: QidoProgress, also: Tally | None = None) -> Steps:
    """All pages of one question. True: the archive said that there are no more."""

    def take(row: bytes) -> None:
        pages[-1].update(row)
        found = listed.take(row)
        if also is not None:
            also(b"?" if found is None else _identifier(found, listed.level, found.study.uid), False)
            notes.retrieve_url = notes.retrieve_url or bool(found and found.retrieve.uid)
            if notes.look is not None:
                notes.look(row)

    offset = 0
    warned = notes.refused = False
    pages: list[blake2b] = []
    while _may_ask(notes):
        pages.append(blake2b(key=_KEY, digest_size=16))
        rows = JsonArray(take)
        path = f"{root}{what}?{window}limit={LIMIT}&offset={offset}"
        reply = yield Request(path, accept=JSON, most_bytes=PAGE_BYTES, into=rows.feed)
        if nothing(reply, rows):
            if warned:
                notes.trouble = "it said that there is more, and did not give it"
            return not warned
        if reply.status == TOO_MUCH and not offset:
            notes.refused = True
            return False
        if not _answered(reply, rows, notes):
            return False
        if pages[-1].digest() in [page.digest() for page in pages[:-1]]:
            notes.offset_ignored = True
            if rows.count >= LIMIT:
                notes.trouble = "it gives the same page again at another offset"
            return rows.count < LIMIT
        offset += rows.count
        warned = reply.headers.get("warning", "").lstrip().startswith("299")
    return False


def nothing(reply: Response, rows: JsonArray) -> bool:
    """Success, with no records."""
    return reply.status == 204 or (reply.status in (200, 206) and reply.stop is None and rows.over and rows.bare)


def _may_ask(notes: QidoProgress) -> bool:
    notes.queries += 1
    if notes.queries > QUERIES:
        notes.trouble = f"more than {QUERIES} queries"
    return not notes.trouble


def _answered(reply: Response, rows: JsonArray, notes: QidoProgress) -> bool:
    if reply.status not in (200, 206):
        said = "no answer" if reply.status is None else f"HTTP {reply.status}"
        notes.trouble = f"the study query ended with {said}"
    elif reply.stop is not None or reply.cut or not rows.over or not rows.count:
        notes.trouble = (
            "an answer longer than we read" if reply.cut else "an answer that breaks off, or holds no records"
        )
    return not notes.trouble


def _hides(root: str, listed: _Listed, notes: QidoProgress, window: Window) -> Steps:
    """Whether one part of a window has a study more than was seen of it."""
    if not listed.days:
        return False
    for low, high in _parts(window, listed.days):
        known = sum(n for day, n in listed.days.items() if low <= day <= high)
        if (yield from _more(root, notes, _asked((low, high)), known)) is None:
            continue
        if notes.dates is None:
            yield from _try_dates(root, notes)
        if notes.trouble or notes.dates is Dates.IGNORED:
            return False
        known += listed.tally.distinct - sum(listed.days.values())
        if notes.dates is Dates.STRICT or (yield from _more(root, notes, _asked((low, high)), known)) is not None:
            return True
    # Of one day alone an answer that was cut off before is cut off again.
    notes.parted = notes.parted or (len(listed.days) > 1 and not notes.trouble)
    return False


def _try_dates(root: str, notes: QidoProgress) -> Generator[Request, Response, None]:
    """By a day on which no study is."""
    found = yield from _more(root, notes, _asked((EVER[0], EVER[0])), 0)
    if found is None:
        notes.dates = Dates.STRICT
    else:
        notes.dates = Dates.IGNORED if found.days else Dates.LENIENT


def _more(root: str, notes: QidoProgress, filtered: str, known: int) -> Generator[Request, Response, _Listed | None]:
    """What comes after so many studies, or None. An archive that knows no offset is asked for all of them again."""
    more = _Listed()

    def take(row: bytes) -> None:
        more.take(row)

    rows = JsonArray(take)
    size, offset = (LIMIT, 0) if notes.offset_ignored else (1, known)
    if not _may_ask(notes):
        return None
    path = f"{root}/studies?{filtered}limit={size}&offset={offset}"
    reply = yield Request(path, accept=JSON, most_bytes=PAGE_BYTES, into=rows.feed)
    if nothing(reply, rows) or not _answered(reply, rows, notes):
        return None
    return more if not notes.offset_ignored or more.tally.distinct > known else None


def _windows(root: str, left: list[Window], notes: QidoProgress) -> Steps:
    """Ask windows of days, each parted until it hides nothing. True: all were read."""
    while left:
        window = left.pop()
        listed = _Listed()
        whole = yield from _list(root, "/studies", _asked(window), listed, notes, notes.studies)
        hides = whole and (yield from _hides(root, listed, notes, window))
        if notes.trouble:
            return False
        if not (hides or notes.refused):
            continue
        if window[0] == window[1]:
            notes.trouble = "on one day it has more studies than it gives in one answer"
            return False
        left += _parts(window, listed.days) if hides else _halves(window)
    return True


def _parts(window: Window, days: Counter[str]) -> list[Window]:
    """The window in two, with about as many studies; around the only day, where there is one."""
    low, high = window
    middle = _middle(days)
    if len(days) > 1:
        return [(low, middle), (_next(middle), high)]
    around = [(low, _next(middle, -1)), (middle, middle), (_next(middle), high)]
    return [(a, b) for a, b in around if a <= b]


def _halves(window: Window) -> list[Window]:
    """The window in two of as many days."""
    low, high = map(_date, window)
    middle = low + (high - low) // 2
    return [(window[0], f"{middle:%Y%m%d}"), (f"{middle + timedelta(days=1):%Y%m%d}", window[1])]


def _middle(days: Counter[str]) -> str:
    """The last day of the earlier half of studies; never the last of all, unless there is no other."""
    half, so_far = sum(days.values()) / 2, 0
    ordered = sorted(days)
    for day in ordered[:-2]:
        so_far += days[day]
        if so_far >= half:
            return day
    return ordered[-2:][0]


def _next(day: str, step: int = 1) -> str:
    return f"{_date(day) + timedelta(days=step):%Y%m%d}"


def _date(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def _asked(window: Window) -> str:
    return f"StudyDate={window[0]}-{window[1]}&"


def _count_images(root: str, notes: QidoProgress) -> Generator[Request, Response, None]:
    """By the counts that came with the records, or else by a walk."""
    studies = notes.studies
    if studies.images_known == studies.distinct:
        notes.method = "count keys"
        notes.images, notes.images_known_for = studies.images, studies.images_known
        notes.series = studies.series if studies.series_known == studies.distinct else None
    elif studies.distinct <= WALK_STUDIES:
        yield from _walk(root, notes)
    else:
        notes.method = "count keys"
        notes.images, notes.images_known_for = studies.images, studies.images_known


def _walk(root: str, notes: QidoProgress) -> Generator[Request, Response, None]:
    """Series by study, then instances by series where the series do not say how many."""
    notes.method = "walk"
    images, series = 0, 0
    for study in notes.studies.kept:
        base = f"/studies/{study.decode()}/series"
        here = _Listed(elements.SERIES_UID, Tally(elements.SERIES_UID, keep=WALK_STUDIES))
        whole = yield from _list(root, base, "", here, notes)
        whole = whole and not here.tally.malformed and 0 < here.tally.distinct == len(here.tally.kept)
        found = here.images if here.images_known == here.tally.distinct else 0
        for uid in here.tally.kept if whole and not found else ():
            inner = _Listed(elements.INSTANCE_UID, Tally(elements.INSTANCE_UID))
            path = f"{base}/{uid.decode()}/instances"
            whole = whole and (yield from _list(root, path, "", inner, notes)) and inner.tally.distinct > 0
            found += inner.tally.distinct
        if notes.trouble:
            return
        if whole:
            notes.images_known_for += 1
            images, series = images + found, series + here.tally.distinct
    notes.images = images
    if notes.images_known_for == notes.studies.distinct:
        notes.series = series
