"""Sets of hashes that share a memory: they stop where there is no room now, and go on with a sample where there will be none."""

from __future__ import annotations

import math
from types import ModuleType

import pytest

from filmbadge.ask.decoder import compiled, pure
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import SMALL, Memory, Room, Share

CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
LIMIT = 1 << 18


def uid(number: int) -> bytes:
    return b"1.2.826.%d" % number


class Stingy(Share):
    """A share that grants the first tables alone."""

    def __init__(self, most: int, then: Room) -> None:
        super().__init__(Memory(LIMIT))
        self.held, self.most, self.then, self.asked = 0, most, then, 0

    def take(self, size: int) -> int:
        self.asked += 1
        if self.held + size > self.most:
            return self.then
        self.held += size
        return Room.GRANTED

    def give(self, size: int) -> None:
        self.held -= size


@CORES
def test_a_set_gives_back_all_that_it_took(core: ModuleType) -> None:
    memory = Memory(1 << 24)
    share = memory.share()
    one, other = (core.DistinctSet(RunKey(b"k" * 16, share)) for _ in range(2))
    one.mark()
    for number in range(5000):
        one.add(uid(number))
    other.include(one)
    assert len(one) == len(other) == one.here == 5000
    assert memory.taken > 3 * 5000 * 8
    one.mark()
    del one, other
    assert memory.taken == share.taken == 0
    assert memory.most > 0


@CORES
def test_a_full_set_takes_in_nothing_until_there_is_room(core: ModuleType) -> None:
    share = Stingy(SMALL * 16, Room.NONE)
    tally = core.Tally(RunKey(b"k" * 16, share))
    for number in range(5000):
        tally.count(uid(number), b"1", b"2")
    held, asked = tally.distinct, share.asked
    assert tally.uids.full and not tally.uids.sampled
    assert 0 < held < 5000 and len(tally.uids) == held == tally.images_known
    tally.count(uid(9999))
    assert share.asked == asked, "it asks once, not for each record"
    share.most = 1 << 30
    tally.uids.go_on()
    for number in range(5000):
        tally.count(uid(number), b"1", b"2")
    assert (tally.distinct, tally.images, tally.uids.full) == (5000, 10_000, False), "each counts once"


@CORES
def test_a_sample_is_without_bias_and_holds_its_table(core: ModuleType) -> None:
    """Over many keys: the mean is the truth, and the interval of two standard errors holds it about as often as it should."""
    truth, tries, inside, values, images = 12_000, 60, 0, list[int](), list[float]()
    for key in range(tries):
        share = Stingy(SMALL * 16, Room.SAMPLE)
        tally = core.Tally(RunKey(bytes([key]) * 16, share))
        for _ in range(2):  # twice: what comes again is not new
            for number in range(truth):
                tally.count(uid(number), images=b"%d" % (1 + number % 9))
        assert tally.uids.sampled and not tally.uids.full
        assert share.held <= share.most
        assert 0 < tally.distinct < truth, "what it has seen for sure"
        inside += abs(len(tally.uids) - truth) <= 2 * math.sqrt(tally.uids.spread)
        values.append(len(tally.uids))
        images.append(tally.images_weight)
    assert inside >= 0.87 * tries
    assert abs(sum(values) / tries - truth) < 0.03 * truth
    assert abs(sum(images) / tries - truth * 5) < 0.04 * truth * 5


@CORES
def test_the_smallest_hashes_of_a_sample_are_those_of_all(core: ModuleType) -> None:
    whole = core.DistinctSet(RunKey(b"k" * 16))
    part = core.DistinctSet(RunKey(b"k" * 16, Stingy(SMALL * 16, Room.SAMPLE)))
    for number in range(20_000):
        whole.add(uid(number))
        part.add(uid(number))
    assert part.sampled
    assert part.smallest(32) == whole.smallest(32)


@CORES
def test_a_study_whose_patient_finds_no_room_is_taken_in_later(core: ModuleType) -> None:
    from filmbadge.ask.decoder import elements

    seen = core.DistinctSet(RunKey(b"k" * 16))
    patients = core.DistinctSet(RunKey(b"k" * 16, Stingy(SMALL * 8, Room.NONE)))
    tally = core.PersonalTally(seen, patients, ((0x00100020, 1, "LO"),), lambda *_: None)

    def all_rows() -> None:
        tally.alone = 100_000
        for number in range(5000):
            row = [(0x00100020, b"P%d" % number), (elements.STUDY_UID, uid(number))]
            tally(elements.encode(row, explicit=False), False)

    all_rows()
    assert patients.full
    assert len(seen) == len(patients) == tally.records < 5000
    roomy = core.DistinctSet(RunKey(b"k" * 16))
    roomy.include(patients)
    assert roomy.full, "what includes a full set is as incomplete"


@CORES
def test_an_error_of_the_share_is_no_count(core: ModuleType) -> None:
    class Broken(Stingy):
        def take(self, size: int) -> int:
            raise ZeroDivisionError

    found = core.DistinctSet(RunKey(b"k" * 16, Broken(0, Room.NONE)))
    with pytest.raises(ZeroDivisionError):
        found.add(b"1")
    tally = core.Tally(RunKey(b"k" * 16, Broken(0, Room.NONE)))
    with pytest.raises(ZeroDivisionError):
        tally.count(b"1.2")
