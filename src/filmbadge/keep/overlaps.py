"""Archives that overlap: they hold some of the same studies, or nothing shows whether they are one. A sum has them once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import NamedTuple

import msgspec

from filmbadge.keep.views import Rows, Tables
from filmbadge.model import Doubt, DoubtCode, Provenance, Total


class Overlap(NamedTuple):
    """Open archives that hold some of the same studies and are not one, or of which nothing shows whether they are one."""

    archives: tuple[str, ...]
    shared: int = 0  # studies that are surely in more than one of them, and are in the sum too often
    exact: bool = False  # it is all that they share
    code: DoubtCode = DoubtCode.OVERLAP


class Overlaps:
    """The archives of a survey that overlap.

    At one host, the judge says which archives may be one. At two, they hold the same few studies: these may be samples
    that came with software. At many of one network, they show the same: one machine may stand behind its addresses.
    """

    def __init__(self, tables: Tables) -> None:
        self._shared = tables.rows("FROM shared_studies ORDER BY shared DESC, one, other")
        self._perhaps = tables.rows("FROM perhaps_one ORDER BY one, other")
        self._same_few = tables.rows("FROM same_few_studies ORDER BY one, other")
        self._alike = tables.rows("FROM alike_pairs ORDER BY one, other")
        self._more = {str(row["archive"]): int(row["more"]) for row in tables.rows("FROM perhaps_more")}
        pairs = (*self._shared, *self._perhaps, *self._same_few, *self._alike)
        names = list(dict.fromkeys([*self._more, *(str(pair[end]) for pair in pairs for end in ("one", "other"))]))
        wanted = "WHERE archive IN (SELECT unnest(?::VARCHAR[]))"
        members = tables.rows(f"SELECT quantity, archive, country FROM members {wanted}", names) if names else []
        self._members: dict[str, dict[str, str | None]] = {}
        for row in members:
            self._members.setdefault(str(row["quantity"]), {})[str(row["archive"])] = row["country"]
        sure = f"SELECT quantity, archive, sure FROM amounts {wanted} AND archive NOT IN (FROM unsure)"
        rows = tables.rows(sure, names) if names else []
        self._sure = {(str(row["quantity"]), str(row["archive"])): int(row["sure"]) for row in rows}

    def among(self, quantity: str, *country: str | None) -> frozenset[str]:
        """Of the archives in question, those that are counted as `quantity`, in all or in one country."""
        members = self._members.get(quantity, {})
        return frozenset(name for name, place in members.items() if not country or place == country[0])

    def of(self, ids: Set[str], *, once: bool) -> Iterator[Overlap]:
        """Of these archives, those that overlap. `once`: for a sum that has a study of several archives once.

        Archives that overlap by links hold each of their studies once in such a sum, whether they are one or several.
        """
        if once:
            yield from self._measured(ids)
        yield from self._one(ids, linked=not once)

    def sizes(self, quantity: str, archives: Sequence[str]) -> list[int]:
        """What these archives hold at least."""
        return [self._sure[quantity, name] for name in archives if (quantity, name) in self._sure]

    def bounded(self, total: Total, ids: Set[str]) -> Total:
        """How many these archives are: `total`, or between two bounds."""
        overlaps = list(self._one(ids))
        groups = [len(overlap.archives) for overlap in overlaps]
        more = sum(n for name, n in self._more.items() if name in ids)
        if not groups and not more:
            return total
        sure, most = (total.at_least or 0, None) if total.measured is None else (total.measured, total.measured)
        numbers = dict.fromkeys((DoubtCode.PERHAPS_ONE, DoubtCode.ALIKE), 0) | {DoubtCode.PERHAPS_MORE: more}
        for overlap in overlaps:
            numbers[overlap.code] += len(overlap.archives)
        doubts = tuple(Doubt(code, {"archives": n}) for code, n in numbers.items() if n)
        return bounded(
            total,
            at_least=max(0, sure - sum(groups) + len(groups)),
            at_most=None if most is None else most + more,
            doubts=total.doubts + doubts,
        )

    def _one(self, ids: Set[str], *, linked: bool = True) -> Iterator[Overlap]:
        """Archives of which nothing shows whether they are one. `linked`: also by links of two hosts."""
        alike = _within(self._alike, ids)
        names = {str(pair["one"]) for pair in alike}
        pairs = _within([*self._perhaps, *self._same_few] if linked else self._perhaps, ids)
        for members, _ in _connected([*pairs, *alike]):
            code = DoubtCode.PERHAPS_ONE if names.isdisjoint(members) else DoubtCode.ALIKE
            yield Overlap(members, code=code)

    def _measured(self, ids: Set[str]) -> Iterator[Overlap]:
        """By links that were measured. Of three archives or more, the shared studies are those of the best chain of pairs."""
        pairs = _within(self._shared, ids)
        exact = {frozenset((pair["one"], pair["other"])) for pair in pairs if pair["exact"]}
        for members, chain in _connected(pairs):
            whole = len(members) == 2 and frozenset(members) in exact
            yield Overlap(members, sum(pair["shared"] for pair in chain), whole)


def _within(pairs: Rows, ids: Set[str]) -> Rows:
    return [pair for pair in pairs if pair["one"] in ids and pair["other"] in ids]


def bounded(
    total: Total,
    *,
    at_least: int,
    doubts: tuple[Doubt, ...],
    unknown_archives: int | None = 0,
    at_most: int | None = None,
) -> Total:
    """The total as a bound. What is known stays in its parts."""
    parts = total.parts
    if not parts and total.measured:
        parts = {str(total.how): total.measured}
    return Total(
        total.quantity,
        None,
        Provenance.UNKNOWN,
        parts,
        unknown_archives=unknown_archives,
        bounded_archives=total.bounded_archives,
        dated_archives=total.dated_archives,
        at_least=at_least,
        doubts=doubts,
        at_most=at_most,
    )


def _connected(pairs: Rows) -> Iterator[tuple[tuple[str, ...], Rows]]:
    """The sets that pairs connect, each with the pairs that do it: the first ones that suffice."""
    of: dict[str, tuple[list[str], Rows]] = {}
    for pair in pairs:
        left, right = (of.setdefault(pair[end], ([pair[end]], [])) for end in ("one", "other"))
        if left is not right:
            left[0].extend(right[0])
            left[1].extend([*right[1], pair])
            of.update(dict.fromkeys(right[0], left))
    for members, chain in {id(found): found for found in of.values()}.values():
        yield tuple(sorted(members)), chain


def without(total: Total, overlap: Overlap, sizes: Sequence[int]) -> Total:
    """What several archives of an overlap hold was added up several times. `sizes` is what each holds at least."""
    if not any(sizes):
        return total
    twice = overlap.shared if total.quantity == "studies" else 0
    estimated = Provenance.ESTIMATED in (total.how, *total.parts)
    if twice and overlap.exact and total.measured is not None and not estimated:
        parts = {how: n - twice * (how == Provenance.COUNTED) for how, n in total.parts.items()}
        return msgspec.structs.replace(total, measured=total.measured - twice, parts=parts)
    known = total.at_most if total.measured is None or estimated else total.measured
    sure = total.measured if total.measured is not None and not estimated else total.at_least
    at_once = twice if twice and overlap.exact else sum(sizes) - max(sizes)
    return bounded(
        total,
        unknown_archives=total.unknown_archives,
        at_least=max(0, (sure or 0) - at_once),
        at_most=None if known is None else known - twice,
        doubts=_and(total.doubts, overlap),
    )


def _and(doubts: tuple[Doubt, ...], overlap: Overlap) -> tuple[Doubt, ...]:
    """The doubts with one for each kind of overlap, which has the number of all archives in it."""
    before = sum(doubt.numbers["archives"] for doubt in doubts if doubt.code is overlap.code)
    rest = [doubt for doubt in doubts if doubt.code is not overlap.code]
    return (*rest, Doubt(overlap.code, {"archives": before + len(overlap.archives)}))
