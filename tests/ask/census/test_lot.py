"""Which retrievals are begun for a lot, and what is kept of them."""

from __future__ import annotations

import asyncio

import pytest

from filmbadge.ask.census.lot import MOST_LOST, MOST_REFUSED, NO_LOT, Lot
from filmbadge.model import Cause, Draws, Outcome, OutcomeKind, Proof, WebProof, WebService, refuses_all

IMAGE = Proof("1.2", get=True, storage=True, bytes=5000, status=0xFE00)
FAILED = Proof("1.2", get=True, storage=True, status=0xA702)
NO_GET = Proof("1.2")
SILENT = Proof("1.2", stop=Outcome(OutcomeKind.IDLE, Cause.IDLE_LIMIT, {"milliseconds": 9}))
NOTHING = Proof(stop=Outcome(OutcomeKind.COMPLETED, Cause.NO_INSTANCE))
SPARED = Proof(stop=Outcome(OutcomeKind.SPARED, Cause.DISTRESS))


def tried(lot: Lot, proofs: dict[bytes, Proof]) -> tuple[Proof, list[bytes]]:
    asked: list[bytes] = []

    async def prove(study: bytes) -> Proof:
        asked.append(study)
        return proofs[study]

    return asyncio.run(lot.tried(prove)), asked


def test_each_study_is_asked_for_once_and_counts_as_often_as_it_was_drawn() -> None:
    lot = Lot((b"1.1", b"1.2", b"1.1", b"1.3", b"1.1"))
    proof, asked = tried(lot, {b"1.1": FAILED, b"1.2": IMAGE, b"1.3": SILENT})
    assert asked == [b"1.1", b"1.2", b"1.3"]
    assert (proof.bytes, proof.draws) == (5000, Draws(5, delivered=1, lost=1))


def test_without_a_lot_it_is_the_first_of_the_records() -> None:
    assert tried(NO_LOT, {b"": IMAGE}) == (IMAGE, [b""])


def test_where_the_archive_tells_one_study_that_is_on_line_is_enough() -> None:
    lot = Lot((b"1.1", b"1.2"), b"1.7", told=True).some(5)
    assert tried(lot, {b"1.7": IMAGE}) == (IMAGE, [b"1.7"])
    assert tried(lot, {b"1.7": SILENT, b"1.1": FAILED, b"1.2": IMAGE}) == (IMAGE, [b"1.7", b"1.1", b"1.2"])
    refused, _ = tried(lot, dict.fromkeys((b"1.7", b"1.1", b"1.2"), FAILED))
    assert refused.draws == Draws(2, 0)
    none_known = Lot((b"1.1", b"1.2"), told=True).some(1)  # that is on-line
    assert tried(none_known, {b"1.1": IMAGE}) == (IMAGE, [b"1.1"])


def test_where_a_study_that_is_said_to_be_on_line_is_refused_all_draws_are_made() -> None:
    lot = Lot((b"1.1", b"1.2", b"1.3"), b"1.7", told=True)
    proof, asked = tried(lot, {b"1.7": FAILED, b"1.1": IMAGE, b"1.2": FAILED, b"1.3": FAILED})
    assert (asked, proof.draws) == ([b"1.7", b"1.1", b"1.2", b"1.3"], Draws(3, 1))


@pytest.mark.parametrize("refusal", [NO_GET, Proof("1.2", get=True, status=0x0122)])
def test_a_refusal_of_all_images_ends_it(refusal: Proof) -> None:
    assert tried(Lot((b"1.1", b"1.2")), {b"1.1": refusal}) == (refusal, [b"1.1"])


def test_a_right_that_is_denied_to_one_study_may_be_given_to_another() -> None:
    denied, drawn = Proof("1.2", get=True, status=0x0124), tuple(b"1.%d" % n for n in range(1, 9))
    proof, asked = tried(Lot(drawn), dict.fromkeys(drawn, denied))
    assert (refuses_all(proof), len(asked)) == (True, MOST_REFUSED)
    proof, _ = tried(Lot(drawn), dict.fromkeys(drawn, denied) | {b"1.4": IMAGE})
    assert (proof.bytes, proof.draws) == (5000, Draws(8, 1))
    proof, _ = tried(Lot(drawn), dict.fromkeys(drawn, denied) | {b"1.4": FAILED})
    assert (refuses_all(proof), proof.draws) == (False, Draws(8, 0))


def test_a_refusal_that_contradicts_an_image_does_not() -> None:
    proof, _ = tried(Lot((b"1.1", b"1.2", b"1.3")), {b"1.1": IMAGE, b"1.2": NO_GET, b"1.3": IMAGE})
    assert proof.draws == Draws(3, delivered=2)


def test_an_archive_that_was_left_alone_is_asked_no_more() -> None:
    proof, asked = tried(Lot((b"1.1", b"1.2", b"1.3", b"1.4")), {b"1.1": IMAGE, b"1.2": SPARED})
    assert asked == [b"1.1", b"1.2"]
    assert proof.draws == Draws(4, delivered=1, lost=3)


def test_so_is_one_that_does_not_answer() -> None:
    drawn = tuple(b"1.%d" % n for n in range(1, 30))
    proof, asked = tried(Lot(drawn), dict.fromkeys((*drawn, b""), SILENT))
    assert len(asked) == MOST_LOST + 1  # and one of its own records, for it may not know its studies by their UIDs
    assert proof.draws == Draws(29, delivered=0, lost=29)


def test_an_archive_may_not_know_its_own_studies() -> None:
    proof, asked = tried(Lot((b"1.1",)), {b"1.1": NOTHING, b"": IMAGE})
    assert (asked, proof.bytes, proof.draws) == ([b"1.1", b""], 5000, Draws(1, delivered=0, lost=1))


def test_a_value_that_is_no_uid_is_never_sent() -> None:
    proof, asked = tried(Lot((b"", b"1.1", b"")), {b"1.1": IMAGE})
    assert (asked, proof.draws) == ([b"1.1"], Draws(3, delivered=1, lost=2))


def test_over_the_web_a_status_refuses() -> None:
    async def prove(study: bytes) -> WebProof:
        return WebProof(WebService.WADO_RS, 404 if study == b"1.1" else 200, bytes=0 if study == b"1.1" else 9)

    found = asyncio.run(Lot((b"1.1", b"1.2")).tried(prove))
    assert found.draws == Draws(2, delivered=1)


def test_a_repr_shows_no_uid() -> None:
    assert "1.1" not in repr(Lot((b"1.1",), b"1.1"))
