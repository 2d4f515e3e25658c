"""Validated by IntelMQ's own `Event`, under the keys of two versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from filmbadge.model import FindingCode
from filmbadge.tell.feeds.feed import Tlp
from filmbadge.tell.feeds.intelmq import VERSIONS
from filmbadge.tell.feeds.intelmq import made as lines
from filmbadge.tell.words import Words
from support.events import FEED, Pair, awkward, events, guarded, later, listing, on_no_port, open_archive
from support.intelmq import parsed

WORDS = Words()


def made(*archives: Pair, version: str = "3.5") -> list[dict[str, Any]]:
    return list(lines(events(*archives), FEED, WORDS, version))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_event_is_taken_as_it_is(version: str) -> None:
    for line in made(version=version):
        event = parsed(json.dumps(line), version)
        taken = {name: value for name, value in event.items() if name not in ("__type", "time.source")}
        assert taken == {name: value for name, value in line.items() if name != "time.source"}
        assert event["time.source"] == "2026-06-01T12:30:15.250000+00:00"


def test_an_older_version_gets_the_same_facts_below_extra() -> None:
    newer, older = made(open_archive(), guarded()), made(open_archive(), guarded(), version="3.3")
    assert {key for line in newer for key in line} - {key for line in older for key in line} == {
        "severity",
        "product.name",
        "product.version",
        "product.vulnerabilities",
    }
    advisory = next(line for line in older if line["classification.identifier"] == "dicom-advisory")
    ours = {key.removeprefix("extra.filmbadge."): value for key, value in advisory.items()}
    assert (ours["severity"], ours["product"], ours["product_version"]) == ("high", "Orthanc", "1.12.1")
    assert ours["advisory"] == "CVE-2023-33466"


def test_the_older_version_refuses_what_only_the_newer_knows() -> None:
    from intelmq.lib.exceptions import InvalidKey

    with pytest.raises(InvalidKey):
        parsed(json.dumps(made(open_archive())[0]), "3.3")


def test_every_finding_has_a_type_and_none_is_a_misconfiguration() -> None:
    types = {line["classification.identifier"]: line["classification.type"] for line in made()}
    assert set(types) == {f"dicom-{code}" for code in FindingCode}
    assert "misconfiguration" not in types.values()
    assert types["dicom-discloses-records"] == "information-disclosure"
    assert types["dicom-lets-strangers-in"] == "potentially-unwanted-accessible"
    assert {line["classification.taxonomy"] for line in made()} == {"vulnerable"}


@pytest.mark.parametrize(
    ("tlp", "told"),
    [
        (Tlp.CLEAR, "WHITE"),
        (Tlp.GREEN, "GREEN"),
        (Tlp.AMBER, "AMBER"),
        (Tlp.AMBER_STRICT, "AMBER"),
        (Tlp.RED, "RED"),
    ],
)
def test_tlp_has_the_word_that_intelmq_knows_and_its_own(tlp: Tlp, told: str) -> None:
    (line, *_) = lines(events(), replace(FEED, tlp=tlp), WORDS)
    assert line["tlp"] == told
    assert line["extra.filmbadge.tlp"] == f"TLP:{tlp.upper()}"
    assert parsed(json.dumps(line))["tlp"] == told


def test_what_is_known_of_the_place() -> None:
    line = made(open_archive())[0]
    assert line["source.ip"] == "192.0.2.7"
    assert (line["source.asn"], line["source.as_name"]) == (64500, "Klinik-Netz Süd")
    assert (line["source.network"], line["source.geolocation.cc"]) == ("192.0.2.0/24", "DE")
    assert line["source.abuse_contact"] == "abuse@example.org"
    assert (line["protocol.application"], line["protocol.transport"], line["source.port"]) == ("dicom", "tcp", 4242)


def test_what_closes_it_stands_below_extra() -> None:
    lines = made(open_archive())[0]["extra.filmbadge.close_it"]
    assert 4 <= len(lines) <= 6
    assert lines[-1].startswith("Check again: ")


def test_what_is_not_known_has_no_key() -> None:
    line = made(awkward())[0]
    assert line["source.ip"] == "2001:db8::7"
    for key in ("geolocation.cc", "asn", "as_name", "network", "reverse_dns", "abuse_contact", "url"):
        assert f"source.{key}" not in line
    assert line["extra.filmbadge.countries"] == ["DE", "US"]
    assert "extra.filmbadge.studies" not in line
    assert "source.port" not in made(on_no_port())[0]
    assert made(listing())[0]["source.url"] == "http://192.0.2.10:8042"


def test_a_second_export_has_the_same_hashes_and_a_later_survey_the_same_ids() -> None:
    hashes = [{parsed(json.dumps(line)).hash() for line in made()} for _ in range(2)]
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == len(events())
    first, second = (made(pair) for pair in (open_archive(), later(open_archive())))
    ids = [[line["extra.filmbadge.finding_id"] for line in found] for found in (first, second)]
    assert ids[0] == ids[1]
    assert first != second


def test_its_deduplicator_can_know_a_finding_by_its_id() -> None:
    def known(pair: Pair) -> list[str]:
        keys = frozenset({"extra.filmbadge.finding_id"})
        return [parsed(json.dumps(line)).hash(filter_keys=keys, filter_type="whitelist") for line in made(pair)]

    assert known(open_archive()) == known(later(open_archive()))
    assert len(set(known(open_archive()))) == len(events(open_archive()))
