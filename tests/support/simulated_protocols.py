"""Simulated archives that speak a protocol: C-FIND at the level of queries, QIDO-RS at that of requests and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

from filmbadge.ask.census.budget import Spent
from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.plan import CensusPlan
from filmbadge.ask.census.source import Ended, Source
from filmbadge.ask.census.windows import EMPTY, Window
from filmbadge.ask.decoder import elements
from filmbadge.ask.dicomweb.census import QidoSource
from filmbadge.ask.dimse.association import Answer, Query
from filmbadge.ask.dimse.census import DimseSource
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import Share
from filmbadge.ask.wire.http import Request, Response
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND, Modality
from filmbadge.scope import Budget
from support.simulated_archive import TODAY, UIDS, Simulated

IMAGES = 3  # of each study, in one series
MODALITIES = (Modality.CT, Modality.MR, Modality.US)
PLENTY = Budget(questions=100_000)


def play(
    source: Source,
    answer: Callable[[Any], object],
    budget: Budget = PLENTY,
    seed: int = 7,
    memory: Share | None = None,
) -> CensusProgress:
    """A census by a function that answers. It counts questions and bytes as the wire would."""
    progress = CensusProgress(source, CensusPlan(TODAY, seed=seed), Spent(budget), RunKey(memory=memory))
    script = progress.script()
    with suppress(StopIteration):
        request = next(script)
        while True:
            progress.spent.asked()
            reply = answer(request)
            progress.spent.received(reply.size if isinstance(reply, Response) else 0)
            request = script.send(reply)
    return progress


@dataclass
class OverDimse:
    """Answers queries. The numbers of series and images come where they are asked for."""

    held: Simulated
    asked: int = 0

    def count(self, budget: Budget = PLENTY, seed: int = 7, memory: Share | None = None) -> CensusProgress:
        return play(DimseSource(STUDY_ROOT_FIND, RunKey()), self.answer, budget, seed, memory)

    def answer(self, query: Query) -> Answer:
        self.asked += 1
        keys = dict(query.keys)
        uids = keys[elements.STUDY_UID].decode()
        if elements.MODALITIES_IN_STUDY in keys:
            return Answer(0xC001)
        dates = keys.get(elements.STUDY_DATE, b"").decode()
        if uids and not uids.endswith("*"):
            return self._by_uids(query, keys, uids.split("\\"), bool(dates))
        first, _, last = dates.replace(EMPTY, "").partition("-")
        times = keys.get(elements.STUDY_TIME, b"").decode()
        window = Window(
            (_ordinal(first), _ordinal(last or first)) if first else None,
            (_minute(times[:4]), _minute(times.partition("-")[2][:4])) if times else None,
            uids.rstrip("*"),
            undated=dates == EMPTY,
            at_most=query.cancel_after or 0,
        )
        chosen, rows, ended, doubt = self.held.give(window)
        counts = elements.IMAGES_IN_STUDY in keys
        for row in range(rows):
            number = chosen[row // self.held.rows_each]
            query.record(_identifier(number, counts), True)
        status = doubt.numbers["status"] if doubt is not None and ended is not Ended.ENOUGH else 0x0000
        return Answer(status, rows, ended is Ended.ENOUGH)

    def _by_uids(self, query: Query, keys: dict[int, bytes], uids: list[str], dated: bool) -> Answer:
        """Study level only: nothing is below a study here."""
        numbers = [int(uid.removeprefix(UIDS)) for uid in uids] if keys[elements.QUERY_LEVEL] == b"STUDY" else []
        if dated and self.held.looks_at_dates:
            numbers = [number for number in numbers if number < len(self.held.days)]
        for number in numbers:
            day = self.held.days[number] if number < len(self.held.days) else None
            row = [(elements.STUDY_UID, f"{UIDS}{number}".encode())]
            if elements.STUDY_DATE in keys and day is not None:
                row += [(elements.STUDY_DATE, f"{date.fromordinal(day):%Y%m%d}".encode())]
                row += [(elements.STUDY_TIME, _time(self.held.minute(number)))]
            if elements.IMAGES_IN_STUDY in keys:
                row += [(elements.SERIES_IN_STUDY, b"1"), (elements.IMAGES_IN_STUDY, b"%d" % IMAGES)]
            query.record(elements.encode(row, explicit=True), True)
        return Answer(0x0000, len(numbers))


def _time(minute: int) -> bytes:
    return b"%02d%02d00" % (minute // 60, minute % 60)


@lru_cache(maxsize=1 << 14)  # the same studies are in many archives, and in many answers of one
def _identifier(number: int, counts: bool) -> bytes:
    keys = [(elements.STUDY_UID, f"{UIDS}{number}".encode())]
    if counts:
        keys += [(elements.SERIES_IN_STUDY, b"1"), (elements.IMAGES_IN_STUDY, b"%d" % IMAGES)]
    return elements.encode(keys, explicit=True)


@dataclass
class OverQido:
    """Answers requests for lists of studies. What is `held` says which studies a question finds, and where it is cut off."""

    held: Simulated
    page: int = 1 << 30  # rows in one response, at most
    offset: bool = True  # knows it
    limit: bool = True
    lenient: bool = False  # takes a study without a date for a match of any range
    modalities: bool = True  # looks at them
    asked: int = 0

    def count(self, budget: Budget = PLENTY, seed: int = 7, memory: Share | None = None) -> CensusProgress:
        return play(QidoSource("/dicom-web", RunKey()), self.answer, budget, seed, memory)

    def answer(self, request: Request) -> Response:
        assert request.into is not None
        status, body, headers = self.respond(request.path)
        if status == 200:
            request.into(body)
        return Response(request, status, headers, size=len(body))

    def respond(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        self.asked += 1
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if "/series" in urlsplit(path).path:
            return 404, b"", {}
        if uids := query.get("StudyInstanceUID"):
            numbers = [int(uid.removeprefix(UIDS)) for uid in uids.split(",")]
            if query.get("StudyDate") and self.held.looks_at_dates and not self.lenient:
                numbers = [number for number in numbers if number < len(self.held.days)]
            start = int(query["offset"]) if self.offset else 0
            return 200, b"[" + b",".join(map(self._row, numbers[start:])) + b"]", {}
        dates = query.get("StudyDate", "")
        first, _, last = dates.replace(EMPTY, "").partition("-")
        times = query.get("StudyTime", "")
        modality = Modality[query["ModalitiesInStudy"]] if self.modalities and "ModalitiesInStudy" in query else None
        window = Window(
            (_ordinal(first), _ordinal(last or first)) if first else None,
            (_minute(times[:4]), _minute(times.partition("-")[2][:4])) if times else None,
            modality=modality,
            undated=dates == EMPTY,
        )
        found = self.held.matching(window)
        if found is None:
            return 413, b"", {}
        if modality:
            found = [number for number in found if MODALITIES[number % 3] == modality]
        if first and self.lenient and self.held.looks_at_dates:
            found = [*found, *range(len(self.held.days), self.held.size)]
        cap = self.held.cap
        if cap is not None and self.held.refuses and len(found) > cap:
            return 413, b"", {}
        rows = [n for n in (reversed(found) if self.held.newest_first else found) for _ in range(self.held.rows_each)]
        given = rows[:cap]
        start = int(query["offset"]) if self.offset else 0
        size = min(self.page, int(query["limit"]) if self.limit else 1 << 30)
        answer = given[start : start + size]
        more = len(given) > start + size or (self.held.signal and len(rows) > len(given))
        headers = {"warning": '299 here "There are more"'} if more and self.held.signal else {}
        return 200, b"[" + b",".join(map(self._row, answer)) + b"]", headers

    def _row(self, number: int) -> bytes:
        dated = number < len(self.held.days)
        return _study(number, self.held.days[number] if dated else None, self.held.minute(number))


@lru_cache(maxsize=1 << 14)
def _study(number: int, day: int | None, minute: int) -> bytes:
    dated = {} if day is None else {"Value": [f"{date.fromordinal(day):%Y%m%d}"]}
    row = {
        "00080020": {"vr": "DA", **dated},
        "00080030": {"vr": "TM", "Value": [_time(minute).decode()]},
        "00080061": {"vr": "CS", "Value": [MODALITIES[number % 3].name]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody^At All"}]},
        "0020000D": {"vr": "UI", "Value": [f"{UIDS}{number}"]},
        "00201206": {"vr": "IS", "Value": [1]},
        "00201208": {"vr": "IS", "Value": [IMAGES]},
    }
    return json.dumps(row).encode()


def _ordinal(day: str) -> int:
    return date(int(day[:4]), int(day[4:6]), int(day[6:])).toordinal()


def _minute(time: str) -> int:
    return int(time[:2]) * 60 + int(time[2:])
