"""Archives made up study by study, which answer both protocols in any mixture of manners that were met or can be thought of.

A `MadeUp` holds studies and manners, and its truth is what was put there. `OverCFind` and `OverQidoRs` answer the questions of a
census for it, without a network. Small archives only: each question looks at every study.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.windows import EMPTY
from filmbadge.ask.decoder import elements
from filmbadge.ask.dicomweb.census import QidoSource
from filmbadge.ask.dimse.association import Answer, Query
from filmbadge.ask.dimse.census import DimseSource
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.http import Request, Response
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.model import Census, CountedBy
from filmbadge.scope import Budget
from support.simulated_archive import TODAY
from support.simulated_protocols import PLENTY, play

ROOT = "1.2.826.0.1.42."
MODALITIES = ("CT", "MR", "US", "CR", "PT", "ES")
SEXES = ("M", "F", "O", "")


@dataclass(frozen=True)
class Study:
    uid: str
    day: str = ""  # YYYYMMDD
    time: str = ""  # HHMMSS
    modality: str = "CT"
    sex: str = ""
    series: tuple[int, ...] = (2,)  # images of each

    @property
    def images(self) -> int:
        return sum(self.series)


@dataclass(frozen=True)
class Asked:
    """One question about studies, as an archive reads it."""

    days: str = ""
    times: str = ""
    uid: str = ""
    modality: str = ""
    sex: str = ""
    counts: bool = False
    nth: int = 0

    @property
    def plain(self) -> bool:
        return not (self.days or self.times or self.uid or self.modality or self.sex)


ORDERS: dict[str, Callable[[Study], Any]] = {
    "as they came": lambda study: 0,
    "by UID": lambda study: study.uid,
    "oldest first": lambda study: (study.day or "9", study.time),
    "undated last": lambda study: not study.day,
    "undated first": lambda study: bool(study.day),
    "newest first": lambda study: -int(study.day or 0),
}


@dataclass(frozen=True)
class Manners:
    """Each default is what the standard wants, or what most archives do."""

    cap: int | None = None  # rows
    cap_of: str = "all"  # answers that the cap is for: all, plain, dated, undated, with counts, without counts
    signal: bool = False  # says that it cut
    always_signals: bool = False
    order: str = "as they came"
    dates: str = "ranges"  # or ignored, text (only a single day matches), lenient (no date matches any range)
    times: bool = True  # looks at them
    modalities: bool = True
    sexes: bool = True
    prefixes: bool = False  # a UID with a `*`
    lists: bool = True  # of UIDs
    one_uid: bool = True  # looks at a single UID
    widest: int | None = None  # days of a range
    last_days: int | None = None  # a question without a date is about these
    plain: bool = True  # answers a question without a key
    empty: str = (
        "literal"  # two quotation marks as a date: no match; or matched (PS3.4 C.2.2.2.7), ignored, refused, dated
    )
    counts: str = "true"  # or none, one (always 1 and 1), some (for every other study), less
    rows_each: int = 1
    uids_change: bool = False  # each answer calls its studies otherwise
    leaves: int = 0  # studies that leave after each question, while as many others come
    below_cap: int | None = None  # rows of an answer about series or instances
    relational: bool = True  # all series of the archive, all instances of a study
    # Of QIDO-RS alone.
    page: int | None = None  # rows of a page, at most
    offset: str = "known"  # or ignored, sliced (a slip: rows from the offset to the limit), clamped (to the last row)
    limit: bool = True


@dataclass
class MadeUp:
    studies: Sequence[Study]
    manners: Manners = Manners()
    asked: int = 0
    given: int = 0

    @property
    def dated(self) -> int:
        return sum(bool(study.day) for study in self.studies)

    @property
    def images(self) -> int:
        return sum(study.images for study in self.studies)

    @property
    def series(self) -> int:
        return sum(len(study.series) for study in self.studies)

    def older(self) -> bool:
        """Whether a study has a date that an answer without a date is not about."""
        first = date.fromordinal(TODAY) - timedelta(self.manners.last_days or 0)
        return any(study.day and study.day < f"{first:%Y%m%d}" for study in self.studies)

    def held(self) -> Sequence[Study]:
        gone = min(self.manners.leaves * self.asked, len(self.studies) // 2)
        return [replace(s, uid=s.uid + ".9") if n < gone else s for n, s in enumerate(self.studies)]

    def find(self, asked: Asked) -> tuple[list[Study], bool] | None:
        """The rows of an answer, and whether it was cut off. None: the question is refused."""
        self.asked += 1
        manners = self.manners
        low, dash, high = asked.days.partition("-")
        if (asked.plain and not manners.plain) or (asked.days == EMPTY and manners.empty == "refused"):
            return None
        if dash and manners.widest is not None and manners.dates != "ignored" and _span(low, high) > manners.widest:
            return None
        found = sorted((s for s in self.held() if self._matches(s, asked)), key=ORDERS[manners.order])
        rows = [study for study in found for _ in range(manners.rows_each)]
        cap = manners.cap if self._capped(asked) else None
        cut = cap is not None and len(rows) > cap
        rows = rows[:cap]
        if manners.uids_change:
            rows = [replace(study, uid=f"{study.uid}.{self.asked}") for study in rows]
        self.given += len(rows)
        return rows, cut

    def _capped(self, asked: Asked) -> bool:
        return {
            "all": True,
            "plain": asked.plain,
            "dated": asked.days not in ("", EMPTY),
            "undated": asked.days == EMPTY,
            "with counts": asked.counts,
            "without counts": not asked.counts,
        }[self.manners.cap_of]

    def _matches(self, study: Study, asked: Asked) -> bool:
        manners = self.manners
        if manners.last_days is not None and not asked.days and not asked.uid:
            first = date.fromordinal(TODAY) - timedelta(manners.last_days)
            if not study.day or study.day < f"{first:%Y%m%d}":
                return False
        return (
            self._on(study, asked.days)
            and (not asked.times or not manners.times or _within(study.time[:4], asked.times[:4], _second(asked.times)))
            and (not asked.modality or not manners.modalities or study.modality == asked.modality)
            and (not asked.sex or not manners.sexes or study.sex == asked.sex)
            and self._called(study, asked.uid)
        )

    def _on(self, study: Study, days: str) -> bool:
        low, dash, high = days.partition("-")
        if not days or self.manners.dates == "ignored":
            return True
        if days == EMPTY:
            return {"matched": not study.day, "ignored": True, "dated": bool(study.day)}.get(self.manners.empty, False)
        if self.manners.dates == "text":
            return study.day == days
        if not study.day:
            return self.manners.dates == "lenient"
        return low <= study.day <= (high if dash else low)

    def _called(self, study: Study, uid: str) -> bool:
        if not uid:
            return True
        if "*" in uid:
            return study.uid.startswith(uid[:-1]) if self.manners.prefixes else False
        uids = uid.split("\\")
        if len(uids) > 1:
            return study.uid in uids if self.manners.lists else False
        return study.uid == uid or not self.manners.one_uid

    def said(self, study: Study) -> tuple[int, int] | None:
        """Numbers of series and images, as its count keys say them."""
        number = int(study.uid.split(".")[6])
        return {
            "true": (len(study.series), study.images),
            "none": None,
            "one": (1, 1),
            "some": (len(study.series), study.images) if number % 2 else None,
            "less": (len(study.series), max(1, study.images - 1)),
        }[self.manners.counts]

    def below(self, uid: str, series: str | None) -> list[tuple[str, str]] | None:
        """Series, or with a `series` instances: of each its UID and that of its series. An empty one means all."""
        self.asked += 1
        if not self.manners.relational and (not uid or series == ""):
            return None
        rows = [
            (f"{s.uid}.{n}", f"{s.uid}.{n}.{i}" if series is not None else "")
            for s in self.studies
            if not uid or s.uid == uid
            for n, images in enumerate(s.series, 1)
            for i in range(images if series is not None else 1)
            if not series or series == f"{s.uid}.{n}"
        ]
        self.given += len(rows)
        return rows[: self.manners.below_cap]


@dataclass
class OverCFind:
    held: MadeUp

    def count(self, budget: Budget = PLENTY, seed: int = 7, *, personal: bool = True) -> CensusProgress:
        return play(DimseSource(STUDY_ROOT_FIND, RunKey(), personal=personal), self.answer, budget, seed)

    def answer(self, query: Query) -> Answer:
        keys = {tag: value.decode() for tag, value in query.keys}
        level = keys[elements.QUERY_LEVEL]
        found = self._studies(keys) if level == "STUDY" else self._below(level, keys)
        if found is None:
            return Answer(0xC000)
        rows, cut = found
        most = query.cancel_after or len(rows)
        for row in rows[:most]:
            query.record(elements.encode(row, explicit=False), False)
        status = 0xFE00 if (cut and self.held.manners.signal) or self.held.manners.always_signals else 0x0000
        return Answer(status, min(most, len(rows)), most < len(rows))

    def _studies(self, keys: dict[int, str]) -> tuple[list[list[tuple[int, bytes]]], bool] | None:
        counts = elements.IMAGES_IN_STUDY in keys
        found = self.held.find(
            Asked(
                keys.get(elements.STUDY_DATE, ""),
                keys.get(elements.STUDY_TIME, ""),
                keys.get(elements.STUDY_UID, ""),
                keys.get(elements.MODALITIES_IN_STUDY, ""),
                keys.get(elements.PATIENT_SEX, ""),
                counts,
            )
        )
        if found is None:
            return None
        return [self._row(study, keys, counts) for study in found[0]], found[1]

    def _row(self, study: Study, keys: dict[int, str], counts: bool) -> list[tuple[int, bytes]]:
        row = [(elements.STUDY_UID, study.uid.encode())]
        if elements.STUDY_DATE in keys:
            row.append((elements.STUDY_DATE, study.day.encode()))
        if elements.STUDY_TIME in keys:
            row.append((elements.STUDY_TIME, study.time.encode()))
        if counts and (said := self.held.said(study)) is not None:
            row += [(elements.SERIES_IN_STUDY, b"%d" % said[0]), (elements.IMAGES_IN_STUDY, b"%d" % said[1])]
        return row

    def _below(self, level: str, keys: dict[int, str]) -> tuple[list[list[tuple[int, bytes]]], bool] | None:
        found = self.held.below(keys[elements.STUDY_UID], keys[elements.SERIES_UID] if level == "IMAGE" else None)
        if found is None:
            return None
        tag, at = (elements.INSTANCE_UID, 1) if level == "IMAGE" else (elements.SERIES_UID, 0)
        return [[(tag, row[at].encode())] for row in found], False


@dataclass
class OverQidoRs:
    held: MadeUp
    paths: list[str] = field(default_factory=list)

    def count(self, budget: Budget = PLENTY, seed: int = 7) -> CensusProgress:
        return play(QidoSource("/dicom-web", RunKey()), self.answer, budget, seed)

    def answer(self, request: Request) -> Response:
        assert request.into is not None
        self.paths.append(request.path)
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        where = parts.path.removeprefix("/dicom-web").strip("/").split("/")
        found = self._studies(query) if where == ["studies"] else self._below(where)
        if found is None:
            return Response(request, 400, {}, size=0)
        rows, cut = found
        page = self._page(rows, query)
        body = json.dumps(page).encode()
        request.into(body)
        more = cut or len(rows) > int(query.get("offset", 0)) + len(page)
        says = self.held.manners.always_signals or (self.held.manners.signal and more)
        ignores = "emptyvaluematching" in query and self.held.manners.empty == "ignored"
        heads = {"warning": '299 here "There are more"'} if says or ignores else {}
        return Response(request, 200, heads, size=len(body))

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        manners, offset = self.held.manners, int(query.get("offset", 0))
        limit = int(query["limit"]) if "limit" in query and manners.limit else 1 << 30
        if manners.offset == "sliced":
            return rows[offset:limit]
        if manners.offset == "ignored":
            offset = 0
        elif manners.offset == "clamped":
            offset = min(offset, max(len(rows) - 1, 0))
        return rows[offset:][: min(limit, manners.page or limit)]

    def _studies(self, query: dict[str, str]) -> tuple[list[dict[str, Any]], bool] | None:
        found = self.held.find(
            Asked(
                query.get("StudyDate", ""),
                query.get("StudyTime", ""),
                query.get("StudyInstanceUID", "").replace(",", "\\"),
                query.get("ModalitiesInStudy", ""),
                counts=True,
            )
        )
        return None if found is None else ([self._row(study) for study in found[0]], found[1])

    def _row(self, study: Study) -> dict[str, Any]:
        said = self.held.said(study)
        row: dict[str, Any] = {
            "00080020": {"vr": "DA", "Value": [study.day]} if study.day else {"vr": "DA"},
            "00080030": {"vr": "TM", "Value": [study.time]} if study.time else {"vr": "TM"},
            "00080061": {"vr": "CS", "Value": [study.modality]},
            "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody^At All"}]},
            "0020000D": {"vr": "UI", "Value": [study.uid]},
        }
        if said is not None:
            row |= {"00201206": {"vr": "IS", "Value": [said[0]]}, "00201208": {"vr": "IS", "Value": [said[1]]}}
        return row

    def _below(self, where: list[str]) -> tuple[list[dict[str, Any]], bool] | None:
        instances = where[-1] == "instances"
        series = (where[3] if len(where) > 3 and where[2] == "series" else "") if instances else None
        found = self.held.below(where[1] if where[0] == "studies" else "", series)
        if found is None:
            return None
        tag, at = ("00080018", 1) if instances else ("0020000E", 0)
        return [{tag: {"vr": "UI", "Value": [row[at]]}} for row in found], False


def _span(low: str, high: str) -> int:
    first, last = (date(int(d[:4]), int(d[4:6]), int(d[6:])) for d in (low, high))
    return (last - first).days + 1


def _second(times: str) -> str:
    return times.partition("-")[2][:4]


def _within(value: str, low: str, high: str) -> bool:
    return bool(value) and low <= value <= high


# Made at random.


def studies(chance: Random) -> list[Study]:
    """A small archive: its dates lie in one of several shapes, and some studies have none."""
    count = chance.choice((1, 2, 3, chance.randint(1, 12), chance.randint(1, 60), chance.randint(20, 250)))
    shape = chance.choice(("spread", "spread", "recent", "old", "one day", "two days", "years"))
    undated = chance.choice((0, 0, 0, 0.05, 0.3, 0.7, 1))
    timed = chance.choice((1, 1, 0.8, 0))
    mixed = chance.choice((0, 0.5, 0.9))
    images = chance.choice(((1, 1), (1, 5), (1, 60)))
    made = []
    for n in range(count):
        has_day = chance.random() >= undated
        made.append(
            Study(
                f"{ROOT}{n + 1}.{chance.randrange(10**6)}",
                f"{date.fromordinal(TODAY - _age(shape, chance)):%Y%m%d}" if has_day else "",
                f"{chance.randrange(24):02d}{chance.randrange(60):02d}00" if chance.random() < timed else "",
                chance.choice(MODALITIES) if chance.random() < mixed else "CT",
                chance.choice(SEXES[: chance.choice((2, 4))]),
                tuple(chance.randint(*images) for _ in range(chance.randint(1, 3))),
            )
        )
    return made


def _age(shape: str, chance: Random) -> int:
    return {
        "spread": chance.randrange(4000),
        "recent": chance.randrange(30),
        "old": 300 + chance.randrange(3000),
        "one day": 77,
        "two days": chance.choice((3, 1700)),
        "years": 365 * chance.randrange(10) + chance.randrange(20),
    }[shape]


def manners(chance: Random, held: Sequence[Study], *, faults: int = 3) -> Manners:
    """The standard's manners, but for some faults."""
    size, dated = len(held), sum(bool(study.day) for study in held)
    caps = (1, chance.randint(1, 12), max(1, size - 1), size, size + 1, max(1, dated), chance.randint(1, 300), 100)
    odd: dict[str, Sequence[Any]] = {
        "cap": caps,
        "cap_of": ("plain", "dated", "undated", "with counts", "without counts"),
        "signal": (True,),
        "always_signals": (True,),
        "order": tuple(ORDERS),
        "dates": ("ignored", "text", "lenient"),
        "times": (False,),
        "modalities": (False,),
        "sexes": (False,),
        "prefixes": (True,),
        "lists": (False,),
        "one_uid": (False,),
        "widest": (1, 7, 60, 400),
        "last_days": (7, 30, 400),
        "plain": (False,),
        "counts": ("none", "one", "some", "less"),
        "rows_each": (3,),
        "uids_change": (True,),
        "leaves": (1, 5),
        "below_cap": (1, 2, 5, 20),
        "relational": (False,),
        "page": (1, 5, 40, 100),
        "offset": ("ignored", "sliced", "clamped"),
        "limit": (False,),
    }
    chosen = {name: chance.choice(odd[name]) for name in chance.sample(sorted(odd), chance.randint(0, faults))}
    if chance.random() < 0.6:  # the fault that most others are dangerous with
        chosen["cap"] = chance.choice(caps)
        chosen.setdefault("order", chance.choice(tuple(ORDERS)))
    if chance.random() < 0.5:
        chosen["empty"] = chance.choice(("matched", "matched", "matched", "ignored", "refused", "dated"))
    return Manners(**chosen)


def wrong(census: Census, held: MadeUp) -> str:
    """What a census says that is false. Empty: nothing. `coincidence`: as many came as the cap, and others have no key."""
    size = len(held.studies)
    if not census.complete:
        if census.studies > size:
            return f"at least {census.studies} of {size}"
        if census.images is not None and census.images > held.images and census.method is CountedBy.WALK:
            return f"at least {census.images} images of {held.images}"
        return ""
    if census.studies != size:
        hidden = size - census.studies
        if hidden > 0 and held.manners.cap == census.studies:
            return "coincidence"
        if hidden > 0 and held.manners.last_days is not None and not held.older():
            return "coincidence"
        return f"{census.studies} studies of {size}"
    if held.manners.leaves and census.method is CountedBy.COUNT_KEYS:
        return ""  # what the archive itself says of studies that are gone cannot be tried
    if census.images is not None and census.images_known_for == size and census.images != held.images:
        return f"{census.images} images of {held.images}"
    if census.series is not None and census.series_known_for in (size, None) and census.series != held.series:
        return f"{census.series} series of {held.series}"
    return ""
