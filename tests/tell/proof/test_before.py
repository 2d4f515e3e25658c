"""What was known before may be anybody's file: a wrong one is one line, and never a traceback."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from filmbadge.compare.asked import Heard
from filmbadge.compare.closure import NETWORK, THIS_MACHINE
from filmbadge.model import Depth, Endpoint, Protocol, Reason, Refusal, Rung, Verdict
from filmbadge.tell.proof import before
from filmbadge.tell.words import Words
from support import proofs
from support.factories import ADDRESS, dimse, host, reported, web
from support.folders import whole
from support.proofs import OPEN, checked, fields

ONE = [Endpoint(ADDRESS, 4242, Protocol.DIMSE), Endpoint(ADDRESS, 8042, Protocol.HTTP)]


def test_a_check_tells_what_was_open_and_what_was_not(tmp_path: Path) -> None:
    found = before.read(checked(tmp_path), ADDRESS)
    assert found.kind == "check"
    assert list(found.before.open) == ONE
    assert found.before.heard[Endpoint(ADDRESS, 104, Protocol.DIMSE)] == Heard(
        Rung.SILENT, Reason.PORT_CLOSED, conclusive=True
    )
    (archive,) = found.before.archives
    assert (archive.product, archive.version, archive.counts["studies"].value) == ("Orthanc", "1.12.1", 35)
    assert found.before.depth is Depth.COUNT
    assert found.before.seen_from == NETWORK
    assert found.evidence.authority == "the test suite"


def test_the_title_that_opened_it_is_known(tmp_path: Path) -> None:
    path = checked(tmp_path)
    held = fields(path)
    held["endpoints"][0]["title"] = "MAINPACS"
    path.write_text(json.dumps(held))
    assert before.read(path, ADDRESS).before.titles == ("MAINPACS",)


def test_a_survey_tells_the_same(tmp_path: Path) -> None:
    other = host("192.0.2.9", dimse(None))
    found = before.read(whole(tmp_path / "survey", OPEN, other), ADDRESS)
    assert found.kind == "survey"
    assert list(found.before.open) == ONE
    assert {endpoint.address for endpoint in found.before.heard} == {ADDRESS}
    (archive,) = found.before.archives
    assert (archive.product, archive.counts["studies"].value) == ("Orthanc", 35)
    assert found.evidence.reference == "T-1"
    with pytest.raises(Refusal, match=r"did not ask 192\.0\.2\.99: name a host that it asked"):
        before.read(tmp_path / "survey", "192.0.2.99")


def test_an_archive_at_several_addresses_is_known_with_all_of_them(tmp_path: Path) -> None:
    """A page of this host led to an archive at another one."""
    path = checked(tmp_path)
    held = fields(path)
    held["endpoints"].append({**held["endpoints"][0], "address": "2001:db8::7"})
    path.write_text(json.dumps(held))
    found = before.read(path, "2001:db8::7").before
    assert {way.address for way in found.open} == {ADDRESS, "2001:db8::7"}


@pytest.mark.parametrize(
    ("target", "host"),
    [(ADDRESS, ADDRESS), (f"{ADDRESS}:104,4242", ADDRESS), ("pacs.example:104", "pacs.example"), ("PACS.example", "pacs.example")],
)  # fmt: skip
def test_its_host_is_named_as_it_was_asked_or_by_its_address(tmp_path: Path, target: str, host: str) -> None:
    path = checked(tmp_path, target=target)
    assert before.read(path, host).before.target == target
    assert before.read(path, ADDRESS)


def test_a_check_of_an_older_version_on_loopback_was_asked_from_its_own_machine(tmp_path: Path) -> None:
    said = {"scope": "loopback"}
    assert before.read(checked(tmp_path, evidence=said, seen_from=""), ADDRESS).before.seen_from == THIS_MACHINE
    assert before.read(checked(tmp_path, seen_from=THIS_MACHINE), ADDRESS).before.seen_from == THIS_MACHINE


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "neither a survey's folder nor a JSON document"),
        (b"<html>", "neither a survey's folder nor a JSON document"),
        (b"[" * 100_000, "neither a survey's folder nor a JSON document"),
        (b"\xff\xfe", "neither a survey's folder nor a JSON document"),
        (b"{}", "does not say which document it is"),
        (
            b'{"schema": "filmbadge.report/2"}',
            r"is a document filmbadge\.report/2, and verify reads filmbadge\.check/1",
        ),
        (b'{"schema": "\\u001b[2J"}', r"is a document \?\[2J"),
        (b'{"schema": "filmbadge.check/1"}', r"cannot be read as filmbadge\.check/1"),
    ],
)
def test_what_is_no_document_of_a_check_is_refused_in_one_line(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "before.json"
    path.write_bytes(raw)
    with pytest.raises(Refusal, match=said) as refused:
        before.read(path, ADDRESS)
    assert "\n" not in str(refused.value)


def change(held: dict[str, Any], place: str, value: object) -> None:
    *way, last = place.split(".")
    for step in way:
        held = held[int(step)] if step.isdecimal() else held[step]  # type: ignore[index]
    held[last] = value


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("endpoints.0.port", 0),
        ("endpoints.0.port", 65536),
        ("endpoints.0.address", "somewhere"),
        ("endpoints.0.address", "fe80::1%$(x)"),
        ("endpoints.0.protocol", "gopher"),
        ("endpoints.0.rung", "up"),
        ("endpoints.0.why", "a reason of tomorrow"),
        ("endpoints.0.codes", [-1]),
        ("endpoints.0.codes", [1 << 40]),
        ("endpoints.0.codes", [1, 2, 3]),  # not those of its reason
        (
            "endpoints",
            [
                {"address": ADDRESS, "port": n, "protocol": "dimse", "rung": None, "why": "own-error"}
                for n in range(1, 300)
            ],
        ),
        ("archives.0.endpoints", ["dimse://192.0.2.9:104"]),
        ("archives.0.counts.studies.value", "many"),
        ("depth", "deeper"),
        ("evidence.started", "yesterday"),
    ],
)
def test_a_document_that_was_edited_is_refused_in_one_line(tmp_path: Path, place: str, value: object) -> None:
    path = checked(tmp_path)
    held = fields(path)
    change(held, place, value)
    path.write_text(json.dumps(held))
    with pytest.raises(Refusal, match=r"cannot be read as filmbadge\.check/1"):
        before.read(path, ADDRESS)


def test_another_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"is about 192\.0\.2\.7, not about 192\.0\.2\.8: name its target"):
        before.read(checked(tmp_path), "192.0.2.8")


def test_a_file_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(before, "MOST_BYTES", 1 << 20)
    with pytest.raises(Refusal, match="larger than any document"):
        before.read(Path("/dev/zero"), ADDRESS)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="nobody writes to this pipe"):
        before.read(pipe, ADDRESS)


def test_texts_of_the_file_are_bounded_and_steer_nothing(tmp_path: Path) -> None:
    long = "\u001b[2J" + "x" * 10_000
    said = {
        "authority": long,
        "scope": long,
        "networks": [long] * 1000,
        "sources": [long],
        "journal": {"rows": 1, "sha256": long},
    }
    found = before.read(checked(tmp_path, evidence=said), ADDRESS).evidence
    assert found.journal is not None
    texts = [found.authority, found.scope, *found.networks, *(found.sources or ()), found.journal.sha256]
    assert all(len(text) <= 1000 and text.isprintable() for text in texts)
    assert len(found.networks) == 100


def test_every_reason_has_words_with_the_codes_that_a_file_may_bring() -> None:
    for why in Reason:
        for count in before._CODES.get(why, range(before._MOST_CODES)):
            for code in (0, 1, 255, (1 << 32) - 1):
                for protocol in Protocol:
                    assert Words().reason(Verdict(Rung.SPEAKS, why, (code,) * count), protocol)


def test_the_file_is_named_by_the_digest_of_its_bytes(tmp_path: Path) -> None:
    path = checked(tmp_path)
    one = before.read(path, ADDRESS).sha256
    path.write_bytes(path.read_bytes() + b"\n")
    assert before.read(path, ADDRESS).sha256 != one
    assert proofs.proof(tmp_path).before.sha256 == one


def test_nothing_open_is_nothing_open(tmp_path: Path) -> None:
    shut = host(ADDRESS, web(reported(), port=8042)).judged[:0]
    assert not shut
    assert before.read(checked(tmp_path, host(ADDRESS, dimse(None))), ADDRESS).before.open == ()
