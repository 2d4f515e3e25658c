"""Where the wanted attributes stand in a row. It finds bytes, and looks at none."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter

from filmbadge.ask.decoder import elements

MAX_LAYOUTS, MAX_LAYOUT = 256, 4096  # number of layouts that are made, and largest row in bytes that has one


class Places:
    """Where the wanted attributes stand in a row, outside of sequences.

    Archives repeat the layout of their rows. Only the headers decide how the loop over the elements runs. So if a
    row has the headers of an earlier row at the same offsets, its values stand at the same offsets too.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self._wanted = wanted
        self._layouts: dict[tuple[int, bool], _Layout] = {}
        self._made = 0

    def known(self, identifier: bytes, explicit: bool) -> tuple[bytes, ...] | None:
        """The wanted values, in their order, of a row that has a known layout. Missing ones are empty."""
        layout = self._layouts.get((len(identifier), explicit))
        if layout is None or layout.headers.unpack(identifier) != layout.seen:
            return None
        return layout.pick((*layout.values.unpack(identifier), b""))

    def find(self, identifier: bytes, explicit: bool) -> tuple[tuple[bytes, ...], bool]:
        """The same of any row, and whether each wanted attribute comes once, has a length, and follows a smaller tag.

        Raises WireError.
        """
        found: dict[int, bytes] = {}
        ordered, last = True, -1
        for depth, tag, at, length, _ in elements.headers(identifier, explicit=explicit):
            if depth or tag not in self._wanted:
                continue
            ordered, last = ordered and tag > last and length != elements.UNDEFINED, tag
            if length != elements.UNDEFINED:
                found[tag] = identifier[at : at + length]
        if ordered and len(identifier) <= MAX_LAYOUT and self._made < MAX_LAYOUTS:
            made = _Layout.of(identifier, explicit, self._wanted)
            if made is not None:
                self._layouts[len(identifier), explicit] = made
                self._made += 1
        return tuple(found.get(tag, b"") for tag in self._wanted), ordered


@dataclass(frozen=True, slots=True, repr=False)
class _Layout:
    """The places of the headers and of the wanted values in a row."""

    headers: struct.Struct
    seen: tuple[bytes, ...]
    values: struct.Struct
    # Maps the values to the wanted attributes; missing attributes are empty.
    pick: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]

    @classmethod
    def of(cls, identifier: bytes, explicit: bool, wanted: Sequence[int]) -> _Layout | None:
        """The layout of a well-formed row without sequences of undefined length. None for any other row."""
        headers, values = ["<"], ["<"]
        place: dict[int, int] = {}
        end = number = 0
        for _, tag, at, length, _ in elements.headers(identifier, explicit=explicit):
            if length == elements.UNDEFINED:
                return None
            size = at - end
            headers.append(f"{size}s{length}x")
            values.append(f"{size}x{length}s" if tag in wanted else f"{size + length}x")
            if tag in wanted:
                place[tag] = number
                number += 1
            end = at + length
        first = struct.Struct("".join(headers))
        pick = itemgetter(*(place.get(tag, -1) for tag in wanted))
        return cls(first, first.unpack(identifier), struct.Struct("".join(values)), pick)
