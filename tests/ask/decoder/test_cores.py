"""The two cores are one decoder: equal on any stream, in any pieces, well-formed or not."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import compiled, elements, limits, pure
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.key import RunKey
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from support.recorded_connection import split

CONTEXTS = (1, 3, 5)
KEY = RunKey()
SOURCES = sorted(Path(pure.__file__).parent.glob("*.[ch]"))


@dataclass(frozen=True)
class Heard:
    """All that a core has to say about a stream."""

    taken: tuple[int, ...]
    events: tuple[pure.Event, ...]
    matches: int
    counts: tuple[object, ...]


def hear(
    core: object,
    chunks: list[bytes],
    *,
    explicit: bool,
    stop_after: int,
    keep: int,
    mode: int,
    generic: bool = False,
    hold: bool = False,
    answer: int = command.C_FIND_RSP,
) -> Heard:
    tally = core.Tally(KEY, keep=keep, lot=3, seed=keep)  # type: ignore[attr-defined]
    reader = core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    reader.mode = mode
    records: list[tuple[bytes, bool]] = []
    sink = (lambda data, explicit: records.append((data, explicit))) if generic else tally
    reader.expect(7, explicit, sink, stop_after, answer)
    held, taken, events = b"", [], []
    for chunk in chunks:
        held += chunk
        while True:
            took = reader.feed(memoryview(held))
            taken.append(took)
            held = held[took:]
            if reader.event is None or reader.event[0] == "error":
                break
            events.append(reader.event)
            commanded = reader.event[0] in ("command", "answer")
            if hold and commanded and len(events) % 3:
                reader.hold()
            elif commanded and len(events) % 2:
                reader.expect(7, explicit, sink, stop_after, answer)
            elif reader.event[0] == "unit" and len(events) % 3 == 0:
                reader.mode = (reader.mode + 1) % 3
        if reader.event is not None:
            events.append(reader.event)
            break
    counts = (*told(tally), records, reader.dropped)
    return Heard(tuple(taken), tuple(events), reader.matches, counts)


def element(tag: int, vr: bytes, value: bytes, explicit: bool) -> bytes:
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not explicit:
        return head + struct.pack("<I", len(value)) + value
    if vr in elements.LONG:
        return head + vr + b"\0\0" + struct.pack("<I", len(value)) + value
    return head + vr + struct.pack("<H", len(value)) + value


NUMBERS = st.sampled_from(
    [b"", b"3", b" 12 ", b"+5", b"-1", b"2147483647", b"2147483648", b"99999999999", b"x", b"1\0"]
)
SAID = st.sampled_from(
    [b"", b"ONLINE", b"ONLINE ", b"NEARLINE", b"OFFLINE\0", b"UNAVAILABLE", b"online", b"ONLINE\\", b" "]
)
UIDS = st.integers(0, 12).map(lambda n: b"1.2.%d" % n) | st.sampled_from(
    [b"", b"  ", b"DOE^JANE", b"1" * 64, b"1" * 65]
)
TEXTS = st.sampled_from([b"", b" ", b"DOE^JANE", b"P1", b"P2 ", b"\xff\0"])
NESTED = st.sampled_from(
    [b"", b"\xfe\xff\x00\xe0" + b"\xff" * 4 + b"\xfe\xff\x0d\xe0" + bytes(4), b"\xfe\xff\x00\xe0\x04\0\0\0abcd"]
)


@st.composite
def data_sets(draw: st.DrawFn, explicit: bool) -> bytes:
    parts = [
        element(0x00080050, b"SH", draw(TEXTS), explicit),
        element(elements.INSTANCE_AVAILABILITY, b"CS", draw(SAID), explicit),
        element(0x00100010, b"PN", draw(TEXTS), explicit),
        element(0x00100020, b"LO", draw(TEXTS), explicit),
        element(elements.STUDY_UID, b"UI", draw(UIDS), explicit),
        element(elements.SERIES_IN_STUDY, b"IS", draw(NUMBERS), explicit),
        element(elements.IMAGES_IN_STUDY, b"IS", draw(NUMBERS), explicit),
    ]
    chosen = [part for part in parts if draw(st.integers(0, 5))]
    if draw(st.booleans()):
        undefined = b"\xff" * 4
        vr = draw(st.sampled_from([b"SQ", b"UN", b"OB"]))
        head = struct.pack("<HH", 0x0008, 0x1110) + (vr + b"\0\0" if explicit else b"") + undefined
        chosen.insert(1, head + draw(NESTED) + b"\xfe\xff\xdd\xe0" + bytes(4))
    whole = b"".join(chosen)
    if not draw(st.integers(0, 9)):
        whole = whole[: draw(st.integers(0, len(whole)))]
    return whole


COMMANDS = st.builds(
    Command,
    st.sampled_from([command.C_FIND_RSP] * 6 + [command.C_ECHO_RSP, 0x0001]),
    st.sampled_from([7] * 8 + [6]),
    st.just(STUDY_ROOT_FIND),
    st.sampled_from([0xFF00, 0xFF00, 0xFF00, 0xFF01, 0x0000, 0xFE00, 0xC001, None]),
    st.sampled_from([True, True, True, True, False]),
)


@st.composite
def streams(draw: st.DrawFn, explicit: bool, long: bool = False) -> bytes:
    """With `long`, much of it is in P-DATA of more bytes than a unit may have that is held as a whole."""
    stream = b""
    for _ in range(draw(st.integers(0, 12))):
        if draw(st.integers(0, 11)):
            said = draw(COMMANDS)
            content = draw(data_sets(explicit)) if said.has_data_set or not draw(st.integers(0, 7)) else None
            size = draw(st.sampled_from([16384, 16384, 7, 30, 90]))
            one = pdu.data(draw(st.sampled_from([3, 3, 3, 3, 3, 3, 3, 9])), command.encode(said), content, size)
            if (stretched := long and draw(st.booleans())) or draw(st.booleans()):  # all its values in one PDU
                values = b"".join(body for _, body in units(one))
                if stretched:  # and a value that is dropped, or that no data set may have
                    filling = bytes(draw(st.sampled_from([limits.MAX_PDU, 2 * limits.MAX_PDU, limits.MAX_RECORD])))
                    values += struct.pack(">IBB", len(filling) + 2, 3, draw(st.sampled_from([0, 2, 2, 2]))) + filling
                one = pdu.header(pdu.P_DATA, len(values)) + values
            stream += one
        else:
            stream += draw(st.sampled_from([pdu.RELEASE_REQUEST, pdu.RELEASE_RESPONSE, pdu.abort(0), pdu.header(4, 0)]))
    if stream and not draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(stream) - 1))
        stream = stream[:at] + draw(st.binary(max_size=3)) + stream[at + draw(st.integers(0, 3)) :]
    return stream


def units(stream: bytes) -> list[tuple[int, bytes]]:
    found = []
    while stream:
        kind, length = pdu.HEADER.unpack_from(stream)
        found.append((kind, stream[6 : 6 + length]))
        stream = stream[6 + length :]
    return found


@settings(max_examples=600, deadline=None)
@given(st.data(), st.booleans(), st.sampled_from([0, 0, 0, 1, 3]), st.sampled_from([0, 0, 2]), st.booleans())
def test_equal_on_conversations(data: st.DataObject, explicit: bool, stop_after: int, keep: int, generic: bool) -> None:
    stream = data.draw(streams(explicit))
    answer = data.draw(st.sampled_from([command.C_FIND_RSP, command.C_FIND_RSP, command.C_ECHO_RSP]))
    chunks = split(stream, data.draw(st.lists(st.integers(0, 1 << 16), max_size=8))) if stream else []
    options = {
        "explicit": explicit,
        "stop_after": stop_after,
        "keep": keep,
        "mode": 1,
        "generic": generic,
        "answer": answer,
    }
    assert hear(pure, chunks, **options) == hear(compiled, chunks, **options)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(st.data(), st.booleans(), st.booleans(), st.booleans())
def test_equal_on_long_units(data: st.DataObject, explicit: bool, generic: bool, hold: bool) -> None:
    stream = data.draw(streams(explicit, long=True))
    chunks = split(stream, data.draw(st.lists(st.integers(0, 1 << 20), max_size=8))) if stream else []
    options = {"explicit": explicit, "stop_after": 0, "keep": 2, "mode": 1, "generic": generic, "hold": hold}
    assert hear(pure, chunks, **options) == hear(compiled, chunks, **options)  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.integers(0, 2))
@example(pdu.header(pdu.P_DATA, limits.MAX_PDU + 1), True, 0)
@example(pdu.header(pdu.P_DATA, limits.MAX_PDU + 1), True, 1)
@example(pdu.header(pdu.RELEASE_RQ, limits.MAX_CONTROL + 1), True, 1)
@example(b"\x02\0\xff\xff\xff\xff", True, 0)
def test_equal_on_anything(stream: bytes, explicit: bool, mode: int) -> None:
    options = {"explicit": explicit, "stop_after": 0, "keep": 0, "mode": mode}
    assert hear(pure, [stream], **options) == hear(compiled, [stream], **options)  # type: ignore[arg-type]


@settings(max_examples=600, deadline=None)
@given(st.data(), st.booleans())
def test_equal_on_records(data: st.DataObject, explicit: bool) -> None:
    rows = data.draw(st.lists(data_sets(explicit) | st.binary(max_size=80), max_size=8))
    one, two = (core.Tally(KEY) for core in (pure, compiled))
    for row in rows:
        one.add(row, explicit)
        two.add(row, explicit)
        assert told(one) == told(two)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(UIDS, NUMBERS, NUMBERS, SAID), max_size=20), st.integers(0, 3), st.integers(0, 2**64 - 1))
def test_equal_on_counts(rows: list[tuple[bytes, bytes, bytes, bytes]], keep: int, seed: int) -> None:
    """And a record that is counted by its fields counts as the data set with the same fields."""
    one, two, sent = (core.Tally(KEY, keep=keep, lot=2 * keep, seed=seed) for core in (pure, compiled, pure))
    for uid, series, images, said in rows:
        one.count(uid, series, images, said)
        two.count(uid, series=series, images=images, availability=said)
        keys = [(elements.STUDY_UID, uid), (elements.SERIES_IN_STUDY, series), (elements.IMAGES_IN_STUDY, images)]
        keys.append((elements.INSTANCE_AVAILABILITY, said))
        sent.add(elements.encode(keys, explicit=False), False)
        assert told(one) == told(two) == told(sent)


def told(tally: pure.Tally) -> tuple[object, ...]:
    return (
        tally.rows, tally.malformed, tally.distinct, tally.series, tally.images,
        tally.series_known, tally.images_known, tally.kept, tally.kept_online, tally.drawn, len(tally.uids),
        tally.studies_online, tally.studies_elsewhere, tally.images_online, tally.images_elsewhere,
    )  # fmt: skip


@pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
def test_many_distinct_uids_are_all_counted(core: object) -> None:
    """Past every growth of the set, and with each UID twice."""
    tally, again = core.Tally(KEY), core.Tally(KEY)  # type: ignore[attr-defined]
    rows = [elements.encode([(elements.STUDY_UID, b"1.2.%d" % n)], explicit=True) for n in range(30_000)]
    for row in rows + rows[::-1]:
        tally.add(row, True)
    assert (tally.rows, tally.distinct) == (60_000, 30_000)
    for row in rows[:100]:
        again.add(row, True)
    again.uids.include(tally.uids)
    assert again.distinct == 30_000


@pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
def test_the_uids_are_up_to_date_after_each_piece(core: object) -> None:
    """The compiled core lets UIDs wait in a queue while it reads; none waits when it has returned."""
    tally, reader = core.Tally(KEY), core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    uids = tally.uids
    uids.mark()
    reader.mode = reader.READ
    reader.expect(7, True, tally)
    response = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
    for number in range(100):
        row = elements.encode([(elements.STUDY_UID, b"1.2.%d" % number)], explicit=True)
        reader.feed(pdu.data(3, response, row, 16384))
        assert (len(uids), uids.here, tally.distinct) == (number + 1,) * 3


@pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
def test_a_stream_byte_by_byte(core: object) -> None:
    rows = [elements.encode([(elements.STUDY_UID, b"1.2.%d" % n)], explicit=True) for n in range(5)]
    response = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
    stream = b"".join(pdu.data(3, response, row, 40) for row in rows)
    options = {"explicit": True, "stop_after": 0, "keep": 9, "mode": 1}
    whole = hear(core, [stream], **options)  # type: ignore[arg-type]
    bytewise = hear(core, [stream[n : n + 1] for n in range(len(stream))], **options)  # type: ignore[arg-type]
    assert bytewise.counts == whole.counts
    assert whole.counts[:3] == (5, 0, 5)


def test_the_bounds_in_c_are_those_in_python() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    defined = dict(re.findall(r"#define (MAX_\w+) \(?([\d *]+)\)?\n", source))
    for name in ("MAX_PDU", "MAX_CONTROL", "MAX_COMMAND", "MAX_RECORD", "MAX_NESTING", "MAX_COUNT"):
        factors = [int(f) for f in defined[name].split("*")]
        assert getattr(limits, name) == factors[0] * (factors[1] if len(factors) > 1 else 1) * (
            factors[2] if len(factors) > 2 else 1
        )


@pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
def test_an_empty_command_set_is_no_match(core: object) -> None:
    """Found by fuzzing: it equalled the remembered command set of a query that had none yet."""
    empty = pdu.header(pdu.P_DATA, 6) + b"\0\0\0\2\3\3"
    heard = hear(core, [empty], explicit=True, stop_after=1, keep=0, mode=1)
    assert (heard.matches, heard.events) == (0, (("command", 3, b""),))


CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])
FOREIGN = struct.pack("<HHI", 0x0008, 0x0016, 0)  # an element that no command set has


@CORES
@pytest.mark.parametrize(
    ("said", "more", "answers"),
    [
        (Command(command.C_ECHO_RSP, 7, "", 0x0000), b"", True),
        (Command(command.C_ECHO_RSP, 7, "", 0xC001), b"", True),
        (Command(command.C_ECHO_RSP, 7, "", 0x0000), FOREIGN, False),
        (Command(command.C_ECHO_RSP, 7, "", 0x0000), FOREIGN[:7], False),
        (Command(command.C_ECHO_RSP, 7, "", 0x0000, True), b"", False),
        (Command(command.C_ECHO_RSP, 7, "", None), b"", False),
        (Command(command.C_ECHO_RSP, 7, "", 0xFF00), b"", False),
        (Command(command.C_ECHO_RSP, 6, "", 0x0000), b"", False),
        (Command(command.C_FIND_RSP, 7, "", 0x0000), b"", False),
    ],
)
def test_a_final_response_is_an_answer_only_if_nothing_is_odd_about_it(
    core: object, said: Command, more: bytes, answers: bool
) -> None:
    whole = command.encode(said) + more
    reader = core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    reader.mode = reader.READ
    reader.expect(7, True, None, 0, command.C_ECHO_RSP)
    reader.feed(pdu.data(3, whole, None, 16384))
    assert reader.event == (("answer", said.status, b"") if answers else ("command", 3, whole))


def long_unit(*values: tuple[int, int, bytes]) -> bytes:
    body = b"".join(struct.pack(">IBB", len(piece) + 2, context, control) + piece for context, control, piece in values)
    assert len(body) > limits.MAX_PDU
    return pdu.header(pdu.P_DATA, len(body)) + body


@CORES
@pytest.mark.parametrize("step", [1 << 30, 4096, 70_001])
def test_what_is_dropped_has_no_bound(core: object, step: int) -> None:
    """And it is dropped as it comes: none of it waits for the rest of its unit."""
    size = 20 * limits.MAX_RECORD
    stream = long_unit((3, 2, bytes(size)))
    reader = core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    reader.mode = reader.READ
    reader.idle()
    held = b""
    for at in range(0, len(stream), step):
        held += stream[at : at + step]
        held = held[reader.feed(held) :]
        assert not held
    assert reader.event == ("data", 3, b"")
    assert reader.dropped == size


@CORES
@pytest.mark.parametrize(
    ("control", "limit", "cause"),
    [(0, limits.MAX_RECORD, "data-set-too-long"), (1, limits.MAX_COMMAND, "command-too-long")],
)
def test_what_is_held_of_a_long_unit_keeps_to_its_bound(core: object, control: int, limit: int, cause: str) -> None:
    reader = core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    reader.mode = reader.READ
    reader.expect(7, True, lambda _data, _explicit: None)
    response = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
    if not control:
        reader.feed(pdu.data(3, response, None, 16384))
    reader.feed(pdu.header(pdu.P_DATA, 1 << 31) + struct.pack(">IBB", (1 << 31) - 4, 3, control))
    for _ in range(2 * limits.MAX_RECORD // 4096):
        assert reader.feed(bytes(4096)) == 4096
        if reader.event is not None:
            break
    assert reader.event == ("error", cause, (limit,))


@CORES
def test_records_in_a_long_unit_are_counted(core: object) -> None:
    """Some archives fill units to their own maximum, and not to the other's."""
    response = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
    rows = [elements.encode([(elements.STUDY_UID, b"1.2.%d" % n)], explicit=True) for n in range(2000)]
    pieces = (((3, 3, response), (3, 2, row)) for row in rows)
    stream = long_unit(*(value for pair in pieces for value in pair))
    for chunks in ([stream], split(stream, [1, 7, 100, 4096, 131_073])):
        heard = hear(core, chunks, explicit=True, stop_after=0, keep=0, mode=1)
        assert heard.matches == heard.counts[2] == len(rows)


@CORES
def test_a_data_set_that_is_held_is_handed_up_whole(core: object) -> None:
    reader = core.Reader(CONTEXTS)  # type: ignore[attr-defined]
    reader.mode = reader.READ
    reader.expect(7, True, lambda _data, _explicit: None)
    final = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0, True))
    whole = pdu.data(3, final, b"a data set", 24)
    taken = reader.feed(whole)
    assert reader.event[0] == "command"
    reader.hold()
    reader.feed(whole[taken:])
    assert reader.event == ("data", 3, b"a data set")
    assert (reader.matches, reader.dropped) == (0, 0)
