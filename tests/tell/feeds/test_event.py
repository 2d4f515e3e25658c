from __future__ import annotations

from datetime import date

import msgspec
import pytest

from filmbadge.conclude.again import judge_again
from filmbadge.keep.reader import Dataset
from filmbadge.model import ByHand, FindingCode
from filmbadge.tell.feeds import event
from filmbadge.tell.feeds.event import Event, facts
from filmbadge.tell.feeds.feed import sender
from filmbadge.tell.feeds.survey import of_survey
from support.events import (
    Pair,
    admitting,
    awkward,
    decoy,
    events,
    found,
    guarded,
    images,
    on_no_port,
    open_archive,
    patients,
)
from support.factories import DISCLOSED, admitted, dimse, host
from support.folders import finished


def by_code(*archives: Pair) -> dict[FindingCode, Event]:
    return {one.finding.code: one for one in events(*archives)}


def test_every_finding_is_an_event() -> None:
    assert {one.finding.code for one in events()} == set(FindingCode)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = finished(tmp_path_factory.mktemp("surveys") / "survey")
    return Dataset(folder, judge_again(folder))


def test_a_survey_gives_the_ids_that_its_table_of_findings_holds(dataset: Dataset) -> None:
    kept = {str(row["id"]) for row in dataset.rows("SELECT id FROM findings")}
    assert {one.finding.id for one in of_survey(dataset)} == kept
    assert kept


def test_an_archive_at_two_addresses_is_told_at_both(dataset: Dataset) -> None:
    assert dataset.rows("SELECT same_as FROM reviews WHERE same_as IS NOT NULL")
    told = list(of_survey(dataset))
    assert {one.endpoint.address for one in told} == {f"192.0.2.{n}" for n in range(1, 5)}
    assert {facts(one).get("same_as") for one in told if one.endpoint.address == "192.0.2.2"} == {"192.0.2.1:4242"}


def test_a_check_gives_the_same_events() -> None:
    one = host("192.0.2.7", dimse(admitted(DISCLOSED)))
    (archive,) = one.archives
    assert list(event.of_host(one)) == list(event.of_archive(archive, one.judged))


def test_a_finding_of_the_whole_archive_stands_at_its_most_open_way_in() -> None:
    archive, group = images()
    known = msgspec.structs.replace(archive, advisories=("CVE-2023-33466",))
    assert by_code((known, group))[FindingCode.ADVISORY].endpoint.port == 4242


def test_unknown_is_absent_and_a_bound_is_named_so() -> None:
    known = facts(by_code(open_archive())[FindingCode.DISCLOSES_RECORDS])
    assert (known["studies"], known["studies_how"]) == (35, "reported")
    assert known["images_at_least"] == 700
    assert "images" not in known
    nothing = facts(by_code(awkward())[FindingCode.ANSWERS_STRANGERS])
    assert not [name for name in nothing if name.startswith(("patients", "studies", "series", "images", "records"))]


def test_kinds_have_their_numbers_or_bounds_or_none() -> None:
    known = facts(by_code(open_archive())[FindingCode.PERSONAL_DATA])
    assert known["kinds"] == ["patient_name", "birth_date", "address"]
    assert (known["records_patient_name"], known["records_birth_date_at_least"]) == (30, 9)
    assert not [name for name in known if name.startswith("records_address")]


def test_an_estimate_of_social_security_numbers_is_a_bound() -> None:
    known = facts(by_code(open_archive())[FindingCode.SSN_RECORDS])
    assert known["records_at_least"] == 41
    assert "records" not in known


def test_identifiers_say_how_they_were_counted() -> None:
    known = facts(by_code(open_archive())[FindingCode.NATIONAL_IDENTIFIERS])
    assert (known["scheme"], known["records"], known["records_how"]) == ("gb.nhs", 12, "estimated")


def test_a_list_of_patients_is_no_count_of_the_archive() -> None:
    known = facts(by_code(patients())[FindingCode.PATIENT_LISTING])
    assert known["patients_listed"] == 31


def test_two_countries_are_both_told_and_none_is_picked() -> None:
    one = by_code(awkward())[FindingCode.ANSWERS_STRANGERS]
    assert one.country == ""
    assert facts(one)["countries"] == ["DE", "US"]


def test_what_is_not_open_and_not_proven_is_called_neither() -> None:
    unproven = facts(events(images())[0])
    assert unproven["conclusive"] is False
    closed = facts(events(admitting())[0])
    assert "open" not in closed
    assert closed["conclusive"] is False


def test_a_port_that_there_is_not_is_left_out() -> None:
    assert {one.port for one in events(on_no_port())} == {None}
    assert {one.port for one in events(guarded())} == {2762}


def test_what_a_person_found_out_is_told_as_such() -> None:
    archive, group = open_archive()
    known = msgspec.structs.replace(archive, by_hand=ByHand("clinic", "A. Person\n", date(2026, 11, 26)))
    told = facts(events((known, group))[0])
    assert (told["reviewed_as"], told["reviewed_by"], told["reviewed_on"]) == ("clinic", "A. Person?", "2026-11-26")


def test_a_decoy_is_marked() -> None:
    assert facts(events(decoy())[0])["decoy"] == ["honeypot-software"]
    assert "decoy" not in facts(events(found("192.0.2.7", dimse(admitted(DISCLOSED))))[0])


@pytest.mark.parametrize(
    ("contact", "mail", "domain"),
    [
        ("cert@example.org", "cert@example.org", "example.org"),
        ("CERT Süd <cert+dicom@CERT.Example.org>, +49 30 1234", "cert+dicom@CERT.Example.org", "cert.example.org"),
        ("mailto:a@b.example.org?subject=x", "a@b.example.org", "b.example.org"),
    ],
)
def test_who_sends_is_the_first_address_of_the_contact(contact: str, mail: str, domain: str) -> None:
    made = sender(contact)
    assert made is not None
    assert (made.contact, made.domain, made.organisation) == (mail, domain, domain)


@pytest.mark.parametrize(
    "contact", ["", "+49 30 1234", "https://example.org/contact", "a@b", "a@-b.org", "@example.org"]
)
def test_no_address_is_no_sender(contact: str) -> None:
    assert sender(contact) is None
