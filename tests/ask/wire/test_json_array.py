"""Arrays that come in pieces, whole and broken."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filmbadge.ask.wire import json_array
from filmbadge.ask.wire.json_array import JsonArray
from support.recorded_connection import split

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"\\{}[],: é\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"\\}]', max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ARRAYS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5)


def read(*pieces: bytes, piecemeal: bool = False) -> tuple[JsonArray, list[bytes]]:
    taken: list[bytes] = []
    made = JsonArray(taken.append, piecemeal=piecemeal)
    for piece in pieces:
        made.feed(piece)
    return made, taken


@settings(deadline=None, max_examples=300)
@given(ARRAYS, st.sampled_from([None, 1]), st.booleans(), st.lists(st.integers(0, 1 << 20), max_size=6), st.booleans())
def test_every_object_comes_out_as_it_went_in(
    array: list[object], indent: int | None, plain: bool, cuts: list[int], piecemeal: bool
) -> None:
    text = json.dumps(array, indent=indent, ensure_ascii=plain).encode()
    made, taken = read(*split(text, cuts), piecemeal=piecemeal)
    assert [json.loads(row) for row in taken] == array
    assert (made.count, made.over, made.broken, made.bare) == (len(array), True, False, not array)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"[", b"{", b"}", b"]", b'"', b"\\"]), max_size=30))
def test_anything_ends_in_rows_and_no_error(pieces: list[bytes]) -> None:
    made, taken = read(*pieces)
    assert made.count == len(taken)
    assert not (made.over and made.broken)


@pytest.mark.parametrize("text", [b"{}", b"null", b'"[{}]"', b"<html>[{}]", b"[{}}", b"[{]", b"[] and more"])
def test_what_is_no_array(text: bytes) -> None:
    made, _ = read(text)
    assert not made.over


def test_a_byte_order_mark_is_stepped_over() -> None:
    for pieces in ([b"\xef\xbb\xbf[{}]"], [b"\xef", b"\xbb\xbf[", b"{}]"]):
        made, taken = read(*pieces)
        assert (made.over, made.count, taken) == (True, 1, [b"{}"])


@pytest.mark.parametrize("text", [b"[1, 2]", b"[[]]", b'["a"]', b"[null]"])
def test_an_array_without_objects_is_not_bare(text: bytes) -> None:
    made, taken = read(text)
    assert (taken, made.over, made.bare) == ([], True, False)


def test_an_array_that_breaks_off_is_not_over() -> None:
    made, taken = read(b'[{"a": 1}, {"b": ', piecemeal=True)
    assert (len(taken), made.over) == (1, False)
    made, taken = read(b'[{"a": 1}, {"b": ')
    assert (len(taken), made.over) == (0, False)


def test_a_long_array_is_read_as_it_comes() -> None:
    row = b'{"a": "%s"}' % (b"x" * 60_000)
    made, taken = read(b"[", *[row + b","] * 100, row + b"]")
    assert (taken, made.over) == ([row] * 101, True)
    held, _ = read(b"[", *[row + b","] * 100)
    assert held.count > 90


def test_an_object_without_end_is_let_go() -> None:
    made, taken = read(b"[{", *[b'"' + b"x" * 65536 + b'",'] * 20)
    assert (made.broken, taken, made._held) == (True, [], b"")
    deep, _ = read(b"[" * (json_array.MAX_ROW * 2))
    assert deep._held == b"" and not deep.over
