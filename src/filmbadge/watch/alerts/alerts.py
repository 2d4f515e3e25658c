"""Tells people what happened."""

from __future__ import annotations

from filmbadge.watch.door import Door
from filmbadge.watch.store.store import Store


class Alerts:
    def __init__(self, store: Store, door: Door) -> None:
        self._store, self._door = store, door

    def add(self, name: str, url: str, *, public: bool, events: tuple[str, ...], digest: str) -> int:
        """A channel. `url` as apprise has it. Raises Refusal."""
        raise NotImplementedError

    def remove(self, channel: int) -> None:
        raise NotImplementedError

    def test(self, channel: int) -> None:
        """Sends a test message now. Raises Refusal, which says why it did not go."""
        raise NotImplementedError

    async def keep_going(self) -> None:
        """Sends what is due, until it is cancelled."""
