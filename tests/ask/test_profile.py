"""Depth `profile` against archives that answer differently: what is counted, estimated and unknown, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from filmbadge.catalogue.kinds import CHARACTER_SET
from support import archives, pynetdicom_archive

Card = dict[str, Any]


def study(number: int) -> Dataset:
    made = Dataset()
    made.StudyInstanceUID = f"2.25.{7000 + number}"
    made.StudyDate = f"2020{number % 12 + 1:02d}11"
    made.PatientName = f"Person^{'ABCDEFGHIJ'[number % 10]}{'KLMNOPQRS'[number % 9]}"
    made.PatientID = (
        f"{number % 770 + 1:03d}-{number % 90 + 10}-{number + 1000:04d}" if number % 4 else f"MR{number:05d}"
    )
    made.PatientBirthDate = f"19{number % 90 + 10}0317"
    if number % 5 == 0:
        made.PatientAddress = f"{number} Rehearsal Road"
    return made


def answering(held: list[Dataset], *, whole: bool = True, fails: str = "") -> pynetdicom_archive.Find:
    """From a list. Without `whole`, a question for names is answered with half of it; `fails` is a level that is refused."""

    def find(keys: Dataset) -> pynetdicom_archive.Rows:
        wanted = str(keys.get("StudyInstanceUID", "") or "")
        if wanted and keys.QueryRetrieveLevel == fails:
            yield 0xC001, None
            return
        first, _, last = str(keys.get("StudyDate", "") or "").partition("-")
        rows = [one for one in held if wanted in ("", one.StudyInstanceUID)]
        rows = [one for one in rows if not first or first <= one.StudyDate <= (last or first)]
        for one in rows if whole or "PatientName" not in keys else rows[::2]:
            row = Dataset()
            for tag in {*keys._dict, CHARACTER_SET} & {*one._dict}:  # as it was put, not decoded
                row[tag] = one.get_item(tag)
            row.QueryRetrieveLevel, row.StudyInstanceUID = keys.QueryRetrieveLevel, one.StudyInstanceUID
            if keys.QueryRetrieveLevel == "SERIES":
                row.SeriesInstanceUID = f"{one.StudyInstanceUID}.1"
            yield 0xFF00, row

    return find


def profiled(find: pynetdicom_archive.Find, directory: Path) -> Card:
    with pynetdicom_archive.archive(find) as script:
        scope = archives.scope_file(directory, depth="profile")
        (archive,) = archives.check(f"127.0.0.1:{script.port}", "--scope", str(scope))["archives"]
    return dict(archive)


@pytest.mark.real
def test_kinds_and_social_security_numbers_are_counted(tmp_path: Path) -> None:
    held = [study(11 * number) for number in range(104)]  # 100 may be a limit of the archive
    card = profiled(answering(held), tmp_path)
    told = {name: (kind["records"], kind["how"]) for name, kind in card["kinds"].items() if kind["records"]}
    of_all = dict.fromkeys(("patient_name", "patient_id", "birth_date", "exam_date"), (104, "counted"))
    assert told == of_all | {"address": (21, "counted")}
    assert (card["ssn_records"]["value"], card["ssn_records"]["how"]) == (78, "counted")
    (found,) = card["identifiers"]
    assert (found["scheme"], found["kind"], found["records"]) == ("us.ssn", "patient_id", 78)


@pytest.mark.real
def test_people_among_phantoms_are_people_and_the_shares_are_told(tmp_path: Path) -> None:
    held = [study(number) for number in range(20)]
    for one in held[:11]:
        one.PatientName, one.PatientID, one.PatientBirthDate = "PHANTOM^QA", "TEST1", "19000101"
    card = profiled(answering(held), tmp_path)
    name = card["kinds"]["patient_name"]
    assert (name["looks"], name["personal"], name["pseudonymised"], name["synthetic"]) == ("personal", 0.45, 0, 0.55)
    assert name["looks_words"] == "45% personal, 55% synthetic"
    assert card["grade"] == "F"


@pytest.mark.real
def test_an_archive_that_answers_otherwise_when_it_is_asked_for_names(tmp_path: Path) -> None:
    card = profiled(answering([study(number) for number in range(22)], whole=False), tmp_path)
    assert card["counts"]["studies"]["value"] == 22
    name = card["kinds"]["patient_name"]
    assert name["how"] == "estimated"
    assert name["doubts"] == [{"code": "other-number", "numbers": {"studies": 22, "records": 11}}]
    assert name["at_least"] == 11
    assert name["low"] is None, "those that came were not drawn by lot"


@pytest.mark.real
@pytest.mark.parametrize("level", ["STUDY", "SERIES"])
def test_an_archive_that_refuses_questions_about_single_studies(tmp_path: Path, level: str) -> None:
    card = profiled(answering([study(number) for number in range(12)], fails=level), tmp_path)
    assert (card["kinds"]["patient_name"]["records"], card["kinds"]["patient_name"]["how"]) == (12, "counted")
    address = card["kinds"]["address"]
    assert (address["records"], address["how"]) == (None, "unknown")
    assert "0xC001" in address["why"]


@pytest.mark.real
def test_malformed_values_and_wrong_character_sets_are_counted_as_that(tmp_path: Path) -> None:
    held = [study(number) for number in range(9)]
    for number, raw in enumerate(
        (b"\xff\xfe", b"\x1b$B;", b"\xe9\xe8", "Müller".encode("latin-1"), b"a" * 70, b"A\x07B")
    ):
        pynetdicom_archive.put(held[number], 0x00100010, "PN", raw)
    held[7].SpecificCharacterSet = "GB18030"
    pynetdicom_archive.put(held[7], 0x00100010, "PN", "王^小东".encode("gb18030"))
    pynetdicom_archive.put(held[8], 0x00100030, "DA", b"20209999")
    card = profiled(answering(held), tmp_path)
    name, birth = card["kinds"]["patient_name"], card["kinds"]["birth_date"]
    assert (name["records"], name["malformed"]) == (9, 6)
    assert (birth["records"], birth["malformed"]) == (9, 1)
