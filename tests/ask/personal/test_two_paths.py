"""A large archive is counted by the tally in the decoder, and by the inspector what the tally leaves. Both ways are equal."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import Reader
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal import inspector, progress
from filmbadge.ask.personal.progress import ProfileProgress
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from support.personal_records import element, repeated


@pytest.fixture(autouse=True)
def small_archives_are_large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that few records reach all parts of both ways."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (inspector, progress):
            patch.setattr(module, "MOST_INSPECTED", 4)
        patch.setattr(inspector, "ENOUGH", 2)
        patch.setattr(progress, "ASK_EACH_UP_TO", 3)
        patch.setattr(progress, "SAMPLE_STUDIES", 2)
        yield


def noticed(
    rows: list[bytes], explicit: bool, seed: int, *, hurries: bool, cuts: list[int] | None = None
) -> ProfileProgress:
    """What is noticed of these rows; through the reader, in pieces, where cuts are given."""
    notes = ProfileProgress(RunKey(), lot=random.Random(seed), hurries=hurries)
    if cuts is None:
        for row in rows:
            notes.tally(row, explicit)
        return notes
    reader = Reader([3])
    reader.mode = reader.READ
    reader.expect(7, explicit, notes.tally)
    response = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
    stream = b"".join(pdu.data(3, response, row, 200) for row in rows)
    held = b""
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        held += stream[low:high]
        held = held[reader.feed(held) :]
    assert reader.matches == len(rows)
    return notes


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32), st.booleans(), st.booleans())
def test_both_ways_are_equal(seed: int, explicit: bool, through_the_reader: bool) -> None:
    lot = random.Random(seed)
    rows = repeated(lot, explicit, lot.randrange(120))
    cuts = [lot.randrange(len(rows) * 100 + 1) for _ in range(lot.randrange(5))] if through_the_reader else None
    fast = noticed(rows, explicit, seed, hurries=True, cuts=cuts)
    slow = noticed(rows, explicit, seed, hurries=False)
    assert fast.profile() == slow.profile()
    assert (len(fast.seen), fast.drawn) == (len(slow.seen), slow.drawn)
    assert slow.tally.records == 0


def test_ordinary_records_are_counted_by_the_tally() -> None:
    """Else the test above would compare one way with itself."""
    rows = [
        element(0x00080020, "DA", b"20240318", True)
        + element(0x00100010, "PN", b"Person^%04d" % n, True)
        + element(0x00100020, "LO", b"MR%06d" % (n // 3), True)
        + element(0x0020000D, "UI", b"1.2.%05d" % n, True)
        for n in range(1000)
    ]
    notes = noticed(rows, True, 1, hurries=True)
    assert notes.records == 1000
    assert notes.tally.records > 950


@pytest.mark.parametrize(("issuers", "alone"), [((b"SSA",), False), ((b"SSA", b""), True)])
def test_the_tally_counts_none_where_every_social_security_number_has_an_issuer(
    issuers: tuple[bytes, ...], alone: bool
) -> None:
    """It reads no issuer, and these numbers are counted exactly by them."""
    rows = [
        element(0x00100020, "LO", b"53690%04d" % n, True)
        + element(0x00100021, "LO", issuers[n % len(issuers)], True)
        + element(0x0020000D, "UI", b"1.2.%05d" % n, True)
        for n in range(1, 201)
    ]
    notes = noticed(rows, True, 1, hurries=True)
    assert (notes.records, notes.tally.records > 0) == (200, alone)
