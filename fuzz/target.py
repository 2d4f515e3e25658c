"""What the fuzzer throws bytes at: both decoder cores, which must agree, and a whole association.

The first byte chooses the options and how the rest is cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from zlib import crc32

from filmbadge.ask.decoder import PersonalTally, Tally, compiled, elements, pure, uids
from filmbadge.ask.decoder.elements import STUDY_UID
from filmbadge.ask.decoder.personal import Rule
from filmbadge.ask.decoder.pure import Reader
from filmbadge.ask.dimse.association import Association, Echo, Operations, Query
from filmbadge.ask.dimse.command import C_ECHO_RSP, C_FIND_RSP
from filmbadge.ask.errors import WireError
from filmbadge.ask.key import RunKey
from filmbadge.ask.memory import Memory, Room, Share
from filmbadge.ask.personal.progress import FIELDS
from filmbadge.ask.wire.throttle import Throttle
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.identifiers.programs import program
from filmbadge.identifiers.schemes import schemes
from filmbadge.model import Kind, Outcome, OutcomeKind

KEY = RunKey()
KINDS = tuple(Kind)
ID = KINDS.index(Kind.PATIENT_ID)
RULES = [(ID, row.id, row.shape, row.written, program(row.id) or b"") for row in schemes().values() if program(row.id)]
MORE = (*FIELDS, (0x00101000, KINDS.index(Kind.OTHER_IDS), "LO"), (0x00102160, KINDS.index(Kind.ETHNIC_GROUP), "SH"))


def one(data: bytes) -> None:
    """Raises where a promise is broken; returns where bytes were merely bad."""
    if not data:
        return
    options, stream = data[0], data[1:]
    size = (1 << 20, 1, 7, 64)[options & 3]
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
    heard = [_hear(core, pieces, options) for core in (pure, compiled)]
    assert heard[0] == heard[1], f"the cores differ: {heard}"
    looked = [_Look(core).at(pieces, options) for core in (pure, compiled)]
    assert looked[0] == looked[1], f"the cores differ: {looked}"
    named = [core.has_uid(stream, bool(options & 128), STUDY_UID) for core in (uids, compiled)]
    assert named[0] == named[1], f"the cores differ: {named}"
    elements = stream.split(b"\0")
    for at in range(0, min(len(elements), 20 * len(MORE)), len(MORE)):
        _read_elements(elements[at : at + len(MORE)])
    _crowd(elements, options)
    _converse(pieces)


class _Narrow(Share):
    """Grants the first tables; the others as the input says."""

    def __init__(self, options: int) -> None:
        super().__init__(Memory(1 << 20))
        self.held, self.options = 0, options

    def take(self, size: int) -> int:
        if size > 512 << (self.options >> 4 & 3):
            return (Room.SAMPLE, Room.NONE)[self.options >> 6 & 1]
        self.held += size
        return Room.GRANTED

    def give(self, size: int) -> None:
        self.held -= size


def _crowd(values: list[bytes], options: int) -> None:
    """Sets and tallies that get no larger table."""
    for core in (pure, compiled):
        share = _Narrow(options)
        key = RunKey(bytes(KEY), share)
        one, tally, patients = core.DistinctSet(key), core.Tally(key, keep=2), core.DistinctSet(key)
        looks = core.PersonalTally(tally.uids, patients, MORE, lambda *_: None)
        looks.alone = 1000
        for at, value in enumerate(values[:400]):
            if options & 8 and at == 100:
                one.mark()
            one.add(value)
            tally.count(b"1.%d." % at + value[:8].hex().encode(), images=b"3")
            looks(value, bool(options & 128))
        tally.uids.include(one)
        assert len(one) >= one.sure and tally.uids.smallest(8) == sorted(tally.uids.smallest(8))
        assert one.sampled or one.full or len(one) == one.sure == len(set(values[:400]))
        one.go_on()
        del one, tally, patients, looks
        assert share.held == 0, "a set kept its memory"


def _hear(core: ModuleType, pieces: list[bytes], options: int) -> tuple[object, ...]:
    tally = core.Tally(KEY, keep=2 if options & 4 else 0)
    return (*_read(core, pieces, options, tally), _counts(tally))


def _read(core: ModuleType, pieces: list[bytes], options: int, tally: Tally | PersonalTally) -> list[object]:
    reader: Reader = core.Reader((1, 3, 5))
    reader.mode = (options >> 3 & 3) % 3
    stop_after = options >> 5 & 3
    answer = C_ECHO_RSP if options & 4 else C_FIND_RSP
    reader.expect(1, bool(options & 128), tally, stop_after, answer)
    held, log = b"", list[object]()
    for piece in pieces:
        held += piece
        while True:
            taken = reader.feed(held)
            assert 0 <= taken <= len(held)
            held = held[taken:]
            log.append((taken, reader.event))
            if reader.event is None:
                break
            if reader.event[0] == "error":
                return log
    return [*log, reader.matches]


class _Look:
    """A tally of personal attributes in one core. What goes aside chooses what it is told next."""

    def __init__(self, core: ModuleType) -> None:
        self.core, self.log = core, list[object]()
        self.rules = list[Rule]()
        self.seen, self.patients, self.known = (core.DistinctSet(KEY) for _ in range(3))
        self.tally = core.PersonalTally(self.seen, self.patients, MORE, self.take)

    def at(self, pieces: list[bytes], options: int) -> list[object]:
        if options & 4:
            self.tally.alone = 1 << 40
        read = _read(self.core, pieces, options, self.tally)
        stream = b"".join(pieces)
        self.tell(crc32(stream))
        self.tally.alone = 1 << 40
        texts = re.split("[\0-\x08\x80-\xff]+", stream.decode("latin-1"))
        for at in range(0, min(len(texts), 30 * len(MORE)), len(MORE)):
            values = [None if text == "P" else text for text in texts[at : at + len(MORE)]]
            values += [None] * (len(MORE) - len(values))
            self.log.append((self.tally.texts(b"1.2.%d" % at, values), self.counts()))
        return [*read, *self.log, self.counts()]

    def take(self, identifier: bytes, explicit: bool) -> None:
        self.log.append((identifier, explicit, self.counts()))
        self.tell(crc32(identifier) + len(self.log))

    def tell(self, lot: int) -> None:
        self.tally.alone = (0, 1, 2, 1000, 1 << 40)[lot % 5]
        self.tally.look(lot % len(KINDS), lot >> 3 & 3 if lot >> 3 & 3 < 3 else 0)
        self.tally.look(lot >> 5 & 3, lot % 3)
        self.tally.learn(ID, self.known if lot & 1 << 7 else None)
        self.known.add(b"536-90-%04d" % (lot >> 8 & 3))
        self.seen.add(b"1.2.%d" % (lot >> 10 & 7))
        if lot & 1 << 13:
            rules = RULES[lot % len(RULES) :][: lot >> 14 & 63]
            self.rules = [(*rule, self.core.DistinctSet(KEY), self.core.DistinctSet(KEY)) for rule in rules]
            self.tally.rules(self.rules)

    def counts(self) -> tuple[object, ...]:
        tally = self.tally
        numbers = tally.alone, tally.records, tally.malformed, tally.without_id, len(self.seen), len(self.patients)
        by_rule = [(tally.scheme(at), tally.learned(at), len(one[5]), len(one[6])) for at, one in enumerate(self.rules)]
        return numbers, [tally.kind(at) for at in range(len(KINDS))], by_rule, len(self.known)


def _read_elements(elements: list[bytes]) -> None:
    """Elements of JSON, the first of them also as a UID and as numbers. The compiled core leaves more of them to others."""
    elements += [b""] * (len(MORE) - len(elements))
    uid = b'{"vr":"UI","Value":["1.3.1"]}'
    for given in ((uid, *elements[:2]), tuple(elements[:3])):
        mine, its = core_tallies = [core.Tally(KEY) for core in (compiled, pure)]
        for tally in core_tallies:
            tally.uids.mark()
        if (said := mine.json(*given)) is not None:
            assert (its.json(*given), _counts(its)) == (said, _counts(mine)), "the cores differ on elements"
    for name in (uid, elements[0]):
        own, other = (_Look(core) for core in (compiled, pure))
        own.tally.alone = other.tally.alone = 9
        if said := own.tally.json(name, elements):
            assert (other.tally.json(name, elements), other.counts()) == (said, own.counts()), (
                "the cores differ on elements"
            )


def _counts(tally: Tally) -> tuple[object, ...]:
    return (
        tally.rows, tally.malformed, tally.distinct, tally.series, tally.images,
        tally.series_known, tally.images_known, tuple(tally.kept),
    )  # fmt: skip


class _Line:
    def __init__(self) -> None:
        self.stop: Outcome | None = None

    def send(self, data: bytes) -> None:
        pass

    def wait(self, seconds: float) -> None:
        pass

    def rest(self, seconds: float, then: Callable[[], None]) -> None:  # noqa: ARG002
        then()

    def close(self, stop: Outcome) -> None:
        self.stop = self.stop or stop


def _converse(pieces: list[bytes]) -> None:
    """Nothing but WireError leaves an association, and its words hold none of the peer's bytes."""
    keys = ((elements.QUERY_LEVEL, b"STUDY"), (elements.STUDY_UID, b""))

    def script(_: Association) -> Operations:
        yield Echo()
        yield Query(STUDY_ROOT_FIND, keys, Tally(KEY), cancel_after=2)

    talk, line, held = Association("ANY-SCP", script, throttle=Throttle(0.5)), _Line(), b""
    talk.opened(line)
    for piece in pieces:
        held += piece
        try:
            held = held[talk.received(memoryview(held)) :]
        except WireError as error:
            assert str(error).isascii()
            talk.farewell()
            break
        if line.stop is not None:
            break
    talk.ended(Outcome(OutcomeKind.CLOSED))
