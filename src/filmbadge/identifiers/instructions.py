"""The language of `programs`: what a scheme's rule is made of. ask/decoder/programs.c runs it; the two change together.

A program is a string of instructions, and a number is valid if it passes all of them. One instruction is a byte that
names it, two bytes with the size of its operands (little endian), and the operands. There is one total, from 0 on.
The first instructions here add to it or change it. A test looks at it, and leaves 0 behind. Places in a number count
from 0. A sign is worth its value in base 36, unless other values are given; a sign without a value fails.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from itertools import pairwise
from string import ascii_uppercase, digits

Values = Mapping[str, int]  # what each sign of a key is worth

DIGITS, LETTERS = digits, ascii_uppercase
LATEST = 9999_12_31
_NONE = 255
_UINT32_MAX = 2**32 - 1


class Code(IntEnum):
    """EITHER holds instructions: where they all pass, the number is valid; else the program goes on behind them."""

    LET = 0
    VALUES = 1
    NUMBER = 2
    SUM = 3
    FOLD = 4
    MOD = 5
    WALK = 6
    KINDS = 7
    IN = 8
    SIGN = 9
    DATE = 10
    EITHER = 11


def let(total: int) -> bytes:
    """The total is this, from 0 to 255."""
    return _instruction(Code.LET, bytes([total]))


def number(first: int, end: int, base: int = 10, values: Values | None = None) -> bytes:
    """Append the signs from `first` up to `end` as digits: total = total * base + value, for each."""
    return _valued(values) + _instruction(Code.NUMBER, bytes([first, end - first, base]))


def total(first: int, weights: Iterable[int], values: Values | None = None) -> bytes:
    """Add the signs from `first` on, each times its weight, from -128 to 127."""
    return _valued(values) + _weighted(Code.SUM, first, weights)


def folded(first: int, weights: Iterable[int]) -> bytes:
    """The same, but 9 is taken off a product above 9: of two digits that is their sum."""
    return _weighted(Code.FOLD, first, weights)


def mod(modulus: int) -> bytes:
    """The total is its remainder, never a negative one."""
    return _instruction(Code.MOD, struct.pack("<H", modulus))


def walk(first: int, end: int, steps: Iterable[int], turns: Iterable[int] = range(10)) -> bytes:
    """For each sign: total = steps[10 * total + turned], where turned is the sign's value in its row of `turns`.

    All are digits. The rows have ten each, one for each sign, and begin anew where there are fewer.
    """
    return _instruction(Code.WALK, bytes([first, end - first, *steps, *turns]))


def kinds(first: int, end: int) -> bytes:
    """The total is 256 * how many signs are distinct + how often the most frequent one is there."""
    return _instruction(Code.KINDS, bytes([first, end - first]))


def is_in(*members: int | tuple[int, int]) -> bytes:
    """A test: the total is one of these, or in one of these ranges, their last included."""
    ranges: list[tuple[int, int]] = []
    for low, high in sorted((one, one) if isinstance(one, int) else one for one in members):
        if ranges and low == ranges[-1][1] + 1:
            ranges[-1] = ranges[-1][0], high
        else:
            ranges.append((low, high))
    return _instruction(Code.IN, b"".join(struct.pack("<II", low, high) for low, high in ranges))


def is_not(*members: int) -> bytes:
    """A test: the total is none of these."""
    edges = [-1, *sorted(members), _UINT32_MAX + 1]
    return is_in(*((low + 1, high - 1) for low, high in pairwise(edges) if low + 1 < high))


def sign(at: int, signs: str) -> bytes:
    """A test: the sign that stands there is the one that the total points at."""
    return _instruction(Code.SIGN, bytes([at]) + signs.encode("ascii"))


def date(latest: int = LATEST) -> bytes:
    """A test: the total is a date YYYYMMDD of the calendar, from the year 1 on, and not after the latest."""
    return _instruction(Code.DATE, struct.pack("<I", latest))


def any_of(*blocks: bytes) -> bytes:
    """The last test of a program: one of these blocks passes. Where one fails, the next begins with a total of 0."""
    return b"".join(_instruction(Code.EITHER, block) for block in blocks[:-1]) + blocks[-1]


def only(first: int, signs: str, end: int | None = None) -> bytes:
    """A test: one of these signs stands there, or at each place up to `end`. It adds 0."""
    return number(first, first + 1 if end is None else end, 1, {signs: 0})


def check(
    weights: Sequence[int],
    modulus: int,
    signs: str,
    at: int | None = None,
    first: int = 0,
    values: Values | None = None,
) -> bytes:
    """A test: the remainder of the weighted sum points at the check sign, which stands behind the weighted ones."""
    return total(first, weights, values) + mod(modulus) + sign(first + len(weights) if at is None else at, signs)


def rest(weights: Iterable[int], modulus: int, remainder: int = 0) -> bytes:
    """A test: the weighted sum of the signs from the first on leaves this remainder."""
    return total(0, weights) + mod(modulus) + is_in(remainder)


def luhn(first: int, end: int) -> bytes:
    """A test: ISO/IEC 7812-1 Annex B."""
    return folded(first, [2 - (end - at) % 2 for at in range(first, end)]) + mod(10) + is_in(0)


def iso_7064_mod_11_10(first: int, end: int) -> bytes:
    """A test: the hybrid system of ISO/IEC 7064 for digits."""
    steps = [((was or 10) * 2 % 11 + one) % 10 for was in range(10) for one in range(10)]
    return let(5) + walk(first, end, steps) + is_in(1)


def verhoeff(*spans: tuple[int, int]) -> bytes:
    """A test: Verhoeff's check of the digits of these spans, one behind the other. It counts them from the right."""
    left = sum(end - first for first, end in spans)
    steps = [_times(one, was) for was in range(10) for one in range(10)]
    program = b""
    for first, end in spans:
        left -= end - first
        turns = [_turned(one, left + end - 1 - at) for at in range(first, end) for one in range(10)]
        program += walk(first, end, steps, turns)
    return program + is_in(0)


def tens(at: int, cycle: int, signs: str = DIGITS) -> bytes:
    """Append one digit modulo `cycle`: the tens of a day or month to which some add 20, 40 or 50."""
    return number(at, at + 1, values={one: int(one) % cycle for one in signs})


def century(at: int, of: Values) -> bytes:
    """Begin a date with the hundreds of its year, as one sign tells them."""
    return number(at, at + 1, values=of)


def _times(a: int, b: int) -> int:
    """Of the dihedral group of order 10: below 5 are turns, from 5 on reflections."""
    return (a + (b if a < 5 else -b)) % 5 + 5 * ((a < 5) != (b < 5))


def _turned(digit: int, times: int) -> int:
    for _ in range(times % 8):
        digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
    return digit


def _instruction(code: Code, operands: bytes) -> bytes:
    return struct.pack("<BH", code, len(operands)) + operands


def _weighted(code: Code, first: int, weights: Iterable[int]) -> bytes:
    return _instruction(code, bytes([first, *(weight % 256 for weight in weights)]))


def _valued(values: Values | None) -> bytes:
    """What the signs are worth in the next instruction: the first sign, and the values from it on."""
    if values is None:
        return b""
    worth = {one: value for signs, value in values.items() for one in signs}
    run = range(ord(min(worth)), ord(max(worth)) + 1)
    return _instruction(Code.VALUES, bytes([run.start, *(worth.get(chr(one), _NONE) for one in run)]))
