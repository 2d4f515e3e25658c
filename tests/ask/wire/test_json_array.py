"""Arrays that come in pieces, whole and broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from unittest.mock import patch

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


def read(
    *pieces: bytes, piecemeal: bool = False, page: Callable[[bytes], int | None] | None = None, most: int | None = None
) -> tuple[JsonArray, list[bytes]]:
    """With `most`, an array of that many bytes is a long one."""
    taken: list[bytes] = []
    made = JsonArray(taken.append, page=page, piecemeal=piecemeal)
    with patch.object(json_array, "AT_ONCE_UP_TO", json_array.AT_ONCE_UP_TO if most is None else most):
        for piece in pieces:
            made.feed(piece)
    return made, taken


# Objects that begin alike, as those of an archive do, and with others inside.
ALIKE = st.lists(st.builds(lambda value: {"k": value, "in": [{"k": 1}, {"k": value}]}, VALUES), max_size=8)


@settings(deadline=None, max_examples=400)
@given(
    ARRAYS | ALIKE,
    st.sampled_from([None, 1]),
    st.booleans(),
    st.lists(st.integers(0, 1 << 20), max_size=6),
    st.booleans(),
    st.sampled_from([None, 0, 30, 90]),
    st.sampled_from([None, False, True]),
)
def test_every_object_comes_out_as_it_went_in(
    array: list[object],
    indent: int | None,
    plain: bool,
    cuts: list[int],
    piecemeal: bool,
    most: int | None,
    page: bool | None,
) -> None:
    text = json.dumps(array, indent=indent, ensure_ascii=plain).encode()
    whole: list[object] = []

    def taken_whole(part: bytes) -> int | None:
        try:
            rows = json.loads(part) if page else None
        except ValueError:
            return None
        whole.extend(rows or ())
        return None if rows is None else len(rows)

    pages = None if page is None else taken_whole
    made, taken = read(*split(text, cuts), piecemeal=piecemeal, page=pages, most=most)
    rows = [json.loads(row) for row in taken]
    assert whole + rows == array  # a page is taken first, if any: nothing takes a page after an object
    assert (made.count, made.over, made.broken, made.bare) == (len(array), True, False, not array)


@settings(deadline=None, max_examples=300)
@given(ALIKE, st.lists(st.integers(0, 1 << 20), max_size=6), st.integers(1, 1 << 20), st.booleans())
def test_an_array_that_is_spoilt_somewhere_gives_no_row_that_is_not_there(
    array: list[object], cuts: list[int], where: int, insert: bool
) -> None:
    text = json.dumps(array).encode()
    at = where % len(text)
    text = text[:at] + (b'"]}' if insert else b"") + text[at + 1 :]
    _, whole = read(*split(text, cuts), most=40)
    _, each = read(*split(text, cuts), piecemeal=True)
    assert whole == each[: len(whole)]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.binary(max_size=20) | st.sampled_from([b"[", b"{", b"}", b"]", b'"', b"\\"]), max_size=30))
def test_anything_ends_in_rows_and_no_error(pieces: list[bytes]) -> None:
    for most in (None, 3):
        made, taken = read(*pieces, most=most)
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
    assert held.count > 80  # all but the last part


def test_a_long_array_whose_objects_begin_alike_is_taken_in_parts() -> None:
    row = b'{"a": [{"a": 1}], "b": "%s"}' % (b"x" * 60_000)
    parts: list[bytes] = []

    def page(part: bytes) -> int:
        parts.append(part)
        return part.count(row)

    made, taken = read(b"[", *[row + b","] * 100, row + b"]", page=page)
    assert (taken, made.over, made.count) == ([], True, 101)
    assert len(parts) > 5 and max(map(len, parts)) <= json_array.AT_ONCE_UP_TO + len(row)
    made, taken = read(b"[", *[row + b","] * 100, row + b"]", page=lambda _: None)
    assert (taken, made.over, made.count) == ([row] * 101, True, 101)


@pytest.mark.parametrize(
    ("behind", "rows", "over"), [(b"]\0", 101, True), (b"] ]", 101, True), (b', {"a": ', 101, False)]
)
def test_a_long_array_with_something_behind_it_gives_its_last_objects(behind: bytes, rows: int, over: bool) -> None:
    row = b'{"a": "%s"}' % (b"x" * 60_000)
    made, taken = read(b"[", *[row + b","] * 100, row + behind)
    made.end()
    assert (len(taken), made.count, made.over) == (rows, rows, over)
    short, taken = read(b"[", row + behind)
    short.end()
    assert (taken, short.over) == ([], False)


def test_an_object_without_end_is_let_go() -> None:
    made, taken = read(b"[{", *[b'"' + b"x" * 65536 + b'",'] * 20)
    assert (made.broken, taken, made._held, made._pieces) == (True, [], b"", [])
    deep, _ = read(b"[" * (json_array.MAX_ROW * 2))
    assert deep._held == b"" and not deep.over and not deep._pieces
