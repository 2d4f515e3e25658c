"""Splits a JSON array of objects. A short array is parsed at once; a longer one in parts of whole objects, where its
objects begin alike; any other object by object. No more than a part, or an object, is held.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

AT_ONCE_UP_TO = 1024 * 1024  # What came is parsed at once when it is longer: in a tenth of the time that objects take.
MAX_ROW = 1024 * 1024
MOST_TRIES = 4  # at the objects that begin like the first of their array: one may be inside another
# Matches a whole string, the beginning of a string without an end yet, or a bracket.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[{}\[\]]', re.DOTALL)
_SPACE = b" \t\r\n"
_FIRST = re.compile(rb'\s*\[\s*(\{\s*"[^"\\]*")')  # of an array: how its first object begins
BOM = b"\xef\xbb\xbf"  # a sender must not add it, and a reader may ignore it, RFC 8259 8.1
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


class JsonArray:
    """Gives each object of the outermost array to `take`, as bytes. `take` must check that it is well formed.

    `page` may take a short array instead, or a part of a longer one, which is an array too. It returns the number of
    objects, or None: then they go to `take`. `piecemeal` gives each object as soon as it has come.
    """

    def __init__(
        self,
        take: Callable[[bytes], None],
        *,
        page: Callable[[bytes], int | None] | None = None,
        piecemeal: bool = False,
    ) -> None:
        self.count = 0
        self.over = False  # the array has ended
        self.broken = False  # the text is no array, or one object is longer than the limit
        self.bare = True  # only brackets and space came so far
        self._take = take
        self._page = page
        self._pieces: list[bytes] = []  # what was not parsed yet
        self._size = 0  # of all pieces
        self._held = b""
        self._at = 0  # everything before this offset was scanned
        self._depth = 0
        self._start = -1  # offset of the current object
        self._piecemeal = piecemeal
        self._begun = False  # it is known whether the text begins with a byte order mark

    def __repr__(self) -> str:
        return "<Rows>"

    def feed(self, data: bytes) -> None:
        if self.over or self.broken:
            self.bare = self.bare and not data.strip(_SPACE)
        elif self._piecemeal:
            self._one_by_one(data)
        else:
            self._collect(data)

    def _collect(self, data: bytes) -> None:
        """Hold pieces until they are long enough, or the array may have ended."""
        self._pieces.append(data)
        self._size += len(data)
        ended = data.rstrip(_SPACE).endswith(b"]")
        if not ended and self._size <= AT_ONCE_UP_TO:
            return
        text = b"".join(self._pieces)
        if not self._begun and len(text) >= len(BOM):
            self._begun, text = True, text.removeprefix(BOM)
        self.over = ended and self._at_once(text)
        if not self.over and len(text) > AT_ONCE_UP_TO and (rest := self._part(text)) != text:
            text = rest
        elif not self.over and len(text) > AT_ONCE_UP_TO:
            self._pieces, self._piecemeal = [], True
            self._one_by_one(text)
            return
        self._pieces = [] if self.over else [text]
        self._size = len(text)

    def end(self) -> None:
        """No more comes. Of a long array that broke off, or has something behind it, whole objects are still given."""
        if self.count and self._pieces:
            text, self._pieces, self._piecemeal = b"".join(self._pieces), [], True
            self._one_by_one(text)

    def _at_once(self, text: bytes) -> bool:
        """Parse an array, if it is whole."""
        count = None if self._page is None else self._page(text)
        if count is not None:
            self.count += count
            self.bare = self.bare and not count
            return True
        try:
            rows = _ARRAY.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        self.bare = self.bare and not rows
        for row in map(bytes, rows):
            if row.startswith(b"{"):
                self.count += 1
                self._take(row)
        return True

    def _part(self, text: bytes) -> bytes:
        """Parse the array up to its last object that begins like the first. Returns the array of what is left.

        Where what comes before is an array with a bracket after it, it holds whole objects: no other text can be one.
        """
        found, at = _FIRST.match(text), len(text)
        for _ in range(MOST_TRIES):
            at = -1 if found is None else text.rfind(found[1], 0, at)
            before = text[: max(at, 0)].rstrip(_SPACE)
            if before.endswith(b",") and self._at_once(before[:-1] + b"]"):
                return b"[" + text[at:]
        return text

    def _one_by_one(self, data: bytes) -> None:
        self._held += data
        if not self._begun:
            if len(self._held) < len(BOM) and BOM.startswith(self._held):
                return
            self._begun = True
            self._held = self._held.removeprefix(BOM)
        if not self._depth:
            self._held = self._held.lstrip(_SPACE)
            if self._held[:1] not in (b"", b"["):
                self.broken = True
                self._held = b""
                return
        self._scan()
        keep = self._start if self._start >= 0 else self._at
        self._held, self._at = self._held[keep:], self._at - keep
        self._start = min(self._start, 0)
        if self.over or self.broken or len(self._held) > MAX_ROW:
            self.broken = self.broken or not self.over
            self._held = b""

    def _scan(self) -> None:
        held = self._held
        while (found := _TOKEN.search(held, self._at)) is not None:
            sign = held[found.start()]
            if sign == 0x22 and not found[1]:  # the string continues in the next piece
                self._between(found.start())
                return
            self._between(found.start())
            self._at = found.end()
            if sign == 0x22:
                self.bare = False
            elif sign in b"{[":
                self._depth += 1
                if self._depth == 2 and sign == 0x7B:
                    self._start = found.start()
                self.bare = self.bare and self._depth == 1
            else:
                self._depth -= 1
                if self._depth == 1 and sign == 0x7D and self._start >= 0:
                    self.count += 1
                    row, self._start = held[self._start : self._at], -1
                    self._take(row)
                elif self._depth == 0:
                    self.over = sign == 0x5D
                    self.broken = not self.over
                    break
        self._between(len(held))

    def _between(self, end: int) -> None:
        """Checks the bytes between two tokens."""
        self.bare = self.bare and not self._held[self._at : end].strip(_SPACE)
        self._at = max(self._at, end)
