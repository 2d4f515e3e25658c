"""An event loop with a clock of its own, which jumps to whatever is next: hours of waiting take no time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class MadeClock(asyncio.SelectorEventLoop):
    """Nothing from outside happens in it. Each look at the clock costs a microsecond, and each sleep may be late."""

    def __init__(self, late: Callable[[], float] = lambda: 0.0) -> None:
        super().__init__()
        self.now, self._late = 1000.0, late
        self._selector.select = self._jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        self.now += 1e-6
        return self.now

    def _jump(self, seconds: float | None) -> list[object]:
        if seconds:
            self.now += seconds + self._late()
        return []
