"""Which archives are one archive reached several ways, by sketches of their study UIDs.

A sketch is the smallest keyed hashes of all UIDs (bottom-k). The hashes of two sketches below the smaller of their
largest are an even sample of both archives, so the share that they have in common is the share of the archives:
with 256 hashes, and half in common, within 0.03 (one standard error). Where both fit into their sketch it is exact.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from filmbadge.model import Counts

SKETCH_SIZE = 256  # hashes in a sketch: 2 KiB an archive
SAME = 0.5  # of all studies of two archives, the share that both hold
ENOUGH = 20  # studies that two addresses must share; a few may be samples that came with the software
CLOSE = 0.02  # counts that differ by less may be of one archive
_INDEXED = 32


@dataclass(frozen=True, slots=True)
class Sketch:
    """`size` distinct study UIDs, and the smallest of their hashes. Lives in memory only, and is comparable there."""

    size: int
    smallest: array[int] = field(repr=False)

    @classmethod
    def of(cls, size: int, smallest: Sequence[int]) -> Sketch:
        return cls(size, array("Q", smallest))


@dataclass(frozen=True, slots=True)
class Overlap:
    shared: int  # hashes in both
    sampled: int  # hashes in either

    @property
    def share(self) -> float:
        return self.shared / self.sampled if self.sampled else 0.0


def overlap(one: Sketch, other: Sketch) -> Overlap:
    """The hashes of both that say something about both."""
    ends = [s.smallest[-1] for s in (one, other) if len(s.smallest) < s.size]
    end = min(ends, default=2**64)
    left, right = ({h for h in s.smallest if h <= end} for s in (one, other))
    return Overlap(len(left & right), len(left | right))


def same(one: Sketch, other: Sketch, *, here: bool) -> bool:
    """Whether two archives are one. `here`: at one address, where one shared study is no accident."""
    found = overlap(one, other)
    return found.shared >= (1 if here else ENOUGH) and found.share >= SAME


def same_counters(one: Counts, other: Counts) -> bool:
    """The same for two archives at one address of which no sketch was made: everything known of both is equal."""
    pairs = [(getattr(one, q).value, getattr(other, q).value) for q in ("patients", "studies", "series", "images")]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return (
        len(known) >= 3 and all(a == b for a, b in known) and min(one.studies.value or 0, one.images.value or 0) >= 10
    )


def pairs(sketches: Mapping[str, Sketch]) -> list[tuple[str, str]]:
    """Archives at different addresses that are one, by id. Time grows with how many look alike, not with all pairs.

    Only those are compared that share one of their smallest hashes: of two that are the same, all but one in billions.
    """
    holders: dict[int, list[str]] = {}
    found: dict[tuple[str, str], None] = {}
    for name, sketch in sketches.items():
        near = {other: None for h in sketch.smallest[:_INDEXED] for other in holders.get(h, ())}
        for other in near:
            if same(sketches[other], sketch, here=False):
                found[other, name] = None
        for h in sketch.smallest[:_INDEXED]:
            holders.setdefault(h, []).append(name)
    return list(found)


def groups(together: Iterable[tuple[str, str]]) -> list[list[str]]:
    """The sets that pairs connect."""
    of: dict[str, list[str]] = {}
    for one, other in together:
        left, right = of.setdefault(one, [one]), of.setdefault(other, [other])
        if left is not right:
            left += right
            of.update(dict.fromkeys(right, left))
    return list({id(members): members for members in of.values()}.values())


@dataclass(frozen=True, slots=True)
class Size:
    """How much an archive holds, as far as is known."""

    archive: str
    studies: int
    others: tuple[int | None, ...]  # images, series, patients


def to_sketch(sizes: Iterable[Size], have: Iterable[str]) -> list[str]:
    """Those without a sketch whose counts are close to another's: only they could be the same as another archive.

    All numbers must be close that are known of both.
    """
    sketched = set(have)
    ordered = sorted((s for s in sizes if s.studies >= ENOUGH), key=lambda s: s.studies)
    wanted: dict[str, None] = {}
    for at, one in enumerate(ordered):
        for other in ordered[at + 1 :]:
            if not _close(one.studies, other.studies):
                break
            known = [(a, b) for a, b in zip(one.others, other.others, strict=True) if a is not None and b is not None]
            if all(_close(a, b) for a, b in known):
                wanted |= {s.archive: None for s in (one, other) if s.archive not in sketched}
    return list(wanted)


def _close(one: int, other: int) -> bool:
    return abs(one - other) <= CLOSE * max(one, other)
