"""Where values die: what a tally counts, and that it holds nothing else."""

from __future__ import annotations

import struct

import pytest

from filmbadge.ask.census.tally import Tally
from filmbadge.ask.wire.dimse import elements

PATIENT_NAME = 0x00100010
MARKER = b"DOE^JANE"


def row(uid: bytes, series: bytes | None = None, images: bytes | None = None) -> bytes:
    """One explicit VR record, with a patient's name that nobody asked for."""
    name = struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", len(MARKER)) + MARKER
    counts = [(elements.SERIES_IN_STUDY, series), (elements.IMAGES_IN_STUDY, images)]
    keys = [(elements.STUDY_UID, uid), *((tag, value) for tag, value in counts if value is not None)]
    return name + elements.encode(keys, explicit=True)


def tally(*rows: bytes, keep: int = 0) -> Tally:
    made = Tally(keep=keep)
    for one in rows:
        made.add(one, explicit=True)
    return made


def test_distinct_by_uid() -> None:
    seen = tally(row(b"1.2"), row(b"1.2\0"), row(b"1.2 "), row(b"1.3"))
    assert (seen.rows, seen.distinct, seen.malformed) == (4, 2, 0)


def test_one_row_per_instance_counts_a_study_once() -> None:
    seen = tally(*[row(b"1.2", b"2", b"40")] * 40, row(b"1.3", b"1", b"5"))
    assert (seen.rows, seen.distinct) == (41, 2)
    assert (seen.series, seen.images) == (3, 45)
    assert (seen.series_known, seen.images_known) == (2, 2)


@pytest.mark.parametrize(
    ("said", "images"),
    [(b"0", 0), (b" 12 ", 12), (b"+7", 7), (b"007", 7), (b"2147483647", 2147483647)],
)
def test_numbers(said: bytes, images: int) -> None:
    seen = tally(row(b"1.2", None, said))
    assert (seen.images, seen.images_known) == (images, 1)


@pytest.mark.parametrize(
    "said", [None, b"", b"  ", b"-1", b"1.5", b"1e3", b"4\\5", b"1 2", b"++5", b"+", b"9" * 13, b"\xb2", b"\xd9\xa3"]
)
def test_an_empty_or_malformed_number_is_unknown_and_not_zero(said: bytes | None) -> None:
    seen = tally(row(b"1.2", None, said))
    assert (seen.distinct, seen.malformed) == (1, 0)
    assert (seen.images, seen.images_known) == (0, 0)


@pytest.mark.parametrize("uid", [b"", b"   ", b"\0\0", b"1." * 40])
def test_a_row_without_a_usable_uid_is_malformed(uid: bytes) -> None:
    seen = tally(row(uid))
    assert (seen.rows, seen.distinct, seen.malformed) == (1, 0, 1)


@pytest.mark.parametrize("record", [b"", row(b"1.2")[:-1], b"\xff" * 40])
def test_a_broken_row_is_malformed(record: bytes) -> None:
    seen = tally(record, row(b"1.3"))
    assert (seen.rows, seen.distinct, seen.malformed) == (2, 1, 1)


def test_another_level() -> None:
    seen = Tally(elements.INSTANCE_UID)
    for uid in (b"1.2", b"1.2", b"1.4"):
        seen.add(elements.encode([(elements.INSTANCE_UID, uid), (elements.STUDY_UID, b"9")], explicit=False), False)
    assert seen.distinct == 2


def held(seen: Tally) -> str:
    return repr(seen) + repr(vars(seen))


def test_no_value_is_held() -> None:
    uid = b"1.2.840.99999.4711"
    seen = tally(row(uid, b"2", b"40"), MARKER, row(MARKER + uid)[:-2])
    assert seen.distinct == 1
    assert "DOE" not in held(seen)
    assert uid.decode() not in held(seen)


def test_uids_are_held_only_for_a_walk_and_only_so_many() -> None:
    seen = tally(row(b"1.2"), row(b"1.3"), row(b"1.2"), row(b"1.4"), keep=2)
    assert seen.kept == [b"1.2", b"1.3"]
    assert seen.distinct == 3
    assert "DOE" not in held(seen)


def test_digests_depend_on_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    one, same = vars(tally(row(b"1.2")))["_seen"], vars(tally(row(b"1.2")))["_seen"]
    monkeypatch.setattr("filmbadge.ask.census.tally.RUN_KEY", b"the key of another run")
    assert one == same
    assert one.isdisjoint(vars(tally(row(b"1.2")))["_seen"])
