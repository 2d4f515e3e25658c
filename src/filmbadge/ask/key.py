"""The key of one run: hashes made with it can be compared within the run, and nowhere else."""

from __future__ import annotations

import secrets
from typing import NoReturn

from filmbadge.ask.memory import Share

SIZE = 16


class RunKey:
    """Held in memory only. It is not shown, and it cannot be pickled, so that no file or message holds it by accident.

    Processes that share a run share its key: `RunKey(bytes(key))`. Sets that are made with a key take their memory from its
    share; without one, nothing bounds them together.
    """

    __slots__ = ("_secret", "memory")

    def __init__(self, secret: bytes | None = None, memory: Share | None = None) -> None:
        self.memory = memory
        self._secret = secrets.token_bytes(SIZE) if secret is None else secret
        if len(self._secret) != SIZE:
            raise ValueError(f"a key has {SIZE} bytes")

    def __bytes__(self) -> bytes:
        return self._secret

    def __repr__(self) -> str:
        return "<RunKey>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the key of a run is not pickled")
