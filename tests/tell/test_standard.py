"""The standard's codes in its words."""

from __future__ import annotations

import pytest

from filmbadge.tell.causes import Causes

ENGLISH = Causes()


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ((1, 1, 3), "permanently rejected by the service user: calling AE title not recognized"),
        ((1, 1, 7), "permanently rejected by the service user: called AE title not recognized"),
        ((1, 2, 2), "permanently rejected by the service provider (ACSE): protocol version not supported"),
        ((2, 3, 2), "transiently rejected by the service provider (presentation): local limit exceeded"),
        ((9, 8, 7), "with result 9 rejected by the source 8: reason 7"),
    ],
)
def test_rejections(codes: tuple[int, int, int], words: str) -> None:
    assert ENGLISH.rejection(*codes) == words


@pytest.mark.parametrize(
    ("source", "reason", "words"),
    [
        (0, 0, "aborted by the service user"),
        (0, 6, "aborted by the service user"),  # a user's abort has no reason, PS3.8 9.3.8
        (2, 6, "aborted by the service provider: invalid PDU parameter value"),
        (2, 99, "aborted by the service provider: reason 99"),
        (7, 1, "aborted by the source 7"),
    ],
)
def test_aborts(source: int, reason: int, words: str) -> None:
    assert ENGLISH.abort(source, reason) == words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0x0000, "success (0x0000)"),
        (0xFE00, "cancelled (0xFE00)"),
        (0xA700, "refused: out of resources (0xA700)"),
        (0xC000, "unable to process (0xC000)"),
        (0xCFFF, "unable to process (0xCFFF)"),
        (0xB000, "unknown status (0xB000)"),
    ],
)
def test_statuses(status: int, words: str) -> None:
    assert ENGLISH.status(status) == words


def test_no_code_is_without_words() -> None:
    for value in range(256):
        for words in (ENGLISH.rejection(value, 1, value), ENGLISH.abort(2, value), ENGLISH.status(value)):
            assert words.isascii()
