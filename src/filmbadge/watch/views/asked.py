"""What a view or an action is given, and what an action gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import Struct

from filmbadge.watch.people.who import Who
from filmbadge.watch.service import Service


class Nothing(Struct, frozen=True):
    """No parameters."""


class Done(Struct, frozen=True):
    """What an action did."""

    said: str  # one sentence
    to: str  # the page where a browser goes on
    once: str = ""  # shown this once, and kept nowhere: a new token


@dataclass(frozen=True)
class Asked:
    """One request that was let in."""

    service: Service
    who: Who
    path: dict[str, Any]
    query: Any  # as the route's `query` has it; of an action, its form
    peer: str  # the address of whoever asks
