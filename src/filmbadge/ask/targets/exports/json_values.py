"""Takes the objects out of a stream of JSON: one a line, over many lines, in an array, or one after the other.

masscan wrote two forms that are no JSON: objects with a comma at the end of each line and no array around them, and an
array with a comma after its last object. Both are read. What an object holds is left to whoever decodes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import msgspec

from filmbadge.ask.targets.exports.seen import End, Fault

MOST_OBJECT = 64 << 20  # bytes of one object; a page of a search has a few MiB
MOST_DEPTH = 100  # arrays and objects in each other
_OUTSIDE = re.compile(rb'["{}\[\]]')
_INSIDE = re.compile(rb'["\\]')
_BETWEEN = re.compile(rb"[ \t\r\n,]*")
_FINISHED = re.compile(rb"\{\s*finished:\s*\d+\s*\}")  # masscan's last line, before 2017-03
_FINISHED_OR_LESS = re.compile(rb"\{\s*(?:f(?:i(?:n(?:i(?:s(?:h(?:e(?:d(?::\s*\d*)?)?)?)?)?)?)?)?)?")
_TRUNCATED = "Input data was truncated"
_BYTE = re.compile(r"\(byte (\d+)\)")

T = TypeVar("T")


def objects(chunks: Iterable[bytes], decode: Callable[[bytes], T], end: End) -> Iterator[tuple[int, T]]:
    """Each object, decoded, with the line on which it begins. Raises Fault at what is no JSON.

    `decode` raises msgspec.DecodeError, UnicodeDecodeError or RecursionError.
    """
    found = _Objects(decode)
    for chunk in chunks:
        yield from found.feed(chunk)
    if found.broken_off():
        end.cut = f"line {found.line}"


class _Objects(Generic[T]):
    """Finds where objects begin and end. However the stream is cut into pieces, each byte is looked at twice at most."""

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        self._decode = decode
        self._data = bytearray()
        self._place = 0  # all before it is understood
        self._start = -1  # of the object that is open
        self._line_end = -1  # the next one after `_place`, where it is known
        self._depth = 0
        self._in_text = self._escaped = self._in_array = False
        self.line, self._counted = 1, 0  # the line of the byte `_counted`

    def broken_off(self) -> bool:
        """Whether the stream ended within an object or the array around them. Raises Fault if the object was wrong before."""
        left = bytes(self._data)
        if self._start < 0 or _FINISHED_OR_LESS.fullmatch(left):
            return self._start >= 0 or self._in_array
        try:
            self._decode(left)
        except (msgspec.DecodeError, RecursionError) as error:
            at = _BYTE.search(str(error))  # a number such as `-5.` is wrong only because it ends there
            if str(error) != _TRUNCATED and (at is None or int(at.group(1)) < len(left)):
                raise self._fault(left, error) from None
        except UnicodeDecodeError:
            pass
        return True

    def feed(self, chunk: bytes) -> Iterator[tuple[int, T]]:
        self._data += chunk
        self._line_end = -1
        while (value := self._next()) is not None:
            yield value
        understood = self._place if self._start < 0 else self._start
        self._count(understood)
        del self._data[:understood]
        self._place, self._counted = self._place - understood, 0
        self._start = min(self._start, 0)
        if self._start == 0 and len(self._data) > MOST_OBJECT:
            raise Fault(self.line, f"begins an object of more than {MOST_OBJECT >> 20} MiB")

    def _next(self) -> tuple[int, T] | None:
        while self._start >= 0 or self._begin():
            if (value := self._one_line()) is not None:
                return value
            if not self._close():
                return None
            whole = bytes(self._data[self._start : self._place])
            self._start = -1
            if _FINISHED.fullmatch(whole) is None:
                return self.line, self._decoded(whole)
        return None

    def _begin(self) -> bool:
        """Goes on to where an object begins. Whether there is one."""
        while True:
            between = _BETWEEN.match(self._data, self._place)
            self._place = self._place if between is None else between.end()
            if self._place == len(self._data):
                return False
            self._count(self._place)
            mark = bytes(self._data[self._place : self._place + 1])
            if mark == b"{":
                self._start = self._place
                return True
            if mark != (b"]" if self._in_array else b"["):
                raise Fault(self.line, "is not JSON that any known tool writes: an object should begin here")
            self._in_array, self._place = not self._in_array, self._place + 1

    def _one_line(self) -> tuple[int, T] | None:
        """The quick way, for an object that ends where its line does."""
        if self._place != self._start:
            return None
        if self._line_end < self._place:
            found = self._data.find(b"\n", self._place)
            self._line_end = len(self._data) if found < 0 else found
        if self._line_end == len(self._data):
            return None
        whole = bytes(self._data[self._start : self._line_end]).rstrip(b" \t\r,")
        if not whole.endswith(b"}"):
            return None
        try:
            value = self._decode(whole)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        self._place, self._start = self._line_end, -1
        return self.line, value

    def _close(self) -> bool:
        """Goes on to the end of the open object. Whether it is there."""
        data = self._data
        while True:
            if self._escaped and self._place < len(data):
                self._place, self._escaped = self._place + 1, False
            mark = None if self._escaped else (_INSIDE if self._in_text else _OUTSIDE).search(data, self._place)
            if mark is None:
                self._place = len(data)
                return False
            self._place = mark.end()
            match mark.group():
                case b'"':
                    self._in_text = not self._in_text
                case b"\\":
                    self._escaped = True
                case b"{" | b"[":
                    self._depth += 1
                    if self._depth > MOST_DEPTH:
                        raise Fault(self._line_of(self._place), f"has more than {MOST_DEPTH} levels of JSON")
                case _:
                    self._depth -= 1
                    if not self._depth:
                        return True

    def _decoded(self, whole: bytes) -> T:
        try:
            return self._decode(whole)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._fault(whole, error) from None

    def _fault(self, whole: bytes, error: Exception) -> Fault:
        if isinstance(error, UnicodeDecodeError):
            return Fault(self.line, "is not UTF-8 text")
        if isinstance(error, RecursionError):
            return Fault(self.line, "has too many levels of JSON")
        if isinstance(error, msgspec.ValidationError):
            return Fault(self.line, "is not what any known tool writes")
        at = _BYTE.search(str(error))
        later = whole.count(b"\n", 0, int(at.group(1))) if at else 0
        return Fault(
            self.line + later, f"is not JSON: the object begins on line {self.line}" if later else "is not JSON"
        )

    def _line_of(self, place: int) -> int:
        return self.line + self._data.count(b"\n", self._counted, place)

    def _count(self, place: int) -> None:
        """Counts lines up to a place, each once."""
        self.line, self._counted = self._line_of(place), place
