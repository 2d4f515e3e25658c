"""Validated by stix2's strict parser, and by OASIS' validator."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import stix2
import stix2validator
from msgspec.structs import replace

from filmbadge.tell.feeds.feed import Tlp
from filmbadge.tell.feeds.stix import bundle, objects
from filmbadge.tell.words import Words
from support.events import FEED, Pair, awkward, events, later, on_no_port, open_archive

WORDS = Words()


def made(*archives: Pair) -> list[dict[str, Any]]:
    return list(objects(events(*archives), FEED, WORDS))


def of_type(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in found if one["type"] == kind]


def relations(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in of_type(found, "relationship") if one["relationship_type"] == kind]


def test_the_bundle_is_valid() -> None:
    raw = b"".join(bundle(events(), FEED, WORDS)).decode()
    parsed = stix2.parse(raw, allow_custom=False, version="2.1")
    assert len(parsed.objects) == len(made())
    options = stix2validator.ValidationOptions(version="2.1", silent=True)
    result = stix2validator.validate_string(raw, options)
    assert result.is_valid, result.as_dict()
    # 103: it would have random ids, by which a second export would be new. 301: a service that listens has no port of a peer.
    assert {code for warning in result.warnings for code in re.findall(r"{(\d+)}", str(warning))} <= {"103", "301"}
    assert result.warnings


@pytest.mark.parametrize("tlp", Tlp)
def test_every_object_has_the_marking_of_tlp_2(tlp: Tlp) -> None:
    found = list(objects(events(open_archive()), replace(FEED, tlp=tlp), WORDS))
    (marking,) = of_type(found, "marking-definition")
    assert marking["name"] == f"TLP:{tlp.upper()}"
    (extension,) = marking["extensions"].values()
    assert extension["tlp_2_0"] == str(tlp)
    others = [one for one in found if one["type"] not in ("marking-definition", "identity", "extension-definition")]
    assert {tuple(one["object_marking_refs"]) for one in others} == {(marking["id"],)}


def test_every_reference_is_in_the_bundle_and_every_id_once() -> None:
    found = made()
    ids = [one["id"] for one in found]
    assert len(ids) == len(set(ids))
    pointed = {value for one in found for name, value in one.items() if name.endswith("_ref")}
    assert pointed <= set(ids)
    assert {ref for one in found for name, refs in one.items() if name.endswith("_refs") for ref in refs} <= set(ids)


def test_ids_of_observables_are_those_that_everybody_makes() -> None:
    (address,) = of_type(made(open_archive()), "ipv4-addr")
    assert address["id"] == stix2.v21.IPv4Address(value="192.0.2.7").id
    (system,) = of_type(made(open_archive()), "autonomous-system")
    assert system["id"] == stix2.v21.AutonomousSystem(number=64500).id
    traffic = of_type(made(open_archive()), "network-traffic")[0]
    same = stix2.v21.NetworkTraffic(dst_port=4242, dst_ref=address["id"], protocols=["ipv4", "tcp", "dicom"])
    assert traffic["id"] == same.id


def test_an_archive_has_its_services_place_and_findings() -> None:
    found = made(open_archive())
    (archive,), (action,) = of_type(found, "infrastructure"), of_type(found, "course-of-action")
    assert {one["source_ref"] for one in of_type(found, "relationship")} == {archive["id"], action["id"]}
    assert sorted(one["dst_port"] for one in of_type(found, "network-traffic")) == [4242, 8042]
    (place,) = relations(found, "located-at")
    assert place["target_ref"] == of_type(found, "location")[0]["id"]
    has = relations(found, "has")
    assert [one["external_references"][0]["external_id"] for one in has] == [
        e.finding.id for e in events(open_archive())
    ]
    (sighting,) = of_type(found, "sighting")
    assert sighting["sighting_of_ref"] == archive["id"]


def test_what_closes_it_mitigates_what_is_wrong_with_it() -> None:
    found = made(open_archive())
    (action,) = of_type(found, "course-of-action")
    assert "AuthenticationEnabled" in action["description"]
    assert {one["target_ref"] for one in relations(found, "mitigates")} == {
        one["target_ref"] for one in relations(found, "has")
    }


def test_an_advisory_is_known_by_its_number() -> None:
    (cve,) = (one for one in of_type(made(open_archive()), "vulnerability") if one["name"] == "CVE-2023-33466")
    assert cve["external_references"] == [{"source_name": "cve", "external_id": "CVE-2023-33466"}]


def test_a_kind_of_finding_is_one_object_for_all_archives() -> None:
    plain = [one for one in of_type(made(), "vulnerability") if one["name"] == "Not encrypted"]
    assert len(plain) == 1


def test_what_is_not_known_is_not_there() -> None:
    found = made(awkward())
    assert not of_type(found, "location")
    assert not of_type(found, "autonomous-system")
    (archive,) = of_type(found, "infrastructure")
    (ours,) = archive["extensions"].values()
    assert ours["countries"] == ["DE", "US"]
    assert not [name for name in ours if name.startswith("studies")]
    assert not of_type(made(on_no_port()), "network-traffic")


def test_a_second_export_is_the_same() -> None:
    assert b"".join(bundle(events(), FEED, WORDS)) == b"".join(bundle(events(), FEED, WORDS))


def test_a_later_survey_updates_what_it_finds_again() -> None:
    first = {one["id"]: one for one in made(open_archive())}
    second = {one["id"]: one for one in made(later(open_archive()))}
    new = {second[one]["type"] for one in second.keys() - first.keys()}
    assert new == {"observed-data", "sighting"}
    for one in first.keys() & second.keys():
        assert first[one].get("created") == second[one].get("created")
        if first[one] != second[one]:
            assert first[one]["modified"] < second[one]["modified"]


def test_the_bundle_has_an_id_of_its_own_for_other_contents() -> None:
    ids = {json.loads(b"".join(bundle(events(pair), FEED, WORDS)))["id"] for pair in (open_archive(), awkward())}
    assert len(ids) == 2


def test_without_a_sender_the_program_says_it() -> None:
    (maker,) = of_type(list(objects(events(), replace(FEED, sender=None), WORDS)), "identity")
    assert (maker["name"], maker["identity_class"]) == ("Filmbadge", "system")
