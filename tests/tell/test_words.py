"""No code is without words, and what follows from numbers says them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import pytest

from filmbadge.model import (
    Appearance,
    Count,
    Decoy,
    Depth,
    Finding,
    FindingCode,
    GradeReason,
    Kind,
    KindFound,
    Protocol,
    Provenance,
    Reason,
    Rung,
    TlsFacts,
    Transport,
    Verdict,
)
from filmbadge.tell.words import Words

ENGLISH = Words()


def said(codes: Iterable[StrEnum]) -> list[str]:
    """What is said for each code of an enum."""
    tables: dict[type[StrEnum], Callable[[Any], str]] = {
        Rung: ENGLISH.rung,
        Kind: ENGLISH.kind,
        FindingCode: ENGLISH.finding_title,
        GradeReason: lambda code: ENGLISH.grade_reasons([code])[0],
        Decoy: lambda code: ENGLISH.decoys([code])[0],
        Depth: lambda code: " ".join(ENGLISH.not_tried(code)),
    }
    return [tables[type(code)](code) for code in codes]


@pytest.mark.parametrize("kind", [Rung, Kind, FindingCode, GradeReason, Decoy, Depth])
def test_each_code_has_words_of_its_own(kind: type[StrEnum]) -> None:
    found = said(kind)
    assert all(found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("protocol", Protocol)
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_clause_with_and_without_a_detail(reason: Reason, protocol: Protocol) -> None:
    codes = {Reason.REJECTED: (1, 1, 7), Reason.ABORTED: (2, 1), Reason.FIND_ABORTED: (0, 0)}.get(reason, (200,))
    full, bare = Verdict(Rung.SPEAKS, reason, codes, "OHIF"), Verdict(Rung.SPEAKS, reason, codes)
    for verdict in (full, bare):
        clause = ENGLISH.reason(verdict, protocol)
        assert clause and not clause.endswith((":", " ", "()", "“”)")), clause


@pytest.mark.parametrize(
    ("verdict", "clause"),
    [
        (Verdict(Rung.SPEAKS, Reason.ABORTED), "the association was not completed"),
        (Verdict(Rung.SPEAKS, Reason.ABORTED, (), "no byte for 10 s"), "the association was not completed: no byte for 10 s"),
        (Verdict(Rung.SPEAKS, Reason.ABORTED, (2, 1)), "the association was aborted by the service provider: unrecognized PDU"),
        (Verdict(Rung.SPEAKS, Reason.REJECTED, (9, 9, 9)), "the association was with result 9 rejected by the source 9: reason 9"),
        (Verdict(Rung.ADMITS, Reason.FIND_FAILED, (0xC123,)), "the query was answered by: unable to process (0xC123)"),
        (Verdict(Rung.SPEAKS, Reason.LOGIN, (401,), "PACS"), "HTTP 401, a login is demanded (realm “PACS”)"),
        (Verdict(Rung.SPEAKS, Reason.LOGIN, (401,)), "HTTP 401, a login is demanded"),
        (Verdict(Rung.DISCLOSES, Reason.LISTING, (1,)), "a list of files shows 1 DICOM file to a stranger"),
        (Verdict(Rung.DISCLOSES, Reason.LISTING, (2000,)), "a list of files shows 2,000 DICOM files to a stranger"),
        (Verdict(Rung.DISCLOSES, Reason.LISTING, (0,)), "a list of files shows the index of a DICOM medium to a stranger"),
        (Verdict(Rung.OFFERS, Reason.IMAGE_OFFERED, (0xA700,)), "it offered an image to a stranger, and did not send it: refused: out of resources (0xA700)"),
        (Verdict(Rung.OFFERS, Reason.IMAGE_OFFERED), "it offered an image to a stranger, and did not send it"),
    ],
)  # fmt: skip
def test_reasons(verdict: Verdict, clause: str) -> None:
    assert ENGLISH.reason(verdict, Protocol.DIMSE) == clause


NUMBERS = {
    FindingCode.PERSONAL_DATA: {"patient_name": 3, "sex": 2},
    FindingCode.SSN_RECORDS: {"records": 1},
    FindingCode.NATIONAL_IDENTIFIERS: {"records": 1200},
}
ABOUT = {FindingCode.NATIONAL_IDENTIFIERS: "gb.nhs", FindingCode.ADVISORY: "CVE-2026-105279"}


@pytest.mark.parametrize("code", FindingCode)
def test_every_finding_is_a_sentence(code: FindingCode) -> None:
    finding = Finding(code, "a", None, None, NUMBERS.get(code, {}), ABOUT.get(code, ""))
    sentence = ENGLISH.finding(finding)
    assert (sentence[0].isupper() or sentence[0].isdigit()) and sentence.endswith(".")
    assert sentence != ENGLISH.finding_title(code)


def test_a_finding_says_its_numbers_and_what_it_is_about() -> None:
    def sentence(code: FindingCode) -> str:
        return ENGLISH.finding(Finding(code, "a", None, None, NUMBERS.get(code, {}), ABOUT.get(code, "")))

    assert sentence(FindingCode.PERSONAL_DATA) == "Its records carry personal data: patient name, sex."
    assert sentence(FindingCode.SSN_RECORDS) == "1 of its studies exposes a US social security number."
    assert (
        sentence(FindingCode.NATIONAL_IDENTIFIERS) == "1,200 of its studies expose a national identifier: NHS number."
    )
    assert "CVE-2026-105279: as it comes" in sentence(FindingCode.ADVISORY)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count(1234, Provenance.COUNTED), "1,234 (counted)"),
        (Count(90, Provenance.ESTIMATED, low=80, high=100), "90 (estimated; 95 %: 80 to 100)"),
        (Count(why="cut off"), "unknown: cut off"),
        (Count(at_least=5, why="cut off"), "at least 5; unknown: cut off"),
        (Count(), "unknown"),
    ],
)
def test_a_number_says_how_it_was_got(count: Count, words: str) -> None:
    assert ENGLISH.count(count) == words


def test_an_estimate_of_a_kind_says_what_it_is_from() -> None:
    found = KindFound(
        Kind.ADDRESS, 30, Provenance.ESTIMATED, looks=Appearance.PERSONAL, why="from 20 of 35 studies", low=25, high=33
    )
    assert ENGLISH.found(found) == "30 (estimated from 20 of 35 studies, 25 to 33)"


def test_encryption_says_what_is_no_finding() -> None:
    shown = ENGLISH.tls(TlsFacts("TLSv1.2"), (Transport.CLIENT_CERTIFICATE, Transport.OLD_VERSION))
    assert shown == "TLSv1.2, a client certificate is demanded"
    assert ENGLISH.tls(TlsFacts(), (Transport.NOT_SEEN,)) == "TLS, the TLS handshake was not completed"
    assert ENGLISH.tls(None, (Transport.PLAIN,)) == "plain"
