"""Splits a JSON array of objects. A short array is parsed at once; of a longer one, only the current object is held."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

AT_ONCE_UP_TO = 1024 * 1024  # An array of up to this many bytes is parsed at once, in a tenth of the time.
MAX_ROW = 1024 * 1024
# Matches a whole string, the beginning of a string without an end yet, or a bracket.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[{}\[\]]', re.DOTALL)
_SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"  # a sender must not add it, and a reader may ignore it, RFC 8259 8.1
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])


class JsonArray:
    """Gives each object of the outermost array to `take`, as bytes. `take` must check that it is well formed.

    `page` may take a short array whole instead. It returns the number of objects, or None: then they go to `take`.
    `piecemeal` gives objects also from an array that may never end.
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
            return
        self._held += data
        if not self._begun:
            if len(self._held) < len(BOM) and BOM.startswith(self._held):
                return
            self._begun = True
            self._held = self._held.removeprefix(BOM)
        if not self._piecemeal:
            if len(self._held) <= AT_ONCE_UP_TO:
                if data.rstrip(_SPACE).endswith(b"]"):
                    self._at_once()
                return
            self._piecemeal = True
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

    def _at_once(self) -> None:
        """Parse the array at once, if it has ended."""
        if self._page is not None and (count := self._page(self._held)) is not None:
            self._held = b""
            self.over, self.bare, self.count = True, not count, count
            return
        try:
            rows = _ARRAY.decode(self._held)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return
        self._held = b""
        self.over, self.bare = True, not rows
        for row in map(bytes, rows):
            if row.startswith(b"{"):
                self.count += 1
                self._take(row)

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
