"""Validated by the schemas of XARF's own library."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

import pytest
from msgspec.structs import replace
from xarf import parse

from filmbadge.model import Count, Counts, GradeReason, Refusal
from filmbadge.tell.feeds.xarf import reports, told
from filmbadge.tell.words import Words
from support.events import FEED, Pair, awkward, decoy, events, guarded, images, later, listing, on_no_port, open_archive

WORDS = Words()


def made(*archives: Pair) -> list[dict[str, Any]]:
    return list(reports(events(*archives), FEED, WORDS))


def test_every_report_is_valid() -> None:
    for report in made():
        result = parse(json.dumps(report))
        assert not result.errors
        assert result.report is not None


def test_one_report_a_way_in_one_of_the_data_and_one_an_advisory() -> None:
    kinds = [(one["category"], one["type"], one.get("source_port")) for one in made(open_archive())]
    assert kinds == [
        ("vulnerability", "open_service", 4242),
        ("vulnerability", "open_service", 8042),
        ("content", "exposed_data", 4242),
        ("vulnerability", "cve", 4242),
    ]


def test_exposed_data_names_kinds_and_numbers_and_no_sample() -> None:
    (data,) = (one for one in made(open_archive()) if one["type"] == "exposed_data")
    assert data["data_types"] == ["medical", "personal_information", "government_id"]
    assert data["sensitive_fields"] == ["patient_name", "birth_date", "address"]
    assert data["record_count"] == 35
    assert (data["asn"], data["country_code"]) == (64500, "DE")
    assert not [one for one in made() if "sample_records" in one or "evidence" in one]


@pytest.mark.parametrize("studies", [Count(), Count(at_least=40)])
def test_a_number_of_records_that_is_not_known_is_left_out(studies: Count) -> None:
    archive, group = open_archive()
    known = replace(archive, counts=Counts(studies=studies, images=Count(at_least=1)))
    (data,) = (one for one in made((known, group)) if one["type"] == "exposed_data")
    assert "record_count" not in data


def test_no_data_is_exposed_where_none_was_counted_or_none_is_of_a_person() -> None:
    archive, group = open_archive()
    for known in (
        replace(archive, counts=Counts()),
        replace(archive, grade_why=(GradeReason.NOTHING_PERSONAL,)),
    ):
        assert "exposed_data" not in {one["type"] for one in made((known, group))}


def test_each_report_says_what_closes_it_and_how_to_check_again() -> None:
    for report in made(open_archive()):
        *lines, last = report["remediation"].splitlines()
        assert 3 <= len([line for line in lines if not line.startswith("    ")]) <= 5
        assert any(line.startswith('    "AuthenticationEnabled": true') for line in lines)
        assert last.startswith("Check again: filmbadge check 192.0.2.7:4242,8042")


def test_a_listing_is_an_open_directory() -> None:
    (data,) = (one for one in made(listing()) if one["type"] == "exposed_data")
    assert data["exposure_method"] == "open_directory"
    assert data["url"] == "http://192.0.2.10:8042"


def test_a_decoy_is_reported_to_nobody() -> None:
    assert made(decoy()) == []


def test_places_that_are_awkward() -> None:
    (way,) = made(awkward())
    assert way["source_identifier"] == "2001:db8::7"
    assert way["service_version"] == "=cmd|' /C calc'!A0"
    (nowhere,) = (one for one in made(on_no_port()) if one["type"] == "open_service")
    assert "source_port" not in nowhere


def test_findings_of_one_way_in_are_one_report_with_all_their_ids() -> None:
    (way, *_) = made(images())
    assert len(way["filmbadge"]["findings"]) == 2
    assert way["filmbadge"]["finding_id"] == way["filmbadge"]["findings"][0]


def test_findings_without_a_kind_of_report_are_counted() -> None:
    some = events(guarded())
    assert told(some) == 1  # the title alone; nothing is said of its certificate
    assert len(some) > 5


def test_a_second_export_is_the_same_and_a_later_survey_keeps_the_findings() -> None:
    assert made() == made()
    first, second = made(open_archive()), made(later(open_archive()))
    assert [one["filmbadge"]["findings"] for one in first] == [one["filmbadge"]["findings"] for one in second]
    assert not {one["report_id"] for one in first} & {one["report_id"] for one in second}


def test_ids_differ() -> None:
    ids = sorted(one["report_id"] for one in made())
    assert all(len(list(same)) == 1 for _, same in groupby(ids))


def test_nobody_to_name_is_refused() -> None:
    with pytest.raises(Refusal, match="--contact ADDRESS"):
        list(reports(events(), replace(FEED, sender=None), WORDS))
