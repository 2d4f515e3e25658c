"""A check and a report show one archive alike: one is made from records, the other from a dataset's rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from filmbadge.keep.reader import Dataset
from filmbadge.keep.writer import Writer
from filmbadge.model import Depth, Host, Outcome, OutcomeKind
from filmbadge.tell import card, summary
from filmbadge.tell.words import Words
from support import factories
from tell.test_language import hosts

ENGLISH = Words()


@pytest.mark.parametrize("host", list(hosts()), ids=lambda host: host.address)
def test_an_archive_of_a_check_is_the_archive_of_a_report(host: Host, tmp_path: Path) -> None:
    factories.survey(tmp_path)
    writer = Writer(tmp_path)
    writer.host(host, host.address)
    writer.close()
    checked = card.document(host.address, Depth.PROFILE, host, [], ENGLISH)
    assert summary.document(Dataset(tmp_path), ENGLISH).archives == checked.archives


def test_codes_stand_beside_words() -> None:
    host = next(hosts())
    document = card.document(host.address, Depth.PROFILE, host, [], ENGLISH)
    (archive,), (endpoint,) = document.archives, document.endpoints
    assert (endpoint.why, endpoint.reason) == (
        "own-counter",
        "its own counters, open to strangers, say that it holds records",
    )
    assert archive.counts["studies"].words == "35 (reported)"
    assert archive.kinds is not None and archive.kinds["patient_name"].words == "35 (counted)"
    first = archive.findings[0]
    assert (first.code, first.severity, first.grade, first.title) == (
        "discloses-records",
        "critical",
        "F",
        "Gives records to strangers",
    )
    assert first.endpoint == "http://192.0.2.1:8042"
    assert {finding.code for finding in archive.findings} >= {"personal-data", "ssn-records", "old-tls", "short-key"}


def test_a_fault_of_ours_is_told_by_the_card_and_by_the_report(tmp_path: Path) -> None:
    host = Host(factories.ADDRESS, (), (), Outcome(OutcomeKind.OWN_ERROR, error="KeyError"))
    factories.survey(tmp_path)
    writer = Writer(tmp_path)
    writer.host(host, host.address)
    writer.close()
    said = "our own error, not the archive's (KeyError)"
    assert card.document(host.address, Depth.ASK, host, [], ENGLISH).fault == said
    unknown = summary.document(Dataset(tmp_path), ENGLISH).funnel[-1]
    assert (unknown.rung, unknown.reasons) == ("unknown", ((said, 1),))


def test_look_ups_are_told_beside_connections() -> None:
    host = factories.host(factories.ADDRESS)
    document = card.document("pacs.example", Depth.ASK, host, [factories.connection(), factories.look_up()], ENGLISH)
    assert (document.connections, document.lookups, document.bytes_sent, document.bytes_received) == (1, 1, 300, 4000)
    assert "1 name was looked up" in card.traffic(document, ENGLISH)
