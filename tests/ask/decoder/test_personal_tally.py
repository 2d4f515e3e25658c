"""The two tallies of personal attributes are one: equal on any records, in any pieces, whatever is told to them between."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.decoder import compiled, elements, pure
from filmbadge.ask.decoder.personal import ANY_ASIDE, PLAIN_ASIDE, Field, Rule
from filmbadge.ask.decoder.values import FIRST_YEAR, YEARS
from filmbadge.ask.dimse import command, pdu
from filmbadge.ask.dimse.command import Command
from filmbadge.ask.key import RunKey
from filmbadge.ask.personal.progress import FIELDS
from filmbadge.catalogue.dicom import STUDY_ROOT_FIND
from filmbadge.catalogue.kinds import PATIENT_ID, STUDY_DATE
from filmbadge.identifiers.programs import program
from filmbadge.identifiers.schemes import US_SSN, schemes
from filmbadge.model import Kind
from support.personal_records import POOLS, VRS, element, record, text
from support.recorded_connection import split

KEY = RunKey()
KINDS = tuple(Kind)
SEQUENCE: Field = (0x00101002, KINDS.index(Kind.OTHER_IDS), "SQ")
OTHERS: list[Field] = [
    (0x00101000, KINDS.index(Kind.OTHER_IDS), "LO"),
    (0x00101001, KINDS.index(Kind.OTHER_NAMES), "PN"),
]
ALIKE = {0x00101000: PATIENT_ID, 0x00101001: 0x00100010, 0x00101002: PATIENT_ID}
RULED = [US_SSN, *(name for name in sorted(schemes()) if program(name))]
RESPONSE = command.encode(Command(command.C_FIND_RSP, 7, STUDY_ROOT_FIND, 0xFF00, True))
CORES = pytest.mark.parametrize("core", [pure, compiled], ids=["pure", "compiled"])


Ruled = tuple[int, str, str, str, bytes]  # a rule without its sets, which are of one core


def ruled(kind: Kind, scheme: str) -> Ruled:
    row = schemes()[scheme]
    return KINDS.index(kind), scheme, row.shape, row.written, program(scheme) or b""


def rule(core: ModuleType, kind: Kind, scheme: str) -> Rule:
    return *ruled(kind, scheme), core.DistinctSet(KEY), core.DistinctSet(KEY)


Order = tuple[str, tuple[Any, ...]]
ORDERS = st.one_of(
    st.tuples(st.just("alone"), st.tuples(st.sampled_from([0, 1, 2, 5, 1000, 1 << 40]))),
    st.tuples(st.just("look"), st.tuples(st.integers(0, len(Kind) - 1), st.integers(0, 2))),
    st.tuples(st.just("look"), st.tuples(st.sampled_from(sorted({kind for _, kind, _ in FIELDS if kind >= 0})), st.integers(0, 2))),
    st.tuples(st.just("learn"), st.tuples(st.sampled_from([1, 3]), st.none() | st.lists(st.sampled_from(POOLS[PATIENT_ID]), max_size=20))),
    st.tuples(
        st.just("rules"),
        st.tuples(st.lists(st.builds(ruled, st.sampled_from([Kind.PATIENT_ID, Kind.OTHER_IDS]), st.sampled_from(RULED)), max_size=64)),
    ),
    st.tuples(st.just("seen"), st.tuples(st.integers(0, 30).map(lambda n: b"1.2.%d" % n))),
)  # fmt: skip


@dataclass
class Told:
    """A tally of one core, what went aside from it, and what it is told whenever something does."""

    core: ModuleType
    orders: list[list[Order]]
    fields: Sequence[Field] = FIELDS
    aside: list[tuple[object, ...]] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    known: Any = None

    def __post_init__(self) -> None:
        self.seen, self.patients = self.core.DistinctSet(KEY), self.core.DistinctSet(KEY)
        self.tally = self.core.PersonalTally(self.seen, self.patients, self.fields, self.take)

    def take(self, identifier: bytes, explicit: bool) -> None:
        self.aside.append((identifier, explicit, self.counts()))
        for name, values in self.orders[len(self.aside) % len(self.orders)]:
            self.obey(name, values)

    def obey(self, name: str, values: tuple[Any, ...]) -> None:
        if name == "alone":
            (self.tally.alone,) = values
        elif name == "seen":
            self.seen.add(*values)
        elif name == "learn" and values[1] is not None:
            self.known = self.core.DistinctSet(KEY)
            for one in values[1]:
                self.known.add(one.strip(" \0\t\r\n").encode())
            self.tally.learn(values[0], self.known)
        elif name == "rules":
            self.rules = [(*rule, self.core.DistinctSet(KEY), self.core.DistinctSet(KEY)) for rule in values[0]]
            self.tally.rules(self.rules)
        else:
            getattr(self.tally, name)(*values)

    def counts(self) -> tuple[object, ...]:
        tally = self.tally
        numbers = tally.alone, tally.records, tally.malformed, tally.without_id, len(self.seen), len(self.patients)
        by_kind = tuple(tally.kind(at) for at in range(len(Kind)))
        by_rule = tuple(
            (tally.scheme(at), tally.learned(at), len(rule[5]), len(rule[6])) for at, rule in enumerate(self.rules)
        )
        return numbers, by_kind, by_rule, len(self.known or ()), tally.years()

    def read(self, rows: list[bytes], cuts: list[int], explicit: bool, size: int) -> list[object]:
        reader = self.core.Reader([3])
        reader.mode = reader.READ
        reader.expect(7, explicit, self.tally)
        held, said = b"", list[object]()
        for piece in split(b"".join(pdu.data(3, RESPONSE, row, size) for row in rows), cuts):
            held += piece
            held = held[reader.feed(held) :]
            assert reader.event is None
            said.append(self.counts())
        assert reader.matches == len(rows)
        return said


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, 1 << 32).map(random.Random),
    st.booleans(),
    st.sampled_from([40, 200, 16384]),
    st.lists(st.lists(ORDERS, max_size=8), min_size=1, max_size=5),
    st.lists(st.integers(0, 1 << 14), max_size=6),
)
def test_equal_on_records(
    lot: random.Random, explicit: bool, size: int, orders: list[list[Order]], cuts: list[int]
) -> None:
    """Also in what goes aside, in what order, and in what was counted by then."""
    rows = [record(lot, explicit, POOLS, uids=40) for _ in range(lot.randrange(1, 80))]
    orders[0].insert(0, ("alone", (1000,)))
    one, two = Told(pure, orders), Told(compiled, orders)
    for told in (one, two):
        told.tally.alone = 1000
    assert one.read(rows, cuts, explicit, size) == two.read(rows, cuts, explicit, size)
    assert one.aside == two.aside


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 1 << 32).map(random.Random), st.lists(ORDERS, max_size=40))
def test_equal_on_texts(lot: random.Random, orders: list[Order]) -> None:
    """With several attributes of one kind, in any order of fields."""
    fields = lot.sample([*FIELDS, *OTHERS, SEQUENCE], len(FIELDS) + 3)
    told = [Told(core, [[]], fields) for core in (pure, compiled)]
    for _ in range(20):
        uid = lot.choice(
            [b"1.2.%d" % lot.randrange(20), b"1.2.%d " % lot.randrange(20), b"", b"0.0", b"1" * 65, b"\xff"]
        )
        values = [text(lot, ALIKE.get(tag, tag), POOLS) if lot.randrange(4) else None for tag, _, _ in fields]
        values[fields.index(SEQUENCE)] = lot.choice([None] * 5 + ["", " ", "1"])
        for one in told:
            one.tally.alone = one.tally.alone or 1000
        assert told[0].tally.texts(uid, values) == told[1].tally.texts(uid, values)
        assert told[0].counts() == told[1].counts()
        for name, given_ in orders[:3]:
            for one in told:
                one.obey(name, given_)
        orders = orders[3:]
    assert not any(one.aside for one in told)


def row(uid: bytes, identity: bytes = b"MR1", **more: bytes) -> bytes:
    values = {0x00100010: more.get("name", b"Abara^Ada"), PATIENT_ID: identity, elements.STUDY_UID: uid}
    return b"".join(element(tag, VRS.get(tag, "UI"), value, True) for tag, value in values.items())


@CORES
@pytest.mark.parametrize("alone", [0, 1, 2, 63, 64, 65, 128, 149, 200])
def test_alone_is_exact(core: ModuleType, alone: int) -> None:
    """Whatever waits in a queue: a known study takes none off, and all that comes after the last new study goes aside."""
    told = Told(core, [[]])
    told.seen.add(b"1.2.0")
    told.tally.alone = alone
    told.read([row(b"1.2.%d" % (n // 2)) for n in range(300)], [], True, 16384)
    assert (told.tally.alone, told.tally.records) == (max(0, alone - 149), min(alone, 149))
    rows = [row(b"1.2.%d" % (n // 2)) for n in range(300)]
    assert [identifier for identifier, _, _ in told.aside] == (rows[2 * alone + (alone > 0) :] if alone < 150 else [])


@CORES
def test_sets_are_up_to_date_after_each_piece(core: ModuleType) -> None:
    told = Told(core, [[]])
    told.tally.alone = 1000
    told.seen.mark()
    for number in range(100):
        told.read([row(b"1.2.%d" % number, b"MR%d" % (number // 2))], [], True, 16384)
        assert (len(told.seen), told.seen.here, len(told.patients)) == (number + 1, number + 1, number // 2 + 1)


@CORES
def test_what_waits_is_counted_before_a_record_goes_aside(core: ModuleType) -> None:
    told = Told(core, [[]])
    told.tally.alone = 1000
    told.read([*(row(b"1.2.%d" % n) for n in range(10)), row(b"1.2.10", name="Müller^Ida".encode())], [], True, 16384)
    [(identifier, explicit, counts)] = told.aside
    assert explicit is True
    assert identifier == row(b"1.2.10", name="Müller^Ida".encode())
    assert counts == told.counts()
    assert told.tally.records == 10


@CORES
def test_an_exception_of_aside_ends_the_reading(core: ModuleType) -> None:
    def fails(_identifier: bytes, _explicit: bool) -> None:
        raise LookupError

    seen = core.DistinctSet(KEY)
    tally = core.PersonalTally(seen, core.DistinctSet(KEY), FIELDS, fails)
    reader = core.Reader([3])
    reader.mode = reader.READ
    reader.expect(7, True, tally)
    tally.alone = 3
    with pytest.raises(LookupError):
        reader.feed(b"".join(pdu.data(3, RESPONSE, row(b"1.2.%d" % n), 200) for n in range(9)))
    assert (reader.matches, tally.records, len(seen)) == (4, 3, 3)


@CORES
def test_the_query_may_end_while_a_record_is_aside(core: ModuleType) -> None:
    reader = core.Reader([3])
    reader.mode = reader.READ

    def ends(_identifier: bytes, _explicit: bool) -> None:
        reader.idle()
        gc.collect()

    reader.expect(7, True, core.PersonalTally(core.DistinctSet(KEY), core.DistinctSet(KEY), FIELDS, ends))
    reader.feed(pdu.data(3, RESPONSE, row(b"1.2.1"), 16384) + pdu.data(3, RESPONSE, row(b"1.2.2"), 16384))
    assert reader.event is not None
    assert reader.event[0] == "command"


class Owner:
    """Holds a tally that holds one of its methods, as a profile does."""

    def __init__(self, core: ModuleType) -> None:
        self.tally = core.PersonalTally(core.DistinctSet(KEY), core.DistinctSet(KEY), FIELDS, self.take)
        self.tally.rules([rule(core, Kind.PATIENT_ID, US_SSN)])
        self.tally.learn(1, core.DistinctSet(KEY))

    def take(self, identifier: bytes, explicit: bool) -> None:
        raise AssertionError


@CORES
def test_a_tally_and_its_owner_are_collected(core: ModuleType) -> None:
    owner = Owner(core)
    held = weakref.ref(owner)
    del owner
    gc.collect()
    assert held() is None


@CORES
def test_it_says_nothing_of_its_contents(core: ModuleType) -> None:
    assert repr(Told(core, [[]]).tally) == "<PersonalTally>"


@CORES
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda tally: tally.kind(99), IndexError),
        (lambda tally: tally.look(99, ANY_ASIDE), IndexError),
        (lambda tally: tally.scheme(0), IndexError),
        (lambda tally: tally.learned(0), IndexError),
        (lambda tally: tally.texts(b"1.2", ["a"]), ValueError),
    ],
)
def test_wrong_use(core: ModuleType, wrong: Callable[[pure.PersonalTally], object], error: type[Exception]) -> None:
    told = Told(core, [[]])
    told.tally.alone = 9
    before = told.counts()
    with pytest.raises(error):
        wrong(told.tally)
    assert told.counts() == before


@CORES
def test_more_schemes_than_it_can_count_are_refused(core: ModuleType) -> None:
    tally = Told(core, [[]]).tally
    tally.rules([rule(core, Kind.PATIENT_ID, US_SSN)])
    with pytest.raises(ValueError, match="too many schemes"):
        tally.rules([rule(core, Kind.PATIENT_ID, US_SSN)] * 65)
    assert tally.scheme(0) == (0, 0, 0)


@CORES
def test_each_distinct_id_of_nine_digits_is_learned_once(core: ModuleType) -> None:
    """As all rules that have its shape see it. Two of them in one record go aside."""
    told = Told(core, [[]])
    told.tally.alone = 1000
    rules = [rule(core, Kind.PATIENT_ID, name) for name in (US_SSN, "us.itin", "ca.sin", "gb.nhs")]
    told.tally.rules(rules)
    told.tally.learn(KINDS.index(Kind.PATIENT_ID), known := core.DistinctSet(KEY))
    ids = [b"536-90-4399", b"536-90-4399", b"980904399", b"123456782", b"9434765919", b"MR1", b"780-90-4399"]
    for number, identity in enumerate(ids):
        told.tally.add(row(b"1.2.%d" % number, identity), True)
    told.tally.add(row(b"1.2.0", b"111-11-1111"), True)  # a study that is known
    told.tally.add(row(b"1.2.99", b"536904399\\123456782"), True)
    assert len(told.aside) == 1
    assert len(known) == 4
    assert told.tally.learned(0) == (4, 3, 2, 2, 1, 2)  # 98-09-04 and 12-34-56: no; 780904: yes
    assert (len(rules[0][5]), len(rules[0][6])) == (4, 4)
    assert [told.tally.learned(at)[:2] for at in (1, 2, 3)] == [(4, 1), (4, 1), (0, 0)]


@CORES
@pytest.mark.parametrize("uid", [b"1.2.3", b"0.0"])
@pytest.mark.parametrize("value", [b"", b"  ", bytes(8), b"\xfe\xff\x00\xe0\x00\x00\x00\x00"])
def test_a_sequence_that_has_bytes_goes_aside(core: ModuleType, uid: bytes, value: bytes) -> None:
    """Also if it holds padding only, or the row names no study."""
    told = Told(core, [[]], [*FIELDS, SEQUENCE])
    told.tally.alone = 9
    told.tally.add(element(SEQUENCE[0], "SQ", value, True) + element(elements.STUDY_UID, "UI", uid, True), True)
    assert len(told.aside) == bool(value)


@CORES
def test_a_scheme_is_counted_anew_with_new_rules(core: ModuleType) -> None:
    told = Told(core, [[]])
    told.tally.alone = 1000
    told.tally.rules([rule(core, Kind.PATIENT_ID, US_SSN)])
    for uid, identity in ((b"1.1", b"536-90-4399"), (b"1.2", b"536904399"), (b"1.3", b"000-12-3456"), (b"1.4", b"MR1")):
        told.tally.add(row(uid, identity), True)
    assert told.tally.scheme(0) == (3, 2, 1)
    told.tally.rules([rule(core, Kind.PATIENT_ID, US_SSN)])
    assert told.tally.scheme(0) == (0, 0, 0)


@CORES
def test_studies_are_counted_by_the_year_of_their_exam(core: ModuleType) -> None:
    """Once each. What is no date, or no date that an exam can have had, has no year; nor has a study of several dates."""
    told = Told(core, [[]])
    told.tally.alone = 1000
    dated = [b"18950101", b"20241231", b"2024.01.01", b" 20240229", b"\\20240301", b"21491231"]
    undated = [b"", b"18941231", b"21500101", b"20230229", b"2024", b"20240101\\20240102", b"20240101\\20240101"]
    for number, date in enumerate([*dated, *undated]):
        for _ in range(2):
            told.tally.add(element(STUDY_DATE, "DA", date, True) + row(b"1.2.%d" % number), True)
    years = told.tally.years()
    assert {year: n for year, n in enumerate(years, FIRST_YEAR - 1) if n} == {
        FIRST_YEAR - 1: len(undated),
        1895: 1,
        2024: 4,
        2149: 1,
    }
    assert len(years) == YEARS + 1
    assert sum(years) == told.tally.records


@CORES
def test_a_plain_value_goes_aside_and_another_is_counted(core: ModuleType) -> None:
    told = Told(core, [[]])
    told.tally.alone = 1000
    told.tally.look(KINDS.index(Kind.PATIENT_NAME), PLAIN_ASIDE)
    names = [b"Abara^Ada", b"ANON", b"PHANTOM", b"PAT01", b"Anon\\Anon"]
    for number, name in enumerate(names):
        told.tally.add(row(b"1.2.%d" % number, name=name), True)
    assert [identifier for identifier, _, _ in told.aside] == [
        row(b"1.2.0", name=names[0]),
        row(b"1.2.4", name=names[4]),
    ]
    assert told.tally.kind(0) == (3, 0, 0, 3, 1, 1, 1)
