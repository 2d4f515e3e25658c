"""The made-up studies of the replay archives are what their truth says, and rows of them are made quickly and alike."""

from __future__ import annotations

import importlib.util
import json
import random
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from filmbadge.identifiers.checks import may_hold_ssn, valid
from filmbadge.identifiers.schemes import US_SSN

BENCH = Path(__file__).parents[2] / "bench"


Load = Callable[[str], Any]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Loads a module of the benchmarks. Their folder is on no path: one of them is named as a module of Python is."""

    def loaded(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return loaded


@pytest.fixture
def hospital(load: Load) -> Any:
    return load("hospital")


def values(hospital: Any, study: int) -> dict[int, str | None]:
    return {tag: text for tag, _, text in hospital.elements(study, hospital.SSN)}


@pytest.mark.parametrize("studies", [1, 2, 3000, 7001])
def test_truth(hospital: Any, studies: int) -> None:
    held = [values(hospital, study) for study in range(studies)]
    truth = hospital.truth(studies, hospital.SSN)
    ids = [one[hospital.PATIENT_ID] or "" for one in held]
    numbers = [text.replace("-", "") for text in ids]
    assert truth["studies"] == len({one[hospital.STUDY_UID] for one in held}) == studies
    assert truth["patients"] == len({*ids} - {""})
    assert truth["without id"] == ids.count("")
    assert truth["with an SSN"] == sum(len(number) == 9 and valid(US_SSN, number) for number in numbers)
    assert truth["with an SSN"] == sum(map(may_hold_ssn, ids)), "another id holds nine digits"
    assert truth["with an SSN in dashes"] == sum("-" in text for text in ids)
    for kind, tag in (
        ("birth_date", hospital.BIRTH_DATE),
        ("sex", hospital.SEX),
        ("referring_physician", hospital.REFERRER),
    ):
        assert truth[f"filled {kind}"] == sum(bool(one[tag]) for one in held)
    assert truth["series"] == sum(map(hospital.series_of, range(studies)))
    plain = hospital.truth(studies)
    assert plain == {fact: truth[fact] for fact in ("studies", "series", "images")}


def test_patients_differ(hospital: Any) -> None:
    """In all blocks: their ids, if they have one, and their names. As many have a social security number as in 2019."""
    blocks = [0, 1, 9, 10, 777, 9999]
    held = [
        values(hospital, b * hospital.BLOCK + row) for b in blocks for row in range(0, hospital.BLOCK, hospital.STUDIES)
    ]
    ids = [one[hospital.PATIENT_ID] for one in held if one[hospital.PATIENT_ID]]
    assert len({*ids}) == len(ids)
    assert len({one[hospital.NAME] for one in held}) == len(held)
    assert 100 * sum(map(may_hold_ssn, filter(None, ids))) == 57 * len(held)


def test_rows(hospital: Any, load: Load) -> None:
    """A block that was turned holds the same rows as if they were encoded one by one, in any order of blocks."""
    replay = load("replay")
    draw = random.Random(7)
    for ids in hospital.MOST:
        give = partial(hospital.elements, ids=ids)
        rows = hospital.Rows(hospital.explicit, replay.DATA_SET, give)
        made = replay.Responses(give, hospital.BLOCK, explicit=True)
        for number in (0, 1, 10, 9, 4321, 9999):
            study = number * hospital.BLOCK + draw.randrange(hospital.BLOCK)
            (piece,) = made.stream(range(study, study + 1), None, 3, replay.STUDY_ROOT_FIND, 515)
            assert len(piece) == replay.RECORD and bytes(piece).endswith(rows(study))
            assert len(rows(study)) == replay.DATA_SET


def test_days(hospital: Any) -> None:
    """Each study is on one day, and a range of days brings its studies."""
    for studies, days in ((1000, 300), (100, 300), (7, 30)):
        calendar = hospital.Calendar(studies, days)
        oldest = date.today() - timedelta(days=days - 1)
        for day in range(0, days, 7):
            asked = oldest + timedelta(days=day)
            assert [*calendar.studies(asked, asked)] == [n for n in range(studies) if calendar.day(n) == day]
        assert calendar.studies(None, None) == range(studies)
        assert not calendar.studies(date(1900, 1, 1), oldest - timedelta(days=1))


def test_json_rows(hospital: Any, load: Load) -> None:
    """They are of the DICOM JSON model, one length, and hold the study's values and the day of the calendar."""
    archive = load("replay_qido").Archive(10_000)
    sent: list[bytes] = []

    class Line:
        def sendall(self, data: bytes) -> None:
            sent.append(bytes(data))

        def send(self, data: bytes, _: int) -> None:
            sent.append(data)

    archive._answer(Line(), "/dicom-web/studies?limit=300&offset=2900")
    head, _, body = b"".join(sent).partition(b"\r\n\r\n")
    rows = json.loads(body)
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
    for study, row in enumerate(rows, 2900):
        expected = values(hospital, study)
        assert row["0020000D"]["Value"] == [expected[hospital.STUDY_UID]]
        assert row["00100010"]["Value"] == [{"Alphabetic": expected[hospital.NAME]}]
        assert row["00100020"].get("Value", [""]) == [expected[hospital.PATIENT_ID]]
        assert row["00201206"]["Value"] == [hospital.series_of(study)]
    assert len(rows) == 300
    days = [row["00080020"]["Value"][0] for row in rows]
    assert days == sorted(days) and len({*days}) > 100
    sent.clear()
    archive._answer(Line(), f"/dicom-web/studies?StudyDate={days[0]}-{days[0]}&limit=500&offset=500")
    assert b"".join(sent).endswith(b"\r\n\r\n[]")


def test_a_wrong_count_stops_a_run(load: Load) -> None:
    common = load("common")
    common.check("ours", {"studies": 2, "malformed": 0}, {"studies": 2, "series": 4}, "series")
    with pytest.raises(common.BenchError, match="but the truth is"):
        common.check("ours", {"studies": 2, "malformed": 1}, {"studies": 2})


def test_an_earlier_version_runs_beside_ours(load: Load) -> None:
    """By its own Python; what other people's clients do is measured once."""
    for name in ("common", "hospital", "replay", "census"):
        load(name)
    clients = load("profile").contestants(6000, "/earlier/bin/python")
    before = [client for client in clients if client.python == "/earlier/bin/python"]
    assert {client.kind for client in before} == {"census", "profile", "qido_census", "qido_profile"}
    assert all(client.who.startswith("before: filmbadge") for client in before)
    assert {client.who.removeprefix("before: ") for client in before} < {client.who for client in clients}


def test_targets(load: Load) -> None:
    """They are about the whole survey, beside the fastest nmap; what an earlier version did counts for none."""
    for name in ("hospital", "replay", "clients"):
        load(name)
    common, identify = load("common"), load("identify")
    speeds = {"the same question in C": 2000, "filmbadge": 1000, "filmbadge survey": 600, "before: filmbadge survey": 1}
    speeds |= {"nmap dicom-ping -T4": 400, "nmap dicom-ping, tuned": 100}
    rows = [common.Row(who, speed, 150.0, 10_000) for who, speed in speeds.items()]
    told = identify.targets(rows)
    assert [(target.value, target.reached) for target in told] == [(1.5, False), (0.6, True), (0.5, True), (150, True)]
    assert [target.value for target in identify.targets(rows[:4])] == [0.6, 0.5, 150]
    assert "| at least 1.6 | 1.5 | **missed** |" in common.verdicts([one.document() for one in told])
    assert not common.Target("", 151, 150, least=False).reached
