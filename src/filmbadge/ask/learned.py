"""What asking further taught: the observation with it, and what tells studies and patients apart, in memory only."""

from __future__ import annotations

from dataclasses import dataclass

from filmbadge.ask.decoder import DistinctSet
from filmbadge.model import Observation


@dataclass(frozen=True, slots=True, repr=False)
class Learned:
    seen: Observation
    studies: DistinctSet | None = None  # where a census enumerated all of them
    patients: DistinctSet | None = None  # where a profile looked at their ids
