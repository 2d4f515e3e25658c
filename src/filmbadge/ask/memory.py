"""The memory that all sets of hashes of a run may take together.

Half of it is common: whoever needs it first has it; its last quarter is for small tables, so that small archives do not wait for large
ones. The other half is the reserve, for one census at a time. Its holder never
waits, so it ends, and the next one in line becomes the holder: nobody waits for ever. A census that finds neither has to wait. One that
outgrows the reserve is too large by itself, and goes on with a sample.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from enum import IntEnum

SMALL = 4096  # bytes of a small table: of a few hundred studies
AHEAD = 4  # who waits, waits for so many times what it has, so that a question is not repeated for little


class Room(IntEnum):
    """What a set may do that needs a larger table."""

    SAMPLE = -1  # keep to its table: it goes on with a sample of half as many
    NONE = 0  # take in nothing more, until there is room
    GRANTED = 1


class Memory:
    """Bytes of a run, by the shares of those who count."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.most = 0  # the largest number of bytes taken at one time
        self._reserve = limit // 2
        self._common = limit - self._reserve
        self._large = self._common * 3 // 4  # bytes of the common half that may be taken for other than small tables
        self._of_common = self._of_reserve = 0
        self._holder: Share | None = None
        self._waiting: deque[tuple[Share, int, asyncio.Future[None]]] = deque()

    @property
    def taken(self) -> int:
        """Bytes that all sets have now."""
        return self._of_common + self._of_reserve

    def share(self) -> Share:
        """For one who counts. It must be closed."""
        return Share(self)

    def take(self, share: Share, size: int) -> Room:
        if size <= share.ahead or self._of_common + size <= (self._common if size <= SMALL else self._large):
            ahead = min(size, share.ahead)
            share.ahead -= ahead
            share.of_common += size - ahead
            self._of_common += size - ahead
        elif self._held_by(share) and self._of_reserve + size <= self._reserve:
            self._holder = share
            share.of_reserve += size
            self._of_reserve += size
        else:
            return Room.SAMPLE if self._held_by(share) else Room.NONE
        self.most = max(self.most, self.taken)
        return Room.GRANTED

    def _held_by(self, share: Share) -> bool:
        return self._holder in (None, share)

    def give(self, share: Share, size: int) -> None:
        of_reserve = min(size, share.of_reserve)
        share.of_reserve -= of_reserve
        share.of_common -= size - of_reserve
        self._of_reserve -= of_reserve
        self._of_common -= size - of_reserve
        self.settle()

    def settle(self) -> None:
        """Hand on what became free to those who wait, in their order."""
        if self._holder is not None and self._holder.closed and not self._holder.of_reserve:
            self._holder = None
        while self._waiting:
            share, needs, awaited = self._waiting[0]
            if awaited.done():  # it does not wait any more
                pass
            elif self._of_common + needs <= self._large:
                share.of_common += needs
                share.ahead += needs
                self._of_common += needs
                self.most = max(self.most, self.taken)
                awaited.set_result(None)
            elif self._held_by(share):
                self._holder = share
                awaited.set_result(None)
            else:
                return
            self._waiting.popleft()

    async def wait(self, share: Share, seconds: float) -> None:
        """Until there is room for this share, or so long."""
        awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((share, AHEAD * max(share.taken, SMALL), awaited))
        self.settle()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await awaited
        if not awaited.done():
            awaited.cancel()


class Share:
    """What one census, with its profile, has of the memory. The sets that count for it take from it and give back."""

    def __init__(self, memory: Memory) -> None:
        self.of_common = self.of_reserve = 0
        self.ahead = 0  # of the common bytes, what was kept for it while it waited
        self.short = False  # a set took in less than came, because there was no room
        self.closed = False
        self._memory = memory

    @property
    def taken(self) -> int:
        return self.of_common + self.of_reserve

    @property
    def limit(self) -> int:
        """Bytes of all shares together."""
        return self._memory.limit

    def take(self, size: int) -> int:
        """Asked by a set that needs so many more bytes. Returns a `Room`."""
        room = self._memory.take(self, size)
        self.short = self.short or room is Room.NONE
        return room

    def give(self, size: int) -> None:
        """A set has so many bytes less."""
        self._memory.give(self, size)

    async def room(self, seconds: float) -> None:
        """Waits until there is room for more, at most so long. Nothing is asked meanwhile."""
        if self.short:
            self.short = False
            await self._memory.wait(self, seconds)

    def close(self) -> None:
        """Nothing more is counted. What its sets have they give back when they are gone."""
        self.closed = True
        ahead, self.ahead = self.ahead, 0
        self._memory.give(self, ahead)
