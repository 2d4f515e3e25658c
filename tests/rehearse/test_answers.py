"""The answers of a synthetic archive to C-FIND, without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from filmbadge.ask.decoder import elements
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.rehearse.answers import Answer, Question
from filmbadge.rehearse.contents import Contents, Part
from filmbadge.rehearse.world import Archive, AtCap, CountKeys, Rows

HELD = Contents("2.25.5", nearline=Part(30, 300), online=Part(270, 5400), undated=7, patients=120, days=90)
ARCHIVE = Archive("", contents=HELD)
ALL = dict.fromkeys((elements.STUDY_UID, elements.STUDY_DATE, elements.STUDY_TIME, elements.IMAGES_IN_STUDY), b"")
DAY = date.fromordinal(HELD.first_day + 40)


def rows(archive: Archive, keys: dict[int, bytes], level: bytes = b"STUDY") -> tuple[list[dict[int, bytes]], int]:
    """The records of an answer, as they stand on the wire, and its final status."""
    request = Command(command.C_FIND_RQ, 3, STUDY_ROOT_FIND, None, True)
    answer = Answer(archive, Question({elements.QUERY_LEVEL: level, **keys}, 1, True, request, 16384))
    found = []
    for asked, identifier in _messages(b"".join(answer)):
        assert (asked.status, asked.message_id) == (0xFF00, 3)
        tags = range(0x00080000, 0x7FE00000)
        held = elements.values(identifier, explicit=True, wanted=tags)
        found.append({tag: value.strip(b" \0") for tag, value in held.items()})
    return found, answer.status


def _messages(stream: bytes) -> Iterator[tuple[Command, bytes]]:
    at, values = 0, list[tuple[int, int, bytes]]()
    while at < len(stream):
        _, length = pdu.HEADER.unpack_from(stream, at)
        values += pdu.parse_data(stream[at + 6 : at + 6 + length])
        at += 6 + length
    for (_, _, said), (_, _, identifier) in zip(values[::2], values[1::2], strict=True):
        yield command.parse(said), identifier


def uids(archive: Archive, keys: dict[int, bytes]) -> list[int | None]:
    found, _ = rows(archive, ALL | keys)
    return [HELD.number_of(row[elements.STUDY_UID]) for row in found]


def test_all_studies_come_with_what_was_asked_and_no_more() -> None:
    found, status = rows(ARCHIVE, ALL)
    assert status == 0x0000
    assert [HELD.number_of(row[elements.STUDY_UID]) for row in found] == list(range(300))
    assert {*found[0]} == {*ALL, elements.QUERY_LEVEL}
    assert [int(row[elements.IMAGES_IN_STUDY]) for row in found] == [sum(HELD.images(n)) for n in range(300)]


@pytest.mark.parametrize(
    ("key", "numbers"),
    [
        (f"{DAY:%Y%m%d}", HELD.between(DAY.toordinal(), DAY.toordinal())),
        (f"{DAY:%Y%m%d}-", HELD.between(DAY.toordinal(), None)),
        (f"-{DAY:%Y%m%d}", HELD.between(None, DAY.toordinal())),
        ("", range(300)),
        ('""', range(0)),
        ("yesterday", range(0)),
    ],
)
def test_ranges_of_dates(key: str, numbers: range) -> None:
    assert uids(ARCHIVE, {elements.STUDY_DATE: key.encode()}) == list(numbers)


def test_the_empty_value_matches_studies_without_a_date_where_it_is_honoured() -> None:
    honours = replace(ARCHIVE, empty_values=True)
    assert uids(honours, {elements.STUDY_DATE: b'""'}) == list(range(293, 300))


def test_times_modalities_and_lists_of_uids() -> None:
    by_time = uids(ARCHIVE, {elements.STUDY_TIME: b"060000-175959.999999"})
    assert by_time == [n for n in range(300) if 6 * 3600 <= HELD.when(n)[1] < 18 * 3600]
    by_modality = uids(ARCHIVE, {elements.MODALITIES_IN_STUDY: b"MR"})
    assert by_modality == [n for n in range(300) if HELD.modality(n) == b"MR"]
    listed = b"\\".join([HELD.uid(17), b"1.2.3", HELD.uid(4)])
    assert uids(ARCHIVE, {elements.STUDY_UID: listed}) == [4, 17]
    assert 0 < len(by_time) < 300


def test_the_beginning_of_uids_where_the_archive_takes_it() -> None:
    beginning = HELD.uid(123)[:-1] + b"*"
    assert uids(ARCHIVE, {elements.STUDY_UID: beginning}) == []
    assert uids(replace(ARCHIVE, uid_wildcards=True), {elements.STUDY_UID: beginning}) == list(range(120, 130))


@pytest.mark.parametrize(
    ("at_cap", "count", "status"),
    [(AtCap.SIGNAL, 100, 0xFE00), (AtCap.SILENT, 100, 0x0000), (AtCap.REFUSES, 0, 0xC000)],
)
def test_caps(at_cap: AtCap, count: int, status: int) -> None:
    capped = replace(ARCHIVE, cap=100, at_cap=at_cap)
    found, ended = rows(capped, ALL)
    assert (len(found), ended) == (count, status)
    whole, ended = rows(replace(capped, cap=300), ALL)
    assert (len(whole), ended) == (300, 0x0000)


def test_wide_ranges_are_refused_and_narrow_ones_are_not() -> None:
    narrow = replace(ARCHIVE, widest=31)
    assert rows(narrow, ALL) == ([], 0xC000)
    first, last = (f"{date.fromordinal(HELD.first_day + day):%Y%m%d}" for day in (10, 40))
    found, status = rows(narrow, ALL | {elements.STUDY_DATE: f"{first}-{last}".encode()})
    assert (len(found), status) == (len(HELD.between(HELD.first_day + 10, HELD.first_day + 40)), 0x0000)


def test_nothing_comes_to_a_question_without_a_key() -> None:
    bounded = replace(ARCHIVE, unbounded=False)
    assert rows(bounded, ALL) == ([], 0x0000)
    assert uids(bounded, {elements.PATIENT_ID: b"*"}) == list(range(300))


def test_rows_and_counts() -> None:
    by_instance = replace(ARCHIVE, rows=Rows.INSTANCES, count_keys=CountKeys.ABSENT)
    found, _ = rows(by_instance, ALL)
    assert len(found) == HELD.images_in_all
    assert elements.IMAGES_IN_STUDY not in found[0]
    collapsed, _ = rows(replace(ARCHIVE, count_keys=CountKeys.COLLAPSE), ALL)
    assert len(collapsed) == 1


def test_series_and_instances() -> None:
    study = HELD.uid(200)
    series, _ = rows(ARCHIVE, {elements.STUDY_UID: study, elements.SERIES_UID: b""}, b"SERIES")
    assert [row[elements.SERIES_UID] for row in series] == [
        HELD.series_uid(200, n) for n in range(len(HELD.images(200)))
    ]
    asked = {elements.STUDY_UID: study, elements.SERIES_UID: b"", elements.INSTANCE_UID: b"", elements.SOP_CLASS: b""}
    instances, _ = rows(ARCHIVE, asked, b"IMAGE")
    assert len({row[elements.INSTANCE_UID] for row in instances}) == sum(HELD.images(200))
    assert {row[elements.SOP_CLASS] for row in instances} == {HELD.sop_class(200)}
