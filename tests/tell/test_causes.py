"""Every code has words, and these name no number that the code does not carry."""

from __future__ import annotations

import re

import pytest

from filmbadge.model import Cause, Doubt, DoubtCode, Outcome, OutcomeKind
from filmbadge.tell.causes import Causes

ENGLISH = Causes()
CODES: list[Cause | DoubtCode] = [*Cause, *(code for code in DoubtCode if code is not DoubtCode.BROKE_OFF)]


def said(code: Cause | DoubtCode, first: int) -> str:
    """The clause for a code, with a number of its own for each that it names."""
    numbers = {name: first + place for place, name in enumerate(code.numbers)}
    if isinstance(code, Cause):
        return ENGLISH.outcome(Outcome(OutcomeKind.COMPLETED, code, numbers))
    return ENGLISH.doubt(Doubt(code, numbers))


@pytest.mark.parametrize("code", CODES, ids=str)
def test_a_code_has_words_that_tell_its_numbers(code: Cause | DoubtCode) -> None:
    words = said(code, 17)
    assert words.isascii()
    assert (
        words[0].islower() or words[0].isdigit() or words[:3] == "PDU"
    )  # a clause, which goes on from what stands before it
    assert "{" not in words
    assert not words.endswith(".")
    if code.numbers:
        assert words != said(code, 200)


@pytest.mark.parametrize("code", CODES, ids=str)
def test_the_names_of_its_numbers_are_single_words(code: Cause | DoubtCode) -> None:
    assert [name for name in code.numbers if not re.fullmatch("[a-z]+", name)] == []


@pytest.mark.parametrize("ending", list(OutcomeKind))
def test_an_ending_has_words_with_and_without_a_cause(ending: OutcomeKind) -> None:
    assert ENGLISH.outcome(Outcome(ending))
    assert ENGLISH.outcome(Outcome(ending, Cause.VR_INVALID, {"offset": 9})).endswith(
        "the element at offset 9 has no valid VR"
    )


def test_no_two_endings_and_no_two_codes_read_alike() -> None:
    assert len({ENGLISH.outcome(Outcome(ending)) for ending in OutcomeKind}) == len(OutcomeKind)
    alike = {code: said(code, 1) for code in CODES if code not in (Cause.REJECTED, Cause.ABORTED)}
    assert len(set(alike.values())) == len(alike)


@pytest.mark.parametrize(
    ("stop", "words"),
    [
        (Outcome(OutcomeKind.NO_ANSWER, Cause.CONNECT_LIMIT, {"milliseconds": 2500}), "the connect had no answer within 2.5 s"),
        (Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": 40}), "the peer refused TLS: handshake failure (40)"),
        (Outcome(OutcomeKind.TLS_FAILED, Cause.TLS_ALERT, {"alert": 200}), "the peer refused TLS: alert (200)"),
        (Outcome(OutcomeKind.TLS_FAILED, Cause.HANDSHAKE_FAILED, error="WRONG_VERSION_NUMBER"), "our TLS library could not complete the handshake (WRONG_VERSION_NUMBER)"),
        (Outcome(OutcomeKind.RESET, Cause.CERTIFICATE_ASKED), "the peer reset the connection, after it had asked for a client certificate"),
        (Outcome(OutcomeKind.ABORTED, Cause.ABORTED, {"source": 2, "reason": 6}), "the association was aborted by the service provider: invalid PDU parameter value"),
        (Outcome(OutcomeKind.REJECTED, Cause.REJECTED, {"result": 1, "source": 1, "reason": 7}), "the association was permanently rejected by the service user: called AE title not recognized"),
        (Outcome(OutcomeKind.BROKEN, Cause.UNKNOWN_PDU, {"type": 99}), "the peer broke the protocol: PDU type 0x63 does not exist"),
        (Outcome(OutcomeKind.OWN_ERROR, error="KeyError"), "our own error, not the archive's (KeyError)"),
    ],
)  # fmt: skip
def test_what_an_ending_says(stop: Outcome, words: str) -> None:
    assert ENGLISH.outcome(stop) == words


def test_a_doubt_about_what_broke_off_says_how() -> None:
    stop = Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 10_000})
    assert ENGLISH.doubt(Doubt(DoubtCode.BROKE_OFF, stop=stop)) == "no byte came for 10 s"
