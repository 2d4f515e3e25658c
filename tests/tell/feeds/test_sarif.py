"""Validated by the schema of SARIF 2.1.0."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from sarif_kit import validation_errors

from filmbadge.catalogue.findings import Severity, findings
from filmbadge.model import FindingCode
from filmbadge.tell.feeds.sarif import log
from filmbadge.tell.words import Words
from support.events import FEED, Pair, awkward, events, later, open_archive

WORDS = Words()


def run(*archives: Pair) -> dict[str, Any]:
    made = log(events(*archives), FEED, WORDS)
    (found,) = made["runs"]
    return dict(found)


def test_the_log_is_valid() -> None:
    assert validation_errors(log(events(), FEED, WORDS)) == []
    assert validation_errors(log([], FEED, WORDS)) == []


def test_there_is_a_rule_for_each_code_in_its_order() -> None:
    rules = run()["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(FindingCode)
    for result in run()["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_levels_come_from_the_catalogue() -> None:
    levels = {
        Severity.CRITICAL: "error",
        Severity.HIGH: "error",
        Severity.MEDIUM: "warning",
        Severity.LOW: "note",
        Severity.INFO: "note",
    }
    for result in run()["results"]:
        assert result["level"] == levels[findings()[FindingCode(result["ruleId"])].severity]


def test_a_place_is_relative_and_has_the_url_beside_it() -> None:
    (result, *_) = run(awkward())["results"]
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "dicom/2001:db8::7/4242"
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "dicom://[2001:db8::7]:4242"


def test_rules_and_results_say_what_closes_it() -> None:
    found = run(open_archive())
    (rule, *_) = found["tool"]["driver"]["rules"]
    assert "Orthanc 1.12.1" in rule["help"]["text"]
    assert "AuthenticationEnabled" in rule["help"]["text"]
    assert "Check again: filmbadge check" in found["results"][0]["message"]["text"]
    unused = next(one for one in found["tool"]["driver"]["rules"] if one["id"] == "listing-of-files")
    assert unused["help"]["text"] == unused["shortDescription"]["text"]


def test_fingerprints_are_the_ids_of_findings_in_every_run() -> None:
    runs = [run(pair)["results"] for pair in (open_archive(), later(open_archive()))]
    prints = [[one["partialFingerprints"] for one in results] for results in runs]
    assert prints[0] == prints[1]
    assert [one["filmbadgeFinding/v1"] for one in prints[0]] == [e.finding.id for e in events(open_archive())]
    assert log(events(), FEED, WORDS) == log(events(), FEED, WORDS)


def test_a_name_of_a_survey_is_no_path() -> None:
    assert run()["automationDetails"]["id"] == "filmbadge/a-survey/"


def test_a_run_that_could_not_find_out_everything_says_so() -> None:
    assert run()["invocations"] == [{"executionSuccessful": True}]
    made = log([], replace(FEED, incomplete=("Of 2 hosts we could not find out",)), WORDS)
    (invocation,) = made["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0]["message"]["text"].startswith("Of 2 hosts")
    assert validation_errors(made) == []
