"""The census over QIDO-RS against archives that page, cut off, refuse and repeat in all the ways that are known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.census.count import CensusProgress
from filmbadge.ask.census.windows import EMPTY
from filmbadge.ask.dicomweb.census import QidoSource
from filmbadge.ask.key import RunKey
from filmbadge.ask.wire.http import Request, Response
from filmbadge.model import Availability, Census, DoubtCode
from filmbadge.scope import Budget
from support.simulated_protocols import PLENTY, play

Rows = list[dict[str, Any]]


def study(number: int, day: str, images: int = 3) -> dict[str, Any]:
    return {
        "00080061": {"vr": "CS", "Value": [("CT", "MR", "US")[number % 3], "doe^jane"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Nobody^At All"}]},
        "00080020": {"vr": "DA", "Value": [day]} if day else {"vr": "DA"},
        "00080030": {"vr": "TM", "Value": [f"{number % 24:02d}{number // 24 % 60:02d}00"]},
        "0020000D": {"vr": "UI", "Value": [f"1.2.3.{number}"]},
        "00201206": {"vr": "IS", "Value": [1]},
        "00201208": {"vr": "IS", "Value": [images]},
    }


def archive(count: int, dateless: int = 0, seed: int = 1, days: int = 4000) -> Rows:
    chance = Random(seed)
    first = date(2010, 1, 1)
    held = [study(n, f"{first + timedelta(chance.randrange(days)):%Y%m%d}") for n in range(count)]
    held += [study(count + n, "") for n in range(dateless)]
    chance.shuffle(held)
    return held


@dataclass
class Server:
    """Answers as an archive that holds these rows, with one manner or several."""

    held: Rows
    cap: int | None = None  # matches that it ever finds, silently
    most: int | None = None  # rows in a page, whatever the limit
    warns: bool = False  # that there is more
    offset: bool = True  # knows it
    limit: bool = True
    dates: bool = True
    lenient: bool = False  # takes what has no date for a match of a range that begins at the first day
    refuses: int | None = None  # matches above which it answers 413
    empty: int = 200
    status: int = 200
    asked: list[str] = field(default_factory=list)

    def __call__(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        self.asked.append(path)
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        found = self.held
        if "ModalitiesInStudy" in query:
            found = [row for row in found if query["ModalitiesInStudy"] in row["00080061"]["Value"]]
        if query.get("StudyDate") == EMPTY and self.dates:
            found = []  # as a literal value
        elif "StudyDate" in query and self.dates:
            low, high = query["StudyDate"].split("-")
            assert date(int(low[:4]), int(low[4:6]), int(low[6:])) <= date(int(high[:4]), int(high[4:6]), int(high[6:]))
            found = [row for row in found if low <= _day(row) <= high or (self.lenient and not _day(row))]
        if "StudyTime" in query and self.dates:
            low, high = query["StudyTime"].split("-")
            found = [row for row in found if low <= row["00080030"]["Value"][0] <= high]
        if "StudyInstanceUID" in query:
            found = [row for row in found if row["0020000D"]["Value"][0] in query["StudyInstanceUID"].split(",")]
        if self.refuses is not None and len(found) > self.refuses:
            return 413, b"", {}
        found = found[: self.cap]
        start = int(query["offset"]) if self.offset else 0
        size = min(int(query["limit"]) if self.limit else 1 << 30, self.most or 1 << 30)
        page = found[start : start + size]
        headers = {"warning": "299 here: more"} if self.warns and len(found) > start + size else {}
        if not page:
            return (204, b"", headers) if self.empty == 204 else (200, b"[]", headers)
        return self.status, json.dumps(page).encode(), headers


def _day(row: dict[str, Any]) -> str:
    return str(row["00080020"].get("Value", [""])[0])


def run(
    respond: Callable[[str], tuple[int, bytes, dict[str, str]]], budget: Budget = PLENTY, *, availability: bool = False
) -> CensusProgress:
    def answer(request: Request) -> Response:
        assert request.into is not None
        status, body, headers = respond(request.path.removeprefix("/dicom-web"))
        if status in (200, 206):
            request.into(body)
        return Response(request, status, headers)

    return play(QidoSource("/dicom-web", RunKey(), availability=availability), answer, budget)


def codes(made: Census) -> set[DoubtCode]:
    return {doubt.code for doubt in made.doubts}


FEW = 40
MANNERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no content at the end": {"empty": 204},
    "206": {"status": 206},
    "small pages": {"most": 7},
    "small pages, which it says": {"most": 7, "warns": True},
    "no offset": {"offset": False},
    "no limit": {"limit": False},
    "neither": {"limit": False, "offset": False},
    "no dates": {"dates": False},
    "lenient dates": {"lenient": True},
}


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_an_archive_that_gives_all(manner: dict[str, Any]) -> None:
    for held in (archive(FEW, 3), archive(0, 3), archive(20), archive(18, 2), archive(1)):
        notes = run(Server(held, **manner))
        made = notes.census()
        if not manner.get("dates", True) and all(_day(row) for row in held):  # it may give a part only without a date
            assert codes(made) == {DoubtCode.UNCHECKED}
            continue
        assert (made.complete, made.studies, made.images, made.method) == (True, len(held), 3 * len(held), "count-keys")
        assert made.queries < 26 + len(held) / 2


def test_an_archive_that_gives_nothing_may_not_answer_at_all() -> None:
    made = run(Server([])).census()
    assert (made.complete, made.studies, codes(made)) == (False, 0, {DoubtCode.NOTHING_GIVEN})


def test_many_pages() -> None:
    server = Server(archive(1300))
    assert run(server).census().studies == 1300
    pages = 3 + 1  # and the empty one
    recent, halves, of_some = 2, 2, 8  # of some studies: whether they are still there, and what they hold
    assert len(server.asked) <= recent + pages + halves + of_some


@pytest.mark.parametrize("cap", [10, 11, 33])
def test_a_silent_cap_is_found_and_passed_by_windows(cap: int) -> None:
    held = archive(300)
    made = run(Server(held, cap=cap)).census()
    assert (made.complete, made.studies) == (False, 300)  # all that have a date; of others nothing is known
    assert codes(made) == {DoubtCode.UNDATED_BEHIND_LIMIT}


def test_a_date_that_an_archive_compares_as_text_does_not_spoil_the_windows() -> None:
    held = [*archive(60), study(60, "2014.04.24")]
    made = run(Server(held, cap=10)).census()
    assert (made.studies, codes(made)) == (61, {DoubtCode.UNDATED_BEHIND_LIMIT})


def test_a_cap_with_all_studies_on_one_day() -> None:
    made = run(Server(archive(40, days=1), cap=10)).census()
    assert (made.complete, made.studies) == (False, 40)  # at least: some may have no time
    assert made.doubts


@pytest.mark.parametrize(
    ("server", "why"),
    [
        (Server(archive(30), cap=10, dates=False), DoubtCode.UNCHECKED),
        (Server(archive(0, 30), cap=11), DoubtCode.UNCHECKED),
        (Server(archive(10, 5), cap=12), DoubtCode.UNDATED_BEHIND_LIMIT),
        (Server(archive(700), offset=False), DoubtCode.UNDATED_BEHIND_LIMIT),
        (Server(archive(30), most=10, offset=False), DoubtCode.UNDATED_BEHIND_LIMIT),
        (Server([study(1, "20200101") for _ in range(101)]), DoubtCode.REPEATED),
        (Server(archive(300), refuses=50), DoubtCode.NO_LIST),
        (Server(archive(30), refuses=0), DoubtCode.WINDOW_FULL),
    ],
    ids=[
        "no dates",
        "dateless",
        "some dateless",
        "no offset, more than a page",
        "no offset, small pages",
        "one UID for all",
        "413",
        "413 for all",
    ],
)
def test_what_could_not_be_counted_is_never_called_counted(server: Server, why: DoubtCode) -> None:
    made = run(server).census()
    assert not made.complete
    assert why in codes(made)
    assert made.studies <= len(server.held)


def test_a_warning_that_is_not_kept() -> None:
    def server(path: str) -> tuple[int, bytes, dict[str, str]]:
        if "offset=0" in path:
            return 200, json.dumps(archive(3)).encode(), {"warning": '299 host:8080 "There are 5 more"'}
        return 204, b"", {}

    made = run(server).census()
    assert (made.complete, made.studies) == (False, 3)
    assert DoubtCode.MORE_NOT_GIVEN in codes(made)
    assert made.queries < 200


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", DoubtCode.HTTP_STATUS),
        (401, b"", DoubtCode.HTTP_STATUS),
        (200, b"{}", DoubtCode.ANSWER_BROKEN),
        (200, b"[[]]", DoubtCode.ANSWER_BROKEN),
        (200, b'[{"0020000D": {"vr": "UI", "Value": ["1.2"]}}', DoubtCode.ANSWER_BROKEN),
        (200, b'[{"0020000D": {"vr": "UI"}}]', DoubtCode.WITHOUT_UID),
        (200, b'[{"0020000D": {"vr": "UI", "Value": [3]}}]', DoubtCode.WITHOUT_UID),
        (200, b'[{"0020000D": {"vr": "UI", "Value": ["DOE^JANE%s"]}}]' % (b"x" * 80), DoubtCode.WITHOUT_UID),
        (200, b'[{"0020000D": "DOE^JANE"}]', DoubtCode.WITHOUT_UID),
        (200, b"[" + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"]", DoubtCode.ANSWER_BROKEN),
    ],
)
def test_an_answer_that_is_no_list_of_studies(status: int, body: bytes, why: DoubtCode) -> None:
    made = run(lambda _: (status, body, {})).census()
    assert not made.complete
    assert codes(made) == {why}
    assert made.queries <= 2
    assert "DOE" not in repr(made)


def test_an_archive_whose_pages_never_end() -> None:
    numbers = iter(range(1 << 30))

    def server(path: str) -> tuple[int, bytes, dict[str, str]]:
        return 200, json.dumps([study(next(numbers), "20200101")]).encode(), {}

    made = run(server, Budget(questions=300)).census()
    assert (made.complete, made.queries) == (False, 300)
    assert codes(made) == {DoubtCode.BUDGET_QUESTIONS}


@settings(deadline=None, max_examples=100)
@given(
    st.integers(0, 120),
    st.integers(0, 5),
    st.integers(0, 1 << 16),
    st.sampled_from([3, 30, 3000]),
    st.sampled_from([None, 10, 11, 12, 20, 50]),
    st.sampled_from([None, 5, 20]),
    st.booleans(),
    st.booleans(),
)
def test_never_a_wrong_number_called_counted(
    dated: int, dateless: int, seed: int, days: int, cap: int | None, most: int | None, offset: bool, lenient: bool
) -> None:
    held = archive(dated, dateless, seed, days)
    server = Server(held, cap=cap, most=most, offset=offset, lenient=lenient)
    made = run(server).census()
    assert made.studies <= len(held)
    limit = cap if offset or most is None or (cap is not None and cap < most) else most
    if made.complete:
        assert made.studies == len(held) or made.studies == dated == limit  # a coincidence that nothing can tell
    elif cap is None and most is None and offset and len(held) > 1:
        raise AssertionError(f"nothing was cut off, and yet: {made.doubts}")


def walked(path: str) -> tuple[int, bytes, dict[str, str]]:
    """Two studies of two series of three images, without counts, and without paging."""
    if "offset=0" not in path:
        return 204, b"", {}
    days = re.search(r"StudyDate=([0-9]{8})-([0-9]{8})", path)
    match [
        (level, uid) for level, uid in re.findall(r"/(studies|series|instances)(?:/([0-9.]+))?", path.partition("?")[0])
    ]:
        case [("series", _)]:
            rows = [{"0020000E": {"vr": "UI", "Value": [f"1.{n}.{m}"]}} for n in (1, 2) for m in (1, 2)]
        case [(_, one), ("instances", _)]:
            rows = [{"00080018": {"vr": "UI", "Value": [f"{one}.{n}.{m}"]}} for n in (1, 2) for m in (1, 2, 3)]
        case [_]:
            dated = [(f"1.{n}", f"2020010{n}") for n in (1, 2)]
            rows = [
                {"0020000D": {"vr": "UI", "Value": [uid]}, "00080020": {"vr": "DA", "Value": [day]}}
                for uid, day in dated
                if days is None or days[1] <= day <= days[2]
            ]
        case [(_, one), _]:
            rows = [{"0020000E": {"vr": "UI", "Value": [f"{one}.{n}"]}} for n in (1, 2)]
        case [_, (_, two), _]:
            rows = [{"00080018": {"vr": "UI", "Value": [f"{two}.{n}"]}} for n in (1, 2, 3)]
        case _:
            raise AssertionError(path)
    return 200, json.dumps(rows).encode(), {}


def test_images_by_the_availability_that_comes_along() -> None:
    held = archive(40, dateless=3)
    said = ["ONLINE", "NEARLINE", "OFFLINE", "UNAVAILABLE", "ONLINE"]
    for number, row in enumerate(held):
        # One is written in a way that is read in Python.
        row["00080056"] = {"vr": "CS", "Value": [said[number % 5], *([None] if number == 7 else [])]}
    made = run(Server(held), availability=True).census()
    online = sum(word == "ONLINE" for word in (said[number % 5] for number in range(43)))
    assert made.availability == Availability(online, 43 - online, 3 * online, 3 * (43 - online))
    assert (made.complete, made.studies, made.images) == (True, 43, 129)
    assert run(Server(held)).census().availability is None  # it is not heeded at another depth


def test_without_counts_images_are_walked_to() -> None:
    made = run(walked).census()
    assert (made.complete, made.studies, made.series, made.images, made.images_known_for) == (True, 2, 4, 12, 2)
    assert made.method == "walk"


def test_a_walk_that_breaks_off_leaves_images_unknown() -> None:
    made = run(lambda path: (403, b"", {}) if "/series" in path else walked(path)).census()
    assert (made.complete, made.studies, made.images_known_for) == (True, 2, 0)


def test_series_that_say_how_many_images_they_have() -> None:
    def server(path: str) -> tuple[int, bytes, dict[str, str]]:
        assert "/instances" not in path
        status, body, headers = walked(path)
        if "/series" in path and status == 200:
            body = json.dumps([{**row, "00201209": {"vr": "IS", "Value": ["5"]}} for row in json.loads(body)]).encode()
        return status, body, headers

    made = run(server).census()
    assert (made.series, made.images) == (4, 20)
