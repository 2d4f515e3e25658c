"""The programs say of every number what `valid` says, and any bytes are safe to run."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

import pytest
import stdnum
from hypothesis import given
from hypothesis import strategies as st
from stdnum.do import cedula
from stdnum.mx import curp, rfc

from filmbadge.ask.decoder.compiled import program_valid
from filmbadge.identifiers.checks import valid
from filmbadge.identifiers.instructions import (
    LETTERS,
    any_of,
    folded,
    is_in,
    is_not,
    kinds,
    let,
    mod,
    number,
    only,
    sign,
    total,
)
from filmbadge.identifiers.instructions import date as is_date
from filmbadge.identifiers.programs import PYTHON_STDNUM, program, programs
from filmbadge.identifiers.schemes import SIGNS, Scheme, schemes

WITHOUT = {"cn.ric"}


def test_every_scheme_has_a_program_but_those_known_to_have_none() -> None:
    assert schemes().keys() - programs(date.today()).keys() == WITHOUT
    assert programs(date.today()).keys() <= schemes().keys()
    assert all(map(program, schemes().keys() - WITHOUT))
    assert not any(map(program, WITHOUT))


def test_the_programs_are_of_the_version_of_python_stdnum_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one may have other rules: hold each scheme equal with a few million numbers, then name it."""
    assert stdnum.__version__ == PYTHON_STDNUM
    monkeypatch.setattr(stdnum, "__version__", "99")
    assert program("gb.nhs") is None


@pytest.mark.parametrize("name", sorted(schemes().keys() - WITHOUT))
def test_a_program_says_what_the_rule_says(name: str) -> None:
    rule = program(name)
    assert rule
    judged = {number: program_valid(rule, number.encode()) for number in numbers(schemes()[name], rule)}
    assert [number for number, passed in judged.items() if passed is not valid(name, number)] == []
    assert sum(judged.values()) > 10


def compact(written: str) -> bytes:
    return "".join(sign for sign in written if sign.isalnum()).encode()


def numbers(scheme: Scheme, rule: bytes) -> Iterator[str]:
    """Some at random, and some on a walk from the example, from one number that passes to others near by."""
    chance = random.Random(scheme.id)
    found = [compact(scheme.example).decode()]
    yield from found
    for _ in range(3000):
        yield drawn(scheme.shape, chance)
    for _ in range(3000 if scheme.birth else 0):
        yield with_a_leap_day(drawn(scheme.shape, chance), scheme.shape, chance)
    for step in range(50_000):
        one = changed(chance.choice(found), scheme.shape, chance)
        if passed := program_valid(rule, one.encode()):
            found.append(one)
        if passed or step < 1000:
            yield one
        if step > 1000 and len(found) > 200:
            break
    for one in found[:1] + found[-4:]:
        yield from neighbours(one, scheme.shape)


def drawn(shape: str, chance: random.Random) -> str:
    return "".join(chance.choice(SIGNS[sign]) for sign in shape)


def with_a_leap_day(one: str, shape: str, chance: random.Random) -> str:
    """29 February of a year that ends in 00, as it may be written: which centuries a rule knows shows only there."""
    day, month = (
        chance.choice(("29", "29", "69")),
        chance.choice(("02", "02", "02", "22", "42", "52", "62", "72", "82")),
    )
    written = chance.choice((f"00{month}{day}", f"{day}{month}00"))
    rooms = [at for at in range(len(shape)) if shape[at : at + 6] == "999999"]
    first = chance.choice(rooms or [len(shape)])
    return (one[:first] + written + one[first + 6 :])[: len(shape)]


def changed(one: str, shape: str, chance: random.Random) -> str:
    """Up to two signs anywhere, and up to three at the end, where most schemes have their check."""
    signs, last = list(one), len(one) - chance.randint(0, 3)
    for at in [*chance.choices(range(len(one)), k=chance.randint(1, 2)), *range(last, len(one))]:
        signs[at] = chance.choice(SIGNS[shape[at]])
    return "".join(signs)


def neighbours(one: str, shape: str) -> Iterator[str]:
    """All that differ in one sign, or by a swap of two signs that stand side by side."""
    for at, kind in enumerate(shape):
        yield from (one[:at] + other + one[at + 1 :] for other in SIGNS[kind])
        if shape[at - 1 : at] == kind:
            yield one[: at - 1] + one[at] + one[at - 1] + one[at + 1 :]


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        (
            "us.ssn",
            ["000120001", "666120001", "900120001", "001000001", "001010000", "078051120", "219099999", "457555462"],
        ),
        ("it.codicefiscale", ["RCCMNLUPSLUDVSVU", "RCCMNL83S18DL6VU", "RCCMNL83S58D969L", "RCCMNL83S98D969Z"]),
        ("in.aadhaar", ["200009900002", "200019910002", "200009900011"]),
        ("do.cedula", ["00000021249", "90001200901", "00113918204"]),
        ("ir.melli", ["0000000000", "1111111111", "9999999999"]),
        ("br.cpf", ["00000000000", "11111111111"]),
        ("de.idnr", ["11223456780", "11123456789", "11112345678", "12345678903"]),
    ],
)
def test_so_it_does_of_numbers_that_a_rule_names(name: str, numbers: list[str]) -> None:
    rule = program(name)
    assert rule
    assert [program_valid(rule, number.encode()) for number in numbers] == [valid(name, number) for number in numbers]


def test_so_it_does_of_all_that_a_table_holds() -> None:
    curps = [f"{name}310820HNERXN0" for name in curp._name_blacklist] + [
        f"BOXW310820H{a}{b}RXN0" for a in LETTERS for b in LETTERS
    ]
    tables = {
        "do.cedula": [
            one
            for number in cedula.whitelist
            if len(number) == 11
            for one in (number, number[:-1] + "0", "0" + number[:-1])
        ],
        "gb.upn": [f"{letter}{place:03}200005001" for place in range(1000) for letter in LETTERS],
        "id.nik": [f"{place:02}71011708450001" for place in range(100)],
        "mx.curp": [f"{begun}{check}" for begun in curps for check in range(10)],
        "mx.rfc": [f"{name}561231GR8" for name in rfc._name_blacklist],
        "my.nric": [f"770305{place:02}1234" for place in range(100)],
        "ro.cnp": [f"1630615{place:02}345{check}" for place in range(100) for check in range(10)],
    }
    for name, numbers in tables.items():
        rule = program(name)
        assert rule
        assert [one for one in numbers if program_valid(rule, one.encode()) is not valid(name, one)] == []


@pytest.mark.parametrize("name", ["dk.cpr", "no.fodselsnummer"])
def test_nobody_is_born_after_the_day_of_the_program(name: str) -> None:
    digits = len(schemes()[name].shape) - 6
    number = next(one for last in range(5 * 10 ** (digits - 1), 10**digits) if valid(name, one := f"010320{last}"))
    assert program_valid(programs(date(2020, 3, 1))[name], number.encode())
    assert not program_valid(programs(date(2020, 2, 29))[name], number.encode())


def test_the_belgian_century_is_told_by_the_check_and_the_year_of_the_program() -> None:
    number = next(
        one
        for check in range(1, 98)
        if valid("be.nn", one := f"200301001{check:02}") and int(one[:9]) % 97 + check != 97
    )
    assert program_valid(programs(date(2020, 1, 1))["be.nn"], number.encode())
    assert not program_valid(programs(date(2019, 12, 31))["be.nn"], number.encode())


# What the language says of a number that is "1234567" or "A1".
@pytest.mark.parametrize(
    ("passes", "number", "rule"),
    [
        (True, b"1234567", number(1, 4) + is_in(234)),
        (True, b"1234567", let(2) + number(0, 2) + is_in((200, 212))),
        (False, b"1234567", let(2) + number(0, 2) + is_in((200, 211), (213, 300))),
        (False, b"1234567", number(0, 8) + is_in((0, 99999999))),
        (True, b"A1", number(0, 2, 36) + is_in(361)),
        (True, b"A1", number(0, 1, 10, {"AB": 7}) + is_in(7)),
        (False, b"A1", number(0, 1, 10, {"BC": 7}) + is_in(7)),
        (True, b"A1", only(0, "BA") + only(1, "1")),
        (False, b"A1", only(0, "AB", 2)),
        (True, b"1234567", total(0, (1, 0, -2)) + mod(11) + is_in(6)),
        (False, b"1234567", total(0, (1, 0, -2)) + is_in((0, 99))),
        (True, b"1234567", folded(4, (2, 2)) + is_in(1 + 3)),
        (False, b"1234567", mod(0)),
        (True, b"1234567", number(0, 7) + is_not(1, 2, 1234566, 1234568)),
        (False, b"1234567", number(0, 7) + is_not(1, 1234567)),
        (True, b"1234567", number(3, 4) + sign(6, "12347")),
        (False, b"1234567", number(3, 4) + sign(6, "1234")),
        (True, b"1121567", kinds(0, 5) + is_in(3 * 256 + 3)),
        (True, b"1234567", any_of(number(0, 1) + is_in(2), number(0, 1) + is_in(1))),
        (True, b"1234567", any_of(number(0, 1) + is_in(1), is_in(1))),
        (False, b"1234567", any_of(number(0, 1) + is_in(2), is_in(1))),
        (True, b"20000229", number(0, 8) + is_date()),
        (False, b"19000229", number(0, 8) + is_date()),
        (False, b"20001301", number(0, 8) + is_date()),
        (False, b"20001200", number(0, 8) + is_date()),
        (False, b"00001201", number(0, 8) + is_date()),
        (False, b"20000229", number(0, 8) + is_date(20000228)),
    ],
)
def test_an_instruction_does_what_it_is_described_to_do(passes: bool, number: bytes, rule: bytes) -> None:
    assert program_valid(rule, number) is passes


def test_a_program_that_is_cut_off_is_passed_by_nothing() -> None:
    for name, rule in programs(date.today()).items():
        for cut in range(1, 3 + int.from_bytes(rule[1:3], "little")):
            assert not program_valid(rule[:cut], compact(schemes()[name].example))


pieces = st.builds(
    lambda code, operands: bytes([code, *len(operands).to_bytes(2, "little"), *operands]),
    st.integers(0, 13),
    st.binary(max_size=150),
)


@given(st.one_of(st.binary(), st.lists(pieces, max_size=8).map(b"".join)), st.binary(max_size=40))
def test_any_bytes_can_be_run_on_any_bytes(rule: bytes, number: bytes) -> None:
    assert program_valid(rule, number) in (True, False)
