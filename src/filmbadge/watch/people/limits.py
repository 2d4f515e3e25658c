"""How often somebody may try to log in. Whoever fails often waits longer each time, and never for long: nobody can lock another out for good.

A name that strangers try all day is in a pause all day. So a browser that this user has logged in with before counts by itself, and
not with the strangers (OWASP calls it a device cookie).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from threading import Lock
from time import monotonic
from typing import NamedTuple

_MOST_KEYS = 4096  # the one that failed longest ago is forgotten first
_FORGOTTEN_SECONDS = 3600.0
_LONGEST_SECONDS = 300.0

Key = tuple[str, str]
_FREE = {"name": 5, "known": 5, "peer": 20}  # tries that cost nothing: many may share the address of a peer
_DEFAULT_FREE = 5


class _Tries(NamedTuple):
    failed: int
    at: float


class Limits:
    """In memory: a restart forgets it, and nobody but who owns the machine can restart it."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock, self._tries, self._lock = clock, OrderedDict[Key, _Tries](), Lock()

    def begin(self, *keys: Key) -> float:
        """Seconds to wait. Zero: one try is let through, and counts as failed until it is known not to be: many at once count as many."""
        with self._lock:
            now = self._clock()
            if (wait := max(self._wait(key, now) for key in keys)) > 0:
                return wait
            for key in keys:
                self._tries[key] = _Tries(self._failed(key, now) + 1, now)
                self._tries.move_to_end(key)
            while len(self._tries) > _MOST_KEYS:
                self._tries.popitem(last=False)
            return 0.0

    def passed(self, *keys: Key) -> None:
        """They were who they said. What others of their address failed at stays counted."""
        with self._lock:
            for key in keys:
                if key[0] == "peer":
                    self._take_back(key)
                else:
                    self._tries.pop(key, None)

    def not_tried(self, *keys: Key) -> None:
        """Nothing was looked at after all."""
        with self._lock:
            for key in keys:
                self._take_back(key)

    def _take_back(self, key: Key) -> None:
        if (tries := self._tries.get(key)) is not None:
            self._tries[key] = _Tries(max(tries.failed - 1, 0), tries.at)

    def _failed(self, key: Key, now: float) -> int:
        tries = self._tries.get(key)
        return tries.failed if tries is not None and now - tries.at < _FORGOTTEN_SECONDS else 0

    def _wait(self, key: Key, now: float) -> float:
        over = self._failed(key, now) - _FREE.get(key[0], _DEFAULT_FREE)
        if over < 0:
            return 0.0
        return self._tries[key].at + min(2.0 ** min(over, 16), _LONGEST_SECONDS) - now


def peer_key(address: str) -> Key:
    """Of IPv6 a whole /64: one machine has all of its addresses."""
    try:
        found = ip_address(address)
    except ValueError:
        return "peer", address[:64]
    return "peer", str(ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
