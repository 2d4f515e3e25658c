"""How far a survey is, for whoever watches it from another process."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct


class ProgressDocument(Struct, frozen=True):
    """What `filmbadge survey --progress` writes."""

    pid: int  # of the process that surveys
    at: datetime  # when this was written: once a second, as long as the process lives
    hosts: int
    hosts_done: int
    archives: dict[str, int]  # found so far, by rung
    lines: tuple[str, ...]  # the same in words, and how long it will still take
    schema: Literal["filmbadge.progress/1"] = "filmbadge.progress/1"
