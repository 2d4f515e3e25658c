"""The result of a further question. The sets that tell studies and patients apart stay in memory only."""

from __future__ import annotations

from dataclasses import dataclass

from filmbadge.ask.census.lot import Lot
from filmbadge.ask.decoder import DistinctSet
from filmbadge.model import Observation


@dataclass(frozen=True, slots=True, repr=False)
class Learned:
    seen: Observation
    studies: DistinctSet | None = None  # present if a census, or a list of a product, showed studies
    whole: bool = False  # it saw all of them
    patients: DistinctSet | None = None  # present if a profile looked at the patients' ids
    lot: Lot | None = None  # present if a census drew one
