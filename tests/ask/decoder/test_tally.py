"""Where values die: what a tally counts, and that it holds nothing else."""

from __future__ import annotations

import random
import struct
from collections import Counter
from types import ModuleType

import pytest

from filmbadge.ask.decoder import Tally, compiled, elements, pure
from filmbadge.ask.key import RunKey

PATIENT_NAME = 0x00100010
MARKER = b"DOE^JANE"
KEY = RunKey()


def row(uid: bytes, series: bytes | None = None, images: bytes | None = None) -> bytes:
    """One explicit VR record, with a patient's name that nobody asked for."""
    name = struct.pack("<HH2sH", 0x0010, 0x0010, b"PN", len(MARKER)) + MARKER
    counts = [(elements.SERIES_IN_STUDY, series), (elements.IMAGES_IN_STUDY, images)]
    keys = [(elements.STUDY_UID, uid), *((tag, value) for tag, value in counts if value is not None)]
    return name + elements.encode(keys, explicit=True)


@pytest.fixture(params=[pure, compiled], ids=["pure", "compiled"])
def core(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


def tally(core: ModuleType, *rows: bytes, keep: int = 0) -> Tally:
    made: Tally = core.Tally(KEY, keep=keep)
    for one in rows:
        made.add(one, explicit=True)
    return made


def test_distinct_by_uid(core: ModuleType) -> None:
    seen = tally(core, row(b"1.2"), row(b"1.2\0"), row(b"1.2 "), row(b"1.3"))
    assert (seen.rows, seen.distinct, seen.malformed) == (4, 2, 0)


def test_one_row_per_instance_counts_a_study_once(core: ModuleType) -> None:
    seen = tally(core, *[row(b"1.2", b"2", b"40")] * 40, row(b"1.3", b"1", b"5"))
    assert (seen.rows, seen.distinct) == (41, 2)
    assert (seen.series, seen.images) == (3, 45)
    assert (seen.series_known, seen.images_known) == (2, 2)


def test_images_by_what_a_study_says_of_them(core: ModuleType) -> None:
    """PS3.3 C.4.23.1.1. What says nothing, or another word, is in neither sum; each study counts once."""
    seen = core.Tally(KEY, keep=9)
    said = [b"ONLINE", b"NEARLINE ", b"OFFLINE", b"UNAVAILABLE\0", b"", b"SOON", b"ONLINE"]
    for number, word in enumerate(said):
        seen.count(b"1.2.%d" % number, b"1", b"%d" % 10**number, word)
        seen.count(b"1.2.%d" % number, b"1", b"%d" % 10**number, b"ONLINE")
    assert (seen.studies_online, seen.studies_elsewhere) == (2, 3)
    assert (seen.images_online, seen.images_elsewhere, seen.images) == (1000001, 1110, 1111111)
    assert seen.kept_online == [True, False, False, False, None, None, True]


def test_studies_are_drawn_by_their_images(core: ModuleType) -> None:
    """Of 40 studies with 1 to 40 images each; a number that is not said is as good as one."""
    drawn = Counter[bytes]()
    seeds = random.Random(5)
    for _ in range(300):
        seen = core.Tally(KEY, lot=30, seed=seeds.getrandbits(64))
        assert seen.drawn == []
        for number in range(1, 41):
            seen.count(b"1.2.%d" % number, b"", b"%d" % number if number > 1 else b"")
            seen.count(b"1.2.%d" % number, b"", b"900")  # again, and it counts no more
        drawn.update(seen.drawn)
    assert sum(drawn.values()) == 9000
    expected = {b"1.2.%d" % number: 9000 * number / 820 for number in range(1, 41)}
    chi_squared = sum((drawn[uid] - n) ** 2 / n for uid, n in expected.items())
    assert chi_squared < 75  # 39 degrees of freedom: one lot of a thousand is above 72


def test_what_is_no_uid_is_drawn_and_not_held(core: ModuleType) -> None:
    seen = core.Tally(KEY, lot=4, seed=7)
    seen.count(b"DOE^JANE", b"", b"5")
    assert seen.drawn == [b""] * 4
    with pytest.raises(ValueError, match="a lot has 0 to 1000 places"):
        core.Tally(KEY, lot=1001)


def test_a_study_on_line_may_not_say_how_many_images_it_has(core: ModuleType) -> None:
    seen = core.Tally(KEY)
    seen.json(b'{"Value":["1.2"]}', b"", b"", b'{"vr":"CS","Value":["ONLINE"]}')
    seen.json(b'{"Value":["1.3"]}', b"", b'{"Value":[4]}', b'{"vr":"CS","Value":["OFFLINE"]}')
    assert (seen.studies_online, seen.studies_elsewhere, seen.images_online, seen.images_elsewhere) == (1, 1, 0, 4)


@pytest.mark.parametrize(
    ("said", "images"),
    [(b" 12 ", 12), (b"+7", 7), (b"007", 7), (b"1000000", 1000000)],
)
def test_numbers(core: ModuleType, said: bytes, images: int) -> None:
    seen = tally(core, row(b"1.2", None, said))
    assert (seen.images, seen.images_known) == (images, 1)


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"",
        b"0",
        b"  ",
        b"-1",
        b"1.5",
        b"1e3",
        b"4\\5",
        b"1 2",
        b"++5",
        b"+",
        b"9" * 13,
        b"1000001",
        b"2147483647",
        b"\xb2",
        b"\xd9\xa3",
    ],
)
def test_an_empty_or_malformed_number_is_unknown_and_not_zero(core: ModuleType, said: bytes | None) -> None:
    seen = tally(core, row(b"1.2", None, said))
    assert (seen.distinct, seen.malformed) == (1, 0)
    assert (seen.images, seen.images_known) == (0, 0)


@pytest.mark.parametrize("uid", [b"", b"   ", b"\0\0", b"1." * 40])
def test_a_row_without_a_usable_uid_is_malformed(core: ModuleType, uid: bytes) -> None:
    seen = tally(core, row(uid))
    assert (seen.rows, seen.distinct, seen.malformed) == (1, 0, 1)


@pytest.mark.parametrize("record", [b"", row(b"1.2")[:-1], b"\xff" * 40])
def test_a_broken_row_is_malformed(core: ModuleType, record: bytes) -> None:
    seen = tally(core, record, row(b"1.3"))
    assert (seen.rows, seen.distinct, seen.malformed) == (2, 1, 1)


def test_without_a_data_set(core: ModuleType) -> None:
    """As records of JSON are counted: by their UID, and by the numbers as text."""
    seen = core.Tally(KEY, keep=2)
    for uid in (b"1.2", b"1.3", b" 1.2", b"DOE^JANE"):
        seen.count(uid, b"2", b"40")
    for uid in (b"", b"1" * 65, b"1.4"):
        seen.count(uid)
    assert (seen.rows, seen.distinct, seen.malformed) == (7, 4, 2)
    assert (seen.series, seen.images, seen.series_known, seen.images_known) == (6, 120, 3, 3)
    assert seen.kept == [b"1.2", b"1.3"]


def test_another_level(core: ModuleType) -> None:
    seen = core.Tally(KEY, elements.INSTANCE_UID)
    for uid in (b"1.2", b"1.2", b"1.4"):
        seen.add(elements.encode([(elements.INSTANCE_UID, uid), (elements.STUDY_UID, b"9")], explicit=False), False)
    assert seen.distinct == 2


def test_no_value_is_held() -> None:
    uid = b"1.2.840.99999.4711"
    seen = pure.Tally(KEY)
    for one in (row(uid, b"2", b"40"), MARKER, row(MARKER + uid)[:-2], row(uid, b"2", b"41")):
        seen.add(one, True)
    held = repr(seen) + repr(vars(seen)) + repr(vars(seen.uids)) + repr(vars(vars(seen)["_places"]))
    assert seen.distinct == 1
    assert "DOE" not in held
    assert uid.decode() not in held


def test_uids_are_held_only_for_a_walk_and_only_so_many(core: ModuleType) -> None:
    seen = tally(core, row(b"1.2"), row(b"DOE^JANE"), row(b"1.3"), row(b"1.2"), row(b"1.4"), keep=2)
    assert seen.kept == [b"1.2", b"1.3"]
    assert seen.distinct == 4
    assert tally(core, row(b"1.2")).kept == []
