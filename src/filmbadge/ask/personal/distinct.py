"""How many are distinct, in some twenty bytes for each: digests in the set of a tally."""

from __future__ import annotations

import secrets
import struct
from hashlib import blake2b

from filmbadge.ask.decoder import Tally, elements

_RUN_KEY = secrets.token_bytes(16)  # in memory only
_HEAD = struct.pack("<HH2sH", elements.STUDY_UID >> 16, elements.STUDY_UID & 0xFFFF, b"UI", 16)


def digest(value: bytes) -> bytes:
    """What makes two values comparable in all archives of this run, and nowhere else."""
    return blake2b(value, digest_size=8, key=_RUN_KEY).digest()


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

    def smallest(self, k: int) -> list[int]:
        """A sketch, comparable within this process only, and only if the digests are."""
        return self._tally.smallest(k)

    def mark(self) -> None:
        self._tally.mark()

    @property
    def here(self) -> int:
        return self._tally.here
