"""Where the wanted attributes stand in a row. It finds bytes, and looks at none."""

from __future__ import annotations

from collections.abc import Sequence

from filmbadge.ask.decoder import elements

MOST_HEADERS = 4096  # that are remembered
_Step = tuple[int, int, int]  # length of the value, its place among the wanted (-1: not wanted), tag


class Places:
    """Finds the wanted attributes of rows, outside of sequences.

    The eight bytes of most headers say all of their element: tag and length, and that its value follows. Archives repeat
    them, so what they say is looked up. A row with any other header goes through `elements.headers`.
    """

    def __init__(self, wanted: Sequence[int]) -> None:
        self._wanted = {tag: place for place, tag in enumerate(wanted)}
        self._known: tuple[dict[bytes, _Step], dict[bytes, _Step]] = ({}, {})  # in implicit VR, and in explicit VR

    def find(self, identifier: bytes, explicit: bool) -> tuple[list[bytes], bool]:
        """The wanted values in their order, and whether each comes once, has a length, and follows a smaller tag.

        Missing ones are empty. Raises WireError.
        """
        found, known = [b""] * len(self._wanted), self._known[explicit]
        at, size, last, ordered = 0, len(identifier), -1, True
        while at < size:
            head = identifier[at : at + 8]
            step = known.get(head) or self._learn(head, explicit)
            if step is None:
                return self._by_headers(identifier, explicit)
            length, place, tag = step
            at += 8 + length
            if place >= 0:
                found[place] = identifier[at - length : at]
                ordered, last = ordered and tag > last, tag
        return (found, ordered) if at == size else self._by_headers(identifier, explicit)

    def _by_headers(self, identifier: bytes, explicit: bool) -> tuple[list[bytes], bool]:
        found, ordered, last = [b""] * len(self._wanted), True, -1
        for depth, tag, at, length, _ in elements.headers(identifier, explicit=explicit):
            if depth or tag not in self._wanted:
                continue
            ordered, last = ordered and tag > last and length != elements.UNDEFINED, tag
            if length != elements.UNDEFINED:
                found[self._wanted[tag]] = identifier[at : at + length]
        return found, ordered

    def _learn(self, head: bytes, explicit: bool) -> _Step | None:
        """What a header says, if it says all of its element."""
        said = elements.short_header(head, explicit=explicit)
        if said is None:
            return None
        tag, length = said
        step = length, self._wanted.get(tag, -1), tag
        if len(self._known[explicit]) < MOST_HEADERS:
            self._known[explicit][head] = step
        return step
