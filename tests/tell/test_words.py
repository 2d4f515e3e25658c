"""No code is without words, and what follows from numbers says them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from filmbadge.model import (
    Appearance,
    Cause,
    Count,
    Decoy,
    Depth,
    Doubt,
    DoubtCode,
    Finding,
    FindingCode,
    GradeReason,
    Kind,
    KindFound,
    Outcome,
    OutcomeKind,
    Protocol,
    Provenance,
    Reason,
    Rung,
    TlsFacts,
    Total,
    Transport,
    Verdict,
)
from filmbadge.tell.words import Words

SILENT = Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 10_000})
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
def test_every_reason_is_a_clause_whatever_stands_beside_it(reason: Reason, protocol: Protocol) -> None:
    pairs = dict.fromkeys((Reason.ABORTED, Reason.FIND_ABORTED, Reason.RECORDS), (2, 1))
    codes = {Reason.REJECTED: (1, 1, 7), **pairs}.get(reason, (200,))
    for said, stop in product(("", "OHIF"), (None, SILENT)):
        clause = ENGLISH.reason(Verdict(Rung.SPEAKS, reason, codes, said, stop), protocol)
        assert clause and not clause.endswith((":", " ", "()", "“”)")), clause


@pytest.mark.parametrize(
    ("verdict", "clause"),
    [
        (Verdict(Rung.SPEAKS, Reason.ABORTED), "the association was not completed"),
        (Verdict(Rung.SPEAKS, Reason.ABORTED, stop=SILENT), "the association was not completed: no byte came for 10 s"),
        (Verdict(Rung.DISCLOSES, Reason.RECORDS, (0, 1)), "it gave records to a stranger, asked for studies 0 to 1 days old"),
        (Verdict(Rung.DISCLOSES, Reason.RECORDS), "it gave records to a stranger"),
        (Verdict(Rung.ADMITS, Reason.PAGE, said="OHIF"), "the page of OHIF is shown to a stranger"),
        (Verdict(Rung.ADMITS, Reason.PAGE, (1,), "OHIF"), "the page of OHIF is shown to a stranger; it names 1 archive that was not contacted"),
        (Verdict(Rung.ADMITS, Reason.PAGE, (4, 1, 2, 0, 1), "OHIF"), "the page of OHIF is shown to a stranger; it names 4 archives that were not contacted: 1 at an address that no network of the scope allows, 2 at a port that the scope does not list, 1 in a way that we do not send"),
        (Verdict(Rung.LISTENING, Reason.NOT_IMAGING, stop=SILENT), "no byte came for 10 s"),
        (Verdict(Rung.ADMITS, Reason.FIND_BROKE_OFF, stop=SILENT), "the query had no answer: no byte came for 10 s"),
        (Verdict(None, Reason.OWN_ERROR, stop=Outcome(OutcomeKind.OWN_ERROR, error="KeyError")), "our own error, not the archive's (KeyError)"),
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
        (
            Count(doubts=(Doubt(DoubtCode.NO_LIST), Doubt(DoubtCode.NOT_ENDED))),
            "unknown: it does not list all studies, so those without a date could not be looked for; the census did not end",
        ),
        (Count(at_least=5, doubts=(Doubt(DoubtCode.NOT_ENDED),)), "≥ 5 (at least: the census did not end)"),
        (
            Count(at_least=24_312_233, doubts=(Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 500}),)),
            "≥ 24,312,233 (counted, studies with a date; answers end at 500 rows, so studies without a date could not be looked for)",
        ),
        (
            Count(
                at_least=30_000,
                doubts=(
                    Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 500}),
                    Doubt(DoubtCode.STATUS, {"status": 0xFE00}),
                ),
            ),
            "≥ 30,000 (counted, studies with a date; answers end at 500 rows, so studies without a date could not be looked for; "
            "a question ended with cancelled (0xFE00))",
        ),
        (
            Count(at_least=5, doubts=(Doubt(DoubtCode.UNDATED_BEHIND_LIMIT, {"rows": 500}), Doubt(DoubtCode.NO_TIME))),
            "≥ 5 (at least: answers end at 500 rows, so studies without a date could not be looked for; "
            "a day holds more studies than an answer, and those without a time are in no part of it)",
        ),
        (Count(), "unknown"),
    ],
)
def test_a_number_says_how_it_was_got(count: Count, words: str) -> None:
    assert ENGLISH.count(count) == words


UNASKED = "studies without a date were not looked for: the scope allows an answer of 20,000 studies at most, by what answers cost this archive"


@pytest.mark.parametrize(
    ("archives", "at_least", "parts", "words"),
    [
        ((1, 1, 1), 30_000, {}, f"≥ 30,000 (counted, studies with a date, for 1 open archive: {UNASKED})"),
        (
            (6, 5, 3), 24_312_233, {"counted": 12_000_000},
            "≥ 24,312,233 (12,000,000 counted; counted, studies with a date, for 3 open archives; "
            f"a lower bound for 2 open archives; unknown for 1 open archive: {UNASKED})",
        ),
        ((2, 0, 0), 9, {"counted": 9}, f"≥ 9 (counted; unknown for 2 open archives: {UNASKED})"),
        ((2, 0, 0), 0, {}, f"unknown: unknown for 2 open archives: {UNASKED}"),
    ],
)  # fmt: skip
def test_a_total_says_unknown_only_of_archives_that_have_no_figure(
    archives: tuple[int, int, int], at_least: int, parts: dict[str, int], words: str
) -> None:
    unknown, bounded, dated = archives
    total = Total(
        "studies",
        None,
        Provenance.UNKNOWN,
        parts,
        unknown_archives=unknown,
        bounded_archives=bounded,
        dated_archives=dated,
        at_least=at_least,
        doubts=(Doubt(DoubtCode.UNDATED_UNASKED, {"studies": 20_000}),),
    )
    assert ENGLISH.total(total) == words


def test_an_estimate_from_draws_says_how_many_came() -> None:
    drawn = Doubt(DoubtCode.DRAWN, {"drawn": 5, "delivered": 4})
    found = Count(90, Provenance.ESTIMATED, low=28, high=100, doubts=(drawn, Doubt(DoubtCode.NOT_KNOWN_FOR_ALL)))
    assert ENGLISH.count(found) == "90 (estimated: 4 of 5 images drawn by lot came; 95 %: 28 to 100)"


def test_a_total_says_that_its_interval_is_wide() -> None:
    wide = Doubt(DoubtCode.WIDE_INTERVAL, {"percent": 25})
    total = Total("images_retrievable", 1000, Provenance.ESTIMATED, low=750, high=1250, doubts=(wide,))
    said = "its interval is wide: the truth may be 25 % off, to either side"
    assert ENGLISH.total(total) == f"1,000 (estimated; 95 %: 750 to 1,250; {said})"


def test_an_estimate_of_a_kind_says_what_it_is_from() -> None:
    doubts = (Doubt(DoubtCode.KNOWN_FOR, {"known": 20, "studies": 35}),)
    found = KindFound(Kind.ADDRESS, 30, Provenance.ESTIMATED, looks=Appearance.PERSONAL, doubts=doubts, low=25, high=33)
    assert ENGLISH.found(found) == "30 (estimated: known for 20 of 35 studies; 95 %: 25 to 33)"


def test_encryption_says_what_is_no_finding() -> None:
    shown = ENGLISH.tls(TlsFacts("TLSv1.2"), (Transport.CLIENT_CERTIFICATE, Transport.OLD_VERSION))
    assert shown == "TLSv1.2, a client certificate is demanded"
    assert ENGLISH.tls(TlsFacts(), (Transport.NOT_SEEN,)) == "TLS, the TLS handshake was not completed"
    assert ENGLISH.tls(None, (Transport.PLAIN,)) == "plain"


def test_a_share_that_is_rounded_is_neither_none_nor_all() -> None:
    found = KindFound(
        Kind.BIRTH_DATE, 9, Provenance.COUNTED, looks=Appearance.PERSONAL, personal=0.9962, pseudonymised=0.0038
    )
    assert Words().looks(found) == "over 99% personal, under 1% pseudonymised"
    assert [Words().share(part) for part in (0.0, 0.006, 0.994, 1.0)] == ["0%", "1%", "99%", "100%"]


def test_an_estimate_of_none_says_that_it_is_one_where_hosts_are_undecided() -> None:
    total = Total("kind:religion", None, Provenance.UNKNOWN, {Provenance.ESTIMATED: 0}, at_least=0, low=0, high=899)
    assert Words().got(total) == "0 estimated; 95 %: 0 to 899"


def test_a_total_got_in_one_way_is_not_said_twice() -> None:
    whole = Total("images_retrievable", 700, Provenance.REPORTED, parts={"reported": 700})
    mixed = Total("images_retrievable", 700, Provenance.REPORTED, parts={"reported": 600, "counted": 100})
    assert (ENGLISH.got(whole), ENGLISH.got(mixed)) == ("reported", "600 reported, 100 counted")
