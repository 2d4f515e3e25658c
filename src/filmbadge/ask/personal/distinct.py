"""How many are distinct, in some twenty bytes for each: digests in the set of a tally."""

from __future__ import annotations

import struct

from filmbadge.ask.wire.dimse import elements
from filmbadge.ask.wire.dimse.core import Tally

_HEAD = struct.pack("<HH2sH", elements.STUDY_UID >> 16, elements.STUDY_UID & 0xFFFF, b"UI", 16)


class Distinct:
    """Digests of eight bytes. `mark` begins a part, of which `here` is how many distinct ones it had."""

    def __init__(self) -> None:
        self._tally = Tally()

    def __len__(self) -> int:
        return self._tally.distinct

    def __repr__(self) -> str:
        return "<Distinct>"

    def add(self, digest: bytes) -> bool:
        """Whether it is a new one."""
        before = self._tally.distinct
        self._tally.add(_HEAD + digest.hex().encode(), True)
        return self._tally.distinct > before

    def mark(self) -> None:
        self._tally.mark()

    @property
    def here(self) -> int:
        return self._tally.here
