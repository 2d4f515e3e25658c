from __future__ import annotations

import csv

from filmbadge.tell.feeds.table import COLUMNS, lines
from filmbadge.tell.words import Words
from support.events import FEED, Pair, awkward, decoy, events, later, on_no_port, open_archive

WORDS = Words()


def made(*archives: Pair) -> list[dict[str, str]]:
    return list(csv.DictReader(lines(events(*archives), FEED, WORDS)))


def test_every_event_is_a_line_with_every_column() -> None:
    text = "".join(lines(events(), FEED, WORDS))
    assert text.count("\r\n") == len(events()) + 1
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert len(set(COLUMNS)) == len(COLUMNS)
    assert all(len(row) == len(COLUMNS) and None not in row.values() for row in made())


def test_times_are_utc_and_say_no_zone() -> None:
    assert {row["timestamp"] for row in made()} == {"2026-06-01 12:30:15"}


def test_unknown_is_an_empty_cell_and_a_bound_has_a_column() -> None:
    row = made(open_archive())[0]
    assert (row["studies"], row["studies_how"], row["studies_at_least"]) == ("35", "reported", "")
    assert (row["images"], row["images_how"], row["images_at_least"]) == ("", "", "700")
    nothing = made(awkward())[0]
    assert {nothing[name] for name in ("patients", "studies", "images", "asn", "hostname", "port")} == {"", "4242"}


def test_a_spreadsheet_runs_nothing() -> None:
    row = made(awkward())[0]
    assert row["version"] == "'=cmd|' /C calc'!A0"


def test_two_countries_stand_beside_each_other() -> None:
    assert made(awkward())[0]["geo"] == "DE/US"


def test_a_port_that_there_is_not_is_empty_and_a_decoy_is_marked() -> None:
    assert {row["port"] for row in made(on_no_port())} == {""}
    assert {row["decoy"] for row in made(decoy())} == {"honeypot-software"}


def test_a_second_export_is_the_same_and_a_later_survey_has_the_same_ids() -> None:
    assert list(lines(events(), FEED, WORDS)) == list(lines(events(), FEED, WORDS))
    ids = [[row["finding_id"] for row in made(pair)] for pair in (open_archive(), later(open_archive()))]
    assert ids[0] == ids[1] == [event.finding.id for event in events(open_archive())]
