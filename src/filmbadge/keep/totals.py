"""The totals of a survey: each quantity with its origin, and with what keeps it from being all.

A total is a number only if nothing is missing: every open archive's number is known, every host was asked and gave a
conclusive answer, and archives were compared with each other. Else it is a bound, with the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import msgspec

from filmbadge.keep.manifest import Manifest, PatientIds
from filmbadge.keep.schema import COUNTED, decode_doubts
from filmbadge.model import Decoy, Depth, Doubt, DoubtCode, Kind, Provenance, Total

PATIENT_IDS = (
    "patient_ids"  # distinct in all open archives: what tells them apart is in no table, so a survey says it itself
)
QUANTITIES = (
    "archives",
    "archives_open",
    "decoys",
    "countries",
    "patients",
    PATIENT_IDS,
    "studies",
    "series",
    "images",
    "images_retrievable",
    "ssn_records",
    "http_viewers",
    *(f"kind:{kind}" for kind in Kind),
)
_NOT_MEASURED = {
    "countries": DoubtCode.NO_COUNTRY_DATA,
    "images_retrievable": DoubtCode.NEEDS_PROVE,
}
_OURS = "told WHERE len(decoy) = 0"  # as the view `counted`
_COUNTED = {
    "archives": _OURS,
    "archives_open": f"{_OURS} AND open",
    "decoys": "told WHERE len(decoy) > 0",
    # Archives whose pages a stranger is shown without a login, over plain HTTP.
    "http_viewers": f"{_OURS} AND id IN (SELECT archive FROM heard WHERE viewer <> '' AND tls IS NULL)",
}
_OF_EACH_ARCHIVE = ("patients",)  # added up by definition: whoever is in two archives is in the sum twice

NOT_ENDED = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.SURVEY_NOT_ENDED),))
_NO_IDS = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.NEEDS_PROFILE),))
_OTHERWISE = Total(PATIENT_IDS, None, Provenance.UNKNOWN, doubts=(Doubt(DoubtCode.GROUPED_OTHERWISE),))

# What is asked of all endpoints. Silent ones are most of a sparse network, and are told apart by nothing.
_HEARD = (
    "SELECT if(rung = 'silent', NULL, target) target, protocol, rung, why, conclusive, ending, tls, viewer, archive,"
    " count(*) n FROM endpoints GROUP BY ALL"
)

# What is asked of all archives.
_TOLD = (
    "SELECT id, open, decoy, configuration, endpoints, "
    + ", ".join(f"{q}, {q}_how, {q}_at_least, {q}_doubts, {q}_low, {q}_high" for q in COUNTED)
    + " FROM archives"
)

# A refusal is an answer. A host that was left alone had answered.
_REACHED = "rung <> 'silent' OR ending = 'refused' OR why = 'left-alone'"
# Nothing that answered is closed before that was shown. A depth that asks no question shows it of nobody.
_OPEN_OR_NOT = "rung IS NULL OR (rung <> 'silent' AND (conclusive IS NOT TRUE OR why IN ('not-asked-at-depth', 'needs-personal-data')))"
_UNDECIDED = (
    "FROM heard e LEFT JOIN told a ON a.id = e.archive WHERE NOT coalesce(a.open, false)"
    f" AND len(coalesce(a.decoy, [])) = 0 AND ({_OPEN_OR_NOT.replace('rung', 'e.rung')})"
)
# A page that is shown to a stranger is a viewer, whatever is behind it. What is known to speak DICOM has no page.
_VIEWER_OR_NOT = (
    "FROM heard e LEFT JOIN told a ON a.id = e.archive WHERE len(coalesce(a.decoy, [])) = 0 AND e.viewer = ''"
    " AND (e.rung IS NULL OR (e.rung <> 'silent' AND (e.protocol <> 'dimse' OR e.rung = 'listening')"
    " AND (conclusive IS NOT TRUE OR why = 'not-asked-at-depth')))"
)
_ARCHIVE_OR_NOT = "rung IS NULL OR (rung = 'listening' AND conclusive IS NOT TRUE)"

_TIMES = 2  # of two ways into one archive, the one that shows fewer studies shows at least half of them

Rows = list[dict[str, Any]]


class Tables(Protocol):
    """The views of a dataset."""

    def rows(self, sql: str, *parameters: object) -> Rows: ...

    def hold(self, name: str, select: str) -> None: ...

    def grouping(self) -> str: ...


class Gaps(NamedTuple):
    """What is not known of the hosts of a survey: none of it is zero."""

    unasked: int = 0
    silent: int = 0  # hosts that were asked, if not one of them gave an answer
    archives: int = 0  # hosts of which we could not find out whether an archive is there
    opened: int = 0  # hosts of which we could not find out that, or whether it is open
    viewers: int = 0  # hosts of which we could not find out whether a stranger is shown a viewer
    compared: bool = True  # archives of different hosts were compared, and those that are one are one row

    def doubts(self, undecided: int) -> tuple[Doubt, ...]:
        """Why a number is no more than a lower bound. `undecided` is how many hosts may yet belong to it."""
        hosts = {
            DoubtCode.HOSTS_UNASKED: self.unasked,
            DoubtCode.NOTHING_REACHED: self.silent,
            DoubtCode.HOSTS_UNDECIDED: undecided,
        }
        found = [Doubt(code, {"hosts": n}) for code, n in hosts.items() if n]
        return tuple(found if self.compared else [*found, Doubt(DoubtCode.NOT_COMPARED)])


def gaps(tables: Tables, manifest: Manifest) -> Gaps:
    _hold(tables)
    (row,) = tables.rows(
        f"SELECT (SELECT count(DISTINCT target) FROM endpoints_rows) asked, count(*) FILTER ({_REACHED}) reached,"
        f" count(DISTINCT target) FILTER ({_ARCHIVE_OR_NOT}) archives FROM heard"
    )
    (opened,) = tables.rows(f"SELECT count(DISTINCT target) n, (SELECT count(*) FROM told) archives {_UNDECIDED}")
    (viewers,) = tables.rows(f"SELECT count(DISTINCT target) n {_VIEWER_OR_NOT}")
    compared = manifest.state in ("done", "nothing-reached") or manifest.compared or opened["archives"] < 2
    return Gaps(
        unasked=max(0, manifest.hosts - row["asked"]),
        silent=0 if row["reached"] else row["asked"],
        archives=row["archives"],
        opened=opened["n"],
        viewers=viewers["n"],
        compared=compared,
    )


def _hold(tables: Tables) -> None:
    tables.hold("heard", _HEARD)
    tables.hold("told", _TOLD)


def undecided(tables: Tables) -> list[str]:
    """The targets that were asked, and of which we could not find out whether they are archives, or open."""
    _hold(tables)
    return [str(row["target"]) for row in tables.rows(f"SELECT DISTINCT target {_UNDECIDED} ORDER BY target")]


def unreached(tables: Tables) -> bool:
    """Whether hosts were asked, and none gave any answer: that says as much of our own line as of them."""
    tables.hold("heard", _HEARD)
    (row,) = tables.rows(f"SELECT count(*) asked, count(*) FILTER ({_REACHED}) reached FROM heard")
    return bool(row["asked"]) and not row["reached"]


def outcomes(tables: Tables) -> dict[str, int]:
    """Endpoints by rung; `unknown` where we could not find out."""
    tables.hold("heard", _HEARD)
    found = tables.rows("SELECT coalesce(rung, 'unknown') rung, sum(n)::BIGINT n FROM heard GROUP BY 1")
    return {str(row["rung"]): int(row["n"]) for row in found}


def totals(tables: Tables, manifest: Manifest) -> tuple[Total, ...]:
    """The quantities of a survey. `manifest` has its state, its depth and what the run found out of patients' ids."""
    return tuple(_Totals(tables, manifest).each())


class _Totals:
    def __init__(self, tables: Tables, manifest: Manifest) -> None:
        self._tables, self._manifest = tables, manifest
        self._gaps = gaps(tables, manifest)
        self._unsure = list(_unsure(tables, self._gaps))
        self._perhaps = _Perhaps(tables)
        opened = self._perhaps.among(_COUNTED["archives_open"])
        # What overlaps by links holds each of its studies once in a sum, whether it is one archive or several.
        self._overlaps = [*_overlaps(tables), *self._perhaps.one(opened, linked=False)]
        self._doubles = list(self._perhaps.one(opened))
        self._kinds = self._of_kinds()

    def each(self) -> Iterator[Total]:
        for quantity in QUANTITIES:
            if code := _NOT_MEASURED.get(quantity):
                yield Total(quantity, None, Provenance.UNKNOWN, doubts=(Doubt(code),))
            elif quantity == PATIENT_IDS:
                yield self._patient_ids(self._manifest.patient_ids)
            elif select := _COUNTED.get(quantity):
                yield self._count(quantity, select)
            else:
                yield self._sum(quantity)

    def _count(self, quantity: str, select: str) -> Total:
        (row,) = self._tables.rows(
            f"SELECT count(*) n, count(*) FILTER (id NOT IN (SELECT unnest(?::VARCHAR[]))) sure FROM {select}",
            self._unsure,
        )
        total = Total(quantity, row["n"], Provenance.COUNTED)
        undecided = {"archives_open": self._gaps.opened, "http_viewers": self._gaps.viewers}
        doubts = self._gaps.doubts(undecided.get(quantity, self._gaps.archives))
        if doubts:
            total = _bounded(total, at_least=row["sure"], doubts=doubts)
        return self._perhaps.bounded(total, self._perhaps.among(select))

    def _patient_ids(self, found: PatientIds | None) -> Total:
        if not Depth(self._manifest.scope.depth).reaches(Depth.PROFILE):
            return _NO_IDS
        if found is None:
            return NOT_ENDED
        if found.grouping != self._tables.grouping():
            return _OTHERWISE
        return _lowered(found.total, self._gaps.doubts(self._gaps.opened))

    def _sum(self, quantity: str) -> Total:
        groups = self._kinds.get(quantity, []) if quantity.startswith("kind:") else self._quantity(quantity)
        parts = {str(g["how"]): int(g["total"] or 0) for g in groups if g["how"] != Provenance.UNKNOWN}
        unknown = next((g for g in groups if g["how"] == Provenance.UNKNOWN), None)
        doubts = self._gaps.doubts(self._gaps.opened)
        sure = sum(int(g["sure"] or 0) for g in groups)
        total = _known(quantity, parts, groups, sure)
        if unknown is not None:
            doubts += decode_doubts(unknown["doubts"]) or (Doubt(DoubtCode.NEEDS_PROFILE),)
            total = _bounded(total, unknown_archives=int(unknown["n"]), at_least=sure, doubts=doubts)
        elif doubts:
            total = _bounded(total, at_least=sure, doubts=doubts)
        return self._once(total)

    def _once(self, total: Total) -> Total:
        """What archives that overlap hold is counted once, or the total is between two bounds."""
        for overlap in self._doubles if total.quantity in _OF_EACH_ARCHIVE else self._overlaps:
            total = _without(total, overlap, self._sizes(total.quantity, overlap.archives))
        return total

    def _sizes(self, quantity: str, archives: Sequence[str]) -> list[int]:
        """What these archives hold at least."""
        if quantity.startswith("kind:"):
            select = f"SELECT {_SURE_OF_A_KIND} sure FROM kinds WHERE kind = ? AND archive IN (SELECT unnest(?::VARCHAR[])) AND NOT list_contains(?, archive)"
            found = self._tables.rows(select, quantity.removeprefix("kind:"), list(archives), self._unsure)
        else:
            select = f"SELECT {_sure(quantity)} sure FROM {_OURS} AND id IN (SELECT unnest(?::VARCHAR[])) AND NOT list_contains(?, id)"
            found = self._tables.rows(select, list(archives), self._unsure)
        return [int(row["sure"]) for row in found]

    def _quantity(self, quantity: str) -> Rows:
        """By origin: open archives, the sum, what of it is sure, an interval, and a reason."""
        return self._tables.rows(
            f"SELECT {quantity}_how how, count(*) n, sum({quantity}) total, min({quantity}_doubts) doubts, "
            f"sum({_sure(quantity)}) FILTER (id NOT IN (SELECT unnest(?::VARCHAR[]))) sure, "
            f"sum(coalesce({quantity}_low, {quantity})) low, sum(coalesce({quantity}_high, {quantity})) high "
            f"FROM {_OURS} AND open GROUP BY 1 ORDER BY 1",
            self._unsure,
        )

    def _of_kinds(self) -> Mapping[str, Rows]:
        """The same for each kind of personal data, by its quantity."""
        found: dict[str, Rows] = {}
        for row in self._tables.rows(
            "SELECT wanted, coalesce(how, 'unknown') how, count(*) n, sum(records) total, min(doubts) doubts, "
            f"sum({_SURE_OF_A_KIND}) FILTER (id NOT IN (SELECT unnest(?::VARCHAR[]))) sure, "
            "sum(coalesce(low, records)) low, sum(coalesce(high, records)) high "
            f"FROM (SELECT id FROM {_OURS} AND open) CROSS JOIN (SELECT unnest(?::VARCHAR[]) wanted) "
            "LEFT JOIN kinds ON archive = id AND kind = wanted GROUP BY 1, 2 ORDER BY 1, 2",
            self._unsure,
            list(map(str, Kind)),
        ):
            found.setdefault(f"kind:{row['wanted']}", []).append(row)
        return found


def _sure(quantity: str) -> str:
    """As SQL: what one archive holds at least. An estimate is no bound."""
    return (
        f"CASE WHEN {quantity}_how IN ('counted', 'reported') THEN {quantity} ELSE coalesce({quantity}_at_least, 0) END"
    )


_SURE_OF_A_KIND = "CASE WHEN how IN ('counted', 'reported') THEN records ELSE coalesce(at_least, 0) END"


def _known(quantity: str, parts: dict[str, int], groups: Rows, sure: int) -> Total:
    """The sum of what is known, as if that were all."""
    estimated = Provenance.ESTIMATED in parts
    low, high = _ends(groups) if estimated else (None, None)
    how = Provenance(next(iter(parts), Provenance.COUNTED))
    if len(parts) > 1:  # a sum is no better than the worst of its parts
        how = Provenance.ESTIMATED if estimated else Provenance.MIXED
    return Total(
        quantity,
        sum(parts.values()),
        how,
        parts if len(parts) > 1 else {},
        at_least=sure if estimated else None,
        low=low,
        high=high,
    )


def _bounded(
    total: Total, *, at_least: int, doubts: tuple[Doubt, ...], unknown_archives: int = 0, at_most: int | None = None
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
        at_least=at_least,
        doubts=doubts,
        at_most=at_most,
    )


def _lowered(total: Total, doubts: tuple[Doubt, ...]) -> Total:
    """A total to which more may belong."""
    if not doubts:
        return total
    sure = total.measured if total.how is Provenance.COUNTED else total.at_least
    return _bounded(total, at_least=sure or 0, doubts=doubts + total.doubts, unknown_archives=total.unknown_archives)


def _ends(groups: Rows) -> tuple[int | None, int | None]:
    """The interval of a sum, as if all estimates in it erred alike."""
    low, high = ([g[end] for g in groups] for end in ("low", "high"))
    if None in low or None in high:
        return None, None
    return sum(map(int, low)), sum(map(int, high))


class Overlap(NamedTuple):
    """Open archives that hold some of the same studies and are not one, or of which nothing shows whether they are one."""

    archives: tuple[str, ...]
    shared: int = 0  # studies that are surely in more than one of them, and are in the sum too often
    exact: bool = False  # it is all that they share
    code: DoubtCode = DoubtCode.OVERLAP


def _overlaps(tables: Tables) -> Iterator[Overlap]:
    """By links that were measured. Of three archives or more, the shared studies are those of the best chain of pairs."""
    way = f"(SELECT id, studies, studies_how, unnest(endpoints) way FROM {_OURS} AND open)"
    pairs = tables.rows(
        f"SELECT a.id one, b.id other, max(shared) shared, bool_or(coalesce(sampled = a.studies + b.studies - shared, false)"
        f" AND a.studies_how = 'counted' AND b.studies_how = 'counted') exact FROM links JOIN {way} a ON a.way = one"
        f" JOIN {way} b ON b.way = other WHERE shared > 0 AND a.id <> b.id GROUP BY ALL ORDER BY shared DESC, one, other"
    )
    exact = {frozenset((pair["one"], pair["other"])) for pair in pairs if pair["exact"]}
    for members, chain in _connected(pairs):
        whole = len(members) == 2 and frozenset(members) in exact
        yield Overlap(members, sum(pair["shared"] for pair in chain), whole)


_NO_COPY = f"NOT list_contains(coalesce(decoy, []), '{Decoy.CLUSTER}')"


class _Perhaps:
    """Archives of which nothing shows whether they are one, or several.

    At one host, the judge says so. At two, they hold the same few studies: these may be samples that came with software.
    """

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        rows = tables.rows(
            "SELECT id, perhaps_same, perhaps_more FROM archives_known"
            " WHERE len(coalesce(perhaps_same, [])) > 0 OR coalesce(perhaps_more, 0) > 0 ORDER BY id"
        )
        same_as = {str(r["archive"]): str(r["same_as"]) for r in tables.rows("FROM reviews WHERE same_as IS NOT NULL")}
        self._pairs: Rows = []
        self._more: dict[str, int] = {}
        for row in rows:
            one = same_as.get(str(row["id"]), str(row["id"]))
            self._more[one] = self._more.get(one, 0) + (row["perhaps_more"] or 0)
            self._pairs += [{"one": one, "other": same_as.get(name, name)} for name in row["perhaps_same"] or ()]

        # What was found to be copies of one another is not one.
        self._linked = tables.rows(
            f"WITH ways AS (SELECT id, unnest(endpoints) way FROM told WHERE {_NO_COPY}) SELECT DISTINCT a.id one, b.id other FROM links"
            " JOIN ways a ON a.way = one JOIN ways b ON b.way = other WHERE shared > 0 AND shared = sampled AND a.id <> b.id"
        )

        self._names = [*self._more, *(pair[end] for pair in (*self._pairs, *self._linked) for end in ("one", "other"))]

    def among(self, select: str) -> Set[str]:
        """Of the archives in question, those that `select` has."""
        if not self._names:
            return frozenset()
        rows = self._tables.rows(
            f"SELECT id FROM (SELECT id FROM {select}) WHERE id IN (SELECT unnest(?::VARCHAR[]))", self._names
        )
        return {str(row["id"]) for row in rows}

    def one(self, ids: Set[str], *, linked: bool = True) -> Iterator[Overlap]:
        """Of these archives, those of which nothing shows whether they are one. `linked`: also by links of two hosts."""
        found = [*self._pairs, *self._linked] if linked else self._pairs
        pairs = [pair for pair in found if pair["one"] != pair["other"] and ids >= {pair["one"], pair["other"]}]
        for members, _ in _connected(pairs):
            yield Overlap(members, code=DoubtCode.PERHAPS_ONE)

    def bounded(self, total: Total, ids: Set[str]) -> Total:
        """How many these archives are: `total`, or between two bounds."""
        groups = [len(overlap.archives) for overlap in self.one(ids)]
        more = sum(n for name, n in self._more.items() if name in ids)
        if not groups and not more:
            return total
        sure, most = (total.at_least or 0, None) if total.measured is None else (total.measured, total.measured)
        numbers = {DoubtCode.PERHAPS_ONE: sum(groups), DoubtCode.PERHAPS_MORE: more}
        doubts = tuple(Doubt(code, {"archives": n}) for code, n in numbers.items() if n)
        return _bounded(
            total,
            at_least=max(0, sure - sum(groups) + len(groups)),
            at_most=None if most is None else most + more,
            doubts=total.doubts + doubts,
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


def _without(total: Total, overlap: Overlap, sizes: Sequence[int]) -> Total:
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
    return _bounded(
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


def _unsure(tables: Tables, gaps: Gaps) -> Iterator[str]:
    """Archives that may yet turn out to be another way into one, or copies that are bait: no lower bound has them."""
    if not gaps.compared:
        yield from _maybe_another(tables)
    if gaps.unasked or not gaps.compared:
        for row in tables.rows(
            f"SELECT id FROM {_OURS} AND configuration IN"
            f" (SELECT configuration FROM {_OURS} AND configuration <> '' GROUP BY 1 HAVING count(*) > 1)"
        ):
            yield str(row["id"])


def _maybe_another(tables: Tables) -> Iterator[str]:
    """Of archives whose sizes allow that they are one, all but the largest."""
    rows = tables.rows(
        f"SELECT id, studies FROM {_OURS} AND open AND studies_how IN ('counted', 'reported') ORDER BY studies DESC, id"
    )
    for larger, smaller in pairwise(rows):
        if smaller["studies"] * _TIMES >= larger["studies"]:
            yield str(smaller["id"])
