"""Which archives are one archive reached several ways, by sketches of their study UIDs.

A sketch is the smallest keyed hashes of all UIDs (bottom-k). The hashes of two sketches below the smaller of their
largest are an even sample of both archives, so the share that they have in common is the share of the archives:
with 256 hashes, and half in common, within 0.03 (one standard error). Where both fit into their sketch it is exact.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import combinations
from typing import Generic, TypeVar

from filmbadge.model import Counts, Endpoint, Link, LinkBy

T = TypeVar("T")

SKETCH_SIZE = 256  # hashes in a sketch: 2 KiB an archive
SKETCH_HERE = (
    16_384  # between the ways into one host, while it is asked: with so many a few studies among thousands are found
)
ENOUGH = 20  # studies that two addresses must share; a few may be samples that came with the software
CLOSE = 0.02  # counts that differ by less may be of one archive
_HOLDERS = 16  # archives with one study that are compared: samples that came with software are in many


@dataclass(frozen=True, slots=True)
class Sketch:
    """`size` distinct study UIDs, and the smallest of their hashes. Lives in memory only, and is comparable there."""

    size: int
    smallest: array[int] = field(repr=False)
    whole: bool = True  # all studies were enumerated

    @classmethod
    def of(cls, size: int, smallest: Sequence[int], *, whole: bool = True) -> Sketch:
        return cls(size, array("Q", smallest), whole)

    def small(self) -> Sketch:
        """The same with as many hashes as are kept of an archive."""
        return Sketch(self.size, self.smallest[:SKETCH_SIZE], self.whole)


def measure(one: Endpoint, left: Sketch, other: Endpoint, right: Sketch) -> Link:
    """The hashes of both that say something about both: how many are in both, and how many in either."""
    ends = [s.smallest[-1] for s in (left, right) if len(s.smallest) < s.size]
    end = min(ends, default=2**64)
    mine, theirs = ({h for h in s.smallest if h <= end} for s in (left, right))
    shared, sampled = len(mine & theirs), len(mine | theirs)
    return Link(one, other, LinkBy.STUDY_UIDS, shared, sampled, len(mine), left.whole and right.whole)


def same(link: Link, *, here: bool) -> bool:
    """Whether two ways in lead to one archive: both were enumerated whole, and hold the same studies.

    `here`: at one host, where one shared study is no accident.
    """
    return link.by is LinkBy.JUDGED_ONE or (equal(link) and (link.shared or 0) >= (1 if here else ENOUGH))


def equal(link: Link) -> bool:
    return link.by is LinkBy.STUDY_UIDS and bool(link.shared) and link.shared == link.sampled and link.whole


def nested(link: Link) -> bool:
    """Whether all studies of one are among those of the other, or as good as that for what was not seen whole.

    It may be one archive, of which one way in shows a part, or two, of which one has copies of all the other's studies.
    """
    if (
        link.by is not LinkBy.STUDY_UIDS
        or not link.shared
        or link.of_one is None
        or link.sampled is None
        or equal(link)
    ):
        return False
    return link.shared in (link.of_one, link.sampled - link.of_one + link.shared) or not link.whole


def differ(link: Link) -> bool:
    """Whether it is shown that the two are not one: each was enumerated whole, and holds studies that the other does not."""
    if link.by is not LinkBy.STUDY_UIDS or link.shared is None or link.sampled is None or not link.whole:
        return link.by is LinkBy.JUDGED_APART
    mine = link.sampled if link.of_one is None else link.of_one
    return mine > link.shared and (link.of_one is None or link.sampled > mine)


def at_one_host(sketches: Mapping[Endpoint, Sketch]) -> tuple[Link, ...]:
    """Every pair is measured: also that two hold nothing in common is a fact."""
    return tuple(measure(*one, *other) for one, other in combinations(sketches.items(), 2))


def same_counters(one: Counts, other: Counts) -> bool:
    """The same for two archives at one address of which no sketch was made: everything known of both is equal."""
    pairs = [(getattr(one, q).value, getattr(other, q).value) for q in ("patients", "studies", "series", "images")]
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return (
        len(known) >= 3 and all(a == b for a, b in known) and min(one.studies.value or 0, one.images.value or 0) >= 10
    )


def among_hosts(sketches: Mapping[Endpoint, Sketch]) -> list[Link]:
    """Archives at different hosts that hold some of the same studies. Time grows with how many do, not with all pairs.

    Of many that hold the same, each is compared with one, and of many that share a few studies with the first of them.
    """
    holders: dict[int, list[Endpoint]] = {}
    found: list[Link] = []
    for endpoint, sketch in sketches.items():
        near = {other: None for h in sketch.smallest for other in holders.get(h, ())}
        links = [measure(other, sketches[other], endpoint, sketch) for other in near]
        copy = next(filter(equal, links), None)
        found += links if copy is None else [copy]
        for h in sketch.smallest if copy is None else ():
            if len(there := holders.setdefault(h, [])) < _HOLDERS:
                there.append(endpoint)
    return found


def in_one_network(sketches: Mapping[Endpoint, Sketch]) -> list[Link]:
    """Archives of one network with equally many studies that have nothing in common: a fact that keeps them two.

    Each is compared with the first few of them, and with the one before it.
    """
    alike: dict[tuple[str, int], list[Endpoint]] = {}
    found: list[Link] = []
    for endpoint, sketch in sorted(sketches.items()):
        before = alike.setdefault((network(endpoint.address), sketch.size), [])
        links = [
            measure(other, sketches[other], endpoint, sketch)
            for other in dict.fromkeys([*before[:_HOLDERS], *before[-1:]])
        ]
        found += [link for link in links if not link.shared]
        before.append(endpoint)
    return found


class Groups(Generic[T]):
    """The sets that pairs connect."""

    def __init__(self, pairs: Iterable[tuple[T, T]] = ()) -> None:
        self._of: dict[T, list[T]] = {}
        for one, other in pairs:
            self.join(one, other)

    def join(self, one: T, other: T) -> None:
        left, right = self._of.setdefault(one, [one]), self._of.setdefault(other, [other])
        if left is not right:
            large, small = (left, right) if len(left) >= len(right) else (right, left)
            large += small
            self._of.update(dict.fromkeys(small, large))

    def together(self, one: T, other: T) -> bool:
        return one in self._of and self._of[one] is self._of.get(other)

    def __iter__(self) -> Iterator[list[T]]:
        yield from {id(members): members for members in self._of.values()}.values()


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


def network(address: str) -> str:
    """An IPv4 /24 or an IPv6 /48."""
    bits = 24 if ip_address(address).version == 4 else 48
    return str(ip_network(f"{address}/{bits}", strict=False))
