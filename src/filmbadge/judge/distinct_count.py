"""How many are distinct in several archives together, by sketches: the smallest keyed hashes of each archive (KMV).

Where every archive fits into its sketch, all hashes are there, and the number is exact. Else the K smallest hashes of all
sketches are the K smallest of the union. They are spread evenly, so that if U is the place of the last of them between 0
and 1, the union has (K - 1) / U, with a standard error of 1 in the square root of K - 2: 3.1 % for 1,024. U times
the size of the union is a gamma variable of shape K, which gives the interval.
"""

from __future__ import annotations

from collections.abc import Collection
from math import ceil, floor

from filmbadge.judge.same_archive import Sketch
from filmbadge.model import Interval

SKETCH_SIZE = 1024  # hashes in a sketch: 8 KiB an archive
_LOW, _HIGH = (
    SKETCH_SIZE * (1 - 1 / (9 * SKETCH_SIZE) + z / (3 * SKETCH_SIZE**0.5)) ** 3 for z in (-1.96, 1.96)
)  # Wilson and Hilferty


def union(sketches: Collection[Sketch]) -> Interval:
    """The size of the union and its interval of 95 %, of no width where the size is exact."""
    together = {h for s in sketches for h in s.smallest}
    # What is sure without sampling: no less than the largest, no more than all of them.
    least, most = max((s.size for s in sketches), default=0), sum(s.size for s in sketches)
    if all(len(s.smallest) == s.size for s in sketches):
        least = most = len(together)
    if least == most:
        return Interval(least, least, least)
    place = (sorted(together)[SKETCH_SIZE - 1] + 1) / 2**64
    value, low, high = (
        min(max(n, least), most) for n in (round((SKETCH_SIZE - 1) / place), floor(_LOW / place), ceil(_HIGH / place))
    )
    return Interval(value, low, high)
