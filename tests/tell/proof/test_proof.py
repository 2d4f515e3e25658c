"""The document of a proof, its page and its words."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from msgspec import structs
from rich.console import Console

from filmbadge.cli.console import json_bytes
from filmbadge.compare.closure import Limit, Result, State, Unproven
from filmbadge.model import Outcome, OutcomeKind
from filmbadge.tell.evidence import Evidence
from filmbadge.tell.proof import page, phrases, terminal
from filmbadge.tell.proof.document import VerifyDocument
from filmbadge.tell.words import Words
from support import proofs
from support.documents import matches
from support.factories import dimse
from support.proofs import CLOSED, MOVED, proof

WORDS = Words()
SILENT = tuple(dimse(None, port=port, stop=Outcome(OutcomeKind.NO_ANSWER)) for port in (4242, 8042, 104))


def said(told: VerifyDocument, width: int = 80) -> str:
    out = io.StringIO()
    Console(file=out, width=width, color_system=None).print(terminal.render(told, WORDS))
    return out.getvalue()


def test_every_code_has_words() -> None:
    assert set(phrases.STATES) == set(phrases.MEANINGS) == set(State)
    assert set(phrases.UNPROVEN) == set(Unproven)
    assert set(phrases.LIMITS) == set(Limit)
    assert set(phrases.HEADLINES) == set(phrases.HERE) == set(Result)


def test_a_document_matches_its_schema(tmp_path: Path) -> None:
    for now in (CLOSED, MOVED, SILENT):
        matches(json.loads(json_bytes(proof(tmp_path, *now))), "verify")


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("now", [CLOSED, MOVED, SILENT], ids=["closed", "moved", "silent"])
def test_the_verdict_is_the_last_thing_on_a_terminal(tmp_path: Path, now: tuple, width: int) -> None:  # type: ignore[type-arg]
    told = proof(tmp_path, *now)
    shown = said(told, width)
    assert " ".join(shown.split()).endswith(told.words)
    assert all(len(line) <= width for line in shown.splitlines())


def test_what_is_said_of_each_way(tmp_path: Path) -> None:
    shown = " ".join(said(proof(tmp_path, *MOVED), 1000).split())
    assert "DICOM on port 4242: likely moved" in shown
    assert "Open now: dimse://192.0.2.7:4243" in shown
    assert "HTTP on port 8042: connection refused" in shown
    assert "DICOM on port 11112: " in shown, "something that is new there, and not known"
    assert "Asked from 192.0.2.200" in shown


def test_a_page_names_when_from_where_by_whom_and_by_which_bytes(tmp_path: Path) -> None:
    told = proof(tmp_path)
    shown = page.render(told, WORDS, sha256="ab" * 32)
    journals = [one.journal.sha256 for one in (told.evidence, told.before.evidence) if one.journal]
    for text in ("192.0.2.200", "the test suite", "1 June 2026", "1 August 2026", "ab" * 32, told.before.sha256, "nobody signed it", *journals):  # fmt: skip
        assert text in shown, text
    assert "none was written beside this page" in page.render(told, WORDS)


def test_from_its_own_machine_it_says_so_first(tmp_path: Path) -> None:
    told = proof(tmp_path, seen_from="this-machine")
    assert told.result == Result.INCONCLUSIVE
    assert [limit.code for limit in told.limits] == [Limit.STANDPOINT]
    assert "Asked from the archive&#39;s own machine" in page.render(told, WORDS)


def test_what_a_scope_says_cannot_run_on_the_page(tmp_path: Path) -> None:
    bad = "<script>document.title = 1</script>"
    told = structs.replace(proof(tmp_path), owner=bad, evidence=Evidence(authority=bad, scope=bad, sources=(bad,)))
    shown = page.render(told, WORDS)
    assert bad not in shown
    assert "&lt;script&gt;" in shown


def test_ports_that_show_the_same_stand_in_one_row(tmp_path: Path) -> None:
    told = proof(
        tmp_path, *CLOSED, dimse(None, port=2762, stop=proofs.REFUSED), dimse(None, port=11112, stop=proofs.REFUSED)
    )
    assert [row.where for row in page.others(told, WORDS)] == ["port 104", "ports 2762, 11112"]
